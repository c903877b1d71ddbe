# SPDX-License-Identifier: Apache-2.0
"""Git clients and the journal, for tests of pushes."""
import glob
import json
import os
import sqlite3
import subprocess


def git_login(server, name="pusher", *statements):
    """Git credentials of a new IAM user, as "user:password@" for a URL."""
    server.user(name, *(statements or ({"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"},)))
    made = server.client("iam").create_service_specific_credential(
        UserName=name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    password = "".join(f"%{ord(c):02x}" for c in made["ServicePassword"])
    return f"{made['ServiceUserName']}:{password}@"


def url(server, login, repository):
    return server.git_url(repository).replace("://", "://" + login, 1)


class Work:
    """A working folder with its own configuration."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "AWS_"))}
        self.env.update(HOME=self.folder, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0", LC_ALL="C",
                        GIT_AUTHOR_NAME="T", GIT_AUTHOR_EMAIL="t@example.com",
                        GIT_COMMITTER_NAME="T", GIT_COMMITTER_EMAIL="t@example.com")

    def git(self, *argv, check=True, timeout=300):
        done = subprocess.run(["git", *argv], cwd=self.folder, env=self.env, text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if check and done.returncode:
            raise AssertionError(f"git {argv}: {done.stdout}{done.stderr}")
        return done

    def start(self, *argv):
        return subprocess.Popen(["git", *argv], cwd=self.folder, env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def commit(self, name="file", text="text"):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", text[:60])
        return self.git("rev-parse", "HEAD").stdout.strip()


def journal(server, kind="codecommit.ref"):
    """Details of the journal's entries of a kind, in order."""
    db = sqlite3.connect(f"file:{server.data}/towpath.db?mode=ro", uri=True, timeout=60)
    try:
        return [json.loads(row[0]) for row in
                db.execute("SELECT detail FROM journal WHERE kind = ? ORDER BY seq", (kind,))]
    finally:
        db.close()


def check_chain(server, repository_path, repository=None):
    """The events of each reference (of the repository named, where there are several) lead from nothing to what the
    reference holds, without a gap and without a repetition."""
    state = {}
    for event in journal(server):
        if repository not in (None, event["repositoryName"]):
            continue
        ref = event["referenceFullName"]
        assert event.get("oldCommitId") == state.get(ref), event
        state[ref] = event.get("commitId")
    refs = subprocess.run(["git", f"--git-dir={repository_path}", "for-each-ref", "--format=%(objectname) %(refname)"],
                          check=True, text=True, stdout=subprocess.PIPE).stdout.split("\n")
    assert {line.split()[1]: line.split()[0] for line in refs if line} == {k: v for k, v in state.items() if v}
    fsck = subprocess.run(["git", f"--git-dir={repository_path}", "fsck", "--connectivity-only"], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert fsck.returncode == 0, fsck.stdout


class SshUser:
    """An IAM user with an SSH key of her own, and git's settings for it."""

    def __init__(self, server, folder, name="pusher", *statements, kind="ed25519"):
        self.server, self.name = server, name
        os.makedirs(str(folder), exist_ok=True)
        server.user(name, *(statements or ({"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"},)))
        self.key = os.path.join(str(folder), "key")
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", self.key], check=True)
        with open(self.key + ".pub", encoding="utf-8") as f:
            self.public = f.read()
        self.id = server.client("iam").upload_ssh_public_key(
            UserName=name, SSHPublicKeyBody=self.public)["SSHPublicKey"]["SSHPublicKeyId"]
        self.known_hosts = os.path.join(str(folder), "known_hosts")
        with open(self.known_hosts, "w", encoding="utf-8") as f:
            for public in glob.glob(server.data + "/keys/ssh_host_*.pub"):
                with open(public, encoding="utf-8") as key:
                    f.write("towpath " + key.read())

    def command(self, *more):
        """ssh with this key alone, which knows the server's host keys and trusts no others."""
        return ["ssh", "-F", "/dev/null", "-i", self.key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                "-o", "HostKeyAlias=towpath", "-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes", *more]

    def ssh(self, *words, options=(), user=None, **more):
        return subprocess.run(
            [*self.command(*options), "-p", str(self.server.info["sshPort"]), f"{user or self.id}@127.0.0.1", *words],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180, check=False,
            **more)

    def url(self, repository):
        return f"ssh://{self.id}@127.0.0.1:{self.server.info['sshPort']}/v1/repos/{repository}"

    def work(self, folder):
        work = Work(folder)
        work.env["GIT_SSH_COMMAND"] = " ".join(self.command())
        return work
