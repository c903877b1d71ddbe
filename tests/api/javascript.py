# SPDX-License-Identifier: Apache-2.0
"""The JavaScript SDK, version 3, from the npm registry: of the last line that Node.js 18 runs."""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess

import pytest
from towpath import Server

SDK = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib", "sdk")


def installed():
    """A folder with the SDK, made once for each lock file."""
    with open(os.path.join(SDK, "package-lock.json"), "rb") as f:
        mark = hashlib.sha256(f.read()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "towpath-test", f"sdk-{mark}")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(folder):
            shutil.rmtree(folder + ".new", ignore_errors=True)
            os.mkdir(folder + ".new")
            for name in ("package.json", "package-lock.json"):
                shutil.copy(os.path.join(SDK, name), folder + ".new")
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder + ".new",
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                shutil.rmtree(folder + ".new")
                pytest.skip("the npm registry does not answer: " + done.stdout[-300:])
            os.rename(folder + ".new", folder)
    return folder


@pytest.fixture(scope="module")
def sdk():
    if not shutil.which("npm"):
        pytest.skip("no npm")
    return installed()


@pytest.fixture(scope="module")
def server(sdk):
    s = Server("--tls")
    try:
        s.start()
        s.client("iam").create_role(RoleName="js-role", AssumeRolePolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": s.account}}]}))
        yield s
    finally:
        s.close()


def call(server, sdk, name, keys=None, **env):
    env.setdefault("ACCOUNT", server.account)
    env.setdefault("ROLE", f"arn:aws:iam::{server.account}:role/js-role")
    server.run("node", os.path.join(SDK, "calls.mjs"), sdk, name, keys=keys, env=env)


@pytest.mark.parametrize("name", ["codecommit", "codebuild", "codepipeline", "codedeploy", "cloudwatch", "s3"])
def test_calls(server, sdk, name):
    call(server, sdk, name)


def test_calls_of_a_user(server, sdk):
    call(server, sdk, "sts", keys=server.user("js", {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}))


def test_objects_over_plain_http(server, sdk):
    call(server, sdk, "s3", AWS_ENDPOINT_URL=server.info["localEndpoint"])


def test_an_address_a_service(server, sdk):
    call(server, sdk, "endpoints", AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_ENDPOINT_URL_CODECOMMIT=server.endpoint)
