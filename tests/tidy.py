#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy and clang-format over src/, one TAP line each. usage: tidy.py BUILD-DIR"""
import concurrent.futures
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tidy(arguments):
    build, path = arguments
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet",
                           "--extra-arg=-Wno-unknown-warning-option", path], cwd=ROOT, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    # one that was killed has said nothing
    return (done.stdout or f"{path}: clang-tidy ended with {done.returncode}") if done.returncode else ""


def report(number, name, complaints):
    print(("not ok" if complaints else "ok") + f" {number} - {name}", flush=True)
    for line in "\n".join(complaints).splitlines():
        print("# " + line)


def plain_commands(build):
    """A folder with the build's compile commands, without what only gcc understands."""
    folder = os.path.join(build, "tidy")
    os.makedirs(folder, exist_ok=True)
    rows = json.load(open(os.path.join(build, "compile_commands.json"), encoding="utf-8"))
    for row in rows:
        words = [w for w in row["command"].split(" ") if w not in ("ccache", "-Wno-format-truncation")
                 and not w.startswith("-fsanitize")]
        row["command"] = " ".join(words)
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as f:
        json.dump(rows, f)
    return folder


def main():
    build = plain_commands(os.path.abspath(sys.argv[1]))
    sources = sorted(glob.glob("src/**/*.c", root_dir=ROOT, recursive=True))
    everything = sources + sorted(glob.glob("src/**/*.h", root_dir=ROOT, recursive=True)) + sorted(
        glob.glob("tests/**/*.c", root_dir=ROOT, recursive=True))
    print("1..2")
    formatted = subprocess.run(["clang-format", "--dry-run", "-Werror", *everything], cwd=ROOT, text=True, check=False,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    report(1, f"clang-format of {len(everything)} files", [formatted.stderr] if formatted.returncode else [])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [text for text in pool.map(tidy, [(build, path) for path in sources]) if text]
    report(2, f"clang-tidy of {len(sources)} files", complaints)


main()
