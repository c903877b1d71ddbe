"""Policies"""


def run(bench):
    n = bench.run_program("policy")
    bench.row("a request against 50 attached statements", n["usec"], "us", "20 us or less")
