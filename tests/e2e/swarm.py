# SPDX-License-Identifier: Apache-2.0
"""Services on three hosts of a Docker Swarm, each an engine in a network namespace of its own, behind the data plane of
a server that is none of them. One host dies, once in the middle of a canary and comes back, once while the server is
killed as well."""
import collections
import http.client
import subprocess
import threading
import time
import urllib.request

import pytest
from backends import free_ports
from engines import Engine, Hosts, await_swarm, make_swarm, why_not
from asking import eventually, standing
from rootfs import Registry
from services import Service
from towpath import TOWPATH, Server

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
RATE = 4  # times as fast as true time
PATIENT = {"UnhealthyThresholdCount": 10}  # so that a host's death is seen by the swarm, before the health checks see it
WEB = "trap 'echo leaving; exit 9' TERM; mkdir -p /w; hostname > /w/index.html; echo serving; httpd -p 80 -h /w; " \
      "while :; do sleep 0.1; done"


class World:
    def __init__(self):
        self.engines, self.server, self.registry = [], None, Registry()
        self.hosts = Hosts(3)
        try:
            insecure = ("--insecure-registry", f"{self.hosts.net}.0/24")
            self.engines = [Engine(name, *insecure) for name in self.hosts.names]
            port, = free_ports(1)
            self.server = Server(
                "--compute", f"swarm=unix://{self.engines[0].socket}", "--address", "0.0.0.0", "--port", str(port),
                "--registry-host", f"{self.hosts.gateway}:{port}", "--clock-rate", str(RATE)).start()
            self.connect()
            for engine in self.engines:
                engine.await_ready()
            make_swarm(self.engines, self.hosts.addresses)
            self.push("web")
            self.ecs.create_cluster(clusterName="c")
        except BaseException:
            self.close()
            raise

    def connect(self):
        self.ecs, self.elb = self.server.client("ecs"), self.server.client("elbv2")

    def push(self, name):
        self.uri = self.server.client("ecr").create_repository(repositoryName=name)["repository"]["repositoryUri"]
        password = self.server.run("/usr/bin/aws", "--endpoint-url", self.server.endpoint, "ecr", "get-login-password")
        self.server.run("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds",
                        "AWS:" + password.stdout.strip(), "docker://" + self.registry.push(name), f"docker://{self.uri}:1")

    def lose_host(self, i):
        self.engines[i].kill9()
        self.hosts.unplug(i)

    def host_returns(self, i):
        self.hosts.plug(i)
        self.engines[i].start().await_ready()
        await_swarm(self.engines)

    def tasks(self, status, service="web"):
        arns = self.ecs.list_tasks(cluster="c", serviceName=service, desiredStatus=status)["taskArns"]
        return self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []

    def running(self, service="web"):
        return [t for t in self.tasks("RUNNING", service) if t["lastStatus"] == "RUNNING"]

    def healthy(self, group):
        found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [t["Target"]["Id"] for t in found if t["TargetHealth"]["State"] == "healthy"]

    def close(self):
        if self.server:
            self.server.kill9()
            subprocess.run([TOWPATH, "destroy", "--yes", "--data", self.server.data], check=False)
            self.server.close()
        for engine in self.engines:
            engine.close()
        self.hosts.close()
        self.registry.close()


class Client(threading.Thread):
    """Asks without pause; when each request was asked, what came of it, and when."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.url, self.ends, self.answers = f"http://127.0.0.1:{port}/", threading.Event(), []

    def run(self):
        while not self.ends.is_set():
            asked = time.monotonic()
            try:
                with urllib.request.urlopen(self.url, timeout=120) as answer:
                    came = answer.read().strip()
            except (OSError, http.client.HTTPException) as error:
                came = error
            self.answers.append((asked, came, time.monotonic()))
            self.ends.wait(0.01)

    def failed(self, since=0, until=float("inf")):
        """Those that were asked since then and answered until then."""
        return [a for a in self.answers if since <= a[0] and a[2] < until and isinstance(a[1], Exception)]


@pytest.fixture(scope="module")
def world():
    yield from standing(World())


def address_of(task):
    return {d["name"]: d["value"] for d in task["attachments"][0]["details"]}["privateIPv4Address"]


def serve(world):
    port, = free_ports(1)
    group = world.elb.create_target_group(
        Name="web", Protocol="HTTP", Port=80, TargetType="ip", VpcId="v", HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2, **PATIENT,
    )["TargetGroups"][0]["TargetGroupArn"]
    world.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}])
    balancer = world.elb.create_load_balancer(Name="web", Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]
    world.elb.create_listener(LoadBalancerArn=balancer, Port=port, Protocol="HTTP", DefaultActions=[
        {"Type": "forward", "TargetGroupArn": group}])
    world.ecs.register_task_definition(
        family="web", cpu="256", memory="512", requiresCompatibilities=["FARGATE"], containerDefinitions=[{
            "name": "app", "image": f"{world.uri}:1", "memory": 64, "stopTimeout": 120, "command": ["sh", "-c", WEB],
            "portMappings": [{"containerPort": 80}], "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "web", "awslogs-stream-prefix": "w"}}}])
    world.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="web", desiredCount=6, launchType="FARGATE",
        networkConfiguration=NETWORK, loadBalancers=[
            {"targetGroupArn": group, "containerName": "app", "containerPort": 80}])
    return port, group


class Shares(threading.Thread):
    """The shares of "b" that a service's listener had, in order, each with the healthy targets then seen behind "b"."""

    def __init__(self, world, service):
        super().__init__(daemon=True)
        self.world, self.service, self.seen, self.ends = world, service, [], threading.Event()

    def run(self):
        while not self.ends.wait(0.02):
            share = self.service.weights().get("b", 0)
            if not self.seen or self.seen[-1][0] != share:
                self.seen.append((share, len(self.world.healthy(self.service.groups["b"]))))


def answering(text):
    return ["sh", "-c", f"mkdir -p /w; echo {text} > /w/index.html; exec httpd -f -p 8000 -h /w"]


def test_a_host_dies_in_a_canary(world):
    """With tasks of both versions on it. The share stays as it was set until the lost task of the new version is
    replaced and healthy; then the deployment goes on, and ends well. The host comes back and takes tasks again."""
    dead, tasks = world.hosts.addresses[2], 3
    service = Service(world.server, "canary", f"{world.uri}:1", desired=tasks, command=answering("v1"), fargate=True,
                      **PATIENT)
    eventually(lambda: len(world.healthy(service.groups["a"])) == tasks, what="v1 is healthy")
    service.api.create_deployment_config(
        deploymentConfigName="Canary20", computePlatform="ECS", trafficRoutingConfig={
            "type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 1}})
    service.group(deploymentConfigName="Canary20")
    client, shares = Client(service.port), Shares(world, service)
    client.start()
    shares.start()
    deployment = service.deploy(service.define(f"{world.uri}:1", answering("v2")))
    eventually(lambda: {a[1] for a in client.answers[-100:]} == {b"v1", b"v2"}, what="the canary's share")
    before = {t["taskArn"]: t for t in world.running("canary")}
    lost = [t for t in before.values() if address_of(t) == dead]
    assert len(before) == 2 * tasks and len({t["startedBy"] for t in lost}) == 2, lost  # one of each version

    died = time.monotonic()
    world.lose_host(2)
    eventually(lambda: not any(dead in world.healthy(g) for g in service.groups.values()),
               what="the dead host takes no requests")
    left = time.monotonic()
    service.reaches(deployment, "AllowTraffic", "Succeeded")
    info = service.ends(deployment)
    assert info["status"] == "Succeeded", (info, service.target(deployment))
    eventually(lambda: {a[1] for a in client.answers[-100:]} == {b"v2"}, what="the new version alone")
    for thread in (client, shares):
        thread.ends.set()
        thread.join()
    print(f"{len(client.answers)} requests, {len(client.failed(died, left))} failed in {left - died:.1f} s; {shares.seen}")
    assert client.failed(until=died) == [] and client.failed(since=left) == []
    assert [share for share, _ in shares.seen] == [0, 20, 100] and shares.seen[-1][1] == tasks
    for task in world.ecs.describe_tasks(cluster="c", tasks=[t["taskArn"] for t in lost])["tasks"]:
        assert task["stopCode"] == "TerminationNotice" and dead in task["stoppedReason"], task
    now = {t["taskArn"]: address_of(t) for t in world.running("canary")}
    assert len(now) == tasks and dead not in now.values()
    world.host_returns(2)
    world.ecs.update_service(cluster="c", service="canary", desiredCount=0)
    eventually(lambda: not world.engines[0].docker("service", "ls", "-q").split(), what="all hosts are empty again")


def test_a_host_dies(world):
    """Its tasks end, with a reason that names it, and are replaced on the other two; its targets take no requests any
    more; the server is killed in between. Requests fail only between the host's death and its leaving the data plane."""
    dead = world.hosts.addresses[2]
    port, group = serve(world)
    eventually(lambda: len(world.healthy(group)) == 6, what="six healthy targets")
    rollout = lambda: world.ecs.describe_services(cluster="c", services=["web"])["services"][0]["deployments"]  # noqa: E731
    eventually(lambda: [d["rolloutState"] for d in rollout()] == ["COMPLETED"], what="the service is steady")
    first = {t["taskArn"]: address_of(t) for t in world.running()}
    assert collections.Counter(first.values()) == dict.fromkeys(world.hosts.addresses, 2)
    client = Client(port)
    client.start()
    eventually(lambda: len({a[1] for a in client.answers}) == 6, what="all six have answered")

    died = time.monotonic()
    world.lose_host(2)
    world.server.kill9()
    world.server.start()
    world.connect()
    lost = [arn for arn, address in first.items() if address == dead]

    def all_ended():
        found = [t for t in world.tasks("STOPPED") if t["lastStatus"] == "STOPPED"]
        return found if len(found) >= len(lost) else None
    ended = eventually(all_ended, what="the tasks of the dead host have ended")
    assert sorted(t["taskArn"] for t in ended) == sorted(lost)
    for task in ended:
        assert task["stopCode"] == "TerminationNotice" and dead in task["stoppedReason"], task
        assert "is down" in task["stoppedReason"]
    eventually(lambda: dead not in world.healthy(group), what="the dead host takes no requests")
    left = time.monotonic()
    eventually(lambda: len(world.healthy(group)) == 6, what="six healthy targets again")
    now = {t["taskArn"]: address_of(t) for t in world.running()}
    assert len(now) == 6 and dead not in now.values()
    assert set(first) - set(lost) <= set(now)  # nothing else was replaced
    since = len(client.answers)
    eventually(lambda: len(client.answers) > since + 200)
    client.ends.set()
    client.join()
    print(f"{len(client.answers)} requests, {len(client.failed(died, left))} failed in {left - died:.1f} s")
    assert client.failed(until=died) == [] and client.failed(since=left) == []


def test_asked_to_stop(world):
    """A task on another host gets its signal, its grace period and its exit code; what it wrote is there, once."""
    arn = next(t["taskArn"] for t in world.running() if address_of(t) == world.hosts.addresses[1])
    world.ecs.stop_task(cluster="c", task=arn, reason="enough")
    task = eventually(lambda: [t for t in world.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"]
                               if t["lastStatus"] == "STOPPED"])[0]
    assert task["containers"][0]["exitCode"] == 9 and task["stoppedReason"] == "enough"
    events = world.server.client("logs").get_log_events(
        logGroupName="web", logStreamName="w/app/" + arn.rsplit("/", 1)[1], startFromHead=True)["events"]
    assert [e["message"] for e in events] == ["serving", "leaving"]
    eventually(lambda: len(world.running()) == 6)
    binding, = world.running()[0]["containers"][0]["networkBindings"]
    assert binding["containerPort"] == 80 and binding["hostPort"] > 1024


def test_refused(world):
    """What a swarm cannot do is said when a task definition is registered."""
    one = {"image": "i", "memory": 64}
    for more in ({"containerDefinitions": [{"name": "a", **one}, {"name": "b", **one}]},
                 {"containerDefinitions": [{"name": "a", **one}], "taskRoleArn": "arn:aws:iam::123456789012:role/r"}):
        with pytest.raises(world.ecs.exceptions.ClientException, match="--compute swarm"):
            world.ecs.register_task_definition(family="no", **more)


def test_health_and_room(world):
    """The swarm makes the checks; one that fails ends the task."""
    for family, check, patience in (("well", "true", 10), ("ill", "false", 1)):
        world.ecs.register_task_definition(family=family, containerDefinitions=[{
            "name": "app", "image": f"{world.uri}:1", "memory": 64, "stopTimeout": 1, "command": ["sleep", "1000"], "healthCheck": {
                "command": ["CMD-SHELL", check], "interval": 5, "timeout": 60, "retries": patience}}])
    arns = [world.ecs.run_task(cluster="c", taskDefinition=f, networkConfiguration=NETWORK)["tasks"][0]["taskArn"] for f in ("well", "ill")]
    describe = lambda i: world.ecs.describe_tasks(cluster="c", tasks=[arns[i]])["tasks"][0]  # noqa: E731
    eventually(lambda: describe(1)["lastStatus"] == "STOPPED")
    assert "unhealthy" in describe(1)["containers"][0]["reason"]
    eventually(lambda: describe(0)["healthStatus"] == "HEALTHY")
