# SPDX-License-Identifier: Apache-2.0
"""The pipeline, live: redrawn in place on a terminal, a line a change elsewhere."""
import re
import sys
import time

from terminal import COLOUR, clock, cut, paint, say, width

MARKS = {"Succeeded": ("32", "✔"), "Failed": ("31", "✘"), "InProgress": ("33", "▸"), "Stopped": ("31", "■"),
         "Superseded": ("90", "»"), "Abandoned": ("90", "»"), None: ("90", "·")}
MINUTE = 60


class Row:
    def __init__(self, name, status, text, live="", seconds=None):
        self.name, self.status, self.text, self.live, self.seconds = name, status, text, live, seconds


class View:
    def __init__(self, server, usual):
        """usual: action -> seconds that it took the last time; kept up to date."""
        self.server, self.usual = server, usual
        self.end()

    def end(self):
        """The next picture is drawn below."""
        self.drawn, self.last = 0, {}
        self.since = {}  # what was seen first when

    def first_seen(self, *key):
        return time.monotonic() - self.since.setdefault(key, time.monotonic())

    # ---- what an action waits for ----

    def left(self, name, elapsed):
        """How long an action like this still takes, going by the last one."""
        usual = self.usual.get(name)
        if not usual:
            return ""
        return f", about {clock(usual - elapsed)} left" if usual > elapsed else ", longer than last time"

    def countdown(self, key, minutes):
        """A wait of so many minutes by the server's clock, from when it was first seen."""
        rate = self.server.clock_rate
        left = max(0, minutes * MINUTE / rate - self.first_seen(*key))
        if rate == 1:
            return f" in {clock(left)}"
        return f" in {clock(left)} ({minutes} min)"

    def build(self, name, build, elapsed):
        found = self.server.call("codebuild", "batch_get_builds", ids=[build])["builds"]
        if not found:
            return build, self.left(name, elapsed)
        text = f"build {found[0].get('buildNumber', '')}: {found[0].get('currentPhase', '')}"
        retry = found[0].get("autoRetryConfig", {})
        if retry.get("autoRetryNumber"):
            text += f", automatic retry {retry['autoRetryNumber']} of {retry['autoRetryLimit']}"
        return text, self.left(name, elapsed)

    def deployment(self, name, deployment, elapsed):
        info = self.server.call("codedeploy", "get_deployment", deploymentId=deployment)["deploymentInfo"]
        wait = info.get("blueGreenDeploymentConfiguration", {}).get("terminateBlueInstancesOnDeploymentSuccess", {})
        if info.get("instanceTerminationWaitTimeStarted"):
            minutes = wait.get("terminationWaitTimeInMinutes", 0)
            return "100% on the new version", ", the old one goes" + self.countdown(
                (deployment, "end"), minutes)
        if info.get("computePlatform") == "ECS":
            shown = self.shift(deployment, info["deploymentConfigName"])
            if shown:
                return shown
        return f"{deployment}: {info['status']}", self.left(name, elapsed)

    def shift(self, deployment, config):
        """What a deployment to containers has moved, once it moves."""
        target = self.server.call("codedeploy", "list_deployment_targets", deploymentId=deployment)["targetIds"]
        if not target:
            return None
        target = self.server.call("codedeploy", "get_deployment_target", deploymentId=deployment, targetId=target[0])[
            "deploymentTarget"]["ecsTarget"]
        running = [e["lifecycleEventName"] for e in target.get("lifecycleEvents", []) if e["status"] == "InProgress"]
        share = [t.get("trafficWeight", 0) for t in target.get("taskSetsInfo", []) if t.get("taskSetLabel") == "Green"]
        if "AllowTraffic" not in running or not share or not share[0]:
            return (f"{running[0]}: tasks of the new version come up", "") if running else None
        routing = self.server.call("codedeploy", "get_deployment_config", deploymentConfigName=config)[
            "deploymentConfigInfo"]["trafficRoutingConfig"]
        step = routing.get("timeBasedCanary") or routing.get("timeBasedLinear") or {}
        text = f"{share[0]:.0f}% on the new version"
        if share[0] >= 100 or not step:
            return text, ""
        after = 100 if "canaryPercentage" in step else min(100, share[0] + step["linearPercentage"])
        minutes = step.get("canaryInterval") or step.get("linearInterval")
        return text, f", {after:.0f}%" + self.countdown((deployment, share[0]), minutes)

    # ---- rows ----

    def action(self, stage, action, ours):
        name = f"{stage['stageName']}/{action['actionName']}"
        run = action.get("latestExecution", {}) if ours else {}
        status = run.get("status")
        if not status:
            return Row(name, None, "")
        elapsed = self.first_seen(name, run.get("actionExecutionId"))
        text, live = (run.get("errorDetails") or {}).get("message") or run.get("summary") or "", ""
        if status == "InProgress":
            external = run.get("externalExecutionId", "")
            if run.get("token"):
                text = "waits for an approval"
            elif external.startswith("d-"):
                text, live = self.deployment(name, external, elapsed)
            elif external:
                text, live = self.build(name, external, elapsed)
            return Row(name, status, text, live, elapsed)
        took = self.since.setdefault((name, run.get("actionExecutionId"), "took"), elapsed)
        if status == "Succeeded" and took > 1:
            self.usual[name] = took
        return Row(name, status, text.split("\n")[0], seconds=took)

    def gates(self, stage):
        """The rules that a stage's success hangs on, once its actions are through."""
        done = [a.get("latestExecution", {}) for a in stage.get("actionStates", [])]
        if not all(d.get("status") == "Succeeded" for d in done):
            return
        since = max(d["lastStatusChange"] for d in done)
        for condition in stage.get("onSuccessConditionState", {}).get("conditionStates", []):
            for rule in condition.get("ruleStates", []):
                run = rule.get("latestExecution", {})
                if run.get("lastStatusChange", since) > since:
                    text = (run.get("errorDetails") or {}).get("message") or run.get("summary") or ""
                    yield Row(f"  gate {rule['ruleName']}", run.get("status"), re.sub(r" of shop-api-\S+", "", text))

    def rows(self, state, execution):
        for stage in state["stageStates"]:
            ours = stage.get("latestExecution", {}).get("pipelineExecutionId") == execution
            for action in stage.get("actionStates", []):
                yield self.action(stage, action, ours)
            if ours:
                yield from self.gates(stage)

    # ---- drawing ----

    def show(self, state, execution, started):
        rows = list(self.rows(state, execution))
        elapsed = time.monotonic() - started
        if COLOUR:
            self.redraw(rows, elapsed)
            return
        for row in rows:
            shown = (row.status, row.text)
            if row.status and self.last.get(row.name) != shown:
                self.last[row.name] = shown
                say(cut_row(f"   {MARKS[row.status][1]} {clock(elapsed):>6}  ", row))

    def redraw(self, rows, elapsed):
        out = [f"\033[{self.drawn}A"] if self.drawn else []
        for row in rows:
            colour, mark = MARKS.get(row.status, MARKS[None])
            seconds = clock(row.seconds) if row.seconds is not None else ""
            out.append("\033[2K" + paint(colour, cut_row(f"   {mark} {seconds:>6}  ", row)) + "\n")
        out.append("\033[2K" + paint("90", f"     {clock(elapsed):>6}  since the push") + "\n\033[J")
        self.drawn = len(rows) + 1
        sys.stdout.write("".join(out))
        sys.stdout.flush()


def cut_row(head, row):
    line = f"{head}{row.name:<26} "
    return line + cut((row.text if row.status else "") + row.live, width() - len(line) - 1)
