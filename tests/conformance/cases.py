# SPDX-License-Identifier: Apache-2.0
"""What is asked of every place of an operation's input: the last value that the model allows and the
first that it does not, for required, length, range, pattern, enum and type."""
import dataclasses
import typing

import patterns
from model import ABSENT, REAL, TEXT, WHOLE, Wrong

LONGEST = 256 << 10   # characters, bytes or elements in one case
LARGEST = 8 << 20     # the same once for each shape: a request has at most 12 MiB, which base64 fills
IN_HEADER = 1000      # where a value is a part of the request's head
STREAMS = (0, 1, 65536, 65537, LONGEST)  # bytes of a member that is the body itself: models set no limits there
DEPTH = 10


@dataclasses.dataclass
class Case:
    place: tuple           # steps from the input to the member
    kind: str              # what is tried, for messages
    value: typing.Any      # at the place
    broken: typing.Any     # None: the model allows it; text: the constraint named in the refusal; WRONG_TYPE
    missing: bool = False


WRONG_TYPE = object()


def places(shape, steps=(), above=()):
    """(steps, shape) of everything in a value of this shape."""
    if len(steps) > DEPTH or shape.name in above:
        return
    above = above + (shape.name,)
    inner = []
    if shape.type == "structure":
        inner = [(name, shape.member(name)) for name in shape.members]
    elif shape.type == "list":
        inner = [("[]", shape.element)]
    elif shape.type == "map":
        inner = [("{key}", shape.key), ("{}", shape.value)]
    for step, target in inner:
        yield steps + (step,), target
        if step != "{key}":
            yield from places(target, steps + (step,), above)


def sizes(what, low, high, limit):
    """(name, size, constraint or None) around the limits."""
    if high is not None and high < limit:
        yield f"{what} {high}", high, None
        yield f"{what} {high + 1}", high + 1, f"Member must have {what} less than or equal to {high}"
    if low:
        yield f"{what} {low}", low, None
        yield f"{what} {low - 1}", low - 1, f"Member must have {what} greater than or equal to {low}"


def of_text(shape, limit, visible):
    pattern = shape.pattern
    if shape.enum:
        yield "first of the enum", shape.enum[0], None
        yield "last of the enum", shape.enum[-1], None
        stranger = next(t for t in ("NOBODY", "x", "NOBODY-KNOWS") if t not in shape.enum)
        yield "none of the enum", stranger, f"Member must satisfy enum value set: [{', '.join(sorted(shape.enum))}]"
        return
    for kind, size, broken in sizes("length", shape.low, shape.high, limit):
        if broken:
            yield kind, patterns.text(pattern, size, size) or "a" * size, broken
        elif pattern is None and not visible and size <= LONGEST:
            yield kind + " of two bytes each", "\u00e9" * size, None
        made = patterns.text(pattern, size, size)
        if not broken and made is not None:
            yield kind, made, None
    if pattern:
        yield "pattern", patterns.text(pattern, shape.low or 0, shape.high or 10000), None
        other = patterns.mismatch(pattern, shape.low or 0, min(shape.high or limit, limit), visible)
        if other is not None:
            yield "another pattern", other, f"Member must satisfy regular expression pattern: {shape.raw['pattern']}"


def of_number(shape, bits):
    for name, value, sign in (("low", shape.low, -1), ("high", shape.high, 1)):
        if value is None:
            continue
        word = "less" if sign > 0 else "greater"
        yield f"value {value}", value, None
        if bits is None or -(1 << (bits - 1)) <= value + sign < 1 << (bits - 1):
            yield f"value {value + sign}", value + sign, f"Member must have value {word} than or equal to {value}"


def of_elements(shape, limit, make):
    for kind, size, broken in sizes("length", shape.low, shape.high, limit):
        made = make(size)
        if len(made) == size:
            yield kind, made, broken


def constraints(shape, limit, visible):
    """(kind, value, broken) for one place."""
    if shape.type in TEXT:
        yield from of_text(shape, limit, visible)
    elif shape.type in WHOLE:
        yield from of_number(shape, WHOLE[shape.type])
    elif shape.type in REAL:
        yield from of_number(shape, None)
    elif shape.type == "blob":
        yield from of_elements(shape, limit, lambda n: b"a" * n)
    elif shape.type == "list":
        yield from of_elements(shape, limit, lambda n: [shape.element.least()] * n)
    elif shape.type == "map":
        yield from of_elements(shape, limit, lambda n: {k: shape.value.least() for k in shape.keys(n)})
    elif shape.union:
        names = list(shape.members)[:2]
        yield "no member of a union", {}, "Exactly one member must be set"
        if len(names) > 1:
            yield "two members of a union", {n: shape.member(n).least() for n in names}, "Exactly one member must be set"


def wrong_types(shape):
    """(kind, Wrong) for one place. Without text it is wrong only where types are told apart."""
    if shape.type in TEXT:
        yield "a number for a string", Wrong(7, None)
        yield "a list for a string", Wrong(["a"], None)
        yield "a truth value for a string", Wrong(True, None)
    elif shape.type in WHOLE:
        bits = WHOLE[shape.type]
        yield "a string for a number", Wrong("1x", "1x")
        yield "a fraction for a whole number", Wrong(1.5, "1.5")
        yield "a number that is too large", Wrong(1 << (bits - 1), str(1 << (bits - 1)))
        yield "a truth value for a number", Wrong(True, None)
    elif shape.type in REAL:
        yield "a string for a number", Wrong("1x", "1x")
        yield "an object for a number", Wrong({}, None)
    elif shape.type == "boolean":
        yield "a string for a truth value", Wrong("true", None)
        yield "no truth value", Wrong(7, "perhaps")
    elif shape.type == "timestamp":
        yield "no time", Wrong("yesterday", "yesterday")
        yield "a list for a time", Wrong([], None)
    elif shape.type == "blob":
        yield "a number for bytes", Wrong(7, "***")
        yield "no base64", Wrong("***", "***")
    elif shape.type == "list":
        yield "a string for a list", Wrong("a", "a")
        yield "an object for a list", Wrong({"a": "b"}, None)
    elif shape.type == "map":
        yield "a string for a map", Wrong("a", "a")
        yield "a list for a map", Wrong(["a"], None)
    else:
        yield "a string for a structure", Wrong("a", "a")
        yield "a list for a structure", Wrong(["a"], None)


def is_required(operation, steps):
    """Whether the place is a member that its structure requires."""
    shape = operation.input
    for step in steps[:-1]:
        shape = {"[]": lambda s: s.element, "{}": lambda s: s.value}.get(step, lambda s, m=step: s.member(m))(shape)
    return shape.type == "structure" and steps[-1] in shape.required


def limit_of(shape, in_head, large):
    """How long a value of the shape may be in a case. large: names of the shapes that had their largest ones."""
    if in_head:
        return IN_HEADER
    if LONGEST <= (shape.high or 0) < LARGEST and shape.name not in large:
        large.add(shape.name)
        return LARGEST
    return LONGEST


def of_operation(operation, location, large, routed=True):
    """All cases of an operation's input. location(steps) says where a request has the place: "body", "stream" (the
    body itself), "header", "query", "uri" or None, when it cannot be varied. large: see limit_of. routed: what stands
    in the head is another operation when it is absent."""
    if operation.input is None:
        return
    for steps, shape in places(operation.input):
        where = location(steps)
        if where is None:
            continue
        if where == "stream":
            yield from (Case(steps, f"{n} bytes", b"a" * n, None) for n in STREAMS)
            continue
        in_head = where != "body"
        limit = limit_of(shape, in_head, large)
        if steps[-1] != "{key}":
            yield Case(steps, "a value", shape.least(), None)
        if is_required(operation, steps) and where != "uri" and not (in_head and routed):
            yield Case(steps, "absent", ABSENT, "Member must not be null", True)
            yield Case(steps, "null", None, "Member must not be null", True)
        for kind, value, broken in constraints(shape, limit, in_head):
            if where == "uri" and not value:
                continue  # another path
            yield Case(steps, kind, value, broken)
        if steps[-1] != "{key}":
            for kind, value in wrong_types(shape):
                yield Case(steps, kind, value, WRONG_TYPE)
