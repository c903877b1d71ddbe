"""Git: pushes, listings of references, large files"""
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

ROUNDS = 15
REFS = 10000
LARGE_MB = 500


def timed(call):
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def pushes(bench, work, target):
    times = []
    for i in range(ROUNDS):
        work.commit(text=f"{target} {i}")
        times.append(timed(lambda: work.git("push", "-q", target, "main")))
    return bench.median(times)


def listing(bench, work, target):
    return bench.median([timed(lambda: work.git("ls-remote", target)) for _ in range(ROUNDS)])


def peak_memory(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def bare_folder(folder, name):
    path = os.path.join(folder, name)
    os.mkdir(path)
    return path


def bare(folder, name):
    path = os.path.join(folder, name)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
    subprocess.run(["git", "-C", path, "config", "core.fsync", "all"], check=True)
    return path


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    import gitwork  # reads TOWPATH
    from towpath import Server
    import towpath
    towpath.TOWPATH = bench.towpath
    with tempfile.TemporaryDirectory(dir=bench.build) as folder, \
            Server(data=bare_folder(folder, "data")) as server:
        client = server.client("codecommit")
        ids = {name: client.create_repository(repositoryName=name)["repositoryMetadata"]["repositoryId"]
               for name in ("small", "refs", "large")}
        login = gitwork.git_login(server)
        work = gitwork.Work(os.path.join(folder, "work"))
        work.git("init", "-q", "-b", "main")
        commit = work.commit(text="first")

        floor = pushes(bench, work, bare(folder, "small.git"))
        ours = pushes(bench, work, gitwork.url(server, login, "small"))
        bench.row("push of a small commit", ours, "ms", beside=f"to a folder on the same disk, synced: {floor:.0f} ms")

        peer = bare(folder, "refs.git")
        lines = "".join(f"create refs/heads/branch-{i} {commit}\n" for i in range(REFS))
        for path in (peer, os.path.join(server.data, "git", ids["refs"] + ".git")):
            work.git("push", "-q", path, "main")
            subprocess.run(["git", f"--git-dir={path}", "-c", "core.fsync=none", "update-ref", "--stdin"], input=lines,
                           text=True, check=True)
            subprocess.run(["git", f"--git-dir={path}", "pack-refs", "--all"], check=True)
        floor = listing(bench, work, peer)
        ours = listing(bench, work, gitwork.url(server, login, "refs"))
        bench.row(f"ls-remote of {REFS:,} references", ours, "ms", beside=f"from a folder: {floor:.0f} ms")

        with open(os.path.join(work.folder, "large"), "wb") as f:
            for _ in range(LARGE_MB):
                f.write(os.urandom(1 << 20))
        work.git("add", "-A", timeout=600)
        work.git("commit", "-q", "-m", "large", timeout=600)
        before = peak_memory(server.process.pid)
        took = timed(lambda: work.git("push", "-q", gitwork.url(server, login, "large"), "main", timeout=600))
        bench.row(f"push of a file of {LARGE_MB} MB", LARGE_MB / took * 1000, "MB/s")
        clone = gitwork.Work(os.path.join(folder, "clone"))
        took = timed(lambda: clone.git("clone", "-q", gitwork.url(server, login, "large"), ".", timeout=600))
        bench.row(f"clone of a file of {LARGE_MB} MB", LARGE_MB / took * 1000, "MB/s")
        bench.row("server's memory gained by both", peak_memory(server.process.pid) - before, "MB",
                  beside=f"{before:.0f} MB before")
