# SPDX-License-Identifier: Apache-2.0
"""What happened, as a table, and the answers to the scenario's three questions."""
from shop import PIPELINE
from terminal import clock, cut, headline, paint, quote, say, width

KINDS = ("served", "5xx", "slow", "failed")
QUESTIONS = (
    ("codepipeline", "get-pipeline-state", "--name", PIPELINE,
     "--query", "stageStates[].[stageName,latestExecution.status]", "--output", "text"),
    ("codebuild", "batch-get-builds", "--ids", "{build}",
     "--query", "builds[].[id,buildStatus,currentPhase]", "--output", "text"),
    ("deploy", "list-deployments", "--application-name", "shop-api-app", "--query", "deployments", "--output", "text"),
)


def tally(counts, bad):
    """Sums by kind; what other than the bad version answers with 5xx counts as failed."""
    sums = dict.fromkeys(KINDS, 0)
    for _, version, kind, n in counts:
        sums["failed" if kind == "5xx" and version != bad else kind] += n
    return sums


def table(results, seconds):
    """Returns how many requests failed."""
    headline("=", "What happened")
    say(f"      {'scene':<54} {'took':>6} {'served':>7} {'5xx':>5} {'slow':>5} {'failed':>7}")
    failed = 0
    for number, r in enumerate(results, 1):
        sums = tally(r["counts"], r["version"] if r["bad"] else None)
        failed += sums["failed"]
        say(f"   {number:<2} {r['title']:<54} {clock(r['seconds']):>6} {sums['served']:>7} {sums['5xx']:>5}"
            f" {sums['slow']:>5} {sums['failed']:>7}")
        say("      " + paint("90", cut(r["outcome"], width() - 7)))
    say("   5xx and slow (over 2 s) are answers of the bad versions themselves until their traffic was back.")
    say(f"   All in {clock(seconds)}; requests failed otherwise: {failed}")
    return failed


def questions(server, build):
    """The scenario's three commands, by the aws CLI; True when all were answered."""
    headline("?", "The scenario's verification commands")
    answered = True
    for question in QUESTIONS:
        command = [word.format(build=build) for word in question]
        status, answer = server.cli(*command)
        say("   " + paint("1", cut(f"$ aws {' '.join(command[:4])}", width() - 4)))
        lines = answer.strip().splitlines()
        if len(lines) > 4:  # a table of few words: one line
            lines = [", ".join(" ".join(line.split()) for line in lines)]
        for line in lines:
            quote(line)
        answered = answered and status == 0
    return answered
