# SPDX-License-Identifier: Apache-2.0
"""Connections to git hosts elsewhere: the service under both of its names, `towpath connection`, and pipelines
whose source is a real git host that asks for a password."""
import contextlib
import json
import os
import socket
import sqlite3

import botocore.exceptions
import pytest
from asking import code_of as code
from githost import GitHost
from gitwork import Work
from pipelines import action, executions, pipeline, s3_deploy, stage_state, wait, wait_execution
from pipelines import client as with_model
from towpath import Server

TOKEN = "s3cret-token"
NONE = "arn:aws:codeconnections:us-east-1:123456789012:connection/none"


class Host:
    """A git host with the repository team/shop, which takes the token of any user that connections send."""

    def __init__(self, folder, user="x-access-token"):
        self.folder = str(folder)
        self.work = Work(os.path.join(self.folder, "work"))
        self.work.git("init", "-q", "-b", "main")
        self.work.commit("app.txt", "first")
        os.makedirs(os.path.join(self.folder, "served", "team"))
        self.work.git("clone", "-q", "--bare", ".", self.bare)
        self.work.git("remote", "add", "host", self.bare)
        self.http = GitHost(os.path.join(self.folder, "served"), user, TOKEN)
        self.url = self.http.url

    @property
    def bare(self):
        return os.path.join(self.folder, "served", "team", "shop.git")

    def push(self, *what):
        self.work.git("push", "-q", "host", *(what or ("main",)))
        return self.work.git("rev-parse", "HEAD").stdout.strip()


@pytest.fixture(scope="module")
def world():
    """A server whose clock runs: a minute is a second."""
    s = Server("--clock-rate", "60")
    try:
        yield s.start()
    finally:
        print(s.stderr()[-6000:])  # shown where a test has failed
        s.close()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    h = Host(tmp_path_factory.mktemp("host"))
    with h.http:
        yield h


@pytest.fixture
def connections(world):
    return world.newest_client("codeconnections")


def complete(server, arn, host, *more, token=TOKEN, repository="team/shop", check=True):
    path = os.path.join(host.folder, "token")
    with open(path, "w", encoding="utf-8") as f:
        f.write(token + "\n")
    return server.towpath("connection", "complete", arn, "--token-file", path, "--repository", repository,
                          *(more or ("--url", host.url)), "--json", check=check)


def make(server, host, name):
    arn = server.client("codestar-connections").create_connection(
        ConnectionName=name, ProviderType="GitHub")["ConnectionArn"]
    complete(server, arn, host)
    return arn


# ---- the service ----

def test_life_of_a_connection(world, host, connections):
    made = connections.create_connection(ConnectionName="c", ProviderType="GitHub", Tags=[{"Key": "a", "Value": "b"}])
    arn = made["ConnectionArn"]
    assert arn.startswith("arn:aws:codeconnections:us-east-1:123456789012:connection/")
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    got = connections.get_connection(ConnectionArn=arn)["Connection"]
    assert got == {"ConnectionName": "c", "ConnectionArn": arn, "ProviderType": "GitHub",
                   "OwnerAccountId": "123456789012", "ConnectionStatus": "PENDING"}
    done = json.loads(complete(world, arn, host).stdout)
    assert (done["status"], done["url"]) == ("AVAILABLE", host.url)
    assert connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"
    # No file of the server tells the token: not the database, the audit or the log.
    for folder, _, names in os.walk(world.data):
        for path in (os.path.join(folder, name) for name in names):
            try:
                with open(path, "rb") as f:
                    assert TOKEN.encode() not in f.read(), path
            except OSError:  # a socket, or a file that is gone by now
                pass
    # Another token: the one of before stays where the host does not take it.
    refused = complete(world, arn, host, token="wrong", check=False)
    assert refused.returncode == 1 and "does not take the token" in refused.stderr
    assert connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"
    assert json.loads(complete(world, arn, host).stdout) == done
    shown = world.towpath("connection", "show", arn).stdout
    assert shown == f"AVAILABLE: {host.url}\n"
    # The former name means the same.
    former = world.client("codestar-connections")
    other = arn.replace(":codeconnections:", ":codestar-connections:")
    assert former.get_connection(ConnectionArn=other)["Connection"]["ConnectionArn"] == arn
    former.tag_resource(ResourceArn=other, Tags=[{"Key": "c", "Value": "d"}])
    connections.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert connections.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    connections.delete_connection(ConnectionArn=arn)
    assert code(connections.get_connection, ConnectionArn=arn) == "ResourceNotFoundException"
    assert code(connections.list_tags_for_resource, ResourceArn=arn) == "ResourceNotFoundException"
    gone = complete(world, arn, host, check=False)
    assert gone.returncode == 1 and "was not found" in gone.stderr


def test_completion_says_what_is_wrong(world, host):
    former = world.client("codestar-connections")
    arn = former.create_connection(ConnectionName="wrong", ProviderType="GitLab")["ConnectionArn"]
    assert arn.startswith("arn:aws:codestar-connections:")
    for more, repository, words in (
            (("--url", "http://127.0.0.1:9"), "team/shop", "127.0.0.1"),
            (("--url", host.url, "--user", "x-access-token"), "team/none", "not found"),
            (("--url", "ssh://host"), "team/shop", "not the address of a git host"),
            (("--url", "http://me:secret@127.0.0.1"), "team/shop", "must not hold a password"),
            (("--url", host.url), "../x", "not the name of a repository"),
            (("--url", host.url), "team/shop", "does not take the token")):  # the user of another provider
        got = complete(world, arn, host, *more, repository=repository, check=False)
        assert got.returncode == 1 and words in got.stderr, got.stderr
        assert TOKEN not in got.stderr
    assert former.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "PENDING"
    assert json.loads(world.towpath("connection", "show", arn, "--json").stdout) == {"status": "PENDING"}
    for words in (("complete", arn), ("complete", arn, "--token-file", "/none", "--repository", "a/b"), ("drop", arn)):
        assert world.towpath("connection", *words, check=False).returncode in (1, 2)
    complete(world, arn, host, "--url", host.url + "/", "--user", "x-access-token")
    former.delete_connection(ConnectionArn=arn)


def test_hosts(world, host, connections):
    endpoint = dict(ProviderType="GitHubEnterpriseServer", ProviderEndpoint=host.url)
    arn = connections.create_host(Name="own host", Tags=[{"Key": "k", "Value": "v"}], **endpoint)["HostArn"]
    assert connections.get_host(HostArn=arn) | {"ResponseMetadata": 0} == {
        "Name": "own host", "Status": "AVAILABLE", "ResponseMetadata": 0, **endpoint}
    assert connections.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    made = [connections.create_connection(ConnectionName=f"h{i}", HostArn=arn)["ConnectionArn"] for i in range(3)]
    connections.create_connection(ConnectionName="other", ProviderType="Bitbucket")
    page = connections.list_connections(HostArnFilter=arn, MaxResults=2)
    rest = connections.list_connections(HostArnFilter=arn, MaxResults=2, NextToken=page["NextToken"])
    listed = page["Connections"] + rest["Connections"]
    assert sorted(c["ConnectionArn"] for c in listed) == sorted(made) and "NextToken" not in rest
    assert listed[0]["HostArn"] == arn and listed[0]["ProviderType"] == "GitHubEnterpriseServer"
    assert [c["ConnectionName"] for c in connections.list_connections(ProviderTypeFilter="Bitbucket")["Connections"]] == [
        "other"]
    assert [h["HostArn"] for h in connections.list_hosts()["Hosts"]] == [arn]
    # The host's address is the connection's; another address takes the tokens away.
    got = json.loads(complete(world, made[0], host, "--user", "x-access-token").stdout)
    assert got["url"] == host.url
    assert complete(world, made[0], host, "--url", "https://other.example", check=False).returncode == 1
    connections.update_host(HostArn=arn, ProviderEndpoint="https://git.example")
    assert connections.get_connection(ConnectionArn=made[0])["Connection"]["ConnectionStatus"] == "PENDING"
    assert connections.get_host(HostArn=arn)["ProviderEndpoint"] == "https://git.example"
    assert code(connections.delete_host, HostArn=arn) == "ResourceUnavailableException"
    for a in made:
        connections.delete_connection(ConnectionArn=a)
    connections.delete_host(HostArn=arn)
    assert code(connections.get_host, HostArn=arn) == "ResourceNotFoundException"


def test_what_is_refused(connections):
    create, host = connections.create_connection, connections.create_host
    assert code(create, ConnectionName="x") == "ValidationException"
    assert code(create, ConnectionName="x", ProviderType="GitLabSelfManaged") == "ValidationException"
    assert code(create, ConnectionName="x", ProviderType="AzureDevOps") == "NotImplementedException"
    assert code(create, ConnectionName="x", HostArn=NONE.replace("connection/", "host/")) == "ResourceNotFoundException"
    assert code(host, Name="x", ProviderType="GitHub", ProviderEndpoint="https://x") == "ValidationException"
    for endpoint in ("file:///etc", "https://me:secret@x", "https://x\\y", "https://x?y"):
        assert code(host, Name="x", ProviderType="GitLabSelfManaged", ProviderEndpoint=endpoint) == "ValidationException"
    assert code(host, Name="x", ProviderType="GitLabSelfManaged", ProviderEndpoint="https://x", VpcConfiguration={
        "VpcId": "vpc-12345678", "SubnetIds": ["subnet-12345678"], "SecurityGroupIds": ["sg-12345678"],
    }) == "NotImplementedException"
    assert code(connections.create_repository_link, ConnectionArn=NONE, OwnerId="a", RepositoryName="b") == \
        "NotImplementedException"


def test_rights(world, host, connections):
    mine = make(world, host, "mine")
    keys = world.user("user", {"Effect": "Allow", "Action": "codestar-connections:GetConnection", "Resource": mine})
    former = world.client("codestar-connections", keys=keys)
    assert former.get_connection(ConnectionArn=mine)["Connection"]["ConnectionName"] == "mine"
    assert code(former.get_connection, ConnectionArn=NONE) == "AccessDeniedException"
    own = world.newest_client("towpath-connections", keys)
    assert code(own.complete_connection, ConnectionArn=mine, Token="t", Repository="a/b") == "AccessDeniedException"
    assert code(own.describe_completion, ConnectionArn=mine) == "AccessDeniedException"
    for other in (mine.replace("us-east-1", "eu-west-1"), mine.replace(world.account, "999999999999")):
        assert code(connections.get_connection, ConnectionArn=other) == "ResourceNotFoundException"
    connections.delete_connection(ConnectionArn=mine)


def test_another_key(server, host):
    arn = make(server, host, "kept")
    make_buckets(server)
    server.stop()
    assert json.loads(server.towpath("key", "rotate", "--json").stdout)["secrets"] >= 2
    server.start()
    cp = with_model(server)
    cp.create_pipeline(pipeline=pipeline_of(arn, "kept"))
    succeeds(cp, "kept", first_of(cp, "kept"))


# ---- pipelines ----

def pipeline_of(arn, name, trigger=None, bucket="site", **configuration):
    """From the repository team/shop to a bucket."""
    source = action("Source", "CodeStarSourceConnection", "Source", dict(
        {"ConnectionArn": arn, "FullRepositoryId": "team/shop", "BranchName": "main"}, **configuration),
                    outputs=["App"], namespace="Commit")
    more = {} if trigger is None else {"pipelineType": "V2", "triggers": [{
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": dict({"sourceActionName": "Source"}, **trigger)}]}
    return pipeline(name, ("Source", source), ("Publish", s3_deploy(bucket, ObjectKey=name)), **more)


def make_buckets(server):
    for name in ("artifacts", "site"):
        server.client("s3").create_bucket(Bucket=name)
        server.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


@pytest.fixture(scope="module")
def used(world, host):
    """A connection that is AVAILABLE, and buckets."""
    make_buckets(world)
    return make(world, host, "used")


@pytest.fixture
def cp(world):
    return with_model(world)


def first_of(cp, name):
    return executions(cp, name)[-1]["pipelineExecutionId"]


def after(cp, name, known, count=1):
    """The executions behind those known, oldest first, once there are so many."""
    def look():
        found = [e for e in executions(cp, name) if e["pipelineExecutionId"] not in known]
        return found[::-1] if len(found) >= count else None
    return wait(look)


def seen(world, host):
    """Once the server has looked at the repository as it is now."""
    head = host.work.git("rev-parse", "main").stdout.strip()

    def look():
        return any(head in doc for doc in documents(world, "connection-watch"))
    wait(look)


def documents(world, kind):
    db = sqlite3.connect(f"file:{world.data}/towpath.db?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT doc FROM document WHERE kind = ?", (kind,))]
    finally:
        db.close()


def succeeds(cp, name, execution):
    status = wait_execution(cp, name, execution)
    assert status == "Succeeded", json.dumps([d.get("output") for d in cp.list_action_executions(
        pipelineName=name, filter={"pipelineExecutionId": execution})["actionExecutionDetails"]])


def test_from_a_host_to_a_bucket(world, host, used, cp):
    cp.create_pipeline(pipeline=pipeline_of(used, "shop"))
    first = first_of(cp, "shop")
    head = host.work.git("rev-parse", "HEAD").stdout.strip()
    succeeds(cp, "shop", first)
    s3 = world.client("s3")
    assert s3.get_object(Bucket="site", Key="shop/app.txt")["Body"].read() == b"first"
    with pytest.raises(botocore.exceptions.ClientError):
        s3.head_object(Bucket="site", Key="shop/.git/HEAD")
    revision = cp.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=first)["pipelineExecution"][
        "artifactRevisions"][0]
    assert revision["revisionId"] == head and revision["revisionUrl"] == f"{host.url}/team/shop/commit/{head}"
    assert json.loads(revision["revisionSummary"]) == {"ProviderType": "GitHub", "CommitMessage": "first"}
    detail = cp.list_action_executions(pipelineName="shop")["actionExecutionDetails"][1]
    variables = detail["output"]["outputVariables"]
    assert variables.pop("AuthorDate").endswith("Z")
    assert variables == {"BranchName": "main", "CommitId": head, "CommitMessage": "first\n", "ConnectionArn": used,
                         "FullRepositoryName": "team/shop"}
    # A push is seen by the next look and starts it.
    seen(world, host)
    host.work.commit("app.txt", "second")
    second = host.push()
    started = after(cp, "shop", [first])[0]
    assert started["trigger"]["triggerType"] == "WebhookV2"
    assert json.loads(started["trigger"]["triggerDetail"]) == {
        "sourceActionName": "Source", "branchName": "main", "commitId": second, "connectionArn": used,
        "fullRepositoryName": "team/shop", "providerType": "GitHub"}
    succeeds(cp, "shop", started["pipelineExecutionId"])
    assert s3.get_object(Bucket="site", Key="shop/app.txt")["Body"].read() == b"second"
    # An older commit on request; one that there is not.
    for commit, status in ((head, "Succeeded"), ("0" * 39 + "1", "Failed")):
        run = cp.start_pipeline_execution(name="shop", sourceRevisions=[{
            "actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": commit}])["pipelineExecutionId"]
        assert wait_execution(cp, "shop", run) == status
    assert s3.get_object(Bucket="site", Key="shop/app.txt")["Body"].read() == b"first"
    cp.delete_pipeline(name="shop")


def test_what_starts_a_pipeline(world, host, used, cp):
    """Default detection, none, and filters of tags, branches and files, on one repository."""
    by = {"default": (None, {}), "none": (None, {"DetectChanges": "false"}), "bare": ({}, {"DetectChanges": "false"}),
          "tags": ({"push": [{"tags": {"includes": ["v*"], "excludes": ["v*-rc"]}}]}, {}),
          "files": ({"push": [{"branches": {"includes": ["main", "rel/**"]},
                               "filePaths": {"includes": ["docs/**"], "excludes": ["**/*.tmp"]}}]}, {})}
    for name, (trigger, configuration) in by.items():
        cp.create_pipeline(pipeline=pipeline_of(used, name, trigger, **configuration))
    known = {name: [first_of(cp, name)] for name in by}
    for name in by:
        succeeds(cp, name, known[name][0])
    seen(world, host)

    def starts(*names):
        out = {name: after(cp, name, known[name])[0] for name in names}
        for name, execution in out.items():
            known[name].append(execution["pipelineExecutionId"])
            succeeds(cp, name, execution["pipelineExecutionId"])
        return out
    host.work.commit("app.txt", "code")
    host.push()
    starts("default", "bare")
    os.makedirs(os.path.join(host.work.folder, "docs"))
    host.work.commit("docs/a.md", "doc")
    host.push()
    starts("default", "bare", "files")
    host.work.git("tag", "-a", "v1-rc", "-m", "rc")
    host.work.git("tag", "-a", "v1", "-m", "one")
    tagged = host.work.git("rev-parse", "HEAD").stdout.strip()
    host.work.commit("docs/b.tmp", "temporary")
    host.push("main", "v1-rc", "v1")
    got = starts("default", "bare", "tags")["tags"]
    assert json.loads(got["trigger"]["triggerDetail"]) | {"connectionArn": ""} == {
        "sourceActionName": "Source", "tagName": "v1", "commitId": tagged, "connectionArn": "",
        "fullRepositoryName": "team/shop", "providerType": "GitHub"}
    assert cp.get_pipeline_execution(pipelineName="tags", pipelineExecutionId=got["pipelineExecutionId"])[
        "pipelineExecution"]["artifactRevisions"][0]["revisionId"] == tagged
    # Nothing more has started: each journal entry is handled before the next.
    assert {name: [e["pipelineExecutionId"] for e in executions(cp, name)][::-1] for name in by} == known
    for name in by:
        cp.delete_pipeline(name=name)


@contextlib.contextmanager
def nobody_at(port):
    """Keeps a port from any other process: connections to it are refused."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what its server has left
        s.bind(("127.0.0.1", port))
        yield


def test_failures_say_what_to_do(world, host, used, cp, connections):
    pending = connections.create_connection(ConnectionName="p", ProviderType="GitHub")["ConnectionArn"]
    down = Host(os.path.join(host.folder, "down"))
    with down.http:
        lost = make(world, down, "lost")
    with nobody_at(down.http.server.server_port):
        refuse_and_say(world, used, cp, pending, lost)


def refuse_and_say(world, used, cp, pending, lost):
    rows = {"pending": (pipeline_of(pending, "pending"), "ConfigurationError", "towpath connection complete"),
            "gone": (pipeline_of(NONE, "gone"), "ConfigurationError", "there is no connection"),
            "branch": (pipeline_of(used, "branch", BranchName="nowhere"), "ConfigurationError", "no branch nowhere"),
            "repo": (pipeline_of(used, "repo", FullRepositoryId="team/none"), "ConfigurationError", "team/none"),
            "down": (pipeline_of(lost, "down"), "SystemUnavailable", "check that this server reaches the host")}
    roles = world.service_role("poor", "codepipeline.amazonaws.com", {
        "Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {
            "Effect": "Allow", "Action": "codeconnections:UseConnection", "Resource": pending})
    rows["poor"] = (dict(pipeline_of(used, "poor"), roleArn=roles), "PermissionError", "UseConnection")
    # A denial counts under either name as well.
    barred = world.service_role("barred", "codepipeline.amazonaws.com", {
        "Effect": "Allow", "Action": "*", "Resource": "*"}, {
            "Effect": "Deny", "Action": "codeconnections:UseConnection", "Resource": "*"})
    rows["barred"] = (dict(pipeline_of(used, "barred"), roleArn=barred), "PermissionError", "explicit deny")
    for name, (definition, error, words) in rows.items():
        cp.create_pipeline(pipeline=definition)
    for name, (definition, error, words) in rows.items():
        assert wait_execution(cp, name, first_of(cp, name)) == "Failed", name
        told = stage_state(cp, name, "Source")["actionStates"][0]["latestExecution"]["errorDetails"]
        assert (told["code"], words in told["message"]) == (error, True), told
        assert TOKEN not in told["message"]
        cp.delete_pipeline(name=name)
    # A role with the right under the other name.
    other = used.replace(":codestar-connections:", ":codeconnections:")
    assert other != used
    fair = world.service_role("fair", "codepipeline.amazonaws.com", {
        "Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {
            "Effect": "Allow", "Action": "codeconnections:UseConnection", "Resource": other})
    cp.create_pipeline(pipeline=dict(pipeline_of(used, "fair"), roleArn=fair))
    succeeds(cp, "fair", first_of(cp, "fair"))
    cp.delete_pipeline(name="fair")
    for configuration in ({"ConnectionArn": "arn:aws:s3:::x"}, {"FullRepositoryId": "shop"},
                          {"FullRepositoryId": "a/../b"}, {"OutputArtifactFormat": "TAR"},
                          {"OutputArtifactFormat": "CODEBUILD_CLONE_REF"}):
        assert code(cp.create_pipeline, pipeline=pipeline_of(used, "bad", **configuration)) == \
            "InvalidActionDeclarationException"
    for trigger in ({"push": [{"tags": {"includes": ["a"]}, "branches": {"includes": ["a"]}}]},
                    {"pullRequest": [{"branches": {"includes": ["main"]}}]}):
        assert code(cp.create_pipeline, pipeline=pipeline_of(used, "bad", trigger)) == "InvalidStructureException"


def test_an_execution_that_is_abandoned_ends_its_fetch(world, host, used, cp):
    host.http.holds = True
    cp.create_pipeline(pipeline=pipeline_of(used, "held"))
    host.http.held.get(timeout=60)
    fetched = os.path.join(world.data, "actions")
    assert os.listdir(fetched)
    cp.stop_pipeline_execution(pipelineName="held", pipelineExecutionId=first_of(cp, "held"), abandon=True)
    host.http.cut.get(timeout=60)
    host.http.holds = False
    assert wait_execution(cp, "held", first_of(cp, "held")) == "Stopped"
    wait(lambda: not os.listdir(fetched))
    cp.delete_pipeline(name="held")
