# SPDX-License-Identifier: Apache-2.0
"""Git as people use it: the CLI's credential helper, git credentials of IAM users, protected
branches."""
import subprocess

import gitwork
import pytest


@pytest.fixture
def site(shared_server, request):
    name = "r-" + request.node.name.replace("_", "-")[:60]
    shared_server.client("codecommit").create_repository(repositoryName=name)
    return shared_server, name


def first_commit(work):
    work.git("init", "-q", "-b", "main")
    return work.commit(text="first")


def test_credential_helper(site, tmp_path):
    server, name = site
    server.run("git", "clone", "-q", server.git_url(name), str(tmp_path / "w"))
    work = str(tmp_path / "w")
    server.run("git", "-C", work, "symbolic-ref", "HEAD", "refs/heads/main")
    server.run("git", "-C", work, "commit", "-q", "--allow-empty", "-m", "one")
    server.run("git", "-C", work, "push", "-q", "origin", "main")
    head = server.run("git", "-C", work, "rev-parse", "HEAD").stdout.strip()
    got = server.client("codecommit").get_branch(repositoryName=name, branchName="main")["branch"]
    assert got["commitId"] == head
    event = gitwork.journal(server)[-1]
    assert event["repositoryName"] == name and event["event"] == "referenceCreated"
    assert event["callerUserArn"] == f"arn:aws:iam::{server.account}:root"


def test_helper_with_another_secret(site):
    server, name = site
    key_id, _ = server.keys()
    refused = server.run("git", "ls-remote", server.git_url(name), keys=(key_id, "x" * 40), check=False)
    assert refused.returncode and "403" in refused.stderr


def test_no_credentials(site, tmp_path):
    server, name = site
    refused = gitwork.Work(tmp_path).git("ls-remote", server.git_url(name), check=False)
    assert "could not read Username" in refused.stderr


def test_git_credentials(site, tmp_path):
    server, name = site
    login = gitwork.git_login(server, "carol")
    work = gitwork.Work(tmp_path / "w")
    first_commit(work)
    work.git("push", "-q", gitwork.url(server, login, name), "main")
    assert gitwork.journal(server)[-1]["callerUserArn"].endswith(":user/carol")
    wrong = login.replace("@", "x@")
    refused = work.git("ls-remote", gitwork.url(server, wrong, name), check=False)
    assert refused.returncode and "403" in refused.stderr


def test_unknown_repository_and_suffixes(site, tmp_path):
    server, name = site
    login = gitwork.git_login(server, "dave")
    work = gitwork.Work(tmp_path)
    for wrong in ("none", name + ".git"):
        refused = work.git("ls-remote", gitwork.url(server, login, wrong), check=False)
        assert refused.returncode and "not found" in refused.stderr


def protect(server, name):
    """The recipe for protected branches."""
    arn = f"arn:aws:codecommit:{server.region}:{server.account}:{name}"
    return ({"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["codecommit:GitPush", "codecommit:DeleteBranch", "codecommit:PutFile"],
             "Resource": arn,
             "Condition": {"StringEqualsIfExists": {"codecommit:References": ["refs/heads/main", "refs/heads/prod"]},
                           "Null": {"codecommit:References": "false"}}})


def test_protected_branch(site, tmp_path):
    server, name = site
    free = gitwork.git_login(server, "erin")
    bound = gitwork.git_login(server, "frank", *protect(server, name))
    work = gitwork.Work(tmp_path / "w")
    first_commit(work)
    work.git("push", "-q", gitwork.url(server, free, name), "main")
    work.commit(text="second")
    before = len(gitwork.journal(server))
    refused = work.git("push", gitwork.url(server, bound, name), "main", check=False)
    assert refused.returncode
    assert "[remote rejected] main -> main" in refused.stderr
    assert "not authorized to perform: codecommit:GitPush" in refused.stderr
    both = work.git("push", gitwork.url(server, bound, name), "main", "main:dev", check=False)
    assert "[remote rejected] main -> dev" in both.stderr
    assert len(gitwork.journal(server)) == before
    work.git("push", "-q", gitwork.url(server, bound, name), "main:dev")
    assert len(gitwork.journal(server)) == before + 1
    work.git("fetch", "-q", gitwork.url(server, bound, name), "main")


def test_deny_without_null_locks_everything(site, tmp_path):
    server, name = site
    login = gitwork.git_login(server, "gina", {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"},
                              {"Effect": "Deny", "Action": "codecommit:GitPush", "Resource": "*",
                               "Condition": {"StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]}}})
    work = gitwork.Work(tmp_path / "w")
    first_commit(work)
    refused = work.git("push", gitwork.url(server, login, name), "main:dev", check=False)
    assert refused.returncode and "403" in refused.stderr


def test_rename_and_delete(site, tmp_path):
    server, name = site
    login = gitwork.git_login(server, "hank")
    work = gitwork.Work(tmp_path / "w")
    first_commit(work)
    work.git("push", "-q", gitwork.url(server, login, name), "main")
    client = server.client("codecommit")
    client.update_repository_name(oldName=name, newName="renamed")
    assert work.git("ls-remote", gitwork.url(server, login, name), check=False).returncode
    assert "refs/heads/main" in work.git("ls-remote", gitwork.url(server, login, "renamed")).stdout
    client.delete_repository(repositoryName="renamed")
    assert work.git("ls-remote", gitwork.url(server, login, "renamed"), check=False).returncode


def test_many_references(site, tmp_path):
    server, name = site
    login = gitwork.git_login(server, "ivan")
    work = gitwork.Work(tmp_path / "w")
    commit = first_commit(work)
    refs = "".join(f"create refs/tags/t{i} {commit}\n" for i in range(4001))
    subprocess.run(["git", "update-ref", "--stdin"], input=refs, text=True, check=True, cwd=work.folder, env=work.env)
    refused = work.git("push", "-q", gitwork.url(server, login, name), "--tags", check=False)
    assert "Too many reference update commands" in refused.stderr
    assert not gitwork.journal(server) or gitwork.journal(server)[-1]["repositoryName"] != name
    work.git("push", "-q", gitwork.url(server, login, name), "refs/tags/t1*:refs/tags/t1*")
    tags = work.git("tag", "-l", "t1*").stdout.split()
    assert len(tags) == 1111
    assert sum(e["repositoryName"] == name for e in gitwork.journal(server)) == len(tags)
