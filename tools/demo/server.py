# SPDX-License-Identifier: Apache-2.0
"""towpath serve, and the clients that talk to it: botocore (the aws CLI's own library) for what is
asked all the time, the aws CLI itself for what a person would type."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import botocore.config
import botocore.exceptions
import botocore.session
from terminal import Trouble

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOWPATH = os.environ.get("TOWPATH", os.path.join(ROOT, "build", "towpath"))
EXAMPLE = os.path.join(ROOT, "examples", "shop-api")


def free_port(*wanted):
    """The first of the wanted ports that nobody has, or else any."""
    for port in (*wanted, 0):
        with contextlib.suppress(OSError), socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("0.0.0.0", port))
            return s.getsockname()[1]
    raise Trouble("no port is free")


class Server:
    def __init__(self, data, clock_rate):
        self.data, self.clock_rate = data, clock_rate
        self.env = dict(os.environ, AWS_PAGER="")
        self.process = None
        self.clients = {}

    def start(self, port):
        """Returns how long it took, in seconds."""
        os.makedirs(self.data, exist_ok=True)
        self.log_path = os.path.join(self.data, "serve.log")
        ready = os.path.join(self.data, "run", "server.json")
        before = os.stat(ready).st_mtime_ns if os.path.exists(ready) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [TOWPATH, "serve", "--data", self.data, "--port", str(port), "--clock-rate", str(self.clock_rate)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        started = time.monotonic()
        while not (os.path.exists(ready) and os.stat(ready).st_mtime_ns != before):
            if self.process.poll() is not None or time.monotonic() - started > 60:
                with open(self.log_path, encoding="utf-8", errors="replace") as log:
                    raise Trouble(f"the server did not start:\n{log.read()[-2000:]}")
            time.sleep(0.02)
        exports = subprocess.run([TOWPATH, "env", "--data", self.data], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        for name, value in re.findall(r"^export (\w+)='?([^'\n]*)'?;?$", exports, re.M):
            self.env[name] = value
        self.endpoint = self.env["AWS_ENDPOINT_URL"]
        self.registry = self.endpoint.split("//")[1]
        return time.monotonic() - started

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def destroy(self):
        subprocess.run([TOWPATH, "destroy", "--data", self.data, "--yes"], check=False)

    # ---- clients ----

    def client(self, service):
        if service not in self.clients:
            session = botocore.session.Session()
            session.get_component("data_loader").search_paths.insert(0, self.models())
            session.set_credentials(self.env["AWS_ACCESS_KEY_ID"], self.env["AWS_SECRET_ACCESS_KEY"])
            self.clients[service] = session.create_client(
                service, region_name=self.env.get("AWS_DEFAULT_REGION", "us-east-1"), endpoint_url=self.endpoint,
                config=botocore.config.Config(retries={"max_attempts": 2}, read_timeout=120))
        return self.clients[service]

    def models(self):
        """A folder with the models that the server was made from: Debian's botocore is older and does not know
        conditions, triggers and automatic retries."""
        top = os.path.join(self.data, "demo", "models")
        for service, version in (("codepipeline", "2015-07-09"), ("codebuild", "2016-10-06")):
            folder = os.path.join(top, service, version)
            if not os.path.exists(folder):
                os.makedirs(folder)
                shutil.copy(os.path.join(ROOT, "model", f"{service}.json"), os.path.join(folder, "service-2.json"))
        return top

    def call(self, service, operation, **arguments):
        """One operation, by its name in the client (create_pipeline); its answer."""
        try:
            return getattr(self.client(service), operation)(**arguments)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as e:
            raise Trouble(f"{service} {operation.replace('_', '-')}: {e}") from e

    def document(self, filename, values):
        """The text of a file of the example with ${NAME} filled in."""
        with open(os.path.join(EXAMPLE, "aws", filename), encoding="utf-8") as f:
            text = f.read()
        return re.sub(r"\$\{(\w+)\}", lambda m: str(values[m[1]]), text)

    def create(self, service, operation, filename, **values):
        """What `aws SERVICE OPERATION --cli-input-json file://FILENAME` does."""
        return self.call(service, operation.replace("-", "_"), **json.loads(self.document(filename, values)))

    def cli(self, *args):
        """The aws CLI; its exit status and output."""
        done = subprocess.run(["aws", "--endpoint-url", self.endpoint, *args], env=self.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout
