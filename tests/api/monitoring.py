# SPDX-License-Identifier: Apache-2.0
"""Metrics, alarms, logs and event rules through boto3 and the aws CLI."""
import json
import os
import sqlite3
import time

import botocore.exceptions
import pytest
from asking import code_of, eventually


def alarm(name, **more):
    return dict({"AlarmName": name, "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum",
                 "Period": 1, "EvaluationPeriods": 1, "Threshold": 5.0,
                 "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                 "TreatMissingData": "notBreaching"}, **more)


def metric(id, name, stat="Sum", **more):
    period = more.pop("Period", 1)
    return dict({"Id": id, "MetricStat": {"Metric": {"Namespace": more.pop("Namespace", "Shop"), "MetricName": name},
                                          "Period": period, "Stat": stat}}, **more)


def test_metrics(shared_server):
    c = shared_server.client("cloudwatch")
    now = int(time.time())
    dims = [{"Name": "Service", "Value": "api"}]
    c.put_metric_data(Namespace="M", MetricData=[
        {"MetricName": "Latency", "Dimensions": dims, "Timestamp": now, "Unit": "Seconds",
         "Values": [1.0, 2.0, 10.0], "Counts": [50, 49, 1], "StorageResolution": 1},
        {"MetricName": "Count", "Dimensions": dims, "Timestamp": now, "Value": 4},
        {"MetricName": "Count", "Dimensions": dims, "Timestamp": now,
         "StatisticValues": {"SampleCount": 3, "Sum": 9, "Minimum": 1, "Maximum": 5}}])
    points = c.get_metric_statistics(
        Namespace="M", MetricName="Latency", Dimensions=dims, StartTime=now - 60, EndTime=now + 60,
        Period=1, Statistics=["Sum", "Maximum", "SampleCount", "Average", "Minimum"])["Datapoints"]
    assert len(points) == 1
    assert (points[0]["Sum"], points[0]["Maximum"], points[0]["SampleCount"]) == (158, 10, 100)
    assert points[0]["Unit"] == "Seconds"
    p = c.get_metric_statistics(Namespace="M", MetricName="Latency", Dimensions=dims,
                                StartTime=now - 60, EndTime=now + 60, Period=60,
                                ExtendedStatistics=["p99", "p50"])["Datapoints"]
    assert p[0]["ExtendedStatistics"] == {"p99": 2.0, "p50": 1.0}
    data = c.get_metric_data(
        StartTime=now - 120, EndTime=now + 60, MetricDataQueries=[
            {"Id": "a", "MetricStat": {"Metric": {"Namespace": "M", "MetricName": "Count",
                                                  "Dimensions": dims}, "Period": 60,
                                       "Stat": "Sum"}}])["MetricDataResults"]
    assert sum(data[0]["Values"]) == 13 and data[0]["StatusCode"] == "Complete"
    listed = c.list_metrics(Namespace="M", Dimensions=[{"Name": "Service"}])["Metrics"]
    assert {m["MetricName"] for m in listed} == {"Latency", "Count"}
    c.put_metric_data(Namespace="M", MetricData=[{"MetricName": "Old", "Timestamp": now - 4 * 3600, "Value": 1}])
    names = lambda **more: {m["MetricName"] for m in c.list_metrics(Namespace="M", **more)["Metrics"]}  # noqa: E731
    assert names() - names(RecentlyActive="PT3H") == {"Old"}
    assert code_of(c.put_metric_data, Namespace="AWS/X", MetricData=[
        {"MetricName": "a", "Value": 1}]) in ("InvalidParameterValue",
                                              "InvalidParameterValueException")


def test_what_metrics_refuse(shared_server):
    c = shared_server.client("cloudwatch")
    twice = [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]
    for more in ({"Dimensions": twice}, {"StorageResolution": 5}, {"Value": None, "Values": [1.0] * 151}):
        datum = {k: v for k, v in dict({"MetricName": "m", "Value": 1}, **more).items() if v is not None}
        assert code_of(c.put_metric_data, Namespace="Refused", MetricData=[datum]) == "InvalidParameterValue", more
    assert code_of(c.put_metric_data, Namespace="Refused",
                   MetricData=[{"MetricName": "m", "Value": 1}] * 1001) == "InvalidParameterValue"
    assert code_of(c.put_metric_alarm, **alarm("refused", Dimensions=twice)) == "ValidationError"
    assert code_of(c.get_metric_data, StartTime=0, EndTime=60,
                   MetricDataQueries=[metric("a", "m", Period=7)]) == "ValidationError"
    assert c.list_metrics(Namespace="Refused")["Metrics"] == []
    c.put_metric_alarm(**alarm("by-hand", Period=60, TreatMissingData="ignore"))
    assert code_of(c.set_alarm_state, AlarmName="by-hand", StateValue="OK", StateReason="x",
                   StateReasonData="{") == "InvalidFormat"
    c.set_alarm_state(AlarmName="by-hand", StateValue="OK", StateReason="told")
    shown = c.describe_alarms(AlarmNames=["by-hand"])["MetricAlarms"][0]
    assert (shown["StateValue"], shown["StateReason"]) == ("OK", "told")
    c.delete_alarms(AlarmNames=["by-hand"])


def test_pages_of_metric_data(shared_server):
    c = shared_server.client("cloudwatch")
    at = int(time.time()) // 60 * 60
    c.put_metric_data(Namespace="Pages", MetricData=[
        {"MetricName": "m", "Value": i, "Timestamp": at - 60 * i} for i in range(1, 8)])
    queries = [metric(id, name, Namespace="Pages", Period=60) for id, name in (("a", "m"), ("none", "n"))] + [
        {"Id": "twice", "Expression": "a * 2"}]
    ask = lambda **more: c.get_metric_data(  # noqa: E731
        StartTime=at - 600, EndTime=at, MetricDataQueries=queries, **more)
    whole = {r["Id"]: r["Values"] for r in ask()["MetricDataResults"]}
    assert whole == {"a": list(range(1, 8)), "none": [], "twice": list(range(2, 16, 2))}
    for order, size in (("TimestampDescending", 3), ("TimestampAscending", 7), ("TimestampDescending", 1)):
        seen, token = {}, {}
        while True:
            page = ask(ScanBy=order, MaxDatapoints=size, **token)
            assert sum(len(r["Values"]) for r in page["MetricDataResults"]) <= size
            for r in page["MetricDataResults"]:
                seen.setdefault(r["Id"], []).extend(r["Values"])
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        assert seen == {k: v if order == "TimestampDescending" else v[::-1] for k, v in whole.items()}
    assert ask(MaxDatapoints=3)["MetricDataResults"][0]["StatusCode"] == "PartialData"
    assert code_of(ask, MaxDatapoints=100801) == "ValidationError"


def test_alarm_goes_off_and_back(shared_server):
    c = shared_server.client("cloudwatch")
    c.put_metric_alarm(**alarm("errors"))
    state = lambda: c.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]
    eventually(lambda: state()["StateValue"] == "OK")

    def breach():
        c.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": "Errors", "Value": 9, "StorageResolution": 1}])
        shown = state()
        return shown if shown["StateValue"] == "ALARM" else None
    breached = eventually(breach)  # for a second
    assert breached["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoint")
    assert json.loads(breached["StateReasonData"])["version"] == "1.0"
    eventually(lambda: state()["StateValue"] == "OK")
    history = c.describe_alarm_history(AlarmName="errors")
    went = next(h for h in history["AlarmHistoryItems"] if h["HistorySummary"] == "Alarm updated from OK to ALARM")
    data = json.loads(went["HistoryData"])
    assert (data["oldState"]["stateValue"], data["newState"]["stateValue"]) == ("OK", "ALARM")
    assert data["newState"]["stateReason"].startswith("Threshold Crossed")
    assert data["newState"]["stateReasonData"]["threshold"] == 5
    # until the data is looked at, which never says this
    c.set_alarm_state(AlarmName="errors", StateValue="INSUFFICIENT_DATA", StateReason="by hand")
    changes = [json.loads(h["HistoryData"])["newState"] for h in c.describe_alarm_history(
        AlarmName="errors", HistoryItemType="StateUpdate")["AlarmHistoryItems"]]
    assert [s["stateValue"] for s in changes if s["stateReason"] == "by hand"] == ["INSUFFICIENT_DATA"]
    eventually(lambda: state()["StateValue"] == "OK")
    assert [a["AlarmName"] for a in c.describe_alarms_for_metric(
        Namespace="Shop", MetricName="Errors")["MetricAlarms"]] == ["errors"]
    c.disable_alarm_actions(AlarmNames=["errors"])
    assert state()["ActionsEnabled"] is False
    c.enable_alarm_actions(AlarmNames=["errors"])
    assert state()["ActionsEnabled"] is True
    c.delete_alarms(AlarmNames=["errors", "unknown"])
    assert c.describe_alarms()["MetricAlarms"] == []
    assert code_of(c.set_alarm_state, AlarmName="errors", StateValue="OK",
                   StateReason="x") in ("ResourceNotFound", "ResourceNotFoundException")


def test_percentiles_of_few_samples(shared_server):
    """With "ignore" a period with few samples keeps the state; one without any is missing data."""
    c = shared_server.client("cloudwatch")
    more = {"MetricName": "Slow", "ExtendedStatistic": "p90", "EvaluateLowSampleCountPercentile": "ignore"}
    definition = {k: v for k, v in alarm("few", **more).items() if k != "Statistic"}
    c.put_metric_alarm(**definition)
    state = lambda: c.describe_alarms(AlarmNames=["few"])["MetricAlarms"][0]["StateValue"]  # noqa: E731

    def breach():
        c.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": "Slow", "Values": [9.0], "Counts": [1000], "StorageResolution": 1}])
        return state() == "ALARM"
    eventually(breach)
    eventually(lambda: state() == "OK")
    c.delete_alarms(AlarmNames=["few"])


def test_alarm_survives_kill(server):
    c = server.client("cloudwatch")
    c.put_metric_alarm(**alarm("a"))
    server.kill9()
    server.start()
    c = server.client("cloudwatch")

    def breach():
        c.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": "Errors", "Value": 9, "StorageResolution": 1}])
        return c.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    eventually(breach)


def test_alarms_stored_before_their_links(server):
    """What such alarms look at is noted when the server starts."""
    c = server.client("cloudwatch")
    c.put_metric_alarm(**alarm("old", Period=60, TreatMissingData="ignore"))
    c.put_composite_alarm(AlarmName="over", AlarmRule="ALARM(old)")
    server.kill9()
    db = sqlite3.connect(os.path.join(server.data, "towpath.db"), timeout=60)
    assert db.execute("DELETE FROM document WHERE kind = 'alarm-link'").rowcount
    db.commit()
    db.close()
    server.start()
    c = server.client("cloudwatch")
    assert [a["AlarmName"] for a in c.describe_alarms(ChildrenOfAlarmName="over")["MetricAlarms"]] == ["old"]
    c.set_alarm_state(AlarmName="old", StateValue="ALARM", StateReason="test")
    eventually(lambda: c.describe_alarms(AlarmTypes=["CompositeAlarm"], StateValue="ALARM")["CompositeAlarms"])


def test_alarm_refusals(shared_server):
    c = shared_server.client("cloudwatch")
    assert code_of(c.put_metric_alarm, **alarm("x", DatapointsToAlarm=2)) == "ValidationError"
    assert code_of(c.put_metric_alarm, **alarm("x", Period=7)) == "ValidationError"
    assert code_of(c.put_metric_alarm, **alarm("x", TreatMissingData="maybe")) == "ValidationError"
    assert "NotImplemented" in code_of(
        c.put_metric_alarm, **alarm("x", AlarmActions=["arn:aws:lambda:us-east-1:1:function:f"]))


def test_metric_math(shared_server):
    c = shared_server.client("cloudwatch")
    at = int(time.time()) // 60 * 60 - 120
    c.put_metric_data(Namespace="Shop", MetricData=[
        {"MetricName": name, "Timestamp": at + s, "Value": v, "StorageResolution": 1}
        for name, s, v in (("Bad", 0, 5), ("All", 0, 50), ("All", 1, 20), ("Bad", 2, 3))])

    def query(*queries, **more):
        return c.get_metric_data(StartTime=at, EndTime=at + 3, ScanBy="TimestampAscending",
                                 MetricDataQueries=list(queries), **more)["MetricDataResults"]

    hidden = {"ReturnData": False}
    results = query(metric("bad", "Bad", **hidden), metric("all", "All", **hidden),
                    {"Id": "rate", "Expression": "100 * FILL(bad, 0) / all", "Label": "Errors"},
                    {"Id": "twice", "Expression": "rate * 2"})
    assert [(r["Id"], r["Label"], r["Values"]) for r in results] == [
        ("rate", "Errors", [10, 0]), ("twice", "twice", [20, 0])]
    assert [r["Values"] for r in query(metric("bad", "Bad", **hidden), metric("all", "All", **hidden),
                                       {"Id": "s", "Expression": "METRICS()"})] == [[5, 3], [50, 20]]
    for expression in ("nothing + 1", "s + 1", "bad +", "5"):
        assert code_of(lambda: query(metric("bad", "Bad"), {
            "Id": "s", "Expression": expression})) == "ValidationError"
    assert code_of(lambda: query(metric("Bad", "Bad"))) == "ValidationError"


def test_metric_math_has_limits(shared_server):
    """Queries that refer to one another hundreds of times, over and over, are refused and not computed."""
    c = shared_server.client("cloudwatch")
    chain = [metric("e0", "Bad", ReturnData=False)] + [
        {"Id": f"e{i}", "Expression": "+".join([f"e{i - 1}"] * 500), "ReturnData": i == 9} for i in range(1, 10)]
    now = int(time.time())
    assert code_of(lambda: c.get_metric_data(
        StartTime=now - 10000, EndTime=now, MetricDataQueries=chain)) == "ValidationError"
    circle = [{"Id": "e", "Expression": "+".join("e" * 1000)}]
    for metrics in (chain, circle):
        assert code_of(c.put_metric_alarm, AlarmName="endless", EvaluationPeriods=1, Threshold=1.0,
                       ComparisonOperator="GreaterThanThreshold", Metrics=metrics) == "ValidationError"


def test_alarm_on_metric_math(shared_server):
    c = shared_server.client("cloudwatch")
    definition = {
        "AlarmName": "share", "EvaluationPeriods": 1, "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "Metrics": [metric("bad", "MathBad", ReturnData=False),
                    metric("all", "MathAll", ReturnData=False),
                    {"Id": "share", "Expression": "IF(all > 10, 100 * bad / all, 0)"}]}
    c.put_metric_alarm(**definition)
    shown = c.describe_alarms(AlarmNames=["share"])["MetricAlarms"][0]
    assert shown["Metrics"][2]["Expression"] == "IF(all > 10, 100 * bad / all, 0)"
    assert "MetricName" not in shown
    state = lambda: c.describe_alarms(AlarmNames=["share"])["MetricAlarms"][0]["StateValue"]

    def put(bad):
        c.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": n, "Value": v, "StorageResolution": 1}
            for n, v in (("MathBad", bad), ("MathAll", 100))])

    eventually(lambda: state() == "OK")
    eventually(lambda: put(9) or state() == "ALARM")
    eventually(lambda: state() == "OK")
    for bad in ({"Metrics": definition["Metrics"][:2]}, {"MetricName": "x"},
                {"Metrics": definition["Metrics"][:2] + [{"Id": "e", "Expression": "nope"}]},
                {"EvaluateLowSampleCountPercentile": "x"}):
        assert code_of(c.put_metric_alarm, **dict(definition, **bad)) == "ValidationError"
    c.delete_alarms(AlarmNames=["share"])


def test_layers_of_composite_alarms(shared_server):
    """Each alarm is looked at once, by however many ways a rule leads to it (here 2 to the power of 20)."""
    c = shared_server.client("cloudwatch")
    c.put_metric_alarm(**alarm("ground"))
    below = "ALARM(ground)"
    for i in range(20):
        for side in "ab":
            c.put_composite_alarm(AlarmName=f"layer-{i}{side}", AlarmRule=below)
        below = f"ALARM(layer-{i}a) OR ALARM(layer-{i}b)"
    assert code_of(c.put_composite_alarm, AlarmName="layer-0a", AlarmRule=below) == "ValidationError"
    for i in reversed(range(20)):  # nothing that others look at is taken away
        c.delete_alarms(AlarmNames=[f"layer-{i}a"])
        c.delete_alarms(AlarmNames=[f"layer-{i}b"])
    c.delete_alarms(AlarmNames=["ground"])


def test_composite_alarm(shared_server):
    c = shared_server.client("cloudwatch")
    for name in ("one", "two"):  # which no minute's end changes
        c.put_metric_alarm(**alarm(name, Period=60, MetricName=name, TreatMissingData="ignore"))
    rule = "ALARM(one) AND NOT OK(two)"
    c.put_composite_alarm(AlarmName="both", AlarmRule=rule, Tags=[{"Key": "a", "Value": "b"}])
    shown = lambda: c.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"][0]
    assert shown()["AlarmRule"] == rule
    for name in ("one", "two"):
        c.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")
    eventually(lambda: shown()["StateValue"] == "OK")
    for name in ("two", "one"):
        c.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    eventually(lambda: shown()["StateValue"] == "ALARM")
    assert json.loads(shown()["StateReasonData"])["triggeringAlarms"][0]["arn"].endswith(":one")
    names = lambda kind, **by: [a["AlarmName"] for a in c.describe_alarms(**by)[kind]]
    assert names("MetricAlarms", ChildrenOfAlarmName="both") == ["one", "two"]
    assert names("CompositeAlarms", ParentsOfAlarmName="one") == ["both"]
    assert names("CompositeAlarms") == []
    both = c.get_paginator("describe_alarms").paginate(
        AlarmTypes=["CompositeAlarm", "MetricAlarm"], PaginationConfig={"PageSize": 1})
    assert [a["AlarmName"] for page in both
            for a in page["CompositeAlarms"] + page["MetricAlarms"]] == ["both", "one", "two"]

    for bad in ("ALARM(nope)", "ALARM(one", "ALARM(both)"):
        assert code_of(c.put_composite_alarm, AlarmName="both", AlarmRule=bad) == "ValidationError"
    assert code_of(c.put_composite_alarm, AlarmName="one", AlarmRule="TRUE") == "ValidationError"
    assert code_of(c.put_metric_alarm, **alarm("both")) == "ValidationError"
    c.put_composite_alarm(AlarmName="over", AlarmRule="ALARM(both)")
    assert code_of(c.put_composite_alarm, AlarmName="both",
                   AlarmRule="ALARM(one) OR ALARM(over)") == "ValidationError"
    pages = c.get_paginator("describe_alarm_history").paginate(
        AlarmName="both", AlarmTypes=["CompositeAlarm"], HistoryItemType="StateUpdate",
        PaginationConfig={"PageSize": 1})
    assert "Alarm updated from OK to ALARM" in [
        i["HistorySummary"] for page in pages for i in page["AlarmHistoryItems"]]

    arn = shown()["AlarmArn"]
    c.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "c"}, {"Key": "d", "Value": "e"}])
    tags = lambda: {t["Key"]: t["Value"] for t in c.list_tags_for_resource(ResourceARN=arn)["Tags"]}
    assert tags() == {"a": "c", "d": "e"}
    c.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert tags() == {"d": "e"}
    assert code_of(c.list_tags_for_resource, ResourceARN=arn + "x") == "ResourceNotFoundException"
    assert code_of(c.delete_alarms, AlarmNames=["both", "over"]) == "ValidationError"
    for name in ("over", "both", "one", "two"):
        c.delete_alarms(AlarmNames=[name])
    assert c.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"] == []


def test_suppressed_actions(shared_server):
    c = shared_server.client("cloudwatch")
    topic = shared_server.client("sns").create_topic(Name="page")["TopicArn"]
    for name in ("cause", "maintenance"):
        c.put_metric_alarm(**alarm(name, Period=60, MetricName=name, TreatMissingData="ignore"))

    def put(wait, extension, suppressor="maintenance"):
        c.put_composite_alarm(
            AlarmName="page", AlarmRule="ALARM(cause)", AlarmActions=[topic], OKActions=[topic],
            ActionsSuppressor=suppressor, ActionsSuppressorWaitPeriod=wait,
            ActionsSuppressorExtensionPeriod=extension)

    def turn(name, state):
        c.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")

    shown = lambda: c.describe_alarms(AlarmNames=["page"], AlarmTypes=["CompositeAlarm"])[
        "CompositeAlarms"][0]
    is_held = lambda state, by: (shown()["StateValue"], shown().get("ActionsSuppressedBy")) == (state, by)
    history = lambda: [i["HistorySummary"] for i in c.describe_alarm_history(
        AlarmName="page", HistoryItemType="Action", AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"]]
    executed = f"Successfully executed action {topic}"

    put(3600, 1)
    eventually(lambda: is_held("OK", "WaitPeriod"))
    turn("cause", "ALARM")  # a wait that begins anew
    eventually(lambda: is_held("ALARM", "WaitPeriod"))
    assert history() == []
    turn("maintenance", "ALARM")
    assert is_held("ALARM", "Alarm") and history() == ["Actions suppressed by alarm maintenance"]
    assert shown()["ActionsSuppressedReason"] == "Actions suppressed by Alarm"
    turn("maintenance", "OK")  # actions run when the extension is over
    eventually(lambda: is_held("ALARM", None))
    assert history()[0] == executed
    put(0, 3600)
    turn("maintenance", "ALARM")  # nothing is held: nothing changes
    turn("maintenance", "OK")
    assert is_held("ALARM", None)
    turn("cause", "OK")
    eventually(lambda: is_held("OK", None) and history().count(executed) == 2)
    turn("maintenance", "ALARM")
    turn("cause", "ALARM")
    eventually(lambda: is_held("ALARM", "Alarm"))
    turn("maintenance", "OK")
    assert is_held("ALARM", "ExtensionPeriod")
    put(0, 3600)
    assert is_held("ALARM", "ExtensionPeriod")
    turn("cause", "OK")  # ends the extension, and waits no time
    eventually(lambda: is_held("OK", None) and history().count(executed) == 3)

    for bad in ({"ActionsSuppressor": "nope"}, {"ActionsSuppressor": "page"},
                {"ActionsSuppressor": None}, {"ActionsSuppressorWaitPeriod": None}):
        args = {"AlarmName": "page", "AlarmRule": "ALARM(cause)", "ActionsSuppressor": "cause",
                "ActionsSuppressorWaitPeriod": 1, "ActionsSuppressorExtensionPeriod": 1, **bad}
        assert code_of(c.put_composite_alarm, **{k: v for k, v in args.items() if v is not None}) == \
            "ValidationError"
    with pytest.raises(botocore.exceptions.ClientError, match="Cannot delete cause,maintenance as there are "
                       r"composite alarm\(s\) depending on them"):
        c.delete_alarms(AlarmNames=["cause", "maintenance"])
    c.delete_alarms(AlarmNames=["cause", "maintenance", "page"])


def test_logs(shared_server):
    c = shared_server.client("logs")
    c.create_log_group(logGroupName="/app")
    assert code_of(c.create_log_group, logGroupName="/app") == "ResourceAlreadyExistsException"
    c.create_log_stream(logGroupName="/app", logStreamName="one")
    c.create_log_stream(logGroupName="/app", logStreamName="two")
    now = int(time.time() * 1000)
    for stream in ("one", "two"):
        c.put_log_events(logGroupName="/app", logStreamName=stream, logEvents=[
            {"timestamp": now + i, "message": f"{stream} line {i}"} for i in range(10)])
    page = c.get_log_events(logGroupName="/app", logStreamName="one", limit=4, startFromHead=True)
    assert [e["message"] for e in page["events"]] == [f"one line {i}" for i in range(4)]
    rest = c.get_log_events(logGroupName="/app", logStreamName="one",
                            nextToken=page["nextForwardToken"], startFromHead=True)
    assert len(rest["events"]) == 6
    end = c.get_log_events(logGroupName="/app", logStreamName="one",
                           nextToken=rest["nextForwardToken"])
    assert end["events"] == [] and end["nextForwardToken"] == rest["nextForwardToken"]
    last = c.get_log_events(logGroupName="/app", logStreamName="one", limit=3)
    assert [e["message"] for e in last["events"]] == [f"one line {i}" for i in (7, 8, 9)]
    before = c.get_log_events(logGroupName="/app", logStreamName="one", limit=2,
                              nextToken=last["nextBackwardToken"])
    assert [e["message"] for e in before["events"]] == ["one line 5", "one line 6"]
    # end is exclusive here, inclusive when filtering
    assert len(c.get_log_events(logGroupName="/app", logStreamName="one", startTime=now,
                                endTime=now + 5)["events"]) == 5
    assert len(c.filter_log_events(logGroupName="/app", logStreamNames=["one"], startTime=now,
                                   endTime=now + 5)["events"]) == 6
    seen, token = [], None
    while True:
        more = {"nextToken": token} if token else {}
        p = c.filter_log_events(logGroupName="/app", limit=3, **more)
        seen += [(e["timestamp"], e["message"]) for e in p["events"]]
        token = p.get("nextToken")
        if not token:
            break
    assert len(seen) == 20 and [t for t, _ in seen] == sorted(t for t, _ in seen)
    assert len(set(seen)) == 20
    found = c.filter_log_events(logGroupName="/app", filterPattern='"line 7" -two')["events"]
    assert [e["message"] for e in found] == ["one line 7"]
    streams = c.describe_log_streams(logGroupName="/app", orderBy="LastEventTime", descending=True)
    assert {s["logStreamName"] for s in streams["logStreams"]} == {"one", "two"}
    assert streams["logStreams"][0]["lastEventTimestamp"] == now + 9
    c.put_retention_policy(logGroupName="/app", retentionInDays=7)
    assert c.describe_log_groups(logGroupNamePrefix="/a")["logGroups"][0]["retentionInDays"] == 7
    assert code_of(c.put_retention_policy, logGroupName="/app",
                   retentionInDays=8) == "InvalidParameterException"
    c.delete_retention_policy(logGroupName="/app")
    day = 86400000
    out = c.put_log_events(logGroupName="/app", logStreamName="one", logEvents=[
        {"timestamp": now - 14 * day - day // 2, "message": "old"},
        {"timestamp": now - 14 * day + day // 2, "message": "new"}])
    assert out["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert code_of(c.put_log_events, logGroupName="/app", logStreamName="one", logEvents=[
        {"timestamp": now - day - 1, "message": "a"}, {"timestamp": now, "message": "b"}]) == "InvalidParameterException"
    assert code_of(c.put_log_events, logGroupName="/app", logStreamName="one", logEvents=[
        {"timestamp": now, "message": "a"},
        {"timestamp": now - 1, "message": "b"}]) == "InvalidParameterException"
    tail = shared_server.run("/usr/bin/aws", "--endpoint-url", shared_server.endpoint, "logs",
                             "filter-log-events", "--log-group-name", "/app")
    assert "two line 9" in tail.stdout
    c.delete_log_stream(logGroupName="/app", logStreamName="two")
    c.delete_log_group(logGroupName="/app")
    assert code_of(c.get_log_events, logGroupName="/app",
                   logStreamName="one") == "ResourceNotFoundException"


def test_events(shared_server):
    e, logs = shared_server.client("events"), shared_server.client("logs")
    assert code_of(e.put_rule, Name="bad",
                   EventPattern='{"source":"x"}') == "InvalidEventPatternException"
    assert code_of(e.put_rule, Name="bad", EventPattern="{") == "InvalidEventPatternException"
    arn = e.put_rule(Name="orders", EventPattern=json.dumps(
        {"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}))["RuleArn"]
    assert arn.endswith(":rule/orders")
    group = f"arn:aws:logs:{shared_server.region}:{shared_server.account}:log-group:/aws/events/o"
    e.put_targets(Rule="orders", Targets=[{"Id": "log", "Arn": group}])
    out = e.put_events(Entries=[
        {"Source": "shop", "DetailType": "Order", "Detail": json.dumps({"total": 500})},
        {"Source": "shop", "DetailType": "Order", "Detail": json.dumps({"total": 5})},
        {"Source": "shop", "DetailType": "Order", "Detail": "nonsense"},
        {"Source": "aws.shop", "DetailType": "Order", "Detail": "{}"}])
    assert out["FailedEntryCount"] == 2
    assert out["Entries"][2]["ErrorCode"] == "MalformedDetail"

    def delivered():
        try:
            return logs.filter_log_events(logGroupName="/aws/events/o")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
    got = eventually(delivered)
    assert [json.loads(x["message"])["detail"]["total"] for x in got] == [500]
    # the platform's own events
    e.put_rule(Name="pushes", EventPattern=json.dumps(
        {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
         "detail": {"state": {"value": ["ALARM"]}}}))
    e.put_targets(Rule="pushes", Targets=[{"Id": "log", "Arn": group.replace("/o", "/alarms")}])
    c = shared_server.client("cloudwatch")
    c.put_metric_alarm(**alarm("ev", MetricName="Other"))
    c.set_alarm_state(AlarmName="ev", StateValue="ALARM", StateReason="by hand")

    def alarm_event():
        try:
            return logs.filter_log_events(logGroupName="/aws/events/alarms")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
    event = json.loads(eventually(alarm_event)[0]["message"])
    assert event["resources"] == [c.describe_alarms(AlarmNames=["ev"])["MetricAlarms"][0]["AlarmArn"]]
    detail = event["detail"]
    assert detail["alarmName"] == "ev"
    metrics = detail["configuration"]["metrics"]
    assert metrics[0].pop("id") and metrics == [{
        "metricStat": {"metric": {"namespace": "Shop", "name": "Other", "dimensions": {}}, "period": 1,
                       "stat": "Sum"}, "returnData": True}]
    assert (detail["state"]["value"], detail["state"]["reason"]) == ("ALARM", "by hand")
    assert detail["previousState"]["value"] in ("OK", "INSUFFICIENT_DATA")
    assert detail["previousState"]["reason"] and detail["state"]["timestamp"].endswith("+0000")

    # and those on changes of definitions
    e.put_rule(Name="definitions", EventPattern=json.dumps(
        {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm Configuration Change"]}))
    e.put_targets(Rule="definitions", Targets=[{"Id": "log", "Arn": group.replace("/o", "/definitions")}])
    c.put_metric_alarm(**alarm("defined", MetricName="Other"))
    c.put_metric_alarm(**alarm("defined", MetricName="Other", Threshold=77.5))
    c.disable_alarm_actions(AlarmNames=["defined"])
    c.disable_alarm_actions(AlarmNames=["defined"])  # changes nothing
    c.put_composite_alarm(AlarmName="defined-both", AlarmRule="ALARM(defined)")
    c.delete_alarms(AlarmNames=["defined-both"])

    def definitions():
        try:
            got = logs.filter_log_events(logGroupName="/aws/events/definitions")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return [json.loads(x["message"])["detail"] for x in got] if len(got) >= 5 else None
    told = eventually(definitions)
    assert sorted((d["alarmName"], d["operation"]) for d in told) == [
        ("defined", "create"), ("defined", "update"), ("defined", "update"),
        ("defined-both", "create"), ("defined-both", "delete")]
    moved = next(d for d in told if d.get("previousConfiguration", {}).get("threshold") not in (None, 77.5))
    assert moved["configuration"]["threshold"] == 77.5 and moved["state"]["value"]
    assert moved["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "Other"
    switched = next(d for d in told if not d["configuration"]["actionsEnabled"])
    assert switched["previousConfiguration"]["actionsEnabled"] is True
    both = next(d for d in told if d["operation"] == "delete")
    assert both["configuration"]["alarmRule"] == "ALARM(defined)" and "previousConfiguration" not in both

    assert e.describe_rule(Name="orders")["State"] == "ENABLED"
    e.disable_rule(Name="orders")
    assert e.describe_rule(Name="orders")["State"] == "DISABLED"
    e.enable_rule(Name="orders")
    assert [r["Name"] for r in e.list_rules(NamePrefix="or")["Rules"]] == ["orders"]
    assert [t["Id"] for t in e.list_targets_by_rule(Rule="orders")["Targets"]] == ["log"]
    assert code_of(e.delete_rule, Name="orders") == "ValidationException"
    assert e.remove_targets(Rule="orders", Ids=["log", "none"])["FailedEntryCount"] == 1
    e.delete_rule(Name="orders")
    assert code_of(e.describe_rule, Name="orders") == "ResourceNotFoundException"
