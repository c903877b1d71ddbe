# SPDX-License-Identifier: Apache-2.0
"""Requests of each protocol from values, and what the answers say. Query, EC2 and S3 are put on the wire by
botocore's own serializers."""
import base64
import dataclasses
import html
import json
import re
import xml.etree.ElementTree as ElementTree

import botocore.model
import botocore.serialize
import cbor2

from model import Time, Wrong


@dataclasses.dataclass
class Request:
    method: str
    path: str     # as sent
    query: list   # of pairs
    headers: dict
    body: bytes


def document(shape, value, cbor):
    """The value as JSON's or CBOR's library wants it, in the model's wire names."""
    if isinstance(value, Wrong):
        return value.value
    if value is None:
        return None
    if shape.type == "structure":
        return {shape.members[n].get("locationName", n): document(shape.member(n), v, cbor) for n, v in value.items()}
    if shape.type == "list":
        return [document(shape.element, v, cbor) for v in value]
    if shape.type == "map":
        return {k: document(shape.value, v, cbor) for k, v in value.items()}
    if shape.type == "blob" and not cbor:
        return base64.b64encode(value).decode()
    if isinstance(value, Time):
        return cbor2.CBORTag(1, int(value)) if cbor else int(value)
    return value


# ---- botocore's serializers, made to say what is wrong as well ----

class WrongInQuery:
    def _serialize(self, serialized, value, shape, prefix=""):
        if isinstance(value, Wrong):
            serialized[prefix] = value.text
        else:
            super()._serialize(serialized, value, shape, prefix)


class WrongInXml:
    def _serialize(self, shape, params, xmlnode, name):
        if isinstance(params, Wrong):
            ElementTree.SubElement(xmlnode, name).text = params.text
        else:
            super()._serialize(shape, params, xmlnode, name)


class WrongInRest:
    def _partition_parameters(self, partitioned, param_name, param_value, shape_members):
        if not isinstance(param_value, Wrong):
            super()._partition_parameters(partitioned, param_name, param_value, shape_members)
            return
        member = shape_members[param_name]
        name = member.serialization.get("name", param_name)
        if member.serialization.get("location") == "header":
            partitioned["headers"][name] = param_value.text
        elif member.serialization.get("location") == "querystring":
            partitioned["query_string_kwargs"][name] = param_value.text
        else:
            partitioned["body_kwargs"][param_name] = param_value


class WrongInJson:
    def _serialize(self, serialized, value, shape, key=None):
        if value is None or isinstance(value, Wrong):
            serialized[key] = value and value.value
        else:
            super()._serialize(serialized, value, shape, key)


class Query(WrongInQuery, botocore.serialize.QuerySerializer):
    pass


class Ec2(WrongInQuery, botocore.serialize.EC2Serializer):
    pass


class RestXml(WrongInRest, WrongInXml, botocore.serialize.RestXMLSerializer):
    pass


class RestJson(WrongInRest, WrongInJson, botocore.serialize.RestJSONSerializer):
    pass


# ---- protocols ----

class Protocol:
    typed = True         # a number is not a string
    says_nothing = True  # a structure without members is not an absent one
    routed = False       # members of the head say which operation it is
    denied, invalid, malformed = "AccessDeniedException", "ValidationException", "SerializationException"
    document = None      # what an HTTP body that breaks a constraint is called, when it is called otherwise

    def __init__(self, model):
        self.model = model
        self.boto = botocore.model.ServiceModel(model.doc, model.name)

    def location(self, _operation):
        return lambda steps: "body"

    def form(self, serializer, operation, value):
        """What botocore's serializer makes of it."""
        made = serializer.serialize_to_request(value, self.boto.operation_model(operation.name))
        path, _, query = made["url_path"].partition("?")
        pairs = [tuple((pair + "=").split("=")[:2]) for pair in query.split("&") if pair]
        more = made["query_string"]
        for name, values in (more.items() if isinstance(more, dict) else more):
            pairs += [(name, v) for v in (values if isinstance(values, list) else [values])]
        body = made["body"]
        if isinstance(body, dict):  # query: fields
            body = "&".join(f"{escaped(k)}={escaped(v)}" for k, v in body.items())
        return Request(made["method"], path, pairs, dict(made["headers"]),
                       body if isinstance(body, bytes) else body.encode())


def escaped(value):
    text = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
    raw = text if isinstance(text, bytes) else str(text).encode()
    return "".join(chr(b) if chr(b).isalnum() and b < 128 or chr(b) in "-._~" else f"%{b:02X}" for b in raw)


class Json(Protocol):
    def request(self, operation, value):
        metadata = self.model.metadata
        return Request("POST", "/", [], {"X-Amz-Target": f"{metadata['targetPrefix']}.{operation.name}",
                                         "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}"},
                       json.dumps(document(operation.input, value, False)).encode())

    @staticmethod
    def error(_headers, body):
        answer = json.loads(body)
        return answer["__type"], answer["message"]


class Cbor(Protocol):
    def request(self, operation, value):
        return Request("POST", f"/service/{self.model.metadata['targetPrefix']}/operation/{operation.name}", [],
                       {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"},
                       cbor2.dumps(document(operation.input, value, True)))

    @staticmethod
    def error(_headers, body):
        answer = cbor2.loads(body)
        return answer["__type"], answer["message"]


class QueryProtocol(Protocol):
    typed = says_nothing = False
    denied, invalid, malformed = "AccessDenied", "ValidationError", "MalformedQueryString"
    serializer = Query()

    def request(self, operation, value):
        made = self.form(self.serializer, operation, value)
        made.headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        return made

    @staticmethod
    def error(_headers, body):
        text = body.decode()
        found = re.search("<Code>(.*)</Code><Message>(.*)</Message>", text, re.S)
        return (found.group(1), html.unescape(found.group(2))) if found else ("", text)


class Ec2Protocol(QueryProtocol):
    denied, invalid = "UnauthorizedOperation", "InvalidParameterValue"
    serializer = Ec2()


class RestXmlProtocol(QueryProtocol):
    says_nothing = routed = True
    invalid, malformed = "InvalidArgument", "MalformedXML"
    document = "MalformedXML"  # that breaks a constraint
    serializer = RestXml()
    PLACES = {"header": "header", "headers": "header", "querystring": "query", "uri": "uri", None: "body"}
    HTTP = ("content-length", "content-type", "content-encoding", "content-md5", "expect", "host")  # have a say of their own

    def location(self, operation):
        def where(steps):
            member = operation.input.members[steps[0]]
            if member.get("streaming"):
                return "stream"
            if member.get("locationName", "").lower() in self.HTTP:
                return None
            place = self.PLACES[member.get("location")]
            return None if place == "header" and steps[-1] == "{key}" else place
        return where

    def request(self, operation, value):
        made = self.form(self.serializer, operation, value)
        made.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
        return made


class RestJsonProtocol(RestXmlProtocol):
    typed, routed = True, False
    denied, invalid, malformed, document = Protocol.denied, Protocol.invalid, Protocol.malformed, None
    serializer = RestJson()

    def request(self, operation, value):
        return self.form(self.serializer, operation, value)

    @staticmethod
    def error(headers, body):
        return headers["x-amzn-errortype"], json.loads(body)["message"]


PROTOCOLS = {"json": Json, "smithy-rpc-v2-cbor": Cbor, "query": QueryProtocol, "ec2": Ec2Protocol,
             "rest-json": RestJsonProtocol, "rest-xml": RestXmlProtocol}
