# SPDX-License-Identifier: Apache-2.0
"""Services of real containers behind the real data plane: health, traffic, and what is killed."""
import datetime
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import urllib.request

import pytest
from backends import free_ports
from asking import eventually, standing
from rootfs import Registry, layer
from towpath import TOWPATH, Server


def why_not():
    if os.geteuid() != 0:
        return "containers need root"
    for program in ("runc", "haproxy", "iptables", "ip", "skopeo"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Host:
    def __init__(self):
        self.registry = Registry()
        self.server = Server().start()
        self.connect()
        self.ecs.create_cluster(clusterName="c")

    def connect(self):
        self.ecs, self.elb = self.server.client("ecs"), self.server.client("elbv2")

    def close(self):
        self.server.kill9()
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", self.server.data], check=False)
        self.server.close()
        self.registry.close()

    def define(self, family, **more):
        c = {"name": "app", "memory": 64, "stopTimeout": 1, **more}
        return self.ecs.register_task_definition(family=family, containerDefinitions=[c], cpu="256", memory="512",
                                                 requiresCompatibilities=["FARGATE"])

    def service(self, name):
        return self.ecs.describe_services(cluster="c", services=[name])["services"][0]

    def running(self, name):
        arns = self.ecs.list_tasks(cluster="c", serviceName=name)["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []
        return [t for t in tasks if t["lastStatus"] == "RUNNING"]

    def monitors(self, task):
        found = []
        name = task["taskArn"].rsplit("/", 1)[1]
        for entry in os.listdir(f"{self.server.data}/fleet/t-{name}"):
            with open(f"{self.server.data}/fleet/t-{name}/{entry}/monitor.pid", encoding="utf-8") as f:
                found.append(int(f.read().split()[0]))
        return found

    def drop(self, name):
        self.ecs.delete_service(cluster="c", service=name, force=True)
        eventually(lambda: self.service(name)["status"] == "INACTIVE")


@pytest.fixture(scope="module")
def host():
    yield from standing(Host())


def test_kept_through_crashes(host):
    """The desired count is kept when a task, its monitor, and the server are killed."""
    image = host.registry.push("sleeper", Cmd=["sh", "-c", "while :; do echo tick; sleep 0.2; done"])
    host.define("k", image=image, logConfiguration={
        "logDriver": "awslogs", "options": {"awslogs-group": "k", "awslogs-stream-prefix": "k"}})
    host.ecs.create_service(cluster="c", serviceName="k", taskDefinition="k", desiredCount=2, launchType="FARGATE",
                            networkConfiguration=NETWORK)
    first = {t["taskArn"]: t for t in eventually(lambda: [x for x in [host.running("k")] if len(x) == 2])[0]}

    # the server: tasks live on and are found again, their logs are whole
    host.server.kill9()
    pids = [pid for t in first.values() for pid in host.monitors(t)]
    for pid in pids:
        os.kill(pid, 0)
    host.server.start()
    host.connect()
    assert {t["taskArn"] for t in host.running("k")} == set(first)
    stream = "k/app/" + next(iter(first)).rsplit("/", 1)[1]
    logs = host.server.client("logs")

    def ticks():
        events = logs.get_log_events(logGroupName="k", logStreamName=stream, startFromHead=True)["events"]
        return [e["message"] for e in events]
    seen = len(ticks())
    eventually(lambda: len(ticks()) > seen)
    assert set(ticks()) == {"tick"}

    # a task's first process, while the server is down: its end is known afterwards
    gone, other = first
    host.server.kill9()
    with open(f"{host.server.data}/fleet/t-{gone.rsplit('/', 1)[1]}/t-{gone.rsplit('/', 1)[1]}-0/init.pid",
              encoding="utf-8") as f:
        os.kill(int(f.read()), signal.SIGKILL)
    host.server.start()
    host.connect()
    eventually(lambda: len({t["taskArn"] for t in host.running("k")} - {gone}) == 2)
    stopped = eventually(lambda: [t for t in host.ecs.describe_tasks(cluster="c", tasks=[gone])["tasks"]
                                  if t["lastStatus"] == "STOPPED"])[0]
    assert stopped["containers"][0]["exitCode"] == 137 and stopped["stopCode"] == "EssentialContainerExited"

    # the monitor, which is the part of the engine that stands behind a container
    for pid in host.monitors(first[other]):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len({t["taskArn"] for t in host.running("k")} - set(first)) == 2)
    lost = eventually(lambda: [t for t in host.ecs.describe_tasks(cluster="c", tasks=[other])["tasks"]
                               if t["lastStatus"] == "STOPPED"])[0]
    assert "monitor" in lost["containers"][0]["reason"]
    host.drop("k")
    assert not [e for e in os.listdir(f"{host.server.data}/fleet") if e.startswith("t-")]


def test_traffic_and_health(host):
    """A rolling update behind a listener: the new tasks serve before the old ones leave; what never
    becomes healthy never serves."""
    image = host.registry.push("web", Cmd=["sh", "-c", "mkdir -p /w; echo $V > /w/index.html; exec httpd -f -p 80 -h /w"])
    port, = free_ports(1)
    group = host.elb.create_target_group(
        Name="web", Protocol="HTTP", Port=80, TargetType="ip", VpcId="v", HealthCheckIntervalSeconds=5,
        HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    host.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[
        {"Key": "deregistration_delay.timeout_seconds", "Value": "60"}])
    balancer = host.elb.create_load_balancer(Name="web", Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]
    host.elb.create_listener(LoadBalancerArn=balancer, Port=port, Protocol="HTTP", DefaultActions=[
        {"Type": "forward", "TargetGroupArn": group}])
    define = lambda v, **more: host.define(  # noqa: E731
        "web", image=image, portMappings=[{"containerPort": 80}], environment=[{"name": "V", "value": v}],
        healthCheck={"command": ["CMD-SHELL", more.pop("check", "wget -qO- http://127.0.0.1/")], "interval": 5,
                     "timeout": 60, "retries": more.pop("retries", 10), "startPeriod": 0}, **more)
    define("one")
    host.ecs.create_service(
        cluster="c", serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE",
        networkConfiguration=NETWORK, loadBalancers=[
            {"targetGroupArn": group, "containerName": "app", "containerPort": 80}],
        deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}})

    def ask():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as answer:
            return answer.read().strip().decode()
    rolled = lambda: host.service("web")["deployments"][0]["rolloutState"] == "COMPLETED"  # noqa: E731
    eventually(rolled)
    assert host.running("web")[0]["healthStatus"] == "HEALTHY"
    assert ask() == "one"
    define("two")
    host.ecs.update_service(cluster="c", service="web", taskDefinition="web")
    answers = set()

    def asked():
        answers.add(ask())  # none may fail
        return len(host.service("web")["deployments"]) == 1 and rolled()
    eventually(asked)
    assert "two" in answers and ask() == "two"

    define("three", check="exit 1", retries=1)
    host.ecs.update_service(cluster="c", service="web", taskDefinition="web")
    failed = eventually(lambda: [d for d in host.service("web")["deployments"] if d["rolloutState"] == "FAILED"])[0]
    assert "health checks" in failed["rolloutStateReason"], failed
    assert ask() == "two"
    host.drop("web")


def test_collected(host):
    """Output whose stream is gone, and layers that nothing was started from for long, are removed."""
    logs, root = host.server.client("logs"), host.server.data

    def ended(group, command):
        image = host.registry.push(group, layer({f"only-in-{group}": b""}), Cmd=command)
        host.define(group, image=image, logConfiguration={
            "logDriver": "awslogs", "options": {"awslogs-group": group, "awslogs-stream-prefix": "p"}})
        arn = host.ecs.run_task(cluster="c", taskDefinition=group, launchType="FARGATE",
                                networkConfiguration=NETWORK)["tasks"][0]["taskArn"]
        there = lambda: host.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]  # noqa: E731
        eventually(lambda: there()["lastStatus"] in ("RUNNING", "STOPPED"))
        made, = [n for n in os.listdir(f"{root}/images") if os.path.exists(f"{root}/images/{n}/only-in-{group}")]
        return arn, f"{root}/task-logs/t-{arn.rsplit('/', 1)[1]}-0", f"{root}/images/{made}", there

    _, first_log, first_layer, first = ended("first", ["echo", "once"])
    _, second_log, second_layer, second = ended("second", ["echo", "twice"])
    running, third_log, third_layer, _ = ended("third", ["sh", "-c", "echo thrice; sleep 1000"])
    eventually(lambda: first()["lastStatus"] == second()["lastStatus"] == "STOPPED")
    logs.delete_log_group(logGroupName="first")
    logs.delete_log_group(logGroupName="third")
    for path in (first_layer, third_layer):
        os.utime(f"{path}.lease", (1000000000, 1000000000))
    host.server.kill9()
    host.server.arguments += ["--clock-rate", "60"]
    host.server.start()
    host.connect()
    # seconds after the start, then each hour
    eventually(lambda: not any(os.path.exists(p) for p in (first_log, f"{first_log}.idx", first_layer)))
    # a stream that can be read, layers that were used today; a task that runs
    assert os.path.exists(second_log) and os.path.exists(second_layer)
    assert os.path.exists(third_log) and os.path.exists(third_layer)
    events = host.server.client("logs").get_log_events(
        logGroupName="second", logStreamName=f"p/app/{second()['taskArn'].rsplit('/', 1)[1]}")["events"]
    assert [e["message"] for e in events] == ["twice"]
    host.ecs.stop_task(cluster="c", task=running)
    # what a task writes bears the times of the server's clock
    _, _, _, fourth = ended("fourth", ["echo", "fast"])
    eventually(lambda: fourth()["lastStatus"] == "STOPPED")
    event, = host.server.client("logs").get_log_events(
        logGroupName="fourth", logStreamName=f"p/app/{fourth()['taskArn'].rsplit('/', 1)[1]}")["events"]
    assert fourth()["createdAt"].timestamp() * 1000 <= event["timestamp"] <= fourth()["stoppedAt"].timestamp() * 1000


def test_what_a_service_uses(host):
    """Processor time and memory of its tasks, in percent of what they have reserved, minute by minute."""
    host.server.arguments += ["--clock-rate", "60"]
    host.server.restart()
    host.connect()
    image = host.registry.push("busy", Cmd=["sh", "-c", "while :; do :; done"])
    host.define("busy", image=image)
    host.ecs.create_service(cluster="c", serviceName="busy", taskDefinition="busy", desiredCount=2, launchType="FARGATE",
                            networkConfiguration=NETWORK)
    metrics, start = host.server.client("cloudwatch"), host.service("busy")["createdAt"]

    def points(name):
        found = metrics.get_metric_statistics(
            Namespace="AWS/ECS", MetricName=name, StartTime=start, EndTime=start + datetime.timedelta(hours=20), Period=60,
            Unit="Percent", Statistics=["Average", "Maximum", "SampleCount"],
            Dimensions=[{"Name": "ClusterName", "Value": "c"}, {"Name": "ServiceName", "Value": "busy"}])["Datapoints"]
        return [p for p in found if p["SampleCount"] == 2]

    # each is held to a quarter of a processor, and would take all of it; a minute is a second here, so that the
    # server may look late, and what one minute lacks the next one has
    cpu = eventually(lambda: len(points("CPUUtilization")) > 2 and points("CPUUtilization"))
    assert all(0 <= p["Average"] <= p["Maximum"] for p in cpu), cpu
    assert 20 < statistics.median(p["Average"] for p in cpu) < 130, cpu
    memory = points("MemoryUtilization")
    assert memory and all(0 < p["Average"] < 20 for p in memory), memory
    host.drop("busy")


def test_halting_the_machine(host):
    """What outlives the server is asked to end, and killed when it does not; the next server starts anew."""
    heeds = "trap 'echo leaving; exit 0' TERM; while :; do sleep 0.1; done"
    for name, command in (("deaf", ["sleep", "1000"]), ("heeds", ["sh", "-c", heeds])):
        host.define(name, image=host.registry.push(name), command=command)
        host.ecs.create_service(cluster="c", serviceName=name, taskDefinition=name, desiredCount=1, launchType="FARGATE",
                                networkConfiguration=NETWORK)
    before = [eventually(lambda n=n: host.running(n))[0]["taskArn"].rsplit("/", 1)[1] for n in ("deaf", "heeds")]
    pids = []
    for task in before:
        with open(f"{host.server.data}/fleet/t-{task}/t-{task}-0/init.pid", encoding="utf-8") as f:
            pids.append(int(f.read().split()[0]))

    def halt():
        return subprocess.run([TOWPATH, "halt", "--grace", "1", "--data", host.server.data], check=False,
                              stderr=subprocess.PIPE, text=True)
    refused = halt()
    assert refused.returncode == 1 and "data folder" in refused.stderr, refused
    host.server.stop()
    for pid in pids:
        os.kill(pid, 0)
    done = halt()
    assert (done.returncode, done.stderr) == (0, "")
    eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
    assert halt().returncode == 0  # there is nothing left to do
    host.server.start()
    host.connect()
    for name in ("deaf", "heeds"):
        eventually(lambda n=name: [t for t in host.running(n) if t["taskArn"].rsplit("/", 1)[1] not in before])
        host.drop(name)


RECORDER = """#!/bin/sh
echo "$@" >> {dir}/calls
case " $* " in *" run "*) if mkdir {dir}/held 2>/dev/null; then echo $$ > {dir}/pid.new; mv {dir}/pid.new {dir}/pid
exec sleep 1000; elif mkdir {dir}/lost 2>/dev/null; then kill -9 $$; fi;; esac
exec runc "$@"
"""


def test_named_runtime(host):
    """FARGATE tasks are made by the runtime that is named, and by no other. A server that is killed while it is at
    work takes the started half away, so that it is not two that make one container. A runtime that is lost before
    anything of the container ran is run once more."""
    tools = tempfile.mkdtemp(prefix="towpath-runtime-")
    with open(f"{tools}/recorder", "w", encoding="utf-8") as f:
        f.write(RECORDER.format(dir=tools))
    os.chmod(f"{tools}/recorder", 0o755)
    server = Server("--fargate-runtime", "recorder", env={"PATH": f"{tools}:{os.environ['PATH']}"})

    def run(launch):
        return server.client("ecs").run_task(cluster="c", taskDefinition="f", launchType=launch,
                                             networkConfiguration=NETWORK)["tasks"][0]["taskArn"]

    def at(arn, status):
        return server.client("ecs").describe_tasks(cluster="c", tasks=[arn])["tasks"][0]["lastStatus"] == status
    try:
        server.start()
        server.client("ecs").create_cluster(clusterName="c")
        server.client("ecs").register_task_definition(
            family="f", cpu="256", memory="512", containerDefinitions=[
                {"name": "app", "image": host.registry.push("f"), "stopTimeout": 1, "command": ["sleep", "1000"]}])
        plain = run("EC2")
        eventually(lambda: at(plain, "RUNNING"))
        assert not os.path.exists(f"{tools}/calls")
        arn = run("FARGATE")
        eventually(lambda: os.path.exists(f"{tools}/pid"))
        with open(f"{tools}/pid", encoding="utf-8") as f:
            held = int(f.read())
        server.kill9()
        server.start()
        eventually(lambda: at(arn, "RUNNING"))
        eventually(lambda: not os.path.exists(f"/proc/{held}"))
        with open(f"{tools}/calls", encoding="utf-8") as f:
            runs = [line for line in f if " run " in line]
        assert len(runs) == 3 and all(arn.rsplit("/", 1)[1] in line for line in runs)
    finally:
        server.kill9()
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", server.data], check=False, env=dict(
            os.environ, PATH=f"{tools}:{os.environ['PATH']}"))
        server.close()
        shutil.rmtree(tools)


def test_runtime_of_fargate(host):
    """Another runtime for FARGATE tasks: named, and asked for by name when it is missing."""
    server = Server("--fargate-runtime", "/no/such/runsc")
    try:
        server.start()
        ecs = server.client("ecs")
        ecs.create_cluster(clusterName="c")
        ecs.register_task_definition(family="f", cpu="256", memory="512", requiresCompatibilities=["FARGATE"],
                                     containerDefinitions=[{"name": "app", "image": host.registry.push("f"), "command": ["true"]}])
        arn = ecs.run_task(cluster="c", taskDefinition="f", launchType="FARGATE",
                           networkConfiguration=NETWORK)["tasks"][0]["taskArn"]
        stopped = eventually(lambda: [t for t in ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"]
                                      if t["lastStatus"] == "STOPPED"])[0]
        assert "/no/such/runsc" in stopped["stoppedReason"]
        assert json.dumps(stopped, default=str).count("FARGATE") >= 1
    finally:
        server.kill9()
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", server.data], check=False)
        server.close()
