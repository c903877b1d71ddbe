# SPDX-License-Identifier: Apache-2.0
"""Docker engines of a test's own: each with its own storage and socket; as one of this host, or as a host of its own
(a network namespace with an address on a bridge of the test), which can join a swarm and be killed as hosts die."""
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

from asking import eventually


def why_not():
    """What this machine lacks for an engine, or None."""
    if os.geteuid() != 0:
        return "a Docker engine needs root"
    for program in ("dockerd", "docker", "runc", "ip", "iptables", "nsenter", "unshare"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


def run(*argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more).stdout


class Engine:
    """namespace None: in this host's own network, which it leaves alone."""

    def __init__(self, namespace=None, *arguments):
        self.dir = tempfile.mkdtemp(prefix="tpd-", dir="/var/tmp")
        self.socket = f"{self.dir}/s"
        self.namespace = namespace
        self.arguments = list(arguments) or (["--bridge=none", "--iptables=false"] if not namespace else [])
        self.process = None
        self.start()

    def start(self):
        # /run is its own: engines keep sockets and marks of namespaces there
        inner = ("mount -t tmpfs tmpfs /run && mkdir -p /run/netns && exec dockerd \"$@\"")
        command = ["unshare", "-m", "sh", "-c", inner, "dockerd"] if self.namespace else ["dockerd"]
        if self.namespace:
            command = ["nsenter", f"--net=/run/netns/{self.namespace}", *command]
        with open(f"{self.dir}/log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, "--data-root", f"{self.dir}/data", "--exec-root", f"{self.dir}/exec",
                 "-H", f"unix://{self.socket}", "--pidfile", f"{self.dir}/pid", "--storage-driver", "overlay2",
                 *self.arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        return self

    def await_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("dockerd ended:\n" + self.log()[-3000:])
            done = subprocess.run(["docker", "-H", f"unix://{self.socket}", "info"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False)
            return done.returncode == 0
        eventually(ready, what="the engine answers")
        return self

    def log(self):
        with open(f"{self.dir}/log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def docker(self, *argv, **more):
        return run("docker", "-H", f"unix://{self.socket}", *argv, **more)

    def containers(self, *more):
        return self.docker("ps", "-a", "--format", "{{.Names}}", *more).split()

    def processes(self):
        """Of the engine, its containerd and shims, and of all containers: those that speak of its data, and what they
        have started. Its clients speak of its socket alone."""
        mine, children = [], {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat, encoding="utf-8", errors="replace") as f:
                    text = f.read()
                with open(stat.replace("/stat", "/cmdline"), encoding="utf-8", errors="replace") as f:
                    line = f.read()
            except OSError:
                continue
            pid, parent = int(text.split()[0]), int(text.rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(pid)
            if f"{self.dir}/data" in line or f"{self.dir}/exec" in line:
                mine.append(pid)
        for pid in mine:
            mine += [c for c in children.get(pid, []) if c not in mine]
        return mine

    def kill9(self):
        """As when its host dies: the engine and everything it has started, at once."""
        self.process.kill()
        while True:
            pids = self.processes()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        self.process.wait()
        self.process = None
        self.remove(f"{self.dir}/exec")  # what a host keeps in /run does not outlive it

    def close(self):
        if self.process:
            self.kill9()
        self.remove(self.dir)

    @staticmethod
    def remove(folder):
        with open("/proc/self/mounts", encoding="utf-8") as f:
            mounts = [line.split()[1] for line in f]
        for path in reversed([m for m in mounts if m.startswith(folder + "/")]):
            subprocess.run(["umount", "-l", path], check=False)
        shutil.rmtree(folder, ignore_errors=True)


class Hosts:
    """n hosts: network namespaces on one bridge, which has the address `gateway` in this host's own network."""

    def __init__(self, n):
        tail = f"{random.getrandbits(24):06x}"
        self.net = f"10.{random.randint(200, 250)}.{random.randint(0, 255)}"
        self.gateway = f"{self.net}.1"
        self.bridge = f"tphb{tail}"
        self.names = [f"tph{tail}{i}" for i in range(n)]
        self.addresses = [f"{self.net}.{11 + i}" for i in range(n)]
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "addr", "add", f"{self.gateway}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        for name, address in zip(self.names, self.addresses):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "link", "set", name, "master", self.bridge, "up")
            run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", name, "route", "add", "default", "via", self.gateway)

    def unplug(self, i):
        run("ip", "link", "set", self.names[i], "down")

    def plug(self, i):
        run("ip", "link", "set", self.names[i], "up")

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)
            subprocess.run(["ip", "netns", "del", name], check=False)
        subprocess.run(["ip", "link", "del", self.bridge], check=False)


def make_swarm(engines, addresses):
    """The first is its manager, which calls a host down when it has missed three signs of it."""
    engines[0].docker("swarm", "init", "--advertise-addr", addresses[0], "--dispatcher-heartbeat", "2s")
    token = engines[0].docker("swarm", "join-token", "-q", "worker").strip()
    joining = [subprocess.Popen(["docker", "-H", f"unix://{e.socket}", "swarm", "join", "--token", token,
                                 f"{addresses[0]}:2377"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
               for e in engines[1:]]
    for j in joining:
        said = j.communicate()[1]
        assert j.returncode == 0 or "continue in the background" in said, said  # on a slow machine
    await_swarm(engines)


def await_swarm(engines):
    def all_ready():
        nodes = engines[0].docker("node", "ls", "--format", "{{.Status}}").split()
        return nodes.count("Ready") == len(engines)
    eventually(all_ready, what="all hosts are in the swarm")


def labels(engine, container):
    return json.loads(engine.docker("inspect", container))[0]["Config"]["Labels"]
