"""The durable core"""
import tempfile


def run(bench):
    with tempfile.TemporaryDirectory(dir=bench.build) as folder:
        n = bench.run_program("durable", folder)
    floor = f"one synced 4 KiB append a unit: {n['floor']:,.0f}/s"
    bench.row("steps by one writer, each synced", n["units1"], "/s", beside=floor)
    bench.row("steps by eight writers (group commit)", n["units8"], "/s", beside=floor)
    bench.row("tasks with a backlog of 300, two at a time", n["tasks300"], "/s", beside=floor)
    bench.row("tasks with a backlog of 10,000, two at a time", n["tasks10000"], "/s", beside=floor)
