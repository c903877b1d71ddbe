# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all Python tests."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from receivers import HttpReceiver  # noqa: E402
from towpath import Server  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for value in item.funcargs.values():
            if isinstance(value, Server):
                report.sections.append(("server's log", value.stderr()[-6000:]))


@pytest.fixture
def server():
    """A running server with a fresh data folder."""
    s = Server()
    try:
        yield s.start()
    finally:
        s.close()


@pytest.fixture(scope="module")
def shared_server():
    """One server for all tests of a file: for tests that do not get in each other's way."""
    s = Server()
    try:
        yield s.start()
    finally:
        s.close()


@pytest.fixture(scope="module")
def shared_ssh_server():
    """The same with git over SSH."""
    s = Server("--ssh", "0")
    try:
        yield s.start()
    finally:
        s.close()


@pytest.fixture
def receiver():
    """An HTTP server that keeps what it is sent."""
    r = HttpReceiver()
    yield r
    r.close()
