# SPDX-License-Identifier: Apache-2.0
"""One execution of a pipeline: found, watched to its end with its approvals answered, read."""
import time

from terminal import Trouble

ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")
LOOK_SECONDS = 0.5


class Execution:
    def __init__(self, server, pipeline, execution):
        self.server, self.pipeline, self.id = server, pipeline, execution
        self.status = None
        self.actions = []  # executions of actions, oldest first

    @classmethod
    def of_commit(cls, server, pipeline, commit, seconds=120):
        """The one that the push of this commit started."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            rows = server.call("codepipeline", "list_pipeline_executions", pipelineName=pipeline)
            for row in rows["pipelineExecutionSummaries"]:
                started = row.get("trigger", {}).get("triggerType") != "CreatePipeline"
                if started and any(r.get("revisionId") == commit for r in row.get("sourceRevisions", [])):
                    return cls(server, pipeline, row["pipelineExecutionId"])
            time.sleep(0.2)
        raise Trouble(f"no execution of {pipeline} for commit {commit[:8]} within {seconds} s")

    def state(self):
        return self.server.call("codepipeline", "get_pipeline_state", name=self.pipeline)

    def approvals(self, state):
        """(stage, action, token) that wait for an answer."""
        for stage in state["stageStates"]:
            if stage.get("latestExecution", {}).get("pipelineExecutionId") != self.id:
                continue
            for action in stage.get("actionStates", []):
                run = action.get("latestExecution", {})
                if run.get("status") == "InProgress" and run.get("token"):
                    yield stage["stageName"], action["actionName"], run["token"]

    def watch(self, view, answer, seconds=1800):
        """To its end; answer(stage, action) says Approved or Rejected."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            state = self.state()
            view.show(state, self.id, started)
            for stage, action, token in self.approvals(state):
                self.server.call("codepipeline", "put_approval_result", pipelineName=self.pipeline, stageName=stage,
                                 actionName=action, token=token,
                                 result={"status": answer(stage, action), "summary": "answered by the demo"})
            self.status = self.server.call("codepipeline", "get_pipeline_execution", pipelineName=self.pipeline,
                                           pipelineExecutionId=self.id)["pipelineExecution"]["status"]
            if self.status in ENDED:
                view.show(self.state(), self.id, started)
                view.end()
                self.read()
                return self
            time.sleep(LOOK_SECONDS)
        raise Trouble(f"execution {self.id} did not end within {seconds} s")

    def read(self):
        self.actions = self.server.call(
            "codepipeline", "list_action_executions", pipelineName=self.pipeline,
            filter={"pipelineExecutionId": self.id})["actionExecutionDetails"][::-1]

    # ---- results ----

    def tries(self, name):
        return [a for a in self.actions if a["actionName"] == name]

    def result(self, name):
        """The latest execution's result of an action; empty when it never ran."""
        tries = self.tries(name)
        return tries[-1].get("output", {}).get("executionResult", {}) if tries else {}

    def external(self, name):
        return self.result(name).get("externalExecutionId")

    def builds(self, name):
        """The builds of an action, oldest first: its first one and the automatic retries."""
        found, build = [], self.external(name)
        while build:
            got = self.server.call("codebuild", "batch_get_builds", ids=[build])["builds"][0]
            found.insert(0, got)
            build = got.get("autoRetryConfig", {}).get("previousAutoRetry")
        return found

    def said(self, name):
        return self.result(name).get("errorDetails", {}).get("message", "")

    def errors(self):
        return "; ".join(f"{a['actionName']}: {self.said(a['actionName'])}" for a in self.actions
                         if self.said(a["actionName"])) or "no action failed"

    def deployment(self, name):
        """The deployment of an action and the one that undid it (None where there was none)."""
        found = self.external(name)
        if not found:
            raise Trouble(f"{name} started no deployment: {self.errors()}")
        info = self.server.call("codedeploy", "get_deployment", deploymentId=found)["deploymentInfo"]
        back = info.get("rollbackInfo", {}).get("rollbackDeploymentId")
        end = time.monotonic() + 300
        while back and time.monotonic() < end:
            undone = self.server.call("codedeploy", "get_deployment", deploymentId=back)["deploymentInfo"]
            if undone["status"] in ("Succeeded", "Failed", "Stopped"):
                return info, undone
            time.sleep(0.2)
        return info, None
