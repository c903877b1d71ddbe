# SPDX-License-Identifier: Apache-2.0
"""Images made from nothing, and a plain HTTP client of the registry."""
import base64
import gzip
import hashlib
import http.client
import io
import json
import os
import tarfile
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(files):
    """A gzipped tar of {path: bytes}, and the digest of the tar."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), 1, mtime=0), digest(out.getvalue())


class Image:
    """blobs: {digest: bytes}; manifest: bytes."""

    def __init__(self, files, architecture="amd64", **more):
        content, diff_id = layer(files)
        config = json.dumps({"architecture": architecture, "os": "linux", "config": {},
                             "rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()
        self.layer, self.config = digest(content), digest(config)
        self.blobs = {self.layer: content, self.config: config}
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": self.config, "size": len(config)},
            "layers": [{"mediaType": OCI_LAYER, "digest": self.layer, "size": len(content)}],
            **more}).encode()
        self.digest = digest(self.manifest)
        self.size = sum(len(b) for b in self.blobs.values())

    def descriptor(self, **platform):
        more = {"platform": platform} if platform else {}
        return {"mediaType": OCI_MANIFEST, "digest": self.digest, "size": len(self.manifest), **more}

    def layout(self, folder, tag="latest"):
        """Writes it as an OCI layout."""
        blobs = os.path.join(folder, "blobs", "sha256")
        os.makedirs(blobs)
        for name, content in {**self.blobs, self.digest: self.manifest}.items():
            with open(os.path.join(blobs, name[7:]), "wb") as f:
                f.write(content)
        with open(os.path.join(folder, "oci-layout"), "w", encoding="utf-8") as f:
            f.write('{"imageLayoutVersion": "1.0.0"}')
        with open(os.path.join(folder, "index.json"), "w", encoding="utf-8") as f:
            entry = dict(self.descriptor(), annotations={"org.opencontainers.image.ref.name": tag})
            json.dump({"schemaVersion": 2, "manifests": [entry]}, f)


def index(*descriptors, **more):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(descriptors),
                       **more}).encode()


def ecr_call(server, operation, **request):
    """Status and answer of an operation with members that Debian's boto3 does not know yet."""
    signed = botocore.awsrequest.AWSRequest(
        "POST", server.endpoint + "/", data=json.dumps(request), headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*server.keys()), "ecr",
                            server.region).add_auth(signed)
    try:
        with urllib.request.urlopen(urllib.request.Request(
                signed.url, signed.data.encode(), dict(signed.headers)), timeout=180) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())


class Registry:
    """HTTP with the password of one principal. renew: a password that ended is asked for anew, for clocks
    on which twelve hours are soon over."""

    def __init__(self, server, keys=None, password=None, renew=False):
        self.server, self.keys, self.renew, self.client = server, keys, renew, None
        self.use(password or self.ask())

    def ask(self):
        if self.client is None or self.client.meta.endpoint_url != self.server.endpoint:
            self.client = self.server.client("ecr", keys=self.keys)
        data = self.client.get_authorization_token()
        text = base64.b64decode(data["authorizationData"][0]["authorizationToken"]).decode()
        return text.split(":", 1)[1]

    def use(self, password):
        self.password = password
        self.basic = "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()

    def send(self, method, path, body, headers):
        c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=180)
        try:
            c.request(method, path if path.startswith("/v2") else "/v2/" + path, body, headers)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def __call__(self, method, path, body=None, login=True, **headers):
        """Status, headers, body."""
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        while True:
            if login:
                headers["Authorization"] = self.basic
            answer = self.send(method, path, body, headers)
            if not self.renew or b"has expired" not in answer[2]:
                return answer
            self.use(self.ask())

    def errors(self, method, path, body=None, **headers):
        status, _, text = self(method, path, body, **headers)
        return status, json.loads(text)["errors"][0]["code"]

    def begin(self, name):
        status, headers, _ = self("POST", f"{name}/blobs/uploads/")
        assert status == 202, status
        return headers["Location"]

    def push_blob(self, name, content):
        while True:
            status, _, text = self("PUT", f"{self.begin(name)}?digest={digest(content)}", content)
            if not self.renew or b"BLOB_UPLOAD_UNKNOWN" not in text:  # where days are short, one may have passed
                break
        assert status == 201, (status, text)

    def put_manifest(self, name, reference, manifest, media_type=OCI_MANIFEST):
        status, headers, text = self("PUT", f"{name}/manifests/{reference}", manifest,
                                     Content_Type=media_type)
        assert status == 201, (status, text)
        return headers

    def push(self, name, image, reference=None):
        for content in image.blobs.values():
            self.push_blob(name, content)
        return self.put_manifest(name, reference or image.digest, image.manifest)
