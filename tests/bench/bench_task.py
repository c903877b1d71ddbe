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


def docker_run(engine, network):
    """Until the container has written its first byte, as far as the client sees it."""
    times = []
    for _ in range(ROUNDS):
        start = time.time()
        client = subprocess.Popen(["docker", "--host", engine.host, "run", "--rm", "--network", network, "bench",
                                   "/bin/date"], stdout=subprocess.PIPE)
        client.stdout.read(1)
        times.append((time.time() - start) * 1000)
        client.communicate()
    return median(times[1:])


def docker_times():
    """Both with the engine's own bridge and without any network."""
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
        return [docker_run(engine, network) for network in ("bridge", "none")]
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
    network = {"awsvpcConfiguration": {"subnets": ["s"]}}
    # a host in use: the bridge is there, as docker's is
    ecs.register_task_definition(family="other", containerDefinitions=[{
        "name": "app", "image": image, "memory": 64, "command": ["sleep", "1000"], "stopTimeout": 1}])
    ecs.run_task(cluster="c", taskDefinition="other", networkConfiguration=network)
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
            beside = (f"docker run: {peer[0]:.0f} ms, {peer[0] / own:.1f} times; "
                      f"with --network none: {peer[1]:.0f} ms, {peer[1] / own:.1f} times")
    bench.row("RunTask to the first line, image at hand, median", own, "ms", goal=goal, beside=beside)
    bench.row("the same with skopeo asking the registry", median([whole for whole, _ in times]), "ms")
