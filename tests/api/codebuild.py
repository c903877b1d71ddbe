# SPDX-License-Identifier: Apache-2.0
"""The operations of codebuild: projects and builds, with boto3."""
import os
import time

import botocore.exceptions
import pytest
from asking import eventually

SPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo hello\n"
ENVIRONMENT = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
               "computeType": "BUILD_GENERAL1_SMALL"}
UNKNOWN = "nobody:00000000-0000-0000-0000-000000000000"


@pytest.fixture
def codebuild(shared_server):
    return shared_server.client("codebuild")


def project(codebuild, name, **more):
    args = dict(name=name, source={"type": "NO_SOURCE", "buildspec": SPEC},
                artifacts={"type": "NO_ARTIFACTS"}, environment=ENVIRONMENT,
                serviceRole="arn:aws:iam::123456789012:role/build")
    args.update(more)
    return codebuild.create_project(**args)["project"]


def failure(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def finish(codebuild, build_id, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        build = codebuild.batch_get_builds(ids=[build_id])["builds"][0]
        if build["buildComplete"]:
            return build
        time.sleep(0.05)
    raise AssertionError(f"{build_id} does not end: {build}")


def test_projects(codebuild, shared_server):
    made = project(codebuild, "p-one", tags=[{"key": "team", "value": "shop"}])
    assert made["arn"] == f"arn:aws:codebuild:us-east-1:{shared_server.account}:project/p-one"
    assert made["timeoutInMinutes"] == 60 and made["queuedTimeoutInMinutes"] == 480
    assert made["cache"] == {"type": "NO_CACHE"} and made["projectVisibility"] == "PRIVATE"
    assert failure(project, codebuild=codebuild, name="p-one") == (
        "ResourceAlreadyExistsException", f"Project already exists: {made['arn']}")
    changed = codebuild.update_project(name="p-one", description="d", timeoutInMinutes=5)["project"]
    assert changed["description"] == "d" and changed["timeoutInMinutes"] == 5
    assert changed["source"]["buildspec"] == SPEC and changed["tags"] == made["tags"]
    got = codebuild.batch_get_projects(names=["p-one", made["arn"], "nobody"])
    assert [p["name"] for p in got["projects"]] == ["p-one", "p-one"]
    assert got["projectsNotFound"] == ["nobody"]
    assert "p-one" in codebuild.list_projects(sortBy="CREATED_TIME", sortOrder="DESCENDING")["projects"]
    codebuild.invalidate_project_cache(projectName="p-one")
    codebuild.delete_project(name="p-one")
    codebuild.delete_project(name="p-one")
    assert failure(codebuild.update_project, name="p-one")[0] == "ResourceNotFoundException"
    assert failure(codebuild.invalidate_project_cache, projectName="p-one")[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("args, message", [
    (dict(source={"type": "NO_SOURCE", "buildspec": SPEC, "location": "x"}),
     "Invalid input: source location must be empty for source type NO_SOURCE"),
    (dict(artifacts={"type": "S3"}), "Invalid artifacts: location is required"),
    (dict(cache={"type": "S3"}),
     "Invalid cache: location must be a valid S3 bucket, followed by slash and the prefix"),
    (dict(source={"type": "S3", "location": "b/k.zip", "gitSubmodulesConfig": {"fetchSubmodules": True}}),
     "Git submodules config is not supported for S3 source"),
    (dict(secondarySources=[{"type": "S3", "location": "b/k.zip"}]),
     "Invalid input: sourceIdentifier is required for secondary sources"),
    (dict(environment={"type": "WINDOWS_SERVER_2019_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_LARGE"}),
     "Invalid environment: type WINDOWS_SERVER_2019_CONTAINER is not offered here; use LINUX_CONTAINER"),
    pytest.param(dict(environment={"type": "ARM_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_LARGE"}),
                 "Invalid environment: type ARM_CONTAINER is not offered here; use LINUX_CONTAINER",
                 marks=pytest.mark.skipif(os.uname().machine == "aarch64", reason="it is at home here")),
])
def test_project_rules(codebuild, args, message):
    assert failure(project, codebuild=codebuild, name="p-bad", **args) == ("InvalidInputException", message)


def test_lists_of_projects_page(codebuild):
    names = [f"many-{i:03}" for i in range(103)]
    for name in names:
        project(codebuild, name)
    pages = list(codebuild.get_paginator("list_projects").paginate(sortBy="NAME"))
    got = [n for page in pages for n in page["projects"] if n.startswith("many-")]
    assert got == names and len(pages) >= 2
    assert failure(codebuild.list_projects, nextToken="nonsense")[0] == "InvalidInputException"


def test_build(codebuild, shared_server):
    project(codebuild, "b-one")
    build = codebuild.start_build(projectName="b-one")["build"]
    assert build["currentPhase"] == "QUEUED" and build["buildStatus"] == "IN_PROGRESS"
    assert [p["phaseType"] for p in build["phases"]] == ["SUBMITTED", "QUEUED"]
    assert build["buildNumber"] == 1 and build["id"].startswith("b-one:")
    done = finish(codebuild, build["id"])
    assert done["buildStatus"] == "SUCCEEDED", done["phases"]
    assert [p["phaseType"] for p in done["phases"]] == [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD",
        "POST_BUILD", "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED"]
    assert set(done["phases"][-1]) == {"phaseType", "startTime"}
    assert done["logs"]["groupName"] == "/aws/codebuild/b-one"
    assert codebuild.list_builds_for_project(projectName="b-one")["ids"] == [build["id"]]
    assert build["id"] in codebuild.list_builds()["ids"]
    again = codebuild.retry_build(id=build["arn"])["build"]
    assert again["buildNumber"] == 2
    finish(codebuild, again["id"])
    gone = codebuild.batch_delete_builds(ids=[build["id"]])
    assert gone["buildsDeleted"] == [build["arn"]]
    assert codebuild.batch_get_builds(ids=[build["id"]])["buildsNotFound"] == [build["id"]]


def test_refusals(codebuild, shared_server):
    arn = f"arn:aws:codebuild:us-east-1:{shared_server.account}:project/nobody"
    assert failure(codebuild.start_build, projectName="nobody") == (
        "ResourceNotFoundException", f"Project cannot be found: {arn}")
    assert failure(codebuild.stop_build, id=UNKNOWN)[0] == "ResourceNotFoundException"
    assert failure(codebuild.retry_build, id=UNKNOWN)[0] == "ResourceNotFoundException"
    project(codebuild, "b-token")
    one = codebuild.start_build(projectName="b-token", idempotencyToken="t")["build"]
    two = codebuild.start_build(projectName="b-token", idempotencyToken="t")["build"]
    assert one["id"] == two["id"]
    assert failure(codebuild.start_build, projectName="b-token", idempotencyToken="t",
                   timeoutInMinutesOverride=7)[0] == "InvalidInputException"
    finish(codebuild, one["id"])


def test_curated_images(codebuild):
    platforms = codebuild.list_curated_environment_images()["platforms"]
    names = [i["name"] for p in platforms for l in p["languages"] for i in l["images"]]
    assert "aws/codebuild/standard:7.0" in names


def test_metrics(codebuild, shared_server):
    """Builds count once, of their project and of all, also when the server dies as one ends."""
    began = time.time() - 60

    def values(metric, name="metered", statistic="Sum"):
        points = shared_server.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/CodeBuild", MetricName=metric, StartTime=began, EndTime=time.time() + 3600, Period=3600,
            Dimensions=[{"Name": "ProjectName", "Value": name}] if name else [], Statistics=[statistic])["Datapoints"]
        values = [p[statistic] for p in points]  # two where an hour has just begun
        return min(values) if statistic == "Minimum" else sum(values)

    project(codebuild, "metered")
    spec = "version: 0.2\nphases: {build: {commands: [exit 3]}}"
    good = finish(codebuild, codebuild.start_build(projectName="metered")["build"]["id"])
    finish(codebuild, codebuild.start_build(projectName="metered", buildspecOverride=spec)["build"]["id"])
    shared_server.kill9()
    shared_server.restart()
    codebuild, cw = (shared_server.client(s) for s in ("codebuild", "cloudwatch"))
    eventually(lambda: values("SucceededBuilds") + values("FailedBuilds") == 2)
    assert (values("Builds"), values("SucceededBuilds"), values("FailedBuilds")) == (2, 1, 1)
    assert values("Builds", None) >= 2 and values("Duration", None, "SampleCount") >= 2
    took = (good["endTime"] - good["startTime"]).total_seconds()
    assert values("Duration", statistic="Minimum") <= took + 0.001 and values("Duration", statistic="SampleCount") == 2
    listed = {m["MetricName"] for m in cw.list_metrics(
        Namespace="AWS/CodeBuild", Dimensions=[{"Name": "ProjectName", "Value": "metered"}])["Metrics"]}
    assert listed == {"Builds", "SucceededBuilds", "FailedBuilds", "Duration"} | {f"{p}Duration" for p in (
        "Submitted", "Queued", "Provisioning", "DownloadSource", "Install", "PreBuild", "Build", "PostBuild",
        "UploadArtifacts", "Finalizing")}
    # Nothing is left over that could count again.
    finish(codebuild, codebuild.start_build(projectName="metered")["build"]["id"])
    eventually(lambda: values("SucceededBuilds") == 2)
    assert (values("Builds"), values("FailedBuilds"), values("BuildDuration", statistic="SampleCount")) == (3, 1, 3)
