# SPDX-License-Identifier: Apache-2.0
"""The shop's objects, made from the JSON files of examples/shop-api/aws, and its git checkout."""
import collections
import os
import re
import shutil
import subprocess

import base_image
from server import EXAMPLE
from terminal import Trouble

PIPELINE, DEV_PIPELINE, FEATURE_PIPELINE = "shop-api-pipeline", "shop-api-dev", "shop-api-feature"
ROLE, POLICY = "shop-api-codepipeline", "shop-api"
STAGES = {  # of containers: launch type, tasks, alarm
    "staging": ("EC2", 1, "5xx"),
    "production": ("FARGATE", 2, "latency"),
}
# How long a release waits: its deployment configurations by stage, the files of those that are our own, and what
# ${NAME} stands for.
Waits = collections.namedtuple("Waits", "configurations files values")
LONG = Waits({"staging": "CodeDeployDefault.ECSCanary10Percent5Minutes",
              "production": "ShopApiLinear25PercentEvery5Minutes"}, ("linear.json",),
             {"OLD_SERVERS_MINUTES": 2, "OLD_TASKS_MINUTES": 1, "ALARM_SECONDS": 60})
SHORT = Waits({"staging": "ShopApiCanary10Percent1Minute", "production": "ShopApiLinear50PercentEvery1Minute"},
              ("canary-short.json", "linear-short.json"),
              {"OLD_SERVERS_MINUTES": 0, "OLD_TASKS_MINUTES": 0, "ALARM_SECONDS": 10})


class Shop:
    """values: what ${NAME} stands for in the files; ports: environment -> port of its load balancer."""

    def __init__(self, server, ports, folder, waits):
        self.server, self.ports, self.waits = server, ports, waits
        self.folder = folder
        self.values = {}

    # ---- objects ----

    def make(self, webhook):
        s = self.server
        account = s.call("sts", "get_caller_identity")["Account"]
        self.values = {"ACCOUNT": account, "BUCKET": "shop-api-artifacts", "REGISTRY": s.registry,
                       **self.waits.values}
        v = self.values
        s.call("s3", "create_bucket", Bucket=v["BUCKET"])
        s.create("codecommit", "create-repository", "repository.json", **v)
        for service in ("codepipeline", "codebuild", "codedeploy"):
            self.make_role(service)
        self.make_dev()
        self.make_images()
        s.create("codebuild", "create-project", "project.json", **v)
        s.create("codebuild", "create-project", "project-test.json", **v)
        s.create("ecs", "create-cluster", "ecs/cluster.json", **v)
        s.create("codedeploy", "create-application", "ecs/application.json", **v)
        for name in self.waits.files:
            s.create("codedeploy", "create-deployment-config", f"ecs/{name}", **v)
        for stage in STAGES:
            self.make_stage(stage)
        for name in ("pipeline-feature.json", "pipeline-dev.json", "pipeline.json"):
            s.create("codepipeline", "create-pipeline", name, **v)
        self.make_notification(webhook)

    def make_role(self, service):
        s = self.server
        s.call("iam", "create_role", RoleName=f"shop-api-{service}", AssumeRolePolicyDocument=s.document(
            "roles/trust.json", {"SERVICE": service}))
        self.put_policy(service, s.document(f"roles/{service}.json", self.values))

    def put_policy(self, service, document):
        self.server.call("iam", "put_role_policy", RoleName=f"shop-api-{service}", PolicyName=POLICY,
                         PolicyDocument=document)

    def make_images(self):
        for name in ("shop-api", "shop-api-node"):
            self.server.create("ecr", "create-repository", "ecr-repository.json", NAME=name)
        token = self.server.call("ecr", "get_authorization_token")["authorizationData"][0]["authorizationToken"]
        base_image.push(os.path.join(self.folder, "base-image"), f"{self.server.registry}/shop-api-node:latest",
                        base_image.password_of(token))

    def make_balancer(self, name, group, port):
        """A load balancer with one listener; their ARNs."""
        s = self.server
        balancer = s.create("elbv2", "create-load-balancer", "load-balancer.json", NAME=name)["LoadBalancers"][0][
            "LoadBalancerArn"]
        listener = s.create("elbv2", "create-listener", "listener.json", LOAD_BALANCER_ARN=balancer,
                            TARGET_GROUP_ARN=group, PORT=port)["Listeners"][0]["ListenerArn"]
        return balancer, listener

    def make_target_group(self, name, kind):
        group = self.server.create("elbv2", "create-target-group", "target-group.json", NAME=name, TARGET_TYPE=kind)[
            "TargetGroups"][0]["TargetGroupArn"]
        self.server.create("elbv2", "modify-target-group-attributes", "target-group-attributes.json",
                           TARGET_GROUP_ARN=group)
        return group

    def make_dev(self):
        s, v = self.server, self.values
        group = self.make_target_group("shop-api-dev", "instance")
        self.make_balancer("shop-api-dev", group, self.ports["dev"])
        s.create("autoscaling", "create-launch-configuration", "dev/launch-configuration.json", **v)
        s.create("autoscaling", "create-auto-scaling-group", "dev/auto-scaling-group.json", TARGET_GROUP_ARN=group)
        s.create("cloudwatch", "put-metric-alarm", "dev/alarm.json", TARGET_GROUP_DIMENSION=group.split(":")[-1])
        s.create("codedeploy", "create-application", "dev/application.json", **v)
        s.create("codedeploy", "create-deployment-group", "dev/deployment-group.json", **v)

    def make_stage(self, stage):
        """A container service between two target groups."""
        s = self.server
        launch_type, count, alarm = STAGES[stage]
        v = dict(self.values, STAGE=stage, LAUNCH_TYPE=launch_type, COUNT=count, ALARM=alarm,
                 DEPLOYMENT_CONFIG=self.waits.configurations[stage])
        blue = self.make_target_group(f"shop-api-{stage}-blue", "ip")
        self.make_target_group(f"shop-api-{stage}-green", "ip")
        balancer, v["LISTENER_ARN"] = self.make_balancer(f"shop-api-{stage}", blue, self.ports[stage])
        v["LOAD_BALANCER_DIMENSION"] = balancer.split("loadbalancer/")[1]
        v["TARGET_GROUP_ARN"] = blue
        s.create("ecs", "register-task-definition", "ecs/first-task-definition.json", **v)
        s.create("ecs", "create-service", "ecs/service.json", **v)
        s.create("cloudwatch", "put-metric-alarm", f"ecs/alarm-{alarm}.json", **v)
        s.create("codedeploy", "create-deployment-group", "ecs/deployment-group.json", **v)

    def make_notification(self, webhook):
        s = self.server
        topic = s.create("sns", "create-topic", "topic.json")["TopicArn"]
        s.create("sns", "subscribe", "subscription.json", TOPIC_ARN=topic, WEBHOOK=webhook.url)
        if webhook.next(60) != "subscribed":
            raise Trouble("the topic did not ask the webhook to confirm its subscription")
        s.create("events", "put-rule", "rule.json")
        s.create("events", "put-targets", "targets.json", TOPIC_ARN=topic)


class Checkout:
    """A developer's clone of the repository."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder

    def git(self, *args):
        done = subprocess.run(["git", *args], cwd=self.folder, env=self.server.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise Trouble(f"git {' '.join(args)} failed:\n{done.stdout}")
        return done.stdout.strip()

    def make(self):
        """The example on the branch main, not pushed yet, with this server's registry in its Dockerfile."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(EXAMPLE, self.folder,
                        ignore=shutil.ignore_patterns("node_modules", "test-results", "dist", "aws"))
        self.edit("Dockerfile", "ARG REGISTRY=127.0.0.1:8080", f"ARG REGISTRY={self.server.registry}")
        self.git("init", "-q", "-b", "main")
        for name, value in (("user.name", "Shop Developer"), ("user.email", "developer@shop.example"),
                            ("credential.helper",
                             '!f() { test "$1" != get || aws codecommit credential-helper --ignore-host-check get; }; f'),
                            ("credential.UseHttpPath", "true")):
            self.git("config", name, value)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "The shop's API")
        self.git("remote", "add", "origin", f"{self.server.endpoint}/v1/repos/shop-api")

    def edit(self, path, old, new):
        path = os.path.join(self.folder, path)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if old not in text:
            raise Trouble(f"{path} does not hold {old!r}")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new))

    def switch(self, branch, start="main"):
        """To the branch, which is made when it is missing; what was not committed is dropped."""
        self.git("reset", "-q", "--hard")
        if self.has(branch):
            self.git("checkout", "-q", branch)
        else:
            self.git("checkout", "-q", "-b", branch, start)

    def has(self, branch):
        return bool(self.git("branch", "--list", branch))

    def head(self):
        return self.git("rev-parse", "HEAD")
