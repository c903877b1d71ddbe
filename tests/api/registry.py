# SPDX-License-Identifier: Apache-2.0
"""The image registry over plain HTTP: the OCI distribution specification, part by part."""
import base64
import json
import os
import urllib.request

import botocore.exceptions
import pytest
from asking import eventually
from imagefixtures import ecr, name, registry  # noqa: F401 (fixtures)
from imagework import OCI_INDEX, OCI_MANIFEST, Image, Registry, digest, ecr_call, index

MIB = 1024 * 1024


def test_who_asks(shared_server, registry, name):
    status, headers, body = registry("GET", "/v2/", login=False)
    assert status == 401 and headers["WWW-Authenticate"].startswith("Basic realm=")
    assert headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert json.loads(body)["errors"][0]["code"] == "UNAUTHORIZED"
    assert registry("GET", "/v2/")[0] == 200
    assert Registry(shared_server, password="0" * 80)("GET", "/v2/")[0] == 401
    forged = registry.password[:-2] + ("00" if registry.password[-2:] != "00" else "11")
    assert Registry(shared_server, password=forged)("GET", "/v2/")[0] == 401
    assert registry("GET", f"{name}/tags/list", login=False)[0] == 401
    assert registry("GET", "/v2/", login=False, Authorization="Bearer x")[0] == 401


def test_push_and_pull(registry, name):
    image = Image({"hello": b"hello\n"})
    headers = registry.push(name, image, "v1")
    assert headers["Docker-Content-Digest"] == image.digest
    for reference in ("v1", image.digest):
        status, headers, body = registry("GET", f"{name}/manifests/{reference}")
        assert status == 200 and body == image.manifest
        assert headers["Content-Type"] == OCI_MANIFEST
        status, headers, body = registry("HEAD", f"{name}/manifests/{reference}")
        assert status == 200 and body == b"" and headers["Docker-Content-Digest"] == image.digest
        assert int(headers["Content-Length"]) == len(image.manifest)
    status, headers, body = registry("GET", f"{name}/blobs/{image.layer}")
    assert status == 200 and digest(body) == image.layer
    status, headers, body = registry("HEAD", f"{name}/blobs/{image.layer}")
    assert status == 200 and int(headers["Content-Length"]) == len(image.blobs[image.layer])
    # once more changes nothing
    registry.put_manifest(name, "v1", image.manifest)


def test_unknown(registry, name):
    some = digest(b"nobody has it")
    assert registry.errors("GET", "nobody/manifests/v1") == (404, "NAME_UNKNOWN")
    assert registry.errors("GET", f"{name}/manifests/v1") == (404, "MANIFEST_UNKNOWN")
    assert registry.errors("GET", f"{name}/manifests/{some}") == (404, "MANIFEST_UNKNOWN")
    assert registry.errors("GET", f"{name}/blobs/{some}") == (404, "BLOB_UNKNOWN")
    assert registry("HEAD", f"{name}/blobs/{some}")[0] == 404
    assert registry.errors("GET", f"{name}/blobs/sha256:12") == (400, "DIGEST_INVALID")
    assert registry.errors("POST", "nobody/blobs/uploads/") == (404, "NAME_UNKNOWN")
    upload = f"{name}/blobs/uploads/6b3c4cc3-3bfc-4bb0-9b51-0f1f6e4e3d0c"
    assert registry.errors("GET", upload) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert registry.errors("PATCH", upload, b"x") == (404, "BLOB_UPLOAD_UNKNOWN")
    assert registry.errors("GET", "UPPER/tags/list") == (400, "NAME_INVALID")
    assert registry.errors("POST", f"{name}/tags/list") == (405, "UNSUPPORTED")
    assert registry.errors("GET", f"{name}/nothing") == (404, "NAME_UNKNOWN")


def test_wrong_digest_keeps_nothing(shared_server, registry, name):
    wrong = digest(b"something else")
    location = registry.begin(name)
    assert registry.errors("PUT", f"{location}?digest={wrong}", b"content") == (400, "DIGEST_INVALID")
    assert registry.errors("GET", location) == (404, "BLOB_UPLOAD_UNKNOWN")
    for d in (wrong, digest(b"content")):
        assert registry("HEAD", f"{name}/blobs/{d}")[0] == 404
    status, _, body = registry("POST", f"{name}/blobs/uploads/?digest={wrong}", b"content")
    assert status == 400 and json.loads(body)["errors"][0]["code"] == "DIGEST_INVALID"
    image = Image({"a": b"a"})
    for content in image.blobs.values():
        registry.push_blob(name, content)
    assert registry.errors("PUT", f"{name}/manifests/{wrong}", image.manifest,
                           Content_Type=OCI_MANIFEST) == (400, "DIGEST_INVALID")
    assert registry.errors("GET", f"{name}/manifests/{image.digest}") == (404, "MANIFEST_UNKNOWN")


def test_a_manifest_needs_what_it_names(registry, name):
    image = Image({"a": os.urandom(10)})
    registry.push_blob(name, image.blobs[image.config])
    status, _, body = registry("PUT", f"{name}/manifests/v1", image.manifest, Content_Type=OCI_MANIFEST)
    error = json.loads(body)["errors"][0]
    assert status == 400 and error["code"] == "MANIFEST_BLOB_UNKNOWN"
    assert error["detail"] == {"digest": image.layer} and image.layer in error["message"]
    assert registry("GET", f"{name}/manifests/v1")[0] == 404
    listed = index(image.descriptor(os="linux", architecture="amd64"))
    assert registry.errors("PUT", f"{name}/manifests/all", listed,
                           Content_Type=OCI_INDEX) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_bad_manifests(registry, name):
    image = Image({"a": b"a"})
    registry.push(name, image)
    good = json.loads(image.manifest)

    def put(document, media_type=OCI_MANIFEST, tag="t"):
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        return registry.errors("PUT", f"{name}/manifests/{tag}", text, Content_Type=media_type)

    invalid = (400, "MANIFEST_INVALID")
    assert put(b"{") == invalid
    assert put(b"") == invalid
    assert put(b'{"schemaVersion": 2, "schemaVersion": 2}') == invalid
    assert put(dict(good, schemaVersion=1)) == invalid
    assert put(good, OCI_INDEX) == invalid
    assert put(good, "application/json") == invalid
    assert put(dict(good, layers={})) == invalid
    assert put(dict(good, config=dict(good["config"], digest="sha256:../../etc/passwd"))) == invalid
    assert put(dict(good, config=dict(good["config"], size=1))) == invalid
    assert put(dict(good, manifests=[])) == invalid
    assert put(good, tag="-bad") == (400, "TAG_INVALID")
    assert put(good, tag="x" * 129) == (400, "TAG_INVALID")
    assert put(b'{"pad": "' + b"x" * (4 * MIB) + b'"}') == invalid
    assert json.loads(registry("GET", f"{name}/tags/list")[2]) == {"name": name, "tags": []}


def test_chunks(registry, name):
    content = os.urandom(3 * MIB + 17)
    location = registry.begin(name)
    status, headers, _ = registry("PATCH", location, content[:MIB], Content_Range=f"0-{MIB - 1}",
                                  Content_Type="application/octet-stream")
    assert status == 202 and headers["Range"] == f"0-{MIB - 1}"
    # a chunk that leaves a gap, or comes twice
    for first in (0, MIB + 1):
        status, headers, body = registry("PATCH", location, b"xyz", Content_Range=f"{first}-{first + 2}")
        assert status == 416 and headers["Range"] == f"0-{MIB - 1}"
        assert json.loads(body)["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"
    status, headers, _ = registry("GET", location)
    assert status == 204 and headers["Range"] == f"0-{MIB - 1}" and headers["Docker-Upload-UUID"]
    # of unknown length
    status, headers, _ = registry("PATCH", location, iter([content[MIB:2 * MIB]]))
    assert status == 202 and headers["Range"] == f"0-{2 * MIB - 1}"
    status, headers, _ = registry("PUT", f"{location}?digest={digest(content)}", content[2 * MIB:],
                                  Content_Range=f"{2 * MIB}-{len(content) - 1}")
    assert status == 201 and headers["Docker-Content-Digest"] == digest(content)
    assert registry("GET", f"{name}/blobs/{digest(content)}")[2] == content
    assert registry.errors("GET", location) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_at_once_and_empty(registry, name):
    content = b"the whole blob"
    status, headers, _ = registry("POST", f"{name}/blobs/uploads/?digest={digest(content)}", content)
    assert status == 201 and headers["Location"] == f"/v2/{name}/blobs/{digest(content)}"
    registry.push_blob(name, b"")
    status, headers, body = registry("GET", f"{name}/blobs/{digest(b'')}")
    assert status == 200 and body == b""


def test_cancel(registry, name):
    location = registry.begin(name)
    registry("PATCH", location, b"abc")
    assert registry("DELETE", location)[0] == 204
    assert registry.errors("DELETE", location) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_an_upload_belongs_to_its_repository(registry, ecr, name):
    ecr.create_repository(repositoryName="other-" + name)
    location = registry.begin(name).replace(name, "other-" + name)
    assert registry.errors("PATCH", location, b"abc") == (404, "BLOB_UPLOAD_UNKNOWN")


def test_ranges(registry, name):
    content = b"0123456789"
    registry.push_blob(name, content)
    path = f"{name}/blobs/{digest(content)}"

    def get(text):
        status, headers, body = registry("GET", path, Range=text)
        return status, headers.get("Content-Range"), body

    assert get("bytes=2-4") == (206, "bytes 2-4/10", b"234")
    assert get("bytes=7-") == (206, "bytes 7-9/10", b"789")
    assert get("bytes=-3") == (206, "bytes 7-9/10", b"789")
    status, headers, _ = registry("GET", path, Range="bytes=10-")
    assert status == 416 and headers["Content-Range"] == "bytes */10"


def test_mount(registry, ecr, name):
    ecr.create_repository(repositoryName="from/" + name)
    content = os.urandom(100)
    registry.push_blob("from/" + name, content)
    d = digest(content)
    status, headers, _ = registry("POST", f"{name}/blobs/uploads/?mount={d}&from=from/{name}")
    assert status == 201 and headers["Docker-Content-Digest"] == d
    assert registry("GET", f"{name}/blobs/{d}")[2] == content
    # what is not there begins an upload
    other = digest(b"nobody has it")
    for query in (f"mount={other}&from=from/{name}", f"mount={d}&from=nobody", f"mount={d}"):
        status, headers, _ = registry("POST", f"{name}/blobs/uploads/?{query}")
        assert status == 202 and "/uploads/" in headers["Location"]


def test_a_blob_is_stored_once(shared_server, registry, ecr, name):
    ecr.create_repository(repositoryName="again-" + name)
    content = os.urandom(5 * MIB)

    def is_large(path):
        try:
            return os.path.getsize(path) >= 5 * MIB
        except FileNotFoundError:  # emptied meanwhile
            return False

    def stored():
        return sum(is_large(os.path.join(folder, f))
                   for folder, _, files in os.walk(os.path.join(shared_server.data, "objects")) for f in files)

    before = stored()
    registry.push_blob(name, content)
    registry.push_blob("again-" + name, content)
    registry.push_blob(name, content)
    eventually(lambda: stored() == before + 1)  # the trash is emptied by a task
    assert registry("GET", f"again-{name}/blobs/{digest(content)}")[2] == content


def test_tag_list(registry, ecr, name):
    image = Image({"a": b"tags"})
    registry.push(name, image)
    tags = [f"v{i}" for i in range(5)]
    for tag in tags:
        registry.put_manifest(name, tag, image.manifest)
    assert json.loads(registry("GET", f"{name}/tags/list")[2]) == {"name": name, "tags": tags}
    seen, path = [], f"{name}/tags/list?n=2"
    while path:
        _, headers, body = registry("GET", path)
        seen += json.loads(body)["tags"]
        link = headers.get("Link")
        path = link.split(">")[0][1:] if link else None
    assert seen == tags
    assert json.loads(registry("GET", f"{name}/tags/list?n=0")[2])["tags"] == []
    assert json.loads(registry("GET", f"{name}/tags/list?last=v3")[2])["tags"] == ["v4"]


def test_catalog(registry, ecr, name):
    for i in range(3):
        ecr.create_repository(repositoryName=f"zz-catalog/{i}")
    _, headers, body = registry("GET", "_catalog?n=2&last=zz-catalog")
    assert json.loads(body) == {"repositories": ["zz-catalog/0", "zz-catalog/1"]}
    assert 'rel="next"' in headers["Link"]
    path = headers["Link"].split(">")[0][1:]
    assert json.loads(registry("GET", path)[2]) == {"repositories": ["zz-catalog/2"]}


def test_index_and_delete(registry, name):
    images = {a: Image({"arch": a.encode()}, architecture=a) for a in ("amd64", "arm64")}
    for image in images.values():
        registry.push(name, image)
    listed = index(*(i.descriptor(os="linux", architecture=a) for a, i in images.items()))
    registry.put_manifest(name, "all", listed, OCI_INDEX)
    member = images["arm64"].digest
    # a member stays while the index does
    assert registry("DELETE", f"{name}/manifests/{member}")[0] == 409
    assert registry("DELETE", f"{name}/blobs/{images['arm64'].layer}")[0] == 409
    registry.put_manifest(name, "also", listed, OCI_INDEX)
    assert registry("DELETE", f"{name}/manifests/also")[0] == 202  # the tag alone
    assert registry("GET", f"{name}/manifests/{digest(listed)}")[0] == 200
    assert registry("DELETE", f"{name}/manifests/all")[0] == 202  # the last tag: the image
    assert registry("GET", f"{name}/manifests/{digest(listed)}")[0] == 404
    assert registry("DELETE", f"{name}/manifests/{member}")[0] == 202
    assert registry("DELETE", f"{name}/blobs/{images['arm64'].layer}")[0] == 202
    assert registry("GET", f"{name}/blobs/{images['arm64'].layer}")[0] == 404
    assert registry("GET", f"{name}/manifests/{images['amd64'].digest}")[0] == 200


def test_referrers(shared_server, registry, name):
    image = Image({"a": b"subject"})
    registry.push(name, image, "v1")
    assert json.loads(registry("GET", f"{name}/referrers/{image.digest}")[2])["manifests"] == []
    signature = Image({"s": b"sig"}, subject=image.descriptor(), artifactType="application/x-signature",
                      annotations={"by": "me"})
    bill = Image({"b": b"sbom"}, subject=image.descriptor(), artifactType="application/x-sbom")
    assert registry.push(name, signature)["OCI-Subject"] == image.digest
    registry.push(name, bill)
    status, headers, body = registry("GET", f"{name}/referrers/{image.digest}")
    assert status == 200 and headers["Content-Type"] == OCI_INDEX
    found = {m["digest"]: m for m in json.loads(body)["manifests"]}
    assert set(found) == {signature.digest, bill.digest}
    assert found[signature.digest] == {
        "mediaType": OCI_MANIFEST, "digest": signature.digest, "size": len(signature.manifest),
        "artifactType": "application/x-signature", "annotations": {"by": "me"}}
    status, headers, body = registry(
        "GET", f"{name}/referrers/{image.digest}?artifactType=application/x-sbom")
    assert headers["OCI-Filters-Applied"] == "artifactType"
    assert [m["digest"] for m in json.loads(body)["manifests"]] == [bill.digest]
    status, listed = ecr_call(shared_server, "ListImageReferrers", repositoryName=name,
                              subjectId={"imageDigest": image.digest},
                              filter={"artifactTypes": ["application/x-signature"]})
    assert status == 200 and [r["digest"] for r in listed["referrers"]] == [signature.digest]
    assert listed["referrers"][0]["annotations"] == {"by": "me"}


def test_immutable_tags(shared_server, registry, ecr, name):
    one, two = Image({"a": b"1"}), Image({"a": b"2"})
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    registry.push(name, one, "v1")
    registry.put_manifest(name, "v1", one.manifest)  # the same again
    for content in two.blobs.values():
        registry.push_blob(name, content)
    assert registry.errors("PUT", f"{name}/manifests/v1", two.manifest,
                           Content_Type=OCI_MANIFEST) == (400, "TAG_INVALID")
    excluded = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    status, _ = ecr_call(shared_server, "PutImageTagMutability", repositoryName=name,
                         imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
                         imageTagMutabilityExclusionFilters=excluded)
    assert status == 200
    status, error = ecr_call(shared_server, "PutImageTagMutability", repositoryName=name,
                             imageTagMutability="IMMUTABLE",
                             imageTagMutabilityExclusionFilters=excluded)
    assert status == 400 and error["__type"].endswith("InvalidParameterException")
    for image in (one, two):
        registry.put_manifest(name, "dev-1", image.manifest)
    assert registry.errors("PUT", f"{name}/manifests/v1", two.manifest,
                           Content_Type=OCI_MANIFEST) == (400, "TAG_INVALID")


# ---- permissions ----

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = ["ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload", "ecr:PutImage"]


def allow(*actions, resource="*"):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def test_every_request_is_authorised(shared_server, registry, ecr, name):
    arn = f"arn:aws:ecr:us-east-1:{shared_server.account}:repository/{name}"
    image = Image({"a": b"mine"})
    reader = Registry(shared_server, shared_server.user(
        "reader", allow("ecr:GetAuthorizationToken"), allow(*PULL, resource=arn)))
    writer = Registry(shared_server, shared_server.user(
        "writer", allow("ecr:GetAuthorizationToken"), allow(*PUSH, resource=arn)))
    writer.push(name, image, "v1")
    assert reader("GET", f"{name}/manifests/v1")[0] == 200
    assert reader("GET", f"{name}/blobs/{image.layer}")[0] == 200
    denied = (403, "DENIED")
    assert writer.errors("GET", f"{name}/manifests/v1") == denied
    assert writer.errors("GET", f"{name}/blobs/{image.layer}") == denied
    assert reader.errors("POST", f"{name}/blobs/uploads/") == denied
    assert reader.errors("PUT", f"{name}/manifests/v2", image.manifest) == denied
    assert reader.errors("DELETE", f"{name}/manifests/v1") == denied
    assert reader.errors("GET", f"{name}/tags/list") == denied
    assert reader.errors("GET", "_catalog") == denied
    # denied comes before not found
    assert reader.errors("GET", "nobody/manifests/v1") == denied
    # a mount needs to read the other repository
    ecr.create_repository(repositoryName="secret-" + name)
    content = os.urandom(20)
    registry.push_blob("secret-" + name, content)
    status, _, _ = writer("POST", f"{name}/blobs/uploads/?mount={digest(content)}&from=secret-{name}")
    assert status == 202
    assert writer("HEAD", f"{name}/blobs/{digest(content)}")[0] == 404


def test_repository_policy(shared_server, ecr, registry, name):
    image = Image({"a": b"shared"})
    registry.push(name, image, "v1")
    keys = shared_server.user("guest", allow("ecr:GetAuthorizationToken"))
    guest = Registry(shared_server, keys)
    assert guest("GET", f"{name}/manifests/v1")[0] == 403
    statement = {"Sid": "pull", "Effect": "Allow", "Action": PULL,
                 "Principal": {"AWS": f"arn:aws:iam::{shared_server.account}:user/guest"}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName=name, policyText=text)
    assert ecr.get_repository_policy(repositoryName=name)["policyText"] == text
    assert guest("GET", f"{name}/manifests/v1")[0] == 200
    assert shared_server.client("ecr", keys=keys).batch_get_image(
        repositoryName=name, imageIds=[{"imageTag": "v1"}])["images"]
    assert guest("POST", f"{name}/blobs/uploads/")[0] == 403
    statement["Effect"] = "Deny"
    statement["Principal"] = "*"
    ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(
        {"Version": "2012-10-17", "Statement": [statement]}))
    keys = shared_server.user("strong", allow("ecr:*"))
    assert Registry(shared_server, keys)("GET", f"{name}/manifests/v1")[0] == 403
    assert ecr.delete_repository_policy(repositoryName=name)["repositoryName"] == name
    assert Registry(shared_server, keys)("GET", f"{name}/manifests/v1")[0] == 200
    for bad in ("{", json.dumps({"Version": "2012-10-17", "Statement": [dict(statement, Resource="*")]})):
        with pytest.raises(botocore.exceptions.ClientError, match="InvalidParameterException"):
            ecr.set_repository_policy(repositoryName=name, policyText=bad)


def test_a_password_ends_with_its_user(shared_server, name):
    iam = shared_server.client("iam")
    keys = shared_server.user("leaver", allow("ecr:*"))
    registry = Registry(shared_server, keys)
    assert registry("GET", f"{name}/tags/list")[0] == 200
    iam.delete_user_policy(UserName="leaver", PolicyName="test")
    assert registry("GET", f"{name}/tags/list")[0] == 403
    iam.delete_access_key(UserName="leaver", AccessKeyId=keys[0])
    iam.delete_user(UserName="leaver")
    assert registry("GET", "/v2/")[0] == 401


def test_download_url(shared_server, registry, ecr, name):
    content, other = os.urandom(1000), os.urandom(10)
    for c in (content, other):
        registry.push_blob(name, c)
    url = ecr.get_download_url_for_layer(repositoryName=name, layerDigest=digest(content))["downloadUrl"]
    with urllib.request.urlopen(url, timeout=90) as r:
        assert r.read() == content
    path = url[len(shared_server.endpoint):]
    assert registry("GET", path.replace(digest(content), digest(other)), login=False)[0] == 403
    ticket = path.split("ticket=")[1]
    assert Registry(shared_server, password=ticket)("GET", f"{name}/tags/list")[0] == 403
    assert base64.b64encode(ticket.encode())  # no character that a URL would change
