# SPDX-License-Identifier: Apache-2.0
"""Comments of codecommit through boto3: on commits and pull requests, replies, places, reactions."""
import uuid

import botocore.exceptions
import pytest

UNKNOWN = "0123456789012345678901234567890123456789"
NO_COMMENT = "00000000-0000-0000-0000-000000000000:00000000-0000-0000-0000-000000000000"


def exception(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    return e.value.response["Error"]["Code"].removesuffix("Exception")


@pytest.fixture
def cc(shared_server):
    return shared_server.client("codecommit", parameter_validation=False)


class Repo:
    """Two commits, the second on branch feature, and a pull request of it."""

    def __init__(self, cc):
        self.cc, self.name = cc, "c-" + uuid.uuid4().hex[:8]
        cc.create_repository(repositoryName=self.name)
        self.before = cc.put_file(repositoryName=self.name, branchName="main", filePath="a",
                                  fileContent=b"1\n2\n3\n")["commitId"]
        cc.create_branch(repositoryName=self.name, branchName="feature", commitId=self.before)
        self.after = cc.put_file(repositoryName=self.name, branchName="feature", filePath="a", fileContent=b"1\n2\n",
                                 parentCommitId=self.before)["commitId"]
        self.pull = cc.create_pull_request(title="t", targets=[{
            "repositoryName": self.name, "sourceReference": "feature"}])["pullRequest"]["pullRequestId"]
        self.commits = {"repositoryName": self.name, "beforeCommitId": self.before, "afterCommitId": self.after}

    def post(self, content="text", **more):
        return self.cc.post_comment_for_compared_commit(**{**self.commits, "content": content, **more})

    def post_pull(self, content="text", **more):
        return self.cc.post_comment_for_pull_request(
            **{**self.commits, "pullRequestId": self.pull, "content": content, **more})


@pytest.fixture
def repo(cc):
    return Repo(cc)


def at(line, version="AFTER", path="a"):
    return {"filePath": path, "filePosition": line, "relativeFileVersion": version}


def test_comments_on_commits(cc, repo, shared_server):
    first = repo.post("first", location=at(2))
    assert first["location"] == at(2) and first["repositoryName"] == repo.name
    blob = cc.get_file(repositoryName=repo.name, filePath="a", commitSpecifier="feature")["blobId"]
    assert first["afterBlobId"] == blob != first["beforeBlobId"]
    comment = first["comment"]
    assert comment["authorArn"] == f"arn:aws:iam::{shared_server.account}:root"
    assert comment["content"] == "first" and comment["deleted"] is False
    assert comment["reactionCounts"] == {} and comment["callerReactions"] == []
    assert cc.get_comment(commentId=comment["commentId"])["comment"] == comment
    whole = repo.post("of all")["comment"]
    reply = cc.post_comment_reply(inReplyTo=comment["commentId"], content="reply")["comment"]
    assert reply["inReplyTo"] == comment["commentId"]
    same = repo.post("same place", location=at(2))["comment"]
    got = cc.get_comments_for_compared_commit(**repo.commits)["commentsForComparedCommitData"]
    assert [[c["commentId"] for c in g["comments"]] for g in got] == [
        [c["commentId"] for c in (comment, reply, same)], [whole["commentId"]]]
    assert got[0]["location"] == at(2) and "location" not in got[1]
    page = cc.get_comments_for_compared_commit(**repo.commits, maxResults=1)
    rest = cc.get_comments_for_compared_commit(**repo.commits, maxResults=1, nextToken=page["nextToken"])
    assert page["commentsForComparedCommitData"] + rest["commentsForComparedCommitData"] == got
    assert cc.get_comments_for_compared_commit(
        repositoryName=repo.name, afterCommitId=repo.after)["commentsForComparedCommitData"] == []


def test_requests_are_checked(cc, repo):
    def fails(**more):
        return exception(repo.post, **more)

    assert fails(content="") == "CommentContentRequired"
    assert fails(content="c" * 10241) == "CommentContentSizeLimitExceeded"
    assert fails(afterCommitId=UNKNOWN) == "CommitDoesNotExist"
    assert fails(afterCommitId="x") == "InvalidCommitId"
    assert fails(beforeCommitId=repo.after) == "BeforeCommitIdAndAfterCommitIdAreSame"
    assert fails(location=at(3)) == "InvalidFilePosition"
    assert fails(location=at(1, path="none")) == "PathDoesNotExist"
    assert fails(location=at(1, path="/a")) == "InvalidPath"
    assert fails(location=at(1, "LATER")) == "InvalidRelativeFileVersionEnum"
    assert fails(location={"filePosition": 1}) == "InvalidFileLocation"
    repo.post(location=at(3, "BEFORE"))
    assert exception(cc.post_comment_reply, content="x") == "CommentIdRequired"
    assert exception(cc.post_comment_reply, content="x", inReplyTo="x") == "InvalidCommentId"
    assert exception(cc.post_comment_reply, content="x", inReplyTo=NO_COMMENT) == "CommentDoesNotExist"
    assert exception(cc.get_comment, commentId=NO_COMMENT) == "CommentDoesNotExist"
    assert exception(cc.get_comments_for_compared_commit, **repo.commits, maxResults=501) == "InvalidMaxResults"
    for unknown in ({"afterCommitId": UNKNOWN}, {"beforeCommitId": UNKNOWN}):
        asked = {**repo.commits, **unknown}
        assert exception(cc.get_comments_for_compared_commit, **asked) == "CommitDoesNotExist"
        assert exception(cc.get_comments_for_pull_request, pullRequestId=repo.pull, **asked) == "CommitDoesNotExist"


def test_client_tokens(cc, repo):
    token = uuid.uuid4().hex
    first = repo.post(clientRequestToken=token)["comment"]
    assert repo.post(clientRequestToken=token)["comment"] == first
    assert exception(repo.post, content="else", clientRequestToken=token) == "IdempotencyParameterMismatch"


def test_comments_on_pull_requests(cc, repo):
    comment = repo.post_pull(location=at(1))
    assert comment["pullRequestId"] == repo.pull
    cc.post_comment_reply(inReplyTo=comment["comment"]["commentId"], content="reply")
    cc.update_pull_request_status(pullRequestId=repo.pull, pullRequestStatus="CLOSED")
    repo.post_pull("late")  # closed ones can be talked about
    got = cc.get_comments_for_pull_request(pullRequestId=repo.pull)["commentsForPullRequestData"]
    assert [[c["content"] for c in g["comments"]] for g in got] == [["text", "reply"], ["late"]]
    assert got[0]["pullRequestId"] == repo.pull and got[0]["repositoryName"] == repo.name
    assert cc.get_comments_for_pull_request(pullRequestId=repo.pull, **repo.commits
                                            )["commentsForPullRequestData"] == got
    swapped = {**repo.commits, "beforeCommitId": repo.after, "afterCommitId": repo.before}
    assert cc.get_comments_for_pull_request(pullRequestId=repo.pull, **swapped)["commentsForPullRequestData"] == []
    assert exception(cc.get_comments_for_pull_request, pullRequestId=repo.pull,
                     repositoryName=repo.name) == "CommitIdRequired"
    assert exception(cc.get_comments_for_pull_request, pullRequestId="999999") == "PullRequestDoesNotExist"
    other = Repo(cc)
    assert exception(other.post_pull, pullRequestId=repo.pull) == "RepositoryNotAssociatedWithPullRequest"
    assert cc.get_comments_for_compared_commit(**repo.commits)["commentsForComparedCommitData"] == []


def test_changes(cc, repo, shared_server):
    comment = repo.post()["comment"]["commentId"]
    keys = shared_server.user("u-" + repo.name, {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"})
    other = shared_server.client("codecommit", keys=keys)
    assert exception(other.update_comment, commentId=comment, content="x") == "CommentNotCreatedByCaller"
    assert cc.update_comment(commentId=comment, content="new")["comment"]["content"] == "new"
    reply = cc.post_comment_reply(inReplyTo=comment, content="reply")["comment"]["commentId"]
    gone = other.delete_comment_content(commentId=comment)["comment"]
    assert gone["deleted"] is True and "content" not in gone
    for call in cc.delete_comment_content, cc.get_comment, cc.get_comment_reactions:
        assert exception(call, commentId=comment) == "CommentDeleted"
    assert exception(cc.update_comment, commentId=comment, content="x") == "CommentDeleted"
    got, = cc.get_comments_for_compared_commit(**repo.commits)["commentsForComparedCommitData"]
    assert [(c["commentId"], c["deleted"]) for c in got["comments"]] == [(comment, True), (reply, False)]


def test_reactions(cc, repo, shared_server):
    comment = repo.post()["comment"]["commentId"]
    root = f"arn:aws:iam::{shared_server.account}:root"
    name = "r-" + repo.name
    keys = shared_server.user(name, {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"})
    other = shared_server.client("codecommit", keys=keys)
    for value in "👍", ":heart:", "U+1F44D":  # a new one takes the old one's place
        cc.put_comment_reaction(commentId=comment, reactionValue=value)
    other.put_comment_reaction(commentId=comment, reactionValue=":sob:")
    got = cc.get_comment_reactions(commentId=comment)["reactionsForComment"]
    assert got[0] == {"reaction": {"emoji": "👍", "shortCode": ":thumbsup:", "unicode": "U+1F44D"},
                      "reactionUsers": [root], "reactionsFromDeletedUsersCount": 0}
    assert [r["reaction"]["shortCode"] for r in got] == [":thumbsup:", ":sob:"]
    assert cc.get_comment_reactions(commentId=comment, reactionUserArn=root)["reactionsForComment"] == got[:1]
    page = cc.get_comment_reactions(commentId=comment, maxResults=1)
    assert cc.get_comment_reactions(commentId=comment, nextToken=page["nextToken"])["reactionsForComment"] == got[1:]
    told = cc.get_comment(commentId=comment)["comment"]
    assert told["reactionCounts"] == {":thumbsup:": 1, ":sob:": 1} and told["callerReactions"] == [":thumbsup:"]
    cc.put_comment_reaction(commentId=comment, reactionValue="none")
    assert cc.get_comment(commentId=comment)["comment"]["reactionCounts"] == {":sob:": 1}
    assert exception(cc.put_comment_reaction, commentId=comment) == "ReactionValueRequired"
    assert exception(cc.put_comment_reaction, commentId=comment, reactionValue=":no:") == "InvalidReactionValue"
    assert exception(cc.get_comment_reactions, commentId=comment, reactionUserArn="x") == "InvalidReactionUserArn"


def test_permissions(cc, repo, shared_server):
    """A comment is authorized on its repository."""
    mine, other = repo.post()["comment"]["commentId"], Repo(cc).post()["comment"]["commentId"]
    arn = cc.get_repository(repositoryName=repo.name)["repositoryMetadata"]["Arn"]
    keys = shared_server.user("p-" + repo.name, {"Effect": "Allow", "Action": "codecommit:*", "Resource": arn})
    user = shared_server.client("codecommit", keys=keys)
    assert user.get_comment(commentId=mine)["comment"]["content"] == "text"
    assert exception(user.get_comment, commentId=other) == "AccessDenied"
    assert exception(user.post_comment_reply, inReplyTo=other, content="x") == "AccessDenied"
    cc.delete_repository(repositoryName=repo.name)
    assert exception(cc.get_comment, commentId=mine) == "CommentDoesNotExist"
