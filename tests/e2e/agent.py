# SPDX-License-Identifier: Apache-2.0
"""Deployments in place to real `towpath agent` processes."""
import glob
import io
import os
import pathlib
import signal
import subprocess
import tarfile

import pytest

from asking import eventually
from backends import free_ports
from hosts import Deployments, Host
from towpath import Server

SCRIPT = "#!/bin/sh\n"


def appspec(host, hooks="", files=None, more=""):
    files = files if files is not None else [("app", host.dest)]
    entries = "".join(f"  - source: {s}\n    destination: {d}\n" for s, d in files)
    return (f"version: 0.0\nos: linux\n{more}" + ("files:\n" + entries if files else "") +
            ("hooks:\n" + hooks if hooks else ""))


def hook(event, location="hook.sh", timeout=300, **more):
    extra = "".join(f"      {k}: {v}\n" for k, v in more.items())
    return f"  {event}:\n    - location: {location}\n      timeout: {timeout}\n{extra}"


@pytest.fixture
def host(server):
    h = Host(server, "host1")
    try:
        yield h.register().start()
    finally:
        h.close()


def held_script(host):
    """Notes its event in `order`, and ends when there is a file `go`."""
    return SCRIPT + (f"echo $LIFECYCLE_EVENT >> {host.dir}/order\n"
                     f"until [ -e {host.dir}/go ]; do sleep 0.05; done\necho $LIFECYCLE_EVENT >> {host.dir}/ended\n")


def lines_of(host, name):
    path = pathlib.Path(host.dir, name)
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def processes_of(deployment):
    """What still runs of its scripts."""
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as f:
                if f"DEPLOYMENT_ID={deployment}".encode() in f.read().split(b"\0"):
                    found.append(path)
        except OSError:
            pass  # it ended meanwhile
    return found


def test_hooks_and_files(server, host):
    d = Deployments(server)
    hooks = "".join(hook(e) for e in ("ApplicationStop", "BeforeInstall", "AfterInstall",
                                      "ApplicationStart", "ValidateService"))
    script = (SCRIPT + f'echo "$LIFECYCLE_EVENT $APPLICATION_NAME $DEPLOYMENT_GROUP_NAME '
              f'$DEPLOYMENT_ID $BUNDLE_BUCKET $BUNDLE_KEY" | tee -a {host.dir}/order\n')
    first = d.create({"appspec.yml": appspec(host, hooks), "app/a/b.txt": "one",
                      "app/run": ("x", 0o755), "hook.sh": script})
    assert d.finish(first)["status"] == "Succeeded"
    assert host.read("a/b.txt") == "one"
    assert os.stat(host.dest + "/run").st_mode & 0o777 == 0o755
    with open(host.dir + "/order", encoding="utf-8") as f:
        lines = f.read().splitlines()
    # the first deployment has no earlier revision to stop
    assert [line.split()[0] for line in lines] == [
        "BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"]
    assert lines[0] == f"BeforeInstall app group {first} revisions v.zip"
    assert "[stdout]ValidateService app group" in d.hook_log(first)

    # the next one stops with the old bundle's script, and takes the old files away
    second = d.create({"appspec.yml": appspec(host, hooks), "app/new.txt": "two",
                       "hook.sh": SCRIPT + f"echo new >> {host.dir}/order\n"}, key="v2.zip")
    assert d.finish(second)["status"] == "Succeeded"
    assert not os.path.exists(host.dest + "/a")
    assert host.read("new.txt") == "two"
    with open(host.dir + "/order", encoding="utf-8") as f:
        more = f.read().splitlines()[4:]
    assert more[0].startswith("ApplicationStop app group") and more[1:] == ["new"] * 4


def test_failing_hook(server, host):
    d = Deployments(server)
    files = {"appspec.yml": appspec(host, hook("ApplicationStart")), "app/x": "x",
             "hook.sh": SCRIPT + "echo out; echo why it failed >&2; exit 7\n"}
    info = d.finish(d.create(files))
    assert info["status"] == "Failed"
    assert info["errorInformation"]["code"] == "HEALTH_CONSTRAINTS"
    events = d.events(info["deploymentId"])
    diagnostics = events["ApplicationStart"]["diagnostics"]
    assert diagnostics["errorCode"] == "ScriptFailed"
    assert diagnostics["scriptName"] == "hook.sh"
    assert diagnostics["message"] == (
        "Script at specified location: hook.sh failed with exit code 7")
    assert "[stderr]why it failed" in diagnostics["logTail"]
    assert events["ValidateService"]["status"] == "Skipped"
    assert host.process.poll() is None


def test_missing_script_and_seeded_appspec(server, host):
    """Version 0.2 and onFailure are taken with a warning that names the line."""
    d = Deployments(server)
    text = appspec(host, hook("BeforeInstall", "nowhere.sh") +
                   hook("ValidateService", onFailure="AbortDeployment"))
    ok = text.replace("version: 0.0", "version: 0.2").replace("nowhere.sh", "hook.sh")
    info = d.finish(d.create({"appspec.yml": ok, "app/x": "x", "hook.sh": SCRIPT}))
    assert info["status"] == "Succeeded"
    log = d.hook_log(info["deploymentId"])
    assert "appspec.yml:1:" in log and "version: 0.0" in log and "onFailure" in log
    info = d.finish(d.create({"appspec.yml": text, "app/x": "x"}))
    diagnostics = d.events(info["deploymentId"])["BeforeInstall"]["diagnostics"]
    assert diagnostics["errorCode"] == "ScriptMissing"


def test_hook_that_never_ends(server, host):
    d = Deployments(server)
    script = SCRIPT + "sleep 1000 &\nwait\n"
    info = d.finish(d.create({"appspec.yml": appspec(host, hook("AfterInstall", timeout=2)),
                              "app/x": "x", "hook.sh": script}))
    assert info["status"] == "Failed"
    diagnostics = d.events(info["deploymentId"])["AfterInstall"]["diagnostics"]
    assert diagnostics["errorCode"] == "ScriptTimedOut"
    assert "failed to complete in 2 seconds" in diagnostics["message"]
    eventually(lambda: not processes_of(info["deploymentId"]), what="the script's child is not left behind")


def test_hook_that_leaves_its_output_open(server, host):
    d = Deployments(server)
    script = SCRIPT + "sleep 1000 &\n"
    info = d.finish(d.create({"appspec.yml": appspec(host, hook("AfterInstall", timeout=5)),
                              "app/x": "x", "hook.sh": script}))
    message = d.events(info["deploymentId"])["AfterInstall"]["diagnostics"]["message"]
    assert info["status"] == "Failed" and "failed to close STDOUT" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run as somebody else")
def test_runas(server, host):
    d = Deployments(server)
    os.chmod(host.dir, 0o755)
    info = d.finish(d.create({
        "appspec.yml": appspec(host, hook("AfterInstall", runas="nobody")), "app/x": "x",
        "hook.sh": (SCRIPT + "id -un; echo $LIFECYCLE_EVENT\n", 0o755)}))
    assert info["status"] == "Succeeded", d.events(info["deploymentId"])
    log = d.hook_log(info["deploymentId"])
    assert "[stdout]nobody" in log and "[stdout]AfterInstall" in log


def test_existing_file_and_permissions(server, host):
    d = Deployments(server)
    os.makedirs(host.dest)
    with open(host.dest + "/x", "w", encoding="utf-8") as f:
        f.write("mine")
    more = f"permissions:\n  - object: {host.dest}\n    mode: 600\n    type: [file]\n"
    files = {"appspec.yml": appspec(host, more=more), "app/x": "theirs"}
    info = d.finish(d.create(files))
    message = d.events(info["deploymentId"])["Install"]["diagnostics"]["message"]
    assert message == ("The deployment failed because a specified file already exists at this "
                       f"location: {host.dest}/x")
    assert host.read("x") == "mine"
    info = d.finish(d.create(files, fileExistsBehavior="OVERWRITE"))
    assert info["status"] == "Succeeded" and host.read("x") == "theirs"
    assert os.stat(host.dest + "/x").st_mode & 0o777 == 0o600


def traversal_archive(host):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, host.dir
        t.addfile(link)
        evil = tarfile.TarInfo("out/evil")
        evil.size = 4
        t.addfile(evil, io.BytesIO(b"evil"))
    return out.getvalue()


def test_archive_that_leads_out(server, host):
    d = Deployments(server)
    info = d.finish(d.create({}, key="v.tgz", kind="tgz", body=traversal_archive(host)))
    assert info["status"] == "Failed"
    assert d.events(info["deploymentId"])["DownloadBundle"]["status"] == "Failed"
    assert not os.path.exists(host.dir + "/evil")
    info = d.finish(d.create({"appspec.yml": appspec(host, files=[("../../..", host.dest)])}))
    assert "leads out" in d.events(info["deploymentId"])["Install"]["diagnostics"]["message"]


def test_damaged_bundle_and_spec(server, host):
    d = Deployments(server)
    info = d.finish(d.create({}, body=b"this is no archive"))
    assert d.events(info["deploymentId"])["DownloadBundle"]["status"] == "Failed"
    info = d.finish(d.create({"appspec.yml": "version: 0.0\nos: plan9\n"}))
    message = d.events(info["deploymentId"])["BeforeInstall"]["diagnostics"]["message"]
    assert "appspec.yml:2" in message and "unsupported operating system (plan9)" in message


@pytest.fixture
def server_at_a_port():
    """It comes back where the agent asks for it."""
    with Server("--port", str(free_ports(1)[0])) as s:
        yield s


def test_server_killed_in_the_middle(server_at_a_port):
    server, host = server_at_a_port, Host(server_at_a_port, "host1")
    try:
        host.register().start()
        d = Deployments(server)
        deployment = d.create({
            "appspec.yml": appspec(host, hook("AfterInstall") + hook("ApplicationStart")),
            "app/x": "x", "hook.sh": held_script(host)})
        eventually(lambda: lines_of(host, "order") == ["AfterInstall"], what="the script runs")
        server.kill9()
        before = host.log().count("asking again")
        pathlib.Path(host.dir, "go").touch()
        eventually(lambda: lines_of(host, "ended") == ["AfterInstall"] and host.log().count("asking again") > before,
                   what="the script ends while nobody listens")
        server.start()
        assert d.finish(deployment)["status"] == "Succeeded", host.log()
        assert lines_of(host, "order") == lines_of(host, "ended") == ["AfterInstall", "ApplicationStart"]
    finally:
        host.close()


def test_agent_killed_in_the_middle(server, host):
    d = Deployments(server)
    deployment = d.create({"appspec.yml": appspec(host, hook("AfterInstall")), "app/x": "x",
                           "hook.sh": held_script(host)})
    eventually(lambda: lines_of(host, "order"), what="the script runs")
    host.kill9()
    host.start()
    info = d.finish(deployment)
    assert info["status"] == "Failed"
    diagnostics = d.events(deployment)["AfterInstall"]["diagnostics"]
    assert diagnostics["errorCode"] == "UnknownError"
    assert "after an agent restart" in diagnostics["message"]
    assert lines_of(host, "order") == ["AfterInstall"]


def test_term_waits_for_the_script(server, host):
    d = Deployments(server)
    deployment = d.create({"appspec.yml": appspec(host, hook("AfterInstall")), "app/x": "x",
                           "hook.sh": held_script(host)})
    eventually(lambda: lines_of(host, "order"), what="the script runs")
    host.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        host.process.wait(1)
    pathlib.Path(host.dir, "go").touch()
    assert host.process.wait(120) == 0  # not told a second time, which would end it at once
    assert d.events(deployment)["AfterInstall"]["status"] == "Succeeded"
    host.start()
    assert d.finish(deployment)["status"] == "Succeeded"


def test_big_log_is_kept_whole(server, host):
    d = Deployments(server)
    script = SCRIPT + "seq 1 200000\nexit 1\n"
    info = d.finish(d.create({"appspec.yml": appspec(host, hook("AfterInstall")), "app/x": "x",
                              "hook.sh": script}))
    log = d.hook_log(info["deploymentId"]).splitlines()
    numbers = [line.rsplit("]", 1)[1] for line in log if "[stdout]" in line]
    assert numbers == [str(n) for n in range(1, 200001)]
    tail = d.events(info["deploymentId"])["AfterInstall"]["diagnostics"]["logTail"]
    assert len(tail) < 2048 and tail.endswith("[stdout]200000\n")


def test_stranger_gets_nothing(server, host):
    """A host's keys poll for that host alone; other users need a policy."""
    other = Host(server, "host2").register()
    try:
        other.arn = host.arn
        other.start()
        eventually(lambda: "is not the host" in other.log(), what="it is refused")
    finally:
        other.close()


def test_wrong_configuration_says_what_is_missing(tmp_path):
    towpath = os.environ["TOWPATH"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    done = subprocess.run([towpath, "agent", "--root", str(tmp_path)], env=env, check=False,
                          capture_output=True, text=True)
    assert done.returncode == 1 and "--endpoint" in done.stderr
