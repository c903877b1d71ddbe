#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tables of src/wire/access.h: what each operation needs permission for.

usage: gen_access.py OUT.c MODEL-DIR SERVICE...
       gen_access.py --check MODEL-DIR    (or a file in it) complains about operations in use that have no row

MODEL-DIR/access/<service>.txt says it, MODEL-DIR/<service>.json and .ops name the members. Lines:

  prefix NAME            of actions; without it, the signing name
  arn KIND TEXT          a kind of resource: arn:<partition>:TEXT, where {region} and {account} are
                         filled in and {1}, {2} are the values of a target; {1.name} takes the name
                         out of an ARN or a run's id; {1.text} is never an ARN by itself, even
                         where it looks like one; {1-default} counts as absent when it says
                         "default". TEXT `lookup`: the service finds the ARN
  everywhere KEY=TEXT    a condition key of every operation that has the member
                         (KEY=TARGET: its values are the ARNs, or what a lookup finds)
  on NEED [+ NEED]...    what the operations in the indented lines below need
  open                   the operations below need no permission
  anonymous              nor do they need a signature
What is indented twice goes on with the line before.

A NEED is a list of words: [service:Action[/service:ActionOfVersion(MEMBER)]] TARGET... KEY=TEXT...
KEY=TARGET...
A TARGET is KIND(MEMBER,...), or (MEMBER) for a member that holds the ARN itself; A|B takes B where
a member of A is absent; `*` is no resource. MEMBER is a path: pipeline.stages[].name; a `?` behind
it asks a lookup even when it is absent. A TEXT has {MEMBER} in it; {MEMBER?} is whether it is there,
{account} the account.
A word !Error, in a need for iam:PassRole, is what a role is refused with that does not trust the
service of iam:PassedToService. The word `code` lets the service's own function complete the row. A need behind + counts only where
one of its targets is there.

Members called tags, Tags, tagKeys and TagKeys become aws:RequestTag/... and aws:TagKeys by
themselves. Operations that are not in use may have rows: they are checked against the model."""
import os
import re
import sys

from gen_wire import Model, cstr, ident, snake

LEAVES = {"string": "WIRE_STRING", "boolean": "WIRE_BOOL", "integer": "WIRE_INT", "long": "WIRE_LONG"}


class Bad(Exception):
    pass


class Access:
    """The rules of one service, as read."""

    def __init__(self, folder, service):
        self.path = os.path.join(folder, "access", service + ".txt")
        self.model = Model(os.path.join(folder, service + ".json"), os.path.join(folder, service + ".ops"))
        meta = self.model.doc["metadata"]
        self.prefix = meta.get("signingName") or meta.get("endpointPrefix")
        self.arns, self.everywhere, self.rows = {}, [], {}
        self.out, self.names = [], 0
        needs = None
        if not os.path.exists(self.path):
            return
        for number, text in self.lines():
            try:
                if text[0] in " \t":
                    self.add_operations(text.split(), needs, number)
                else:
                    needs = self.read_line(text.split())
            except Bad as why:
                sys.exit(f"{self.path}:{number}: {why}")

    def lines(self):
        """Number and text of each line; what is indented twice goes on with the line before."""
        out = []
        for number, line in enumerate(open(self.path, encoding="utf-8"), 1):
            text = line.split("#")[0].rstrip()
            if text.startswith("\t\t") and out:
                out[-1] = (out[-1][0], out[-1][1] + " " + text.strip())
            elif text:
                out.append((number, text))
        return out

    def read_line(self, words):
        head, rest = words[0], words[1:]
        if head == "prefix":
            self.prefix = rest[0]
        elif head == "arn":
            self.arns[rest[0]] = rest[1]
        elif head == "everywhere":
            self.everywhere.append(rest[0])
        elif head in ("open", "anonymous"):
            return head
        elif head == "on":
            needs = [[]]
            for word in rest:
                if word == "+":
                    needs.append([])
                else:
                    needs[-1].append(word)
            return needs
        else:
            raise Bad(f"`{head}` is none of prefix, arn, everywhere, on, open, anonymous")
        return None

    def add_operations(self, names, needs, number):
        if needs is None:
            raise Bad("operations need an `on`, `open` or `anonymous` line above them")
        for name in names:
            if name not in self.model.doc["operations"]:
                raise Bad(f"no operation {name} in the model")
            if name in self.rows:
                raise Bad(f"{name} has a row already, in line {self.rows[name][1]}")
            self.rows[name] = (needs, number)

    # ---- paths ----

    def input_of(self, operation):
        return self.model.doc["operations"][operation].get("input", {}).get("shape")

    def walk(self, operation, path):
        """[(member name, C type that holds it, shape name, is list)] along the path."""
        shape, ctype, steps = self.input_of(operation), f"{self.model.service}_{snake(operation)}_request", []
        for part in path.split("."):
            name, lists = re.match(r"^(\w+)(\[\])?$", part).groups()
            members = self.model.shapes[shape].get("members", {}) if shape else {}
            if name not in members:
                raise Bad(f"{operation} has no member {path}")
            shape = members[name]["shape"]
            if lists and self.model.shapes[shape]["type"] != "list":
                raise Bad(f"{operation}: {path}: [] belongs behind lists")
            steps.append((name, ctype, shape, bool(lists)))
            if lists:
                shape = self.model.shapes[shape]["member"]["shape"]
            ctype = self.model.cnames.get(shape)
        return steps, shape

    def name(self, what):
        self.names += 1
        return f"{self.model.service}_{what}_{self.names}"

    def emit(self, ctype, what, rows):
        if not rows:
            return "NULL"
        name = self.name(what)
        self.out.append(f"static const {ctype} {name}[] = {{" + ", ".join(rows) + "};")
        return name

    def path_c(self, operation, path, how=None):
        optional = path.endswith("?")
        steps, leaf = self.walk(operation, path.rstrip("?"))
        kind = self.model.shapes[leaf]["type"]
        rows = []
        for member, ctype, shape, is_list in steps:
            stride = "0"
            if is_list:
                stride = f"sizeof(*((struct {self.model.cname(shape)} *)0)->v)"
            rows.append(f"{{offsetof(struct {ctype}, {ident(member)}), {stride}}}")
        if kind not in LEAVES and not optional:
            raise Bad(f"{operation}: {path} is a {kind}, not a text")
        steps_c = self.emit("struct access_step", "steps", rows)
        flags = f", .{how} = true" if how else ""
        leaf_c = LEAVES.get(kind, "WIRE_STRUCT" if kind == "structure" else "WIRE_LIST" if kind in ("list", "map")
                            else "WIRE_STRING")
        return f"{{.steps = {steps_c}, .n = {len(rows)}, .leaf = {leaf_c}{flags}%s}}", optional

    def text_c(self, operation, text, mark):
        """A text with {member} in it; mark is what `?` means there."""
        pieces, paths = [""], []
        for i, part in enumerate(re.split(r"\{([^{}]*)\}", text)):
            if i % 2 == 0:
                pieces[-1] += part
            elif part == "account":
                pieces[-1] += "%a"
            else:
                row, optional = self.path_c(operation, part)
                paths.append(row % (f", .{mark} = true" if optional else ""))
                pieces.append("")
        return (f"{{.pieces = {self.emit('char *const', 'pieces', [cstr(p) for p in pieces])}, "
                f".paths = {self.emit('struct access_path', 'paths', paths)}, .n_paths = {len(paths)}}}")

    # ---- needs ----

    def arn_c(self, operation, kind, members):
        """The pieces of a kind's ARN with the members' paths between them."""
        pieces, paths, piece = [], [], ""
        for i, part in enumerate(re.split(r"\{([^{}]*)\}", self.arns[kind])):
            if i % 2 == 0:
                piece += part
            elif part in ("region", "account"):
                piece += "%r" if part == "region" else "%a"
            else:
                number, how, except_ = re.match(r"^(\d+)(?:\.(name|text))?(?:-(\w+))?$", part).groups()
                if not 1 <= int(number) <= len(members):
                    raise Bad(f"{kind} needs {number} members")
                row, _ = self.path_c(operation, members[int(number) - 1], how)
                pieces.append(cstr(piece))
                paths.append(row % (f", .except = {cstr(except_)}" if except_ else ""))
                piece = ""
        pieces.append(cstr(piece))
        return (f"{{.pieces = {self.emit('char *const', 'pieces', pieces)}, "
                f".paths = {self.emit('struct access_path', 'paths', paths)}, .n_paths = {len(paths)}}}")

    def one_target(self, operation, text):
        match = re.match(r"^([\w-]*)\(([^()]*)\)$", text)
        if not match:
            raise Bad(f"`{text}` is no target")
        kind, members = match.group(1), [m for m in match.group(2).split(",") if m]
        if not kind:
            return f".form = ACCESS_VALUE, .text = {self.text_c(operation, '{' + members[0] + '}', 'optional')}"
        if kind not in self.arns:
            raise Bad(f"no `arn {kind}` line")
        if self.arns[kind] == "lookup":
            text_c = self.text_c(operation, "".join("{" + m + "}" for m in members), "optional")
            return f".form = ACCESS_LOOKUP, .kind = {cstr(kind)}, .text = {text_c}"
        return f".form = ACCESS_ARN, .text = {self.arn_c(operation, kind, members)}"

    def target_c(self, operation, text):
        fields = None
        for one in reversed(text.split("|")):
            otherwise = self.emit("struct access_target", "target", [fields]) if fields else "NULL"
            fields = f"{{{self.one_target(operation, one)}, .otherwise = {otherwise}}}"
        return fields

    def condition_c(self, operation, word):
        key, text = word.split("=", 1)
        if re.match(r"^[\w-]*\(", text):
            target = self.emit("struct access_target", "target", [self.target_c(operation, text)])
            return f"{{{cstr(key)}, .target = {target}}}"
        return f"{{{cstr(key)}, {self.text_c(operation, text, 'presence')}}}"

    def tags_c(self, operation):
        rows, shapes = [], self.model.shapes
        shape = self.input_of(operation)
        request = f"struct {self.model.service}_{snake(operation)}_request"
        for member, ref in (shapes[shape].get("members", {}) if shape else {}).items():
            kind = shapes[ref["shape"]]
            field = f"offsetof({request}, {ident(member)})"
            cname = f"struct {self.model.cnames.get(ref['shape'])}"
            if member.lower() in ("tagkeys",) and kind["type"] == "list":
                rows.append(f"{{{field}, sizeof(const char *), 0, SIZE_MAX}}")
            elif member.lower() == "tags" and kind["type"] == "map":
                rows.append(f"{{{field}, sizeof({cname}_kv), offsetof({cname}_kv, key), offsetof({cname}_kv, value)}}")
            elif member.lower() == "tags" and kind["type"] == "list":
                element = kind["member"]["shape"]
                names = {m.lower(): m for m in shapes[element].get("members", {})}
                if "key" in names and "value" in names:
                    cname = f"struct {self.model.cname(element)}"
                    rows.append(f"{{{field}, sizeof({cname}), offsetof({cname}, {ident(names['key'])}), "
                                f"offsetof({cname}, {ident(names['value'])})}}")
        return self.emit("struct access_tags", "tags", rows), len(rows)

    def has_members(self, operation, word):
        try:
            for path in re.findall(r"\{([^{}]*)\}", word):
                if path != "account":
                    self.walk(operation, path.rstrip("?"))
        except (Bad, KeyError):
            return False
        return True

    def need_c(self, operation, words, following, first):
        fields, targets, conditions = [], [], []
        for word in words:
            action = re.match(r"^([\w-]+:\w+)(?:/([\w-]+:\w+)\((\w+)\))?$", word)
            if action:
                fields.append(f".action = {cstr(action.group(1))}")
                if action.group(2):
                    version = self.path_c(operation, action.group(3))[0] % ""
                    fields.append(f".versioned_action = {cstr(action.group(2))}")
                    fields.append(f".version = {self.emit('struct access_path', 'version', [version])}")
            elif re.match(r"^[^({]*=", word):
                conditions.append(self.condition_c(operation, word))
            elif word.startswith("!"):
                fields.append(f".refusal = {cstr(word[1:])}")
            elif word not in ("*", "code"):
                targets.append(self.target_c(operation, word))
        if first:
            conditions += [self.condition_c(operation, w) for w in self.everywhere if self.has_members(operation, w)]
            tags, n = self.tags_c(operation)
            fields += [f".tags = {tags}", f".n_tags = {n}"] if n else []
        if targets:
            fields += [f".targets = {self.emit('struct access_target', 'targets', targets)}",
                       f".n_targets = {len(targets)}"]
        if conditions:
            fields += [f".conditions = {self.emit('struct access_condition', 'conditions', conditions)}",
                       f".n_conditions = {len(conditions)}"]
        if following != "NULL":
            fields.append(f".next = {following}")
        return self.emit("struct access_need", "need", ["{" + ", ".join(fields or ["0"]) + "}"])

    def row_c(self, operation, needs):
        if isinstance(needs, str):
            return f"{{.known = true, .open = true, .anonymous = {'true' if needs == 'anonymous' else 'false'}}}"
        need = "NULL"
        for i in reversed(range(len(needs))):
            need = self.need_c(operation, needs[i], need, i == 0)
        code = ", .code = true" if any("code" in words for words in needs) else ""
        return f"{{.known = true, .need = {need}{code}}}"

    def check_unused(self, operation, needs):
        """Rows of operations that are not built: their members must be in the model all the same."""
        for words in needs if isinstance(needs, list) else []:
            for word in words:
                inside = re.findall(r"\(([^()]*)\)", word) if "=" not in word else []
                for path in [p for group in inside for p in group.split(",") if p] + re.findall(r"\{([^{}]*)\}", word):
                    if path != "account":
                        self.walk(operation, path.rstrip("?"))

    def source(self):
        rows = []
        for operation, (needs, number) in sorted(self.rows.items()):
            try:
                # who need not sign is told what is not built without a signature as well
                if operation in self.model.in_use or needs == "anonymous":
                    rows.append(f"\t[{self.model.service.upper()}_OP_{snake(operation).upper()}] = "
                                f"{self.row_c(operation, needs)},")
                else:
                    self.check_unused(operation, needs)
            except Bad as why:
                sys.exit(f"{self.path}:{number}: {why}")
        name = f"{self.model.service}_rows"
        self.out.append(f"static const struct access_row {name}[{self.model.service.upper()}_OP_COUNT + 1] = {{")
        return "\n".join(self.out + rows + ["};", ""])


def check(folder):
    missing = []
    services = sorted(f[:-len(".ops")] for f in os.listdir(folder) if f.endswith(".ops") and f != "towpath.ops")
    for service in services:
        a = Access(folder, service)
        missing += [f"{service}: {op} has no row in {a.path}" for op in a.model.in_use if op not in a.rows]
    print("1..1\n" + ("not ok" if missing else "ok") + f" 1 - every operation in use of {len(services)} services says "
          "what it needs permission for")
    for line in missing:
        print("# " + line)
    return bool(missing)


def main():
    if sys.argv[1] == "--check":
        sys.exit(check(os.path.dirname(sys.argv[2]) if os.path.isfile(sys.argv[2]) else sys.argv[2]))
    tables = [Access(sys.argv[2], s) for s in sys.argv[3:] if s != "towpath"]
    tables = [t for t in tables if t.rows]
    out = ["/* Generated by tools/gen_access.py from model/access/. */", "#include <stddef.h>", "#include <stdint.h>",
           '#include "wire/access.h"'] + [f'#include "{t.model.service}.gen.h"' for t in tables] + [""]
    out += [t.source() for t in tables]
    out.append("const struct access_table access_tables[] = {")
    out += [f"\t{{{cstr(t.model.service)}, {cstr(t.prefix)}, {t.model.service}_rows}}," for t in tables]
    out += ["\t{NULL, NULL, NULL},", "};", f"const size_t access_tables_n = {len(tables)};", ""]
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        f.write("\n".join(out))


main()
