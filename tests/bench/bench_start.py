"""Start of the server over its history"""
import os
import socket
import subprocess
import sys
import tempfile
import time

BUILDS, EXECUTIONS = 5000, 5000
STARTS = 15
ENDED = ("Succeeded", "Failed", "Stopped", "Superseded")


def run_builds(server, count):
    """Real builds without commands, started by the API."""
    cb = server.client("codebuild")
    cb.create_project(name="noop", serviceRole="arn:aws:iam::123456789012:role/build",
                      source={"type": "NO_SOURCE",
                              "buildspec": "version: 0.2\nphases:\n  build:\n    commands: []\n"},
                      artifacts={"type": "NO_ARTIFACTS"},
                      environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                                   "computeType": "BUILD_GENERAL1_SMALL"})
    last = [cb.start_build(projectName="noop")["build"]["id"] for _ in range(count)][-1]
    end = time.monotonic() + 1800
    while not cb.batch_get_builds(ids=[last])["builds"][0]["buildComplete"]:
        assert time.monotonic() < end, "the builds did not end"
        time.sleep(0.2)


def run_executions(server, pipelines, count):
    """Real executions: an object is fetched and put elsewhere. One after the other, as they are asked for."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bench")
    s3.put_bucket_versioning(Bucket="bench", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="bench", Key="k.zip", Body=b"x")
    cp = pipelines.client(server)
    cp.create_pipeline(pipeline=pipelines.pipeline(
        "shop", ("Source", pipelines.s3_source("bench", "k.zip")),
        ("Publish", pipelines.s3_deploy("bench", extract="false", ObjectKey="o")), bucket="bench"))
    for _ in range(count - 1):
        started = cp.start_pipeline_execution(name="shop")["pipelineExecutionId"]
        wait_for_execution(cp, started)


def wait_for_execution(cp, started):
    end = time.monotonic() + 60
    while cp.get_pipeline_execution(pipelineName="shop", pipelineExecutionId=started)[
            "pipelineExecution"]["status"] not in ENDED:
        assert time.monotonic() < end, "an execution did not end"


def answered(port, request):
    """Whether the server answers 200 at this moment."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
            s.sendall(request)
            return s.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start_msec(server, request, port):
    """From the start of the program to its first answer."""
    began = time.monotonic()
    process = subprocess.Popen([os.environ["TOWPATH"], "serve", "--data", server.data, "--port", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answered(port, request):
        assert process.poll() is None and time.monotonic() < began + 60, "the server does not answer"
        time.sleep(0.0005)
    spent = (time.monotonic() - began) * 1000
    process.terminate()
    process.wait()
    return spent


def starts(server):
    """Times of several starts with the history that the server has; it is stopped before."""
    import bench_state
    request, port = bench_state.recorded_request(server, "shop"), server.port
    server.stop()
    return [start_msec(server, request, port) for _ in range(STARTS)]


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    os.environ.setdefault("TOWPATH_SOURCE", bench.root)
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    sys.path.insert(0, os.path.join(bench.root, "tests", "bench"))
    import pipelines
    import towpath
    towpath.TOWPATH = bench.towpath
    count = int(os.environ.get("TOWPATH_BENCH_HISTORY", BUILDS + EXECUTIONS))
    spent = {}
    for past in (0, count):
        with tempfile.TemporaryDirectory(dir=bench.build) as folder, towpath.Server(
                data=folder, env={"TOWPATH_VALIDATE_REPLIES": None}) as server:
            run_executions(server, pipelines, max(past // 2, 2))
            run_builds(server, max(past // 2, 1))
            spent[past] = starts(server)
    bench.row(f"start to first answer, {count:,} past builds and executions", bench.median(spent[count]), "ms",
              goal="50 ms or less", beside=f"without a history: {bench.median(spent[0]):.3g} ms;"
              f" best of {STARTS}: {min(spent[count]):.3g} and {min(spent[0]):.3g} ms")
