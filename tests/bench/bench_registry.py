"""Images: a layer of 200 MB pushed and pulled by skopeo"""
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

LAYER_MB = 200
ROUNDS = 6


def write_layout(folder, seed):
    """An OCI layout with one layer of random bytes, which no one can compress."""
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)

    def add(chunks):
        h, size = hashlib.sha256(), 0
        with open(os.path.join(folder, "new"), "wb") as f:
            for chunk in chunks:
                h.update(chunk)
                size += len(chunk)
                f.write(chunk)
        os.rename(os.path.join(folder, "new"), os.path.join(blobs, h.hexdigest()))
        return {"digest": "sha256:" + h.hexdigest(), "size": size}

    layer = add(os.urandom(1 << 20) for _ in range(LAYER_MB))
    layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar"
    config = add([json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": [f"SEED={seed}"]},
                              "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode()])
    config["mediaType"] = "application/vnd.oci.image.config.v1+json"
    manifest = add([json.dumps({"schemaVersion": 2, "config": config, "layers": [layer],
                                "mediaType": "application/vnd.oci.image.manifest.v1+json"}).encode()])
    manifest["mediaType"] = "application/vnd.oci.image.manifest.v1+json"
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "v"}
    for name, content in (("oci-layout", {"imageLayoutVersion": "1.0.0"}),
                          ("index.json", {"schemaVersion": 2, "manifests": [manifest]})):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(content, f)
    return folder


def copy(source, to):
    start = time.perf_counter()
    subprocess.run(["skopeo", "copy", "-q", "--insecure-policy", *source, *to], check=True)
    return time.perf_counter() - start


def peak_memory(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Peer:
    """Debian's docker-registry on a folder."""

    def __init__(self, folder):
        self.port = free_port()
        path = os.path.join(folder, "peer.yml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: "
                    f"{{rootdirectory: {folder}/peer}}}}\nhttp: {{addr: '127.0.0.1:{self.port}'}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", path], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run(bench):
    from imagework import Registry
    from towpath import Server
    import towpath
    towpath.TOWPATH = bench.towpath
    with tempfile.TemporaryDirectory(dir=bench.build) as folder:
        layouts = [write_layout(os.path.join(folder, f"layout{i}"), i) for i in range(ROUNDS)]
        os.mkdir(os.path.join(folder, "data"))
        peer = Peer(folder) if shutil.which("docker-registry") else None
        try:
            with Server(data=os.path.join(folder, "data")) as server:
                server.client("ecr").create_repository(repositoryName="shop")
                measure(bench, folder, layouts, server, Registry(server).password, peer)
        finally:
            if peer:
                peer.stop()


def measure(bench, folder, layouts, server, password, peer):
    targets = {"towpath": (server.port, ["--creds", f"AWS:{password}"], server.process.pid)}
    if peer:
        targets["docker-registry"] = (peer.port, [], peer.process.pid)
    times = {(t, way): [] for t in targets for way in ("push", "pull")}
    for i, layout in enumerate(layouts):
        for target, (port, login, _) in sorted(targets.items(), reverse=i % 2 == 1):  # each is the first in turn
            login = [o.replace("--creds", "--{}-creds") for o in login]
            there = f"docker://127.0.0.1:{port}/shop:v{i}"
            times[target, "push"].append(copy(
                [f"oci:{layout}:v"], ["--dest-tls-verify=false", *(o.format("dest") for o in login), there]))
            pulled = os.path.join(folder, "pulled")
            times[target, "pull"].append(copy(
                ["--src-tls-verify=false", *(o.format("src") for o in login), there], [f"dir:{pulled}"]))
            shutil.rmtree(pulled)
    for way in ("push", "pull"):
        beside = ""
        if peer:
            beside = f"{bench.median(times['docker-registry', way]):.2f} s with Debian's docker-registry"
        bench.row(f"{way} of an image with a layer of {LAYER_MB} MB by skopeo",
                  round(bench.median(times["towpath", way]), 2), "s", goal="at least as fast", beside=beside)
    memory = {t: peak_memory(pid) for t, (_, _, pid) in targets.items()}
    bench.row(f"peak memory of the server over {ROUNDS} pushes and pulls", round(memory["towpath"]), "MB",
              goal="less",
              beside=f"{memory['docker-registry']:.0f} MB with Debian's docker-registry" if peer else "")
