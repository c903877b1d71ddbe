# SPDX-License-Identifier: Apache-2.0
"""Triggers of codecommit through boto3 and git: topics that are told of pushes."""
import json
import subprocess
import uuid

import botocore.exceptions
import pytest
from receivers import HttpReceiver


def exception(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    return e.value.response["Error"]["Code"].removesuffix("Exception")


@pytest.fixture
def cc(shared_server):
    return shared_server.client("codecommit", parameter_validation=False)


@pytest.fixture
def repo(cc):
    name = "t-" + uuid.uuid4().hex[:8]
    cc.create_repository(repositoryName=name)
    return name


class Topic:
    """A topic with a subscriber."""

    def __init__(self, server):
        self.receiver, sns = HttpReceiver(), server.client("sns")
        self.arn = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
        sns.subscribe(TopicArn=self.arn, Protocol="http", Endpoint=self.receiver.url)
        sns.confirm_subscription(TopicArn=self.arn, Token=self.receiver.next()[1]["Token"])

    def record(self):
        record, = json.loads(self.receiver.next()[1]["Message"])["Records"]
        return record


@pytest.fixture
def topic(shared_server):
    t = Topic(shared_server)
    yield t
    t.receiver.close()


def trigger(topic, **more):
    return {"name": "tell", "destinationArn": topic.arn, "branches": [], "events": ["all"], **more}


def put(cc, repo, branch, content, **more):
    return cc.put_file(repositoryName=repo, branchName=branch, filePath="a", fileContent=content, **more)["commitId"]


def test_definitions(cc, repo, topic, shared_server):
    got = cc.get_repository_triggers(repositoryName=repo)
    assert got["triggers"] == []
    one = trigger(topic, branches=["main"], events=["createReference", "updateReference"], customData="x")
    made = cc.put_repository_triggers(repositoryName=repo, triggers=[one])["configurationId"]
    got = cc.get_repository_triggers(repositoryName=repo)
    assert (got["triggers"], got["configurationId"]) == ([one], made)
    cc.put_repository_triggers(repositoryName=repo, triggers=[])
    assert cc.get_repository_triggers(repositoryName=repo)["triggers"] == []

    def fails(*more, **changed):
        return exception(cc.put_repository_triggers, repositoryName=repo,
                         triggers=[{k: v for k, v in {**one, **changed}.items() if v is not None}, *more])

    other = topic.arn.replace(shared_server.region, "mars-north-1")
    assert exception(cc.put_repository_triggers, repositoryName=repo) == "RepositoryTriggersListRequired"
    assert exception(cc.put_repository_triggers, repositoryName="none", triggers=[]) == "RepositoryDoesNotExist"
    assert fails(name=None) == "RepositoryTriggerNameRequired"
    assert fails(name="a b") == "InvalidRepositoryTriggerName"
    assert fails(one) == "InvalidRepositoryTriggerName"
    assert fails(destinationArn="") == "RepositoryTriggerDestinationArnRequired"
    assert fails(destinationArn="arn:aws:lambda:x:1:function:f") == "InvalidRepositoryTriggerDestinationArn"
    assert fails(destinationArn=other) == "InvalidRepositoryTriggerRegion"
    assert fails(customData="x" * 1001) == "InvalidRepositoryTriggerCustomData"
    assert fails(branches=None) == "RepositoryTriggerBranchNameListRequired"
    assert fails(branches=["a..b"]) == "InvalidRepositoryTriggerBranchName"
    assert fails(branches=[f"b{i}" for i in range(11)]) == "MaximumBranchesExceeded"
    assert fails(events=[]) == "RepositoryTriggerEventsListRequired"
    assert fails(events=["all", "createReference"]) == "InvalidRepositoryTriggerEvents"
    assert fails(*[{**one, "name": f"t{i}"} for i in range(10)]) == "MaximumRepositoryTriggersExceeded"


def test_what_is_told(cc, repo, topic, shared_server):
    made = cc.put_repository_triggers(repositoryName=repo, triggers=[trigger(topic, customData="x")])
    first = put(cc, repo, "main", b"1")
    record = topic.record()
    assert record["codecommit"] == {"references": [{"commit": first, "created": True, "ref": "refs/heads/main"}]}
    assert record["eventSourceARN"] == cc.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    assert record["eventTriggerConfigId"] == made["configurationId"] and record["eventTriggerName"] == "tell"
    assert record["customData"] == "x" and record["eventName"] == "ReferenceChange"
    assert record["userIdentityARN"] == f"arn:aws:iam::{shared_server.account}:root"
    assert record["awsRegion"] == shared_server.region and record["eventTime"].endswith("+0000")
    second = put(cc, repo, "main", b"2", parentCommitId=first)
    assert topic.record()["codecommit"]["references"] == [{"commit": second, "ref": "refs/heads/main"}]
    cc.create_branch(repositoryName=repo, branchName="x", commitId=first)
    topic.record()
    cc.delete_branch(repositoryName=repo, branchName="x")
    assert topic.record()["codecommit"]["references"] == [
        {"commit": first, "deleted": True, "ref": "refs/heads/x"}]


def test_filters(cc, repo, topic):
    cc.put_repository_triggers(repositoryName=repo, triggers=[
        trigger(topic, branches=["main"], events=["updateReference"])])
    first = put(cc, repo, "main", b"1")
    cc.create_branch(repositoryName=repo, branchName="x", commitId=first)
    put(cc, repo, "x", b"2", parentCommitId=first)
    second = put(cc, repo, "main", b"3", parentCommitId=first)
    assert topic.record()["codecommit"]["references"] == [{"commit": second, "ref": "refs/heads/main"}]


def test_one_message_a_push(cc, repo, topic, shared_server, tmp_path):
    cc.put_repository_triggers(repositoryName=repo, triggers=[trigger(topic)])

    def git(*args):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *args], cwd=tmp_path, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()

    name, secret = "g-" + repo, shared_server.client("iam")
    shared_server.user(name, {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"})
    login = secret.create_service_specific_credential(
        UserName=name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    helper = f"!f() {{ echo username={login['ServiceUserName']}; echo 'password={login['ServicePassword']}'; }}; f"
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "m")
    git("branch", "dev")
    git("tag", "v1")
    git("-c", "credential.helper=", "-c", f"credential.helper={helper}", "push", "-q", shared_server.git_url(repo),
        "main", "dev", "v1")
    record = topic.record()
    commit = git("rev-parse", "HEAD")
    assert sorted(r["ref"] for r in record["codecommit"]["references"]) == [
        "refs/heads/dev", "refs/heads/main", "refs/tags/v1"]
    assert {r["commit"] for r in record["codecommit"]["references"]} == {commit}
    assert record["userIdentityARN"].endswith(":user/" + name)


def test_trying(cc, repo, topic):
    gone = trigger(topic, name="gone", destinationArn=topic.arn + "-gone")
    got = cc.test_repository_triggers(repositoryName=repo, triggers=[trigger(topic, branches=["dev"]), gone])
    assert got["successfulExecutions"] == ["tell"]
    assert [f["trigger"] for f in got["failedExecutions"]] == ["gone"]
    assert "does not exist" in got["failedExecutions"][0]["failureMessage"]
    record = topic.record()
    assert record["eventName"] == "TriggerEventTest"
    assert record["codecommit"]["references"] == [{"commit": "0" * 40, "ref": "refs/heads/main"}]
    assert cc.get_repository_triggers(repositoryName=repo)["triggers"] == []
