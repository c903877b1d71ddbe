#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the TAP lines of meson's test logs; the last line is "N passed, N failed, N skipped",
before it stand what failed, with its first words, and how many cases made from the models were asked."""
import json
import re
import sys

WORDS = 8  # lines of a failure that are shown; meson's log has all


def show(name, what, lines):
    print(f"FAILED {name}: {what}")
    for line in lines:
        print("  " + line[:240])


def diagnosis(lines):
    """What a failed test says of itself: comments up to the next TAP line, of pytest's the assertion and its place."""
    said = []
    for line in lines:
        if not line.startswith("#"):
            break
        said.append(line[2:])
    if any(line.startswith("E ") for line in said):
        said = [line for line in said if re.match(r"E |\S+:\d+: ", line)]
    return said[:WORDS]


def count(log, totals):
    for line in open(log, encoding="utf-8"):
        test = json.loads(line)
        seen = 0
        lines = (test.get("stdout") or "").splitlines()
        for at, tap in enumerate(lines, 1):
            if tap.startswith("# conformance: "):
                print(tap[2:])
            match = re.match(r"(ok|not ok)\b(.*)", tap)
            if not match:
                continue
            seen += 1
            skip = re.search(r"# SKIP\b *(.*)", match.group(2), re.I)
            key = "failed" if match.group(1) == "not ok" else "skipped" if skip else "passed"
            totals[key] += 1
            if key == "failed":
                show(test["name"], match.group(2).strip(" -0123456789"), diagnosis(lines[at:]))
            if key == "skipped":
                print(f"skipped {test['name']}: {match.group(2).strip(' -')}")
        if seen == 0 and test["result"] == "SKIP":
            totals["skipped"] += 1
            print(f"skipped {test['name']}: {(test.get('stdout') or '').strip()}")
        elif test["result"] not in ("OK", "SKIP") and not re.search(r"^not ok", test.get("stdout") or "", re.M):
            totals["failed"] += 1
            show(test["name"], test["result"], (lines + (test.get("stderr") or "").splitlines())[-WORDS:])


def main():
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for log in sys.argv[1:]:
        count(log, totals)
    if totals["skipped"]:
        print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    else:
        print(f"{totals['passed']} passed, {totals['failed']} failed")
    return totals["failed"] > 0 or totals["passed"] == 0


sys.exit(main())
