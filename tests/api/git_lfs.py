# SPDX-License-Identifier: Apache-2.0
"""Git LFS by the git-lfs of the machine: over HTTP with every kind of credentials, over SSH, locks, and what is
refused."""
import base64
import glob
import hashlib
import json
import os
import re
import urllib.error
import urllib.request

import gitwork
import pytest
from towpath import Server


@pytest.fixture(scope="module")
def server(shared_ssh_server):
    return shared_ssh_server


@pytest.fixture(scope="module")
def login(server):
    return gitwork.git_login(server, "lily")


@pytest.fixture
def repository(server, request):
    name = "r-" + re.sub(r"[^a-z0-9]+", "-", request.node.name)
    return server.client("codecommit").create_repository(repositoryName=name)["repositoryMetadata"]


def stored(server, repository):
    return {os.path.basename(p): os.path.getsize(p) for p in
            glob.glob(f"{server.data}/git/{repository['repositoryId']}.git/lfs/objects/*/*/*")}


def start(git, folder, files):
    """A first commit whose *.bin are LFS's; returns their digests."""
    git("init", "-q", "-b", "main")
    git("lfs", "install", "--local")
    git("lfs", "track", "*.bin")
    for name, content in files.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(content)
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    return {hashlib.sha256(c).hexdigest(): len(c) for c in files.values()}


def check_clone(git, folder, files):
    git("lfs", "install", "--local")
    git("lfs", "pull")
    for name, content in files.items():
        with open(os.path.join(folder, name), "rb") as f:
            assert f.read() == content
    git("lfs", "fsck")


FILES = {"a.bin": os.urandom(3 << 20), "b.bin": b"small", "c.bin": b"small"}


def test_over_http(server, login, repository, tmp_path):
    url = gitwork.url(server, login, repository["repositoryName"])
    work = gitwork.Work(tmp_path / "w")
    digests = start(work.git, work.folder, FILES)
    work.git("push", "-q", url, "main")
    assert stored(server, repository) == digests  # each once
    other = gitwork.Work(tmp_path / "o")
    other.git("clone", "-q", url, ".")
    check_clone(other.git, other.folder, FILES)
    # Goes with the repository.
    server.client("codecommit").delete_repository(repositoryName=repository["repositoryName"])
    assert work.git("lfs", "push", "--all", url, check=False).returncode


def test_with_the_credential_helper(server, repository, tmp_path):
    url = server.git_url(repository["repositoryName"])
    folder = str(tmp_path / "w")
    os.makedirs(folder)

    def git(*argv):
        return server.run("git", *argv, cwd=folder, env={"HOME": folder})
    digests = start(git, folder, FILES)
    git("remote", "add", "origin", url)
    git("push", "-q", "origin", "main")
    assert stored(server, repository) == digests
    git("lfs", "lock", "a.bin")
    assert "a.bin" in git("lfs", "locks").stdout
    git("lfs", "unlock", "a.bin")


def test_backup_and_restore(server, login, repository, tmp_path):
    """Clones and their files come from the restored server; what is half done stays behind."""
    name = repository["repositoryName"]
    work = gitwork.Work(tmp_path / "w")
    digests = start(work.git, work.folder, FILES)
    work.git("push", "-q", gitwork.url(server, login, name), "main", "main:refs/heads/tmp_branch")
    below = f"git/{repository['repositoryId']}.git"
    half = ["lfs/tmp/upload", "objects/tmp_objdir-push-x/pack/tmp_pack_x", "objects/pack/tmp_pack_y"]
    for path in half:
        os.makedirs(os.path.dirname(f"{server.data}/{below}/{path}"), exist_ok=True)
        with open(f"{server.data}/{below}/{path}", "wb") as f:
            f.write(b"half")
    saved, fresh = str(tmp_path / "saved.tar"), str(tmp_path / "fresh")
    server.towpath("backup", saved)
    for path in half:
        os.unlink(f"{server.data}/{below}/{path}")
    server.run(os.environ["TOWPATH"], "restore", saved, "--data", fresh)
    assert not any(os.path.exists(f"{fresh}/{below}/{path}") for path in half)
    with Server(data=fresh) as again:
        assert stored(again, repository) == digests
        other = gitwork.Work(tmp_path / "o")
        url = gitwork.url(again, login, name)
        other.git("clone", "-q", url, ".")
        check_clone(other.git, other.folder, FILES)
        assert sorted(other.git("ls-remote", url, "refs/*").stdout.split()[1::2]) == ["refs/heads/main", "refs/heads/tmp_branch"]
        with open(os.path.join(other.folder, "d.bin"), "wb") as f:
            f.write(b"new")
        other.git("add", "-A")
        other.git("commit", "-q", "-m", "goes on")
        other.git("push", "-q", "origin", "main")
        assert len(stored(again, repository)) == len(digests) + 1


def test_over_ssh(server, repository, tmp_path):
    alice = gitwork.SshUser(server, tmp_path / "alice", "alice")
    bob = gitwork.SshUser(server, tmp_path / "bob", "bob")
    work, theirs = alice.work(tmp_path / "w"), bob.work(tmp_path / "t")
    digests = start(work.git, work.folder, FILES)
    work.git("remote", "add", "origin", alice.url(repository["repositoryName"]))
    said = work.git("push", "origin", "main")
    setting = re.search(r"git config (lfs\.\S+\.locksverify) true", said.stdout + said.stderr).group(1).replace(alice.id, bob.id)
    assert stored(server, repository) == digests
    theirs.git("clone", "-q", bob.url(repository["repositoryName"]), ".")
    check_clone(theirs.git, theirs.folder, FILES)
    work.git("lfs", "lock", "a.bin")
    assert "alice" in theirs.git("lfs", "locks").stdout
    again = theirs.git("lfs", "lock", "a.bin", check=False)
    assert again.returncode and "already created lock" in again.stderr
    assert theirs.git("lfs", "unlock", "a.bin", check=False).returncode
    # A file that another has locked is not pushed.
    with open(os.path.join(theirs.folder, "a.bin"), "wb") as f:
        f.write(b"changed")
    theirs.git("commit", "-qam", "mine")
    theirs.git("config", setting, "true")
    refused = theirs.git("push", "origin", "main", check=False)
    assert refused.returncode and "locked" in refused.stderr
    theirs.git("lfs", "unlock", "--force", "a.bin")
    theirs.git("push", "-q", "origin", "main")
    # A ticket is good for its repository and while the key is.
    ticket = json.loads(alice.ssh(f"git-lfs-authenticate /v1/repos/{repository['repositoryName']} download").stdout)
    batch = {"operation": "download", "objects": []}
    assert call("POST", ticket["href"] + "/objects/batch", batch, ticket["header"])[0] == 200
    other = server.client("codecommit").create_repository(repositoryName="another")["repositoryMetadata"]
    assert call("POST", other["cloneUrlHttp"] + "/info/lfs/objects/batch", batch, ticket["header"])[0] == 401
    server.client("iam").update_ssh_public_key(UserName="alice", SSHPublicKeyId=alice.id, Status="Inactive")
    assert call("POST", ticket["href"] + "/objects/batch", batch, ticket["header"])[0] == 401


def call(method, url, body=None, headers=None):
    """(status, parsed answer)"""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def basic(server, name, *statements):
    user, password = gitwork.git_login(server, name, *statements)[:-1].split(":")
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{bytes.fromhex(password.replace('%', '')).decode()}"
                                                         .encode()).decode()}


def test_what_is_refused(server, repository, tmp_path):
    base = server.git_url(repository["repositoryName"]) + "/info/lfs"
    writer = basic(server, "writer")
    reader = basic(server, "reader", {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": repository["Arn"]})
    content = b"0123456789"
    oid = hashlib.sha256(content).hexdigest()
    objects = [{"oid": oid, "size": 10}]
    assert call("POST", base + "/objects/batch", {"operation": "download", "objects": objects})[0] == 401
    status, answer = call("POST", base + "/objects/batch", {"operation": "download", "objects": objects}, reader)
    assert status == 200 and json.loads(answer)["objects"][0]["error"]["code"] == 404
    upload = {"operation": "upload", "ref": {"name": "refs/heads/main"}, "objects": objects + [{"oid": "x", "size": -1},
              {"oid": oid, "size": 1 << 40}]}
    status, answer = call("POST", base + "/objects/batch", upload, reader)
    assert status == 403 and b"codecommit:GitPush" in answer
    status, answer = call("POST", base + "/objects/batch", upload, writer)
    told = json.loads(answer)["objects"]
    assert status == 200 and [o.get("error", {}).get("code") for o in told] == [None, 422, 413]
    action = told[0]["actions"]["upload"]
    assert call("PUT", action["href"], b"something else", action["header"])[0] == 422
    assert call("PUT", base + "/objects/../../../config", b"x", writer)[0] in (404, 422)
    assert call("PUT", action["href"], content, reader)[0] == 403
    assert not stored(server, repository)
    assert not glob.glob(f"{server.data}/git/{repository['repositoryId']}.git/lfs/tmp/*")
    verify = told[0]["actions"]["verify"]["href"]
    assert call("POST", verify, {"oid": oid, "size": 10}, writer)[0] == 404
    assert call("PUT", action["href"], content, action["header"])[0] == 200
    assert call("POST", verify, {"oid": oid, "size": 10}, writer)[0] == 200
    assert call("POST", verify, {"oid": oid, "size": 11}, writer)[0] == 422
    assert call("GET", base + f"/objects/{oid}", None, {**reader, "Range": "bytes=4-"}) == (206, b"456789")
    assert call("POST", base + "/objects/batch", {"operation": "sideways", "objects": []}, writer)[0] == 422
    assert call("POST", base + "/objects/batch", b"{", writer)[0] == 422
    assert call("POST", base + "/locks", {"path": "f"}, reader)[0] == 403
    for i in range(101):
        assert call("POST", base + "/locks", {"path": f"f{i}"}, writer)[0] == 201
    status, answer = call("GET", base + "/locks", None, reader)
    first = json.loads(answer)
    rest = json.loads(call("GET", base + "/locks?cursor=" + first["next_cursor"], None, reader)[1])
    assert len(first["locks"]) == 100 and len(rest["locks"]) == 1 and "next_cursor" not in rest
    found = json.loads(call("GET", base + "/locks?path=f7", None, reader)[1])["locks"]
    assert [lock["path"] for lock in found] == ["f7"]
    assert call("POST", base + "/locks/verify", {}, writer)[0] == 200
