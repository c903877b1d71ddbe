# SPDX-License-Identifier: Apache-2.0
"""Builds in privileged mode: a docker engine of their own, images into our registry, and what is
left of it all afterwards."""
import glob
import json
import os
import signal
import subprocess
import time

import pytest

from builds import ENVIRONMENT, Builds

# The classic builder, which every client of Debian's has.
PRIVILEGED = dict(ENVIRONMENT, privilegedMode=True,
                  environmentVariables=[{"name": "DOCKER_BUILDKIT", "value": "0"}])

# The file system of an image is one program, which is installed here for the tests.
DOCKERFILE = """\
      - cp /bin/busybox .
      - printf 'FROM scratch\\nCOPY busybox /bin/busybox\\nRUN ["/bin/busybox", "touch", "/made"]\\n' > Dockerfile
      - printf 'CMD ["/bin/busybox", "echo", "hello from the image"]\\n' >> Dockerfile
"""
NAMESPACES = """\
      - PID_NS=$(readlink /proc/self/ns/pid) NET_NS=$(readlink /proc/self/ns/net)
"""


@pytest.fixture(scope="module")
def builds(shared_server):
    return Builds(shared_server)


@pytest.fixture(scope="module")
def repository(shared_server):
    """The repository's URI."""
    return shared_server.client("ecr").create_repository(
        repositoryName="shop")["repository"]["repositoryUri"]


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A web server beyond this machine: in a network namespace at the end of a cable."""
    name, address = f"tpout{os.getpid()}", "10.223.87.2"
    page = tmp_path_factory.mktemp("outside")
    # more than a packet
    (page / "page").write_text("from outside " * 1000)

    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    ip("netns", "add", name)
    server = None
    try:
        ip("link", "add", f"o{os.getpid()}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", "10.223.87.1/30", "dev", f"o{os.getpid()}")
        ip("link", "set", f"o{os.getpid()}", "up")
        ip("-n", name, "addr", "add", f"{address}/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        server = subprocess.Popen(
            ["ip", "netns", "exec", name, "/usr/bin/python3", "-u", "-m", "http.server", "80"], cwd=page,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert "Serving HTTP" in server.stdout.readline()
        yield address
    finally:
        if server:
            server.terminate()
            server.wait()
        ip("netns", "del", name)


def spec(commands, *exported):
    return ("version: 0.2\nenv:\n  exported-variables: [" + ", ".join(exported) + "]\n"
            "phases:\n  build:\n    commands:\n" + commands)


# What the real service's documentation gives a build that pushes and pulls images.
PUSHES = {"Effect": "Allow", "Resource": "*", "Action": [
    "ecr:" + action for action in (
        "GetAuthorizationToken", "BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart",
        "CompleteLayerUpload", "PutImage", "BatchGetImage", "GetDownloadUrlForLayer")]}


def exported(build):
    return {v["name"]: v["value"] for v in build["exportedEnvironmentVariables"]}


def processes_in(namespace):
    """Processes of a namespace, named as by readlink."""
    found = []
    for link in glob.glob("/proc/[0-9]*/ns/*"):
        try:
            if os.readlink(link) == namespace:
                found.append(link)
        except OSError:
            pass  # it ended meanwhile
    return found


def await_gone(*namespaces, folders=()):
    end = time.monotonic() + 180
    while True:
        left = [p for n in namespaces for p in processes_in(n)] + [f for f in folders if os.path.exists(f)]
        if not left:
            return
        assert time.monotonic() < end, left
        time.sleep(0.1)


def job_dir(builds, build_id):
    return os.path.join(builds.server.data, "builds", build_id.split(":")[1])


def test_build_tag_push_and_pull(builds, repository, outside):
    server = builds.server
    host = repository.split("/")[0]
    builds.project("image", spec(DOCKERFILE + NAMESPACES + f"""\
      - docker build -t shop:latest .
      - docker tag shop:latest {repository}:v0
      - docker push {repository}:v0
      - aws ecr get-login-password | docker login --username AWS --password-stdin {host}
      - docker tag shop:latest {repository}:v1
      - docker run --rm shop:latest
      - docker run --rm --memory 64m -v $PWD:/mounted shop:latest /bin/busybox ls /mounted
      - docker run -d -p 9123:80 shop:latest /bin/busybox nc -lp 80 -e /bin/busybox echo from-the-port
      - curl -s --http0.9 --retry 60 --retry-all-errors --retry-delay 1 http://127.0.0.1:9123/
      - REQUEST='GET /page HTTP/1.0\\r\\n\\r\\n'
      - LINES=$(printf "$REQUEST" | docker run -i --rm shop:latest /bin/busybox nc {outside} 80 | grep -o 'from outside' | wc -l)
      - docker push {repository}:v1
      - DIGEST=$(docker inspect --format '{{{{index .RepoDigests 0}}}}' {repository}:v1)
      - docker system prune -af > pruned
      - printf 'FROM {repository}:v1\\nRUN ["/bin/busybox", "ls", "-l", "/made"]\\n' | docker build --no-cache -
      - docker info --format '{{{{.Driver}}}}'
      - "! ls {server.data}/towpath.db"
""", "DIGEST", "LINES", "PID_NS", "NET_NS"),
        environment=PRIVILEGED, serviceRole=server.service_role("images", "codebuild.amazonaws.com", PUSHES))
    build = builds.run("image")
    log = builds.log(build["id"])
    assert build["buildStatus"] == "SUCCEEDED", log
    for line in ("Login Succeeded", "hello from the image", "Dockerfile", "from-the-port", "/made", "overlay2"):
        assert line in log, log
    values = exported(build)
    assert values["LINES"] == "1000"
    digest = values["DIGEST"].split("@")[1]
    image = server.client("ecr").describe_images(
        repositoryName="shop", imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert image["imageDigest"] == digest and set(image["imageTags"]) == {"v0", "v1"}  # v0: without a login
    # outside of builds
    password = server.run("/usr/bin/aws", "--endpoint-url", server.endpoint, "ecr",
                          "get-login-password").stdout.strip()
    seen = json.loads(server.run("skopeo", "inspect", "--tls-verify=false", "--creds", f"AWS:{password}",
                                 f"docker://{repository}:v1").stdout)
    assert seen["Digest"] == digest and len(seen["Layers"]) == 2
    pulled = os.path.join(server.data, "pulled")
    server.run("skopeo", "copy", "--src-tls-verify=false", "--src-creds", f"AWS:{password}",
               f"docker://{repository}@{digest}", f"dir:{pulled}")
    with open(os.path.join(pulled, "manifest.json"), encoding="utf-8") as f:
        assert [layer["digest"] for layer in json.load(f)["layers"]] == seen["Layers"]
    await_gone(values["PID_NS"], values["NET_NS"], folders=[os.path.join(job_dir(builds, build["id"]), "docker")])


def test_layers_are_kept_when_the_project_says_so(builds):
    builds.project("cached", spec(DOCKERFILE + """\
      - docker ps -a
      - docker build -t kept .
      - docker run --name left kept
"""), environment=PRIVILEGED, cache={"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]})
    first, second = builds.run("cached"), builds.run("cached")
    assert first["buildStatus"] == "SUCCEEDED", builds.log(first["id"])
    assert second["buildStatus"] == "SUCCEEDED", builds.log(second["id"])
    assert "Using cache" not in builds.log(first["id"])
    # layers are there again, containers are not
    assert "left" not in builds.log(second["id"]).split("docker build")[0]
    assert builds.log(second["id"]).count("Using cache") == 3, builds.log(second["id"])
    builds.api.invalidate_project_cache(projectName="cached")
    third = builds.run("cached")
    assert "Using cache" not in builds.log(third["id"])
    assert [g for g in glob.glob(os.path.join(builds.server.data, "cache", "cached", "*", "docker"))
            if "/0/" in g] == []


def test_one_engine_has_the_layers_and_nothing_is_left_of_a_killed_leader(builds):
    builds.project("killed", spec(DOCKERFILE + NAMESPACES + """\
      - docker build -t lasting .
      - docker run -d lasting /bin/busybox sleep 600
      - echo "$PID_NS $NET_NS" > namespaces
      - sleep 600
"""), environment=PRIVILEGED, cache={"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]})
    build_id = builds.start("killed")
    job = job_dir(builds, build_id)
    namespaces = os.path.join(job, "src", "namespaces")
    builds.until(build_id, lambda b: b["buildComplete"] or (
        os.path.exists(namespaces) and os.path.getsize(namespaces)))
    with open(namespaces, encoding="utf-8") as f:
        names = f.read().split()
    assert all(processes_in(n) for n in names), builds.log(build_id)
    images = spec("      - COUNT=$(docker images -q | wc -l)\n", "COUNT")
    beside = builds.run("killed", buildspecOverride=images)
    assert exported(beside)["COUNT"] == "0"
    assert "Another build uses the project's docker layers" in builds.log(beside["id"])
    with open(os.path.join(job, "status.log"), encoding="utf-8") as f:
        os.kill(json.loads(f.readline())["pid"], signal.SIGKILL)
    assert builds.finish(build_id)["buildStatus"] == "FAULT"
    await_gone(*names, folders=[os.path.join(job_dir(builds, beside["id"]), "docker")])
    # an engine that did not end in order leaves nothing that is used again
    after = builds.run("killed", buildspecOverride=images)
    assert exported(after)["COUNT"] == "0"
    assert "Another build" not in builds.log(after["id"])


def test_reports(builds):
    """What a privileged build gathers into folders arrives as from any other."""
    builds.project("reports", """version: 0.2
phases:
  build:
    commands:
      - mkdir -p out/deep
      - printf 'SF:pay.js\\nLF:10\\nLH:9\\nend_of_record\\n' > out/deep/lcov.info
reports:
  coverage:
    files: ['**/*.info']
    base-directory: out
    file-format: LCOV
""", environment=PRIVILEGED)
    build = builds.run("reports")
    report = builds.server.client("codebuild").batch_get_reports(reportArns=build["reportArns"])["reports"][0]
    assert report["status"] == "SUCCEEDED" and report["codeCoverageSummary"]["lineCoveragePercentage"] == 90.0, \
        builds.log(build["id"])


def test_other_builds_have_no_engine(builds):
    builds.project("plain", spec("      - docker ps\n"))
    build = builds.run("plain")
    assert build["buildStatus"] == "FAILED"
    assert "Cannot connect to the Docker daemon at unix:///var/run/docker.sock" in builds.log(build["id"])
