# SPDX-License-Identifier: Apache-2.0
"""One service in three protocols (CloudWatch: json, RPC v2 CBOR, query), rest-json, and the form of
errors in each, by real clients and by requests made here."""
import datetime
import http.client
import json
import re
import time
import uuid

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session
import cbor2
import pytest

TARGET = "GraniteServiceVersion20100801"


def request(server, method, path, headers=None, body=b"", service="monitoring", keys=None):
    """A signed request (keys=(): unsigned); (status, headers in lower case, body)."""
    made = botocore.awsrequest.AWSRequest(method=method, url=server.endpoint + path, data=body, headers=headers or {})
    if keys != ():
        credentials = botocore.credentials.Credentials(*(keys or server.keys()))
        botocore.auth.SigV4Auth(credentials, service, server.region).add_auth(made)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body=body, headers=dict(made.headers))
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def cbor(server, operation, document=None, raw=None, path=None, method="POST", **more):
    headers = {"smithy-protocol": "rpc-v2-cbor", "Accept": "application/cbor", "x-amzn-query-mode": "true"}
    body = raw if raw is not None else b"" if document is None else cbor2.dumps(document, datetime_as_timestamp=True)
    if body:
        headers["Content-Type"] = "application/cbor"
    status, got, text = request(server, method, path or f"/service/{TARGET}/operation/{operation}", headers, body, **more)
    assert got["smithy-protocol"] == "rpc-v2-cbor" and uuid.UUID(got["x-amzn-requestid"])
    if text:
        assert got["content-type"] == "application/cbor"
    return status, got, cbor2.loads(text) if text else None


class Cbor:
    """As much of a client as the tests need; dates must be aware, as cbor2 wants them."""

    def __init__(self, server):
        self.server = server

    def __getattr__(self, name):
        operation = "".join(part.capitalize() for part in name.split("_"))

        def call(**args):
            status, _, answer = cbor(self.server, operation, args)
            assert status == 200, answer
            return answer
        return call


def boto(server, protocol):
    """boto3's CloudWatch client on one of the protocols, whatever its own choice is."""
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def load_service_model(service, kind, api_version=None):
        model = load(service, kind, api_version)
        if service == "cloudwatch" and kind == "service-2":
            model["metadata"] = dict(model["metadata"], protocol=protocol, protocols=[protocol],
                                     targetPrefix=TARGET, jsonVersion="1.0")
        return model
    loader.load_service_model = load_service_model
    key, secret = server.keys()
    return boto3.Session(botocore_session=session).client(
        "cloudwatch", endpoint_url=server.endpoint, region_name=server.region, aws_access_key_id=key,
        aws_secret_access_key=secret, config=botocore.config.Config(retries={"max_attempts": 0}))


CLIENTS = {"json": lambda s: boto(s, "json"), "query": lambda s: boto(s, "query"), "cbor": Cbor}


@pytest.mark.parametrize("protocol", CLIENTS)
def test_cloudwatch(shared_server, protocol):
    c = CLIENTS[protocol](shared_server)
    name, namespace = f"errors-{protocol}", f"Wire/{protocol}"
    now = datetime.datetime.fromtimestamp(int(time.time()) // 60 * 60, datetime.timezone.utc)
    minute = datetime.timedelta(minutes=1)
    dimensions = [{"Name": "Service", "Value": "caf\u00e9 & <co>"}]
    metric = {"Namespace": namespace, "MetricName": "Errors", "Dimensions": dimensions}
    c.put_metric_data(Namespace=namespace, MetricData=[
        {"MetricName": "Errors", "Dimensions": dimensions, "Timestamp": now, "Values": [1.0, 2.5], "Counts": [2, 4]},
        {"MetricName": "Errors", "Dimensions": dimensions, "Timestamp": now,
         "StatisticValues": {"SampleCount": 1, "Sum": 0.1, "Minimum": 0.1, "Maximum": 0.1}}])
    [point] = c.get_metric_statistics(**metric, StartTime=now - minute, EndTime=now + minute, Period=60,
                                      Statistics=["Sum", "SampleCount", "Minimum"])["Datapoints"]
    assert (point["Sum"], point["SampleCount"], point["Minimum"]) == (12.1, 7.0, 0.1)
    assert point["Timestamp"] == now
    [data] = c.get_metric_data(StartTime=now - minute, EndTime=now + minute, MetricDataQueries=[
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": True}])[
            "MetricDataResults"]
    assert (data["Timestamps"], data["Values"], data["StatusCode"]) == ([now], [2.5], "Complete")
    assert c.list_metrics(Namespace=namespace)["Metrics"] == [
        {"Namespace": namespace, "MetricName": "Errors", "Dimensions": dimensions}]
    c.put_metric_alarm(AlarmName=name, **metric, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1e9,
                       ComparisonOperator="GreaterThanThreshold", ActionsEnabled=False,
                       Tags=[{"Key": "a", "Value": ""}])
    [alarm] = c.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["Threshold"] == 1e9 and alarm["ActionsEnabled"] is False and alarm["Dimensions"] == dimensions
    assert alarm["AlarmConfigurationUpdatedTimestamp"].tzinfo and alarm["OKActions"] == []
    assert c.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "a", "Value": ""}]
    c.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    history = c.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    assert any(h["HistorySummary"].endswith(" to ALARM") for h in history)  # from what the data had made of it
    c.delete_alarms(AlarmNames=[name])
    assert c.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_members_of_exceptions(shared_server, protocol):
    arn = f"arn:aws:cloudwatch:{shared_server.region}:{shared_server.account}:alarm:none"
    with pytest.raises(botocore.exceptions.ClientError) as e:
        boto(shared_server, protocol).list_tags_for_resource(ResourceARN=arn)
    assert e.value.response["ResourceId"] == arn and e.value.response["ResourceType"] == "Alarm"
    status, _, answer = cbor(shared_server, "ListTagsForResource", {"ResourceARN": arn})
    assert (status, answer["__type"], answer["ResourceId"]) == (404, "ResourceNotFoundException", arn)
    assert answer["message"] == f"{arn} does not exist"


@pytest.mark.parametrize("operation,document,status,code,legacy,words", [
    ("SetAlarmState", {"AlarmName": "nobody", "StateValue": "OK", "StateReason": "x"}, 404, "ResourceNotFound",
     "ResourceNotFound", "nobody"),
    ("PutMetricData", {"Namespace": "AWS/x", "MetricData": [{"MetricName": "a", "Value": 1}]}, 400,
     "InvalidParameterValueException", "InvalidParameterValue", "AWS/"),
    ("PutMetricData", {"MetricData": []}, 400, "ValidationException", "ValidationError",
     "Value null at 'namespace' failed to satisfy constraint: Member must not be null"),
    ("PutMetricData", {"Namespace": "n", "MetricData": [{"MetricName": 5}]}, 400, "SerializationException",
     "MalformedQueryString", "'MetricData[0].MetricName' must be a string, not a number"),
    ("PutMetricData", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Timestamp": 1.5}]}, 400,
     "SerializationException", "MalformedQueryString", "under tag 1"),
    ("PutDashboard", {}, 501, "NotImplementedException", "NotImplemented", "PutDashboard"),
    ("Nothing", {}, 400, "UnknownOperationException", "InvalidAction", "Nothing"),
])
def test_cbor_errors(shared_server, operation, document, status, code, legacy, words):
    got, headers, answer = cbor(shared_server, operation, document)
    assert (got, answer["__type"]) == (status, code) and words in answer["message"]
    who = "Receiver" if status >= 500 else "Sender"
    assert headers["x-amzn-query-error"] == f"{legacy};{who}"


def test_cbor_requests(shared_server):
    empty = {"MetricAlarms": [], "CompositeAlarms": []}
    assert cbor(shared_server, "DescribeAlarms", {"AlarmNamePrefix": "none"})[::2] == (200, empty)
    assert cbor(shared_server, "DescribeAlarms")[0] == 200  # no body at all
    # without lengths, floats of all sizes, null, undefined, tags and members that nobody knows
    loose = (b"\xbf\x6aMaxRecords\xf9\x45\x00\x6fAlarmNamePrefix\x7f\x61a\x61b\xff"
             b"\x69NextToken\xf6\x6cActionPrefix\xf7\x64else\xda\x00\x01\x00\x00\x9f\xfb" + b"\0" * 8 + b"\xff\xff")
    assert cbor(shared_server, "DescribeAlarms", raw=loose)[0] == 200
    for raw in (b"\xbf", b"\x80", b"\xa1\x01\x02", b"\xa0\xa0", b"{}", b"\xa1\x6aMaxRecords\x19", b"\xff",
                b"\xa1\x6aMetricData\x9b\xff\xff\xff\xff\xff\xff\xff\xff"):
        status, _, answer = cbor(shared_server, "DescribeAlarms", raw=raw)
        assert (status, answer["__type"]) == (400, "SerializationException"), raw
    for path, method in ((f"/service/{TARGET}", "POST"), ("/", "POST"), (f"/service/{TARGET}/operation/", "POST"),
                         ("/service/CodeBuild_20161006/operation/ListProjects", "POST"),
                         (f"/service/{TARGET}/operation/DescribeAlarms", "GET")):
        status, _, answer = cbor(shared_server, None, path=path, method=method)
        assert (status, answer["__type"]) == (400, "UnknownOperationException"), path


def test_cbor_access(shared_server):
    keys = shared_server.user("cbor-nobody")
    status, _, answer = cbor(shared_server, "DescribeAlarms", keys=keys)
    assert (status, answer["__type"]) == (400, "AccessDeniedException")
    assert "cloudwatch:DescribeAlarms" in answer["message"]
    status, _, answer = cbor(shared_server, "DescribeAlarms", keys=())
    assert (status, answer["__type"]) == (400, "MissingAuthenticationTokenException")
    status, _, answer = cbor(shared_server, "DescribeAlarms", keys=(keys[0], "wrong"))
    assert (status, answer["__type"]) == (400, "InvalidSignatureException")


# ---- what each protocol says when it refuses ----

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
JSON = {"Content-Type": "application/x-amz-json-1.1"}


def json_error(headers, text):
    assert headers["content-type"].startswith("application/x-amz-json-1.")
    answer = json.loads(text)
    return answer["__type"], answer["message"], headers["x-amzn-requestid"]


def query_error(headers, text):
    found = re.fullmatch(rb'<ErrorResponse xmlns="[^"]+"><Error><Type>Sender</Type><Code>(.*)</Code><Message>(.*)'
                         rb"</Message></Error><RequestId>(.*)</RequestId></ErrorResponse>", text, re.S)
    assert headers["content-type"] == "text/xml" and found, text
    return tuple(part.decode() for part in found.groups())


def ec2_error(headers, text):
    found = re.fullmatch(rb"<Response><Errors><Error><Code>(.*)</Code><Message>(.*)</Message></Error></Errors>"
                         rb"<RequestID>(.*)</RequestID></Response>", text, re.S)
    assert headers["content-type"] == "text/xml" and found, text
    return tuple(part.decode() for part in found.groups())


def s3_error(headers, text):
    found = re.search(rb"<Error><Code>(.*)</Code><Message>(.*)</Message><Resource>.*</Resource><RequestId>(.*)"
                      rb"</RequestId><HostId>.*</HostId></Error>$", text, re.S)
    assert headers["content-type"] == "application/xml" and headers["x-amz-id-2"] and found, text
    return tuple(part.decode() for part in found.groups())


def rest_json_error(headers, text):
    assert headers["content-type"] == "application/json"
    return headers["x-amzn-errortype"], json.loads(text)["message"], headers["x-amzn-requestid"]


FAMILIES = {  # read an error, signing name, a request that is denied to a nobody, an unknown one
    "json": (json_error, "codecommit", ("POST", "/", {**JSON, "X-Amz-Target": "CodeCommit_20150413.ListRepositories"},
                                        b"{}")),
    "query": (query_error, "iam", ("POST", "/", FORM, b"Action=ListUsers&Version=2010-05-08")),
    "ec2": (ec2_error, "ec2", ("POST", "/", FORM, b"Action=DescribeInstances&Version=2016-11-15")),
    "s3": (s3_error, "s3", ("GET", "/", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, b"")),
}


@pytest.mark.parametrize("family,denied,unsigned,unknown_key,bad_signature", [
    ("json", (400, "AccessDeniedException"), (400, "MissingAuthenticationTokenException"),
     (400, "UnrecognizedClientException"), (400, "InvalidSignatureException")),
    ("query", (403, "AccessDenied"), (403, "MissingAuthenticationToken"), (403, "InvalidClientTokenId"),
     (403, "SignatureDoesNotMatch")),
    ("ec2", (403, "UnauthorizedOperation"), None, (401, "AuthFailure"), (401, "AuthFailure")),
    ("s3", (403, "AccessDenied"), (403, "AccessDenied"), (403, "InvalidAccessKeyId"), (403, "SignatureDoesNotMatch")),
])
def test_refusals(shared_server, family, denied, unsigned, unknown_key, bad_signature):
    read, service, (method, path, headers, body) = FAMILIES[family]
    keys = shared_server.user(f"{family}-nobody")
    for wanted, who in ((denied, keys), (unsigned, ()), (unknown_key, ("AKIAAAAAAAAAAAAAAAAA", "x")),
                        (bad_signature, (keys[0], "wrong"))):
        if wanted is None:
            continue
        status, got, text = request(shared_server, method, path, headers, body, service, who)
        code, message, request_id = read(got, text)
        assert (status, code) == wanted and message
        assert request_id == (got.get("x-amzn-requestid") or got.get("x-amz-request-id")) and uuid.UUID(request_id)


def test_rest_json(shared_server):
    """CodeStar Notifications. The path with an ARN in it is signed as the client encodes it."""
    c = shared_server.client("codestar-notifications")
    arn = f"arn:aws:codestar-notifications:us-east-1:{shared_server.account}:notificationrule/ab+c d"
    assert c.list_notification_rules()["NotificationRules"] == []
    with pytest.raises(botocore.exceptions.ClientError) as e:
        c.untag_resource(Arn=arn, TagKeys=["a", "b"])
    answer = e.value.response
    assert answer["Error"]["Code"] == "ResourceNotFoundException" and arn in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404 and answer["ResponseMetadata"]["RequestId"]
    for path, keys, wanted in (("/nothing", None, (404, "UnknownOperationException")),
                               ("/listTargets", (), (403, "MissingAuthenticationTokenException")),
                               ("/listTargets", ("AKIAAAAAAAAAAAAAAAAA", "x"), (403, "UnrecognizedClientException"))):
        status, headers, text = request(shared_server, "POST", path, {"Content-Type": "application/json"}, b"{}",
                                        "codestar-notifications", keys)
        assert (status, rest_json_error(headers, text)[0]) == wanted
