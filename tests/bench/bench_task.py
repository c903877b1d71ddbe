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
    """An engine of our own, when there is one to start; its own root, socket and no network of ours."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="towpath-bench-docker-", dir="/var/tmp")
        self.host = f"unix://{self.dir}/s"
        self.log = open(f"{self.dir}/log", "wb")
        self.process = subprocess.Popen(
            ["dockerd", "--host", self.host, "--data-root", f"{self.dir}/data", "--exec-root", f"{self.dir}/exec",
             "--pidfile", f"{self.dir}/pid", "--bridge", "none", "--iptables=false"], stdout=self.log, stderr=self.log)

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


def docker_times():
    """Without a network, which leaves the larger part of its work out: to its advantage."""
    from rootfs import BUSYBOX
    engine = Docker()
    try:
        if not engine.ready():
            return None
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as t:
            t.add(BUSYBOX, "bin/busybox")
            link = tarfile.TarInfo("bin/date")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            t.addfile(link)
        engine.run("import", "-", "bench", input=tar.getvalue(), stdout=subprocess.DEVNULL)
        times = []
        for _ in range(ROUNDS):
            start = time.time()
            engine.run("run", "--rm", "--network", "none", "bench", "/bin/date", stdout=subprocess.PIPE)
            times.append((time.time() - start) * 1000)
        return times[1:]
    finally:
        engine.close()


def task_times(server, registry):
    """From the request to the time at which the container's first line was taken up."""
    ecs, logs = server.client("ecs"), server.client("logs")
    ecs.create_cluster(clusterName="c")
    image = registry.push("bench", Cmd=["echo", "started"])
    ecs.register_task_definition(family="t", containerDefinitions=[{
        "name": "app", "image": image, "memory": 64, "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "g", "awslogs-stream-prefix": "p"}}}])
    # the image is settled by a service's set; tasks by themselves would ask the registry each time
    network = {"awsvpcConfiguration": {"subnets": ["s"]}}
    times = []
    for _ in range(ROUNDS):
        start = time.time()
        arn = ecs.run_task(cluster="c", taskDefinition="t", networkConfiguration=network)["tasks"][0]["taskArn"]
        stream = f"p/app/{arn.rsplit('/', 1)[1]}"
        while True:
            task = ecs.describe_tasks(cluster="c", tasks=[arn])["tasks"][0]
            if task["lastStatus"] == "STOPPED":
                break
            time.sleep(0.02)
        event = logs.get_log_events(logGroupName="g", logStreamName=stream, startFromHead=True)["events"][0]
        pull = (task["pullStoppedAt"] - task["pullStartedAt"]).total_seconds() * 1000
        times.append((event["timestamp"] - start * 1000, pull))
    return times[1:]


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from rootfs import Registry
    from towpath import Server
    registry = Registry()
    server = Server()
    try:
        times = task_times(server.start(), registry)
    finally:
        server.kill9()
        subprocess.run([bench.towpath, "destroy", "--yes", "--data", server.data], check=False)
        server.close()
        registry.close()
    own = median([whole - pull for whole, pull in times])
    beside, goal = "", "three times as fast as docker run"
    if shutil.which("dockerd") and shutil.which("docker"):
        peer = docker_times()
        if peer:
            beside = f"docker run --network none: {median(peer):.0f} ms, {median(peer) / own:.1f} times"
    bench.row("RunTask to the first line, image at hand, median", own, "ms", goal=goal, beside=beside)
    bench.row("the same with skopeo asking the registry", median([whole for whole, _ in times]), "ms")
