# SPDX-License-Identifier: Apache-2.0
"""A base image made of this machine: node, the libraries that it wants, and nothing else."""
import base64
import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile

from terminal import Trouble

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def node():
    found = subprocess.run(["node", "-p", "process.execPath"], text=True, stdout=subprocess.PIPE, check=False)
    if found.returncode:
        raise Trouble("node is not installed; tools/install-packages run installs it")
    return found.stdout.strip()


def libraries(program):
    """Path inside the image -> file, of what the loader would load."""
    listed = subprocess.run(["ldd", program], text=True, stdout=subprocess.PIPE, check=True).stdout
    paths = re.findall(r"(/\S+) \(0x", listed)
    return {path: os.path.realpath(path) for path in paths}


def layer():
    program = node()
    files = {"/usr/bin/node": os.path.realpath(program), **libraries(program)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in ("tmp", "etc"):
            info = tarfile.TarInfo(path)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if path == "tmp" else 0o755
            tar.addfile(info)
        passwd = b"root:x:0:0:root:/root:/usr/bin/node\n"
        info = tarfile.TarInfo("etc/passwd")
        info.size = len(passwd)
        tar.addfile(info, io.BytesIO(passwd))
        for path, source in files.items():
            tar.add(source, arcname=path.lstrip("/"))
    return out.getvalue()


class Layout:
    """An OCI image layout in a folder."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(os.path.join(folder, "blobs", "sha256"))

    def blob(self, data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.folder, "blobs", "sha256", digest), "wb") as f:
            f.write(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    def write(self, tar):
        config = {"architecture": ARCHITECTURE, "os": "linux",
                  "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["node"]},
                  "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": self.blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                    "layers": [self.blob(gzip.compress(tar, 1, mtime=0),
                                         "application/vnd.oci.image.layer.v1.tar+gzip")]}
        index = {"schemaVersion": 2, "manifests": [self.blob(json.dumps(manifest).encode(), MANIFEST)]}
        for name, document in (("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", index)):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
                json.dump(document, f)


def push(folder, image, password):
    """Makes the image below the folder and pushes it under its name."""
    shutil.rmtree(folder, ignore_errors=True)
    Layout(folder).write(layer())
    done = subprocess.run(
        ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--dest-creds=AWS:{password}", f"oci:{folder}",
         f"docker://{image}"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode:
        raise Trouble(f"skopeo copy to {image} failed:\n{done.stdout}")


def password_of(token):
    """The password in an authorization token of the registry."""
    return base64.b64decode(token).decode().split(":", 1)[1]
