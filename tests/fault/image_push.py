# SPDX-License-Identifier: Apache-2.0
"""Pushes of images when the server dies in the middle, and while unneeded blobs are collected."""
import http.client
import os
import random
import socket
import threading
import time

from images import Image, Registry, digest
from towpath import Server

MIB = 1024 * 1024


def await_true(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def content_files(server):
    out = {}
    for folder, _, files in os.walk(os.path.join(server.data, "objects")):
        out.update({f: os.path.getsize(os.path.join(folder, f)) for f in files})
    return out


def send_some(server, registry, location, content, first):
    """Begins a PATCH of the content and sends all but its end; the socket stays open."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
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
    """Days pass in seconds, images come and go, the same layers are pushed again and again: every image
    that was accepted can be pulled whole."""
    shared = Image({"shared": b"every image has this layer"})
    # a day lasts 0.9 s: each push sees collections before, after and between its steps
    with Server("--clock-rate", "100000") as s:
        s.client("ecr").create_repository(repositoryName="r1")
        failures, stop = [], time.monotonic() + 8

        def work(number):
            rng = random.Random(number)
            while time.monotonic() < stop:
                registry = Registry(s)
                try:
                    registry.push("r1", shared, f"w{number}")
                    for d, blob in shared.blobs.items():
                        if registry("GET", f"r1/blobs/{d}")[2] != blob:
                            failures.append(d)
                except AssertionError as e:
                    # only the password may have ended, or an image have gone in between
                    if "DENIED" not in str(e) and "403" not in str(e):
                        failures.append(str(e))
                time.sleep(rng.random() * 0.3)
                registry = Registry(s)
                if rng.random() < 0.5:
                    registry("DELETE", f"r1/manifests/w{number}")
                    time.sleep(rng.random() * 1.2)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        # one worker deletes only its own tag: what was checked above was held by the others' or its own
        assert not failures, failures
        Registry(s).push("r1", shared, "last")
        assert Registry(s)("GET", f"r1/blobs/{shared.layer}")[2] == shared.blobs[shared.layer]
        assert len([f for f in content_files(s).values() if f == len(shared.blobs[shared.layer])]) >= 1
