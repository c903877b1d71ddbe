# SPDX-License-Identifier: Apache-2.0
"""Services as principals: roles that trust a service for one project, pipeline, group or rule only, and topics and buses
whose policies let services in (aws:SourceArn, aws:SourceAccount)."""
import json

import botocore
import pytest

from asking import eventually
from notifications import subscribe


def at(server, service, resource):
    return f"arn:aws:{service}:{server.region}:{server.account}:{resource}"


def trust(service, source=None):
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    if source:
        statement["Condition"] = {"ArnLike": {"aws:SourceArn": source}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bound_role(server, name, service, source):
    """A role that may do everything, and trusts the service for one source."""
    arn = server.service_role(name, f"{service}.amazonaws.com", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    server.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust(service, source))
    return arn


def refusal(call, **args):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**args)
    return e.value.response["Error"]["Code"], e.value.response["Error"]["Message"]


def project(role, **more):
    spec = "version: 0.2\nphases:\n  build:\n    commands:\n      - test \"$WORD\" = sesame\n"
    return dict({"source": {"type": "NO_SOURCE", "buildspec": spec}, "artifacts": {"type": "NO_ARTIFACTS"},
                 "serviceRole": role, "environment": {
                     "type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL",
                     "environmentVariables": [{"name": "WORD", "value": "/word", "type": "PARAMETER_STORE"}]}}, **more)


def test_roles_of_builds(shared_server):
    cb, iam = shared_server.client("codebuild"), shared_server.client("iam")
    arn = at(shared_server, "codebuild", "project/bound")
    role = bound_role(shared_server, "for-bound", "codebuild", arn)
    shared_server.client("ssm").put_parameter(Name="/word", Type="SecureString", Value="sesame")
    assert refusal(cb.create_project, name="other", **project(role)) == (
        "InvalidInputException", f"codebuild.amazonaws.com is not authorized to perform: sts:AssumeRole on {role} for "
        + arn.replace("bound", "other"))
    cb.create_project(name="bound", **project(role))

    def built():
        build = cb.start_build(projectName="bound")["build"]["id"]
        return eventually(lambda: [b for b in cb.batch_get_builds(ids=[build])["builds"] if b["buildComplete"]])[0]
    assert built()["buildStatus"] == "SUCCEEDED"
    iam.update_assume_role_policy(RoleName="for-bound", PolicyDocument=trust("codebuild", arn + "2"))
    failed = built()
    assert failed["buildStatus"] != "SUCCEEDED"
    assert "sts:AssumeRole" in json.dumps([p.get("contexts") for p in failed["phases"]])


def test_roles_of_deployment_groups_and_pipelines(shared_server):
    cd, cp = shared_server.client("codedeploy"), shared_server.client("codepipeline")
    cd.create_application(applicationName="shop")
    role = bound_role(shared_server, "for-group", "codedeploy", at(shared_server, "codedeploy", "deploymentgroup:shop/live"))
    code, message = refusal(
        cd.create_deployment_group, applicationName="shop", deploymentGroupName="test", serviceRoleArn=role)
    assert code == "InvalidRoleException" and message.endswith("deploymentgroup:shop/test")
    cd.create_deployment_group(applicationName="shop", deploymentGroupName="live", serviceRoleArn=role)

    def pipeline(name):
        def action(name, category, provider, **more):
            return dict({"name": name, "actionTypeId": {
                "category": category, "owner": "AWS", "provider": provider, "version": "1"}}, **more)
        return {"name": name, "roleArn": pipelines, "artifactStore": {"type": "S3", "location": "artifacts"}, "stages": [
            {"name": "Source", "actions": [action("S", "Source", "S3", outputArtifacts=[{"name": "src"}], configuration={
                "S3Bucket": "in", "S3ObjectKey": "k", "PollForSourceChanges": "false"})]},
            {"name": "Gate", "actions": [action("G", "Approval", "Manual")]}]}
    pipelines = bound_role(shared_server, "for-pipeline", "codepipeline", at(shared_server, "codepipeline", "mine"))
    code, message = refusal(cp.create_pipeline, pipeline=pipeline("yours"))
    assert code == "InvalidStructureException" and "codepipeline.amazonaws.com is not authorized" in message
    cp.create_pipeline(pipeline=pipeline("mine"))


def test_a_role_of_rules(shared_server):
    """The role of a rule's target starts a build for its rule only; the other rule's event is a dead letter."""
    e = shared_server.client("events")
    role = bound_role(shared_server, "for-rule", "events", at(shared_server, "events", "rule/right"))
    build = at(shared_server, "codebuild", "project/none")
    dead = {"DeadLetterConfig": {"Arn": at(shared_server, "logs", "log-group:/roles")}}
    shared_server.client("logs").create_log_group(logGroupName="/roles")
    for name in ("right", "wrong"):
        e.put_rule(Name=name, EventPattern='{"source":["roles"]}')
        e.put_targets(Rule=name, Targets=[dict(dead, Id="1", Arn=build, RoleArn=role)])
    e.put_events(Entries=[{"Source": "roles", "DetailType": "x", "Detail": "{}"}])
    got = {m["RULE_ARN"].split("/")[-1]: m for m in letters(shared_server, "/roles", 2)}
    assert got["right"]["ERROR_CODE"] == "NO_RESOURCE"
    assert got["wrong"]["ERROR_CODE"] == "NO_PERMISSIONS"
    assert f"events.amazonaws.com is not authorized to perform: sts:AssumeRole on {role}" in got["wrong"]["ERROR_MESSAGE"]


def letters(server, group, n):
    logs = server.client("logs")
    return [json.loads(m["message"]) for m in eventually(lambda: (
        lambda v: v if len(v) >= n else None)(logs.filter_log_events(logGroupName=group)["events"]))]


def allows(server, topic, service, source, **more):
    """The topic's policy: this service for this source, and what the owner may."""
    server.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sns:Publish",
            "Resource": topic, "Condition": dict({"ArnEquals": {"aws:SourceArn": source}}, **more)}]}))


def test_rules_and_topics(shared_server, receiver):
    e, sns = shared_server.client("events"), shared_server.client("sns")
    topic = sns.create_topic(Name="of-rules")["TopicArn"]
    subscribe(sns, receiver, topic)
    allows(shared_server, topic, "events", at(shared_server, "events", "rule/told"),
           StringEquals={"aws:SourceAccount": shared_server.account})
    shared_server.client("logs").create_log_group(logGroupName="/topics")
    dead = {"DeadLetterConfig": {"Arn": at(shared_server, "logs", "log-group:/topics")}}
    for name in ("told", "held"):
        e.put_rule(Name=name, EventPattern='{"source":["topics"]}')
        e.put_targets(Rule=name, Targets=[dict(dead, Id="1", Arn=topic)])
    e.put_events(Entries=[{"Source": "topics", "DetailType": "x", "Detail": '{"n":1}'}])
    assert json.loads(receiver.next()[1]["Message"])["detail"] == {"n": 1}
    [letter] = letters(shared_server, "/topics", 1)
    assert (letter["RULE_ARN"], letter["ERROR_CODE"]) == (at(shared_server, "events", "rule/held"), "NO_PERMISSIONS")
    assert letter["ERROR_MESSAGE"] == (
        f"User: events.amazonaws.com is not authorized to perform: SNS:Publish on resource: {topic} "
        "because no resource-based policy allows the SNS:Publish action")
    assert receiver.messages.empty()


def test_rules_and_log_groups(shared_server):
    """Rules write into log groups of the account without a policy, unless one denies it to them."""
    e, logs = shared_server.client("events"), shared_server.client("logs")
    for name in ("told", "held", "dead"):
        logs.create_log_group(logGroupName=f"/rules/{name}")

    def statement(effect, resource, rule):
        return json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": effect, "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": resource,
            "Condition": {"ArnEquals": {"aws:SourceArn": at(shared_server, "events", f"rule/{rule}")}}}})
    allowed = statement("Allow", at(shared_server, "logs", "log-group:/rules/*:*"), "elsewhere")
    denied = statement("Deny", at(shared_server, "logs", "log-group:/rules/held:*"), "held-log")
    put = logs.put_resource_policy(policyName="allows", policyDocument=allowed)["resourcePolicy"]
    assert (put["policyName"], put["policyDocument"]) == ("allows", allowed)
    logs.put_resource_policy(policyName="denies", policyDocument=denied)
    got = logs.describe_resource_policies(limit=1)
    assert [p["policyName"] for p in got["resourcePolicies"]] == ["allows"]
    got = logs.describe_resource_policies(nextToken=got["nextToken"])["resourcePolicies"]
    assert [(p["policyName"], p["policyDocument"]) for p in got] == [("denies", denied)]
    dead = {"DeadLetterConfig": {"Arn": at(shared_server, "logs", "log-group:/rules/dead")}}
    for name in ("told", "held"):
        e.put_rule(Name=f"{name}-log", EventPattern='{"source":["log-groups"]}')
        e.put_targets(Rule=f"{name}-log", Targets=[dict(dead, Id="1", Arn=at(
            shared_server, "logs", f"log-group:/rules/{name}"))])
    e.put_events(Entries=[{"Source": "log-groups", "DetailType": "x", "Detail": '{"n":1}'}])
    assert letters(shared_server, "/rules/told", 1)[0]["detail"] == {"n": 1}
    [letter] = letters(shared_server, "/rules/dead", 1)
    assert (letter["RULE_ARN"], letter["ERROR_CODE"]) == (at(shared_server, "events", "rule/held-log"), "NO_PERMISSIONS")
    assert "logs:CreateLogStream on resource: " + at(shared_server, "logs", "log-group:/rules/held") in letter["ERROR_MESSAGE"]
    assert not logs.filter_log_events(logGroupName="/rules/held")["events"]
    logs.delete_resource_policy(policyName="denies")
    assert refusal(logs.delete_resource_policy, policyName="denies")[0] == "ResourceNotFoundException"
    e.put_events(Entries=[{"Source": "log-groups", "DetailType": "x", "Detail": '{"n":2}'}])
    assert letters(shared_server, "/rules/held", 1)[0]["detail"] == {"n": 2}


def test_policies_of_logs_that_are_refused(shared_server):
    logs = shared_server.client("logs")
    good = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}})
    there = len(logs.describe_resource_policies()["resourcePolicies"])
    for bad in ("{", "{}", good.replace("Allow", "Permit"), good.replace("logs:PutLogEvents", "x" * 5120)):
        assert refusal(logs.put_resource_policy, policyName="bad", policyDocument=bad)[0] == "InvalidParameterException"
    assert refusal(logs.put_resource_policy, policyDocument=good)[0] == "InvalidParameterException"
    for i in range(there, 10):
        logs.put_resource_policy(policyName=f"p{i}", policyDocument=good)
    assert refusal(logs.put_resource_policy, policyName="eleventh", policyDocument=good)[0] == "LimitExceededException"
    logs.put_resource_policy(policyName="p9", policyDocument=good)


def test_alarms_and_topics(shared_server, receiver):
    cw, sns = shared_server.client("cloudwatch"), shared_server.client("sns")
    topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in ("right", "wrong", "default")}
    for name in ("right", "wrong"):
        allows(shared_server, topics[name], "cloudwatch", at(shared_server, "cloudwatch", f"alarm:{name}"))
    # the policy that every topic has, put by hand, lets the account's alarms
    sns.set_topic_attributes(TopicArn=topics["default"], AttributeName="Policy", AttributeValue=sns.get_topic_attributes(
        TopicArn=topics["default"])["Attributes"]["Policy"])
    cw.put_metric_alarm(
        AlarmName="right", Namespace="X", MetricName="Y", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=list(topics.values()))
    subscribe(sns, receiver, topics["right"])
    cw.set_alarm_state(AlarmName="right", StateValue="ALARM", StateReason="test")
    assert json.loads(receiver.next()[1]["Message"])["AlarmName"] == "right"
    said = {i["HistorySummary"]: json.loads(i["HistoryData"]) for i in cw.describe_alarm_history(
        AlarmName="right", HistoryItemType="Action")["AlarmHistoryItems"]}
    assert sorted(s for s in said if s.startswith("Succ")) == sorted(
        f"Successfully executed action {topics[n]}" for n in ("right", "default"))
    failed = said[f"Failed to execute action {topics['wrong']}"]["error"]
    assert f"User: cloudwatch.amazonaws.com is not authorized to perform: SNS:Publish on resource: {topics['wrong']}" in failed


def test_repositories_and_topics(shared_server, receiver):
    cc, sns = shared_server.client("codecommit"), shared_server.client("sns")
    arn = cc.create_repository(repositoryName="told")["repositoryMetadata"]["Arn"]
    topics = {name: sns.create_topic(Name=f"push-{name}")["TopicArn"] for name in ("yes", "no", "gone")}
    allows(shared_server, topics["yes"], "codecommit", arn)
    allows(shared_server, topics["no"], "codecommit", arn + "-other")
    triggers = [{"name": n, "destinationArn": t, "branches": [], "events": ["all"]} for n, t in topics.items()]
    tested = cc.test_repository_triggers(repositoryName="told", triggers=triggers)
    assert sorted(tested["successfulExecutions"]) == ["gone", "yes"]
    [failed] = tested["failedExecutions"]
    assert failed["trigger"] == "no" and "User: codecommit.amazonaws.com is not authorized" in failed["failureMessage"]

    # rules of CodeStar Notifications: one that may not, one whose topic is gone, one that may
    notices = shared_server.client("codestar-notifications")
    sns.delete_topic(TopicArn=topics["gone"])
    rules = {}
    for name in ("gone", "no", "yes"):
        rules[name] = notices.create_notification_rule(
            Name=name, Resource=arn, DetailType="BASIC", EventTypeIds=["codecommit-repository-branches-and-tags-created"],
            Targets=[{"TargetType": "SNS", "TargetAddress": topics[name]}])["Arn"]
    allows(shared_server, topics["yes"], "codestar-notifications", rules["yes"])
    subscribe(sns, receiver, topics["yes"])
    cc.create_commit(repositoryName="told", branchName="main", putFiles=[{"filePath": "a", "fileContent": b"1"}])
    told = json.loads(receiver.next()[1]["Message"])
    assert told["detail"]["referenceName"] == "main"


def test_a_bus_may_deny_a_rule(shared_server):
    e = shared_server.client("events")
    bus = e.create_event_bus(Name="closed")["EventBusArn"]
    e.put_permission(EventBusName="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents", "Resource": bus, "Condition": {
            "ArnEquals": {"aws:SourceArn": at(shared_server, "events", "rule/kept")}}}]}))
    shared_server.client("logs").create_log_group(logGroupName="/bus")
    shared_server.client("logs").create_log_group(logGroupName="/heard")
    dead = {"DeadLetterConfig": {"Arn": at(shared_server, "logs", "log-group:/bus")}}
    for name in ("kept", "sent"):
        e.put_rule(Name=name, EventPattern='{"source":["bus"]}')
        e.put_targets(Rule=name, Targets=[dict(dead, Id="1", Arn=bus)])
    e.put_rule(Name="hear", EventBusName="closed", EventPattern='{"source":["bus"]}')
    e.put_targets(Rule="hear", EventBusName="closed", Targets=[
        {"Id": "1", "Arn": at(shared_server, "logs", "log-group:/heard")}])
    e.put_events(Entries=[{"Source": "bus", "DetailType": "x", "Detail": "{}"}])
    [letter] = letters(shared_server, "/bus", 1)
    assert letter["RULE_ARN"].endswith("rule/kept") and "with an explicit deny" in letter["ERROR_MESSAGE"]
    assert len(letters(shared_server, "/heard", 1)) == 1


def test_who_refers_and_who_made_a_rule(shared_server):
    """aws:Referer is the request's header; events:creatorAccount the account of a rule."""
    s3 = shared_server.client("s3", keys=shared_server.user("referred", {
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
        "Condition": {"StringLike": {"aws:Referer": "https://example.com/*"}}}))
    shared_server.client("s3").create_bucket(Bucket="referred")
    shared_server.client("s3").put_object(Bucket="referred", Key="k", Body=b"x")
    assert refusal(s3.get_object, Bucket="referred", Key="k")[0] == "AccessDenied"
    s3.meta.events.register("before-sign.s3", lambda request, **_: request.headers.add_header(
        "Referer", "https://example.com/page"))
    assert s3.get_object(Bucket="referred", Key="k")["Body"].read() == b"x"

    own = shared_server.client("events", keys=shared_server.user("creator", {
        "Effect": "Allow", "Action": "events:*", "Resource": "*",
        "Condition": {"StringEquals": {"events:creatorAccount": "${aws:PrincipalAccount}"}}}))
    own.put_rule(Name="owned", ScheduleExpression="rate(1 day)", State="DISABLED")
    assert own.describe_rule(Name="owned")["State"] == "DISABLED"
    other = shared_server.client("events", keys=shared_server.user("stranger", {
        "Effect": "Allow", "Action": "events:*", "Resource": "*",
        "Condition": {"StringEquals": {"events:creatorAccount": "999999999999"}}}))
    assert refusal(other.describe_rule, Name="owned")[0] == "AccessDeniedException"
