# SPDX-License-Identifier: Apache-2.0
"""Merges of codecommit through boto3: options, conflicts, resolutions, the commits and branches they make."""
import base64
import uuid

import botocore.exceptions
import pytest
from asking import code_of as code

UNKNOWN = "0123456789012345678901234567890123456789"
BASE = "a\nb\nc\nd\ne\nf\ng\n"


def exception(call, **kwargs):
    return code(call, **kwargs).removesuffix("Exception")


@pytest.fixture
def cc(shared_server):
    return shared_server.client("codecommit", parameter_validation=False)


class Repo:
    """A repository with branches main and feature that start at one commit."""

    def __init__(self, cc, base):
        self.cc, self.name = cc, "m-" + uuid.uuid4().hex[:8]
        cc.create_repository(repositoryName=self.name)
        self.base = self.commit("main", base)
        cc.create_branch(repositoryName=self.name, branchName="feature", commitId=self.base)

    def tip(self, branch):
        return self.cc.get_branch(repositoryName=self.name, branchName=branch)["branch"]["commitId"]

    def commit(self, branch, files):
        """files: path -> text, None to delete, or (text, mode)."""
        more = {}
        try:
            more["parentCommitId"] = self.tip(branch)
        except botocore.exceptions.ClientError:
            pass
        put = [{"filePath": p, "fileContent": (t[0] if isinstance(t, tuple) else t).encode(),
                "fileMode": t[1] if isinstance(t, tuple) else "NORMAL"} for p, t in files.items() if t is not None]
        delete = [{"filePath": p} for p, t in files.items() if t is None]
        return self.cc.create_commit(repositoryName=self.name, branchName=branch, putFiles=put, deleteFiles=delete,
                                     **more)["commitId"]

    def read(self, path, commit="main"):
        return self.cc.get_file(repositoryName=self.name, filePath=path, commitSpecifier=commit)["fileContent"].decode()

    def sides(self, **more):
        return {"repositoryName": self.name, "sourceCommitSpecifier": "feature",
                "destinationCommitSpecifier": "main", **more}

    def parents(self, commit):
        return self.cc.get_commit(repositoryName=self.name, commitId=commit)["commit"]["parents"]


@pytest.fixture
def forward(cc):
    repo = Repo(cc, {"x": BASE})
    repo.commit("feature", {"x": BASE + "h\n"})
    return repo


@pytest.fixture
def apart(cc):
    """The same file, different lines."""
    repo = Repo(cc, {"x": BASE, "d/only": "1\n"})
    repo.commit("main", {"x": BASE.replace("a", "A")})
    repo.commit("feature", {"x": BASE.replace("g", "G"), "new": "n\n"})
    return repo


@pytest.fixture
def clash(cc):
    """The same line, and a file changed here and deleted there."""
    repo = Repo(cc, {"x": BASE, "gone": "1\n", "bin": "\0\1"})
    repo.commit("main", {"x": BASE.replace("c", "main"), "gone": "2\n"})
    repo.commit("feature", {"x": BASE.replace("a", "A").replace("c", "feature"), "gone": None})
    return repo


def test_options(cc, forward, apart, clash):
    got = cc.get_merge_options(**forward.sides())
    assert got["mergeOptions"] == ["FAST_FORWARD_MERGE", "SQUASH_MERGE", "THREE_WAY_MERGE"]
    assert got["sourceCommitId"] == forward.tip("feature")
    assert got["destinationCommitId"] == got["baseCommitId"] == forward.base
    assert cc.get_merge_options(**apart.sides())["mergeOptions"] == []
    assert cc.get_merge_options(**apart.sides(conflictDetailLevel="LINE_LEVEL"))["mergeOptions"] == [
        "SQUASH_MERGE", "THREE_WAY_MERGE"]
    assert cc.get_merge_options(**clash.sides(conflictDetailLevel="LINE_LEVEL"))["mergeOptions"] == []
    assert cc.get_merge_options(**clash.sides(conflictResolutionStrategy="ACCEPT_SOURCE"))["mergeOptions"] == [
        "SQUASH_MERGE", "THREE_WAY_MERGE"]


def test_requests_are_checked(cc, apart):
    assert exception(cc.get_merge_options, repositoryName=apart.name) == "CommitRequired"
    assert exception(cc.get_merge_options, **apart.sides(sourceCommitSpecifier=UNKNOWN)) == "CommitDoesNotExist"
    assert exception(cc.get_merge_options, **apart.sides(sourceCommitSpecifier="a^")) == "InvalidCommit"
    assert exception(cc.get_merge_options, **apart.sides(conflictDetailLevel="X")) == "InvalidConflictDetailLevel"
    assert exception(cc.get_merge_options,
                     **apart.sides(conflictResolutionStrategy="X")) == "InvalidConflictResolutionStrategy"
    assert exception(cc.get_merge_conflicts, **apart.sides()) == "MergeOptionRequired"
    assert exception(cc.get_merge_conflicts, **apart.sides(mergeOption="X")) == "InvalidMergeOption"
    assert exception(cc.get_merge_conflicts, **apart.sides(mergeOption="SQUASH_MERGE",
                                                           maxConflictFiles=0)) == "InvalidMaxConflictFiles"
    assert exception(cc.get_merge_conflicts, **apart.sides(mergeOption="SQUASH_MERGE",
                                                           nextToken="x")) == "InvalidContinuationToken"
    assert exception(cc.describe_merge_conflicts,
                     **apart.sides(mergeOption="SQUASH_MERGE")) == "PathRequired"
    assert exception(cc.describe_merge_conflicts,
                     **apart.sides(mergeOption="FAST_FORWARD_MERGE", filePath="x")) == "InvalidMergeOption"
    assert exception(cc.describe_merge_conflicts,
                     **apart.sides(mergeOption="SQUASH_MERGE", filePath="no")) == "FileDoesNotExist"
    assert exception(cc.batch_describe_merge_conflicts,
                     **apart.sides(mergeOption="SQUASH_MERGE", maxMergeHunks=-1)) == "InvalidMaxMergeHunks"
    assert exception(cc.create_unreferenced_merge_commit,
                     **apart.sides(mergeOption="FAST_FORWARD_MERGE")) == "InvalidMergeOption"
    assert exception(cc.merge_branches_by_squash, **apart.sides(authorName="n" * 5000)) == "NameLengthExceeded"


def test_conflicts(cc, apart, clash):
    got = cc.get_merge_conflicts(**apart.sides(mergeOption="THREE_WAY_MERGE"))
    assert got["mergeable"] is False
    assert [c["filePath"] for c in got["conflictMetadataList"]] == ["x"]
    got = cc.get_merge_conflicts(**apart.sides(mergeOption="THREE_WAY_MERGE", conflictDetailLevel="LINE_LEVEL"))
    assert got["mergeable"] is True and got["conflictMetadataList"] == []
    got = cc.get_merge_conflicts(**apart.sides(mergeOption="FAST_FORWARD_MERGE"))
    assert got["mergeable"] is False and got["conflictMetadataList"] == []
    line = clash.sides(mergeOption="THREE_WAY_MERGE", conflictDetailLevel="LINE_LEVEL")
    first = cc.get_merge_conflicts(maxConflictFiles=1, **line)
    then = cc.get_merge_conflicts(maxConflictFiles=1, nextToken=first["nextToken"], **line)
    assert "nextToken" not in then
    gone, x = first["conflictMetadataList"] + then["conflictMetadataList"]
    assert gone["filePath"] == "gone"
    assert gone["mergeOperations"] == {"source": "D", "destination": "M"}
    assert gone["objectTypes"] == {"base": "FILE", "destination": "FILE"}
    assert gone["fileSizes"] == {"base": 2, "destination": 2}
    assert gone["numberOfConflicts"] == 1 and gone["contentConflict"] is True
    assert x["filePath"] == "x"
    assert x["isBinaryFile"] == {"source": False, "destination": False, "base": False}
    assert x["fileModes"] == {"source": "NORMAL", "destination": "NORMAL", "base": "NORMAL"}
    assert x["numberOfConflicts"] == 1
    assert x["objectTypeConflict"] is False and x["fileModeConflict"] is False


def text(side):
    return base64.b64decode(side["hunkContent"]).decode()


def test_hunks(cc, clash):
    line = clash.sides(mergeOption="THREE_WAY_MERGE", conflictDetailLevel="LINE_LEVEL", filePath="x")
    got = cc.describe_merge_conflicts(**line)
    assert got["conflictMetadata"]["filePath"] == "x"
    apart, both = got["mergeHunks"]
    assert apart["isConflict"] is False and text(apart["source"]) == "A\n" and text(apart["destination"]) == "a\n"
    assert both["isConflict"] is True
    assert (text(both["base"]), text(both["source"]), text(both["destination"])) == ("c\n", "feature\n", "main\n")
    assert both["source"]["startLine"] == both["source"]["endLine"] == 2
    first = cc.describe_merge_conflicts(maxMergeHunks=1, **line)
    then = cc.describe_merge_conflicts(maxMergeHunks=1, nextToken=first["nextToken"], **line)
    assert first["mergeHunks"] + then["mergeHunks"] == got["mergeHunks"]
    whole, = cc.describe_merge_conflicts(**clash.sides(mergeOption="SQUASH_MERGE", filePath="x"))["mergeHunks"]
    assert whole["isConflict"] is True and text(whole["base"]) == BASE
    assert (whole["base"]["startLine"], whole["base"]["endLine"]) == (0, 6)
    got = cc.batch_describe_merge_conflicts(**clash.sides(mergeOption="SQUASH_MERGE", filePaths=["x", "no", "bin"]))
    assert [c["conflictMetadata"]["filePath"] for c in got["conflicts"]] == ["x", "bin"]
    assert got["conflicts"][1]["conflictMetadata"]["numberOfConflicts"] == 0
    assert got["errors"][0]["exceptionName"] == "FileDoesNotExistException"
    assert got["errors"][0]["filePath"] == "no"
    got = cc.batch_describe_merge_conflicts(**clash.sides(mergeOption="SQUASH_MERGE"))
    assert [c["conflictMetadata"]["filePath"] for c in got["conflicts"]] == ["gone", "x"]


def test_fast_forward(cc, forward, apart):
    assert exception(cc.merge_branches_by_fast_forward, **apart.sides()) == "ManualMergeRequired"
    tip = forward.tip("feature")
    got = cc.merge_branches_by_fast_forward(**forward.sides())
    assert got["commitId"] == tip == forward.tip("main")
    again = cc.merge_branches_by_fast_forward(**forward.sides())  # nothing is left to merge
    assert again == {**again, "commitId": tip}


def test_squash_and_three_way(cc, apart):
    main, feature = apart.tip("main"), apart.tip("feature")
    assert exception(cc.merge_branches_by_squash, **apart.sides()) == "ManualMergeRequired"
    assert "mergedCommitId" not in cc.get_merge_commit(**apart.sides())
    cc.create_branch(repositoryName=apart.name, branchName="target", commitId=main)
    got = cc.merge_branches_by_three_way(**apart.sides(conflictDetailLevel="LINE_LEVEL", targetBranch="target",
                                                       authorName="Ann", email="a@example.test"))
    assert apart.parents(got["commitId"]) == [main, feature]
    assert apart.tip("target") == got["commitId"] and apart.tip("main") == main
    assert apart.read("x", "target") == BASE.replace("a", "A").replace("g", "G")
    made = cc.get_commit(repositoryName=apart.name, commitId=got["commitId"])["commit"]
    assert made["message"] == "Merge branch 'feature' into target"
    assert (made["author"]["name"], made["author"]["email"]) == ("Ann", "a@example.test")
    assert made["treeId"] == got["treeId"]
    assert cc.get_merge_commit(**apart.sides())["mergedCommitId"] == got["commitId"]
    assert exception(cc.merge_branches_by_squash, **apart.sides(targetBranch="target")) == "InvalidTargetBranch"
    assert exception(cc.merge_branches_by_squash, **apart.sides(targetBranch="none")) == "BranchDoesNotExist"
    by_id = apart.sides(destinationCommitSpecifier=main, conflictDetailLevel="LINE_LEVEL", commitMessage="all of it")
    assert exception(cc.merge_branches_by_squash, **by_id) == "InvalidTargetBranch"
    got = cc.merge_branches_by_squash(targetBranch="main", **by_id)
    assert apart.parents(got["commitId"]) == [main]
    assert cc.get_commit(repositoryName=apart.name, commitId=apart.tip("main"))["commit"]["message"] == "all of it"


def test_unreferenced(cc, apart):
    main, feature = apart.tip("main"), apart.tip("feature")
    got = cc.create_unreferenced_merge_commit(**apart.sides(mergeOption="THREE_WAY_MERGE",
                                                            conflictResolutionStrategy="ACCEPT_SOURCE"))
    assert apart.parents(got["commitId"]) == [main, feature]
    assert apart.tip("main") == main
    assert apart.read("x", got["commitId"]) == BASE.replace("g", "G")
    assert cc.get_merge_commit(**apart.sides())["mergedCommitId"] == got["commitId"]


def test_a_binary_file_changed_here_and_made_a_program_there(cc):
    r = Repo(cc, {"x": "\0 1", "y": "\0 1"})
    r.commit("main", {"x": ("\0 1", "EXECUTABLE"), "y": "\0 2"})
    r.commit("feature", {"x": "\0 2", "y": ("\0 1", "EXECUTABLE")})
    sides = r.sides(mergeOption="THREE_WAY_MERGE", conflictDetailLevel="LINE_LEVEL")
    assert cc.get_merge_conflicts(**sides)["mergeable"]
    made = cc.create_unreferenced_merge_commit(**sides)["commitId"]
    for path in "x", "y":
        got = cc.get_file(repositoryName=r.name, filePath=path, commitSpecifier=made)
        assert (got["fileContent"], got["fileMode"]) == (b"\0 2", "EXECUTABLE")
    sides["conflictDetailLevel"] = "FILE_LEVEL"
    assert not cc.get_merge_conflicts(**sides)["mergeable"]


def test_strategies(cc, clash):
    made = {}
    for strategy in "ACCEPT_SOURCE", "ACCEPT_DESTINATION":
        for level in "FILE_LEVEL", "LINE_LEVEL":
            made[strategy, level] = cc.create_unreferenced_merge_commit(
                **clash.sides(mergeOption="SQUASH_MERGE", conflictResolutionStrategy=strategy,
                              conflictDetailLevel=level))["commitId"]
    source, destination = BASE.replace("a", "A").replace("c", "feature"), BASE.replace("c", "main")
    assert clash.read("x", made["ACCEPT_SOURCE", "FILE_LEVEL"]) == source
    assert clash.read("x", made["ACCEPT_DESTINATION", "FILE_LEVEL"]) == destination
    assert clash.read("x", made["ACCEPT_SOURCE", "LINE_LEVEL"]) == source
    assert clash.read("x", made["ACCEPT_DESTINATION", "LINE_LEVEL"]) == destination.replace("a", "A", 1)
    assert clash.read("gone", made["ACCEPT_DESTINATION", "LINE_LEVEL"]) == "2\n"
    assert code(cc.get_file, repositoryName=clash.name, filePath="gone",
                commitSpecifier=made["ACCEPT_SOURCE", "LINE_LEVEL"]) == "FileDoesNotExistException"


def test_resolutions(cc, clash):
    def merge(strategy="AUTOMERGE", **resolution):
        return clash.sides(conflictResolutionStrategy=strategy, conflictResolution=resolution)

    def fails(**resolution):
        return exception(cc.merge_branches_by_three_way, **merge(**resolution))

    keep = [{"filePath": "gone", "replacementType": "KEEP_DESTINATION"}]
    assert fails(strategy="NONE", replaceContents=keep) == "InvalidConflictResolution"
    assert fails(replaceContents=keep) == "ManualMergeRequired"
    assert fails(replaceContents=keep + keep) == "MultipleConflictResolutionEntries"
    assert fails(replaceContents=[{"filePath": "gone"}]) == "ReplacementTypeRequired"
    assert fails(replaceContents=[{"filePath": "x", "replacementType": "Y"}]) == "InvalidReplacementType"
    assert fails(replaceContents=[{"filePath": "x", "replacementType": "USE_NEW_CONTENT"}]
                 ) == "ReplacementContentRequired"
    assert fails(replaceContents=[{"filePath": "no", "replacementType": "KEEP_BASE"}]) == "InvalidConflictResolution"
    assert fails(deleteFiles=[{}]) == "PathRequired"
    assert fails(setFileModes=[{"filePath": "x", "fileMode": "EXECUTABLE"}]) == "InvalidConflictResolution"
    assert fails(setFileModes=[{"filePath": "bin"}]) == "FileModeRequired"
    got = cc.merge_branches_by_three_way(**merge(
        deleteFiles=[{"filePath": "gone"}], setFileModes=[{"filePath": "bin", "fileMode": "EXECUTABLE"}],
        replaceContents=[{"filePath": "x", "replacementType": "USE_NEW_CONTENT", "content": b"settled\n"}]))
    assert clash.read("x", got["commitId"]) == "settled\n"
    folder = cc.get_folder(repositoryName=clash.name, folderPath="/")
    assert {f["relativePath"]: f["fileMode"] for f in folder["files"]} == {"bin": "EXECUTABLE", "x": "NORMAL"}


def test_empty_folders_are_kept_on_request(cc):
    repo = Repo(cc, {"x": "1\n", "d/e/f": "1\n"})
    repo.commit("main", {"x": "2\n"})
    repo.commit("feature", {"d/e/f": None})
    keep = cc.create_unreferenced_merge_commit(mergeOption="SQUASH_MERGE", keepEmptyFolders=True, **repo.sides())
    drop = cc.create_unreferenced_merge_commit(mergeOption="SQUASH_MERGE", **repo.sides())
    assert repo.read("d/e/.gitkeep", keep["commitId"]) == ""
    assert code(cc.get_folder, repositoryName=repo.name, folderPath="d",
                commitSpecifier=drop["commitId"]) == "FolderDoesNotExistException"


def test_protected_branches(cc, forward, shared_server):
    """The recipe of the manual: the branch that a merge writes is named, also when it is the destination."""
    arn = cc.get_repository(repositoryName=forward.name)["repositoryMetadata"]["Arn"]
    keys = shared_server.user(
        "u-" + forward.name, {"Effect": "Allow", "Action": "codecommit:*", "Resource": arn},
        {"Effect": "Deny", "Action": "codecommit:MergeBranches*", "Resource": arn, "Condition": {
            "StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
            "Null": {"codecommit:References": "false"}}})
    user = shared_server.client("codecommit", keys=keys)
    assert code(user.merge_branches_by_fast_forward, **forward.sides()) == "AccessDeniedException"
    assert code(user.merge_branches_by_fast_forward,
                **forward.sides(destinationCommitSpecifier="HEAD")) == "AccessDeniedException"
    cc.create_branch(repositoryName=forward.name, branchName="other", commitId=forward.base)
    user.merge_branches_by_fast_forward(**forward.sides(destinationCommitSpecifier="other"))
