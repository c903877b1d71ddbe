# SPDX-License-Identifier: Apache-2.0
"""Pages: every paged call goes on behind what was shown, whatever came in between, and takes only its own tokens."""
import time

import pytest
from asking import code_of as refused


def pages(call, token, out, size, between, **request):
    """All that a paged call shows, one page after the other; between(n) runs behind page n."""
    shown, more, n = [], {}, 0
    out_token = request.pop("out_token", token)
    while True:
        answer = call(**request, **size, **more)
        shown += answer[out]
        if not answer.get(out_token):
            return shown
        more = {token: answer[out_token]}
        between(n)
        n += 1


def test_users_that_come_in_between(shared_server):
    iam = shared_server.client("iam")
    for i in range(6):
        iam.create_user(UserName=f"page-{i}", Path="/paging/")
    shown = pages(iam.list_users, "Marker", "Users", {"MaxItems": 2},
                  lambda n: iam.create_user(UserName=f"page-0{n}", Path="/paging/"), PathPrefix="/paging/")
    names = [u["UserName"] for u in shown]
    assert len(set(names)) == len(names) and {f"page-{i}" for i in range(6)} <= set(names)


def test_pull_requests_that_come_in_between(shared_server):
    cc = shared_server.client("codecommit")
    cc.create_repository(repositoryName="paging")
    first = cc.put_file(repositoryName="paging", branchName="main", filePath="a", fileContent=b"a")["commitId"]
    cc.create_branch(repositoryName="paging", branchName="side", commitId=first)
    cc.put_file(repositoryName="paging", branchName="side", filePath="b", fileContent=b"b", parentCommitId=first)

    def pull(_=None):
        return cc.create_pull_request(title="t", targets=[{
            "repositoryName": "paging", "sourceReference": "side", "destinationReference": "main"}])[
                "pullRequest"]["pullRequestId"]
    made = [pull() for _ in range(5)]
    shown = pages(cc.list_pull_requests, "nextToken", "pullRequestIds", {"maxResults": 2}, pull,
                  repositoryName="paging")
    assert shown == made[::-1]


def test_templates_that_go_in_between(shared_server):
    cc = shared_server.client("codecommit")
    content = '{"Version": "2018-11-08", "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": 1}]}'
    for i in range(6):
        cc.create_approval_rule_template(approvalRuleTemplateName=f"t{i}", approvalRuleTemplateContent=content)

    def between(n):
        if n == 0:  # the last one shown goes, another comes before it
            cc.delete_approval_rule_template(approvalRuleTemplateName="t1")
        if n == 1:
            cc.create_approval_rule_template(approvalRuleTemplateName="t00", approvalRuleTemplateContent=content)
    shown = pages(cc.list_approval_rule_templates, "nextToken", "approvalRuleTemplateNames", {"maxResults": 2}, between)
    assert shown == ["t0", "t1", "t2", "t3", "t4", "t5"]


class Branch:
    """A branch of a repository that files are put onto."""

    def __init__(self, cc, repository, name="main", tip=None):
        self.cc, self.repository, self.name, self.tip = cc, repository, name, tip
        if tip:
            cc.create_branch(repositoryName=repository, branchName=name, commitId=tip)

    def put(self, path, text):
        made = self.cc.put_file(repositoryName=self.repository, branchName=self.name, filePath=path,
                                fileContent=text.encode(), **({"parentCommitId": self.tip} if self.tip else {}))
        self.tip = made["commitId"]
        return self.tip


@pytest.fixture(scope="module")
def grown(shared_server):
    """Two branches of one history that both changed the same files."""
    cc = shared_server.client("codecommit")
    cc.create_repository(repositoryName="grown")
    main = Branch(cc, "grown")
    for name in "abcde":
        main.put(f"f/{name}", "0\n" + "same\n" * 9 + "0\n")
    side = Branch(cc, "grown", "side", main.tip)
    for branch, text in (main, "1"), (side, "2"):
        for name in "abcde":
            branch.put(f"f/{name}", f"{text}\n" + "same\n" * 9 + f"{text}\n")
    return cc, main, side


def test_differences_that_grow_in_between(grown):
    cc, main, side = grown

    def between(n):  # before, among and behind what was shown
        for path in "a", f"f/aa{n}", "z":
            side.put(path, f"{n}")
        main.put("f/a", f"again {n}")
    shown = pages(cc.get_differences, "NextToken", "differences", {"MaxResults": 2}, between, repositoryName="grown",
                  beforeCommitSpecifier="main", afterCommitSpecifier="side", beforePath="f", afterPath="f")
    assert [d["afterBlob"]["path"] for d in shown] == [f"f/{n}" for n in "abcde"]


@pytest.mark.parametrize("call,out,path", [
    ("get_merge_conflicts", "conflictMetadataList", lambda c: c["filePath"]),
    ("batch_describe_merge_conflicts", "conflicts", lambda c: c["conflictMetadata"]["filePath"]),
])
def test_conflicts_that_go_in_between(grown, call, out, path):
    cc, _, side = grown
    tops = Branch(cc, "grown", f"top-{call}".replace("_", "-"), side.tip)
    shown = pages(getattr(cc, call), "nextToken", out, {"maxConflictFiles": 2},
                  lambda n: tops.put(f"f/{'ab'[n]}", f"settled {n}"), repositoryName="grown",
                  sourceCommitSpecifier=tops.name, destinationCommitSpecifier="main", mergeOption="THREE_WAY_MERGE")
    assert [path(c) for c in shown] == [f"f/{n}" for n in "abcde"]


def test_files_and_pieces_by_number(grown):
    cc, _, side = grown
    tops = Branch(cc, "grown", "top-pieces", side.tip)
    ask = {"repositoryName": "grown", "sourceCommitSpecifier": "top-pieces", "destinationCommitSpecifier": "main",
           "mergeOption": "THREE_WAY_MERGE", "conflictDetailLevel": "LINE_LEVEL"}
    shown = pages(cc.batch_describe_merge_conflicts, "nextToken", "conflicts", {"maxConflictFiles": 1},
                  lambda n: None, filePaths=["f/b", "f/a", "f/b"], **ask)
    assert [c["conflictMetadata"]["filePath"] for c in shown] == ["f/b", "f/a", "f/b"]
    shown = pages(cc.describe_merge_conflicts, "nextToken", "mergeHunks", {"maxMergeHunks": 1},
                  lambda n: tops.put("f/c", f"all new {n}"), filePath="f/c", **ask)
    assert [h["source"]["startLine"] for h in shown] == [0, 10]


@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
@pytest.mark.parametrize("by", ["NAME", "CREATED_TIME", "LAST_MODIFIED_TIME"])
def test_report_groups_that_come_in_between(shared_server, by, order):
    cb = shared_server.client("codebuild")
    prefix = f"come-{by[0]}{order[0]}-".lower()

    def make(name):
        return cb.create_report_group(name=prefix + name, type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"})
    made = [make(f"m{i}")["reportGroup"]["arn"] for i in range(5)]
    shown = pages(cb.list_report_groups, "nextToken", "reportGroups", {"maxResults": 2},
                  lambda n: n < 4 and (make(f"a{n}"), make(f"z{n}")), sortBy=by, sortOrder=order)
    assert len(set(shown)) == len(shown)
    assert [arn for arn in shown if arn in made] == made[::1 if order == "ASCENDING" else -1]


@pytest.mark.parametrize("by", ["LogStreamName", "LastEventTime"])
@pytest.mark.parametrize("descending", [False, True])
def test_log_streams_that_write_in_between(shared_server, by, descending):
    logs = shared_server.client("logs")
    group, now = f"paging-{by}-{descending}", int(time.time()) * 1000
    logs.create_log_group(logGroupName=group)

    def put(name, when):
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=[{"timestamp": when, "message": "m"}])
    for i in range(6):
        logs.create_log_stream(logGroupName=group, logStreamName=f"s{i}")
        put(f"s{i}", now - 60_000 + i)

    def between(n):  # one that was shown moves to the end of time
        put("s5" if descending else "s0", now + n)
        if n == 0:  # and the last one shown goes
            logs.delete_log_stream(logGroupName=group, logStreamName="s4" if descending else "s1")
    shown = pages(logs.describe_log_streams, "nextToken", "logStreams", {"limit": 2}, between if by == "LogStreamName" or
                  descending else lambda n: None, logGroupName=group, orderBy=by, descending=descending)
    assert [s["logStreamName"] for s in shown] == [f"s{i}" for i in (range(6) if not descending else range(5, -1, -1))]


def test_tokens_of_others(shared_server):
    cc, ssm, cb = (shared_server.client(s) for s in ("codecommit", "ssm", "codebuild"))
    for i in range(4):
        ssm.put_parameter(Name=f"/paging/{i}", Value="v", Type="String")
        cb.create_report_group(name=f"paging-{i}", type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"})
        cc.create_repository(repositoryName=f"paging{i}")
    token = ssm.get_parameters_by_path(Path="/paging", MaxResults=2)["NextToken"]
    # how many a page holds may change
    assert len(ssm.get_parameters_by_path(Path="/paging", MaxResults=10, NextToken=token)["Parameters"]) == 2
    assert refused(ssm.get_parameters_by_path, Path="/paging", Recursive=True, NextToken=token) == "InvalidNextToken"
    assert refused(ssm.get_parameters_by_path, Path="/other", NextToken=token) == "InvalidNextToken"
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert refused(ssm.get_parameters_by_path, Path="/paging", NextToken=forged) == "InvalidNextToken"
    assert refused(ssm.describe_parameters, NextToken=token) == "InvalidNextToken"
    assert refused(cb.list_report_groups, nextToken="2") == "InvalidInputException"
    assert refused(cc.list_repositories, nextToken=token) == "InvalidContinuationTokenException"
    assert refused(shared_server.client("iam").list_users, Marker="page-1") == "ValidationError"
    assert refused(shared_server.client("s3").list_objects_v2, Bucket="b", ContinuationToken="x") == "InvalidArgument"
    assert refused(shared_server.client("ec2").describe_instances, NextToken="x") == "InvalidNextToken"
    # a restart keeps the key
    shared_server.restart()
    again = shared_server.client("ssm").get_parameters_by_path(Path="/paging", NextToken=token)["Parameters"]
    assert [p["Name"] for p in again] == ["/paging/2", "/paging/3"]
