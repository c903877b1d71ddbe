# SPDX-License-Identifier: Apache-2.0
"""ECR's API through boto3 and the aws CLI: repositories, images, layers, lifecycle policies."""
import base64
import json
import os
import time

import botocore.exceptions
import pytest
from asking import code_of as code
from imagefixtures import ecr, name, registry  # noqa: F401 (fixtures)
from imagework import OCI_INDEX, OCI_MANIFEST, Image, Registry, digest, index
from towpath import Server

MIB = 1024 * 1024


def await_true(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_repositories(shared_server, ecr):
    made = ecr.create_repository(repositoryName="team/app_1.x", tags=[{"Key": "a", "Value": "1"}],
                                 imageScanningConfiguration={"scanOnPush": True})["repository"]
    arn = f"arn:aws:ecr:us-east-1:{shared_server.account}:repository/team/app_1.x"
    host = shared_server.endpoint.split("://")[1]
    assert made["repositoryArn"] == arn and made["repositoryUri"] == f"{host}/team/app_1.x"
    assert made["imageTagMutability"] == "MUTABLE" and made["registryId"] == shared_server.account
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert code(ecr.create_repository, repositoryName="team/app_1.x") == "RepositoryAlreadyExistsException"
    for bad in ("Upper", "a--/b", "-a", "a//b"):
        assert code(ecr.create_repository, repositoryName=bad) == "InvalidParameterException", bad
    assert code(ecr.create_repository, repositoryName="kms", encryptionConfiguration={
        "encryptionType": "KMS"}) == "NotImplementedException"
    found = ecr.describe_repositories(repositoryNames=["team/app_1.x"])["repositories"]
    assert found == [made]
    assert code(ecr.describe_repositories, repositoryNames=["nobody"]) == "RepositoryNotFoundException"
    assert code(ecr.describe_repositories, registryId="999999999999",
                repositoryNames=["team/app_1.x"]) == "RepositoryNotFoundException"
    cli = shared_server.aws("ecr", "describe-repositories")
    assert "team/app_1.x" in [r["repositoryName"] for r in cli["repositories"]]
    for i in range(3):
        ecr.create_repository(repositoryName=f"zz/{i}")
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    names = [r["repositoryName"] for p in pages for r in p["repositories"]]
    assert names == sorted(names) and {"zz/0", "zz/1", "zz/2"} < set(names)
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "3"}]
    assert code(ecr.list_tags_for_resource, resourceArn=arn + "x") == "RepositoryNotFoundException"
    assert code(ecr.tag_resource, resourceArn=arn, tags=[{"Key": "aws:x", "Value": ""}]) == "InvalidTagParameterException"
    scanning = ecr.batch_get_repository_scanning_configuration(repositoryNames=["team/app_1.x", "nobody"])
    assert scanning["scanningConfigurations"][0]["scanOnPush"] is True
    assert scanning["failures"][0]["failureCode"] == "REPOSITORY_NOT_FOUND"
    ecr.put_image_scanning_configuration(repositoryName="team/app_1.x",
                                         imageScanningConfiguration={"scanOnPush": False})
    found = ecr.describe_repositories(repositoryNames=["team/app_1.x"])["repositories"][0]
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    ecr.delete_repository(repositoryName="team/app_1.x")
    assert code(ecr.delete_repository, repositoryName="team/app_1.x") == "RepositoryNotFoundException"


def test_the_registry(shared_server, ecr):
    found = ecr.describe_registry()
    assert found["registryId"] == shared_server.account
    assert found["replicationConfiguration"] == {"rules": []}
    data = ecr.get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert user == "AWS" and data["proxyEndpoint"] == shared_server.endpoint
    hours = (data["expiresAt"].timestamp() - time.time()) / 3600
    assert 11.9 < hours <= 12
    cli = shared_server.run("/usr/bin/aws", "--endpoint-url", shared_server.endpoint, "ecr",
                            "get-login-password").stdout.strip()
    assert Registry(shared_server, password=cli)("GET", "/v2/")[0] == 200
    assert Registry(shared_server, password=password)("GET", "/v2/")[0] == 200
    assert code(ecr.get_authorization_token, registryIds=["999999999999"]) == "InvalidParameterException"


def test_what_is_not_built_says_so(shared_server, ecr):
    for call, kwargs in (
            (ecr.create_pull_through_cache_rule,
             {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}),
            (ecr.describe_pull_through_cache_rules, {}),
            (ecr.put_replication_configuration, {"replicationConfiguration": {"rules": []}}),
            (ecr.start_image_scan, {"repositoryName": "r1", "imageId": {"imageTag": "x"}})):
        with pytest.raises(botocore.exceptions.ClientError, match="does not implement") as e:
            call(**kwargs)
        assert "ecr:" + e.value.operation_name in str(e.value)


def test_images(shared_server, ecr, registry, name):
    one, two = Image({"a": b"1"}), Image({"a": b"22"})
    for image in (one, two):
        for content in image.blobs.values():
            registry.push_blob(name, content)
    put = ecr.put_image(repositoryName=name, imageManifest=one.manifest.decode(), imageTag="v1",
                        imageDigest=one.digest)["image"]
    assert put["imageId"] == {"imageDigest": one.digest, "imageTag": "v1"}
    assert put["imageManifestMediaType"] == OCI_MANIFEST
    assert code(ecr.put_image, repositoryName=name, imageManifest=one.manifest.decode(),
                imageTag="v1") == "ImageAlreadyExistsException"
    assert code(ecr.put_image, repositoryName=name, imageManifest=two.manifest.decode(),
                imageDigest=one.digest) == "ImageDigestDoesNotMatchException"
    ecr.put_image(repositoryName=name, imageManifest=one.manifest.decode(), imageTag="latest")
    # a moved tag leaves the old image behind
    ecr.put_image(repositoryName=name, imageManifest=two.manifest.decode(), imageTag="v1")
    ids = ecr.list_images(repositoryName=name)["imageIds"]
    assert sorted((i["imageTag"], i["imageDigest"]) for i in ids) == [
        ("latest", one.digest), ("v1", two.digest)]
    details = {d["imageDigest"]: d for d in ecr.describe_images(repositoryName=name)["imageDetails"]}
    assert details[one.digest]["imageTags"] == ["latest"]
    assert details[one.digest]["imageSizeInBytes"] == one.size
    assert details[one.digest]["artifactMediaType"] == "application/vnd.oci.image.config.v1+json"
    assert "lastRecordedPullTime" not in details[one.digest]
    got = ecr.batch_get_image(repositoryName=name, imageIds=[
        {"imageTag": "latest"}, {"imageTag": "none"}, {"imageDigest": "sha256:12"}, {},
        {"imageTag": "latest", "imageDigest": two.digest}])
    assert [i["imageManifest"].encode() for i in got["images"]] == [one.manifest]
    assert [f["failureCode"] for f in got["failures"]] == [
        "ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag", "ImageTagDoesNotMatchDigest"]
    found = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "latest"}])["imageDetails"]
    assert "lastRecordedPullTime" in found[0]
    assert code(ecr.describe_images, repositoryName=name, imageIds=[{"imageTag": "x"}]) == "ImageNotFoundException"
    assert code(ecr.delete_repository, repositoryName=name) == "RepositoryNotEmptyException"
    gone = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v1"}, {"imageTag": "x"}])
    assert gone["imageIds"] == [{"imageTag": "v1", "imageDigest": two.digest}]
    assert gone["failures"][0]["failureCode"] == "ImageNotFound"
    assert registry("GET", f"{name}/manifests/{two.digest}")[0] == 404  # its last tag
    again = {"repositoryName": name, "imageManifest": one.manifest.decode()}
    for bad in ("-v", ".v", "a b", "x" * 129):
        assert code(ecr.put_image, imageTag=bad, **again) == "InvalidParameterException", bad
    ecr.put_image(imageTag="more", **again)
    tags = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "more"}])["imageDetails"][0]["imageTags"]
    gone = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": one.digest}])["imageIds"]
    assert gone == [{"imageDigest": one.digest, "imageTag": tag} for tag in tags] and len(tags) > 1
    registry.push(name, one, "latest")
    ecr.delete_repository(repositoryName=name, force=True)
    assert registry.errors("GET", f"{name}/manifests/latest") == (404, "NAME_UNKNOWN")


def test_an_index(ecr, registry, name):
    images = [Image({"a": os.urandom(n)}, architecture=a) for a, n in (("amd64", 10), ("arm64", 1000))]
    for image in images:
        for content in image.blobs.values():
            registry.push_blob(name, content)
    listed = index(*(i.descriptor(os="linux") for i in images)).decode()
    assert code(ecr.put_image, repositoryName=name, imageManifest=listed) == "ReferencedImagesNotFoundException"
    for image in images:
        registry.put_manifest(name, image.digest, image.manifest)
    ecr.put_image(repositoryName=name, imageManifest=listed, imageTag="all",
                  imageManifestMediaType=OCI_INDEX)
    detail = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "all"}])["imageDetails"][0]
    assert detail["imageSizeInBytes"] == max(i.size for i in images)
    answer = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": images[0].digest}])
    assert answer["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    assert {i.get("imageTag") for i in ecr.list_images(repositoryName=name)["imageIds"]} == {"all", None}
    untagged = ecr.list_images(repositoryName=name, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert {i["imageDigest"] for i in untagged} == {i.digest for i in images}
    seen = []
    for page in ecr.get_paginator("list_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 1}):
        assert len(page["imageIds"]) <= 1
        seen += page["imageIds"]
    assert len(seen) == 3
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 2})
    assert len({d["imageDigest"] for p in pages for d in p["imageDetails"]}) == 3


def test_layers(ecr, registry, name):
    content = os.urandom(6 * MIB)
    d = digest(content)

    def part(upload, first, data):
        return ecr.upload_layer_part(repositoryName=name, uploadId=upload, partFirstByte=first,
                                     partLastByte=first + len(data) - 1, layerPartBlob=data)

    asked = ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[d, "sha256:1"])
    assert asked["layers"][0]["layerAvailability"] == "UNAVAILABLE"
    assert asked["failures"][0]["failureCode"] == "InvalidLayerDigest"
    begun = ecr.initiate_layer_upload(repositoryName=name)
    upload = begun["uploadId"]
    assert begun["partSize"] >= 5 * MIB
    assert code(ecr.complete_layer_upload, repositoryName=name, uploadId=upload,
                layerDigests=[d]) == "EmptyUploadException"
    assert part(upload, 0, content[:5 * MIB])["lastByteReceived"] == 5 * MIB - 1
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidLayerPartException") as e:
        part(upload, 0, b"again")
    assert e.value.response["lastValidByteReceived"] == 5 * MIB - 1 and e.value.response["uploadId"] == upload
    part(upload, 5 * MIB, content[5 * MIB:])
    done = ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[d])
    assert done["layerDigest"] == d
    assert registry("GET", f"{name}/blobs/{d}")[2] == content
    asked = ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[d])["layers"][0]
    assert asked["layerAvailability"] == "AVAILABLE" and asked["layerSize"] == len(content)
    # the same again, a wrong digest, parts too small
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    part(upload, 0, content[:5 * MIB])
    part(upload, 5 * MIB, content[5 * MIB:])
    assert code(ecr.complete_layer_upload, repositoryName=name, uploadId=upload,
                layerDigests=[d]) == "LayerAlreadyExistsException"
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    part(upload, 0, b"abc")
    assert code(ecr.complete_layer_upload, repositoryName=name, uploadId=upload,
                layerDigests=[d]) == "InvalidLayerException"
    assert code(ecr.complete_layer_upload, repositoryName=name, uploadId=upload,
                layerDigests=[d]) == "UploadNotFoundException"
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    part(upload, 0, b"abc")
    part(upload, 3, b"def")
    assert code(ecr.complete_layer_upload, repositoryName=name, uploadId=upload,
                layerDigests=[digest(b"abcdef")]) == "LayerPartTooSmallException"
    assert code(ecr.get_download_url_for_layer, repositoryName=name,
                layerDigest=digest(b"no")) == "LayersNotFoundException"
    image = Image({"x": b"y"})
    assert code(ecr.put_image, repositoryName=name,
                imageManifest=image.manifest.decode()) == "LayersNotFoundException"


def test_immutable(ecr, registry, name):
    one, two = Image({"a": b"1"}), Image({"a": b"2"})
    registry.push(name, one, "v1")
    registry.push(name, two)
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    assert code(ecr.put_image, repositoryName=name, imageManifest=two.manifest.decode(),
                imageTag="v1") == "ImageTagAlreadyExistsException"
    ecr.put_image(repositoryName=name, imageManifest=two.manifest.decode(), imageTag="v2")


# ---- lifecycle policies ----

def rule(priority, status, count, number, **selection):
    if count != "imageCountMoreThan":
        selection["countUnit"] = "days"
    return {"rulePriority": priority, "description": "a rule of this test, long enough for the model",
            "selection": dict(selection, tagStatus=status, countType=count, countNumber=number),
            "action": {"type": "expire"}}


def policy(*rules):
    return json.dumps({"rules": list(rules)})


def push_many(registry, name, *tag_lists):
    """One image for each list of tags, in this order."""
    images = []
    for i, tags in enumerate(tag_lists):
        image = Image({"n": f"{name} {i}".encode()})
        registry.push(name, image, tags[0] if tags else None)
        for tag in tags[1:]:
            registry.put_manifest(name, tag, image.manifest)
        images.append(image)
    return images


def test_lifecycle(shared_server, ecr, registry, name):
    images = push_many(registry, name, ["v1", "prod-1"], ["v2"], ["v3"], [], ["dev"], [])
    text = policy(rule(1, "tagged", "imageCountMoreThan", 1, tagPrefixList=["prod"]),
                  rule(2, "tagged", "imageCountMoreThan", 1, tagPatternList=["v*"]),
                  rule(3, "untagged", "imageCountMoreThan", 1))
    started = ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)
    assert started["status"] == "IN_PROGRESS"
    preview = ecr.get_lifecycle_policy_preview(repositoryName=name)
    assert preview["status"] == "COMPLETE"
    # v1 is the first rule's, which keeps it; v3 is the youngest of the second's
    expected = {images[1].digest: 2, images[3].digest: 3}
    assert {r["imageDigest"]: r["appliedRulePriority"] for r in preview["previewResults"]} == expected
    assert preview["summary"]["expiringImageTotalCount"] == 2
    filtered = ecr.get_lifecycle_policy_preview(repositoryName=name, filter={"tagStatus": "TAGGED"})
    assert [r["imageTags"] for r in filtered["previewResults"]] == [["v2"]]
    assert len(ecr.list_images(repositoryName=name)["imageIds"]) == 7  # nothing was taken
    assert ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)["lifecyclePolicyText"] == text
    left = {i.digest for i in images} - set(expected)
    await_true(lambda: {d["imageDigest"] for d in ecr.describe_images(repositoryName=name)["imageDetails"]} == left)
    await_true(lambda: "lastEvaluatedAt" in ecr.get_lifecycle_policy(repositoryName=name))
    assert ecr.delete_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == text
    assert code(ecr.get_lifecycle_policy, repositoryName=name) == "LifecyclePolicyNotFoundException"
    assert code(ecr.start_lifecycle_policy_preview, repositoryName=name) == "LifecyclePolicyNotFoundException"


def test_bad_lifecycle_policies(ecr, name):
    assert code(ecr.get_lifecycle_policy_preview, repositoryName=name) == "LifecyclePolicyPreviewNotFoundException"
    count = "imageCountMoreThan"
    for rules, text in (
            ([rule(1, "any", count, 1), rule(2, "untagged", count, 1)], "highest"),
            ([rule(1, "untagged", count, 1), rule(1, "any", count, 1)], "two rules"),
            ([rule(1, "untagged", count, 1), rule(2, "untagged", count, 2)], "only one"),
            ([rule(1, "tagged", count, 1)], "either tagPrefixList"),
            ([rule(1, "any", count, 1, tagPrefixList=["a"])], "need tagStatus tagged"),
            ([rule(1, "any", count, 0)], "countNumber"),
            ([rule(1, "any", "sinceForever", 1)], "countType"),
            ([dict(rule(1, "any", count, 1), action={"type": "archive"})], "expire"),
            ([], "at least one")):
        body = policy(*rules) + " " * 100
        with pytest.raises(botocore.exceptions.ClientError, match=text) as e:
            ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=body)
        assert e.value.response["Error"]["Code"] == "InvalidParameterException"
    assert code(ecr.put_lifecycle_policy, repositoryName=name, lifecyclePolicyText="{" + " " * 100) == "InvalidParameterException"


def large_files(root):
    """Those that have four MiB, while others come and go."""
    found = []
    for path in (os.path.join(folder, f) for folder, _, files in os.walk(root) for f in files):
        try:
            found += [path] if os.path.getsize(path) >= 4 * MIB else []
        except FileNotFoundError:
            pass
    return found


def test_days_pass():
    """A clock that runs: images grow old, passwords end, what nothing names is collected."""
    with Server() as s:
        s.client("ecr").create_repository(repositoryName="old")
        objects = os.path.join(s.data, "objects")
        registry = Registry(s, renew=True)
        image = Image({"a": os.urandom(4 * MIB)})
        registry.push("old", image, "v1")
        password = Registry(s)
        s.restart("--clock-rate", "100000")  # not before: a day is the time that a blob may wait for its manifest
        ecr = s.client("ecr")
        await_true(lambda: password("GET", "/v2/")[0] != 200)
        assert password.errors("GET", "/v2/") == (403, "DENIED")

        assert len(large_files(objects)) == 1
        ecr.put_lifecycle_policy(repositoryName="old", lifecyclePolicyText=policy(
            rule(1, "any", "sinceImagePushed", 2)))
        await_true(lambda: not ecr.list_images(repositoryName="old")["imageIds"])
        await_true(lambda: not large_files(objects))
        assert registry.errors("GET", f"old/blobs/{image.layer}") == (404, "BLOB_UNKNOWN")


def test_events(shared_server, ecr, registry, name):
    """Rules hear of pushes and deletions."""
    events, logs = shared_server.client("events"), shared_server.client("logs")
    logs.create_log_group(logGroupName="/images")
    events.put_rule(Name="images", EventPattern=json.dumps({
        "source": ["aws.ecr"], "detail-type": ["ECR Image Action"],
        "detail": {"repository-name": [name], "result": ["SUCCESS"]}}))
    events.put_targets(Rule="images", Targets=[{
        "Id": "log", "Arn": f"arn:aws:logs:us-east-1:{shared_server.account}:log-group:/images"}])
    image = Image({"a": b"event"})
    registry.push(name, image, "v1")
    registry.put_manifest(name, "v1", image.manifest)  # no change, no event
    registry("DELETE", f"{name}/manifests/{image.digest}")

    def seen():
        return sorted((e["detail"]["action-type"], e["detail"]["image-tag"], e["detail"]["image-digest"],
                       len(e["resources"]))
                      for e in (json.loads(x["message"]) for x in logs.filter_log_events(
                          logGroupName="/images")["events"]))

    await_true(lambda: len(seen()) >= 2)
    assert seen() == [("DELETE", "v1", image.digest, 0), ("PUSH", "v1", image.digest, 0)]


def test_registry_host():
    with Server("--registry-host", "https://images.example.com") as s:
        ecr = s.client("ecr")
        made = ecr.create_repository(repositoryName="r1")["repository"]
        assert made["repositoryUri"] == "images.example.com/r1"
        data = ecr.get_authorization_token()["authorizationData"][0]
        assert data["proxyEndpoint"] == "https://images.example.com"
        # any host name will do for the registry itself
        assert Registry(s)("GET", "/v2/", Host=f"{s.account}.dkr.ecr.us-east-1.example.com")[0] == 200
