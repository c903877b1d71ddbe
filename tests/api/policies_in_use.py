# SPDX-License-Identifier: Apache-2.0
"""Policies as people attach them: the managed ones that every account has, and those of manuals and tutorials, asked by
simulation and by real calls."""
import json
import urllib.parse

import pytest

from asking import code_of

A, R = "111122223333", "us-east-1"
ALLOWED, SILENT, DENIED = "allowed", "implicitDeny", "explicitDeny"


def arn(service, resource):
    region, account = ("", "") if service == "s3" else ("", A) if service == "iam" else (R, A)
    return f"arn:aws:{service}:{region}:{account}:{resource}"


# by policy: (action, resource, condition keys, what is said)
MANAGED = {
    "AWSCodeBuildDeveloperAccess": [
        ("codebuild:StartBuild", arn("codebuild", "project/p"), {}, ALLOWED),
        ("codebuild:UpdateProject", arn("codebuild", "project/p"), {}, SILENT),
        ("codebuild:BatchGetBuilds", arn("codebuild", "project/p"), {}, ALLOWED),
        ("ssm:PutParameter", arn("ssm", "parameter/CodeBuild/x"), {}, ALLOWED),
        ("ssm:PutParameter", arn("ssm", "parameter/other"), {}, SILENT),
        ("codestar-notifications:CreateNotificationRule", "*",
         {"codestar-notifications:NotificationsForResource": arn("codebuild", "project/p")}, ALLOWED),
        ("codestar-notifications:CreateNotificationRule", "*",
         {"codestar-notifications:NotificationsForResource": arn("codecommit", "r")}, SILENT)],
    "AWSCodePipeline_FullAccess": [
        ("iam:PassRole", arn("iam", "role/any"), {"iam:PassedToService": "codepipeline.amazonaws.com"}, ALLOWED),
        ("iam:PassRole", arn("iam", "role/any"), {"iam:PassedToService": "codebuild.amazonaws.com"}, SILENT),
        ("iam:PassRole", arn("iam", "role/service-role/cwe-role-x"), {"iam:PassedToService": "events.amazonaws.com"}, ALLOWED),
        ("events:PutRule", arn("events", "rule/codepipeline-x"), {}, ALLOWED),
        ("events:PutRule", arn("events", "rule/x"), {}, SILENT),
        ("s3:GetObject", arn("s3", "codepipeline-us-east-1-1/k"), {}, ALLOWED),
        ("s3:GetObject", arn("s3", "other/k"), {}, SILENT)],
    "AWSCodeDeployRoleForECS": [
        ("ecs:CreateTaskSet", arn("ecs", "service/c/s"), {}, ALLOWED),
        ("ecs:UpdateService", arn("ecs", "service/c/s"), {}, SILENT),
        ("iam:PassRole", arn("iam", "role/t"), {"iam:PassedToService": "ecs-tasks.amazonaws.com"}, ALLOWED),
        ("iam:PassRole", arn("iam", "role/t"), {"iam:PassedToService": "ec2.amazonaws.com"}, SILENT)],
    "AWSCodeDeployRoleForECSLimited": [
        ("sns:Publish", arn("sns", "CodeDeployTopic_x"), {}, ALLOWED), ("sns:Publish", arn("sns", "x"), {}, SILENT),
        ("iam:PassRole", arn("iam", "role/ecsTaskExecutionRole"), {"iam:PassedToService": "ecs-tasks.amazonaws.com"}, ALLOWED),
        ("iam:PassRole", arn("iam", "role/x"), {"iam:PassedToService": "ecs-tasks.amazonaws.com"}, SILENT)],
    "AWSCodeCommitPowerUser": [
        ("codecommit:GitPush", arn("codecommit", "r"), {}, ALLOWED),
        ("codecommit:DeleteRepository", arn("codecommit", "r"), {}, SILENT),
        ("codecommit:OverridePullRequestApprovalRules", arn("codecommit", "r"), {}, ALLOWED),
        ("iam:UploadSSHPublicKey", arn("iam", "user/ann"), {"aws:username": "ann"}, ALLOWED),
        ("iam:UploadSSHPublicKey", arn("iam", "user/bob"), {"aws:username": "ann"}, SILENT)],
    "AWSCodeCommitReadOnly": [
        ("codecommit:GitPull", arn("codecommit", "r"), {}, ALLOWED), ("codecommit:GitPush", arn("codecommit", "r"), {}, SILENT)],
    "service-role/AmazonECSTaskExecutionRolePolicy": [
        ("ecr:BatchGetImage", arn("ecr", "repository/r"), {}, ALLOWED), ("ecr:GetAuthorizationToken", "*", {}, ALLOWED),
        ("ecr:PutImage", arn("ecr", "repository/r"), {}, SILENT), ("logs:CreateLogGroup", "*", {}, SILENT)],
    "AmazonEC2ContainerRegistryPowerUser": [
        ("ecr:PutImage", arn("ecr", "repository/r"), {}, ALLOWED),
        ("ecr:DeleteRepository", arn("ecr", "repository/r"), {}, SILENT)],
    "PowerUserAccess": [
        ("codebuild:CreateProject", arn("codebuild", "project/p"), {}, ALLOWED),
        ("iam:CreateUser", arn("iam", "user/u"), {}, SILENT), ("iam:ListRoles", "*", {}, ALLOWED)],
    "ReadOnlyAccess": [
        ("ecs:DescribeServices", arn("ecs", "service/c/s"), {}, ALLOWED),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:s"), {}, SILENT),
        ("codepipeline:StartPipelineExecution", arn("codepipeline", "p"), {}, SILENT)],
    "AWSDenyAll": [("s3:GetObject", arn("s3", "b/k"), {}, DENIED)],
}


def allow(action, resource="*", **condition):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def deny(action, resource="*", **condition):
    return dict(allow(action, resource, **condition), Effect="Deny")


REPO = arn("codecommit", "shop")
TUTORIALS = {
    "no push to main": ([allow("codecommit:*"), deny(
        ["codecommit:GitPush", "codecommit:DeleteBranch", "codecommit:PutFile", "codecommit:Merge*"], REPO,
        StringEqualsIfExists={"codecommit:References": ["refs/heads/main", "refs/heads/prod"]},
        Null={"codecommit:References": "false"})], [
        ("codecommit:GitPush", REPO, {"codecommit:References": "refs/heads/main"}, DENIED),
        ("codecommit:GitPush", REPO, {"codecommit:References": "refs/heads/feature"}, ALLOWED),
        ("codecommit:GitPush", REPO, {}, ALLOWED),  # what comes before the references are known
        ("codecommit:DeleteBranch", REPO, {"codecommit:References": "refs/heads/prod"}, DENIED)]),
    "only feature branches": ([allow("codecommit:GitPush", REPO, StringLike={"codecommit:References": "refs/heads/feature/*"})], [
        ("codecommit:GitPush", REPO, {"codecommit:References": "refs/heads/feature/a/b"}, ALLOWED),
        ("codecommit:GitPush", REPO, {"codecommit:References": "refs/heads/main"}, SILENT)]),
    "by tag": ([allow("codepipeline:*", "*", StringEquals={"aws:ResourceTag/team": "${aws:PrincipalTag/team}"})], [
        ("codepipeline:DeletePipeline", arn("codepipeline", "p"), {"aws:ResourceTag/team": "a", "aws:PrincipalTag/team": "a"}, ALLOWED),
        ("codepipeline:DeletePipeline", arn("codepipeline", "p"), {"aws:ResourceTag/team": "b", "aws:PrincipalTag/team": "a"}, SILENT),
        ("codepipeline:DeletePipeline", arn("codepipeline", "p"), {"aws:ResourceTag/team": "a"}, SILENT)]),
    "must be tagged": ([allow("codebuild:CreateProject", "*", StringEquals={"aws:RequestTag/cost": ["x", "y"]},
                              **{"ForAllValues:StringEquals": {"aws:TagKeys": ["cost", "team"]}})], [
        ("codebuild:CreateProject", "*", {"aws:RequestTag/cost": "x", "aws:TagKeys": ["cost"]}, ALLOWED),
        ("codebuild:CreateProject", "*", {"aws:RequestTag/cost": "x", "aws:TagKeys": ["cost", "other"]}, SILENT),
        ("codebuild:CreateProject", "*", {}, SILENT)]),
    "not without a device": ([allow("*"), deny(
        "*", "*", BoolIfExists={"aws:MultiFactorAuthPresent": "false"})], [
        ("s3:GetObject", arn("s3", "b/k"), {"aws:MultiFactorAuthPresent": "false"}, DENIED),
        ("s3:GetObject", arn("s3", "b/k"), {}, DENIED),
        ("s3:GetObject", arn("s3", "b/k"), {"aws:MultiFactorAuthPresent": "true"}, ALLOWED)]),
    "office only": ([deny("*", "*", NotIpAddress={"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]},
                          Bool={"aws:ViaAWSService": "false"}), allow("*")], [
        ("s3:GetObject", arn("s3", "b/k"), {"aws:SourceIp": "192.0.2.7", "aws:ViaAWSService": "false"}, ALLOWED),
        ("s3:GetObject", arn("s3", "b/k"), {"aws:SourceIp": "203.0.113.1", "aws:ViaAWSService": "false"}, DENIED),
        ("s3:GetObject", arn("s3", "b/k"), {"aws:SourceIp": "203.0.113.1", "aws:ViaAWSService": "true"}, ALLOWED)]),
    "for a while": ([allow("*", "*", DateGreaterThan={"aws:CurrentTime": "2026-01-01T00:00:00Z"},
                           DateLessThan={"aws:CurrentTime": "2026-02-01T00:00:00Z"})], [
        ("s3:GetObject", arn("s3", "b/k"), {"aws:CurrentTime": "2026-01-15T12:00:00Z"}, ALLOWED),
        ("s3:GetObject", arn("s3", "b/k"), {"aws:CurrentTime": "2026-02-15T12:00:00Z"}, SILENT)]),
    "hand over one role": ([allow("iam:PassRole", arn("iam", "role/build-*"), StringEquals={
        "iam:PassedToService": "codebuild.amazonaws.com"})], [
        ("iam:PassRole", arn("iam", "role/build-x"), {"iam:PassedToService": "codebuild.amazonaws.com"}, ALLOWED),
        ("iam:PassRole", arn("iam", "role/build-x"), {"iam:PassedToService": "ec2.amazonaws.com"}, SILENT),
        ("iam:PassRole", arn("iam", "role/admin"), {"iam:PassedToService": "codebuild.amazonaws.com"}, SILENT)]),
    "own keys": ([allow(["iam:*AccessKey*", "iam:GetUser"], "arn:aws:iam::*:user/${aws:username}")], [
        ("iam:CreateAccessKey", arn("iam", "user/ann"), {"aws:username": "ann"}, ALLOWED),
        ("iam:CreateAccessKey", arn("iam", "user/bob"), {"aws:username": "ann"}, SILENT)]),
    "one region": ([allow("*"), {"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": {
        "StringNotEquals": {"aws:RequestedRegion": ["eu-central-1"]}}}], [
        ("codebuild:StartBuild", "*", {"aws:RequestedRegion": "us-east-1"}, DENIED),
        ("codebuild:StartBuild", "*", {"aws:RequestedRegion": "eu-central-1"}, ALLOWED),
        ("iam:GetUser", "*", {"aws:RequestedRegion": "us-east-1"}, ALLOWED)]),
    "not in the clear": ([allow("s3:*"), deny("s3:*", ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], Bool={"aws:SecureTransport": "false"})], [
        ("s3:GetObject", "arn:aws:s3:::b/k", {"aws:SecureTransport": "false"}, DENIED),
        ("s3:GetObject", "arn:aws:s3:::b/k", {"aws:SecureTransport": "true"}, ALLOWED),
        ("s3:GetObject", "arn:aws:s3:::c/k", {"aws:SecureTransport": "false"}, ALLOWED)]),
    "own folder": ([allow("s3:ListBucket", "arn:aws:s3:::home", StringLike={"s3:prefix": ["", "${aws:username}/*"]}),
                    allow("s3:*Object", "arn:aws:s3:::home/${aws:username}/*")], [
        ("s3:ListBucket", "arn:aws:s3:::home", {"s3:prefix": "ann/x", "aws:username": "ann"}, ALLOWED),
        ("s3:ListBucket", "arn:aws:s3:::home", {"s3:prefix": "bob/x", "aws:username": "ann"}, SILENT),
        ("s3:PutObject", "arn:aws:s3:::home/ann/k", {"aws:username": "ann"}, ALLOWED),
        ("s3:PutObject", "arn:aws:s3:::home/bob/k", {"aws:username": "ann"}, SILENT)]),
    "approve one stage": ([allow("codepipeline:PutApprovalResult", arn("codepipeline", "shop/Prod/*"))], [
        ("codepipeline:PutApprovalResult", arn("codepipeline", "shop/Prod/Ask"), {}, ALLOWED),
        ("codepipeline:PutApprovalResult", arn("codepipeline", "shop/Test/Ask"), {}, SILENT)]),
    "no privileged builds": ([allow("codebuild:*"), deny(["codebuild:CreateProject", "codebuild:UpdateProject"], "*", Bool={
        "codebuild:environment.privilegedMode": "true"})], [
        ("codebuild:CreateProject", "*", {"codebuild:environment.privilegedMode": "true"}, DENIED),
        ("codebuild:CreateProject", "*", {"codebuild:environment.privilegedMode": "false"}, ALLOWED)]),
}


def kind(key):
    if key == "aws:SourceIp":
        return "ip"
    if key == "aws:CurrentTime":
        return "date"
    return "boolean" if key in ("aws:SecureTransport", "aws:MultiFactorAuthPresent", "aws:ViaAWSService",
                                "codebuild:environment.privilegedMode") else "string"


def ask(iam, document, action, resource, keys):
    context = [{"ContextKeyName": k, "ContextKeyType": kind(k) + ("List" if isinstance(v, list) else ""),
                "ContextKeyValues": v if isinstance(v, list) else [v]} for k, v in keys.items()]
    [got] = iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=[action], ResourceArns=[resource],
                                       ContextEntries=context)["EvaluationResults"]
    return got["EvalDecision"]


def document_of(iam, name):
    return iam.get_policy_version(PolicyArn=f"arn:aws:iam::aws:policy/{name}", VersionId="v1")["PolicyVersion"]["Document"]


def test_every_managed_policy_can_be_attached(shared_server):
    iam = shared_server.client("iam")
    iam.create_group(GroupName="all")
    listed = iam.get_paginator("list_policies").paginate(Scope="AWS").build_full_result()["Policies"]
    assert len(listed) >= 50
    for policy in listed:
        name = policy["Arn"].split(":policy/")[1]
        assert policy["Path"] + policy["PolicyName"] == "/" + name
        document = document_of(iam, name)
        iam.create_policy(PolicyName="copy", PolicyDocument=json.dumps(document))  # it is well-formed
        iam.delete_policy(PolicyArn=f"arn:aws:iam::{shared_server.account}:policy/copy")
    for name in ("AmazonECS_FullAccess", "service-role/AWSCodeDeployRole"):
        iam.attach_group_policy(GroupName="all", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


@pytest.mark.parametrize("name", MANAGED)
def test_managed(shared_server, name):
    iam = shared_server.client("iam")
    document = json.dumps(document_of(iam, name))
    for action, resource, keys, wanted in MANAGED[name]:
        assert ask(iam, document, action, resource, keys) == wanted, (action, resource, keys)


@pytest.mark.parametrize("name", TUTORIALS)
def test_of_tutorials(shared_server, name):
    statements, cases = TUTORIALS[name]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    for action, resource, keys, wanted in cases:
        assert ask(shared_server.client("iam"), document, action, resource, keys) == wanted, (action, resource, keys)


def test_real_calls(shared_server):
    """A power user of CodeCommit who may not change main, and a developer's managed policy."""
    iam = shared_server.client("iam")
    shared_server.client("codecommit").create_repository(repositoryName="shop")
    keys = shared_server.user("dev", deny(
        ["codecommit:GitPush", "codecommit:PutFile", "codecommit:CreateCommit", "codecommit:DeleteBranch"], "*",
        StringEqualsIfExists={"codecommit:References": ["refs/heads/main"]}, Null={"codecommit:References": "false"}))
    for name in ("AWSCodeCommitPowerUser", "AWSCodeBuildDeveloperAccess"):
        iam.attach_user_policy(UserName="dev", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    cc = shared_server.client("codecommit", keys=keys)
    new = {"repositoryName": "shop", "putFiles": [{"filePath": "a", "fileContent": b"1"}]}
    assert code_of(cc.create_commit, branchName="main", **new) == "AccessDeniedException"
    cc.create_commit(branchName="feature", **new)
    assert code_of(cc.delete_repository, repositoryName="shop") == "AccessDeniedException"
    url = shared_server.git_url("shop")
    own = shared_server.client("iam", keys=keys)
    login = own.create_service_specific_credential(
        UserName="dev", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert code_of(own.create_access_key, UserName="dev") == "AccessDenied"
    name, password = (urllib.parse.quote(login[k], safe="") for k in ("ServiceUserName", "ServicePassword"))
    shared_server.run("git", "clone", "-q", "-b", "feature", url.replace("//", f"//{name}:{password}@"), "clone")
    pushed = shared_server.run("git", "-C", "clone", "push", "origin", "feature:main", check=False)
    assert pushed.returncode != 0
    shared_server.run("git", "-C", "clone", "push", "-q", "origin", "feature:other")
    build = shared_server.client("codebuild", keys=keys)
    assert build.list_projects()["projects"] == []
    assert code_of(build.delete_project, name="p") == "AccessDeniedException"
