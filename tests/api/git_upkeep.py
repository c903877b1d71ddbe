# SPDX-License-Identifier: Apache-2.0
"""Packing of busy repositories, while clients go on."""
import os
import subprocess

import gitwork
import pytest
from asking import eventually
from towpath import Server


@pytest.fixture
def server():
    s = Server("--clock-rate", "600")  # a minute after a push comes at once
    try:
        yield s.start()
    finally:
        s.close()


def test_upkeep_while_clients_work(server, tmp_path):
    """Packs, bitmaps and a commit graph come while pushes and clones go on; nothing gets lost."""
    made = server.client("codecommit").create_repository(repositoryName="busy")["repositoryMetadata"]
    path = os.path.join(server.data, "git", made["repositoryId"] + ".git")
    url = gitwork.url(server, gitwork.git_login(server, "busy"), "busy")
    work = gitwork.Work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")

    def packed():
        pack, info = os.listdir(path + "/objects/pack"), os.listdir(path + "/objects/info")
        return any(f.endswith(".bitmap") for f in pack) and "commit-graphs" in info
    rounds = 0
    while rounds < 40 and not packed():
        rounds += 1
        for k in range(110):  # more than are unpacked: each push is a pack
            with open(os.path.join(work.folder, f"{rounds % 4}-{k}"), "w", encoding="utf-8") as f:
                f.write(f"{rounds} {k}\n")
        head = work.commit(text=f"round {rounds}")
        push = work.start("push", "-q", url, "main")
        if rounds > 8:
            clone = gitwork.Work(tmp_path / f"c{rounds}")
            clone.git("clone", "-q", url, ".")
            clone.git("fsck", "--connectivity-only")
        said = push.communicate(timeout=120)[0]
        assert push.returncode == 0, said
    eventually(packed, what="the repository is packed")
    assert work.git("ls-remote", url, "refs/heads/main").stdout.split()[0] == head
    gitwork.check_chain(server, path)
    subprocess.run(["git", f"--git-dir={path}", "commit-graph", "verify"], check=True, stderr=subprocess.DEVNULL)
    # What a kill leaves of packing goes with the next start.
    for name in ("objects/pack/tmp_pack_x1", "objects/pack/.tmp-1-pack-x.pack", "objects/tmp_objdir-x"):
        open(os.path.join(path, name), "w", encoding="utf-8").close()
        os.utime(os.path.join(path, name), (1, 1))
    server.kill9()
    server.start()
    names = ["objects/pack/tmp_pack_x1", "objects/pack/.tmp-1-pack-x.pack", "objects/tmp_objdir-x"]
    eventually(lambda: not any(os.path.exists(os.path.join(path, n)) for n in names), what="leftovers go")
    gitwork.check_chain(server, path)
