# SPDX-License-Identifier: Apache-2.0
"""autoscaling, ec2 and elbv2 through boto3: what needs no instance (tests/e2e/fleet.py has those)."""
import os
import signal

import pytest
from asking import code_of, eventually
from backends import free_ports
from towpath import Server


def test_groups(server):
    c, ec2 = server.client("autoscaling"), server.client("ec2")
    c.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-1",
                                  InstanceType="t3.micro")
    assert code_of(c.create_launch_configuration, LaunchConfigurationName="lc", ImageId="ami-1",
                   InstanceType="t3.micro") == "AlreadyExists"
    assert c.describe_launch_configurations()["LaunchConfigurations"][0]["ImageId"] == "ami-1"
    for name in ("lc-2", "lc-3"):
        c.create_launch_configuration(LaunchConfigurationName=name, ImageId="ami-1", InstanceType="t3.micro")
    pages = list(c.get_paginator("describe_launch_configurations").paginate(PaginationConfig={"PageSize": 2}))
    assert [[lc["LaunchConfigurationName"] for lc in page["LaunchConfigurations"]] for page in pages] == [
        ["lc", "lc-2"], ["lc-3"]]
    assert code_of(c.describe_launch_configurations, NextToken="no token") == "InvalidNextToken"
    for name in ("lc-2", "lc-3"):
        c.delete_launch_configuration(LaunchConfigurationName=name)
    group = {"AutoScalingGroupName": "g", "LaunchConfigurationName": "lc", "MinSize": 0,
             "MaxSize": 3}
    assert code_of(c.create_auto_scaling_group,
                   **dict(group, DesiredCapacity=4)) == "ValidationError"
    assert code_of(c.create_auto_scaling_group,
                   **dict(group, LaunchConfigurationName="no")) == "ValidationError"
    c.create_auto_scaling_group(**group, Tags=[{"Key": "a", "Value": "b"}])
    assert code_of(c.create_auto_scaling_group, **group) == "AlreadyExists"
    described = c.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][0]
    assert (described["DesiredCapacity"], described["Instances"]) == (0, [])
    assert described["Tags"][0]["ResourceId"] == "g"
    c.update_auto_scaling_group(AutoScalingGroupName="g", MaxSize=5, DefaultCooldown=10)
    assert c.describe_auto_scaling_groups()["AutoScalingGroups"][0]["MaxSize"] == 5
    assert code_of(c.set_desired_capacity, AutoScalingGroupName="g",
                   DesiredCapacity=9) == "ValidationError"
    c.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=0)
    assert c.describe_auto_scaling_instances()["AutoScalingInstances"] == []
    assert code_of(c.terminate_instance_in_auto_scaling_group, InstanceId="i-1",
                   ShouldDecrementDesiredCapacity=False) == "ValidationError"
    assert code_of(c.delete_launch_configuration, LaunchConfigurationName="lc") == "ResourceInUse"
    tg = server.client("elbv2").create_target_group(Name="t", Protocol="HTTP", Port=80,
                                                     VpcId="v")["TargetGroups"][0]["TargetGroupArn"]
    elb = server.client("elbv2")
    elb.create_target_group(Name="u", Protocol="HTTP", Port=80, VpcId="v")
    pages = list(elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 1}))
    assert sorted(p["TargetGroups"][0]["TargetGroupName"] for p in pages) == ["t", "u"]
    c.attach_load_balancer_target_groups(AutoScalingGroupName="g", TargetGroupARNs=[tg])
    assert c.describe_load_balancer_target_groups(AutoScalingGroupName="g")[
        "LoadBalancerTargetGroups"][0]["LoadBalancerTargetGroupARN"] == tg
    c.detach_load_balancer_target_groups(AutoScalingGroupName="g", TargetGroupARNs=[tg])
    c.delete_auto_scaling_group(AutoScalingGroupName="g")
    eventually(lambda: not c.describe_auto_scaling_groups()["AutoScalingGroups"])
    c.delete_launch_configuration(LaunchConfigurationName="lc")
    assert c.describe_launch_configurations()["LaunchConfigurations"] == []
    assert code_of(c.delete_launch_configuration, LaunchConfigurationName="lc") == "ValidationError"
    assert code_of(c.delete_auto_scaling_group, AutoScalingGroupName="nope") == "ValidationError"
    assert ec2.describe_instances()["Reservations"] == []
    assert ec2.describe_tags()["Tags"] == []
    for call in (ec2.terminate_instances, ec2.describe_instances):
        assert code_of(call, InstanceIds=["i-0"]) == "InvalidInstanceID.NotFound"
    assert code_of(ec2.create_tags, Resources=["i-0"], Tags=[{"Key": "a", "Value": "b"}]) == "InvalidID"
    assert code_of(ec2.delete_tags, Resources=["i-0"], Tags=[{"Key": "a"}]) == "InvalidID"


@pytest.fixture
def waiting(tmp_path):
    """Of a server that has no way to run instances: a group of three, which all stay pending."""
    s = Server(env={"TOWPATH_OCI_RUNTIME": str(tmp_path / "none")})
    try:
        asg = s.start().client("autoscaling")
        asg.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-1",
                                        InstanceType="t3.micro")
        asg.create_auto_scaling_group(
            AutoScalingGroupName="g", LaunchConfigurationName="lc", MinSize=1, MaxSize=4,
            DesiredCapacity=3,
            Tags=[{"Key": "service", "Value": "web", "PropagateAtLaunch": True}])
        pending_of(s.client("ec2"), 3)
        yield s
    finally:
        s.close()


def state_of(ec2, instance):
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["State"]["Name"]


def pending_of(ec2, n):
    """The ids, once there are n pending instances."""
    def ids():
        reservations = ec2.describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending"]}])["Reservations"]
        return [i["InstanceId"] for r in reservations for i in r["Instances"]]
    eventually(lambda: len(ids()) == n)
    return ids()


def test_lifecycle_hooks(server):
    c, deploy = server.client("autoscaling"), server.client("codedeploy")
    c.create_launch_configuration(LaunchConfigurationName="hooked", ImageId="ami-1", InstanceType="t3.micro")
    launching = "autoscaling:EC2_INSTANCE_LAUNCHING"
    c.create_auto_scaling_group(
        AutoScalingGroupName="hooked", LaunchConfigurationName="hooked", MinSize=0, MaxSize=1,
        LifecycleHookSpecificationList=[{"LifecycleHookName": "a", "LifecycleTransition": launching}])
    hook = {"AutoScalingGroupName": "hooked", "LifecycleHookName": "b"}
    c.put_lifecycle_hook(**hook, LifecycleTransition=launching, DefaultResult="CONTINUE", HeartbeatTimeout=30,
                         NotificationMetadata="m")
    c.put_lifecycle_hook(**hook, HeartbeatTimeout=40)  # what is absent stays
    described = c.describe_lifecycle_hooks(AutoScalingGroupName="hooked")["LifecycleHooks"]
    assert [h["LifecycleHookName"] for h in described] == ["a", "b"]
    assert (described[0]["HeartbeatTimeout"], described[0]["GlobalTimeout"], described[0]["DefaultResult"]) == (
        3600, 172800, "ABANDON")
    assert (described[1]["HeartbeatTimeout"], described[1]["GlobalTimeout"], described[1]["DefaultResult"],
            described[1]["NotificationMetadata"]) == (40, 4000, "CONTINUE", "m")
    for wrong in ({"HeartbeatTimeout": 1}, {"HeartbeatTimeout": 2**31 - 1}, {"DefaultResult": "NO"}, {"LifecycleTransition": "x"}):
        assert code_of(c.put_lifecycle_hook, **hook, **wrong) == "ValidationError"
    assert code_of(c.put_lifecycle_hook, AutoScalingGroupName="hooked", LifecycleHookName="c") == "ValidationError"
    for unbuilt in ({"LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"},
                    {"NotificationTargetARN": "arn:aws:sns:us-east-1:1:t"}):
        assert code_of(c.put_lifecycle_hook, **hook, **unbuilt) == "NotImplemented"

    # a deployment group has its own at each group that it names
    deploy.create_application(applicationName="hooks")
    group = {"applicationName": "hooks", "deploymentGroupName": "dg"}
    deploy.create_deployment_group(**group, serviceRoleArn=f"arn:aws:iam::{server.account}:role/deploy",
                                   autoScalingGroups=["hooked"])
    own = deploy.get_deployment_group(**group)["deploymentGroupInfo"]["autoScalingGroups"][0]["hook"]
    assert deploy.batch_get_deployment_groups(applicationName="hooks", deploymentGroupNames=["dg"])[
        "deploymentGroupsInfo"][0]["autoScalingGroups"] == [{"name": "hooked", "hook": own}]
    described = c.describe_lifecycle_hooks(AutoScalingGroupName="hooked", LifecycleHookNames=[own])["LifecycleHooks"]
    assert [(h["LifecycleHookName"], h["DefaultResult"], h["HeartbeatTimeout"]) for h in described] == [
        (own, "ABANDON", 600)]
    managed = {"AutoScalingGroupName": "hooked", "LifecycleHookName": own}
    assert code_of(c.delete_lifecycle_hook, **managed) == "ValidationError"
    assert code_of(c.put_lifecycle_hook, **managed, LifecycleTransition=launching) == "ValidationError"
    deploy.update_deployment_group(applicationName="hooks", currentDeploymentGroupName="dg", autoScalingGroups=[])
    assert len(c.describe_lifecycle_hooks(AutoScalingGroupName="hooked")["LifecycleHooks"]) == 2

    for action in (c.complete_lifecycle_action, c.record_lifecycle_action_heartbeat):
        result = {"LifecycleActionResult": "CONTINUE"} if action == c.complete_lifecycle_action else {}
        assert code_of(action, **hook, InstanceId="i-1", **result) == "ValidationError"
        assert code_of(action, **hook, **result) == "ValidationError"
    assert code_of(c.complete_lifecycle_action, **hook, InstanceId="i-1", LifecycleActionResult="NO") == "ValidationError"
    c.delete_lifecycle_hook(**hook)
    assert code_of(c.delete_lifecycle_hook, **hook) == "ValidationError"
    c.delete_auto_scaling_group(AutoScalingGroupName="hooked")
    eventually(lambda: not c.describe_auto_scaling_groups(AutoScalingGroupNames=["hooked"])["AutoScalingGroups"], 30)
    assert code_of(c.describe_lifecycle_hooks, AutoScalingGroupName="hooked") == "ValidationError"
    c.delete_launch_configuration(LaunchConfigurationName="hooked")


def test_terminating_instances(waiting):
    asg, ec2 = waiting.client("autoscaling"), waiting.client("ec2")

    def desired():
        return asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"]

    first = pending_of(ec2, 3)
    change = ec2.terminate_instances(InstanceIds=first[:1])["TerminatingInstances"]
    assert [(c["InstanceId"], c["PreviousState"], c["CurrentState"]) for c in change] == [
        (first[0], {"Code": 0, "Name": "pending"}, {"Code": 32, "Name": "shutting-down"})]
    eventually(lambda: state_of(ec2, first[0]) == "terminated")
    again = ec2.terminate_instances(InstanceIds=first[:1])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == "terminated"
    second = pending_of(ec2, 3)  # the group replaces it
    assert first[0] not in second and set(first[1:]) < set(second)

    end = {"InstanceId": second[0], "ShouldDecrementDesiredCapacity": False}
    activity = asg.terminate_instance_in_auto_scaling_group(**end)["Activity"]
    assert (activity["AutoScalingGroupName"], activity["StatusCode"]) == ("g", "InProgress")
    assert second[0] in activity["Description"]
    eventually(lambda: state_of(ec2, second[0]) == "terminated")
    third = pending_of(ec2, 3)
    assert second[0] not in third and desired() == 3

    end = {"InstanceId": third[0], "ShouldDecrementDesiredCapacity": True}
    asg.terminate_instance_in_auto_scaling_group(**end)
    # what is ending already counts once
    assert code_of(asg.terminate_instance_in_auto_scaling_group, **end) == "ValidationError"
    eventually(lambda: state_of(ec2, third[0]) == "terminated")
    assert desired() == 2 and sorted(pending_of(ec2, 2)) == sorted(third[1:])
    asg.terminate_instance_in_auto_scaling_group(InstanceId=third[1],
                                                 ShouldDecrementDesiredCapacity=True)
    assert code_of(asg.terminate_instance_in_auto_scaling_group, InstanceId=third[2],
                   ShouldDecrementDesiredCapacity=True) == "ValidationError"  # MinSize is 1
    assert desired() == 1 and pending_of(ec2, 1) == [third[2]]


def test_tags_of_instances(waiting):
    ec2 = waiting.client("ec2")
    ids = pending_of(ec2, 3)
    group = {"aws:autoscaling:groupName": "g"}

    def tags(instance):
        found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
        described = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]
        assert {t["Key"]: t["Value"] for t in described["Instances"][0].get("Tags", [])} == {
            t["Key"]: t["Value"] for t in found}
        return {t["Key"]: t["Value"] for t in found}

    assert tags(ids[0]) == {"service": "web", **group}
    ec2.create_tags(Resources=ids[:2], Tags=[{"Key": "service", "Value": "api"},
                                             {"Key": "stage", "Value": "prod"}])
    assert tags(ids[0]) == tags(ids[1]) == {"service": "api", "stage": "prod", **group}
    assert tags(ids[2]) == {"service": "web", **group}
    found = ec2.describe_instances(Filters=[{"Name": "tag:stage", "Values": ["prod"]}])
    assert {r["Instances"][0]["InstanceId"] for r in found["Reservations"]} == set(ids[:2])

    # all or nothing
    assert code_of(ec2.create_tags, Resources=[ids[2], "i-0"],
                   Tags=[{"Key": "a", "Value": "b"}]) == "InvalidID"
    assert tags(ids[2]) == {"service": "web", **group}

    ec2.delete_tags(Resources=[ids[0]], Tags=[{"Key": "stage", "Value": "test"}])
    assert tags(ids[0])["stage"] == "prod"  # another value
    ec2.delete_tags(Resources=[ids[0]], Tags=[{"Key": "stage", "Value": "prod"}])
    ec2.delete_tags(Resources=[ids[1]], Tags=[{"Key": "stage"}, {"Key": "nothing"}])
    assert tags(ids[0]) == tags(ids[1]) == {"service": "api", **group}
    ec2.delete_tags(Resources=[ids[1]])  # all that are the user's
    assert tags(ids[1]) == group

    reserved = [{"Key": "aws:autoscaling:groupName", "Value": "x"}]
    for call in (ec2.create_tags, ec2.delete_tags):
        assert code_of(call, Resources=[ids[1]], Tags=reserved) == "InvalidParameterValue"
    many = [{"Key": f"k{n}", "Value": ""} for n in range(51)]
    assert code_of(ec2.create_tags, Resources=[ids[1]], Tags=many) == "TagLimitExceeded"
    assert code_of(ec2.create_tags, Resources=[ids[0]], Tags=many[:50]) == "TagLimitExceeded"  # and service
    assert tags(ids[1]) == group


def test_load_balancing(server):
    c = server.client("elbv2")
    tg = c.create_target_group(Name="t", Protocol="HTTP", Port=80, VpcId="v",
                               TargetType="ip")["TargetGroups"][0]
    assert (tg["HealthCheckIntervalSeconds"], tg["Matcher"]) == (30, {"HttpCode": "200"})
    arn = tg["TargetGroupArn"]
    assert code_of(c.create_target_group, Name="t", Protocol="HTTP", Port=80,
                   VpcId="v") == "DuplicateTargetGroupName"
    assert code_of(c.create_target_group, Name="-t", Protocol="HTTP", Port=80,
                   VpcId="v") == "ValidationError"
    c.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/up", Matcher={"HttpCode": "200-299"})
    assert c.describe_target_groups(Names=["t"])["TargetGroups"][0]["HealthCheckPath"] == "/up"
    assert code_of(c.describe_target_groups, Names=["no"]) == "TargetGroupNotFound"
    c.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}])
    attributes = {a["Key"]: a["Value"] for a in c.describe_target_group_attributes(
        TargetGroupArn=arn)["Attributes"]}
    assert attributes["deregistration_delay.timeout_seconds"] == "1"
    for key, value, code in (
            ("stickiness.type", "app_cookie", "NotImplemented"),
            ("stickiness.enabled", "yes", "InvalidConfigurationRequest"),
            ("stickiness.lb_cookie.duration_seconds", "0", "InvalidConfigurationRequest"),
            ("no.such", "1", "InvalidConfigurationRequest")):
        assert code in code_of(c.modify_target_group_attributes, TargetGroupArn=arn,
                               Attributes=[{"Key": key, "Value": value}])
    assert code_of(c.register_targets, TargetGroupArn=arn,
                   Targets=[{"Id": "not-an-ip"}]) == "InvalidTarget"
    c.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": 1}])
    health = c.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"][0]
    assert health["TargetHealth"]["Reason"] == "Target.NotInUse"
    c.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": 1}])

    lb = c.create_load_balancer(Name="lb", Subnets=["s"], Tags=[{"Key": "k", "Value": "v"}])[
        "LoadBalancers"][0]
    assert code_of(c.create_load_balancer, Name="lb", Subnets=["s"]) == "DuplicateLoadBalancerName"
    assert c.describe_load_balancers(Names=["lb"])["LoadBalancers"][0]["State"]["Code"] == "active"
    assert code_of(c.describe_load_balancers, Names=["no"]) == "LoadBalancerNotFound"
    assert c.describe_tags(ResourceArns=[lb["LoadBalancerArn"]])["TagDescriptions"][0]["Tags"] == [
        {"Key": "k", "Value": "v"}]
    port = free_ports(1)[0]
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "it's nothing"}}
    listener = c.create_listener(LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP", Port=port,
                                 DefaultActions=[fixed])["Listeners"][0]["ListenerArn"]
    curl = server.run("curl", "-s", f"http://127.0.0.1:{port}/x", "-w", " %{http_code}")
    assert curl.stdout == "it's nothing 404"
    assert code_of(c.create_listener, LoadBalancerArn=lb["LoadBalancerArn"], Protocol="HTTP",
                   Port=port, DefaultActions=[fixed]) == "DuplicateListener"
    teapot = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418",
                                                                "MessageBody": "tea"}}
    rule = c.create_rule(ListenerArn=listener, Priority=5, Actions=[teapot], Conditions=[
        {"Field": "path-pattern", "Values": ["/tea/*"]}])["Rules"][0]["RuleArn"]
    assert server.run("curl", "-s", f"http://127.0.0.1:{port}/tea/x").stdout == "tea"
    assert code_of(c.create_rule, ListenerArn=listener, Priority=5, Actions=[teapot], Conditions=[
        {"Field": "path-pattern", "Values": ["/y"]}]) == "PriorityInUse"
    c.modify_rule(RuleArn=rule, Conditions=[{"Field": "path-pattern", "Values": ["/pot"]}])
    assert server.run("curl", "-s", f"http://127.0.0.1:{port}/pot").stdout == "tea"
    assert server.run("curl", "-s", f"http://127.0.0.1:{port}/tea/x").stdout == "it's nothing"
    rules = c.describe_rules(ListenerArn=listener)["Rules"]
    assert [r["Priority"] for r in rules] == ["5", "default"]
    c.modify_listener(ListenerArn=listener,
                      DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}])
    shown = c.describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"][0]
    assert shown["DefaultActions"][0]["ForwardConfig"]["TargetGroups"][0]["Weight"] == 1
    assert code_of(c.delete_target_group, TargetGroupArn=arn) == "ResourceInUse"
    c.delete_rule(RuleArn=rule)
    c.delete_listener(ListenerArn=listener)
    c.delete_target_group(TargetGroupArn=arn)
    c.delete_load_balancer(LoadBalancerArn=lb["LoadBalancerArn"])
    assert code_of(c.describe_target_health, TargetGroupArn=arn) == "TargetGroupNotFound"


def test_a_data_plane_that_is_silent_is_waited_for(server):
    """A second one beside it would take a part of the connections of its ports."""
    c = server.client("elbv2")
    arn = c.create_load_balancer(Name="lb", Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]

    def says(text):
        return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200", "MessageBody": text}}]

    port, = free_ports(1)
    listener = c.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=port, DefaultActions=says("one"))[
        "Listeners"][0]["ListenerArn"]

    def first():
        with open(os.path.join(server.data, "traffic", "haproxy.pid"), encoding="ascii") as f:
            return int(f.read())

    began = first()
    os.killpg(began, signal.SIGSTOP)
    try:
        c.modify_listener(ListenerArn=listener, DefaultActions=says("two"))  # HAProxy takes it over later
    finally:
        os.killpg(began, signal.SIGCONT)
    eventually(lambda: server.run("curl", "-s", f"http://127.0.0.1:{port}/").stdout == "two")
    assert first() == began
