"""The server as a whole"""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

BUILDSPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo first\n"
PUSHES = 7


def memory(pid):
    """Resident and proportional set size in MiB."""
    text = open(f"/proc/{pid}/smaps_rollup", encoding="utf-8").read()
    return [int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1)) / 1024 for key in ("Rss", "Pss")]


def setup(server, pipelines):
    """A repository whose pushes are built, with its clone's folder."""
    server.client("codecommit").create_repository(repositoryName="app")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bench")
    server.client("codebuild").create_project(
        name="app", source={"type": "CODEPIPELINE"}, artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:5.0",
                     "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/build")
    source = {"name": "Checkout", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeCommit",
                                                   "version": "1"},
              "configuration": {"RepositoryName": "app", "BranchName": "main"}, "outputArtifacts": [{"name": "src"}]}
    build = {"name": "Build", "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild",
                                               "version": "1"},
             "configuration": {"ProjectName": "app"}, "inputArtifacts": [{"name": "src"}]}
    pipelines.client(server).create_pipeline(pipeline={
        "name": "app", "roleArn": "arn:aws:iam::123456789012:role/pipeline",
        "artifactStore": {"type": "S3", "location": "bench"},
        "stages": [{"name": "Source", "actions": [source]}, {"name": "Build", "actions": [build]}]})


def first_command(server, build_id):
    """Time (seconds since the epoch) at which the build's log names its first command."""
    project, uuid = build_id.split(":")
    events = server.client("logs").get_log_events(logGroupName=f"/aws/codebuild/{project}", logStreamName=uuid,
                                                  startFromHead=True)["events"]
    line = next(e["message"] for e in events if "Running command echo first" in e["message"])
    stamp = re.match(r"\[Container\] (\S+ \S+)", line).group(1)
    whole, _, fraction = stamp.partition(".")
    seconds = time.mktime(time.strptime(whole, "%Y/%m/%d %H:%M:%S")) - time.timezone
    return seconds + float("0." + fraction)


def push_to_first_command(server, gitwork_dir):
    cb = server.client("codebuild")
    spent = []
    for number in range(PUSHES):
        with open(os.path.join(gitwork_dir, "n"), "w", encoding="utf-8") as f:
            f.write(str(number))
        server.run("git", "-C", gitwork_dir, "add", "-A")
        server.run("git", "-C", gitwork_dir, "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "-qm", "x")
        server.run("git", "-C", gitwork_dir, "push", "-q", "origin", "HEAD:main")
        database = sqlite3.connect(os.path.join(server.data, "towpath.db"))
        accepted = database.execute("SELECT MAX(time) FROM journal WHERE kind = 'codecommit.ref'").fetchone()[0] / 1e6
        database.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            ids = cb.list_builds()["ids"]
            if len(ids) == number + 1:
                build = cb.batch_get_builds(ids=ids[:1])["builds"][0]
                if build["buildComplete"]:
                    break
        spent.append((first_command(server, ids[0]) - accepted) * 1000)
    return spent


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    os.environ.setdefault("TOWPATH_SOURCE", bench.root)
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    import pipelines
    import towpath
    towpath.TOWPATH = bench.towpath
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as folder, towpath.Server(env={"TOWPATH_VALIDATE_REPLIES": None}) as server:
        rss, pss = memory(server.process.pid)
        bench.row("idle memory, resident (shared libraries included)", rss, "MiB", goal="15 MiB or less",
                  beside=f"its proportional share: {pss:.1f} MiB")
        setup(server, pipelines)
        work = os.path.join(folder, "work")
        subprocess.run(["git", "init", "-qb", "main", work], check=True)
        with open(os.path.join(work, "buildspec.yml"), "w", encoding="utf-8") as f:
            f.write(BUILDSPEC)
        server.run("git", "-C", work, "remote", "add", "origin", server.git_url("app"))
        spent = push_to_first_command(server, work)
        bench.row("accepted push to the first build command", bench.median(spent[1:]), "ms", goal="50 ms or less",
                  beside=f"best {min(spent):.0f} ms, of {len(spent)} pushes; source, artifact store and isolated"
                         " root included")
