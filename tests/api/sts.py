# SPDX-License-Identifier: Apache-2.0
"""sts: roles that are assumed, by users, by sessions, by tokens of OIDC providers; what sessions may do."""
import base64
import datetime
import http.server
import json
import threading
import time

import botocore
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from iam import TRUST, code
from iam_account import allow, denial, deny, policy, user


def trusts(principal, action="sts:AssumeRole", **condition):
    statement = {"Effect": "Allow", "Action": action, "Principal": principal}
    if condition:
        statement["Condition"] = condition
    return policy(statement)


@pytest.fixture
def iam(shared_server):
    return shared_server.client("iam")


def role(iam, name, trust, *statements, **kwargs):
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **kwargs)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
    return arn


def session(server, answer):
    """Clients with the credentials of an answer, by service."""
    c = answer["Credentials"]
    return lambda service: server.client(service, keys=(c["AccessKeyId"], c["SecretAccessKey"]),
                                         token=c["SessionToken"])


def test_trust(iam, shared_server):
    account = shared_server.account
    ann = user(shared_server, "ann", policy(allow("s3:*")))("sts")
    named = role(iam, "named", trusts({"AWS": f"arn:aws:iam::{account}:user/ann"}), allow("iam:ListRoles"))
    anyone = role(iam, "anyone", trusts({"AWS": account}), allow("iam:ListUsers"))
    other = role(iam, "other", TRUST)
    got = ann.assume_role(RoleArn=named, RoleSessionName="work")
    assert got["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/named/work"
    assert got["Credentials"]["AccessKeyId"].startswith("ASIA") and got["PackedPolicySize"] == 0
    mine = session(shared_server, got)
    assert mine("sts").get_caller_identity()["Arn"] == got["AssumedRoleUser"]["Arn"]
    mine("iam").list_roles()
    denial(mine("iam").list_users)
    denial(mine("s3").list_buckets)  # the user's own rights do not come along
    # where the trust policy names only the account, the user's own policies must allow it
    assert "no identity-based policy allows the sts:AssumeRole action" in denial(
        ann.assume_role, RoleArn=anyone, RoleSessionName="ww")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole", resource=anyone)))
    session(shared_server, ann.assume_role(RoleArn=anyone, RoleSessionName="ww"))("iam").list_users()
    assert "no role trust policy allows" in denial(ann.assume_role, RoleArn=other, RoleSessionName="ww")
    assert f"sts:AssumeRole on resource: {other}x" in denial(
        ann.assume_role, RoleArn=other + "x", RoleSessionName="ww")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(deny("sts:AssumeRole")))
    assert "explicit deny" in denial(ann.assume_role, RoleArn=named, RoleSessionName="ww")
    assert "root" in denial(shared_server.client("sts").assume_role, RoleArn=named, RoleSessionName="ww")


def test_external_ids_and_chains(iam, shared_server):
    account = shared_server.account
    bob = user(shared_server, "bob")("sts")
    first = role(iam, "first", trusts({"AWS": f"arn:aws:iam::{account}:user/bob"}, StringEquals={
        "sts:ExternalId": "x1"}), MaxSessionDuration=7200)
    denial(bob.assume_role, RoleArn=first, RoleSessionName="ss")
    denial(bob.assume_role, RoleArn=first, RoleSessionName="ss", ExternalId="x2")
    got = bob.assume_role(RoleArn=first, RoleSessionName="ss", ExternalId="x1", DurationSeconds=7200)
    left = got["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert 7000 < left.total_seconds() <= 7200
    assert code(bob.assume_role, RoleArn=first, RoleSessionName="ss", ExternalId="x1",
                DurationSeconds=7201) == "ValidationError"
    second = role(iam, "second", trusts({"AWS": first}), MaxSessionDuration=7200)
    mine = session(shared_server, got)("sts")
    mine.assume_role(RoleArn=second, RoleSessionName="chained")
    assert code(mine.assume_role, RoleArn=second, RoleSessionName="cc", DurationSeconds=3601) == "ValidationError"
    assert code(bob.assume_role, RoleArn=first, RoleSessionName="ss", ExternalId="x1",
                SerialNumber="arn:aws:iam::1:mfa/x", TokenCode="123456") == "NotImplemented"
    # where the role is named, its sessions need no right of their own, but what narrows them counts
    narrow = bob.assume_role(RoleArn=first, RoleSessionName="ss", ExternalId="x1", Policy=policy(allow("iam:ListRoles")))
    assert "because no session policy allows the sts:AssumeRole action" in denial(
        session(shared_server, narrow)("sts").assume_role, RoleArn=second, RoleSessionName="cc")
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=policy(allow("iam:*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="first", PermissionsBoundary=limit)
    assert "because no permissions boundary allows the sts:AssumeRole action" in denial(
        mine.assume_role, RoleArn=second, RoleSessionName="cc")
    # but first, whether it may
    denial(bob.assume_role, RoleArn=second, RoleSessionName="ss", SerialNumber="arn:aws:iam::1:mfa/x", TokenCode="123456")


def test_session_policies(iam, shared_server):
    account = shared_server.account
    cat = user(shared_server, "cat")("sts")
    arn = role(iam, "wide", trusts({"AWS": f"arn:aws:iam::{account}:user/cat"}), allow("iam:*"))
    got = cat.assume_role(RoleArn=arn, RoleSessionName="ss", Policy=policy(allow("iam:ListRoles", "s3:*")))
    mine = session(shared_server, got)
    mine("iam").list_roles()
    assert got["PackedPolicySize"] > 0
    assert "because no session policy allows the iam:ListUsers action" in denial(mine("iam").list_users)
    denial(mine("s3").list_buckets)
    managed = iam.create_policy(PolicyName="session", PolicyDocument=policy(allow("iam:ListUsers")))["Policy"]["Arn"]
    mine = session(shared_server, cat.assume_role(RoleArn=arn, RoleSessionName="ss", PolicyArns=[{"arn": managed}]))
    mine("iam").list_users()
    denial(mine("iam").list_roles)
    assert code(cat.assume_role, RoleArn=arn, RoleSessionName="ss", Policy="{}") == "MalformedPolicyDocument"
    with pytest.raises(botocore.exceptions.ClientError) as e:
        cat.assume_role(RoleArn=arn, RoleSessionName="ss", PolicyArns=[{"arn": managed}, {"arn": managed + "2"}])
    assert (e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]) == (
        "MalformedPolicyDocument", f"Policy {managed}2 does not exist or is not attachable.")
    assert code(cat.assume_role, RoleArn=arn, RoleSessionName="ss", PolicyArns=[{"arn": managed}] * 11) == "ValidationError"
    long = policy(*[allow("iam:ListUsers", Sid=f"s{i}") for i in range(40)])
    assert code(cat.assume_role, RoleArn=arn, RoleSessionName="ss",
                Policy=long[:2000] if len(long) < 2048 else long) in ("ValidationError", "PackedPolicyTooLarge")


def test_conditions_of_trust_policies(iam, shared_server):
    """They see what is known of the caller, its tags and the time; the caller's own policies see the request."""
    def trusted(name, **condition):
        return role(iam, name, trusts({"AWS": f"arn:aws:iam::{shared_server.account}:user/tagged"}, **condition))
    sts = user(shared_server, "tagged", policy(deny("sts:AssumeRole", Condition={
        "StringEquals": {"sts:RoleSessionName": "nobody"}})))("sts")
    iam.tag_user(UserName="tagged", Tags=[{"Key": "team", "Value": "blue"}])
    may = {
        "blue": {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
        "early": {"DateLessThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}},
        "person": {"Bool": {"aws:PrincipalIsAWSService": "false"}, "StringEquals": {"aws:PrincipalType": "User"}},
    }
    may_not = {
        "red": {"StringEquals": {"aws:PrincipalTag/team": "red"}},
        "late": {"DateGreaterThan": {"aws:CurrentTime": "2100-01-01T00:00:00Z"}},
        "device": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        "recent": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
    }
    for name, condition in may.items():
        sts.assume_role(RoleArn=trusted(name, **condition), RoleSessionName="ss")
    for name, condition in may_not.items():
        assert code(sts.assume_role, RoleArn=trusted(name, **condition), RoleSessionName="ss") == "AccessDenied"
    assert "explicit deny in an identity-based policy" in denial(
        sts.assume_role, RoleArn=f"arn:aws:iam::{shared_server.account}:role/blue", RoleSessionName="nobody")


def test_what_is_not_built(shared_server):
    sts = shared_server.client("sts")
    assert code(sts.get_federation_token, Name="bob") == "NotImplemented"
    assert code(sts.assume_role_with_saml, RoleArn="arn:aws:iam::123456789012:role/r", SAMLAssertion="PHg+",
                PrincipalArn="arn:aws:iam::123456789012:saml-provider/p") == "NotImplemented"


def test_session_tags_and_source_identity(iam, shared_server):
    account = shared_server.account
    dan = user(shared_server, "dan")("sts")
    who = {"AWS": f"arn:aws:iam::{account}:user/dan"}
    plain = role(iam, "plain", trusts(who))
    tags = {"Tags": [{"Key": "team", "Value": "x"}], "TransitiveTagKeys": ["team"]}
    assert "sts:TagSession" in denial(dan.assume_role, RoleArn=plain, RoleSessionName="ss", **tags)
    assert "sts:SetSourceIdentity" in denial(
        dan.assume_role, RoleArn=plain, RoleSessionName="ss", SourceIdentity="danny")
    needs = {"StringEquals": {"aws:PrincipalTag/team": "x", "aws:SourceIdentity": "danny"}}
    full = role(iam, "full", trusts(who, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]),
                allow("iam:ListRoles", Condition=needs))
    got = dan.assume_role(RoleArn=full, RoleSessionName="ss", SourceIdentity="danny", **tags)
    assert got["SourceIdentity"] == "danny"
    session(shared_server, got)("iam").list_roles()
    denial(session(shared_server, dan.assume_role(RoleArn=full, RoleSessionName="ss"))("iam").list_roles)
    # transitive tags and the source identity go along with a chain
    plain = role(iam, "last-plain", trusts({"AWS": full}))
    last = role(iam, "last", trusts({"AWS": full}, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]),
                allow("iam:ListRoles", Condition=needs))
    mine = session(shared_server, got)("sts")
    chained = mine.assume_role(RoleArn=last, RoleSessionName="cc")
    assert chained["SourceIdentity"] == "danny"
    session(shared_server, chained)("iam").list_roles()
    # ... where the role takes one, and unchanged
    assert "sts:SetSourceIdentity" in denial(mine.assume_role, RoleArn=plain, RoleSessionName="cc")
    assert "cannot be changed" in denial(
        mine.assume_role, RoleArn=last, RoleSessionName="cc", SourceIdentity="somebody")
    mine.assume_role(RoleArn=last, RoleSessionName="cc", SourceIdentity="danny")
    # keys of tags are the same in capitals
    for more in ({"Tags": [{"Key": "Team", "Value": "y"}]},
                 {"Tags": [{"Key": "a", "Value": "y"}, {"Key": "A", "Value": "z"}]},
                 {"Tags": [{"Key": "aws:a", "Value": "y"}]},
                 {"Tags": [{"Key": "a", "Value": "y"}], "TransitiveTagKeys": ["b"]}):
        assert code(mine.assume_role, RoleArn=last, RoleSessionName="cc", **more) == "ValidationError"
    # who is no user must say whose keys are meant
    for call in ("list_access_keys", "create_access_key", "get_user"):
        role_keys = session(shared_server, dan.assume_role(RoleArn=role(
            iam, "looks-" + call.replace("_", "-"), trusts(who), allow("iam:*")), RoleSessionName="ss"))("iam")
        assert code(getattr(role_keys, call)) == "ValidationError"


def test_session_tokens_of_users(iam, shared_server):
    eve = user(shared_server, "eve", policy(allow("s3:ListAllMyBuckets", "iam:*")))
    got = eve("sts").get_session_token(DurationSeconds=900)
    mine = session(shared_server, got)
    assert mine("sts").get_caller_identity()["Arn"].endswith(":user/eve")
    mine("s3").list_buckets()
    denial(mine("iam").list_roles)
    assert "session credentials" in denial(mine("sts").get_session_token)
    for key in iam.list_access_keys(UserName="eve")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="eve", AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName="eve", PolicyName="p")
    iam.delete_user(UserName="eve")
    assert code(mine("sts").get_caller_identity) == "InvalidClientTokenId"


def test_sessions_outlive_restarts_but_not_their_role(server):
    iam = server.client("iam")
    fay = user(server, "fay")
    trust = trusts({"AWS": f"arn:aws:iam::{server.account}:user/fay"})
    arn = role(iam, "kept", trust, allow("iam:ListRoles"))
    got = fay("sts").assume_role(RoleArn=arn, RoleSessionName="ss")
    server.kill9()
    server.restart()
    session(server, got)("iam").list_roles()
    iam = server.client("iam")
    iam.put_role_policy(RoleName="kept", PolicyName="revoke", PolicyDocument=policy(deny("*", Condition={
        "DateLessThan": {"aws:TokenIssueTime": "2100-01-01T00:00:00Z"}})))
    denial(session(server, got)("iam").list_roles)
    for name in ("revoke", "p"):
        iam.delete_role_policy(RoleName="kept", PolicyName=name)
    iam.delete_role(RoleName="kept")
    assert code(session(server, got)("sts").get_caller_identity) == "InvalidClientTokenId"
    role(iam, "kept", trust, allow("iam:ListRoles"))  # another role of the same name
    assert code(session(server, got)("sts").get_caller_identity) == "InvalidClientTokenId"


# ---- OIDC ----

def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n):
    return b64(n.to_bytes((n.bit_length() + 7) // 8, "big"))


class Provider:
    """An OIDC provider on the loopback, with an RSA and an EC key."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.asked = []
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked.append(self.path)
                if self.path == "/.well-known/openid-configuration":
                    body = {"issuer": provider.url, "jwks_uri": provider.url + "/keys"}
                else:
                    body = provider.keys()
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self):
        public, point = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        return {"keys": [
            {"kty": "RSA", "kid": "r", "alg": "RS256", "n": number(public.n), "e": number(public.e)},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")),
             "y": b64(point.y.to_bytes(32, "big"))}]}

    def token(self, alg="RS256", key=None, **claims):
        kid = {"RS256": "r", "ES256": "e"}.get(alg, "r")
        body = {"iss": self.url, "aud": "towpath", "sub": "repo:shop/api:ref:refs/heads/main",
                "iat": int(time.time()), "exp": int(time.time()) + 600, **claims}
        text = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": alg, "kid": kid}, body)).encode()
        if alg == "ES256":
            r, s = utils.decode_dss_signature(self.ec.sign(text, ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        elif alg == "RS256":
            signature = (key or self.rsa).sign(text, padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = b""
        return text.decode() + "." + b64(signature)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider():
    p = Provider()
    try:
        yield p
    finally:
        p.close()


def test_oidc_providers(iam, shared_server):
    arn = iam.create_open_id_connect_provider(
        Url="https://ci.example/team", ClientIDList=["a"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{shared_server.account}:oidc-provider/ci.example/team"
    assert code(iam.create_open_id_connect_provider, Url="https://ci.example/team", ThumbprintList=[]) == "EntityAlreadyExists"
    for url in ("http://ci.example", "ftp://ci.example", "http://127.0.0.1.ci.example", "https://"):
        assert code(iam.create_open_id_connect_provider, Url=url, ThumbprintList=[]) == "InvalidInput", url
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["1" * 40])
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ClientIDList"], got["ThumbprintList"]) == ("ci.example/team", ["b"], ["1" * 40])
    assert arn in [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert code(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == "NoSuchEntity"


def test_web_identity(iam, shared_server, provider):
    name = provider.url.split("://")[1]
    arn = iam.create_open_id_connect_provider(Url=provider.url, ClientIDList=["towpath"], ThumbprintList=[])["OpenIDConnectProviderArn"]
    ci = role(iam, "ci", trusts({"Federated": arn}, "sts:AssumeRoleWithWebIdentity", StringEquals={
        f"{name}:aud": "towpath"}, StringLike={f"{name}:sub": "repo:shop/*"}), allow("iam:ListRoles"))
    sts = shared_server.client("sts", signature_version=botocore.UNSIGNED)

    def come_in(token):
        return sts.assume_role_with_web_identity(RoleArn=ci, RoleSessionName="run-1", WebIdentityToken=token)

    for alg in ("RS256", "ES256"):
        got = come_in(provider.token(alg))
        assert got["Provider"] == arn and got["Audience"] == "towpath"
        assert got["SubjectFromWebIdentityToken"] == "repo:shop/api:ref:refs/heads/main"
        session(shared_server, got)("iam").list_roles()
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]  # asked once, then known
    bad = {
        "other key": (provider.token(key=rsa.generate_private_key(65537, 2048)), "InvalidIdentityToken"),
        "no signature": (provider.token("none"), "InvalidIdentityToken"),
        "other audience": (provider.token(aud="else"), "InvalidIdentityToken"),
        "ran out": (provider.token(exp=int(time.time()) - 10), "ExpiredTokenException"),
        "not yet": (provider.token(nbf=int(time.time()) + 3600), "InvalidIdentityToken"),
        "unknown issuer": (provider.token(iss="https://else.example"), "InvalidIdentityToken"),
        "plain http": (provider.token(iss="http://else.example"), "InvalidIdentityToken"),
        "other subject": (provider.token(sub="repo:else/x"), "AccessDenied"),
        "garbage": ("not.a.token", "InvalidIdentityToken"),
    }
    for why, (token, wanted) in bad.items():
        assert code(come_in, token=token) == wanted, why
    gone = Provider()
    iam.create_open_id_connect_provider(Url=gone.url, ClientIDList=["towpath"], ThumbprintList=[])
    gone.close()
    assert code(come_in, token=gone.token()) == "IDPCommunicationError"
    # who guesses signatures waits, for one role at a time
    guess = {"RoleArn": ci + "-guessed", "RoleSessionName": "run-1",
             "WebIdentityToken": provider.token(key=rsa.generate_private_key(65537, 2048))}
    codes = [code(sts.assume_role_with_web_identity, **guess) for _ in range(31)]
    assert (codes[0], codes[-1]) == ("InvalidIdentityToken", "Throttling")
    come_in(provider.token())
    # a key that was not there before is asked for, but not over and over
    denial(shared_server.client("sts").assume_role, RoleArn=ci, RoleSessionName="ss")


def test_aws_cli(iam, shared_server):
    user(shared_server, "cliuser")
    arn = role(iam, "clirole", trusts({"AWS": f"arn:aws:iam::{shared_server.account}:user/cliuser"}),
               allow("iam:ListRoles"))
    key = iam.create_access_key(UserName="cliuser")["AccessKey"]
    got = shared_server.aws("sts", "assume-role", "--role-arn", arn, "--role-session-name", "cli",
                            keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    c = got["Credentials"]
    names = shared_server.aws("iam", "list-roles", keys=(c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"]))
    assert "clirole" in [r["RoleName"] for r in names["Roles"]]
