# SPDX-License-Identifier: Apache-2.0
"""The key that seals secrets: outside of the data folder, changed, and what a crash in between leaves."""
import json
import os
import shutil
import sqlite3

import pytest
from imagework import Registry
from towpath import Server, ServerFailed


def fill(s):
    """Secrets of every kind; what `check` needs."""
    keys = s.user("u", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    for i in range(2):
        s.client("ssm").put_parameter(Name="/a/p", Value=f"param {i}", Type="SecureString", Overwrite=True)
    s.client("ssm").put_parameter(Name="plain", Value="plain", Type="String")
    sm = s.client("secretsmanager")
    sm.create_secret(Name="s", SecretString="one")
    sm.put_secret_value(SecretId="s", SecretBinary=b"two\x00")
    s.client("events").create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})
    s.client("codebuild").import_source_credentials(serverType="GITHUB", authType="PERSONAL_ACCESS_TOKEN", token="t")
    s.client("codebuild").create_project(
        name="hooked", source={"type": "GITHUB", "location": "https://github.com/a/b"}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=f"arn:aws:iam::{s.account}:role/build")
    s.client("codebuild").create_webhook(projectName="hooked")
    return keys


def check(s, keys):
    assert s.client("sts", keys=keys).get_caller_identity()["Arn"].endswith("user/u")
    ssm, sm = s.client("ssm"), s.client("secretsmanager")
    assert [ssm.get_parameter(Name=n, WithDecryption=True)["Parameter"]["Value"]
            for n in ("/a/p", "/a/p:1", "plain")] == ["param 1", "param 0", "plain"]
    assert sm.get_secret_value(SecretId="s")["SecretBinary"] == b"two\x00"
    assert sm.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    assert s.client("events").describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED"


def check_session(s, session):
    assert s.client("sts", keys=session[:2], token=session[2]).get_caller_identity()["Arn"].endswith("user/u")


def documents(s):
    """All documents of the database as they are on the disk."""
    db = sqlite3.connect(f"file:{s.data}/towpath.db?mode=ro", uri=True)
    try:
        return dict(db.execute("SELECT kind || ' ' || id, doc FROM document"))
    finally:
        db.close()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, content):
    with open(path, "wb") as f:
        f.write(content)


def test_a_new_key(server):
    keys = fill(server)
    root = server.keys()
    session = server.client("sts", keys=keys).get_session_token()["Credentials"]
    session = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    password = Registry(server, keys=keys).password
    done = server.towpath("key", "rotate", check=False)
    assert done.returncode and f"in use by process {server.info['pid']}" in done.stderr
    server.stop()
    path = f"{server.data}/keys/seal.key"
    old, before = read(path), documents(server)
    told = json.loads(server.towpath("key", "rotate", "--json").stdout)
    # two keys, a parameter and its two versions, two versions of a secret, a connection, a token for a git host, a webhook
    assert told == {"keyFile": path, "secrets": 10}
    assert read(path) != old and os.stat(path).st_mode & 0o777 == 0o600
    changed = {k.split()[0] for k, v in documents(server).items() if v != before.get(k)}
    assert changed == {"iam.key", "iam.setting", "iam.session-key", "ssm.parameter", "ssm.version", "secret.version",
                       "event-connection-secret", "codebuild.credential", "codebuild.webhook"}
    server.start()
    assert server.keys() == root
    check(server, keys)
    check_session(server, session)
    assert Registry(server, password=password)("GET", "/v2/")[0] == 200
    # it survives a second one too
    server.stop()
    old = read(path)
    server.towpath("key", "rotate")
    server.start()
    check_session(server, session)
    # a change that was broken off before anything was sealed leaves all as it was
    server.stop()
    new = read(path)
    write(path + ".next", os.urandom(32))
    server.start()
    assert read(path) == new and not os.path.exists(path + ".next")
    check(server, keys)
    # one that was broken off behind the commit is brought to its end
    server.stop()
    os.rename(path, path + ".next")
    write(path, old)
    server.start()
    assert read(path) == new and not os.path.exists(path + ".next")
    check(server, keys)
    # another key, or none, is noticed
    server.stop()
    for wrong, message in ((old, "is not the one that this database is sealed with"), (None, "is missing")):
        os.unlink(path)
        if wrong:
            write(path, wrong)
        with pytest.raises(ServerFailed, match=message):
            server.start()
        if not wrong:
            assert not os.path.exists(path)


def test_a_key_somewhere_else(tmp_path):
    path = str(tmp_path / "outside" / "master.key")
    with Server("--key-file", path) as s:
        keys = fill(s)
        assert os.stat(path).st_mode & 0o777 == 0o600 and not os.path.exists(f"{s.data}/keys/seal.key")
        s.stop()
        assert json.loads(s.towpath("key", "rotate", "--json", "--key-file", path).stdout)["secrets"] == 10
        s.start()
        check(s, keys)
        s.stop()
        # a copy of the data folder alone tells nothing
        shutil.copytree(s.data, tmp_path / "copy", ignore=shutil.ignore_patterns("run"))
        thief = Server(data=str(tmp_path / "copy"))
        with pytest.raises(ServerFailed, match="the key file .*seal.key is missing"):
            thief.start()
