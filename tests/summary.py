#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the TAP lines of meson's test logs; the last line is "N passed, N failed, N skipped",
before it stands how many cases made from the models were asked."""
import json
import re
import sys


def count(log, totals):
    for line in open(log, encoding="utf-8"):
        test = json.loads(line)
        seen = 0
        for tap in (test.get("stdout") or "").splitlines():
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
                print(f"FAILED {test['name']}: {match.group(2).strip(' -0123456789')}")
            if key == "skipped":
                print(f"skipped {test['name']}: {match.group(2).strip(' -')}")
        if seen == 0 and test["result"] == "SKIP":
            totals["skipped"] += 1
            print(f"skipped {test['name']}: {(test.get('stdout') or '').strip()}")
        elif test["result"] not in ("OK", "SKIP") and not re.search(r"^not ok", test.get("stdout") or "", re.M):
            totals["failed"] += 1
            print(f"FAILED {test['name']}: {test['result']}")


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
