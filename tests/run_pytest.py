#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one pytest file and reports each of its tests as a TAP line."""
import os
import sys

try:
    import pytest
except ImportError:  # another python3 stands first in PATH: Debian's has the modules
    os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)


class Tap:
    def __init__(self):
        self.count = 0

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or (report.when == "setup" and not report.passed) or (
                report.when == "teardown" and report.failed):
            self.count += 1
            word = "not ok" if report.failed else "ok"
            note = ""
            if report.skipped:
                note = " # SKIP " + str(report.longrepr[2]).replace("\n", " ")
            print(f"{word} {self.count} - {report.nodeid.split('::', 1)[-1]}{note}", flush=True)
            if report.failed:
                for line in str(report.longrepr).splitlines()[-60:]:
                    print("# " + line)
                for title, text in report.sections:
                    print("# -- " + title)
                    for line in text.splitlines()[-40:]:
                        print("# " + line)

    def pytest_collectreport(self, report):
        if report.failed:
            self.count += 1
            print(f"not ok {self.count} - collecting")
            for line in str(report.longrepr).splitlines():
                print("# " + line)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    tap = Tap()
    devnull = open(os.devnull, "w", encoding="utf-8")
    out = sys.stdout
    code = pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:terminal", "--rootdir", here,
                        sys.argv[1]], plugins=[tap])
    _ = devnull, out
    print(f"1..{tap.count}")
    return 0 if code in (0, 1) else code


sys.exit(main())
