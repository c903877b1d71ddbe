"""A task's start, from RunTask to the container's first byte, beside `docker run` of the same image"""
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

ROUNDS = 11


def median(values):
    return sorted(values)[len(values) // 2]


class Docker:
    """An engine of our own, when there is one to start, with its bridge and firewall in a network
    namespace of its own."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="towpath-bench-docker-", dir="/var/tmp")
        self.host = f"unix://{self.dir}/s"
        self.log = open(f"{self.dir}/log", "wb")
        self.process = subprocess.Popen(
            ["unshare", "--net", "dockerd", "--host", self.host, "--data-root", f"{self.dir}/data", "--exec-root", f"{self.dir}/exec",
             "--pidfile", f"{self.dir}/pid"], stdout=self.log, stderr=self.log)

    def run(self, *argv, **more):
        return subprocess.run(["docker", "--host", self.host, *argv], check=True, timeout=120, **more)

    def ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                return False
            if subprocess.run(["docker", "--host", self.host, "version"], check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0:
                return True
            time.sleep(0.1)
        return False

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def docker_once(engine, network):
    """Until the container has written its first byte, as far as the client sees it."""
    start = time.time()
    client = subprocess.Popen(["docker", "--host", engine.host, "run", "--rm", "--network", network, "bench", "/bin/date"],
                              stdout=subprocess.PIPE)
    client.stdout.read(1)
    took = (time.time() - start) * 1000
    client.communicate()
    return took


def docker_engine(busybox):
    """With the image, or None."""
    if not shutil.which("dockerd") or not shutil.which("docker"):
        return None
    engine = Docker()
    if not engine.ready():
        engine.close()
        return None
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as t:
        t.add(busybox, "bin/busybox")
        link = tarfile.TarInfo("bin/date")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        t.addfile(link)
    engine.run("import", "-", "bench", input=tar.getvalue(), stdout=subprocess.DEVNULL)
    return engine


class Tasks:
    """A server that has a task already, so that the bridge is there, as docker's is."""

    def __init__(self, server, registry):
        self.ecs, self.logs = server.client("ecs"), server.client("logs")
        self.network = {"awsvpcConfiguration": {"subnets": ["s"]}}
        self.ecs.create_cluster(clusterName="c")
        image = registry.push("bench", Cmd=["echo", "started"])
        self.ecs.register_task_definition(family="t", containerDefinitions=[{
            "name": "app", "image": image, "memory": 64, "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "g", "awslogs-stream-prefix": "p"}}}])
        self.ecs.register_task_definition(family="other", containerDefinitions=[{
            "name": "app", "image": image, "memory": 64, "command": ["sleep", "1000"], "stopTimeout": 1}])
        self.ecs.run_task(cluster="c", taskDefinition="other", networkConfiguration=self.network)

    def once(self):
        """From the request to the time at which the container's first line was taken up; how much of it
        was the pull."""
        start = time.time()
        arn = self.ecs.run_task(cluster="c", taskDefinition="t", networkConfiguration=self.network)["tasks"][0]["taskArn"]
        while True:
            task = self.ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]
            if task["lastStatus"] == "STOPPED":
                break
            time.sleep(0.02)
        event = self.logs.get_log_events(logGroupName="g", logStreamName=f"p/app/{arn.rsplit('/', 1)[1]}",
                                         startFromHead=True)["events"][0]
        pull = (task["pullStoppedAt"] - task["pullStartedAt"]).total_seconds() * 1000
        return event["timestamp"] - start * 1000, pull


def rounds(tasks, engine):
    """Each round is one start of each kind, since the machine's load changes; the first does not count."""
    times = {"task": [], "bridge": [], "none": []}
    for _ in range(ROUNDS):
        times["task"].append(tasks.once())
        for network in ("bridge", "none") if engine else ():
            times[network].append(docker_once(engine, network))
    return {kind: values[1:] for kind, values in times.items()}


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from rootfs import BUSYBOX, Registry
    from towpath import Server
    registry, server, engine = Registry(), Server(), docker_engine(BUSYBOX)
    try:
        times = rounds(Tasks(server.start(), registry), engine)
    finally:
        server.kill9()
        subprocess.run([bench.towpath, "destroy", "--yes", "--data", server.data], check=False)
        server.close()
        registry.close()
        if engine:
            engine.close()
    own = median([whole - pull for whole, pull in times["task"]])
    beside = ""
    if engine:
        bridge, none = median(times["bridge"]), median(times["none"])
        beside = (f"docker run: {bridge:.0f} ms, {bridge / own:.1f} times; "
                  f"with --network none: {none:.0f} ms, {none / own:.1f} times")
    bench.row("RunTask to the first line, image at hand, median", own, "ms", goal="three times as fast as docker run",
              beside=beside)
    bench.row("the same with skopeo asking the registry", median([whole for whole, _ in times["task"]]), "ms")
