# SPDX-License-Identifier: Apache-2.0
"""A power cut at any moment of a push. The server and git work on a disk that forgets what nobody synced; whatever
it may leave, no reference leads to missing objects, each change has its event, and what a client was told is there."""
import os
import random
import shutil
import subprocess
import types

import gitwork
import losing_disk
import pytest
from towpath import Server

STARTS = 3  # states of each push on which a server is started


@pytest.fixture(name="site")
def site_on_a_losing_disk(tmp_path):
    """(disk, server, repository's folder below the disk, URL, working folder)."""
    try:
        disk = losing_disk.Disk(tmp_path / "disk")
    except OSError as e:
        pytest.skip(str(e))
    with disk:
        data = os.path.join(disk.path, "data")
        os.mkdir(data)
        folder = os.open(disk.path, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        with Server(data=data) as server:
            made = server.client("codecommit").create_repository(repositoryName="shop")["repositoryMetadata"]
            work = gitwork.Work(tmp_path / "work")
            work.git("init", "-q", "-b", "main")
            yield (disk, server, f"data/git/{made['repositoryId']}.git",
                   gitwork.url(server, gitwork.git_login(server), "shop"), work)


def refs_of(path):
    done = subprocess.run(["git", f"--git-dir={path}", "for-each-ref", "--format=%(refname) %(objectname)"], text=True,
                          stdout=subprocess.PIPE, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def check_references(path, what):
    """All that references lead to is there; an empty one is a name that was kept without its bytes, which a start
    removes."""
    for folder, _, names in os.walk(os.path.join(path, "refs")):
        for name in names:
            if not name.endswith(".lock"):
                assert os.path.getsize(os.path.join(folder, name)), (what, name)
    fsck = subprocess.run(["git", f"--git-dir={path}", "fsck", "--connectivity-only", "--no-dangling"], check=False,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert fsck.returncode == 0, (what, fsck.stdout)


def start_on(folder, repository):
    """A server goes on with what is left."""
    with Server(data=os.path.join(folder, "data"), roles=False) as server:
        gitwork.check_chain(server, os.path.join(folder, repository))


def act(site, tmp_path, seed, change, after):
    """Makes a change while states are kept. after: {reference: its id or None} once a client was told; None: what
    the change returns."""
    disk, _, repository, _, _ = site
    chance, folder = random.Random(seed), str(tmp_path / "left")
    disk.record()
    answer = change()
    after = after or answer
    states = disk.stop()
    assert len(states) > 8
    started = set(chance.sample(range(len(states) - 1), STARTS)) | {len(states) - 1}
    for i, state in enumerate(states):
        for dice in (None, chance):
            state.write(folder, dice)
            check_references(os.path.join(folder, repository), (seed, i, state.what, bool(dice)))
            if i == len(states) - 1:
                refs = refs_of(os.path.join(folder, repository))
                assert {ref: refs.get(ref) for ref in after} == after, (seed, refs)
                told = {e["referenceFullName"]: e.get("commitId") for e in
                        gitwork.journal(types.SimpleNamespace(data=os.path.join(folder, "data")))}
                assert {ref: told.get(ref) for ref in after} == after, (seed, told)
            if dice and i in started:
                start_on(folder, repository)
            shutil.rmtree(folder)


def test_power_cuts(site, tmp_path):
    _, server, _, url, work = site
    first = work.commit(text="first")
    act(site, tmp_path, 1, lambda: work.git("push", "-q", url, "main"), {"refs/heads/main": first})
    small = work.commit(text="second")
    act(site, tmp_path, 2, lambda: work.git("push", "-q", url, "main", "main:refs/heads/a/new/folder"),
        {"refs/heads/main": small, "refs/heads/a/new/folder": small})
    for k in range(120):
        with open(os.path.join(work.folder, f"f{k}"), "w", encoding="utf-8") as f:
            f.write(f"{k}")
    large = work.commit(text="by git")
    act(site, tmp_path, 3, lambda: work.git("push", "-q", url, "main", "main:refs/heads/b", "main:refs/tags/t"),
        {"refs/heads/main": large, "refs/heads/b": large, "refs/tags/t": large})
    act(site, tmp_path, 4, lambda: work.git("push", "-q", "-f", url, f"{first}:refs/heads/b", ":refs/tags/t"),
        {"refs/heads/b": first, "refs/tags/t": None})

    def by_the_api():
        made = server.client("codecommit").put_file(repositoryName="shop", branchName="main", filePath="by/api",
                                                    fileContent=b"x", parentCommitId=large)
        return {"refs/heads/main": made["commitId"]}
    act(site, tmp_path, 5, by_the_api, None)
