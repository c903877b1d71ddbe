"""Signed requests"""
import os
import subprocess
import sys
import tempfile

SECONDS, CONNECTIONS = "4", "16"
PARTS = (("signature", "the signature"), ("policy", "the policies"), ("store", "the store"))
STATEMENTS = (
    {"Effect": "Allow", "Action": ["codecommit:Git*", "codecommit:Get*", "codecommit:List*"],
     "Resource": "arn:aws:codecommit:us-east-1:*:r"},
    {"Effect": "Deny", "Action": "codecommit:*", "Resource": "*",
     "Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}}},
)


def processor_seconds(pid):
    """Of all threads, so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(bench, server, path):
    """Requests a second, and microseconds of the server's processor time for each."""
    before = processor_seconds(server.process.pid)
    done = subprocess.run([bench.program("http_load"), str(server.port), path, SECONDS, CONNECTIONS], check=True,
                          stdout=subprocess.PIPE, text=True)
    spent = processor_seconds(server.process.pid) - before
    numbers = dict(line.split() for line in done.stdout.splitlines())
    assert numbers["failed"] == "0", done.stdout
    rate = float(numbers["requests_per_second"])
    return rate, spent * 1e6 / (rate * float(SECONDS))


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    os.environ.setdefault("TOWPATH_SOURCE", bench.root)
    for folder in ("lib", "bench"):
        sys.path.insert(0, os.path.join(bench.root, "tests", folder))
    import bench_state
    import towpath
    towpath.TOWPATH = bench.towpath
    with tempfile.TemporaryDirectory(dir=bench.build) as folder, towpath.Server(
            env={"TOWPATH_VALIDATE_REPLIES": None}) as server:
        server.client("codecommit").create_repository(repositoryName="r")
        path = os.path.join(folder, "request")
        with open(path, "wb") as f:
            f.write(bench_state.signed_request(server, "codecommit", "CodeCommit_20150413.GetRepository",
                                               '{"repositoryName":"r"}', server.user("ann", *STATEMENTS)))
        rate, spent = load(bench, server, path)
        server.stop()
        parts = bench.run_program("requests", server.data, server.account, server.region, path)
    bench.row("GetRepository, signed, on two cores that the client shares", rate, "/s", goal="10,000 a second or more",
              beside=f"processor time of the server: {spent:.3g} µs a request")
    for key, name in PARTS:
        usec = parts[f"{key}_usec"]
        bench.row(f"{name}, share of that time", 100 * usec / spent, "%", beside=f"{usec:.3g} µs")
