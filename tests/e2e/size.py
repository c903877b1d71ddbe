# SPDX-License-Identifier: Apache-2.0
"""What is large passes through: repositories, files, logs. Small here; the sizes that count are run
with TOWPATH_TEST_REPOSITORY_MB=1024 TOWPATH_TEST_FILE_MB=500 TOWPATH_TEST_FULL_LOG_MB=1024."""
import hashlib
import os
import shutil
import subprocess
import textwrap

import gitwork
import pytest
from towpath import TOWPATH, Server

REPOSITORY_MB = int(os.environ.get("TOWPATH_TEST_REPOSITORY_MB", "48"))
FILE_MB = int(os.environ.get("TOWPATH_TEST_FILE_MB", "64"))
LOG_MB = int(os.environ.get("TOWPATH_TEST_FULL_LOG_MB", "16"))
BLOB_MB = 8
# What a program may take, whatever the size: far less than the full sizes. Sanitizers would keep
# freed memory.
GROWTH_KIB = 128 << 10
SANITIZERS = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"}
LINE = "line %d of a log that is complete and in the order of its writing"


@pytest.fixture
def server():
    with Server(env=SANITIZERS) as s:
        yield s


def peak(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


def write_random(path, megabytes):
    with open(path, "wb") as f:
        for _ in range(megabytes):
            f.write(os.urandom(1 << 20))


def push_and_clone(server, tmp_path, name, files):
    """files: sizes in MB."""
    server.client("codecommit").create_repository(repositoryName=name)
    login = gitwork.git_login(server, name)
    target = gitwork.url(server, login, name)
    work = gitwork.Work(tmp_path / "work")
    work.git("init", "-q", "-b", "main")
    work.git("config", "core.compression", "0")
    work.git("config", "core.bigFileThreshold", "1m")  # no search for deltas in noise
    for i, megabytes in enumerate(files):
        write_random(os.path.join(work.folder, f"blob-{i}"), megabytes)
    work.git("add", "-A", timeout=1800)
    work.git("commit", "-q", "-m", "large", timeout=1800)
    before = peak(server.process.pid)
    work.git("push", "-q", target, "main", timeout=1800)
    clone = gitwork.Work(tmp_path / "clone")
    clone.git("clone", "-q", target, ".", timeout=1800)
    assert clone.git("rev-parse", "HEAD^{tree}").stdout == work.git("rev-parse", "HEAD^{tree}").stdout
    assert clone.git("status", "--porcelain", timeout=600).stdout == ""
    grown = peak(server.process.pid) - before
    print(f"{name}: {sum(files)} MB pushed and cloned, the server grew by {grown} KiB")
    assert grown < GROWTH_KIB, f"{grown} KiB"
    shutil.rmtree(tmp_path / "work")
    shutil.rmtree(tmp_path / "clone")


def test_repository(server, tmp_path):
    push_and_clone(server, tmp_path, "many-files", [BLOB_MB] * (REPOSITORY_MB // BLOB_MB))


def test_file(server, tmp_path):
    push_and_clone(server, tmp_path, "one-file", [FILE_MB])


def test_log_through_the_whole_chain(server):
    """Leader, spool, GetLogEvents and `towpath logs -f`, while it is written: every line, in order."""
    n = (LOG_MB << 20) // (len(LINE) + 6)
    codebuild = server.client("codebuild")
    codebuild.create_project(
        name="loud", source={"type": "NO_SOURCE", "buildspec": textwrap.dedent(f"""\
            version: 0.2
            phases:
              build:
                commands:
                  - seq -f '{LINE.replace("%d", "%.0f")}' {n}
            """)},
        artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::123456789012:role/build",
        environment={"type": "LINUX_CONTAINER", "image": "standard", "computeType": "BUILD_GENERAL1_SMALL"})
    before = peak(server.process.pid)
    build = codebuild.start_build(projectName="loud")["build"]["id"]
    follow = subprocess.Popen([TOWPATH, "logs", "-f", build], env=dict(server.env(), **SANITIZERS), stdout=subprocess.PIPE)
    want, got, seen = hashlib.sha256(), hashlib.sha256(), 0
    client_peak = 0
    for line in follow.stdout:
        if line.startswith(b"line "):
            seen += 1
            got.update(line)
            want.update((LINE % seen + "\n").encode())
            if seen % 100000 == 0:
                client_peak = max(client_peak, peak(follow.pid))
    assert follow.wait() == 0
    assert seen == n and got.digest() == want.digest()
    assert codebuild.batch_get_builds(ids=[build])["builds"][0]["buildStatus"] == "SUCCEEDED"
    grown = peak(server.process.pid) - before
    print(f"log of {LOG_MB} MB: the server grew by {grown} KiB, the command took {client_peak} KiB")
    assert grown < GROWTH_KIB, f"{grown} KiB"
    assert client_peak < GROWTH_KIB, f"{client_peak} KiB"
