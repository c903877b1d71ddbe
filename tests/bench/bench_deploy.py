"""A deploy command from ready to started by the agent"""
import os
import sys

HOOKS = ("BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService")
ROUNDS = 5


def gaps(events):
    """Milliseconds from the end of one event (the next command is ready) to the next one's
    start (the agent has acknowledged it and begins)."""
    done = [e for e in events.values() if "startTime" in e]
    return [(b["startTime"] - a["endTime"]).total_seconds() * 1000
            for a, b in zip(done, done[1:])]


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    os.environ.setdefault("TOWPATH_SOURCE", bench.root)
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    from hosts import Deployments, Host
    from towpath import Server
    values = []
    with Server() as server:
        host = Host(server, "host1").register().start()
        try:
            deployments = Deployments(server)
            spec = f"version: 0.0\nos: linux\nfiles:\n  - source: app\n    destination: {host.dest}\n"
            hooks = "".join(f"  {h}:\n    - location: h.sh\n" for h in HOOKS)
            for i in range(ROUNDS):
                done = deployments.create({
                    "appspec.yml": spec + "hooks:\n" + hooks, "app/x": str(i),
                    "h.sh": ("#!/bin/sh\n", 0o755)}, key=f"{i}.zip")
                assert deployments.finish(done)["status"] == "Succeeded"
                values += gaps(deployments.events(done))
        finally:
            host.close()
    values.sort()
    bench.row("command ready to started, median", values[len(values) // 2], "ms", goal="20 ms or less")
    bench.row("command ready to started, slowest", values[-1], "ms")
