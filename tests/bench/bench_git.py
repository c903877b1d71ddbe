"""Git: clones, pushes, listings of references, large files"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

ROUNDS = 15
CLONE_ROUNDS = 5
PARALLEL = 16
REFS = 10000
REPOSITORY_MB = 100
COMMITS = 500
LARGE_MB = 500


def timed(call):
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def pushes(bench, work, targets, cpu):
    """Of a push to each target, in turn: [(median milliseconds, processor time of client and server)]."""
    times, used = [[] for _ in targets], [0] * len(targets)
    for i in range(ROUNDS):
        for k, target in enumerate(targets):
            work.commit(text=f"{k} {i}")
            start = cpu()
            times[k].append(timed(lambda t=target: work.git("push", "-q", t, "main")))
            used[k] += cpu() - start
    return [(bench.median(t), u / ROUNDS * 1000) for t, u in zip(times, used)]


def listings(bench, work, targets):
    times = [[] for _ in targets]
    for _ in range(ROUNDS):
        for k, target in enumerate(targets):
            times[k].append(timed(lambda t=target: work.git("ls-remote", t)))
    return [bench.median(t) for t in times]


def sync_time(bench, folder):
    """One sync of one small file, in milliseconds."""
    def once():
        with open(os.path.join(folder, "sync"), "wb", buffering=0) as f:
            f.write(b"x" * 4096)
            os.fsync(f.fileno())
    return bench.median([timed(once) for _ in range(ROUNDS)])


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


def make_history(path):
    """COMMITS commits of files that do not compress, REPOSITORY_MB together; the tag `half` is in their middle."""
    size = REPOSITORY_MB * 1000 * 1000 // COMMITS // 5
    loader = subprocess.Popen(["git", f"--git-dir={path}", "-c", "core.fsync=none", "fast-import", "--quiet"],
                              stdin=subprocess.PIPE)
    put = loader.stdin.write
    for i in range(COMMITS):
        put(f"commit refs/heads/main\ncommitter T <t@example.com> {1700000000 + i} +0000\ndata 1\nx\n".encode())
        for k in range(5):
            put(f"M 100644 inline folder{k}/file{i}\ndata {size}\n".encode() + os.urandom(size) + b"\n")
        if i == COMMITS // 2:
            put(b"reset refs/tags/half\nfrom refs/heads/main\n\n")
    loader.stdin.close()
    if loader.wait():
        raise AssertionError("git fast-import failed")


class Clones:
    """Clones from two servers in turn."""

    def __init__(self, bench, folder, env, ends):
        self.bench, self.folder, self.env, self.ends = bench, folder, env, ends

    def git(self, *argv):
        return subprocess.Popen(["git", *argv], env=self.env, stdout=subprocess.DEVNULL)

    def start_clone(self, url, name, *more):
        return self.git("clone", "-q", "--bare", *more, url, os.path.join(self.folder, name))

    def remove(self, *names):
        for name in names:
            shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)

    def once(self, url):
        self.finish([self.start_clone(url, "one")])
        self.remove("one")

    def parallel(self, url):
        self.finish([self.start_clone(url, f"p{i}") for i in range(PARALLEL)])
        self.remove(*(f"p{i}" for i in range(PARALLEL)))

    def half(self, url):
        self.finish([self.git(f"--git-dir={self.folder}/half", "fetch", "-q", url, "main")])

    @staticmethod
    def finish(processes):
        if any(p.wait() for p in processes):
            raise AssertionError("git failed")

    def measure(self, call, before=None):
        """Median milliseconds of both ends."""
        times = [[] for _ in self.ends]
        for _ in range(CLONE_ROUNDS):
            for k, url in enumerate(self.ends):
                if before:
                    before(url)
                times[k].append(timed(lambda u=url: call(u)))
        return [self.bench.median(t) for t in times]

    def row(self, what, call, before=None):
        ours, peer = self.measure(call, before)
        self.bench.row(what, ours, "ms", goal="at most the peer's", beside=f"git http-backend behind nginx: {peer:.0f} ms")


def clones(bench, folder, url, repository):
    import nginxgit
    lacking = nginxgit.missing()
    if lacking:
        print(f"  clones: {lacking} is not installed")
        return
    make_history(repository)
    root = bare_folder(folder, "peers")
    shutil.copytree(repository, os.path.join(root, "clone"))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "AWS_"))}
    env.update(HOME=folder, GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0")
    with nginxgit.NginxGit(os.path.join(folder, "nginx"), root, PARALLEL) as peer:
        c = Clones(bench, folder, env, [url, peer.url + "/clone"])

        def start_with_half(url):
            c.remove("half")
            c.finish([c.start_clone(url, "half", "--branch=half", "--single-branch")])
        c.row(f"clone of {REPOSITORY_MB} MB", c.once)
        c.row(f"fetch of the second half of {REPOSITORY_MB} MB", c.half, start_with_half)
        c.row(f"{PARALLEL} clones of {REPOSITORY_MB} MB at once", c.parallel)


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    import gitwork  # reads TOWPATH
    import procs
    from towpath import Server
    import towpath
    towpath.TOWPATH = bench.towpath
    with tempfile.TemporaryDirectory(dir=bench.build) as folder, \
            Server(data=bare_folder(folder, "data")) as server:
        client = server.client("codecommit")
        ids = {name: client.create_repository(repositoryName=name)["repositoryMetadata"]["repositoryId"]
               for name in ("small", "refs", "large", "clone")}
        login = gitwork.git_login(server)
        work = gitwork.Work(os.path.join(folder, "work"))
        work.git("init", "-q", "-b", "main")
        commit = work.commit(text="first")

        clones(bench, folder, gitwork.url(server, login, "clone"),
               os.path.join(server.data, "git", ids["clone"] + ".git"))

        def cpu():
            mine = resource.getrusage(resource.RUSAGE_CHILDREN)
            return mine.ru_utime + mine.ru_stime + procs.tree_cpu(server.process.pid)
        (floor, floor_cpu), (ours, ours_cpu) = pushes(
            bench, work, [bare(folder, "small.git"), gitwork.url(server, login, "small")], cpu)
        sync = sync_time(bench, folder)
        bench.row("push of a small commit", ours, "ms", goal=f"at most {1.3 * floor + sync:.0f} ms",
                  beside=f"to a folder on the same disk: {floor:.0f} ms; one sync: {sync:.1f} ms; processor"
                         f" time of both sides {ours_cpu:.0f} ms, to the folder {floor_cpu:.0f} ms")

        peer = bare(folder, "refs.git")
        lines = "".join(f"create refs/heads/branch-{i} {commit}\n" for i in range(REFS))
        for path in (peer, os.path.join(server.data, "git", ids["refs"] + ".git")):
            work.git("push", "-q", path, "main")
            subprocess.run(["git", f"--git-dir={path}", "-c", "core.fsync=loose-object", "update-ref", "--stdin"],
                           input=lines, text=True, check=True)
            subprocess.run(["git", f"--git-dir={path}", "pack-refs", "--all"], check=True)
        floor, ours = listings(bench, work, [peer, gitwork.url(server, login, "refs")])
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
