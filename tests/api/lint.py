# SPDX-License-Identifier: Apache-2.0
"""`towpath lint`: what it says about good and bad files, and its exit status."""
import json
import os
import subprocess

import pytest

TOWPATH = os.environ.get("TOWPATH", "towpath")
SOURCE = os.environ.get("TOWPATH_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
GOOD = "version: 0.2\nphases: {build: {commands: [make]}}\n"


def lint(*files):
    done = subprocess.run([TOWPATH, "lint", *map(str, files)], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def test_examples_are_fine():
    folder = os.path.join(SOURCE, "examples", "shop-api")
    status, said = lint(os.path.join(folder, "buildspec.yml"), os.path.join(folder, "appspec.yml"))
    assert status == 0 and "appspec, fine" in said
    # as the seed of the example has them
    assert "buildspec.yml:36:25: warning: **/* is not quoted" in said
    assert "'secondary-artifacts' belongs below 'artifacts'" in said and "with warnings" in said


@pytest.mark.parametrize("text, place, words", [
    ("version: 0.2\nphases:\n  build:\n   comands: [a]\n", "4:4", "unknown key 'comands'"),
    ("version: 0.2\nphases: {build: {commands: [a]}}\na: [\n", "", "f.yml:"),
    ("just: this\n", "1:1", "neither a buildspec"),
    ("version: 0.2\nphases: {build: {commands: [a]}}\nphases: {}\n", "3:1", "given twice"),
    ("version: 0.0\nos: linux\nfiles: nope\n", "3:", "files"),
])
def test_bad_files(tmp_path, text, place, words):
    path = tmp_path / "f.yml"
    path.write_text(text)
    status, said = lint(path)
    assert status == 1
    assert f"{path}:{place}" in said and words in said


def test_slips_warn(tmp_path):
    path = tmp_path / "f.yml"
    path.write_text(GOOD + "artifacts:\n  files: [Dockerfile, **/*]\n")
    status, said = lint(path)
    assert status == 0
    assert f"{path}:4:23: warning: **/* is not quoted" in said


def test_json(tmp_path):
    (tmp_path / "a.yml").write_text(GOOD + "artifacts:\n  files: [Dockerfile, **/*]\n")
    (tmp_path / "b.yml").write_text("just: \"this\"\n")
    status, said = lint("--json", tmp_path / "a.yml", tmp_path / "b.yml")
    good, bad = map(json.loads, said.splitlines())
    assert status == 1
    assert (good["file"], good["kind"], good["fine"]) == (str(tmp_path / "a.yml"), "buildspec", True)
    assert [(w["line"], w["column"]) for w in good["warnings"]] == [(4, 23)]
    assert not bad["fine"] and "neither a buildspec" in bad["error"] and bad["hint"]


def test_one_bad_of_two(tmp_path):
    (tmp_path / "a.yml").write_text(GOOD)
    status, said = lint(tmp_path / "a.yml", tmp_path / "missing.yml")
    assert status == 1 and "a.yml: buildspec, fine" in said and "missing.yml" in said


def test_pipelines(tmp_path):
    action = {"name": "A", "actionTypeId": {"category": "Source", "owner": "AWS", "provider": "CodeCommit",
                                            "version": "1"},
              "configuration": {"RepositoryName": "r", "BranchName": "main"},
              "outputArtifacts": [{"name": "S"}]}
    pipeline = {"name": "p", "roleArn": "arn:aws:iam::123456789012:role/p",
                "artifactStore": {"type": "S3", "location": "bucket"},
                "stages": [{"name": "Source", "actions": [action]}]}
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"pipeline": pipeline}))
    status, said = lint(path)
    assert status == 1 and "p.json: " in said and "stages" in said
    # Custom action types are known to the server alone.
    custom = {"name": "B", "actionTypeId": {"category": "Test", "owner": "Custom", "provider": "Lab", "version": "1"},
              "configuration": {"Bench": "b1"}, "inputArtifacts": [{"name": "S"}]}
    pipeline["stages"].append({"name": "Test", "actions": [custom]})
    path.write_text(json.dumps({"pipeline": pipeline}))
    assert lint(path)[0] == 0
