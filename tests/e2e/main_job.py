# SPDX-License-Identifier: Apache-2.0
"""The main job as a person sees it: the demo's scenes on servers, from a push to dev and three times back.
The whole release, with the containers' half, is in true_time.py."""
import os
import re
import subprocess
import sys

import pytest

SOURCE = os.environ["TOWPATH_SOURCE"]
SCENES = "test,dev,health,errors"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    data = tmp_path_factory.mktemp("demo") / "data"
    done = subprocess.run(
        [sys.executable, os.path.join(SOURCE, "tools", "demo"), "--yes", "--data", str(data), "--scenes", SCENES],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False, timeout=580)
    log = data / "serve.log"
    if done.returncode:
        print(done.stdout)
        print(log.read_text()[-4000:] if log.exists() else "")
        subprocess.run([os.environ["TOWPATH"], "destroy", "--yes", "--data", str(data)], check=False)
    return done, data


def rows(demo):
    """scene -> (served, 5xx, failed, outcome) of the summary."""
    found = re.findall(r"^ {3}\d +\S.*? +\S+ +(\d+) +(\d+) +\d+ +(\d+)\n +(.*)$", demo[0].stdout, re.M)
    return dict(zip(SCENES.split(","), ((int(a), int(b), int(c), outcome) for a, b, c, outcome in found)))


def test_ends_well(demo):
    assert demo[0].returncode == 0, demo[0].stdout[-3000:]


def test_failing_test_stops_at_the_build(demo):
    assert re.fullmatch(r"build \d+ failed, retried twice by itself as \d+ and \d+, then stopped at Build", rows(demo)["test"][3])
    assert "Build terminated with state: FAILED. Phase: PRE_BUILD" in demo[0].stdout


def test_release_reaches_dev(demo):
    assert re.match(r"[0-9a-f]{8} serves in dev", rows(demo)["dev"][3])
    assert re.search(r"gate Coverage +line coverage \d+\S* is at least 90%", demo[0].stdout)


def test_failing_health_check_is_rolled_back(demo):
    served, bad, failed, outcome = rows(demo)["health"]
    assert served > 0 and bad == 0 and failed == 0
    assert "rolled back" in outcome


def test_alarm_rolls_back(demo):
    served, bad, failed, outcome = rows(demo)["errors"]
    assert served > 0 and bad > 0 and failed == 0
    assert outcome.startswith("alarm shop-api-dev-5xx")


def test_the_aws_cli_answers(demo):
    """The three commands of the summary."""
    assert re.search(r"aws codepipeline get-pipeline-state .*\n +Source ", demo[0].stdout)
    assert re.search(r"aws codebuild batch-get-builds .*\n +shop-api-build:\S+\s+SUCCEEDED", demo[0].stdout)
    assert re.search(r"aws deploy list-deployments .*\n +d-", demo[0].stdout)


def test_nothing_is_left(demo):
    assert not demo[1].exists()
    assert str(demo[1]) not in open("/proc/mounts", encoding="utf-8").read()
