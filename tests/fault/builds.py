# SPDX-License-Identifier: Apache-2.0
"""Builds by real leaders when something is killed, never ends, or writes without end."""
import os
import pathlib
import re
import select
import signal
import time

import pytest

from asking import eventually
from towpath import Server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="builds need roots, which user 0 makes")

HELD = "until test -e go; do sleep 0.05; done"  # a command that ends when let_go() says so
PROJECT = {
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                    "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::123456789012:role/build",
}


def buildspec(*commands, **more):
    lines = "".join(f"      - |\n" + "".join(f"        {line}\n" for line in c.split("\n")) for c in commands)
    finals = "".join(f"      - {c}\n" for c in more.get("final", []))
    return ("version: 0.2\nphases:\n  build:\n    commands:\n" + lines +
            ("    finally:\n" + finals if finals else ""))


def start(server, spec, **more):
    return server.client("codebuild").start_build(projectName="outlive", buildspecOverride=spec, **more)["build"]["id"]


def look(server, build):
    return server.client("codebuild").batch_get_builds(ids=[build])["builds"][0]


def await_end(server, build, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look(server, build)
        if found["buildComplete"]:
            return found
        time.sleep(0.05)
    raise AssertionError("the build did not end: " + str(found))


def job_dir(server, build):
    return os.path.join(server.data, "builds", build.split(":")[1])


def let_go(server, build):
    pathlib.Path(job_dir(server, build), "src", "go").touch()


def leader_of(server, build, seconds=180):
    path = os.path.join(job_dir(server, build), "status.log")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                found = re.search(r'"pid":(\d+)', f.read())
            if found:
                return int(found.group(1))
        time.sleep(0.01)
    raise AssertionError("no leader")


def await_log(server, build, text, seconds=180):
    """Waits for bytes in the spool; a block's header ends in a zero byte."""
    path = os.path.join(job_dir(server, build), "log")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.path.exists(path):
            with open(path, "rb") as f:
                if text in f.read():
                    return
        time.sleep(0.01)
    raise AssertionError(f"never in the log: {text}")


def log_text(server, build):
    logs, out, token = server.client("logs"), [], None
    while True:
        more = {"nextToken": token} if token else {}
        page = logs.get_log_events(logGroupName="/aws/codebuild/outlive", logStreamName=build.split(":")[1],
                                   startFromHead=True, **more)
        out += [e["message"] for e in page["events"]]
        if page["nextForwardToken"] == token:
            return out
        token = page["nextForwardToken"]


@pytest.fixture
def builder():
    s = Server()
    try:
        s.start()
        s.client("codebuild").create_project(name="outlive", **PROJECT)
        yield s
    finally:
        s.close()


def test_a_build_outlives_the_server(builder):
    build = start(builder, buildspec("echo one", HELD, "echo two"))
    await_log(builder, build, b"\0one\n")
    builder.kill9()
    leader = leader_of(builder, build)
    os.kill(leader, 0)  # it goes on
    builder.restart()
    assert not look(builder, build)["buildComplete"]
    let_go(builder, build)
    assert await_end(builder, build)["buildStatus"] == "SUCCEEDED"
    text = log_text(builder, build)
    assert text.count("one") == 1 and text.count("two") == 1
    assert [p["phaseType"] for p in look(builder, build)["phases"]][-1] == "COMPLETED"


def test_a_build_that_ended_while_the_server_was_away(builder):
    build = start(builder, buildspec(f"echo one; {HELD}; echo two; exit 3"))
    await_log(builder, build, b"\0one\n")
    leader = leader_of(builder, build)
    builder.kill9()
    watch = os.pidfd_open(leader)
    try:
        let_go(builder, build)
        assert select.select([watch], [], [], 180)[0]
    finally:
        os.close(watch)
    builder.restart()
    found = await_end(builder, build)
    assert found["buildStatus"] == "FAILED"
    phase = [p for p in found["phases"] if p["phaseType"] == "BUILD"][0]
    assert phase["contexts"][0]["message"].endswith("Reason: exit status 3")


def test_a_killed_leader_fails_the_build_visibly(builder):
    mark = f"{os.getpid()}7654321"  # as long as it sleeps, nobody else's does
    build = start(builder, buildspec(f"echo started; setsid sleep {mark} & sleep 300"))
    await_log(builder, build, b"\0started\n")
    os.kill(leader_of(builder, build), signal.SIGKILL)
    found = await_end(builder, build)
    assert found["buildStatus"] in ("FAULT", "FAILED")
    # its slot is free again, its processes are gone
    assert await_end(builder, start(builder, buildspec("echo next")))["buildStatus"] == "SUCCEEDED"

    def sleeps():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if mark.encode() in f.read():
                        return True
            except OSError:
                pass
        return False
    eventually(lambda: not sleeps(), what="its processes are gone")


def test_a_stopped_build_ends_at_once(builder):
    build = start(builder, buildspec("echo started; trap '' TERM INT; sleep 300", final=["echo never"]))
    await_log(builder, build, b"\0started\n")
    builder.client("codebuild").stop_build(id=build)
    found = await_end(builder, build)
    assert found["buildStatus"] == "STOPPED"
    assert "never" not in log_text(builder, build)


def test_much_output_costs_no_memory(builder):
    megabytes = int(os.environ.get("TOWPATH_TEST_LOG_MB", "64"))
    build = start(builder, buildspec(f"yes 'a line of a log that is as long as lines of logs are' | head -c {megabytes}M"))
    found = await_end(builder, build, 300)
    assert found["buildStatus"] == "SUCCEEDED"
    size = os.path.getsize(os.path.join(job_dir(builder, build), "log"))
    assert size >= megabytes << 20
    with open(f"/proc/{builder.process.pid}/status", encoding="utf-8") as f:
        peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
    assert peak < 400 * 1024  # KiB: far below the log, also under sanitizers


def test_the_build_does_not_see_the_server(builder):
    build = start(builder, buildspec(
        f"ls -A {builder.data} | wc -l",
        "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c AWS_SECRET || true",
        f"echo x > {builder.data}/planted || true"))
    assert await_end(builder, build)["buildStatus"] == "SUCCEEDED"
    assert not os.path.exists(os.path.join(builder.data, "planted"))
    assert log_text(builder, build).count("0") >= 1
