"""Whatever firm refs reach stays byte for byte, whatever branches, times and rules there are; the rest is attested.

Histories are made of objects alone. Which commits lose what is worked out here once more, from sets of ancestors.
"""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs import ports
from mvcs.errors import ObjectMissing
from mvcs.objects.commit import Commit, Origin, Person
from mvcs.objects.editing import edit_tree
from mvcs.objects.hashing import COMMIT, TREE, Oid, blob_oid
from mvcs.objects.operation import Move
from mvcs.objects.tree import FILE, IS_BLOB, Entry
from mvcs.ops.collected import collected_commits
from mvcs.ops.fsck import fsck
from mvcs.ops.gc import gc
from mvcs.ports import FixedClock
from mvcs.refs.names import branch_key
from mvcs.repo.layout import Place
from mvcs.repo.repository import Repository
from mvcs.store import environment

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400 * 10**9
NOW = 20_000
TOML = 'model = "m"\n[retention]\n"runs/keep*" = "forever"\n"runs/*" = 10\n"exp/*" = 40\n'
DAYS = {"runs/1": 10, "runs/2": 10, "exp/1": 40, "exp/2": 40}
FIRM = ("main", "runs/keep", "tag")
NAMES = (*DAYS, *FIRM)
CONTENTS = [b"small", b"other", b"x" * 30_000, bytes(range(256)) * 2000, b"start"]

COMMITS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), max_size=2, unique=True),  # parents, counted back
        st.sampled_from([5, 20, 20, 50, 50]),  # age in days
        st.lists(st.integers(0, len(CONTENTS) - 1), min_size=1, max_size=2, unique=True),  # weights
        st.integers(0, len(CONTENTS) - 1),  # data: content that weights may have too
        st.one_of(st.none(), st.integers(0, 3)),  # the commit whose weights it started from, counted back
        st.sampled_from(["m", "m", "m", "m", "n"]),  # model
    ),
    min_size=2, max_size=9,
)


class Made:
    """A history as sets: what each commit needs, and what reaches it."""

    def __init__(self, repository: Repository, plan: list) -> None:
        self.oids: list[Oid] = []
        self.ancestors: list[set[int]] = []
        self.ages: list[int] = []
        self.weights: list[set[int]] = []
        self.starts: list[set[int]] = []
        self.data: list[int] = []
        self.models: list[str] = []
        self.generations: list[int] = []
        trees: list[Oid] = []
        with repository.store.batch() as batch:
            for number, (back, age, weights, data, start, model) in enumerate(plan):
                parents = sorted({number - 1 - step for step in back if number - 1 - step >= 0})
                edits = {b"weights/%d.pt" % index: content(batch, index) for index in weights}
                edits[b"weights/.mvcs/signature"] = entry(batch, signature(number))
                edits[b"data/a.csv"] = content(batch, data)
                edits[b"code/n.py"] = entry(batch, b"%d" % number)
                tree = edit_tree(lambda oid: batch.load(oid, TREE), None, edits)
                for _, payload in tree.nodes:
                    batch.put_object(TREE, payload)
                begun = number - 1 - start if start is not None and number - 1 - start >= 0 else None
                person = Person("A", "", (NOW - age) * DAY, 0)
                generation = 1 + max((self.generations[p] for p in parents), default=0)
                self.generations.append(generation)
                made = Commit(
                    model=model, tree=tree.oid, parents=tuple(self.oids[p] for p in parents), generation=generation,
                    author=person, committer=person, message=str(number),
                    origin=Origin(Oid(bytes(32)), "run", None if begun is None else trees[begun]),
                )
                self.oids.append(batch.put_object(COMMIT, made.encode()))
                trees.append(weights_tree(batch, tree.oid))
                self.ancestors.append({number}.union(*(self.ancestors[p] for p in parents)))
                self.ages.append(age)
                self.weights.append(set(weights))
                self.starts.append(set() if begun is None else self.weights[begun])
                self.data.append(data)
                self.models.append(model)
            batch.settle()
            with repository.store.write() as transaction:
                batch.finish(transaction)

    def expected(self, refs: dict[str, int]) -> tuple[set[int], set[int]]:
        """Returns (commits in full, commits that are there without weights)."""
        firm = set().union(*(self.ancestors[at] for name, at in refs.items() if name in FIRM))
        there = set().union(*(self.ancestors[at] for at in refs.values()))
        firm.update(*(self.ancestors[n] for n in there if self.models[n] == "n"))
        full, named = set(firm), set()
        for number in there - firm:
            longest = max(DAYS[name] for name, at in refs.items() if name in DAYS and number in self.ancestors[at])
            (named if self.ages[number] > longest else full).add(number)
        return full, named


def entry(batch, given: bytes) -> Entry:
    return Entry(b"", FILE, IS_BLOB, batch.put_bytes(given), len(given))


def content(batch, index: int) -> Entry:
    return entry(batch, CONTENTS[index])


def signature(number: int) -> bytes:
    return b"signature %d" % number


def weights_tree(batch, root: Oid) -> Oid:
    from mvcs.objects.editing import ingredient_trees

    return ingredient_trees(lambda oid: batch.load(oid, TREE), root)["weights"]


def is_whole(store, index: int) -> bool:
    try:
        return store.read_blob(blob_oid(CONTENTS[index])) == CONTENTS[index]
    except ObjectMissing:
        return False


PLACES = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 8), min_size=1)


@settings(max_examples=100, deadline=None)
@given(plan=COMMITS, places=PLACES, later=PLACES, between=st.booleans())
def test_firm_refs_keep_every_byte_and_what_goes_is_attested(plan, places, later, between):
    with tempfile.TemporaryDirectory() as folder:
        clock = FixedClock((NOW - 1000) * DAY)
        with open(f"{folder}/mvcs.toml", "w", encoding="utf-8") as file:
            file.write(TOML)
        repository = Repository.create(folder, clock=clock)
        repository.place = Place(repository.path, folder, folder)
        repository.config.set("gc.undo_days", "0", "repository")
        try:
            made = Made(repository, plan)
            refs = {name: at % len(plan) for name, at in places.items()}
            moves = [Move(key(name), None, made.oids[at]) for name, at in sorted(refs.items())]
            repository.publish(actor=("A", ""), command="x", moves=tuple(moves))
            clock.nanoseconds = NOW * DAY
            # Names that come later find all that is left; nothing else of them is lost.
            reachable = set().union(*(made.ancestors[at] for at in refs.values()))
            more = {name: at % len(plan) for name, at in later.items() if name not in refs and at % len(plan) in reachable}

            def name_more(point: str = "gc marked") -> None:
                if point == "gc marked":
                    ports.on_reached = lambda name: None
                    moves = tuple(Move(key(name), None, made.oids[at]) for name, at in sorted(more.items()))
                    repository.publish(actor=("A", ""), command="y", moves=moves)
                    clock.nanoseconds += 2  # the undo window is over

            if between:  # the two markings
                check(repository, made, {**refs, **more}, set(), name_more)
                return
            attested = check(repository, made, refs, set())
            name_more()
            assert fsck(repository).problems == []
            check(repository, made, {**refs, **more}, attested)
        finally:
            ports.on_reached = lambda name: None
            repository.close()
            for found in list(environment._registry.values()):
                found.close()
            environment._registry.clear()


def key(name: str) -> str:
    return "tags/m/v1" if name == "tag" else branch_key("m", name)


def check(
    repository: Repository, made: Made, refs: dict[str, int], attested: set[int], between: Callable[[str], None] | None = None
) -> set[int]:
    """Collects, compares with what was worked out, and returns which commits are attested now."""
    store = repository.store
    full, named = made.expected(refs)
    there = {index for index in range(len(CONTENTS)) if is_whole(store, index)}
    needed = {index for n in full for index in made.weights[n] | made.starts[n]}
    needed |= {made.data[n] for n in full | named}
    losing = {n for n in named if ((made.weights[n] | made.starts[n]) & there) - needed}
    planned = gc(repository, dry_run=True)
    if between is not None:
        ports.on_reached = between
    done = gc(repository, thorough=True)
    assert {loss.commit for loss in done.losses} == {made.oids[n] for n in losing}
    assert between is not None or planned.losses == done.losses
    assert {index for index in range(len(CONTENTS)) if is_whole(store, index)} == there & needed
    for number in full | named:
        commit = repository.commit(made.oids[number])
        assert json.loads(commit.message) == number
        assert store.read_blob(blob_oid(signature(number))) == signature(number)
    said = set(collected_commits(repository))
    assert said == {made.oids[n] for n in attested | losing}
    assert [problem.to_dict() for problem in fsck(repository).problems] == []
    assert gc(repository).collected == 0
    return attested | losing
