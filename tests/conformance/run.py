#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a running server every case of every operation in use, in every protocol of its service, as a user
who may do nothing: what the model allows is denied, what it does not is refused before that, with the place and the constraint
named. One TAP line a service and protocol; a last line counts the cases.

usage: run.py [SERVICE[/OPERATION]...]
"""
import os
import sys

try:
    import cbor2  # noqa: F401
except ImportError:  # another python3 stands first in PATH: Debian's has the modules
    if sys.executable != "/usr/bin/python3":
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    raise

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]

import collections  # noqa: E402
import concurrent.futures  # noqa: E402
import hashlib  # noqa: E402
import hmac  # noqa: E402
import re  # noqa: E402
import socket  # noqa: E402
import time  # noqa: E402

import cases  # noqa: E402
import model  # noqa: E402
import wires  # noqa: E402
from towpath import Server  # noqa: E402

SOURCE = os.environ.get("TOWPATH_SOURCE", os.path.dirname(os.path.dirname(HERE)))
CONNECTIONS = 3
SHOWN = 20  # failures of one service that are written out


class Signer:
    """Signature Version 4 of one service, with everything that does not change made once."""

    def __init__(self, server, keys, service):
        self.host = f"127.0.0.1:{server.port}"
        self.service, self.region, self.keys = service, server.region, keys
        self.renew()

    def renew(self):
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{date[:8]}/{self.region}/{self.service}/aws4_request"
        key = b"AWS4" + self.keys[1].encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.now = time.monotonic(), date, scope, key  # at once: several threads sign

    def bytes(self, request):
        """The whole request as it goes over the connection."""
        if time.monotonic() - self.now[0] > 60:
            self.renew()
        _, date, scope, key = self.now
        headers = {"host": self.host, "x-amz-date": date}
        headers.update((k.lower(), str(v)) for k, v in request.headers.items())
        signed = sorted(k for k in headers if k == "host" or k.startswith("x-amz-"))
        pairs = sorted((wires.escaped(k), wires.escaped(v)) for k, v in request.query)
        query = "&".join(f"{k}={v}" for k, v in pairs)
        digest = headers.get("x-amz-content-sha256") or hashlib.sha256(request.body).hexdigest()
        path = request.path if self.service == "s3" else "/".join(map(wires.escaped, request.path.split("/")))
        lines = [request.method, path, query, *(f"{k}:{' '.join(headers[k].split())}" for k in signed), "",
                 ";".join(signed), digest]
        text = "\n".join(["AWS4-HMAC-SHA256", date, scope,
                          hashlib.sha256("\n".join(lines).encode()).hexdigest()])
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.keys[0]}/{scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={hmac.digest(key, text.encode(), 'sha256').hex()}")
        headers["content-length"] = str(len(request.body))
        target = request.path + ("?" + query if query else "")
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        return f"{request.method} {target} HTTP/1.1\r\n{head}\r\n".encode() + request.body


class Connection:
    """Kept alive; made anew when the server closed it."""

    def __init__(self, port):
        self.port, self.stream = port, None

    def ask(self, data, method):
        """(status, headers, body)"""
        for attempt in (0, 1):
            if self.stream is None:
                s = socket.create_connection(("127.0.0.1", self.port), timeout=120)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.stream = s.makefile("rwb")
                s.close()  # the stream holds it
            try:
                self.stream.write(data)
                self.stream.flush()
                line = self.stream.readline()
            except ConnectionError:
                if attempt:
                    raise
                line = b""
            if line or attempt:
                break
            self.close()
        headers = {}
        while (row := self.stream.readline()) not in (b"\r\n", b""):
            name, _, value = row.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        body = self.stream.read(length)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(line.split()[1]), headers, body

    def close(self):
        if self.stream is not None:
            self.stream.close()
            self.stream = None


# ---- what is expected ----

def capital(name):
    return name[0].upper() + name[1:]


def place_text(shape, steps, leaf):
    """The place as refusals name it: pipeline.stages.1.member.name"""
    out = []
    for step in steps:
        if shape.type == "list":
            out.append("1.member")
            shape = shape.element
        elif shape.type == "map":
            key = leaf if step == "{key}" else shape.keys(shape.low or 1)[0]
            out.append(f"{key[:256]}.member")
            shape = shape.key if step == "{key}" else shape.value
        else:
            out.append(step[0].lower() + step[1:])
            shape = shape.member(step)
    return ".".join(out)


# what a service calls an input that breaks a constraint, by whether a member is missing, where it is not as its
# protocol does
PARAMETER = dict.fromkeys((False, True), "InvalidParameterException")
GENERAL = {"ecr": PARAMETER, "ecs": PARAMETER, "logs": PARAMETER, "ec2": {True: "MissingParameter"}}


def exceptions(protocol, operation, case):
    """code -> status that a refusal may have: the operation's own exception of the member where it has one, else
    one that sounds like it, or the protocol's."""
    members = [s for s in case.place if s[0] not in "[{"]
    own = {}
    for shape in operation.errors:
        error = shape.raw.get("error", {})
        status = error.get("httpStatusCode", 500 if shape.raw.get("fault") else 400)
        own[shape.name] = (shape.name if protocol.typed else error.get("code", shape.name), status)
    forms = ["{}RequiredException"] if case.missing else ["Invalid{}Exception", "{}SizeLimitExceededException"]
    for form in forms:
        exact = own.get(form.format(capital(members[-1])))
        if exact:
            return dict([exact])
    general = GENERAL.get(protocol.model.name, {}).get(case.missing)
    if general and (general in own or not own):
        fallback = own.get(general, (general, 400))
    else:
        document = operation.input.raw.get("payload") == case.place[0] and len(case.place) > 1
        fallback = own.get("ValidationException", (document and protocol.document or protocol.invalid, 400))
    sounds = re.compile(r"(\w+)(List)?RequiredException" if case.missing else r"Invalid(\w+)Exception|(\w+)SizeLimit\w+")
    return dict([own[name] for name in own if sounds.fullmatch(name)] + [fallback])


class Checker:
    def __init__(self, protocol):
        self.protocol = protocol

    def complaint(self, operation, case, request, status, headers, body):
        """None, or what is wrong with the answer."""
        if request.method == "HEAD":
            wanted = 403 if case.broken is None else 400
            return None if status == wanted else f"{status}, wanted {wanted}"
        if status < 400:
            return None if case.broken is None and operation.name in OPEN else f"{status}, wanted a refusal"
        code, message = self.protocol.error(headers, body)
        if case.broken is None:
            own = [s for s in operation.errors if s.name == "AuthorizationErrorException"]
            if code == (own[0].raw["error"]["code"] if own else self.protocol.denied) or status == 501 or (operation.name in OPEN and "failed to satisfy constraint" not in message):
                return None
            return f"{status} {code}: {message}, wanted {self.protocol.denied}"
        if case.broken is cases.WRONG_TYPE:
            return self.of_type(operation, case, status, code, message)
        place = place_text(operation.input, case.place, case.value)
        named = set(re.findall(r" at '(.*?)' failed to satisfy constraint", message))
        if named != {place} or case.broken not in message:
            return f"{status} {code}: {message}, wanted {case.broken} at {place}"
        wanted = exceptions(self.protocol, operation, case)
        if wanted.get(code) != status:
            return f"{status} {code} for {place}, wanted {wanted}"
        return None

    def of_type(self, operation, case, status, code, message):
        wanted = (self.protocol.malformed, self.protocol.invalid) if isinstance(
            self.protocol, wires.RestXmlProtocol) else (self.protocol.malformed,)
        if code not in wanted or status != 400:
            return f"{status} {code}: {message}, wanted {wanted}"
        shape, name = operation.input, ""
        for step in case.place:
            if step[0] not in "[{":
                name = shape.members[step].get("locationName", step)
            shape = {"[]": lambda s: s.element, "{}": lambda s: s.value}.get(step, lambda s, m=step: s.member(m))(shape)
        # a number beyond 64 bits is refused by the reader of JSON, which says where it stands
        if not self.protocol.typed or name in message or "too big integer" in message:
            return None
        return f"{message}, which does not name {name}"


# Operations that anybody may call: their cases are answered, and nothing comes of them.
OPEN = {"GetCallerIdentity", "GetSessionToken", "AssumeRoleWithWebIdentity", "ConfirmSubscription"}


def is_possible(protocol, operation, case):
    """Whether the protocol can say it."""
    in_head = protocol.location(operation)(case.place) not in ("body", "stream")
    value = case.value
    if protocol.typed and not in_head or value is model.ABSENT:
        return True
    if value is None or isinstance(value, model.Wrong) and value.text is None:
        return False
    if not in_head and not isinstance(protocol, wires.RestXmlProtocol):
        return True
    # text beside elements, and elements where a scalar was to be, are of no account in XML; a header may be a list
    return not (isinstance(value, model.Wrong) and not case.kind.endswith(("number", "value", "time", "large")))


def has_nothing(shape, value):
    """Whether a structure without members is somewhere below the input."""
    if not value or isinstance(value, model.Wrong):
        return False
    if shape.type == "structure":
        inner = [(shape.member(name), v) for name, v in value.items()]
    elif shape.type in ("list", "map"):
        element = shape.element if shape.type == "list" else shape.value
        inner = [(element, v) for v in (value if shape.type == "list" else value.values())]
    else:
        return False
    return any(s.type == "structure" and v == {} or has_nothing(s, v) for s, v in inner)


def requests(protocol, wanted):
    """(operation, case, request) of everything that the service is asked."""
    large = set()
    for operation in protocol.model.operations:
        if wanted and operation.name not in wanted:
            continue
        for case in cases.of_operation(operation, protocol.location(operation), large, protocol.routed):
            if is_possible(protocol, operation, case):
                value = operation.input.holding(case.place, case.value)
                if not protocol.says_nothing and has_nothing(operation.input, value):
                    continue
                yield operation, case, protocol.request(operation, value)


def ask_all(server, signer, checker, work):
    """The complaints about every n-th part of the work."""
    connection, complaints = Connection(server.port), []
    try:
        for operation, case, request in work:
            answer = connection.ask(signer.bytes(request), request.method)
            complaint = checker.complaint(operation, case, request, *answer)
            if complaint:
                complaints.append(f"{operation.name} {'.'.join(case.place)}, {case.kind}: {complaint}")
    finally:
        connection.close()
    return complaints


def wanted_services(arguments):
    """{service: names of operations, none for all}"""
    chosen = collections.defaultdict(set)
    for argument in arguments:
        service, _, operation = argument.partition("/")
        chosen[service].update([operation] if operation else [])
    names = sorted(f[:-len(".ops")] for f in os.listdir(os.path.join(SOURCE, "model")) if f.endswith(".ops"))
    return {name: chosen[name] for name in names if name != "towpath" and (name in chosen or not arguments)}


def main():
    total = number = 0
    failed = False
    with Server() as server, concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        keys = server.user("nobody")
        for service, operations in wanted_services(sys.argv[1:]).items():
            m = model.Model(os.path.join(SOURCE, "model"), service)
            for name in m.protocols:
                if not m.operations:
                    continue
                protocol = wires.PROTOCOLS[name](m)
                work = list(requests(protocol, operations))
                signer, checker = Signer(server, keys, m.signing_name), Checker(protocol)
                parts = [pool.submit(ask_all, server, signer, checker, work[i::CONNECTIONS]) for i in range(CONNECTIONS)]
                complaints = [c for part in parts for c in part.result()]
                number += 1
                total += len(work)
                failed = failed or bool(complaints)
                print(f"{'not ok' if complaints else 'ok'} {number} - {service} as {name}: {len(work):,} cases", flush=True)
                for complaint in complaints[:SHOWN]:
                    print("# " + complaint[:600])
                if len(complaints) > SHOWN:
                    print(f"# ... and {len(complaints) - SHOWN} more")
    print(f"# conformance: {total:,} cases")
    print(f"1..{number}")
    return failed


sys.exit(main())
