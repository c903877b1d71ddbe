# SPDX-License-Identifier: Apache-2.0
"""A small and a large repository, and what the same question costs the server of each."""
import subprocess
import time

import gitwork
import procs

FOLDERS = 40


def make(path, commits, refs, files=2000):
    """main with so many commits, each of which changes one of the files; half as many branches b0, b1, ... as refs, and
    as many tags, on the last commits. Returns the ids of the last two commits."""
    loader = subprocess.Popen(["git", f"--git-dir={path}", "-c", "core.fsync=loose-object", "fast-import", "--quiet"],
                              stdin=subprocess.PIPE)
    put = loader.stdin.write
    for i in range(commits):
        put(f"commit refs/heads/main\nmark :{i + 1}\ncommitter T <t@example.com> {1500000000 + i} +0000\ndata 1\nx\n".encode())
        for k in range(files) if i == 0 else (i % files,):
            text = f"{k} {i}\n"
            put(f"M 100644 inline folder{k % FOLDERS}/file{k}\ndata {len(text)}\n{text}\n".encode())
    for i in range(refs):
        kind, mark = ("heads/b", "tags/t")[i % 2], commits - i // 2 % commits
        put(f"reset refs/{kind}{i // 2}\nfrom :{mark}\n\n".encode())
    loader.stdin.close()
    if loader.wait():
        raise AssertionError("git fast-import failed")
    subprocess.run(["git", f"--git-dir={path}", "pack-refs", "--all"], check=True)
    return subprocess.run(["git", f"--git-dir={path}", "rev-list", "-2", "main"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.split()


class Pair:
    """Repositories `small` and `large` of one server, and questions whose answers are of one size for both."""

    def __init__(self, server, commits, refs, work_folder):
        self.server, self.tips = server, {}
        self.cc = cc = server.client("codecommit")
        for name, size in (("small", (20, 20, 2 * FOLDERS)), ("large", (commits, refs))):
            made = cc.create_repository(repositoryName=name)["repositoryMetadata"]["repositoryId"]
            self.tips[name] = make(f"{server.data}/git/{made}.git", *size)
            cc.update_default_branch(repositoryName=name, defaultBranchName="main")
        login = gitwork.git_login(server, "reader")
        work = gitwork.Work(work_folder)
        work.git("init", "-q")
        self.questions = {
            "GetRepository": lambda name: cc.get_repository(repositoryName=name),
            "GetBranch": lambda name: cc.get_branch(repositoryName=name, branchName="b1"),
            "a page of ListBranches": lambda name: cc.list_branches(repositoryName=name),
            "GetCommit": lambda name: cc.get_commit(repositoryName=name, commitId=self.tips[name][0]),
            "GetFile": lambda name: cc.get_file(repositoryName=name, filePath="folder1/file1"),
            "GetFolder": lambda name: cc.get_folder(repositoryName=name, folderPath="folder1"),
            "GetDifferences of one change": lambda name: cc.get_differences(
                repositoryName=name, beforeCommitSpecifier=self.tips[name][1], afterCommitSpecifier=self.tips[name][0]),
            "GetMergeOptions": lambda name: cc.get_merge_options(
                repositoryName=name, sourceCommitSpecifier="main", destinationCommitSpecifier="b5"),
            "ls-remote of one branch": lambda name: work.git(
                "ls-remote", gitwork.url(server, login, name), "refs/heads/b1"),
            "fetch of nothing new": lambda name: work.git(
                "fetch", "-q", "--depth=1", gitwork.url(server, login, name), "main"),
        }

    def cost(self, question, name, rounds):
        """Milliseconds of processor time that the server's own process takes for one, the least of several."""
        call, pid = self.questions[question], self.server.process.pid
        call(name)
        costs = []
        for _ in range(rounds):
            start = procs.own_cpu(pid)
            call(name)
            costs.append(procs.own_cpu(pid) - start)
        return min(costs) / 1000

    def time(self, question, name, rounds):
        """Milliseconds until the answer, median."""
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            self.questions[question](name)
            times.append(time.perf_counter() - start)
        return sorted(times)[rounds // 2] * 1000
