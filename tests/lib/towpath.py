# SPDX-License-Identifier: Apache-2.0
"""A server of one's own for a test: started on a fresh data folder and a free port, driven with
real clients, killed or stopped at the end.

    def test_x(server):                                # fixture of tests/conftest.py
        server.client("codecommit").create_repository(repositoryName="r")
        server.aws("sts", "get-caller-identity")       # the aws CLI, parsed
        server.run("git", "clone", server.git_url("r"), "work")
        server.kill9(); server.restart()
"""
import glob
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

import boto3
import botocore.config

TOWPATH = os.environ.get("TOWPATH", "towpath")
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ACCOUNT = "123456789012"  # of test servers, unless they are given another


def end_process(pid, program):
    """Unless its number is another program's by now."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            if f.read().startswith(program):
                os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError):
        pass


class ServerFailed(Exception):
    pass


class Server:
    def __init__(self, *arguments, data=None, env=None, roles=True):
        self.arguments = list(arguments)
        self.roles = roles
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="towpath-test-")
        self.extra_env = dict(env or {})
        self.process = None
        self.info = {}
        self.logs = []

    # ---- life ----

    def start(self, timeout=120):
        """Starts it and waits until it answers (run/server.json is written last)."""
        ready = os.path.join(self.data, "run", "server.json")
        if os.path.exists(ready):
            os.unlink(ready)
        # one of its own: servers of one folder do not write into each other's
        log = tempfile.NamedTemporaryFile(prefix="stderr.", dir=self.data, delete=False)
        self.logs.append(log.name)
        env = dict(os.environ, TOWPATH_VALIDATE_REPLIES="1")
        env.update(self.extra_env)
        env = {k: v for k, v in env.items() if v is not None}
        account = [] if "--account" in self.arguments else ["--account", ACCOUNT]
        self.process = subprocess.Popen(
            [TOWPATH, "serve", "--data", self.data, "--port", "0", *account, *self.arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        log.close()
        self._await_ready(ready, timeout)
        with open(ready, encoding="utf-8") as f:
            self.info = json.load(f)
        try:
            self._make_roles()
        except Exception:
            self.close()
            raise
        return self

    # ---- service roles ----

    ROLES = {"build": "codebuild", "deploy": "codedeploy", "pipeline": "codepipeline"}

    def _make_roles(self):
        """arn:aws:iam::<account>:role/build, deploy and pipeline, which may do everything: for tests that are not
        about what roles may do. Made once a data folder; roles=False: not at all."""
        done = os.path.join(self.data, "test-roles")
        if not self.roles or os.path.exists(done):
            return
        iam = self.client("iam")
        there = {r["RoleName"] for r in iam.list_roles(MaxItems=1000)["Roles"]}  # in a restored folder
        for name, service in self.ROLES.items():
            if name in there:
                continue
            self.service_role(name, f"{service}.amazonaws.com",
                              {"Effect": "Allow", "Action": "*", "Resource": "*"}, iam=iam)
        open(done, "w", encoding="utf-8").close()

    def service_role(self, name, service, *statements, iam=None):
        """A role that trusts the service, with these statements as its policy; its ARN."""
        iam = iam or self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]}))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": list(statements)}))
        return arn

    def _await_ready(self, path, timeout):
        end = time.monotonic() + timeout
        watch = os.pidfd_open(self.process.pid)
        try:
            while not os.path.exists(path):
                left = end - time.monotonic()
                # ends early when the process does
                if select.select([watch], [], [], min(0.02, max(left, 0)))[0] or left <= 0:
                    if not os.path.exists(path):
                        self.process.kill()
                        self.process.wait()
                        raise ServerFailed("the server did not start:\n" + self.stderr())
        finally:
            os.close(watch)

    def stop(self, timeout=120):
        """SIGTERM; returns the exit status."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerFailed("the server did not stop:\n" + self.stderr()) from None
        self.process = None
        return status

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self, *arguments):
        """Stops it if it runs, and starts it on the same data folder."""
        if arguments:
            self.arguments = list(arguments)
        if self.process is not None:
            self.stop()
        return self.start()

    def _end_leaders(self):
        """Builds outlive the server: what still runs of this test is ended."""
        for status in glob.glob(os.path.join(self.data, "builds", "*", "status.log")):
            with open(status, encoding="utf-8") as f:
                records = [json.loads(line) for line in f if line.endswith("\n")]
            if records and records[-1]["kind"] != "finished":
                end_process(records[0]["pid"], "towpath")

    def _end_traffic(self):
        """The data plane outlives the server."""
        path = os.path.join(self.data, "traffic", "haproxy.pid")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            if text:  # not written yet: it was ended as it started
                end_process(int(text), "haproxy")

    def _end_fleet(self):
        """Instances, tasks and their network outlive the server as well."""
        if self.own_data and os.path.exists(os.path.join(self.data, "fleet", "subnet")):
            subprocess.run([TOWPATH, "destroy", "--yes", "--data", self.data], check=False,
                           stdout=subprocess.DEVNULL)

    def close(self):
        self.kill9()
        self._end_fleet()
        self._end_leaders()
        self._end_traffic()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, *_):
        self.close()

    def stderr(self):
        out = []
        for path in self.logs:
            with open(path, encoding="utf-8", errors="replace") as f:
                out.append(f.read())
        return "".join(out)

    # ---- clients ----

    @property
    def endpoint(self):
        return self.info["endpoint"]

    @property
    def account(self):
        return self.info["account"]

    @property
    def region(self):
        return self.info["region"]

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1])

    def keys(self):
        """root's access key: (id, secret)."""
        pair = {}
        with open(os.path.join(self.data, "credentials"), encoding="utf-8") as f:
            for line in f:
                name, _, value = line.partition("=")
                pair[name.strip()] = value.strip()
        return pair["aws_access_key_id"], pair["aws_secret_access_key"]

    def client(self, service, keys=None, token=None, region=None, **config):
        """A boto3 client; keys: (id, secret) of somebody else than root."""
        key_id, secret = keys or self.keys()
        config.setdefault("retries", {"max_attempts": 0})
        config.setdefault("read_timeout", 180)
        config.setdefault("s3", {"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.endpoint, verify=self.info.get("caFile"),
                            region_name=region or self.region, aws_access_key_id=key_id,
                            aws_secret_access_key=secret, aws_session_token=token,
                            config=botocore.config.Config(**config))

    def newest_client(self, service, keys=None):
        """A boto3 client that knows the whole model that the server was made from: Debian's botocore
        is older and drops what it does not know."""
        model = os.path.join(SOURCE, "model", service + ".json")
        with open(model, encoding="utf-8") as f:
            version = json.load(f)["metadata"]["apiVersion"]
        with tempfile.TemporaryDirectory() as data:
            folder = os.path.join(data, service, version)
            os.makedirs(folder)
            shutil.copy(model, os.path.join(folder, "service-2.json"))
            session = boto3.Session()
            session._loader.search_paths.insert(0, data)
            key_id, secret = keys or self.keys()
            return session.client(
                service, endpoint_url=self.endpoint, region_name=self.region,
                aws_access_key_id=key_id, aws_secret_access_key=secret,
                config=botocore.config.Config(retries={"max_attempts": 0}, read_timeout=180))

    def user(self, name, *statements):
        """Makes a user with an inline policy of these statements; returns its keys."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": list(statements)}))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def git_url(self, repository):
        return f"{self.endpoint}/v1/repos/{repository}"

    def env(self, keys=None):
        """Environment for aws and git, as `towpath env` gives it."""
        text = subprocess.run([TOWPATH, "env", "--no-function", "--data", self.data],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GIT_"))}
        for line in text.splitlines():
            if line.startswith("export "):
                name, _, value = line[7:].partition("=")
                env[name] = value.strip("'")
        if keys:
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = keys[:2]
            env.update({"AWS_SESSION_TOKEN": token for token in keys[2:]})
        # no file of the person who runs the tests has a say
        env.update(HOME=self.data, AWS_EC2_METADATA_DISABLED="true", AWS_PAGER="",
                   GIT_TERMINAL_PROMPT="0", GIT_CONFIG_NOSYSTEM="1",
                   GIT_AUTHOR_NAME="T", GIT_AUTHOR_EMAIL="t@example.com",
                   GIT_COMMITTER_NAME="T", GIT_COMMITTER_EMAIL="t@example.com")
        return env

    def run(self, *argv, keys=None, check=True, cwd=None, timeout=300, **more):
        """Runs a program with env(); output is captured as text."""
        done = subprocess.run(list(argv), env=dict(self.env(keys), **more.pop("env", {})),
                              cwd=cwd or self.data, timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        if check and done.returncode != 0:
            raise AssertionError(f"{argv} ended with {done.returncode}:\n{done.stdout}"
                                 f"{done.stderr}\n-- server --\n{self.stderr()[-4000:]}")
        return done

    def aws(self, *argv, keys=None, check=True):
        """The aws CLI; its JSON answer, or the finished process when check is False."""
        done = self.run("/usr/bin/aws", "--endpoint-url", self.endpoint, *argv, keys=keys,
                        check=check)
        if not check:
            return done
        return json.loads(done.stdout) if done.stdout.strip() else None

    def towpath(self, *argv, check=True, **more):
        """One of the program's own commands on this server's data folder."""
        return self.run(TOWPATH, *argv, "--data", self.data, check=check, **more)
