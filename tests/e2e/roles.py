# SPDX-License-Identifier: Apache-2.0
"""Services act under roles: who trusts them, what they may, and the credentials of builds."""
import io
import json
import os
import tarfile
import urllib.error
import urllib.request

import botocore.exceptions
import pytest

from builds import ENVIRONMENT, Builds
from pipelines import action, client, codecommit, pipeline, wait_execution


@pytest.fixture(scope="module")
def server():
    from towpath import Server
    s = Server()
    try:
        yield s.start()
    finally:
        s.close()


def error(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def test_roles_must_trust_the_service(server):
    other = server.service_role("other", "ecs-tasks.amazonaws.com")
    none = f"arn:aws:iam::{server.account}:role/none"
    builds, deploys = server.client("codebuild"), server.client("codedeploy")
    project = {"name": "xx", "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {}"},
               "artifacts": {"type": "NO_ARTIFACTS"}, "environment": ENVIRONMENT}
    assert error(builds.create_project, serviceRole=other, **project) == (
        "InvalidInputException", f"codebuild.amazonaws.com is not authorized to perform: sts:AssumeRole on {other} for "
        f"arn:aws:codebuild:{server.region}:{server.account}:project/xx")
    assert error(builds.create_project, serviceRole=none, **project) == (
        "InvalidInputException", f"there is no role {none}")
    deploys.create_application(applicationName="x")
    assert error(deploys.create_deployment_group, applicationName="x", deploymentGroupName="g",
                 serviceRoleArn=other)[0] == "InvalidRoleException"
    definition = dict(pipeline("x", ("Source", codecommit("r")), ("B", action(
        "Build", "CodeBuild", "B", {"ProjectName": "x"}, inputs=["App"]))), roleArn=other)
    assert error(client(server).create_pipeline, pipeline=definition)[0] == "InvalidStructureException"


def test_the_cli_inside_a_build_acts_under_its_role(server):
    role = server.service_role("cli", "codebuild.amazonaws.com", {
        "Effect": "Allow", "Action": "codecommit:ListRepositories", "Resource": "*", "Condition": {
            "ArnLike": {"codebuild:buildArn": "arn:aws:codebuild:*:*:build/cli:*"},
            "StringLike": {"codebuild:projectArn": "*:project/cli"}}}, {
        "Effect": "Allow", "Action": "codecommit:CreateRepository", "Resource": "*", "Condition": {
            "StringLike": {"codebuild:projectArn": "*:project/other"}}})
    builds = Builds(server)
    builds.project("cli", """
        version: 0.2
        phases:
          build:
            commands:
              - aws sts get-caller-identity --query Arn --output text
              - aws codecommit list-repositories
              - test "$(aws codecommit create-repository --repository-name no 2>&1 | grep -c AccessDenied)" = 1
              - echo "token $AWS_CONTAINER_AUTHORIZATION_TOKEN"
              - echo "uri $AWS_CONTAINER_CREDENTIALS_FULL_URI"
              - 'curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN"
                "$AWS_CONTAINER_CREDENTIALS_FULL_URI" > /codebuild/output/c; base64 -w0 /codebuild/output/c'
        """, serviceRole=role)
    done = builds.run("cli")
    log = builds.log(done["id"])
    uuid = done["id"].split(":")[1]
    assert done["buildStatus"] == "SUCCEEDED", log
    assert f"arn:aws:sts::{server.account}:assumed-role/cli/AWSCodeBuild-{uuid}" in log
    assert "token ***" in log
    # what the build had is worth nothing when it has ended
    import base64
    import re
    given = json.loads(base64.b64decode(re.search(r"(eyJBY2Nl[A-Za-z0-9+/=]+)", log).group(1)))
    keys = (given["AccessKeyId"], given["SecretAccessKey"])
    assert error(server.client("sts", keys=keys, token=given["Token"]).get_caller_identity)[0] == (
        "InvalidClientTokenId")
    uri = re.search(r"uri (http://\S+)", log).group(1)
    for ticket in (None, "0" * 64):
        with pytest.raises(urllib.error.HTTPError) as e:
            urllib.request.urlopen(urllib.request.Request(uri, headers={"Authorization": ticket} if ticket else {}))
        assert e.value.code == 403


def test_builds_fetch_and_store_under_their_role(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="in-out")
    s3.put_object(Bucket="in-out", Key="src.zip", Body=b"PK\5\6" + b"\0" * 18)
    role = server.service_role("narrow", "codebuild.amazonaws.com")
    builds = Builds(server)
    builds.project("narrow", "version: 0.2\nphases: {build: {commands: [echo x > out]}}\nartifacts: {files: [out]}",
                   serviceRole=role, source={"type": "S3", "location": "in-out/src.zip", "buildspec":
                                             "version: 0.2\nphases: {build: {commands: ['echo x > out']}}\n"
                                             "artifacts: {files: [out]}"},
                   artifacts={"type": "S3", "location": "in-out", "packaging": "NONE"})

    def failed(wanted):
        done = builds.run("narrow")
        assert done["buildStatus"] == "FAILED"
        texts = [c.get("message", "") for p in done["phases"] for c in p.get("contexts", [])]
        session = f"arn:aws:sts::{server.account}:assumed-role/narrow/AWSCodeBuild-{done['id'].split(':')[1]}"
        assert any(f"User: {session} is not authorized to perform: {wanted}" in t for t in texts), texts

    def may(*actions):
        server.client("iam").put_role_policy(RoleName="narrow", PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": list(actions), "Resource": "arn:aws:s3:::in-out/*"}]}))

    failed("s3:GetObject on resource: arn:aws:s3:::in-out/src.zip")
    may("s3:GetObject")
    failed("s3:PutObject on resource: arn:aws:s3:::in-out/")
    may("s3:GetObject", "s3:PutObject")
    s3.put_bucket_policy(Bucket="in-out", Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::in-out/*/out"}]}))
    failed("s3:PutObject on resource: arn:aws:s3:::in-out/narrow/out with an explicit deny")
    s3.delete_bucket_policy(Bucket="in-out")
    assert builds.run("narrow")["buildStatus"] == "SUCCEEDED"


def test_actions_run_under_their_role(server):
    role = server.service_role("p", "codepipeline.amazonaws.com", {
        "Effect": "Allow", "Action": ["codecommit:*", "s3:*", "codebuild:BatchGetBuilds"], "Resource": "*"})
    server.client("s3").create_bucket(Bucket="artifacts")
    server.client("codecommit").create_repository(repositoryName="acts")
    server.client("codecommit").put_file(repositoryName="acts", branchName="main", fileContent=b"x", filePath="f")
    Builds(server).project("acts", "version: 0.2\nphases: {}", source={"type": "CODEPIPELINE"},
                           artifacts={"type": "CODEPIPELINE"})
    cp = client(server)
    cp.create_pipeline(pipeline=dict(pipeline("acts", ("Source", codecommit("acts")), ("Build", action(
        "Build", "CodeBuild", "Make", {"ProjectName": "acts"}, inputs=["App"]))), roleArn=role))
    first = cp.list_pipeline_executions(pipelineName="acts")["pipelineExecutionSummaries"][0]["pipelineExecutionId"]
    wait_execution(cp, "acts", first, "Failed")
    rows = cp.list_action_executions(pipelineName="acts")["actionExecutionDetails"]
    made = next(r for r in rows if r["actionName"] == "Make")
    details = made["output"]["executionResult"]["errorDetails"]
    assert details["code"] == "PermissionError"
    assert details["message"].startswith(
        f"User: arn:aws:sts::{server.account}:assumed-role/p/{first} is not authorized to perform: "
        f"codebuild:StartBuild on resource: arn:aws:codebuild:us-east-1:{server.account}:project/acts"), details
    assert os.path.exists(server.data)


def test_cache_in_a_bucket(server):
    """A cache of type S3 is brought and stored under the build's role; what it may not do is a line of its log."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="caches")
    s3.put_bucket_policy(Bucket="caches", Policy=json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::caches/some/*",
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}}}))
    role = server.service_role("caching", "codebuild.amazonaws.com", {
        "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::caches", "arn:aws:s3:::caches/*"]})
    builds = Builds(server)
    builds.api = server.newest_client("codebuild")

    def keys():
        return [o["Key"] for o in s3.list_objects_v2(Bucket="caches").get("Contents", [])]

    def run(name, **more):
        build = builds.run(name, **more)
        log = builds.log(build["id"])
        assert build["buildStatus"] == "SUCCEEDED", log
        return log

    def variable(value):
        return [{"name": "LOCK", "value": value}]

    spec = """
        version: 0.2
        phases:
          build:
            commands:
              - ls -l kept /var/tmp/far || true
              - echo "had $(cat kept/file 2>/dev/null || echo nothing) $(readlink kept/link) $(stat -c %%a kept/run)."
              - mkdir -p kept /var/tmp/far && echo %s > /var/tmp/far/file
              - test -e kept/file || { echo "$CODEBUILD_BUILD_NUMBER" > kept/file; ln -s file kept/link; ln -s /etc kept/out;
                touch kept/run; chmod 750 kept/run; }
        cache:
          paths:
            - kept/**/*
            - /var/tmp/far
        %s
        """
    builds.project("cached", spec % ("far", ""), serviceRole=role,
                   cache={"type": "S3", "location": "caches/some/prefix/"})
    log = run("cached")
    assert "There is no cache s3://caches/some/prefix/cached/" in log and "had nothing" in log
    assert "Uploaded cache s3://caches/some/prefix/cached/" in log, log
    log = run("cached")
    assert "Downloaded cache" in log and "had 1 file 750." in log, log
    first, = keys()
    assert first.startswith("some/prefix/cached/")
    # With keys: one object a key that is never replaced, and the newest that begins like a fallback key.
    builds.project("keyed", spec % ("$LOCK", "  key: k-$LOCK\n          fallback-keys: [none-, k-]"), serviceRole=role,
                   cache={"type": "S3", "location": "caches", "cacheNamespace": "shared"})
    assert "had nothing" in run("keyed", environmentVariablesOverride=variable("a"))
    log = run("keyed", environmentVariablesOverride=variable("a"))
    assert "had 1 file" in log and "is there already" in log, log
    log = run("keyed", environmentVariablesOverride=variable("b"))
    assert "had 1 file" in log and "Uploaded cache" in log, log
    assert sorted(k.split("/key/")[1] for k in keys() if k.startswith("shared/")) == ["k-a", "k-b"]
    # Archives that nobody vouches for, and rights that are missing.
    bad = io.BytesIO()
    with tarfile.open(fileobj=bad, mode="w:gz") as tar:
        entry = tarfile.TarInfo("../../etc/escaped")
        tar.addfile(entry)
    s3.put_object(Bucket="caches", Key=first, Body=bad.getvalue(), ServerSideEncryption="aws:kms")
    log = run("cached")
    assert "Unable to download cache" in log and "escaped' has a name that leads out" in log and "had nothing" in log, log
    server.client("iam").put_role_policy(RoleName="caching", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}}))
    log = run("cached")
    assert "Unable to download cache" in log and "Unable to upload cache" in log and "403" in log, log
