# SPDX-License-Identifier: Apache-2.0
"""TLS: with a certificate that the server made, and with one of the operator's."""
import datetime
import hashlib
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import botocore.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gitwork import Work, git_login, url
from towpath import Server, ServerFailed


@pytest.fixture(scope="module")
def server():
    s = Server("--tls", "--tls-name", "towpath.example.com,*.s3.towpath.example.com")
    try:
        yield s.start()
    finally:
        s.close()


def shown(server):
    """The certificate that the server shows, as DER."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", server.port)))


def fingerprint(der):
    return ":".join(f"{b:02X}" for b in hashlib.sha256(der).digest())


def test_the_made_certificate(server):
    assert server.endpoint.startswith("https://127.0.0.1:")
    der = shown(server)
    assert f"SHA-256 fingerprint: {fingerprint(der)}" in server.stderr()
    cert = x509.load_der_x509_certificate(der)
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", os.uname().nodename, "towpath.example.com", "*.s3.towpath.example.com"} <= set(
        names.get_values_for_type(x509.DNSName))
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    assert os.stat(f"{server.data}/tls/server.key").st_mode & 0o777 == 0o600


def test_curl_the_cli_and_boto3(server, tmp_path):
    assert server.client("sts").get_caller_identity()["Account"] == server.account
    assert server.aws("sts", "get-caller-identity")["Account"] == server.account
    done = server.run("curl", "-sS", "--cacert", server.info["caFile"], "-o", "/dev/null", "-w", "%{http_code}",
                      f"https://localhost:{server.port}/")
    assert done.stdout == "403"
    # over TLS the clients send the body in chunks with a trailer that holds its checksum
    big = tmp_path / "big"
    big.write_bytes(os.urandom(9_000_000))
    server.aws("s3api", "create-bucket", "--bucket", "bucket")
    server.run("/usr/bin/aws", "--endpoint-url", server.endpoint, "s3", "cp", str(big), "s3://bucket/big")
    server.run("/usr/bin/aws", "--endpoint-url", server.endpoint, "s3", "cp", "s3://bucket/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    server.client("s3").put_object(Bucket="bucket", Key="k", Body=b"x" * 3_000_000)
    assert server.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"x" * 3_000_000


def test_git(server, tmp_path):
    made = server.client("codecommit").create_repository(repositoryName="r")["repositoryMetadata"]
    assert made["cloneUrlHttp"] == server.git_url("r")
    w = Work(tmp_path / "w")
    w.git("init", "-q", "-b", "main")
    head = w.commit(text="one")
    remote = url(server, git_login(server), "r")
    refused = w.git("push", remote, "main", check=False)
    assert refused.returncode and "certificate" in refused.stderr
    w.git("config", f"http.{server.endpoint}.sslCAInfo", server.info["caFile"])
    w.git("push", "-q", remote, "main")
    # with `towpath env` alone, the password comes from the CLI's helper
    server.run("git", "clone", "-q", server.git_url("r"), str(tmp_path / "c"))
    assert server.run("git", "rev-parse", "HEAD", cwd=str(tmp_path / "c")).stdout.strip() == head


def test_images(server, tmp_path):
    uri = server.client("ecr").create_repository(repositoryName="img")["repository"]["repositoryUri"]
    assert uri == f"127.0.0.1:{server.port}/img"
    certs = tmp_path / "certs"
    certs.mkdir()
    (certs / "ca.crt").write_bytes(open(server.info["caFile"], "rb").read())
    password = server.run("/usr/bin/aws", "--endpoint-url", server.endpoint, "ecr", "get-login-password").stdout
    login = ["skopeo", "login", "--authfile", str(tmp_path / "auth"), "--username", "AWS", "--password-stdin",
             f"127.0.0.1:{server.port}"]
    assert server.run(*login, input=password, check=False).returncode
    server.run(*login[:2], "--cert-dir", str(certs), *login[2:], input=password)


def test_commands_ask_at_the_loopback(server):
    assert server.info["localEndpoint"].startswith("http://127.0.0.1:")
    assert server.endpoint in server.towpath("status", "--json").stdout


def test_who_does_not_know_the_certificate_does_not_speak(server):
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.endpoint)
    assert server.run("curl", "-s", server.endpoint, check=False).returncode == 60
    # nor does plain HTTP
    assert server.run("curl", "-s", f"http://127.0.0.1:{server.port}/", check=False).returncode
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run(["openssl", "s_client", "-tls1_1", "-connect", f"127.0.0.1:{server.port}"], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_policies_know_of_tls(server):
    keys = server.user("secure", {"Effect": "Allow", "Action": "codecommit:ListRepositories", "Resource": "*",
                                  "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
    assert server.client("codecommit", keys=keys).list_repositories()
    plain = server.info["endpoint"]
    try:
        server.info["endpoint"] = server.info["localEndpoint"]
        with pytest.raises(botocore.exceptions.ClientError, match="not authorized"):
            server.client("codecommit", keys=keys).list_repositories()
    finally:
        server.info["endpoint"] = plain


def test_a_restart_keeps_certificate_and_port(server):
    before = shown(server), server.info["localEndpoint"]
    server.restart()
    assert (shown(server), server.info["localEndpoint"]) == before


# ---- the operator's own ----

def own(folder, name, days=30):
    """A self-signed certificate and its key: their files."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    cert = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=60))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(key, hashes.SHA256()))
    paths = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    with open(paths[0], "wb") as f:
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))
    return paths


def wait_log(server, text, seconds=90):
    end = time.monotonic() + seconds
    while text not in server.stderr():
        assert time.monotonic() < end, server.stderr()
        time.sleep(0.02)


def test_an_own_certificate_is_read_again(tmp_path):
    cert, key = own(tmp_path, "first")
    second = own(tmp_path, "second")
    with Server("--tls-cert", cert, "--tls-key", key, roles=False) as s:
        assert "caFile" not in s.info
        get = ["curl", "-sS", "-o", "/dev/null", f"https://localhost:{s.port}/", "--cacert"]
        s.run(*get, cert)
        for path, to in zip(second, (cert, key)):
            os.replace(path, to)
        s.process.send_signal(signal.SIGHUP)
        wait_log(s, "new TLS certificate")
        s.run(*get, cert)
        # what cannot be used changes nothing
        with open(key, "w", encoding="utf-8") as f:
            f.write("nonsense")
        s.process.send_signal(signal.SIGHUP)
        wait_log(s, "the certificate stays as it is")
        s.run(*get, cert)


@pytest.mark.parametrize("make,message", [
    (lambda a, b, old: ["--tls-cert", a[0], "--tls-key", b[1]], "the private key is not that of the certificate"),
    (lambda a, b, old: ["--tls-cert", a[0]], "--tls-cert is given without --tls-key"),
    (lambda a, b, old: ["--tls-cert", a[1], "--tls-key", a[1]], "the certificate cannot be read as PEM"),
    (lambda a, b, old: ["--tls-cert", a[0], "--tls-key", "/nowhere"], "/nowhere"),
    (lambda a, b, old: ["--tls-cert", old[0], "--tls-key", old[1]], "the certificate has expired"),
    (lambda a, b, old: ["--tls", "--tls-name", "a b"], "--tls-name: 'a b' is no host name"),
])
def test_what_cannot_be_shown_is_said(tmp_path, make, message):
    a, b, old = own(tmp_path, "a"), own(tmp_path, "b"), own(tmp_path, "old", days=-1)
    s = Server(*make(a, b, old))
    with pytest.raises(ServerFailed) as e:
        s.start()
    s.close()
    assert message in str(e.value)
