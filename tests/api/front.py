# SPDX-License-Identifier: Apache-2.0
"""What stands between sockets and operations: connections, codings, other origins, names of hosts."""
import gzip
import http.client
import itertools
import json
import re
import socket
import urllib.error
import urllib.parse
import urllib.request
import zlib

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from towpath import Server, ServerFailed

ORIGIN = "https://console.example.com"
JSON = "application/x-amz-json-1.1"
NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def names():
    """towpath.test and all names below it are this machine."""
    find = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *more, **kw: find(
        "127.0.0.1" if str(host).endswith("towpath.test") else host, *more, **kw)
    yield
    socket.getaddrinfo = find


@pytest.fixture(scope="module")
def server(names):
    s = Server("--cors-origin", f"{ORIGIN}, http://localhost:3000", "--host", "towpath.test")
    try:
        yield s.start()
    finally:
        s.close()


@pytest.fixture(scope="module")
def bucket(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"content")
    return "bucket"


def call(server, service, body, headers):
    """A signed POST as it stands: status, headers, body."""
    request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", headers, data=body)
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*server.keys()), service, server.region).add_auth(request)
    sent = urllib.request.Request(request.url, body, dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def commit(server, operation, body, **headers):
    return call(server, "codecommit", body, {"Content-Type": JSON, "X-Amz-Target": f"CodeCommit_20150413.{operation}",
                                             **{k.replace("_", "-"): v for k, v in headers.items()}})


# ---- connections ----

def test_expect_100_continue(server, bucket, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"0123456789" * 3_000_000)
    s3 = server.client("s3", signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "big"})
    local = ["--resolve", f"towpath.test:{server.port}:127.0.0.1"]
    put = ["curl", "-sv", *local, "-H", "Expect: 100-continue", "--expect100-timeout", "60", "-T", str(big),
           "-w", "%{http_code} %{size_upload}"]
    done = server.run(*put, url)
    assert "HTTP/1.1 100 Continue" in done.stderr and done.stdout.endswith("200 30000000")
    assert s3.head_object(Bucket=bucket, Key="big")["ContentLength"] == 30_000_000
    # what is refused by its head is not sent
    done = server.run(*put, url.replace("/big?", "/other?"), check=False)
    assert "403" in done.stdout.split("\n")[-1] and "100 Continue" not in done.stderr
    assert done.stdout.endswith(" 0")


def test_one_connection_for_many_requests(server):
    target = server.client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    path = target.split(str(server.port), 1)[1]
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    ids = set()
    for _ in range(3):
        c.request("GET", path, headers={"Host": f"towpath.test:{server.port}"})
        first = c.sock
        r = c.getresponse()
        body = r.read()
        assert r.status == 200 and b"<Account>" in body, body
        assert c.sock is first
        ids.add(r.headers["x-amzn-RequestId"])
    assert len(ids) == 3
    c.close()
    # and all at once, without a wait for the answers
    head = f"GET {path} HTTP/1.1\r\nHost: towpath.test:{server.port}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 60) as s:
        s.sendall((f"{head}\r\n" * 4 + f"{head}Connection: close\r\n\r\n").encode())
        got = b"".join(iter(lambda: s.recv(65536), b""))
    assert got.count(b"HTTP/1.1 200 OK") == 5 and got.count(b"</GetCallerIdentityResponse>") == 5


# ---- codings ----

def test_packed_requests(server):
    body = gzip.compress(json.dumps({"repositoryName": "packed"}).encode())
    assert commit(server, "CreateRepository", body, Content_Encoding="gzip")[0] == 200
    assert server.client("codecommit").get_repository(repositoryName="packed")
    form = urllib.parse.urlencode({"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "N",
                                   "MetricData.member.1.MetricName": "m", "MetricData.member.1.Value": "1"}).encode()
    status, _, answer = call(server, "monitoring", gzip.compress(form), {
        "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"})
    assert status == 200, answer
    assert server.client("cloudwatch").list_metrics(Namespace="N")["Metrics"][0]["MetricName"] == "m"


@pytest.mark.parametrize("body,status,code", [
    (b"no gzip", 400, "SerializationException"),
    (gzip.compress(b"{}")[:-4], 400, "SerializationException"),
    (gzip.compress(bytes(40_000_000)), 413, "RequestEntityTooLarge"),
    (gzip.compress(gzip.compress(b"{}")), 400, "SerializationException"),
], ids=["plain", "torn", "bomb", "twice"])
def test_packed_nonsense(server, body, status, code):
    got = commit(server, "ListRepositories", body, Content_Encoding="gzip")
    assert (got[0], json.loads(got[2])["__type"]) == (status, code)


def test_packed_answers(server):
    cc = server.client("codecommit")
    cc.create_repository(repositoryName="large")
    cc.put_file(repositoryName="large", branchName="main", filePath="f", fileContent=b"0123456789" * 4000)
    body = b'{"repositoryName": "large", "filePath": "f"}'
    plain = commit(server, "GetFile", body, Accept_Encoding="identity")
    assert plain[0] == 200 and "Content-Encoding" not in plain[1] and plain[1]["Vary"] == "Origin"
    for accepted in ("gzip", "deflate, gzip;q=0.5", "GZIP"):
        status, headers, packed = commit(server, "GetFile", body, Accept_Encoding=accepted)
        assert (status, headers["Content-Encoding"]) == (200, "gzip")
        assert "Accept-Encoding" in headers.get_all("Vary")
        assert len(packed) < len(plain[2]) / 10
        assert zlib.decompress(packed, 31) == plain[2]
    for refused in ("gzip;q=0", "br", "xgzip"):
        assert commit(server, "GetFile", body, Accept_Encoding=refused)[2] == plain[2]
    # small ones go as they are
    small = commit(server, "GetRepository", b'{"repositoryName": "large"}', Accept_Encoding="gzip")
    assert "Content-Encoding" not in small[1]


# ---- pages of other origins ----

def preflight(server, origin, path="/"):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    c.request("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "amz-sdk-request,authorization,content-type,x-amz-date,x-amz-target"})
    r = c.getresponse()
    r.read()
    return r.status, r.headers


def test_pages_of_allowed_origins_may_call(server):
    for origin in (ORIGIN, "http://localhost:3000"):
        for path in ("/", "/bucket/k"):
            status, headers = preflight(server, origin, path)
            assert (status, headers["Access-Control-Allow-Origin"]) == (204, origin)
            assert "x-amz-target" in headers["Access-Control-Allow-Headers"]
            assert "POST" in headers["Access-Control-Allow-Methods"] and headers["Vary"] == "Origin"
    status, headers, _ = commit(server, "ListRepositories", b"{}", Origin=ORIGIN)
    assert status == 200 and headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "x-amzn-RequestId" in headers["Access-Control-Expose-Headers"]
    # an error is shown to the page as well
    status, headers, _ = commit(server, "GetRepository", b"{}", Origin=ORIGIN)
    assert status == 400 and headers["Access-Control-Allow-Origin"] == ORIGIN


def test_pages_of_other_origins_may_not(server, shared_server):
    for origin in ("https://evil.example.com", ORIGIN + ".evil.example.com", "null"):
        status, headers = preflight(server, origin)
        assert status == 204 and not [h for h in headers if h.startswith("Access-Control")]
        assert "Access-Control-Allow-Origin" not in commit(server, "ListRepositories", b"{}", Origin=origin)[1]
    # nor any without the option
    status, headers = preflight(shared_server, ORIGIN)
    assert status >= 400 and "Access-Control-Allow-Origin" not in headers


# ---- names of hosts ----

def test_buckets_as_names_of_hosts(server, bucket):
    assert server.endpoint == f"http://towpath.test:{server.port}"
    s3 = server.client("s3", signature_version="s3v4", s3={"addressing_style": "virtual"})
    asked = []
    s3.meta.events.register("before-send.s3", lambda request, **_: asked.append(request.url))
    s3.put_object(Bucket=bucket, Key="by/name", Body=b"x" * 100_000)
    assert s3.get_object(Bucket=bucket, Key="by/name")["Body"].read() == b"x" * 100_000
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix="by/")["Contents"]] == ["by/name"]
    assert all(url.startswith(f"http://{bucket}.towpath.test:") for url in asked) and len(asked) == 3
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "by/name"})
    assert url.startswith(f"http://{bucket}.") and urllib.request.urlopen(url).read() == b"x" * 100_000


def test_the_supervisor_is_told(tmp_path):
    """As systemd's sd_notify(3) has it: ready when requests are answered, stopping when it ends."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(path)
        told.settimeout(60)
        server = Server(env={"NOTIFY_SOCKET": path})
        try:
            server.start()
            assert told.recv(100) == b"READY=1"
            assert urllib.request.urlopen(f"http://127.0.0.1:{server.port}/_towpath/health").read() == b"ok\n"
            server.stop()
            assert told.recv(100) == b"STOPPING=1"
        finally:
            server.close()


# ---- proxies in front ----

@pytest.fixture(scope="module")
def proxied():
    s = Server("--trusted-proxy", "10.0.0.0/8, 127.0.0.1", "--public-url", "https://ci.example.com")
    try:
        yield s.start()
    finally:
        s.close()


def forwarded(server, client, scheme="https", keys=None):
    """Status and document of CreateRepository as a proxy on this machine hands it on."""
    body = json.dumps({"repositoryName": f"forwarded-{next(NUMBERS)}"}).encode()
    headers = {"Content-Type": JSON, "X-Amz-Target": "CodeCommit_20150413.CreateRepository",
               "X-Forwarded-For": client, "X-Forwarded-Proto": scheme}
    request = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", headers, data=body)
    credentials = botocore.credentials.Credentials(*(keys or server.keys()))
    botocore.auth.SigV4Auth(credentials, "codecommit", server.region).add_auth(request)
    sent = urllib.request.Request(request.url, body, dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent) as r:
            return r.status, json.load(r)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def test_a_trusted_proxy_tells_of_clients(proxied):
    keys = proxied.user("behind", {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {
        "IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}, "Bool": {"aws:SecureTransport": "true"}}})
    for client in ("203.0.113.9", "203.0.113.19:4711", "198.51.100.1, 203.0.113.9, 10.1.2.3", "[2001:db8::7]:443"):
        status, answer = forwarded(proxied, client, keys=keys)
        assert status == 200, (client, answer)
        assert answer["repositoryMetadata"]["cloneUrlHttp"].startswith(f"https://127.0.0.1:{proxied.port}/")
    # what the client itself wrote in front does not count, nor what cannot be read
    for client, scheme in (("203.0.113.9, 198.51.100.1", "https"), ("203.0.113.9", "http"),
                           ("203.0.113.9, unknown", "https"), ("203.0.113.9", "https, http"), ("", "https")):
        status, answer = forwarded(proxied, client, scheme, keys)
        assert (status, answer["__type"]) == (400, "AccessDeniedException"), client


def test_nobody_else_is_believed(shared_server):
    keys = shared_server.user("spoofer", {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {
        "IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})
    assert forwarded(shared_server, "203.0.113.9", keys=keys)[0] == 400
    assert forwarded(shared_server, "203.0.113.99")[1]["repositoryMetadata"]["cloneUrlHttp"].startswith("http://")


def test_links_lead_to_the_public_address(proxied, receiver):
    sns = proxied.client("sns")
    sns.subscribe(TopicArn=sns.create_topic(Name="t")["TopicArn"], Protocol="http", Endpoint=receiver.url)
    message = receiver.next()[1]
    assert message["SubscribeURL"].startswith("https://ci.example.com/?Action=ConfirmSubscription&")
    assert message["SigningCertURL"].startswith("https://ci.example.com/")


@pytest.mark.parametrize("option,value,said", [
    ("--trusted-proxy", "10.0.0.0/33", "'10.0.0.0/33' is no address of proxies"),
    ("--public-url", "ci.example.com", "--public-url 'ci.example.com' is not scheme, host and port"),
    ("--public-url", "https://ci.example.com/x", "without a path"),
])
def test_bad_addresses_of_proxies(option, value, said):
    s = Server(option, value)
    try:
        with pytest.raises(ServerFailed, match=re.escape(said)):
            s.start()
    finally:
        s.close()


def test_answers_of_no_service_have_an_id(server):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    c.putrequest("GET", "/")
    for i in range(250):
        c.putheader(f"X-{i}", "y")
    c.endheaders()
    r = c.getresponse()
    r.read()
    assert r.status == 431
    assert len(r.headers["x-amzn-RequestId"]) == 36 and r.headers["x-amzn-RequestId"] == r.headers["x-amz-request-id"]
    assert f"request {r.headers['x-amzn-RequestId']}: GET / of 127.0.0.1 answered with 431" in server.stderr()
