# SPDX-License-Identifier: Apache-2.0
"""Definitions of pipelines and waiting for what they do, for tests."""
import io
import time
import zipfile

ROLE = "arn:aws:iam::123456789012:role/pipeline"


def client(server, keys=None):
    return server.newest_client("codepipeline", keys)


def action(category, provider, name, configuration=None, inputs=(), outputs=(), **more):
    return dict({"name": name,
                 "actionTypeId": {"category": category, "owner": "AWS", "provider": provider,
                                  "version": "1"},
                 "configuration": configuration or {},
                 "inputArtifacts": [{"name": n} for n in inputs],
                 "outputArtifacts": [{"name": n} for n in outputs]}, **more)


def codecommit(repository, branch="main", **configuration):
    return action("Source", "CodeCommit", "Source",
                  dict(RepositoryName=repository, BranchName=branch, **configuration),
                  outputs=["App"], namespace="SourceVariables")


def s3_source(bucket, key, **configuration):
    return action("Source", "S3", "Source", dict(S3Bucket=bucket, S3ObjectKey=key, **configuration),
                  outputs=["App"], namespace="SourceVariables")


def approval(name="Ask", **configuration):
    return action("Approval", "Manual", name, configuration)


def s3_deploy(bucket, extract="true", artifact="App", **configuration):
    return action("Deploy", "S3", "Publish",
                  dict(BucketName=bucket, Extract=extract, **configuration), inputs=[artifact])


def pipeline(name, *stages, bucket="artifacts", **more):
    """Stages are (name, action, ...) or whole dictionaries."""
    return dict({"name": name, "roleArn": ROLE,
                 "artifactStore": {"type": "S3", "location": bucket},
                 "stages": [s if isinstance(s, dict) else
                            {"name": s[0], "actions": list(s[1:])} for s in stages]}, **more)


def zipped(**files):
    """An archive of texts; in names __ stands for / and _ for a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, text in files.items():
            z.writestr(name.replace("__", "/").replace("_", "."), text)
    return out.getvalue()


def with_buckets(server):
    """A client of S3 where the buckets of these tests are: artifacts, incoming and site, with versions."""
    s3 = server.client("s3")
    names = [b["Name"] for b in s3.list_buckets()["Buckets"]]
    for name in ("artifacts", "incoming", "site"):
        if name not in names:
            s3.create_bucket(Bucket=name)
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return s3


def wait(what, timeout=180):
    """Asks until the answer is true; returns it."""
    end = time.monotonic() + timeout
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def executions(client, name):
    return client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]


def wait_execution(client, name, execution, *statuses, timeout=180):
    """The status of an execution once it is one of these (default: any final one)."""
    final = statuses or ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")

    def look():
        x = client.get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)
        status = x["pipelineExecution"]["status"]
        return status if status in final else None
    return wait(look, timeout)


def stage_state(client, name, stage):
    for s in client.get_pipeline_state(name=name)["stageStates"]:
        if s["stageName"] == stage:
            return s
    raise AssertionError(f"no stage {stage}")


def wait_token(client, name, stage, timeout=180):
    """The token of the first approval that waits in the stage."""
    def look():
        for a in stage_state(client, name, stage)["actionStates"]:
            if "token" in a.get("latestExecution", {}):
                return a["latestExecution"]["token"]
        return None
    return wait(look, timeout)


def answer(client, name, stage, status="Approved", action_name="Ask", summary="ok"):
    return client.put_approval_result(
        pipelineName=name, stageName=stage, actionName=action_name,
        token=wait_token(client, name, stage), result={"status": status, "summary": summary})
