# SPDX-License-Identifier: Apache-2.0
"""A server that speaks TLS: an agent asks it over TLS, a build on its machine over the loopback."""
import pytest
from builds import Builds
from hosts import Deployments, Host
from towpath import Server


@pytest.fixture(scope="module")
def server():
    s = Server("--tls")
    try:
        yield s.start()
    finally:
        s.close()


def test_an_agent_deploys(server):
    host = Host(server, "host1")
    try:
        host.register().start()
        d = Deployments(server)
        deployment = d.create({"appspec.yml": "version: 0.0\nos: linux\nfiles:\n  - source: app\n"
                                              f"    destination: {host.dest}\n", "app/a": "one"})
        assert d.finish(deployment)["status"] == "Succeeded"
        assert host.read("a") == "one"
    finally:
        host.close()


def test_a_build_has_its_role_and_outlives_the_server(server):
    builds = Builds(server)
    builds.project("pp", """
        version: 0.2
        phases:
          build:
            commands:
              - echo "endpoint $AWS_ENDPOINT_URL"
              - aws sts get-caller-identity --query Arn --output text
              - until aws codecommit get-repository --repository-name go >/dev/null 2>&1; do sleep 0.1; done
    """)
    build = builds.start("pp")
    builds.until(build, lambda b: "assumed-role/build/" in builds.log(build))
    server.restart()
    builds = Builds(server)
    server.client("codecommit").create_repository(repositoryName="go")
    assert builds.finish(build)["buildStatus"] == "SUCCEEDED", builds.log(build)
    assert f"endpoint {server.info['localEndpoint']}" in builds.log(build)
