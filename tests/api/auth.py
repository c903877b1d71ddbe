# SPDX-License-Identifier: Apache-2.0
"""Who is let in and who is not: signatures, times, scopes, policies, by boto3 and raw requests."""
import datetime
import http.client
import json
import socket

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest


def signed(server, body=b"{}", target="CodeCommit_20150413.ListRepositories", service="codecommit",
           region=None, keys=None, when=None, headers=None):
    """A request as botocore signs it: (headers, body)."""
    request = botocore.awsrequest.AWSRequest(
        method="POST", url=server.endpoint + "/", data=body,
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target,
                 **(headers or {})})
    key_id, secret = keys or server.keys()
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key_id, secret), service,
                                     region or server.region)
    if when is None:
        signer.add_auth(request)
    else:
        real = datetime.datetime

        class Then(real):
            @classmethod
            def utcnow(cls):
                return when

        botocore.auth.datetime.datetime = Then
        try:
            signer.add_auth(request)
        finally:
            botocore.auth.datetime.datetime = real
    return dict(request.headers), body


def send(server, headers, body=b"{}", method="POST", path="/"):
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        c.request(method, path, body=body, headers=headers)
        answer = c.getresponse()
        text = answer.read()
        return answer.status, text, dict(answer.getheaders())
    finally:
        c.close()


def refusal(server, headers, body=b"{}"):
    status, text, _ = send(server, headers, body)
    answer = json.loads(text)
    return status, answer["__type"].split("#")[-1], answer.get("message") or answer.get("Message")


def test_signed_request_passes(shared_server):
    headers, body = signed(shared_server)
    status, text, answer = send(shared_server, headers, body)
    assert status == 200 and json.loads(text) == {"repositories": []}
    assert answer.get("x-amzn-RequestId") and answer.get("Date")


def test_no_credentials(shared_server):
    status, code, _ = refusal(shared_server, {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "CodeCommit_20150413.ListRepositories"})
    assert (status, code) == (400, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("header,code", [
    ("AWS4-HMAC-SHA256 nonsense", "IncompleteSignatureException"),
    ("Bearer abc", "IncompleteSignatureException"),
    ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=1",
     "IncompleteSignatureException"),
])
def test_malformed_header(shared_server, header, code):
    headers, _ = signed(shared_server)
    headers["Authorization"] = header
    assert refusal(shared_server, headers)[:2] == (400, code)


def test_bad_signature_shows_what_was_expected(shared_server):
    headers, _ = signed(shared_server, keys=(shared_server.keys()[0], "wrong"))
    status, code, message = refusal(shared_server, headers)
    assert (status, code) == (400, "InvalidSignatureException")
    assert "The Canonical String for this request should have been" in message
    assert shared_server.keys()[1] not in message


def test_changed_body_is_refused(shared_server):
    headers, _ = signed(shared_server, body=b'{"a":1}')
    headers.pop("Content-Length", None)
    assert refusal(shared_server, headers, b'{"a":2}')[1] == "InvalidSignatureException"


def test_changed_header_is_refused(shared_server):
    headers, _ = signed(shared_server)
    headers["X-Amz-Target"] = "CodeCommit_20150413.ListBranches"
    assert refusal(shared_server, headers)[1] == "InvalidSignatureException"


def test_unsigned_amz_header_is_refused(shared_server):
    headers, _ = signed(shared_server)
    headers["X-Amz-Extra"] = "1"
    assert refusal(shared_server, headers)[1] == "AccessDeniedException"


def test_unknown_key(shared_server):
    headers, _ = signed(shared_server, keys=("AKIAAAAAAAAAAAAAAAAA", "x" * 40))
    assert refusal(shared_server, headers)[:2] == (400, "UnrecognizedClientException")


def test_unknown_session(shared_server):
    headers, _ = signed(shared_server, keys=("ASIAAAAAAAAAAAAAAAAA", "x" * 40),
                        headers={"X-Amz-Security-Token": "00" * 200})
    assert refusal(shared_server, headers)[1] == "UnrecognizedClientException"


@pytest.mark.parametrize("minutes,words", [(-6, "Signature expired"), (6, "not yet current")])
def test_clock_skew(shared_server, minutes, words):
    when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
    headers, _ = signed(shared_server, when=when)
    _, code, message = refusal(shared_server, headers)
    assert code == "InvalidSignatureException" and words in message
    when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes // 2)
    headers, body = signed(shared_server, when=when)
    assert send(shared_server, headers, body)[0] == 200


def test_wrong_region(shared_server):
    headers, _ = signed(shared_server, region="eu-west-9")
    _, code, message = refusal(shared_server, headers)
    assert code == "InvalidSignatureException" and "valid region, not 'eu-west-9'" in message


def test_wrong_service(shared_server):
    headers, _ = signed(shared_server, service="codebuild")
    status, code, _ = refusal(shared_server, headers)
    assert status == 400 and code in ("InvalidSignatureException", "UnknownOperationException")


def test_presigned_sts(shared_server):
    sts = shared_server.client("sts")
    url = sts.generate_presigned_url("get_caller_identity", HttpMethod="GET")
    path = url[len(shared_server.endpoint):]
    status, text, _ = send(shared_server, {}, None, "GET", path)
    assert status == 200 and shared_server.account.encode() in text
    status, text, _ = send(shared_server, {}, None, "GET",
                           path.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
    assert status in (400, 403) and b"Signature" in text


def test_oversized_body(shared_server):
    body = b'{"nextToken":"' + b"a" * (13 * 1024 * 1024) + b'"}'
    headers, _ = signed(shared_server, body=body)
    status, text, answer = send(shared_server, headers, body)
    assert status == 413 and json.loads(text)["__type"] == "RequestEntityTooLarge"
    assert answer["x-amzn-RequestId"]


def test_malformed_json(shared_server):
    for body in (b"{", b"[]", b'{"a":', b"\xff\xfe", b'{"nextToken":1}'):
        headers, _ = signed(shared_server, body=body)
        status, code, _ = refusal(shared_server, headers, body)
        assert (status, code) == (400, "SerializationException"), body


def test_unknown_and_unbuilt_operations(shared_server):
    headers, body = signed(shared_server, target="CodeCommit_20150413.NoSuchThing")
    assert refusal(shared_server, headers, body)[1] == "UnknownOperationException"
    with pytest.raises(botocore.exceptions.ClientError) as e:
        shared_server.client("codebuild").list_shared_projects()
    assert e.value.response["Error"]["Code"] == "NotImplementedException"
    assert "does not implement" in e.value.response["Error"]["Message"]


def test_raw_sockets(shared_server):
    """Nonsense on the wire neither ends nor blocks the server."""
    for text in (b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                 b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        s = socket.create_connection(("127.0.0.1", shared_server.port), timeout=1)
        try:
            s.sendall(text)
            answer = s.recv(65536)
            assert answer == b"" or answer.startswith(b"HTTP/1.")
        except (ConnectionResetError, BrokenPipeError, socket.timeout):
            pass  # cut, or still waiting for the rest until the idle timeout
        finally:
            s.close()
    headers, body = signed(shared_server)
    assert send(shared_server, headers, body)[0] == 200


def denied(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    error = e.value.response["Error"]
    assert error["Code"] in ("AccessDeniedException", "AccessDenied"), error
    return error["Message"]


def test_policies_are_enforced(shared_server):
    keys = shared_server.user(
        "reader",
        {"Effect": "Allow", "Action": ["codecommit:Get*", "codecommit:List*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "codecommit:GetRepository",
         "Resource": f"arn:aws:codecommit:*:{shared_server.account}:secret"})
    mine = shared_server.client("codecommit", keys)
    root = shared_server.client("codecommit")
    root.create_repository(repositoryName="open")
    root.create_repository(repositoryName="secret")
    assert mine.get_repository(repositoryName="open")
    message = denied(mine.get_repository, repositoryName="secret")
    assert message == (
        f"User: arn:aws:iam::{shared_server.account}:user/reader is not authorized to perform: "
        f"codecommit:GetRepository on resource: arn:aws:codecommit:{shared_server.region}:"
        f"{shared_server.account}:secret with an explicit deny in an identity-based policy")
    message = denied(mine.delete_repository, repositoryName="open")
    assert message.endswith(
        "because no identity-based policy allows the codecommit:DeleteRepository action")
    # denied comes before not found
    denied(mine.delete_repository, repositoryName="missing")
    denied(shared_server.client("iam", keys).create_user, UserName="another")


def test_policy_changes_count_at_once(shared_server):
    keys = shared_server.user("changing")
    mine = shared_server.client("codecommit", keys)
    iam = shared_server.client("iam")
    denied(mine.list_repositories)
    iam.attach_user_policy(UserName="changing",
                           PolicyArn="arn:aws:iam::aws:policy/AWSCodeCommitReadOnly")
    mine.list_repositories()
    iam.detach_user_policy(UserName="changing",
                           PolicyArn="arn:aws:iam::aws:policy/AWSCodeCommitReadOnly")
    denied(mine.list_repositories)
    iam.update_access_key(UserName="changing", AccessKeyId=keys[0], Status="Inactive")
    with pytest.raises(botocore.exceptions.ClientError) as e:
        mine.list_repositories()
    assert e.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_caller_identity_needs_no_permission(shared_server):
    keys = shared_server.user("nobody")
    answer = shared_server.client("sts", keys).get_caller_identity()
    assert answer["Arn"] == f"arn:aws:iam::{shared_server.account}:user/nobody"


def test_keys_survive_a_restart(server):
    keys = server.user("stays", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    before = server.keys(), server.account
    server.kill9()
    server.restart()
    assert before == (server.keys(), server.account)
    assert server.client("sts", keys).get_caller_identity()["Arn"].endswith(":user/stays")
    with open(server.data + "/towpath.db", "rb") as f:
        stored = f.read()
    try:
        with open(server.data + "/towpath.db-wal", "rb") as f:
            stored += f.read()
    except FileNotFoundError:
        pass
    for secret in (keys[1], server.keys()[1]):
        assert secret.encode() not in stored


def test_operations_that_are_not_built(shared_server):
    """The clients hear so in the service's form of errors."""
    sns = shared_server.client("sns")
    for call, args in ((sns.list_platform_applications, {}), (sns.create_sms_sandbox_phone_number,
                                                              {"PhoneNumber": "+491111111111"})):
        with pytest.raises(botocore.exceptions.ClientError) as e:
            call(**args)
        assert e.value.response["Error"]["Code"] == "NotImplemented"
        assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert "sns:" in e.value.response["Error"]["Message"]
    done = shared_server.aws("sns", "list-platform-applications", check=False)
    assert done.returncode and "sns:ListPlatformApplications is an operation of the service that " \
        "Towpath does not implement" in done.stderr
