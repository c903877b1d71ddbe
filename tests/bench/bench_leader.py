# SPDX-License-Identifier: Apache-2.0
"""Builds: roots, leaders, logs"""
import os
import tempfile


def run(bench):
    if os.geteuid() != 0:
        print("roots are made by user 0 only: skipped")
        return
    n = bench.run_program("sandbox")
    spawn = f"the same command without a root: {n['spawn_usec'] / 1000:.1f} ms"
    bench.row("an isolated root, made", n["create_usec"] / 1000, "ms", goal="2 ms or less", beside=spawn)
    bench.row("a command in it", n["run_usec"] / 1000, "ms", beside=spawn)
    with tempfile.TemporaryDirectory(dir=bench.build) as folder:
        n = bench.run_program("leader", folder)
    bench.row("a no-op build by a leader, launch to end", n["noop_usec"] / 1000, "ms")
    bench.row("log of one build", n["log_rate"], "MiB/s", goal="300 MB/s or more",
              beside=f"the same bytes through cat into a file: {n['floor_rate']:,.0f} MiB/s")
