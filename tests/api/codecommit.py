# SPDX-License-Identifier: Apache-2.0
"""The operations of codecommit through boto3 and the aws CLI: answers, exceptions, their order,
permissions on repositories and references."""
import base64
import json
import urllib.error
import urllib.request
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest
from asking import code_of as code

ZERO = "0" * 40
UNKNOWN = "0123456789012345678901234567890123456789"


@pytest.fixture
def cc(shared_server):
    # the client must not stop what the server is to refuse
    return shared_server.client("codecommit", parameter_validation=False)


@pytest.fixture
def repo(cc):
    name = "r-" + uuid.uuid4().hex[:8]
    cc.create_repository(repositoryName=name)
    return name


def by_hand(server, operation, **request):
    """An operation that Debian's boto3 does not know yet: signed by hand."""
    signed = botocore.awsrequest.AWSRequest("POST", server.endpoint + "/", data=json.dumps(request), headers={
        "X-Amz-Target": "CodeCommit_20150413." + operation, "Content-Type": "application/x-amz-json-1.1"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(*server.keys()), "codecommit",
                            server.region).add_auth(signed)
    with urllib.request.urlopen(urllib.request.Request(
            signed.url, signed.data.encode(), dict(signed.headers), method="POST")) as answer:
        return json.load(answer)


def put(cc, repo, path, content, parent=None, branch="main", **more):
    if parent:
        more["parentCommitId"] = parent
    return cc.put_file(repositoryName=repo, branchName=branch, filePath=path, fileContent=content, **more)["commitId"]


# ---- repositories ----

def test_repository_life(cc, shared_server):
    made = cc.create_repository(repositoryName="shop-api", repositoryDescription="The shop's <b>API</b>",
                                tags={"team": "shop"})["repositoryMetadata"]
    assert made["Arn"] == f"arn:aws:codecommit:{shared_server.region}:{shared_server.account}:shop-api"
    assert made["cloneUrlHttp"] == shared_server.git_url("shop-api")
    assert made["cloneUrlSsh"] == f"ssh://127.0.0.1/v1/repos/{made['repositoryName']}"
    assert "defaultBranch" not in made
    assert made["accountId"] == shared_server.account
    assert uuid.UUID(made["repositoryId"])
    got = cc.get_repository(repositoryName="shop-api")["repositoryMetadata"]
    assert got == made
    assert code(cc.create_repository, repositoryName="shop-api") == "RepositoryNameExistsException"
    cc.update_repository_description(repositoryName="shop-api", repositoryDescription="new")
    cc.update_repository_name(oldName="shop-api", newName="Shop.API_2")
    assert code(cc.get_repository, repositoryName="shop-api") == "RepositoryDoesNotExistException"
    got = cc.get_repository(repositoryName="Shop.API_2")["repositoryMetadata"]
    assert got["repositoryId"] == made["repositoryId"]
    assert got["repositoryDescription"] == "new"
    assert got["lastModifiedDate"] >= made["lastModifiedDate"]
    assert cc.delete_repository(repositoryName="Shop.API_2")["repositoryId"] == made["repositoryId"]
    assert "repositoryId" not in cc.delete_repository(repositoryName="Shop.API_2")


def test_keys(cc, repo, shared_server):
    def update(**request):
        return by_hand(shared_server, "UpdateRepositoryEncryptionKey", **request)

    made = cc.get_repository(repositoryName=repo)["repositoryMetadata"]
    got = update(repositoryName=repo, kmsKeyId="alias/one")
    assert (got["repositoryId"], got["kmsKeyId"]) == (made["repositoryId"], "alias/one")
    assert update(repositoryName=repo, kmsKeyId="two")["originalKmsKeyId"] == "alias/one"
    assert update(repositoryName=repo, kmsKeyId="three")["originalKmsKeyId"] == "two"
    with pytest.raises(urllib.error.HTTPError) as e:
        update(repositoryName="none", kmsKeyId="two")
    assert json.load(e.value)["__type"].endswith("RepositoryDoesNotExistException")


@pytest.mark.parametrize("name", ["a.git", "a b", "a/b", "a:b", "x" * 101, ".", ".."])
def test_repository_names(cc, name):
    assert code(cc.create_repository, repositoryName=name) == "InvalidRepositoryNameException"
    assert code(cc.get_repository, repositoryName=name) == "InvalidRepositoryNameException"


def test_required_members_have_their_own_exceptions(cc, repo):
    assert code(cc.get_repository) == "RepositoryNameRequiredException"
    assert code(cc.create_branch, repositoryName=repo) == "BranchNameRequiredException"
    assert code(cc.create_branch, repositoryName=repo, branchName="x") == "CommitIdRequiredException"
    assert code(cc.get_commit, repositoryName=repo) == "CommitIdRequiredException"
    assert code(cc.get_blob, repositoryName=repo) == "BlobIdRequiredException"
    assert code(cc.get_file, repositoryName=repo) == "PathRequiredException"
    assert code(cc.get_differences, repositoryName=repo) == "CommitRequiredException"
    assert code(cc.list_tags_for_resource) == "ResourceArnRequiredException"
    assert code(cc.batch_get_repositories) == "RepositoryNamesRequiredException"
    assert code(cc.batch_get_commits, repositoryName=repo) == "CommitIdsListRequiredException"


def test_lists_of_repositories(cc):
    names = [f"list-{i}" for i in range(3)]
    for name in names:
        cc.create_repository(repositoryName=name)
    cc.update_repository_description(repositoryName="list-0", repositoryDescription="touched last")
    listed = [r["repositoryName"] for r in cc.list_repositories()["repositories"]]
    assert listed == sorted(listed) and set(names) <= set(listed)
    listed = [r["repositoryName"] for r in
              cc.list_repositories(sortBy="lastModifiedDate", order="descending")["repositories"]]
    assert listed[0] == "list-0"
    assert code(cc.list_repositories, nextToken="nonsense") == "InvalidContinuationTokenException"
    assert code(cc.list_repositories, sortBy="size") == "InvalidSortByException"
    assert code(cc.list_repositories, order="up") == "InvalidOrderException"
    got = cc.batch_get_repositories(repositoryNames=["list-1", "none"])
    assert [r["repositoryName"] for r in got["repositories"]] == ["list-1"]
    assert got["repositoriesNotFound"] == ["none"]
    assert code(cc.batch_get_repositories,
                repositoryNames=["x"] * 101) == "MaximumRepositoryNamesExceededException"


def test_tags(cc, repo):
    arn = cc.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    cc.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    cc.tag_resource(resourceArn=arn, tags={"a": "3"})
    cc.untag_resource(resourceArn=arn, tagKeys=["b", "none"])
    assert cc.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "3"}
    assert code(cc.tag_resource, resourceArn=arn, tags={"aws:x": "1"}) == "InvalidSystemTagUsageException"
    assert code(cc.tag_resource, resourceArn=arn,
                tags={f"k{i}": "" for i in range(60)}) == "TooManyTagsException"
    assert code(cc.list_tags_for_resource, resourceArn="arn:aws:s3:::b") == "InvalidResourceArnException"
    assert code(cc.list_tags_for_resource, resourceArn=arn + "x") == "RepositoryDoesNotExistException"


# ---- branches ----

def test_branches(cc, repo):
    first = put(cc, repo, "a", b"1", branch="trunk")
    assert cc.get_repository(repositoryName=repo)["repositoryMetadata"]["defaultBranch"] == "trunk"
    cc.create_branch(repositoryName=repo, branchName="feature/x", commitId=first)
    assert cc.list_branches(repositoryName=repo)["branches"] == ["feature/x", "trunk"]
    assert cc.get_branch(repositoryName=repo, branchName="feature/x")["branch"] == {
        "branchName": "feature/x", "commitId": first}
    assert code(cc.create_branch, repositoryName=repo, branchName="trunk",
                commitId=first) == "BranchNameExistsException"
    assert code(cc.create_branch, repositoryName=repo, branchName="y",
                commitId=UNKNOWN) == "CommitDoesNotExistException"
    assert code(cc.create_branch, repositoryName=repo, branchName="y",
                commitId="1234") == "InvalidCommitIdException"
    for name in ["a..b", "@", "b" * 256, "a/" + "b" * 251]:
        assert code(cc.create_branch, repositoryName=repo, branchName=name,
                    commitId=first) == "InvalidBranchNameException", name
    cc.create_branch(repositoryName=repo, branchName="b" * 250, commitId=first)
    cc.delete_branch(repositoryName=repo, branchName="b" * 250)
    assert code(cc.get_branch, repositoryName=repo, branchName="none") == "BranchDoesNotExistException"
    assert code(cc.delete_branch, repositoryName=repo,
                branchName="trunk") == "DefaultBranchCannotBeDeletedException"
    assert code(cc.update_default_branch, repositoryName=repo,
                defaultBranchName="none") == "BranchDoesNotExistException"
    cc.update_default_branch(repositoryName=repo, defaultBranchName="feature/x")
    assert cc.delete_branch(repositoryName=repo, branchName="trunk")["deletedBranch"]["commitId"] == first
    assert "deletedBranch" not in cc.delete_branch(repositoryName=repo, branchName="trunk")


# ---- files and commits ----

def test_put_file(cc, repo, shared_server):
    first = put(cc, repo, "src/a.txt", b"1", name="Ann", email="a@b", commitMessage="first")
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="b",
                fileContent=b"1") == "ParentCommitIdRequiredException"
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="src/a.txt", fileContent=b"1",
                parentCommitId=first) == "SameFileContentException"
    assert code(cc.put_file, repositoryName=repo, branchName="dev", filePath="b", fileContent=b"1",
                parentCommitId=first) == "BranchDoesNotExistException"
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="b", fileContent=b"",
                parentCommitId=first) == "FileContentRequiredException"
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="src", fileContent=b"1",
                parentCommitId=first) == "FileNameConflictsWithDirectoryNameException"
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="src/a.txt/b", fileContent=b"1",
                parentCommitId=first) == "DirectoryNameConflictsWithFileNameException"
    for path in ["/a", "a/", "a//b", "../a", "a/./b", ".git/config", "a/.GIT/x", "GIT~1", "a/.git .", ".g\u200cit",
                 "d/" * 21 + "f"]:
        assert code(cc.put_file, repositoryName=repo, branchName="main", filePath=path, fileContent=b"1",
                    parentCommitId=first) == "InvalidPathException", path
    second = put(cc, repo, "src/a.txt", b"\x00binary", first, fileMode="EXECUTABLE")
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="b", fileContent=b"1",
                parentCommitId=first) == "ParentCommitIdOutdatedException"
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="b", fileContent=b"1",
                parentCommitId=second, fileMode="ODD") == "InvalidFileModeException"
    got = cc.get_file(repositoryName=repo, filePath="src/a.txt")
    assert (got["fileContent"], got["fileMode"], got["fileSize"], got["commitId"]) == (
        b"\x00binary", "EXECUTABLE", 7, second)
    old = cc.get_commit(repositoryName=repo, commitId=first)["commit"]
    assert old["author"]["name"] == "Ann" and old["author"]["email"] == "a@b"
    assert old["message"] == "first" and old["parents"] == []
    new = cc.get_commit(repositoryName=repo, commitId=second)["commit"]
    assert new["parents"] == [first] and new["committer"]["name"].startswith("arn:aws:iam::")
    assert new["author"]["date"].split()[1] == "+0000"


def test_delete_file(cc, repo):
    first = put(cc, repo, "d/a", b"1")
    assert code(cc.delete_file, repositoryName=repo, branchName="main", filePath="none",
                parentCommitId=first) == "FileDoesNotExistException"
    assert code(cc.delete_file, repositoryName=repo, branchName="main",
                filePath="d/a") == "ParentCommitIdRequiredException"
    gone = cc.delete_file(repositoryName=repo, branchName="main", filePath="d/a", parentCommitId=first,
                          keepEmptyFolders=True)
    assert gone["filePath"] == "d/a"
    kept = cc.get_folder(repositoryName=repo, folderPath="d")["files"]
    assert [f["relativePath"] for f in kept] == [".gitkeep"]


def test_create_commit(cc, repo):
    made = cc.create_commit(repositoryName=repo, branchName="main", authorName="Ann", commitMessage="one",
                            putFiles=[{"filePath": "a", "fileContent": b"1"},
                                      {"filePath": "d/b", "fileContent": b"2", "fileMode": "EXECUTABLE"},
                                      {"filePath": "d/c", "fileContent": b"3"}])
    assert [f["absolutePath"] for f in made["filesAdded"]] == ["a", "d/b", "d/c"]
    assert made["filesUpdated"] == [] and made["filesDeleted"] == []
    args = {"repositoryName": repo, "branchName": "main", "parentCommitId": made["commitId"]}
    again = cc.create_commit(putFiles=[{"filePath": "moved", "sourceFile": {"filePath": "a", "isMove": True}}],
                             deleteFiles=[{"filePath": "d/c"}],
                             setFileModes=[{"filePath": "d/b", "fileMode": "NORMAL"}], **args)
    assert [f["absolutePath"] for f in again["filesAdded"]] == ["moved"]
    assert sorted(f["absolutePath"] for f in again["filesDeleted"]) == ["a", "d/c"]
    assert [(f["absolutePath"], f["fileMode"]) for f in again["filesUpdated"]] == [("d/b", "NORMAL")]
    args["parentCommitId"] = again["commitId"]
    new = {"filePath": "n", "fileContent": b"x"}
    for expected, request in {
            "FileEntryRequiredException": {},
            "NoChangeException": {"setFileModes": [{"filePath": "d/b", "fileMode": "NORMAL"}]},
            "SamePathRequestException": {"putFiles": [new, new]},
            "PutFileEntryConflictException": {"putFiles": [new, {"filePath": "n/m", "fileContent": b"x"}]},
            "SourceFileOrContentRequiredException": {"putFiles": [{"filePath": "n"}]},
            "FileContentAndSourceFileSpecifiedException": {
                "putFiles": [dict(new, sourceFile={"filePath": "moved"})]},
            "FileDoesNotExistException": {"deleteFiles": [{"filePath": "none"}]},
            "MaximumFileEntriesExceededException": {
                "putFiles": [{"filePath": f"f{i}", "fileContent": b"x"} for i in range(101)]},
            "CommitMessageLengthExceededException": {"putFiles": [new], "commitMessage": "x" * 300000},
            "NameLengthExceededException": {"putFiles": [new], "authorName": "x" * 1025},
            "InvalidEmailException": {"putFiles": [new], "email": "x" * 257},
            "FileNameConflictsWithDirectoryNameException": {
                "putFiles": [{"filePath": "d", "fileContent": b"x"}]},
    }.items():
        assert code(cc.create_commit, **args, **request) == expected
    assert code(cc.create_commit, **dict(args, parentCommitId=made["commitId"]),
                putFiles=[new]) == "ParentCommitIdOutdatedException"
    assert code(cc.create_commit, **dict(args, parentCommitId=UNKNOWN),
                putFiles=[new]) == "ParentCommitDoesNotExistException"
    assert code(cc.create_commit, **dict(args, parentCommitId="x"),
                putFiles=[new]) == "InvalidParentCommitIdException"


def test_a_file_in_place_of_a_folder(cc, repo):
    first = cc.create_commit(repositoryName=repo, branchName="main", putFiles=[
        {"filePath": path, "fileContent": b"1"} for path in ["d/a", "d/e/b", "z"]])["commitId"]
    args = {"repositoryName": repo, "branchName": "main", "parentCommitId": first, "keepEmptyFolders": True,
            "putFiles": [{"filePath": "d", "fileContent": b"x"}]}
    assert code(cc.create_commit, deleteFiles=[{"filePath": "d/a"}],
                **args) == "FileNameConflictsWithDirectoryNameException"
    made = cc.create_commit(deleteFiles=[{"filePath": "d/a"}, {"filePath": "d/e/b"}], **args)
    assert [f["absolutePath"] for f in made["filesAdded"]] == ["d"] and made["filesUpdated"] == []
    assert sorted(f["absolutePath"] for f in made["filesDeleted"]) == ["d/a", "d/e/b"]
    root = cc.get_folder(repositoryName=repo, folderPath="/")
    assert [f["absolutePath"] for f in root["files"]] == ["d", "z"] and root["subFolders"] == []


def test_the_first_commit_has_no_parent(cc, repo):
    for parent, expected in [(UNKNOWN, "ParentCommitDoesNotExistException"),
                             ("x", "InvalidParentCommitIdException")]:
        assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="a", fileContent=b"1",
                    parentCommitId=parent) == expected
    put(cc, repo, "a", b"1", parentCommitId="")


def test_large_file_by_api(cc, repo):
    content = bytes(range(256)) * 20000  # 5 MB
    first = put(cc, repo, "big", content)
    assert cc.get_file(repositoryName=repo, filePath="big")["fileContent"] == content
    assert code(cc.put_file, repositoryName=repo, branchName="main", filePath="bigger",
                fileContent=b"x" * (6291456 + 1), parentCommitId=first) in (
        "FileContentSizeLimitExceededException", "413", "RequestEntityTooLargeException")


def test_reading(cc, repo):
    first = put(cc, repo, "README.md", b"hello")
    put(cc, repo, "src/deep/x", b"x", first)
    for specifier in [{}, {"commitSpecifier": "main"}, {"commitSpecifier": "refs/heads/main"},
                      {"commitSpecifier": "HEAD"}]:
        root = cc.get_folder(repositoryName=repo, folderPath="/", **specifier)
        assert root["folderPath"] == ""
        assert [f["absolutePath"] for f in root["files"]] == ["README.md"]
        assert [f["absolutePath"] for f in root["subFolders"]] == ["src"]
        assert root["symbolicLinks"] == [] and root["subModules"] == []
    blob = cc.get_folder(repositoryName=repo, folderPath="/", commitSpecifier=first)["files"][0]["blobId"]
    assert cc.get_blob(repositoryName=repo, blobId=blob)["content"] == b"hello"
    assert code(cc.get_blob, repositoryName=repo, blobId=UNKNOWN) == "BlobIdDoesNotExistException"
    assert code(cc.get_blob, repositoryName=repo, blobId="x") == "InvalidBlobIdException"
    assert code(cc.get_file, repositoryName=repo, filePath="src") == "FileDoesNotExistException"
    assert code(cc.get_folder, repositoryName=repo, folderPath="none") == "FolderDoesNotExistException"
    assert code(cc.get_commit, repositoryName=repo, commitId=UNKNOWN) == "CommitIdDoesNotExistException"
    assert code(cc.get_commit, repositoryName=repo, commitId=first[:8]) == "InvalidCommitIdException"
    for specifier, expected in [(first[:8], "CommitDoesNotExistException"), ("main~1", "InvalidCommitException")]:
        assert code(cc.get_file, repositoryName=repo, filePath="README.md",
                    commitSpecifier=specifier) == expected
    got = cc.batch_get_commits(repositoryName=repo, commitIds=[first, UNKNOWN, "x"])
    assert [c["commitId"] for c in got["commits"]] == [first]
    assert [e["errorCode"] for e in got["errors"]] == ["CommitDoesNotExistException", "InvalidCommitIdException"]
    assert code(cc.batch_get_commits, repositoryName=repo,
                commitIds=[first] * 101) == "CommitIdsLimitExceededException"


def test_differences(cc, repo):
    first = cc.create_commit(repositoryName=repo, branchName="main", putFiles=[
        {"filePath": f"d/f{i}", "fileContent": b"%d" % i} for i in range(5)])["commitId"]
    second = cc.create_commit(repositoryName=repo, branchName="main", parentCommitId=first,
                              putFiles=[{"filePath": "d/f0", "fileContent": b"changed"},
                                        {"filePath": "e", "fileContent": b"new"}],
                              deleteFiles=[{"filePath": "d/f1"}])["commitId"]
    got = cc.get_differences(repositoryName=repo, beforeCommitSpecifier=first, afterCommitSpecifier=second)
    assert [(d["changeType"], d.get("afterBlob", d.get("beforeBlob"))["path"]) for d in got["differences"]] == [
        ("M", "d/f0"), ("D", "d/f1"), ("A", "e")]
    assert got["differences"][0]["beforeBlob"]["mode"] == "100644"
    pages = cc.get_paginator("get_differences").paginate(
        repositoryName=repo, afterCommitSpecifier=first, PaginationConfig={"PageSize": 2})
    paths = [[d["afterBlob"]["path"] for d in p["differences"]] for p in pages]
    assert paths == [["d/f0", "d/f1"], ["d/f2", "d/f3"], ["d/f4"]]
    got = cc.get_differences(repositoryName=repo, beforeCommitSpecifier=first, afterCommitSpecifier=second,
                             beforePath="d/f0", afterPath="d/f0")
    assert len(got["differences"]) == 1
    assert code(cc.get_differences, repositoryName=repo, afterCommitSpecifier="main",
                afterPath="none") == "PathDoesNotExistException"
    assert code(cc.get_differences, repositoryName=repo, afterCommitSpecifier="none") == "CommitDoesNotExistException"
    assert code(cc.get_differences, repositoryName=repo, afterCommitSpecifier="main",
                MaxResults=0) == "InvalidMaxResultsException"
    assert code(cc.get_differences, repositoryName=repo, afterCommitSpecifier="main",
                NextToken="x") == "InvalidContinuationTokenException"


def test_history(shared_server, cc, repo):
    first = put(cc, repo, "old", b"some text\nof several lines\nthat stay\n")
    other = put(cc, repo, "other", b"x", first)
    moved = cc.create_commit(repositoryName=repo, branchName="main", parentCommitId=other, putFiles=[
        {"filePath": "new", "sourceFile": {"filePath": "old", "isMove": True}}])["commitId"]
    last = put(cc, repo, "new", b"some text\nof several lines\nthat changed\n", moved)
    dag = by_hand(shared_server, "ListFileCommitHistory", repositoryName=repo, filePath="new")["revisionDag"]
    assert [(v["commit"]["commitId"], v["path"]) for v in dag] == [(last, "new"), (moved, "new"), (first, "old")]
    assert [v["revisionChildren"] for v in dag] == [[], [last], [moved]]
    page = by_hand(shared_server, "ListFileCommitHistory", repositoryName=repo, filePath="new", maxResults=2)
    put(cc, repo, "new", b"and meanwhile\n", last)  # a page goes on where the one before ended
    rest = by_hand(shared_server, "ListFileCommitHistory", repositoryName=repo, filePath="new",
                   nextToken=page["nextToken"])
    assert page["revisionDag"] + rest["revisionDag"] == dag


# ---- the aws CLI ----

def test_cli(shared_server):
    shared_server.aws("codecommit", "create-repository", "--repository-name", "by-cli")
    made = shared_server.aws("codecommit", "put-file", "--repository-name", "by-cli", "--branch-name", "main",
                             "--file-path", "a", "--file-content", base64.b64encode(b"hi").decode())
    assert len(made["commitId"]) == 40
    got = shared_server.aws("codecommit", "get-repository", "--repository-name", "by-cli")
    assert got["repositoryMetadata"]["cloneUrlHttp"] == shared_server.git_url("by-cli")


# ---- permissions ----

def test_permissions(shared_server, cc, repo):
    first = put(cc, repo, "a", b"1")
    arn = cc.get_repository(repositoryName=repo)["repositoryMetadata"]["Arn"]
    keys = shared_server.user(
        "u-" + repo, {"Effect": "Allow", "Action": "codecommit:*", "Resource": arn},
        {"Effect": "Deny", "Action": ["codecommit:PutFile", "codecommit:DeleteBranch"], "Resource": arn,
         "Condition": {"StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
                       "Null": {"codecommit:References": "false"}}})
    mine = shared_server.client("codecommit", keys=keys)
    assert code(mine.get_repository, repositoryName="other") == "AccessDeniedException"
    assert code(mine.list_repositories) == "AccessDeniedException"
    assert code(mine.put_file, repositoryName=repo, branchName="main", filePath="b", fileContent=b"1",
                parentCommitId=first) == "AccessDeniedException"
    mine.create_branch(repositoryName=repo, branchName="dev", commitId=first)
    put(mine, repo, "b", b"1", first, branch="dev")
    mine.delete_branch(repositoryName=repo, branchName="dev")
    assert code(mine.delete_branch, repositoryName=repo, branchName="main") == "AccessDeniedException"
