# SPDX-License-Identifier: Apache-2.0
"""Batches of builds: what a batch block asks for is really built, in its order, and outlives the server."""
import io
import json
import os
import zipfile

import botocore.exceptions
import pytest
from asking import code_of, eventually
from pipelines import action, client, executions, pipeline, s3_source, stage_state, wait_execution
from service_principals import at, bound_role

ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
               "computeType": "BUILD_GENERAL1_SMALL"}
ROLE = "arn:aws:iam::123456789012:role/build"
UNKNOWN = "nobody:00000000-0000-0000-0000-000000000000"
SOURCE = "DOWNLOAD_SOURCE"


def spec(batch, *commands, artifacts=None):
    """A buildspec as JSON, which is YAML; the batch block may be text or a structure."""
    doc = {"version": 0.2, "batch": batch, "phases": {"build": {"commands": list(commands) or ["true"]}}}
    if artifacts:
        doc["artifacts"] = artifacts
    return json.dumps(doc, indent=1)


class World:
    def __init__(self, server):
        self.server = server
        self.renew()

    def renew(self):
        self.builds = self.server.newest_client("codebuild")
        self.s3, self.logs = (self.server.client(s) for s in ("s3", "logs"))

    def close(self):
        self.server.close()

    def project(self, name, text, config=None, **more):
        args = dict(source={"type": "NO_SOURCE", "buildspec": text}, artifacts={"type": "NO_ARTIFACTS"})
        args.update(more)
        return self.builds.create_project(name=name, environment=ENVIRONMENT, serviceRole=ROLE, buildBatchConfig=dict(
            {"serviceRole": ROLE}, **(config or {})), **args)["project"]

    def start(self, name, **more):
        return self.builds.start_build_batch(projectName=name, **more)["buildBatch"]

    def batch(self, batch):
        return self.builds.batch_get_build_batches(ids=[batch])["buildBatches"][0]

    def finish(self, batch):
        return eventually(lambda: (b := self.batch(batch))["complete"] and b, what=f"end of {batch}")

    def run(self, name, text, config=None, **more):
        self.project(name, text, config, **more)
        return self.finish(self.start(name)["id"])

    def build(self, batch, identifier):
        arn = group(batch, identifier)["currentBuildSummary"]["arn"]
        return self.builds.batch_get_builds(ids=[arn])["builds"][0]

    def lines(self, batch, identifier):
        to = self.build(batch, identifier)["logs"]
        got = self.logs.get_log_events(logGroupName=to["groupName"], logStreamName=to["streamName"],
                                       startFromHead=True)["events"]
        return [e["message"].rstrip("\n") for e in got]


@pytest.fixture(scope="module")
def world(shared_server):
    return World(shared_server)


def group(batch, identifier):
    return next(g for g in batch["buildGroups"] if g["identifier"] == identifier)


def statuses(batch):
    return {g["identifier"]: g.get("currentBuildSummary", {}).get("buildStatus") for g in batch["buildGroups"]}


def phases(batch):
    return [(p["phaseType"], p.get("phaseStatus")) for p in batch["phases"]]


def reason(batch):
    return next(p["contexts"][0] for p in batch["phases"] if p.get("contexts"))


def test_list(world):
    """Each build has its own environment; children say whose they are."""
    project = world.project("list", spec(
        {"build-list": [
            {"identifier": "one", "env": {"variables": {"WHO": "first"}, "compute-type": "BUILD_GENERAL1_MEDIUM"}},
            {"identifier": "two", "buildspec": "version: 0.2\nphases: {build: {commands: [echo other $WHO]}}\n"}]},
        "echo I am $CODEBUILD_BATCH_BUILD_IDENTIFIER $WHO"))
    assert project["buildBatchConfig"]["serviceRole"] == ROLE
    batch = world.start("list", environmentVariablesOverride=[{"name": "WHO", "value": "all"}])
    assert batch["buildBatchStatus"] == "IN_PROGRESS" and not batch["complete"]
    assert phases(batch) == [("SUBMITTED", "SUCCEEDED"), ("DOWNLOAD_BATCHSPEC", None)]
    assert batch["buildBatchNumber"] == 1 and batch["buildBatchConfig"]["timeoutInMins"] == 480
    assert batch["arn"] == f"arn:aws:codebuild:us-east-1:{world.server.account}:build-batch/{batch['id']}"
    done = world.finish(batch["arn"])
    assert statuses(done) == {SOURCE: "SUCCEEDED", "one": "SUCCEEDED", "two": "SUCCEEDED"}
    assert phases(done) == [("SUBMITTED", "SUCCEEDED"), ("DOWNLOAD_BATCHSPEC", "SUCCEEDED"),
                            ("IN_PROGRESS", "SUCCEEDED"), ("SUCCEEDED", None)]
    assert done["buildBatchStatus"] == "SUCCEEDED" and done["endTime"] >= done["startTime"]
    assert group(done, "one")["dependsOn"] == [SOURCE] and group(done, SOURCE)["dependsOn"] == []
    assert "I am one first" in world.lines(done, "one") and "other all" in world.lines(done, "two")
    child = world.build(done, "one")
    assert child["buildBatchArn"] == done["arn"] and child["environment"]["computeType"] == "BUILD_GENERAL1_MEDIUM"
    assert child["id"] in world.builds.list_builds_for_project(projectName="list")["ids"]
    assert code_of(world.builds.retry_build, id=child["id"]) == "InvalidInputException"
    # An ordinary build of the same project does not care for the batch block.
    single = world.builds.start_build(projectName="list")["build"]
    assert "buildBatchArn" not in single
    eventually(lambda: world.builds.batch_get_builds(ids=[single["id"]])["builds"][0]["buildComplete"])
    assert world.start("list")["buildBatchNumber"] == 2


def test_graph(world):
    """depend-on, ignore-failure, and what is not started; retries of what failed and of all."""
    done = world.run("graph", spec({"build-graph": [
        {"identifier": "base"},
        {"identifier": "broken", "ignore-failure": True, "depend-on": ["base"], "env": {"variables": {"FAIL": 1}}},
        {"identifier": "after", "depend-on": ["base", "broken"]},
        {"identifier": "wrong", "env": {"variables": {"FAIL": 1}}},
        {"identifier": "never", "depend-on": ["wrong", "base"]},
        {"identifier": "neither", "depend-on": ["never"]}]}, "test -z $FAIL"))
    expected = {SOURCE: "SUCCEEDED", "base": "SUCCEEDED", "broken": "FAILED", "after": "SUCCEEDED",
                "wrong": "FAILED", "never": None, "neither": None}
    assert statuses(done) == expected and done["buildBatchStatus"] == "FAILED"
    assert phases(done)[2:] == [("IN_PROGRESS", "FAILED"), ("FAILED", None)]
    assert reason(done)["message"] == "Failed builds: wrong. Not started: never, neither"
    assert group(done, "after")["dependsOn"] == [SOURCE, "base", "broken"]
    assert world.build(done, "after")["startTime"] >= world.build(done, "broken")["endTime"]

    again = world.builds.retry_build_batch(id=done["id"], retryType="RETRY_FAILED_BUILDS", idempotencyToken="r1")
    assert again["buildBatch"]["id"] == done["id"] and not again["buildBatch"]["complete"]
    again = world.finish(done["id"])
    assert statuses(again) == expected
    kept = {i for i in expected if not group(again, i).get("priorBuildSummaryList")}
    assert kept == {SOURCE, "base", "never", "neither"}
    assert group(again, "wrong")["priorBuildSummaryList"][0]["arn"] == group(done, "wrong")["currentBuildSummary"]["arn"]
    # The same request once more is the same retry.
    same = world.builds.retry_build_batch(id=done["id"], retryType="RETRY_FAILED_BUILDS", idempotencyToken="r1")
    assert same["buildBatch"]["complete"]

    world.builds.retry_build_batch(id=done["id"], retryType="RETRY_ALL_BUILDS")
    everything = world.finish(done["id"])
    assert statuses(everything) == expected
    assert [len(group(everything, i)["priorBuildSummaryList"]) for i in (SOURCE, "base", "wrong")] == [1, 1, 2]
    gone = world.builds.delete_build_batch(id=done["id"])
    assert gone["statusCode"] == "BATCH_DELETED" and len(gone["buildsDeleted"]) == 2 + 2 + 3 + 3 + 3
    assert world.builds.batch_get_build_batches(ids=[done["id"]])["buildBatchesNotFound"] == [done["id"]]
    assert world.builds.batch_get_builds(ids=gone["buildsDeleted"])["builds"] == []


def test_matrix(world):
    done = world.run("matrix", spec({"build-matrix": {
        "static": {"ignore-failure": False, "env": {"privileged-mode": False, "variables": {"MODE": "fast"}}},
        "dynamic": {"env": {"image": ["aws/codebuild/standard:7.0"], "variables": {"DB": ["pg", "my-sql"],
                                                                                    "N": ["1", "2"]}}}}},
        "echo $MODE $DB $N"))
    assert done["buildBatchStatus"] == "SUCCEEDED", done
    names = {f"aws_codebuild_standard_7_0_{db}_{n}": f"fast {value} {n}"
             for db, value in (("pg", "pg"), ("my_sql", "my-sql")) for n in "12"}
    assert set(statuses(done)) == {SOURCE} | set(names)
    for name, line in names.items():
        assert line in world.lines(done, name)


def test_fast_fail(world):
    """The first failure stops what runs; nothing else starts."""
    done = world.run("fast", spec({"fast-fail": True, "build-graph": [
        {"identifier": "bad", "env": {"variables": {"DO": "false"}}},
        {"identifier": "slow", "env": {"variables": {"DO": "sleep 600"}}},
        {"identifier": "next", "depend-on": ["slow"]}]}, "$DO"))
    assert done["buildBatchStatus"] == "FAILED"
    assert statuses(done) == {SOURCE: "SUCCEEDED", "slow": "STOPPED", "bad": "FAILED", "next": None}


@pytest.mark.parametrize("name, batch, config, message", [
    ("cycle", {"build-graph": [{"identifier": "a", "depend-on": ["b"]}, {"identifier": "b", "depend-on": ["a"]}]},
     {}, "form a cycle"),
    ("unknown", {"build-graph": [{"identifier": "a", "depend-on": ["zzz"]}]}, {}, "depend-on names 'zzz'"),
    ("fanout", {"build-fanout": {"parallelism": 3}}, {}, "build-fanout is not offered"),
    ("debug", {"build-list": [{"identifier": "a", "debug-session": True}]}, {}, "build a: debug-session is not offered"),
    ("many", {"build-list": [{"identifier": "a"}, {"identifier": "b"}]},
     {"restrictions": {"maximumBuildsAllowed": 1}}, "asks for 2 builds"),
    ("large", {"build-list": [{"identifier": "a", "env": {"compute-type": "BUILD_GENERAL1_LARGE"}}]},
     {"restrictions": {"computeTypesAllowed": ["BUILD_GENERAL1_SMALL"]}},
     "build a: compute type BUILD_GENERAL1_LARGE is not among the computeTypesAllowed"),
    ("name", {"build-list": [{"identifier": SOURCE}]}, {}, "build identifier 'DOWNLOAD_SOURCE'"),
    ("type", {"build-list": [{"identifier": "a", "env": {"type": "WINDOWS_CONTAINER"}}]}, {}, "build a: "),
])
def test_refused_blocks(world, name, batch, config, message):
    done = world.run(f"bad-{name}", spec(batch), config)
    assert done["buildBatchStatus"] == "FAILED" and statuses(done) == {SOURCE: "FAILED"}
    assert phases(done) == [("SUBMITTED", "SUCCEEDED"), ("DOWNLOAD_BATCHSPEC", "FAILED"), ("FAILED", None)]
    assert reason(done)["statusCode"] == "YAML_FILE_ERROR" and message in reason(done)["message"]


def test_refused_requests(world):
    world.builds.create_project(name="plain", environment=ENVIRONMENT, serviceRole=ROLE,
                                source={"type": "NO_SOURCE", "buildspec": spec({"build-list": [{"identifier": "a"}]})},
                                artifacts={"type": "NO_ARTIFACTS"})
    calls = world.builds
    assert code_of(calls.start_build_batch, projectName="plain") == "InvalidInputException"
    assert code_of(calls.start_build_batch, projectName="nobody") == "ResourceNotFoundException"
    assert code_of(calls.stop_build_batch, id=UNKNOWN) == "ResourceNotFoundException"
    assert code_of(calls.retry_build_batch, id=UNKNOWN) == "ResourceNotFoundException"
    assert code_of(calls.delete_build_batch, id=UNKNOWN) == "InvalidInputException"
    assert code_of(calls.list_build_batches_for_project, projectName="nobody") == "ResourceNotFoundException"
    assert code_of(world.project, name="short", text="x: y", config={"timeoutInMins": 4}) == "InvalidInputException"
    with pytest.raises(botocore.exceptions.ClientError) as e:
        calls.start_build_batch(projectName="plain", buildBatchConfigOverride={
            "serviceRole": f"arn:aws:iam::{world.server.account}:role/nobody"})
    assert e.value.response["Error"]["Code"] == "InvalidInputException"
    one = world.start("plain", buildBatchConfigOverride={"serviceRole": ROLE}, idempotencyToken="t")
    assert world.start("plain", buildBatchConfigOverride={"serviceRole": ROLE}, idempotencyToken="t")["id"] == one["id"]
    assert code_of(calls.start_build_batch, projectName="plain", idempotencyToken="t") == "InvalidInputException"
    world.finish(one["id"])
    assert code_of(calls.retry_build_batch, id=one["id"]) == "InvalidInputException"  # it succeeded


def test_lists(world):
    good, bad = (spec({"build-list": [{"identifier": "a"}]}, c) for c in ("true", "false"))
    world.project("pages", good)
    ids = [world.finish(world.start("pages", **more)["id"])["id"]
           for more in ({}, {"buildspecOverride": bad}, {})]
    of = world.builds.list_build_batches_for_project
    assert of(projectName="pages", sortOrder="ASCENDING")["ids"] == ids
    assert of(projectName="pages", filter={"status": "FAILED"})["ids"] == [ids[1]]
    first = of(projectName="pages", maxResults=2)
    assert first["ids"] == ids[:0:-1]
    assert of(projectName="pages", maxResults=2, nextToken=first["nextToken"])["ids"] == [ids[0]]
    assert world.builds.list_build_batches(maxResults=3)["ids"] == ids[::-1]
    assert ids[1] in world.builds.list_build_batches(filter={"status": "FAILED"}, sortOrder="ASCENDING")["ids"]


def test_stop_and_limit(world):
    """A batch waits for its project's concurrentBuildLimit; stopped, it stops its builds."""
    world.project("stopped", spec({"build-list": [{"identifier": "a"}, {"identifier": "b"}]}, "sleep 600"),
                  concurrentBuildLimit=1)
    batch = world.start("stopped")["id"]
    eventually(lambda: statuses(world.batch(batch)).get("a"))
    assert statuses(world.batch(batch)) == {SOURCE: "SUCCEEDED", "a": "IN_PROGRESS", "b": None}
    assert code_of(world.builds.delete_build_batch, id=batch) == "InvalidInputException"
    first = world.build(world.batch(batch), "a")["id"]
    world.builds.stop_build(id=first)
    eventually(lambda: statuses(world.batch(batch)).get("b"))
    world.builds.stop_build_batch(id=batch)
    done = world.finish(batch)
    assert done["buildBatchStatus"] == "STOPPED" and phases(done)[2:] == [("IN_PROGRESS", "STOPPED"), ("STOPPED", None)]
    assert statuses(done) == {SOURCE: "SUCCEEDED", "a": "STOPPED", "b": "STOPPED"}
    assert world.builds.stop_build_batch(id=batch)["buildBatch"]["buildBatchStatus"] == "STOPPED"


def objects(world, bucket):
    got = world.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return {o["Key"]: world.s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in got}


def unzip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return {n: z.read(n).decode().strip() for n in z.namelist() if not n.endswith("/")}


TWO = {"build-list": [{"identifier": "one"}, {"identifier": "two"}]}
MAKE = ("mkdir out", "echo $CODEBUILD_BATCH_BUILD_IDENTIFIER | tee out/$CODEBUILD_BATCH_BUILD_IDENTIFIER out/last")
ARTIFACTS = {"base-directory": "out", "files": ["**/*"]}


def test_artifacts(world):
    """Builds store beside one another; combined, their files stand in one place as well."""
    world.s3.create_bucket(Bucket="batch-out")
    text = spec(TWO, *MAKE, artifacts=ARTIFACTS)
    done = world.run("apart", text, artifacts={"type": "S3", "location": "batch-out", "name": "app", "path": "apart"})
    assert done["buildBatchStatus"] == "SUCCEEDED", done
    assert set(objects(world, "batch-out")) == {
        f"apart/app/{i}/{f}" for i in ("one", "two") for f in (i, "last")}
    location = group(done, "one")["currentBuildSummary"]["primaryArtifact"]
    assert location == {"type": "S3", "location": "arn:aws:s3:::batch-out/apart/app/one/"}

    world.project("joined", text, {"combineArtifacts": True}, artifacts={
        "type": "S3", "location": "batch-out", "name": "app.zip", "path": "joined", "packaging": "ZIP"})
    world.builds.update_project(name="joined", serviceRole=bound_role(
        world.server, "for-joined", "codebuild", at(world.server, "codebuild", "project/joined")))
    done = world.finish(world.start("joined")["id"])
    assert done["buildBatchStatus"] == "SUCCEEDED", done
    assert phases(done)[3:] == [("COMBINE_ARTIFACTS", "SUCCEEDED"), ("SUCCEEDED", None)]
    assert done["artifacts"]["location"] == "arn:aws:s3:::batch-out/joined/app.zip"
    assert unzip(objects(world, "batch-out")["joined/app.zip"]) == {"one": "one", "two": "two", "last": "two"}

    # Folders are joined into the folder above theirs, the bucket itself for the name "/".
    world.s3.create_bucket(Bucket="batch-root")
    for name, bucket, path, kept in (("tree", "batch-out", "tree/app/", "tree"), ("/", "batch-root", "", None)):
        done = world.run(f"joined-{bucket}", text, {"combineArtifacts": True}, artifacts=dict(
            {"type": "S3", "location": bucket, "name": "app" if kept else name}, **({"path": kept} if kept else {})))
        assert done["buildBatchStatus"] == "SUCCEEDED", done
        assert done["artifacts"]["location"] == f"arn:aws:s3:::{bucket}/{path}"
        stored = objects(world, bucket)
        assert {k: stored[path + k].strip() for k in ("one", "two", "last", "one/last")} == {
            "one": b"one", "two": b"two", "last": b"two", "one/last": b"one"}
    done = world.run("joined-zip", text, {"combineArtifacts": True}, artifacts={
        "type": "S3", "location": "batch-root", "name": "/", "packaging": "ZIP"})
    assert done["buildBatchStatus"] == "SUCCEEDED", done
    assert done["artifacts"]["location"] == "arn:aws:s3:::batch-root/joined-zip"


def test_retries_by_itself(world):
    """autoRetryLimit holds for each build of a batch, which goes on with the last try."""
    graph = {"build-graph": [{"identifier": "one"}, {"identifier": "two", "depend-on": ["one"]}]}
    done = world.run("healed", spec(graph, "test $CODEBUILD_BUILD_NUMBER -ge 3"), autoRetryLimit=1)
    assert done["buildBatchStatus"] == "SUCCEEDED", done
    prior = group(done, "one")["priorBuildSummaryList"]
    assert [p["buildStatus"] for p in prior] == ["FAILED"]
    assert world.build(done, "one")["autoRetryConfig"]["previousAutoRetry"] == prior[0]["arn"]
    assert "priorBuildSummaryList" not in group(done, "two")
    done = world.run("broken", spec({"fast-fail": True, **graph}, "false"), autoRetryLimit=2)
    assert done["buildBatchStatus"] == "FAILED" and len(group(done, "one")["priorBuildSummaryList"]) == 2
    assert statuses(done) == {SOURCE: "SUCCEEDED", "one": "FAILED", "two": None}


def test_who_may_pass_the_role(world):
    """The batch's role is passed to CodeBuild by whoever names it."""
    world.builds.create_project(name="lent", environment=ENVIRONMENT, serviceRole=ROLE, source={
        "type": "NO_SOURCE", "buildspec": spec(TWO)}, artifacts={"type": "NO_ARTIFACTS"})
    mine = world.server.client("codebuild", keys=world.server.user("batcher", {
        "Effect": "Allow", "Action": "codebuild:*", "Resource": "*"}))
    for call, more in ((mine.start_build_batch, {"projectName": "lent", "buildBatchConfigOverride": {"serviceRole": ROLE}}),
                       (mine.update_project, {"name": "lent", "buildBatchConfig": {"serviceRole": ROLE}})):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call(**more)
        assert "iam:PassRole" in e.value.response["Error"]["Message"], e.value


def test_ids_of_other_projects(world):
    """Who may use one project gets at nothing of another by ids that name the first."""
    for name in ("open", "shut"):
        world.project(name, spec({"build-list": [{"identifier": "a"}]}))
    batch = world.finish(world.start("shut")["id"])
    arn = f"arn:aws:codebuild:{world.server.region}:{world.server.account}:project/open"
    mine = world.server.client("codebuild", keys=world.server.user("opener", {
        "Effect": "Allow", "Action": "codebuild:*", "Resource": arn}))
    assert code_of(mine.batch_get_build_batches, ids=[batch["id"]]) == "AccessDeniedException"
    named = batch["id"].replace("shut:", "open:"), batch["arn"].replace("/shut:", "/open:")
    for name in named:
        assert mine.batch_get_build_batches(ids=[name])["buildBatchesNotFound"] == [name]
        assert code_of(mine.stop_build_batch, id=name) == "ResourceNotFoundException"
        assert code_of(mine.retry_build_batch, id=name) == "ResourceNotFoundException"
        assert code_of(mine.delete_build_batch, id=name) == "InvalidInputException"
    child = group(batch, "a")["currentBuildSummary"]["arn"].replace("/shut:", "/open:")
    for name in (child, child.split("/")[1]):
        assert mine.batch_get_builds(ids=[name])["buildsNotFound"] == [name]
        assert code_of(mine.stop_build, id=name) == "ResourceNotFoundException"
        assert code_of(mine.retry_build, id=name) == "ResourceNotFoundException"
        assert mine.batch_delete_builds(ids=[name])["buildsNotDeleted"][0]["statusCode"] == "BUILD_NOT_FOUND"
    assert world.batch(batch["id"])["id"] == batch["id"] and world.build(batch, "a")["buildComplete"]


def test_source_is_resolved_once(world):
    """Builds work on the commit that the batch found, whatever is pushed meanwhile."""
    world.server.client("codecommit").create_repository(repositoryName="batched")
    work = os.path.join(world.server.data, "work-batched")
    world.server.run("git", "init", "-q", "-b", "main", work)

    def push(text):
        with open(os.path.join(work, "buildspec.yml"), "w", encoding="utf-8") as f:
            f.write(text)
        world.server.run("git", "-C", work, "add", ".")
        world.server.run("git", "-C", work, "commit", "-qm", "x")
        world.server.run("git", "-C", work, "push", "-q", world.server.git_url("batched"), "main")
        return world.server.client("codecommit").get_branch(
            repositoryName="batched", branchName="main")["branch"]["commitId"]

    first = push(spec({"build-graph": [{"identifier": "a"}, {"identifier": "b", "depend-on": ["a"]}]},
                      "sleep 600"))
    world.project("sourced", "", sourceVersion="main", source={
        "type": "CODECOMMIT", "location": "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/batched"})
    batch = world.start("sourced")["id"]
    eventually(lambda: statuses(world.batch(batch)).get("a"))
    assert world.batch(batch)["resolvedSourceVersion"] == first
    second = push("version: 0.2\nphases: {build: {commands: [exit 9]}}\n")
    assert second != first
    world.builds.stop_build(id=world.build(world.batch(batch), "a")["id"])
    world.finish(batch)
    world.builds.retry_build_batch(id=batch, retryType="RETRY_ALL_BUILDS")
    eventually(lambda: statuses(world.batch(batch)).get("a") == "IN_PROGRESS")
    assert world.build(world.batch(batch), "a")["sourceVersion"] == first
    assert world.build(world.batch(batch), SOURCE)["resolvedSourceVersion"] == first
    world.builds.stop_build_batch(id=batch)
    world.finish(batch)


def test_pipeline(world):
    """A CodeBuild action that is a batch: its output holds what all builds made."""
    for name in ("artifacts", "incoming"):
        world.s3.create_bucket(Bucket=name)
    world.s3.put_bucket_versioning(Bucket="incoming", VersioningConfiguration={"Status": "Enabled"})
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as z:
        z.writestr("buildspec.yml", spec(TWO, "test \"$WHO\" = all", *MAKE, artifacts=ARTIFACTS))
    world.s3.put_object(Bucket="incoming", Key="app.zip", Body=body.getvalue())
    world.project("piped", "", source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"})
    cp = client(world.server)

    def make(name, who="all", **configuration):
        cp.create_pipeline(pipeline=pipeline(name, ("Source", s3_source("incoming", "app.zip")), ("Build", action(
            "Build", "CodeBuild", "Make", dict({
                "ProjectName": "piped", "BatchEnabled": "true", "EnvironmentVariables": json.dumps(
                    [{"name": "WHO", "value": who}])}, **configuration), inputs=["App"], outputs=["Out"]))))
        return wait_execution(cp, name, executions(cp, name)[0]["pipelineExecutionId"], timeout=120)

    def output(name):
        detail = cp.list_action_executions(pipelineName=name)["actionExecutionDetails"][0]
        to = detail["output"]["outputArtifacts"][0]["s3location"]
        return unzip(world.s3.get_object(Bucket=to["bucket"], Key=to["key"])["Body"].read())

    assert make("folders") == "Succeeded", stage_state(cp, "folders", "Build")["actionStates"][0]["latestExecution"]
    assert output("folders") == {"one/one": "one", "one/last": "one", "two/two": "two", "two/last": "two"}
    assert make("joined", CombineArtifacts="true") == "Succeeded", stage_state(cp, "joined", "Build")["actionStates"][0]["latestExecution"]
    assert output("joined") == {"one": "one", "two": "two", "last": "two"}
    assert make("failing", who="nobody") == "Failed"
    latest = stage_state(cp, "failing", "Build")["actionStates"][0]["latestExecution"]
    assert latest["errorDetails"]["message"].endswith(
        "FAILED. Phase: IN_PROGRESS, Code: BUILD_FAILED, Message: Failed builds: one, two")
    assert world.batch(latest["externalExecutionId"])["initiator"] == "codepipeline/failing"
    with pytest.raises(botocore.exceptions.ClientError) as e:
        make("wrong", BatchEnabled="false", CombineArtifacts="true")
    assert "CombineArtifacts needs BatchEnabled" in e.value.response["Error"]["Message"]


def test_outlives_the_server(world):
    """Killed while a build runs and another waits for it, the batch goes on: each build once."""
    world.project("killed", spec({"build-graph": [
        {"identifier": "a"}, {"identifier": "b", "depend-on": ["a"]}]}, "sleep 1"))
    batch = world.start("killed")["id"]
    eventually(lambda: statuses(world.batch(batch)).get("a"))
    world.server.kill9()
    world.server.restart()
    world.renew()
    eventually(lambda: statuses(world.batch(batch)).get("b"))
    world.server.kill9()
    world.server.restart()
    world.renew()
    done = world.finish(batch)
    assert done["buildBatchStatus"] == "SUCCEEDED"
    assert statuses(done) == {SOURCE: "SUCCEEDED", "a": "SUCCEEDED", "b": "SUCCEEDED"}
    assert len(world.builds.list_builds_for_project(projectName="killed")["ids"]) == 3


def test_killed_while_combining(world):
    """What a killed server had begun to join is joined anew, and leaves nothing behind."""
    world.s3.create_bucket(Bucket="batch-large")
    world.project("large", spec(TWO, "mkdir out", "head -c 8000000 /dev/urandom > "
                                "out/$CODEBUILD_BATCH_BUILD_IDENTIFIER", artifacts=ARTIFACTS),
                  {"combineArtifacts": True}, artifacts={
                      "type": "S3", "location": "batch-large", "name": "app.zip", "packaging": "ZIP"})
    batch = world.start("large")["id"]
    folder = os.path.join(world.server.data, "builds", batch.split(":")[1])
    eventually(lambda: os.path.isdir(folder) or world.batch(batch)["complete"])
    world.server.kill9()
    world.server.restart()
    world.renew()
    done = world.finish(batch)
    assert not os.path.exists(folder)
    assert done["buildBatchStatus"] == "SUCCEEDED", done
    assert phases(done)[3:] == [("COMBINE_ARTIFACTS", "SUCCEEDED"), ("SUCCEEDED", None)]
    stored = objects(world, "batch-large")
    with zipfile.ZipFile(io.BytesIO(stored["app.zip"])) as z:
        for part in ("one", "two"):
            with zipfile.ZipFile(io.BytesIO(stored[f"app.zip/{part}"])) as own:
                assert z.read(part) == own.read(part) and len(z.read(part)) == 8000000


def test_timeout_of_a_batch(world):
    """timeoutInMins stops the builds and ends the batch, also when the server was down meanwhile."""
    world.project("late", spec({"build-graph": [{"identifier": "a"}, {"identifier": "b", "depend-on": ["a"]}]},
                               "sleep 600"), {"timeoutInMins": 5})
    batch = world.start("late")["id"]
    eventually(lambda: statuses(world.batch(batch)).get("a"))
    world.server.kill9()
    world.server.restart("--clock-rate", "300")
    world.renew()
    done = world.finish(batch)
    assert done["buildBatchStatus"] == "TIMED_OUT" and reason(done)["statusCode"] == "BUILD_TIMED_OUT"
    assert phases(done)[2:] == [("IN_PROGRESS", "TIMED_OUT"), ("FAILED", None)]
    assert statuses(done) == {SOURCE: "SUCCEEDED", "a": "STOPPED", "b": None}
    # The token of a retry is good for five minutes: another retry then, it times out as well.
    for tries in (1, 2):
        world.builds.retry_build_batch(id=batch, idempotencyToken="again")
        done = world.finish(batch)
        assert done["buildBatchStatus"] == "TIMED_OUT"
        assert len(group(done, "a")["priorBuildSummaryList"]) == tries
