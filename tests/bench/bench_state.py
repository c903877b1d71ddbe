"""GetPipelineState"""
import os
import subprocess
import sys
import tempfile
import urllib.parse

SECONDS, CONNECTIONS = "4", "16"


def signed_request(server, service, target, body, keys):
    """A request of a JSON protocol, as it goes over the wire."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    request = AWSRequest("POST", server.endpoint + "/", data=body, headers={
        "Host": urllib.parse.urlparse(server.endpoint).netloc,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": target})
    SigV4Auth(Credentials(*keys), service, server.region).add_auth(request)
    lines = ["POST / HTTP/1.1"] + [f"{k}: {v}" for k, v in request.headers.items()]
    return ("\r\n".join(lines + [f"Content-Length: {len(body)}", "", body])).encode()


def recorded_request(server, name):
    """A signed GetPipelineState."""
    return signed_request(server, "codepipeline", "CodePipeline_20150709.GetPipelineState", '{"name":"%s"}' % name,
                          server.keys())


def shop(pipelines):
    """A pipeline of five stages that waits for its approval."""
    return pipelines.pipeline(
        "shop", ("Source", pipelines.s3_source("bench", "k.zip")),
        ("Publish", pipelines.s3_deploy("bench", extract="false", ObjectKey="o")),
        ("Copy", pipelines.s3_deploy("bench", extract="false", ObjectKey="p")),
        ("Approve", pipelines.approval()),
        ("Ship", pipelines.s3_deploy("bench", extract="false", ObjectKey="q")), bucket="bench")


def measure(bench, port, path):
    done = subprocess.run(["taskset", "-c", "1", bench.program("http_load"), str(port), path,
                           SECONDS, CONNECTIONS], check=True, stdout=subprocess.PIPE, text=True)
    numbers = dict(line.split() for line in done.stdout.splitlines())
    assert numbers["failed"] == "0", done.stdout
    return float(numbers["requests_per_second"])


def floor(bench, answer, path, folder):
    content = os.path.join(folder, "answer")
    with open(content, "wb") as f:
        f.write(answer)
    server = subprocess.Popen(["taskset", "-c", "0", bench.program("http_load"), "--floor", content],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        return measure(bench, int(server.stdout.readline()), path)
    finally:
        server.stdin.close()
        server.wait()


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    os.environ.setdefault("TOWPATH_SOURCE", bench.root)
    sys.path.insert(0, os.path.join(bench.root, "tests", "lib"))
    import pipelines
    import towpath
    towpath.TOWPATH = bench.towpath
    with tempfile.TemporaryDirectory() as folder, towpath.Server(
            env={"TOWPATH_VALIDATE_REPLIES": None}) as server:
        os.sched_setaffinity(server.process.pid, {0})
        for thread in os.listdir(f"/proc/{server.process.pid}/task"):
            os.sched_setaffinity(int(thread), {0})
        s3 = server.client("s3")
        s3.create_bucket(Bucket="bench")
        s3.put_bucket_versioning(Bucket="bench", VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket="bench", Key="k.zip", Body=b"x")
        cp = pipelines.client(server)
        cp.create_pipeline(pipeline=shop(pipelines))
        pipelines.wait_token(cp, "shop", "Approve")
        path = os.path.join(folder, "request")
        with open(path, "wb") as f:
            f.write(recorded_request(server, "shop"))
        rate = measure(bench, server.port, path)
        size = len(str(cp.get_pipeline_state(name="shop")))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "request")
        with open(path, "wb") as f:
            f.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"name\":\"shop\"}")
        base = floor(bench, b"x" * size, path, folder)
    bench.row("GetPipelineState, signed, on one core", rate, "/s",
              goal="half of the HTTP library or more",
              beside=f"the library answering a constant of that size: {base:,.0f} /s "
                     f"({rate / base:.0%})")
