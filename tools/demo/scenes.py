# SPDX-License-Identifier: Apache-2.0
"""The scenes of the demo: what the developer does, and what has to come of it."""
import json
import time

from execution import Execution
from load import ask
from shop import DEV_PIPELINE, FEATURE_PIPELINE, PIPELINE
from terminal import Trouble, note, quote

IN_PRODUCTION = "    if (process.env.NODE_ENV === 'production') "
HEALTH = "  app.get('/health', (req, res) => {\n"
PRODUCTS = "  app.get('/products', (req, res) => {\n"


class Scene:
    """change: (file, old, new); merge: a branch, when an earlier scene has made it; bad: its version may answer 5xx or
    slowly; loads: environments that serve something, and are asked from now on; loads_after: when it has ended."""

    def __init__(self, key, title, pipeline, branch, message, check, change=None, merge=None, start="main", bad=False,
                 loads=(), loads_after=()):
        self.key, self.title, self.pipeline, self.branch, self.message = key, title, pipeline, branch, message
        self.check, self.change, self.merge, self.start, self.bad = check, change, merge, start, bad
        self.loads, self.loads_after = loads, loads_after

    def commit(self, checkout):
        """On its branch; the commit that is to be pushed."""
        checkout.switch(self.branch, self.start)
        if self.merge and checkout.has(self.merge):
            checkout.git("merge", "-q", "--no-ff", "-m", self.message, self.merge)
        elif self.merge:
            checkout.git("commit", "-q", "--allow-empty", "-m", self.message)
        else:
            checkout.edit(*self.change)
            checkout.git("commit", "-q", "-a", "-m", self.message)
        return checkout.head()

    def run(self, demo):
        """What came of it, in a few words."""
        progress, checkout = demo.progress, demo.checkout
        if not progress.pending:
            progress.pending = {"scene": self.key, "commit": self.commit(checkout)}
            progress.save()
        commit = progress.pending["commit"]
        checkout.git("push", "-q", "origin", self.branch)
        note(f"git push origin {self.branch}: {commit[:8]} {self.message}")
        execution = Execution.of_commit(demo.server, self.pipeline, commit).watch(demo.view, demo.answer)
        outcome = self.check(demo, execution, commit[:8])
        if self.bad and checkout.git("log", "-1", "--format=%H", self.branch) == commit:
            checkout.git("revert", "--no-edit", "HEAD")
        return outcome, commit[:8]


# ---- what has to come of them ----

def succeeded(demo, execution):
    if execution.status != "Succeeded":
        raise Trouble(f"the execution ended {execution.status}: {execution.errors()}")
    demo.progress.values["BUILD"] = execution.external("Build")


def failed_at(execution, action):
    if execution.status != "Failed" or not execution.said(action):
        raise Trouble(f"{action} should have failed; the execution ended {execution.status}: {execution.errors()}")
    quote(execution.said(action))


def serves(demo, environment, version):
    got = ask(demo.progress.ports[environment])
    if got != version:
        raise Trouble(f"version {got} serves in {environment}, {version} should")


def tested(demo, execution, version):
    succeeded(demo, execution)
    return "built and tested; nothing is deployed from a feature branch"


def build_failed(demo, execution, version):
    failed_at(execution, "Build")
    builds = execution.builds("Build")
    if len(builds) != 3 or any(b["buildStatus"] != "FAILED" for b in builds):
        raise Trouble("the build should have been retried twice: " +
                      ", ".join(f"{b['id']} {b['buildStatus']}" for b in builds))
    numbers = [b["buildNumber"] for b in builds]
    return f"build {numbers[0]} failed, retried twice by itself as {numbers[1]} and {numbers[2]}, then stopped at Build"


def released_to_dev(demo, execution, version):
    succeeded(demo, execution)
    serves(demo, "dev", version)
    demo.good["dev"] = version
    return f"{version} serves in dev"


def released_everywhere(demo, execution, version):
    succeeded(demo, execution)
    for environment in ("dev", "staging", "production"):
        serves(demo, environment, version)
        demo.good[environment] = version
    return f"{version} serves in dev, staging and production"


def undone(demo, execution, action, environment, code=None):
    failed_at(execution, action)
    info, back = execution.deployment(action)
    got = info.get("errorInformation", {}).get("code")
    if code and got != code:
        raise Trouble(f"the deployment ended with {got}, not with {code}")
    serves(demo, environment, demo.good[environment])
    return f"by {back['deploymentId']}" if back else ""


def health_rolled_back(demo, execution, version):
    by = undone(demo, execution, "BlueGreen", "dev")
    return f"{demo.good['dev']} never left; rolled back {by}".rstrip()


def errors_rolled_back(demo, execution, version):
    by = undone(demo, execution, "BlueGreen", "dev", "ALARM_ACTIVE")
    return f"alarm shop-api-dev-5xx, {demo.good['dev']} is back {by}".rstrip()


def latency_shifted_back(demo, execution, version):
    by = undone(demo, execution, "Linear", "production", "ALARM_ACTIVE")
    for environment in ("dev", "staging"):
        demo.good[environment] = version
    return f"alarm shop-api-production-latency, {demo.good['production']} is back {by}".rstrip()


# ---- the missing permission ----

class Permission:
    """The pipeline's role loses a right; somebody is told."""

    key, title, bad, loads, loads_after = "permission", "A missing permission is told to the chat", False, (), ()
    RIGHT = "codebuild:StartBuild"

    def without_right(self, demo):
        document = json.loads(demo.server.document("roles/codepipeline.json", demo.progress.values))
        for statement in document["Statement"]:
            if isinstance(statement["Action"], list):
                statement["Action"] = [a for a in statement["Action"] if a != self.RIGHT]
        return json.dumps(document)

    def run(self, demo):
        shop = demo.shop
        shop.put_policy("codepipeline", self.without_right(demo))
        note(f"aws iam put-role-policy: role shop-api-codepipeline without {self.RIGHT}")
        started = demo.server.call("codepipeline", "start_pipeline_execution", name=PIPELINE)
        execution = Execution(demo.server, PIPELINE, started["pipelineExecutionId"]).watch(demo.view, demo.answer)
        shop.put_policy("codepipeline", demo.server.document("roles/codepipeline.json", demo.progress.values))
        failed_at(execution, "Build")
        message = self.told(demo, execution.id)
        detail = message["detail"]
        result = detail.get("execution-result", {})
        note(f"chat ‹ {message['detail-type']}: {detail['pipeline']} {detail['state']} at {detail['stage']}/"
             f"{detail['action']}")
        if result.get("external-execution-summary"):
            quote(result["external-execution-summary"])
        return "stopped at Build, told to the chat; the role has its right again", None

    def told(self, demo, execution):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            message = demo.webhook.next(5)
            if isinstance(message, dict) and message.get("detail", {}).get("execution-id") == execution:
                return message
        raise Trouble("the webhook was not told of the failed execution")


SCENES = [
    Scene("feature", "A feature branch is built and tested", FEATURE_PIPELINE, "feature/payment-api",
          "Add Stripe integration", tested,
          change=("src/app.js", "{ service: 'shop-api', version: version() }",
                  "{ service: 'shop-api', version: version(), payments: 'stripe' }")),
    Scene("test", "A failing test is retried twice, then stops", FEATURE_PIPELINE, "feature/payment-api",
          "Cheaper rope", build_failed, change=("src/shop.js", "cents: 4900", "cents: 4800"), bad=True),
    Scene("dev", "A merge to dev reaches the servers, blue/green", DEV_PIPELINE, "dev", "Merge feature/payment-api",
          released_to_dev, merge="feature/payment-api", loads_after=("dev", "staging", "production")),
    Scene("release", "A merge to main reaches production", PIPELINE, "main", "Merge dev", released_everywhere,
          merge="dev", loads=("staging", "production")),
    Scene("health", "A failing health check is rolled back", DEV_PIPELINE, "dev", "Health asks the warehouse",
          health_rolled_back, change=("src/app.js", HEALTH, HEALTH + IN_PRODUCTION +
                                      "return res.status(500).json({ status: 'ill' });\n"), bad=True),
    Scene("errors", "Answers of 5xx raise an alarm, which rolls back", DEV_PIPELINE, "dev",
          "Prices from the new service", errors_rolled_back,
          change=("src/app.js", PRODUCTS, PRODUCTS + IN_PRODUCTION +
                  "return res.status(503).json({ error: 'no prices' });\n"), bad=True),
    Scene("latency", "Latency over 2 s in production takes the traffic back", PIPELINE, "main",
          "Recommendations with each product", latency_shifted_back,
          change=("src/app.js", PRODUCTS, PRODUCTS + "    if (process.env.SHOP_STAGE === 'production') "
                  "return setTimeout(() => res.json(shop.products()), 2500);\n"), bad=True),
    Permission(),
]
