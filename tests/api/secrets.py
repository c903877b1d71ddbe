# SPDX-License-Identifier: Apache-2.0
"""Parameter Store and Secrets Manager: the operations, what lies on the disk, and builds that read
from them."""
import json
import os
import subprocess
import textwrap
import urllib.request

import pytest
from asking import code_of as code
from asking import eventually
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
               "computeType": "BUILD_GENERAL1_SMALL"}


@pytest.fixture
def ssm(shared_server):
    return shared_server.client("ssm")


@pytest.fixture
def sm(shared_server):
    return shared_server.client("secretsmanager")


def test_versions_of_a_parameter(ssm, shared_server):
    assert ssm.put_parameter(Name="/shop/url", Value="http://one", Type="String") == ssm_answer(1)
    assert code(ssm.put_parameter, Name="/shop/url", Value="x", Type="String") == \
        "ParameterAlreadyExists"
    assert ssm.put_parameter(Name="/shop/url", Value="http://two", Overwrite=True) == ssm_answer(2)
    assert code(ssm.put_parameter, Name="/shop/url", Value="x", Type="SecureString",
                Overwrite=True) == "HierarchyTypeMismatchException"
    got = ssm.get_parameter(Name="/shop/url")["Parameter"]
    assert (got["Value"], got["Version"]) == ("http://two", 2)
    assert got["ARN"] == (f"arn:aws:ssm:{shared_server.region}:{shared_server.account}"
                          ":parameter/shop/url")
    assert ssm.get_parameter(Name=got["ARN"])["Parameter"]["Version"] == 2
    old = ssm.get_parameter(Name="/shop/url:1")["Parameter"]
    assert (old["Value"], old["Selector"]) == ("http://one", ":1")
    assert code(ssm.get_parameter, Name="/shop/url:7") == "ParameterVersionNotFound"
    assert code(ssm.get_parameter, Name="/shop/nothing") == "ParameterNotFound"
    assert [h["Value"] for h in ssm.get_parameter_history(Name="/shop/url")["Parameters"]] == \
        ["http://one", "http://two"]
    ssm.delete_parameter(Name="/shop/url")
    assert code(ssm.delete_parameter, Name="/shop/url") == "ParameterNotFound"
    assert code(ssm.get_parameter_history, Name="/shop/url") == "ParameterNotFound"


class ssm_answer:
    """Equal to an answer with this version."""

    def __init__(self, version):
        self.version = version

    def __eq__(self, other):
        return other["Version"] == self.version and other["Tier"] == "Standard"

    def __repr__(self):
        return f"version {self.version}"


def test_labels(ssm):
    ssm.put_parameter(Name="labelled", Value="1", Type="String")
    ssm.put_parameter(Name="labelled", Value="2", Overwrite=True)
    done = ssm.label_parameter_version(Name="labelled", ParameterVersion=1,
                                       Labels=["live", "1st"])
    assert done["InvalidLabels"] == ["1st"]
    assert ssm.get_parameter(Name="labelled:live")["Parameter"]["Value"] == "1"
    ssm.label_parameter_version(Name="labelled", Labels=["live"])
    assert ssm.get_parameter(Name="labelled:live")["Parameter"]["Value"] == "2"
    assert [h["Labels"] for h in ssm.get_parameter_history(Name="labelled")["Parameters"]] == \
        [[], ["live"]]
    gone = ssm.unlabel_parameter_version(Name="labelled", ParameterVersion=2,
                                         Labels=["live", "other"])
    assert (gone["RemovedLabels"], gone["InvalidLabels"]) == (["live"], ["other"])
    assert code(ssm.get_parameter, Name="labelled:live") == "ParameterVersionNotFound"
    assert code(ssm.label_parameter_version, Name="labelled", ParameterVersion=9,
                Labels=["x"]) == "ParameterVersionNotFound"


def test_paths_filters_and_pages(ssm):
    for name in ("/path/a", "/path/b", "/path/deep/c", "/pathology"):
        ssm.put_parameter(Name=name, Value=name, Type="String")
    names = [p["Name"] for p in ssm.get_parameters_by_path(Path="/path")["Parameters"]]
    assert names == ["/path/a", "/path/b"]
    names = []
    for page in ssm.get_paginator("get_parameters_by_path").paginate(
            Path="/path/", Recursive=True, PaginationConfig={"PageSize": 1}):
        names += [p["Name"] for p in page["Parameters"]]
    assert names == ["/path/a", "/path/b", "/path/deep/c"]
    found = ssm.describe_parameters(ParameterFilters=[
        {"Key": "Name", "Option": "BeginsWith", "Values": ["/path"]},
        {"Key": "Type", "Values": ["String"]}])["Parameters"]
    assert [p["Name"] for p in found] == ["/path/a", "/path/b", "/path/deep/c", "/pathology"]
    old = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["/path/d"]}])
    assert [p["Name"] for p in old["Parameters"]] == ["/path/deep/c"]
    assert code(ssm.describe_parameters, ParameterFilters=[
        {"Key": "Label", "Values": ["x"]}]) == "InvalidFilterKey"
    for key in ("Name", "Tier", "tag:a"):
        assert code(ssm.get_parameters_by_path, Path="/path", ParameterFilters=[
            {"Key": key, "Values": ["x"]}]) == "InvalidFilterKey"
    ssm.label_parameter_version(Name="/path/b", Labels=["live"])
    ssm.put_parameter(Name="/path/b", Value="newer", Overwrite=True)
    live = ssm.get_parameters_by_path(Path="/path", ParameterFilters=[{"Key": "Label", "Values": ["no", "live"]}])
    assert [(p["Name"], p["Value"], p["Version"]) for p in live["Parameters"]] == [("/path/b", "/path/b", 1)]
    got = ssm.get_parameters(Names=["/path/b", "/nowhere", "/path/a"])
    assert [p["Name"] for p in got["Parameters"]] == ["/path/a", "/path/b"]
    assert got["InvalidParameters"] == ["/nowhere"]
    gone = ssm.delete_parameters(Names=["/path/a", "/nowhere"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == (["/path/a"], ["/nowhere"])


def test_tags_of_parameters(ssm):
    ssm.put_parameter(Name="tagged", Value="x", Type="String", Tags=[{"Key": "a", "Value": "1"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="tagged",
                             Tags=[{"Key": "b", "Value": "2"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="tagged", TagKeys=["a"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="tagged")[
        "TagList"] == [{"Key": "b", "Value": "2"}]
    assert [p["Name"] for p in ssm.describe_parameters(ParameterFilters=[
        {"Key": "tag:b", "Values": ["2"]}])["Parameters"]] == ["tagged"]
    assert code(ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId="no") == \
        "InvalidResourceId"


def test_bad_parameters(ssm):
    put = ssm.put_parameter
    assert code(put, Name="aws-thing", Value="x", Type="String") == "ValidationException"
    assert code(put, Name="no/levels", Value="x", Type="String") == "ValidationException"
    assert code(put, Name="a b", Value="x", Type="String") == "ValidationException"
    assert code(put, Name="/" + "/".join("abcdefghijklmnop"), Value="x", Type="String") == \
        "HierarchyLevelLimitExceededException"
    assert code(put, Name="untyped", Value="x") == "ValidationException"
    assert code(put, Name="big", Value="x" * 4097, Type="String") == "ValidationException"
    put(Name="big", Value="x" * 4097, Type="String", Tier="Advanced")
    assert code(put, Name="big", Value="x", Overwrite=True, Tier="Standard") == "ValidationException"
    assert put(Name="big", Value="x", Overwrite=True, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert code(put, Name="pattern", Value="x", Type="String", AllowedPattern=r"^\d+$") == \
        "ParameterPatternMismatchException"
    assert code(put, Name="pattern", Value="x", Type="String", AllowedPattern="(") == \
        "InvalidAllowedPatternException"


def test_policies_speak_of_parameters(ssm, shared_server):
    ssm.put_parameter(Name="/team/mine", Value="x", Type="String")
    ssm.put_parameter(Name="/other", Value="x", Type="String")
    keys = shared_server.user("reader", {
        "Effect": "Allow", "Action": "ssm:GetParameter*",
        "Resource": f"arn:aws:ssm:*:{shared_server.account}:parameter/team/*"})
    mine = shared_server.client("ssm", keys=keys)
    assert mine.get_parameter(Name="/team/mine")["Parameter"]["Value"] == "x"
    assert code(mine.get_parameter, Name="/other") == "AccessDeniedException"
    assert code(mine.get_parameters, Names=["/team/mine", "/other"]) == "AccessDeniedException"


def test_versions_of_a_secret(sm):
    made = sm.create_secret(Name="shop/db", SecretString="one", Description="d",
                            ClientRequestToken="a" * 32, Tags=[{"Key": "k", "Value": "v"}])
    assert made["ARN"].startswith("arn:aws:secretsmanager:") and made["VersionId"] == "a" * 32
    assert sm.create_secret(Name="shop/db", SecretString="one", ClientRequestToken="a" * 32)[
        "VersionId"] == "a" * 32
    assert code(sm.create_secret, Name="shop/db", SecretString="x") == "ResourceExistsException"
    put = sm.put_secret_value(SecretId=made["ARN"], SecretString="two",
                              ClientRequestToken="b" * 32)
    assert put["VersionStages"] == ["AWSCURRENT"]
    assert code(sm.put_secret_value, SecretId="shop/db", SecretString="other",
                ClientRequestToken="b" * 32) == "ResourceExistsException"
    assert sm.get_secret_value(SecretId="shop/db")["SecretString"] == "two"
    assert sm.get_secret_value(SecretId=made["ARN"][:-7], VersionStage="AWSPREVIOUS")[
        "SecretString"] == "one"
    assert sm.get_secret_value(SecretId="shop/db", VersionId="a" * 32)["SecretString"] == "one"
    sm.put_secret_value(SecretId="shop/db", SecretString="next", ClientRequestToken="c" * 32,
                        VersionStages=["AWSPENDING"])
    assert sm.get_secret_value(SecretId="shop/db")["SecretString"] == "two"
    assert code(sm.update_secret_version_stage, SecretId="shop/db", VersionStage="AWSCURRENT",
                MoveToVersionId="c" * 32) == "InvalidParameterException"
    sm.update_secret_version_stage(SecretId="shop/db", VersionStage="AWSCURRENT",
                                   MoveToVersionId="c" * 32, RemoveFromVersionId="b" * 32)
    seen = sm.describe_secret(SecretId="shop/db")
    assert seen["VersionIdsToStages"] == {
        "b" * 32: ["AWSPREVIOUS"], "c" * 32: ["AWSPENDING", "AWSCURRENT"]}
    assert seen["Tags"] == [{"Key": "k", "Value": "v"}] and seen["Description"] == "d"
    listed = sm.list_secret_version_ids(SecretId="shop/db", IncludeDeprecated=True)["Versions"]
    assert sorted(v["VersionId"] for v in listed) == ["a" * 32, "b" * 32, "c" * 32]
    assert code(sm.get_secret_value, SecretId="shop/db", VersionStage="NOWHERE") == \
        "ResourceNotFoundException"
    assert code(sm.get_secret_value, SecretId="nobody") == "ResourceNotFoundException"


def call(server, operation, **request):
    """An operation that this boto3 does not know yet."""
    signed = AWSRequest("POST", server.endpoint, data=json.dumps(request), headers={
        "X-Amz-Target": f"secretsmanager.{operation}",
        "Content-Type": "application/x-amz-json-1.1"})
    SigV4Auth(Credentials(*server.keys()), "secretsmanager", server.region).add_auth(signed)
    with urllib.request.urlopen(urllib.request.Request(
            server.endpoint, signed.data.encode(), dict(signed.headers))) as answer:
        return json.load(answer)


def test_changing_and_listing_secrets(sm, shared_server):
    for name in ("list/a", "list/b", "list/c"):
        sm.create_secret(Name=name, SecretBinary=b"\x00\x01")
    sm.update_secret(SecretId="list/b", Description="new", SecretString="text")
    assert sm.get_secret_value(SecretId="list/a")["SecretBinary"] == b"\x00\x01"
    assert sm.get_secret_value(SecretId="list/b")["SecretString"] == "text"
    names = []
    for page in sm.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": ["list/"]}], PaginationConfig={"PageSize": 2}):
        names += [s["Name"] for s in page["SecretList"]]
    assert names == ["list/a", "list/b", "list/c"]
    both = call(shared_server, "BatchGetSecretValue", SecretIdList=["list/b", "list/none"])
    assert [v["SecretString"] for v in both["SecretValues"]] == ["text"]
    assert both["Errors"][0]["ErrorCode"] == "ResourceNotFoundException"
    sm.tag_resource(SecretId="list/a", Tags=[{"Key": "x", "Value": "1"}, {"Key": "y", "Value": "2"}])
    sm.untag_resource(SecretId="list/a", TagKeys=["x"])
    many = [{"Key": f"k{n}", "Value": ""} for n in range(51)]
    assert code(sm.tag_resource, SecretId="list/a", Tags=many) == "InvalidRequestException"
    assert code(sm.tag_resource, SecretId="list/a", Tags=many[:50]) == "InvalidRequestException"  # and y
    assert code(sm.create_secret, Name="list/many", SecretString="x", Tags=many) == "InvalidRequestException"
    assert sm.describe_secret(SecretId="list/a")["Tags"] == [{"Key": "y", "Value": "2"}]
    assert code(sm.create_secret, Name="bad name") == "ValidationException"


def test_deletion_has_a_window(sm, shared_server):
    sm.create_secret(Name="gone", SecretString="x")
    assert code(sm.delete_secret, SecretId="gone", RecoveryWindowInDays=3) == \
        "InvalidParameterException"
    sm.delete_secret(SecretId="gone", RecoveryWindowInDays=7)
    assert code(sm.get_secret_value, SecretId="gone") == "InvalidRequestException"
    assert code(sm.create_secret, Name="gone", SecretString="y") == "InvalidRequestException"
    assert "gone" not in [s["Name"] for s in sm.list_secrets()["SecretList"]]
    assert "gone" in [s["Name"] for s in call(shared_server, "ListSecrets",
                                              IncludePlannedDeletion=True)["SecretList"]]
    sm.restore_secret(SecretId="gone")
    assert sm.get_secret_value(SecretId="gone")["SecretString"] == "x"
    sm.delete_secret(SecretId="gone", RecoveryWindowInDays=7)
    sm.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    assert code(sm.describe_secret, SecretId="gone") == "ResourceNotFoundException"
    assert sm.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)["Name"] == "gone"
    assert code(sm.delete_secret, SecretId="gone") == "ResourceNotFoundException"


def test_policy_of_a_secret(sm, shared_server):
    arn = sm.create_secret(Name="shared", SecretString="for all")["ARN"]
    keys = shared_server.user("sam")
    sam = shared_server.client("secretsmanager", keys=keys)
    assert code(sam.get_secret_value, SecretId="shared") == "AccessDeniedException"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Principal": {"AWS": f"arn:aws:iam::{shared_server.account}:user/sam"}}]})
    assert sm.validate_resource_policy(SecretId=arn, ResourcePolicy=policy)[
        "PolicyValidationPassed"]
    sm.put_resource_policy(SecretId="shared", ResourcePolicy=policy, BlockPublicPolicy=True)
    assert sam.get_secret_value(SecretId="shared")["SecretString"] == "for all"
    assert json.loads(sm.get_resource_policy(SecretId="shared")["ResourcePolicy"]) == \
        json.loads(policy)
    sm.delete_resource_policy(SecretId="shared")
    assert code(sam.get_secret_value, SecretId="shared") == "AccessDeniedException"
    for wrong in ("{", policy.replace("Allow", "Alow"), '{"Version": "2012-10-17", "Statement": 5}'):
        assert code(sm.put_resource_policy, SecretId="shared", ResourcePolicy=wrong) == \
            "MalformedPolicyDocumentException"
    for principal in ("*", {"AWS": ["*"]}):
        statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
                     "Principal": principal, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
        public = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        assert code(sm.put_resource_policy, SecretId="shared", ResourcePolicy=public,
                    BlockPublicPolicy=True) == "PublicPolicyException"
        assert not sm.validate_resource_policy(ResourcePolicy=public)["PolicyValidationPassed"]
        statement["Condition"]["StringEquals"] = {"aws:PrincipalAccount": shared_server.account}
        narrowed = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        assert sm.validate_resource_policy(ResourcePolicy=narrowed)["PolicyValidationPassed"]
        # what holds for all networks and for whoever is not somebody leaves it open
        for condition in ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
                          {"StringNotEquals": {"aws:PrincipalAccount": "1" * 12}}):
            statement["Condition"] = condition
            public = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            assert not sm.validate_resource_policy(ResourcePolicy=public)["PolicyValidationPassed"]


def test_policies_speak_of_stages(sm, shared_server):
    """Who names no version reads the current one, and needs permission for that."""
    sm.create_secret(Name="staged", SecretString="1")
    sm.put_secret_value(SecretId="staged", SecretString="2")
    keys = shared_server.user("stage", {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
                                        "Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}})
    stage = shared_server.client("secretsmanager", keys=keys)
    assert stage.get_secret_value(SecretId="staged")["SecretString"] == "2"
    assert stage.get_secret_value(SecretId="staged", VersionStage="AWSCURRENT")["SecretString"] == "2"
    assert code(stage.get_secret_value, SecretId="staged", VersionStage="AWSPREVIOUS") == "AccessDeniedException"


def test_random_passwords(sm):
    text = sm.get_random_password(PasswordLength=20, ExcludePunctuation=True,
                                  ExcludeCharacters="abc0")["RandomPassword"]
    assert len(text) == 20 and text.isalnum() and not set(text) & set("abc0")
    assert any(c.isdigit() for c in text) and any(c.isupper() for c in text)
    assert code(sm.get_random_password, PasswordLength=1) == "InvalidParameterException"


def test_nothing_secret_lies_on_the_disk(ssm, sm, shared_server):
    ssm.put_parameter(Name="/sealed", Value="parameter-in-the-clear", Type="SecureString")
    sm.create_secret(Name="sealed", SecretString="secret-in-the-clear")
    hidden = ssm.get_parameter(Name="/sealed")["Parameter"]["Value"]
    assert hidden != "parameter-in-the-clear"
    assert ssm.get_parameter(Name="/sealed", WithDecryption=True)["Parameter"]["Value"] == \
        "parameter-in-the-clear"
    found = subprocess.run(["grep", "-rlaE", "(parameter|secret)-in-the-clear",
                            shared_server.data], stdout=subprocess.PIPE, text=True)
    assert found.stdout == ""


def finish(codebuild, build_id):
    def done():
        build = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
        return build if build["buildComplete"] else None
    return eventually(done, what="the build ends")


def project(server, name, buildspec, **environment):
    server.client("codebuild").create_project(
        name=name, source={"type": "NO_SOURCE", "buildspec": textwrap.dedent(buildspec)},
        artifacts={"type": "NO_ARTIFACTS"}, environment=dict(ENVIRONMENT, **environment),
        serviceRole=f"arn:aws:iam::{server.account}:role/build")


def test_builds_read_references(ssm, sm, shared_server):
    """They arrive decrypted, are masked in the log, and a missing one fails the download."""
    codebuild = shared_server.client("codebuild")
    ssm.put_parameter(Name="/build/token", Value="t0k3n-value", Type="SecureString")
    ssm.put_parameter(Name="/build/level", Value="debug", Type="String")
    sm.create_secret(Name="build/db", SecretString=json.dumps({"user": "u", "password": "pa55"}))
    project(shared_server, "refs", """
        version: 0.2
        env:
          parameter-store: {TOKEN: /build/token, LEVEL: /build/level, OVER: /build/nothing}
          secrets-manager: {PASSWORD: "build/db:password", WHOLE: "build/db"}
          exported-variables: [LENGTHS, FROM_PROJECT]
        phases:
          build:
            commands:
              - echo "the token is $TOKEN at $LEVEL"
              - LENGTHS="${#TOKEN} ${#PASSWORD} ${#WHOLE} $FROM_PROJECT"
        """, environmentVariables=[
            {"name": "OVER", "value": "plain"},
            {"name": "FROM_PROJECT", "value": "/build/level", "type": "PARAMETER_STORE"}])
    build = finish(codebuild, codebuild.start_build(projectName="refs")["build"]["id"])
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    whole = len(json.dumps({"user": "u", "password": "pa55"}))
    assert build["exportedEnvironmentVariables"] == [
        {"name": "LENGTHS", "value": f"11 4 {whole} debug"}]
    with open(os.path.join(shared_server.data, "builds", build["id"].split(":")[1], "log"),
              "rb") as f:
        log = f.read()
    assert b"the token is *** at ***" in log and b"t0k3n-value" not in log

    project(shared_server, "missing", """
        version: 0.2
        env: {secrets-manager: {X: "build/db:nothing"}}
        phases: {build: {commands: ["true"]}}
        """)
    build = finish(codebuild, codebuild.start_build(projectName="missing")["build"]["id"])
    failed = next(p for p in build["phases"] if p["phaseStatus"] != "SUCCEEDED")
    assert failed["phaseType"] == "DOWNLOAD_SOURCE"
    assert "secret build/db has no JSON key nothing" in failed["contexts"][0]["message"]
    build = finish(codebuild, codebuild.start_build(
        projectName="missing", environmentVariablesOverride=[
            {"name": "X", "value": "/not/there", "type": "PARAMETER_STORE"}])["build"]["id"])
    failed = next(p for p in build["phases"] if p["phaseStatus"] != "SUCCEEDED")
    assert "Parameter does not exist: /not/there" in failed["contexts"][0]["message"]
