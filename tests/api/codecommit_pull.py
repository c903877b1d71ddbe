# SPDX-License-Identifier: Apache-2.0
"""Pull requests of codecommit through boto3: their life, revisions, merges, approvals, rules and templates."""
import json
import uuid

import botocore.exceptions
import pytest
from receivers import HttpReceiver

UNKNOWN = "0123456789012345678901234567890123456789"


def exception(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    return e.value.response["Error"]["Code"].removesuffix("Exception")


def rule(needed, pool=None, **more):
    statement = {"Type": "Approvers", "NumberOfApprovalsNeeded": needed}
    if pool:
        statement["ApprovalPoolMembers"] = pool
    return json.dumps({"Version": "2018-11-08", "Statements": [statement], **more})


@pytest.fixture
def cc(shared_server):
    return shared_server.client("codecommit", parameter_validation=False)


@pytest.fixture(scope="module")
def people(shared_server):
    """Two users who may do all of codecommit: name -> (client, ARN)."""
    out = {}
    for name in "ann", "bob":
        user = f"{name}-{uuid.uuid4().hex[:6]}"
        keys = shared_server.user(user, {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"})
        client = shared_server.client("codecommit", keys=keys, parameter_validation=False)
        out[name] = client, f"arn:aws:iam::{shared_server.account}:user/{user}"
    return out


class Pull:
    """A repository whose branch feature is one commit ahead of main, and a pull request for it."""

    def __init__(self, cc, base=None, **more):
        self.cc, self.repo = cc, "p-" + uuid.uuid4().hex[:8]
        cc.create_repository(repositoryName=self.repo)
        self.put("main", "a", b"1\n")
        cc.create_branch(repositoryName=self.repo, branchName="feature", commitId=self.tip("main"))
        self.put("feature", "b", b"1\n")
        if base:
            base(self.repo)
        self.made = cc.create_pull_request(title="Add b", targets=[{
            "repositoryName": self.repo, "sourceReference": "feature"}], **more)["pullRequest"]
        self.id = self.made["pullRequestId"]

    def tip(self, branch):
        return self.cc.get_branch(repositoryName=self.repo, branchName=branch)["branch"]["commitId"]

    def put(self, branch, path, content):
        try:
            more = {"parentCommitId": self.tip(branch)}
        except botocore.exceptions.ClientError:
            more = {}
        return self.cc.put_file(repositoryName=self.repo, branchName=branch, filePath=path, fileContent=content,
                                **more)["commitId"]

    def get(self):
        return self.cc.get_pull_request(pullRequestId=self.id)["pullRequest"]

    def target(self):
        return self.get()["pullRequestTargets"][0]

    def revision(self):
        return {"pullRequestId": self.id, "revisionId": self.get()["revisionId"]}

    def events(self, **more):
        return self.cc.describe_pull_request_events(pullRequestId=self.id, **more)["pullRequestEvents"]

    def kinds(self):
        return [e["pullRequestEventType"].removeprefix("PULL_REQUEST_") for e in self.events()]


@pytest.fixture
def pull(cc):
    return Pull(cc)


# ---- life ----

def test_creation(cc, pull, shared_server):
    made = pull.made
    assert made["pullRequestStatus"] == "OPEN" and made["title"] == "Add b"
    assert made["authorArn"] == f"arn:aws:iam::{shared_server.account}:root"
    assert len(made["revisionId"]) == 64 and made["approvalRules"] == []
    target, = made["pullRequestTargets"]
    assert target == {
        "repositoryName": pull.repo, "sourceReference": "refs/heads/feature", "destinationReference": "refs/heads/main",
        "sourceCommit": pull.tip("feature"), "destinationCommit": pull.tip("main"), "mergeBase": pull.tip("main"),
        "mergeMetadata": {"isMerged": False}}
    assert pull.get() == made
    event, = pull.events()
    assert event["pullRequestCreatedEventMetadata"] == {
        "repositoryName": pull.repo, "sourceCommitId": pull.tip("feature"), "destinationCommitId": pull.tip("main"),
        "mergeBase": pull.tip("main")}


def test_creation_is_checked(cc, pull):
    def fails(title="t", **target):
        return exception(cc.create_pull_request, title=title, targets=[
            {"repositoryName": pull.repo, "sourceReference": "feature", **target}])

    cc.create_branch(repositoryName=pull.repo, branchName="z", commitId=pull.tip("main"))
    assert fails(title="") == "TitleRequired"
    assert fails(title="t" * 151) == "InvalidTitle"
    assert fails(repositoryName="none-such") == "RepositoryDoesNotExist"
    assert fails(sourceReference="") == "ReferenceNameRequired"
    assert fails(sourceReference="none") == "ReferenceDoesNotExist"
    assert fails(sourceReference="a..b") == "InvalidReferenceName"
    assert fails(sourceReference="main") == "SourceAndDestinationAreSame"
    assert fails(sourceReference="refs/heads/main") == "SourceAndDestinationAreSame"
    assert exception(cc.create_pull_request, title="t") == "TargetsRequired"
    assert exception(cc.create_pull_request, title="t", description="d" * 10241, targets=[]) == "InvalidDescription"
    two = [{"repositoryName": pull.repo, "sourceReference": b} for b in ("feature", "z")]
    assert exception(cc.create_pull_request, title="t", targets=two) == "InvalidTargets"
    two[1]["repositoryName"] = "other"
    assert exception(cc.create_pull_request, title="t", targets=two) == "MultipleRepositoriesInPullRequest"
    assert exception(cc.get_pull_request) == "PullRequestIdRequired"
    assert exception(cc.get_pull_request, pullRequestId="x") == "InvalidPullRequestId"
    assert exception(cc.get_pull_request, pullRequestId="999999") == "PullRequestDoesNotExist"


def test_client_tokens(cc):
    token = uuid.uuid4().hex
    pull = Pull(cc, clientRequestToken=token)
    again = {"title": "Add b", "clientRequestToken": token,
             "targets": [{"repositoryName": pull.repo, "sourceReference": "feature"}]}
    assert cc.create_pull_request(**again)["pullRequest"]["pullRequestId"] == pull.id
    assert exception(cc.create_pull_request, **{**again, "title": "else"}) == "IdempotencyParameterMismatch"


def test_changes(cc, pull):
    got = cc.update_pull_request_title(pullRequestId=pull.id, title="Other")["pullRequest"]
    assert got["title"] == "Other" and got["lastActivityDate"] >= got["creationDate"]
    got = cc.update_pull_request_description(pullRequestId=pull.id, description="Why")["pullRequest"]
    assert got["description"] == "Why"
    assert exception(cc.update_pull_request_status, pullRequestId=pull.id) == "PullRequestStatusRequired"
    assert exception(cc.update_pull_request_status, pullRequestId=pull.id,
                     pullRequestStatus="X") == "InvalidPullRequestStatus"
    cc.update_pull_request_status(pullRequestId=pull.id, pullRequestStatus="OPEN")
    for _ in range(2):
        got = cc.update_pull_request_status(pullRequestId=pull.id, pullRequestStatus="CLOSED")["pullRequest"]
        assert got["pullRequestStatus"] == "CLOSED"
    assert got["pullRequestTargets"][0]["mergeMetadata"] == {"isMerged": False}
    assert exception(cc.update_pull_request_status, pullRequestId=pull.id,
                     pullRequestStatus="OPEN") == "InvalidPullRequestStatusUpdate"
    assert exception(cc.update_pull_request_title, pullRequestId=pull.id, title="t") == "PullRequestAlreadyClosed"
    assert exception(cc.merge_pull_request_by_squash, pullRequestId=pull.id,
                     repositoryName=pull.repo) == "PullRequestAlreadyClosed"
    assert pull.kinds() == ["CREATED", "STATUS_CHANGED"]


def test_lists(cc, pull, people):
    ann, arn = people["ann"]
    more = [ann.create_pull_request(title=t, targets=[{"repositoryName": pull.repo, "sourceReference": "feature"}])
            ["pullRequest"]["pullRequestId"] for t in "xy"]
    cc.update_pull_request_status(pullRequestId=more[0], pullRequestStatus="CLOSED")

    def ids(**filters):
        return cc.list_pull_requests(repositoryName=pull.repo, **filters)["pullRequestIds"]

    assert ids() == [more[1], more[0], pull.id]
    assert ids(pullRequestStatus="OPEN") == [more[1], pull.id]
    assert ids(authorArn=arn) == [more[1], more[0]]
    first = cc.list_pull_requests(repositoryName=pull.repo, pullRequestStatus="OPEN", maxResults=1)
    assert first["pullRequestIds"] == [more[1]]
    last = cc.list_pull_requests(repositoryName=pull.repo, pullRequestStatus="OPEN", maxResults=1,
                                 nextToken=first["nextToken"])
    assert last["pullRequestIds"] == [pull.id] and "nextToken" not in last
    page = cc.list_pull_requests(repositoryName=pull.repo, maxResults=2)
    assert page["pullRequestIds"] == more[::-1] and ids(nextToken=page["nextToken"]) == [pull.id]
    assert exception(cc.list_pull_requests, repositoryName=pull.repo,
                     pullRequestStatus="X") == "InvalidPullRequestStatus"
    assert exception(cc.list_pull_requests, repositoryName=pull.repo, authorArn="ann") == "InvalidAuthorArn"
    assert exception(cc.list_pull_requests, repositoryName=pull.repo, maxResults=0) == "InvalidMaxResults"
    assert exception(cc.describe_pull_request_events, pullRequestId=pull.id,
                     pullRequestEventType="X") == "InvalidPullRequestEventType"


# ---- branches that move ----

def test_revisions_follow_the_source(cc, pull):
    before = pull.get()
    commit = pull.put("feature", "c", b"1\n")
    after = pull.get()
    assert after["revisionId"] != before["revisionId"]
    assert after["pullRequestTargets"][0]["sourceCommit"] == commit
    event, = pull.events(pullRequestEventType="PULL_REQUEST_SOURCE_REFERENCE_UPDATED")
    assert event["pullRequestSourceReferenceUpdatedEventMetadata"] == {
        "repositoryName": pull.repo, "beforeCommitId": before["pullRequestTargets"][0]["sourceCommit"],
        "afterCommitId": commit, "mergeBase": pull.tip("main")}
    pull.put("main", "d", b"1\n")
    assert pull.get()["revisionId"] == after["revisionId"]


def test_deleted_branches_close(cc, pull):
    cc.delete_branch(repositoryName=pull.repo, branchName="feature")
    assert pull.get()["pullRequestStatus"] == "CLOSED"
    assert pull.target()["mergeMetadata"] == {"isMerged": False}
    assert pull.kinds() == ["CREATED", "STATUS_CHANGED"]


def test_a_fast_forward_elsewhere_merges(cc, pull):
    cc.create_pull_request_approval_rule(pullRequestId=pull.id, approvalRuleName="r", approvalRuleContent=rule(1))
    cc.merge_branches_by_fast_forward(repositoryName=pull.repo, sourceCommitSpecifier="feature",
                                      destinationCommitSpecifier="main")
    merged = pull.target()["mergeMetadata"]
    assert merged["isMerged"] is True and merged["mergeOption"] == "FAST_FORWARD_MERGE"
    assert pull.get()["pullRequestStatus"] == "CLOSED"
    assert pull.kinds()[-2:] == ["MERGE_STATE_CHANGED", "STATUS_CHANGED"]


def test_deleted_repositories_take_theirs_along(cc, pull):
    cc.delete_repository(repositoryName=pull.repo)
    assert exception(cc.get_pull_request, pullRequestId=pull.id) == "PullRequestDoesNotExist"


# ---- merges ----

def test_fast_forward(cc, pull):
    merge = {"pullRequestId": pull.id, "repositoryName": pull.repo}
    assert exception(cc.merge_pull_request_by_fast_forward, **merge,
                     sourceCommitId=pull.tip("main")) == "TipOfSourceReferenceIsDifferent"
    assert exception(cc.merge_pull_request_by_fast_forward, **merge, sourceCommitId="x") == "InvalidCommitId"
    other = Pull(cc)
    assert exception(cc.merge_pull_request_by_fast_forward, pullRequestId=pull.id,
                     repositoryName=other.repo) == "RepositoryNotAssociatedWithPullRequest"
    got = cc.merge_pull_request_by_fast_forward(**merge, sourceCommitId=pull.tip("feature"))["pullRequest"]
    assert got["pullRequestStatus"] == "CLOSED"
    assert got["pullRequestTargets"][0]["mergeMetadata"] == {
        "isMerged": True, "mergedBy": got["authorArn"], "mergeCommitId": pull.tip("feature"),
        "mergeOption": "FAST_FORWARD_MERGE"}
    assert pull.tip("main") == pull.tip("feature")
    assert pull.kinds() == ["CREATED", "MERGE_STATE_CHANGED", "STATUS_CHANGED"]


def test_squash_and_three_way(cc):
    squash, three = Pull(cc), Pull(cc)
    for pull in squash, three:
        pull.put("main", "c", b"1\n")
        assert exception(cc.merge_pull_request_by_fast_forward, pullRequestId=pull.id,
                         repositoryName=pull.repo) == "ManualMergeRequired"
    main = squash.tip("main")
    got = cc.merge_pull_request_by_squash(pullRequestId=squash.id, repositoryName=squash.repo, authorName="Ann",
                                          commitMessage="One")["pullRequest"]["pullRequestTargets"][0]
    commit = cc.get_commit(repositoryName=squash.repo, commitId=squash.tip("main"))["commit"]
    assert (commit["parents"], commit["message"], commit["author"]["name"]) == ([main], "One", "Ann")
    assert got["mergeMetadata"]["mergeCommitId"] == commit["commitId"]
    assert got["mergeMetadata"]["mergeOption"] == "SQUASH_MERGE" and got["destinationCommit"] == main
    parents = [three.tip("main"), three.tip("feature")]
    got = cc.merge_pull_request_by_three_way(pullRequestId=three.id,
                                             repositoryName=three.repo)["pullRequest"]["pullRequestTargets"][0]
    commit = cc.get_commit(repositoryName=three.repo, commitId=three.tip("main"))["commit"]
    assert commit["parents"] == parents and got["mergeMetadata"]["mergeOption"] == "THREE_WAY_MERGE"


# ---- approvals ----

def test_approvals(cc, pull, people):
    (ann, ann_arn), (bob, bob_arn) = people["ann"], people["bob"]
    cc.create_pull_request_approval_rule(pullRequestId=pull.id, approvalRuleName="two", approvalRuleContent=rule(2))
    merge = {"pullRequestId": pull.id, "repositoryName": pull.repo}
    assert exception(cc.merge_pull_request_by_squash, **merge) == "PullRequestApprovalRulesNotSatisfied"
    state = {**pull.revision(), "approvalState": "APPROVE"}
    assert exception(cc.update_pull_request_approval_state, **state) == "PullRequestCannotBeApprovedByAuthor"
    assert exception(ann.update_pull_request_approval_state, **pull.revision()) == "ApprovalStateRequired"
    assert exception(ann.update_pull_request_approval_state, **{**state, "approvalState": "X"}
                     ) == "InvalidApprovalState"
    assert exception(ann.update_pull_request_approval_state, **{**state, "revisionId": "x"}) == "InvalidRevisionId"
    assert exception(ann.update_pull_request_approval_state, **{**state, "revisionId": "0" * 64}
                     ) == "RevisionNotCurrent"
    for client in ann, ann, bob:
        client.update_pull_request_approval_state(**state)
    got = cc.get_pull_request_approval_states(**pull.revision())["approvals"]
    assert sorted((a["userArn"], a["approvalState"]) for a in got) == [(ann_arn, "APPROVE"), (bob_arn, "APPROVE")]
    assert cc.evaluate_pull_request_approval_rules(**pull.revision())["evaluation"] == {
        "approved": True, "overridden": False, "approvalRulesSatisfied": ["two"], "approvalRulesNotSatisfied": []}
    bob.update_pull_request_approval_state(**{**state, "approvalState": "REVOKE"})
    assert cc.evaluate_pull_request_approval_rules(**pull.revision())["evaluation"]["approvalRulesNotSatisfied"] == [
        "two"]
    bob.update_pull_request_approval_state(**state)
    pull.put("feature", "c", b"1\n")  # what was approved is not what would be merged now
    assert cc.get_pull_request_approval_states(**pull.revision())["approvals"] == []
    assert exception(bob.update_pull_request_approval_state, **state) == "RevisionNotCurrent"
    assert exception(cc.merge_pull_request_by_squash, **merge) == "PullRequestApprovalRulesNotSatisfied"
    for client in ann, bob:
        client.update_pull_request_approval_state(**pull.revision(), approvalState="APPROVE")
    cc.merge_pull_request_by_squash(**merge)
    assert exception(ann.update_pull_request_approval_state, **pull.revision(),
                     approvalState="APPROVE") == "PullRequestAlreadyClosed"


def test_overriding(cc, pull, people):
    ann, ann_arn = people["ann"]
    cc.create_pull_request_approval_rule(pullRequestId=pull.id, approvalRuleName="r", approvalRuleContent=rule(1))
    assert cc.get_pull_request_override_state(**pull.revision())["overridden"] is False
    assert exception(cc.override_pull_request_approval_rules, **pull.revision()) == "OverrideStatusRequired"
    assert exception(cc.override_pull_request_approval_rules, **pull.revision(),
                     overrideStatus="X") == "InvalidOverrideStatus"
    ann.override_pull_request_approval_rules(**pull.revision(), overrideStatus="OVERRIDE")
    assert exception(cc.override_pull_request_approval_rules, **pull.revision(),
                     overrideStatus="OVERRIDE") == "OverrideAlreadySet"
    got = cc.get_pull_request_override_state(**pull.revision())
    assert (got["overridden"], got["overrider"]) == (True, ann_arn)
    got = cc.evaluate_pull_request_approval_rules(**pull.revision())["evaluation"]
    assert got["approved"] is got["overridden"] is True and got["approvalRulesNotSatisfied"] == ["r"]
    pull.put("feature", "c", b"1\n")
    assert cc.get_pull_request_override_state(**pull.revision())["overridden"] is False
    ann.override_pull_request_approval_rules(**pull.revision(), overrideStatus="OVERRIDE")
    ann.override_pull_request_approval_rules(**pull.revision(), overrideStatus="REVOKE")
    assert exception(cc.merge_pull_request_by_fast_forward, pullRequestId=pull.id,
                     repositoryName=pull.repo) == "PullRequestApprovalRulesNotSatisfied"
    ann.override_pull_request_approval_rules(**pull.revision(), overrideStatus="OVERRIDE")
    cc.merge_pull_request_by_fast_forward(pullRequestId=pull.id, repositoryName=pull.repo)
    kinds = pull.kinds()
    assert kinds.count("APPROVAL_RULE_OVERRIDDEN") == 4 and kinds[-1] == "STATUS_CHANGED"


@pytest.mark.parametrize("member,admitted", [
    ("{arn}", True), ("arn:aws:iam::{account}:user/*", True), ("CodeCommitApprovers:{account}:{name}", True),
    ("CodeCommitApprovers:{account}:*{tail}", True), ("CodeCommitApprovers:000000000000:{name}", False),
    ("arn:aws:sts::{account}:assumed-role/R/*", False), ("CodeCommitApprovers:{account}:{name}x", False)])
def test_pools(cc, people, shared_server, pull, member, admitted):
    ann, arn = people["ann"]
    name = arn.rsplit("/", 1)[1]
    member = member.format(arn=arn, account=shared_server.account, name=name, tail=name[-6:])
    cc.create_pull_request_approval_rule(pullRequestId=pull.id, approvalRuleName="pool",
                                         approvalRuleContent=rule(1, [member]))
    ann.update_pull_request_approval_state(**pull.revision(), approvalState="APPROVE")
    assert cc.evaluate_pull_request_approval_rules(**pull.revision())["evaluation"]["approved"] is admitted


# ---- rules ----

def test_rules(cc, pull):
    named = {"pullRequestId": pull.id, "approvalRuleName": "r"}
    made = cc.create_pull_request_approval_rule(**named, approvalRuleContent=rule(1))["approvalRule"]
    assert pull.get()["approvalRules"] == [made]
    assert exception(cc.create_pull_request_approval_rule, **named,
                     approvalRuleContent=rule(1)) == "ApprovalRuleNameAlreadyExists"
    assert exception(cc.create_pull_request_approval_rule, pullRequestId=pull.id,
                     approvalRuleContent=rule(1)) == "ApprovalRuleNameRequired"
    assert exception(cc.create_pull_request_approval_rule, pullRequestId=pull.id, approvalRuleName="a/b",
                     approvalRuleContent=rule(1)) == "InvalidApprovalRuleName"
    assert exception(cc.create_pull_request_approval_rule, **named) == "ApprovalRuleContentRequired"
    for content in "x", "{}", rule(0), rule("1"), rule(1, ["ann"]), rule(1, DestinationReferences=["refs/heads/main"]):
        assert exception(cc.create_pull_request_approval_rule, **named,
                         approvalRuleContent=content) == "InvalidApprovalRuleContent"
    assert exception(cc.update_pull_request_approval_rule_content, **named, newRuleContent=rule(2),
                     existingRuleContentSha256="0" * 64) == "InvalidRuleContentSha256"
    got = cc.update_pull_request_approval_rule_content(
        **named, newRuleContent=rule(2), existingRuleContentSha256=made["ruleContentSha256"])["approvalRule"]
    assert got["approvalRuleContent"] == rule(2) and got["ruleContentSha256"] != made["ruleContentSha256"]
    assert exception(cc.update_pull_request_approval_rule_content, pullRequestId=pull.id, approvalRuleName="no",
                     newRuleContent=rule(2)) == "ApprovalRuleDoesNotExist"
    assert cc.delete_pull_request_approval_rule(**named)["approvalRuleId"] == made["approvalRuleId"]
    cc.delete_pull_request_approval_rule(**named)
    assert pull.get()["approvalRules"] == []
    assert pull.kinds() == ["CREATED", "APPROVAL_RULE_CREATED", "APPROVAL_RULE_UPDATED", "APPROVAL_RULE_DELETED"]


def test_templates(cc):
    name = "t-" + uuid.uuid4().hex[:8]
    made = cc.create_approval_rule_template(approvalRuleTemplateName=name, approvalRuleTemplateContent=rule(1))
    made = made["approvalRuleTemplate"]
    named = {"approvalRuleTemplateName": name}
    assert cc.get_approval_rule_template(**named)["approvalRuleTemplate"] == made
    assert exception(cc.create_approval_rule_template, **named,
                     approvalRuleTemplateContent=rule(1)) == "ApprovalRuleTemplateNameAlreadyExists"
    assert exception(cc.create_approval_rule_template, approvalRuleTemplateName="x-" + name,
                     approvalRuleTemplateContent="{}") == "InvalidApprovalRuleTemplateContent"
    assert exception(cc.create_approval_rule_template,
                     approvalRuleTemplateContent=rule(1)) == "ApprovalRuleTemplateNameRequired"
    assert exception(cc.get_approval_rule_template,
                     approvalRuleTemplateName="none") == "ApprovalRuleTemplateDoesNotExist"
    assert exception(cc.update_approval_rule_template_content, **named, newRuleContent=rule(2),
                     existingRuleContentSha256="0" * 64) == "InvalidRuleContentSha256"
    cc.update_approval_rule_template_content(**named, newRuleContent=rule(1, DestinationReferences=["refs/heads/ma*"]))
    cc.update_approval_rule_template_description(**named, approvalRuleTemplateDescription="why")
    got = cc.update_approval_rule_template_name(oldApprovalRuleTemplateName=name,
                                                newApprovalRuleTemplateName=name + "2")["approvalRuleTemplate"]
    assert got["approvalRuleTemplateId"] == made["approvalRuleTemplateId"]
    assert got["approvalRuleTemplateDescription"] == "why"
    assert name + "2" in cc.list_approval_rule_templates()["approvalRuleTemplateNames"]
    named = {"approvalRuleTemplateName": name + "2"}
    pull = Pull(cc, base=lambda repo: cc.associate_approval_rule_template_with_repository(**named, repositoryName=repo))
    made_rule, = pull.get()["approvalRules"]
    assert made_rule["approvalRuleName"] == name + "2"
    assert made_rule["originApprovalRuleTemplate"]["approvalRuleTemplateId"] == made["approvalRuleTemplateId"]
    about = {"pullRequestId": pull.id, "approvalRuleName": name + "2"}
    assert exception(cc.update_pull_request_approval_rule_content, **about,
                     newRuleContent=rule(2)) == "CannotModifyApprovalRuleFromTemplate"
    assert exception(cc.delete_pull_request_approval_rule, **about) == "CannotDeleteApprovalRuleFromTemplate"
    assert cc.list_associated_approval_rule_templates_for_repository(
        repositoryName=pull.repo)["approvalRuleTemplateNames"] == [name + "2"]
    assert cc.list_repositories_for_approval_rule_template(**named)["repositoryNames"] == [pull.repo]
    cc.create_branch(repositoryName=pull.repo, branchName="other", commitId=pull.tip("main"))
    apart = cc.create_pull_request(title="t", targets=[{
        "repositoryName": pull.repo, "sourceReference": "feature", "destinationReference": "other"}])["pullRequest"]
    assert apart["approvalRules"] == []
    assert exception(cc.delete_approval_rule_template, **named) == "ApprovalRuleTemplateInUse"
    cc.disassociate_approval_rule_template_from_repository(**named, repositoryName=pull.repo)
    got = cc.batch_associate_approval_rule_template_with_repositories(**named, repositoryNames=[pull.repo, "none"])
    assert got["associatedRepositoryNames"] == [pull.repo]
    assert got["errors"][0]["repositoryName"] == "none"
    assert got["errors"][0]["errorCode"] == "RepositoryDoesNotExistException"
    got = cc.batch_disassociate_approval_rule_template_from_repositories(**named, repositoryNames=[pull.repo])
    assert got["disassociatedRepositoryNames"] == [pull.repo]
    assert exception(cc.batch_associate_approval_rule_template_with_repositories, **named) == "RepositoryNamesRequired"
    assert cc.delete_approval_rule_template(**named)["approvalRuleTemplateId"] == made["approvalRuleTemplateId"]
    cc.delete_approval_rule_template(**named)
    assert pull.get()["approvalRules"] == [made_rule]


# ---- events ----

def test_events_reach_rules(cc, shared_server):
    receiver = HttpReceiver()
    try:
        sns, events = shared_server.client("sns"), shared_server.client("events")
        topic = sns.create_topic(Name="pulls")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
        sns.confirm_subscription(TopicArn=topic, Token=receiver.next()[1]["Token"])
        pull = Pull(cc)
        arn = cc.get_repository(repositoryName=pull.repo)["repositoryMetadata"]["Arn"]
        events.put_rule(Name="pulls", EventPattern=json.dumps({
            "resources": [arn],  # those of other tests may be told of only now
            "source": ["aws.codecommit"], "detail-type": ["CodeCommit Pull Request State Change"],
            "detail": {"event": ["pullRequestMergeStatusUpdated"], "isMerged": ["True"]}}))
        events.put_targets(Rule="pulls", Targets=[{"Id": "1", "Arn": topic}])
        made = cc.merge_pull_request_by_fast_forward(pullRequestId=pull.id, repositoryName=pull.repo)["pullRequest"]
        event = json.loads(receiver.next()[1]["Message"])
        assert event["resources"] == [arn]
        detail = event["detail"]
        assert detail["repositoryNames"] == [pull.repo] and detail["pullRequestId"] == pull.id
        assert detail["pullRequestStatus"] == "Closed" and detail["mergeOption"] == "FAST_FORWARD_MERGE"
        assert detail["author"] == detail["callerUserArn"] == made["authorArn"]
        assert detail["sourceReference"] == "refs/heads/feature" and detail["revisionId"] == made["revisionId"]
    finally:
        receiver.close()


# ---- permissions ----

def test_permissions(cc, pull, shared_server):
    """A pull request is authorized on its repository; a merge also names the branch that it writes."""
    arn = cc.get_repository(repositoryName=pull.repo)["repositoryMetadata"]["Arn"]
    keys = shared_server.user(
        "u-" + pull.repo, {"Effect": "Allow", "Action": "codecommit:*", "Resource": arn},
        {"Effect": "Deny", "Action": "codecommit:MergePullRequest*", "Resource": arn, "Condition": {
            "StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
            "Null": {"codecommit:References": "false"}}})
    user, other = shared_server.client("codecommit", keys=keys), Pull(cc)
    assert user.get_pull_request(pullRequestId=pull.id)["pullRequest"]["title"] == "Add b"
    assert exception(user.get_pull_request, pullRequestId=other.id) == "AccessDenied"
    assert exception(user.update_pull_request_title, pullRequestId=other.id, title="t") == "AccessDenied"
    assert exception(user.merge_pull_request_by_fast_forward, pullRequestId=pull.id,
                     repositoryName=pull.repo) == "AccessDenied"
