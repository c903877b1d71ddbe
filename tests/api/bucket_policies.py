# SPDX-License-Identifier: Apache-2.0
"""Policies of buckets and the block of public access: for users, roles, root, whoever did not sign, and what pipelines
store under their roles."""
import json
import re
import urllib.error
import urllib.request

import botocore
import botocore.config
import pytest

import pipelines
from asking import code_of, eventually, message_of


@pytest.fixture
def s3(shared_server):
    return shared_server.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "p-" + re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:50].strip("-")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    return name


def statement(bucket, effect="Allow", principal="*", action="s3:GetObject", resource="/*", **more):
    resources = [f"arn:aws:s3:::{bucket}{r}" for r in ([resource] if isinstance(resource, str) else resource)]
    return dict({"Effect": effect, "Principal": principal, "Action": action, "Resource": resources}, **more)


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def user_arn(server, name):
    return f"arn:aws:iam::{server.account}:user/{name}"


def fetch(url, method="GET", data=None):
    """Without a signature: the status and the body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=30) as r:
            return r.status, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def test_a_policy_is_kept_and_taken_away(s3, bucket):
    assert code_of(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    assert code_of(s3.get_bucket_policy_status, Bucket=bucket) == "NoSuchBucketPolicy"
    text = policy(statement(bucket, "Deny", action="s3:DeleteObject"))
    assert s3.put_bucket_policy(Bucket=bucket, Policy=text)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}
    assert code_of(s3.delete_object, Bucket=bucket, Key="k") == "AccessDenied"
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    assert code_of(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    s3.delete_object(Bucket=bucket, Key="k")
    assert code_of(s3.put_bucket_policy, Bucket="no-such", Policy=text.replace(bucket, "no-such")) == "NoSuchBucket"


@pytest.mark.parametrize("change,why", [
    (lambda s: s.update(Principal={"AWS": s["Principal"]["AWS"] + "x"}), "Invalid principal in policy"),
    (lambda s: s.update(Principal={"AWS": "999988887777"}), "Invalid principal in policy"),
    (lambda s: s.update(Principal={"Service": "nobody"}), "Invalid principal in policy"),
    (lambda s: s.update(Principal={"CanonicalUser": "7" * 64}), "Invalid principal in policy"),
    (lambda s: s.pop("Principal"), "Missing required field Principal"),
    (lambda s: s.update(Resource="arn:aws:s3:::another/*"), "Policy has invalid resource"),
    (lambda s: s.update(Resource="*"), "Policy has invalid resource"),
    (lambda s: s.update(Resource=s["Resource"][0].replace("/", "x/")), "Policy has invalid resource"),
    (lambda s: s.update(Action="s3:GetNothing"), "Policy has invalid action"),
    (lambda s: s.update(Action="sns:Publish"), "Policy has invalid action"),
    (lambda s: s.update(Action="s3:ListBucket"), "Action does not apply to any resource(s) in statement"),
    (lambda s: s.update(Resource=s["Resource"][0][:-2]), "Action does not apply to any resource(s) in statement"),
    (lambda s: s.update(Condition={"StringEquals": {"s3:nothing": "x"}}), "Policy has an invalid condition key"),
    (lambda s: s.update(Condition={"StringIs": {"aws:username": "x"}}), "Invalid Condition type"),
    (lambda s: s.update(Effect="Permit"), "Invalid effect: Permit"),
    (lambda s: s.update(Sid="x" * 20480), "Policy exceeds the maximum allowed document size"),
])
def test_a_malformed_policy(shared_server, change, why, s3):
    bucket = "malformed"
    if bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)
        shared_server.user("mal")
    one = statement(bucket, principal={"AWS": user_arn(shared_server, "mal")})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(one))
    change(one)
    assert code_of(s3.put_bucket_policy, Bucket=bucket, Policy=policy(one)) == "MalformedPolicy"
    assert why in message_of(s3.put_bucket_policy, Bucket=bucket, Policy=policy(one))


def test_no_json(s3, bucket):
    for text in ("x", "[]", '{"Version":"2012-10-17"', '{"Version":"2012"}'):
        assert code_of(s3.put_bucket_policy, Bucket=bucket, Policy=text) == "MalformedPolicy", text


def test_users_that_a_policy_lets(shared_server, s3, bucket):
    """A user without any permission may what the policy allows it, and nothing more."""
    all_of_s3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    ann = shared_server.client("s3", shared_server.user("ann"), signature_version="s3v4")
    bob = shared_server.client("s3", shared_server.user("bob", all_of_s3), signature_version="s3v4")
    allow = {"principal": {"AWS": user_arn(shared_server, "ann")}}
    others = statement(bucket, "Deny", action="s3:PutObject", NotPrincipal=allow["principal"])
    others.pop("Principal")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        statement(bucket, action=["s3:GetObject", "s3:PutObject"], resource="/home/*", **allow),
        statement(bucket, action="s3:ListBucket", resource="", Condition={"StringLike": {"s3:prefix": "home/*"}}, **allow),
        others))
    ann.put_object(Bucket=bucket, Key="home/a", Body=b"1")
    assert ann.get_object(Bucket=bucket, Key="home/a")["Body"].read() == b"1"
    assert [o["Key"] for o in ann.list_objects_v2(Bucket=bucket, Prefix="home/a")["Contents"]] == ["home/a"]
    assert code_of(ann.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert code_of(ann.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert code_of(ann.copy_object, Bucket=bucket, Key="home/b", CopySource=f"{bucket}/k") == "AccessDenied"
    ann.copy_object(Bucket=bucket, Key="home/b", CopySource=f"{bucket}/home/a")
    assert "explicit deny in a resource-based policy" in message_of(bob.put_object, Bucket=bucket, Key="k2", Body=b"")
    assert bob.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    # what somebody signed beforehand may not do more
    assert fetch(ann.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "home/a"})) == (200, b"1")
    url = bob.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k2"})
    assert fetch(url, "PUT", b"")[0] == 403


def test_no_other_name_goes_around_a_policy(shared_server, s3, bucket):
    """Keys that look like ARNs, versions that are named by nothing, sources of copies."""
    mine = [f"arn:aws:s3:::mine-{bucket}/*"]
    versions = {"Effect": "Allow", "Action": ["s3:GetObjectVersion", "s3:DeleteObjectVersion"], "Resource": "*"}
    eve = shared_server.client("s3", shared_server.user("eve", {"Effect": "Allow", "Action": "s3:*", "Resource": mine},
                                                        versions))
    s3.create_bucket(Bucket=f"mine-{bucket}")
    for key in (f"{mine[0][:-1]}k", "k"):
        assert code_of(eve.put_object, Bucket=bucket, Key=key, Body=b"") == "AccessDenied"
        assert code_of(eve.get_object, Bucket=bucket, Key=key, VersionId="") == "AccessDenied"
        assert code_of(eve.delete_object, Bucket=bucket, Key=key, VersionId="") == "AccessDenied"
        assert code_of(eve.delete_objects, Bucket=bucket,
                       Delete={"Objects": [{"Key": key, "VersionId": ""}]}) == "AccessDenied"
        for query in ("", "?versionId=", "?x=1"):
            source = f"{bucket}/{key}{query}"
            assert code_of(eve.copy_object, Bucket=f"mine-{bucket}", Key="c", CopySource=source) == "AccessDenied"
    assert eve.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    # whether the source of a copy exists is the business of those who may list its bucket
    source = {"Bucket": bucket, "Key": "gone"}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        statement(bucket, principal={"AWS": user_arn(shared_server, "eve")}),
        statement(bucket, "Deny", action="s3:GetObjectVersion", Condition={"StringEquals": {"s3:VersionId": "null"}})))
    assert code_of(eve.copy_object, Bucket=f"mine-{bucket}", Key="c", CopySource=source) == "AccessDenied"
    assert code_of(s3.copy_object, Bucket=f"mine-{bucket}", Key="c", CopySource=source) == "NoSuchKey"
    eve.copy_object(Bucket=f"mine-{bucket}", Key="c", CopySource=f"{bucket}/k")
    assert code_of(eve.copy_object, Bucket=f"mine-{bucket}", Key="c",
                   CopySource=f"{bucket}/k?versionId=null") == "AccessDenied"


def test_root_mends_what_locks_it_out(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(bucket, "Deny", action="s3:*", resource=["", "/*"])))
    assert code_of(s3.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert code_of(s3.get_public_access_block, Bucket=bucket) == "AccessDenied"
    assert code_of(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}) == "AccessDenied"
    assert code_of(s3.head_bucket, Bucket=bucket) == "403"
    assert "Deny" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(bucket, "Deny", action="s3:PutObject")))
    s3.delete_bucket_policy(Bucket=bucket)
    s3.get_object(Bucket=bucket, Key="k")


def test_everybody(shared_server, s3, bucket):
    """Nobody is let in unsigned before the block is lifted and the policy allows it."""
    url = f"{shared_server.endpoint}/{bucket}"
    public = policy(statement(bucket))
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
    assert fetch(url + "/k")[0] == 403
    assert code_of(s3.put_bucket_policy, Bucket=bucket, Policy=public) == "AccessDenied"
    assert "BlockPublicPolicy" in message_of(s3.put_bucket_policy, Bucket=bucket, Policy=public)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    s3.put_bucket_policy(Bucket=bucket, Policy=public)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    assert fetch(url + "/k")[0] == 403
    s3.delete_public_access_block(Bucket=bucket)
    assert code_of(s3.get_public_access_block, Bucket=bucket) == "NoSuchPublicAccessBlockConfiguration"
    assert fetch(url + "/k") == (200, b"x")
    assert fetch(url + "/k?response-content-type=text/html")[0] == 400
    unsigned = shared_server.client("s3", signature_version=botocore.UNSIGNED)
    assert unsigned.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert code_of(unsigned.put_object, Bucket=bucket, Key="k", Body=b"y") == "AccessDenied"
    assert code_of(unsigned.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert code_of(unsigned.list_buckets) == "AccessDenied"
    # whether a key is there is not told to who may not list
    assert fetch(url + "/none")[0] == 403
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        statement(bucket, action=["s3:GetObject", "s3:PutObject"]), statement(bucket, action="s3:ListBucket", resource="")))
    assert fetch(url + "/none")[0] == 404
    unsigned.put_object(Bucket=bucket, Key="u", Body=b"unsigned")
    assert s3.get_object(Bucket=bucket, Key="u")["Body"].read() == b"unsigned"
    # a network that is known is not everybody
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        "BlockPublicPolicy": True, "RestrictPublicBuckets": True})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(
        statement(bucket, Condition={"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}})))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}
    assert fetch(url + "/k") == (200, b"x")
    assert fetch(f"{shared_server.endpoint}/")[0] == 403


def only_encrypted(bucket):
    """As people put it on the buckets of their pipelines."""
    return [
        statement(bucket, "Deny", action="s3:PutObject", Sid="DenyUnEncryptedObjectUploads",
                  Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
        statement(bucket, "Deny", action="s3:*", Sid="DenyInsecureConnections", resource=["", "/*"],
                  Condition={"Bool": {"aws:SecureTransport": False}})]


def test_only_what_is_encrypted(s3, bucket):
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(only_encrypted(bucket)[0]))
    assert code_of(s3.put_object, Bucket=bucket, Key="a", Body=b"") == "AccessDenied"
    s3.put_object(Bucket=bucket, Key="a", Body=b"", ServerSideEncryption="aws:kms")
    assert code_of(s3.create_multipart_upload, Bucket=bucket, Key="b") == "AccessDenied"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="b", ServerSideEncryption="aws:kms")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="b", UploadId=upload, PartNumber=1, Body=b"p")["ETag"]
    s3.complete_multipart_upload(Bucket=bucket, Key="b", UploadId=upload,
                                 MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})
    assert s3.head_object(Bucket=bucket, Key="b")["ServerSideEncryption"] == "aws:kms"


def run_pipeline(cp, name, **more):
    """Its status, and what its failed actions say."""
    x = cp.start_pipeline_execution(name=name, **more)["pipelineExecutionId"]
    status = pipelines.wait_execution(cp, name, x)
    details = cp.list_action_executions(pipelineName=name, filter={"pipelineExecutionId": x})["actionExecutionDetails"]
    said = [d["output"]["executionResult"].get("errorDetails", d["output"]["executionResult"]) for d in details
            if d["status"] == "Failed"]
    return status, json.dumps(said)


def test_pipelines_under_policies(shared_server):
    """A pipeline's own work is encrypted and secure; what the bucket denies its role fails the action and says so."""
    s3, cp = pipelines.with_buckets(shared_server), pipelines.client(shared_server)
    s3.put_object(Bucket="incoming", Key="a.zip", Body=pipelines.zipped(index_html="hello"))
    s3.put_bucket_policy(Bucket="artifacts", Policy=policy(*only_encrypted("artifacts")))
    role = f"arn:aws:iam::{shared_server.account}:role/pipeline"
    cp.create_pipeline(pipeline=dict(pipelines.pipeline(
        "p", ("Source", pipelines.s3_source("incoming", "a.zip")), ("Deploy", pipelines.s3_deploy("site"))), roleArn=role))

    def run():
        return run_pipeline(cp, "p")
    assert run() == ("Succeeded", "[]")
    # nobody gets at the artifacts without TLS, but for root's policy
    assert code_of(s3.list_objects_v2, Bucket="artifacts") == "AccessDenied"
    s3.delete_bucket_policy(Bucket="artifacts")
    for o in s3.list_objects_v2(Bucket="artifacts")["Contents"]:
        assert s3.head_object(Bucket="artifacts", Key=o["Key"])["ServerSideEncryption"] == "aws:kms"
    s3.put_bucket_policy(Bucket="site", Policy=policy(only_encrypted("site")[0]))
    status, said = run()
    assert status == "Failed" and "s3:PutObject" in said and "explicit deny in a resource-based policy" in said
    s3.put_bucket_policy(Bucket="site", Policy=policy(statement("site", "Deny", {"AWS": "*"}, "s3:PutObject", Condition={
        "ArnNotEquals": {"aws:PrincipalArn": role}})))
    assert run() == ("Succeeded", "[]")
    s3.put_bucket_policy(Bucket="incoming", Policy=policy(statement("incoming", "Deny", {"AWS": role})))
    status, said = run()
    assert status == "Failed" and "s3:GetObject on resource: arn:aws:s3:::incoming/a.zip" in said


def test_pipelines_are_asked_for_each_object(shared_server):
    """Keys that only the run knows: of a source that names another, and of the files that are deployed."""
    s3, cp = pipelines.with_buckets(shared_server), pipelines.client(shared_server)
    for key in ("open.zip", "shut.zip"):
        s3.put_object(Bucket="incoming", Key=key, Body=pipelines.zipped(index_html="hello", shut__index_html="x"))
    role = f"arn:aws:iam::{shared_server.account}:role/pipeline"
    source = pipelines.s3_source("incoming", "open.zip", AllowOverrideForS3ObjectKey="true")
    cp.create_pipeline(pipeline=dict(pipelines.pipeline(
        "each", ("Source", source), ("Deploy", pipelines.s3_deploy("site", ObjectKey="{uuid}"))), roleArn=role))
    s3.delete_bucket_policy(Bucket="site")
    s3.put_bucket_policy(Bucket="incoming", Policy=policy(statement("incoming", "Deny", {"AWS": role}, ["s3:GetObject*"],
                                                                    "/shut.zip")))
    assert run_pipeline(cp, "each") == ("Succeeded", "[]")
    status, said = run_pipeline(cp, "each", sourceRevisions=[
        {"actionName": "Source", "revisionType": "S3_OBJECT_KEY", "revisionValue": "shut.zip"}])
    assert status == "Failed" and "s3:GetObject on resource: arn:aws:s3:::incoming/shut.zip" in said
    s3.put_bucket_policy(Bucket="site", Policy=policy(statement("site", "Deny", {"AWS": role}, "s3:PutObject",
                                                                "/*/shut/*")))
    status, said = run_pipeline(cp, "each")
    assert status == "Failed" and "/shut/index.html with an explicit deny in a resource-based policy" in said
    s3.delete_bucket_policy(Bucket="site")
    s3.delete_bucket_policy(Bucket="incoming")


def test_revisions_under_policies(shared_server, s3, bucket):
    """A deployment whose group's role is denied its revision ends, and says so."""
    cd = shared_server.client("codedeploy")
    role = f"arn:aws:iam::{shared_server.account}:role/deploy"
    cd.create_application(applicationName="denied")
    cd.create_deployment_group(applicationName="denied", deploymentGroupName="g", serviceRoleArn=role)

    def error(key):
        made = cd.create_deployment(applicationName="denied", deploymentGroupName="g", revision={
            "revisionType": "S3", "s3Location": {"bucket": bucket, "key": key, "bundleType": "zip"}})
        return eventually(lambda: cd.get_deployment(deploymentId=made["deploymentId"])["deploymentInfo"].get(
            "errorInformation"))
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(bucket, "Deny", {"AWS": role}, resource="/k")))
    assert error("k")["code"] == "IAM_ROLE_PERMISSIONS"
    assert f"s3:GetObject on resource: arn:aws:s3:::{bucket}/k" in error("k")["message"]
    s3.delete_bucket_policy(Bucket=bucket)
    assert error("k")["code"] == "NO_INSTANCES"  # it may be read; there is no host


@pytest.mark.parametrize("name, source, more", [
    ("spec", {"type": "NO_SOURCE", "buildspec": "arn:aws:s3:::{}/in/k"}, {}),
    ("object", {"type": "S3", "location": "{}/in/k"}, {}),
    ("arn", {"type": "S3", "location": "arn:aws:s3:::{}/in/k"}, {}),
    ("version", {"type": "S3", "location": "{}/in/k"}, {"sourceVersion": "null"}),
    ("folder", {"type": "S3", "location": "{}/in/"}, {})])
def test_builds_under_policies(shared_server, s3, bucket, name, source, more):
    """A buildspec in a bucket is read under the build's role, as is each object of a source."""
    cb = shared_server.client("codebuild")
    role = f"arn:aws:iam::{shared_server.account}:role/build"
    s3.put_object(Bucket=bucket, Key="in/k", Body=b"x")
    action = "s3:GetObjectVersion" if more else "s3:GetObject"
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement(bucket, "Deny", {"AWS": role}, action, "/in/k")))
    cb.create_project(name=f"denied-{name}", source={k: v.format(bucket) for k, v in source.items()},
                      artifacts={"type": "NO_ARTIFACTS"}, serviceRole=role, **more,
                      environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"})
    build = cb.start_build(projectName=f"denied-{name}")["build"]["id"]
    ended = eventually(lambda: [b for b in cb.batch_get_builds(ids=[build])["builds"] if b["buildComplete"]])[0]
    said = json.dumps([p.get("contexts") for p in ended["phases"]])
    wanted = f"{action} on resource: arn:aws:s3:::{bucket}/in/k with an explicit deny"
    assert ended["buildStatus"] != "SUCCEEDED" and wanted in said, said
