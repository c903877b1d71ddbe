# SPDX-License-Identifier: Apache-2.0
"""CodeStar Notifications through boto3: rules on the four services' resources; messages to topics, Slack
channels and webhooks, whose addresses are secrets."""
import json

from asking import code_of, eventually

ADDRESS = "services/T000/B000/s3cr3t-hook"


def at(server, service, resource):
    return f"arn:aws:{service}:{server.region}:{server.account}:{resource}"


def client(server, keys=None):
    return server.client("codestar-notifications", keys=keys)


def rule(c, name, resource, events, *targets, **more):
    return c.create_notification_rule(**dict({
        "Name": name, "Resource": resource, "EventTypeIds": events, "DetailType": "FULL",
        "Targets": [{"TargetType": t, "TargetAddress": a} for t, a in targets]}, **more))["Arn"]


def secret(server, name, value):
    return server.client("secretsmanager").create_secret(
        Name=name, SecretString=value if isinstance(value, str) else json.dumps(value))["ARN"]


def branch(server, repository, n):
    """Makes a commit: the branch is created, then updated."""
    cc = server.client("codecommit")
    parent = {}
    if n:
        parent = {"parentCommitId": cc.get_branch(repositoryName=repository, branchName="main")["branch"]["commitId"]}
    return cc.create_commit(repositoryName=repository, branchName="main", putFiles=[
        {"filePath": "a", "fileContent": str(n).encode()}], **parent)["commitId"]


def test_rules(shared_server):
    c = client(shared_server)
    topic = shared_server.client("sns").create_topic(Name="rules")["TopicArn"]
    project = at(shared_server, "codebuild", "project/p")
    build = "codebuild-project-build-state-"
    arn = rule(c, "one", project, [build + "failed"], ("SNS", topic), Tags={"a": "1"}, ClientRequestToken="t")
    assert rule(c, "one", project, [build + "failed"], ("SNS", topic), ClientRequestToken="t") == arn
    assert code_of(c.create_notification_rule, Name="one", Resource=project, EventTypeIds=[build + "failed"], Targets=[],
                   DetailType="BASIC") == "ResourceAlreadyExistsException"
    shown = c.describe_notification_rule(Arn=arn)
    assert (shown["Name"], shown["Resource"], shown["Status"], shown["DetailType"]) == ("one", project, "ENABLED", "FULL")
    assert shown["EventTypes"] == [{"EventTypeId": build + "failed", "ServiceName": "CodeBuild",
                                    "EventTypeName": "project build state failed", "ResourceType": "project"}]
    assert shown["Targets"] == [{"TargetAddress": topic, "TargetType": "SNS", "TargetStatus": "ACTIVE"}]

    def wrong(events, resource=project, kind="SNS", address=topic):
        return code_of(c.create_notification_rule, Name="x", Resource=resource, EventTypeIds=events, DetailType="BASIC",
                       Targets=[{"TargetType": kind, "TargetAddress": address}])
    assert wrong(["none"]) == "ValidationException"
    assert wrong(["codepipeline-pipeline-stage-execution-failed"]) == "ConfigurationException"
    assert wrong([build + "failed"], resource=at(shared_server, "lambda", "function:f")) == "ConfigurationException"
    assert wrong([build + "failed"], kind="Slack") == "ConfigurationException"
    assert "NotImplemented" in wrong([build + "failed"], kind="AWSChatbotSlack", address="arn:aws:chatbot::1:x")

    hook = secret(shared_server, "hook", "https://hooks.example.com/x")
    c.subscribe(Arn=arn, Target={"TargetType": "Webhook", "TargetAddress": hook})
    assert sorted(t["TargetType"] for t in c.list_targets()["Targets"]) == ["SNS", "Webhook"]
    assert [t["TargetAddress"] for t in c.list_targets(Filters=[{"Name": "TARGET_TYPE", "Value": "Webhook"}])["Targets"]] == [hook]
    c.unsubscribe(Arn=arn, TargetAddress=topic)
    assert code_of(c.delete_target, TargetAddress=hook) == "ValidationException"
    c.delete_target(TargetAddress=hook, ForceUnsubscribeAll=True)
    assert c.describe_notification_rule(Arn=arn)["Targets"] == []
    c.update_notification_rule(Arn=arn, Status="DISABLED", EventTypeIds=[build + "succeeded", build + "stopped"])
    shown = c.describe_notification_rule(Arn=arn)
    assert (shown["Status"], len(shown["EventTypes"])) == ("DISABLED", 2)
    listed = lambda *filters: [r["Arn"] for r in c.list_notification_rules(  # noqa: E731
        Filters=[{"Name": n, "Value": v} for n, v in filters])["NotificationRules"]]
    assert listed(("RESOURCE", project)) == [arn]
    assert listed(("EVENT_TYPE_ID", build + "failed"), ("EVENT_TYPE_ID", build + "stopped")) == [arn]
    assert listed(("RESOURCE", project), ("EVENT_TYPE_ID", build + "failed")) == []
    assert c.tag_resource(Arn=arn, Tags={"b": "2"})["Tags"] == {"a": "1", "b": "2"}
    c.untag_resource(Arn=arn, TagKeys=["a"])
    assert c.list_tags_for_resource(Arn=arn)["Tags"] == {"b": "2"}
    types = c.list_event_types(Filters=[{"Name": "SERVICE_NAME", "Value": "CodeBuild"}])["EventTypes"]
    assert [t["EventTypeId"] for t in types] == [build + s for s in ("failed", "succeeded", "in-progress", "stopped")] + [
        "codebuild-project-build-phase-" + s for s in ("failure", "success")]
    first = c.list_event_types(MaxResults=30)
    assert len(first["EventTypes"]) == 30 and len(c.list_event_types(NextToken=first["NextToken"])["EventTypes"]) == 8

    c.update_notification_rule(Arn=arn, Targets=[{"TargetType": "SNS", "TargetAddress": topic + str(i)} for i in range(3)])
    page = c.list_targets(MaxResults=2)
    assert [(t["TargetAddress"][-1], t["TargetStatus"]) for t in page["Targets"]] == [
        ("0", "UNREACHABLE"), ("1", "UNREACHABLE")]
    c.subscribe(Arn=arn, Target={"TargetType": "SNS", "TargetAddress": topic})
    either = c.list_targets(Filters=[{"Name": "TARGET_ADDRESS", "Value": topic + "1"},
                                     {"Name": "TARGET_ADDRESS", "Value": topic}])["Targets"]
    assert {t["TargetAddress"]: t["TargetStatus"] for t in either} == {topic + "1": "UNREACHABLE", topic: "ACTIVE"}
    shared_server.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish",
             "Resource": topic}]}))
    assert [t["TargetStatus"] for t in c.describe_notification_rule(Arn=arn)["Targets"]] == ["UNREACHABLE"] * 4
    c.unsubscribe(Arn=arn, TargetAddress=topic)
    assert [t["TargetAddress"][-1] for t in c.list_targets(NextToken=page["NextToken"])["Targets"]] == ["2"]
    second = rule(c, "two", project, [build + "failed"])
    page = c.list_notification_rules(MaxResults=1)
    assert sorted(r["Arn"] for r in page["NotificationRules"] + c.list_notification_rules(
        NextToken=page["NextToken"])["NotificationRules"]) == sorted([arn, second])

    sam = shared_server.user("sam", {"Effect": "Allow", "Action": "codestar-notifications:*", "Resource": "*"})
    assert code_of(client(shared_server, sam).subscribe, Arn=arn, Target={
        "TargetType": "Webhook", "TargetAddress": hook}) == "AccessDeniedException"
    c.delete_notification_rule(Arn=arn)
    c.delete_notification_rule(Arn=arn)
    assert code_of(c.describe_notification_rule, Arn=arn) == "ResourceNotFoundException"


def test_messages(server, receiver):
    c, sns = client(server), server.client("sns")
    topic = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url + "sns")
    sns.confirm_subscription(TopicArn=topic, Token=receiver.next()[1]["Token"])
    for name in ("shop", "other"):
        server.client("codecommit").create_repository(repositoryName=name)
    slack = secret(server, "slack", receiver.url + ADDRESS)
    own = secret(server, "own", {"url": receiver.url + ADDRESS, "template":
                                 '{"note": "<$.detail.repositoryName>: <$.detail.event> <b>", "ids": ["<$.resources[0]>"]}'})
    plain = secret(server, "plain", {"url": receiver.url + ADDRESS})
    created, updated = ("codecommit-repository-branches-and-tags-" + s for s in ("created", "updated"))
    arn = rule(c, "told", at(server, "codecommit", "shop"), [created], ("SNS", topic), ("Slack", slack), ("Webhook", own),
               ("Webhook", plain))
    branch(server, "other", 0)
    branch(server, "shop", 0)
    got = [receiver.next()[1] for _ in range(4)]
    message = json.loads(next(m["Message"] for m in got if "Message" in m))
    assert message in got  # what a webhook without a template gets
    assert (message["detailType"], message["source"], message["notificationRuleArn"]) == (
        "CodeCommit Repository State Change", "aws.codecommit", arn)
    assert message["detail"]["event"] == "referenceCreated" and message["additionalAttributes"] == {}
    assert "id" not in message and "version" not in message
    repository = at(server, "codecommit", "shop")
    assert {"note": "shop: referenceCreated <b>", "ids": [repository]} in got
    chat = next(m for m in got if "blocks" in m)
    assert chat["text"] == f"CodeCommit Repository State Change: {repository} referenceCreated"
    assert chat["blocks"][0] == {"type": "header", "text": {"type": "plain_text", "text": message["detailType"]}}

    # A retry in flight, over a kill; the address is told nowhere.
    c.update_notification_rule(Arn=arn, EventTypeIds=[updated], Targets=[{"TargetType": "Webhook", "TargetAddress": plain}])
    receiver.statuses = [503]
    branch(server, "shop", 1)
    first = receiver.next()[1]
    server.kill9()
    server.start()
    assert receiver.next()[1] == first and first["detail"]["event"] == "referenceUpdated"
    with open(server.data + "/towpath.db", "rb") as f:
        assert b"s3cr3t-hook" not in f.read()
    assert "s3cr3t-hook" not in server.stderr() + str(client(server).describe_notification_rule(Arn=arn))


def test_builds_are_told_once(server, receiver):
    c, cb = client(server), server.client("codebuild")
    cb.create_project(name="told", source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [true]}}"},
                      artifacts={"type": "NO_ARTIFACTS"}, serviceRole=f"arn:aws:iam::{server.account}:role/build",
                      environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                                   "computeType": "BUILD_GENERAL1_SMALL"})
    states = ["codebuild-project-build-state-" + s for s in ("in-progress", "succeeded", "failed", "stopped")]
    rule(c, "builds", at(server, "codebuild", "project/told"), states,
         ("Webhook", secret(server, "w", {"url": receiver.url, "template": "{\"s\": \"<$.detail.build-status>\"}"})))
    told = lambda: sorted(receiver.next()[1]["s"] for _ in range(2))  # noqa: E731 (each is delivered by itself)
    cb.start_build(projectName="told")
    assert told() == ["IN_PROGRESS", "SUCCEEDED"]
    build = cb.list_builds_for_project(projectName="told")["ids"]
    eventually(lambda: cb.batch_get_builds(ids=build)["builds"][0]["buildComplete"])
    cb.start_build(projectName="told")  # what comes next is the next build's
    assert told() == ["IN_PROGRESS", "SUCCEEDED"]
