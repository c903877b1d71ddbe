# SPDX-License-Identifier: Apache-2.0
"""What processes used, from /proc."""
import os
import time


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rsplit(")", 1)[1].split()


def name(pid):
    """Of its program; empty once it has ended."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def descendants(pid):
    """Of a process, those that live."""
    children = {}
    for other in os.listdir("/proc"):
        if other.isdigit():
            try:
                children.setdefault(int(_stat(other)[1]), []).append(int(other))
            except (FileNotFoundError, ProcessLookupError):
                pass
    found = [pid]
    for one in found:  # which grows
        found += children.get(one, [])
    return found[1:]


def tree_cpu(pid):
    """Seconds of processor time of a process, of what it waited for, and of its living descendants."""
    ticks = 0
    for one in [pid, *descendants(pid)]:
        try:
            ticks += sum(map(int, _stat(one)[11:15]))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu(pid):
    """Microseconds of processor time that the threads of a process have used, those that have ended too, exact."""
    clock = ~pid << 3 | 2  # as clock_getcpuclockid(3) makes it
    return time.clock_gettime_ns(clock) / 1000
