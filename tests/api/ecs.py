# SPDX-License-Identifier: Apache-2.0
"""ecs through boto3 and the aws CLI: clusters, task definitions, tasks and services with real
containers. What is slow by nature (health checks, drains, kill -9) is in tests/e2e/containers.py."""
import datetime
import glob
import json
import os
import shutil
import socket
import subprocess

import boto3
import botocore.exceptions
import pytest
from backends import free_ports
from gitwork import journal
from asking import eventually
from rootfs import Registry, layer
from towpath import TOWPATH, Server


def why_not():
    if os.geteuid() != 0:
        return "containers need root"
    for program in ("runc", "iptables", "ip", "skopeo"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


real = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


@pytest.fixture(scope="module")
def registry():
    r = Registry()
    yield r
    r.close()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Started as systemd does: the socket of its supervisor is its own affair, and not that of containers' runtimes."""
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path_factory.mktemp("supervisor") / "notify"))
    s = Server(env={"NOTIFY_SOCKET": told.getsockname()})
    try:
        s.start()
        s.client("ecs").create_cluster(clusterName="c")
        yield s
    finally:
        s.kill9()
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", s.data], check=False)
        s.close()
        told.close()


def refused(call, **args):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**args)
    error = e.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def container(name="app", **more):
    return {"name": name, "image": "127.0.0.1:1/none", "memory": 64, "stopTimeout": 1, **more}


def run(ecs, family, definitions, count=1, network=NETWORK, overrides=None, **task):
    ecs.register_task_definition(family=family, containerDefinitions=definitions, **task)
    return ecs.run_task(cluster="c", taskDefinition=family, count=count, networkConfiguration=network,
                        **({"overrides": overrides} if overrides else {}))["tasks"][0]["taskArn"]


def task(ecs, arn):
    return ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]


def reaches(ecs, arn, status):
    def look():
        t = task(ecs, arn)
        assert status == "STOPPED" or t["lastStatus"] != "STOPPED", t
        return t if t["lastStatus"] == status else None
    return eventually(look, what=f"{arn} {status}: {task(ecs, arn)}")


def log_lines(host, group, stream):
    return [e["message"] for e in host.client("logs").get_log_events(
        logGroupName=group, logStreamName=stream, startFromHead=True)["events"]]


def awslogs(group="g", prefix="p"):
    return {"logDriver": "awslogs", "options": {"awslogs-group": group, "awslogs-stream-prefix": prefix,
                                                "awslogs-region": "us-east-1"}}


def test_clusters(host):
    ecs = host.client("ecs")
    made = ecs.create_cluster(clusterName="other", tags=[{"key": "a", "value": "b"}])["cluster"]
    assert made["status"] == "ACTIVE" and made["clusterArn"].endswith(":cluster/other")
    assert made["tags"] == [{"key": "a", "value": "b"}] and made["runningTasksCount"] == 0
    assert "'a/b'" in refused(ecs.create_cluster, clusterName="a/b")
    assert "'two words'" in refused(ecs.create_cluster, clusterName="two words")
    assert "aws:mine" in refused(ecs.create_cluster, clusterName="t", tags=[{"key": "aws:mine", "value": "x"}])
    assert made["clusterArn"] in ecs.list_clusters()["clusterArns"]
    assert len(ecs.list_clusters(maxResults=1)["clusterArns"]) == 1
    got = ecs.describe_clusters(clusters=["other", "nobody"], include=["TAGS"])
    assert got["clusters"][0]["tags"] == [{"key": "a", "value": "b"}]
    assert got["failures"][0]["reason"] == "MISSING"
    ecs.tag_resource(resourceArn=made["clusterArn"], tags=[{"key": "a", "value": "c"}, {"key": "d", "value": "e"}])
    ecs.untag_resource(resourceArn=made["clusterArn"], tagKeys=["d"])
    assert ecs.list_tags_for_resource(resourceArn=made["clusterArn"])["tags"] == [{"key": "a", "value": "c"}]
    on, off = ([{"name": "containerInsights", "value": v}] for v in ("enabled", "disabled"))
    assert ecs.update_cluster(cluster="other", settings=on)["cluster"]["settings"] == on
    assert ecs.update_cluster_settings(cluster="other", settings=off)["cluster"]["settings"] == off
    assert ecs.describe_clusters(clusters=["other"])["clusters"][0]["settings"] == off
    assert "NotImplemented" in refused(ecs.update_cluster, cluster="other", serviceConnectDefaults={"namespace": "n"})
    assert ecs.list_container_instances(cluster="other")["containerInstanceArns"] == []
    assert ecs.describe_container_instances(cluster="other", containerInstances=["x"])["failures"]
    assert ecs.delete_cluster(cluster="other")["cluster"]["status"] == "INACTIVE"
    assert ecs.create_cluster(clusterName="other")["cluster"]["tags"] == []  # it is another one
    ecs.create_cluster(clusterName="others")
    page = ecs.list_clusters(maxResults=2)
    assert page["clusterArns"][-1] == made["clusterArn"]
    ecs.delete_cluster(cluster="other")  # gone when the next page is asked for
    assert [arn.rsplit("/", 1)[1] for arn in ecs.list_clusters(nextToken=page["nextToken"])["clusterArns"]] == ["others"]
    ecs.delete_cluster(cluster="others")
    assert refused(ecs.list_tasks, cluster="other").startswith("ClusterNotFoundException")
    assert "NotImplemented" in refused(ecs.put_account_setting, name="taskLongArnFormat", value="enabled")
    assert "NotImplemented" in refused(ecs.execute_command, cluster="c", task="t", command="sh", interactive=True)


@pytest.mark.parametrize("more", [
    {"deploymentConfiguration": {"bakeTimeInMinutes": 5}},
    {"deploymentConfiguration": {"linearConfiguration": {"stepPercent": 10.0}}},
    {"deploymentConfiguration": {"canaryConfiguration": {"canaryPercent": 10.0}}},
    {"deploymentConfiguration": {"strategy": "BLUE_GREEN"}},
    {"placementStrategy": [{"type": "spread", "field": "host"}]},
])
def test_what_would_be_ignored_is_refused(host, more):
    ecs = host.newest_client("ecs")
    ecs.register_task_definition(family="plain", containerDefinitions=[container()])
    asked = {"cluster": "c", "taskDefinition": "plain", "networkConfiguration": NETWORK, **more}
    assert "NotImplemented" in refused(ecs.create_service, serviceName="ignored", desiredCount=0, **asked)
    if "placementStrategy" in more:
        assert "NotImplemented" in refused(ecs.run_task, **asked)


def test_task_definitions(host):
    ecs = host.client("ecs")
    ports = [{"containerPort": 80}]
    first = ecs.register_task_definition(family="web", containerDefinitions=[container(portMappings=ports)],
                                         tags=[{"key": "k", "value": "v"}])
    assert first["taskDefinition"]["taskDefinitionArn"].endswith(":task-definition/web:1")
    assert first["taskDefinition"]["containerDefinitions"][0]["essential"] is True
    second = ecs.register_task_definition(
        family="web", containerDefinitions=[container(portMappings=ports)], cpu=".25 vCPU", memory="0.5 GB",
        requiresCompatibilities=["FARGATE"])["taskDefinition"]
    assert (second["revision"], second["cpu"], second["memory"]) == (2, "256", "512")
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 2
    assert ecs.describe_task_definition(taskDefinition="web:1", include=["TAGS"])["tags"][0]["value"] == "v"
    ecs.deregister_task_definition(taskDefinition="web:2")
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 1
    assert ecs.list_task_definitions(familyPrefix="web")["taskDefinitionArns"] == [
        first["taskDefinition"]["taskDefinitionArn"]]
    assert ecs.list_task_definitions(familyPrefix="web", status="INACTIVE", sort="DESC")["taskDefinitionArns"]
    assert ecs.list_task_definition_families(familyPrefix="we")["families"] == ["web"]


def test_launch_types(host):
    """What a definition is able to be follows from what it says, whatever it requires."""
    ecs = host.client("ecs")
    plain = {"family": "able", "containerDefinitions": [container()], "networkMode": "awsvpc"}
    some = ecs.register_task_definition(**plain)["taskDefinition"]
    assert some["compatibilities"] == ["EC2"]
    asked = {"cluster": "c", "networkConfiguration": NETWORK, "launchType": "FARGATE"}
    ecs.create_service(cluster="c", serviceName="sets", deploymentController={"type": "EXTERNAL"}, desiredCount=0)
    for call, more in ((ecs.run_task, {}), (ecs.create_task_set, {"service": "sets"}),
                       (ecs.create_service, {"serviceName": "able", "desiredCount": 0})):
        said = refused(call, taskDefinition="able:1", **asked, **more)
        assert said.startswith("InvalidParameterException") and "does not support launch_type FARGATE" in said
        assert "Network Configuration" in refused(call, cluster="c", taskDefinition="able:1", **more)
    ecs.delete_service(cluster="c", service="sets")
    both = ecs.register_task_definition(**plain, cpu="256", memory="512")["taskDefinition"]
    assert both["compatibilities"] == ["EC2", "FARGATE"] and "requiresCompatibilities" not in both
    ecs.create_service(serviceName="able", desiredCount=0, taskDefinition="able:2", **asked)
    assert ecs.list_services(cluster="c", schedulingStrategy="DAEMON")["serviceArns"] == []
    listed = ecs.list_services(cluster="c", schedulingStrategy="REPLICA")["serviceArns"]  # what was deleted may drain yet
    assert "able" in [arn.rsplit("/", 1)[1] for arn in listed]
    ecs.delete_service(cluster="c", service="able")
    for overrides, word in ({"memory": "9 GB"}, "9216"), ({"cpu": "much"}, "'much'"):
        assert word in refused(ecs.run_task, taskDefinition="able:2", overrides=overrides, **asked)


@pytest.mark.parametrize("definitions,more,word", [
    ([container(image="")], {}, "app"),
    ([container(), container()], {}, "more than once"),
    ([container(essential=False)], {}, "essential"),
    ([container(secrets=[{"name": "A", "valueFrom": "x"}])], {}, "executionRoleArn"),
    ([container(privileged=True)], {}, "privileged"),
    ([container(healthCheck={"command": ["curl"]})], {}, "CMD"),
    ([container(dependsOn=[{"containerName": "b", "condition": "START"}])], {}, "'b'"),
    ([container(logConfiguration={"logDriver": "splunk"})], {}, "splunk"),
    ([container(portMappings=[{"containerPort": 80, "hostPort": 81}])], {}, "match"),
    ([container(mountPoints=[{"sourceVolume": "v", "containerPath": "/v"}])], {}, "'v'"),
    ([container()], {"networkMode": "bridge"}, "bridge"),
    ([container()], {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "300"}, "300"),
    ([container()], {"requiresCompatibilities": ["FARGATE"]}, "cpu"),
    ([container(memory=600)], {"cpu": "256", "memory": "512"}, "600"),
    ([container()], {"cpu": "a lot"}, "'a lot'"),
    ([container()], {"memory": "-5"}, "'-5'"),
    ([container()], {"runtimePlatform": {"cpuArchitecture": "X86_64" if os.uname().machine == "aarch64" else "ARM64"}},
     os.uname().machine),
    ([container()], {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, "WINDOWS"),
])
def test_definitions_that_cannot_be(host, definitions, more, word):
    said = refused(host.client("ecs").register_task_definition, family="bad", containerDefinitions=definitions, **more)
    assert said.startswith("ClientException") and word in said


@real
def test_task(host, registry):
    """What an image and a definition say of a container, its exit code, its log."""
    ecs = host.client("ecs")
    image = registry.push("plain", Env=["FROM_IMAGE=1", "BOTH=image"], Entrypoint=["/bin/sh", "-c"], Cmd=["exit 9"],
                          User="shop", WorkingDir="/www")
    say = "echo $FROM_IMAGE $BOTH $OWN; id -u; id -g; id -G; pwd; cat index.html; ulimit -n; echo bad >&2; exit 3"
    definition = container(
        image=image, command=[say], environment=[{"name": "BOTH", "value": "definition"}, {"name": "OWN", "value": "x"}],
        ulimits=[{"name": "nofile", "softLimit": 77, "hardLimit": 88}], logConfiguration=awslogs())
    arn = run(ecs, "plain", [definition], overrides={
        "containerOverrides": [{"name": "app", "environment": [{"name": "OWN", "value": "override"}]}]})
    t = reaches(ecs, arn, "STOPPED")
    assert (t["containers"][0]["exitCode"], t["stoppedReason"]) == (3, "Essential container in task exited"), t
    assert t["stopCode"] == "EssentialContainerExited"
    assert t["containers"][0]["imageDigest"].startswith("sha256:")
    stream = f"p/app/{arn.rsplit('/', 1)[1]}"
    assert log_lines(host, "g", stream) == ["1 definition override", "1000", "1001", "1001 1002", "/www", "hello",
                                            "77", "bad"]
    # an entry point of the definition's own leaves the image's command out
    arn = run(ecs, "entry", [container(image=image, entryPoint=["/bin/false"])])
    assert reaches(ecs, arn, "STOPPED")["containers"][0]["exitCode"] == 1


@real
def test_overrides_and_tags(host, registry):
    """A task's own size and those of its containers, as they are shown and as they hold; tags from all sides."""
    ecs = host.newest_client("ecs")
    ecs.register_task_definition(
        family="sized", cpu="256", memory="512", tags=[{"key": "by", "value": "definition"}, {"key": "d", "value": "1"}],
        containerDefinitions=[container(image=registry.push("sized"), cpu=10, command=["sleep", "1000"])])
    asked = {"cluster": "c", "taskDefinition": "sized", "networkConfiguration": NETWORK, "launchType": "FARGATE"}
    made = ecs.run_task(**asked, propagateTags="TASK_DEFINITION", enableECSManagedTags=True, tags=[
        {"key": "by", "value": "call"}], overrides={"cpu": ".5 vCPU", "memory": "1 GB", "containerOverrides": [
            {"name": "app", "cpu": 100, "memory": 80, "memoryReservation": 70}]})["tasks"][0]
    assert (made["cpu"], made["memory"]) == ("512", "1024")
    assert [made["containers"][0][k] for k in ("cpu", "memory", "memoryReservation")] == ["100", "80", "70"]
    reaches(ecs, made["taskArn"], "RUNNING")
    with open(glob.glob(f"{host.data}/fleet/t-{made['taskArn'].rsplit('/', 1)[1]}/*/config.json")[0], encoding="utf-8") as f:
        limits = json.load(f)["linux"]["resources"]
    assert (limits["cpu"]["shares"], limits["memory"]["limit"]) == (100, 80 << 20)
    ecs.stop_task(cluster="c", task=made["taskArn"])
    t = ecs.describe_tasks(cluster="c", tasks=[made["taskArn"]], include=["TAGS"])["tasks"][0]
    assert {tag["key"]: tag["value"] for tag in t["tags"]} == {
        "by": "call", "d": "1", "aws:ecs:clusterName": "c"}
    once = dict(asked, clientToken="once", count=2)
    assert ([t["taskArn"] for t in ecs.run_task(**once)["tasks"]]
            == [t["taskArn"] for t in ecs.run_task(**once)["tasks"]])
    assert refused(ecs.run_task, **dict(once, count=1)).startswith("ConflictException: The clientToken once is already in use")
    assert "SERVICE" in refused(ecs.run_task, **asked, propagateTags="SERVICE")
    ecs.create_service(**asked, serviceName="tagged", clientToken="once", desiredCount=1, enableECSManagedTags=True,
                       propagateTags="SERVICE", tags=[{"key": "s", "value": "2"}])
    arn = eventually(lambda: (ecs.list_tasks(cluster="c", serviceName="tagged")["taskArns"] or [None])[0], what="a task")
    assert {tag["key"]: tag["value"] for tag in ecs.list_tags_for_resource(resourceArn=arn)["tags"]} == {
        "s": "2", "aws:ecs:clusterName": "c", "aws:ecs:serviceName": "tagged"}
    ecs.delete_service(cluster="c", service="tagged", force=True)


@real
def test_a_rule_starts_a_task(host, registry):
    """An event's target runs tasks, with what its input overrides."""
    ecs, events = host.client("ecs"), host.client("events")
    role = host.service_role("starts", "events.amazonaws.com", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    definition = ecs.register_task_definition(family="told", containerDefinitions=[container(
        image=registry.push("told"), command=["sh", "-c", "echo $V"], logConfiguration=awslogs("told"))],
        cpu="256", memory="512")["taskDefinition"]
    events.put_rule(Name="starts", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="starts", Targets=[{
        "Id": "1", "Arn": ecs.describe_clusters(clusters=["c"])["clusters"][0]["clusterArn"], "RoleArn": role,
        "EcsParameters": {"TaskDefinitionArn": definition["taskDefinitionArn"], "TaskCount": 1, "LaunchType": "FARGATE",
                          "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}},
        "InputTransformer": {"InputPathsMap": {"v": "$.detail.v"}, "InputTemplate":
                             '{"containerOverrides": [{"name": "app", "environment": [{"name": "V", "value": <v>}]}]}'}}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "T", "Detail": '{"v": "seven"}'}])
    arn = eventually(lambda: next(iter(
        ecs.list_tasks(cluster="c", family="told")["taskArns"]
        + ecs.list_tasks(cluster="c", family="told", desiredStatus="STOPPED")["taskArns"]), None), what="a task")
    t = reaches(ecs, arn, "STOPPED")
    assert t["containers"][0]["exitCode"] == 0, t
    assert log_lines(host, "told", f"p/app/{arn.rsplit('/', 1)[1]}") == ["seven"]


@real
def test_containers_of_a_task(host, registry):
    """One network, an order of starting, shared volumes, layers with whiteouts."""
    ecs = host.client("ecs")
    image = registry.push(
        "layers", layer({"data": None, "data/gone": b"1", "data/kept": b"2", "dir": None, "dir/old": b"3"}),
        layer({"data/.wh.gone": b"", "dir/.wh..wh..opq": b"", "dir/new": b"4"}))
    mount = {"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}], "image": image}
    arn = run(ecs, "order", [
        container("init", essential=False, command=["sh", "-c", "ls /data /dir > /v/list; sleep 0.2"], **mount),
        container("web", command=["httpd", "-f", "-p", "8000", "-h", "/v"],
                  dependsOn=[{"containerName": "init", "condition": "SUCCESS"}], **mount),
        container("ask", essential=False, logConfiguration=awslogs(), image=image,
                  command=["sh", "-c", "until wget -qO- http://127.0.0.1:8000/list 2>/dev/null; do sleep 0.1; done; hostname"],
                  dependsOn=[{"containerName": "web", "condition": "START"}]),
    ], volumes=[{"name": "v"}])
    t = reaches(ecs, arn, "RUNNING")
    stream = f"p/ask/{arn.rsplit('/', 1)[1]}"
    address = t["attachments"][0]["details"][0]["value"]
    lines = eventually(lambda: [x for x in [log_lines(host, "g", stream)] if len(x) == 6], what="the log")[0]
    assert lines == ["/data:", "kept", " ", "/dir:", "new", "ip-" + address.replace(".", "-")]
    by_name = {c["name"]: c for c in task(ecs, arn)["containers"]}
    assert (by_name["init"]["exitCode"], by_name["web"]["lastStatus"]) == (0, "RUNNING")
    assert subprocess.run(["curl", "-s", f"http://{address}:8000/list"], check=True, timeout=90,
                          stdout=subprocess.PIPE).stdout.startswith(b"/data")
    ecs.stop_task(cluster="c", task=arn, reason="enough")
    t = reaches(ecs, arn, "STOPPED")
    assert (t["stopCode"], t["stoppedReason"]) == ("UserInitiated", "enough")
    assert not os.path.exists(f"{host.data}/fleet/t-{arn.rsplit('/', 1)[1]}")
    assert arn in ecs.list_tasks(cluster="c", desiredStatus="STOPPED", family="order")["taskArns"]
    assert arn not in ecs.list_tasks(cluster="c")["taskArns"]


@real
def test_memory(host, registry):
    """A container that eats its memory, by its own limit and by the task's."""
    ecs = host.client("ecs")
    image = registry.push("eater")
    eat = {"image": image, "command": ["sh", "-c", "dd if=/dev/zero of=/dev/null bs=200M count=1"]}
    for more in ({"memory": 32}, {"memory": 64}):
        arn = run(ecs, "eater", [container(**{**eat, **more})], cpu="256", memory="512")
        t = reaches(ecs, arn, "STOPPED")
        assert t["containers"][0]["reason"].startswith("OutOfMemoryError"), t
        assert t["containers"][0]["exitCode"] == 137


@real
@pytest.mark.parametrize("what,word", [
    ("missing", "nothere"), ("digest", "digest"), ("layer", "reading blob sha256"), ("traversal", "leads out"), ("device", "device"),
    ("hardlink", "link"), ("command", "/no/such"), ("user", "nobody-here"), ("nothing", "no command")])
def test_images_that_cannot_be(host, registry, what, word):
    from rootfs import device, digest, link
    import tarfile
    ecs, more = host.client("ecs"), {"command": ["true"]}
    image = registry.push("ok")
    if what == "missing":
        image = f"{registry.host}/nothere:v1"
    elif what == "digest":
        extra = layer({"x": b"right"})
        image = registry.push("digest", extra)
        registry.blobs[digest(extra)] = layer({"x": b"wrong"})
    elif what == "layer":
        extra = layer({"x": b"away"})
        image = registry.push("lost", extra)
        del registry.blobs[digest(extra)]
    elif what == "traversal":
        image = registry.push("traversal", layer({"../../outside": b"x"}))
    elif what == "device":
        image = registry.push("device", layer({"null": device}))
    elif what == "hardlink":
        image = registry.push("hard", layer({"l": link("../../../etc/passwd", tarfile.LNKTYPE)}))
    elif what == "command":
        more = {"command": ["/no/such"]}
    elif what == "user":
        more["user"] = "nobody-here"
    elif what == "nothing":
        more = {}
    t = reaches(ecs, run(ecs, f"bad-{what}", [container(image=image, **more)]), "STOPPED")
    assert t["stopCode"] == "TaskFailedToStart"
    assert word in t["stoppedReason"], t["stoppedReason"]
    assert t["stoppedReason"].split(":")[0] in ("CannotPullContainerError", "CannotStartContainerError")


@real
def test_aws_cli(host, registry):
    """The same by the aws CLI: a service that rolls on, and its waiters."""
    ecs = host.client("ecs")
    image = registry.push("sleeper", Cmd=["sleep", "100000"])

    def aws(*argv):
        return host.aws("ecs", *argv)
    aws("register-task-definition", "--family", "s", "--container-definitions", json.dumps([container(image=image)]))
    made = aws("create-service", "--cluster", "c", "--service-name", "s", "--task-definition", "s", "--desired-count", "2",
               "--network-configuration", "awsvpcConfiguration={subnets=[subnet-1]}")["service"]
    assert made["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    eventually(lambda: ecs.describe_services(cluster="c", services=["s"])["services"][0]["runningCount"] == 2)
    aws("wait", "services-stable", "--cluster", "c", "--services", "s")
    tasks = aws("list-tasks", "--cluster", "c", "--service-name", "s")["taskArns"]
    assert len(tasks) == 2
    # one that is killed comes again, and one whose task definition is gone as well
    aws("stop-task", "--cluster", "c", "--task", tasks[0])
    eventually(lambda: len(set(ecs.list_tasks(cluster="c", serviceName="s")["taskArns"]) - {tasks[0]}) == 2)
    aws("register-task-definition", "--family", "s", "--container-definitions",
        json.dumps([container(image=image, environment=[{"name": "N", "value": "2"}])]))
    aws("update-service", "--cluster", "c", "--service", "s", "--task-definition", "s", "--desired-count", "1")

    def rolled():
        d = ecs.describe_services(cluster="c", services=["s"])["services"][0]["deployments"]
        return d if len(d) == 1 and d[0]["rolloutState"] == "COMPLETED" and d[0]["runningCount"] == 1 else None
    assert eventually(rolled)[0]["taskDefinition"].endswith(":2")
    assert made["serviceArn"] in aws("list-services", "--cluster", "c")["serviceArns"]
    assert "scaled above 0" in refused(ecs.delete_service, cluster="c", service="s")
    ecs.delete_service(cluster="c", service="s", force=True)
    eventually(lambda: ecs.describe_services(cluster="c", services=["s"])["services"][0]["status"] == "INACTIVE")


def test_platform_versions(host):
    """Those that the service lists, for FARGATE alone; a replacement task set has what its AppSpec says."""
    ecs = host.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(family="pv", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
                                 networkMode="awsvpc", containerDefinitions=[container(image="nowhere:1")])

    def create(name, **more):
        return ecs.create_service(cluster="c", serviceName=name, taskDefinition="pv", desiredCount=0,
                                  networkConfiguration=NETWORK, **more)["service"]

    for asked, got in (("LATEST", "1.4.0"), ("1.4.0", "1.4.0"), ("1.3.0", "1.3.0")):
        assert create("pv" + asked.replace(".", ""), launchType="FARGATE", platformVersion=asked)[
            "platformVersion"] == got
    assert create("pv", launchType="FARGATE")["platformVersion"] == "1.4.0"
    assert "platformVersion" not in create("pv-ec2")
    assert "There is no platform version 2.0.0" in refused(create, name="no", launchType="FARGATE", platformVersion="2.0.0")
    assert "must be null" in refused(create, name="no", platformVersion="LATEST")
    change = dict(cluster="c", service="pv")
    assert ecs.update_service(**change, platformVersion="1.3.0")["service"]["platformVersion"] == "1.3.0"
    assert "2.0.0" in refused(ecs.update_service, **change, platformVersion="2.0.0")
    ecs.create_service(cluster="c", serviceName="pv-sets", deploymentController={"type": "EXTERNAL"}, desiredCount=0)
    made = dict(cluster="c", service="pv-sets", taskDefinition="pv", launchType="FARGATE", networkConfiguration=NETWORK)
    assert ecs.create_task_set(**made, platformVersion="1.3.0")["taskSet"]["platformVersion"] == "1.3.0"
    assert "2.0.0" in refused(ecs.create_task_set, **made, platformVersion="2.0.0")
    assert "2.0.0" in refused(ecs.run_task, cluster="c", taskDefinition="pv", launchType="FARGATE",
                              networkConfiguration=NETWORK, platformVersion="2.0.0")


def item(provider, weight=1, base=0):
    return {"capacityProvider": provider, "weight": weight, "base": base}


def test_clusters_with_capacity_providers(host):
    ecs = host.client("ecs")
    both = ["FARGATE", "FARGATE_SPOT"]
    spread = [item("FARGATE", 1, 2), item("FARGATE_SPOT", 3)]
    made = ecs.create_cluster(clusterName="cap", capacityProviders=both, defaultCapacityProviderStrategy=spread)["cluster"]
    assert made["capacityProviders"] == both and made["defaultCapacityProviderStrategy"] == spread
    for providers, strategy, word in (
            (["mine"], [], "'mine' was not found"),
            (["FARGATE"], spread, "not associated with the cluster: FARGATE_SPOT"),
            (both, [item("FARGATE", 1, 1), item("FARGATE_SPOT", 1, 1)], "Only one capacity provider"),
            (both, [item("FARGATE", 0), item("FARGATE_SPOT", 0)], "weight above 0"),
            (both, [item("FARGATE"), item("FARGATE")], "FARGATE twice"),
            (both, [item("FARGATE", 1001)], "weight"),
            (both, [item("FARGATE", 1, 100001)], "base")):
        for call, name in ((ecs.create_cluster, "clusterName"), (ecs.put_cluster_capacity_providers, "cluster")):
            text = refused(call, capacityProviders=providers, defaultCapacityProviderStrategy=strategy,
                           **{name: "cap" if name == "cluster" else "cap2"})
            assert text.split(":")[0] in ("InvalidParameterException", "ValidationException") and word in text, text
    shown = lambda: ecs.describe_clusters(clusters=["cap"])["clusters"][0]  # noqa: E731
    assert shown()["defaultCapacityProviderStrategy"] == spread
    ecs.put_cluster_capacity_providers(cluster="cap", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[])
    assert shown()["capacityProviders"] == ["FARGATE"] and shown()["defaultCapacityProviderStrategy"] == []
    assert [(p["name"], p["status"]) for p in ecs.describe_capacity_providers()["capacityProviders"]] == [
        ("FARGATE", "ACTIVE"), ("FARGATE_SPOT", "ACTIVE")]
    got = ecs.describe_capacity_providers(capacityProviders=["FARGATE_SPOT", "mine"])
    assert got["capacityProviders"][0]["capacityProviderArn"].endswith(":capacity-provider/FARGATE_SPOT")
    assert got["failures"][0]["reason"] == "MISSING"
    assert "NotImplemented" in refused(ecs.create_capacity_provider, name="mine", autoScalingGroupProvider={
        "autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:x:autoScalingGroupName/g"})
    ecs.delete_cluster(cluster="cap")


def first_tasks(ecs, cluster, n, **of):
    """The n that were started first, whether they still run or have failed."""
    def look():
        arns = [a for status in ("RUNNING", "STOPPED")
                for a in ecs.list_tasks(cluster=cluster, desiredStatus=status, **of)["taskArns"]]
        return len(set(arns)) >= n and list(set(arns))
    tasks = ecs.describe_tasks(cluster=cluster, tasks=eventually(look))["tasks"]
    return [t["taskArn"] for t in sorted(tasks, key=lambda t: t["createdAt"])[:n]]


def providers_of(ecs, cluster, arns):
    """How many tasks each provider has, and that they are of launch type FARGATE."""
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    assert {t["launchType"] for t in tasks} == {"FARGATE"}
    names = [t["capacityProviderName"] for t in tasks]
    return {name: names.count(name) for name in names}


def test_capacity_provider_strategies(host):
    """Of tasks, services and task sets; the tasks have no image, so that each fails."""
    ecs = host.client("ecs")
    ecs.create_cluster(clusterName="s", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    ecs.register_task_definition(family="cap", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
                                 networkMode="awsvpc", containerDefinitions=[container(image="127.0.0.1:1/none")])
    plan = dict(cluster="s", taskDefinition="cap", networkConfiguration=NETWORK)
    spread = [item("FARGATE", 1, 2), item("FARGATE_SPOT", 3)]
    arns = [t["taskArn"] for t in ecs.run_task(**plan, count=10, capacityProviderStrategy=spread)["tasks"]]
    assert providers_of(ecs, "s", arns) == {"FARGATE": 4, "FARGATE_SPOT": 6}
    arns = [t["taskArn"] for t in ecs.run_task(**plan, count=3, capacityProviderStrategy=[
        {"capacityProvider": "FARGATE_SPOT"}])["tasks"]]
    assert providers_of(ecs, "s", arns) == {"FARGATE_SPOT": 3}
    assert "both a launch type" in refused(ecs.run_task, **plan, launchType="FARGATE", capacityProviderStrategy=spread)
    assert "not associated" in refused(ecs.run_task, **dict(plan, cluster="c"), capacityProviderStrategy=spread)
    assert "capacityProviderName" not in ecs.run_task(**plan, launchType="FARGATE")["tasks"][0]
    # services
    assert "both a launch type" in refused(
        ecs.create_service, **plan, serviceName="no", launchType="FARGATE", capacityProviderStrategy=spread)
    made = ecs.create_service(**plan, serviceName="s", desiredCount=4, capacityProviderStrategy=spread)["service"]
    assert made["capacityProviderStrategy"] == spread and "launchType" not in made
    assert made["platformVersion"] == "1.4.0"
    assert made["deployments"][0]["capacityProviderStrategy"] == spread
    assert providers_of(ecs, "s", first_tasks(ecs, "s", 4, serviceName="s")) == {"FARGATE": 2, "FARGATE_SPOT": 2}
    assert made["serviceArn"] in ecs.list_services(cluster="s", launchType="FARGATE")["serviceArns"]
    assert refused(ecs.put_cluster_capacity_providers, cluster="s", capacityProviders=["FARGATE"],
                   defaultCapacityProviderStrategy=[]).startswith("ResourceInUseException")
    other = [item("FARGATE_SPOT")]
    changed = ecs.update_service(cluster="s", service="s", capacityProviderStrategy=other)["service"]
    assert changed["capacityProviderStrategy"] == other and len(changed["deployments"]) == 2
    assert [d["capacityProviderStrategy"] for d in changed["deployments"]] == [other, spread]
    assert "not associated" in refused(ecs.update_service, cluster="s", service="s", capacityProviderStrategy=[item("x")])
    assert "must name" in refused(ecs.update_service, cluster="s", service="s", capacityProviderStrategy=[])
    # the cluster's own, where nothing is said
    ecs.put_cluster_capacity_providers(cluster="s", capacityProviders=["FARGATE", "FARGATE_SPOT"],
                                       defaultCapacityProviderStrategy=other)
    made = ecs.create_service(**plan, serviceName="plain", desiredCount=0)["service"]
    assert made["capacityProviderStrategy"] == other
    assert ecs.run_task(**plan)["tasks"][0]["capacityProviderName"] == "FARGATE_SPOT"
    # task sets
    ecs.create_service(cluster="s", serviceName="sets", deploymentController={"type": "EXTERNAL"}, desiredCount=3)
    sets = dict(cluster="s", service="sets")
    made = ecs.create_task_set(**sets, taskDefinition="cap", networkConfiguration=NETWORK,
                               capacityProviderStrategy=spread)["taskSet"]
    assert made["capacityProviderStrategy"] == spread and "launchType" not in made
    assert providers_of(ecs, "s", first_tasks(ecs, "s", 3, startedBy=made["id"])) == {"FARGATE": 2, "FARGATE_SPOT": 1}
    assert ecs.describe_task_sets(**sets)["taskSets"][0]["capacityProviderStrategy"] == spread
    assert "both a launch type" in refused(ecs.create_task_set, **sets, taskDefinition="cap", launchType="FARGATE",
                                           networkConfiguration=NETWORK, capacityProviderStrategy=spread)
    for name in ("s", "plain", "sets"):
        ecs.delete_service(cluster="s", service=name, force=True)


def told(host, service, event):
    """What the journal says of this event of one service: tasks of others may fail as well."""
    return [d for d in journal(host, "ecs.service") if d.get("event") == event and d["serviceName"] == service]


@real
def test_circuit_breaker(host, registry):
    ecs = host.client("ecs")
    good = registry.push("good", Cmd=["sleep", "100000"])
    ecs.register_task_definition(family="b", containerDefinitions=[container(image=good)])
    ecs.register_task_definition(family="b", containerDefinitions=[container(image=good, command=["false"])])
    ecs.create_service(cluster="c", serviceName="b", taskDefinition="b:1", desiredCount=1, networkConfiguration=NETWORK,
                       deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    state = lambda: ecs.describe_services(cluster="c", services=["b"])["services"][0]  # noqa: E731
    eventually(lambda: state()["deployments"][0]["rolloutState"] == "COMPLETED")
    before = ecs.list_tasks(cluster="c", serviceName="b")["taskArns"]
    ecs.update_service(cluster="c", service="b", taskDefinition="b:2")
    got = eventually(lambda: [s for s in [state()] if len(s["deployments"]) == 1
                              and s["deployments"][0]["rolloutState"] == "COMPLETED"
                              and s["taskDefinition"].endswith(":1") and s["runningCount"] == 1])[0]
    assert any("rolling back to deployment" in e["message"] for e in got["events"])
    assert before[0].rsplit("/", 1)[1] in str(got["events"])
    failed = told(host, "b", "SERVICE_DEPLOYMENT_FAILED")
    assert "exit code 1" in failed[0]["reason"] and "container app" in failed[0]["reason"]
    ecs.delete_service(cluster="c", service="b", force=True)


@real
def test_services_tell_why_their_tasks_fail(host):
    """Also without a circuit breaker, and once that starting more does not help."""
    ecs = host.client("ecs")
    ecs.register_task_definition(family="lost", containerDefinitions=[container()])
    ecs.create_service(cluster="c", serviceName="lost", taskDefinition="lost", desiredCount=1,
                       networkConfiguration=NETWORK)
    said = lambda: [e["message"] for e in ecs.describe_services(  # noqa: E731
        cluster="c", services=["lost"])["services"][0]["events"]]
    eventually(lambda: any("unable to consistently start tasks" in line for line in said()))
    first = next(line for line in reversed(said()) if "failed" in line)
    assert first.startswith("(service lost) a task has failed: task ") and "127.0.0.1:1/none" in first, first
    impaired, = told(host, "lost", "SERVICE_TASK_START_IMPAIRED")
    assert "CannotPullContainerError" in impaired["reason"]
    ecs.delete_service(cluster="c", service="lost", force=True)


@real
def test_an_alarm_brings_the_old_tasks_back(host, registry):
    """The new tasks are healthy and alone when it goes off."""
    ecs, cloudwatch = host.newest_client("ecs"), host.client("cloudwatch")
    good = registry.push("good", Cmd=["sleep", "100000"])
    for _ in range(2):
        ecs.register_task_definition(family="watched", containerDefinitions=[container(image=good)])
    ecs.create_service(cluster="c", serviceName="alarmed", taskDefinition="watched:1", desiredCount=1,
                       networkConfiguration=NETWORK)
    state = lambda: ecs.describe_services(cluster="c", services=["alarmed"])["services"][0]  # noqa: E731
    newest = lambda: state()["deployments"][0]  # noqa: E731
    eventually(lambda: newest()["rolloutState"] == "COMPLETED")
    cloudwatch.put_metric_alarm(AlarmName="w", Namespace="n", MetricName="w", Statistic="Sum", Period=3600,
                                EvaluationPeriods=1, TreatMissingData="ignore", Threshold=1,
                                ComparisonOperator="GreaterThanThreshold")
    new = ecs.update_service(cluster="c", service="alarmed", taskDefinition="watched:2", deploymentConfiguration={
        "alarms": {"alarmNames": ["w"], "enable": True, "rollback": True}})["service"]["deployments"][0]["id"]
    eventually(lambda: [d["runningCount"] for d in state()["deployments"]] == [1, 0])
    assert newest()["rolloutState"] == "IN_PROGRESS"
    cloudwatch.set_alarm_state(AlarmName="w", StateValue="ALARM", StateReason="test")
    got = eventually(lambda: [s for s in [state()] if s["deployments"][0]["rolloutState"] == "COMPLETED"
                              and s["deployments"][0]["id"] != new and s["runningCount"] == 1])[0]
    assert got["taskDefinition"].endswith(":1")
    running, = ecs.list_tasks(cluster="c", serviceName="alarmed")["taskArns"]
    assert task(ecs, running)["taskDefinitionArn"].endswith("watched:1")
    ecs.delete_service(cluster="c", service="alarmed", force=True)


@real
def test_task_sets(host, registry):
    """The controllers CODE_DEPLOY and EXTERNAL."""
    ecs, elb = host.client("ecs"), host.client("elbv2")
    image = registry.push("web", Cmd=["httpd", "-f", "-p", "8000", "-h", "/www"])
    group = elb.create_target_group(Name="blue", Protocol="HTTP", Port=8000, TargetType="ip", VpcId="v",
                                    HealthCheckIntervalSeconds=5)["TargetGroups"][0]["TargetGroupArn"]
    ecs.register_task_definition(family="w", containerDefinitions=[
        container(image=image, portMappings=[{"containerPort": 8000}])])
    balancer = {"targetGroupArn": group, "containerName": "app", "containerPort": 8000}
    service = {"cluster": "c", "serviceName": "w", "taskDefinition": "w", "desiredCount": 1,
               "networkConfiguration": NETWORK, "deploymentController": {"type": "CODE_DEPLOY"}}
    assert "8001" in refused(ecs.create_service, **service, loadBalancers=[dict(balancer, containerPort=8001)])
    assert "nobody" in refused(ecs.create_service, **service, loadBalancers=[dict(balancer, containerName="nobody")])
    assert refused(ecs.create_service, **service, loadBalancers=[balancer]) == (
        f"InvalidParameterException: The target group with targetGroupArn {group} does not have an associated load balancer.")
    front = elb.create_load_balancer(Name="front", Subnets=["s"])["LoadBalancers"][0]["LoadBalancerArn"]
    elb.create_listener(LoadBalancerArn=front, Protocol="HTTP", Port=free_ports(1)[0],
                        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    ecs.create_service(**service, loadBalancers=[balancer], clientToken="t")
    assert ecs.create_service(**service, loadBalancers=[balancer], clientToken="t")["service"]["serviceName"] == "w"
    assert "CODE_DEPLOY" in refused(ecs.update_service, cluster="c", service="w", taskDefinition="w:1")
    get = lambda: ecs.describe_services(cluster="c", services=["w"])["services"][0]["taskSets"]  # noqa: E731
    first = eventually(lambda: next((s for s in get() if s["stabilityStatus"] == "STEADY_STATE"), None))
    assert (first["status"], first["startedBy"], first["runningCount"]) == ("PRIMARY", "CODE_DEPLOY", 1)
    health = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert len(health) == 1 and health[0]["Target"]["Port"] == 8000
    second = ecs.create_task_set(cluster="c", service="w", taskDefinition="w", externalId="x",
                                 scale={"value": 0, "unit": "PERCENT"})["taskSet"]
    ecs.update_task_set(cluster="c", service="w", taskSet=second["id"], scale={"value": 100, "unit": "PERCENT"})
    eventually(lambda: get()[1]["stabilityStatus"] == "STEADY_STATE" and get()[1]["runningCount"] == 1)
    assert "primary" in refused(ecs.delete_task_set, cluster="c", service="w", taskSet=first["id"])
    ecs.update_service_primary_task_set(cluster="c", service="w", primaryTaskSet=second["id"])
    assert [s["status"] for s in get()] == ["ACTIVE", "PRIMARY"]
    ecs.delete_task_set(cluster="c", service="w", taskSet=first["id"])
    eventually(lambda: len(get()) == 1)
    described = ecs.describe_task_sets(cluster="c", service="w", taskSets=[second["id"], "no"])
    assert described["taskSets"][0]["externalId"] == "x" and described["failures"][0]["arn"] == "no"
    ecs.delete_service(cluster="c", service="w", force=True)
    eventually(lambda: ecs.describe_services(cluster="c", services=["w"])["services"][0]["status"] == "INACTIVE")


@real
def test_own_registry(host, registry):
    """An image of Towpath's own registry runs without a request; the name of the registry is the
    address that ecr reports."""
    ecs, ecr = host.client("ecs"), host.client("ecr")
    uri = ecr.create_repository(repositoryName="own")["repository"]["repositoryUri"]
    password = host.aws("ecr", "get-login-password", check=False).stdout.strip()
    source = registry.push("own", Cmd=["sh", "-c", "exit 7"])
    host.run("skopeo", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-creds",
             f"AWS:{password}", f"docker://{source}", f"docker://{uri}:v1")
    registry.asked.clear()
    t = reaches(ecs, run(ecs, "own", [container(image=f"{uri}:v1")]), "STOPPED")
    assert t["containers"][0]["exitCode"] == 7, t
    assert not registry.asked
    t = reaches(ecs, run(ecs, "own-none", [container(image=f"{uri}:v2")]), "STOPPED")
    assert t["stoppedReason"].startswith("CannotPullContainerError") and "v2" in t["stoppedReason"]


@real
def test_secrets(host, registry):
    """Parameters and secrets in the environment, as far as the execution role may read them."""
    ecs, iam = host.client("ecs"), host.client("iam")
    host.client("ssm").put_parameter(Name="/shop/p", Value="from-parameter", Type="SecureString")
    arn = host.client("secretsmanager").create_secret(
        Name="shop/s", SecretString=json.dumps({"user": "from-secret"}))["ARN"]
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="exec", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    definition = container(
        image=registry.push("secret"), secrets=[{"name": "P", "valueFrom": "/shop/p"}, {"name": "S", "valueFrom": arn + ":user::"}],
        command=["sh", "-c", "test $P-$S = from-parameter-from-secret && exit 5"])
    t = reaches(ecs, run(ecs, "secret", [definition], executionRoleArn=role), "STOPPED")
    assert t["stopCode"] == "TaskFailedToStart" and "secret P of container app" in t["stoppedReason"]
    assert "ssm:GetParameters" in t["stoppedReason"]
    iam.put_role_policy(RoleName="exec", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
            "ssm:GetParameters", "secretsmanager:GetSecretValue"]}]}))
    t = reaches(ecs, run(ecs, "secret", [definition], executionRoleArn=role), "STOPPED")
    assert t["containers"][0]["exitCode"] == 5, t


@real
def test_task_role(host, registry):
    """Containers fetch short-lived credentials of the task role, which end with the task."""
    ecs = host.client("ecs")
    role = host.service_role("worker", "ecs-tasks.amazonaws.com",
                             {"Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"})
    definition = container(image=registry.push("worker"), logConfiguration={
        "logDriver": "awslogs", "options": {"awslogs-group": "worker", "awslogs-stream-prefix": "p"}}, command=[
        "sh", "-c", "wget -qO- --header \"Authorization: wrong\" $AWS_CONTAINER_CREDENTIALS_FULL_URI && echo given;"
        "wget -qO- --header \"Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN\" $AWS_CONTAINER_CREDENTIALS_FULL_URI;"
        "echo; env | grep AWS_SECRET; echo end; sleep 1000"])
    arn = run(ecs, "worker", [definition], taskRoleArn=role)
    reaches(ecs, arn, "RUNNING")
    stream = f"p/app/{arn.rsplit('/', 1)[1]}"
    lines = eventually(lambda: [x for x in [log_lines(host, "worker", stream)] if "end" in x])[0]
    assert "given" not in lines and not [x for x in lines if x.startswith("AWS_SECRET")], lines
    given = json.loads(next(x for x in lines if x.startswith("{")))
    assert given["RoleArn"] == role
    assert datetime.timedelta(minutes=55) < datetime.datetime.fromisoformat(
        given["Expiration"].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc) <= datetime.timedelta(hours=1)
    as_task = {name: boto3.client(name, endpoint_url=host.endpoint, region_name=ecs.meta.region_name,
                                  aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
                                  aws_session_token=given["Token"]) for name in ("ecs", "sts")}
    assert as_task["sts"].get_caller_identity()["Arn"].endswith(f"assumed-role/worker/{arn.rsplit('/', 1)[1]}")
    assert as_task["ecs"].list_clusters()["clusterArns"]
    assert refused(as_task["ecs"].list_task_definitions).startswith("AccessDenied")
    ecs.stop_task(cluster="c", task=arn)
    reaches(ecs, arn, "STOPPED")
    assert refused(as_task["ecs"].list_clusters).startswith("UnrecognizedClientException")

    # a role that does not trust the service fails the task, which says so
    other = host.service_role("no-worker", "codebuild.amazonaws.com")
    t = reaches(ecs, run(ecs, "no-worker", [definition], taskRoleArn=other), "STOPPED")
    assert t["stopCode"] == "TaskFailedToStart" and "no-worker" in t["stoppedReason"], t


@real
def test_metadata(host, registry):
    """A container asks about itself and its task, where its environment says; nobody else can."""
    ecs, uri = host.client("ecs"), "$ECS_CONTAINER_METADATA_URI_V4"
    asks = container(image=registry.push("asks"), dockerLabels={"team": "blue"}, logConfiguration={
        "logDriver": "awslogs", "options": {"awslogs-group": "asks", "awslogs-stream-prefix": "p"}}, command=[
        "sh", "-c", f"wget -qO- {uri}; echo; wget -qO- {uri}/task; echo; wget -qO- {uri}/stats 2>/dev/null || echo no statistics;"
        f" wget -qO- $(echo {uri} | sed 's,app$,other,') 2>/dev/null || echo not its own; echo {uri}; echo end; sleep 1000"])
    arn = run(ecs, "asks", [asks, dict(asks, name="other", essential=False, command=["true"])], cpu="256", memory="512")
    task = reaches(ecs, arn, "RUNNING")
    lines = eventually(lambda: [x for x in [log_lines(host, "asks", f"p/app/{arn.rsplit('/', 1)[1]}")] if "end" in x])[0]
    own, whole = json.loads(lines[0]), json.loads(lines[1])
    assert lines[2:4] == ["no statistics", "not its own"] and lines[4].startswith("http://169.254.170.2/")
    assert own["Name"] == "app" and own["DesiredStatus"] == "RUNNING" and own["LogOptions"]["awslogs-group"] == "asks"
    assert own["Labels"]["com.amazonaws.ecs.task-arn"] == arn and own["Labels"]["team"] == "blue"
    assert own["ContainerARN"] == next(c for c in task["containers"] if c["name"] == "app")["containerArn"]
    address = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}["privateIPv4Address"]
    assert own["Networks"] == [{"NetworkMode": "awsvpc", "IPv4Addresses": [address]}]
    assert (whole["TaskARN"], whole["Family"], whole["Revision"]) == (arn, "asks", "1")
    assert whole["Limits"] == {"CPU": 0.25, "Memory": 512} and [c["Name"] for c in whole["Containers"]] == ["app", "other"]
    ecs.stop_task(cluster="c", task=arn)
