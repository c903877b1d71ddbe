# SPDX-License-Identifier: Apache-2.0
"""SNS through boto3: topics, subscriptions with confirmation, signed messages to a real receiver,
filters, tries; and what publishes by itself: alarms and event rules."""
import io
import json
import queue
import urllib.error
import urllib.request
import zipfile

import pipelines
import pytest
from asking import code_of, eventually
from receivers import MailReceiver, verify
from towpath import Server


def subscribe(sns, receiver, topic, **attributes):
    """A confirmed subscription; its ARN."""
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url,
                           Attributes=attributes)
    assert answer["SubscriptionArn"] == "pending confirmation"
    headers, message = receiver.next()
    assert headers["x-amz-sns-message-type"] == message["Type"] == "SubscriptionConfirmation"
    assert verify(message)
    return sns.confirm_subscription(TopicArn=topic, Token=message["Token"])["SubscriptionArn"]


def test_topics(shared_server):
    c = shared_server.client("sns")
    arn = c.create_topic(Name="t", Attributes={"DisplayName": "T"},
                         Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    assert arn == f"arn:aws:sns:{shared_server.region}:{shared_server.account}:t"
    assert c.create_topic(Name="t")["TopicArn"] == arn
    assert code_of(c.create_topic, Name="t", Attributes={"DisplayName": "U"}) == "InvalidParameter"
    assert code_of(c.create_topic, Name="a b") == "InvalidParameter"
    assert [t["TopicArn"] for t in c.list_topics()["Topics"]] == [arn]
    c.set_topic_attributes(TopicArn=arn, AttributeName="SignatureVersion", AttributeValue="2")
    shown = c.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (shown["DisplayName"], shown["SignatureVersion"], shown["SubscriptionsConfirmed"]) == (
        "T", "2", "0")
    assert json.loads(shown["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID"
    assert code_of(c.set_topic_attributes, TopicArn=arn, AttributeName="SignatureVersion",
                   AttributeValue="3") == "InvalidParameter"
    c.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    c.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert c.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert "NotImplemented" in code_of(c.subscribe, TopicArn=arn, Protocol="sqs",
                                       Endpoint="arn:aws:sqs:us-east-1:1:q")
    assert code_of(c.subscribe, TopicArn=arn, Protocol="http",
                   Endpoint="ftp://x") == "InvalidParameter"
    assert code_of(c.publish, TopicArn=arn, Message="") == "InvalidParameter"
    assert code_of(c.publish, TopicArn=arn, Message="m", Subject="a\nb") == "InvalidParameter"
    c.delete_topic(TopicArn=arn)
    c.delete_topic(TopicArn=arn)
    assert code_of(c.get_topic_attributes, TopicArn=arn) == "NotFound"
    assert code_of(c.publish, TopicArn=arn, Message="m") == "NotFound"


def test_policy_of_a_topic(shared_server):
    c = shared_server.client("sns")
    topic = c.create_topic(Name="own")["TopicArn"]
    sam = shared_server.client("sns", keys=shared_server.user("sam"))
    assert code_of(sam.publish, TopicArn=topic, Message="m") == "AuthorizationError"

    def policy(effect, action):
        return json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": effect, "Action": action, "Resource": topic,
            "Principal": {"AWS": f"arn:aws:iam::{shared_server.account}:user/sam"}}]})

    put = lambda text: c.set_topic_attributes(  # noqa: E731
        TopicArn=topic, AttributeName="Policy", AttributeValue=text)
    put(policy("Allow", ["SNS:Publish", "SNS:Subscribe", "SNS:GetSubscriptionAttributes"]))
    assert json.loads(c.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])[
        "Statement"][0]["Effect"] == "Allow"
    sam.publish(TopicArn=topic, Message="m")
    arn = sam.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:1/",
                        ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert sam.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["TopicArn"] == topic
    assert code_of(sam.delete_topic, TopicArn=topic) == "AuthorizationError"
    assert code_of(sam.publish, TopicArn=c.create_topic(Name="other")["TopicArn"],
                   Message="m") == "AuthorizationError"
    put(policy("Deny", "sns:*"))
    assert code_of(sam.publish, TopicArn=topic, Message="m") == "AuthorizationError"
    for bad in ("{", '{"Statement": 1}', policy("Maybe", "sns:Publish")):
        assert code_of(put, text=bad) == "InvalidParameter"


def link_of(message):
    """The link at the end of a mail."""
    return message.get_content().split()[-1]


def test_mail(shared_server):
    receiver = MailReceiver()
    server = Server("--smtp", receiver.address, "--mail-from", "ci@shop.example")
    try:
        c = server.start().client("sns")
        topic = c.create_topic(Name="mail", Attributes={"DisplayName": "Läden"})["TopicArn"]
        subscribe_by = lambda protocol, to: c.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=to)
        for bad in ("nobody", "a@b>\r\nX: y", "a b@c"):
            assert code_of(subscribe_by, protocol="email", to=bad) == "InvalidParameter"
        assert subscribe_by("email", "ann@shop.example")["SubscriptionArn"] == "pending confirmation"
        sender, recipients, message = receiver.next()
        assert (sender, recipients) == ("ci@shop.example", ["ann@shop.example"])
        assert message["Subject"] == "AWS Notification - Subscription Confirmation"
        assert message["From"] == "Läden <ci@shop.example>" and message["To"] == "ann@shop.example"
        c.publish(TopicArn=topic, Message="too early")
        assert b"ConfirmSubscriptionResult" in urllib.request.urlopen(link_of(message)).read()
        retry = {"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 2}}
        arn = c.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"]
        c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy",
                                      AttributeValue=json.dumps(retry))
        receiver.answers = [451]  # busy: tried again
        subject, text = "Grüße an alle Filialen, " * 3, "Zeile\n.\n" + "ä" * 2000
        c.publish(TopicArn=topic, Subject=subject.strip(), Message=text)
        _, _, message = receiver.next()
        assert message["Subject"] == subject.strip()
        assert message.get_content().startswith(text + "\n\n--\n")
        receiver.answers = [550]  # refused for good: not tried again
        c.publish(TopicArn=topic, Message="refused")
        eventually(lambda: not receiver.answers)
        c.publish(TopicArn=topic, Message="next")
        _, _, message = receiver.next()
        assert message.get_content().startswith("next\n")
        urllib.request.urlopen(link_of(message)).read()
        assert c.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []

        subscribe_by("email-json", "bot@shop.example")
        asked = json.loads(receiver.next()[2].get_content())
        assert asked["Type"] == "SubscriptionConfirmation" and verify(asked)
        c.confirm_subscription(TopicArn=topic, Token=asked["Token"])
        c.publish(TopicArn=topic, Message="for programs")
        message = json.loads(receiver.next()[2].get_content())
        assert message["Message"] == "for programs" and verify(message)
    finally:
        server.close()
        receiver.close()
    c = shared_server.client("sns")
    topic = c.create_topic(Name="nomail")["TopicArn"]
    assert "NotImplemented" in code_of(c.subscribe, TopicArn=topic, Protocol="email", Endpoint="a@b.c")


def test_messages_are_signed_and_come_after_confirmation(shared_server, receiver):
    c = shared_server.client("sns")
    topic = c.create_topic(Name="signed")["TopicArn"]
    c.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url)
    headers, asked = receiver.next()
    assert "x-amz-sns-subscription-arn" not in headers and verify(asked)
    assert c.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0][
        "SubscriptionArn"] == "PendingConfirmation"
    c.publish(TopicArn=topic, Message="too early")
    # whoever got the message may follow its link, unsigned
    answer = urllib.request.urlopen(asked["SubscribeURL"]).read().decode()
    arn = c.list_subscriptions()["Subscriptions"][-1]["SubscriptionArn"]
    assert f"<SubscriptionArn>{arn}</SubscriptionArn>" in answer
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(asked["SubscribeURL"] + "0")

    for version in ("1", "2"):
        c.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion",
                               AttributeValue=version)
        sent = c.publish(TopicArn=topic, Message="hello", Subject="Subject", MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "x"}})["MessageId"]
        headers, message = receiver.next()
        assert (message["Message"], message["Subject"], message["MessageId"]) == (
            "hello", "Subject", sent)
        assert message["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}
        assert headers["x-amz-sns-subscription-arn"] == arn
        assert message["SignatureVersion"] == version and verify(message)
        assert not verify(dict(message, Message="other"))

    c.publish(TopicArn=topic, MessageStructure="json",
              Message=json.dumps({"default": "all", "http": "web"}))
    assert receiver.next()[1]["Message"] == "web"
    batch = c.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": "one"}, {"Id": "2", "Message": ""}])
    assert [s["Id"] for s in batch["Successful"]] == ["1"]
    assert [f["Id"] for f in batch["Failed"]] == ["2"]
    message = receiver.next()[1]
    assert message["Message"] == "one"
    urllib.request.urlopen(message["UnsubscribeURL"]).read()
    assert c.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    # the endpoint hears of it, and may change its mind
    headers, farewell = receiver.next()
    assert farewell["Type"] == headers["x-amz-sns-message-type"] == "UnsubscribeConfirmation"
    assert headers["x-amz-sns-subscription-arn"] == arn and arn in farewell["Message"] and verify(farewell)
    urllib.request.urlopen(farewell["SubscribeURL"]).read()
    assert c.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["SubscriptionArn"] == arn
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(asked["SubscribeURL"]).read()
    c.publish(TopicArn=topic, Message="again")
    message = receiver.next()[1]
    assert message["Message"] == "again"
    c.unsubscribe(SubscriptionArn=arn)  # signed: nobody needs to be told
    c.publish(TopicArn=topic, Message="nobody")
    with pytest.raises(queue.Empty):
        receiver.messages.get(timeout=0.5)


def test_permissions_of_a_topic(shared_server):
    c = shared_server.client("sns")
    topic = c.create_topic(Name="shared-topic")["TopicArn"]
    other = "210987654321"
    policy = lambda: c.get_topic_attributes(TopicArn=topic)["Attributes"].get("Policy")  # noqa: E731
    add = lambda label, accounts, actions: c.add_permission(  # noqa: E731
        TopicArn=topic, Label=label, AWSAccountId=accounts, ActionName=actions)
    add("one", [other, shared_server.account], ["Publish", "Subscribe"])
    add("two", [other], ["GetTopicAttributes"])
    assert json.loads(policy())["Statement"] == [
        {"Sid": "one", "Effect": "Allow", "Resource": topic, "Action": ["SNS:Publish", "SNS:Subscribe"],
         "Principal": {"AWS": [f"arn:aws:iam::{x}:root" for x in (other, shared_server.account)]}},
        {"Sid": "two", "Effect": "Allow", "Resource": topic, "Action": ["SNS:GetTopicAttributes"],
         "Principal": {"AWS": [f"arn:aws:iam::{other}:root"]}}]
    for label, accounts, actions in (("one", [other], ["Publish"]), ("x", ["me"], ["Publish"]), ("x", [other], ["Fly"]),
                                     ("x", [], ["Publish"]), ("x", [other], [])):
        assert code_of(add, label=label, accounts=accounts, actions=actions) == "InvalidParameter"
    c.remove_permission(TopicArn=topic, Label="one")
    assert [s["Sid"] for s in json.loads(policy())["Statement"]] == ["two"]
    assert code_of(c.remove_permission, TopicArn=topic, Label="one") == "NotFound"
    c.remove_permission(TopicArn=topic, Label="two")
    assert not policy()
    assert code_of(c.remove_permission, TopicArn=topic + "x", Label="two") == "NotFound"
    c.publish(TopicArn=topic, Message="still ours")


def test_filters_and_raw_delivery(shared_server, receiver):
    c = shared_server.client("sns")
    topic = c.create_topic(Name="filtered")["TopicArn"]
    arn = subscribe(c, receiver, topic, FilterPolicy='{"n":[{"numeric":[">",5]}]}')

    def publish(n, message):
        c.publish(TopicArn=topic, Message=message, MessageAttributes={
            "n": {"DataType": "Number", "StringValue": str(n)}})

    publish(3, "small")
    c.publish(TopicArn=topic, Message="without")
    publish(7, "large")
    assert receiver.next()[1]["Message"] == "large"
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy",
                                  AttributeValue='{"state":["ALARM"]}')
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicyScope",
                                  AttributeValue="MessageBody")
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="RawMessageDelivery",
                                  AttributeValue="true")
    c.publish(TopicArn=topic, Message='{"state":"OK"}')
    c.publish(TopicArn=topic, Message='{"state":"ALARM"}')
    headers, body = receiver.messages.get(timeout=90)
    assert body == '{"state":"ALARM"}' and headers["x-amz-sns-rawdelivery"] == "true"
    shown = c.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (shown["RawMessageDelivery"], shown["PendingConfirmation"]) == ("true", "false")
    assert code_of(c.set_subscription_attributes, SubscriptionArn=arn,
                   AttributeName="FilterPolicy", AttributeValue="{") == "InvalidParameter"
    assert "NotImplemented" in code_of(c.set_subscription_attributes, SubscriptionArn=arn,
                                       AttributeName="RedrivePolicy", AttributeValue="{}")
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="DeliveryPolicy",
                                  AttributeValue='{"requestPolicy": {"headerContentType": "application/json"}}')
    c.publish(TopicArn=topic, Message="{}")
    assert receiver.messages.get(timeout=90)[0]["content-type"] == "application/json"
    assert code_of(c.subscribe, TopicArn=topic, Protocol="http", Endpoint=receiver.url,
                   Attributes={"RawMessageDelivery": "false"}) == "InvalidParameter"
    assert c.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.url,
                       Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"] == arn
    c.unsubscribe(SubscriptionArn=arn)
    assert code_of(c.get_subscription_attributes, SubscriptionArn=arn) == "NotFound"


def test_attributes_are_checked(shared_server):
    c = shared_server.client("sns")
    topic = c.create_topic(Name="checked")["TopicArn"]
    arn = c.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://127.0.0.1:1/",
                      ReturnSubscriptionArn=True)["SubscriptionArn"]

    def put(name, value):
        return code_of(c.set_subscription_attributes, SubscriptionArn=arn, AttributeName=name,
                       AttributeValue=value if isinstance(value, str) else json.dumps(value))

    six = {name: ["x"] for name in "abcdef"}
    for policy in ({"a": {"b": ["x"]}}, six, {"$or": [{"a": {"b": ["x"]}}, {"c": ["x"]}]}):
        assert put("FilterPolicy", policy) == "InvalidParameter", policy
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicyScope", AttributeValue="MessageBody")
    c.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy",
                                  AttributeValue='{"a": {"b": ["x"]}}')
    assert put("FilterPolicyScope", "MessageAttributes") == "InvalidParameter"
    for retries in ({"numRetries": 101}, {"minDelayTarget": 30, "maxDelayTarget": 20}, {"backoffFunction": "cubic"},
                    {"numRetries": 2, "numNoDelayRetries": 3}, {"numRetries": 3, "minDelayTarget": 3600}):
        assert put("DeliveryPolicy", {"healthyRetryPolicy": retries}) == "InvalidParameter", retries
        assert code_of(c.set_topic_attributes, TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(
            {"http": {"defaultHealthyRetryPolicy": retries}})) == "InvalidParameter", retries
    assert put("DeliveryPolicy", {"requestPolicy": {"headerContentType": "image/png"}}) == "InvalidParameter"
    assert "NotImplemented" in put("DeliveryPolicy", {"throttlePolicy": {"maxReceivesPerSecond": 1}})
    for value in ({"DataType": "Number", "StringValue": "five"}, {"DataType": "String", "StringValue": ""},
                  {"DataType": "Number", "StringValue": '5,"b":1'}, {"DataType": "String.Array", "StringValue": "[{}]"},
                  {"DataType": "Text", "StringValue": "x"}):
        assert code_of(c.publish, TopicArn=topic, Message="m",
                       MessageAttributes={"a": value}) == "ParameterValueInvalid", value


def test_a_message_is_tried_again_also_after_kill(server, receiver):
    c = server.client("sns")
    topic = c.create_topic(Name="again")["TopicArn"]
    arn = subscribe(c, receiver, topic)
    c.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="DeliveryPolicy", AttributeValue=json.dumps(
            {"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}}))
    receiver.statuses = [500, 503, 200]
    sent = c.publish(TopicArn=topic, Message="m")["MessageId"]
    assert receiver.next()[1]["MessageId"] == sent
    server.kill9()
    server.start()
    assert receiver.next()[1]["MessageId"] == sent
    assert receiver.next()[1]["MessageId"] == sent
    # what the endpoint refuses is not tried again
    c = server.client("sns")
    receiver.statuses = [403]
    first = c.publish(TopicArn=topic, Message="refused")["MessageId"]
    second = c.publish(TopicArn=topic, Message="taken")["MessageId"]
    assert {receiver.next()[1]["MessageId"] for _ in range(2)} == {first, second}
    with pytest.raises(queue.Empty):
        receiver.messages.get(timeout=1.5)


def test_alarms_and_rules_publish(shared_server, receiver):
    c, cw = shared_server.client("sns"), shared_server.client("cloudwatch")
    topic = c.create_topic(Name="ops")["TopicArn"]
    subscribe(c, receiver, topic)
    cw.put_metric_alarm(
        AlarmName="errors", AlarmDescription="too many", Namespace="Shop", MetricName="Errors",
        Dimensions=[{"Name": "Service", "Value": "api"}], Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching", AlarmActions=[topic], OKActions=[topic + "-gone"])
    state = lambda: cw.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["StateValue"]
    eventually(lambda: state() == "OK")
    cw.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    message = receiver.next()[1]
    assert message["Subject"] == 'ALARM: "errors" in US East (N. Virginia)'
    body = json.loads(message["Message"])
    assert (body["AlarmName"], body["NewStateValue"], body["OldStateValue"],
            body["NewStateReason"], body["AWSAccountId"]) == (
        "errors", "ALARM", "OK", "test", shared_server.account)
    assert body["Trigger"]["Dimensions"] == [{"name": "Service", "value": "api"}]
    assert (body["Trigger"]["Statistic"], body["Trigger"]["Threshold"]) == ("SUM", 5)
    history = [i["HistorySummary"] for i in cw.describe_alarm_history(
        AlarmName="errors", HistoryItemType="Action")["AlarmHistoryItems"]]
    assert any(h == f"Successfully executed action {topic}" for h in history)
    assert any(h.startswith(f"Failed to execute action {topic}-gone") for h in history)
    cw.disable_alarm_actions(AlarmNames=["errors"])
    cw.set_alarm_state(AlarmName="errors", StateValue="INSUFFICIENT_DATA", StateReason="test")
    cw.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    assert "NotImplemented" in code_of(
        cw.put_metric_alarm, AlarmName="x", Namespace="Shop", MetricName="E", Statistic="Sum",
        Period=60, EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold",
        AlarmActions=["arn:aws:automate:us-east-1:ec2:stop"])

    events = shared_server.client("events")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": topic}])
    events.put_events(Entries=[{"Source": "shop", "DetailType": "Sold", "Detail": '{"n":1}'}])
    body = json.loads(receiver.next()[1]["Message"])
    assert (body["source"], body["detail"]) == ("shop", {"n": 1})


def test_deployments_tell_topics(shared_server, receiver):
    c, deploy = shared_server.client("sns"), shared_server.client("codedeploy")
    topic = c.create_topic(Name="deployments")["TopicArn"]
    subscribe(c, receiver, topic)
    deploy.create_application(applicationName="shop")
    deploy.create_deployment_group(
        applicationName="shop", deploymentGroupName="group",
        serviceRoleArn=f"arn:aws:iam::{shared_server.account}:role/deploy",
        triggerConfigurations=[{"triggerName": "ops", "triggerTargetArn": topic,
                                "triggerEvents": ["DeploymentStart", "DeploymentFailure"]}])
    deployment = deploy.create_deployment(
        applicationName="shop", deploymentGroupName="group", revision={
            "revisionType": "S3", "s3Location": {"bucket": "none", "key": "none.zip",
                                                 "bundleType": "zip"}})["deploymentId"]
    posts = [receiver.next()[1] for _ in range(2)]
    told = [json.loads(p["Message"]) for p in posts]
    assert sorted(m["status"] for m in told) == ["Created", "Failed"]
    assert sorted(p["Subject"] for p in posts) == [
        f"{s}: AWS CodeDeploy {deployment} in us-east-1 to shop" for s in ("CREATED", "FAILED")]
    failed = next(m for m in told if m["status"] == "Failed")
    info = deploy.get_deployment(deploymentId=deployment)["deploymentInfo"]
    assert failed["errorInformation"] == {
        "ErrorCode": info["errorInformation"]["code"], "ErrorMessage": info["errorInformation"]["message"]}
    assert failed["deploymentOverview"]["Succeeded"] == "0" and failed["deploymentOverview"].keys() == \
        info["deploymentOverview"].keys()
    assert abs(float(failed["completeTime"]) - info["completeTime"].timestamp()) < 0.001
    assert float(failed["createTime"]) <= float(failed["completeTime"])
    assert {(m["deploymentId"], m["eventTriggerName"], m["applicationName"]) for m in told} == {
        (deployment, "ops", "shop")}


def test_approvals_tell_topics(shared_server, receiver):
    c, s3 = shared_server.client("sns"), shared_server.client("s3")
    topic = c.create_topic(Name="approvals")["TopicArn"]
    subscribe(c, receiver, topic)
    cp = pipelines.client(shared_server)
    for bucket in ("artifacts", "incoming"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("index.html", "x")
    s3.put_object(Bucket="incoming", Key="a.zip", Body=archive.getvalue())
    for name, arn in (("told", topic), ("lost", topic + "-gone")):
        cp.create_pipeline(pipeline=pipelines.pipeline(
            name, ("Source", pipelines.s3_source("incoming", "a.zip")),
            ("Gate", pipelines.approval(NotificationArn=arn, CustomData="look twice"))))
    token = pipelines.wait_token(cp, "told", "Gate")
    message = receiver.next()[1]
    assert message["Subject"] == "APPROVAL NEEDED: AWS CodePipeline told for action Ask"
    asked = json.loads(message["Message"])["approval"]
    assert (asked["token"], asked["pipelineName"], asked["stageName"], asked["customData"]) == (
        token, "told", "Gate", "look twice")
    failed = pipelines.wait(lambda: pipelines.stage_state(cp, "lost", "Gate")["actionStates"][0].get(
        "latestExecution", {}).get("errorDetails"))
    assert "could not be announced" in failed["message"], failed
