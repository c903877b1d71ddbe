# SPDX-License-Identifier: Apache-2.0
"""Projects and builds of a test's server."""
import os
import textwrap
import time

ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
               "computeType": "BUILD_GENERAL1_SMALL"}
ROLE = "arn:aws:iam::123456789012:role/build"
HELD = "until test -e go; do sleep 0.05; done"  # a command that ends when Builds.go() says so


class Builds:
    def __init__(self, server):
        self.server = server
        self.api = server.client("codebuild")

    def project(self, name, spec, **more):
        args = dict(name=name, source={"type": "NO_SOURCE", "buildspec": textwrap.dedent(spec)},
                    artifacts={"type": "NO_ARTIFACTS"}, environment=ENVIRONMENT, serviceRole=ROLE)
        args.update(more)
        return self.api.create_project(**args)["project"]

    def start(self, name, **more):
        return self.api.start_build(projectName=name, **more)["build"]["id"]

    def get(self, build_id):
        return self.api.batch_get_builds(ids=[build_id])["builds"][0]

    def until(self, build_id, good, seconds=180):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            build = self.get(build_id)
            if good(build):
                return build
            time.sleep(0.05)
        raise AssertionError(f"waited in vain: {build['phases']}\n{self.log(build_id)}\n{self.server.stderr()}")

    def finish(self, build_id, seconds=180):
        return self.until(build_id, lambda b: b["buildComplete"], seconds)

    def run(self, name, **more):
        return self.finish(self.start(name, **more))

    def go(self, build_id):
        """Once it is in its phase BUILD: makes the file `go` in its source folder, which HELD waits for."""
        self.until(build_id, lambda b: b.get("currentPhase") == "BUILD")
        path = os.path.join(self.server.data, "builds", build_id.split(":")[1], "src", "go")
        open(path, "w", encoding="utf-8").close()

    def log(self, build_id):
        """The build's spool as text, block headers and all: enough to look for lines."""
        path = os.path.join(self.server.data, "builds", build_id.split(":")[1], "log")
        if not os.path.exists(path):
            return ""
        with open(path, "rb") as f:
            return f.read().decode("utf-8", "replace")
