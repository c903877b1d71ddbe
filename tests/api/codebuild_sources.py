# SPDX-License-Identifier: Apache-2.0
"""Sources on git hosts elsewhere: real hosts over HTTP and HTTPS, real builds, credentials."""
import json
import os
import subprocess

import gitwork
import pytest
from asking import code_of, eventually
from builds import Builds
from githost import GitHost
from hosts import commands
from towpath import Server

TOKEN = "t0ken-of-the-team"
SPEC = """
    version: 0.2
    phases:
      build:
        commands:
          - echo "head=$(git rev-parse HEAD) resolved=$CODEBUILD_RESOLVED_SOURCE_VERSION"
          - echo "commits=$(git rev-list --count HEAD) origin=$(git remote get-url origin)"
          - echo "version=[$CODEBUILD_SOURCE_VERSION] url=[$CODEBUILD_SOURCE_REPO_URL] dir=[$CODEBUILD_SRC_DIR]"
          - test "$PWD" = "$CODEBUILD_SRC_DIR" && test -f file
          - "! grep -r t0ken-of /proc/self/environ .git"
          - echo "branches=$(git branch -r | wc -l) tags=$(git tag | wc -l)"
          - for f in "$CODEBUILD_SRC_DIR_second/file" part/file; do test ! -f $f || echo "also=$(cat $f)"; done
    """


class World:
    """A team's host with a repository `team/shop.git`, which wants a token."""

    def __init__(self, server, folder):
        self.server, self.builds = server, Builds(server)
        self.folder = folder
        self.work = gitwork.Work(folder / "shop")
        self.work.git("init", "-q", "-b", "main")
        self.first = self.work.commit(text="first")
        self.work.git("tag", "-a", "v1", "-m", "version 1")
        self.second = self.work.commit(text="second")
        self.work.git("checkout", "-q", "-b", "topic/one")
        self.topic = self.work.commit(text="topic")
        self.pulled = self.work.git("commit-tree", "-m", "pulled", "-p", self.topic, "HEAD^{tree}").stdout.strip()
        for name in ("pull", "merge-requests"):
            self.work.git("update-ref", f"refs/{name}/7/head", self.pulled)
        self.work.git("checkout", "-q", "main")
        self.work.git("config", "uploadpack.allowAnySHA1InWant", "true")
        (folder / "served" / "team").mkdir(parents=True)
        os.symlink(self.work.folder, folder / "served" / "team" / "shop.git")
        self.host = GitHost(folder / "served", "me", TOKEN)

    def source(self, kind="GITHUB_ENTERPRISE", location=None, **more):
        return {"type": kind, "location": location or self.host.url + "/team/shop.git", "buildspec": SPEC, **more}

    def token(self, kind="GITHUB_ENTERPRISE", **more):
        args = dict(serverType=kind, authType="PERSONAL_ACCESS_TOKEN", token=TOKEN, username="me")
        args.update(more)
        return self.builds.api.import_source_credentials(**args)["arn"]

    def run(self, name, **more):
        """A finished build and its log."""
        build = self.builds.run(name, **more)
        return build, self.builds.log(build["id"])

    def failure(self, name, **more):
        """Why the build failed to download its source."""
        build, log = self.run(name, **more)
        failed = [p for p in build["phases"] if p.get("phaseStatus") == "FAILED"]
        assert [p["phaseType"] for p in failed] == ["DOWNLOAD_SOURCE"], (failed, log)
        context = failed[0]["contexts"][0]
        assert context["statusCode"] == "CLIENT_ERROR" and context["message"] in log
        assert TOKEN not in log
        return context["message"]


@pytest.fixture(scope="module")
def world(shared_server, tmp_path_factory):
    w = World(shared_server, tmp_path_factory.mktemp("host"))
    with w.host:
        w.token()
        w.token("GITLAB_SELF_MANAGED")
        w.builds.project("ghe", "", source=w.source())
        w.builds.project("lab", "", source=w.source("GITLAB_SELF_MANAGED"))
        yield w
        assert TOKEN not in shared_server.stderr()


def test_every_version_that_can_be_named(world):
    w = world
    cases = [  # project, version, depth, commit, commits in the clone
        ("ghe", None, None, w.second, 2),
        ("ghe", "main", None, w.second, 2),
        ("ghe", "topic/one", 1, w.topic, 1),
        ("ghe", "v1", None, w.first, 1),
        ("ghe", "refs/tags/v1", None, w.first, 1),
        ("ghe", "refs/heads/topic/one", None, w.topic, 3),
        ("ghe", w.first, None, w.first, 1),
        ("ghe", w.first, 1, w.first, 1),
        ("ghe", w.pulled, None, w.pulled, 4),  # of no branch or tag
        ("ghe", "pr/7", None, w.pulled, 4),
        ("ghe", f"refs/heads/topic/one^{{{w.second}}}", None, w.second, 2),
        ("ghe", f"refs/heads/topic/one^{{{w.first}}}", 1, w.first, 1),
        ("lab", "pr/7", None, w.pulled, 4),
        ("lab", "topic/one", None, w.topic, 3),
    ]
    started = []
    for project, version, depth, *_ in cases:
        more = {"sourceVersion": version} if version else {}
        if depth:
            more["gitCloneDepthOverride"] = depth
        started.append(w.builds.start(project, **more))
    for (project, version, depth, commit, commits), build_id in zip(cases, started):
        build = w.builds.finish(build_id)
        log = w.builds.log(build_id)
        assert build["buildStatus"] == "SUCCEEDED", (version, build["phases"], log)
        assert build["resolvedSourceVersion"] == commit, version
        assert f"head={commit} resolved={commit}" in log, (version, log)
        assert f"commits={commits} origin={w.host.url}/team/shop.git" in log, (version, depth, log)
        assert f"version=[{version or ''}] url=[{w.host.url}/team/shop.git]" in log
        assert "dir=[/codebuild/output/src1/src/127.0.0.1/team/shop]" in log
        if not depth and not (version or "").endswith("}"):
            assert "tags=1" in log and ("branches=2" in log or "branches=3" in log), (version, log)


@pytest.mark.parametrize("more,said", [
    (dict(sourceVersion="no-such"), "reference not found for primary source and source version no-such: {url}"),
    (dict(sourceVersion="f" * 40), "reference not found for primary source and source version " + "f" * 40),
    (dict(sourceVersion="refs/heads/main^{" + "e" * 40 + "}"), "reference not found for primary source"),
    (dict(sourceVersion="refs/heads/main^{--unshallow}", gitCloneDepthOverride=1), "reference not found for primary source"),
    (dict(sourceLocationOverride="http://127.0.0.1:1/team/shop.git"), "cannot reach http://127.0.0.1:1/team/shop.git"),
    (dict(sourceLocationOverride="{host}/team/other.git"), "repository not found for primary source: {host}/team/other.git"),
])
def test_what_cannot_be_had_is_told(world, more, said):
    names = {"url": world.host.url + "/team/shop.git", "host": world.host.url}
    if "sourceLocationOverride" in more:
        more = dict(sourceLocationOverride=more["sourceLocationOverride"].format(**names))
    assert said.replace("{url}", names["url"]).replace("{host}", names["host"]) in world.failure("ghe", **more)


def test_submodules_and_secondary_sources(world):
    part = gitwork.Work(world.folder / "part")
    part.git("init", "-q", "-b", "main")
    part.commit(text="the part's own")
    os.symlink(part.folder, world.folder / "served" / "team" / "part.git")
    whole = gitwork.Work(world.folder / "whole")
    whole.git("init", "-q", "-b", "main")
    whole.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", part.folder, "part")
    whole.git("config", "-f", ".gitmodules", "submodule.part.url", "../part.git")
    whole.commit()
    os.symlink(whole.folder, world.folder / "served" / "team" / "whole.git")
    location = world.host.url + "/team/whole.git"
    world.builds.project("whole", "", source=world.source(location=location, gitSubmodulesConfig={"fetchSubmodules": True}),
                         secondarySources=[dict(world.source(), sourceIdentifier="second", buildspec="")],
                         secondarySourceVersions=[{"sourceIdentifier": "second", "sourceVersion": "topic/one"}])
    build, log = world.run("whole")
    assert build["buildStatus"] == "SUCCEEDED", (build["phases"], log)
    assert "also=the part's own" in log and "also=topic" in log
    more = [{"sourceIdentifier": "second", "sourceVersion": "gone"}]
    assert "secondary source second" in world.failure("whole", secondarySourcesVersionOverride=more)


def test_credentials_come_and_go(world):
    api, builds = world.builds.api, world.builds
    secrets = world.server.client("secretsmanager")
    kind = "BITBUCKET"
    for args, message in (
            (dict(authType="OAUTH"), "OAUTH is not supported by the CodeBuild API"),
            (dict(authType="CODECONNECTIONS"), "CODECONNECTIONS is not offered"),
            (dict(authType="BASIC_AUTH", serverType="GITHUB"), "Invalid AuthType provided for ServerType GITHUB"),
            (dict(authType="SECRETS_MANAGER"), "must be the ARN of a secret"),
            (dict(token="a\nb"), "of one line each")):
        with pytest.raises(api.exceptions.InvalidInputException, match=message):
            world.token(kind, **args)
    arn = world.token(kind, authType="BASIC_AUTH")
    assert arn == f"arn:aws:codebuild:us-east-1:{world.server.account}:token/bitbucket"
    with pytest.raises(api.exceptions.ResourceAlreadyExistsException):
        world.token(kind, shouldOverwrite=False)
    infos = {i["serverType"]: i for i in api.list_source_credentials()["sourceCredentialsInfos"]}
    assert infos[kind] == {"arn": arn, "serverType": kind, "authType": "BASIC_AUTH"}
    assert api.delete_source_credentials(arn=arn)["arn"] == arn
    assert code_of(api.delete_source_credentials, arn=arn) == "ResourceNotFoundException"

    # A host that wants one: none, a wrong one, one in a secret.
    ghe = infos["GITHUB_ENTERPRISE"]["arn"]
    api.delete_source_credentials(arn=ghe)
    try:
        said = world.failure("ghe", sourceVersion="main")
        assert "authentication required for primary source and source version main" in said
        assert world.host.url in said and "ImportSourceCredentials" in said
        world.token(token="wr0ng-one")
        said = world.failure("ghe")
        assert "does not take the credential" in said and "wr0ng-one" not in said
        text = json.dumps({"ServerType": "GITHUB_ENTERPRISE", "AuthType": "PERSONAL_ACCESS_TOKEN", "Token": TOKEN, "Username": "me"})
        secret = secrets.create_secret(Name="host-token", SecretString=text)["ARN"]
        world.token(authType="SECRETS_MANAGER", token=secret)
        # As it is on the wire: older clients leave the resource out.
        infos = commands(world.server, "ListSourceCredentials", {}, target="CodeBuild_20161006", service="codebuild")[1]
        assert {"arn": ghe, "serverType": "GITHUB_ENTERPRISE", "authType": "SECRETS_MANAGER", "resource": secret} in infos[
            "sourceCredentialsInfos"]
        assert builds.run("ghe")["buildStatus"] == "SUCCEEDED"
        api.delete_source_credentials(arn=ghe)
        auth = {"type": "SECRETS_MANAGER", "resource": secret}
        build, log = world.run("ghe", sourceAuthOverride=auth)
        assert build["buildStatus"] == "SUCCEEDED", log
        secrets.put_secret_value(SecretId=secret, SecretString="just text")
        assert "is no source credential" in world.failure("ghe", sourceAuthOverride=auth)
    finally:
        world.token()


def test_the_status_is_told_to_the_host(world):
    """Once it is asked for: that the build started, and how it ended."""
    more = {"reportBuildStatusOverride": True, "sourceVersion": "main"}
    config = {"context": "ci $CODEBUILD_SOURCE_VERSION", "targetUrl": "https://ci.example.com/${CODEBUILD_BUILD_NUMBER}"}
    good = world.builds.finish(world.builds.start("ghe", buildStatusConfigOverride=config, **more))
    spec = "version: 0.2\nphases: {build: {commands: [false]}}"
    bad = world.builds.finish(world.builds.start("lab", buildspecOverride=spec, **more))

    def told(path, state):
        return eventually(lambda: [t for t in world.host.told if t[0] == path and t[2]["state"] == state], what=f"{path} {state}")

    path = f"/api/v3/repos/team/shop/statuses/{world.second}"
    _, headers, body = told(path, "success")[0]
    assert headers["Authorization"] == f"token {TOKEN}"
    assert body == {"state": "success", "context": "ci main", "description": "Build succeeded",
                    "target_url": f"https://ci.example.com/{good['buildNumber']}"}
    path = f"/api/v4/projects/team%2Fshop/statuses/{world.second}"
    _, headers, body = told(path, "failed")[0]
    assert headers["PRIVATE-TOKEN"] == TOKEN and body["name"] == "AWS CodeBuild us-east-1 (lab)"
    assert body["target_url"].endswith(f"/builds/lab/{bad['id'].split(':')[1]}")
    assert {t[2]["state"] for t in world.host.told} <= {"pending", "success", "running", "failed"}


@pytest.mark.parametrize("kind,front", [("ghe", "/api/v3/repos/team/shop"), ("lab", "/api/v4/projects/team%2Fshop")])
def test_webhooks_are_registered_at_the_host(world, kind, front):
    api, hooks, address = world.builds.api, world.host.hooks, front + "/hooks/1"
    hooks.clear()

    def shown(status):
        return eventually(lambda: [w for w in [api.batch_get_projects(names=[kind])["projects"][0]["webhook"]]
                                   if w.get("status", status) == status and w.get("url")], what=status)[0]

    def registered():
        hook = hooks[address]
        return (hook["config"]["url"], hook["config"]["secret"]) if kind == "ghe" else (hook["url"], hook["token"])

    made = api.create_webhook(projectName=kind)["webhook"]
    assert not made.get("manualCreation")
    assert shown("ACTIVE")["url"] == world.host.url + address
    assert registered() == (made["payloadUrl"], made["secret"])
    changed = api.update_webhook(projectName=kind, rotateSecret=True)["webhook"]
    eventually(lambda: registered() == (made["payloadUrl"], changed["secret"]), what="the new secret")
    assert list(hooks) == [address]
    api.delete_webhook(projectName=kind)
    eventually(lambda: not hooks, what="no webhook")
    world.host.refuses_hooks = True
    try:
        api.create_webhook(projectName=kind)
        webhook = eventually(lambda: [w for w in [raw_webhook(world, kind)] if w["status"] == "CREATE_FAILED"])[0]
        assert "answers 404" in webhook["statusMessage"] and "by hand" in webhook["statusMessage"]
        api.delete_webhook(projectName=kind)
    finally:
        world.host.refuses_hooks = False


def test_a_webhook_of_a_source_that_has_moved(world):
    """The credential of where it is now is not told to where it was."""
    api, hooks = world.builds.api, world.host.hooks
    hooks.clear()
    world.builds.project("mover", "", source=world.source())
    api.create_webhook(projectName="mover")
    eventually(lambda: raw_webhook(world, "mover")["status"] == "ACTIVE" and hooks, what="its webhook")
    with GitHost(world.folder / "served") as other:
        api.update_project(name="mover", source=world.source("GITLAB_SELF_MANAGED", location=other.url + "/team/shop.git"))
        api.delete_webhook(projectName="mover")
        eventually(lambda: "the source has moved from where" in world.server.stderr(), what="the warning")
    assert list(hooks) == ["/api/v3/repos/team/shop/hooks/1"]


def raw_webhook(world, project):
    """With what older clients leave out."""
    answer = commands(world.server, "BatchGetProjects", {"names": [project]}, target="CodeBuild_20161006", service="codebuild")[1]
    return answer["projects"][0]["webhook"]


def test_the_status_of_batches(world):
    """The batch as a whole, or each of its builds."""
    spec = json.dumps({"version": 0.2, "phases": {"build": {"commands": ["test -z $FAIL"]}}, "batch": {"build-list": [
        {"identifier": "good"}, {"identifier": "bad", "env": {"variables": {"FAIL": 1}}}]}}, indent=1)
    api, head = world.builds.api, world.work.git("rev-parse", "main").stdout.strip()

    def run(name, mode):
        world.builds.project(name, "", source=world.source())
        batch = api.start_build_batch(
            projectName=name, sourceVersion="main", reportBuildBatchStatusOverride=True, buildspecOverride=spec,
            buildBatchConfigOverride={"serviceRole": "arn:aws:iam::123456789012:role/build", "batchReportMode": mode})
        ended = eventually(lambda: (b := api.batch_get_build_batches(ids=[batch["buildBatch"]["id"]])[
            "buildBatches"][0])["complete"] and b)
        assert ended["resolvedSourceVersion"] == head and ended["buildBatchStatus"] == "FAILED"

    def until(name, *wanted):
        return eventually(lambda: (got := heard(name)) >= set(wanted) and got, what=f"{wanted}")

    def heard(name):
        got = [t[2] for t in world.host.told if f"({name}" in t[2].get("context", "")]
        return {(t["context"].split()[-1], t["state"]) for t in got}

    run("told-whole", "REPORT_AGGREGATED_BATCH")
    assert {c for c, _ in until("told-whole", ("(told-whole)", "failure"))} == {"(told-whole)"}
    run("told-each", "REPORT_INDIVIDUAL_BUILDS")
    got = until("told-each", ("(told-each/good)", "success"), ("(told-each/bad)", "failure"))
    assert {c for c, _ in got} == {"(told-each/good)", "(told-each/bad)"}


def test_tokens_are_stored_sealed(world):
    for name in ("towpath.db", "towpath.db-wal"):
        path = os.path.join(world.server.data, name)
        if os.path.exists(path):
            with open(path, "rb") as f:
                assert TOKEN.encode() not in f.read()


def test_tls(world, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], cwd=tmp_path, check=True,
                   stderr=subprocess.DEVNULL)
    with open(tmp_path / "both", "wb") as both:
        for name in ("cert", "key"):
            with open(tmp_path / name, "rb") as f:
                both.write(f.read())
    with GitHost(world.folder / "served", "me", TOKEN, certificate=str(tmp_path / "both")) as host:
        location = host.url + "/team/shop.git"
        said = world.failure("ghe", sourceLocationOverride=location)
        assert f"the certificate of {location}" in said and "insecureSsl" in said
        build, log = world.run("ghe", sourceLocationOverride=location, insecureSslOverride=True)
        assert build["buildStatus"] == "SUCCEEDED", log


@pytest.mark.parametrize("source,said", [
    ({"type": "GITHUB", "location": "git@github.com:team/shop.git"}, "is not an HTTPS clone URL of GitHub"),
    ({"type": "GITHUB", "location": "http://github.com/team/shop.git"}, "is not an HTTPS clone URL of GitHub"),
    ({"type": "GITHUB", "location": "https://github.com.example.com/team/shop"}, "is not on github.com"),
    ({"type": "GITLAB", "location": "https://git.example.com/team/shop"}, "use source type GITHUB_ENTERPRISE or GITLAB_SELF_MANAGED"),
    ({"type": "BITBUCKET", "location": "https://me:secret@bitbucket.org/team/shop"}, "must not hold a password"),
    ({"type": "GITHUB", "location": "https://me@github.com:x@example.com/team/shop"}, "must not hold a password"),
    ({"type": "GITHUB", "location": "https://me@github.com@example.com/team/shop"}, "is not on github.com"),
    ({"type": "GITHUB_ENTERPRISE", "location": "file:///srv/shop.git"}, "is not an HTTP or HTTPS clone URL"),
    ({"type": "GITHUB_ENTERPRISE", "location": "https://git.example.com/../../etc"}, "names no repository"),
    ({"type": "GITHUB_ENTERPRISE", "location": "https://git.example.com/"}, "names no repository"),
    ({"type": "GITHUB_ENTERPRISE", "location": "https://h/a", "auth": {"type": "CODECONNECTIONS", "resource": "x"}},
     "CODECONNECTIONS is not offered"),
    ({"type": "GITHUB_ENTERPRISE", "location": "https://h/a", "auth": {"type": "SECRETS_MANAGER"}}, "a secret's ARN"),
])
def test_locations_that_are_refused(world, source, said):
    with pytest.raises(world.builds.api.exceptions.InvalidInputException) as e:
        world.builds.project("refused", "", source=source)
    assert said in str(e.value) and "secret@" not in str(e.value)


# ---- clones that do not end by themselves ----

def git_of(world):
    """The processes of git that work for clones of the host."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if world.host.url.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def held(world, start):
    """What start() began, once a clone of it has got all of its pack but the end, which does not come."""
    world.host.holds = True
    got = start()
    world.host.held.get(timeout=60)
    assert git_of(world)
    return got


def nothing_is_left(world, build_id):
    """Nobody talks to the host any more, and nothing of the clone is on the disk."""
    world.host.cut.get(timeout=60)
    folder = os.path.join(world.server.data, "builds", build_id.split(":")[1], "src")
    eventually(lambda: not git_of(world) and not os.path.exists(folder), what="the end of the clone")


def download_of(build):
    return next(p for p in build["phases"] if p["phaseType"] == "DOWNLOAD_SOURCE")


def test_stopping_a_build_ends_its_clone(world):
    build_id = held(world, lambda: world.builds.start("ghe"))
    world.builds.api.stop_build(id=build_id)
    build = world.builds.finish(build_id)
    world.host.holds = False
    assert build["buildStatus"] == "STOPPED"
    phase = download_of(build)
    assert phase["phaseStatus"] == "STOPPED" and phase["contexts"] == [{"statusCode": "", "message": ""}]
    nothing_is_left(world, build_id)


def test_stopping_a_batch_ends_its_clones(world):
    api = world.builds.api
    world.builds.project("held-batch", "", source=world.source())
    batch = held(world, lambda: api.start_build_batch(
        projectName="held-batch", buildBatchConfigOverride={"serviceRole": "arn:aws:iam::123456789012:role/build"}))["buildBatch"]["id"]
    first = api.list_builds_for_project(projectName="held-batch")["ids"][0]
    api.stop_build_batch(id=batch)
    assert world.builds.finish(first)["buildStatus"] == "STOPPED"
    world.host.holds = False
    nothing_is_left(world, first)
    eventually(lambda: api.batch_get_build_batches(ids=[batch])["buildBatches"][0]["buildBatchStatus"] == "STOPPED")


def test_a_server_that_ends_begins_the_clone_again(world):
    build_id = held(world, lambda: world.builds.start("ghe"))
    assert world.server.stop() == 0
    world.host.cut.get(timeout=60)
    eventually(lambda: not git_of(world), what="the end of git")  # it was killed; nobody waits for what it had started
    world.host.holds = False
    world.server.start()
    world.builds = Builds(world.server)
    build = world.builds.finish(build_id)
    assert build["buildStatus"] == "SUCCEEDED", (build["phases"], world.builds.log(build_id))
    assert build["resolvedSourceVersion"] == world.second


def test_a_clone_that_is_too_large(tmp_path):
    """Told with the limit and what to do; nothing is left."""
    work = gitwork.Work(tmp_path / "served" / "big")
    work.git("init", "-q", "-b", "main")
    with open(os.path.join(work.folder, "noise"), "wb") as f:
        f.write(os.urandom(3 << 20))
    work.git("add", "noise")
    work.commit()
    with Server("--clone-limit", "2M") as server, GitHost(tmp_path / "served") as host:
        builds = Builds(server)
        builds.project("big", "", source={"type": "GITHUB_ENTERPRISE", "location": host.url + "/big"})
        build = builds.run("big")
        assert build["buildStatus"] == "FAILED"
        message = download_of(build)["contexts"][0]["message"]
        assert f"cannot clone {host.url}/big" in message and "more than 2 MiB of the disk" in message
        assert "--clone-limit" in message
        folder = os.path.join(server.data, "builds", build["id"].split(":")[1], "src")
        eventually(lambda: not os.path.exists(folder), what="the folder to go")
