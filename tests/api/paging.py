# SPDX-License-Identifier: Apache-2.0
"""Pages: every paged call goes on behind what was shown, whatever came in between, and takes only its own tokens."""
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
