# SPDX-License-Identifier: Apache-2.0
"""Host agents for tests: revisions in a bucket, `towpath agent` processes as on-premises hosts."""
import io
import json
import os
import signal
import subprocess
import tarfile
import tempfile
import shutil
import time
import urllib.request
import zipfile

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from towpath import TOWPATH

FINAL = ("Succeeded", "Failed", "Stopped")


def bundle(files, kind="zip"):
    """Bytes of an archive; files: {name: text or (text, mode)}."""
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as z:
            for name, value in files.items():
                text, mode = value if isinstance(value, tuple) else (value, 0o644)
                info = zipfile.ZipInfo(name)
                info.external_attr = (0o100000 | mode) << 16
                z.writestr(info, text)
    else:
        with tarfile.open(fileobj=out, mode="w:gz" if kind == "tgz" else "w") as t:
            for name, value in files.items():
                text, mode = value if isinstance(value, tuple) else (value, 0o644)
                info = tarfile.TarInfo(name)
                info.mode = mode
                data = text.encode()
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Host:
    """An on-premises instance with an agent, its files under a temporary folder."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.dir = tempfile.mkdtemp(prefix="towpath-host-")
        self.root, self.dest = self.dir + "/root", self.dir + "/dest"
        self.arn = f"arn:aws:iam::{server.account}:user/{name}"
        self.keys = None
        self.process = None

    def register(self):
        iam = self.server.client("iam")
        iam.create_user(UserName=self.name)
        iam.put_user_policy(UserName=self.name, PolicyName="s3", PolicyDocument='{"Version":'
                            '"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*",'
                            '"Resource":"*"}]}')
        key = iam.create_access_key(UserName=self.name)["AccessKey"]
        self.keys = key["AccessKeyId"], key["SecretAccessKey"]
        deploy = self.server.client("codedeploy")
        deploy.register_on_premises_instance(instanceName=self.name, iamUserArn=self.arn)
        deploy.add_tags_to_on_premises_instances(
            instanceNames=[self.name], tags=[{"Key": "env", "Value": "test"}])
        return self

    def start(self):
        config = os.path.join(self.dir, "onpremises.yml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"---\nregion: {self.server.region}\niam_user_arn: {self.arn}\n"
                    f"aws_access_key_id: {self.keys[0]}\naws_secret_access_key: {self.keys[1]}\n")
        main = os.path.join(self.dir, "agent.yml")
        with open(main, "w", encoding="utf-8") as f:
            f.write(f"---\n:root_dir: {self.root}\n:on_premises_config_file: {config}\n"
                    f":deploy_control_endpoint: {self.server.endpoint}\n"
                    f":s3_endpoint_override: {self.server.endpoint}\n")
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        if "caFile" in self.server.info:
            env["AWS_CA_BUNDLE"] = self.server.info["caFile"]
        with open(os.path.join(self.dir, "agent.log"), "ab") as log:
            self.process = subprocess.Popen([TOWPATH, "agent", "--config-file", main], env=env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def kill9(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(120)
        self.process = None
        return status

    def log(self):
        with open(os.path.join(self.dir, "agent.log"), encoding="utf-8") as f:
            return f.read()

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def read(self, path):
        with open(os.path.join(self.dest, path), encoding="utf-8") as f:
            return f.read()


class Deployments:
    """An application with one group of all hosts tagged env=test."""

    def __init__(self, server, **group):
        self.server, self.api = server, server.client("codedeploy")
        self.s3 = server.client("s3")
        self.s3.create_bucket(Bucket="revisions")
        self.api.create_application(applicationName="app")
        group.setdefault("deploymentConfigName", "CodeDeployDefault.AllAtOnce")
        self.api.create_deployment_group(
            applicationName="app", deploymentGroupName="group",
            serviceRoleArn=f"arn:aws:iam::{server.account}:role/deploy",
            onPremisesInstanceTagFilters=[
                {"Key": "env", "Value": "test", "Type": "KEY_AND_VALUE"}], **group)

    def create(self, files, key="v.zip", kind="zip", body=None, **request):
        etag = self.s3.put_object(
            Bucket="revisions", Key=key, Body=body or bundle(files, kind))["ETag"]
        return self.api.create_deployment(
            applicationName="app", deploymentGroupName="group", revision={
                "revisionType": "S3", "s3Location": {
                    "bucket": "revisions", "key": key, "bundleType": kind, "eTag": etag}},
            **request)["deploymentId"]

    def get(self, deployment):
        return self.api.get_deployment(deploymentId=deployment)["deploymentInfo"]

    def finish(self, deployment, timeout=180):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            info = self.get(deployment)
            if info["status"] in FINAL:
                return info
            time.sleep(0.05)
        raise AssertionError(f"{deployment} is still {info['status']}: {self.events(deployment)}")

    def events(self, deployment, target="host1"):
        target = self.api.get_deployment_target(deploymentId=deployment, targetId=target)
        return {e["lifecycleEventName"]: e
                for e in target["deploymentTarget"]["instanceTarget"]["lifecycleEvents"]}

    def hook_log(self, deployment, target="host1"):
        path = os.path.join(self.server.data, "deploy", "logs", deployment, target + ".log")
        with open(path, encoding="utf-8") as f:
            return f.read()


def commands(server, operation, body, target="CodeDeployCommandService_v20141006",
             service="codedeploy-commands"):
    """What the command service answers to a host's signed call: status and document."""
    key, secret = server.keys()
    request = botocore.awsrequest.AWSRequest(
        "POST", server.endpoint + "/", data=json.dumps(body).encode(), headers={
            "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{target}.{operation}"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, secret), service,
                            server.region).add_auth(request)
    prepared = request.prepare()
    try:
        with urllib.request.urlopen(urllib.request.Request(
                prepared.url, prepared.body, dict(prepared.headers))) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())
