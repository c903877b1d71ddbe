# SPDX-License-Identifier: Apache-2.0
"""Policies that look at the tags of resources: aws:ResourceTag/..., in conditions and in variables."""
import json

import botocore.exceptions
import pytest
from builds import ENVIRONMENT
from gitwork import Work, git_login, url

OURS, THEIRS = [{"key": "team", "value": "ours"}], [{"key": "team", "value": "theirs"}]


ALL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def arn(service, resource):
    return f"arn:aws:{service}:us-east-1:123456789012:{resource}"


def upper(tags):
    return [{k.capitalize(): v for k, v in t.items()} for t in tags]


@pytest.fixture(scope="module")
def things(shared_server):
    """Of each service one with each tag, and one without: their names."""
    role = "arn:aws:iam::123456789012:role/"
    c = shared_server.client
    for name, tags in (("ours", OURS), ("theirs", THEIRS), ("none", [])):
        c("codecommit").create_repository(repositoryName=name, tags={t["key"]: t["value"] for t in tags})
        c("codebuild").create_project(name=name, tags=tags, serviceRole=role + "build", environment=ENVIRONMENT,
                                      artifacts={"type": "NO_ARTIFACTS"},
                                      source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {}"})
        c("codedeploy").create_application(applicationName=name, tags=upper(tags))
        c("codepipeline").create_pipeline(tags=tags, pipeline={
            "name": name, "roleArn": role + "pipeline", "artifactStore": {"type": "S3", "location": "artifacts"},
            "stages": [{"name": "S", "actions": [{
                "name": "S", "configuration": {"RepositoryName": "r", "BranchName": "b"},
                "outputArtifacts": [{"name": "A"}],
                "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeCommit", "version": "1"}}]},
                       {"name": "T", "actions": [{"name": "T", "configuration": {}, "actionTypeId": {
                           "category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"}}]}]})
        c("ecr").create_repository(repositoryName=name, tags=upper(tags))
        c("secretsmanager").create_secret(Name=name, SecretString="x", Tags=upper(tags))
        c("ecs").create_cluster(clusterName=name, tags=tags)
        c("codebuild").create_report_group(name=name, type="TEST", tags=tags,
                                           exportConfig={"exportConfigType": "NO_EXPORT"})
        for parameter in (name, f"/deep/{name}", f"/top-{name}"):
            c("ssm").put_parameter(Name=parameter, Value="v", Type="String", Tags=upper(tags))
        c("logs").create_log_group(logGroupName=name, **({"tags": {"team": tags[0]["value"]}} if tags else {}))
        iam, trust = c("iam"), json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "codebuild.amazonaws.com"}}})
        iam.create_user(UserName=name, Path="/p/", Tags=upper(tags))
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=upper(tags))
        iam.create_policy(PolicyName=name, PolicyDocument=ALL, Tags=upper(tags))
        iam.create_instance_profile(InstanceProfileName=name, Tags=upper(tags))
    return shared_server


CALLS = [
    ("codecommit", "get_repository", lambda n: {"repositoryName": n}),
    ("codebuild", "batch_get_projects", lambda n: {"names": [n]}),
    ("codedeploy", "get_application", lambda n: {"applicationName": n}),
    ("codepipeline", "get_pipeline", lambda n: {"name": n}),
    ("ecr", "list_images", lambda n: {"repositoryName": n}),
    ("secretsmanager", "get_secret_value", lambda n: {"SecretId": n}),
    ("ecs", "describe_clusters", lambda n: {"clusters": [n]}),
    ("codebuild", "batch_get_report_groups", lambda n: {"reportGroupArns": [arn("codebuild", f"report-group/{n}")]}),
    ("codebuild", "list_reports_for_report_group",
     lambda n: {"reportGroupArn": arn("codebuild", f"report-group/{n}")}),
    ("ssm", "get_parameter", lambda n: {"Name": n}),
    ("ssm", "delete_parameters", lambda n: {"Names": [f"/deep/{n}"]}),
    ("ssm", "get_parameter_history", lambda n: {"Name": f"/top-{n}"}),
    ("logs", "put_retention_policy", lambda n: {"logGroupName": n, "retentionInDays": 1}),
    ("iam", "get_user", lambda n: {"UserName": n}),
    ("iam", "get_role", lambda n: {"RoleName": n}),
    ("iam", "get_policy", lambda n: {"PolicyArn": f"arn:aws:iam::123456789012:policy/{n}"}),
    ("iam", "get_instance_profile", lambda n: {"InstanceProfileName": n}),
]


def allowed(client, operation, request):
    try:
        getattr(client, operation)(**request)
        return True
    except botocore.exceptions.ClientError as e:
        assert e.response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied"), e
        return False


@pytest.fixture(scope="module")
def of_a_team(things):
    return things.user("of-a-team", {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {
        "StringEquals": {"aws:ResourceTag/team": "ours"}}})


@pytest.fixture(scope="module")
def kept_out(things):
    return things.user("kept-out", {"Effect": "Allow", "Action": "*", "Resource": "*"}, {
        "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
            "StringEquals": {"aws:resourcetag/team": "theirs"}}})


@pytest.mark.parametrize("service,operation,request_of", CALLS, ids=[f"{c[0]}.{c[1]}" for c in CALLS])
def test_what_is_tagged(things, of_a_team, kept_out, service, operation, request_of):
    for keys, expected in ((of_a_team, [True, False, False]), (kept_out, [True, False, True])):
        client = things.client(service, keys=keys)
        assert [allowed(client, operation, request_of(n)) for n in ("ours", "theirs", "none")] == expected


def test_a_tag_that_changes_counts_at_once(things, of_a_team):
    cc = things.client("codecommit")
    made = cc.create_repository(repositoryName="changes")["repositoryMetadata"]
    theirs = things.client("codecommit", keys=of_a_team)
    assert not allowed(theirs, "get_repository", {"repositoryName": "changes"})
    cc.tag_resource(resourceArn=made["Arn"], tags={"team": "ours"})
    assert allowed(theirs, "get_repository", {"repositoryName": "changes"})


def test_stages_have_the_tags_of_their_pipeline(things, of_a_team):
    client = things.client("codepipeline", keys=of_a_team)
    assert [allowed(client, "enable_stage_transition", {
        "pipelineName": n, "stageName": "T", "transitionType": "Inbound"}) for n in ("ours", "theirs")] == [True, False]


def test_tags_of_who_asks_and_of_what(things):
    keys = things.user("by-variable", {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*", "Condition": {
        "StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}})
    client = things.client("codecommit", keys=keys)
    assert not allowed(client, "get_repository", {"repositoryName": "ours"})
    things.client("iam").tag_user(UserName="by-variable", Tags=[{"Key": "team", "Value": "ours"}])
    assert allowed(client, "get_repository", {"repositoryName": "ours"})
    assert not allowed(client, "get_repository", {"repositoryName": "theirs"})


def test_names_of_the_services_own(things):
    """iam:ResourceTag/..., ssm:resourceTag/... and the like are the same."""
    keys = things.user("by-own-names", *({
        "Effect": "Allow", "Action": f"{s}:*", "Resource": "*", "Condition": {"StringEquals": {key: "ours"}}}
        for s, key in (("iam", "iam:ResourceTag/team"), ("ssm", "ssm:resourceTag/team"))))
    for service, operation, request_of in CALLS:
        if operation in ("get_role", "get_parameter"):
            client = things.client(service, keys=keys)
            assert [allowed(client, operation, request_of(n)) for n in ("ours", "theirs", "none")] == [True, False, False]


def test_pass_role_by_tag(things):
    keys = things.user("passes", {"Effect": "Allow", "Action": "codebuild:*", "Resource": "*"}, {
        "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {
            "StringEquals": {"aws:ResourceTag/team": "ours"}}})
    client = things.client("codebuild", keys=keys)
    assert [allowed(client, "update_project", {"name": "none", "serviceRole": f"arn:aws:iam::123456789012:role/{n}"})
            for n in ("ours", "theirs", "none")] == [True, False, False]


def test_git_too(things, tmp_path):
    login = git_login(things, "git-of-a-team", {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*",
                                                "Condition": {"StringEquals": {"aws:ResourceTag/team": "ours"}}})
    w = Work(tmp_path)
    w.git("init", "-q", "-b", "main")
    w.commit()
    w.git("push", "-q", url(things, login, "ours"), "main")
    assert w.git("push", "-q", url(things, login, "theirs"), "main", check=False).returncode
