# SPDX-License-Identifier: Apache-2.0
"""What processes used, from /proc."""
import os
import time


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read().rsplit(")", 1)[1].split()


def tree_cpu(pid):
    """Seconds of processor time of a process, of what it waited for, and of its living descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents.setdefault(int(_stat(name)[1]), []).append(int(name))
            except (FileNotFoundError, ProcessLookupError):
                pass
    ticks, todo = 0, [pid]
    while todo:
        one = todo.pop()
        todo += parents.get(one, [])
        try:
            ticks += sum(map(int, _stat(one)[11:15]))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu(pid):
    """Microseconds of processor time that the threads of a process have used, those that have ended too, exact."""
    clock = ~pid << 3 | 2  # as clock_getcpuclockid(3) makes it
    return time.clock_gettime_ns(clock) / 1000
