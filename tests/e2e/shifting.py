# SPDX-License-Identifier: Apache-2.0
"""Deployments to container services with real tasks behind HAProxy, under load: canary and linear,
a server and a HAProxy that are killed in the middle, an alarm, tasks that do not come up."""
import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import threading

import pytest
from backends import Load, count
from asking import eventually
from rootfs import Registry, layer
from services import Service
from towpath import TOWPATH, Server


def why_not():
    if os.geteuid() != 0:
        return "containers need root"
    for program in ("runc", "iptables", "ip", "skopeo", "haproxy", "wrk"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
RATE = 12  # times as fast as true time: a share that stands for a minute is not overlooked
CONNECTIONS = 8


@pytest.fixture(scope="module")
def registry():
    r = Registry()
    yield r
    r.close()


@contextlib.contextmanager
def a_server(*arguments):
    s = Server(*arguments)
    try:
        yield s.start()
    finally:
        s.kill9()
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", s.data], check=False)
        s.close()


@pytest.fixture(scope="module")
def fast():
    with a_server("--clock-rate", str(RATE)) as s:
        yield s


@pytest.fixture(scope="module")
def true_time():
    with a_server() as s:
        yield s


def version(registry, text):
    """An image whose web server answers this text."""
    return registry.push(f"web-{text}", layer({"www": None, "www/index.html": text.encode()}),
                         Cmd=["httpd", "-f", "-p", "8000", "-h", "/www"])


def service_of(server, registry, name, tasks=2):
    service = Service(server, name, version(registry, "v1"), desired=tasks, drain=60)
    eventually(lambda: service.state()["runningCount"] == tasks, what="tasks of v1")
    eventually(lambda: serves(service.port) == {"v1": 20}, what="v1 behind the listener")
    return service


def serves(port, requests=20):
    try:
        return dict(count(port, requests, connections=1, ahead=1))
    except OSError:
        return {}


def configuration(server, name, kind, percent):
    key = "timeBased" + kind
    server.client("codedeploy").create_deployment_config(
        deploymentConfigName=name, computePlatform="ECS", trafficRoutingConfig={
            "type": "TimeBased" + kind, key: {
                f"{kind.lower()}Percentage": percent, f"{kind.lower()}Interval": 1}})


@contextlib.contextmanager
def load(port, cut=0):
    """Requests all the time; in the end none of them has failed, but those that a killed container was answering: at
    most so many."""
    wrk = Load(port, CONNECTIONS)
    try:
        yield
    finally:
        failed, requests, report = wrk.end()
    assert failed <= cut and requests > 100, report


class Shares(threading.Thread):
    """The shares of "b" that the production listener had, in order."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.seen, self.ended = service, [], threading.Event()

    def run(self):
        while not self.ended.wait(0.02):
            share = self.service.weights().get("b", 0)
            if not self.seen or self.seen[-1] != share:
                self.seen.append(share)

    def end(self):
        self.ended.set()
        self.join()
        return self.seen


def test_canary_then_linear_under_load(fast, registry):
    service = service_of(fast, registry, "web")
    configuration(fast, "Canary10", "Canary", 10)
    configuration(fast, "Linear30", "Linear", 30)
    service.group(test=True, termination=1, deploymentConfigName="Canary10")
    for text, config, shares in (("v2", "Canary10", [0, 10, 100]), ("v3", "Linear30", [100, 70, 40, 10, 0])):
        with load(service.port):
            watch = Shares(service)
            watch.start()
            deployment = service.deploy(service.define(version(registry, text)), deploymentConfigName=config)
            service.reaches(deployment, "AllowTestTraffic", "Succeeded")
            eventually(lambda t=text: serves(service.test_port) == {t: 20}, what="the test listener")
            info = service.ends(deployment, 300)
        assert info["status"] == "Succeeded", (info, service.target(deployment))
        assert watch.end() == shares
        assert serves(service.port) == {text: 20}
        assert len(service.state()["taskSets"]) == 1


def test_tasks_that_do_not_come_up(fast, registry):
    service = service_of(fast, registry, "crash", tasks=1)
    service.group()
    with load(service.port):
        deployment = service.deploy(service.define(version(registry, "v2"), command=["false"]))
        info = service.ends(deployment, 300)
        assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "CUSTOMER_APPLICATION_UNHEALTHY")
        assert "container app" in info["errorInformation"]["message"], info
        assert "exit code 1" in info["errorInformation"]["message"], info
        assert service.ends(info["rollbackInfo"]["rollbackDeploymentId"], 300)["status"] == "Succeeded"
    assert serves(service.port) == {"v1": 20}
    assert len(service.state()["taskSets"]) == 1


def haproxy(server):
    """Its number; None while it is starting."""
    try:
        with open(os.path.join(server.data, "traffic", "haproxy.pid"), encoding="utf-8") as f:
            return int(f.read() or 0) or None
    except FileNotFoundError:
        return None


def monitor(server, task):
    """The process behind the only container of a task."""
    name = task["taskArn"].rsplit("/", 1)[1]
    with open(f"{server.data}/fleet/t-{name}/t-{name}-0/monitor.pid", encoding="utf-8") as f:
        return int(f.read().split()[0])


def leader(server, project):
    """The process that owns the newest build of the project."""
    builds = server.client("codebuild").list_builds_for_project(projectName=project)["ids"]
    for path in glob.glob(f"{server.data}/**/{builds[0].split(':')[1]}/**/status.log", recursive=True) if builds else ():
        with open(path, encoding="utf-8") as f:
            line = f.readline()
        if line.endswith("\n"):
            return json.loads(line)["pid"]
    return None


def running(service, set_id):
    arns = service.ecs.list_tasks(cluster="c", startedBy=set_id)["taskArns"]
    tasks = service.ecs.describe_tasks(cluster="c", tasks=arns)["tasks"] if arns else []
    return [t for t in tasks if t["lastStatus"] == "RUNNING"]


def test_killed_in_the_middle_of_a_canary(true_time, registry):
    """At true time: a canary of one minute. Server, HAProxy and the monitor of a container of the new version are
    killed while it has its share, and then the leader of the build that is its last hook: all is given back."""
    service = service_of(true_time, registry, "killed")
    true_time.client("codebuild").create_project(
        name="smoke", artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::123456789012:role/build",
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [sleep 900]}}\n"})
    configuration(true_time, "Canary20", "Canary", 20)
    service.group(deploymentConfigName="Canary20")
    deployment = service.deploy(service.define(version(registry, "v2")), hooks=[("AfterAllowTraffic", "build:smoke")])
    service.reaches(deployment, "AllowTraffic")
    eventually(lambda: service.weights() == {"a": 80, "b": 20}, what="the canary's share")
    eventually(lambda: set(serves(service.port, 200)) == {"v1", "v2"}, what="the data plane has it")
    true_time.kill9()
    with load(service.port):  # nobody but HAProxy and the tasks are there
        got = count(service.port, 2000)
        assert set(got) == {"v1", "v2"} and abs(got["v2"] / 20 - 20) < 2, got
        true_time.start()
        assert service_again(service).weights() == {"a": 80, "b": 20}
    before = haproxy(true_time)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: haproxy(true_time) not in (None, before) and set(serves(service.port, 200)) == {"v1", "v2"},
               what="HAProxy is back")
    with load(service.port, cut=CONNECTIONS):
        new = next(s["id"] for s in service.state()["taskSets"] if s.get("externalId") == deployment)
        lost, kept = running(service, new)
        os.kill(monitor(true_time, lost), signal.SIGKILL)
        eventually(lambda: {t["taskArn"] for t in running(service, new)} - {lost["taskArn"], kept["taskArn"]},
                   what="a task in place of the lost one")
    with load(service.port):
        service.reaches(deployment, "AfterAllowTraffic")  # the deployment has gone on
        assert service.event(deployment, "AllowTraffic")["status"] == "Succeeded"
        assert serves(service.port) == {"v2": 20}
        os.kill(eventually(lambda: leader(true_time, "smoke"), what="the build's leader"), signal.SIGKILL)
        info = service.ends(deployment, 300)
        assert (info["status"], info["errorInformation"]["code"]) == ("Failed", "HOOK_EXECUTION_FAILURE"), info
        assert service.ends(info["rollbackInfo"]["rollbackDeploymentId"], 300)["status"] == "Succeeded"
    assert serves(service.port) == {"v1": 20}
    assert len(service.state()["taskSets"]) == 1


def service_again(service):
    """Its clients, to a server that has started again at another port."""
    for name in ("ecs", "elb", "api"):
        setattr(service, name, service.server.client(
            {"ecs": "ecs", "elb": "elbv2", "api": "codedeploy"}[name]))
    return service


def test_an_alarm_gives_the_traffic_back(true_time, registry):
    service = service_of(true_time, registry, "alarm")
    cw = true_time.client("cloudwatch")
    cw.put_metric_alarm(AlarmName="errors", Namespace="N", MetricName="m", Statistic="Sum", Period=60,
                        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                        TreatMissingData="ignore")
    configuration(true_time, "Canary30", "Canary", 30)
    service.group(termination=60, events=["DEPLOYMENT_STOP_ON_ALARM"], deploymentConfigName="Canary30",
                  alarmConfiguration={"enabled": True, "alarms": [{"name": "errors"}]})
    with load(service.port):
        deployment = service.deploy(service.define(version(registry, "v2")))
        service.reaches(deployment, "AllowTraffic")
        eventually(lambda: set(serves(service.port, 200)) == {"v1", "v2"}, what="the canary's share")
        cw.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
        eventually(lambda: service.weights() == {"a": 100, "b": 0}, what="the traffic is back")
        eventually(lambda: serves(service.port, 200) == {"v1": 200}, what="the data plane has it")
        info = service.ends(deployment)
        assert info["status"] == "Stopped" and info["errorInformation"]["code"] == "ALARM_ACTIVE"
        assert service.ends(info["rollbackInfo"]["rollbackDeploymentId"])["status"] == "Succeeded"
    assert len(service.state()["taskSets"]) == 1
