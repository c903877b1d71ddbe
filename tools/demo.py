#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Carries shop-api from a push to production with Towpath, then breaks it three times.

Everything goes through real clients: the aws CLI (with the JSON files of examples/shop-api/aws),
git with the CLI's credential helper, and HTTP requests to the load balancer all along."""
import argparse
import collections
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOWPATH = os.environ.get("TOWPATH", os.path.join(ROOT, "build", "towpath"))
EXAMPLE = os.path.join(ROOT, "examples", "shop-api")
PIPELINE, APPLICATION, FLEET = "shop-api-pipeline", "shop-api-app", "shop-api-fleet"
REQUESTS_PER_SECOND = 50
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
MARKS = {"Succeeded": ("32", "✔"), "Failed": ("31", "✘"), "InProgress": ("33", "▸"),
         "Stopped": ("31", "■"), "Superseded": ("90", "»"), None: ("90", "·")}


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text=""):
    print(text, flush=True)


def headline(number, text):
    say()
    say(paint("1", f"{number}  {text}"))


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if seconds >= 60 else f"{seconds:.1f}s"


class Trouble(Exception):
    """Something that ends the demo; the text is for the person who watches."""


class Server:
    """towpath serve, and the environment that points clients to it."""

    def __init__(self, data):
        self.data = data
        self.env = dict(os.environ)
        self.process = None

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        self.log_path = os.path.join(self.data, "serve.log")
        ready = os.path.join(self.data, "run", "server.json")
        before = os.stat(ready).st_mtime_ns if os.path.exists(ready) else 0
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen([TOWPATH, "serve", "--data", self.data, "--port", "0"], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        started = time.monotonic()
        while not (os.path.exists(ready) and os.stat(ready).st_mtime_ns != before):
            if self.process.poll() is not None or time.monotonic() - started > 30:
                tail = open(self.log_path, encoding="utf-8", errors="replace").read()[-2000:]
                raise Trouble(f"the server did not start:\n{tail}")
            time.sleep(0.02)
        self.info = json.load(open(ready, encoding="utf-8"))
        exports = subprocess.run([TOWPATH, "env", "--data", self.data], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout
        for name, value in re.findall(r"^export (\w+)='?([^'\n]*)'?;?$", exports, re.M):
            self.env[name] = value
        self.endpoint = self.env["AWS_ENDPOINT_URL"]
        self.env["AWS_PAGER"] = ""
        return time.monotonic() - started

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def aws(self, *args, **kwargs):
        """Runs the aws CLI; returns its parsed output."""
        command = ["aws", "--endpoint-url", self.endpoint, "--output", "json", *args]
        done = subprocess.run(command, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, **kwargs)
        if done.returncode:
            raise Trouble(f"aws {' '.join(args)} failed: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def create(self, service, operation, filename, values, **override):
        """aws SERVICE OPERATION --cli-input-json with a file of the example."""
        text = open(os.path.join(EXAMPLE, "aws", filename), encoding="utf-8").read()
        for name, value in values.items():
            text = text.replace("${" + name + "}", str(value))
        return self.aws(service, operation, "--cli-input-json", text, **override)


class Load:
    """Asks the service for its products all along, and counts the answers by version."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.lock = threading.Lock()
        self.answers = collections.Counter()  # (phase, version, status)
        self.phase = "start"
        self.failures = []  # what was no answer at all
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(n,), daemon=True) for n in range(4)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)

    def work(self, number):
        connection = None
        pause = len(self.threads) / REQUESTS_PER_SECOND
        due = time.monotonic() + number * pause / len(self.threads)
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + pause, time.monotonic() - 1)
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
                connection.request("GET", "/products")
                response = connection.getresponse()
                response.read()
                key = (response.getheader("X-Shop-Version") or "-", response.status)
                if response.will_close:
                    connection.close()
                    connection = None
                with self.lock:
                    self.answers[(self.phase, *key)] += 1
            except (OSError, http.client.HTTPException) as e:
                if connection:
                    connection.close()
                connection = None
                with self.lock:
                    self.answers[(self.phase, "-", 0)] += 1
                    self.failures.append(f"{self.phase}: {type(e).__name__}: {e}")

    def counts(self, phase):
        with self.lock:
            rows = [(v, s, n) for (p, v, s), n in self.answers.items() if p == phase]
        return {
            "served": sum(n for _, s, n in rows if 200 <= s < 500),
            "bad": sum(n for _, s, n in rows if s >= 500),
            "failed": sum(n for _, s, n in rows if s == 0),
            "bad_versions": {v for v, s, n in rows if s >= 500},
        }


class View:
    """The pipeline, live: redrawn in place on a terminal, a line a change elsewhere."""

    def __init__(self, server):
        self.server = server
        self.drawn = 0
        self.last = {}

    def lines(self, state, execution, started):
        out = []
        for stage in state["stageStates"]:
            latest = stage.get("latestExecution", {})
            ours = latest.get("pipelineExecutionId") == execution
            for action in stage.get("actionStates", []):
                run = action.get("latestExecution", {}) if ours else {}
                status = run.get("status")
                colour, mark = MARKS.get(status, MARKS[None])
                note = (run.get("errorDetails") or {}).get("message") or run.get("summary") or ""
                if status == "InProgress" and run.get("token"):
                    note = "waits for an approval"
                elif status == "InProgress" and run.get("externalExecutionId"):
                    note = f"waits for {run['externalExecutionId']}"
                out.append((f"{stage['stageName']}/{action['actionName']}", status, colour, mark, note.split("\n")[0]))
        return out

    def show(self, state, execution, started):
        rows = self.lines(state, execution, started)
        elapsed = clock(time.monotonic() - started)
        width = shutil.get_terminal_size((100, 24)).columns
        if COLOUR:
            if self.drawn:
                sys.stdout.write(f"\033[{self.drawn}A")
            for name, status, colour, mark, note in rows:
                text = f"   {mark} {name:<24} {status or 'waiting':<12} {note}"[:width - 1]
                sys.stdout.write("\033[2K" + paint(colour, text) + "\n")
            sys.stdout.write("\033[2K" + paint("90", f"   elapsed {elapsed}") + "\n")
            self.drawn = len(rows) + 1
            sys.stdout.flush()
        else:
            for name, status, _, mark, note in rows:
                if status and self.last.get(name) != (status, note):
                    self.last[name] = (status, note)
                    say(f"   {mark} {elapsed:>6}  {name:<24} {status:<12} {note}"[:200])

    def end(self):
        self.drawn, self.last = 0, {}


class Demo:
    def __init__(self, options):
        self.options = options
        self.server = Server(os.path.abspath(options.data))
        self.view = View(self.server)
        self.work = tempfile.mkdtemp(prefix="towpath-demo-")
        self.checkout = os.path.join(self.work, "shop-api")
        self.results = []
        self.load = None

    # ---- set up ----

    def set_up(self):
        s = self.server
        account = s.aws("sts", "get-caller-identity")["Account"]
        values = {"ACCOUNT": account, "BUCKET": "shop-api-artifacts", "PORT": self.options.port}
        s.aws("s3api", "create-bucket", "--bucket", values["BUCKET"])
        repository = s.create("codecommit", "create-repository", "repository.json", values)
        for role in ("build", "pipeline", "deploy"):
            s.create("iam", "create-role", f"role-{role}.json", values)
        s.create("iam", "put-role-policy", "role-build-policy.json", values)
        s.create("iam", "put-role-policy", "role-pipeline-policy.json", values)
        s.create("iam", "attach-role-policy", "role-deploy-policy.json", values)
        s.create("codebuild", "create-project", "project.json", values)
        group = s.create("elbv2", "create-target-group", "target-group.json", values)["TargetGroups"][0]
        values["TARGET_GROUP_ARN"] = group["TargetGroupArn"]
        values["TARGET_GROUP_DIMENSION"] = group["TargetGroupArn"].split(":")[-1]
        s.create("elbv2", "modify-target-group-attributes", "target-group-attributes.json", values)
        balancer = s.create("elbv2", "create-load-balancer", "load-balancer.json", values)["LoadBalancers"][0]
        values["LOAD_BALANCER_ARN"] = balancer["LoadBalancerArn"]
        s.create("elbv2", "create-listener", "listener.json", values)
        s.create("autoscaling", "create-launch-configuration", "launch-configuration.json", values)
        s.create("autoscaling", "create-auto-scaling-group", "auto-scaling-group.json", values)
        s.create("cloudwatch", "put-metric-alarm", "alarm.json", values)
        s.create("deploy", "create-application", "application.json", values)
        s.create("deploy", "create-deployment-group", "deployment-group.json", values)
        s.create("codepipeline", "create-pipeline", "pipeline.json", values)
        self.clone_url = repository["repositoryMetadata"]["cloneUrlHttp"]
        self.host, self.port = "127.0.0.1", self.options.port

    def git(self, *args):
        done = subprocess.run(["git", *args], cwd=self.checkout, env=self.server.env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise Trouble(f"git {' '.join(args)} failed:\n{done.stdout}")
        return done.stdout

    def prepare_checkout(self):
        shutil.copytree(EXAMPLE, self.checkout,
                        ignore=shutil.ignore_patterns("node_modules", "coverage", "dist", "aws"))
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Shop Developer")
        self.git("config", "user.email", "developer@shop.example")
        self.git("config", "credential.helper",
                 '!f() { test "$1" != get || aws codecommit credential-helper --ignore-host-check get; }; f')
        self.git("config", "credential.UseHttpPath", "true")
        self.git("remote", "add", "origin", self.clone_url)

    def push(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        commit = self.git("rev-parse", "HEAD").strip()
        self.git("push", "-q", "origin", "main")
        return commit

    # ---- watching ----

    def state(self):
        return self.server.aws("codepipeline", "get-pipeline-state", "--name", PIPELINE)

    def execution_of(self, commit):
        """The execution that the push of this commit started."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            rows = self.server.aws("codepipeline", "list-pipeline-executions", "--pipeline-name", PIPELINE)
            for row in rows["pipelineExecutionSummaries"]:
                if any(r.get("revisionId") == commit for r in row.get("sourceRevisions", [])):
                    return row["pipelineExecutionId"]
        raise Trouble(f"no execution of {PIPELINE} for commit {commit[:8]} within 30 s")

    def approve(self, state, execution):
        for stage in state["stageStates"]:
            if stage.get("latestExecution", {}).get("pipelineExecutionId") != execution:
                continue
            for action in stage.get("actionStates", []):
                run = action.get("latestExecution", {})
                if run.get("status") == "InProgress" and run.get("token"):
                    return stage["stageName"], action["actionName"], run["token"]
        return None

    def answer(self, stage, action, token):
        status = "Approved"
        if not self.options.yes:
            self.view.end()
            reply = input("   Release this to the fleet? [Y/n] ").strip().lower()
            status = "Rejected" if reply.startswith("n") else "Approved"
        self.server.aws("codepipeline", "put-approval-result", "--pipeline-name", PIPELINE, "--stage-name", stage,
                        "--action-name", action, "--token", token, "--result",
                        json.dumps({"status": status, "summary": "answered by the demo"}))

    def watch(self, commit, until=600):
        """Shows the execution to its end, answering approvals; returns it with its actions."""
        started = time.monotonic()
        execution = self.execution_of(commit)
        while time.monotonic() - started < until:
            state = self.state()
            self.view.show(state, execution, started)
            waiting = self.approve(state, execution)
            if waiting:
                self.answer(*waiting)
                continue
            status = self.server.aws("codepipeline", "get-pipeline-execution", "--pipeline-name", PIPELINE,
                                     "--pipeline-execution-id", execution)["pipelineExecution"]["status"]
            if status not in ("InProgress", "Stopping"):
                self.view.show(self.state(), execution, started)
                self.view.end()
                return execution, status
        raise Trouble(f"execution {execution} did not end within {until} s")

    def details(self, execution):
        rows = self.server.aws("codepipeline", "list-action-executions", "--pipeline-name", PIPELINE, "--filter",
                               json.dumps({"pipelineExecutionId": execution}))["actionExecutionDetails"]
        return {row["actionName"]: row for row in rows}

    def result_of(self, details, action):
        return details.get(action, {}).get("output", {}).get("executionResult", {})

    def deployment(self, details):
        found = self.result_of(details, "BlueGreen").get("externalExecutionId")
        return self.server.aws("deploy", "get-deployment", "--deployment-id", found)["deploymentInfo"] if found else None

    def await_rollback(self, deployment):
        """The deployment that put the old version back, at its end; None where none was needed."""
        found = deployment.get("rollbackInfo", {}).get("rollbackDeploymentId")
        deadline = time.monotonic() + 120
        while found and time.monotonic() < deadline:
            info = self.server.aws("deploy", "get-deployment", "--deployment-id", found)["deploymentInfo"]
            if info["status"] in ("Succeeded", "Failed", "Stopped"):
                return info
        return None

    # ---- the story ----

    def scenario(self, title, message, change, expected):
        number = len(self.results) + 1
        headline(number, title)
        phase = f"{number}"
        if self.load:
            self.load.phase = phase
        started = time.monotonic()
        if change:
            path = os.path.join(self.checkout, change[0])
            text = open(path, encoding="utf-8").read()
            if change[1] not in text:
                raise Trouble(f"{change[0]} does not hold {change[1]!r}")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace(change[1], change[2]))
        commit = self.push(message)
        say(f"   git push: {commit[:8]} {message}")
        execution, status = self.watch(commit)
        details = self.details(execution)
        result = {"title": title, "commit": commit, "execution": execution, "status": status, "phase": phase,
                  "details": details, "seconds": time.monotonic() - started}
        self.results.append(result)
        expected(result)
        result["seconds"] = time.monotonic() - started
        return result

    def expect_released(self, result):
        if result["status"] != "Succeeded":
            raise Trouble(f"the release ended {result['status']}: {self.errors(result)}")
        version = self.ask_version()
        if version != result["commit"][:8]:
            raise Trouble(f"the service answers version {version}, released was {result['commit'][:8]}")
        result["outcome"] = f"version {version} serves"
        self.good_version = version

    def expect_build_failure(self, result):
        build = self.result_of(result["details"], "BuildAndTest")
        if result["status"] != "Failed" or "BlueGreen" in result["details"]:
            raise Trouble(f"the failing test did not stop the release: {result['status']}")
        self.expect_old_version()
        result["outcome"] = "stopped at the build"
        say(f"   {build.get('errorDetails', {}).get('message', '').splitlines()[0]}")

    def expect_rollback(self, result):
        deployment = self.deployment(result["details"])
        if result["status"] != "Failed" or not deployment:
            raise Trouble(f"the bad release was not stopped: {result['status']}")
        said = self.result_of(result["details"], "BlueGreen").get("errorDetails", {}).get("message", "")
        say("   " + said.splitlines()[0].split("; ")[-1])
        rollback = self.await_rollback(deployment)
        self.expect_old_version()
        result["outcome"] = "rolled back" + (f" by {rollback['deploymentId']}" if rollback else "")

    def expect_alarm(self, result):
        self.expect_rollback(result)
        deployment = self.deployment(result["details"])
        code = deployment.get("errorInformation", {}).get("code")
        if code != "ALARM_ACTIVE":
            raise Trouble(f"the deployment ended with {code}, not by its alarm")
        result["outcome"] = "alarm, " + result["outcome"]

    def errors(self, result):
        return "; ".join(f"{name}: {self.result_of(result['details'], name).get('errorDetails', {}).get('message')}"
                         for name in result["details"] if self.result_of(result["details"], name).get("errorDetails"))

    def ask_version(self):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        connection.request("GET", "/products")
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.getheader("X-Shop-Version") if response.status == 200 else f"(status {response.status})"

    def expect_old_version(self):
        version = self.ask_version()
        if version != self.good_version:
            raise Trouble(f"version {version} serves, {self.good_version} should")

    def run(self):
        if os.path.exists(os.path.join(self.server.data, "towpath.db")):
            if not self.options.fresh:
                raise Trouble(f"{self.server.data} holds an earlier demo: remove it with --fresh, or name another"
                              " folder with --data")
            subprocess.run([TOWPATH, "destroy", "--data", self.server.data, "--yes"], check=True)
        began = time.monotonic()
        headline("0", "Starting the server and making the shop's objects")
        say(f"   server ready after {clock(self.server.start())} at {self.server.endpoint}")
        self.set_up()
        say(f"   repository, build project, fleet, load balancer, alarm and pipeline made with the aws CLI"
            f" ({clock(time.monotonic() - began)})")
        self.prepare_checkout()
        self.scenario("A push reaches production", "shop: first release", None, self.expect_released)
        build = self.result_of(self.results[0]["details"], "BuildAndTest").get("externalExecutionId")
        say(f"   The shop answers at {paint('1', f'http://{self.host}:{self.port}/products')}")
        self.load = Load(self.host, self.port)
        self.load.start()
        self.scenario("A push with a failing test stops at the build", "shop: cheaper rope",
                      ("src/shop.js", "cents: 4900", "cents: 4800"), self.expect_build_failure)
        self.git("revert", "--no-edit", "HEAD")
        self.scenario("A push whose health check fails is rolled back", "shop: health asks the warehouse",
                      ("src/app.js", "  app.get('/health', (req, res) => {\n",
                       "  app.get('/health', (req, res) => {\n    if (process.env.NODE_ENV === 'production') "
                       "return res.status(500).json({ status: 'ill' });\n"), self.expect_rollback)
        self.git("revert", "--no-edit", "HEAD")
        self.scenario("A push that answers 5xx raises an alarm and is rolled back", "shop: prices from the new service",
                      ("src/app.js", "  app.get('/products', (req, res) => {\n",
                       "  app.get('/products', (req, res) => {\n    if (process.env.NODE_ENV === 'production') "
                       "return res.status(503).json({ error: 'no prices' });\n"), self.expect_alarm)
        self.load.phase = "after"
        time.sleep(1)
        self.load.stop()
        return self.summary(build, time.monotonic() - began)

    def summary(self, build, seconds):
        headline("=", "What happened")
        bad_commit = self.results[3]["commit"][:8]
        say(f"   {'':2} {'push':<58} {'took':>6}  {'served':>6}  {'5xx':>4}  {'failed':>6}  outcome")
        failed = 0
        for number, result in enumerate(self.results, 1):
            counts = self.load.counts(result["phase"])
            failed += counts["failed"]
            stray = counts["bad_versions"] - {bad_commit}
            failed += counts["bad"] if stray else 0
            say(f"   {number:<2} {result['title']:<58} {clock(result['seconds']):>6}  {counts['served']:>6}"
                f"  {counts['bad']:>4}  {counts['failed']:>6}  {result['outcome']}")
        say(f"   The 5xx are answers of the bad version {bad_commit} itself, from when traffic reached it until the"
            " alarm took it back.")
        say(f"   All in {clock(seconds)}; requests failed otherwise: {failed}")
        for failure in self.load.failures[:5]:
            say(paint("31", f"   {failure}"))
        say()
        if self.options.keep:
            say(f"   The server goes on. Your own tools work with:  eval \"$({TOWPATH} env --data {self.options.data})\"")
            say(f"     aws codepipeline get-pipeline-state --name {PIPELINE}")
            say(f"     aws codebuild batch-get-builds --ids {build}")
            say(f"     aws deploy list-deployments --application-name {APPLICATION}")
            say(f"     {TOWPATH} logs -f {build}")
            say(f"     git clone {self.clone_url}")
            say(f"   Stop it with: kill {self.server.process.pid}")
        return 0 if failed == 0 else 1


def choose_port():
    """8088, or one that is free."""
    for port in (8088, 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("0.0.0.0", port))
            except OSError:
                continue
            return s.getsockname()[1]
    raise Trouble("no port is free for the load balancer")


def parse():
    parser = argparse.ArgumentParser(prog="./demo", description="Takes shop-api from a push to production, then "
                                     "shows the safety net: a failing test, a failing health check, an alarm.")
    parser.add_argument("--yes", action="store_true", help="answer the approvals with yes")
    parser.add_argument("--keep", action="store_true", help="leave the server running at the end")
    parser.add_argument("--data", default=os.path.join(ROOT, "demo-data"), metavar="DIR", help="the server's data folder")
    parser.add_argument("--port", type=int, help="port of the shop's load balancer (8088, or another when that is taken)")
    parser.add_argument("--fresh", action="store_true", help="remove what an earlier demo left in the data folder")
    return parser.parse_args()


def main():
    options = parse()
    if not sys.stdin.isatty():
        options.yes = True
    options.port = options.port or choose_port()
    demo = Demo(options)
    code = 1
    try:
        code = demo.run()
    except Trouble as e:
        say(paint("31", f"\nThe demo stopped: {e}"))
        say(f"The server's log is {os.path.join(options.data, 'serve.log')}")
    except KeyboardInterrupt:
        say("\nInterrupted.")
        code = 130
    finally:
        if demo.load:
            demo.load.stopping.set()
        if not (options.keep and code == 0):
            demo.server.stop()
        if code == 0 and not options.keep:
            subprocess.run([TOWPATH, "destroy", "--data", demo.server.data, "--yes"], check=False)
        elif code != 0:
            say(f"Its data is kept; to remove it: {TOWPATH} destroy --data {options.data}")
        shutil.rmtree(demo.work, ignore_errors=True)
    return code


sys.exit(main())
