#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes errors.gen.h (enum err_kind and its rows) from model/errors.txt."""
import sys


def rows(path):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        fields = line.split(None, 3)
        if len(fields) != 4:
            sys.exit(f"{path}:{number}: four fields wanted: name, wire name, status, meaning")
        yield fields


def main():
    source, target = sys.argv[1:3]
    out = ["/* Generated from model/errors.txt. */", "#ifndef TOWPATH_ERRORS_GEN_H",
           "#define TOWPATH_ERRORS_GEN_H", "", "enum err_kind {"]
    table = list(rows(source))
    for name, _, _, meaning in table:
        out.append(f"\tERR_{name.upper()}, /* {meaning} */")
    out += ["};", "", "#define ERR_KINDS(X) \\"]
    for name, wire, status, _ in table:
        out.append(f'\tX(ERR_{name.upper()}, "{name}", "{wire}", {status}) \\')
    out += ["", "", "#endif", ""]
    with open(target, "w", encoding="utf-8") as f:
        f.write("\n".join(out))


main()
