# SPDX-License-Identifier: Apache-2.0
"""Git over SSH with OpenSSH's client: the identities, permissions, records and the way of a push are those of HTTP,
and nothing else is to be had there."""
import os
import re
import socket
import subprocess

import gitwork
import pytest
from asking import eventually


@pytest.fixture(scope="module")
def server(shared_ssh_server):
    return shared_ssh_server


@pytest.fixture(scope="module")
def alice(server, tmp_path_factory):
    return gitwork.SshUser(server, tmp_path_factory.mktemp("alice"), "alice")


@pytest.fixture
def repository(server, request):
    name = "r-" + re.sub(r"[^a-z0-9]+", "-", request.node.name)
    return server.client("codecommit").create_repository(repositoryName=name)["repositoryMetadata"]


def records(server, name):
    """additionalEventData of the records of an event, oldest first."""
    found = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}])["Events"]
    return [e["CloudTrailEvent"] for e in reversed(found)]


def test_clone_push_and_fetch(server, alice, repository, tmp_path):
    name = repository["repositoryName"]
    assert repository["cloneUrlSsh"] == f"ssh://127.0.0.1:{server.info['sshPort']}/v1/repos/{name}"
    url = alice.url(name)
    work = alice.work(tmp_path / "w")
    work.git("clone", "-q", url, ".")
    work.git("symbolic-ref", "HEAD", "refs/heads/main")
    for size in (10, 3 << 20):  # as loose objects, as a pack larger than every buffer
        with open(os.path.join(work.folder, f"f{size}"), "wb") as f:
            f.write(os.urandom(size))
        head = work.commit(text=f"size {size}")
        work.git("push", "-q", "origin", "main")
        assert gitwork.journal(server)[-1]["commitId"] == head
        assert gitwork.journal(server)[-1]["callerUserArn"].endswith(":user/alice")
    other = alice.work(tmp_path / "o")
    other.git("clone", "-q", url, ".")
    assert other.git("rev-parse", "HEAD").stdout.strip() == head
    for i in range(40):
        work.git("commit", "-q", "--allow-empty", "-m", f"{i}")
    work.git("push", "-q", "origin", "main", "main:dev", "main:refs/tags/t")
    other.git("pull", "-q")
    other.git("fsck", "--strict")
    # Deletions alone, where no pack tells the end; nothing to do; one of several references.
    work.git("push", "-q", "origin", ":refs/tags/t")
    assert "up-to-date" in work.git("push", "origin", "main").stderr
    work.git("push", "-q", "origin", ":dev", "main:new")
    refs = work.git("ls-remote", "origin").stdout
    assert "refs/heads/new" in refs and "refs/heads/dev" not in refs and "refs/tags" not in refs
    # Records are made once a command is over, which the client does not see.
    for event, words in (("GitPull", ('"protocol":"SSH"', name, '"dataTransferred":true')),
                         ("GitPush", ('"protocol":"SSH"', "OpenSSH")), ("SSHLogin", (alice.id,))):
        eventually(lambda: any(all(w in r for w in words) for r in records(server, event)), what=event)  # noqa: B023


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_protocols_shallow_and_partial(server, alice, repository, tmp_path, version):
    name = repository["repositoryName"]
    work = alice.work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")
    for i in range(3):
        work.commit(name=f"f{i}", text=f"c{i}")
    work.git("-c", f"protocol.version={version}", "push", "-q", alice.url(name), "main")
    for i, flags in enumerate((["--depth=1"], ["--filter=blob:none", "--no-checkout"], ["--filter=tree:0", "--bare"])):
        clone = alice.work(tmp_path / f"c{i}")
        clone.env["GIT_TRACE_PACKET"] = str(tmp_path / "trace")
        clone.git("-c", f"protocol.version={version}", "clone", "-q", *flags, alice.url(name), ".")
        count = len(clone.git("rev-list", "--all").stdout.split())
        assert count == (1 if i == 0 else 3)
        missing = clone.git("rev-list", "--all", "--objects", "--missing=print").stdout
        assert ("?" in missing) == (i > 0)
    with open(tmp_path / "trace", encoding="utf-8") as f:
        assert ("version 2" in f.read()) == (version == "2")


def test_permissions(server, alice, repository, tmp_path):
    name = repository["repositoryName"]
    arn = repository["Arn"]
    reader = gitwork.SshUser(server, tmp_path / "r", "reader",
                             {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": arn})
    bound = gitwork.SshUser(server, tmp_path / "b", "bound",
                            {"Effect": "Allow", "Action": "codecommit:*", "Resource": arn},
                            {"Effect": "Deny", "Action": "codecommit:GitPush", "Resource": arn,
                             "Condition": {"StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
                                           "Null": {"codecommit:References": "false"}}}, kind="ecdsa")
    work = alice.work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")
    work.commit()
    work.git("push", "-q", alice.url(name), "main")
    work.commit(text="second")
    work.env.update(reader.work(tmp_path).env)
    assert "refs/heads/main" in work.git("ls-remote", reader.url(name)).stdout
    refused = work.git("push", reader.url(name), "main", check=False)
    assert refused.returncode and "not authorized to perform: codecommit:GitPush" in refused.stderr
    work.env.update(bound.work(tmp_path).env)
    before = len(gitwork.journal(server))
    refused = work.git("push", bound.url(name), "main", "main:dev", check=False)
    assert "[remote rejected] main -> dev" in refused.stderr and len(gitwork.journal(server)) == before
    work.git("push", "-q", bound.url(name), "main:dev")
    refused = work.git("ls-remote", bound.url("nowhere"), check=False)
    assert "not authorized" in refused.stderr
    work.env.update(alice.work(tmp_path).env)
    assert "The repository nowhere does not exist." in work.git("ls-remote", alice.url("nowhere"), check=False).stderr
    refused = work.git("push", alice.url(name), ":main", check=False)
    assert "the default branch cannot be deleted" in refused.stderr
    # A login ends with the key, and with its user.
    iam = server.client("iam")
    iam.update_ssh_public_key(UserName="reader", SSHPublicKeyId=reader.id, Status="Inactive")
    assert "Permission denied (publickey)" in reader.ssh("true").stderr
    iam.update_ssh_public_key(UserName="reader", SSHPublicKeyId=reader.id, Status="Active")
    assert reader.ssh("git-upload-pack '/v1/repos/nowhere'").returncode == 128


def test_nothing_but_git(server, alice, tmp_path):
    greeting = alice.ssh()
    assert greeting.returncode == 1 and "Interactive shells are not supported" in greeting.stderr
    for command in ("sh -c id", "git-upload-archive '/v1/repos/x'", "git-upload-pack", "scp -t /tmp", "git-upload-pack '/etc'",
                    "git-upload-pack '/v1/repos/../../x'", "git-upload-pack '/v1/repos/a'; id", "git-upload-pack '/v1/repos/x/'"):
        done = alice.ssh(command)
        assert done.returncode == 128 and done.stderr and not done.stdout, (command, done)
    assert alice.ssh(options=("-s",), *("sftp",)).returncode != 0
    assert "PTY allocation request failed" in alice.ssh(options=("-tt",)).stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused = alice.ssh(options=("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", "-N"))
    assert refused.returncode and "remote port forwarding failed" in refused.stderr
    refused = alice.ssh(options=("-W", f"127.0.0.1:{port}"))
    assert refused.returncode and "administratively prohibited" in refused.stderr + refused.stdout or refused.returncode
    assert "Permission denied (publickey)" in alice.ssh(options=("-o", "PreferredAuthentications=password")).stderr


def test_wrong_keys_are_recorded_and_slowed_down(server, alice, tmp_path):
    other = gitwork.SshUser(server, tmp_path / "m", "mallory")
    refused = other.ssh(user=alice.id)
    assert "Permission denied (publickey)" in refused.stderr
    # The record is made once the connection is gone, which the client does not see.
    failed = eventually(lambda: [r for r in records(server, "SSHLogin") if '"errorCode"' in r and alice.id in r])
    assert "mallory" not in failed[-1]
    for _ in range(31):
        assert "Permission denied" in other.ssh(user="APKANOBODY").stderr
    server.client("iam")  # others are not concerned
    assert other.ssh().returncode == 1 and "successfully authenticated" in other.ssh().stderr


def test_keys_last_and_the_gate_is_kept(server, alice, repository):
    keys = {p: open(os.path.join(server.data, "keys", p), "rb").read()
            for p in ("ssh_host_ed25519_key", "ssh_host_ecdsa_key")}
    assert os.stat(os.path.join(server.data, "keys", "ssh_host_ecdsa_key")).st_mode & 0o077 == 0
    gate = subprocess.run(["pgrep", "-P", str(server.process.pid), "towpath-ssh"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()
    with open(f"/proc/{gate[0]}/status", encoding="utf-8") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert os.geteuid() or status["Uid"].split()[0] == "65534"
    os.kill(int(gate[0]), 9)
    # Connections wait in the kernel until the next gate takes them.
    eventually(lambda: alice.ssh().returncode == 1, what="the gate is back")
    assert keys == {p: open(os.path.join(server.data, "keys", p), "rb").read() for p in keys}


def test_a_server_that_ends_tells_who_still_pushes(server, alice, repository):
    push = subprocess.Popen([*alice.command(), "-p", str(server.info["sshPort"]), f"{alice.id}@127.0.0.1",
                             f"git-receive-pack '/v1/repos/{repository['repositoryName']}'"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert b"capabilities^{}" in push.stdout.readline()
        command = f"{'0' * 40} {'1' * 40} refs/heads/main\0report-status side-band-64k\n".encode()
        push.stdin.write(b"%04x" % (len(command) + 4) + command + b"0000" + b"PACK\0\0\0\2\0\0\0\2")
        push.stdin.flush()
        objects = os.path.join(server.data, "git", repository["repositoryId"] + ".git", "objects")
        assert server.stop() == 0
        out, said = push.communicate(timeout=60)
    finally:
        push.kill()
    assert push.returncode == 128, (out, said)
    assert b"The server is ending. Nothing of this push was kept" in said
    assert not [name for name in os.listdir(objects) if name.startswith("tmp_")]
