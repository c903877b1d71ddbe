# SPDX-License-Identifier: Apache-2.0
"""The containers' half of a release at true time, through one pipeline with real tasks under load: a
canary to staging, an approval, a linear shift to production, each with steps of one minute."""
import io
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
import zipfile

import pytest
from pipelines import action, answer, approval, client, executions, pipeline, s3_source, wait, wait_execution, wait_token
from asking import eventually
from rootfs import Registry, layer
from services import Service
from towpath import TOWPATH, Server


def why_not():
    if os.geteuid() != 0:
        return "containers need root"
    for program in ("runc", "iptables", "ip", "skopeo", "haproxy"):
        if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
            return f"{program} is not installed"
    return None


pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


def image(registry, text):
    """Its web server answers this text."""
    return registry.push(f"shop-{text}", layer({"www": None, "www/index.html": text.encode()}),
                         Cmd=["httpd", "-f", "-p", "8000", "-h", "/www"])


class Watcher(threading.Thread):
    """Asks a service all along; the shares that its new target group had, in order."""

    def __init__(self, service):
        super().__init__(daemon=True)
        self.service, self.shares, self.answers, self.ended = service, [], set(), threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.1):
            with urllib.request.urlopen(f"http://127.0.0.1:{self.service.port}/", timeout=30) as got:
                self.answers.add(got.read().decode())  # none may fail
            share = self.service.weights().get("b", 0)
            if not self.shares or self.shares[-1] != share:
                self.shares.append(share)

    def end(self):
        assert self.is_alive(), "a request failed"
        self.ended.set()
        self.join()
        return self


def deploy(service):
    return action("Deploy", "CodeDeployToECS", "Shift", {
        "ApplicationName": service.name, "DeploymentGroupName": service.name,
        "TaskDefinitionTemplateArtifact": "App", "TaskDefinitionTemplatePath": f"{service.name}.json",
        "AppSpecTemplateArtifact": "App", "Image1ArtifactName": "App", "Image1ContainerName": "IMAGE1_NAME"},
        inputs=["App"])


def revision(server, services, uri):
    """What a build would have left in the source bucket."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("imageDetail.json", json.dumps({"ImageURI": uri}))
        z.writestr("appspec.yaml", services[0].appspec("<TASK_DEFINITION>"))
        for s in services:
            z.writestr(f"{s.name}.json", json.dumps({"family": s.name, "containerDefinitions": [
                {"name": "app", "image": "<IMAGE1_NAME>", "memory": 64, "stopTimeout": 2,
                 "portMappings": [{"containerPort": 8000}]}]}))
    s3 = server.client("s3")
    for bucket in ("source", "artifacts"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="source", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="source", Key="shop.zip", Body=out.getvalue())


def routing(server, name, kind, percent):
    server.client("codedeploy").create_deployment_config(
        deploymentConfigName=name, computePlatform="ECS", trafficRoutingConfig={
            "type": f"TimeBased{kind}", f"timeBased{kind}": {
                f"{kind.lower()}Percentage": percent, f"{kind.lower()}Interval": 1}})
    return name


def test_canary_then_linear_through_a_pipeline():
    registry, server = Registry(), Server()
    try:
        server.start()
        first = image(registry, "v1")
        services = [Service(server, name, first, desired=1) for name in ("staging", "production")]
        for s, config in zip(services, (routing(server, "Canary10", "Canary", 10),
                                        routing(server, "Linear50", "Linear", 50))):
            s.group(deploymentConfigName=config)
            eventually(lambda s=s: s.state()["runningCount"] == 1)
        revision(server, services, image(registry, "v2"))
        for s in services:
            eventually(lambda s=s: reaches(s) == "v1", what="v1 behind the listener")
        watchers = [Watcher(s) for s in services]
        cp = client(server)
        cp.create_pipeline(pipeline=pipeline(
            "shop", ("Source", s3_source("source", "shop.zip", PollForSourceChanges="false")),
            ("Staging", deploy(services[0])), ("ManualApprove", approval()), ("Production", deploy(services[1]))))
        execution = wait(lambda: executions(cp, "shop"))[0]["pipelineExecutionId"]
        started = time.monotonic()
        wait_token(cp, "shop", "ManualApprove", timeout=240)
        assert reaches(services[0]) == "v2" and reaches(services[1]) == "v1"
        answer(cp, "shop", "ManualApprove")
        assert wait_execution(cp, "shop", execution, timeout=240) == "Succeeded"
        assert time.monotonic() - started >= 120  # two steps of a minute
        canary, linear = (w.end() for w in watchers)
        assert canary.shares == [0, 10, 100] and linear.shares == [0, 50, 100]
        assert canary.answers == linear.answers == {"v1", "v2"}
        assert reaches(services[1]) == "v2"
    finally:
        server.kill9()
        subprocess.run([TOWPATH, "destroy", "--yes", "--data", server.data], check=False)
        server.close()
        registry.close()


def reaches(service):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/", timeout=10) as got:
            return got.read().decode()
    except OSError:
        return None
