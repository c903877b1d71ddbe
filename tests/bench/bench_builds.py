"""Builds"""
import tempfile

QUEUES = ((300, "that server: 117"), (1000, "91"), (10000, "19 at 4,000"))


def run(bench):
    with tempfile.TemporaryDirectory(dir=bench.build) as folder:
        n = bench.run_program("builds", folder, *(str(length) for length, _ in QUEUES))
    peer = "fastest CI server measured on this kind of machine, without isolation: 15 ms"
    bench.row("no-op build, StartBuild to SUCCEEDED, isolated and durable, median", n["noop_msec"], "ms",
              goal="10 ms or less", beside=f"best of 100: {n['noop_best_msec']} ms; {peer}")
    for length, beside in QUEUES:
        bench.row(f"no-op builds with {length:,} queued, two slots", n[f"queue{length}"], "/s",
                  goal="150 a second", beside=beside)
