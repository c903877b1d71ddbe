# SPDX-License-Identifier: Apache-2.0
"""Images pushed and pulled by the programs that people use: skopeo, podman, buildah, umoci and docker's login."""
import hashlib
import json
import os
import shutil
import tarfile
import tempfile

import pytest
import pipelines
from imagework import Image, Registry, digest


def need(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@pytest.fixture(scope="module")
def registry(shared_server):
    return Registry(shared_server)


@pytest.fixture
def place(shared_server, registry, request, tmp_path):
    """Host and name of a repository of this test."""
    name = request.node.name.replace("_", "-").lower()
    shared_server.client("ecr").create_repository(repositoryName=name)
    uri = shared_server.client("ecr").describe_repositories(
        repositoryNames=[name])["repositories"][0]["repositoryUri"]
    assert uri == f"127.0.0.1:{shared_server.port}/{name}"
    return uri


@pytest.fixture
def login(shared_server, tmp_path):
    """An authentication file, as `aws ecr get-login-password` and a login make it."""
    password = shared_server.run("/usr/bin/aws", "--endpoint-url", shared_server.endpoint, "ecr",
                                 "get-login-password").stdout
    path = str(tmp_path / "auth.json")
    shared_server.run("skopeo", "login", "--tls-verify=false", "--username", "AWS", "--password-stdin",
                      "--authfile", path, f"127.0.0.1:{shared_server.port}", input=password)
    return path


def skopeo(server, login, source, to):
    return server.run("skopeo", "copy", "--insecure-policy", "--authfile", login,
                      "--src-tls-verify=false", "--dest-tls-verify=false", source, to)


@need("skopeo")
def test_skopeo(shared_server, registry, place, login, tmp_path):
    image = Image({"etc/hello": b"hello\n", "bin/x": os.urandom(300000)})
    image.layout(str(tmp_path / "layout"), tag="v1")
    skopeo(shared_server, login, f"oci:{tmp_path}/layout:v1", f"docker://{place}:v1")
    skopeo(shared_server, login, f"docker://{place}:v1", f"dir:{tmp_path}/pulled")
    for name, content in image.blobs.items():
        with open(tmp_path / "pulled" / name[7:], "rb") as f:
            assert f.read() == content
    with open(tmp_path / "pulled" / "manifest.json", "rb") as f:
        assert digest(f.read()) == image.digest
    # from one repository to another: the layer is mounted, not sent
    shared_server.client("ecr").create_repository(repositoryName="second")
    host = place.split("/")[0]
    skopeo(shared_server, login, f"docker://{place}:v1", f"docker://{host}/second:v1")
    shown = json.loads(shared_server.run("skopeo", "inspect", "--tls-verify=false", "--authfile", login,
                                         f"docker://{host}/second:v1").stdout)
    assert shown["Digest"] == image.digest and shown["RepoTags"] == ["v1"]
    shared_server.run("skopeo", "delete", "--tls-verify=false", "--authfile", login, f"docker://{place}:v1")
    assert registry("GET", f"{place.split('/')[1]}/manifests/v1")[0] == 404
    # as Docker's own kind of manifest
    shared_server.run("skopeo", "copy", "--insecure-policy", "--format", "v2s2", "--authfile", login,
                      "--dest-tls-verify=false", f"oci:{tmp_path}/layout:v1", f"docker://{place}:docker")
    kind = registry("GET", f"{place.split('/')[1]}/manifests/docker")[1]["Content-Type"]
    assert kind == "application/vnd.docker.distribution.manifest.v2+json"


@need("skopeo")
@need("umoci")
def test_umoci_unpacks_what_was_pulled(shared_server, place, login, tmp_path):
    image = Image({"etc/hello": b"hello\n"})
    image.layout(str(tmp_path / "layout"), tag="v1")
    skopeo(shared_server, login, f"oci:{tmp_path}/layout:v1", f"docker://{place}:v1")
    skopeo(shared_server, login, f"docker://{place}:v1", f"oci:{tmp_path}/pulled:v1")
    shared_server.run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/pulled:v1",
                      str(tmp_path / "bundle"))
    with open(tmp_path / "bundle" / "rootfs" / "etc" / "hello", "rb") as f:
        assert f.read() == b"hello\n"


@need("skopeo")
def test_a_wrong_password_is_told(shared_server, place):
    done = shared_server.run("skopeo", "list-tags", "--tls-verify=false", "--creds", "AWS:deadbeef",
                             f"docker://{place}", check=False)
    assert done.returncode != 0 and "unauthorized" in done.stderr.lower()


@need("buildah")
@need("podman")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs user 0")
def test_buildah_and_podman(shared_server, registry, place, login, tmp_path, request):
    """Built from scratch by buildah, pushed; podman pulls it: the same bytes come back."""
    short = tempfile.mkdtemp(prefix="towpath-pod-")  # podman wants a short path
    request.addfinalizer(lambda: shutil.rmtree(short, ignore_errors=True))
    storage = ["--root", str(tmp_path / "storage"), "--runroot", short,
               "--storage-driver", "vfs"]
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    payload = os.urandom(100000)
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "payload").write_bytes(payload)
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\nCOPY payload /payload\nCMD [\"/payload\"]\n")
    shared_server.run("buildah", *storage, "bud", "--isolation", "chroot", "--signature-policy", str(policy),
                      "-t", f"{place}:v1", str(tmp_path / "context"))
    shared_server.run("buildah", *storage, "push", "--tls-verify=false", "--authfile", login,
                      "--signature-policy", str(policy), f"{place}:v1")
    name = place.split("/")[1]
    pushed = registry("GET", f"{name}/manifests/v1")[1]["Docker-Content-Digest"]
    shared_server.run("buildah", *storage, "rmi", "--all")
    shared_server.run("podman", *storage, "pull", "--tls-verify=false", "--authfile", login,
                      "--signature-policy", str(policy), f"{place}:v1")
    shown = json.loads(shared_server.run("podman", *storage, "image", "inspect", f"{place}:v1").stdout)[0]
    assert shown["Digest"] == pushed and shown["Config"]["Cmd"] == ["/payload"]
    saved = str(tmp_path / "saved")
    shared_server.run("podman", *storage, "push", "--tls-verify=false", "--authfile", login,
                      "--signature-policy", str(policy), f"{place}:v1", f"docker://{place}:v2")
    skopeo(shared_server, login, f"docker://{place}:v2", f"oci:{saved}:v2")
    found = []
    for blob in os.listdir(os.path.join(saved, "blobs", "sha256")):
        path = os.path.join(saved, "blobs", "sha256", blob)
        with open(path, "rb") as f:
            assert hashlib.sha256(f.read()).hexdigest() == blob
        if tarfile.is_tarfile(path):
            with tarfile.open(path) as tar:
                found += [tar.extractfile(m).read() for m in tar if m.name == "payload"]
    assert found == [payload]


@need("docker")
def test_docker_logs_in(shared_server, tmp_path):
    """docker's client needs no engine for that."""
    host = f"127.0.0.1:{shared_server.port}"
    password = shared_server.run("/usr/bin/aws", "--endpoint-url", shared_server.endpoint, "ecr",
                                 "get-login-password").stdout
    env = {"DOCKER_CONFIG": str(tmp_path)}
    done = shared_server.run("docker", "login", "--username", "AWS", "--password-stdin", host,
                             input=password, env=env, check=False)
    if "Cannot connect to the Docker daemon" in done.stderr:
        pytest.skip("this docker asks its engine")
    assert done.returncode == 0, done.stderr
    assert host in json.loads((tmp_path / "config.json").read_text())["auths"]
    wrong = shared_server.run("docker", "login", "--username", "AWS", "--password-stdin", host,
                              input="0000", env=env, check=False)
    assert wrong.returncode != 0


@need("skopeo")
def test_a_push_starts_a_pipeline(shared_server, registry, place, login, tmp_path):
    """A rule on ECR Image Action, the ECR source action, and what it hands on."""
    name, account = place.split("/")[1], shared_server.account
    s3, cp, events = shared_server.client("s3"), pipelines.client(shared_server), shared_server.client("events")
    for bucket in ("artifacts", "site"):
        s3.create_bucket(Bucket=bucket)
    source = pipelines.action("Source", "ECR", "Image", {"RepositoryName": name, "ImageTag": "v1"},
                              outputs=["App"], namespace="Image")
    cp.create_pipeline(pipeline=pipelines.pipeline(
        "on-push", ("Source", source), ("Deploy", pipelines.s3_deploy("site"))))
    first = pipelines.wait(lambda: pipelines.executions(cp, "on-push"))[0]["pipelineExecutionId"]
    assert pipelines.wait_execution(cp, "on-push", first) == "Failed"
    state = pipelines.stage_state(cp, "on-push", "Source")["actionStates"][0]["latestExecution"]
    assert f"The image {name}:v1 cannot be found" in state["errorDetails"]["message"]
    events.put_rule(Name="push", EventPattern=json.dumps({
        "source": ["aws.ecr"], "detail-type": ["ECR Image Action"],
        "detail": {"action-type": ["PUSH"], "result": ["SUCCESS"], "repository-name": [name],
                   "image-tag": ["v1"]}}))
    starts = shared_server.service_role("starts-on-push", "events.amazonaws.com", {
        "Effect": "Allow", "Action": "codepipeline:StartPipelineExecution", "Resource": "*"})
    events.put_targets(Rule="push", Targets=[{
        "Id": "p", "Arn": f"arn:aws:codepipeline:us-east-1:{account}:on-push", "RoleArn": starts}])
    image = Image({"a": b"the image that starts it"})
    image.layout(str(tmp_path / "layout"), tag="v1")
    skopeo(shared_server, login, f"oci:{tmp_path}/layout:v1", f"docker://{place}:v1")
    found = pipelines.wait(lambda: [e for e in pipelines.executions(cp, "on-push")
                                    if e["pipelineExecutionId"] != first])
    assert pipelines.wait_execution(cp, "on-push", found[0]["pipelineExecutionId"]) == "Succeeded"
    detail = json.loads(s3.get_object(Bucket="site", Key="imageDetail.json")["Body"].read())
    assert detail["ImageDigest"] == image.digest and detail["ImageSizeInBytes"] == image.size
    assert detail["ImageURI"] == f"{place}@{image.digest}" and detail["ImageTags"] == ["v1"]
    assert detail["RepositoryName"] == name and detail["RegistryId"] == account and detail["Version"] == "1.0"
    revision = pipelines.executions(cp, "on-push")[0]["sourceRevisions"][0]
    assert revision["revisionId"] == image.digest
