# SPDX-License-Identifier: Apache-2.0
"""Signed pushes (git push --signed with SSH keys), over HTTP and SSH: who signed, policies that ask for it, the record, and
certificates that are not what they claim."""
import base64
import hashlib
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import gitwork
import pytest
from pipelines import wait

ALLOW = {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}
SIGNED_MAIN = {"Effect": "Deny", "Action": "codecommit:GitPush", "Resource": "*",
               "Condition": {"Bool": {"towpath:PushSigned": "false"},
                             "StringEquals": {"codecommit:References": "refs/heads/main"}}}


@pytest.fixture(scope="module")
def server(shared_ssh_server):
    return shared_ssh_server


@pytest.fixture(scope="module")
def stranger(server, tmp_path_factory):
    return gitwork.SshUser(server, tmp_path_factory.mktemp("stranger"), "stranger")


def pushes(server, name):
    """pushCertificate of each push to the repository, oldest first; None where there was none. The last ones may be
    recorded a moment later."""
    found = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GitPush"}])["Events"]
    more = [json.loads(e["CloudTrailEvent"])["additionalEventData"] for e in reversed(found)]
    return [m.get("pushCertificate") for m in more if m["repositoryName"] == name and m["dataTransferred"]]


def blob(server, repository, name):
    path = f"{server.data}/git/{repository['repositoryId']}.git"
    return subprocess.run(["git", f"--git-dir={path}", "cat-file", "blob", name], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def signing(key):
    return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")


@pytest.mark.parametrize("way", ["http", "ssh"])
def test_signed_pushes(server, stranger, tmp_path, way):
    name = f"signed-{way}"
    repository = server.client("codecommit").create_repository(repositoryName=name)["repositoryMetadata"]
    user = gitwork.SshUser(server, tmp_path / "user", f"signer-{way}", ALLOW, SIGNED_MAIN)
    work = user.work(tmp_path / "w")
    url = user.url(name)
    if way == "http":
        made = server.client("iam").create_service_specific_credential(
            UserName=user.name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
        url = gitwork.url(server, f"{made['ServiceUserName']}:{urllib.parse.quote(made['ServicePassword'], safe='')}@", name)
    work.git("init", "-q", "-b", "main")
    first = work.commit(text="first")

    def refused(*what, reason):
        done = work.git(*what, check=False)
        assert done.returncode and reason in done.stderr, done.stderr
    refused("push", url, "main", reason="only signed pushes may change it; use git push --signed")
    refused(*signing(stranger.key), "push", "--signed", url, "main", reason="is no active SSH public key of")
    assert not work.git("ls-remote", url).stdout
    work.git(*signing(user.key), "push", "-q", "--signed", url, "main", "main:refs/tags/v1")
    # Elsewhere anyone's signature, or none, does no harm.
    work.git(*signing(stranger.key), "push", "-q", "--signed", url, "main:dev")
    work.git("push", "-q", url, "main:plain")
    second = work.commit(text="second")
    work.git(*signing(user.key), "push", "-q", "--signed", "--atomic", url, "main", ":dev")
    assert dict(reversed(line.split("\t")) for line in work.git("ls-remote", url, "refs/*").stdout.splitlines()) == {
        "refs/heads/main": second, "refs/heads/plain": first, "refs/tags/v1": first}

    none, foreign, good, other, plain, last = wait(lambda: len(found := pushes(server, name)) == 6 and found)
    assert none is None and plain is None
    assert foreign["status"] == other["status"] == "unverified" and stranger.name not in foreign["reason"]
    assert good["status"] == last["status"] == "verified" and good["sshPublicKeyId"] == user.id
    assert good["fingerprint"] in subprocess.run(
        ["ssh-keygen", "-l", "-f", user.key + ".pub"], check=True, text=True, stdout=subprocess.PIPE).stdout
    # The certificate is kept, but for that of a push that was refused.
    assert "certificate" not in foreign
    kept = blob(server, repository, good["certificate"])
    assert f"{'0' * 40} {first} refs/heads/main\n" in kept and "-----BEGIN SSH SIGNATURE-----" in kept
    assert f"{first} {second} refs/heads/main\n" in blob(server, repository, last["certificate"])
    # A key that is off counts no more.
    server.client("iam").update_ssh_public_key(UserName=user.name, SSHPublicKeyId=user.id, Status="Inactive")
    if way == "http":
        refused(*signing(user.key), "push", "--signed", url, "main~:main", "-f", reason="is no active SSH public key of")


def pkt(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"%04x" % (len(data) + 4) + data


class Raw:
    """Signed pushes made by hand, of a new branch at a commit that is there."""

    def __init__(self, server, user, name):
        made = server.client("iam").create_service_specific_credential(
            UserName=user.name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
        self.url, self.key = server.git_url(name), user.key
        self.login = base64.b64encode(f"{made['ServiceUserName']}:{made['ServicePassword']}".encode()).decode()

    def ask(self, url, body=None):
        """(status, text)"""
        request = urllib.request.Request(url, data=body, headers={
            "Authorization": f"Basic {self.login}", "Content-Type": "application/x-git-receive-pack-request"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def nonce(self, url=None):
        return self.ask(f"{url or self.url}/info/refs?service=git-receive-pack")[1].split("push-cert=")[1].split()[0]

    def certificate(self, nonce, commit, ref):
        text = (f"certificate version 0.1\npusher key 1700000000 +0000\npushee {self.url}\nnonce {nonce}\n\n"
                f"{'0' * 40} {commit} {ref}\n")
        signature = subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", self.key, "-n", "git"], input=text, check=True,
                                   text=True, stdout=subprocess.PIPE).stdout
        return text + signature

    def push(self, certificate, *more):
        pack = b"PACK\0\0\0\2\0\0\0\0"
        body = b"".join([pkt(b"push-cert\0report-status object-format=sha1"),
                         *(pkt(line) for line in certificate.splitlines(keepends=True)), pkt("push-cert-end\n"), *more,
                         b"0000", pack, hashlib.sha1(pack).digest()])
        return self.ask(f"{self.url}/git-receive-pack", body)


def test_certificates_that_are_not_what_they_claim(server, tmp_path):
    name = "certificates"
    for n in (name, "certificates-2"):
        server.client("codecommit").create_repository(repositoryName=n)
    user = gitwork.SshUser(server, tmp_path / "user", "certifier")
    work = user.work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")
    commit = work.commit(text="first")
    work.git("push", "-q", user.url(name), "main")
    raw = Raw(server, user, name)

    def refused(answer, reason, status=200):
        assert answer[0] == status and reason in answer[1], answer
        assert len(work.git("ls-remote", user.url(name), "refs/heads/*").stdout.splitlines()) == 1 + accepted
    accepted = 0
    nonce = raw.nonce()
    assert nonce != raw.nonce()
    good = raw.certificate(nonce, commit, "refs/heads/good")
    refused(raw.push(good.replace("refs/heads/good", "refs/heads/evil")), "is not what the key SHA256:")
    refused(raw.push(raw.certificate(nonce[:-1] + ("0" if nonce[-1] != "0" else "1"), commit, "refs/heads/a")),
            "not one that this server gave")
    refused(raw.push(raw.certificate(raw.nonce(server.git_url("certificates-2")), commit, "refs/heads/a")),
            "not one that this server gave")
    refused(raw.push(good.replace("SSH SIGNATURE-----\nU1NI", "SSH SIGNATURE-----\nU1NJ")), "not in its format")
    refused(raw.push(good, pkt(f"{'0' * 40} {commit} refs/heads/beside")), "in its certificate alone", 400)
    refused(raw.push(good.split("-----BEGIN")[0]), "has no signature", 400)
    assert "ok refs/heads/good" in raw.push(good)[1]
    accepted = 1
    # Sent once more, after the branch is gone, it does nothing.
    work.git("push", "-q", user.url(name), ":good")
    accepted = 0
    refused(raw.push(good), "has been used before")
    # Another kind of signature is kept and counts as none.
    pgp = good.split("-----BEGIN")[0] + "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
    assert "ok refs/heads/good" in raw.push(pgp)[1]
    kept, = wait(lambda: [p for p in pushes(server, name) if p and "no SSH signature" in p.get("reason", "")])
    assert kept["status"] == "unverified" and kept["certificate"]
