"""Traffic: requests per second, shares"""
import os
import re
import subprocess
import sys
import tempfile

ROUNDS = 9
SECONDS = 2
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


def rate(port):
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s",
                          f"http://127.0.0.1:{port}/"], check=True, stdout=subprocess.PIPE,
                         text=True).stdout
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def compare(bench, balancer, backends, folder):
    from backends import await_port, free_ports
    port = free_ports(1)[0]
    path = os.path.join(folder, "plain.cfg")
    with open(path, "w", encoding="utf-8") as f:
        f.write(PLAIN.format(port=port, a=backends.ports["blue"], b=backends.ports["green"]))
    plain = subprocess.Popen(["haproxy", "-db", "-q", "-f", path])
    try:
        await_port(port)
        ratios, ours, theirs = [], [], []
        for _ in range(ROUNDS):  # in turns: what else the machine does hits both
            ours.append(rate(balancer.port))
            theirs.append(rate(port))
            ratios.append(ours[-1] / theirs[-1])
    finally:
        plain.terminate()
        plain.wait()
    bench.row("requests a second, against plain HAProxy", bench.median(ratios), "times",
              goal="0.97 or more",
              beside=f"{bench.median(ours):,.0f}/s with shares, metrics and forwarding headers; "
                     f"plain {bench.median(theirs):,.0f}/s")


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
            compare(bench, balancer, backends, folder)
            for percent in SHARES:
                balancer.share({"blue": 100 - percent, "green": percent})
                got = count(balancer.port, REQUESTS)["green"] * 100 / REQUESTS
                bench.row(f"share of {percent}%, over {REQUESTS:,} requests", got, "%",
                          goal=f"{percent} ± 1")
    finally:
        backends.close()
