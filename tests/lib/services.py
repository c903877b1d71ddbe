# SPDX-License-Identifier: Apache-2.0
"""A container service between two target groups, with a CodeDeploy group that deploys to it."""
import json
import time

from asking import eventually
from backends import free_ports

ROLE = "arn:aws:iam::123456789012:role/deploy"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
CHECK = dict(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2)


class Service:
    """Cluster "c", service NAME on port 8000 of container "app", production and test listener."""

    def __init__(self, server, name, image, desired=0, command=None, fargate=False, drain=5, **check):
        self.server, self.name = server, name
        self.fargate = dict(requiresCompatibilities=["FARGATE"], cpu="256", memory="512") if fargate else {}
        self.ecs, self.elb = server.client("ecs"), server.client("elbv2")
        self.api = server.client("codedeploy")
        self.ecs.create_cluster(clusterName="c")
        self.port, self.test_port = free_ports(2)
        lb = self.elb.create_load_balancer(Name=name, Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]
        self.groups = {}
        for color in ("a", "b"):
            arn = self.elb.create_target_group(
                Name=f"{name}-{color}", Protocol="HTTP", Port=8000, VpcId="v", TargetType="ip",
                **dict(CHECK, **check))["TargetGroups"][0]["TargetGroupArn"]
            self.elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[
                {"Key": "deregistration_delay.timeout_seconds", "Value": str(drain)}])
            self.groups[color] = arn
        listen = lambda port: self.elb.create_listener(  # noqa: E731
            LoadBalancerArn=lb, Protocol="HTTP", Port=port, DefaultActions=[
                {"Type": "forward", "TargetGroupArn": self.groups["a"]}])["Listeners"][0]["ListenerArn"]
        self.listener, self.test_listener = listen(self.port), listen(self.test_port)
        self.first = self.define(image, command)
        self.ecs.create_service(
            cluster="c", serviceName=name, taskDefinition=self.first, desiredCount=desired,
            networkConfiguration=NETWORK, deploymentController={"type": "CODE_DEPLOY"},
            loadBalancers=[{"targetGroupArn": self.groups["a"], "containerName": "app",
                            "containerPort": 8000}], **({"launchType": "FARGATE"} if fargate else {}))
        self.arn = self.state()["serviceArn"]

    def define(self, image, command=None, **container):
        container = {"name": "app", "image": image, "memory": 64, "stopTimeout": 2,
                     "portMappings": [{"containerPort": 8000}],
                     **({"command": command} if command else {}), **container}
        return self.ecs.register_task_definition(
            family=self.name, containerDefinitions=[container], **self.fargate)["taskDefinition"]["taskDefinitionArn"]

    def state(self):
        return self.ecs.describe_services(cluster="c", services=[self.name])["services"][0]

    def weights(self, listener=None):
        """Share of each target group, by the last letter of its name."""
        config = self.elb.describe_listeners(ListenerArns=[listener or self.listener])[
            "Listeners"][0]["DefaultActions"][0]["ForwardConfig"]
        return {t["TargetGroupArn"].split("/")[1][-1]: t["Weight"] for t in config["TargetGroups"]}

    def pair(self, test=False):
        pair = {"targetGroups": [{"name": f"{self.name}-a"}, {"name": f"{self.name}-b"}],
                "prodTrafficRoute": {"listenerArns": [self.listener]}}
        if test:
            pair["testTrafficRoute"] = {"listenerArns": [self.test_listener]}
        return {"targetGroupPairInfoList": [pair]}

    def group(self, test=False, termination=0, ready=0, events=("DEPLOYMENT_FAILURE",), **more):
        """Application and deployment group, both called as the service."""
        self.api.create_application(applicationName=self.name, computePlatform="ECS")
        return self.api.create_deployment_group(**{**dict(
            applicationName=self.name, deploymentGroupName=self.name, serviceRoleArn=ROLE,
            ecsServices=[{"clusterName": "c", "serviceName": self.name}],
            loadBalancerInfo=self.pair(test),
            deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            autoRollbackConfiguration={"enabled": True, "events": list(events)},
            blueGreenDeploymentConfiguration={
                "deploymentReadyOption": {
                    "actionOnTimeout": "STOP_DEPLOYMENT" if ready else "CONTINUE_DEPLOYMENT",
                    "waitTimeInMinutes": ready},
                "terminateBlueInstancesOnDeploymentSuccess": {
                    "action": "TERMINATE", "terminationWaitTimeInMinutes": termination}}), **more})

    def appspec(self, definition, container="app", port=8000, hooks=()):
        return json.dumps({"version": 0.0, "Resources": [{"TargetService": {
            "Type": "AWS::ECS::Service", "Properties": {
                "TaskDefinition": definition,
                "LoadBalancerInfo": {"ContainerName": container, "ContainerPort": port}}}}],
            "Hooks": [{event: function} for event, function in hooks]})

    def deploy(self, definition, hooks=(), **more):
        return self.api.create_deployment(
            applicationName=self.name, deploymentGroupName=self.name, **more,
            revision={"revisionType": "AppSpecContent", "appSpecContent": {
                "content": self.appspec(definition, hooks=hooks)}})["deploymentId"]

    def info(self, deployment):
        return self.api.get_deployment(deploymentId=deployment)["deploymentInfo"]

    def target(self, deployment):
        return self.api.get_deployment_target(
            deploymentId=deployment, targetId=f"c:{self.name}")["deploymentTarget"]["ecsTarget"]

    def event(self, deployment, name):
        return next(e for e in self.target(deployment)["lifecycleEvents"]
                    if e["lifecycleEventName"] == name)

    def reaches(self, deployment, event, status="InProgress"):
        def look():
            info = self.info(deployment)
            if "startTime" not in info:
                return None
            assert info["status"] in ("InProgress", "Ready", "Succeeded"), info
            e = self.event(deployment, event)
            return e if e["status"] == status else None
        return eventually(look, what=f"{event} {status}")

    def ends(self, deployment, seconds=300):
        end = time.monotonic() + seconds
        while True:
            info = self.info(deployment)
            if info["status"] in ("Succeeded", "Failed", "Stopped"):
                return info
            assert time.monotonic() < end, (info, self.target(deployment))
            time.sleep(0.05)
