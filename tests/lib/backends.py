# SPDX-License-Identifier: Apache-2.0
"""Web servers behind the data plane and a client in front of it, fast enough to count by the ten
thousand: the servers are ports of one HAProxy, each of which answers its name."""
import collections
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from asking import eventually

HELD = []  # sockets, whose names say which ports this process has been given


def free_ports(n):
    """Ports that nobody listens on, for listeners that come later or come again. The kernel gives none of these to
    anybody who asks for any port, and no other process of the tests is given them until this one ends."""
    ports = []
    while len(ports) < n:
        port = random.SystemRandom().randrange(10240, 30000)
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0towpath-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("", port))
        except OSError:
            held.close()
            continue
        HELD.append(held)
        ports.append(port)
    return ports


class Backends:
    """GET / answers the name; /headers the request's headers; /500 fails with 500; /slow fails with 408 after two
    seconds without a body."""

    def __init__(self, *names):
        self.dir = tempfile.mkdtemp(prefix="towpath-backends-")
        self.ports = dict(zip(names, free_ports(len(names))))
        config = ("defaults\n mode http\n timeout client 60s\n timeout server 60s\n"
                  " timeout connect 5s\n timeout http-keep-alive 60s\n")
        for name, port in self.ports.items():
            config += (f"frontend {name}\n bind 127.0.0.1:{port}\n"
                       " http-request return status 500 if { path /500 }\n"
                       " http-request return status 200 content-type text/plain lf-string %[req.hdrs]"
                       " if { path /headers }\n"
                       " http-request wait-for-body time 2s if { path /slow }\n"
                       f" http-request return status 200 content-type text/plain string {name}\n")
        path = os.path.join(self.dir, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as f:
            f.write(config)
        self.process = subprocess.Popen(["haproxy", "-db", "-q", "-f", path])
        for port in self.ports.values():
            await_port(port)

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def await_port(port, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nobody listens on port {port}"
            time.sleep(0.02)


class Connection:
    """A keep-alive connection; several requests may be sent ahead of their answers."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.file = self.socket.makefile("rb")

    def send(self, n=1, path="/", headers=""):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode() * n)

    def receive(self):
        """(status, headers as pairs, body); OSError when the other end hangs up instead."""
        first = self.file.readline()
        if not first:
            raise ConnectionResetError("no answer")
        status = int(first.split()[1])
        headers, length = [], 0
        while True:
            line = self.file.readline().decode().strip()
            if not line:
                break
            name, _, value = line.partition(": ")
            headers.append((name.lower(), value))
            if name.lower() == "content-length":
                length = int(value)
        return status, headers, self.file.read(length).decode()

    def get(self, path="/", headers=""):
        self.send(1, path, headers)
        return self.receive()

    def close(self):
        self.file.close()
        self.socket.close()


def count(port, requests, connections=8, ahead=25):
    """Sends so many requests over connections at once; how often each answer came. OSError when some got none."""
    totals, lock, failed = collections.Counter(), threading.Lock(), []

    def run(share):
        try:
            ask(share)
        except OSError as e:
            failed.append(e)

    def ask(share):
        c, mine = Connection(port), collections.Counter()
        while share:
            n = min(ahead, share)
            c.send(n)
            for _ in range(n):
                status, _, body = c.receive()
                mine[body if status == 200 else status] += 1
            share -= n
        c.close()
        with lock:
            totals.update(mine)

    each, rest = divmod(requests, connections)
    threads = [threading.Thread(target=run, args=(each + (i < rest),)) for i in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]
    assert sum(totals.values()) == requests
    return totals


class Load:
    """Requests all the time over so many connections, by wrk; it has begun when this is made."""

    def __init__(self, port, connections):
        # wrk notes 8 bytes for each microsecond of its timeout, all of them at the start
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", "-d900", "--timeout", "60s", f"http://127.0.0.1:{port}/"],
            stdout=subprocess.PIPE, text=True)
        eventually(self.is_running, what="wrk catches its signal")

    def is_running(self):
        """It ignores SIGINT before it has begun."""
        assert self.process.poll() is None, self.process.stdout.read()
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            caught = next(int(line.split()[1], 16) for line in f if line.startswith("SigCgt:"))
        return caught & 1 << signal.SIGINT - 1

    def end(self):
        """How many requests failed, how many there were, and what wrk says."""
        while True:  # one that comes right before its sleep does not end that
            self.process.send_signal(signal.SIGINT)
            try:
                report = self.process.communicate(timeout=1)[0]
                break
            except subprocess.TimeoutExpired:
                pass
        failed = [int(n) for line in report.splitlines() if "Non-2xx" in line or "Socket errors" in line
                  for n in re.findall(r"\d+", line.replace("2xx or 3xx", ""))]
        return sum(failed), int(re.search(r"(\d+) requests in", report)[1]), report


class Balancer:
    """A load balancer with target groups of ip targets: {group: [(name of a backend), ...]}."""

    def __init__(self, server, backends, groups, weights=None, **check):
        self.elb, self.backends = server.client("elbv2"), backends
        self.server = server
        self.groups = {}
        check = {"HealthCheckPath": "/", "HealthCheckIntervalSeconds": 5,
                 "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2, **check}
        for group, names in groups.items():
            self.groups[group] = self.elb.create_target_group(
                Name=group, Protocol="HTTP", Port=80, VpcId="v", TargetType="ip",
                **check)["TargetGroups"][0]["TargetGroupArn"]
            self.attribute(group, "deregistration_delay.timeout_seconds", "1")
            self.register(group, *names)
        lb = self.elb.create_load_balancer(Name="lb", Subnets=["s"])["LoadBalancers"][0]
        self.arn = lb["LoadBalancerArn"]
        self.port = free_ports(1)[0]
        first = next(iter(groups))
        self.listener = self.elb.create_listener(
            LoadBalancerArn=self.arn, Protocol="HTTP", Port=self.port,
            DefaultActions=self.forward(weights or {first: 1}))["Listeners"][0]["ListenerArn"]
        for group in weights or {first: 1}:
            self.await_healthy(group, len(groups[group]))

    def target(self, name):
        return {"Id": "127.0.0.1", "Port": self.backends.ports[name]}

    def register(self, group, *names):
        if names:
            self.elb.register_targets(TargetGroupArn=self.groups[group],
                                      Targets=[self.target(n) for n in names])

    def deregister(self, group, *names):
        self.elb.deregister_targets(TargetGroupArn=self.groups[group],
                                    Targets=[self.target(n) for n in names])

    def attribute(self, group, key, value):
        self.elb.modify_target_group_attributes(TargetGroupArn=self.groups[group],
                                                Attributes=[{"Key": key, "Value": value}])

    def forward(self, weights, sticky=0):
        config = {"TargetGroups": [{"TargetGroupArn": self.groups[g], "Weight": w}
                                   for g, w in weights.items()]}
        if sticky:
            config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": sticky}
        return [{"Type": "forward", "ForwardConfig": config}]

    def share(self, weights, sticky=0):
        self.elb.modify_listener(ListenerArn=self.listener,
                                 DefaultActions=self.forward(weights, sticky))

    def healthy(self, group):
        found = self.elb.describe_target_health(TargetGroupArn=self.groups[group])
        return [t["Target"]["Port"] for t in found["TargetHealthDescriptions"]
                if t["TargetHealth"]["State"] == "healthy"]

    def await_healthy(self, group, n, seconds=180):
        end = time.monotonic() + seconds
        while len(self.healthy(group)) != n:
            assert time.monotonic() < end, f"{group}: {self.healthy(group)}"
            time.sleep(0.05)

    def dimension(self, group):
        return [{"Name": "TargetGroup",
                 "Value": "targetgroup/" + self.groups[group].split(":targetgroup/")[1]}]
