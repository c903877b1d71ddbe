# SPDX-License-Identifier: Apache-2.0
"""A full disk, made real by small file systems: everything says so, nothing that was accepted is
lost, nothing half is left, and all goes on when there is room again. (Buckets: tests/api/s3.py.)"""
import errno
import glob
import os
import select
import subprocess
import sys

import botocore.exceptions
import gitwork
import pytest
from asking import eventually
from hosts import Deployments, Host
from towpath import Server

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from builds import PROJECT, await_end, buildspec, leader_of, log_text, start  # noqa: E402

MIB = 1 << 20
SIZE_MB = 128

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


class Disk:
    """A file system of its own; `full()` takes all but a little of it."""

    def __init__(self, path, megabytes=SIZE_MB):
        self.path, self.ballast = str(path), os.path.join(str(path), "ballast")
        os.makedirs(self.path, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "towpath-test", self.path],
                          check=False, stderr=subprocess.DEVNULL).returncode:
            pytest.skip("mounting a small file system is not allowed here")

    def left(self):
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def full(self, leave=0):
        with open(self.ballast, "wb", buffering=0) as f:
            while True:
                try:
                    os.posix_fallocate(f.fileno(), 0, self.left() - leave)
                    return
                except OSError as e:  # somebody else took some of it after it was measured
                    if e.errno != errno.ENOSPC:
                        raise

    def free(self):
        if os.path.exists(self.ballast):
            os.unlink(self.ballast)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    disk = Disk(tmp_path_factory.mktemp("disk") / "data")
    s = Server(data=disk.path)
    try:
        s.start()
        s.client("codebuild").create_project(name="outlive", **PROJECT)
        yield s, disk
    finally:
        print(s.stderr()[-6000:])  # shown where a test has failed
        s.close()
        disk.close()


@pytest.fixture(autouse=True)
def room(site):
    """A test that fails does not leave its full disk to the next one."""
    yield
    site[1].free()


def test_database(site):
    server, disk = site
    api = server.client("codecommit")
    disk.full()
    kept = []
    with pytest.raises(botocore.exceptions.ClientError) as e:
        for i in range(10000):  # the log of the database may have room for some
            kept.append(f"kept-{i}")
            api.create_repository(repositoryName=kept[-1], repositoryDescription="d" * 900)
    refused = kept.pop()
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert e.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert "full" in e.value.response["Error"]["Message"] or "space" in e.value.response["Error"]["Message"]
    assert api.list_repositories()["repositories"] is not None  # reading goes on
    disk.free()
    api.create_repository(repositoryName=refused)
    names = {r["repositoryName"] for page in api.get_paginator("list_repositories").paginate()
             for r in page["repositories"]}
    assert names == {*kept, refused}
    disk.full()
    server.kill9()
    disk.free()
    server.start()
    api = server.client("codecommit")
    assert names == {r["repositoryName"] for page in api.get_paginator("list_repositories").paginate()
                     for r in page["repositories"]}
    ids = {api.get_repository(repositoryName=n)["repositoryMetadata"]["repositoryId"] for n in names}
    eventually(lambda: {os.path.basename(p)[:-4] for p in glob.glob(server.data + "/git/*.git")} == ids,
               what="folders of what was refused are swept away after the start")
    for name in names:
        api.delete_repository(repositoryName=name)
    eventually(lambda: not glob.glob(server.data + "/git/*.git"), what="their folders are gone")


def test_push(site, tmp_path):
    server, disk = site
    made = server.client("codecommit").create_repository(repositoryName="shop")["repositoryMetadata"]
    path = os.path.join(server.data, "git", made["repositoryId"] + ".git")
    target = gitwork.url(server, gitwork.git_login(server), "shop")
    work = gitwork.Work(tmp_path)
    work.git("init", "-q", "-b", "main")
    first = work.commit(text="first")
    work.git("push", "-q", target, "main")
    with open(os.path.join(work.folder, "big"), "wb") as f:
        f.write(os.urandom(24 * MIB))
    work.commit(text="second")
    disk.full(leave=4 * MIB)
    refused = work.git("push", target, "main", "main:other", check=False)
    assert refused.returncode
    assert "No space left" in refused.stderr or "full" in refused.stderr, refused.stderr
    gitwork.check_chain(server, path)  # no reference without its objects, no event without its reference
    assert work.git("ls-remote", target, "refs/heads/*").stdout.split() == [first, "refs/heads/main"]
    eventually(lambda: not glob.glob(path + "/objects/tmp_objdir-*") and not glob.glob(path + "/objects/pack/tmp_*"),
               what="nothing half is left")
    disk.free()
    work.git("push", "-q", target, "main", "main:other")
    gitwork.check_chain(server, path)
    server.client("codecommit").delete_repository(repositoryName="shop")
    eventually(lambda: not os.path.exists(path), what="its folder is gone, so that nothing changes the room of the next test")


def contexts(build):
    return " ".join(c["message"] for p in build["phases"] for c in p.get("contexts", []) if c.get("message"))


def check_next_build(server):
    again = start(server, buildspec("echo there is room"))
    assert await_end(server, again)["buildStatus"] == "SUCCEEDED"
    assert any("there is room" in line for line in log_text(server, again))


def await_leader(server, build):
    """Until the leader's last record stands."""
    pid = leader_of(server, build)
    try:
        select.select([os.pidfd_open(pid)], [], [], 300)
    except ProcessLookupError:
        pass


def test_log_of_a_build(site):
    """The database is full as well when the build ends: the end is stored when there is room."""
    server, disk = site
    disk.full(leave=8 * MIB)
    build = start(server, buildspec("yes 'a line of a log' | head -c 64M"))
    await_leader(server, build)
    disk.free()
    found = await_end(server, build)
    assert found["buildStatus"] in ("FAILED", "FAULT")
    assert "No space left" in contexts(found), found["phases"]
    page = server.client("logs").get_log_events(
        logGroupName="/aws/codebuild/outlive", logStreamName=build.split(":")[1], startFromHead=True)
    assert any("a line of a log" in e["message"] for e in page["events"])  # what was written is there
    check_next_build(server)


def test_artifact_of_a_build(site):
    server, disk = site
    server.client("s3").create_bucket(Bucket="artifacts")
    disk.full(leave=48 * MIB)
    # once there, but not twice: not either when what an earlier test left is taken away just now
    spec = buildspec("head -c 40M /dev/urandom > big") + "artifacts: {files: [big]}\n"
    build = start(server, spec, artifactsOverride={"type": "S3", "location": "artifacts", "packaging": "ZIP"})
    await_leader(server, build)
    found = await_end(server, build)
    assert found["buildStatus"] in ("FAILED", "FAULT")
    assert "No space left" in contexts(found), found["phases"]
    assert "Contents" not in server.client("s3").list_objects_v2(Bucket="artifacts")
    eventually(lambda: os.listdir(os.path.join(server.data, "objects", "tmp")) == [], what="nothing half is left")
    disk.free()
    check_next_build(server)


def test_a_build_that_fills_the_disk(site):
    """It ends without help: what it wrote makes room for that."""
    server, disk = site
    disk.full(leave=24 * MIB)
    found = await_end(server, start(server, buildspec("cat /dev/zero > big")))
    assert found["buildStatus"] in ("FAILED", "FAULT")
    disk.free()
    check_next_build(server)


def test_disk_of_a_host(site, tmp_path):
    server, _ = site
    disk = Disk(tmp_path / "root", 24)
    host = Host(server, "host1")
    host.root = disk.path
    d = Deployments(server)
    files = {"appspec.yml": f"version: 0.0\nos: linux\nfiles: [{{source: big, destination: {host.dest}}}]\n"}
    try:
        host.register().start()
        big = dict(files, big=os.urandom(10 * MIB).hex())
        info = d.finish(d.create(big))
        assert info["status"] == "Failed"
        event = d.events(info["deploymentId"])["DownloadBundle"]
        assert event["status"] == "Failed" and "No space left" in event["diagnostics"]["message"], event
        eventually(lambda: disk.left() > 20 * MIB, what="nothing half is left")
        info = d.finish(d.create(dict(files, big="small"), key="v2.zip"))
        assert info["status"] == "Succeeded"
        assert host.read("big") == "small"
    finally:
        host.close()
        disk.close()
