# SPDX-License-Identifier: Apache-2.0
"""Tasks by a Docker engine (serve --compute docker): what ECS says about them, and that nothing is lost or made twice
when the server is killed, or the engine."""
import collections
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from engines import Engine, labels, why_not
from asking import eventually, standing
from rootfs import Registry, layer
from services import Service
from towpath import TOWPATH, Server

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
RATE = 6  # times as fast as true time
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Host:
    def __init__(self):
        self.registry, self.engine, self.server = Registry(), Engine(), None
        try:
            self.server = Server("--compute", f"docker=unix://{self.engine.socket}", "--clock-rate", str(RATE)).start()
            self.engine.await_ready()
            self.connect()
            self.ecs.create_cluster(clusterName="c")
        except BaseException:
            self.close()
            raise

    def connect(self):
        self.ecs, self.logs = self.server.client("ecs"), self.server.client("logs")

    def close(self):
        if self.server:
            self.server.kill9()
            subprocess.run([TOWPATH, "destroy", "--yes", "--data", self.server.data], check=False)
            self.server.close()
        left = self.engine.containers()
        self.engine.close()
        self.registry.close()
        assert left == []

    def restart(self, rate=RATE):
        self.server.kill9()
        self.server.arguments[-1] = str(rate)
        self.server.start()
        self.connect()

    def define(self, family, *containers, **more):
        return self.ecs.register_task_definition(
            family=family, cpu="256", memory="512",
            containerDefinitions=[{"name": "app", "stopTimeout": 2, **c, "logConfiguration": {
                "logDriver": "awslogs", "options": {"awslogs-group": family, "awslogs-stream-prefix": "p"}}}
                for c in containers], **more)["taskDefinition"]

    def run(self, family, **more):
        return self.ecs.run_task(cluster="c", taskDefinition=family, launchType="FARGATE",
                                 networkConfiguration=NETWORK, **more)["tasks"][0]["taskArn"]

    def task(self, arn):
        return self.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]

    def at(self, arn, status):
        return eventually(lambda: [t for t in [self.task(arn)] if t["lastStatus"] == status],
                          what=f"{arn} is {status}")[0]

    def lines(self, family, arn, container="app"):
        got, token, name = [], {}, f"p/{container}/{arn.rsplit('/', 1)[1]}"
        while True:
            page = self.logs.get_log_events(logGroupName=family, logStreamName=name, startFromHead=True, **token)
            got += [e["message"] for e in page["events"]]
            if page["nextForwardToken"] == token.get("nextToken"):
                return got
            token = {"nextToken": page["nextForwardToken"]}


@pytest.fixture(scope="module")
def host():
    yield from standing(Host())


def test_several_containers(host):
    """One network and one address, order of starts, environment, user, limits, exit codes, output of both streams."""
    image = host.registry.push("several", Env=["FROM_IMAGE=yes"])
    host.define("several", {
        "name": "first", "image": image, "essential": False, "command": ["sh", "-c", "echo done; exit 0"]}, {
        "name": "web", "image": image, "command": ["sh", "-c", "httpd -p 80 -h /www; exec sleep 1000"],
        "portMappings": [{"containerPort": 80}], "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}]}, {
        "name": "asks", "image": image, "user": "shop", "workingDirectory": "/tmp", "memory": 64,
        "environment": [{"name": "GREETING", "value": "hi there"}],
        "dependsOn": [{"containerName": "web", "condition": "START"}],
        "command": ["sh", "-c", "until wget -qO- http://127.0.0.1/ 2>/dev/null; do sleep 0.1; done; echo $GREETING $FROM_IMAGE; id -u;"
                    " pwd; hostname; echo oops >&2; cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
                    " /sys/fs/cgroup/memory.max 2>/dev/null; exit 7"]})
    arn = host.run("several")
    task = host.at(arn, "STOPPED")
    ends = {c["name"]: c for c in task["containers"]}
    assert ends["first"]["exitCode"] == 0 and ends["asks"]["exitCode"] == 7 and "exitCode" in ends["web"]
    assert task["stopCode"] == "EssentialContainerExited" and ends["asks"]["imageDigest"].startswith("sha256:")
    address = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}["privateIPv4Address"]
    lines = host.lines("several", arn, "asks")
    lines.remove("oops")  # an engine reads the two outputs side by side
    assert lines == ["hello", "hi there yes", "1000", "/tmp", "ip-" + address.replace(".", "-"), str(64 << 20)]
    assert host.lines("several", arn, "first") == ["done"]
    assert host.engine.containers() == []


def test_killed_server(host):
    """The server is killed again and again while a task writes: each line is there once, nothing was started twice; a
    task that ends meanwhile is known with its exit code."""
    image = host.registry.push("writer")
    host.define("writer", {"image": image, "command": [
        "sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.1;"
        " while [ $i = 2000 -a ! -e /go ]; do sleep 0.1; done; done; printf 'no end'; exit 3"]})
    arn = host.run("writer")
    host.server.kill9()  # before, during or after the start, as it comes
    host.server.start()
    host.connect()
    host.at(arn, "RUNNING")
    name = "towpath-t-" + arn.rsplit("/", 1)[1]
    assert sorted(host.engine.containers()) == [name, name + "-0"]
    assert labels(host.engine, name + "-0")["towpath.root"] == name[len("towpath-"):] + "-0"
    for seen in (200, 900, 1700):
        eventually(lambda: len(host.lines("writer", arn)) > seen)  # noqa: B023
        host.restart()
    host.server.kill9()
    host.engine.docker("exec", name + "-0", "touch", "/go")  # it has not ended before
    eventually(lambda: name + "-0" in host.engine.containers("--filter", "status=exited"))
    orphan = host.engine.docker("run", "-d", "--network", "none", "--label", "towpath.root=t-unknown-0", "--label",
                                "towpath.owner=" + labels(host.engine, name)["towpath.owner"],
                                "--entrypoint", "/bin/sleep", image, "1000").strip()
    host.server.start()
    host.connect()
    task = host.at(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 3
    lines = host.lines("writer", arn)
    assert [(i, x) for i, x in enumerate(lines) if x != f"line {i}"] == [(3000, "no end")]
    eventually(lambda: host.engine.containers() == [], what=f"{orphan}, which nobody knows, is gone")


def container_of(arn):
    return "towpath-t-" + arn.rsplit("/", 1)[1] + "-0"


def starve(engine, container):
    """It ends once its engine has seen that memory ran out: not every engine does in a container's first and last
    moments."""
    def seen():
        return engine.docker("events", "--since", "1", "--until", f"{time.time():.3f}", "--filter", "event=oom", "--filter",
                             "container=" + container)
    engine.docker("kill", "-s", "USR1", container)
    eventually(seen, what="memory runs out")
    engine.docker("kill", "-s", "USR2", container)


def test_ends(host):
    """Memory, health, signals, images that are not there, programs that are not there."""
    image = host.registry.push("ends")
    host.define("sick", {"image": image, "command": ["sleep", "1000"], "healthCheck": {
        "command": ["CMD-SHELL", "test -e /well"], "interval": 5, "timeout": 2, "retries": 1}})
    loop = "echo ready; while :; do sleep 0.1; done"
    host.define("hungry", {"image": image, "memory": 16, "command": [
        "sh", "-c", f"trap 'tail /dev/zero; code=$?' USR1; trap 'exit $code' USR2; {loop}"]})
    host.define("slow", {"image": image, "stopTimeout": 120, "command": ["sh", "-c", f"trap 'echo bye; exit 5' TERM; {loop}"]})
    host.define("deaf", {"image": image, "command": ["sh", "-c", f"trap '' TERM; {loop}"]})
    host.define("nothing", {"image": host.registry.host + "/nothing:1", "command": ["true"]})
    host.define("noprogram", {"image": image, "entryPoint": ["/no/such/program"]})
    arns = {f: host.run(f) for f in ("hungry", "sick", "slow", "deaf", "nothing", "noprogram")}
    for family in ("slow", "deaf", "hungry"):
        host.at(arns[family], "RUNNING")
        eventually(lambda: host.lines(family, arns[family]) == ["ready"])  # noqa: B023
        if family == "hungry":
            starve(host.engine, container_of(arns[family]))
        else:
            host.ecs.stop_task(cluster="c", task=arns[family], reason="enough")
    ended = {f: host.at(arns[f], "STOPPED") for f in ("hungry", "slow", "deaf", "nothing", "noprogram")}
    assert "OutOfMemory" in ended["hungry"]["containers"][0]["reason"]
    assert ended["slow"]["containers"][0]["exitCode"] == 5 and host.lines("slow", arns["slow"]) == ["ready", "bye"]
    assert ended["deaf"]["containers"][0]["exitCode"] == 137 and ended["deaf"]["stoppedReason"] == "enough"
    assert "CannotPullContainerError" in ended["nothing"]["stoppedReason"] and "nothing" in ended["nothing"]["stoppedReason"]
    assert "CannotStartContainerError" in ended["noprogram"]["stoppedReason"]
    assert "/no/such/program" in ended["noprogram"]["stoppedReason"]
    eventually(lambda: host.task(arns["sick"])["healthStatus"] == "UNHEALTHY")
    # the engine forgets a container: somebody has removed it
    host.engine.docker("rm", "-f", container_of(arns["sick"]))
    assert "CannotInspectContainerError" in host.at(arns["sick"], "STOPPED")["containers"][0]["reason"]


def test_own_registry(host):
    """An image of Towpath's own registry, which the engine pulls with a password; a role's credentials inside."""
    ecr, iam = host.server.client("ecr"), host.server.client("iam")
    uri = ecr.create_repository(repositoryName="shop")["repository"]["repositoryUri"]
    password = host.server.run("/usr/bin/aws", "--endpoint-url", host.server.endpoint, "ecr", "get-login-password").stdout
    host.server.run("skopeo", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds",
                    "AWS:" + password.strip(), "docker://" + host.registry.push("shop"), f"docker://{uri}:1")
    role = host.server.service_role("r", "ecs-tasks.amazonaws.com", iam=iam)
    host.define("own", {"image": f"{uri}:1", "command": [
        "sh", "-c", "wget -qO- --header \"Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN\""
        " $AWS_CONTAINER_CREDENTIALS_FULL_URI"]}, taskRoleArn=role)
    arn = host.run("own")
    task = host.at(arn, "STOPPED")
    assert task["containers"][0]["exitCode"] == 0, task
    assert json.loads("".join(host.lines("own", arn)))["RoleArn"] == role
    assert os.path.exists(host.server.data)


def answers(port, requests=40):
    """What they were, and how many of each; the name of an error where there was none."""
    found = collections.Counter()
    for _ in range(requests):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as got:
                found[got.read().decode()] += 1
        except urllib.error.HTTPError as e:
            found[e.code] += 1
        except OSError as e:
            found[type(e).__name__] += 1
    return found


def test_killed_engine_in_a_canary(host):
    """The engine dies with all containers and starts again: tasks of both versions are replaced, the share stays as it
    was set, and the deployment goes on."""
    version = lambda text: host.registry.push(f"web-{text}", layer(  # noqa: E731
        {"www": None, "www/index.html": text.encode()}), Cmd=["httpd", "-f", "-p", "8000", "-h", "/www"])
    service = Service(host.server, "canary", version("v1"), desired=2)
    eventually(lambda: answers(service.port) == {"v1": 40}, what="v1 behind the listener")
    service.api.create_deployment_config(
        deploymentConfigName="Canary20", computePlatform="ECS", trafficRoutingConfig={
            "type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 15}})
    service.group(deploymentConfigName="Canary20")
    deployment = service.deploy(service.define(version("v2")))
    eventually(lambda: answers(service.port) == {"v1": 32, "v2": 8}, what="the canary's share")
    before = set(host.ecs.list_tasks(cluster="c", serviceName="canary")["taskArns"])
    host.engine.kill9()
    eventually(lambda: answers(service.port, 5) == {503: 5}, what="nobody answers")
    assert service.weights() == {"a": 80, "b": 20}
    host.engine.start().await_ready()
    eventually(lambda: answers(service.port) == {"v1": 32, "v2": 8}, what="the canary's share, as it was")
    eventually(lambda: [host.task(arn)["containers"][0]["lastStatus"] for arn in before] == ["STOPPED"] * 4,
               what="all that died are over")
    host.restart(rate=90)  # HAProxy checks by true time
    service.api = host.server.client("codedeploy")
    info = service.ends(deployment)
    assert info["status"] == "Succeeded", (info, service.target(deployment))
    assert answers(service.port) == {"v2": 40}
    host.ecs.update_service(cluster="c", service="canary", desiredCount=0)
    eventually(lambda: host.engine.containers() == [], what="all is taken away")


def test_bad_names():
    for name, says in (("podman", "no way to run tasks"), ("docker=tcp://1.2.3.4:2375", "unix:///PATH")):
        done = subprocess.run([TOWPATH, "serve", "--data", "/proc/nowhere", "--compute", name], stderr=subprocess.PIPE,
                              text=True, check=False)
        assert done.returncode != 0 and says in done.stderr, done.stderr
