# SPDX-License-Identifier: Apache-2.0
"""What is asked decides what an answer costs, not how much else there is. Costs are processor time of the server's own
process in one run, of a large repository and of a small one, so the load of the machine has no say."""
import pytest

import hugegit

COMMITS, REFS = 1500, 4000
# Where the large one's cost grows with its number of references or commits, the ratio is 20 and more.
RATIO = 6


@pytest.fixture(scope="module")
def pair(shared_server, tmp_path_factory):
    return hugegit.Pair(shared_server, COMMITS, REFS, tmp_path_factory.mktemp("work"))


@pytest.mark.parametrize("question", [
    "GetRepository", "GetBranch", "GetCommit", "GetFile", "GetFolder", "GetDifferences of one change", "GetMergeOptions",
    "ls-remote of one branch", "fetch of nothing new"])
def test_an_answer_costs_what_it_tells(pair, question):
    small, large = (pair.cost(question, name, 3) for name in ("small", "large"))
    assert large < RATIO * small, f"{question}: {large:.2f} ms of the large one, {small:.2f} ms of the small one"


def test_pages_of_branches_are_all_of_them(pair):
    names, more = [], {}
    while True:
        page = pair.cc.list_branches(repositoryName="large", **more)
        names += page["branches"]
        assert len(page["branches"]) <= 1000
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    assert names == sorted(["main", *(f"b{i}" for i in range(REFS // 2))])


def test_a_list_of_repositories_finds_them_all(shared_server, pair):
    for i in range(20):
        pair.cc.create_repository(repositoryName=f"one-of-many-{i:03}")
    found = [r["repositoryName"] for r in pair.cc.list_repositories()["repositories"]]
    assert found == sorted(["small", "large", *(f"one-of-many-{i:03}" for i in range(20))])
