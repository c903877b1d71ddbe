# SPDX-License-Identifier: Apache-2.0
"""The program's own commands, against a real server."""
import datetime
import json
import os
import socket
import subprocess

import pytest

from towpath import TOWPATH, Server, ServerFailed


def bash(script, **env):
    return subprocess.run(["bash", "-c", script], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=180,
                          env=dict(os.environ, AWS_PAGER="", **env))


def test_env_is_all_the_cli_needs(shared_server):
    """eval "$(towpath env)", then plain aws: also with a CLI that knows no AWS_ENDPOINT_URL."""
    done = bash(f'PATH=/usr/bin:$PATH; eval "$({TOWPATH} env --data {shared_server.data})"; '
                'aws sts get-caller-identity', HOME=shared_server.data)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Account"] == shared_server.account


def test_env_as_json(shared_server):
    got = json.loads(shared_server.towpath("env", "--json").stdout)
    assert got["AWS_ENDPOINT_URL"] == shared_server.endpoint
    assert (got["AWS_ACCESS_KEY_ID"], got["AWS_SECRET_ACCESS_KEY"]) == shared_server.keys()


def test_status(shared_server):
    got = json.loads(shared_server.towpath("status", "--json").stdout)
    assert got["endpoint"] == shared_server.endpoint


def test_a_faster_clock_is_told_and_never_goes_back():
    with Server("--clock-rate", "3600") as s:
        assert "its clock runs 3600 times as fast as true time" in s.towpath("status").stdout
        assert json.loads(s.towpath("status", "--json").stdout)["clockRate"] == 3600
        assert "the clock runs 3600 times as fast" in s.stderr()

        def created(name):
            api = s.client("codedeploy")
            api.create_application(applicationName=name)
            return api.get_application(applicationName=name)["application"]["createTime"]
        fast = created("a")
        s.stop()
        s.arguments = []
        s.start()
        slow = created("b")
        assert slow > fast and slow > datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
        assert "its clock runs" not in s.towpath("status").stdout


def test_files_with_secrets_are_private(shared_server):
    for name in ("credentials", "keys/seal.key"):
        assert os.stat(os.path.join(shared_server.data, name)).st_mode & 0o077 == 0
    assert os.stat(os.path.join(shared_server.data, "keys")).st_mode & 0o077 == 0


def test_commands_without_a_server(tmp_path):
    done = subprocess.run([TOWPATH, "status", "--data", str(tmp_path / "none")], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and "towpath serve" in done.stderr


@pytest.mark.parametrize("words", [["frobnicate"], ["serve", "--port", "x"],
                                   ["serve", "--port", "70000"], ["serve", "--nonsense"],
                                   ["logs"], ["approve"]])
def test_wrong_command_lines(words, tmp_path):
    done = subprocess.run([TOWPATH, *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60,
                          env=dict(os.environ, TOWPATH_DATA=str(tmp_path)))
    assert done.returncode in (1, 2) and done.stderr.startswith("towpath: ")


def test_one_server_a_folder(shared_server):
    second = Server(data=shared_server.data)
    info = os.path.join(shared_server.data, "run", "server.json")
    with open(info, encoding="utf-8") as f:
        before = f.read()
    with pytest.raises(ServerFailed) as e:
        second.start()
    assert str(shared_server.process.pid) in str(e.value)
    with open(info, "w", encoding="utf-8") as f:
        f.write(before)
    assert shared_server.client("sts").get_caller_identity()


def test_wrong_account_is_refused(server):
    wrong = "1" * 12
    server.stop()
    with pytest.raises(ServerFailed) as e:
        server.restart("--account", wrong)
    assert "belongs to account" in str(e.value)
    server.restart("--address", "127.0.0.1")


def test_account_and_root_key_can_be_given():
    with Server("--account", "123456789012", "--root-key-id", "AKIAGIVENKEYGIVENKEY",
                "--root-key-secret", "given/secret", "--region", "eu-west-1") as s:
        assert s.keys() == ("AKIAGIVENKEYGIVENKEY", "given/secret")
        assert s.client("sts").get_caller_identity()["Account"] == "123456789012"
        assert s.region == "eu-west-1"


def test_backup_and_restore(server):
    server.client("codecommit").create_repository(repositoryName="kept")
    keys = server.user("kept", {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"})
    server.run("git", "clone", "-q", server.git_url("kept"), "work")
    server.run("git", "commit", "-q", "--allow-empty", "-m", "one", cwd=server.data + "/work")
    server.run("git", "push", "-q", "origin", "HEAD:main", cwd=server.data + "/work")
    head = server.run("git", "rev-parse", "HEAD", cwd=server.data + "/work").stdout.strip()
    file = server.data + "/saved.tar"
    saved = json.loads(server.towpath("backup", "--json", file).stdout)
    assert saved["file"] == file and saved["files"] > 5 and saved["bytes"] > 1000
    fresh = server.data + "/restored"
    told = json.loads(server.run(TOWPATH, "restore", "--json", file, "--data", fresh).stdout)
    assert told["dataDir"] == fresh and told["files"] == saved["files"]
    # the record of calls came along, and its chain goes on
    told = json.loads(server.run(TOWPATH, "audit", "verify", "--json", "--data", fresh).stdout)
    assert told["records"] > 5
    with Server(data=fresh) as again:
        assert again.account == server.account
        answer = again.client("codecommit", keys).get_branch(repositoryName="kept",
                                                             branchName="main")
        assert answer["branch"]["commitId"] == head
        again.stop()
        assert json.loads(server.run(TOWPATH, "audit", "verify", "--json", "--data", fresh).stdout)[
            "records"] > told["records"]
    # a damaged file is noticed, and nothing is left
    with open(file, "r+b") as f:
        f.seek(os.path.getsize(file) // 2)
        f.write(b"\xff" * 4096)
    done = server.run(TOWPATH, "restore", file, "--data", server.data + "/bad", check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell):
    done = subprocess.run([TOWPATH, "completion", shell], text=True, check=True,
                          stdout=subprocess.PIPE, timeout=60)
    assert "approve" in done.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=True)


def test_help_of_every_command():
    done = subprocess.run([TOWPATH, "help"], text=True, check=True, stdout=subprocess.PIPE)
    names = [line.split()[0] for line in done.stdout.split("Commands:\n")[1].splitlines()
             if line.startswith("  ") and line.split()]
    assert "serve" in names and "agent" in names
    for name in names:
        text = subprocess.run([TOWPATH, "help", name], text=True, check=True,
                              stdout=subprocess.PIPE).stdout
        assert text.startswith("usage: towpath " + name)


def test_doctor(shared_server):
    assert shared_server.towpath("doctor", check=False).returncode in (0, 1)
    found = json.loads(shared_server.towpath("doctor", "--json", check=False).stdout)
    assert all(f["verdict"] in ("fine", "limited", "broken") and f["finding"] for f in found)
    assert {"verdict": "fine", "finding": "towpath-ssh stands beside this program: git over SSH"} in found


def test_stop_is_quick_while_somebody_polls(server):
    """SIGTERM does not wait for connections that only wait: the server's own limit for them is 75 seconds."""
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert server.stop(60) == 0
