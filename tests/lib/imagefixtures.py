# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of image repositories, on the server that a file's tests share."""
import pytest
from imagework import Registry


@pytest.fixture(scope="module")
def ecr(shared_server):
    return shared_server.client("ecr")


@pytest.fixture(scope="module")
def registry(shared_server):
    return Registry(shared_server)


@pytest.fixture
def name(ecr, request):
    """An empty repository named after the test."""
    name = request.node.name.replace("_", "-").lower()
    ecr.create_repository(repositoryName=name)
    return name
