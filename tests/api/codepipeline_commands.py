# SPDX-License-Identifier: Apache-2.0
"""Commands actions and rules of pipelines: shell commands without a project, in real isolated builds."""
import io
import json
import os
import signal
import zipfile

import botocore.exceptions
import pytest
from asking import eventually
from pipelines import (action, client, executions, pipeline, s3_deploy, s3_source, stage_state, wait_execution)


class World:
    """Two sources in S3, and a role that trusts pipelines only."""

    def __init__(self, server):
        self.server, self.cp, self.s3 = server, client(server), server.client("s3")
        for name in ("artifacts", "incoming", "site"):
            self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket="incoming", VersioningConfiguration={"Status": "Enabled"})
        self.put("app.zip", {"tool.sh": "echo tool of $WHO", "data/version": "7"})
        self.put("lib.zip", {"lib.txt": "lib"})
        self.role = server.service_role("commands", "codepipeline.amazonaws.com", {
            "Effect": "Allow", "Action": ["s3:*", "sts:GetCallerIdentity"], "Resource": "*"})

    def put(self, key, files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            for name, text in files.items():
                z.writestr(name, text)
        self.s3.put_object(Bucket="incoming", Key=key, Body=out.getvalue())

    def create(self, name, *stages, **more):
        lib = action("Source", "S3", "Lib", {"S3Bucket": "incoming", "S3ObjectKey": "lib.zip"}, outputs=["Lib"])
        self.cp.create_pipeline(pipeline=dict(pipeline(
            name, ("Source", s3_source("incoming", "app.zip"), lib), *stages, **more), roleArn=self.role))

    def run(self, name, *stages, **more):
        self.create(name, *stages, **more)
        return wait_execution(self.cp, name, executions(self.cp, name)[0]["pipelineExecutionId"])

    def detail(self, name, action_name="Do"):
        rows = self.cp.list_action_executions(pipelineName=name)["actionExecutionDetails"]
        return next(r for r in rows if r["actionName"] == action_name)

    def lines(self, name):
        logs = self.server.client("logs")
        group = f"/aws/codepipeline/{name}"
        return [e["message"].rstrip("\n") for e in logs.filter_log_events(logGroupName=group)["events"]]


@pytest.fixture(scope="module")
def world(shared_server):
    return World(shared_server)


def commands(*lines, inputs=("App",), outputs=(), configuration=None, **more):
    made = action("Compute", "Commands", "Do", configuration, inputs=inputs, commands=list(lines), **more)
    return dict(made, outputArtifacts=[{"name": n, "files": files} for n, files in outputs])


def test_whole(world):
    """Inputs where they are documented to be, the environment with a secret, the identity, the outputs, the log."""
    secrets = world.server.client("secretsmanager")
    secret = secrets.create_secret(Name="token", SecretString="s3cr3t-value")["ARN"]
    world.server.client("iam").put_role_policy(RoleName="commands", PolicyName="more", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}]}))
    status = world.run("whole", ("Work", commands(
        "sh tool.sh",
        'test "$(cat "$CODEBUILD_SRC_DIR_Lib/lib.txt")" = lib',
        'export RELEASE="$WHO-$(cat data/version)" && cd data',
        'mkdir ../out && echo "$RELEASE of #{SourceVariables.ETag}" > ../out/page.html',
        'echo "the secret is $TOKEN"; test "$TOKEN" = s3cr3t-value',
        "aws sts get-caller-identity --query Arn --output text",
        inputs=["App", "Lib"], outputs=[("Out", ["out/*", "tool.sh"])], namespace="Work",
        outputVariables=["RELEASE"], environmentVariables=[
            {"name": "WHO", "value": "#{SourceVariables.ObjectKey}"},
            {"name": "TOKEN", "value": secret, "type": "SECRETS_MANAGER"}])),
        ("Publish", s3_deploy("site", artifact="Out", ObjectKey="#{Work.RELEASE}")))
    assert status == "Succeeded", (world.detail("whole"), world.lines("whole"))
    page = world.s3.get_object(Bucket="site", Key="app.zip-7/out/page.html")["Body"].read().decode()
    tag = world.s3.head_object(Bucket="incoming", Key="app.zip")["ETag"].strip('"')
    assert page.startswith("app.zip-7 of ") and tag in page
    assert world.s3.get_object(Bucket="site", Key="app.zip-7/tool.sh")["Body"].read() == b"echo tool of $WHO"
    detail = world.detail("whole")
    assert detail["output"]["outputVariables"] == {"RELEASE": "app.zip-7"}
    assert "log-group:/aws/codepipeline/whole:log-stream:" in detail["output"]["executionResult"]["logStreamARN"]
    lines = world.lines("whole")
    assert "tool of app.zip" in lines and "the secret is ***" in lines
    assert any(f"arn:aws:sts::{world.server.account}:assumed-role/commands/" in line for line in lines)
    assert world.cp.get_pipeline(name="whole")["pipeline"]["pipelineType"] == "V2"


def test_first_failure_ends_it(world):
    assert world.run("fails", ("Work", commands("echo first", "sh -c 'exit 3'", "echo never"))) == "Failed"
    error = world.detail("fails")["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "JobFailed" and "Phase: BUILD, Code: COMMAND_EXECUTION_ERROR" in error["message"]
    assert "exit status 3" in error["message"]
    assert "first" in world.lines("fails") and "never" not in world.lines("fails")


def test_a_killed_build_fails_the_action(world):
    """kill -9 of the process that owns the build."""
    world.create("killed", ("Work", commands("echo begun", "sleep 300")))
    state = lambda: stage_state(world.cp, "killed", "Work")["actionStates"][0].get("latestExecution", {})  # noqa: E731
    build = eventually(lambda: state().get("externalExecutionId"))
    builds = world.server.client("codebuild")
    eventually(lambda: builds.batch_get_builds(ids=[build])["builds"][0]["currentPhase"] == "BUILD")
    with open(os.path.join(world.server.data, "builds", build.split(":")[1], "status.log"), encoding="utf-8") as f:
        os.kill(json.loads(f.readline())["pid"], signal.SIGKILL)
    assert wait_execution(world.cp, "killed", executions(world.cp, "killed")[0]["pipelineExecutionId"]) == "Failed"
    error = world.detail("killed")["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "JobFailed" and "Phase: BUILD, Code: BUILD_CONTAINER_FOUND_DEAD" in error["message"], error
    assert world.run("killed-not", ("Work", commands("true"))) == "Succeeded"


def test_unknown_variable_fails_before_the_start(world):
    assert world.run("unknown", ("Work", commands("echo #{SourceVariables.Nothing}"))) == "Failed"
    detail = world.detail("unknown")
    assert detail["output"]["executionResult"]["errorDetails"]["code"] == "InvalidActionConfiguration"
    assert "externalExecutionId" not in detail["output"]["executionResult"]


def test_role_must_be_allowed_to_read_the_secret(world):
    secret = world.server.client("secretsmanager").create_secret(Name="other", SecretString="x")["ARN"]
    assert world.run("denied", ("Work", commands("true", environmentVariables=[
        {"name": "TOKEN", "value": secret, "type": "SECRETS_MANAGER"}]))) == "Failed"
    message = world.detail("denied")["output"]["executionResult"]["errorDetails"]["message"]
    assert "assumed-role/commands/" in message and "secretsmanager:GetSecretValue" in message


def rule(*lines, inputs=("App",), **more):
    return {"conditions": [{"result": "FAIL", "rules": [dict({
        "name": "check", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "Commands", "version": "1"},
        "commands": list(lines), "inputArtifacts": [{"name": n} for n in inputs]}, **more)]}]}


def test_rules(world):
    gate = {"name": "Gate", "actions": [commands("true")], "beforeEntry": rule(
        'test "$(cat data/version)" = 7', "test #{SourceVariables.ObjectKey} = app.zip"),
        "onSuccess": rule("ls -A | wc -l", "echo no | grep yes", inputs=())}
    assert world.run("ruled", gate) == "Failed"
    state = stage_state(world.cp, "ruled", "Gate")
    assert state["beforeEntryConditionState"]["latestExecution"]["status"] == "Succeeded"
    assert state["onSuccessConditionState"]["latestExecution"]["status"] == "Failed"
    assert "Error while executing command: echo no | grep yes" in state["onSuccessConditionState"]["latestExecution"]["summary"]
    assert {t["id"]["provider"] for t in world.cp.list_rule_types()["ruleTypes"]} >= {"Commands"}


@pytest.mark.parametrize("made, says", [
    (commands(), "Action Do must have a non-empty commands field"),
    (commands("a\nb"), "multi-line commands are not supported"),
    (commands("true", outputs=[("Out", [])]), "must name the files of output artifact Out"),
    (commands("true", configuration={"EnvironmentType": "WINDOWS_SERVER_2022_CONTAINER"}), "is not available here"),
    (commands("true", configuration={"VpcId": "vpc-1"}), "unknown configuration 'VpcId'"),
    (commands("true", inputs=()), "declares 0 input artifacts which is less than the minimum count (1)"),
    (commands("echo #{Nobody.x}"), "referencing a namespace that does not exist"),
    (commands("true", timeoutInMinutes=56), "may take at most 55 minutes"),
    (action("Approval", "Manual", "Do", commands=["true"]), "only actions of type Commands have commands"),
    (s3_deploy("site") | {"name": "Do", "environmentVariables": [{"name": "A", "value": "b"}]},
     "only actions of type Commands have environmentVariables"),
])
def test_refused(world, made, says):
    if not made.get("commands", True):
        del made["commands"]
    for out in made["outputArtifacts"]:
        if not out.get("files"):
            out.pop("files", None)
    with pytest.raises(botocore.exceptions.ClientError) as e:
        world.create("refused", ("Work", made))
    assert e.value.response["Error"]["Code"] == "InvalidActionDeclarationException"
    assert says in e.value.response["Error"]["Message"]


def test_version_1_refused(world):
    with pytest.raises(botocore.exceptions.ClientError, match="Commands Action can only be used with V2 pipelines"):
        world.create("one", ("Work", commands("true")), pipelineType="V1")


def test_rule_refused(world):
    gate = {"name": "Gate", "actions": [commands("true")], "beforeEntry": rule("true")}
    del gate["beforeEntry"]["conditions"][0]["rules"][0]["commands"]
    with pytest.raises(botocore.exceptions.ClientError, match="Rule check must have a non-empty commands field"):
        world.create("refused", gate)
