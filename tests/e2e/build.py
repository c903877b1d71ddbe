# SPDX-License-Identifier: Apache-2.0
"""Real builds: what runs, what fails and says why, what survives."""
import io
import zipfile

import pytest

from asking import eventually
from builds import ENVIRONMENT, HELD, Builds


@pytest.fixture
def builds(server):
    return Builds(server)


def phase(build, name):
    return next((p for p in build["phases"] if p["phaseType"] == name), None)


def context(build, name):
    return phase(build, name)["contexts"][0]


def test_environment_and_exported_variables(builds):
    builds.project("env", """\
        version: 0.2
        env:
          variables: {A: buildspec, B: buildspec, C: buildspec}
          exported-variables: [A, B, C, D, NUMBER, ID, NEVER]
        phases:
          install:
            commands:
              - D=from-install
          build:
            commands:
              - NUMBER=$CODEBUILD_BUILD_NUMBER
              - ID=$CODEBUILD_BUILD_ID
              - test -n "$CODEBUILD_START_TIME" -a -n "$CODEBUILD_SRC_DIR"
              - echo "initiator is $CODEBUILD_INITIATOR"
        """, environment=dict(ENVIRONMENT, environmentVariables=[
            {"name": "B", "value": "project"}, {"name": "C", "value": "project"}]))
    build = builds.run("env", environmentVariablesOverride=[{"name": "C", "value": "start"}])
    assert build["buildStatus"] == "SUCCEEDED", builds.log(build["id"])
    exported = {v["name"]: v["value"] for v in build["exportedEnvironmentVariables"]}
    assert exported == {"A": "buildspec", "B": "project", "C": "start", "D": "from-install",
                        "NUMBER": "1", "ID": build["id"], "NEVER": ""}
    assert "initiator is root" in builds.log(build["id"])


def test_failing_test_says_which_command(builds):
    builds.project("fails", """\
        version: 0.2
        phases:
          build:
            commands:
              - echo before
              - sh -c 'exit 3'
              - echo never
            finally:
              - echo finally
          post_build:
            commands:
              - echo "succeeding is $CODEBUILD_BUILD_SUCCEEDING"
        """)
    build = builds.run("fails")
    log = builds.log(build["id"])
    assert build["buildStatus"] == "FAILED"
    assert phase(build, "BUILD")["phaseStatus"] == "FAILED"
    assert context(build, "BUILD") == {
        "statusCode": "COMMAND_EXECUTION_ERROR",
        "message": "Error while executing command: sh -c 'exit 3'. Reason: exit status 3"}
    assert phase(build, "POST_BUILD")["phaseStatus"] == "SUCCEEDED"
    assert "succeeding is 0" in log and "finally" in log and "\nnever" not in log


def test_broken_buildspec_fails_in_download(builds):
    builds.project("broken", "version: 0.2\nphases:\n  build:\n    commands:\n      - echo a: b\n")
    build = builds.run("broken")
    assert build["buildStatus"] == "FAILED"
    assert context(build, "DOWNLOAD_SOURCE")["statusCode"] == "YAML_FILE_ERROR"
    assert "Expected Commands[0] to be of string type" in context(build, "DOWNLOAD_SOURCE")["message"]
    assert [p["phaseType"] for p in build["phases"]][-3:] == ["DOWNLOAD_SOURCE", "FINALIZING", "COMPLETED"]
    assert "Phase complete: DOWNLOAD_SOURCE State: FAILED" in builds.log(build["id"])


def test_stop(builds):
    builds.project("slow", "version: 0.2\nphases: {build: {commands: ['sleep 600']}}\n")
    build_id = builds.start("slow")
    builds.until(build_id, lambda b: b["currentPhase"] == "BUILD")
    builds.api.stop_build(id=build_id)
    build = builds.finish(build_id)
    assert build["buildStatus"] == "STOPPED"
    assert phase(build, "BUILD")["phaseStatus"] == "STOPPED"
    assert builds.api.stop_build(id=build_id)["build"]["buildStatus"] == "STOPPED"


def test_artifacts_in_s3(builds):
    s3 = builds.server.client("s3")
    s3.create_bucket(Bucket="artifacts")
    spec = """\
        version: 0.2
        phases:
          build:
            commands:
              - mkdir -p dist/sub
              - echo one > dist/one.txt
              - echo two > dist/sub/two.txt
              - echo map > dist/one.map
        artifacts:
          base-directory: dist
          files: ['**/*']
          exclude-paths: ['*.map']
          name: app-$CODEBUILD_BUILD_NUMBER.zip
          secondary-artifacts:
            tree:
              files: [dist/sub/two.txt]
        """
    builds.project("art", spec, artifacts={
        "type": "S3", "location": "artifacts", "path": "out", "packaging": "ZIP", "name": "x",
        "overrideArtifactName": True},
        secondaryArtifacts=[{"type": "S3", "location": "artifacts", "name": "tree", "packaging": "NONE",
                             "artifactIdentifier": "tree"}])
    build = builds.run("art")
    assert build["buildStatus"] == "SUCCEEDED", builds.log(build["id"])
    assert build["artifacts"]["location"] == "arn:aws:s3:::artifacts/out/app-1.zip"
    assert len(build["artifacts"]["sha256sum"]) == 64 and len(build["artifacts"]["md5sum"]) == 32
    body = s3.get_object(Bucket="artifacts", Key="out/app-1.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as z:
        names = sorted(n for n in z.namelist() if not n.endswith("/"))
    assert names == ["one.txt", "sub/two.txt"]
    assert s3.get_object(Bucket="artifacts", Key="tree/dist/sub/two.txt")["Body"].read() == b"two\n"


def test_missing_artifacts_and_bucket_fail_the_upload(builds):
    spec = "version: 0.2\nphases: {build: {commands: ['true']}}\nartifacts: {files: ['%s']}\n"
    to = {"type": "S3", "location": "nobucket", "packaging": "ZIP", "name": "x.zip"}
    builds.project("none", spec % "nothing.txt", artifacts=to)
    build = builds.run("none")
    assert build["buildStatus"] == "FAILED"
    assert "no matching artifact paths found" in context(build, "UPLOAD_ARTIFACTS")["message"]
    builds.project("nobucket", spec.replace("true", "touch a") % "a", artifacts=to)
    build = builds.run("nobucket")
    assert build["buildStatus"] == "FAILED"
    assert context(build, "UPLOAD_ARTIFACTS")["statusCode"] == "CLIENT_ERROR"
    assert "nobucket" in context(build, "UPLOAD_ARTIFACTS")["message"]


def test_source_from_codecommit(builds):
    git = builds.server.client("codecommit")
    git.create_repository(repositoryName="shop")
    spec = (b"version: 0.2\nenv: {exported-variables: [HEAD]}\nphases:\n  build:\n    commands:\n"
            b"      - cat hello.txt\n      - HEAD=$(git rev-parse HEAD)\n"
            b"      - test \"$HEAD\" = \"$CODEBUILD_RESOLVED_SOURCE_VERSION\"\n")
    one = git.create_commit(repositoryName="shop", branchName="main", putFiles=[
        {"filePath": "buildspec.yml", "fileContent": spec},
        {"filePath": "hello.txt", "fileContent": b"hello from one"}])["commitId"]
    two = git.create_commit(repositoryName="shop", branchName="main", parentCommitId=one, putFiles=[
        {"filePath": "hello.txt", "fileContent": b"hello from two"}])["commitId"]
    builds.project("git", "", source={
        "type": "CODECOMMIT", "location": "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/shop"})
    for version, commit, text in ((None, two, "from two"), (one, one, "from one"), ("main", two, "from two")):
        build = builds.run("git", **({"sourceVersion": version} if version else {}))
        log = builds.log(build["id"])
        assert build["buildStatus"] == "SUCCEEDED", log
        assert build["resolvedSourceVersion"] == commit
        assert build["exportedEnvironmentVariables"] == [{"name": "HEAD", "value": commit}]
        assert "hello " + text in log
    build = builds.run("git", sourceVersion="nobranch")
    assert build["buildStatus"] == "FAILED"
    assert context(build, "DOWNLOAD_SOURCE")["statusCode"] == "CLIENT_ERROR"
    assert "reference not found for primary source and source version nobranch" in \
        context(build, "DOWNLOAD_SOURCE")["message"]
    build = builds.run("git", buildspecOverride="ci/other.yml")
    assert context(build, "DOWNLOAD_SOURCE")["statusCode"] == "YAML_FILE_ERROR"
    assert "YAML file does not exist" in context(build, "DOWNLOAD_SOURCE")["message"]


def test_source_from_s3(builds):
    s3 = builds.server.client("s3")
    s3.create_bucket(Bucket="sources")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        z.writestr("buildspec.yml", "version: 0.2\nphases: {build: {commands: ['cat in/data']}}\n")
        z.writestr("in/data", "packed data")
    s3.put_object(Bucket="sources", Key="a/src.zip", Body=packed.getvalue())
    s3.put_object(Bucket="sources", Key="b/buildspec.yml",
                  Body=b"version: 0.2\nphases: {build: {commands: ['cat in/data']}}\n")
    s3.put_object(Bucket="sources", Key="b/in/data", Body=b"plain data")
    builds.project("s3", "", source={"type": "S3", "location": "sources/a/src.zip"})
    build = builds.run("s3")
    assert build["buildStatus"] == "SUCCEEDED" and "packed data" in builds.log(build["id"])
    build = builds.run("s3", sourceLocationOverride="sources/b/")
    assert build["buildStatus"] == "SUCCEEDED" and "plain data" in builds.log(build["id"])


def test_local_cache(builds):
    builds.project("cached", """\
        version: 0.2
        phases:
          build:
            commands:
              - ls /var/tmp/kept/*$(echo -file) 2>/dev/null || echo cache-$(echo empty)
              - mkdir -p /var/tmp/kept && touch /var/tmp/kept/a$(echo -file)
        cache:
          paths: ['/var/tmp/kept/**/*']
        """, cache={"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]})
    assert "cache-empty" in builds.log(builds.run("cached")["id"])
    assert "/var/tmp/kept/a-file" in builds.log(builds.run("cached")["id"])
    builds.api.invalidate_project_cache(projectName="cached")
    assert "cache-empty" in builds.log(builds.run("cached")["id"])


def test_builds_queue_on_one_slot(server):
    server.restart("--slots", "1")
    builds = Builds(server)
    builds.project("queue", f"version: 0.2\nphases: {{build: {{commands: ['{HELD}']}}}}\n")
    ids = [builds.start("queue") for _ in range(4)]
    waiting = builds.get(ids[3])
    assert waiting["currentPhase"] == "QUEUED"
    assert "in the queue" in phase(waiting, "QUEUED")["contexts"][0]["message"]
    done = []
    for i in ids:
        builds.go(i)
        done.append(builds.finish(i))
    assert all(b["buildStatus"] == "SUCCEEDED" for b in done)
    for earlier, later in zip(done, done[1:]):
        assert phase(later, "BUILD")["startTime"] >= phase(earlier, "BUILD")["endTime"]


def test_server_killed_in_the_middle(server):
    builds = Builds(server)
    builds.project("long", """\
        version: 0.2
        phases:
          build:
            commands:
              - i=0; while [ $i -lt 400 ]; do echo "line $i"; i=$((i+1)); sleep 0.01; done
        """)
    ids = [builds.start("long") for _ in range(4)]
    builds.until(ids[0], lambda b: "line 40\n" in builds.log(ids[0]))
    server.kill9()
    eventually(lambda: "line 140\n" in builds.log(ids[0]), what="the build goes on")
    server.restart()
    builds = Builds(server)
    for build_id in ids:
        build = builds.finish(build_id)
        log = builds.log(build_id)
        assert build["buildStatus"] == "SUCCEEDED", log
        assert [n for n in range(400) if f"line {n}\n" not in log] == []
        assert log.count("Entering phase BUILD") == 1


def test_timeout(builds):
    """The clock of the server runs a hundred times as fast; the leader's limit is true time, so
    this only checks that what waits in the queue is given up."""
    builds.server.restart("--slots", "1", "--clock-rate", "600")
    api = Builds(builds.server)
    api.project("slow", "version: 0.2\nphases: {build: {commands: ['sleep 600']}}\n")
    first = api.start("slow")
    second = api.start("slow", queuedTimeoutInMinutesOverride=5)
    build = api.finish(second)
    assert build["buildStatus"] == "TIMED_OUT"
    assert context(build, "QUEUED")["statusCode"] == "BUILD_TIMED_OUT"
    api.api.stop_build(id=first)
    api.finish(first)


def test_one_clock(builds):
    """Phases and log lines, which the leader notes, show the time of the server's clock however fast it is, and after
    a start again."""
    builds.server.restart("--clock-rate", "600")
    for _ in range(2):
        api = Builds(builds.server)
        if not api.api.list_projects()["projects"]:
            api.project("clock", "version: 0.2\nphases: {build: {commands: ['echo said']}}\n")
        build = api.run("clock")
        times = [build["startTime"]]
        for p in build["phases"]:
            times += [p["startTime"], p.get("endTime", p["startTime"])]
        assert times + [build["endTime"]] == sorted(times + [build["endTime"]]), build
        logs = builds.server.client("logs").get_log_events(
            logGroupName=build["logs"]["groupName"], logStreamName=build["logs"]["streamName"])["events"]
        said = next(e for e in logs if e["message"].strip() == "said")
        begin, end = (phase(build, "BUILD")[t].timestamp() * 1000 for t in ("startTime", "endTime"))
        assert begin - 1 <= said["timestamp"] <= end + 1
        builds.server.kill9()
        builds.server.restart()


def test_log_in_cloudwatch(builds):
    builds.project("logged", "version: 0.2\nphases: {build: {commands: ['seq 1 2500']}}\n")
    build = builds.run("logged")
    logs = builds.server.client("logs")
    where = dict(logGroupName=build["logs"]["groupName"], logStreamName=build["logs"]["streamName"])
    lines, token = [], None
    while True:
        page = logs.get_log_events(startFromHead=True, **where, **({"nextToken": token} if token else {}))
        lines += [e["message"].rstrip("\n") for e in page["events"]]
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
    numbers = [int(n) for n in lines if n.isdigit()]
    assert numbers == list(range(1, 2501))
