# SPDX-License-Identifier: Apache-2.0
"""`towpath migrate`: from real git hosts to a real server, killed on the way, and kept in step."""
import json
import os
import re
import select
import signal
import subprocess
import urllib.parse

import pytest

import gitwork
from asking import eventually
from githost import GitHost
from towpath import Server, TOWPATH


@pytest.fixture
def source(tmp_path):
    """A repository with merges, annotated tags, notes and heads of pull requests."""
    w = gitwork.Work(tmp_path / "source")
    w.git("init", "-q", "-b", "trunk")
    for i in range(8):
        w.commit(text=f"commit {i}")
        w.git("tag", "-a", f"v1.{i}", "-m", f"version 1.{i}")
    w.git("tag", "plain")
    w.git("checkout", "-q", "-b", "topic/one")
    w.commit("other", "topic")
    w.git("update-ref", "refs/pull/7/head", "HEAD")
    w.git("update-ref", "refs/pull/7/merge", "HEAD")
    w.git("checkout", "-q", "trunk")
    w.commit("third", "trunk goes on")
    w.git("merge", "-q", "--no-ff", "-m", "merge", "topic/one")
    w.git("notes", "add", "-m", "reviewed", "HEAD")
    return w


def refs(repository, *patterns):
    out = subprocess.run(["git", f"--git-dir={repository}", "for-each-ref", "--format=%(objectname) %(refname)", *patterns],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line.split(" ", 1)[1]: line.split(" ", 1)[0] for line in out.splitlines()}


def carried(work):
    return {name: value for name, value in refs(work.folder + "/.git").items() if not name.endswith("/merge")}


def stored(server, name):
    found = server.client("codecommit").get_repository(repositoryName=name)["repositoryMetadata"]
    return os.path.join(server.data, "git", found["repositoryId"] + ".git")


def migrate(server, *argv, check=True, **env):
    return server.towpath("migrate", *argv, check=check, env=env)


def start(server, *argv, stderr=subprocess.PIPE):
    return subprocess.Popen([TOWPATH, "migrate", *argv, "--data", server.data], env=server.env(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True)


def test_everything_comes_and_is_proved(shared_server, source, tmp_path):
    os.symlink(source.folder, tmp_path / "shop.git")
    with GitHost(tmp_path) as host:
        got = json.loads(migrate(shared_server, host.url + "/shop.git", "--json").stdout)
    assert refs(stored(shared_server, "shop")) == carried(source)
    assert got["conflicts"] == []
    assert {k: got[k] for k in ("branches", "tags", "notes", "pullRequests")} == {
        "branches": 2, "tags": 9, "notes": 1, "pullRequests": 1}
    count = source.git("rev-list", "--objects", "--count", "--branches", "--tags", "--glob=refs/notes", "--glob=refs/pull")
    assert got["objects"] == int(count.stdout)
    meta = shared_server.client("codecommit").get_repository(repositoryName="shop")["repositoryMetadata"]
    assert meta["defaultBranch"] == "trunk"
    gitwork.check_chain(shared_server, stored(shared_server, "shop"), "shop")


def test_a_run_that_finds_nothing_new_sends_nothing(shared_server, source):
    migrate(shared_server, source.folder, "--name", "twice", "--no-pull-requests")
    assert "refs/pull/7/head" not in refs(stored(shared_server, "twice"))
    events = len(gitwork.journal(shared_server))
    migrate(shared_server, source.folder, "--name", "twice", "--no-pull-requests")
    assert len(gitwork.journal(shared_server)) == events
    source.commit(text="one more")
    migrate(shared_server, source.folder, "--name", "twice", "--no-pull-requests")
    new = gitwork.journal(shared_server)[events:]
    assert [e["referenceFullName"] for e in new] == ["refs/heads/trunk"]  # what changed, nothing else


def steps(process):
    """The lines of progress, as they come."""
    for line in process.stderr:
        if line.startswith("["):
            yield line


def test_killed_at_any_step_it_goes_on(shared_server, source):
    """At the second, sixth, tenth... line that a run writes it is killed; the next goes on from there."""
    kills = 0
    for at in range(2, 40, 4):
        process = start(shared_server, source.folder, "--name", "killed")
        for number, _ in enumerate(steps(process), 1):
            if number == at:
                process.kill()
                kills += 1
                break
        process.communicate()
        if process.returncode == 0:
            break
    assert process.returncode == 0 and kills >= 3
    assert refs(stored(shared_server, "killed")) == carried(source)
    gitwork.check_chain(shared_server, stored(shared_server, "killed"), "killed")


def await_line(process, text):
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"ended without saying {text!r}")


def told(text):
    """References that the rounds created and removed."""
    rounds = re.findall(r"in step with the source: (\d+) references created, (\d+) updated, (\d+) removed", text)
    return [sum(int(r[i]) for r in rounds) for i in (0, 2)]


def test_following(shared_server, source, tmp_path):
    """New commits, a forced push, a branch that goes and one that takes its name as a folder. A round may come between
    two commands at the source."""
    said = tmp_path / "said"
    with open(said, "w", encoding="utf-8") as f:
        process = start(shared_server, source.folder, "--name", "followed", "--follow", "--interval", "1", stderr=f)

    def in_step(branch, created, removed):
        if told(said.read_text(encoding="utf-8")) != [created, removed]:
            return False
        meta = shared_server.client("codecommit").get_repository(repositoryName="followed")["repositoryMetadata"]
        return refs(stored(shared_server, "followed")) == carried(source) and meta["defaultBranch"] == branch
    try:
        eventually(lambda: "in step with the source" in said.read_text(encoding="utf-8"))
        made, _ = told(said.read_text(encoding="utf-8"))
        assert made == len(carried(source))
        source.commit(text="while it follows")
        eventually(lambda: ": 0 references created, 1 updated, 0 removed" in said.read_text(encoding="utf-8"))
        assert in_step("trunk", made, 0)
        source.git("reset", "-q", "--hard", "HEAD~2")
        source.commit(text="instead")
        source.git("branch", "-m", "topic/one", "topic/one/more")
        eventually(lambda: in_step("trunk", made + 1, 1))
        source.git("branch", "-m", "trunk", "main")  # the default branch, too
        eventually(lambda: in_step("main", made + 2, 2))
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_a_signal_between_two_rounds_ends_well(shared_server, source):
    process = start(shared_server, source.folder, "--name", "ended", "--follow", "--interval", "3600")
    try:
        await_line(process, "in step with the source")
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "git remote set-url origin" in out
    finally:
        process.kill()
        process.wait()
    assert refs(stored(shared_server, "ended")) == carried(source)


def test_commits_of_the_target_are_never_lost(shared_server, source, tmp_path):
    migrate(shared_server, source.folder, "--name", "own")
    team = gitwork.Work(tmp_path / "team")
    login = gitwork.git_login(shared_server, "team")
    team.git("clone", "-q", gitwork.url(shared_server, login, "own"), ".")
    mine = team.commit("mine", "the team's own")
    team.git("push", "-q", "origin", "trunk", "HEAD:refs/heads/team")
    source.commit(text="meanwhile")
    source.git("checkout", "-q", "topic/one")
    ahead = source.commit(text="another branch goes on")
    for state in ([], ["--state", str(tmp_path / "lost")]):  # and without the record of what was sent
        done = migrate(shared_server, source.folder, "--name", "own", *state, check=False)
        assert done.returncode == 1
        assert "refs/heads/trunk has commits here that the source has not" in done.stderr
        now = refs(stored(shared_server, "own"))
        assert now["refs/heads/trunk"] == now["refs/heads/team"] == mine
        assert now["refs/heads/topic/one"] == ahead
    source.git("pull", "-q", "--no-rebase", "--no-edit", gitwork.url(shared_server, login, "own"), "trunk")
    source.git("branch", "-f", "trunk", "HEAD")
    migrate(shared_server, source.folder, "--name", "own")  # merged at the source: it goes on


def test_credentials(shared_server, source, tmp_path):
    os.symlink(source.folder, tmp_path / "private.git")
    with GitHost(tmp_path, "me", "s3cret-token") as host:
        url = host.url + "/private.git"
        for env, said in (({}, "could not read Username"),
                          ({"TOWPATH_MIGRATE_USER": "me", "TOWPATH_MIGRATE_PASSWORD": "wr0ng"}, "Authentication failed")):
            done = migrate(shared_server, url, check=False, **env)
            assert done.returncode == 1 and said in done.stderr and "credential helper" in done.stderr
            assert "wr0ng" not in done.stderr
        with pytest.raises(Exception, match="RepositoryDoesNotExistException"):  # nothing is made for nothing
            stored(shared_server, "private")
        done = migrate(shared_server, url, TOWPATH_MIGRATE_USER="me", TOWPATH_MIGRATE_PASSWORD="s3cret-token")
        assert "s3cret-token" not in done.stdout + done.stderr
    assert refs(stored(shared_server, "private")) == carried(source)
    for folder, _, files in os.walk(os.path.join(shared_server.data, "migrate", "private")):
        for name in files:
            with open(os.path.join(folder, name), "rb") as f:
                assert b"s3cret-token" not in f.read()


@pytest.mark.parametrize("url,said", [
    ("/nowhere/at/all", "does not appear to be a git repository"),
    ("http://127.0.0.1:1/x.git", "Failed to connect"),
    ("http://me:token@127.0.0.1:1/x.git", "the address holds a password"),
    ("http://host.invalid/x.git", "Could not resolve host"),
    ("/", "no name can be read"),
])
def test_wrong_addresses(shared_server, url, said):
    done = migrate(shared_server, url, check=False)
    assert done.returncode == 1 and said in done.stderr
    assert "token" not in done.stderr.replace("a token", "")


def test_one_process_works_in_a_state_folder(shared_server, source):
    process = start(shared_server, source.folder, "--name", "locked", "--follow", "--interval", "3600")
    try:
        await_line(process, "in step")
        done = migrate(shared_server, source.folder, "--name", "locked", check=False)
        assert done.returncode == 1 and "another migration works in" in done.stderr
        assert select.select([process.stdout], [], [], 0)[0] == []
    finally:
        process.terminate()
        process.communicate()
    done = migrate(shared_server, source.folder + "/.git", "--name", "locked", check=False)
    assert "belongs to the migration of" in done.stderr


def test_lfs_objects_come_too(shared_server, source, tmp_path):
    source.git("lfs", "install", "--local", "--skip-smudge")
    source.git("lfs", "track", "*.bin")
    bodies = [f"large file {i}\n" * 1000 for i in range(3)]
    for text in bodies:  # the last is in the work tree, all are in the history
        source.commit("big.bin", text)
    done = json.loads(migrate(shared_server, source.folder, "--name", "lfs", "--json").stdout)
    assert done["lfsObjects"] == 3
    clone = gitwork.Work(tmp_path / "clone")
    login = gitwork.git_login(shared_server, "lfs-reader")
    clone.git("lfs", "install")
    clone.git("clone", "-q", gitwork.url(shared_server, login, "lfs"), "copy")
    with open(os.path.join(clone.folder, "copy", "big.bin"), encoding="utf-8") as f:
        assert f.read() == bodies[-1]
    clone.git("-C", "copy", "checkout", "-q", "HEAD~2")
    with open(os.path.join(clone.folder, "copy", "big.bin"), encoding="utf-8") as f:
        assert f.read() == bodies[0]


@pytest.fixture(scope="module")
def tls_server():
    s = Server("--tls")
    try:
        yield s.start()
    finally:
        s.close()


def with_lfs(source):
    source.git("lfs", "install", "--local", "--skip-smudge")
    source.git("lfs", "track", "*.bin")
    source.commit("big.bin", "large file\n" * 1000)


def from_ssh(folder, user, name, tls_server):
    """From the one server to the other one, which is known by its address alone."""
    env = dict(tls_server.env(), GIT_SSH_COMMAND=" ".join(user.command()), GIT_SSL_CAINFO="/etc/ssl/certs/ca-certificates.crt",
               AWS_CA_BUNDLE=tls_server.info["caFile"])
    return subprocess.run([TOWPATH, "migrate", user.url(name), "--name", name, "--state", str(folder / "state"), "--json"],
                          env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)


def test_from_ssh_to_tls_and_back(shared_ssh_server, tls_server, shared_server, source, tmp_path):
    """Pushed to one server, brought to a second one by SSH and to a third one by TLS."""
    with_lfs(source)
    migrate(shared_ssh_server, source.folder, "--name", "far")
    user = gitwork.SshUser(shared_ssh_server, tmp_path / "user", "carrier")
    known = user.known_hosts
    user.known_hosts = "/dev/null"
    done = from_ssh(tmp_path, user, "far", tls_server)
    assert done.returncode == 1 and "Host key verification failed" in done.stderr and "known_hosts" in done.stderr
    user.known_hosts = known
    done = from_ssh(tmp_path, user, "far", tls_server)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lfsObjects"] == 1
    assert refs(stored(tls_server, "far")) == carried(source)

    login = gitwork.git_login(tls_server, "carrier").rstrip("@").split(":")
    url = tls_server.git_url("far")
    assert url.startswith("https://")
    asked = {"TOWPATH_MIGRATE_USER": login[0], "TOWPATH_MIGRATE_PASSWORD": urllib.parse.unquote(login[1])}
    done = migrate(shared_server, url, check=False, **asked)
    assert done.returncode == 1 and "certificate" in done.stderr
    done = migrate(shared_server, url, "--json", GIT_SSL_CAINFO=tls_server.info["caFile"], **asked)
    assert json.loads(done.stdout)["lfsObjects"] == 1
    assert refs(stored(shared_server, "far")) == carried(source)


def test_many_references(shared_server, source):
    lines = "".join(f"create refs/tags/many/{i} HEAD\n" for i in range(200))
    subprocess.run(["git", "-c", "core.fsync=none", "update-ref", "--stdin"], input=lines, text=True, check=True,
                   cwd=source.folder)
    source.git("pack-refs", "--all")
    migrate(shared_server, source.folder, "--name", "many")
    assert refs(stored(shared_server, "many")) == carried(source)


def big(folder):
    """A repository with a file of 3 MiB."""
    work = gitwork.Work(folder)
    work.git("init", "-q", "-b", "main")
    with open(os.path.join(work.folder, "noise"), "wb") as f:
        f.write(os.urandom(3 << 20))
    work.git("add", "noise")
    work.commit()
    return work


def left_over(state):
    return [name for _, _, names in os.walk(state) for name in names if name.startswith(("tmp_", ".tmp-"))]


def test_a_source_that_is_too_large(shared_server, tmp_path):
    source, state = big(tmp_path / "big"), str(tmp_path / "state")
    arguments = (source.folder, "--name", "big", "--state", state)
    got = migrate(shared_server, *arguments, "--limit", "2M", check=False)
    assert got.returncode == 1
    assert f"{state} takes more than 2 MiB of the disk" in got.stderr and "larger --limit" in got.stderr
    assert not left_over(state)
    bad = migrate(shared_server, *arguments, "--limit", "2", check=False)
    assert bad.returncode == 1 and "wants a size such as 500M" in bad.stderr
    migrate(shared_server, *arguments, "--limit", "100M")
    assert refs(stored(shared_server, "big")) == carried(source)


def test_a_signal_ends_what_is_fetched(shared_server, tmp_path):
    big(tmp_path / "big")
    state = str(tmp_path / "state")
    with GitHost(tmp_path) as host:
        host.holds = True
        process = start(shared_server, host.url + "/big", "--name", "cut", "--state", state, "--follow")
        try:
            host.held.get(timeout=120)
            process.send_signal(signal.SIGTERM)
            host.cut.get(timeout=120)
            _, said = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 1 and "git was interrupted" in said and "started again, it goes on" in said
    assert not left_over(state)
