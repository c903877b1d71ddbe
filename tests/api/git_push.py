# SPDX-License-Identifier: Apache-2.0
"""What pushes may do to references: all or nothing, force and deletion by policy; over HTTP and SSH alike."""
import os
import subprocess

import gitwork
import pytest


@pytest.fixture(scope="module")
def server(shared_ssh_server):
    return shared_ssh_server


def forbid(kinds, *refs):
    """May push as he likes, but for these kinds of pushes to these references."""
    return ({"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "codecommit:GitPush", "Resource": "*",
             "Condition": {"StringEquals": {"towpath:PushKind": kinds}, "StringLike": {"codecommit:References": refs}}})


@pytest.fixture(scope="module", params=["http", "ssh"])
def pushes(server, request, tmp_path_factory):
    """(URL of a repository, settings for git) of a user who may not force main and v* tags, nor delete them."""
    folder = tmp_path_factory.mktemp("user")
    name = f"pushes-{request.param}"
    server.client("codecommit").create_repository(repositoryName=name)
    rules = forbid(["force", "delete"], "refs/heads/main", "refs/tags/v*")
    if request.param == "ssh":
        user = gitwork.SshUser(server, folder, "ssh-careful", *rules)
        return user.url(name), user.work(folder).env
    return gitwork.url(server, gitwork.git_login(server, "http-careful", *rules), name), {}


def test_kinds_of_pushes(server, pushes, tmp_path):
    url, env = pushes
    work = gitwork.Work(tmp_path / "w")
    work.env.update({k: v for k, v in env.items() if k == "GIT_SSH_COMMAND"})
    work.git("init", "-q", "-b", "main")
    first = work.commit(text="first")
    second = work.commit(text="second")
    work.git("push", "-q", url, "main", "main:dev", "main:refs/tags/v1", "main:refs/tags/moving")
    work.git("checkout", "-q", "-b", "aside", first)
    work.commit(text="aside")

    def refs():
        return dict(reversed(line.split("\t")) for line in work.git("ls-remote", url, "refs/*").stdout.splitlines())
    before, count = refs(), len(gitwork.journal(server))

    def refused(*what, reason):
        done = work.git("push", *what, check=False)
        assert done.returncode and reason in done.stderr, done.stderr
        assert refs() == before and len(gitwork.journal(server)) == count
    refused("-f", url, "aside:main", reason="non-fast-forward")
    # One that is refused refuses all, whether the client asked for that or not.
    refused("-f", url, "aside:main", "aside:dev", "aside:new", reason="non-fast-forward")
    refused("--atomic", "-f", url, "aside:main", "aside:new", reason="non-fast-forward")
    refused("-f", url, "aside:refs/tags/v1", "aside:new", reason="not authorized to perform: codecommit:GitPush")
    refused(url, ":refs/tags/v1", reason="not authorized to perform: codecommit:GitPush")
    refused(url, ":main", reason="the default branch cannot be deleted")
    refused("-o", "ci.skip", url, "aside:new", reason="does not support push options")
    # Each reference is judged by itself: main goes forward, while dev, which may, is forced.
    third = work.git("commit-tree", "-p", second, "-m", "third", second + "^{tree}").stdout.strip()
    work.git("push", "-q", "-f", "--atomic", url, "aside:dev", "aside:refs/tags/moving", f"{second}:refs/heads/main")
    work.git("push", "-q", "-f", url, f"{first}:dev", f"{third}:refs/heads/main", f"{third}:refs/heads/next")
    work.git("push", "-q", url, ":next")
    work.git("push", "-q", url, ":dev", ":refs/tags/moving")
    assert refs() == {"refs/heads/main": third, "refs/tags/v1": second}
    # Leases are the client's, but the server holds to what it was told.
    stale = work.git("push", f"--force-with-lease=new:{first}", url, "aside:new", check=False)
    assert stale.returncode and "stale info" in stale.stderr


def test_a_reference_that_moved_refuses_an_atomic_push(server, pushes, tmp_path):
    """The other reference is not changed either, when only the server can see it."""
    url, env = pushes
    work = gitwork.Work(tmp_path / "w")
    work.env.update({k: v for k, v in env.items() if k == "GIT_SSH_COMMAND"})
    work.git("init", "-q", "-b", "main")
    head = work.commit(text="mine")
    base = "refs/heads/atomic"
    work.git("push", "-q", url, f"main:{base}/a")
    done = work.git("push", "--atomic", url, f"main:{base}/new", f"main:{base}/a/below", check=False)
    assert done.returncode and "atomic" in done.stderr
    assert work.git("ls-remote", url, f"{base}/*").stdout.split() == [head, f"{base}/a"]
    done = work.git("push", url, f"main:{base}/new", f"main:{base}/a/below", check=False)
    assert done.returncode and f"{base}/new" in work.git("ls-remote", url, f"{base}/*").stdout


@pytest.fixture(name="quotas")
def limited_repository(server, request, tmp_path):
    """(URL, folder on disk, working folder with one small commit that is not pushed, its id)."""
    name = request.node.originalname.replace("_", "-")[:40]
    made = server.client("codecommit").create_repository(repositoryName=name)["repositoryMetadata"]
    work = gitwork.Work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")
    return (gitwork.url(server, gitwork.git_login(server, name), name), f"{server.data}/git/{made['repositoryId']}.git",
            work, work.commit(text="small"))


def nothing_came(work, url, path):
    return not work.git("ls-remote", url).stdout and not os.listdir(f"{path}/objects/pack") and \
        sorted(os.listdir(f"{path}/objects")) == ["info", "pack"]


def test_a_push_that_is_too_large_is_told_the_limit(quotas):
    """The limit is made smaller here; nothing of such a push is kept."""
    url, path, work, head = quotas
    with open(os.path.join(work.folder, "large"), "wb") as f:
        f.write(os.urandom(2 << 20))
    work.commit(text="large")
    assert work.git(f"--git-dir={path}", "config", "receive.maxInputSize").stdout.strip() == "16g"
    work.git(f"--git-dir={path}", "config", "receive.maxInputSize", "1m")
    done = work.git("push", "-q", url, "main", check=False)
    assert done.returncode and "A push may have 1 MiB; this one has 2" in done.stderr, done.stderr
    assert nothing_came(work, url, path)
    work.git("push", "-q", url, f"{head}:refs/heads/main")


def test_a_file_that_is_too_large_is_named(quotas):
    url, path, work, head = quotas
    assert work.git(f"--git-dir={path}", "config", "towpath.maxFileSize").stdout.strip() == "2g"
    work.git(f"--git-dir={path}", "config", "towpath.maxFileSize", "3000")
    os.makedirs(os.path.join(work.folder, "a folder"))
    lines = [os.urandom(15).hex() for _ in range(100)]
    work.commit("a folder/file", "\n".join(lines[:96]))
    work.git("push", "-q", url, "main:small")  # 2975 bytes
    large = work.commit("a folder/file", "\n".join(lines[:99]))
    blob = work.git("rev-parse", "HEAD:a folder/file").stdout.strip()
    work.git("rm", "-q", "-r", "a folder")
    work.commit("other", "the file is in the history alone")

    def refused(*what):
        done = work.git("push", *what, check=False)
        assert done.returncode and "an object is too large" in done.stderr, done.stderr
        assert f"remote: The file a folder/file (blob {blob}) has 3068 bytes; at most 3000 bytes are allowed" in done.stderr
        assert work.git("ls-remote", url, "refs/*").stdout.split()[1::2] == ["refs/heads/small"]
        assert work.git(f"--git-dir={path}", "cat-file", "-e", blob, check=False).returncode
        assert not [n for n in os.listdir(f"{path}/objects") if n.startswith("tmp")]
    refused(url, "main")
    refused(url, "main:one", f"{large}:refs/heads/two", f"{head}:refs/heads/three")
    # It may be small on its way: a difference to what is here.
    with open(os.path.join(work.folder, "pack"), "wb") as f:
        f.write(subprocess.run(["git", "pack-objects", "--stdout", "--revs", "--thin", "-q"], cwd=work.folder, env=work.env,
                               input=f"{large}\n^{large}~1\n".encode(), stdout=subprocess.PIPE, check=True).stdout)
    assert os.path.getsize(os.path.join(work.folder, "pack")) < 1000
    refused(url, f"{large}:refs/heads/two")


def test_a_file_beyond_the_limit(quotas):
    """Zeros are small on their way. TOWPATH_TEST_FILE_LIMIT_MB=2048 is the true limit."""
    url, path, work, head = quotas
    limit = int(os.environ.get("TOWPATH_TEST_FILE_LIMIT_MB", "64"))
    if limit != 2048:
        work.git(f"--git-dir={path}", "config", "towpath.maxFileSize", f"{limit}m")
    stream = subprocess.Popen(["git", "-c", "core.compression=1", "-c", "core.bigFileThreshold=1m", "fast-import",
                               "--quiet"], cwd=work.folder, env=work.env, stdin=subprocess.PIPE)
    zeros, size = bytes(1 << 20), (limit << 20) + 1
    stream.stdin.write(f"commit refs/heads/main\ncommitter T <t@example.com> 1700000000 +0000\ndata 1\nx\nfrom {head}\n"
                       f"M 100644 inline zeros\ndata {size}\n".encode())
    for at in range(0, size, len(zeros)):
        stream.stdin.write(zeros[:size - at])
    stream.stdin.write(b"\n")
    stream.stdin.close()
    assert stream.wait() == 0
    done = work.git("push", url, "main", check=False)
    assert done.returncode and "remote: The file zeros (blob " in done.stderr, done.stderr
    said = "2 GiB" if limit == 2048 else f"{limit} MiB"
    assert f"has {size} bytes; at most {said} are allowed; larger ones belong into Git LFS" in done.stderr, done.stderr
    assert nothing_came(work, url, path)


def test_a_push_from_a_shallow_clone(server, tmp_path):
    """What is behind the clone's end may be here, or not, but nothing of it may be missing."""
    server.client("codecommit").create_repository(repositoryName="deep")
    server.client("codecommit").create_repository(repositoryName="elsewhere")
    login = gitwork.git_login(server, "shallow")
    url, other = gitwork.url(server, login, "deep"), gitwork.url(server, login, "elsewhere")
    work = gitwork.Work(tmp_path / "w")
    work.git("init", "-q", "-b", "main")
    for i in range(4):
        work.commit(text=f"{i}")
    work.git("push", "-q", url, "main")
    clone = gitwork.Work(tmp_path / "c")
    clone.git("clone", "-q", "--depth=2", url, ".")
    head = clone.commit(text="on top")
    clone.git("push", "-q", "origin", "main")
    assert work.git("ls-remote", url, "refs/heads/main").stdout.split()[0] == head
    done = clone.git("push", other, "main", check=False)
    assert done.returncode and "shallow update not allowed" in done.stderr, done.stderr
    assert not work.git("ls-remote", other).stdout


def test_codecommit_addresses(server, tmp_path):
    """codecommit:// through the link named git-remote-codecommit."""
    server.client("codecommit").create_repository(repositoryName="grc")
    bin_folder, work = tmp_path / "bin", str(tmp_path / "w")
    os.makedirs(bin_folder)
    os.symlink(os.environ["TOWPATH"], bin_folder / "git-remote-codecommit")
    key = server.user("greta", {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"})
    with open(tmp_path / "credentials", "w", encoding="utf-8") as f:
        f.write(f"[g]\naws_access_key_id = {key[0]}\naws_secret_access_key = {key[1]}\n")
    env = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}

    def git(*argv, check=True):
        return server.run("git", *argv, env=env, check=check)
    git("clone", "-q", "codecommit://grc", work)
    git("-C", work, "symbolic-ref", "HEAD", "refs/heads/main")
    git("-C", work, "commit", "-q", "--allow-empty", "-m", "one")
    git("-C", work, "push", "-q", "origin", "main")
    assert gitwork.journal(server)[-1]["callerUserArn"].endswith(":root")
    git("-C", work, "push", "-q", f"codecommit::{server.region}://g@grc", "main:other")
    assert gitwork.journal(server)[-1]["callerUserArn"].endswith(":user/greta")
    assert "the server's region is" in git("ls-remote", "codecommit::mars-1://grc", check=False).stderr
    assert "no address" in git("ls-remote", "codecommit://a/b", check=False).stderr
    assert "the profile nobody" in git("ls-remote", "codecommit://nobody@grc", check=False).stderr
    session = server.client("sts", keys=key).get_session_token()["Credentials"]
    keys = (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert "refs/heads/other" in server.run("git", "ls-remote", "codecommit://grc", env=env, keys=keys).stdout
