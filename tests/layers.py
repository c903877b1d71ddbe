#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include of src/ against src/LAYERS."""
import os
import re
import sys

ROOT = os.environ.get("TOWPATH_SOURCE") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SRC = os.path.join(ROOT, "src")


def rules():
    level, allowed, libraries = {}, set(), {}
    depth = 0
    for line in open(os.path.join(SRC, "LAYERS"), encoding="utf-8"):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "layer":
            for folder in words[1:]:
                level[folder] = depth
            depth += 1
        elif words[0] == "allow":
            allowed.add((words[1], words[2]))
        elif words[0] == "library":
            libraries[words[1]] = words[2:]
        else:
            sys.exit(f"src/LAYERS: unknown word {words[0]}")
    return level, allowed, libraries


def breaches(path, folder, level, allowed, libraries):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quote, name = match.groups()
        where = f"{os.path.relpath(path, ROOT)}:{number}"
        for library, homes in libraries.items():
            if (name == library or library.endswith("/") and name.startswith(library)) and folder not in homes:
                yield f"{where}: {name} belongs to {', '.join(homes)}"
        if quote != '"' or "/" not in name:
            if quote == '"' and not name.endswith(".gen.h"):
                yield f"{where}: write the folder: \"{folder}/{name}\""
            continue
        other = name.split("/")[0]
        if other == folder:
            continue
        if other not in level:
            yield f"{where}: folder {other} is not in src/LAYERS"
        elif level[other] >= level[folder] and (folder, other) not in allowed:
            yield f"{where}: {folder} may not include {other}"


def main():
    level, allowed, libraries = rules()
    found, files = [], 0
    for base, _, names in sorted(os.walk(SRC)):
        folder = os.path.relpath(base, SRC).split(os.sep)[0]
        for name in sorted(names):
            if not name.endswith((".c", ".h")):
                continue
            files += 1
            if folder not in level:
                found.append(f"src/{folder} is not in src/LAYERS")
                continue
            found += breaches(os.path.join(base, name), folder, level, allowed, libraries)
    print("1..1")
    for breach in found:
        print("# " + breach)
    print(("not ok" if found or not files else "ok") + f" 1 - layers of {files} files")
    return 0


sys.exit(main())
