# SPDX-License-Identifier: Apache-2.0
"""Reports as gates of a pipeline: coverage and findings measured by a real build against the
threshold of a ReportGate rule; a failed build tried again by the stage."""
import io
import zipfile

import pytest

from pipelines import (action, approval, client, executions, pipeline, s3_source, stage_state,
                       wait, wait_execution)

BUILDSPEC = """version: 0.2
phases:
  build:
    commands:
      - test ! -f fail
reports:
  coverage:
    files: [lcov.info]
    file-format: LCOV
  lint:
    files: [lint.sarif]
    file-format: SARIF
"""


def rule(name, provider, **configuration):
    return {"name": name, "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": provider,
                                         "version": "1"}, "configuration": configuration}


def gate(metric, threshold, group="shop-coverage"):
    return rule(metric, "ReportGate", ReportGroup=group, Metric=metric, Threshold=threshold)


class Shop:
    """A source of three files, its build and a pipeline with gates behind the build."""

    def __init__(self, server):
        self.server = server
        self.cp, self.s3 = client(server), server.client("s3")
        for name in ("artifacts", "source"):
            self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(Bucket="source",
                                      VersioningConfiguration={"Status": "Enabled"})
        server.client("codebuild").create_project(
            name="shop", source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"},
            environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                         "computeType": "BUILD_GENERAL1_SMALL"},
            serviceRole="arn:aws:iam::123456789012:role/build")

    def put(self, covered, level, fail=False):
        files = {"buildspec.yml": BUILDSPEC,
                 "lcov.info": f"SF:pay.js\nLF:1000\nLH:{covered}\nend_of_record\n",
                 "lint.sarif": '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":'
                               f'[{{"ruleId":"r","level":"{level}","message":{{"text":"bad"}}}}]}}]}}'}
        if fail:
            files["fail"] = "x"
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as z:
            for name, text in files.items():
                z.writestr(name, text)
        self.s3.put_object(Bucket="source", Key="app.zip", Body=body.getvalue())

    def create(self, name, **conditions):
        build = action("Build", "CodeBuild", "Make", {"ProjectName": "shop"}, inputs=["App"])
        self.cp.create_pipeline(pipeline=pipeline(
            name, ("Source", s3_source("source", "app.zip", PollForSourceChanges="false")),
            dict({"name": "Build", "actions": [build]}, **conditions),
            ("Ask", approval()), pipelineType="V2"))

    def newest(self, name):
        """A new pipeline runs at once, and with each change of its source."""
        return wait(lambda: executions(self.cp, name))[0]["pipelineExecutionId"]


@pytest.fixture
def shop(server):
    return Shop(server)


def test_gates(shop):
    shop.put(covered=873, level="error")
    shop.create("shop", onSuccess={"conditions": [{"result": "FAIL", "rules": [
        gate("LineCoverage", "90"), gate("Errors", "0", group="shop-lint"),
        gate("Warnings", "0", group="shop-lint")]}]})
    first = shop.newest("shop")
    assert wait_execution(shop.cp, "shop", first, timeout=180) == "Failed"
    state = stage_state(shop.cp, "shop", "Build")
    assert state["latestExecution"]["status"] == "Failed"
    said = "line coverage 87.3% of shop-coverage is below 90%"
    condition = state["onSuccessConditionState"]
    assert condition["latestExecution"]["status"] == "Failed"
    assert said in condition["latestExecution"]["summary"]
    rules = {r["ruleName"]: r["latestExecution"]
             for r in condition["conditionStates"][0]["ruleStates"]}
    assert rules["LineCoverage"]["errorDetails"] == {"code": "RuleFailed", "message": said}
    assert rules["Errors"]["errorDetails"]["message"] == "1 error in shop-lint is more than 0"
    assert rules["Warnings"]["status"] == "Succeeded"
    got = shop.cp.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=first)
    assert said in got["pipelineExecution"]["statusSummary"]
    details = shop.cp.list_rule_executions(
        pipelineName="shop", filter={"pipelineExecutionId": first})["ruleExecutionDetails"]
    assert sorted(d["ruleName"] for d in details) == ["Errors", "LineCoverage", "Warnings"]
    one = [d for d in details if d["ruleName"] == "LineCoverage"][0]
    assert one["status"] == "Failed" and one["stageName"] == "Build"
    assert one["input"]["ruleTypeId"]["provider"] == "ReportGate"
    assert one["input"]["resolvedConfiguration"]["Threshold"] == "90"
    assert one["output"]["executionResult"]["errorDetails"]["message"] == said
    assert [d["actionName"] for d in shop.cp.list_action_executions(
        pipelineName="shop")["actionExecutionDetails"]] == ["Make", "Source"]
    shown = shop.server.towpath("pipeline", "shop").stdout
    assert "on success: LineCoverage" in shown and said in shown
    # Somebody takes the responsibility.
    shop.cp.override_stage_condition(pipelineName="shop", stageName="Build",
                                     pipelineExecutionId=first, conditionType="ON_SUCCESS")
    wait(lambda: stage_state(shop.cp, "shop", "Ask").get("latestExecution", {}).get(
        "pipelineExecutionId") == first)
    # Better code passes by itself.
    shop.put(covered=921, level="note")
    second = wait(lambda: shop.newest("shop") != first and shop.newest("shop"))
    wait(lambda: stage_state(shop.cp, "shop", "Build")["latestExecution"] == {
        "pipelineExecutionId": second, "status": "Succeeded", "type": "STANDARD"}, timeout=180)
    rules = stage_state(shop.cp, "shop", "Build")["onSuccessConditionState"]["conditionStates"][0]["ruleStates"]
    assert rules[0]["latestExecution"]["summary"] == "line coverage 92.1% of shop-coverage is at least 90%"


def test_a_failed_build_is_tried_again(shop):
    shop.put(covered=1000, level="note", fail=True)
    shop.create("again", onFailure={"result": "RETRY",
                                    "retryConfiguration": {"retryMode": "FAILED_ACTIONS"}})
    first = shop.newest("again")
    assert wait_execution(shop.cp, "again", first, timeout=180) == "Failed"
    makes = [d for d in shop.cp.list_action_executions(pipelineName="again")["actionExecutionDetails"]
             if d["actionName"] == "Make"]
    assert [d["status"] for d in makes] == ["Failed", "Failed"]
    assert stage_state(shop.cp, "again", "Build")["retryStageMetadata"] == {
        "autoStageRetryAttempt": 1, "latestRetryTrigger": "AutomatedStageRetry"}
