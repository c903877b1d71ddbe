#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says which operations of model/*.ops no test exercised. Runs after all other tests, whose servers
note what they answered in the folder of TOWPATH_COVERAGE_DIR (src/api/coverage.h).

usage: coverage.py [--enforce]     (without it, what is missing is a skip that names it)

Only root can run builds and instances, so that for others what is missing is a skip in any case.
"""
import glob
import os
import sys


def wanted(model):
    for path in sorted(glob.glob(os.path.join(model, "*.ops"))):
        service = os.path.basename(path)[:-len(".ops")].replace("-", "_")
        for line in open(path, encoding="utf-8"):
            line = line.split("#")[0].strip()
            if line and not line.startswith("shape "):
                yield service, line


def exercised(folder):
    found = set()
    for path in glob.glob(os.path.join(folder, "*.ops")):
        for line in open(path, encoding="utf-8"):
            found.add(tuple(line.split()))
    return found


def main():
    enforce = "--enforce" in sys.argv[1:] and os.geteuid() == 0
    folder = os.environ.get("TOWPATH_COVERAGE_DIR", "")
    found = exercised(folder)
    missing = {}
    for service, operation in wanted(os.path.join(os.environ["TOWPATH_SOURCE"], "model")):
        missing.setdefault(service, [])
        if (service, operation) not in found:
            missing[service].append(operation)
    print(f"1..{len(missing)}")
    failed = False
    for number, (service, operations) in enumerate(missing.items(), 1):
        if not operations:
            print(f"ok {number} - {service}: every operation was exercised")
        elif enforce:
            failed = True
            print(f"not ok {number} - {service}: no test exercised {', '.join(operations)}")
        else:
            print(f"ok {number} - {service} # SKIP no test exercised {', '.join(operations)}")
    return 1 if failed else 0


sys.exit(main())
