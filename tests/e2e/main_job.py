# SPDX-License-Identifier: Apache-2.0
"""The main job as a person sees it: the demo, from a push to production and three times back."""
import os
import re
import socket
import subprocess
import sys

import pytest

SOURCE = os.environ["TOWPATH_SOURCE"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    data = tmp_path_factory.mktemp("demo") / "data"
    done = subprocess.run(
        [sys.executable, os.path.join(SOURCE, "tools", "demo.py"), "--yes", "--data", str(data), "--port",
         str(free_port())], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        check=False, timeout=560)
    log = data / "serve.log"
    if done.returncode:
        print(done.stdout)
        print(log.read_text()[-4000:] if log.exists() else "")
        subprocess.run([os.environ["TOWPATH"], "destroy", "--yes", "--data", str(data)], check=False)
    return done, data


def rows(demo):
    """number -> (served, 5xx, failed, outcome) of the summary."""
    found = re.findall(r"^ {3}(\d) .*? (\S+) +(\d+) +(\d+) +(\d+) {2}(.*)$", demo[0].stdout, re.M)
    return {int(n): (int(served), int(bad), int(failed), outcome) for n, _, served, bad, failed, outcome in found}


def test_ends_well(demo):
    assert demo[0].returncode == 0, demo[0].stdout[-3000:]


def test_release_reaches_production(demo):
    assert re.match(r"version [0-9a-f]{8} serves", rows(demo)[1][3])


def test_failing_test_stops_at_the_build(demo):
    assert rows(demo)[2][3] == "stopped at the build"
    assert "Error while executing command: npm test. Reason: exit status 1" in demo[0].stdout


def test_failing_health_check_is_rolled_back(demo):
    served, bad, failed, outcome = rows(demo)[3]
    assert served > 0 and bad == 0 and failed == 0
    assert "rolled back" in outcome
    assert "ValidateService on i-" in demo[0].stdout


def test_alarm_rolls_back(demo):
    served, bad, failed, outcome = rows(demo)[4]
    assert served > 0 and bad > 0 and failed == 0
    assert outcome.startswith("alarm, rolled back")


def test_nothing_is_left(demo):
    assert not demo[1].exists()
    assert str(demo[1]) not in open("/proc/mounts", encoding="utf-8").read()
