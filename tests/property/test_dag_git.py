"""Merge bases, ancestry and ranges against git itself on random histories, also on criss-cross ones with wrong clocks."""

from __future__ import annotations

import random
import subprocess

import networkx as nx
import pytest

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.dag.graph import CommitGraph, topological
from mvcs.dag.walk import by_time, first_parents, only_in, reachable
from mvcs.errors import ObjectMissing
from mvcs.objects.hashing import Oid


class Memory:
    """History in memory, which notes what was looked at."""

    def __init__(self, rows: dict[Oid, tuple[int, int, tuple[Oid, ...]]]) -> None:
        self.rows = rows
        self.seen: set[Oid] = set()

    def row(self, oid: Oid):
        self.seen.add(oid)
        if oid not in self.rows:
            raise ObjectMissing(oid=oid.hex(), kind="commit")
        return self.rows[oid]


def oid(number: int) -> Oid:
    return Oid(number.to_bytes(32, "big"))


def random_dag(seed: int, size: int, *, roots: float = 0.05, merges: float = 0.4, near: int = 8) -> list[tuple[list[int], int]]:
    """Returns (parents, time) of each commit; times jump about."""
    chance = random.Random(seed)
    made: list[tuple[list[int], int]] = []
    for number in range(size):
        parents: list[int] = []
        if number and chance.random() >= roots:
            recent = range(max(0, number - near), number)
            count = 1 if chance.random() >= merges else chance.choice((2, 2, 2, 3))
            parents = chance.sample(recent, min(count, len(recent)))
        made.append((parents, 1_700_000_000 + chance.randrange(100_000)))
    return made


def history_of(dag) -> Memory:
    rows: dict[Oid, tuple[int, int, tuple[Oid, ...]]] = {}
    for number, (parents, time) in enumerate(dag):
        generation = 1 + max((rows[oid(parent)][0] for parent in parents), default=0)
        rows[oid(number)] = (generation, time * 10**9, tuple(oid(parent) for parent in parents))
    return Memory(rows)


class GitHistory:
    """The same history in git, made by one fast-import."""

    def __init__(self, folder, dag) -> None:
        self.folder = folder
        self.git("init", "-q", "--bare", ".")
        lines = []
        for number, (parents, time) in enumerate(dag):
            lines += [f"commit refs/heads/c{number}", f"mark :{number + 1}", f"committer A <a@x> {time} +0000", "data 1", f"{number % 10}"]
            lines += [f"{'from' if index == 0 else 'merge'} :{parent + 1}" for index, parent in enumerate(parents)]
            if not parents:
                lines.append(f"M 644 inline f{number}\ndata 1\nx")
            lines.append("")
        marks = folder / "marks"
        subprocess.run(["git", "fast-import", "--quiet", f"--export-marks={marks}"], cwd=folder, input="\n".join(lines), text=True, check=True, capture_output=True)
        self.sha = {}
        for line in marks.read_text().splitlines():
            mark, sha = line.split()
            self.sha[int(mark[1:]) - 1] = sha
        self.number = {sha: number for number, sha in self.sha.items()}

    def git(self, *words: str) -> list[str]:
        done = subprocess.run(["git", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode in {0, 1}, done.stderr
        return done.stdout.split()

    def numbers(self, *words: str) -> set[int]:
        return {self.number[sha] for sha in self.git(*words)}


SHAPES = {
    "few merges": {"merges": 0.2, "roots": 0.02}, "many merges": {"merges": 0.7, "near": 5}, "forests": {"roots": 0.3, "merges": 0.5}, "wide": {"near": 40, "merges": 0.5},
    "a ladder of criss-crosses": None,
}


def criss_cross(size: int) -> list[tuple[list[int], int]]:
    made = [([], 1_700_000_000), ([0], 5), ([0], 6)]
    while len(made) < size:
        left, right = len(made) - 2, len(made) - 1
        made += [([left, right], 1_700_000_000 - len(made)), ([right, left], len(made))]
    return made


@pytest.mark.parametrize("clocks", ["right", "wrong"])
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("shape", SHAPES)
def test_bases_ancestors_and_ranges_are_git_s(tmp_path, shape, seed, clocks):
    """With wrong clocks git's own rev-list errs, since it walks by date; its merge-base does not."""
    size = 60
    dag = criss_cross(size) if SHAPES[shape] is None else random_dag(seed, size, **SHAPES[shape])
    if clocks == "right":
        dag = [(parents, 1_700_000_000 + number) for number, (parents, _) in enumerate(dag)]
    history, git = history_of(dag), GitHistory(tmp_path, dag)
    chance = random.Random(seed)
    pairs = [(chance.randrange(size), chance.randrange(size)) for _ in range(12)] + [(size - 1, size - 2), (0, size - 1), (5, 5)]
    for a, b in pairs:
        expected = git.numbers("merge-base", "--all", git.sha[a], git.sha[b])
        found = merge_bases(history, oid(a), oid(b))
        assert found == sorted(oid(number) for number in expected), (a, b)
        assert merge_bases(history, oid(b), oid(a)) == found
        done = subprocess.run(["git", "merge-base", "--is-ancestor", git.sha[a], git.sha[b]], cwd=tmp_path, check=False)
        assert is_ancestor(history, oid(a), oid(b)) is (done.returncode == 0), (a, b)
        if clocks == "right":
            assert only_in(history, [oid(a)], [oid(b)]) == {oid(n) for n in git.numbers("rev-list", git.sha[a], f"^{git.sha[b]}")}
    many = [chance.randrange(size) for _ in range(4)]
    hidden = [chance.randrange(size) for _ in range(2)]
    if clocks == "right":
        expected = git.numbers("rev-list", *[git.sha[n] for n in many], *[f"^{git.sha[n]}" for n in hidden])
        assert only_in(history, map(oid, many), map(oid, hidden)) == {oid(n) for n in expected}
    assert set(reachable(history, map(oid, many))) == {oid(n) for n in git.numbers("rev-list", *[git.sha[n] for n in many])}
    assert list(first_parents(history, oid(size - 1))) == [oid(git.number[sha]) for sha in git.git("rev-list", "--first-parent", git.sha[size - 1])]


@pytest.mark.parametrize("seed", range(20))
def test_bases_are_the_maximal_common_ancestors(seed):
    """Against the definition, by networkx on the whole graph."""
    dag = random_dag(seed, 40, merges=0.6, near=6)
    history = history_of(dag)
    whole = nx.DiGraph((oid(number), oid(parent)) for number, (parents, _) in enumerate(dag) for parent in parents)
    whole.add_nodes_from(oid(number) for number in range(len(dag)))
    above = {node: nx.descendants(whole, node) | {node} for node in whole}
    for a in range(0, 40, 3):
        for b in range(0, 40, 7):
            common = above[oid(a)] & above[oid(b)]
            best = {node for node in common if not any(node in above[other] and node != other for other in common)}
            assert set(merge_bases(history, oid(a), oid(b))) == best
            assert is_ancestor(history, oid(a), oid(b)) is (oid(a) in above[oid(b)])
            assert only_in(history, [oid(a)], [oid(b)]) == above[oid(a)] - above[oid(b)]
            assert only_in(history, [oid(a), oid(39)], [oid(b), oid(3)]) == (above[oid(a)] | above[oid(39)]) - above[oid(b)] - above[oid(3)]


@pytest.mark.parametrize("seed", range(5))
def test_no_walk_shows_a_commit_before_all_its_children(seed):
    dag = random_dag(seed, 80)
    history = history_of(dag)
    tips = [oid(number) for number in range(70, 80)]
    order = list(by_time(history, tips))
    assert len(order) == len(set(order))
    place = {node: index for index, node in enumerate(order)}
    children: dict[Oid, list[Oid]] = {}
    for node in order:
        for parent in history.row(node)[2]:
            children.setdefault(parent, []).append(node)
    for node in order:
        assert node in tips or any(place[child] < place[node] for child in children[node])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_for_drawing_has_each_commit_before_its_parents(seed):
    history = history_of(random_dag(seed, 80))
    cut = CommitGraph(history).cut([oid(79), oid(78)])
    order = topological(cut, history)
    place = {node: index for index, node in enumerate(order)}
    assert set(order) == set(reachable(history, [oid(79), oid(78)]))
    for node in order:
        assert all(place[node] < place[parent] for parent in history.row(node)[2])
