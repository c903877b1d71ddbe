# SPDX-License-Identifier: Apache-2.0
"""Pushes of images when the server dies in the middle, and while unneeded blobs are collected."""
import http.client
import os
import random
import select
import socket
import threading
import time

from imagework import Image, Registry, digest
from towpath import Server

MIB = 1024 * 1024


def await_true(condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def content_files(server):
    out = {}
    for folder, _, files in os.walk(os.path.join(server.data, "objects")):
        for f in files:
            try:
                out[f] = os.path.getsize(os.path.join(folder, f))
            except FileNotFoundError:
                pass  # it has its name by now
    return out


def send_some(server, registry, location, content, first):
    """Begins a PATCH of the content and sends all but its end; the socket stays open."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=180)
    c.putrequest("PATCH", location)
    c.putheader("Authorization", registry.basic)
    c.putheader("Content-Length", str(len(content) - first + 1))
    c.endheaders()
    c.send(content[first:])
    return c


def test_a_push_goes_on_after_kill_9():
    content = os.urandom(4 * MIB)
    with Server() as s:
        s.client("ecr").create_repository(repositoryName="r1")
        registry = Registry(s)  # its password is good for the next server as well
        location = registry.begin("r1")
        status, headers, _ = registry("PATCH", location, content[:MIB])
        assert status == 202 and headers["Range"] == f"0-{MIB - 1}"
        s.kill9()
        s.restart()
        status, headers, _ = registry("GET", location)
        assert status == 204 and headers["Range"] == f"0-{MIB - 1}"  # what was told is there
        # in the middle of a chunk
        half = send_some(s, registry, location, content[:3 * MIB], MIB)
        await_true(lambda: max(content_files(s).values()) > 2 * MIB)
        s.kill9()
        half.close()
        s.restart()
        status, headers, _ = registry("GET", location)
        got = int(headers["Range"].split("-")[1]) + 1
        assert status == 204 and MIB < got <= 3 * MIB
        status, _, text = registry("PUT", f"{location}?digest={digest(content)}", content[got:],
                                   Content_Range=f"{got}-{len(content) - 1}")
        assert status == 201, text
        assert registry("GET", f"r1/blobs/{digest(content)}")[2] == content
        s.kill9()
        s.restart()
        assert registry("GET", f"r1/blobs/{digest(content)}")[2] == content
        assert list(content_files(s).values()).count(len(content)) == 1


def test_a_client_that_breaks_off_can_go_on():
    content = os.urandom(2 * MIB)
    with Server() as s:
        s.client("ecr").create_repository(repositoryName="r1")
        registry = Registry(s)
        location = registry.begin("r1")
        half = send_some(s, registry, location, content[:MIB], 0)
        await_true(lambda: content_files(s) and max(content_files(s).values()) == MIB)
        half.sock.shutdown(socket.SHUT_RDWR)
        half.close()
        status, headers, _ = registry("GET", location)  # waits for the broken request's end
        assert status == 204 and headers["Range"] == f"0-{MIB - 1}"
        status, _, text = registry("PUT", f"{location}?digest={digest(content)}", content[MIB:])
        assert status == 201, text


def test_kill_9_at_any_moment_of_a_push():
    """Whatever was answered is there afterwards; what was not can be done again; nothing is left over."""
    rng = random.Random(7)
    with Server() as s:
        s.client("ecr").create_repository(repositoryName="r1")
        registry = Registry(s)
        for round_ in range(6):
            image = Image({"a": os.urandom(MIB)})
            pushed = []

            def push():
                try:
                    registry.push("r1", image, f"v{round_}")
                    pushed.append(True)
                except (OSError, http.client.HTTPException, AssertionError):
                    pass

            thread = threading.Thread(target=push)
            thread.start()
            time.sleep(rng.random() * 0.08)  # anywhere within a push
            s.kill9()
            thread.join()
            s.restart()
            status = registry("GET", f"r1/manifests/v{round_}")[0]
            assert status == 200 or not pushed
            if status == 200:
                assert digest(registry("GET", f"r1/blobs/{image.layer}")[2]) == image.layer
            registry.push("r1", image, f"v{round_}")
            assert registry("GET", f"r1/blobs/{image.layer}")[2] == image.blobs[image.layer]


def test_collection_never_takes_what_a_push_needs():
    """A push that lasts for days: its layers came early, its last one is under way, its manifest comes at the
    end. What nothing needs goes meanwhile."""
    with Server("--clock-rate", "20000") as s:  # a day lasts 4.3 s
        s.client("ecr").create_repository(repositoryName="r1")
        registry = Registry(s, renew=True)
        image, waste, last = Image({"a": os.urandom(1000)}), os.urandom(1000), os.urandom(MIB)
        registry.push_blob("r1", waste)

        def under_way():
            """Its password is good for two seconds, and it must begin in four: else once more."""
            registry.use(registry.ask())
            location = registry.begin("r1")
            half = send_some(s, registry, location, last, 0)  # all but the end
            await_true(lambda: MIB in content_files(s).values() or select.select([half.sock], [], [], 0)[0])
            if not select.select([half.sock], [], [], 0)[0]:
                return location, half
            refused = half.getresponse().read()
            assert b"has expired" in refused or b"BLOB_UPLOAD_UNKNOWN" in refused
            half.close()
            return under_way()

        location, half = under_way()
        for content in image.blobs.values():
            registry.push_blob("r1", content)
        await_true(lambda: registry("GET", f"r1/blobs/{digest(waste)}")[0] == 404)
        time.sleep(9)  # two more days: what is not needed by then has gone
        registry.put_manifest("r1", "v1", image.manifest)
        for d, content in image.blobs.items():
            assert registry("GET", f"r1/blobs/{d}")[2] == content
        half.send(b"!")
        assert half.getresponse().status == 202
        half.close()
        registry("DELETE", f"r1/manifests/{image.digest}")
        assert registry("DELETE", location)[0] in (204, 404)  # 404: a day after its last word it has gone by itself
        await_true(lambda: registry("GET", f"r1/blobs/{image.layer}")[0] == 404)
        await_true(lambda: not content_files(s))


def test_pushes_and_collection_at_once():
    """The same layers come and go from three sides while days pass: no push that is accepted lacks one."""
    image = Image({"shared": os.urandom(1000)})
    with Server("--clock-rate", "50000") as s:  # a day lasts 1.7 s
        for n in range(3):
            s.client("ecr").create_repository(repositoryName=f"r{n}")
        failures, stop = [], time.monotonic() + 6

        def work(name):
            try:
                push_and_delete(name)
            except Exception as e:
                failures.append(repr(e))

        def push_and_delete(name):
            rng, registry = random.Random(name), Registry(s, renew=True)
            while time.monotonic() < stop:
                for content in image.blobs.values():
                    registry.push_blob(name, content)
                status, _, text = registry("PUT", f"{name}/manifests/v1", image.manifest)
                if status != 201:
                    # a day may have passed since the layers came: then the push is told so
                    if b"MANIFEST_BLOB_UNKNOWN" not in text:
                        failures.append(text)
                    continue
                time.sleep(rng.random())
                for d, content in image.blobs.items():
                    if registry("GET", f"{name}/blobs/{d}")[2] != content:
                        failures.append(f"{name} lacks {d}")
                registry("DELETE", f"{name}/manifests/v1")
                time.sleep(rng.random())

        threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures
