# SPDX-License-Identifier: Apache-2.0
"""The whole drawing at true time: the demo's release, from the push through build, test, both approvals and servers to
staging by canary and production by linear shift, with short deployment configurations instead of a fast clock."""
import os
import re
import subprocess
import sys
import threading
import time

import boto3
import pytest

SOURCE, TOWPATH = os.environ["TOWPATH_SOURCE"], os.environ["TOWPATH"]
STAGES = ("Source", "Build", "Test", "Approve", "DeployDev", "DeployStaging", "ManualApprove", "DeployProd")


class Shares(threading.Thread):
    """The shares that the second target group of a container service's listener had, in order, each with the times of
    the first and the last look that saw it: [share, after the first, before the last]."""

    def __init__(self, data):
        super().__init__(daemon=True)
        self.data, self.seen, self.ended = data, {"staging": [], "production": []}, threading.Event()
        self.start()

    def client(self):
        while not os.path.exists(self.data / "run" / "server.json"):
            self.ended.wait(0.1)
        text = subprocess.run([TOWPATH, "env", "--data", self.data], check=True, text=True, stdout=subprocess.PIPE).stdout
        env = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?;?$", text, re.M))
        return boto3.client("elbv2", endpoint_url=env["AWS_ENDPOINT_URL"], region_name="us-east-1",
                            aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"])

    def look(self, elb):
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            seen, asked = self.seen.get(balancer["LoadBalancerName"].removeprefix("shop-api-")), time.monotonic()
            for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
                for group in listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]:
                    if "green" not in group["TargetGroupArn"]:
                        continue
                    if not seen or seen[-1][0] != group["Weight"]:
                        seen.append([group["Weight"], time.monotonic(), asked])
                    seen[-1][2] = asked

    def run(self):
        elb = self.client()
        while not self.ended.wait(0.2):
            self.look(elb)

    def shares(self, stage):
        return [share for share, _, _ in self.seen[stage]]

    def at_most(self, stage, n):
        """How long the nth share may have stood, in seconds: however late anybody looked."""
        return self.seen[stage][n + 1][1] - self.seen[stage][n - 1][2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = tmp_path_factory.mktemp("demo") / "data"
    shares = Shares(data)
    demo = subprocess.Popen(
        [sys.executable, os.path.join(SOURCE, "tools", "demo"), "--yes", "--data", str(data), "--scenes", "release",
         "--clock-rate", "1", "--short"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL)
    try:
        output = demo.communicate(timeout=580)[0]
    finally:
        demo.terminate()
        shares.ended.set()
    if demo.returncode:
        log = data / "serve.log"
        print(output, log.read_text()[-4000:] if log.exists() else "")
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", str(data)], check=False)
    return demo.returncode, output, shares


def test_ends_well(run):
    assert run[0] == 0, run[1][-3000:]
    assert "its clock runs" not in run[1]


def test_all_stages_in_order(run):
    done = re.findall(r"^ +✔ +\S+ +(\w+)/\w+", run[1], re.M)
    assert tuple(dict.fromkeys(done)) == STAGES, run[1]
    assert re.search(r"gate Tests +pass rate 100% is at least 100%", run[1])
    assert re.search(r"gate Coverage +line coverage \d+\S* is at least 90%", run[1])
    assert re.search(r"→ [0-9a-f]{8} serves in dev, staging and production", run[1])


def test_shares_at_true_time(run):
    """Each step lasts a minute, not less."""
    shares = run[2]
    assert shares.shares("staging") == [0, 10, 100] and shares.shares("production") == [0, 50, 100]
    assert shares.at_most("staging", 1) >= 60 and shares.at_most("production", 1) >= 60


def test_no_request_failed(run):
    served, bad, failed = re.search(r"^ {3}1 +\S.*? +\S+ +(\d+) +(\d+) +\d+ +(\d+)$", run[1], re.M).groups()
    assert int(served) > 1000 and int(bad) == int(failed) == 0
