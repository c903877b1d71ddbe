# SPDX-License-Identifier: Apache-2.0
"""What the events of pipelines, builds and deployments hold, and what notification rules add to them:
rules to log groups and to a webhook, over executions that really run."""
import json
import re
import time

import pipelines
from asking import eventually
from hosts import commands

MSEC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
US_DATE = re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M$")


def listen(server, name, **pattern):
    """A rule that keeps events in a log group."""
    events = server.newest_client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({k.replace("_", "-"): v for k, v in pattern.items()}))
    events.put_targets(Rule=name, Targets=[
        {"Id": "1", "Arn": f"arn:aws:logs:{server.region}:{server.account}:log-group:/payload/{name}"}])


def heard(server, name, done):
    """The events of the rule, once they fulfil the condition; they come in any order."""
    logs, end = server.client("logs"), time.monotonic() + 120
    while True:
        try:
            got = [json.loads(x["message"]) for x in logs.get_paginator("filter_log_events").paginate(
                logGroupName=f"/payload/{name}").build_full_result()["events"]]
        except logs.exceptions.ResourceNotFoundException:
            got = []
        if done(got):
            return got
        assert time.monotonic() < end, got
        time.sleep(0.05)


def notify(server, name, resource, events, receiver):
    secret = server.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"url": receiver.url}))["ARN"]
    server.client("codestar-notifications").create_notification_rule(
        Name=name, Resource=resource, EventTypeIds=events, DetailType="FULL",
        Targets=[{"TargetType": "Webhook", "TargetAddress": secret}])


def states_of(events, kind, state, **detail):
    return [x for x in events if kind in x["detail-type"] and x["detail"]["state"] == state
            and all(x["detail"].get(k) == v for k, v in detail.items())]


def state_of(events, kind, state, **detail):
    """The one event of this kind and state."""
    found = states_of(events, kind, state, **detail)
    assert len(found) == 1, (kind, state, [x["detail"] for x in events])
    return found[0]


def test_approval_rule_templates(shared_server):
    cc = shared_server.client("codecommit")
    repository = cc.create_repository(repositoryName="templated")["repositoryMetadata"]
    named, repo = {"approvalRuleTemplateName": "two-eyes"}, {"repositoryName": "templated"}
    rule = json.dumps({"Version": "2018-11-08", "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": 1}]})
    listen(shared_server, "templates", source=["aws.codecommit"], detail_type=[
        "CodeCommit Approval Rule Template Change"])
    made = cc.create_approval_rule_template(**named, approvalRuleTemplateContent=rule)["approvalRuleTemplate"]
    cc.update_approval_rule_template_description(**named, approvalRuleTemplateDescription="why")
    for _ in range(2):  # the second changes nothing
        cc.associate_approval_rule_template_with_repository(**named, **repo)
    for _ in range(2):
        cc.disassociate_approval_rule_template_from_repository(**named, **repo)
    cc.batch_associate_approval_rule_template_with_repositories(**named, repositoryNames=["templated", "none"])
    cc.batch_disassociate_approval_rule_template_from_repositories(**named, repositoryNames=["templated"])
    cc.delete_approval_rule_template(**named)
    kind = "approvalRuleTemplate"
    wanted = [kind + "Created", kind + "Updated", kind + "AssociatedWithRepository",
              kind + "DisassociatedFromRepository", "batchAssociateApprovalRuleTemplateWithRepositories",
              "batchDisassociateApprovalRuleTemplateFromRepositories", kind + "Deleted"]
    got = heard(shared_server, "templates", lambda events: len(events) >= len(wanted))
    assert len(got) == len(wanted)
    got = {x["detail"]["event"]: x for x in got}
    assert sorted(got) == sorted(wanted)
    for event, x in got.items():
        detail, whole = x["detail"], event.startswith(kind) and event.endswith("ed")
        assert x["resources"] == ([] if whole else [repository["Arn"]]), event
        assert detail.get("repositories") == (None if whole else {"templated": repository["repositoryId"]})
        assert (detail["approvalRuleTemplateId"], detail["approvalRuleTemplateContentSha256"]) == (
            made["approvalRuleTemplateId"], made["ruleContentSha256"])
        assert detail["callerUserArn"].endswith(":root") and detail["approvalRuleTemplateName"] == "two-eyes"
        assert re.match(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4}$", detail["creationDate"])
        assert "two-eyes" in detail["notificationBody"]


def test_pipelines(shared_server, receiver):
    cp, s3 = pipelines.client(shared_server), shared_server.client("s3")
    for bucket in ("payload-store", "payload-in", "payload-site"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="payload-in", Key="a.zip", Body=pipelines.zipped(index_html="x"))
    arn = f"arn:aws:codepipeline:{shared_server.region}:{shared_server.account}:payload"
    listen(shared_server, "pipelines", source=["aws.codepipeline"], resources=[arn])
    notify(shared_server, "payload-pipeline", arn, [
        "codepipeline-pipeline-" + x for x in ("manual-approval-needed", "manual-approval-failed", "stage-execution-failed",
                                               "pipeline-execution-failed")], receiver)
    cp.create_pipeline(pipeline=pipelines.pipeline(
        "payload", ("Source", pipelines.s3_source("payload-in", "a.zip", PollForSourceChanges="false")),
        ("Publish", pipelines.s3_deploy("payload-site")), ("Gate", pipelines.approval(CustomData="look", ExternalEntityLink="https://example.com/a")), bucket="payload-store"))
    execution = pipelines.executions(cp, "payload")[0]["pipelineExecutionId"]
    needed = receiver.next()[1]
    assert needed["detail"]["state"] == "STARTED" and needed["additionalAttributes"] == {
        "customData": "look", "externalEntityLink": "https://example.com/a"}
    assert needed["detail"]["action-execution-id"] == pipelines.wait_token(cp, "payload", "Gate")
    pipelines.answer(cp, "payload", "Gate", "Rejected", summary="not today")
    told = {m["detailType"].split()[1]: m["additionalAttributes"] for m in (receiver.next()[1] for _ in range(3))}
    failed = told["Pipeline"]
    assert (failed["failedActionCount"], failed["failedStage"]) == (1, "Gate") and told["Stage"] == failed
    assert failed["failedActions"] == [{"action": "Ask", "additionalInformation": told["Action"]["additionalInformation"]}]
    assert told["Action"]["additionalInformation"]

    cp.retry_stage_execution(pipelineName="payload", stageName="Gate", pipelineExecutionId=execution, retryMode="FAILED_ACTIONS")
    pipelines.wait_token(cp, "payload", "Gate")
    cp.stop_pipeline_execution(pipelineName="payload", pipelineExecutionId=execution, reason="lunch", abandon=True)
    wanted = [("Pipeline", s) for s in ("STARTED", "RESUMED", "STOPPING", "STOPPED")] + [
        ("Stage", "FAILED"), ("Action", "FAILED"), ("Action", "ABANDONED")]
    wanted = [(kind, state, {}) for kind, state in wanted] + [
        ("Action", state, {"action": action}) for action in ("Source", "Publish") for state in ("STARTED", "SUCCEEDED")]
    events = heard(shared_server, "pipelines", lambda got: all(
        states_of(got, kind + " Execution", state, **detail) for kind, state, detail in wanted))
    assert all(x["resources"] == [arn] and x["detail"]["version"] == 1 and x["detail"]["execution-id"] == execution
               and MSEC.match(x["detail"]["start-time"]) for x in events)
    assert len({x["detail"]["start-time"] for x in events}) == 1
    started = state_of(events, "Pipeline Execution", "STARTED")["detail"]
    assert started["pipeline-execution-attempt"] == 1 and started["execution-trigger"]["trigger-type"] == "CreatePipeline"
    assert state_of(events, "Pipeline Execution", "RESUMED")["detail"]["pipeline-execution-attempt"] == 2
    assert state_of(events, "Pipeline Execution", "STOPPING")["detail"]["stop-execution-comments"] == "lunch"
    assert "stop-execution-comments" not in state_of(events, "Pipeline Execution", "STOPPED")["detail"]
    assert state_of(events, "Stage Execution", "FAILED")["detail"]["stage"] == "Gate"
    source = state_of(events, "Action Execution", "SUCCEEDED", action="Source")["detail"]
    assert source["region"] == shared_server.region and source["type"] == {
        "owner": "AWS", "provider": "S3", "category": "Source", "version": "1"}
    where = source["output-artifacts"][0]
    assert where["name"] == "App" and where["s3location"]["bucket"] == "payload-store" and "input-artifacts" not in source
    assert s3.head_object(Bucket="payload-store", Key=where["s3location"]["key"])["ContentLength"] > 0
    published = state_of(events, "Action Execution", "SUCCEEDED", action="Publish")["detail"]
    assert published["input-artifacts"] == [where] and "output-artifacts" not in published
    detail = next(d for d in cp.list_action_executions(pipelineName="payload")["actionExecutionDetails"]
                  if d["actionName"] == "Publish")
    assert published["action-execution-id"] == detail["actionExecutionId"]
    assert published["execution-result"]["external-execution-id"] == detail["output"]["executionResult"]["externalExecutionId"]
    assert "execution-result" not in state_of(events, "Action Execution", "STARTED", action="Publish")["detail"]
    assert state_of(events, "Action Execution", "FAILED")["detail"]["execution-result"]["error-code"]
    assert state_of(events, "Action Execution", "ABANDONED")["detail"]["pipeline-execution-attempt"] == 2


def test_builds(shared_server, receiver):
    cb = shared_server.client("codebuild")
    cb.create_project(name="payload", source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [exit 3]}}"},
                      artifacts={"type": "NO_ARTIFACTS"}, serviceRole=f"arn:aws:iam::{shared_server.account}:role/build",
                      environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                                   "computeType": "BUILD_GENERAL1_SMALL",
                                   "environmentVariables": [{"name": "A", "value": "b"}]})
    listen(shared_server, "builds", source=["aws.codebuild"], detail={"project-name": ["payload"]})
    phase = "codebuild-project-build-phase-"
    notify(shared_server, "payload-build", f"arn:aws:codebuild:{shared_server.region}:{shared_server.account}:project/payload",
           [phase + "failure"], receiver)
    build = cb.start_build(projectName="payload")["build"]
    assert receiver.next()[1]["detail"]["completed-phase"] == "BUILD"
    over = lambda got: any(x["detail"].get("build-status") == "FAILED" for x in got)  # noqa: E731
    heard(shared_server, "builds", over)
    shown = cb.batch_get_builds(ids=[build["id"]])["builds"][0]
    ended = [p for p in shown["phases"] if p["phaseType"] != "COMPLETED"]
    # What would be told twice has been by the time that another build is over.
    again = cb.start_build(projectName="payload")["build"]
    of = lambda got, one: [x for x in got if x["resources"] == [one["arn"]]]  # noqa: E731
    events = of(heard(shared_server, "builds", lambda got: over(of(got, again)) and len(of(got, build)) >= 2 + len(ended)), build)
    states = [x for x in events if x["detail-type"] == "CodeBuild Build State Change"]
    assert sorted(x["detail"]["build-status"] for x in states) == ["FAILED", "IN_PROGRESS"]
    first, last = sorted((x["detail"] for x in states), key=lambda d: d["build-status"], reverse=True)
    assert (last["build-id"], last["current-phase"], last["version"]) == (build["arn"], "COMPLETED", "1")
    more = last["additional-information"]
    assert first["additional-information"]["build-complete"] is False and more["build-complete"] is True
    assert more["environment"]["environment-variables"] == [{"name": "A", "value": "b", "type": "PLAINTEXT"}]
    assert (more["environment"]["image"], more["environment"]["compute-type"]) == (
        "aws/codebuild/standard:7.0", "BUILD_GENERAL1_SMALL")
    assert more["source"] == {"type": "NO_SOURCE"} and more["timeout-in-minutes"] == shown["timeoutInMinutes"]
    assert US_DATE.match(more["build-start-time"]) and more["initiator"] == shown["initiator"]
    assert more["logs"]["stream-name"] == shown["logs"]["streamName"]
    assert [p["phase-type"] for p in more["phases"]] == [p["phaseType"] for p in shown["phases"]]
    # Each phase that ended is told once, with its own times.
    phases = [x["detail"] for x in events if x["detail-type"] == "CodeBuild Build Phase Change"]
    assert sorted((p["completed-phase"], p["completed-phase-status"]) for p in phases) == sorted(
        (p["phaseType"], p["phaseStatus"]) for p in ended)
    failed = next(p for p in phases if p["completed-phase"] == "BUILD")
    assert "COMMAND_EXECUTION_ERROR" in failed["completed-phase-context"] and US_DATE.match(failed["completed-phase-end"])
    assert failed["completed-phase-duration-seconds"] >= 0


def test_deployments(shared_server):
    api, s3 = shared_server.client("codedeploy"), shared_server.client("s3")
    host = f"arn:aws:iam::{shared_server.account}:user/payload"
    api.register_on_premises_instance(instanceName="payload", iamUserArn=host)
    api.add_tags_to_on_premises_instances(instanceNames=["payload"], tags=[{"Key": "payload", "Value": "1"}])
    api.create_application(applicationName="payload")
    group = api.create_deployment_group(
        applicationName="payload", deploymentGroupName="all", deploymentConfigName="CodeDeployDefault.AllAtOnce",
        serviceRoleArn=f"arn:aws:iam::{shared_server.account}:role/deploy", onPremisesInstanceTagFilters=[{"Key": "payload", "Type": "KEY_ONLY"}])["deploymentGroupId"]
    s3.create_bucket(Bucket="payload-deploy")
    s3.put_object(Bucket="payload-deploy", Key="v1.zip", Body=pipelines.zipped(appspec_yml="version: 0.0\nos: linux\n"))
    listen(shared_server, "deployments", source=["aws.codedeploy"], detail={"application": ["payload"]})
    deployment = api.create_deployment(applicationName="payload", deploymentGroupName="all", revision={
        "revisionType": "S3", "s3Location": {"bucket": "payload-deploy", "key": "v1.zip", "bundleType": "zip"}})["deploymentId"]
    command = eventually(lambda: commands(shared_server, "PollHostCommand", {"HostIdentifier": host})[1].get("HostCommand"))
    ident = {"HostCommandIdentifier": command["HostCommandIdentifier"]}
    commands(shared_server, "PutHostCommandAcknowledgement", ident)
    commands(shared_server, "PutHostCommandComplete", {**ident, "CommandStatus": "Failed"})
    events = heard(shared_server, "deployments", lambda got: len(got) >= 4)
    at = f"arn:aws:codedeploy:{shared_server.region}:{shared_server.account}:"
    resources = [at + "application:payload", at + "deploymentgroup:payload/all"]
    detail = {"region": shared_server.region, "deploymentId": deployment, "application": "payload",
              "deploymentGroup": "all", "instanceGroupId": group}
    for state in ("START", "FAILURE"):
        told = state_of(events, "Deployment State-change", state)
        assert told["resources"] == resources and told["detail"] == {**detail, "state": state}
        told = state_of(events, "Instance State-change", state)
        assert told["detail"] == {**detail, "state": state, "instanceId": "payload"}
        target = api.get_deployment_target(deploymentId=deployment, targetId="payload")["deploymentTarget"]["instanceTarget"]
        assert told["resources"] == [target["targetArn"], resources[1], resources[0]]
    assert len(events) == 4


def serve_host(server, host, api, deployment, status):
    """An agent that ends every command so, until the deployment has ended."""
    while api.get_deployment(deploymentId=deployment)["deploymentInfo"]["status"] not in ("Succeeded", "Failed"):
        command = commands(server, "PollHostCommand", {"HostIdentifier": host})[1].get("HostCommand")
        if command:
            ident = {"HostCommandIdentifier": command["HostCommandIdentifier"]}
            commands(server, "PutHostCommandAcknowledgement", ident)
            commands(server, "PutHostCommandComplete", {**ident, "CommandStatus": status})


def test_triggers_on_instances_and_rollbacks(shared_server, receiver):
    api, s3, sns = (shared_server.client(x) for x in ("codedeploy", "s3", "sns"))
    topic = sns.create_topic(Name="triggers")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    sns.confirm_subscription(TopicArn=topic, Token=receiver.next()[1]["Token"])
    host = f"arn:aws:iam::{shared_server.account}:user/triggers"
    api.register_on_premises_instance(instanceName="triggers", iamUserArn=host)
    api.add_tags_to_on_premises_instances(instanceNames=["triggers"], tags=[{"Key": "triggers", "Value": "1"}])
    api.create_application(applicationName="triggers")
    api.create_deployment_group(
        applicationName="triggers", deploymentGroupName="all", deploymentConfigName="CodeDeployDefault.AllAtOnce",
        serviceRoleArn=f"arn:aws:iam::{shared_server.account}:role/deploy",
        onPremisesInstanceTagFilters=[{"Key": "triggers", "Type": "KEY_ONLY"}],
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
        triggerConfigurations=[
            {"triggerName": "hosts", "triggerTargetArn": topic, "triggerEvents": [
                "InstanceStart", "InstanceSuccess", "InstanceFailure"]},
            {"triggerName": "back", "triggerTargetArn": topic, "triggerEvents": ["DeploymentRollback"]}])
    s3.create_bucket(Bucket="trigger-deploy")
    s3.put_object(Bucket="trigger-deploy", Key="v1.zip", Body=pipelines.zipped(appspec_yml="version: 0.0\nos: linux\n"))

    def deploy(status):
        deployment = api.create_deployment(applicationName="triggers", deploymentGroupName="all", revision={
            "revisionType": "S3", "s3Location": {"bucket": "trigger-deploy", "key": "v1.zip", "bundleType": "zip"}})
        serve_host(shared_server, host, api, deployment["deploymentId"], status)
        return deployment["deploymentId"]

    first, second = deploy("Succeeded"), deploy("Failed")
    hosts, back = {}, []
    while not back or len([d for d, _ in hosts if d in (first, second)]) < 4:
        m = json.loads(receiver.next()[1]["Message"])
        if m["eventTriggerName"] == "hosts":
            hosts[m["deploymentId"], m["instanceStatus"]] = m
        else:
            back.append(m)
    assert {(first, "InProgress"), (first, "Succeeded"), (second, "InProgress"), (second, "Failed")} <= set(hosts)
    failed = hosts[(second, "Failed")]
    assert failed["instanceId"] == api.get_deployment_target(deploymentId=second, targetId="triggers")[
        "deploymentTarget"]["instanceTarget"]["targetArn"]
    assert "Failed" in [e["LifecycleEventStatus"] for e in failed["lifecycleEvents"]]
    assert len(back) == 1 and back[0]["rollbackInformation"]["rollbackTriggeringDeploymentId"] == second
    assert api.get_deployment(deploymentId=back[0]["deploymentId"])["deploymentInfo"]["creator"] == "codeDeployRollback"
