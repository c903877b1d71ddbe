# SPDX-License-Identifier: Apache-2.0
"""The service models as the cases see them: shapes, and values that satisfy them."""
import json
import os

import patterns

WHOLE = {"integer": 32, "long": 64}
REAL = ("double", "float")
TEXT = ("string", "character")


class Absent:
    """In place of a member's value: the member is left out."""


ABSENT = Absent()


class Wrong:
    """A value of a type that the model does not have at this place."""

    def __init__(self, value, text):
        self.value = value  # in protocols that know types
        self.text = text    # in those that do not; None: there it cannot be wrong


class Shape:
    def __init__(self, model, name):
        self.model, self.name = model, name
        raw = model.doc["shapes"][name]
        self.raw, self.type = raw, raw["type"]
        self.low, self.high = raw.get("min"), raw.get("max")
        self.pattern, self.enum = raw.get("pattern"), raw.get("enum")
        self.required = raw.get("required", [])
        self.members = raw.get("members", {})
        self.union = raw.get("union", False)

    def member(self, name):
        return self.model.shape(self.members[name]["shape"])

    @property
    def element(self):
        return self.model.shape(self.raw["member"]["shape"])

    @property
    def key(self):
        return self.model.shape(self.raw["key"]["shape"])

    @property
    def value(self):
        return self.model.shape(self.raw["value"]["shape"])

    def least(self):
        """A smallest value that satisfies the model."""
        if self.type in TEXT:
            low = max(self.low or 0, self.name in self.model.filled)
            return self.enum[0] if self.enum else patterns.text(self.pattern, low, self.high or 10000)
        if self.type in WHOLE or self.type in REAL:
            return max(self.low or 0, min(1, 1 if self.high is None else self.high))
        if self.type == "boolean":
            return True
        if self.type == "timestamp":
            return Time(1700000000)
        if self.type == "blob":
            return b"a" * (self.low or 0)
        if self.type == "list":
            none = self.model.metadata["protocol"] in ("ec2", "rest-xml")  # they have no empty list
            low = max(self.low or 0, none or self.name in self.model.filled)
            return [self.element.least() for _ in range(low)]
        if self.type == "map":
            return {key: self.value.least() for key in self.keys(self.low or 0)}
        if self.union:
            name = next(iter(self.members))
            return {name: self.member(name).least()}
        return {name: self.member(name).least() for name in self.required}

    def keys(self, count):
        """That many different keys of a map, or as many as the model allows."""
        if self.key.enum:
            return self.key.enum[:count]
        first = self.key.least() or "a"
        made = (first + str(n) for n in range(count * 10))
        high = self.key.high or 10000
        out = [k for k in made if len(k) <= high and (not self.key.pattern or patterns.matches(self.key.pattern, k))]
        return ([first] + out)[:count]

    def holding(self, steps, leaf):
        """A smallest value that has `leaf` where the steps lead: names of members, "[]", "{}" (a map's
        value) or "{key}"."""
        if not steps:
            return leaf
        step, rest = steps[0], steps[1:]
        if self.type == "list":
            return [self.element.holding(rest, leaf)] + [self.element.least() for _ in range((self.low or 1) - 1)]
        if self.type == "map":
            more = {key: self.value.least() for key in self.keys(self.low or 1)}
            first = next(iter(more))
            if step == "{key}":
                del more[first]
                return {leaf: self.value.least(), **more}
            return {**more, first: self.value.holding(rest, leaf)}
        value = {} if self.union else self.least()
        value[step] = self.member(step).holding(rest, leaf)
        if value[step] is ABSENT:
            del value[step]
        return value


class Time(float):
    """Seconds since 1970."""


class Operation:
    def __init__(self, model, name):
        self.model, self.name, self.raw = model, name, model.doc["operations"][name]
        self.input = model.shape(self.raw["input"]["shape"]) if "input" in self.raw else None
        self.errors = [model.shape(e["shape"]) for e in self.raw.get("errors", [])]


class Model:
    """One service: model/NAME.json with the operations of model/NAME.ops."""

    def __init__(self, folder, name):
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
            self.doc = json.load(f)
        self.name, self.shapes = name, {}
        self.metadata = self.doc["metadata"]
        shapes = self.doc["shapes"]
        self.filled = {ref["shape"] for shape in shapes.values() for name, ref in shape.get("members", {}).items()
                       if self.is_filled(ref.get("location"), shapes[ref["shape"]]["type"],
                                         name == shape.get("payload"))}
        self.operations = []
        with open(os.path.join(folder, name + ".ops"), encoding="utf-8") as f:
            for line in f:
                line = line.split("#")[0].strip()
                if line and not line.startswith("shape "):
                    self.operations.append(Operation(self, line))

    @staticmethod
    def is_filled(location, kind, payload):
        """Parts of paths, lists that stand in queries or headers, and bodies that are a text are never empty."""
        return location == "uri" or kind == "list" and location in ("querystring", "header") or (
            kind == "string" and payload)

    def shape(self, name):
        if name not in self.shapes:
            self.shapes[name] = Shape(self, name)
        return self.shapes[name]

    @property
    def signing_name(self):
        return self.metadata.get("signingName") or self.metadata["endpointPrefix"]

    @property
    def protocols(self):
        return self.metadata.get("protocols") or [self.metadata["protocol"]]
