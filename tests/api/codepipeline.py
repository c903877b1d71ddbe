# SPDX-License-Identifier: Apache-2.0
"""The operations of codepipeline through boto3 and the aws CLI, with real sources in S3 and
CodeCommit, approvals and deployments to S3."""
import datetime
import json

import botocore.exceptions
import pytest
from asking import code_of as code
from asking import message_of as message

from pipelines import (action, answer, approval, client, codecommit, executions, pipeline, s3_deploy,
                       s3_source, stage_state, wait, wait_execution, wait_token, with_buckets, zipped)


@pytest.fixture
def cp(shared_server):
    return client(shared_server)


@pytest.fixture
def s3(shared_server):
    return with_buckets(shared_server)


def make(cp, s3, name, *middle, **more):
    """Source in S3 -> what is given -> published to the site bucket under the name."""
    key = f"{name}.zip"
    s3.put_object(Bucket="incoming", Key=key, Body=zipped(index_html=f"<p>{name}", a__b_txt="b"))
    cp.create_pipeline(pipeline=pipeline(
        name, ("Source", s3_source("incoming", key)), *middle,
        ("Publish", s3_deploy("site", ObjectKey=name)), **more))
    return executions(cp, name)[0]["pipelineExecutionId"]


def test_from_object_to_site(cp, s3):
    first = make(cp, s3, "plain")
    assert wait_execution(cp, "plain", first) == "Succeeded"
    page = s3.get_object(Bucket="site", Key="plain/index.html")
    assert page["Body"].read() == b"<p>plain" and page["ContentType"] == "text/html"
    assert s3.get_object(Bucket="site", Key="plain/a/b.txt")["Body"].read() == b"b"
    execution = cp.get_pipeline_execution(pipelineName="plain", pipelineExecutionId=first)[
        "pipelineExecution"]
    revision = execution["artifactRevisions"][0]
    version = s3.head_object(Bucket="incoming", Key="plain.zip")["VersionId"]
    assert revision["revisionId"] == version and revision["name"] == "App"
    assert execution["trigger"]["triggerType"] == "CreatePipeline"
    details = cp.list_action_executions(pipelineName="plain")["actionExecutionDetails"]
    assert [d["actionName"] for d in details] == ["Publish", "Source"]
    where = details[1]["output"]["outputArtifacts"][0]["s3location"]
    assert where["bucket"] == "artifacts" and where["key"].startswith("plain/App/")
    assert s3.head_object(Bucket="artifacts", Key=where["key"])["ContentLength"] > 0
    assert details[0]["input"]["inputArtifacts"][0]["s3location"] == where
    assert details[1]["output"]["outputVariables"]["VersionId"] == version
    # A new object starts the next execution by itself.
    s3.put_object(Bucket="incoming", Key="plain.zip", Body=zipped(index_html="second"))
    wait(lambda: len(executions(cp, "plain")) == 2)
    second = executions(cp, "plain")[0]
    assert second["trigger"] == {"triggerType": "PollForSourceChanges", "triggerDetail": "Source"}
    assert wait_execution(cp, "plain", second["pipelineExecutionId"]) == "Succeeded"
    assert s3.get_object(Bucket="site", Key="plain/index.html")["Body"].read() == b"second"
    # An older version on request.
    third = cp.start_pipeline_execution(name="plain", clientRequestToken="again", sourceRevisions=[
        {"actionName": "Source", "revisionType": "S3_OBJECT_VERSION_ID",
         "revisionValue": version}])["pipelineExecutionId"]
    assert third == cp.start_pipeline_execution(name="plain", clientRequestToken="again")[
        "pipelineExecutionId"]
    assert wait_execution(cp, "plain", third) == "Succeeded"
    assert s3.get_object(Bucket="site", Key="plain/index.html")["Body"].read() == b"<p>plain"


def test_missing_object_fails_the_source(cp, s3):
    cp.create_pipeline(pipeline=pipeline(
        "lost", ("Source", s3_source("incoming", "nowhere.zip")),
        ("Publish", s3_deploy("site"))))
    first = executions(cp, "lost")[0]["pipelineExecutionId"]
    assert wait_execution(cp, "lost", first) == "Failed"
    error = stage_state(cp, "lost", "Source")["actionStates"][0]["latestExecution"]["errorDetails"]
    assert error["code"] == "ConfigurationError"
    assert "nowhere.zip" in error["message"] and "incoming" in error["message"]
    assert "latestExecution" not in stage_state(cp, "lost", "Publish")


def test_approval(cp, s3, shared_server):
    first = make(cp, s3, "asks", ("Gate", approval(
        CustomData="version #{SourceVariables.VersionId}")))
    token = wait_token(cp, "asks", "Gate")
    assert code(cp.put_approval_result, pipelineName="asks", stageName="Gate", actionName="Ask",
                token="11111111-2222-3333-4444-555555555555",
                result={"status": "Approved", "summary": ""}) == "InvalidApprovalTokenException"
    state = stage_state(cp, "asks", "Gate")
    assert state["latestExecution"] == {
        "pipelineExecutionId": first, "status": "InProgress", "type": "STANDARD"}
    # Others wait in front of it, the newest alone.
    second = cp.start_pipeline_execution(name="asks")["pipelineExecutionId"]
    wait(lambda: "inboundExecution" in stage_state(cp, "asks", "Gate"))
    third = cp.start_pipeline_execution(name="asks")["pipelineExecutionId"]
    assert wait_execution(cp, "asks", second) == "Superseded"
    got = shared_server.aws(
        "codepipeline", "put-approval-result", "--pipeline-name", "asks", "--stage-name", "Gate",
        "--action-name", "Ask", "--token", token, "--result", "status=Approved,summary=fine")
    assert "approvedAt" in got
    assert wait_execution(cp, "asks", first) == "Succeeded"
    assert code(cp.put_approval_result, pipelineName="asks", stageName="Gate", actionName="Ask",
                token=token, result={"status": "Approved", "summary": ""}) == \
        "ApprovalAlreadyCompletedException"
    answer(cp, "asks", "Gate", "Rejected", summary="no")
    assert wait_execution(cp, "asks", third) == "Failed"
    latest = stage_state(cp, "asks", "Gate")["actionStates"][0]["latestExecution"]
    assert latest["status"] == "Failed" and latest["summary"] == "no"
    details = cp.list_action_executions(
        pipelineName="asks", filter={"pipelineExecutionId": first})["actionExecutionDetails"]
    gate = [d for d in details if d["stageName"] == "Gate"][0]
    version = s3.head_object(Bucket="incoming", Key="asks.zip")["VersionId"]
    assert gate["input"]["resolvedConfiguration"] == {"CustomData": f"version {version}"}
    assert gate["input"]["configuration"] == {
        "CustomData": "version #{SourceVariables.VersionId}"}
    # Asking again makes a new token.
    cp.retry_stage_execution(pipelineName="asks", stageName="Gate", pipelineExecutionId=third,
                             retryMode="FAILED_ACTIONS")
    answer(cp, "asks", "Gate")
    assert wait_execution(cp, "asks", third) == "Succeeded"


def test_stop_and_retry(cp, s3):
    first = make(cp, s3, "stops", ("Gate", approval()))
    wait_token(cp, "stops", "Gate")
    cp.stop_pipeline_execution(pipelineName="stops", pipelineExecutionId=first, reason="lunch")
    assert code(cp.stop_pipeline_execution, pipelineName="stops", pipelineExecutionId=first) == \
        "DuplicatedStopRequestException"
    cp.stop_pipeline_execution(pipelineName="stops", pipelineExecutionId=first, abandon=True)
    assert wait_execution(cp, "stops", first) == "Stopped"
    assert executions(cp, "stops")[0]["stopTrigger"] == {"reason": "lunch"}
    assert code(cp.stop_pipeline_execution, pipelineName="stops", pipelineExecutionId=first) == \
        "PipelineExecutionNotStoppableException"
    cp.retry_stage_execution(pipelineName="stops", stageName="Gate", pipelineExecutionId=first,
                             retryMode="ALL_ACTIONS")
    answer(cp, "stops", "Gate")
    assert wait_execution(cp, "stops", first) == "Succeeded"
    assert stage_state(cp, "stops", "Gate")["retryStageMetadata"] == {
        "manualStageRetryAttempt": 1, "latestRetryTrigger": "ManualStageRetry"}
    assert code(cp.retry_stage_execution, pipelineName="stops", stageName="Gate",
                pipelineExecutionId=first, retryMode="FAILED_ACTIONS") == \
        "StageNotRetryableException"


def test_the_very_next_read_sees_a_change(cp, s3):
    make(cp, s3, "fresh", ("Gate", approval()))
    for number in range(20):
        change = cp.disable_stage_transition if number % 2 == 0 else cp.enable_stage_transition
        reason = {"reason": f"number {number}"} if number % 2 == 0 else {}
        stage_state(cp, "fresh", "Publish")  # the answer that could be kept too long
        change(pipelineName="fresh", stageName="Publish", transitionType="Inbound", **reason)
        door = stage_state(cp, "fresh", "Publish")["inboundTransitionState"]
        assert door["enabled"] is (number % 2 == 1)
        assert number % 2 or door["disabledReason"] == reason["reason"]
    stage_state(cp, "fresh", "Publish")
    cp.delete_pipeline(name="fresh")
    assert code(cp.get_pipeline_state, name="fresh") == "PipelineNotFoundException"


def test_transitions(cp, s3):
    first = make(cp, s3, "doors", ("Gate", approval()))
    cp.disable_stage_transition(pipelineName="doors", stageName="Publish",
                                transitionType="Inbound", reason="not before monday")
    answer(cp, "doors", "Gate")
    wait(lambda: "inboundExecution" in stage_state(cp, "doors", "Publish"))
    door = stage_state(cp, "doors", "Publish")
    assert door["inboundTransitionState"]["enabled"] is False
    assert door["inboundTransitionState"]["disabledReason"] == "not before monday"
    assert door["inboundExecution"]["pipelineExecutionId"] == first
    cp.enable_stage_transition(pipelineName="doors", stageName="Publish", transitionType="Inbound")
    assert wait_execution(cp, "doors", first) == "Succeeded"
    assert code(cp.enable_stage_transition, pipelineName="doors", stageName="Nope",
                transitionType="Inbound") == "StageNotFoundException"


def test_rollback(cp, s3):
    good = make(cp, s3, "back")
    wait_execution(cp, "back", good)
    s3.put_object(Bucket="incoming", Key="back.zip", Body=zipped(index_html="bad"))
    wait(lambda: len(executions(cp, "back")) == 2)
    wait_execution(cp, "back", executions(cp, "back")[0]["pipelineExecutionId"])
    back = cp.rollback_stage(pipelineName="back", stageName="Publish",
                             targetPipelineExecutionId=good)["pipelineExecutionId"]
    assert wait_execution(cp, "back", back) == "Succeeded"
    assert s3.get_object(Bucket="site", Key="back/index.html")["Body"].read() == b"<p>back"
    summary = executions(cp, "back")[0]
    assert summary["executionType"] == "ROLLBACK"
    assert summary["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    assert summary["trigger"]["triggerType"] == "ManualRollback"
    assert code(cp.rollback_stage, pipelineName="back", stageName="Source",
                targetPipelineExecutionId=good) == "UnableToRollbackStageException"
    done = cp.list_pipeline_executions(
        pipelineName="back", filter={"succeededInStage": {"stageName": "Publish"}})
    assert len(done["pipelineExecutionSummaries"]) == 2


def test_definitions(cp, s3, shared_server):
    definition = pipeline("defined", ("Source", s3_source("incoming", "x.zip")),
                          ("Publish", s3_deploy("site")))
    made = cp.create_pipeline(pipeline=definition, tags=[{"key": "team", "value": "a"}])
    assert made["tags"] == [{"key": "team", "value": "a"}]
    assert made["pipeline"]["pipelineType"] == "V1"
    assert made["pipeline"]["executionMode"] == "SUPERSEDED"
    got = cp.get_pipeline(name="defined")
    assert got["pipeline"] == made["pipeline"] and got["pipeline"]["version"] == 1
    arn = got["metadata"]["pipelineArn"]
    assert arn == f"arn:aws:codepipeline:us-east-1:{shared_server.account}:defined"
    # What GetPipeline answers can be sent back as it is.
    assert cp.update_pipeline(pipeline=got["pipeline"])["pipeline"]["version"] == 2
    assert cp.get_pipeline(name="defined", version=1)["pipeline"]["version"] == 1
    assert code(cp.get_pipeline, name="defined", version=9) == "PipelineVersionNotFoundException"
    assert code(cp.create_pipeline, pipeline=definition) == "PipelineNameInUseException"
    assert message(cp.get_pipeline_state, name="nope") == (
        f"Account '{shared_server.account}' does not have a pipeline with name 'nope'")
    assert "does not include a pipeline with the name 'nope'" in message(
        cp.update_pipeline, pipeline=dict(definition, name="nope"))
    assert "less than or equal to 999" in message(cp.create_pipeline, pipeline=pipeline(
        "p", ("Source", dict(s3_source("b", "k"), runOrder=1000)), ("P", s3_deploy("site"))))
    assert code(cp.create_pipeline, pipeline=pipeline(
        "p", ("Source", s3_source("incoming", "k")))) == "InvalidStructureException"
    cp.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    cp.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert cp.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    assert code(cp.tag_resource, resourceArn=arn + "x", tags=[]) == "ResourceNotFoundException"
    assert "defined" in [p["name"] for p in cp.list_pipelines()["pipelines"]]
    page = cp.list_pipelines(maxResults=1)
    assert len(page["pipelines"]) == 1 and "nextToken" in page
    cp.delete_pipeline(name="defined")
    cp.delete_pipeline(name="defined")
    assert code(cp.get_pipeline, name="defined") == "PipelineNotFoundException"


def test_variables_and_modes(cp, s3):
    first = make(cp, s3, "vars",
                 ("Gate", approval(CustomData="#{variables.who} #{codepipeline.PipelineExecutionId}")),
                 pipelineType="V2", executionMode="QUEUED",
                 variables=[{"name": "who", "defaultValue": "nobody"}])
    second = cp.start_pipeline_execution(name="vars", variables=[
        {"name": "who", "value": "me"}, {"name": "unknown", "value": "x"}])["pipelineExecutionId"]
    assert cp.get_pipeline_execution(pipelineName="vars", pipelineExecutionId=second)[
        "pipelineExecution"]["variables"] == [{"name": "who", "resolvedValue": "me"}]
    for execution, who in ((first, "nobody"), (second, "me")):
        wait(lambda e=execution: stage_state(cp, "vars", "Gate").get("latestExecution", {}).get(
            "pipelineExecutionId") == e)
        details = cp.list_action_executions(pipelineName="vars", filter={
            "latestInPipelineExecution": {"pipelineExecutionId": execution,
                                          "startTimeRange": "Latest"}})["actionExecutionDetails"]
        assert details[0]["input"]["resolvedConfiguration"]["CustomData"] == f"{who} {execution}"
        answer(cp, "vars", "Gate")
        assert wait_execution(cp, "vars", execution) == "Succeeded"
    assert code(cp.start_pipeline_execution, name="vars", variables=[
        {"name": "who", "value": "a"}, {"name": "who", "value": "b"}]) == "ValidationException"
    assert code(cp.start_pipeline_execution, name="vars", sourceRevisions=[
        {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "a" * 40}]) == \
        "ValidationException"


def test_conditions(cp, s3):
    def check(value):
        return {"conditions": [{"result": "FAIL", "rules": [{
            "name": "check", "ruleTypeId": {"category": "Rule", "owner": "AWS",
                                            "provider": "VariableCheck", "version": "1"},
            "configuration": {"Variable": "#{SourceVariables.ObjectKey}", "Operator": "EQ",
                              "Value": value}}]}]}
    first = make(cp, s3, "rules", {"name": "Gate", "actions": [approval()],
                                   "beforeEntry": check("other")})
    assert wait_execution(cp, "rules", first) == "Failed"
    state = stage_state(cp, "rules", "Gate")
    assert state["beforeEntryConditionState"]["latestExecution"]["status"] == "Failed"
    cp.override_stage_condition(pipelineName="rules", stageName="Gate", pipelineExecutionId=first,
                                conditionType="BEFORE_ENTRY")
    answer(cp, "rules", "Gate")
    assert wait_execution(cp, "rules", first) == "Succeeded"
    assert stage_state(cp, "rules", "Gate")["beforeEntryConditionState"]["latestExecution"][
        "status"] == "Overridden"
    assert code(cp.override_stage_condition, pipelineName="rules", stageName="Gate",
                pipelineExecutionId=first, conditionType="BEFORE_ENTRY") == \
        "ConditionNotOverridableException"


def rule(provider, **configuration):
    return {"name": "check", "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": provider,
                                            "version": "1"}, "configuration": configuration}


def condition(result, *rules):
    return {"conditions": [{"result": result, "rules": list(rules)}]}


def rule_state(cp, name, member="beforeEntryConditionState"):
    state = stage_state(cp, name, "Gate").get(member, {})
    return (state.get("latestExecution", {}).get("status"),
            state["conditionStates"][0]["ruleStates"][0]["latestExecution"] if state else {})


def test_rule_types(cp):
    types = {t["id"]["provider"]: t for t in cp.list_rule_types()["ruleTypes"]}
    assert sorted(types) == [
        "CloudWatchAlarm", "CodeBuild", "Commands", "DeploymentWindow", "ReportGate", "VariableCheck"]
    assert [p["name"] for p in types["CloudWatchAlarm"]["ruleConfigurationProperties"]] == [
        "AlarmName", "AlarmStates", "WaitTime"]
    assert types["CodeBuild"]["inputArtifactDetails"]["minimumCount"] == 1
    assert not [t for t in cp.list_action_types()["actionTypes"] if t["id"]["category"] == "Rule"]


@pytest.mark.parametrize("result, made, says", [
    ("FAIL", rule("LambdaInvoke", FunctionName="f"), "rules of type LambdaInvoke are not available here"),
    ("FAIL", rule("Commands"), "Rule check must have a non-empty commands field"),
    ("FAIL", rule("CloudWatchAlarm"), "is missing required configuration 'AlarmName'"),
    ("FAIL", rule("CloudWatchAlarm", AlarmName="a", WaitTime="soon"), "WaitTime 'soon' is not a number"),
    ("FAIL", rule("CloudWatchAlarm", AlarmName="a", Other="b"), "contains unknown configuration 'Other'"),
    ("SKIP", rule("CloudWatchAlarm", AlarmName="a"), "Result SKIP of stage 'Gate' can only be used"),
    ("FAIL", rule("DeploymentWindow", Cron="0 0 25 ? * *"), "'25' is not a hour of a cron expression"),
    ("FAIL", rule("DeploymentWindow", Cron="* * * ? * *", TimeZone="Mars/Base"),
     "there is no time zone 'Mars/Base'; use UTC, UTC+HH:MM or a zone such as Europe/Berlin"),
    ("FAIL", rule("DeploymentWindow", Cron="* * * ? * *", TimeZone="../../../etc/passwd"), "there is no time zone"),
    ("FAIL", rule("ReportGate", ReportGroup="g", Metric="Luck", Threshold="1"), "Metric 'Luck' is none of"),
    ("FAIL", rule("ReportGate", ReportGroup="g", Metric="PassRate", Threshold="x"), "Threshold 'x' is not a number"),
])
def test_rules_refused(cp, s3, result, made, says):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        make(cp, s3, "refused", {"name": "Gate", "actions": [approval()],
                                 "beforeEntry": condition(result, made)})
    assert e.value.response["Error"]["Code"] == "InvalidStageDeclarationException"
    assert says in e.value.response["Error"]["Message"]


def test_variable_check_operators(cp, s3):
    """Each against the source's object key (NAME.zip), once as it holds and once as it does not."""
    key = "#{SourceVariables.ObjectKey}"
    def check(name, operator, value):
        return dict(rule("VariableCheck", Variable=key, Operator=operator, Value=value), name=name)

    holds = [check("a", "EQ", "holds.zip"), check("b", "NE", "Holds.zip"), check("c", "CONTAINS", "s.z"),
             check("d", "MATCHES", "[a-z]+\\.zip")]
    first = make(cp, s3, "holds", {"name": "Gate", "actions": [approval()], "beforeEntry": condition("FAIL", *holds)})
    wait(lambda: rule_state(cp, "holds")[0] in ("Succeeded", "Failed"))
    assert rule_state(cp, "holds")[0] == "Succeeded", stage_state(cp, "holds", "Gate")
    answer(cp, "holds", "Gate")
    assert wait_execution(cp, "holds", first) == "Succeeded"
    for rule_of in (check("a", "EQ", "Fails-a.zip"), check("b", "NE", "fails-b.zip"), check("c", "CONTAINS", "C.Z"),
                    check("d", "MATCHES", "zip")):
        name = "fails-" + rule_of["name"]
        first = make(cp, s3, name, {"name": "Gate", "actions": [approval()],
                                    "beforeEntry": condition("FAIL", rule_of)})
        assert wait_execution(cp, name, first) == "Failed"
        assert "does not hold" in rule_state(cp, name)[1]["errorDetails"]["message"]


def test_alarm_before_entry(cp, s3, shared_server):
    cw = shared_server.client("cloudwatch")
    cw.put_metric_alarm(AlarmName="gate", Namespace="n", MetricName="m", Statistic="Sum", Period=86400,
                        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                        TreatMissingData="ignore")  # the state that is set stays
    cw.set_alarm_state(AlarmName="gate", StateValue="ALARM", StateReason="test")
    first = make(cp, s3, "alarmed", {"name": "Gate", "actions": [approval()], "beforeEntry": condition(
        "FAIL", rule("CloudWatchAlarm", AlarmName="gate", WaitTime="600"))})
    wait(lambda: rule_state(cp, "alarmed")[1].get("status") == "InProgress")
    assert rule_state(cp, "alarmed")[0] == "InProgress"
    details = cp.list_rule_executions(pipelineName="alarmed")["ruleExecutionDetails"]
    assert [(d["ruleName"], d["status"]) for d in details] == [("check", "InProgress")]
    # The alarm's change wakes the rule; nothing waits for a clock.
    cw.set_alarm_state(AlarmName="gate", StateValue="OK", StateReason="test")
    wait(lambda: rule_state(cp, "alarmed")[0] == "Succeeded")
    assert rule_state(cp, "alarmed")[1]["summary"] == "Alarm gate is in state OK"
    answer(cp, "alarmed", "Gate")
    assert wait_execution(cp, "alarmed", first) == "Succeeded"


def test_alarm_on_success_and_override_while_it_runs(cp, s3, shared_server):
    cw = shared_server.client("cloudwatch")
    cw.put_metric_alarm(AlarmName="after", Namespace="n", MetricName="m", Statistic="Sum", Period=86400,
                        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                        TreatMissingData="ignore")  # the state that is set stays
    cw.set_alarm_state(AlarmName="after", StateValue="OK", StateReason="test")
    stage = {"name": "Gate", "actions": [approval()], "onSuccess": condition(
        "FAIL", rule("CloudWatchAlarm", AlarmName="after", WaitTime="600"))}
    first = make(cp, s3, "watched", stage)
    answer(cp, "watched", "Gate")
    wait(lambda: rule_state(cp, "watched", "onSuccessConditionState")[0] == "InProgress")
    cw.set_alarm_state(AlarmName="after", StateValue="ALARM", StateReason="test")
    assert wait_execution(cp, "watched", first) == "Failed"
    assert rule_state(cp, "watched", "onSuccessConditionState")[1]["errorDetails"]["message"] == (
        "Alarm after is in state ALARM")
    cw.set_alarm_state(AlarmName="after", StateValue="OK", StateReason="test")
    second = cp.start_pipeline_execution(name="watched")["pipelineExecutionId"]
    wait(lambda: stage_state(cp, "watched", "Gate")["latestExecution"]["pipelineExecutionId"] == second)
    answer(cp, "watched", "Gate")
    wait(lambda: rule_state(cp, "watched", "onSuccessConditionState")[0] == "InProgress")
    cp.override_stage_condition(pipelineName="watched", stageName="Gate", pipelineExecutionId=second,
                                conditionType="ON_SUCCESS")
    assert wait_execution(cp, "watched", second) == "Succeeded"
    status, latest = rule_state(cp, "watched", "onSuccessConditionState")
    assert status == "Overridden" and latest["status"] == "Abandoned"


def test_composite_alarm_before_entry(cp, s3, shared_server):
    cw = shared_server.client("cloudwatch")
    cw.put_metric_alarm(AlarmName="part", Namespace="n", MetricName="m", Statistic="Sum", Period=86400,
                        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                        TreatMissingData="ignore")
    cw.set_alarm_state(AlarmName="part", StateValue="ALARM", StateReason="test")
    cw.put_composite_alarm(AlarmName="whole", AlarmRule="ALARM(part)")
    wait(lambda: cw.describe_alarms(AlarmNames=["whole"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0][
        "StateValue"] == "ALARM")
    first = make(cp, s3, "whole", {"name": "Gate", "actions": [approval()], "beforeEntry": condition(
        "FAIL", rule("CloudWatchAlarm", AlarmName="whole", WaitTime="600"))})
    wait(lambda: rule_state(cp, "whole")[1].get("status") == "InProgress")
    cw.set_alarm_state(AlarmName="part", StateValue="OK", StateReason="test")
    wait(lambda: rule_state(cp, "whole")[0] == "Succeeded")
    assert rule_state(cp, "whole")[1]["summary"] == "Alarm whole is in state OK"
    answer(cp, "whole", "Gate")
    assert wait_execution(cp, "whole", first) == "Succeeded"


def test_deployment_window(cp, s3):
    # the hour of the zone, not of UTC
    def window(hour):
        return condition("FAIL", rule("DeploymentWindow", Cron=f"* * {hour} ? * *", TimeZone="Asia/Kolkata"))

    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=5, minutes=30)))
    make(cp, s3, "there", {"name": "Gate", "actions": [approval()],
                           "beforeEntry": window(f"{now.hour},{(now.hour + 1) % 24}")})
    wait(lambda: rule_state(cp, "there")[0] == "Succeeded")
    make(cp, s3, "elsewhere", {"name": "Gate", "actions": [approval()], "beforeEntry": window((now.hour + 5) % 24)})
    wait(lambda: rule_state(cp, "elsewhere")[1].get("status") == "InProgress")
    first = make(cp, s3, "open", {"name": "Gate", "actions": [approval()], "beforeEntry": condition(
        "FAIL", rule("DeploymentWindow", Cron="* * * ? * * *", TimeZone="UTC+02:00"))})
    answer(cp, "open", "Gate")
    assert wait_execution(cp, "open", first) == "Succeeded"
    second = make(cp, s3, "closed", {"name": "Gate", "actions": [approval()], "beforeEntry": condition(
        "FAIL", rule("DeploymentWindow", Cron="0 0 0 1 1 ? 2199"))})
    wait(lambda: rule_state(cp, "closed")[1].get("status") == "InProgress")
    cp.stop_pipeline_execution(pipelineName="closed", pipelineExecutionId=second)
    assert wait_execution(cp, "closed", second) == "Stopped"
    assert rule_state(cp, "closed")[0] == "Abandoned"


def test_pages(cp, s3):
    make(cp, s3, "pages")
    for _ in range(4):
        wait_execution(cp, "pages", cp.start_pipeline_execution(name="pages")[
            "pipelineExecutionId"])
    ids = []
    for page in cp.get_paginator("list_pipeline_executions").paginate(
            pipelineName="pages", PaginationConfig={"PageSize": 2}):
        ids += [x["pipelineExecutionId"] for x in page["pipelineExecutionSummaries"]]
    assert ids == [x["pipelineExecutionId"] for x in executions(cp, "pages")] and len(ids) == 5
    starts = []
    for page in cp.get_paginator("list_action_executions").paginate(
            pipelineName="pages", PaginationConfig={"PageSize": 3}):
        starts += [x["startTime"] for x in page["actionExecutionDetails"]]
    assert len(starts) == 10 and starts == sorted(starts, reverse=True)
    assert code(cp.list_action_executions, pipelineName="pages", nextToken="x") == \
        "InvalidNextTokenException"
    assert code(cp.list_action_executions, pipelineName="pages", filter={
        "pipelineExecutionId": "11111111-2222-3333-4444-555555555555"}) == \
        "PipelineExecutionNotFoundException"


def test_action_types(cp):
    types = cp.list_action_types(actionOwnerFilter="AWS")["actionTypes"]
    names = {(t["id"]["category"], t["id"]["provider"]) for t in types}
    assert names >= {("Source", "CodeCommit"), ("Source", "S3"), ("Build", "CodeBuild"),
                     ("Test", "CodeBuild"), ("Approval", "Manual"), ("Deploy", "CodeDeploy"),
                     ("Deploy", "S3"), ("Deploy", "CodeDeployToECS"), ("Deploy", "ECS")}
    build = [t for t in types if t["id"]["category"] == "Build"][0]
    assert {"name": "ProjectName", "required": True}.items() <= \
        build["actionConfigurationProperties"][0].items()


def test_what_is_not_built_says_so(cp):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        cp.list_webhooks()
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_permissions(cp, s3, shared_server):
    first = make(cp, s3, "guarded", ("Gate", approval()))
    arn = f"arn:aws:codepipeline:us-east-1:{shared_server.account}:guarded"
    keys = shared_server.user("approver", {
        "Effect": "Allow", "Action": "codepipeline:PutApprovalResult",
        "Resource": f"{arn}/Gate/Ask"}, {
        "Effect": "Allow", "Action": "codepipeline:GetPipelineState", "Resource": arn})
    approver = client(shared_server, keys)
    assert code(approver.start_pipeline_execution, name="guarded") == "AccessDeniedException"
    assert code(approver.get_pipeline_state, name="other") == "AccessDeniedException"
    answer(approver, "guarded", "Gate")
    assert wait_execution(cp, "guarded", first) == "Succeeded"
    latest = stage_state(cp, "guarded", "Gate")["actionStates"][0]["latestExecution"]
    assert latest["lastUpdatedBy"].endswith(":user/approver")


def test_from_push_to_site(cp, s3, server):
    """A push by git, with the branch filter of the source action."""
    cp, s3 = client(server), server.client("s3")
    for name in ("artifacts", "site"):
        s3.create_bucket(Bucket=name)
    server.client("codecommit").create_repository(repositoryName="shop")
    cp.create_pipeline(pipeline=pipeline(
        "pushed", ("Source", codecommit("shop", PollForSourceChanges="false")),
        ("Publish", s3_deploy("site"))))
    first = executions(cp, "pushed")[0]["pipelineExecutionId"]
    assert wait_execution(cp, "pushed", first) == "Failed"  # nothing was pushed yet
    error = stage_state(cp, "pushed", "Source")["actionStates"][0]["latestExecution"][
        "errorDetails"]["message"]
    assert "main" in error and "shop" in error
    server.run("git", "init", "-q", "-b", "main", "work")
    with open(f"{server.data}/work/index.html", "w", encoding="utf-8") as f:
        f.write("pushed")
    git = ["git", "-C", "work"]
    server.run(*git, "add", ".")
    server.run(*git, "commit", "-qm", "Add the page\n\nwith a body")
    server.run(*git, "push", "-q", server.git_url("shop"), "main:other")
    server.run(*git, "push", "-q", server.git_url("shop"), "main")
    wait(lambda: len(executions(cp, "pushed")) == 2)
    second = executions(cp, "pushed")[0]
    assert second["trigger"]["triggerType"] == "CloudWatchEvent"
    assert wait_execution(cp, "pushed", second["pipelineExecutionId"]) == "Succeeded"
    assert s3.get_object(Bucket="site", Key="index.html")["Body"].read() == b"pushed"
    head = server.run(*git, "rev-parse", "HEAD").stdout.strip()
    details = cp.list_action_executions(
        pipelineName="pushed", filter={"pipelineExecutionId": second["pipelineExecutionId"]})[
        "actionExecutionDetails"]
    variables = details[1]["output"]["outputVariables"]
    assert variables["CommitId"] == head and variables["BranchName"] == "main"
    assert variables["RepositoryName"] == "shop"
    assert variables["CommitMessage"].startswith("Add the page")
    assert len(executions(cp, "pushed")) == 2


def test_bad_build_variables_fail_clearly(cp, s3):
    """What a variable puts into JSON is put in as text: quotes break it, and the error says so."""
    first = make(cp, s3, "quoted", ("Build", action(
        "Build", "CodeBuild", "Make", {"ProjectName": "none", "EnvironmentVariables": json.dumps(
            [{"name": "A", "value": "#{variables.text}"}])}, inputs=["App"])),
        pipelineType="V2", variables=[{"name": "text", "defaultValue": "say \"hi\""}])
    assert wait_execution(cp, "quoted", first) == "Failed"
    error = stage_state(cp, "quoted", "Build")["actionStates"][0]["latestExecution"]["errorDetails"]
    assert error["code"] == "InvalidActionConfiguration"
    assert "EnvironmentVariables is not a JSON array" in error["message"]
