# SPDX-License-Identifier: Apache-2.0
"""Real instances behind the real data plane: groups keep their size, traffic outlives the server,
and no request fails because traffic moved."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import hosts
import pytest
from asking import eventually
from backends import free_ports

USER_DATA = """#!/bin/sh
mkdir -p /srv/www && hostname > /srv/www/index.html
cd /srv/www && setsid python3 -m http.server 8080 >/dev/null 2>&1 &
"""


def why_not():
    if os.geteuid() != 0:
        return "instances need root"
    for program in ("runc", "haproxy", "iptables", "ip"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


class Load:
    """Keep-alive clients that ask all the time; counts answers and failures, and in .hosts who answered what was asked
    since the last `forget`."""

    def __init__(self, port, clients=4):
        self.port, self.ok, self.failed, self.hosts, self.since = port, 0, [], {}, 0
        self.lock = threading.Lock()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while not self.done.is_set():
            asked = time.monotonic()
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                body = answer.read().decode().strip()
                with self.lock:
                    if answer.status == 200:
                        self.ok += 1
                        if asked > self.since:
                            self.hosts[body] = self.hosts.get(body, 0) + 1
                    else:
                        self.failed.append(answer.status)
            except (OSError, http.client.HTTPException) as e:
                # an idle connection may be closed by the server, as HTTP allows
                if isinstance(e, http.client.RemoteDisconnected) and self.ok:
                    connection.close()
                    continue
                with self.lock:
                    self.failed.append(repr(e))
                connection.close()
            time.sleep(0.002)

    def forget(self):
        with self.lock:
            self.since, self.hosts = time.monotonic(), {}

    def answered(self):
        with self.lock:
            return dict(self.hosts)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for t in self.threads:
            t.join()


class Fleet:
    def __init__(self, server, desired=2):
        self.server = server
        self.asg, self.elb = server.client("autoscaling"), server.client("elbv2")
        self.ec2 = server.client("ec2")
        self.port = free_ports(1)[0]
        self.tg = self.elb.create_target_group(
            Name="web", Protocol="HTTP", Port=8080, VpcId="vpc-1", HealthCheckPath="/",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2,
            HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
        self.elb.modify_target_group_attributes(
            TargetGroupArn=self.tg,
            Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}])
        lb = self.elb.create_load_balancer(Name="web", Subnets=["subnet-1"])
        self.lb = lb["LoadBalancers"][0]["LoadBalancerArn"]
        self.listener = self.elb.create_listener(
            LoadBalancerArn=self.lb, Protocol="HTTP", Port=self.port,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.tg}],
        )["Listeners"][0]["ListenerArn"]
        self.asg.create_launch_configuration(
            LaunchConfigurationName="lc", ImageId="ami-host", InstanceType="t3.micro",
            UserData=USER_DATA)
        self.asg.create_auto_scaling_group(
            AutoScalingGroupName="web", LaunchConfigurationName="lc", MinSize=0, MaxSize=6,
            DesiredCapacity=desired, TargetGroupARNs=[self.tg],
            Tags=[{"Key": "service", "Value": "web", "PropagateAtLaunch": True}])

    def instances(self, state="InService"):
        group = self.asg.describe_auto_scaling_groups(
            AutoScalingGroupNames=["web"])["AutoScalingGroups"]
        return [i["InstanceId"] for i in group[0]["Instances"] if i["LifecycleState"] == state] \
            if group else []

    def healthy(self):
        health = self.elb.describe_target_health(TargetGroupArn=self.tg)
        return [t["Target"]["Id"] for t in health["TargetHealthDescriptions"]
                if t["TargetHealth"]["State"] == "healthy"]

    def await_healthy(self, n, without=None):
        """So many, once `without` (which died) is none of them any more."""
        def look():
            found = self.healthy()
            return found if len(found) == n and without not in found else None
        return eventually(look, what=f"{n} healthy targets; server:\n{self.server.stderr()[-3000:]}")

    def delete(self):
        if self.server.process is None:
            self.server.start()
        elb = self.server.client("elbv2")
        asg = self.server.client("autoscaling")
        ec2 = self.server.client("ec2")
        elb.delete_load_balancer(LoadBalancerArn=self.lb)
        for group in asg.describe_auto_scaling_groups()["AutoScalingGroups"]:
            try:
                asg.delete_auto_scaling_group(AutoScalingGroupName=group["AutoScalingGroupName"],
                                              ForceDelete=True)
            except asg.exceptions.ClientError as e:  # a deployment may delete its old group meanwhile
                if "not found" not in str(e):
                    raise
        eventually(lambda: all(
            i["State"]["Name"] == "terminated" for r in ec2.describe_instances()["Reservations"]
            for i in r["Instances"]), what="instances to end")


@pytest.fixture
def fleet(server):
    f = Fleet(server)
    try:
        yield f
    finally:
        f.delete()


@pytest.fixture
def single(server):
    f = Fleet(server, desired=1)
    try:
        yield f
    finally:
        f.delete()


def container_pid(instance):
    import json
    out = subprocess.run(["runc", "--root", "/run/towpath/oci", "state", instance], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out)["pid"]


def test_group_serves_keeps_its_size_and_outlives_the_server(fleet):
    first = fleet.await_healthy(2)
    assert sorted(first) == sorted(fleet.instances())
    reply = urllib.request.urlopen(f"http://127.0.0.1:{fleet.port}/").read().decode().strip()
    assert reply in first
    described = fleet.ec2.describe_instances(InstanceIds=first)["Reservations"]
    tags = {t["Key"]: t["Value"] for t in described[0]["Instances"][0]["Tags"]}
    assert tags["service"] == "web" and tags["aws:autoscaling:groupName"] == "web"

    # one dies: it is replaced
    os.kill(container_pid(first[0]), signal.SIGKILL)
    eventually(lambda: first[0] not in fleet.instances() and len(fleet.instances()) == 2, what="a replacement")
    second = fleet.await_healthy(2, without=first[0])
    assert first[1] in second

    # kill -9 of the server: traffic goes on, instances and targets are found again
    with Load(fleet.port) as load:
        fleet.server.kill9()
        load.forget()
        eventually(lambda: sum(load.answered().values()) > 50, what="answers without the server")
        fleet.server.start()
        fleet.elb, fleet.asg = fleet.server.client("elbv2"), fleet.server.client("autoscaling")
        assert sorted(fleet.instances()) == sorted(second)
        assert sorted(fleet.await_healthy(2)) == sorted(second)
    assert load.failed == []

    # what dies while nobody looks is replaced on start
    fleet.server.kill9()
    os.kill(container_pid(second[0]), signal.SIGKILL)
    fleet.server.start()
    fleet.elb, fleet.asg = fleet.server.client("elbv2"), fleet.server.client("autoscaling")
    third = fleet.await_healthy(2, without=second[0])
    assert second[1] in third


def test_no_request_fails_while_targets_move(fleet):
    ids = fleet.await_healthy(2)
    with Load(fleet.port) as load:
        for victim in ids * 2:
            fleet.elb.deregister_targets(TargetGroupArn=fleet.tg, Targets=[{"Id": victim}])
            eventually(lambda v=victim: v not in fleet.healthy())
            time.sleep(0.3)
            fleet.elb.register_targets(TargetGroupArn=fleet.tg, Targets=[{"Id": victim}])
            fleet.await_healthy(2)
        # structural changes reload the data plane under load
        other = fleet.elb.create_target_group(
            Name="other", Protocol="HTTP", Port=8080, VpcId="vpc-1",
            HealthCheckPath="/")["TargetGroups"][0]["TargetGroupArn"]
        fleet.elb.register_targets(TargetGroupArn=other, Targets=[{"Id": ids[1]}])
        shares = {"TargetGroups": [{"TargetGroupArn": fleet.tg, "Weight": 100},
                                   {"TargetGroupArn": other, "Weight": 0}]}
        fleet.elb.modify_listener(ListenerArn=fleet.listener, DefaultActions=[
            {"Type": "forward", "ForwardConfig": shares}])
        eventually(lambda: [t["TargetHealth"]["State"] for t in fleet.elb.describe_target_health(
            TargetGroupArn=other)["TargetHealthDescriptions"]] == ["healthy"])
        # weights: all of it to the other group, which has one of the instances
        for weight in (50, 100):
            shares["TargetGroups"][0]["Weight"] = 100 - weight
            shares["TargetGroups"][1]["Weight"] = weight
            fleet.elb.modify_listener(ListenerArn=fleet.listener, DefaultActions=[
                {"Type": "forward", "ForwardConfig": shares}])
        load.forget()
        eventually(lambda: sum(load.answered().values()) > 50, what="answers of the other group")
        assert set(load.answered()) == {ids[1]}
        # scaling in drains before it terminates
        shares["TargetGroups"][0]["Weight"] = 100  # it may take the other group's only instance
        shares["TargetGroups"][1]["Weight"] = 0
        fleet.elb.modify_listener(ListenerArn=fleet.listener, DefaultActions=[
            {"Type": "forward", "ForwardConfig": shares}])
        fleet.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
        eventually(lambda: len(fleet.instances()) == 1)
        eventually(lambda: len(fleet.healthy()) == 1)
        time.sleep(2)
    assert load.failed == []
    assert load.ok > 500

    metrics = fleet.server.client("cloudwatch")
    end = time.time() + 1
    group = "targetgroup/" + fleet.tg.split(":targetgroup/")[1]
    where = dict(Namespace="AWS/ApplicationELB", Dimensions=[{"Name": "TargetGroup", "Value": group}],
                 StartTime=end - 1200, EndTime=end, Period=60)
    eventually(lambda: sum(p["Sum"] for p in metrics.get_metric_statistics(
        MetricName="HTTPCode_Target_2XX_Count", Statistics=["Sum"], **where)["Datapoints"]) > 300, what="they are counted")
    times = eventually(lambda: metrics.get_metric_statistics(
        MetricName="TargetResponseTime", Statistics=["Average", "SampleCount"], ExtendedStatistics=["p99"],
        **where)["Datapoints"], what="they are timed")
    requests = sum(p["SampleCount"] for p in times)
    assert 0 <= sum(p["Average"] * p["SampleCount"] for p in times) / requests < 1  # seconds
    assert all(p["ExtendedStatistics"]["p99"] >= 0 for p in times), times


def test_blue_green_goes_on_when_told(single, receiver):
    """Green waits for traffic until it is told to go on, blue for its end until it is told not to
    wait. The trigger hears that green is ready."""
    blue = single.await_healthy(1)
    api, s3 = single.server.client("codedeploy"), single.server.client("s3")
    s3.create_bucket(Bucket="revisions")
    s3.put_object(Bucket="revisions", Key="v1.zip", Body=hosts.bundle(
        {"appspec.yml": "version: 0.0\nos: linux\n"}))
    sns = single.server.client("sns")
    topic = sns.create_topic(Name="ready")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    sns.confirm_subscription(TopicArn=topic, Token=receiver.next()[1]["Token"])
    api.create_application(applicationName="app")
    api.create_deployment_group(
        applicationName="app", deploymentGroupName="group",
        triggerConfigurations=[{"triggerName": "ready", "triggerTargetArn": topic, "triggerEvents": ["InstanceReady"]}],
        serviceRoleArn=f"arn:aws:iam::{single.server.account}:role/deploy",
        deploymentConfigName="CodeDeployDefault.AllAtOnce", autoScalingGroups=["web"],
        deploymentStyle={"deploymentType": "BLUE_GREEN",
                         "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        loadBalancerInfo={"targetGroupInfoList": [{"name": "web"}]},
        blueGreenDeploymentConfiguration={
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT",
                                      "waitTimeInMinutes": 30},
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE", "terminationWaitTimeInMinutes": 30},
            "greenFleetProvisioningOption": {"action": "COPY_AUTO_SCALING_GROUP"}})
    deployment = api.create_deployment(
        applicationName="app", deploymentGroupName="group", revision={
            "revisionType": "S3", "s3Location": {"bucket": "revisions", "key": "v1.zip",
                                                 "bundleType": "zip"}})["deploymentId"]

    def info():
        got = api.get_deployment(deploymentId=deployment)["deploymentInfo"]
        assert got["status"] not in ("Failed", "Stopped"), got.get("errorInformation")
        return got

    eventually(lambda: info()["status"] == "Ready", what="green to be ready")
    ready = json.loads(receiver.next()[1]["Message"])
    assert (ready["deploymentId"], ready["instanceStatus"]) == (deployment, "Ready")
    assert {e["LifecycleEvent"]: e["LifecycleEventStatus"] for e in ready["lifecycleEvents"]}["Install"] == "Succeeded"
    with open(f"/proc/{container_pid(blue[0])}/environ", encoding="utf-8") as f:
        env = dict(pair.split("=", 1) for pair in f.read().split("\0") if "=" in pair)
    agents_s3 = single.server.client("s3", token=env["AWS_SESSION_TOKEN"], keys=(
        env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]))
    agents_s3.list_objects_v2(Bucket="revisions")
    assert single.healthy() == blue  # no traffic for green yet
    with pytest.raises(api.exceptions.DeploymentNotStartedException):
        api.skip_wait_time_for_instance_termination(deploymentId=deployment)
    api.continue_deployment(deploymentId=deployment, deploymentWaitType="READY_WAIT")
    eventually(lambda: info().get("instanceTerminationWaitTimeStarted"), what="green's traffic")
    green = single.await_healthy(1)
    assert green != blue and single.instances() == blue
    assert ready["instanceId"].endswith(f"/{green[0]}") and receiver.messages.empty()
    api.skip_wait_time_for_instance_termination(deploymentId=deployment)
    eventually(lambda: info()["status"] == "Succeeded", what="the end")
    names = [g["AutoScalingGroupName"] for g in single.asg.describe_auto_scaling_groups()[
        "AutoScalingGroups"] if g.get("Status") is None]
    assert len(names) == 1 and names[0] != "web"
    reply = urllib.request.urlopen(f"http://127.0.0.1:{single.port}/").read().decode().strip()
    assert [reply] == green
    # the credentials of blue's agent ended with it
    eventually(lambda: single.ec2.describe_instances(InstanceIds=blue)["Reservations"][0][
        "Instances"][0]["State"]["Name"] == "terminated", what="the end of blue")
    with pytest.raises(s3.exceptions.ClientError, match="InvalidAccessKeyId|InvalidClientTokenId"):
        agents_s3.list_objects_v2(Bucket="revisions")


APP = {"appspec.yml": "version: 0.0\nos: linux\nhooks:\n  AfterInstall:\n    - location: app.sh\n"}


class App:
    """An application, and a deployment group over the fleet's Auto Scaling group."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.api, self.s3 = fleet.server.client("codedeploy"), fleet.server.client("s3")
        self.names = {"applicationName": "app", "deploymentGroupName": "group"}
        self.s3.create_bucket(Bucket="revisions")
        self.api.create_application(applicationName="app")
        self.api.create_deployment_group(
            **self.names, serviceRoleArn=f"arn:aws:iam::{fleet.server.account}:role/deploy",
            deploymentConfigName="CodeDeployDefault.AllAtOnce", autoScalingGroups=["web"])

    def put(self, version):
        script = f"#!/bin/sh\necho {version} $(hostname) > /srv/www/app\n"
        self.s3.put_object(Bucket="revisions", Key=version, Body=hosts.bundle(
            {**APP, "app.sh": (script, 0o755)}))

    def deploy(self, version):
        self.put(version)
        deployment = self.api.create_deployment(**self.names, revision={
            "revisionType": "S3", "s3Location": {
                "bucket": "revisions", "key": version, "bundleType": "zip"}})["deploymentId"]
        eventually(lambda: self.info(deployment)["status"] in hosts.FINAL, what="the end")
        assert self.info(deployment)["status"] == "Succeeded"

    def info(self, deployment):
        return self.api.get_deployment(deploymentId=deployment)["deploymentInfo"]

    def launches(self):
        """Deployments that were made for launched instances, newest first."""
        found = [self.info(d) for d in self.api.list_deployments(**self.names)["deployments"]]
        return [d for d in found if d["creator"] == "autoscaling"]

    def answer(self, instance):
        found = self.fleet.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        address = found[0]["Instances"][0]["PrivateIpAddress"]
        return urllib.request.urlopen(f"http://{address}:8080/app").read().decode().strip()

    def await_instances(self, n):
        """Until so many serve. None is among the targets before it is in service."""
        def look():
            targets = self.fleet.elb.describe_target_health(TargetGroupArn=self.fleet.tg)
            there = {t["Target"]["Id"] for t in targets["TargetHealthDescriptions"]
                     if t["TargetHealth"]["State"] != "draining"}
            serving = set(self.fleet.instances())
            assert there <= serving, (there, serving)
            return len(serving) == n and there == serving and sorted(serving)
        return eventually(look, what=f"{n} instances in service; server:\n"
                          f"{self.fleet.server.stderr()[-3000:]}")


def test_launched_instances_get_the_last_successful_revision(single):
    app = App(single)
    hook = app.api.get_deployment_group(**app.names)["deploymentGroupInfo"]["autoScalingGroups"][0]["hook"]
    assert hook.startswith("CodeDeploy-managed-automatic-launch-deployment-hook-group-")
    first = app.await_instances(1)  # nothing to install: in service at once
    app.deploy("v1")
    assert app.launches() == []
    single.asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=2)
    both = app.await_instances(2)
    second = [i for i in both if i not in first][0]
    assert app.answer(second) == f"v1 {second}"
    launch = app.launches()[0]
    assert (launch["status"], launch["deploymentOverview"]["Succeeded"]) == ("Succeeded", 1)
    assert second in launch["description"]

    # its revision is gone: what replaces a crashed instance is abandoned, and does not spin
    app.s3.delete_object(Bucket="revisions", Key="v1")
    os.kill(container_pid(second), signal.SIGKILL)
    failed = eventually(lambda: [d for d in app.launches() if d["status"] == "Failed"])
    assert failed[0]["errorInformation"]["code"] == "REVISION_MISSING"
    assert app.await_instances(1) == first
    abandoned = eventually(lambda: [
        i for r in single.ec2.describe_instances()["Reservations"] for i in r["Instances"]
        if i["State"]["Name"] == "terminated" and i["InstanceId"] in failed[0]["description"]])
    assert f"abandoned: deployment {failed[0]['deploymentId']} failed" in abandoned[0]["StateTransitionReason"]
    assert single.instances("Pending") == [] and single.instances("Pending:Wait") == []

    # a new revision: the group need not wait any longer
    app.deploy("v2")
    for i in app.await_instances(2):
        assert app.answer(i) == f"v2 {i}"
    assert len(app.launches()) == 3


def test_lifecycle_hooks_hold_a_launch(fleet):
    asg = fleet.asg
    ids = fleet.await_healthy(2)
    hook = {"AutoScalingGroupName": "web", "LifecycleHookName": "warm"}
    asg.put_lifecycle_hook(**hook, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
                           HeartbeatTimeout=600)
    asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=3)
    waits = eventually(lambda: fleet.instances("Pending:Wait"))[0]
    assert sorted(fleet.instances()) == sorted(ids)
    assert waits not in [t["Target"]["Id"] for t in fleet.elb.describe_target_health(
        TargetGroupArn=fleet.tg)["TargetHealthDescriptions"]]
    asg.record_lifecycle_action_heartbeat(**hook, InstanceId=waits)
    fleet.server.kill9()
    fleet.server.start()
    fleet.asg = asg = fleet.server.client("autoscaling")
    assert fleet.instances("Pending:Wait") == [waits]
    asg.complete_lifecycle_action(**hook, InstanceId=waits, LifecycleActionResult="CONTINUE")
    assert sorted(fleet.instances()) == sorted([*ids, waits])
    with pytest.raises(asg.exceptions.ClientError, match="No active Lifecycle Action"):
        asg.complete_lifecycle_action(**hook, InstanceId=waits, LifecycleActionResult="ABANDON")
    # abandoned, or its hook deleted: terminated
    asg.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=4)
    waits = eventually(lambda: fleet.instances("Pending:Wait"))[0]
    asg.delete_lifecycle_hook(**hook)
    eventually(lambda: waits not in [i["InstanceId"] for i in asg.describe_auto_scaling_groups(
        AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]["Instances"]])
