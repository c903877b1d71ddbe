# SPDX-License-Identifier: Apache-2.0
"""Rates of requests: each service's form of the error, and what clients make of it."""
import glob
import itertools
import json

import botocore.exceptions
import gitwork
import pytest
from asking import eventually
from imagework import Registry
from towpath import Server, ServerFailed

# so slow that one request and no second one fits into a test
SLOW = "0.001:1"


@pytest.fixture(scope="module")
def server():
    s = Server("--ssh", "0", "--throttle", f"codebuild.ListBuilds={SLOW}, iam.ListUsers={SLOW}, s3.ListBuckets={SLOW},"
                             f"ec2.DescribeTags={SLOW}, codecommit.GitPull=0.001:2, codecommit.GitPush={SLOW},"
                             f"ecr.ListImages={SLOW}, codepipeline.ListPipelines=2:2, codecommit.ListRepositories={SLOW},"
                             "default=10000,codedeploy=0.001:3")
    try:
        yield s.start()
    finally:
        s.close()


def refused(call, **request):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**request)
    answer = e.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["ResponseMetadata"]["HTTPHeaders"]


@pytest.mark.parametrize("service,operation,code,status", [
    ("codebuild", "list_builds", "ThrottlingException", 400),
    ("iam", "list_users", "Throttling", 400),
    ("s3", "list_buckets", "SlowDown", 503),
    ("ec2", "describe_tags", "RequestLimitExceeded", 503),
])
def test_each_service_says_it_in_its_own_way(server, service, operation, code, status):
    call = getattr(server.client(service), operation)
    call()
    got = refused(call)
    assert got[:2] == (code, status)
    assert 900 < int(got[2]["retry-after"]) <= 1000


def test_operations_and_services_have_buckets_of_their_own(server):
    cb = server.client("codebuild")
    for _ in range(3):
        cb.list_projects()
    deploy = server.client("codedeploy")
    deploy.list_applications()
    deploy.list_deployment_configs()
    deploy.list_on_premises_instances()
    assert refused(deploy.list_applications)[0] == "ThrottlingException"


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_boto3_tries_again(server, mode):
    pipelines = server.client("codepipeline", retries={"mode": mode, "max_attempts": 10})
    tries = []
    pipelines.meta.events.register("before-send.codepipeline", lambda **_: tries.append(1))
    calls = itertools.count(1)
    # the first ones may come so slowly that there is always room for them
    eventually(lambda: pipelines.list_pipelines()["ResponseMetadata"]["HTTPStatusCode"] == 200
               and len(tries) > next(calls))


def test_the_cli_tries_again(server):
    server.client("codecommit").list_repositories()
    done = server.run("/usr/bin/aws", "--endpoint-url", server.endpoint, "codecommit", "list-repositories",
                      env={"AWS_MAX_ATTEMPTS": "2"}, check=False)
    assert done.returncode and "(ThrottlingException)" in done.stderr and "(reached max retries: 1)" in done.stderr


def test_what_is_refused_is_recorded(server):
    def recorded():
        lines = []
        for path in glob.glob(f"{server.data}/audit/*.log"):  # one a day
            with open(path, encoding="utf-8") as f:
                lines += f
        return any('"ThrottlingException"' in line for line in lines)
    eventually(recorded)


def test_git_over_http(server, tmp_path):
    server.client("codecommit").create_repository(repositoryName="fetched")
    work = gitwork.Work(tmp_path / "w")
    url = gitwork.url(server, gitwork.git_login(server), "fetched")
    work.git("ls-remote", url)  # what there is, and the references
    done = work.git("ls-remote", url, check=False)
    assert done.returncode and "remote: Rate exceeded. Too many requests for codecommit:GitPull" in done.stderr
    assert "error: 429" in done.stderr
    trail = server.client("cloudtrail")
    eventually(lambda: "ThrottlingException" in [
        json.loads(e["CloudTrailEvent"]).get("errorCode") for e in trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GitPull"}])["Events"]])


def test_git_over_ssh(server, tmp_path):
    server.client("codecommit").create_repository(repositoryName="pushed")
    alice = gitwork.SshUser(server, tmp_path / "alice", "alice")
    work = alice.work(tmp_path / "w")
    work.git("init", "-q", ".")
    work.commit()
    work.git("push", alice.url("pushed"), "HEAD:main")
    done = work.git("push", alice.url("pushed"), "HEAD:other", check=False)
    assert done.returncode and "Rate exceeded. Too many requests for codecommit:GitPush" in done.stderr


def test_the_registry(server):
    server.client("ecr").create_repository(repositoryName="images")
    registry = Registry(server)
    assert registry("GET", "images/tags/list")[0] == 200
    status, headers, body = registry("GET", "images/tags/list")
    assert (status, json.loads(body)["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
    assert 900 < int(headers["Retry-After"]) <= 1000
    # the API's operation is the same
    assert refused(server.client("ecr").list_images, repositoryName="images")[0] == "ThrottlingException"
    assert registry("GET", "/v2/")[0] == 200


@pytest.mark.parametrize("rules,message", [
    ("codebuild=0", "after = stands a number"), ("codebuild.StartBuilds=5", "no such operation"),
])
def test_wrong_rules(rules, message):
    s = Server("--throttle", rules)
    with pytest.raises(ServerFailed, match=message):
        s.start()
    s.close()
