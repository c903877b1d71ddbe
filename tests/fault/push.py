# SPDX-License-Identifier: Apache-2.0
"""A push that git reported as accepted has its event, exactly once, whatever moment the server is
killed at; and what the server holds afterwards is whole."""
import glob
import os
import random
import threading

import gitwork
import procs
import pytest
from asking import eventually
from towpath import Server


@pytest.fixture
def server():
    s = Server("--ssh", "0")
    try:
        yield s.start()
    finally:
        s.close()


@pytest.fixture
def site(server, tmp_path):
    made = server.client("codecommit").create_repository(repositoryName="shop-api")["repositoryMetadata"]
    path = os.path.join(server.data, "git", made["repositoryId"] + ".git")
    return server, gitwork.git_login(server), path, gitwork.Work(tmp_path / "w")


def events_of(server, commit):
    return sum(e.get("commitId") == commit for e in gitwork.journal(server))


def git_processes(server):
    """Those that the server has started, for a push that it takes."""
    return [pid for pid in procs.descendants(server.process.pid) if procs.name(pid).startswith("git")]


def test_killed_right_after_a_push(site):
    server, login, path, work = site
    work.git("init", "-q", "-b", "main")
    for i in range(5):
        commit = work.commit(text=f"push {i}")
        work.git("push", "-q", gitwork.url(server, login, "shop-api"), "main")
        server.kill9()
        server.start()
        assert events_of(server, commit) == 1
    gitwork.check_chain(server, path)
    assert len(gitwork.journal(server)) == 5


def test_killed_at_any_moment_of_a_push(site, tmp_path):
    server, login, path, work = site
    seed = int(os.environ.get("TOWPATH_SEED", random.randrange(1 << 30)))
    chance = random.Random(seed)
    alice = gitwork.SshUser(server, tmp_path / "alice", "alice")
    work.env.update(alice.work(work.folder).env)
    work.git("init", "-q", "-b", "main")
    work.commit(text="first")
    work.git("push", "-q", gitwork.url(server, login, "shop-api"), "main")
    accepted = []
    for i in range(20):
        commit = work.commit(text=f"push {i}")
        target = alice.url("shop-api") if i % 2 else gitwork.url(server, login, "shop-api")
        push = work.start("push", "-q", target, f"+main:{chance.choice(['main', 'dev'])}",
                          f"main:refs/heads/new-{i}")
        timer = threading.Timer(chance.uniform(0.01, 0.25), server.kill9)
        timer.start()
        said = push.communicate(timeout=300)[0]
        timer.join()
        if push.returncode == 0:
            accepted.append((commit, i))
        server.kill9()
        server.start()
        gitwork.check_chain(server, path)
        assert not glob.glob(path + "/refs/**/*.lock", recursive=True), (seed, said)
    for commit, i in accepted:
        created = [e for e in gitwork.journal(server) if e["referenceFullName"] == f"refs/heads/new-{i}"]
        assert [(e["event"], e["commitId"]) for e in created] == [("referenceCreated", commit)], seed
    # It works on as if nothing had been.
    work.commit(text="last")
    work.git("push", "-q", gitwork.url(server, login, "shop-api"), "+main:main", "+main:dev")
    gitwork.check_chain(server, path)
    assert not glob.glob(path + "/objects/tmp_objdir-*")


def test_killed_during_api_commits(site):
    server, _, path, _ = site
    chance = random.Random(7)
    parent = None
    for i in range(8):
        client = server.client("codecommit", connect_timeout=2, read_timeout=5)
        timer = threading.Timer(chance.uniform(0.0, 0.05), server.kill9)
        timer.start()
        try:
            for k in range(1000):
                more = {"parentCommitId": parent} if parent else {}
                parent = client.put_file(repositoryName="shop-api", branchName="main", filePath="f",
                                         fileContent=f"{i} {k}".encode(), **more)["commitId"]
        except Exception:  # the server is gone
            pass
        timer.join()
        server.kill9()
        server.start()
        gitwork.check_chain(server, path)
        client = server.client("codecommit")
        if parent:  # what was answered is there
            assert events_of(server, parent) == 1
            parent = client.get_branch(repositoryName="shop-api", branchName="main")["branch"]["commitId"]


def test_concurrent_pushes_to_one_branch(site, tmp_path):
    server, login, path, work = site
    work.git("init", "-q", "-b", "main")
    work.commit(text="first")
    work.git("push", "-q", gitwork.url(server, login, "shop-api"), "main")
    pushes = []
    for i in range(6):
        clone = gitwork.Work(tmp_path / f"c{i}")
        clone.git("clone", "-q", gitwork.url(server, login, "shop-api"), ".")
        clone.commit(text=f"mine {i}")
        pushes.append(clone.start("push", "-q", "origin", "HEAD:main"))
    codes = []
    for push in pushes:
        push.communicate(timeout=300)
        codes.append(push.returncode)
    assert codes.count(0) >= 1
    assert len(gitwork.journal(server)) == 1 + codes.count(0)
    gitwork.check_chain(server, path)


def test_connection_cut_during_a_push(site):
    """A client that dies leaves no change, no quarantine, no lock behind."""
    server, login, path, work = site
    work.git("init", "-q", "-b", "main")
    with open(os.path.join(work.folder, "big"), "wb") as f:
        f.write(os.urandom(20 << 20))
    work.commit(text="big")
    for delay in (0.02, 0.05, 0.1, 0.2):
        push = work.start("push", "-q", gitwork.url(server, login, "shop-api"), "main")
        timer = threading.Timer(delay, push.kill)
        timer.start()
        push.communicate(timeout=300)
        timer.join()
    # one whose client was killed late, when all had been sent, is done all the same
    eventually(lambda: not git_processes(server), what="the server has done with them")
    work.git("push", "-q", gitwork.url(server, login, "shop-api"), "main")
    eventually(lambda: gitwork.journal(server), what="its event")
    gitwork.check_chain(server, path)
    assert len(gitwork.journal(server)) == 1
