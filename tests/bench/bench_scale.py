"""Scale: 1,000 repositories, one of them with 100,000 commits and 10,000 references"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lib"))

COMMITS, REFS, REPOSITORIES = 100000, 10000, 1000
ROUNDS = 15


def run(bench):
    os.environ["TOWPATH"] = bench.towpath
    import hugegit
    import towpath
    towpath.TOWPATH = bench.towpath
    with tempfile.TemporaryDirectory(dir=bench.build) as folder:
        os.mkdir(os.path.join(folder, "data"))
        with towpath.Server(data=os.path.join(folder, "data")) as server:
            pair = hugegit.Pair(server, COMMITS, REFS, os.path.join(folder, "work"))
            few = pair.cost("GetRepository", "small", ROUNDS)
            for i in range(REPOSITORIES - 2):
                pair.cc.create_repository(repositoryName=f"repository-{i:04}")
            many = pair.cost("GetRepository", "small", ROUNDS)
            bench.row(f"GetRepository among {REPOSITORIES:,}, processor time", many, "ms", beside=f"among 2: {few:.3g} ms")
            pair.questions["list"] = lambda name: pair.cc.list_repositories()
            bench.row(f"ListRepositories, a page of {REPOSITORIES:,}", pair.time("list", "", ROUNDS), "ms",
                      beside=f"processor time {pair.cost('list', '', ROUNDS):.3g} ms")
            for question in list(pair.questions)[1:-1]:
                small, large = (pair.cost(question, name, ROUNDS) for name in ("small", "large"))
                bench.row(f"{question}, {COMMITS:,} commits", pair.time(question, "large", ROUNDS), "ms",
                          beside=f"processor time {large:.3g} ms; of 20 commits {small:.3g} ms")
