# SPDX-License-Identifier: Apache-2.0
"""Buckets and objects through the aws CLI, boto3 and plain HTTP."""
import base64
import hashlib
import os
import re
import socket
import subprocess
import urllib.error
import urllib.request
import zlib

import boto3.s3.transfer
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
from asking import code_of as code
from asking import eventually
from towpath import Server

MIB = 1024 * 1024


def http(url, method="GET", data=None, headers=None):
    """Plain HTTP: status, headers, body."""
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=90) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


@pytest.fixture
def s3(shared_server):
    return shared_server.client("s3")


@pytest.fixture
def bucket(s3, request):
    """An empty bucket named after the test."""
    name = "t-" + re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:50].strip("-")
    s3.create_bucket(Bucket=name)
    return name


def test_buckets(s3):
    s3.create_bucket(Bucket="one-bucket")
    s3.create_bucket(Bucket="one-bucket")  # us-east-1: once more is fine
    assert "one-bucket" in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket="one-bucket")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.get_bucket_location(Bucket="one-bucket")["LocationConstraint"] is None
    s3.put_object(Bucket="one-bucket", Key="k", Body=b"x")
    assert code(s3.delete_bucket, Bucket="one-bucket") == "BucketNotEmpty"
    s3.delete_object(Bucket="one-bucket", Key="k")
    s3.delete_bucket(Bucket="one-bucket")
    assert code(s3.head_bucket, Bucket="one-bucket") == "404"
    assert code(s3.list_objects_v2, Bucket="one-bucket") == "NoSuchBucket"
    assert code(s3.put_object, Bucket="one-bucket", Key="k", Body=b"") == "NoSuchBucket"
    assert code(s3.create_bucket, Bucket="other-region", CreateBucketConfiguration={
        "LocationConstraint": "eu-west-1"}) == "IllegalLocationConstraintException"


def test_bucket_names(shared_server):
    s3 = shared_server.client("s3", parameter_validation=False)
    for name in ("Ab", "UPPER-case", "a" * 64, "127.0.0.1", "a..b", "-ab", "ab_"):
        assert code(s3.create_bucket, Bucket=name) in ("InvalidBucketName", "400"), name


def test_object(s3, bucket):
    body = b"hello\n"
    put = s3.put_object(Bucket=bucket, Key="a b/c+d\u00e9", Body=body, ContentType="text/plain",
                        CacheControl="no-cache", Metadata={"Colour": "red"},
                        ServerSideEncryption="aws:kms", SSEKMSKeyId="k1")
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert put["ServerSideEncryption"] == "aws:kms"
    assert "VersionId" not in put
    got = s3.get_object(Bucket=bucket, Key="a b/c+d\u00e9")
    assert got["Body"].read() == body
    assert got["ContentType"] == "text/plain" and got["CacheControl"] == "no-cache"
    assert got["Metadata"] == {"colour": "red"}
    assert got["SSEKMSKeyId"] == "k1"
    head = s3.head_object(Bucket=bucket, Key="a b/c+d\u00e9")
    assert head["ContentLength"] == 6 and head["ETag"] == put["ETag"]
    assert abs(head["LastModified"] - got["LastModified"]).total_seconds() == 0
    s3.put_object(Bucket=bucket, Key="a b/c+d\u00e9", Body=b"")
    assert s3.get_object(Bucket=bucket, Key="a b/c+d\u00e9")["Body"].read() == b""
    assert s3.head_object(Bucket=bucket, Key="a b/c+d\u00e9")["ContentType"] == "binary/octet-stream"
    s3.delete_object(Bucket=bucket, Key="a b/c+d\u00e9")
    s3.delete_object(Bucket=bucket, Key="a b/c+d\u00e9")
    assert code(s3.get_object, Bucket=bucket, Key="a b/c+d\u00e9") == "NoSuchKey"
    assert code(s3.head_object, Bucket=bucket, Key="a b/c+d\u00e9") == "404"


def test_bad_keys(shared_server, s3, bucket):
    assert code(s3.put_object, Bucket=bucket, Key="k" * 1025, Body=b"") == "KeyTooLongError"
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"",
                Metadata={"m": "x" * 2100}) == "MetadataTooLarge"
    for key in ("../../etc/passwd", "a/../../b", "/abs", "dir/", "%2e%2e"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    assert not os.path.exists(os.path.join(shared_server.data, "etc"))


def test_ranges(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")

    def get(r):
        got = s3.get_object(Bucket=bucket, Key="k", Range=r)
        return got["Body"].read(), got.get("ContentRange")

    assert get("bytes=2-4") == (b"234", "bytes 2-4/10")
    assert get("bytes=7-") == (b"789", "bytes 7-9/10")
    assert get("bytes=-3") == (b"789", "bytes 7-9/10")
    assert get("bytes=5-100") == (b"56789", "bytes 5-9/10")
    assert get("bytes=-100") == (b"0123456789", "bytes 0-9/10")
    assert get("lines=1-2") == (b"0123456789", None)
    assert code(s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == "InvalidRange"
    assert code(s3.get_object, Bucket=bucket, Key="k", Range="bytes=-0") == "InvalidRange"
    assert s3.head_object(Bucket=bucket, Key="k", Range="bytes=1-2")["ContentLength"] == 2


def test_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    then = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"x"
    assert code(s3.get_object, Bucket=bucket, Key="k", IfMatch='"y"') == "PreconditionFailed"
    assert code(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == "304"
    assert code(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=then) == "304"
    assert s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=then)["ContentLength"] == 1
    assert code(s3.head_object, Bucket=bucket, Key="k", IfMatch='"y"') == "412"


def test_conditional_writes(shared_server, bucket):
    """This boto3 does not know If-None-Match on writes: said by a header of its own."""
    s3 = shared_server.client("s3")

    def with_header(name, value):
        def add(params, **_):
            params["headers"][name] = value
        return add

    none = with_header("If-None-Match", "*")
    s3.meta.events.register("before-call.s3.PutObject", none)
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"second") == "PreconditionFailed"
    s3.meta.events.unregister("before-call.s3.PutObject", none)
    s3.meta.events.register("before-call.s3.PutObject", with_header("If-Match", '"nobody"'))
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"third") == "PreconditionFailed"
    assert code(s3.put_object, Bucket=bucket, Key="new", Body=b"x") == "NoSuchKey"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_checksums(s3, bucket):
    body = b"some content"
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    sha = base64.b64encode(hashlib.sha256(body).digest()).decode()
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumCRC32=crc)
    assert put["ChecksumCRC32"] == crc
    assert s3.get_object(Bucket=bucket, Key="k",
                         ChecksumMode="ENABLED")["ChecksumCRC32"] == crc
    assert "ChecksumCRC32" not in s3.head_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="s", Body=body, ChecksumAlgorithm="SHA256")
    assert s3.head_object(Bucket=bucket, Key="s",
                          ChecksumMode="ENABLED")["ChecksumSHA256"] == sha
    assert code(s3.put_object, Bucket=bucket, Key="bad", Body=b"other",
                ChecksumCRC32=crc) == "BadDigest"
    assert code(s3.put_object, Bucket=bucket, Key="bad", Body=b"other",
                ContentMD5=base64.b64encode(hashlib.md5(body).digest()).decode()) == "BadDigest"
    assert code(s3.head_object, Bucket=bucket, Key="bad") == "404"


class UnreadBody(botocore.auth.S3SigV4Auth):
    """Signs a body by what the header says of it: this much of it comes in chunks."""

    def payload(self, request):
        return "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def test_trailers(shared_server, s3, bucket):
    """The checksum behind a body counts by its announcement: not every SDK names its algorithm as well."""
    body = b"some content"
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()

    def put(key, trailer, announced="x-amz-checksum-crc32"):
        request = botocore.awsrequest.AWSRequest("PUT", f"{shared_server.endpoint}/{bucket}/{key}", headers={
            "Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": str(len(body)),
            "X-Amz-Trailer": announced})
        UnreadBody(botocore.credentials.Credentials(*shared_server.keys()), "s3",
                   shared_server.region).add_auth(request)
        chunks = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailer.encode())
        status, _, answer = http(request.url, "PUT", chunks, dict(request.headers))
        return re.search("<Code>(.*)</Code>", answer.decode()).group(1) if status != 200 else status

    assert put("good", f"x-amz-checksum-crc32:{crc}\r\n") == 200
    got = s3.get_object(Bucket=bucket, Key="good", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (body, crc)
    assert put("bad", "x-amz-checksum-crc32:AAAAAA==\r\n") == "BadDigest"
    assert put("bad", "") == "MalformedTrailerError"
    assert put("bad", f"x-amz-checksum-crc32c:{crc}\r\n") == "MalformedTrailerError"
    assert put("bad", "x-amz-checksum-x:AAAA\r\n", "x-amz-checksum-x") == "InvalidRequest"
    assert code(s3.head_object, Bucket=bucket, Key="bad") == "404"


def test_list(s3, bucket):
    keys = ["a/1", "a/2", "a/b/3", "b", "c/4", "d\u00e9 +", "z&<"]
    for k in keys:
        s3.put_object(Bucket=bucket, Key=k, Body=k.encode())
    got = s3.list_objects_v2(Bucket=bucket)
    assert [o["Key"] for o in got["Contents"]] == keys
    assert got["KeyCount"] == 7 and not got["IsTruncated"]
    assert got["Contents"][0]["Size"] == 3
    got = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [o["Key"] for o in got["Contents"]] == ["b", "d\u00e9 +", "z&<"]
    assert [p["Prefix"] for p in got["CommonPrefixes"]] == ["a/", "c/"]
    got = s3.list_objects_v2(Bucket=bucket, Prefix="a/", Delimiter="/")
    assert [o["Key"] for o in got["Contents"]] == ["a/1", "a/2"]
    assert [p["Prefix"] for p in got["CommonPrefixes"]] == ["a/b/"]
    assert [o["Key"] for o in s3.list_objects_v2(
        Bucket=bucket, StartAfter="b")["Contents"]] == keys[4:]
    assert s3.list_objects_v2(Bucket=bucket, Prefix="nobody")["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    assert [o["Key"] for o in s3.list_objects(Bucket=bucket, Marker="c/4")["Contents"]] == keys[5:]
    assert code(s3.list_objects_v2, Bucket=bucket, ContinuationToken="*") == "InvalidArgument"


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("name", ["list_objects", "list_objects_v2"])
def test_list_pages(s3, bucket, size, name):
    keys = [f"{d}/{i}" for d in "abc" for i in range(3)] + ["d", "e"]
    for k in keys:
        s3.put_object(Bucket=bucket, Key=k, Body=b"")
    pages = s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
    assert [o["Key"] for p in pages for o in p.get("Contents", [])] == keys
    rolled = []
    pages = s3.get_paginator(name).paginate(Bucket=bucket, Delimiter="/",
                                            PaginationConfig={"PageSize": size})
    for p in pages:
        rolled += [o["Prefix"] for o in p.get("CommonPrefixes", [])]
        rolled += [o["Key"] for o in p.get("Contents", [])]
    assert rolled == ["a/", "b/", "c/", "d", "e"]


def test_versions(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    v1 = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    v2 = s3.put_object(Bucket=bucket, Key="k", Body=b"two")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == v2
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=v1)["Body"].read() == b"one"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"null"
    gone = s3.delete_object(Bucket=bucket, Key="k")
    assert gone["DeleteMarker"]
    assert code(s3.get_object, Bucket=bucket, Key="k") == "NoSuchKey"
    assert code(s3.get_object, Bucket=bucket, Key="k",
                VersionId=gone["VersionId"]) == "MethodNotAllowed"
    assert code(s3.get_object, Bucket=bucket, Key="k", VersionId="nobody") == "NoSuchVersion"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    got = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in got["Versions"]] == [v2, v1, "null"]
    assert [m["IsLatest"] for m in got["DeleteMarkers"]] == [True]
    assert code(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=gone["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=v2)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"null again")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"null again"
    got = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in got["Versions"]] == ["null", v1]


def test_version_pages(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = []
    for key in ("a", "b"):
        made += [s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"]
                 for _ in range(3)][::-1]
    for size in (1, 2, 4):
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [v["VersionId"] for p in pages for v in p["Versions"]] == made


def test_delete_objects(s3, bucket):
    for i in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b"")
    got = s3.delete_objects(Bucket=bucket, Delete={"Objects": [
        {"Key": "k0"}, {"Key": "k1"}, {"Key": "nobody"}, {"Key": "x" * 1100}]})
    assert [d["Key"] for d in got["Deleted"]] == ["k0", "k1", "nobody"]
    assert got["Errors"][0]["Code"] == "KeyTooLongError"
    got = s3.delete_objects(Bucket=bucket, Delete={"Quiet": True, "Objects": [
        {"Key": f"k{i}"} for i in range(5)]})
    assert "Deleted" not in got
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert code(s3.delete_objects, Bucket=bucket, Delete={"Objects": [
        {"Key": str(i)} for i in range(1001)]}) == "MalformedXML"


def test_documents_that_do_not_fit(s3, bucket):
    """What stands in the XML is malformed when it breaks a constraint; what stands in the query is an argument."""
    def refusal(call, **args):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call(Bucket=bucket, **args)
        return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]
    wrong, message = refusal(s3.put_bucket_versioning, VersioningConfiguration={"Status": "On"})
    assert wrong == "MalformedXML" and message.startswith("The XML you provided was not well-formed or did not validate")
    assert "Value 'On' at 'versioningConfiguration.status'" in message
    assert refusal(s3.delete_objects, Delete={"Objects": []})[0] == "MalformedXML"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    assert refusal(s3.complete_multipart_upload, Key="k", UploadId=upload, MultipartUpload={"Parts": []})[0] == "MalformedXML"
    assert refusal(s3.upload_part, Key="k", UploadId=upload, PartNumber=10001, Body=b"")[0] == "InvalidArgument"
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)


def test_copy(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from \u00e9", Body=b"content", ContentType="text/x",
                  Metadata={"a": "1"})
    got = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from \u00e9"})
    assert got["CopyObjectResult"]["ETag"] == s3.head_object(Bucket=bucket, Key="to")["ETag"]
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"a": "1"}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/to", Metadata={"b": "2"},
                   MetadataDirective="REPLACE")
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"b": "2"}
    s3.delete_object(Bucket=bucket, Key="from \u00e9")
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"content"
    assert code(s3.copy_object, Bucket=bucket, Key="x", CopySource=f"{bucket}/gone") == "NoSuchKey"
    assert code(s3.copy_object, Bucket=bucket, Key="to",
                CopySource=f"{bucket}/to") == "InvalidRequest"


def test_multipart(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", ContentType="x/y",
                                        Metadata={"m": "1"})["UploadId"]
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
    etags = [s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=i + 1,
                            Body=p)["ETag"] for i, p in enumerate(parts)]
    listed = s3.list_parts(Bucket=bucket, Key="big", UploadId=upload, MaxParts=2)
    assert [p["Size"] for p in listed["Parts"]] == [5 * MIB, 5 * MIB] and listed["IsTruncated"]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    assert code(s3.head_object, Bucket=bucket, Key="big") == "404"

    def complete(*numbers, tags=etags):
        return {"Bucket": bucket, "Key": "big", "UploadId": upload, "MultipartUpload": {
            "Parts": [{"PartNumber": n, "ETag": tags[n - 1]} for n in numbers]}}

    done = s3.complete_multipart_upload
    assert code(done, **complete(2, 1)) == "InvalidPartOrder"
    assert code(done, **complete(1, tags=['"0"'])) == "InvalidPart"
    assert code(done, **complete(1, 2, 3, 4, tags=etags + ['"x"'])) == "InvalidPart"
    got = done(**complete(1, 2, 3))
    md5s = b"".join(hashlib.md5(p).digest() for p in parts)
    assert got["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    whole = s3.get_object(Bucket=bucket, Key="big")
    assert whole["Body"].read() == b"".join(parts)
    assert whole["ContentType"] == "x/y" and whole["Metadata"] == {"m": "1"}
    part = s3.get_object(Bucket=bucket, Key="big", PartNumber=3)
    assert part["Body"].read() == b"end" and part["PartsCount"] == 3
    assert code(done, **complete(1)) == "NoSuchUpload"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_multipart_refused(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    small = [s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=n,
                            Body=b"small")["ETag"] for n in (1, 2)]
    assert code(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload,
                MultipartUpload={"Parts": [{"PartNumber": n + 1, "ETag": t}
                                           for n, t in enumerate(small)]}) == "EntityTooSmall"
    assert code(s3.upload_part, Bucket=bucket, Key="k", UploadId=upload, PartNumber=10001,
                Body=b"") == "InvalidArgument"
    assert code(s3.upload_part, Bucket=bucket, Key="other", UploadId=upload, PartNumber=1,
                Body=b"") == "NoSuchUpload"
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert code(s3.abort_multipart_upload, Bucket=bucket, Key="k",
                UploadId=upload) == "NoSuchUpload"
    s3.delete_bucket(Bucket=bucket)


def test_upload_part_copy(s3, bucket):
    body = os.urandom(6 * MIB)
    s3.put_object(Bucket=bucket, Key="from", Body=body)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="to")["UploadId"]
    part = s3.upload_part_copy(Bucket=bucket, Key="to", UploadId=upload, PartNumber=1,
                               CopySource=f"{bucket}/from",
                               CopySourceRange=f"bytes=1-{6 * MIB - 1}")["CopyPartResult"]
    s3.complete_multipart_upload(Bucket=bucket, Key="to", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == body[1:]


def test_transfer_manager(s3, bucket, tmp_path):
    """As boto3 does it for large files: parts of 8 MB, several at a time, ranged downloads."""
    data = os.urandom(20 * MIB + 17)
    path = tmp_path / "up"
    path.write_bytes(data)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 * MIB,
                                              multipart_chunksize=8 * MIB, max_concurrency=4)
    s3.upload_file(str(path), bucket, "big", Config=config)
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
    s3.download_file(bucket, "big", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == data


def test_cli(shared_server, tmp_path):
    def aws(*argv, **more):
        return shared_server.run("/usr/bin/aws", "--endpoint-url", shared_server.endpoint, "s3",
                                 *argv, cwd=str(tmp_path), **more).stdout

    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<html>")
    (site / "sub" / "na\u00efve file.txt").write_text("text")
    (site / "big").write_bytes(os.urandom(9 * MIB))
    aws("mb", "s3://cli-bucket")
    assert "cli-bucket" in aws("ls")
    aws("sync", "site", "s3://cli-bucket/site")
    assert "index.html" in aws("ls", "s3://cli-bucket/site/")
    assert "PRE sub/" in aws("ls", "s3://cli-bucket/site/")
    assert aws("sync", "site", "s3://cli-bucket/site") == ""  # nothing changed
    aws("sync", "s3://cli-bucket/site", "back")
    for name in ("index.html", "sub/na\u00efve file.txt", "big"):
        assert (tmp_path / "back" / name).read_bytes() == (site / name).read_bytes()
    aws("cp", "s3://cli-bucket/site/index.html", "s3://cli-bucket/copy.html")
    assert aws("cp", "s3://cli-bucket/copy.html", "-") == "<html>"
    url = aws("presign", "s3://cli-bucket/copy.html", "--expires-in", "600").strip()
    status, headers, body = http(url)
    assert (status, body) == (200, b"<html>") and headers["Content-Type"] == "text/html"
    assert http(url.replace("copy", "other"))[0] == 403
    aws("rm", "s3://cli-bucket/copy.html")
    assert aws("rm", "--recursive", "s3://cli-bucket/site").count("delete:") == 3
    aws("rb", "s3://cli-bucket")
    assert "cli-bucket" not in aws("ls")


def test_presigned_put(shared_server, bucket):
    s3 = shared_server.client("s3", signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    assert http(url, "PUT", b"by url")[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"by url"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=8 * 86400)
    status, _, body = http(url)
    assert status == 400 and b"<Code>AuthorizationQueryParametersError</Code>" in body
    # what boto3 makes without signature_version is told what is wrong with it
    url = shared_server.client("s3", signature_version="s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k"})
    status, _, body = http(url)
    assert status == 400 and b"Please use AWS4-HMAC-SHA256" in body


def test_anonymous(shared_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    status, _, body = http(f"{shared_server.endpoint}/{bucket}/k")
    assert status == 403 and b"<Code>AccessDenied</Code>" in body and b"secret" not in body


def test_virtual_host(shared_server, bucket):
    """bucket.localhost resolves to this machine."""
    shared_server.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    target = f"http://{bucket}.s3.localhost:{shared_server.port}/k"
    request = botocore.awsrequest.AWSRequest("GET", target)
    botocore.auth.S3SigV4QueryAuth(botocore.credentials.Credentials(*shared_server.keys()),
                                   "s3", shared_server.region, 600).add_auth(request)
    query = request.url.split("?", 1)[1]
    status, _, body = http(f"{shared_server.endpoint}/k?{query}",
                           headers={"Host": f"{bucket}.s3.localhost:{shared_server.port}"})
    assert (status, body) == (200, b"x")


def test_policies(shared_server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="closed/k", Body=b"x")
    keys = shared_server.user(
        "s3reader",
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}",
         "Condition": {"StringLike": {"s3:prefix": "open/*"}}},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*",
         "Condition": {"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}})
    user = shared_server.client("s3", keys=keys)
    assert user.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"
    assert code(user.get_object, Bucket=bucket, Key="closed/k") == "AccessDenied"
    # whether a key exists is told to those who may list the bucket
    assert code(user.get_object, Bucket=bucket, Key="open/gone") == "AccessDenied"
    assert code(s3.get_object, Bucket=bucket, Key="open/gone") == "NoSuchKey"
    assert user.list_objects_v2(Bucket=bucket, Prefix="open/")["KeyCount"] == 1
    assert code(user.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert code(user.delete_object, Bucket=bucket, Key="open/k") == "AccessDenied"
    assert code(user.delete_objects, Bucket=bucket,
                Delete={"Objects": [{"Key": "open/k"}]}) == "AccessDenied"
    assert code(user.put_object, Bucket=bucket, Key="n", Body=b"") == "AccessDenied"
    user.put_object(Bucket=bucket, Key="open/n", Body=b"", ServerSideEncryption="aws:kms")
    user.copy_object(Bucket=bucket, Key="n", CopySource=f"{bucket}/open/k",
                     ServerSideEncryption="aws:kms")
    assert code(user.copy_object, Bucket=bucket, Key="n", CopySource=f"{bucket}/closed/k",
                ServerSideEncryption="aws:kms") == "AccessDenied"


def test_not_implemented(s3, bucket):
    assert code(s3.get_bucket_acl, Bucket=bucket) == "NotImplemented"
    assert code(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration={
        "CORSRules": []}) == "NotImplemented"


def test_content_goes_with_its_row(server):
    """Overwritten, deleted and aborted content leaves no file behind."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")

    def files():
        return sorted(f for _, _, names in os.walk(os.path.join(server.data, "objects"))
                      for f in names)

    for i in range(3):
        s3.put_object(Bucket="bucket", Key="k", Body=b"%d" % i)
    s3.put_object(Bucket="bucket", Key="other", Body=b"x")
    s3.delete_object(Bucket="bucket", Key="other")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="m")["UploadId"]
    s3.upload_part(Bucket="bucket", Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket="bucket", Key="m", UploadId=upload)
    server.stop()
    open(os.path.join(server.data, "objects", "tmp", "0123456789abcdef0123456789abcdef"),
         "w").close()
    server.start()
    s3 = server.client("s3")
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"2"
    eventually(lambda: len(files()) == 1)  # the trash is emptied by a task
    assert server.stop() == 0
    assert len(files()) == 1


def test_survives_kill(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"durable")
    server.kill9()
    server.start()
    assert server.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"durable"


def test_broken_upload(server):
    """A client that goes away in the middle leaves neither an object nor a file."""
    s3 = server.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket="bucket")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "k"})
    with socket.create_connection(("127.0.0.1", server.port)) as c:
        path = url.split(str(server.port), 1)[1]
        c.sendall(f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                  "Content-Length: 1000000\r\n\r\n".encode() + b"x" * 1000)
    assert code(s3.head_object, Bucket="bucket", Key="k") == "404"
    server.stop()
    assert os.listdir(os.path.join(server.data, "objects", "tmp")) == []


def test_large_upload_in_little_memory(server, tmp_path):
    """Content streams through: the server does not grow with what is sent and fetched."""
    size = int(os.environ.get("TOWPATH_TEST_UPLOAD_MIB", "192")) * MIB
    s3 = server.client("s3", read_timeout=600)
    s3.create_bucket(Bucket="bucket")

    def peak():
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) * 1024

    s3.put_object(Bucket="bucket", Key="small", Body=b"x")
    before = peak()
    path = tmp_path / "big"
    with open(path, "wb") as f:
        f.truncate(size)
        f.write(os.urandom(MIB))
    with open(path, "rb") as f:
        s3.put_object(Bucket="bucket", Key="big", Body=f)
    got = s3.get_object(Bucket="bucket", Key="big")["Body"]
    digest = hashlib.md5()
    total = 0
    while chunk := got.read(MIB):
        digest.update(chunk)
        total += len(chunk)
    assert total == size
    assert s3.head_object(Bucket="bucket", Key="big")["ETag"] == f'"{digest.hexdigest()}"'
    assert peak() - before < 32 * MIB


@pytest.fixture
def small_disk(tmp_path):
    """A data folder whose objects lie on a file system of 16 MB."""
    data = tmp_path / "data"
    objects = data / "objects"
    objects.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "towpath-test", str(objects)],
                      check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounting a small file system is not allowed here")
    s = Server(data=str(data))
    try:
        yield s.start()
    finally:
        s.close()
        subprocess.run(["umount", str(objects)], check=True)


def test_full_disk(small_disk):
    """Says so, keeps what was there, leaves nothing half, and goes on when there is room."""
    s3 = small_disk.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="kept", Body=b"k" * MIB)
    with pytest.raises(botocore.exceptions.ClientError) as e:
        s3.put_object(Bucket="bucket", Key="big", Body=b"b" * 40 * MIB)
    error = e.value.response
    assert error["Error"]["Code"] == "ServiceUnavailable"
    assert "No space left" in error["Error"]["Message"]
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert os.listdir(os.path.join(small_disk.data, "objects", "tmp")) == []
    assert code(s3.head_object, Bucket="bucket", Key="big") == "404"
    s3.put_object(Bucket="bucket", Key="small", Body=b"s" * MIB)
    assert s3.get_object(Bucket="bucket", Key="kept")["Body"].read() == b"k" * MIB
