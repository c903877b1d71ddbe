# SPDX-License-Identifier: Apache-2.0
"""CloudWatch Logs through boto3 and the aws CLI: filter patterns, metric filters that alarms see,
subscriptions to a real receiver, tags, retention."""
import base64
import gzip
import json
import time

import pytest
from asking import code_of, eventually
from towpath import Server


@pytest.fixture(scope="module")
def fast():
    """A server whose clock runs: minutes pass in moments."""
    with Server("--clock-rate", "100") as s:
        yield s


def now_of(server):
    """The server's time in milliseconds: that of a stream just made."""
    logs = server.client("logs")
    name = f"/clock/{time.monotonic_ns()}"
    logs.create_log_group(logGroupName=name)
    return logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]["creationTime"]


def put(server, group, *messages):
    logs = server.client("logs")
    now = now_of(server)
    for call, args in ((logs.create_log_group, {}), (logs.create_log_stream, {"logStreamName": "s"})):
        try:
            call(logGroupName=group, **args)
        except logs.exceptions.ResourceAlreadyExistsException:
            pass
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[
        {"timestamp": now, "message": m if isinstance(m, str) else json.dumps(m)} for m in messages])


def test_filter_patterns(shared_server):
    logs = shared_server.client("logs")
    put(shared_server, "/p", {"level": "ERROR", "n": 7}, {"level": "INFO", "n": 1}, "127.0.0.1 - GET 404",
        "plain ERROR text")

    def found(pattern):
        return [e["message"] for e in logs.filter_log_events(logGroupName="/p", filterPattern=pattern)["events"]]
    assert found("{ $.level = ERROR && $.n > 5 }") == ['{"level": "ERROR", "n": 7}']
    assert found("[ip, ..., status = 4*]") == ["127.0.0.1 - GET 404"]
    assert found("%^plain%") == ["plain ERROR text"] and len(found("ERROR")) == 2
    assert code_of(logs.filter_log_events, logGroupName="/p", filterPattern="{ $.a }") == "InvalidParameterException"
    matches = logs.test_metric_filter(filterPattern="{ $.n >= 1 }", logEventMessages=[
        '{"n": 0}', '{"n": 2, "m": 1}', "x"])["matches"]
    assert matches == [{"eventNumber": 2, "eventMessage": '{"n": 2, "m": 1}', "extractedValues": {"$.n": "2"}}]
    matches = logs.test_metric_filter(filterPattern="[ip, code]", logEventMessages=["10.0.0.1 200"])["matches"]
    assert matches[0]["extractedValues"] == {"$ip": "10.0.0.1", "$code": "200"}
    tail = shared_server.run("/usr/bin/aws", "--endpoint-url", shared_server.endpoint, "logs", "filter-log-events",
                             "--log-group-name", "/p", "--filter-pattern", "{ $.n = 1 }")
    assert "INFO" in tail.stdout and "ERROR" not in tail.stdout


def metric(server, name, **more):
    now = now_of(server) / 1000
    points = server.client("cloudwatch").get_metric_statistics(**dict({
        "Namespace": "App", "MetricName": name, "StartTime": now - 7200, "EndTime": now + 7200, "Period": 60,
        "Statistics": ["Sum", "SampleCount"]}, **more))["Datapoints"]
    return sum(p["Sum"] for p in points), sum(p["SampleCount"] for p in points)


def test_pages_over_streams_are_bounded(shared_server):
    """Lines of several streams come by time, a mebibyte at once, whatever the group holds."""
    logs, now = shared_server.client("logs"), now_of(shared_server)
    logs.create_log_group(logGroupName="/many")
    for k in range(4):
        logs.create_log_stream(logGroupName="/many", logStreamName=f"s{k}")
        logs.put_log_events(logGroupName="/many", logStreamName=f"s{k}", logEvents=[
            {"timestamp": now + 4 * i + k, "message": f"{4 * i + k} " + "x" * 150000} for i in range(6)])
    pages, more = [], {}
    while not pages or more:
        page = logs.filter_log_events(logGroupName="/many", **more)
        pages.append([int(x["message"].split()[0]) for x in page["events"]])
        more = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
    assert sum(pages, []) == list(range(24))
    assert [len(page) for page in pages] == [6, 6, 6, 6]
    found = logs.filter_log_events(logGroupName="/many", filterPattern="23")["events"]
    assert [x["logStreamName"] for x in found] == ["s3"]
    limited = logs.filter_log_events(logGroupName="/many", limit=3)
    assert [int(x["message"].split()[0]) for x in limited["events"]] == [0, 1, 2] and "nextToken" in limited
    assert len(logs.filter_log_events(logGroupName="/many", logStreamNames=["s0"], limit=2)["events"]) == 2
    assert code_of(logs.filter_log_events, logGroupName="/many",
                   logStreamNames=["s0", "no"]) == "ResourceNotFoundException"
    assert code_of(logs.filter_log_events, logGroupName="/many", logStreamNames=["s0"],
                   logStreamNamePrefix="s") == "InvalidParameterException"
    newest = shared_server.newest_client("logs")
    assert code_of(newest.filter_log_events, logGroupName="/many",
                   logGroupIdentifier="/many") == "InvalidParameterException"
    for head in (True, False):
        page = logs.get_log_events(logGroupName="/many", logStreamName="s1", startFromHead=head)
        assert len(page["events"]) == 6


def test_metric_filters(shared_server):
    logs = shared_server.client("logs")
    put(shared_server, "/m", "ERROR from before")
    transform = lambda name, **more: [dict({  # noqa: E731
        "metricName": name, "metricNamespace": "App", "metricValue": "1"}, **more)]
    logs.put_metric_filter(logGroupName="/m", filterName="errors", filterPattern="ERROR",
                           metricTransformations=transform("Errors", defaultValue=0.0))
    logs.put_metric_filter(logGroupName="/m", filterName="times", filterPattern="{ $.ms = * }",
                           metricTransformations=transform("Times", metricValue="$.ms", unit="Milliseconds",
                                                           dimensions={"Path": "$.path"}))
    put(shared_server, "/m", "fine")
    assert metric(shared_server, "Errors") == (0, 1)  # the default value, of lines that do not count
    put(shared_server, "/m", "ERROR 1", "an ERROR too", {"ms": 12.5, "path": "/a"}, {"ms": 7.5, "path": "/a"},
        {"ms": 1, "path": "/b"}, {"ms": 3}, {"ms": "soon", "path": "/a"})
    assert metric(shared_server, "Errors") == (2, 3)
    assert metric(shared_server, "Times", Dimensions=[{"Name": "Path", "Value": "/a"}]) == (20, 2)
    assert metric(shared_server, "Times", Dimensions=[{"Name": "Path", "Value": "/b"}]) == (1, 1)
    assert logs.describe_log_groups(logGroupNamePrefix="/m")["logGroups"][0]["metricFilterCount"] == 2
    shown = logs.describe_metric_filters(logGroupName="/m", filterNamePrefix="err")["metricFilters"]
    assert [f["metricTransformations"][0]["defaultValue"] for f in shown] == [0.0]
    assert [f["filterName"] for f in logs.describe_metric_filters(
        metricName="Times", metricNamespace="App")["metricFilters"]] == ["times"]

    def wrong(pattern="x", **more):
        return code_of(logs.put_metric_filter, logGroupName="/m", filterName="x", filterPattern=pattern,
                       metricTransformations=transform("X", **more))
    assert wrong("{ $.a }") == "InvalidParameterException"
    assert wrong(metricValue="one") == "InvalidParameterException"
    assert wrong(defaultValue=1.0, dimensions={"A": "$.a"}) == "InvalidParameterException"
    assert wrong(dimensions={"A": "a"}) == "InvalidParameterException"
    assert code_of(logs.put_metric_filter, logGroupName="/none", filterName="x", filterPattern="",
                   metricTransformations=transform("X")) == "ResourceNotFoundException"
    logs.delete_metric_filter(logGroupName="/m", filterName="errors")
    assert code_of(logs.delete_metric_filter, logGroupName="/m", filterName="errors") == "ResourceNotFoundException"


def test_an_alarm_sees_lines(fast):
    logs, cw = fast.client("logs"), fast.client("cloudwatch")
    put(fast, "/alarmed", "begin")
    logs.put_metric_filter(logGroupName="/alarmed", filterName="f", filterPattern="PANIC", metricTransformations=[
        {"metricName": "Panics", "metricNamespace": "App", "metricValue": "1"}])
    cw.put_metric_alarm(AlarmName="panics", Namespace="App", MetricName="Panics", Statistic="Sum", Period=60,
                        EvaluationPeriods=60, DatapointsToAlarm=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold")
    put(fast, "/alarmed", "PANIC at the disco")
    state = lambda: cw.describe_alarms(AlarmNames=["panics"])["MetricAlarms"][0]["StateValue"]  # noqa: E731
    eventually(lambda: state() == "ALARM")


def test_lines_of_builds_count(shared_server):
    """Their spool files are followed."""
    logs, cb = shared_server.client("logs"), shared_server.client("codebuild")
    logs.create_log_group(logGroupName="/aws/codebuild/counted")
    logs.put_metric_filter(
        logGroupName="/aws/codebuild/counted", filterName="f", filterPattern='"it is line" -echo',
        metricTransformations=[{"metricName": "Lines", "metricNamespace": "App", "metricValue": "1"}])
    cb.create_project(name="counted", source={"type": "NO_SOURCE", "buildspec":
                      "version: 0.2\nphases: {build: {commands: ['for i in 1 2 3; do echo it is line $i; done']}}"},
                      artifacts={"type": "NO_ARTIFACTS"}, serviceRole=f"arn:aws:iam::{shared_server.account}:role/build",
                      environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                                   "computeType": "BUILD_GENERAL1_SMALL"})
    cb.start_build(projectName="counted")
    eventually(lambda: metric(shared_server, "Lines")[0] >= 3)
    assert metric(shared_server, "Lines") == (3, 3)


def lines_of(document):
    data = json.loads(gzip.decompress(base64.b64decode(document["awslogs"]["data"])))
    return data, [e["message"] for e in data["logEvents"]]


def test_subscriptions(fast, receiver):
    logs, events = fast.client("logs"), fast.client("events")
    put(fast, "/sub", "begin")
    logs.put_subscription_filter(logGroupName="/sub", filterName="errors", filterPattern="ERROR",
                                 destinationArn=receiver.url)
    receiver.statuses = [503, 500]
    put(fast, "/sub", "fine", "ERROR 1", "ERROR 2")
    got = [receiver.next()[1] for _ in range(3)]
    assert got[0] == got[1] == got[2]
    data, messages = lines_of(got[2])
    assert messages == ["ERROR 1", "ERROR 2"] and data["messageType"] == "DATA_MESSAGE"
    assert (data["owner"], data["logGroup"], data["logStream"], data["subscriptionFilters"]) == (
        fast.account, "/sub", "s", ["errors"])
    assert [set(e) for e in data["logEvents"]] == [{"id", "timestamp", "message"}] * 2

    connection = events.create_connection(Name="logs", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k1"}})["ConnectionArn"]
    arn = events.create_api_destination(Name="logs", ConnectionArn=connection, HttpMethod="POST",
                                        InvocationEndpoint=receiver.url + "d")["ApiDestinationArn"]
    role = fast.service_role("logs", "logs.amazonaws.com", {
        "Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": arn})
    assert code_of(logs.put_subscription_filter, logGroupName="/sub", filterName="d", filterPattern="",
                   destinationArn=arn) == "InvalidParameterException"
    logs.put_subscription_filter(logGroupName="/sub", filterName="d", filterPattern="", destinationArn=arn, roleArn=role)
    put(fast, "/sub", "line")
    headers, document = receiver.next()
    assert headers["x-key"] == "k1" and lines_of(document)[1] == ["line"]
    assert code_of(logs.put_subscription_filter, logGroupName="/sub", filterName="third", filterPattern="",
                   destinationArn=receiver.url) == "LimitExceededException"
    assert "NotImplemented" in code_of(
        logs.put_subscription_filter, logGroupName="/sub", filterName="d", filterPattern="",
        destinationArn="arn:aws:lambda:us-east-1:123456789012:function:f")
    assert [f["filterName"] for f in logs.describe_subscription_filters(logGroupName="/sub")["subscriptionFilters"]] == [
        "d", "errors"]
    logs.delete_subscription_filter(logGroupName="/sub", filterName="d")
    assert [f["destinationArn"] for f in logs.describe_subscription_filters(
        logGroupName="/sub", filterNamePrefix="e")["subscriptionFilters"]] == [receiver.url]
    logs.delete_log_group(logGroupName="/sub")
    put(fast, "/sub", "again")
    assert logs.describe_subscription_filters(logGroupName="/sub")["subscriptionFilters"] == []


def test_a_batch_survives_kill9(server, receiver):
    put(server, "/k", "begin")
    server.client("logs").put_subscription_filter(logGroupName="/k", filterName="f", filterPattern="",
                                                  destinationArn=receiver.url)
    receiver.statuses = [503]
    put(server, "/k", "once")
    first = receiver.next()[1]
    server.kill9()
    server.start()
    assert receiver.next()[1] == first


def test_tags(shared_server):
    logs = shared_server.client("logs")
    logs.create_log_group(logGroupName="/tags", tags={"a": "1"})
    arn = logs.describe_log_groups(logGroupNamePrefix="/tags")["logGroups"][0]["arn"].removesuffix(":*")
    logs.tag_resource(resourceArn=arn, tags={"b": "2", "c": "3"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}
    logs.tag_log_group(logGroupName="/tags", tags={"d": "4"})
    logs.untag_log_group(logGroupName="/tags", tags=["b", "c"])
    assert logs.list_tags_log_group(logGroupName="/tags")["tags"] == {"d": "4"}
    assert code_of(logs.tag_log_group, logGroupName="/none", tags={"a": "b"}) == "ResourceNotFoundException"
