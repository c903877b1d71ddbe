# SPDX-License-Identifier: Apache-2.0
"""CodeDeploy's operations through boto3 and the aws CLI."""
import io
import json
import zipfile

import botocore.exceptions
import pytest
from asking import eventually
from hosts import FINAL, commands

ROLE = "arn:aws:iam::123456789012:role/deploy"


def code(excinfo):
    return excinfo.value.response["Error"]["Code"]


@pytest.fixture(name="api", scope="module")
def api_of(shared_server):
    return shared_server.client("codedeploy")


@pytest.fixture(name="app")
def application(api, request):
    name = request.node.name.replace("[", "-").replace("]", "")
    api.create_application(applicationName=name)
    return name


def group(api, app, name="group", **more):
    more.setdefault("deploymentConfigName", "CodeDeployDefault.AllAtOnce")
    return api.create_deployment_group(applicationName=app, deploymentGroupName=name,
                                       serviceRoleArn=ROLE, **more)["deploymentGroupId"]


def s3(key="v1.zip", **more):
    return {"revisionType": "S3",
            "s3Location": {"bucket": "b", "key": key, "bundleType": "zip", **more}}


def finish(api, deployment):
    def ended():
        info = api.get_deployment(deploymentId=deployment)["deploymentInfo"]
        return info if info["status"] in FINAL else None
    return eventually(ended, what=f"the end of {deployment}")


def fails(name, fn, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        fn(**arguments)
    assert code(e) == name, e.value


# ---- applications ----

def test_applications(api, app):
    info = api.get_application(applicationName=app)["application"]
    assert info["computePlatform"] == "Server" and info["linkedToGitHub"] is False
    assert app in api.list_applications()["applications"]
    assert api.batch_get_applications(applicationNames=[app])["applicationsInfo"][0] == info
    fails("ApplicationAlreadyExistsException", api.create_application, applicationName=app)
    fails("ApplicationDoesNotExistException", api.get_application, applicationName="none")
    fails("InvalidApplicationNameException", api.create_application, applicationName="a/b")
    group(api, app)
    api.update_application(applicationName=app, newApplicationName=app + "-new")
    assert api.get_application(applicationName=app + "-new")["application"][
        "applicationId"] == info["applicationId"]
    assert api.list_deployment_groups(applicationName=app + "-new")["deploymentGroups"] == ["group"]
    api.delete_application(applicationName=app + "-new")
    api.delete_application(applicationName=app + "-new")
    fails("ApplicationDoesNotExistException", api.get_application, applicationName=app + "-new")


def test_pages(api):
    names = [f"page-{i:03}" for i in range(130)]
    for name in names:
        api.create_application(applicationName=name)
    pages = list(api.get_paginator("list_applications").paginate())
    assert len(pages) >= 2
    assert set(names) <= {a for p in pages for a in p["applications"]}
    fails("InvalidNextTokenException", api.list_applications, nextToken="?")


def test_tags(api, app, shared_server):
    arn = f"arn:aws:codedeploy:{shared_server.region}:{shared_server.account}:application:{app}"
    api.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    api.untag_resource(ResourceArn=arn, TagKeys=["b"])
    assert api.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    group(api, app, tags=[{"Key": "g", "Value": "2"}])
    arn = arn.replace(":application:", ":deploymentgroup:") + "/group"
    assert api.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "g", "Value": "2"}]
    fails("InvalidArnException", api.list_tags_for_resource, ResourceArn="arn:aws:s3:::b")


# ---- configurations ----

def test_built_in_configurations(api):
    names = api.list_deployment_configs()["deploymentConfigsList"]
    built_in = [n for n in names if n.startswith("CodeDeployDefault.")]
    assert len(built_in) == 17
    for name in built_in:
        info = api.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]
        assert ("minimumHealthyHosts" in info) == (info["computePlatform"] == "Server")
    one = api.get_deployment_config(deploymentConfigName="CodeDeployDefault.OneAtATime")
    assert one["deploymentConfigInfo"]["minimumHealthyHosts"] == {
        "type": "MOST_CONCURRENCY", "value": 1}
    fails("InvalidOperationException", api.delete_deployment_config,
          deploymentConfigName="CodeDeployDefault.AllAtOnce")


def test_custom_configurations(api, app):
    api.create_deployment_config(deploymentConfigName="three-quarters",
                                 minimumHealthyHosts={"type": "FLEET_PERCENT", "value": 75})
    api.create_deployment_config(
        deploymentConfigName="canary", computePlatform="ECS", trafficRoutingConfig={
            "type": "TimeBasedCanary",
            "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5}})
    fails("DeploymentConfigAlreadyExistsException", api.create_deployment_config,
          deploymentConfigName="canary", minimumHealthyHosts={"type": "HOST_COUNT", "value": 1})
    fails("InvalidMinimumHealthyHostValueException", api.create_deployment_config,
          deploymentConfigName="x", minimumHealthyHosts={"type": "FLEET_PERCENT", "value": 100})
    fails("InvalidTrafficRoutingConfigurationException", api.create_deployment_config,
          deploymentConfigName="x", computePlatform="ECS", trafficRoutingConfig={
              "type": "TimeBasedLinear",
              "timeBasedLinear": {"linearPercentage": 1, "linearInterval": 60}})
    fails("InvalidTrafficRoutingConfigurationException", api.create_deployment_config,
          deploymentConfigName="x", computePlatform="ECS", trafficRoutingConfig={
              "type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 5},
              "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 5}})
    fails("InvalidDeploymentConfigNameException", group, api=api, app=app,
          deploymentConfigName="canary")
    group(api, app, deploymentConfigName="three-quarters")
    fails("DeploymentConfigInUseException", api.delete_deployment_config,
          deploymentConfigName="three-quarters")
    api.delete_deployment_config(deploymentConfigName="canary")
    api.delete_deployment_config(deploymentConfigName="canary")
    fails("DeploymentConfigDoesNotExistException", api.get_deployment_config,
          deploymentConfigName="canary")


# ---- groups ----

def test_groups(api, app):
    gid = group(api, app, autoScalingGroups=["fleet"], alarmConfiguration={
        "enabled": True, "alarms": [{"name": "errors"}]})
    info = api.get_deployment_group(applicationName=app, deploymentGroupName="group")[
        "deploymentGroupInfo"]
    assert info["deploymentGroupId"] == gid
    assert info["deploymentStyle"] == {"deploymentType": "IN_PLACE",
                                       "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}
    assert [g["name"] for g in info["autoScalingGroups"]] == ["fleet"]
    api.update_deployment_group(
        applicationName=app, currentDeploymentGroupName="group", newDeploymentGroupName="other",
        autoScalingGroups=[], ec2TagFilters=[{"Key": "a", "Type": "KEY_ONLY"}])
    info = api.batch_get_deployment_groups(
        applicationName=app, deploymentGroupNames=["other", "none"])
    assert "none" in info["errorMessage"]
    info = info["deploymentGroupsInfo"][0]
    assert info["deploymentGroupId"] == gid and info["autoScalingGroups"] == []
    assert info["alarmConfiguration"]["enabled"]
    fails("DeploymentGroupDoesNotExistException", api.get_deployment_group, applicationName=app,
          deploymentGroupName="group")
    assert api.delete_deployment_group(applicationName=app, deploymentGroupName="other")[
        "hooksNotCleanedUp"] == []
    api.delete_deployment_group(applicationName=app, deploymentGroupName="other")


@pytest.mark.parametrize("error, arguments", [
    ("InvalidEC2TagCombinationException", {
        "ec2TagFilters": [{"Key": "a", "Type": "KEY_ONLY"}],
        "ec2TagSet": {"ec2TagSetList": [[{"Key": "a", "Type": "KEY_ONLY"}]]}}),
    ("InvalidEC2TagException", {"ec2TagFilters": [{"Value": "a", "Type": "KEY_ONLY"}]}),
    ("TagSetListLimitExceededException", {
        "ec2TagSet": {"ec2TagSetList": [[{"Key": "a", "Type": "KEY_ONLY"}]] * 4}}),
    ("InvalidAlarmConfigException", {"alarmConfiguration": {"enabled": True, "alarms": []}}),
    ("InvalidAutoRollbackConfigException", {"autoRollbackConfiguration": {"enabled": True}}),
    ("InvalidLoadBalancerInfoException", {
        "deploymentStyle": {"deploymentType": "IN_PLACE",
                            "deploymentOption": "WITH_TRAFFIC_CONTROL"}}),
    ("InvalidDeploymentStyleException", {
        "deploymentStyle": {"deploymentType": "BLUE_GREEN",
                            "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"}}),
    ("InvalidBlueGreenDeploymentConfigurationException", {
        "blueGreenDeploymentConfiguration": {
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"}}}),
    ("InvalidECSServiceException", {
        "ecsServices": [{"serviceName": "s", "clusterName": "c"}]}),
    ("InvalidRoleException", {"serviceRoleArn": "nobody"}),
    ("DeploymentConfigDoesNotExistException", {"deploymentConfigName": "none"}),
])
def test_group_errors(api, error, arguments, request):
    app = "errors-" + str(abs(hash(request.node.name)))
    api.create_application(applicationName=app)
    arguments = {"serviceRoleArn": ROLE, **arguments}
    fails(error, api.create_deployment_group, applicationName=app, deploymentGroupName="g",
          **arguments)


def test_termination_hooks_are_refused(shared_server, app):
    api = shared_server.newest_client("codedeploy")
    fails("InvalidInputException", api.create_deployment_group, applicationName=app, deploymentGroupName="g",
          serviceRoleArn=ROLE, terminationHookEnabled=True)


def test_blue_green_defaults(api, app):
    group(api, app, autoScalingGroups=["fleet"], deploymentStyle={
        "deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        loadBalancerInfo={"targetGroupInfoList": [{"name": "tg"}]})
    c = api.get_deployment_group(applicationName=app, deploymentGroupName="group")[
        "deploymentGroupInfo"]["blueGreenDeploymentConfiguration"]
    assert c["deploymentReadyOption"] == {"actionOnTimeout": "CONTINUE_DEPLOYMENT",
                                          "waitTimeInMinutes": 0}
    assert c["terminateBlueInstancesOnDeploymentSuccess"] == {
        "action": "TERMINATE", "terminationWaitTimeInMinutes": 0}


# ---- revisions ----

def test_revisions(api, app):
    group(api, app)
    api.register_application_revision(applicationName=app, revision=s3("a.zip"), description="x")
    api.register_application_revision(applicationName=app, revision=s3("b.zip", eTag='"e"'))
    assert [r["s3Location"]["key"] for r in api.list_application_revisions(
        applicationName=app, sortBy="registerTime", sortOrder="descending")["revisions"]] == [
            "b.zip", "a.zip"]
    info = api.get_application_revision(applicationName=app, revision=s3("a.zip"))
    assert info["revisionInfo"]["description"] == "x"
    # with or without quotes, the etag is the same
    info = api.get_application_revision(applicationName=app, revision=s3("b.zip", eTag="e"))
    both = api.batch_get_application_revisions(
        applicationName=app, revisions=[s3("a.zip"), s3("none.zip")])
    assert len(both["revisions"]) == 1 and both["errorMessage"]
    fails("RevisionDoesNotExistException", api.get_application_revision, applicationName=app,
          revision=s3("none.zip"))
    fails("InvalidRevisionException", api.register_application_revision, applicationName=app,
          revision={"revisionType": "S3", "s3Location": {"bucket": "b"}})
    fails("BucketNameFilterRequiredException", api.list_application_revisions,
          applicationName=app, s3KeyPrefix="a")


# ---- on-premises instances ----

def test_on_premises(api):
    user = "arn:aws:iam::123456789012:user/AWS/CodeDeploy/h1"
    api.register_on_premises_instance(instanceName="h1", iamUserArn=user)
    api.register_on_premises_instance(
        instanceName="h2", iamSessionArn="arn:aws:sts::123456789012:assumed-role/r/h2")
    fails("InstanceNameAlreadyRegisteredException", api.register_on_premises_instance,
          instanceName="h1", iamUserArn=user + "x")
    fails("IamUserArnAlreadyRegisteredException", api.register_on_premises_instance,
          instanceName="h3", iamUserArn=user)
    fails("IamArnRequiredException", api.register_on_premises_instance, instanceName="h3")
    fails("MultipleIamArnsProvidedException", api.register_on_premises_instance,
          instanceName="h3", iamUserArn=user, iamSessionArn=user)
    tags = [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]
    api.add_tags_to_on_premises_instances(instanceNames=["h1"], tags=tags)
    api.remove_tags_from_on_premises_instances(instanceNames=["h1"], tags=tags[1:])
    info = api.get_on_premises_instance(instanceName="h1")["instanceInfo"]
    assert info["tags"] == tags[:1] and info["iamUserArn"] == user
    fails("InstanceNotRegisteredException", api.add_tags_to_on_premises_instances,
          instanceNames=["none"], tags=tags)
    assert api.list_on_premises_instances(tagFilters=[
        {"Key": "k", "Type": "KEY_ONLY"}])["instanceNames"] == ["h1"]
    api.deregister_on_premises_instance(instanceName="h2")
    api.deregister_on_premises_instance(instanceName="h2")
    assert "h2" in api.list_on_premises_instances(
        registrationStatus="Deregistered")["instanceNames"]
    assert "h2" not in api.list_on_premises_instances(
        registrationStatus="Registered")["instanceNames"]
    both = api.batch_get_on_premises_instances(instanceNames=["h1", "h2", "none"])
    assert len(both["instanceInfos"]) == 2 and "deregisterTime" in both["instanceInfos"][1]
    fails("InstanceNotRegisteredException", api.get_on_premises_instance, instanceName="none")


# ---- deployments ----

def test_deployment_without_hosts_or_revision(api, app, shared_server):
    group(api, app)
    info = finish(api, api.create_deployment(
        applicationName=app, deploymentGroupName="group", revision=s3())["deploymentId"])
    assert info["status"] == "Failed"
    assert info["errorInformation"]["code"] == "REVISION_MISSING"
    client = shared_server.client("s3")
    client.create_bucket(Bucket="bundles")
    client.put_object(Bucket="bundles", Key="v1.zip", Body=b"x")
    revision = s3()
    revision["s3Location"]["bucket"] = "bundles"
    info = finish(api, api.create_deployment(
        applicationName=app, deploymentGroupName="group", revision=revision)["deploymentId"])
    assert info["errorInformation"]["code"] == "NO_INSTANCES"
    assert info["creator"] == "user" and info["deploymentOverview"]["Failed"] == 0
    last = api.get_deployment_group(applicationName=app, deploymentGroupName="group")[
        "deploymentGroupInfo"]["lastAttemptedDeployment"]
    assert last["deploymentId"] == info["deploymentId"] and last["status"] == "Failed"
    assert api.list_deployments(applicationName=app, deploymentGroupName="group")[
        "deployments"][0] == info["deploymentId"]


def test_create_errors(api, app):
    group(api, app)
    create = api.create_deployment
    fails("RevisionRequiredException", create, applicationName=app, deploymentGroupName="group")
    fails("DeploymentGroupNameRequiredException", create, applicationName=app, revision=s3())
    fails("DeploymentGroupDoesNotExistException", create, applicationName=app,
          deploymentGroupName="none", revision=s3())
    fails("InvalidTargetInstancesException", create, applicationName=app,
          deploymentGroupName="group", revision=s3(),
          targetInstances={"autoScalingGroups": ["g"]})
    fails("DescriptionTooLongException", create, applicationName=app,
          deploymentGroupName="group", revision=s3(), description="x" * 257)
    for operation in (api.get_deployment, api.stop_deployment, api.continue_deployment,
                      api.skip_wait_time_for_instance_termination):
        fails("DeploymentDoesNotExistException", operation, deploymentId="d-ABCDEFGHI")
        fails("InvalidDeploymentIdException", operation, deploymentId="nonsense")


def test_lists_of_deployments(api, app):
    group(api, app)
    ids = []
    for _ in range(3):
        ids.append(api.create_deployment(applicationName=app, deploymentGroupName="group",
                                         revision=s3())["deploymentId"])
        finish(api, ids[-1])
    assert api.list_deployments(applicationName=app, deploymentGroupName="group",
                                includeOnlyStatuses=["Failed"])["deployments"] == ids[::-1]
    assert api.list_deployments(applicationName=app, deploymentGroupName="group",
                                includeOnlyStatuses=["Succeeded"])["deployments"] == []
    assert api.list_deployments(applicationName=app)["deployments"] == ids[::-1]
    fails("ApplicationDoesNotExistException", api.list_deployments, applicationName="nobody")
    infos = api.batch_get_deployments(deploymentIds=ids + ["d-ABCDEFGHI"])["deploymentsInfo"]
    assert [i["deploymentId"] for i in infos] == ids
    fails("ApplicationNameRequiredException", api.list_deployments, deploymentGroupName="group")


def test_one_host_by_hand(api, app, shared_server):
    """A deployment to a host whose agent is this test; both names of the command service."""
    arn = f"arn:aws:iam::{shared_server.account}:user/by-hand"
    api.register_on_premises_instance(instanceName="by-hand", iamUserArn=arn)
    api.add_tags_to_on_premises_instances(
        instanceNames=["by-hand"], tags=[{"Key": "hand", "Value": "1"}])
    group(api, app, onPremisesInstanceTagFilters=[{"Key": "hand", "Type": "KEY_ONLY"}])
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as z:
        z.writestr("appspec.yml", "version: 0.0\nos: linux\n")
    client = shared_server.client("s3")
    client.create_bucket(Bucket="hand")
    client.put_object(Bucket="hand", Key="v1.zip", Body=body.getvalue())
    revision = s3()
    revision["s3Location"]["bucket"] = "hand"
    deployment = api.create_deployment(applicationName=app, deploymentGroupName="group",
                                       revision=revision)["deploymentId"]
    fails("DeploymentLimitExceededException", api.create_deployment, applicationName=app,
          deploymentGroupName="group", revision=revision)
    status, poll = commands(shared_server, "PollHostCommand", {"HostIdentifier": arn})
    command = poll["HostCommand"]
    assert status == 200 and command["CommandName"] == "ApplicationStop"
    assert command["HostIdentifier"] == arn
    assert command["DeploymentExecutionId"].endswith("/" + deployment)
    ident = {"HostCommandIdentifier": command["HostCommandIdentifier"]}
    _, spec = commands(shared_server, "GetDeploymentSpecification", {
        "DeploymentExecutionId": command["DeploymentExecutionId"], "HostIdentifier": arn},
        "CodeDeployCommandService", "codedeploy-commands-secure")
    envelope = spec["DeploymentSpecification"]["GenericEnvelope"]
    assert spec["DeploymentSystem"] == "CodeDeploy" and envelope["Format"] == "PKCS7/JSON"
    assert envelope["Payload"].startswith("-----BEGIN PKCS7-----\n")
    assert commands(shared_server, "PutHostCommandAcknowledgement", {
        **ident, "Diagnostics": {"Format": "JSON", "Payload": '{"IsCommandNoop":true}'}}) == (
            200, {"CommandStatus": "InProgress"})
    assert commands(shared_server, "PostHostCommandUpdate", ident)[1]["CommandStatus"] == "InProgress"
    assert commands(shared_server, "PutHostCommandLog", {
        **ident, "Offset": 0, "Data": "bGluZQo="}) == (200, {"NextOffset": 5})
    done = {**ident, "CommandStatus": "Failed", "Diagnostics": {
        "Format": "JSON", "Payload": json.dumps({"error_code": "Unknown", "script_name": "s.sh",
                                                 "message": "no", "log": "l"})}}
    assert commands(shared_server, "PutHostCommandComplete", done)[0] == 200
    done["CommandStatus"] = "Succeeded"  # the first completion counts
    assert commands(shared_server, "PutHostCommandComplete", done)[0] == 200
    info = finish(api, deployment)
    assert info["status"] == "Failed"
    assert api.list_deployment_targets(deploymentId=deployment)["targetIds"] == ["by-hand"]
    assert api.list_deployment_instances(deploymentId=deployment)["instancesList"] == ["by-hand"]
    target = api.get_deployment_target(deploymentId=deployment, targetId="by-hand")[
        "deploymentTarget"]
    assert target["instanceTarget"]["status"] == "Failed"
    assert api.batch_get_deployment_targets(
        deploymentId=deployment, targetIds=["by-hand"])["deploymentTargets"] == [target]
    instance = api.get_deployment_instance(deploymentId=deployment, instanceId="by-hand")[
        "instanceSummary"]
    event = instance["lifecycleEvents"][0]
    assert event["diagnostics"] == {"errorCode": "UnknownError", "scriptName": "s.sh",
                                    "message": "no", "logTail": "l"}
    assert api.batch_get_deployment_instances(
        deploymentId=deployment, instanceIds=["by-hand"])["instancesSummary"] == [instance]
    fails("DeploymentTargetDoesNotExistException", api.get_deployment_target,
          deploymentId=deployment, targetId="none")
    fails("DeploymentAlreadyCompletedException", api.stop_deployment, deploymentId=deployment)
    fails("UnsupportedActionForDeploymentTypeException",
          api.put_lifecycle_event_hook_execution_status, deploymentId=deployment,
          lifecycleEventHookExecutionId="x", status="Succeeded")
    status, answer = commands(shared_server, "PollHostCommand", {"HostIdentifier": "arn:x"})
    assert status == 400 and answer["__type"].endswith("ClientException")


def test_stop_while_a_host_works(api, app, shared_server):
    """What a host has begun it may end; nothing more is asked of it."""
    arn = f"arn:aws:iam::{shared_server.account}:user/stopped"
    api.register_on_premises_instance(instanceName="stopped", iamUserArn=arn)
    api.add_tags_to_on_premises_instances(
        instanceNames=["stopped"], tags=[{"Key": "stopped", "Value": "1"}])
    group(api, app, onPremisesInstanceTagFilters=[{"Key": "stopped", "Type": "KEY_ONLY"}])
    store = shared_server.client("s3")
    store.create_bucket(Bucket="stopped")
    store.put_object(Bucket="stopped", Key="v1.zip", Body=b"any")
    revision = s3()
    revision["s3Location"]["bucket"] = "stopped"
    deployment = api.create_deployment(applicationName=app, deploymentGroupName="group",
                                       revision=revision)["deploymentId"]
    command = commands(shared_server, "PollHostCommand", {"HostIdentifier": arn})[1]["HostCommand"]
    ident = {"HostCommandIdentifier": command["HostCommandIdentifier"]}
    assert commands(shared_server, "PutHostCommandAcknowledgement", ident)[0] == 200
    for operation in (api.continue_deployment, api.skip_wait_time_for_instance_termination):
        fails("UnsupportedActionForDeploymentTypeException", operation, deploymentId=deployment)
    stopped = api.stop_deployment(deploymentId=deployment)
    assert stopped["status"] == "Pending" and "No more commands" in stopped["statusMessage"]
    commands(shared_server, "PutHostCommandComplete", {**ident, "CommandStatus": "Succeeded"})
    info = finish(api, deployment)
    assert info["status"] == "Stopped" and info["errorInformation"]["code"] == "MANUAL_STOP"
    target = api.get_deployment_target(deploymentId=deployment, targetId="stopped")[
        "deploymentTarget"]["instanceTarget"]
    events = {e["lifecycleEventName"]: e["status"] for e in target["lifecycleEvents"]}
    assert events.pop("ApplicationStop") == "Succeeded"
    assert set(events.values()) == {"Skipped"}
    fails("DeploymentAlreadyCompletedException", api.stop_deployment, deploymentId=deployment)


def test_cli(shared_server, app):
    out = shared_server.aws("deploy", "get-application", "--application-name", app)
    assert out["application"]["applicationName"] == app
