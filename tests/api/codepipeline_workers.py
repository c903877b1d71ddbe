# SPDX-License-Identifier: Apache-2.0
"""Custom actions of codepipeline through boto3: their types, and job workers that poll, take a job, read and write
its artifacts with the job's credentials and hand back results."""
import io
import json
import os
import subprocess
import sys
import threading
import zipfile

import boto3
import botocore.exceptions
import pytest
from asking import code_of as code
from asking import message_of as message
from pipelines import (action, client, executions, pipeline, s3_deploy, s3_source, stage_state, wait,
                       wait_execution, with_buckets, zipped)

COUNTS = {"minimumCount": 0, "maximumCount": 5}
NOBODY = "11111111-2222-3333-4444-555555555555"


def type_id(provider, category="Test"):
    return {"category": category, "owner": "Custom", "provider": provider, "version": "1"}


def prop(name, required=True, secret=False, **more):
    return dict({"name": name, "required": required, "key": required, "secret": secret}, **more)


def make_type(cp, provider, *properties, category="Test", **more):
    """A custom action type of version 1."""
    return cp.create_custom_action_type(**dict({
        "category": category, "provider": provider, "version": "1", "configurationProperties": list(properties),
        "inputArtifactDetails": COUNTS, "outputArtifactDetails": COUNTS}, **more))


def custom(provider, name="Work", configuration=None, inputs=("App",), outputs=(), category="Test", **more):
    a = action(category, provider, name, configuration, inputs, outputs, **more)
    a["actionTypeId"] = type_id(provider, category)
    return a


@pytest.fixture
def cp(shared_server):
    return client(shared_server)


@pytest.fixture
def s3(shared_server):
    return with_buckets(shared_server)


def start(cp, s3, name, *middle, **more):
    """Source in S3 -> what is given; the first execution's id."""
    s3.put_object(Bucket="incoming", Key=f"{name}.zip", Body=zipped(index_html=name))
    cp.create_pipeline(pipeline=pipeline(name, ("Source", s3_source("incoming", f"{name}.zip")), *middle, **more))
    return executions(cp, name)[0]["pipelineExecutionId"]


def poll(cp, provider, category="Test", **more):
    return cp.poll_for_jobs(actionTypeId=type_id(provider, category), **more)["jobs"]


def take(cp, provider, category="Test", **more):
    """The next job, acknowledged."""
    job = wait(lambda: poll(cp, provider, category, **more))[0]
    assert cp.acknowledge_job(jobId=job["id"], nonce=job["nonce"])["status"] == "InProgress"
    return job


def latest(cp, name, stage="Work"):
    return stage_state(cp, name, stage)["actionStates"][0].get("latestExecution", {})


def s3_as(server, job):
    c = job["data"]["artifactCredentials"]
    return boto3.client("s3", endpoint_url=server.endpoint, region_name=server.region,
                        aws_access_key_id=c["accessKeyId"], aws_secret_access_key=c["secretAccessKey"],
                        aws_session_token=c["sessionToken"])


def place(artifact):
    where = artifact["location"]["s3Location"]
    return {"Bucket": where["bucketName"], "Key": where["objectKey"]}


# ---- types ----

def test_rules_of_types(cp):
    assert message(make_type, cp=cp, provider="Bad", inputArtifactDetails={"minimumCount": 3, "maximumCount": 1}) == \
        "Maximum Number of Artifacts (1) has to be greater than or equal to minimum (3)."
    for wrong in (prop("Q", required=False, queryable=True), prop("Q", secret=True, queryable=True)):
        assert message(make_type, **{"cp": cp, "provider": "Bad", "configurationProperties": [wrong]}) == \
            "Invalid queryable property 'Q'. Queryable configuration properties must be required and non-secret."
    assert "Multiple queryable configuration properties found with names 'A, B'." in message(
        make_type, **{"cp": cp, "provider": "Bad", "configurationProperties": [
            prop("A", queryable=True), prop("B", queryable=True)]})
    for template, name in (("http://x/{Config:No}", "No"), ("http://x/{Config:Key}", "Key"),
                           ("http://x/{ExternalExecutionId}", "ExternalExecutionId")):
        assert name in message(make_type, **{
            "cp": cp, "provider": "Bad", "configurationProperties": [prop("Key", secret=True)],
            "settings": {"entityUrlTemplate": template}})
    assert code(make_type, cp=cp, provider="Bad", tags=[{"key": "aws:x", "value": ""}]) == "InvalidTagsException"
    made = make_type(cp, "Rules", prop("Bench", queryable=True, type="String", description="which bench"),
                     tags=[{"key": "team", "value": "lab"}])
    assert made["actionType"]["id"] == type_id("Rules") and made["tags"] == [{"key": "team", "value": "lab"}]
    assert message(make_type, cp=cp, provider="Rules").startswith("The custom action type Test/Rules version 1 exists")
    listed = [t for t in cp.list_action_types(actionOwnerFilter="Custom")["actionTypes"]
              if t["id"]["provider"] == "Rules"]
    assert listed == [made["actionType"]] and listed[0]["actionConfigurationProperties"][0]["queryable"]
    assert not [t for t in cp.list_action_types(actionOwnerFilter="AWS")["actionTypes"]
                if t["id"]["owner"] != "AWS"]
    arn = f"arn:aws:codepipeline:{cp.meta.region_name}:123456789012:actiontype:Custom/Test/Rules/1"
    cp.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "rig"}, {"key": "x", "value": "y"}])
    cp.untag_resource(resourceArn=arn, tagKeys=["x"])
    assert cp.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "rig"}]
    cp.delete_custom_action_type(category="Test", provider="Rules", version="1")
    cp.delete_custom_action_type(category="Test", provider="Rules", version="1")
    assert code(make_type, cp=cp, provider="Rules") == "ValidationException"
    assert code(cp.list_tags_for_resource, resourceArn=arn) == "ResourceNotFoundException"
    assert code(poll, cp=cp, provider="Rules") == "ActionTypeNotFoundException"
    assert code(cp.poll_for_jobs, actionTypeId=dict(type_id("CodeBuild"), owner="AWS")) == \
        "ActionTypeNotFoundException"


def test_declarations_are_checked(cp, s3):
    make_type(cp, "Checked", prop("Bench", queryable=True), prop("Key", secret=True),
              outputArtifactDetails={"minimumCount": 0, "maximumCount": 1})

    def refused(*args, **kwargs):
        return message(cp.create_pipeline, pipeline=pipeline(
            "refused", ("Source", s3_source("incoming", "x.zip")), ("Work", custom(*args, **kwargs))))
    full = {"Bench": "b1", "Key": "k"}
    assert "Provider: 'Unheard', Owner: 'Custom', Version: '1') in action 'Work' is not available" in refused("Unheard")
    assert "is missing required configuration 'Key'" in refused("Checked", configuration={"Bench": "b"})
    assert "contains unknown configuration 'More'" in refused("Checked", configuration=dict(full, More="x"))
    assert "more than the maximum count (1)" in refused("Checked", configuration=full, outputs=("a", "b"))
    assert "queryable configuration 'Bench'" in refused("Checked", configuration=dict(full, Bench="b 1"))
    assert "secret configuration 'Key' cannot hold variables" in refused(
        "Checked", configuration=dict(full, Key="#{SourceVariables.ETag}"))
    assert "no stored value" in refused("Checked", configuration=dict(full, Key="****"))
    assert "cannot be in another region" in message(cp.create_pipeline, pipeline={
        **{k: v for k, v in pipeline("refused", ("Source", s3_source("incoming", "x.zip")), (
            "Work", custom("Checked", configuration=full, region="eu-west-1"))).items() if k != "artifactStore"},
        "artifactStores": {r: {"type": "S3", "location": "artifacts"} for r in (cp.meta.region_name, "eu-west-1")}})


# ---- jobs ----

def test_a_lab_in_the_middle(cp, s3, shared_server):
    """A worker thread that serves two kinds of benches does all that the protocol has."""
    make_type(cp, "Lab", prop("Bench", queryable=True), prop("Key", secret=True), settings={
        "entityUrlTemplate": "https://lab/{Config:Bench}",
        "executionUrlTemplate": "https://lab/{Config:Bench}/runs/{ExternalExecutionId}",
        "revisionUrlTemplate": "https://lab/{Config:Bench}/of"})
    first = start(cp, s3, "lab", ("Work", custom("Lab", configuration={"Bench": "b1", "Key": "hush"},
                                                 outputs=["Report"], namespace="Lab")),
                  ("Publish", s3_deploy("site", artifact="Report", ObjectKey="#{Lab.Folder}")))
    got = cp.get_pipeline(name="lab")["pipeline"]
    assert got["stages"][1]["actions"][0]["configuration"] == {"Bench": "b1", "Key": "****"}
    seen = []

    def work():
        me = client(shared_server)
        job = take(me, "Lab", queryParam={"Bench": "b1"}, maxBatchSize=5)
        seen.append(job)
        me.put_job_success_result(
            jobId=job["id"], continuationToken="run 7",
            executionDetails={"summary": "warming up", "externalExecutionId": "7", "percentComplete": 30})
        seen.append(dict(latest(me, "lab")))
        job = take(me, "Lab")
        seen.append(job)
        mine, data = s3_as(shared_server, job), job["data"]
        body = mine.get_object(**place(data["inputArtifacts"][0]))["Body"].read()
        page = zipfile.ZipFile(io.BytesIO(body)).read("index.html").decode()
        mine.put_object(**place(data["outputArtifacts"][0]), Body=zipped(report_txt=f"{page} passed"))
        me.put_job_success_result(
            jobId=job["id"], outputVariables={"Folder": "lab-out"},
            currentRevision={"revision": "r1", "changeIdentifier": "c1", "revisionSummary": "s"},
            executionDetails={"summary": "all green", "externalExecutionId": "7", "percentComplete": 100})

    worker = threading.Thread(target=work)
    worker.start()
    assert poll(cp, "Lab", queryParam={"Bench": "b2"}) == []
    assert wait_execution(cp, "lab", first) == "Succeeded"
    worker.join()
    one, running, two = seen
    data = one["data"]
    assert one["accountId"] == "123456789012" and data["actionTypeId"] == type_id("Lab")
    assert data["actionConfiguration"]["configuration"] == {"Bench": "b1", "Key": "****"}
    assert "continuationToken" not in data and two["data"]["continuationToken"] == "run 7"
    assert two["id"] != one["id"] and two["nonce"] != one["nonce"]
    context = data["pipelineContext"]
    assert context["pipelineName"] == "lab" and context["pipelineArn"].endswith(":lab")
    assert context["pipelineExecutionId"] == first and context["stage"] == {"name": "Work"}
    assert context["action"]["name"] == "Work"
    version = s3.head_object(Bucket="incoming", Key="lab.zip")["VersionId"]
    assert data["inputArtifacts"][0]["name"] == "App" and data["inputArtifacts"][0]["revision"] == version
    assert running["status"] == "InProgress" and running["percentComplete"] == 30
    assert running["externalExecutionUrl"] == "https://lab/b1/runs/7" and running["summary"] == "warming up"
    state = stage_state(cp, "lab", "Work")["actionStates"][0]
    assert state["entityUrl"] == "https://lab/b1" and state["revisionUrl"] == "https://lab/b1/of"
    assert state["currentRevision"]["revisionId"] == "r1" and state["currentRevision"]["revisionChangeId"] == "c1"
    assert state["latestExecution"]["summary"] == "all green" and state["latestExecution"]["percentComplete"] == 100
    assert s3.get_object(Bucket="site", Key="lab-out/report.txt")["Body"].read() == b"lab passed"
    done = [d for d in cp.list_action_executions(pipelineName="lab")["actionExecutionDetails"]
            if d["stageName"] == "Work"][0]
    assert done["actionExecutionId"] == context["action"]["actionExecutionId"]
    assert done["input"]["configuration"]["Key"] == done["input"]["resolvedConfiguration"]["Key"] == "****"
    assert done["output"]["outputVariables"] == {"Folder": "lab-out"}
    for job in (one, two):
        assert code(cp.put_job_success_result, jobId=job["id"]) == "InvalidJobStateException"


def test_the_worker_of_the_manual(cp, s3, shared_server):
    source = os.environ.get("TOWPATH_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
    with open(os.path.join(source, "docs", "using.md"), encoding="utf-8") as f:
        section = f.read().split("### Custom actions")[1]
    program = section.split("```python\n")[1].split("```")[0]
    program = program.replace("http://127.0.0.1:7700", shared_server.endpoint).replace('"Lab"', '"Manual"')
    make_type(cp, "Manual")
    key_id, secret = shared_server.keys()
    worker = subprocess.Popen([sys.executable, "-c", program], env=dict(
        os.environ, AWS_ACCESS_KEY_ID=key_id, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION=shared_server.region))
    try:
        first = start(cp, s3, "manual", ("Work", custom("Manual", namespace="Lab")))
        assert wait_execution(cp, "manual", first) == "Succeeded"
        assert latest(cp, "manual")["summary"] == "1 files tested"
        # What it cannot do fails the action with the reason.
        same = cp.get_pipeline(name="manual")["pipeline"]
        same["stages"][1]["actions"][0]["inputArtifacts"] = []
        cp.update_pipeline(pipeline=same)
        second = cp.start_pipeline_execution(name="manual")["pipelineExecutionId"]
        assert wait_execution(cp, "manual", second) == "Failed"
        assert "IndexError" in latest(cp, "manual")["errorDetails"]["message"]
    finally:
        worker.kill()
        worker.wait()


def test_secrets(cp, s3, shared_server):
    make_type(cp, "Secrets", prop("Key", secret=True))
    start(cp, s3, "secrets", ("Work", custom("Secrets", configuration={"Key": "first"})))
    job = take(cp, "Secrets")

    def shown(job_id):
        return cp.get_job_details(jobId=job_id)["jobDetails"]["data"]["actionConfiguration"]["configuration"]["Key"]
    assert shown(job["id"]) == "first"
    same = cp.get_pipeline(name="secrets")["pipeline"]
    assert cp.update_pipeline(pipeline=same)["pipeline"]["stages"][1]["actions"][0]["configuration"] == {"Key": "****"}
    cp.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": "no"})
    cp.start_pipeline_execution(name="secrets")
    job = take(cp, "Secrets")
    assert shown(job["id"]) == "first"
    cp.put_job_failure_result(jobId=job["id"], failureDetails={"type": "JobFailed", "message": "no"})
    same["stages"][1]["actions"][0]["configuration"]["Key"] = "second"
    cp.update_pipeline(pipeline=same)
    cp.start_pipeline_execution(name="secrets")
    job = take(cp, "Secrets")
    assert shown(job["id"]) == "second"
    same["stages"][1]["name"] = "Renamed"
    same["stages"][1]["actions"][0]["configuration"]["Key"] = "****"
    assert code(cp.update_pipeline, pipeline=same) == "InvalidActionDeclarationException"
    # The audit has none of them, of refused requests neither.
    same["stages"][1]["actions"][0]["configuration"] = {"Key": "third", "Other": "seen"}
    assert code(cp.update_pipeline, pipeline=same) == "InvalidActionDeclarationException"
    same["stages"][1]["actions"][0]["actionTypeId"]["version"] = "9"
    assert code(cp.update_pipeline, pipeline=same) == "InvalidActionDeclarationException"
    pages = shared_server.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "codepipeline.amazonaws.com"}])
    kept = [json.loads(e["CloudTrailEvent"]) for page in pages for e in page["Events"]]  # each poll is one as well
    kept = [e["requestParameters"]["pipeline"]["stages"][1]["actions"][0]["configuration"] for e in kept
            if e["eventName"] in ("CreatePipeline", "UpdatePipeline")
            and e["requestParameters"]["pipeline"]["name"] == "secrets"]
    assert len(kept) == 6 and {c["Key"] for c in kept} == {"****"}, kept
    assert [c["Other"] for c in kept if "Other" in c] == ["****", "seen"]


def test_credentials_open_the_artifacts_alone(cp, s3, shared_server):
    make_type(cp, "Narrow")
    start(cp, s3, "narrow", ("Work", custom("Narrow", outputs=["Out"]), custom("Narrow", "Bare", inputs=())))
    jobs = [take(cp, "Narrow"), take(cp, "Narrow")]
    job, bare = sorted(jobs, key=lambda j: not j["data"].get("inputArtifacts"))
    app, out = place(job["data"]["inputArtifacts"][0]), place(job["data"]["outputArtifacts"][0])
    mine = s3_as(shared_server, job)
    assert mine.get_object(**app)["Body"].read()
    mine.put_object(**out, Body=b"x")
    denied = {"AccessDenied", "403"}
    assert code(mine.put_object, **app, Body=b"x") in denied
    assert code(mine.get_object, **out) in denied
    assert code(mine.get_object, Bucket="incoming", Key="narrow.zip") in denied
    assert code(mine.put_object, Bucket="artifacts", Key="other", Body=b"x") in denied
    assert code(mine.delete_object, **out) in denied
    assert code(mine.list_objects_v2, Bucket="artifacts") in denied
    c = job["data"]["artifactCredentials"]
    session = boto3.Session(c["accessKeyId"], c["secretAccessKey"], c["sessionToken"], shared_server.region)
    assert code(session.client("codepipeline", endpoint_url=shared_server.endpoint).list_pipelines) == \
        "AccessDeniedException"
    assert code(s3_as(shared_server, bare).get_object, **app) in denied
    # GetJobDetails makes fresh ones; all end with the job.
    fresh = s3_as(shared_server, cp.get_job_details(jobId=job["id"])["jobDetails"])
    assert fresh.get_object(**app)["Body"].read()
    cp.put_job_success_result(jobId=job["id"])
    for ended in (mine, fresh):
        assert code(ended.get_object, **app) == "InvalidAccessKeyId"
    # Of an action whose role may not do it there is no job.
    role = shared_server.service_role("no-artifacts", "codepipeline.amazonaws.com")
    start(cp, s3, "norole", ("Work", custom("Narrow", roleArn=role)))
    wait(lambda: latest(cp, "norole").get("status") == "Failed")
    assert latest(cp, "norole")["errorDetails"]["code"] == "PermissionError"


def test_states_and_several_workers(cp, s3):
    make_type(cp, "Many")
    first = start(cp, s3, "many", ("Work", *[custom("Many", f"W{i}") for i in range(4)]))
    # Each poll offers another job, and again those that nobody took.
    found = {}
    wait(lambda: (found.update({j["id"]: j for j in poll(cp, "Many", maxBatchSize=10)}), len(found) == 4)[1])
    assert len({poll(cp, "Many")[0]["id"] for _ in range(4)}) == 4
    one, two, three, four = found.values()
    assert code(cp.put_job_success_result, jobId=one["id"]) == "InvalidJobStateException"
    assert code(cp.acknowledge_job, jobId=one["id"], nonce="wrong") == "InvalidNonceException"
    wins = []

    def acknowledge():
        try:
            wins.append(cp.acknowledge_job(jobId=one["id"], nonce=one["nonce"])["status"])
        except botocore.exceptions.ClientError as e:
            wins.append(e.response["Error"]["Code"])
    threads = [threading.Thread(target=acknowledge) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(wins) == ["InProgress"] + 3 * ["InvalidNonceException"]
    assert one["id"] not in [j["id"] for j in poll(cp, "Many", maxBatchSize=10)]
    for call, more in ((cp.acknowledge_job, {"nonce": "x"}), (cp.get_job_details, {}),
                       (cp.put_job_success_result, {}),
                       (cp.put_job_failure_result, {"failureDetails": {"type": "JobFailed", "message": "m"}})):
        assert code(call, jobId=NOBODY, **more) == "JobNotFoundException"
    assert code(cp.put_job_success_result, jobId=one["id"], outputVariables={"a": "x" * 122880}) == \
        "OutputVariablesSizeExceededException"
    assert code(cp.put_job_success_result, jobId=one["id"], outputVariables={"a": "x"}, continuationToken="t") == \
        "ValidationException"
    cp.put_job_success_result(jobId=one["id"])
    for job in (two, three):
        cp.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    cp.put_job_success_result(jobId=two["id"])
    cp.put_job_failure_result(jobId=three["id"], failureDetails={
        "type": "RevisionUnavailable", "message": "the tape is gone", "externalExecutionId": "t9"})
    cp.acknowledge_job(jobId=four["id"], nonce=four["nonce"])
    cp.put_job_success_result(jobId=four["id"])
    assert wait_execution(cp, "many", first) == "Failed"
    failed = [a for a in stage_state(cp, "many", "Work")["actionStates"]
              if a["latestExecution"]["status"] == "Failed"]
    assert len(failed) == 1 and failed[0]["latestExecution"]["externalExecutionId"] == "t9"
    assert failed[0]["latestExecution"]["errorDetails"] == {
        "code": "RevisionUnavailable", "message": "the tape is gone"}
    # A retry is another job; abandoning its execution ends it.
    cp.retry_stage_execution(pipelineName="many", stageName="Work", pipelineExecutionId=first,
                             retryMode="FAILED_ACTIONS")
    again = take(cp, "Many")
    assert again["id"] not in found
    cp.stop_pipeline_execution(pipelineName="many", pipelineExecutionId=first, abandon=True)
    assert wait_execution(cp, "many", first) == "Stopped"
    assert code(cp.put_job_success_result, jobId=again["id"]) == "InvalidJobStateException"
    assert "data" not in cp.get_job_details(jobId=again["id"])["jobDetails"]
    # One that is stopped and waited for takes the worker's answer.
    cp.retry_stage_execution(pipelineName="many", stageName="Work", pipelineExecutionId=first,
                             retryMode="FAILED_ACTIONS")
    again = take(cp, "Many")
    cp.stop_pipeline_execution(pipelineName="many", pipelineExecutionId=first)
    cp.put_job_success_result(jobId=again["id"])
    assert wait_execution(cp, "many", first) == "Stopped"
    cp.delete_pipeline(name="many")
    assert code(cp.get_job_details, jobId=again["id"]) == "JobNotFoundException"


def test_deleted_types_fail_their_actions(cp, s3):
    make_type(cp, "Gone")
    first = start(cp, s3, "gone", ("Work", custom("Gone", "Taken"), custom("Gone", "Waiting")))
    wait(lambda: len(poll(cp, "Gone", maxBatchSize=5)) == 2)
    job = take(cp, "Gone")
    cp.delete_custom_action_type(category="Test", provider="Gone", version="1")
    cp.put_job_success_result(jobId=job["id"])
    assert wait_execution(cp, "gone", first) == "Failed"
    second = cp.start_pipeline_execution(name="gone")["pipelineExecutionId"]
    assert wait_execution(cp, "gone", second) == "Failed"
    error = latest(cp, "gone")["errorDetails"]
    assert error["code"] == "ConfigurationError" and "was deleted" in error["message"]


def test_custom_approvals_are_answered_once(cp, s3):
    """By the worker or by a person, whoever comes first."""
    make_type(cp, "Desk", category="Approval", outputArtifactDetails={"minimumCount": 0, "maximumCount": 0})
    first = start(cp, s3, "desk", ("Work", custom("Desk", category="Approval", inputs=())))
    approved = {"summary": "fine", "status": "Approved"}

    def approve(token, **result):
        return cp.put_approval_result(pipelineName="desk", stageName="Work", actionName="Work", token=token,
                                      result=dict(approved, **result))
    job = take(cp, "Desk", "Approval")
    token = latest(cp, "desk")["token"]
    cp.put_job_success_result(jobId=job["id"])
    assert code(approve, token=token, status="Rejected") == "InvalidApprovalTokenException"
    assert wait_execution(cp, "desk", first) == "Succeeded"
    second = cp.start_pipeline_execution(name="desk")["pipelineExecutionId"]
    job = take(cp, "Desk", "Approval")
    token = latest(cp, "desk")["token"]
    approve(token)
    assert code(cp.put_job_failure_result, jobId=job["id"], failureDetails={"type": "JobFailed", "message": "no"}) == \
        "InvalidJobStateException"
    assert code(approve, token=token, status="Rejected") == "ApprovalAlreadyCompletedException"
    assert wait_execution(cp, "desk", second) == "Succeeded"
    assert poll(cp, "Desk", "Approval") == []


def test_kill_at_every_step(server):
    """Whatever was answered holds after kill -9, and what was not is asked again."""
    def clients():
        return client(server), with_buckets(server)
    cp, s3 = clients()
    make_type(cp, "Tough", prop("Key", secret=True))
    first = start(cp, s3, "tough", ("Work", custom("Tough", configuration={"Key": "k"}, outputs=["Out"])))

    def kill():
        server.kill9()
        server.restart()
        return clients()
    offered = wait(lambda: poll(cp, "Tough"))[0]
    cp, s3 = kill()
    job = poll(cp, "Tough")[0]
    assert (job["id"], job["nonce"]) == (offered["id"], offered["nonce"])
    cp.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
    cp, s3 = kill()
    assert poll(cp, "Tough") == []
    assert s3_as(server, job).get_object(**place(job["data"]["inputArtifacts"][0]))["Body"].read()
    cp.put_job_success_result(jobId=job["id"], continuationToken="on", executionDetails={"percentComplete": 50})
    cp, s3 = kill()
    assert code(cp.put_job_success_result, jobId=job["id"]) == "InvalidJobStateException"
    job = take(cp, "Tough")
    assert job["data"]["continuationToken"] == "on" and latest(cp, "tough")["percentComplete"] == 50
    details = cp.get_job_details(jobId=job["id"])["jobDetails"]["data"]
    assert details["actionConfiguration"]["configuration"] == {"Key": "k"}
    cp.put_job_success_result(jobId=job["id"])
    cp, s3 = kill()
    assert wait_execution(cp, "tough", first) == "Succeeded"
