# SPDX-License-Identifier: Apache-2.0
"""Deployments to container services through boto3 and the aws CLI. The services want no tasks, so
that all but the tasks is real; tests/e2e/shifting.py has those."""
import io
import json
import re
import subprocess
import zipfile

import botocore.exceptions
import pipelines
import pytest
from asking import eventually
from gitwork import journal
from services import Service

NO_IMAGE = "127.0.0.1:1/none"


@pytest.fixture(name="service")
def service_of(shared_server, request):
    name = request.node.name.replace("_", "-").replace("test-", "")[:20].rstrip("-")
    return Service(shared_server, name, NO_IMAGE)


def fails(name, fn, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        fn(**arguments)
    assert e.value.response["Error"]["Code"] == name, e.value
    return e.value.response["Error"]["Message"]


def test_groups(service):
    service.group(test=True, termination=7)
    got = service.api.get_deployment_group(applicationName=service.name, deploymentGroupName=service.name)[
        "deploymentGroupInfo"]
    assert got["computePlatform"] == "ECS" and got["deploymentConfigName"] == "CodeDeployDefault.ECSAllAtOnce"
    assert got["ecsServices"] == [{"clusterName": "c", "serviceName": service.name}]
    options = got["blueGreenDeploymentConfiguration"]
    assert options["deploymentReadyOption"] == {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0}
    assert options["terminateBlueInstancesOnDeploymentSuccess"]["terminationWaitTimeInMinutes"] == 7
    assert "greenFleetProvisioningOption" not in options
    make = dict(applicationName=service.name, deploymentGroupName="other", serviceRoleArn=got["serviceRoleArn"],
                ecsServices=[{"clusterName": "c", "serviceName": "other"}], loadBalancerInfo=service.pair())
    create = service.api.create_deployment_group
    assert service.name in fails("ECSServiceMappingLimitExceededException", create,
                                 **dict(make, ecsServices=got["ecsServices"]))
    fails("InvalidECSServiceException", create, **dict(make, ecsServices=[]))
    assert "valid pair of target groups" in fails("InvalidTargetGroupPairException", create,
                                                  **dict(make, loadBalancerInfo={}))
    fails("InvalidDeploymentConfigNameException", create,
          **dict(make, deploymentConfigName="CodeDeployDefault.OneAtATime"))
    fails("InvalidDeploymentStyleException", create, **dict(make, deploymentStyle={
        "deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"}))


def test_all_at_once(service):
    service.group(test=True)
    deployment = service.deploy(service.define(NO_IMAGE))
    info = service.ends(deployment)
    assert info["status"] == "Succeeded", info
    assert info["revision"]["appSpecContent"].keys() == {"sha256"}
    assert service.weights() == {"a": 0, "b": 100}
    assert service.weights(service.test_listener)["b"] == 100
    target = service.target(deployment)
    assert target["targetArn"] == service.arn and target["status"] == "Succeeded"
    assert [e["lifecycleEventName"] for e in target["lifecycleEvents"]] == [
        "BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic",
        "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"]
    assert service.api.list_deployment_targets(deploymentId=deployment)["targetIds"] == [f"c:{service.name}"]
    fails("InvalidComputePlatformException", service.api.list_deployment_instances, deploymentId=deployment)
    assert service.api.batch_get_deployment_targets(deploymentId=deployment, targetIds=[f"c:{service.name}"])[
        "deploymentTargets"][0]["ecsTarget"] == target
    state = service.state()
    assert state["taskDefinition"].endswith(":2") and len(state["taskSets"]) == 1
    assert state["taskSets"][0]["externalId"] == deployment
    fails("DeploymentAlreadyCompletedException", service.api.stop_deployment, deploymentId=deployment)
    # by the digest of what is registered, and the roles of the groups change
    again = service.api.create_deployment(
        applicationName=service.name, deploymentGroupName=service.name,
        revision={"revisionType": "AppSpecContent", "appSpecContent": info["revision"]["appSpecContent"]})
    assert service.ends(again["deploymentId"])["status"] == "Succeeded"
    assert service.weights() == {"a": 100, "b": 0}


def knows_endpoints():
    """`aws ecs deploy` makes a client of a second service, which only AWS_ENDPOINT_URL tells where to ask."""
    said = subprocess.run(["aws", "--version"], check=True, text=True, stdout=subprocess.PIPE).stdout
    major, minor = (int(n) for n in re.match(r"aws-cli/(\d+)\.(\d+)", said).groups())
    return minor >= {1: 29, 2: 13}.get(major, 0)


def test_aws_cli(service, tmp_path):
    """`aws ecs deploy` registers, deploys and waits."""
    if not knows_endpoints():
        pytest.skip("the aws CLI is older than 1.29 or 2.13 and does not know AWS_ENDPOINT_URL")
    service.group()
    definition = {"family": service.name, "containerDefinitions": [
        {"name": "app", "image": NO_IMAGE, "memory": 64, "portMappings": [{"containerPort": 8000}]}]}
    (tmp_path / "taskdef.json").write_text(json.dumps(definition))
    (tmp_path / "appspec.json").write_text(service.appspec("<TASK_DEFINITION>"))
    done = service.server.run(
        "aws", "ecs", "deploy", "--cluster", "c", "--service", service.name, "--task-definition",
        str(tmp_path / "taskdef.json"), "--codedeploy-appspec", str(tmp_path / "appspec.json"),
        "--codedeploy-application", service.name, "--codedeploy-deployment-group", service.name)
    assert "Successfully deployed" in done.stdout
    assert service.state()["taskDefinition"].endswith(":2")


def test_function_hooks(service):
    service.group()
    first = service.define(NO_IMAGE)
    deployment = service.deploy(first, hooks=[("BeforeAllowTraffic", "smoke")])
    text = service.reaches(deployment, "BeforeAllowTraffic")["diagnostics"]["message"]
    told = [h for h in journal(service.server, "codedeploy.hook") if h["deploymentId"] == deployment][0]
    execution = told["lifecycleEventHookExecutionId"]
    assert told["function"] == "smoke" and told["lifecycleEvent"] == "BeforeAllowTraffic" and execution in text
    put = service.api.put_lifecycle_event_hook_execution_status
    fails("InvalidLifecycleEventHookExecutionIdException", put, deploymentId=deployment,
          lifecycleEventHookExecutionId="x", status="Succeeded")
    fails("InvalidLifecycleEventHookExecutionStatusException", put, deploymentId=deployment,
          lifecycleEventHookExecutionId=execution, status="Pending")
    assert service.weights()["a"] == 100
    assert put(deploymentId=deployment, lifecycleEventHookExecutionId=execution, status="Succeeded")[
        "lifecycleEventHookExecutionId"] == execution
    assert service.ends(deployment)["status"] == "Succeeded"
    fails("LifecycleEventAlreadyCompletedException", put, deploymentId=deployment,
          lifecycleEventHookExecutionId=execution, status="Succeeded")
    # one that says no, after all traffic has moved
    deployment = service.deploy(service.first, hooks=[("AfterAllowTraffic", "smoke")])
    service.reaches(deployment, "AfterAllowTraffic")
    assert service.weights() == {"a": 100, "b": 0}
    told = journal(service.server, "codedeploy.hook")[-1]
    put(deploymentId=deployment, lifecycleEventHookExecutionId=told["lifecycleEventHookExecutionId"],
        status="Failed")
    info = service.ends(deployment)
    assert info["status"] == "Failed" and info["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE"
    assert "AfterAllowTraffic (smoke)" in info["errorInformation"]["message"]
    back = service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    assert back["status"] == "Succeeded" and back["creator"] == "codeDeployRollback"
    assert service.weights() == {"a": 0, "b": 100}
    assert [s["taskDefinition"] for s in service.state()["taskSets"]] == [first]


def bundle(service, definition, script, hooks):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("appspec.yaml", service.appspec(definition, hooks=hooks))
        z.writestr("hooks/smoke.sh", script)
    s3 = service.server.client("s3")
    s3.create_bucket(Bucket=service.name)
    s3.put_object(Bucket=service.name, Key="r.zip", Body=out.getvalue())
    return {"revisionType": "S3", "s3Location": {"bucket": service.name, "key": "r.zip", "bundleType": "zip"}}


def test_builds_and_scripts_as_hooks(service):
    service.group()
    service.server.client("codebuild").create_project(
        name="check", artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::123456789012:role/build",
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases:\n  build:\n    commands:\n"
                                                  "      - echo $LIFECYCLE_EVENT of $DEPLOYMENT_ID\n"
                                                  "      - test $LIFECYCLE_EVENT = AfterInstall\n"})
    deploy = dict(applicationName=service.name, deploymentGroupName=service.name)
    made = service.api.create_deployment(**deploy, revision=bundle(
        service, service.define(NO_IMAGE), "#!/bin/sh\ntest -n \"$LIFECYCLE_EVENT_HOOK_EXECUTION_ID\" && "
        "test $LIFECYCLE_EVENT = AfterAllowTraffic\n",
        [("AfterInstall", "build:check"), ("AfterAllowTraffic", "script:hooks/smoke.sh")]))
    info = service.ends(made["deploymentId"])
    assert info["status"] == "Succeeded", (info, service.target(made["deploymentId"]))
    bad = service.deploy(service.first, hooks=[("BeforeInstall", "build:check")])
    info = service.ends(bad)
    for word in ("BeforeInstall", "build:check", "COMMAND_EXECUTION_ERROR", "test $LIFECYCLE_EVENT = AfterInstall"):
        assert word in info["errorInformation"]["message"], info
    service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    made = service.api.create_deployment(**deploy, revision=bundle(
        service, service.first, "exit 1", [("AfterInstall", "script:hooks/gone.sh")]))
    info = service.ends(made["deploymentId"])
    assert info["errorInformation"]["code"] == "HOOK_EXECUTION_FAILURE", info
    assert "hooks/gone.sh" in info["errorInformation"]["message"], info
    assert service.weights()["b"] == 100


def test_bad_appspecs(service):
    service.group()
    definition = service.define(NO_IMAGE)
    deploy = lambda text: service.api.create_deployment(  # noqa: E731
        applicationName=service.name, deploymentGroupName=service.name,
        revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": text}})["deploymentId"]
    with pytest.raises(botocore.exceptions.ClientError, match="appspec:1:.*'Resources' is missing"):
        deploy('{"version": 0.0}')
    for text, word in [(service.appspec(definition, container="web"), "no container 'web'; it has app"),
                       (service.appspec(definition, port=80), "does not listen on port 80, but on 8000"),
                       (service.appspec("nothing:1"), "nothing:1")]:
        info = service.ends(deploy(text))
        assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "INVALID_REVISION")
        assert word in info["errorInformation"]["message"], info
    text = service.appspec(definition).replace('"Properties": {', '"Properties": {"PlatformVersion": "1.4.0", ')
    info = service.ends(deploy(text))
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "ECS_UPDATE_ERROR")
    assert "platform version must be null when specifying an EC2 launch type" in info["errorInformation"]["message"]
    assert len(service.state()["taskSets"]) == 1
    service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    strategy = '"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 2}], '
    info = service.ends(deploy(service.appspec(definition).replace('"Properties": {', '"Properties": {' + strategy)))
    assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "ECS_UPDATE_ERROR")
    assert "not associated with the cluster: FARGATE_SPOT" in info["errorInformation"]["message"]


def test_capacity_providers(shared_server):
    """The AppSpec's strategy is the replacement's, then the service's, and the next replacement's."""
    shared_server.client("ecs").create_cluster(clusterName="c")
    shared_server.client("ecs").put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[])
    service = Service(shared_server, "capacity", NO_IMAGE, fargate=True)
    service.group()
    strategy = '"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 2, "Base": 1}], '
    definition = service.define(NO_IMAGE)
    for more in (strategy, ""):
        text = service.appspec(definition).replace('"Properties": {', '"Properties": {' + more)
        deployment = service.api.create_deployment(
            applicationName=service.name, deploymentGroupName=service.name,
            revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": text}})["deploymentId"]
        assert service.ends(deployment)["status"] == "Succeeded"
        state = service.state()
        for shown in (state, state["taskSets"][0]):
            assert shown["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 2, "base": 1}]
            assert "launchType" not in shown


def test_ready_and_termination_wait(service):
    service.group(ready=60, termination=60)
    deployment = service.deploy(service.define(NO_IMAGE))
    service.reaches(deployment, "AfterInstall", "Succeeded")
    assert service.info(deployment)["status"] == "Ready" and service.weights()["a"] == 100
    assert deployment in fails("DeploymentLimitExceededException", lambda: service.deploy(service.first))
    service.api.continue_deployment(deploymentId=deployment, deploymentWaitType="READY_WAIT")
    service.reaches(deployment, "AfterAllowTraffic", "Succeeded")
    info = service.info(deployment)
    assert info["status"] == "InProgress" and info["instanceTerminationWaitTimeStarted"] is True
    sets = service.target(deployment)["taskSetsInfo"]
    assert [(s["taskSetLabel"], s["status"], s["trafficWeight"]) for s in sets] == [
        ("Blue", "ACTIVE", 0.0), ("Green", "PRIMARY", 100.0)]
    assert sets[1]["targetGroup"] == {"name": f"{service.name}-b"}
    service.api.continue_deployment(deploymentId=deployment, deploymentWaitType="TERMINATION_WAIT")
    assert service.ends(deployment)["status"] == "Succeeded"


def test_alarm_takes_the_traffic_back(service):
    cw = service.server.client("cloudwatch")
    cw.put_metric_alarm(AlarmName=service.name, Namespace="N", MetricName="m", Statistic="Sum", Period=60,
                        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                        TreatMissingData="ignore")
    service.group(termination=60, events=["DEPLOYMENT_STOP_ON_ALARM"],
                  deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes",
                  alarmConfiguration={"enabled": True, "alarms": [{"name": service.name}]})
    deployment = service.deploy(service.define(NO_IMAGE))
    service.reaches(deployment, "AllowTraffic")
    eventually(lambda: service.weights() == {"a": 90, "b": 10})
    cw.set_alarm_state(AlarmName=service.name, StateValue="ALARM", StateReason="test")
    info = service.ends(deployment)
    assert (info["status"], info["errorInformation"]["code"]) == ("Stopped", "ALARM_ACTIVE")
    back = service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    assert back["status"] == "Succeeded" and service.weights() == {"a": 100, "b": 0}
    assert [s["status"] for s in service.state()["taskSets"]] == ["PRIMARY"]


def test_a_watched_alarm_that_is_deleted(service):
    """Nobody can tell its state any more: the deployment stops, unless it ignores that."""
    cw = service.server.client("cloudwatch")
    service.group(events=["DEPLOYMENT_STOP_ON_ALARM"])
    for ignore in (True, False):
        cw.put_metric_alarm(AlarmName=service.name, Namespace="N", MetricName="m", Statistic="Sum", Period=60,
                            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
        deployment = service.deploy(
            service.define(NO_IMAGE), hooks=[("BeforeAllowTraffic", "smoke")], overrideAlarmConfiguration={
                "enabled": True, "ignorePollAlarmFailure": ignore, "alarms": [{"name": service.name}]})
        service.reaches(deployment, "BeforeAllowTraffic")
        cw.delete_alarms(AlarmNames=[service.name])
        if ignore:  # what follows in the journal is heard later
            service.api.put_lifecycle_event_hook_execution_status(
                deploymentId=deployment, status="Succeeded", lifecycleEventHookExecutionId=journal(
                    service.server, "codedeploy.hook")[-1]["lifecycleEventHookExecutionId"])
            assert service.ends(deployment)["status"] == "Succeeded"
            continue
        info = service.ends(deployment)
        assert (info["status"], info["errorInformation"]) == ("Stopped", {
            "code": "ALARM_ACTIVE",
            "message": f"The state of the alarms cannot be read: the alarm {service.name} was deleted"})
        assert service.ends(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"


def test_the_first_deployment_fails(service):
    """The rollback of it does not make its revision the group's."""
    service.group()
    bad = service.deploy(service.define(NO_IMAGE), hooks=[("AfterInstall", "build:none")])
    info = service.ends(bad)
    assert info["status"] == "Failed", info
    back = service.ends(info["rollbackInfo"]["rollbackDeploymentId"])
    assert back["status"] == "Succeeded"
    group = service.api.get_deployment_group(
        applicationName=service.name, deploymentGroupName=service.name)["deploymentGroupInfo"]
    assert "targetRevision" not in group and "lastSuccessfulDeployment" not in group
    assert group["lastAttemptedDeployment"]["deploymentId"] == back["deploymentId"]


# ---- pipelines ----

def run_pipeline(server, name, provider, configuration, **files):
    """Source in S3, then one deployment; the latest execution of the action once it has ended."""
    cp, s3 = pipelines.client(server), server.client("s3")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for path, text in files.items():
            z.writestr(path, text)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=name, Key="in.zip", Body=out.getvalue())
    cp.create_pipeline(pipeline=pipelines.pipeline(
        name, ("Source", pipelines.s3_source(name, "in.zip", PollForSourceChanges="false")),
        ("Deploy", pipelines.action("Deploy", provider, "Deploy", configuration, inputs=["App"])),
        bucket=name))
    execution = pipelines.wait(lambda: pipelines.executions(cp, name))[0]["pipelineExecutionId"]
    pipelines.wait_execution(cp, name, execution)
    return next(a for a in cp.list_action_executions(pipelineName=name)["actionExecutionDetails"]
                if a["actionName"] == "Deploy")


def to_ecs(service, **more):
    return {"ApplicationName": service.name, "DeploymentGroupName": service.name,
            "TaskDefinitionTemplateArtifact": "App", "AppSpecTemplateArtifact": "App",
            "Image1ArtifactName": "App", "Image1ContainerName": "IMAGE1_NAME", **more}


def taskdef(service):
    return json.dumps({"family": service.name, "containerDefinitions": [
        {"name": "app", "image": "<IMAGE1_NAME>", "memory": 64, "portMappings": [{"containerPort": 8000}]}]})


def test_pipeline_to_code_deploy(service):
    service.group()
    files = {"taskdef.json": taskdef(service), "appspec.yaml": service.appspec("<TASK_DEFINITION>"),
             "imageDetail.json": json.dumps({"ImageURI": "127.0.0.1:1/none@sha256:1"})}
    done = run_pipeline(service.server, service.name, "CodeDeployToECS", to_ecs(service), **files)
    assert done["status"] == "Succeeded", done
    deployment = done["output"]["executionResult"]["externalExecutionId"]
    assert service.info(deployment)["status"] == "Succeeded"
    now = service.ecs.describe_task_definition(taskDefinition=service.state()["taskDefinition"])["taskDefinition"]
    assert now["revision"] == 2 and now["containerDefinitions"][0]["image"] == "127.0.0.1:1/none@sha256:1"
    for n, (change, word) in enumerate([
            ({"appspec.yaml": service.appspec("x")}, "no placeholder <TASK_DEFINITION>"),
            ({"appspec.yaml": service.appspec("<TASK_DEFINITION>", container="web")},
             "no container 'web'; it has app"),
            ({"imageDetail.json": "{}"}, "no text ImageURI"),
            ({"taskdef.json": taskdef(service).replace("IMAGE1", "OTHER")}, "no placeholder <IMAGE1_NAME>"),
            ({"taskdef.json": "{"}, "task definition"),
            ({"appspec.yaml": service.appspec("<TASK_DEFINITION>", hooks=[("AfterInstall", "build:none")])},
             "AfterInstall on c:")]):
        failed = run_pipeline(service.server, f"{service.name}-{n}", "CodeDeployToECS", to_ecs(service), **dict(files, **change))
        assert failed["status"] == "Failed"
        assert word in failed["output"]["executionResult"]["errorDetails"]["message"], failed


def test_pipeline_to_ecs(service):
    ecs = service.ecs
    ecs.create_service(cluster="c", serviceName="rolling", taskDefinition=service.first, desiredCount=0,
                       networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}})
    configuration = {"ClusterName": "c", "ServiceName": "rolling"}
    images = lambda name: {"imagedefinitions.json": json.dumps(  # noqa: E731
        [{"name": name, "imageUri": "127.0.0.1:1/new"}])}
    done = run_pipeline(service.server, service.name, "ECS", configuration, **images("app"))
    assert done["status"] == "Succeeded", done
    state = ecs.describe_services(cluster="c", services=["rolling"])["services"][0]
    now = ecs.describe_task_definition(taskDefinition=state["taskDefinition"])["taskDefinition"]
    assert now["containerDefinitions"][0]["image"] == "127.0.0.1:1/new"
    assert state["deployments"][0]["id"] == done["output"]["executionResult"]["externalExecutionId"]
    for n, (settings, files, word) in enumerate([
            (configuration, images("web"),
             "Invalid action configuration: The AWS ECS container web does not exist"),
            (configuration, {"other.json": "[]"},
             "Did not find the file imagedefinitions.json in the artifact App"),
            (dict(configuration, ServiceName="nobody"), images("app"), "nobody"),
            (dict(configuration, ServiceName=service.name), images("app"), "CodeDeployToECS")]):
        failed = run_pipeline(service.server, f"{service.name}-{n}", "ECS", settings, **files)
        assert word in failed["output"]["executionResult"]["errorDetails"]["message"], failed
