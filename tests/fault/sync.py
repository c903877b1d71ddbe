# SPDX-License-Identifier: Apache-2.0
"""A lost sync: what a power cut may take back. The system calls of the server and of git's processes are
watched during a push: every object is synced before a reference names it, the reference before its event, the
event before git hears of success."""
import os
import re
import select
import subprocess

import gitwork
import pytest

CALLS = "execve,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,sendto,sendmsg,write,writev"


class Trace:
    """What a process and its children call meanwhile, as (name, arguments, start, end): places in the trace."""

    def __init__(self, pid, path):
        self.path = str(path)
        self.strace = subprocess.Popen(["strace", "-f", "-y", "-s", "600", "-e", "trace=" + CALLS, "-e", "signal=none",
                                        "-o", self.path, "-p", str(pid)], stderr=subprocess.PIPE)
        while True:  # it says so once it is attached
            line = self.strace.stderr.readline().decode()
            if "attached" in line:
                break
            if not line or "Operation not permitted" in line:
                self.strace.wait()
                pytest.skip("processes cannot be traced here")

    def stop(self):
        self.strace.terminate()
        while select.select([self.strace.stderr], [], [], 300)[0] and self.strace.stderr.read1():
            pass
        self.strace.wait()

    def calls(self):
        open_calls, found = {}, []
        with open(self.path, encoding="utf-8", errors="replace") as f:
            for at, line in enumerate(f):
                pid, _, text = line.strip().partition(" ")
                text = text.strip().replace("/./", "/")
                resumed = re.match(r"<\.\.\. (\w+) resumed>", text)
                started = re.match(r"(\w+)\((.*)", text)
                if resumed and pid in open_calls:
                    name, arguments, start = open_calls.pop(pid)
                    found.append((name, arguments + text, start, at))
                elif started and text.endswith("<unfinished ...>"):
                    open_calls[pid] = (started.group(1), started.group(2), at)
                elif started:
                    found.append((started.group(1), started.group(2), at, at))
        return found


def is_sync(call, part):
    return call[0] in ("fsync", "fdatasync") and part in call[1]


def is_move(call):
    return call[0].startswith(("rename", "link"))


def check_push(calls, path, ref):
    """The order that the promises need; ref may be one of many."""
    told = [c for c in calls if c[0] in ("sendto", "sendmsg", "write", "writev") and f"ok {ref}" in c[1]
            and (c[0].startswith("send") or "socket:" in c[1].split(",")[0] or "TCP" in c[1].split(",")[0])]
    moved = [c for c in calls if is_move(c) and f"{path}/{ref}.lock" in c[1] and f'"{path}/{ref}"' in c[1]]
    assert told and moved, [c for c in calls if is_move(c)]
    reported, reference = told[-1], moved[-1]
    # The intent stands before the reference moves; the event before the client hears of it.
    assert any(is_sync(c, "towpath.db-wal") and c[3] < reference[2] for c in calls)
    assert any(is_sync(c, "towpath.db-wal") and reference[3] < c[2] and c[3] < reported[2] for c in calls)
    event = [c for c in calls if is_sync(c, "towpath.db-wal") and reference[3] < c[2] and c[3] < reported[2]][-1]
    # The reference itself and its folder: by their own syncs, or by one of the whole file system before the event.
    whole = any(c[0] == "syncfs" and reference[3] < c[2] and c[3] < event[2] for c in calls)
    alone = any(is_sync(c, f"{path}/{ref}.lock") and c[3] < reference[2] for c in calls)
    assert whole or alone and folder_synced(calls, os.path.dirname(f"{path}/{ref}"), reference[3], event[2])
    # Every object that came into the store was synced before the reference names it, and so was its folder.
    arrived = [(c, m.group(1)) for c in calls if is_move(c) and c[2] < reference[2]
               for m in [re.search(rf', "({path}/objects/(?:pack/|[0-9a-f]{{2}}/)[^"]+)"', c[1])] if m]
    assert arrived
    for call, name in arrived:
        check_file(calls, call)
        assert folder_synced(calls, os.path.dirname(name), call[3], reference[2]), name
    assert "/pack/" in arrived[0][1] or folder_synced(calls, f"{path}/objects", arrived[-1][0][3], reference[2])


def folder_synced(calls, folder, behind, before):
    return any(is_sync(c, f"<{folder}>") and behind < c[2] and c[3] < before for c in calls)


def check_file(calls, move):
    """The file was synced under the name that it is moved from, or an earlier one."""
    old = re.search(r'"([^"]+)"', move[1]).group(1)
    earlier = [c for c in calls if is_move(c) and c[3] < move[2] and f', "{old}"' in c[1]]
    assert any(is_sync(c, os.path.basename(old)) and c[3] < move[2] for c in calls) or earlier, old
    for call in earlier:
        check_file(calls, call)


@pytest.mark.parametrize("what", ["small", "pack", "many"])
def test_order_of_syncs(server, tmp_path, what):
    name = "shop-" + what
    made = server.client("codecommit").create_repository(repositoryName=name)["repositoryMetadata"]
    path = os.path.realpath(os.path.join(server.data, "git", made["repositoryId"] + ".git"))
    url = gitwork.url(server, gitwork.git_login(server, what), name)
    work = gitwork.Work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")
    for k in range(120 if what == "pack" else 1):
        with open(os.path.join(work.folder, f"f{k}"), "w", encoding="utf-8") as f:
            f.write(f"{k}")
    work.commit(text="one")
    refs = [f"main:refs/heads/b{i}" for i in range(12)] if what == "many" else ["main"]
    trace = Trace(server.process.pid, tmp_path / "trace")
    try:
        work.git("push", "-q", url, *refs)
    finally:
        trace.stop()
    calls = trace.calls()
    # A small push needs no process. Others have their repository as an alternate: none lists its references once more.
    started = [c for c in calls if c[0] == "execve"]
    assert any('"rev-list"' in c[1] for c in started) == (what != "small")
    assert not any('"for-each-ref"' in c[1] for c in started) and (started or what == "small")
    check_push(calls, path, "refs/heads/b11" if what == "many" else "refs/heads/main")
