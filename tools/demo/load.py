# SPDX-License-Identifier: Apache-2.0
"""Asks an environment of the shop for its products all along, and counts the answers by version."""
import collections
import http.client
import threading
import time

from terminal import Trouble

SLOW_SECONDS = 2


class Load:
    """Threads of which each asks so often; an answer that takes longer holds up its own thread only."""

    def __init__(self, name, port, threads=8, per_second=16):
        self.name, self.port = name, port
        self.lock = threading.Lock()
        self.answers = collections.Counter()  # (phase, version, kind)
        self.phase = "start"
        self.failures = []  # what was no answer at all
        self.stopping = threading.Event()
        self.pause = threads / per_second
        self.threads = [threading.Thread(target=self.work, args=(n / per_second,), daemon=True) for n in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)

    def work(self, delay):
        connection = None
        due = time.monotonic() + delay
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + self.pause, time.monotonic())
            phase, started = self.phase, time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("GET", "/products")
                response = connection.getresponse()
                response.read()
                version, status = response.getheader("X-Shop-Version") or "none", response.status
                if response.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as e:
                if connection:
                    connection.close()
                connection, version, status = None, "none", 0
                with self.lock:
                    self.failures.append(f"{self.name}, {phase}: {type(e).__name__}: {e}")
            slow = time.monotonic() - started > SLOW_SECONDS
            kind = "failed" if status == 0 else "5xx" if status >= 500 else "slow" if slow else "served"
            with self.lock:
                self.answers[(phase, version, kind)] += 1

    def counts(self):
        """[phase, version, kind, how many] of all answers."""
        with self.lock:
            return [[*key, n] for key, n in self.answers.items()]


def ask(port):
    """The version that answers, or what else the answer is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", "/products")
        response = connection.getresponse()
        response.read()
        return response.getheader("X-Shop-Version") or f"(status {response.status})"
    except (OSError, http.client.HTTPException) as e:
        return f"({e})"
    finally:
        connection.close()


def await_answer(name, port, seconds=120):
    """Until the environment's first version answers."""
    end = time.monotonic() + seconds
    while (got := ask(port)).startswith("(") and got != "(status 200)":
        if time.monotonic() > end:
            raise Trouble(f"{name} does not answer: {got}")
        time.sleep(0.1)
