# SPDX-License-Identifier: Apache-2.0
"""EventBridge through boto3: buses, rules, targets with what they get, tries and dead letters,
schedules, connections and API destinations to a real receiver, archives and replays."""
import base64
import datetime
import http.server
import json
import queue
import re
import threading
import urllib.parse

import pipelines
import pytest
from asking import code_of, eventually
from towpath import Server


@pytest.fixture(scope="module")
def fast():
    """A server whose clock runs: minutes pass in moments."""
    with Server("--clock-rate", "2000") as s:
        yield s


def client(server):
    return server.newest_client("events")


class Api:
    """An HTTP server: what it is asked goes to `calls` as (method, path, headers, body); answers are
    taken from `answers` as (status, headers, body), then 200. /token gives OAuth tokens."""

    def __init__(self):
        self.calls, self.answers, self.tokens = queue.Queue(), [], []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                status, more, answer = 200, {}, b""
                if self.path.startswith("/token"):
                    api.tokens.append((self.command, self.path, body))
                    answer = json.dumps({"access_token": f"t{len(api.tokens)}",
                                         "expires_in": 3600000}).encode()
                else:
                    if api.answers:
                        status, more = api.answers.pop(0)
                    headers = {k.lower(): v for k, v in self.headers.items()}
                    api.calls.put((self.command, self.path, headers, body))
                self.send_response(status)
                for k, v in more.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.calls.get(timeout=60)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def api():
    a = Api()
    yield a
    a.close()


def group_arn(server, name):
    return f"arn:aws:logs:{server.region}:{server.account}:log-group:{name}"


def lines(server, group, n=1):
    """The messages of a log group, once there are n."""
    logs = server.client("logs")

    def look():
        try:
            got = [e["message"] for e in logs.get_paginator("filter_log_events").paginate(
                logGroupName=group).build_full_result()["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return got if len(got) >= n else None
    return eventually(look)


def rule(e, name, target, bus="default", pattern=None, **more):
    e.put_rule(Name=name, EventBusName=bus,
               EventPattern=json.dumps(pattern or {"source": [name]}))
    e.put_targets(Rule=name, EventBusName=bus, Targets=[dict({"Id": "1", "Arn": target}, **more)])


def put(e, source, detail, **more):
    out = e.put_events(Entries=[dict({"Source": source, "DetailType": "T",
                                      "Detail": json.dumps(detail)}, **more)])
    assert out["FailedEntryCount"] == 0
    return out["Entries"][0]["EventId"]


def test_buses_and_policies(shared_server):
    e = client(shared_server)
    arn = e.create_event_bus(Name="shop", Description="d", Tags=[{"Key": "a", "Value": "b"}])["EventBusArn"]
    assert arn.endswith(":event-bus/shop")
    assert code_of(e.create_event_bus, Name="shop") == "ResourceAlreadyExistsException"
    assert code_of(e.create_event_bus, Name="default") == "ResourceAlreadyExistsException"
    assert "NotImplemented" in code_of(e.create_event_bus, Name="x", KmsKeyIdentifier="k")
    assert [b["Name"] for b in e.list_event_buses()["EventBuses"]] == ["default", "shop"]
    first = e.list_event_buses(Limit=1)
    assert [b["Name"] for b in first["EventBuses"]] == ["default"]
    assert [b["Name"] for b in e.list_event_buses(NextToken=first["NextToken"])["EventBuses"]] == ["shop"]
    assert [b["Name"] for b in e.list_event_buses(NamePrefix="sh")["EventBuses"]] == ["shop"]
    assert e.update_event_bus(Name="shop", Description="more")["Description"] == "more"
    assert e.describe_event_bus(Name=arn)["Description"] == "more"
    assert e.describe_event_bus()["Name"] == "default"

    sam = shared_server.newest_client("events", shared_server.user("sam"))
    entry = {"Source": "s", "DetailType": "T", "Detail": "{}", "EventBusName": "shop"}
    assert code_of(sam.put_events, Entries=[entry]) == "AccessDeniedException"
    e.put_permission(EventBusName="shop", StatementId="one", Action="events:PutEvents",
                     Principal=shared_server.account)
    e.put_permission(EventBusName="shop", StatementId="two", Action="events:PutEvents", Principal="*")
    assert [s["Sid"] for s in json.loads(e.describe_event_bus(Name="shop")["Policy"])["Statement"]] == ["one", "two"]
    assert sam.put_events(Entries=[entry])["FailedEntryCount"] == 0
    e.remove_permission(EventBusName="shop", StatementId="two")
    assert code_of(e.remove_permission, EventBusName="shop", StatementId="two") == "ResourceNotFoundException"
    e.remove_permission(EventBusName="shop", RemoveAllPermissions=True)
    assert "Policy" not in e.describe_event_bus(Name="shop")
    assert code_of(sam.put_events, Entries=[entry]) == "AccessDeniedException"
    assert code_of(e.put_permission, EventBusName="shop", Policy="{") == "ValidationException"

    e.put_rule(Name="r", EventBusName="shop", EventPattern='{"source":["x"]}', Tags=[{"Key": "k", "Value": "v"}])
    arn = e.describe_rule(Name="r", EventBusName="shop")["Arn"]
    assert arn.endswith(":rule/shop/r")
    e.tag_resource(ResourceARN=arn, Tags=[{"Key": "l", "Value": "w"}])
    e.untag_resource(ResourceARN=arn, TagKeys=["k"])
    assert e.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    assert code_of(e.describe_rule, Name="r") == "ResourceNotFoundException"
    assert code_of(e.put_rule, Name="r", EventBusName="none", EventPattern='{"source":["x"]}') == "ResourceNotFoundException"
    assert code_of(e.put_rule, Name="r", EventBusName="shop", ScheduleExpression="rate(1 day)") == "ValidationException"
    assert [r["Name"] for r in e.list_rules(EventBusName="shop")["Rules"]] == ["r"]
    assert e.list_rules(NamePrefix="r")["Rules"] == []
    assert code_of(e.delete_event_bus, Name="shop") == "ValidationException"
    e.delete_rule(Name="r", EventBusName="shop")
    e.delete_event_bus(Name="shop")
    assert code_of(e.describe_event_bus, Name="shop") == "ResourceNotFoundException"


def test_patterns_are_tried(shared_server):
    e = client(shared_server)
    event = {"id": "1", "account": "1", "source": "shop", "time": "2026-01-01T00:00:00Z", "region": "r",
             "resources": [], "detail-type": "T", "detail": {"ip": "10.0.0.9", "n": 5}}

    def tried(pattern):
        return e.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]
    assert tried({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}})
    assert not tried({"detail": {"n": [{"numeric": [">", 5]}]}})
    assert code_of(e.test_event_pattern, EventPattern='{"a":[{"cidr":"x"}]}',
                   Event=json.dumps(event)) == "InvalidEventPatternException"
    assert code_of(e.test_event_pattern, EventPattern='{"a":[1]}', Event='{"id":"1"}') == "ValidationException"


def test_what_targets_get(shared_server):
    e = client(shared_server)
    template = ('{"order": <id>, "text": "<who> bought <id>", "all": <aws.events.event.json>, "rule": '
                '"<aws.events.rule-name>", "gone": "<gone>", "first": <first>}')
    forms = [{"Id": "whole"}, {"Id": "constant", "Input": '{"a": 1}'}, {"Id": "part", "InputPath": "$.detail.who"},
             {"Id": "made", "InputTransformer": {"InputTemplate": template, "InputPathsMap": {
                 "id": "$.detail.id", "who": "$.detail.who", "gone": "$.detail.gone", "first": "$.resources[0]"}}}]
    e.put_rule(Name="forms", EventPattern='{"source":["forms"]}')
    e.put_targets(Rule="forms", Targets=[dict(f, Arn=group_arn(shared_server, "/forms/" + f["Id"])) for f in forms])
    put(e, "forms", {"id": 7, "who": "Ann"}, Resources=["arn:a"])
    whole = json.loads(lines(shared_server, "/forms/whole")[0])
    assert (whole["detail"], whole["detail-type"]) == ({"id": 7, "who": "Ann"}, "T")
    assert lines(shared_server, "/forms/constant") == ['{"a": 1}']
    assert lines(shared_server, "/forms/part") == ['"Ann"']
    assert json.loads(lines(shared_server, "/forms/made")[0]) == {
        "order": 7, "text": "Ann bought 7", "all": whole, "rule": "forms", "gone": "", "first": "arn:a"}

    assert e.list_rule_names_by_target(TargetArn=group_arn(shared_server, "/forms/part"))["RuleNames"] == ["forms"]
    one = e.list_targets_by_rule(Rule="forms", Limit=3)
    assert [t["Id"] for t in one["Targets"]] == ["constant", "made", "part"]
    assert [t["Id"] for t in e.list_targets_by_rule(Rule="forms", NextToken=one["NextToken"])["Targets"]] == ["whole"]

    def wrong(**target):
        return code_of(e.put_targets, Rule="forms", Targets=[dict({"Id": "x", "Arn": group_arn(shared_server, "g")}, **target)])
    transform = lambda template, **paths: {"InputTransformer": {  # noqa: E731
        "InputTemplate": template, "InputPathsMap": paths}}
    assert wrong(Input="{}", InputPath="$.a") == "ValidationException"
    assert wrong(Input="{") == "ValidationException"
    assert wrong(InputPath="detail") == "ValidationException"
    assert wrong(**transform('"<b>"', a="$.a")) == "ValidationException"
    assert wrong(**transform('"<a>"', a="x")) == "ValidationException"
    assert wrong(**transform('"<AWSx>"', AWSx="$.a")) == "ValidationException"
    assert wrong(Arn=f"arn:aws:codebuild:us-east-1:{shared_server.account}:project/p") == "ValidationException"
    assert "NotImplemented" in wrong(Arn="arn:aws:sqs:us-east-1:123456789012:q")
    assert "NotImplemented" in wrong(DeadLetterConfig={"Arn": "arn:aws:sqs:us-east-1:123456789012:q"})
    assert wrong(SqsParameters={"MessageGroupId": "g"}) == "ValidationException"


def test_from_bus_to_bus(shared_server):
    e = client(shared_server)
    first, second, third = (e.create_event_bus(Name=n)["EventBusArn"] for n in ("b1", "b2", "b3"))
    rule(e, "on", second, bus="b1", pattern={"source": ["hop"]})
    rule(e, "on", group_arn(shared_server, "/hop"), bus="b2", pattern={"source": ["hop"]})
    e.put_rule(Name="farther", EventBusName="b2", EventPattern='{"source":["hop"]}')
    e.put_targets(Rule="farther", EventBusName="b2", Targets=[
        {"Id": "1", "Arn": third, "DeadLetterConfig": {"Arn": group_arn(shared_server, "/hop/dead")}}])
    put(e, "hop", {"n": 1}, EventBusName=first)
    assert json.loads(lines(shared_server, "/hop")[0])["detail"] == {"n": 1}
    dead = json.loads(lines(shared_server, "/hop/dead")[0])
    assert "goes no further" in dead["ERROR_MESSAGE"] and dead["RETRY_ATTEMPTS"] == "0"


def test_entries_fail_alone(shared_server):
    e = client(shared_server)
    good = {"Source": "s", "DetailType": "T", "Detail": '{"id": 12345678901234567890}'}
    out = e.put_events(Entries=[good, dict(good, Detail="[]"), {"Source": "s", "DetailType": "T"},
                                dict(good, Source="aws.x"), dict(good, DetailType="t" * 129),
                                dict(good, Detail=json.dumps({"x": "y" * (256 * 1024)}))])
    assert [x.get("ErrorCode") for x in out["Entries"]] == [
        None, "MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException", "InvalidArgument", "InvalidArgument"]
    assert out["FailedEntryCount"] == 5
    assert code_of(e.put_events, Entries=[{"Source": "s"}]) == "ValidationException"


def test_missing_rights_and_targets_are_dead_letters(shared_server):
    e = client(shared_server)
    dead = {"DeadLetterConfig": {"Arn": group_arn(shared_server, "/dead")}}
    pipeline = f"arn:aws:codepipeline:{shared_server.region}:{shared_server.account}:none"
    role = shared_server.service_role("rules", "events.amazonaws.com", {
        "Effect": "Allow", "Action": "codepipeline:StartPipelineExecution", "Resource": pipeline})
    e.put_rule(Name="dead", EventPattern='{"source":["dead"]}')
    build = pipeline.replace("codepipeline", "codebuild").replace(":none", ":project/none")
    e.put_targets(Rule="dead", Targets=[
        dict(dead, Id="p", Arn=pipeline, RoleArn=role), dict(dead, Id="b", Arn=build, RoleArn=role),
        dict(dead, Id="t", Arn=group_arn(shared_server, "/x"), InputTransformer={
            "InputTemplate": '{"a": "<a>"}', "InputPathsMap": {"a": "$.detail.a"}})])
    put(e, "dead", {"a": 'with "quotes"'})
    got = {json.loads(m)["TARGET_ARN"]: json.loads(m) for m in lines(shared_server, "/dead", 3)}
    assert (got[pipeline]["ERROR_CODE"], got[build]["ERROR_CODE"]) == ("NO_RESOURCE", "NO_PERMISSIONS")
    assert "codebuild:StartBuild" in got[build]["ERROR_MESSAGE"]
    assert got[group_arn(shared_server, "/x")]["ERROR_CODE"] == "INVALID_PARAMETER"
    assert all(m["event"]["detail"] == {"a": 'with "quotes"'} for m in got.values())


def test_rules_start_pipelines_builds_and_tasks(shared_server):
    e, s3, cp = client(shared_server), shared_server.client("s3"), pipelines.client(shared_server)
    cb, ecs = shared_server.client("codebuild"), shared_server.client("ecs")
    for bucket in ("artifacts", "src"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    cp.create_pipeline(pipeline=pipelines.pipeline(
        "told", ("Source", pipelines.s3_source("src", "a.zip", PollForSourceChanges="false")),
        ("Ask", pipelines.approval())))
    before = len(cp.list_pipeline_executions(pipelineName="told")["pipelineExecutionSummaries"])
    cb.create_project(name="told", source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [true]}}"},
                      artifacts={"type": "NO_ARTIFACTS"}, serviceRole=f"arn:aws:iam::{shared_server.account}:role/build",
                      environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"})
    role = shared_server.service_role("starts", "events.amazonaws.com", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    at = f"{shared_server.region}:{shared_server.account}"
    cluster = ecs.create_cluster(clusterName="told", capacityProviders=["FARGATE_SPOT"])["cluster"]["clusterArn"]
    task = ecs.register_task_definition(
        family="told", requiresCompatibilities=["FARGATE"], cpu="256", memory="512", networkMode="awsvpc",
        containerDefinitions=[{"name": "c", "image": "127.0.0.1:1/none"}])["taskDefinition"]["taskDefinitionArn"]
    e.put_rule(Name="starts", EventPattern='{"source":["starts"]}')
    e.put_targets(Rule="starts", Targets=[
        {"Id": "p", "Arn": f"arn:aws:codepipeline:{at}:told", "RoleArn": role},
        {"Id": "b", "Arn": f"arn:aws:codebuild:{at}:project/told", "RoleArn": role, "InputTransformer": {
            "InputPathsMap": {"v": "$.detail.v"},
            "InputTemplate": '{"environmentVariablesOverride": [{"name": "V", "value": <v>, "type": "PLAINTEXT"}]}'}},
        {"Id": "t", "Arn": cluster, "RoleArn": role, "EcsParameters": {
            "TaskDefinitionArn": f"arn:aws:ecs:{at}:task-definition/none:1", "TaskCount": 2},
         "DeadLetterConfig": {"Arn": group_arn(shared_server, "/starts/dead")}},
        {"Id": "c", "Arn": cluster, "RoleArn": role, "EcsParameters": {
            "TaskDefinitionArn": task, "CapacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}}}])
    put(e, "starts", {"v": "seven"})
    build = eventually(lambda: cb.list_builds_for_project(projectName="told")["ids"])
    build = cb.batch_get_builds(ids=build)["builds"][0]
    assert build["initiator"] == "rule/starts"
    assert {"name": "V", "value": "seven", "type": "PLAINTEXT"} in build["environment"]["environmentVariables"]
    found = eventually(lambda: (r := cp.list_pipeline_executions(pipelineName="told")["pipelineExecutionSummaries"])
                       and len(r) > before and r)
    assert found[0]["trigger"] == {"triggerType": "CloudWatchEvent", "triggerDetail": f"arn:aws:events:{at}:rule/starts"}
    assert json.loads(lines(shared_server, "/starts/dead")[0])["TARGET_ARN"] == cluster
    arns = eventually(lambda: [a for status in ("RUNNING", "STOPPED")
                               for a in ecs.list_tasks(cluster="told", family="told", desiredStatus=status)["taskArns"]])
    assert ecs.describe_tasks(cluster="told", tasks=arns)["tasks"][0]["capacityProviderName"] == "FARGATE_SPOT"
    eventually(lambda: cb.batch_get_builds(ids=[build["id"]])["builds"][0]["buildComplete"])


def test_objects_and_services_tell(shared_server):
    e, s3, ecs = client(shared_server), shared_server.client("s3"), shared_server.client("ecs")
    rule(e, "s3", group_arn(shared_server, "/told/s3"), pattern={
        "source": ["aws.s3"], "detail-type": ["Object Created", "Object Deleted"], "detail": {"bucket": {"name": ["told"]}}})
    s3.create_bucket(Bucket="told")
    s3.put_object(Bucket="told", Key="a/b", Body=b"12345")
    s3.delete_object(Bucket="told", Key="a/b")
    made, gone = sorted((json.loads(m) for m in lines(shared_server, "/told/s3", 2)), key=lambda m: m["detail-type"])
    assert (made["detail-type"], gone["detail-type"]) == ("Object Created", "Object Deleted")
    assert made["resources"] == ["arn:aws:s3:::told"] and (made["detail"]["version"], gone["detail"]["reason"]) == ("0", "DeleteObject")
    assert (made["detail"]["object"]["key"], made["detail"]["object"]["size"]) == ("a/b", 5)
    rule(e, "ecs", group_arn(shared_server, "/told/ecs"), pattern={
        "source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"]})
    ecs.create_cluster(clusterName="quiet")
    ecs.register_task_definition(family="quiet", containerDefinitions=[{"name": "c", "image": "none", "memory": 64}])
    service = ecs.create_service(cluster="quiet", serviceName="quiet", taskDefinition="quiet", desiredCount=0,
                                 networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}})["service"]
    told = json.loads(lines(shared_server, "/told/ecs")[0])
    assert told["resources"] == [service["serviceArn"]]
    assert told["detail"]["eventType"] == "INFO" and told["detail"]["eventName"].startswith("SERVICE_DEPLOYMENT_")
    ecs.delete_service(cluster="quiet", service="quiet", force=True)


def test_schedules(fast):
    e = client(fast)
    for bad in ("rate(1 minutes)", "rate(2 minute)", "rate(0 days)", "rate(5)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)",
                "cron(0 10 * * ?)", "cron(61 10 * * ? *)", "at(2026-01-01T00:00:00)"):
        assert code_of(e.put_rule, Name="s", ScheduleExpression=bad) == "ValidationException", bad
    assert code_of(e.put_rule, Name="s") == "ValidationException"
    for name, expression in (("often", "rate(5 minutes)"), ("daily", "cron(0/10 * ? * * *)")):
        e.put_rule(Name=name, ScheduleExpression=expression)
        e.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": group_arn(fast, "/" + name)}])
    assert e.describe_rule(Name="often")["ScheduleExpression"] == "rate(5 minutes)"
    often = [json.loads(m) for m in lines(fast, "/often", 3)]
    times = [datetime.datetime.strptime(m["time"], "%Y-%m-%dT%H:%M:%SZ") for m in often]
    assert {(b - a).total_seconds() % 300 for a, b in zip(times, times[1:])} <= {0, 1, 299}
    assert (often[0]["source"], often[0]["detail-type"], often[0]["detail"]) == ("aws.events", "Scheduled Event", {})
    assert often[0]["resources"] == [e.describe_rule(Name="often")["Arn"]]
    assert all(re.search(r"T..:.0:00Z$", json.loads(m)["time"]) for m in lines(fast, "/daily", 2))
    for name in ("often", "daily"):
        e.disable_rule(Name=name)
    e.remove_targets(Rule="often", Ids=["1"])
    e.delete_rule(Name="often")


def wait_authorized(e, name, state="AUTHORIZED"):
    return eventually(lambda: (c := e.describe_connection(Name=name))["ConnectionState"] == state and c)


def test_api_destinations(fast, api):
    e = client(fast)
    role = fast.service_role("calls", "events.amazonaws.com", {
        "Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"})
    basic = e.create_connection(Name="basic", AuthorizationType="BASIC", AuthParameters={
        "BasicAuthParameters": {"Username": "ann", "Password": "s3cret-word"},
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "X-Team", "Value": "hidden-team", "IsValueSecret": True}],
            "QueryStringParameters": [{"Key": "q", "Value": "a b"}],
            "BodyParameters": [{"Key": "extra", "Value": "e"}]}})
    shown = e.describe_connection(Name="basic")
    assert shown["ConnectionState"] == "AUTHORIZED"
    assert shown["AuthParameters"]["BasicAuthParameters"] == {"Username": "ann"}
    assert "s3cret-word" not in str(shown) and "hidden-team" not in str(shown)
    assert code_of(e.create_connection, Name="basic", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}) == "ResourceAlreadyExistsException"
    assert code_of(e.create_connection, Name="x", AuthorizationType="BASIC", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}) == "ValidationException"
    make = lambda **more: e.create_api_destination(**dict({  # noqa: E731
        "Name": "orders", "ConnectionArn": basic["ConnectionArn"], "HttpMethod": "POST",
        "InvocationEndpoint": api.url + "/orders/*/lines"}, **more))
    destination = make()["ApiDestinationArn"]
    assert code_of(make) == "ResourceAlreadyExistsException"
    assert code_of(make, Name="y", InvocationEndpoint="ftp://x/") == "ValidationException"
    assert code_of(make, Name="y", ConnectionArn=basic["ConnectionArn"][:-1] + "x") == "ResourceNotFoundException"
    dead = {"DeadLetterConfig": {"Arn": group_arn(fast, "/api/dead")}}
    rule(e, "api", destination, RoleArn=role, **dead, InputPath="$.detail", HttpParameters={
        "PathParameterValues": ["$.detail.id"], "QueryStringParameters": {"who": "$.detail.who"},
        "HeaderParameters": {"X-Order": "$.detail.id"}}, RetryPolicy={"MaximumRetryAttempts": 2})
    api.answers = [(503, {}), (429, {"Retry-After": "60"})]
    put(e, "api", {"id": "7/8", "who": "Ann B"})
    seen = [api.next() for _ in range(3)]
    assert {s[:2] for s in seen} == {("POST", "/orders/7%2F8/lines?who=Ann%20B&q=a%20b")}
    assert seen[2][2]["authorization"] == "Basic " + base64.b64encode(b"ann:s3cret-word").decode()
    assert (seen[2][2]["x-team"], seen[2][2]["x-order"]) == ("hidden-team", "7/8")
    assert json.loads(seen[2][3]) == {"id": "7/8", "who": "Ann B", "extra": "e"}
    api.answers = [(500, {})] * 3
    put(e, "api", {"id": "gone", "who": "x"})
    api.answers[3:] = []
    letter = json.loads(lines(fast, "/api/dead")[0])
    assert (letter["EXHAUSTED_RETRY_CONDITION"], letter["RETRY_ATTEMPTS"]) == ("MaximumRetryAttempts", "2")
    for _ in range(3):
        api.next()
    api.answers = [(404, {})]  # is not tried again
    put(e, "api", {"id": "z", "who": "x"})
    letter = json.loads(lines(fast, "/api/dead", 2)[1])
    assert letter["RETRY_ATTEMPTS"] == "0" and "answered 404" in letter["ERROR_MESSAGE"]
    api.next()

    e.update_connection(Name="basic", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "key-1"}})
    e.update_connection(Name="basic", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyValue": "key-2"}})
    e.update_api_destination(Name="orders", HttpMethod="PUT", InvocationRateLimitPerSecond=1)
    assert e.describe_api_destination(Name="orders")["InvocationRateLimitPerSecond"] == 1
    for i in range(3):
        put(e, "api", {"id": f"i{i}", "who": "x"})
    seen = [api.next() for _ in range(3)]
    assert {s[0] for s in seen} == {"PUT"} and {s[2]["x-key"] for s in seen} == {"key-2"}
    assert [d["Name"] for d in e.list_api_destinations(ConnectionArn=basic["ConnectionArn"])["ApiDestinations"]] == ["orders"]
    assert [c["Name"] for c in e.list_connections(NamePrefix="ba")["Connections"]] == ["basic"]
    e.deauthorize_connection(Name="basic")
    put(e, "api", {"id": "w", "who": "x"})
    assert json.loads(lines(fast, "/api/dead", 3)[2])["ERROR_CODE"] == "NO_PERMISSIONS"
    e.delete_api_destination(Name="orders")
    e.delete_connection(Name="basic")
    assert code_of(e.describe_connection, Name="basic") == "ResourceNotFoundException"
    assert code_of(e.describe_api_destination, Name="orders") == "ResourceNotFoundException"
    with open(fast.data + "/towpath.db", "rb") as f:
        stored = f.read()
    assert not any(s in stored or s.decode() in fast.stderr() for s in (b"s3cret-word", b"key-2", b"hidden-team"))


def test_oauth(fast, api):
    e = client(fast)
    role = fast.service_role("oauth", "events.amazonaws.com", {"Effect": "Allow", "Action": "events:*", "Resource": "*"})
    e.create_connection(Name="oauth", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters={"OAuthParameters": {
        "ClientParameters": {"ClientID": "me", "ClientSecret": "client-secret"}, "HttpMethod": "POST",
        "AuthorizationEndpoint": api.url + "/token",
        "OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "all"}]}}})
    shown = wait_authorized(e, "oauth")
    assert shown["AuthParameters"]["OAuthParameters"]["ClientParameters"] == {"ClientID": "me"}
    assert urllib.parse.parse_qs(api.tokens[0][2]) == {"grant_type": ["client_credentials"], "client_id": ["me"],
                                                      "client_secret": ["client-secret"], "scope": ["all"]}
    arn = e.create_api_destination(Name="o", ConnectionArn=shown["ConnectionArn"], HttpMethod="POST",
                                   InvocationEndpoint=api.url + "/o")["ApiDestinationArn"]
    rule(e, "oauth", arn, RoleArn=role)
    put(e, "oauth", {})
    assert api.next()[2]["authorization"] == "Bearer t1"
    api.answers = [(401, {})]  # the token is not taken any more: another one
    put(e, "oauth", {})
    assert [api.next()[2]["authorization"] for _ in range(2)] == ["Bearer t1", "Bearer t2"]
    e.update_connection(Name="oauth", AuthParameters={"OAuthParameters": {"AuthorizationEndpoint": "http://127.0.0.1:9/"}})
    assert "127.0.0.1" in wait_authorized(e, "oauth", "DEAUTHORIZED")["StateReason"]


def test_a_letter_waits_for_its_age(fast, api):
    """Nobody listens: tried until the event is too old."""
    e, sns = client(fast), fast.client("sns")
    topic = sns.create_topic(Name="letters")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=api.url + "/sns")
    confirm = json.loads(api.next()[3])
    sns.confirm_subscription(TopicArn=topic, Token=confirm["Token"])
    role = fast.service_role("aged", "events.amazonaws.com", {"Effect": "Allow", "Action": "events:*", "Resource": "*"})
    connection = e.create_connection(Name="nobody", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})["ConnectionArn"]
    arn = e.create_api_destination(Name="nobody", ConnectionArn=connection, HttpMethod="POST",
                                   InvocationEndpoint="http://127.0.0.1:9/")["ApiDestinationArn"]
    rule(e, "aged", arn, RoleArn=role, DeadLetterConfig={"Arn": topic}, RetryPolicy={"MaximumEventAgeInSeconds": 10800})
    put(e, "aged", {"n": 1})
    letter = json.loads(api.next()[3])
    assert json.loads(letter["Message"])["detail"] == {"n": 1}
    attributes = {k: v["Value"] for k, v in letter["MessageAttributes"].items()}
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"
    assert int(attributes["RETRY_ATTEMPTS"]) >= 1 and attributes["TARGET_ARN"] == arn


def test_archives_and_replays(shared_server):
    e = client(shared_server)
    bus = e.create_event_bus(Name="kept")["EventBusArn"]
    archive = e.create_archive(ArchiveName="all", EventSourceArn=bus, RetentionDays=1,
                               EventPattern=json.dumps({"detail": {"keep": [True]}}))["ArchiveArn"]
    assert code_of(e.create_archive, ArchiveName="all", EventSourceArn=bus) == "ResourceAlreadyExistsException"
    assert code_of(e.create_archive, ArchiveName="b", EventSourceArn=bus + "x") == "ResourceNotFoundException"
    assert code_of(e.create_archive, ArchiveName="b", EventSourceArn=bus, EventPattern="{}") == "InvalidEventPatternException"
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    end = start + datetime.timedelta(hours=2)
    for i in range(4):
        put(e, "kept", {"i": i, "keep": i != 2}, EventBusName="kept")
    shown = e.describe_archive(ArchiveName="all")
    assert (shown["EventCount"], shown["State"], shown["RetentionDays"]) == (3, "ENABLED", 1) and shown["SizeBytes"] > 300
    assert [a["ArchiveName"] for a in e.list_archives(EventSourceArn=bus)["Archives"]] == ["all"]
    rule(e, "one", group_arn(shared_server, "/kept/one"), bus="kept", pattern={"source": ["kept"]})
    rule(e, "two", group_arn(shared_server, "/kept/two"), bus="kept", pattern={"source": ["kept"]})
    only = e.describe_rule(Name="one", EventBusName="kept")["Arn"]
    replay = lambda **more: e.start_replay(**dict({  # noqa: E731
        "ReplayName": "again", "EventSourceArn": archive, "EventStartTime": start, "EventEndTime": end,
        "Destination": {"Arn": bus, "FilterArns": [only]}}, **more))
    assert code_of(replay, Destination={"Arn": bus.replace("kept", "default")}) == "ValidationException"
    assert code_of(replay, EventEndTime=start) == "ValidationException"
    assert replay()["State"] == "STARTING"
    assert code_of(replay) == "ResourceAlreadyExistsException"
    done = eventually(lambda: (r := e.describe_replay(ReplayName="again"))["State"] == "COMPLETED" and r)
    assert done["ReplayEndTime"] and done["EventLastReplayedTime"]
    got = [json.loads(m) for m in lines(shared_server, "/kept/one", 3)]
    assert sorted(m["detail"]["i"] for m in got) == [0, 1, 3] and {m["replay-name"] for m in got} == {"again"}
    assert code_of(e.cancel_replay, ReplayName="again") == "IllegalStatusException"
    assert code_of(e.cancel_replay, ReplayName="none") == "ResourceNotFoundException"
    assert [r["ReplayName"] for r in e.list_replays(NamePrefix="ag", State="COMPLETED")["Replays"]] == ["again"]
    assert shared_server.client("logs").describe_log_groups(logGroupNamePrefix="/kept/two")["logGroups"] == []
    assert e.describe_archive(ArchiveName="all")["EventCount"] == 3  # replays are not archived again
    e.update_archive(ArchiveName="all", RetentionDays=0, Description="d")
    assert e.describe_archive(ArchiveName="all")["Description"] == "d"
    assert code_of(e.delete_event_bus, Name="kept") == "ValidationException"
    e.delete_archive(ArchiveName="all")
    assert code_of(e.describe_archive, ArchiveName="all") == "ResourceNotFoundException"


def test_nothing_is_lost_or_doubled_over_kill9(server, api):
    """A replay half way, and a retry in flight."""
    e = client(server)
    bus = e.describe_event_bus()["Arn"]
    archive = e.create_archive(ArchiveName="a", EventSourceArn=bus)["ArchiveArn"]
    for i in range(60):
        e.put_events(Entries=[{"Source": "many", "DetailType": "T", "Detail": json.dumps({"n": i * 10 + k})}
                              for k in range(10)])
    rule(e, "many", group_arn(server, "/many"))
    now = datetime.datetime.now(datetime.timezone.utc)
    e.start_replay(ReplayName="r", EventSourceArn=archive, EventStartTime=now - datetime.timedelta(hours=1),
                   EventEndTime=now + datetime.timedelta(hours=1), Destination={"Arn": bus})
    lines(server, "/many", 10)
    server.kill9()
    server.start()
    e = client(server)
    eventually(lambda: e.describe_replay(ReplayName="r")["State"] == "COMPLETED")
    numbers = [json.loads(m)["detail"]["n"] for m in lines(server, "/many", 600)]
    assert sorted(numbers) == list(range(600))

    role = server.service_role("calls", "events.amazonaws.com", {"Effect": "Allow", "Action": "events:*", "Resource": "*"})
    connection = e.create_connection(Name="c", AuthorizationType="API_KEY", AuthParameters={
        "ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}})["ConnectionArn"]
    arn = e.create_api_destination(Name="d", ConnectionArn=connection, HttpMethod="POST",
                                   InvocationEndpoint=api.url + "/d")["ApiDestinationArn"]
    rule(e, "retry", arn, RoleArn=role)
    api.answers = [(503, {})]
    put(e, "retry", {"n": 1})
    api.next()
    server.kill9()
    server.start()
    assert json.loads(api.next()[3])["detail"] == {"n": 1}

    client(server).start_replay(ReplayName="s", EventSourceArn=archive, EventStartTime=now - datetime.timedelta(hours=1),
                                EventEndTime=now + datetime.timedelta(hours=1), Destination={"Arn": bus})
    e = client(server)
    try:
        assert e.cancel_replay(ReplayName="s")["State"] == "CANCELLING"
    except e.exceptions.IllegalStatusException:
        pass  # it was faster
    eventually(lambda: e.describe_replay(ReplayName="s")["State"] in ("CANCELLED", "COMPLETED"))
