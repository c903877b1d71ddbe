#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of src/identity/managed_aws.h: the managed policies that every account has.

usage: gen_managed.py managed_policies.txt OUT.c

The head of model/managed_policies.txt explains its lines."""
import json
import sys

from gen_wire import cstr

WORDS = {"allow": ("Allow", "Action"), "allow-all-but": ("Allow", "NotAction"), "deny": ("Deny", "Action")}


def one_or_all(values):
    return values[0] if len(values) == 1 else values


def read(path):
    """{path of the policy: [statement]}"""
    policies, statements, statement = {}, None, None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if not line[0].isspace():
            if len(words) > 1 or words[0] in policies:
                sys.exit(f"{path}:{number}: `{line.strip()}` is no new policy's name")
            statements, statement = policies.setdefault(words[0], []), None
        elif statements is None:
            sys.exit(f"{path}:{number}: a statement belongs to a policy")
        elif words[0] in WORDS:
            effect, element = WORDS[words[0]]
            statement = {"Effect": effect, element: words[1:], "Resource": "*"}
            statements.append(statement)
        elif statement is None or (words[0] == "if" and len(words) < 4) or (words[0] == "on" and len(words) < 2):
            sys.exit(f"{path}:{number}: `{line.strip()}` belongs behind allow, allow-all-but or deny")
        elif words[0] == "on":
            statement["Resource"] = one_or_all(words[1:])
        elif words[0] == "if":
            statement.setdefault("Condition", {}).setdefault(words[1], {})[words[2]] = one_or_all(words[3:])
        else:
            statement["Action" if "Action" in statement else "NotAction"] += words
    return policies


def main():
    policies = read(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write('/* Made by tools/gen_managed.py. */\n#include "identity/managed_aws.h"\n\n'
                  "const struct managed_aws managed_aws_policies[] = {\n")
        for name, statements in sorted(policies.items()):
            document = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
            out.write(f"\t{{{cstr(name)}, {cstr(document)}}},\n")
        out.write(f"}};\nconst size_t managed_aws_policies_n = {len(policies)};\n")


main()
