#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a test program against a PostgreSQL server made for it: with_postgres.py PROGRAM [ARG...]

The server is Debian's, its data lives in a temporary folder, it listens on a socket there only. It
syncs nothing: no test cuts its power.
TOWPATH_TEST_DB in the program's environment is the URL of an empty database."""
import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

PATIENCE = "300"  # seconds for the server's start and end, on a busy machine


def as_postgres(args, check=True, **kwargs):
    """initdb and postgres refuse to run as root: Debian's package made a user for them."""
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    return subprocess.run(args, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, user=user and user.pw_uid,
                          group=user and user.pw_gid, extra_groups=[] if user else None, **kwargs)


def main():
    homes = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not homes:
        print("1..0 # SKIP PostgreSQL's server is not installed (package postgresql)")
        return 0
    tools = os.path.dirname(homes[-1])
    folder = tempfile.mkdtemp(prefix="towpath-pg-")
    data = os.path.join(folder, "data")
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        as_postgres([f"{tools}/initdb", "-D", data, "-U", "towpath", "--auth=trust", "-E", "UTF8", "--locale=C",
                     "--no-sync"], cwd="/")
        as_postgres([f"{tools}/pg_ctl", "-D", data, "-w", "-t", PATIENCE, "-l", f"{folder}/log", "start", "-o",
                     f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"], cwd="/")
        os.chmod(folder, 0o755)
        env = dict(os.environ, TOWPATH_TEST_DB=f"postgresql://towpath@/postgres?host={folder}")
        return subprocess.run(sys.argv[1:], env=env, check=False).returncode
    except subprocess.CalledProcessError as e:
        print("1..1\nnot ok 1 - a PostgreSQL server starts")
        print("# " + e.stdout.decode(errors="replace").replace("\n", "\n# "))
        return 0
    finally:
        if os.path.exists(os.path.join(data, "postmaster.pid")):
            as_postgres([f"{tools}/pg_ctl", "-D", data, "-m", "immediate", "-t", PATIENCE, "stop"], check=False, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)


sys.exit(main())
