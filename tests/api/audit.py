# SPDX-License-Identifier: Apache-2.0
"""The audit: every call, fetch and push as a CloudTrail record, LookupEvents, `towpath audit verify`."""
import glob
import json
import os
import subprocess

import pytest

from iam import code


@pytest.fixture(scope="module")
def server():
    from towpath import Server
    s = Server()
    try:
        yield s.start()
    finally:
        s.close()


def lines(server):
    return [line for path in sorted(glob.glob(os.path.join(server.data, "audit", "*.log")))
            for line in open(path, encoding="utf-8")]


def wait_records(server, name, who=None, pick=lambda r: True, **more):
    """Records of that event (of a type of caller, that are picked); they are written a moment after the answer."""
    from pipelines import wait

    def look():
        found = [json.loads(line[65:]) for line in lines(server) if line.endswith("\n")]
        return [r for r in found if r["eventName"] == name and who in (None, r["userIdentity"]["type"]) and pick(r) and all(r.get(k) == v for k, v in more.items())]
    return wait(look)


def test_calls_are_recorded(server):
    repositories = server.client("codecommit")
    repositories.create_repository(repositoryName="seen", tags={"team": "x"})
    made = wait_records(server, "CreateRepository")[0]
    assert made["eventSource"] == "codecommit.amazonaws.com" and made["readOnly"] is False
    assert made["userIdentity"]["type"] == "Root" and made["userIdentity"]["accessKeyId"] == server.keys()[0]
    assert made["requestParameters"] == {"repositoryName": "seen", "tags": {"team": "x"}}
    assert made["responseElements"]["repositoryMetadata"]["repositoryName"] == "seen"
    assert made["resources"] == [{"ARN": f"arn:aws:codecommit:us-east-1:{server.account}:seen",
                                  "accountId": server.account}]
    assert made["sourceIPAddress"] == "127.0.0.1" and "Botocore" in made["userAgent"]
    assert code(repositories.get_repository, repositoryName="none") == "RepositoryDoesNotExistException"
    failed = wait_records(server, "GetRepository", errorCode="RepositoryDoesNotExistException")[0]
    assert failed["readOnly"] is True and failed["responseElements"] is None


def test_denials_and_strangers_are_recorded(server):
    keys = server.user("nosy")
    assert code(server.client("iam", keys=keys).list_users) == "AccessDenied"
    denied = wait_records(server, "ListUsers", errorCode="AccessDenied")[0]
    assert denied["userIdentity"]["userName"] == "nosy"
    assert "is not authorized to perform: iam:ListUsers" in denied["errorMessage"]
    code(server.client("sts", keys=("AKIAXXXXXXXXXXXXXXXX", "x")).get_caller_identity)
    assert wait_records(server, "GetCallerIdentity", errorCode="InvalidClientTokenId")[0]["userIdentity"] == {
        "type": "Unknown"}


def test_git_is_recorded(server):
    server.client("codecommit").create_repository(repositoryName="pushed")
    work = os.path.join(server.data, "work")
    server.run("git", "clone", "-q", server.git_url("pushed"), work)
    server.run("git", "commit", "-q", "--allow-empty", "-m", "x", cwd=work)
    server.run("git", "push", "-q", "origin", "HEAD:main", cwd=work)
    push = wait_records(server, "GitPush", pick=lambda r: r["additionalEventData"]["dataTransferred"])[0]
    assert push["additionalEventData"]["repositoryName"] == "pushed" and push["additionalEventData"]["protocol"] == "HTTP"
    assert wait_records(server, "GitPull")[0]["readOnly"] is True


def test_sessions_are_recorded(server):
    iam = server.client("iam")
    iam.create_user(UserName="sess")
    key = iam.create_access_key(UserName="sess")["AccessKey"]
    arn = iam.create_role(RoleName="recorded", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
            "AWS": f"arn:aws:iam::{server.account}:user/sess"}}]}))["Role"]["Arn"]
    c = server.client("sts", keys=(key["AccessKeyId"], key["SecretAccessKey"])).assume_role(
        RoleArn=arn, RoleSessionName="work")["Credentials"]
    server.client("sts", keys=(c["AccessKeyId"], c["SecretAccessKey"]), token=c["SessionToken"]).get_caller_identity()
    seen = wait_records(server, "GetCallerIdentity", who="AssumedRole")[0]
    issuer = seen["userIdentity"]["sessionContext"]["sessionIssuer"]
    assert issuer["arn"] == arn and seen["userIdentity"]["arn"].endswith(":assumed-role/recorded/work")
    assumed = wait_records(server, "AssumeRole")[0]
    assert assumed["responseElements"]["credentials"]["secretAccessKey"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    # nothing that is secret lies in the clear but root's own file
    for secret in (key["SecretAccessKey"], c["SecretAccessKey"], c["SessionToken"]):
        found = subprocess.run(["grep", "-rlaF", "-e", secret, server.data], stdout=subprocess.PIPE, text=True,
                               check=False).stdout
        assert found == "", found


def test_who_fails_over_and_over_waits(server):
    keys = server.user("ned")
    wrong, right = (server.client("sts", keys=(keys[0], secret)) for secret in ("wrong", keys[1]))
    codes = [code(wrong.get_caller_identity) for _ in range(40)]
    assert codes[0] == "SignatureDoesNotMatch" and codes[-1] == "Throttling"
    # that key must wait here, right or wrong; others need not
    assert code(right.get_caller_identity) == "Throttling"
    server.client("sts").get_caller_identity()


def test_lookup_events(server):
    trail, iam = server.client("cloudtrail"), server.client("iam")
    for i in range(5):
        iam.create_user(UserName=f"look{i}")
    got = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}],
                              MaxResults=2)
    assert [json.loads(e["CloudTrailEvent"])["requestParameters"]["userName"] for e in got["Events"]] == [
        "look4", "look3"]
    assert got["Events"][0]["Username"] == "root" and got["Events"][0]["ReadOnly"] == "false"
    assert got["Events"][0]["EventSource"] == "iam.amazonaws.com"
    names = [json.loads(e["CloudTrailEvent"])["requestParameters"]["userName"]
             for page in trail.get_paginator("lookup_events").paginate(
                 LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}],
                 PaginationConfig={"PageSize": 2}) for e in page["Events"]]
    assert names[:5] == ["look4", "look3", "look2", "look1", "look0"]
    one = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue":
                                                 got["Events"][1]["EventId"]}])["Events"]
    assert [e["EventId"] for e in one] == [got["Events"][1]["EventId"]]
    assert code(trail.lookup_events, StartTime=2, EndTime=1) == "InvalidTimeRangeException"


def test_verify(server):
    first = server.towpath("audit", "verify")
    assert "whole" in first.stdout
    server.kill9()
    server.restart()
    server.client("sts").get_caller_identity()
    server.stop()
    assert json.loads(server.towpath("audit", "verify", "--json").stdout)["records"] > 20
    for path in glob.glob(os.path.join(server.data, "audit", "*.log")):  # one a day: midnight may have passed
        text = open(path, encoding="utf-8").read()
        if '"userName":"nosy"' in text:
            break
    for bad in (text.replace('"userName":"nosy"', '"userName":"nice"', 1), text[:text.rindex("\n", 0, -1) + 1],
                text[text.index("\n") + 1:]):
        with open(path, "w", encoding="utf-8") as f:
            f.write(bad)
        done = server.towpath("audit", "verify", check=False)
        assert done.returncode == 1 and os.path.basename(os.path.dirname(path)) in done.stderr, done.stderr
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    assert "whole" in server.towpath("audit", "verify").stdout
