# SPDX-License-Identifier: Apache-2.0
"""The main road: a push by git, a real build, an approval, a deployment to S3; a build whose
command fails; the server killed on the way."""
import json
import os

import pytest

from builds import HELD, Builds
from pipelines import (action, answer, approval, client, codecommit, executions, pipeline,
                       s3_deploy, stage_state, wait, wait_execution, wait_token)

BUILDSPEC = """version: 0.2
env:
  exported-variables:
    - GREETING
phases:
  build:
    commands:
      - test ! -f fail
      - export GREETING="hello $WHO from $CODEBUILD_INITIATOR"
      - mkdir out && echo "$GREETING" > out/index.html
artifacts:
  base-directory: out
  files:
    - '**/*'
"""


class Shop:
    """A repository with its project, buckets and pipeline."""

    def __init__(self, server, buildspec=BUILDSPEC, **project):
        self.server = server
        self.cp, self.s3 = client(server), server.client("s3")
        for name in ("artifacts", "site"):
            self.s3.create_bucket(Bucket=name)
        server.client("codecommit").create_repository(repositoryName="shop")
        self.builds = server.newest_client("codebuild")
        self.builds.create_project(
            name="shop", source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"},
            environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                         "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole="arn:aws:iam::123456789012:role/build", **project)
        self.work = os.path.join(server.data, "work")
        server.run("git", "init", "-q", "-b", "main", "work")
        self.write("buildspec.yml", buildspec)
        self.push("first")
        self.cp.create_pipeline(pipeline=self.definition())

    def definition(self):
        build = action("Build", "CodeBuild", "Make", {
            "ProjectName": "shop",
            "EnvironmentVariables": '[{"name":"WHO","value":"#{SourceVariables.BranchName}"}]'},
            inputs=["App"], outputs=["Out"], namespace="BuildVariables")
        return pipeline(
            "shop", ("Source", codecommit("shop")), ("Build", build),
            ("Approve", approval(CustomData="#{BuildVariables.GREETING}")),
            ("Publish", s3_deploy("site", artifact="Out")))

    def write(self, name, text):
        with open(os.path.join(self.work, name), "w", encoding="utf-8") as f:
            f.write(text)

    def push(self, text):
        git = ["git", "-C", self.work]
        self.server.run(*git, "add", ".")
        self.server.run(*git, "commit", "-qm", text)
        self.server.run(*git, "push", "-q", self.server.git_url("shop"), "main")

    def newest(self):
        return executions(self.cp, "shop")[0]["pipelineExecutionId"]

    def make(self):
        """The latest execution of the action that builds, and its build."""
        latest = stage_state(self.cp, "shop", "Build")["actionStates"][0].get("latestExecution", {})
        build = latest.get("externalExecutionId")
        return latest, self.builds.batch_get_builds(ids=[build])["builds"][0] if build else {}

    def restart(self):
        self.server.kill9()
        self.server.start()
        self.cp, self.s3 = client(self.server), self.server.client("s3")
        self.builds = self.server.newest_client("codebuild")

    def page(self):
        return self.s3.get_object(Bucket="site", Key="index.html")["Body"].read().decode()


@pytest.fixture
def shop(server):
    return Shop(server)


def test_from_push_to_site(shop):
    first = shop.newest()
    wait_token(shop.cp, "shop", "Approve")
    assert json.loads(shop.server.towpath("approve", "--json", "shop").stdout) == {
        "pipeline": "shop", "stage": "Approve", "action": "Ask", "status": "Approved"}
    assert wait_execution(shop.cp, "shop", first) == "Succeeded"
    assert shop.page() == "hello main from codepipeline/shop\n"
    details = shop.cp.list_action_executions(pipelineName="shop")["actionExecutionDetails"]
    by_name = {d["actionName"]: d for d in details}
    assert by_name["Ask"]["input"]["resolvedConfiguration"] == {
        "CustomData": "hello main from codepipeline/shop"}
    build = by_name["Make"]["output"]
    build_id = build["executionResult"]["externalExecutionId"]
    assert build["outputVariables"] == {"GREETING": "hello main from codepipeline/shop"}
    assert build_id.startswith("shop:") and build_id in build["executionResult"][
        "externalExecutionUrl"]
    got = shop.server.client("codebuild").batch_get_builds(ids=[build_id])["builds"][0]
    assert got["initiator"] == "codepipeline/shop"
    # The next push comes by itself; its command fails, and the state says which.
    shop.write("fail", "x")
    shop.push("a bad one")
    wait(lambda: shop.newest() != first)
    second = shop.newest()
    assert wait_execution(shop.cp, "shop", second) == "Failed"
    latest = stage_state(shop.cp, "shop", "Build")["actionStates"][0]["latestExecution"]
    assert latest["errorDetails"]["code"] == "JobFailed"
    text = latest["errorDetails"]["message"]
    assert text.startswith("Build terminated with state: FAILED. Phase: BUILD, Code: "
                           "COMMAND_EXECUTION_ERROR, Message: Error while executing command: "
                           "test ! -f fail. Reason: exit status 1"), text
    assert shop.page() == "hello main from codepipeline/shop\n"
    # What the command line says of it, for programs.
    lines = shop.server.towpath("logs", "--json", build_id).stdout.splitlines()
    assert any("mkdir out" in json.loads(line)["message"] for line in lines)
    assert json.loads(shop.server.towpath("retry", "--json", "shop").stdout) == {
        "pipeline": "shop", "stage": "Build", "execution": second}
    assert wait_execution(shop.cp, "shop", second) == "Failed"
    told = json.loads(shop.server.towpath("rollback", "--json", "--stage", "Build", "shop").stdout)
    assert told["target"] == first and told["stage"] == "Build" and told["execution"]


def test_build_of_a_clone(shop):
    """CODEBUILD_CLONE_REF: the build has the repository with its history, at the commit."""
    shop.write("buildspec.yml", BUILDSPEC.replace(
        'export GREETING="hello $WHO from $CODEBUILD_INITIATOR"',
        'export GREETING="$(git rev-parse HEAD) $(git log --format=%s | tr \'\\n\' " ")"'))
    shop.push("second")
    wanted = shop.definition()
    wanted["name"] = "cloned"
    wanted["stages"].pop(2)  # the approval
    source = wanted["stages"][0]["actions"][0]
    source["configuration"]["OutputArtifactFormat"] = "NONE"
    with pytest.raises(shop.cp.exceptions.InvalidActionDeclarationException, match="CODEBUILD_CLONE_REF, not NONE"):
        shop.cp.create_pipeline(pipeline=wanted)
    source["configuration"]["OutputArtifactFormat"] = "CODEBUILD_CLONE_REF"
    shop.cp.create_pipeline(pipeline=wanted)
    first = executions(shop.cp, "cloned")[0]["pipelineExecutionId"]
    assert wait_execution(shop.cp, "cloned", first) == "Succeeded"
    head = shop.server.run("git", "-C", shop.work, "rev-parse", "HEAD").stdout.strip()
    assert shop.page().split() == [head, "second", "first"]
    # it is the build that fetches, under its role
    iam = shop.server.client("iam")
    iam.put_role_policy(RoleName="build", PolicyName="no", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "codecommit:GitPull", "Resource": "*"}]}))
    second = shop.cp.start_pipeline_execution(name="cloned")["pipelineExecutionId"]
    assert wait_execution(shop.cp, "cloned", second) == "Failed"
    iam.delete_role_policy(RoleName="build", PolicyName="no")


def test_killed_on_the_way(shop):
    """kill -9 while the approval waits and again while a build runs: all goes on."""
    first = shop.newest()
    token = wait_token(shop.cp, "shop", "Approve")
    shop.restart()
    assert wait_token(shop.cp, "shop", "Approve") == token
    shop.write("buildspec.yml", BUILDSPEC.replace("      - mkdir out", f"      - {HELD}\n      - mkdir out"))
    shop.push("slower")
    wait(lambda: shop.newest() != first)
    second = shop.newest()
    build = wait(lambda: shop.make()[0].get("status") == "InProgress" and shop.make()[0].get("externalExecutionId"))
    shop.restart()
    Builds(shop.server).go(build)
    answer(shop.cp, "shop", "Approve")
    assert wait_execution(shop.cp, "shop", first) == "Succeeded"
    wait(lambda: stage_state(shop.cp, "shop", "Approve")["latestExecution"][
        "pipelineExecutionId"] == second)
    answer(shop.cp, "shop", "Approve")
    assert wait_execution(shop.cp, "shop", second) == "Succeeded"
    details = shop.cp.list_action_executions(
        pipelineName="shop", filter={"pipelineExecutionId": second})["actionExecutionDetails"]
    assert sorted(d["actionName"] for d in details) == ["Ask", "Make", "Publish", "Source"]


def test_automatic_retries(server):
    """The action goes with the retries of its build, over a kill -9: it succeeds with the one that succeeds, and fails
    when the last one has failed."""
    shop = Shop(server, BUILDSPEC.replace("test ! -f fail", 'test "$CODEBUILD_BUILD_NUMBER" = 3'), autoRetryLimit=2)
    first = shop.newest()
    wait(lambda: shop.make()[1].get("buildNumber", 0) > 1)
    shop.restart()
    answer(shop.cp, "shop", "Approve")
    assert wait_execution(shop.cp, "shop", first) == "Succeeded"
    assert shop.page() == "hello main from codepipeline/shop\n"
    latest, build = shop.make()
    assert latest["summary"] == "Succeeded with automatic retry 2 of 2"
    assert build["buildNumber"] == 3 and build["initiator"] == "codepipeline/shop"
    assert "nextAutoRetry" not in build["autoRetryConfig"]
    shop.write("fail", "x")
    shop.push("a bad one")
    wait(lambda: shop.newest() != first)
    assert wait_execution(shop.cp, "shop", shop.newest()) == "Failed"
    latest, build = shop.make()
    assert latest["errorDetails"]["message"].startswith(
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while "
        "executing command: test"), latest
    numbers = []
    while build:
        numbers.append(build["buildNumber"])
        before = build["autoRetryConfig"].get("previousAutoRetry")
        build = before and shop.builds.batch_get_builds(ids=[before])["builds"][0]
    assert numbers == [6, 5, 4]
    assert len(shop.builds.list_builds()["ids"]) == 6
