# SPDX-License-Identifier: Apache-2.0
"""`towpath run`: a local folder is built as the server would."""
import json
import os
import signal
import subprocess

import pytest

TOWPATH = os.environ.get("TOWPATH", "towpath")
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="builds need roots, which user 0 makes")


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    return folder


def run(app, *arguments, check=None, path=None, **more):
    env = dict(os.environ, TOWPATH_DATA=str(app.parent / "data"), PATH=path or os.environ["PATH"])
    done = subprocess.run([TOWPATH, "run", *arguments], cwd=app, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300, check=False, **more)
    if check is not None:
        assert done.returncode == check, done.stdout + done.stderr
    return done


def test_a_build_succeeds(app):
    (app / "buildspec.yml").write_text("""version: 0.2
env:
  variables: {GREETING: "hello"}
phases:
  build:
    commands:
      - echo $GREETING $NAME from $(cat input.txt)
      - mkdir out && echo result > out/a.txt
      - rm input.txt
artifacts:
  base-directory: out
  files: ['**/*']
""")
    (app / "input.txt").write_text("a file\n")
    done = run(app, "--env", "NAME=world", "--artifacts", "kept", check=0)
    assert "\nhello world from a file\n" in done.stdout
    assert done.stdout.endswith("Build SUCCEEDED\n")
    assert (app / "input.txt").exists() and not (app / "out").exists()
    assert (app / "kept" / "a.txt").read_text() == "result\n"
    assert os.listdir(app.parent / "data" / "local") == []


def test_a_build_fails(app):
    (app / "other.yml").write_text("version: 0.2\nphases: {build: {commands: ['exit 4']}}\n")
    done = run(app, "other.yml", check=1)
    assert "Reason: exit status 4" in done.stdout
    assert done.stdout.endswith("Build FAILED\n")


def test_json_is_for_programs(app):
    (app / "buildspec.yml").write_text(
        "version: 0.2\nenv: {exported-variables: [V]}\nphases: {build: {commands: ['V=7']}}\n")
    done = run(app, "--json", check=0)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[0]["kind"] == "started" and records[-1]["status"] == "SUCCEEDED"
    assert [r["variables"] for r in records if r["kind"] == "variables"] == [[{"name": "V", "value": "7"}]]
    assert "Entering phase BUILD" in done.stderr


def test_what_is_missing_is_named(app):
    assert "buildspec.yml" in run(app, check=1).stderr
    (app / "buildspec.yml").write_text("version: 0.2\nphases:\n  build:\n    commands:\n      - a: b\n")
    assert "buildspec.yml:5" in run(app, check=1).stderr
    (app / "buildspec.yml").write_text(
        "version: 0.2\nenv: {parameter-store: {P: /p}}\nphases: {build: {commands: ['echo $P']}}\n")
    done = run(app, check=1)
    assert "--env P=VALUE" in done.stderr
    done = run(app, "--env", "P=a-secret", check=0)
    assert "\n***\n" in done.stdout and "a-secret" not in done.stdout


def test_interrupting_ends_the_build(app):
    (app / "buildspec.yml").write_text("version: 0.2\nphases: {build: {commands: ['echo up; sleep 300']}}\n")
    env = dict(os.environ, TOWPATH_DATA=str(app.parent / "data"))
    p = subprocess.Popen([TOWPATH, "run"], cwd=app, env=env, stdout=subprocess.PIPE, text=True)
    for line in p.stdout:
        if line == "up\n":
            break
    p.send_signal(signal.SIGINT)
    rest = p.stdout.read()
    assert p.wait(180) == 1
    assert rest.endswith("Build STOPPED\n")


def registry_answers():
    try:
        done = subprocess.run(["npm", "view", "express@4.19.2", "version"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and b"4.19.2" in done.stdout


def test_node_18_from_the_registry(app):
    if not registry_answers():
        pytest.skip("the npm registry does not answer")
    (app / "package.json").write_text(json.dumps(
        {"name": "app", "version": "1.0.0", "private": True, "dependencies": {"express": "4.19.2"}}))
    subprocess.run(["npm", "install", "--package-lock-only"], cwd=app, check=True, stdout=subprocess.DEVNULL)
    (app / "buildspec.yml").write_text("""version: 0.2
phases:
  install:
    runtime-versions: {nodejs: 18}
    commands: [npm ci]
  build:
    commands:
      - node -e 'require("express")(); console.log("major", process.version.split(".")[0])'
""")
    done = run(app, check=0)
    assert "\nmajor v18\n" in done.stdout
    again = run(app, check=0)
    assert "Bringing" in done.stdout and "Bringing" not in again.stdout
    (app / "buildspec.yml").write_text(
        "version: 0.2\nphases: {install: {runtime-versions: {nodejs: 999}, commands: ['true']}}\n")
    done = run(app, check=1)
    assert "Unknown runtime version named '999' of nodejs" in done.stdout
    assert "18, " in done.stdout


def test_privileged_mode(app):
    (app / "buildspec.yml").write_text("""version: 0.2
phases:
  build:
    commands:
      - docker info --format 'driver {{.Driver}}'
      - touch here && docker ps -q
""")
    assert "\ndriver overlay2\n" in run(app, "--privileged", check=0).stdout
    assert not (app / "here").exists()
    done = run(app, "--privileged", check=1, path="/usr/bin:/bin")
    assert "needs the program dockerd" in done.stdout and "install the package docker.io" in done.stdout
