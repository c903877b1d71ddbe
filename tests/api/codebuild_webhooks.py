# SPDX-License-Identifier: Apache-2.0
"""Webhooks of projects: deliveries as GitHub, GitLab and Bitbucket make them, filters, builds."""
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid

import gitwork
import pytest
from asking import code_of
from builds import Builds
from githost import GitHost
from hosts import commands

SPEC = """
    version: 0.2
    phases:
      build:
        commands:
          - env | grep ^CODEBUILD_WEBHOOK_ | sort
          - echo "head=$(git rev-parse HEAD) initiator=$CODEBUILD_INITIATOR version=$CODEBUILD_SOURCE_VERSION"
    """
GROUP = [[{"type": "EVENT", "pattern": "PUSH"}]]
ZERO = "0" * 40


class Hook:
    """A webhook as its host knows it."""

    def __init__(self, webhook, kind):
        self.url, self.secret, self.kind = webhook["payloadUrl"], webhook["secret"], kind

    def deliver(self, event, document, secret=None, url=None, form=False, **more):
        secret = self.secret if secret is None else secret
        body = json.dumps(document).encode()
        if form:
            body = urllib.parse.urlencode({"payload": body.decode()}).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "GITHUB": {"X-GitHub-Event": event, "X-GitHub-Delivery": str(uuid.uuid4()), "X-Hub-Signature-256": signature,
                       "User-Agent": "GitHub-Hookshot/044aadd"},
            "GITLAB": {"X-Gitlab-Event": event, "X-Gitlab-Token": secret, "Idempotency-Key": str(uuid.uuid4())},
            "BITBUCKET": {"X-Event-Key": event, "X-Hub-Signature": signature, "X-Request-UUID": str(uuid.uuid4())},
        }[self.kind]
        headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        headers.update(more)
        request = urllib.request.Request(url or self.url, body, {k: v for k, v in headers.items() if v is not None})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as e:
            return e.code, json.load(e)


def pushed(ref, after, before=ZERO, message="a change", files=(), sender=7):
    commits = [{"id": after, "message": message, "added": [], "modified": list(files), "removed": []}]
    return {"ref": ref, "before": before, "after": after, "deleted": after == ZERO, "sender": {"id": sender},
            "head_commit": None if after == ZERO else commits[0], "commits": commits}


def pulled(action, number=7, head="topic", base="main", merged=False, fork=False, **more):
    return {"action": action, "number": number, "sender": {"id": 7}, "pull_request": dict({
        "number": number, "merged": merged, "merge_commit_sha": "a" * 40,
        "head": {"ref": head, "sha": "b" * 40, "repo": {"id": 2 if fork else 1}},
        "base": {"ref": base, "repo": {"id": 1}}}, **more)}


class World:
    def __init__(self, server, folder):
        self.server, self.builds = server, Builds(server)
        self.work = gitwork.Work(folder / "served" / "shop.git")
        self.work.git("init", "-q", "-b", "main")
        self.first = self.work.commit(text="first")
        self.second = self.work.commit(text="second")
        for name in ("pull", "merge-requests"):
            self.work.git("update-ref", f"refs/{name}/7/head", self.first)
        self.host = GitHost(folder / "served")
        self.count = 0

    def hook(self, kind="GITHUB_ENTERPRISE", groups=None, location=None, **more):
        """A new project and its webhook."""
        self.count += 1
        name = f"hooked-{self.count}"
        location = location or self.host.url + "/shop.git"
        self.builds.project(name, "", source={"type": kind, "location": location, "buildspec": SPEC})
        if groups:
            more["filterGroups"] = groups
        hook = Hook(self.builds.api.create_webhook(projectName=name, **more)["webhook"], kind.split("_")[0])
        hook.project = name
        return hook

    def finish(self, done):
        """The builds that a delivery has started, with their logs."""
        status, answer = done
        assert status == 200, answer
        found = [self.builds.finish(b) for b in answer["builds"]]
        return [(b, self.builds.log(b["id"])) for b in found]


@pytest.fixture(scope="module")
def world(shared_server, tmp_path_factory):
    w = World(shared_server, tmp_path_factory.mktemp("host"))
    with w.host:
        yield w


def raw(world, operation, **request):
    """For what older clients do not know."""
    return commands(world.server, operation, request, target="CodeBuild_20161006", service="codebuild")


def test_life(world):
    api, name = world.builds.api, "life"
    world.builds.project(name, "", source={"type": "GITHUB_ENTERPRISE", "location": "https://git.example.com/a/b", "buildspec": SPEC})
    made = api.create_webhook(projectName=name, filterGroups=GROUP)["webhook"]
    assert made["payloadUrl"].startswith(f"http://127.0.0.1:{world.server.port}/_towpath/webhook/{name}/") and len(made["secret"]) == 40
    assert made["filterGroups"] == GROUP
    assert code_of(api.create_webhook, projectName=name) == "ResourceAlreadyExistsException"
    shown = api.batch_get_projects(names=[name])["projects"][0]["webhook"]
    assert shown["payloadUrl"] == made["payloadUrl"] and "secret" not in shown
    changed = api.update_webhook(projectName=name, branchFilter="^main$", rotateSecret=True)["webhook"]
    assert changed["secret"] != made["secret"] and changed["branchFilter"] == "^main$" and not changed.get("filterGroups")
    assert "secret" not in api.update_webhook(projectName=name, filterGroups=GROUP)["webhook"]
    assert "webhook" in api.update_project(name=name, description="d")["project"]
    with open(world.server.data + "/towpath.db", "rb") as f:
        assert changed["secret"].encode() not in f.read()
    old = Hook(made, "GITHUB")
    assert old.deliver("ping", {"zen": "x"})[0] == 403
    assert old.deliver("ping", {"zen": "x"}, secret=changed["secret"]) == (200, {"message": "nothing to build", "builds": []})
    api.delete_webhook(projectName=name)
    assert code_of(api.delete_webhook, projectName=name) == "ResourceNotFoundException"
    assert code_of(api.update_webhook, projectName=name) == "ResourceNotFoundException"
    assert code_of(api.create_webhook, projectName="nobody") == "ResourceNotFoundException"
    assert old.deliver("ping", {}, secret=changed["secret"])[0] == 404
    again = api.create_webhook(projectName=name)["webhook"]
    assert again["payloadUrl"] != made["payloadUrl"]
    api.delete_project(name=name)
    assert Hook(again, "GITHUB").deliver("ping", {})[0] == 404


def test_a_push_to_github(world):
    hook = world.hook()
    document = pushed("refs/heads/main", world.first, before=ZERO, sender=4711)
    same = {"X-GitHub-Delivery": "11111111-2222-3333-4444-555555555555"}
    done = hook.deliver("push", document, **same)
    assert hook.deliver("push", document, **same) == done and len(done[1]["builds"]) == 1  # told twice, built once
    (build, log), = world.finish(done)
    assert build["buildStatus"] == "SUCCEEDED", log
    assert build["initiator"] == "GitHub-Hookshot/044aadd" and build["sourceVersion"] == world.first
    for line in (f"head={world.first} initiator=GitHub-Hookshot/044aadd", "CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID=4711",
                 "CODEBUILD_WEBHOOK_EVENT=PUSH", "CODEBUILD_WEBHOOK_HEAD_REF=refs/heads/main",
                 f"CODEBUILD_WEBHOOK_PREV_COMMIT={ZERO}", "CODEBUILD_WEBHOOK_TRIGGER=branch/main"):
        assert line in log, log
    assert "BASE_REF" not in log
    again = world.builds.finish(world.builds.api.retry_build(id=build["id"])["build"]["id"])
    assert "CODEBUILD_WEBHOOK_TRIGGER=branch/main" in world.builds.log(again["id"])
    form = hook.deliver("push", pushed("refs/tags/v1", world.second), form=True)
    assert "CODEBUILD_WEBHOOK_TRIGGER=tag/v1" in world.finish(form)[0][1]
    assert hook.deliver("push", pushed("refs/heads/main", ZERO))[1]["builds"] == []  # a branch that went


def test_a_pull_request_of_github(world):
    hook = world.hook(groups=[[{"type": "EVENT", "pattern": "PULL_REQUEST_CREATED, PULL_REQUEST_MERGED"},
                               {"type": "BASE_REF", "pattern": "^refs/heads/main$"}]])
    (build, log), = world.finish(hook.deliver("pull_request", pulled("opened")))
    assert build["buildStatus"] == "SUCCEEDED" and build["sourceVersion"] == "pr/7", log
    assert build["resolvedSourceVersion"] == world.first
    for line in ("CODEBUILD_WEBHOOK_BASE_REF=refs/heads/main", "CODEBUILD_WEBHOOK_HEAD_REF=refs/heads/topic",
                 "CODEBUILD_WEBHOOK_TRIGGER=pr/7", "CODEBUILD_WEBHOOK_EVENT=PULL_REQUEST_CREATED"):
        assert line in log, log
    assert len(hook.deliver("pull_request", pulled("closed", merged=True))[1]["builds"]) == 1
    unknown = pulled("opened")
    for side in ("head", "base"):
        del unknown["pull_request"][side]["repo"]
    for document in (pulled("closed"), pulled("synchronize"), pulled("labeled"), pulled("opened", base="next"),
                     pulled("opened", fork=True), unknown):
        assert hook.deliver("pull_request", document)[1]["builds"] == []
    assert hook.deliver("push", pushed("refs/heads/main", world.first))[1]["builds"] == []
    status, _ = raw(world, "UpdateWebhook", projectName=hook.project, pullRequestBuildPolicy={"requiresCommentApproval": "DISABLED"})
    assert status == 200
    assert len(hook.deliver("pull_request", pulled("opened", fork=True))[1]["builds"]) == 1


def test_gitlab(world):
    hook = world.hook("GITLAB_SELF_MANAGED", groups=[
        [{"type": "EVENT", "pattern": "PUSH"}, {"type": "FILE_PATH", "pattern": "^src/"}],
        [{"type": "EVENT", "pattern": "PULL_REQUEST_CREATED,PULL_REQUEST_UPDATED"}, {"type": "COMMIT_MESSAGE", "pattern": "CI"}]])
    push = dict(pushed("refs/heads/main", world.second, files=["src/a.c"]), user_id=9, checkout_sha=world.second)
    merge = {"user": {"id": 9}, "object_attributes": {
        "iid": 7, "action": "open", "source_branch": "topic", "target_branch": "main", "last_commit": {"message": "CI please"},
        "source_project_id": 1, "target_project_id": 1}}
    update = {"object_attributes": dict(merge["object_attributes"], action="update")}
    started = [hook.deliver("Push Hook", push), hook.deliver("Merge Request Hook", merge)]
    (build, log), = world.finish(started[0])
    assert build["resolvedSourceVersion"] == world.second and build["initiator"] == "GitLab-Hookshot", log
    assert "CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID=9" in log
    (build, log), = world.finish(started[1])
    assert build["resolvedSourceVersion"] == world.first and "CODEBUILD_WEBHOOK_TRIGGER=pr/7" in log
    assert hook.deliver("Merge Request Hook", update)[1]["builds"] == []  # its title
    assert hook.deliver("Push Hook", dict(push, commits=[]))[1]["builds"] == []
    assert hook.deliver("Push Hook", push, secret="wrong")[0] == 403
    assert hook.deliver("Push Hook", push, **{"X-Gitlab-Token": None})[0] == 403


def test_bitbucket(world):
    hook = world.hook("BITBUCKET", location="https://bitbucket.org/team/shop", groups=[
        [{"type": "EVENT", "pattern": "PUSH"}, {"type": "HEAD_REF", "pattern": "^refs/heads/(main|next)$"}],
        [{"type": "EVENT", "pattern": "PULL_REQUEST_CREATED"}]])
    changes = [{"old": None, "new": {"type": "branch", "name": name, "target": {"hash": world.first, "message": "m"}}}
               for name in ("main", "next", "other")] + [{"old": {"type": "branch"}, "new": None}]
    done = hook.deliver("repo:push", {"actor": {"account_id": "557:ab"}, "push": {"changes": changes}})
    assert len(done[1]["builds"]) == 2
    assert {b["sourceVersion"] for b in world.builds.api.batch_get_builds(ids=done[1]["builds"])["builds"]} == {world.first}
    there = {"branch": {"name": "topic"}, "repository": {"uuid": "{1}"}, "commit": {"hash": "0123456789ab"}}
    pull = {"actor": {"account_id": "557:ab"}, "pullrequest": {
        "id": 3, "source": there, "destination": dict(there, branch={"name": "main"})}}
    done = hook.deliver("pullrequest:created", pull)
    assert world.builds.get(done[1]["builds"][0])["sourceVersion"] == "refs/heads/topic"
    assert hook.deliver("pullrequest:created", pull, **{"X-Hub-Signature": "sha256=" + "0" * 64})[0] == 403
    for build_id in done[1]["builds"]:
        world.builds.api.stop_build(id=build_id)


@pytest.mark.parametrize("groups,fitting,others", [
    ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "HEAD_REF", "pattern": "^refs/tags/.*", "excludeMatchedPattern": True}]],
     [("refs/heads/x", {})], [("refs/tags/x", {})]),
    ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "ACTOR_ACCOUNT_ID", "pattern": "^(7|8)$"}]],
     [("refs/heads/x", {"sender": 8})], [("refs/heads/x", {"sender": 77})]),
    ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "COMMIT_MESSAGE", "pattern": r"\[skip ci\]", "excludeMatchedPattern": True}],
      [{"type": "EVENT", "pattern": "PUSH"}, {"type": "HEAD_REF", "pattern": "release"}]],
     [("refs/heads/x", {}), ("refs/heads/release/1", {"message": "now [skip ci]"})], [("refs/heads/x", {"message": "[skip ci]"})]),
    ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "FILE_PATH", "pattern": "^docs/", "excludeMatchedPattern": True}]],
     [("refs/heads/x", {"files": ["src/docs/a"]})], [("refs/heads/x", {"files": ["src/a", "docs/b"]})]),
    ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "BASE_REF", "pattern": ".*"}]], [], [("refs/heads/x", {})]),
    ([[{"type": "EVENT", "pattern": "PULL_REQUEST_CREATED"}]], [], [("refs/heads/x", {})]),
])
def test_filters(world, groups, fitting, others):
    hook = world.hook(groups=groups)
    for ref, more in fitting:
        status, answer = hook.deliver("push", pushed(ref, world.first, **more))
        assert status == 200 and len(answer["builds"]) == 1, (ref, more)
        world.builds.api.stop_build(id=answer["builds"][0])
    for ref, more in others:
        assert hook.deliver("push", pushed(ref, world.first, **more)) == (200, {"message": "nothing to build", "builds": []})


@pytest.mark.parametrize("more,said", [
    (dict(filterGroups=[[{"type": "HEAD_REF", "pattern": "x"}]]), "needs a filter of type EVENT"),
    (dict(filterGroups=[[{"type": "EVENT", "pattern": "PUSH, RELEASED"}]]), "event RELEASED is not offered"),
    (dict(filterGroups=[GROUP[0] + [{"type": "HEAD_REF", "pattern": "("}]]), "is no regular expression"),
    (dict(filterGroups=[GROUP[0] + [{"type": "WORKFLOW_NAME", "pattern": "x"}]]), "type WORKFLOW_NAME is not offered"),
    (dict(filterGroups=[[{"type": "EVENT", "pattern": "PULL_REQUEST_CREATED"}, {"type": "FILE_PATH", "pattern": "x"}]]),
     "does not tell the files of pull requests"),
    (dict(filterGroups=GROUP, branchFilter="main"), "exclude one another"),
    (dict(buildType="BUILD_BATCH"), "buildType BUILD_BATCH are not offered"),
    (dict(scopeConfiguration={"name": "o", "scope": "GITHUB_ORGANIZATION"}), "leave scopeConfiguration out"),
    (dict(pullRequestBuildPolicy={"requiresCommentApproval": "ALL_PULL_REQUESTS"}), "Approval by comments is not offered"),
])
def test_webhooks_that_are_refused(world, more, said):
    api = world.builds.api
    if not api.batch_get_projects(names=["refused"])["projects"]:
        world.builds.project("refused", "", source={"type": "GITHUB_ENTERPRISE", "location": "https://h/a", "buildspec": SPEC})
    status, answer = raw(world, "CreateWebhook", projectName="refused", **more)
    assert status == 400 and answer["__type"].endswith("InvalidInputException") and said in answer["message"], answer


def test_a_source_that_is_no_git_host(world):
    world.builds.project("plain", SPEC)
    with pytest.raises(world.builds.api.exceptions.InvalidInputException, match="must be a git host"):
        world.builds.api.create_webhook(projectName="plain")


def test_deliveries_that_prove_nothing(world):
    """No signature, another body, another address, nonsense; and who goes on so has to wait, but no one else."""
    hook = world.hook()
    document = pushed("refs/heads/main", world.first)
    assert hook.deliver("push", document, **{"X-Hub-Signature-256": None})[0] == 403
    assert hook.deliver("push", document, **{"X-Hub-Signature-256": "sha256="})[0] == 403
    assert hook.deliver("push", document, **{"X-Gitlab-Token": hook.secret, "X-Hub-Signature-256": None})[0] == 403
    assert hook.deliver("push", document, url=hook.url[:-1] + "x")[0] == 404
    assert hook.deliver("push", document, url=hook.url.rsplit("/", 1)[0])[0] == 404
    assert hook.deliver("push", document, url=hook.url.replace(hook.project, "nobody"))[0] == 404
    assert hook.deliver(None, document)[0] == 400
    assert hook.deliver("push", "no object")[1]["builds"] == []
    assert hook.deliver("push", {"ref": 7, "after": [], "commits": {}})[1]["builds"] == []
    assert hook.deliver("push", document, form=True, **{"Content-Type": "application/json"})[0] == 400
    for _ in range(60):
        status, answer = hook.deliver("push", document, secret="wrong")
        if status == 429:
            break
        assert status == 403
    assert status == 429 and "Try again" in answer["message"]
    status, answer = hook.deliver("push", document)  # hosts deliver for all their users from one address
    assert status == 200
    world.builds.api.stop_build(id=answer["builds"][0])
