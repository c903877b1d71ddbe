"""Traffic: requests per second, shares"""
import os
import re
import subprocess
import sys
import tempfile

ROUNDS = 40
SECONDS = 1
CONNECTIONS = 64
SHARES = (1, 10, 25, 50, 90, 99)
REQUESTS = 20000

PLAIN = """defaults
 mode http
 timeout connect 2s
 timeout client 60s
 timeout server 60s
 timeout http-keep-alive 60s
 http-reuse safe
frontend f
 bind 127.0.0.1:{port}
 option forwardfor
 default_backend b
backend b
 balance roundrobin
 server s1 127.0.0.1:{a} check inter 5s
 server s2 127.0.0.1:{b} check inter 5s
"""


def processor_time(pids):
    """Microseconds that these processes have worked."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1e6 / os.sysconf("SC_CLK_TCK")


def load(port, *groups):
    """Requests a second, requests, and processor time of each group of processes."""
    before = [processor_time(pids) for pids in groups]
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s",
                          f"http://127.0.0.1:{port}/"], check=True, stdout=subprocess.PIPE,
                         text=True).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    n = int(re.search(r"(\d+) requests in", out)[1])
    spent = [processor_time(pids) - b for pids, b in zip(groups, before)]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), n, *spent


def workers(data):
    """The processes of the data plane in that folder."""
    out = subprocess.run(["pgrep", "-f", f"haproxy .*{data}/"], check=True, stdout=subprocess.PIPE, text=True)
    return out.stdout.split()


def compare(bench, server, balancer, backends, folder):
    from backends import await_port, free_ports
    port = free_ports(1)[0]
    path = os.path.join(folder, "plain.cfg")
    with open(path, "w", encoding="utf-8") as f:
        f.write(PLAIN.format(port=port, a=backends.ports["blue"], b=backends.ports["green"]))
    # A session of its own, as daemons have: the kernel shares processors out among sessions.
    plain = subprocess.Popen(["haproxy", "-db", "-q", "-f", path], start_new_session=True)
    ours, theirs = [], []
    try:
        await_port(port)
        planes = workers(server.data)
        for i in range(ROUNDS):  # in turns: what else the machine does hits both
            for mine in (True, False) if i % 2 else (False, True):
                if mine:
                    ours.append(load(balancer.port, planes, [server.process.pid]))
                else:
                    theirs.append(load(port, [plain.pid]))
    finally:
        plain.terminate()
        plain.wait()
    middle = lambda rows: bench.median([row[0] for row in rows])  # noqa: E731
    each = lambda rows, at=2: sum(row[at] for row in rows) / sum(row[1] for row in rows)  # noqa: E731
    bench.row("requests a second, against plain HAProxy",
              bench.median([o[0] / t[0] for o, t in zip(ours, theirs)]), "times", goal="0.97 or more",
              beside=f"{middle(ours):,.0f}/s with shares, metrics and forwarding headers; "
                     f"plain {middle(theirs):,.0f}/s")
    bench.row("processor time of HAProxy a request, against plain",
              each(ours) / each(theirs), "times",
              beside=f"{each(ours):.1f} µs, plain {each(theirs):.1f} µs; and {each(ours, 3):.2f} µs of "
                     "the server, which keeps the metrics")


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from backends import Backends, Balancer, count
    import towpath
    towpath.TOWPATH = bench.towpath
    backends = Backends("blue", "green")
    try:
        with tempfile.TemporaryDirectory(dir=bench.build) as folder, towpath.Server() as server:
            balancer = Balancer(server, backends, {"blue": ["blue"], "green": ["green"]},
                                weights={"blue": 50, "green": 50})
            compare(bench, server, balancer, backends, folder)
            for percent in SHARES:
                balancer.share({"blue": 100 - percent, "green": percent})
                got = count(balancer.port, REQUESTS)["green"] * 100 / REQUESTS
                bench.row(f"share of {percent}%, over {REQUESTS:,} requests", got, "%",
                          goal=f"{percent} ± 1")
    finally:
        backends.close()
