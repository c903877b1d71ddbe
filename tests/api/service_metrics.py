# SPDX-License-Identifier: Apache-2.0
"""The metrics of AWS/Events, AWS/SNS and AWS/Logs: counted in memory, put into the metrics at the end of each minute
and of the server."""
import datetime
import json

import pytest
from asking import eventually, standing
from towpath import Server

DAY = datetime.timedelta(days=1)


class World:
    def __init__(self):
        self.server = Server().start()
        self.connect()

    def connect(self):
        self.events, self.sns = self.server.client("events"), self.server.client("sns")
        self.logs, self.cloudwatch = self.server.client("logs"), self.server.client("cloudwatch")

    def close(self):
        self.server.close()

    def again(self, *arguments):
        """A stop, which counts what is not counted yet, and a start."""
        self.server.restart(*arguments)
        self.connect()

    def statistics(self, name_space, metric, unit="Count", days=1, **dimensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        points = self.cloudwatch.get_metric_statistics(
            Namespace=f"AWS/{name_space}", MetricName=metric, StartTime=now - DAY, EndTime=now + days * DAY, Period=86400,
            Unit=unit, Statistics=["Sum", "SampleCount", "Minimum", "Maximum"],
            Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()])["Datapoints"]
        return {s: f(p[s] for p in points) for s, f in (
            ("Sum", sum), ("SampleCount", sum), ("Minimum", min), ("Maximum", max))} if points else None

    def total(self, name_space, metric, unit="Count", **more):
        got = self.statistics(name_space, metric, unit, **more)
        return got["Sum"] if got else 0

    def messages(self, group):
        try:
            return [e["message"] for e in self.logs.filter_log_events(logGroupName=group)["events"]]
        except self.logs.exceptions.ResourceNotFoundException:
            return []


@pytest.fixture(scope="module")
def world():
    yield from standing(World())


def group_arn(world, name):
    return f"arn:aws:logs:{world.server.region}:{world.server.account}:log-group:{name}"


def test_events(world):
    topic = f"arn:aws:sns:{world.server.region}:{world.server.account}:nowhere"
    e = world.events
    e.create_event_bus(Name="own")
    for bus, rule, target in (("default", "kept", {"Arn": group_arn(world, "/kept")}),
                              ("own", "lost", {"Arn": topic, "DeadLetterConfig": {"Arn": group_arn(world, "/dead")}})):
        e.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"source": ["shop"]}))
        e.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "1", **target}])
    entry = {"Source": "shop", "DetailType": "sold", "Detail": "{}"}
    answer = e.put_events(Entries=[entry, entry, {**entry, "Source": "other"}, {**entry, "EventBusName": "own"},
                                   {**entry, "Detail": "no JSON"}])
    assert answer["FailedEntryCount"] == 1
    eventually(lambda: len(world.messages("/kept")) == 2 and len(world.messages("/dead")) == 1)
    world.again()
    assert (world.total("Events", "PutEventsEntriesCount"), world.total("Events", "PutEventsFailedEntriesCount")) == (5, 1)
    assert world.statistics("Events", "MatchedEvents") == {"Sum": 3, "SampleCount": 3, "Minimum": 1, "Maximum": 1}
    assert world.total("Events", "InvocationsCreated") == 3
    for metric, kept, lost in (
            ("MatchedEvents", 2, 1), ("TriggeredRules", 2, 1), ("Invocations", 2, 1), ("InvocationAttempts", 2, 1),
            ("SuccessfulInvocationAttempts", 2, 0), ("RetryInvocationAttempts", 0, 0), ("FailedInvocations", 0, 1),
            ("InvocationsSentToDlq", 0, 1), ("InvocationsFailedToBeSentToDlq", 0, 0), ("ThrottledRules", 0, 0)):
        assert (world.total("Events", metric, RuleName="kept"),
                world.total("Events", metric, EventBusName="own", RuleName="lost")) == (kept, lost), metric
        assert world.total("Events", metric) == kept + lost, metric


def test_topics(world, receiver):
    topic = world.sns.create_topic(Name="shop")["TopicArn"]
    for policy in ({}, {"FilterPolicy": json.dumps({"kind": ["none"]})}):
        world.sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"{receiver.url}{len(policy)}", Attributes=policy)
        world.sns.confirm_subscription(TopicArn=topic, Token=receiver.next()[1]["Token"])
    receiver.statuses.append(404)
    for message in ("a", "four"):
        world.sns.publish(TopicArn=topic, Message=message)
        receiver.next()
    world.again()
    assert world.statistics("SNS", "PublishSize", "Bytes", TopicName="shop") == {
        "Sum": 5, "SampleCount": 2, "Minimum": 1, "Maximum": 4}
    assert {metric: world.total("SNS", f"NumberOf{metric}", TopicName="shop") for metric in (
        "MessagesPublished", "NotificationsDelivered", "NotificationsFailed", "NotificationsFilteredOut",
        "NotificationsFilteredOut-NoMessageAttributes")} == {
            "MessagesPublished": 2, "NotificationsDelivered": 1, "NotificationsFailed": 1, "NotificationsFilteredOut": 2,
            "NotificationsFilteredOut-NoMessageAttributes": 2}


def test_logs(world, receiver):
    before = {m: world.total("Logs", m, unit) for m, unit in (("IncomingBytes", "Bytes"), ("IncomingLogEvents", "None"))}
    world.logs.create_log_group(logGroupName="/shop")
    world.logs.create_log_stream(logGroupName="/shop", logStreamName="s")
    world.logs.put_subscription_filter(logGroupName="/shop", filterName="f", filterPattern="sold",
                                       destinationArn=receiver.url)
    now = int(datetime.datetime.now().timestamp() * 1000)
    put = lambda *lines: world.logs.put_log_events(logGroupName="/shop", logStreamName="s", logEvents=[  # noqa: E731
        {"timestamp": now, "message": line} for line in lines])
    put("sold", "sold out")
    put("caf\u00e9")
    receiver.next()
    world.again()
    size = 4 + 8 + 5 + 3 * 26
    for dimensions, base in (({"LogGroupName": "/shop"}, {m: 0 for m in before}), ({}, before)):
        assert world.total("Logs", "IncomingBytes", "Bytes", **dimensions) == base["IncomingBytes"] + size
        assert world.total("Logs", "IncomingLogEvents", "None", **dimensions) == base["IncomingLogEvents"] + 3
    forward = {"LogGroupName": "/shop", "DestinationType": "Http", "FilterName": "f"}
    assert world.total("Logs", "ForwardedLogEvents", "None", **forward) == 2
    assert world.total("Logs", "ForwardedBytes", "Bytes", **forward) > 0
    assert world.total("Logs", "DeliveryErrors", "None", **forward) == 0


def test_each_minute(world):
    """A running server puts its counts into the metrics as minutes end, and alarms see them."""
    topic = world.sns.create_topic(Name="busy")["TopicArn"]
    world.again("--clock-rate", "600")
    world.cloudwatch.put_metric_alarm(
        AlarmName="busy", Namespace="AWS/SNS", MetricName="NumberOfMessagesPublished", Statistic="Sum", Period=60,
        EvaluationPeriods=120, DatapointsToAlarm=1, Threshold=0, ComparisonOperator="GreaterThanThreshold",
        Dimensions=[{"Name": "TopicName", "Value": "busy"}])
    world.sns.publish(TopicArn=topic, Message="m")
    eventually(lambda: world.total("SNS", "NumberOfMessagesPublished", TopicName="busy", days=100) == 1)
    history = lambda: world.cloudwatch.describe_alarm_history(  # noqa: E731
        AlarmName="busy", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    eventually(lambda: any("to ALARM" in item["HistorySummary"] for item in history()))
