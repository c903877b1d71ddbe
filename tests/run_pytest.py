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
    def __init__(self, out):
        self.count = 0
        self.out = out

    def say(self, line):
        print(line, file=self.out, flush=True)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or (report.when == "setup" and not report.passed) or (
                report.when == "teardown" and report.failed):
            self.count += 1
            word = "not ok" if report.failed else "ok"
            note = ""
            if report.skipped:
                note = " # SKIP " + str(report.longrepr[2]).replace("\n", " ")
            self.say(f"{word} {self.count} - {report.nodeid.split('::', 1)[-1]}{note}")
            if report.failed:
                for line in str(report.longrepr).splitlines()[-60:]:
                    self.say("# " + line)
                for title, text in report.sections:
                    self.say("# -- " + title)
                    for line in text.splitlines()[-40:]:
                        self.say("# " + line)

    def pytest_collectreport(self, report):
        if report.failed:
            self.count += 1
            self.say(f"not ok {self.count} - collecting")
            for line in str(report.longrepr).splitlines():
                self.say("# " + line)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    # TAP goes to the real standard output, pytest's own report nowhere
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    tap = Tap(out)
    code = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", here, sys.argv[1]],
                       plugins=[tap])
    tap.say(f"1..{tap.count}")
    return 0 if code in (0, 1) else code


sys.exit(main())
