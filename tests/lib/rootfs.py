# SPDX-License-Identifier: Apache-2.0
"""Small images and a registry for them: a static busybox as the root, and a server of the few
requests that a pull needs. It also serves what a real registry would refuse: blobs with a wrong
digest, layers with paths that lead out."""
import gzip
import hashlib
import http.server
import io
import json
import platform
import tarfile
import threading

BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "ls", "cat", "echo", "sleep", "httpd", "id", "pwd", "env", "true", "false", "test", "kill",
           "mkdir", "touch", "wget", "hostname", "dd", "head", "tail", "grep", "ulimit", "stat", "rm", "readlink", "seq", "ip")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(entries, compress=True):
    """entries: path -> bytes, None (a folder), or a function that changes a TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in entries.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif callable(content):
                content(info)
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0) if compress else out.getvalue()


def link(target, kind=tarfile.SYMTYPE):
    def change(info):
        info.type, info.linkname = kind, target
    return change


def device(info):
    info.type, info.devmajor, info.devminor = tarfile.CHRTYPE, 1, 3


def busybox_layer():
    with open(BUSYBOX, "rb") as f:
        entries = {"bin": None, "bin/busybox": f.read(), "etc": None, "tmp": None,
                   "etc/passwd": b"root:x:0:0::/root:/bin/sh\nshop:x:1000:1001::/home/shop:/bin/sh\n",
                   "etc/group": b"root:x:0:\nshop:x:1001:\nextra:x:1002:shop\n", "www": None,
                   "www/index.html": b"hello\n"}
    for name in APPLETS:
        entries[f"bin/{name}"] = link("busybox")
    return layer(entries)


class Registry:
    """http://127.0.0.1:PORT/v2/; images are added by push()."""

    def __init__(self):
        registry = self
        self.blobs, self.manifests, self.asked = {}, {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b"", kind="application/octet-stream", dig=None):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if dig:
                    self.send_header("Docker-Content-Digest", dig)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_GET(self):
                registry.asked.append(self.path)
                parts = self.path.strip("/").split("/")
                if parts == ["v2"]:
                    return self.answer(200, b"{}", "application/json")
                name, kind, what = "/".join(parts[1:-2]), parts[-2], parts[-1]
                if kind == "manifests":
                    body = registry.manifests.get((name, what))
                    if body:
                        return self.answer(200, body, json.loads(body)["mediaType"], digest(body))
                elif kind == "blobs" and what in registry.blobs:
                    return self.answer(200, registry.blobs[what])
                return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not here"}]}',
                                   "application/json")

            do_HEAD = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def blob(self, data):
        self.blobs[digest(data)] = data
        return {"digest": digest(data), "size": len(data)}

    def push(self, name, *layers, tag="latest", **config):
        """Layers lowest first, busybox below them all; config as an image has it. The reference."""
        layers = (busybox_layer(), *layers)
        diff = [digest(gzip.decompress(data)) for data in layers]
        image = {"architecture": ARCHITECTURE, "os": "linux", "config": config,
                 "rootfs": {"type": "layers", "diff_ids": diff}}
        described = self.blob(json.dumps(image).encode())
        described["mediaType"] = "application/vnd.oci.image.config.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": described, "layers": []}
        for data in layers:
            entry = self.blob(data)
            entry["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
            manifest["layers"].append(entry)
        body = json.dumps(manifest).encode()
        self.manifests[(name, tag)] = self.manifests[(name, digest(body))] = body
        return f"{self.host}/{name}:{tag}"
