#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a C file that holds the bytes of a file: gen_bytes.py FILE NAME HEADER OUTPUT defines the array NAME and
its length NAME_len, which HEADER declares."""
import sys


def main():
    source, name, header, target = sys.argv[1:5]
    with open(source, "rb") as f:
        data = f.read()
    rows = [", ".join(f"{b}" for b in data[i:i + 24]) for i in range(0, len(data), 24)]
    with open(target, "w", encoding="utf-8") as f:
        f.write(f'/* Generated from {source.rsplit("/", 1)[-1]}. */\n#include "{header}"\n\n'
                f"const unsigned char {name}[] = {{\n\t" + ",\n\t".join(rows) +
                f"}};\nconst size_t {name}_len = sizeof({name});\n")


main()
