# SPDX-License-Identifier: Apache-2.0
"""Live tails of log groups, through boto3's event streams and the aws CLI."""
import os
import shutil
import subprocess
import time

import boto3
import botocore.config
import botocore.exceptions
import botocore.session
import pytest
from asking import code_of, eventually
from builds import Builds
from towpath import Server

MODEL = os.path.join(os.path.dirname(__file__), "..", "..", "model", "logs.json")


@pytest.fixture(scope="module")
def server():
    """Its clock runs: updates come every 50 ms."""
    with Server("--clock-rate", "20") as s:
        yield s


@pytest.fixture(scope="module")
def client_of(tmp_path_factory):
    """Makes clients of logs that know StartLiveTail: a boto3 from before it is given today's model."""
    folder = tmp_path_factory.mktemp("models") / "logs" / "2014-03-28"
    folder.mkdir(parents=True)
    shutil.copy(MODEL, folder / "service-2.json")

    def make(server, keys=None):
        session = botocore.session.get_session()
        session.get_component("data_loader").search_paths.insert(0, str(folder.parent.parent))
        key_id, secret = keys or server.keys()
        return boto3.Session(botocore_session=session).client(
            "logs", endpoint_url=server.endpoint, region_name=server.region, aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            config=botocore.config.Config(inject_host_prefix=False, retries={"max_attempts": 0}))
    return make


def arn_of(server, group):
    return f"arn:aws:logs:{server.region}:{server.account}:log-group:{group}"


def group_of(logs, name, *streams):
    logs.create_log_group(logGroupName=name)
    for stream in streams:
        logs.create_log_stream(logGroupName=name, logStreamName=stream)


def put(logs, group, stream, *messages, at=None):
    now = int(time.time() * 1000) if at is None else at
    logs.put_log_events(logGroupName=group, logStreamName=stream,
                        logEvents=[{"timestamp": now, "message": m} for m in messages])


class Tail:
    """A tail that has started: the client has its sessionStart."""

    def __init__(self, logs, groups, **more):
        self.stream = logs.start_live_tail(logGroupIdentifiers=groups, **more)["responseStream"]
        self.events = iter(self.stream)
        self.start = next(self.events)["sessionStart"]

    def update(self):
        return next(self.events)["sessionUpdate"]

    def lines(self, n):
        """The next n lines, of as many updates as it takes."""
        got = []
        while len(got) < n:
            got += self.update()["sessionResults"]
        return got

    def close(self):
        self.stream.close()


def test_lines_as_they_come_in(server, client_of):
    logs = client_of(server)
    group_of(logs, "/live/a", "one", "two")
    group_of(logs, "/live/b", "one")
    put(logs, "/live/a", "one", "from before")
    arns = [arn_of(server, "/live/a"), arn_of(server, "/live/b")]
    tail = Tail(logs, arns, logEventFilterPattern="ERROR")
    assert tail.start["logGroupIdentifiers"] == arns and tail.start["logEventFilterPattern"] == "ERROR"
    assert tail.start["sessionId"] and tail.start["requestId"]
    put(logs, "/live/a", "one", "ERROR 1", "fine")
    now = int(time.time() * 1000)
    put(logs, "/live/a", "two", "ERROR from the hour before", at=now - 3600_000)  # late is new as well
    put(logs, "/live/b", "one", "ERROR 2", at=now)
    logs.create_log_stream(logGroupName="/live/b", logStreamName="new")
    put(logs, "/live/b", "new", "ERROR 3")
    got = tail.lines(4)
    assert sorted(e["message"] for e in got) == ["ERROR 1", "ERROR 2", "ERROR 3", "ERROR from the hour before"]
    two = next(e for e in got if e["message"] == "ERROR 2")
    assert two["logGroupIdentifier"] == f"{server.account}:/live/b" and two["logStreamName"] == "one"
    assert two["timestamp"] == now and two["ingestionTime"]
    empty = tail.update()  # nothing new, and nothing twice
    assert empty == {"sessionMetadata": {"sampled": False}, "sessionResults": []}
    tail.close()
    logs.delete_log_stream(logGroupName="/live/a", logStreamName="one")


def test_streams_by_name_and_prefix(server, client_of):
    logs = client_of(server)
    group_of(logs, "/live/s", "web-1", "web-2", "job")
    arn = arn_of(server, "/live/s")
    named = Tail(logs, [arn], logStreamNames=["job", "later"])
    prefixed = Tail(logs, [arn], logStreamNamePrefixes=["web-"])
    for stream in ("web-1", "web-2", "job"):
        put(logs, "/live/s", stream, "line of " + stream)
    logs.create_log_stream(logGroupName="/live/s", logStreamName="later")
    put(logs, "/live/s", "later", "line of later")
    assert sorted(e["logStreamName"] for e in named.lines(2)) == ["job", "later"]
    assert sorted(e["logStreamName"] for e in prefixed.lines(2)) == ["web-1", "web-2"]
    named.close()
    prefixed.close()


def test_many_lines_are_sampled(server, client_of):
    logs = client_of(server)
    group_of(logs, "/live/many", "s")
    tail = Tail(logs, [arn_of(server, "/live/many")])
    put(logs, "/live/many", "s", *[f"line {i}" for i in range(700)])
    update = tail.update()
    while not update["sessionResults"]:
        update = tail.update()
    assert update["sessionMetadata"]["sampled"] is True
    assert [e["message"] for e in update["sessionResults"]] == [f"line {i}" for i in range(500)]
    put(logs, "/live/many", "s", "the next")
    assert [e["message"] for e in tail.lines(1)] == ["the next"]
    tail.close()


def test_a_builds_log(server, client_of):
    logs = client_of(server)
    builds = Builds(server)
    builds.project("live", "version: 0.2\nphases: {build: {commands: [echo live-is-$((6*7))]}}")
    logs.create_log_group(logGroupName="/aws/codebuild/live")
    tail = Tail(logs, [arn_of(server, "/aws/codebuild/live")], logEventFilterPattern='"live-is-42"')
    build = builds.start("live")
    line = tail.lines(1)[0]
    assert line["message"] == "live-is-42" and line["logStreamName"] == build.split(":")[1]
    builds.finish(build)
    tail.close()


def test_what_is_refused(server, client_of):
    logs = client_of(server)
    group_of(logs, "/live/r", "s")
    arn = arn_of(server, "/live/r")
    start = logs.start_live_tail
    assert code_of(start, logGroupIdentifiers=[arn_of(server, "/none")]) == "ResourceNotFoundException"
    for bad in ({"logGroupIdentifiers": ["/live/r"]}, {"logGroupIdentifiers": [arn + ":*"]},
                {"logGroupIdentifiers": [arn], "logEventFilterPattern": "{ $.a }"},
                {"logGroupIdentifiers": [arn], "logStreamNames": ["s"], "logStreamNamePrefixes": ["s"]},
                {"logGroupIdentifiers": [arn, arn_of(server, "/live/a")], "logStreamNames": ["s"]}):
        assert code_of(start, **bad) == "InvalidParameterException", bad
    reader = client_of(server, server.user("tailer", {
        "Effect": "Allow", "Action": "logs:StartLiveTail", "Resource": arn}))
    Tail(reader, [arn]).close()
    assert code_of(reader.start_live_tail,
                   logGroupIdentifiers=[arn_of(server, "/live/other")]) == "AccessDeniedException"


def test_the_cli(server):
    logs = server.client("logs")
    group_of(logs, "/live/cli", "s")
    with subprocess.Popen([shutil.which("aws"), "logs", "start-live-tail", "--log-group-identifiers",
                           arn_of(server, "/live/cli")], env=dict(server.env(), PYTHONUNBUFFERED="1"),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cli:
        out = b""
        os.set_blocking(cli.stdout.fileno(), False)

        def printed():
            nonlocal out
            put(logs, "/live/cli", "s", "live is 42")  # again: what comes before the session is not told
            out += cli.stdout.read() or b""
            return b"live is 42" in out or cli.poll() is not None
        eventually(printed)
        if cli.poll() is None:
            cli.terminate()
        elif b"Invalid choice" in (why := cli.stderr.read()):
            pytest.skip("this aws CLI knows no start-live-tail")
        else:
            raise AssertionError(why)


def test_fifteen_at_once_and_gone_ones_give_way(server, client_of):
    logs = client_of(server)
    group_of(logs, "/live/full", "s")
    arn = arn_of(server, "/live/full")
    open_tails = []

    def full():
        try:
            open_tails.append(Tail(logs, [arn]))
        except botocore.exceptions.ClientError as e:
            return e.response["Error"]["Code"] == "LimitExceededException"
        return False
    eventually(full)
    assert 1 <= len(open_tails) <= 15
    for tail in open_tails:
        tail.close()
    eventually(lambda: not full(), what="tails whose clients went away end")
    open_tails[-1].close()


def test_the_session_ends_after_three_hours_or_with_the_server(client_of):
    with Server("--clock-rate", "10800") as s:  # three hours are a second
        logs = client_of(s)
        group_of(logs, "/live/end", "s")
        tail = Tail(logs, [arn_of(s, "/live/end")])
        with pytest.raises(botocore.exceptions.EventStreamError, match="SessionTimeoutException"):
            for _ in tail.events:
                pass
    with Server() as s:
        logs = client_of(s)
        group_of(logs, "/live/end", "s")
        tail = Tail(logs, [arn_of(s, "/live/end")])
        s.stop()
        with pytest.raises(Exception) as cut:  # the client's own words for a broken stream
            for _ in tail.events:
                pass
        assert not isinstance(cut.value, botocore.exceptions.ClientError)
