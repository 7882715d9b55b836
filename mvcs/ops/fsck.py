"""fsck: every byte against its name, every name against what it stands for.

Weights that are absent are no damage where every commit that names them is attested `collected`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError, InvalidObject, MvcsError, StoreCorrupt
from mvcs.objects.editing import flatten
from mvcs.objects.hashing import COMMIT, OPERATION, TREE, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, IS_TREE, read_tree
from mvcs.ops.collected import collected_commits
from mvcs.ops.marking import Marker, find_roots
from mvcs.refs.ledger import check_chain
from mvcs.store.base import GRAPH, OBJECTS, RECIPES
from mvcs.store.verify import Problem, check_files, check_store, repair

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from mvcs.repo.repository import Repository


class Report(Record):
    """What fsck found.

    Args:
        problems: What is wrong.
        repaired: What was wrong and is mended.
        objects: Objects that are reachable.
    """

    __slots__ = ("objects", "problems", "repaired")

    def __init__(self, problems: list[Problem], repaired: list[Problem], objects: int) -> None:
        self.problems = problems
        self.repaired = repaired
        self.objects = objects

    def to_dict(self) -> dict[str, object]:
        """Returns the report as JSON carries it."""
        return {
            "problems": [problem.to_dict() for problem in self.problems],
            "repaired": [problem.to_dict() for problem in self.repaired], "objects": self.objects,
        }


def fsck(repository: Repository, *, repair_from: Repository | None = None) -> Report:
    """Checks everything.

    Args:
        repository: What to check.
        repair_from: Another repository to take good copies from.

    Raises:
        StoreCorrupt: If a file is so damaged that it cannot be opened.
    """
    files = check_files(repository.path)
    if any(problem.name == "meta" for problem in files):
        raise StoreCorrupt(path=f"{repository.path}/meta", reason=files[0].reason)
    problems = files + _check(repository)
    repaired: list[Problem] = []
    if repair_from is not None and problems:
        with repository.lock.exclusive():
            store, source = repository.store, repair_from.store
            repaired += [p for p in problems if p.oid is not None and repair(store, source, p.oid, p.kind)]
        problems = check_files(repository.path) + _check(repository)
    return Report(problems, repaired, _count(repository))


def _count(repository: Repository) -> int:
    try:
        return sum(1 for _ in repository.store.objects())
    except IntegrityError:  # a damaged recipe list, told already: which chunks are blobs of their own is not known
        with repository.store.read() as transaction:
            return transaction.count(OBJECTS) + transaction.count(RECIPES)


def _check(repository: Repository) -> list[Problem]:
    problems = list(check_store(repository.store, repository.progress))
    told = {problem.oid for problem in problems}
    excused: set[Oid] = set()

    def missing(kind: str, oid: Oid, source: str) -> None:
        if oid not in told and oid not in excused:
            told.add(oid)
            problems.append(Problem(kind, oid.hex(), f"missing, and {source} needs it", oid))

    marker = Marker(repository, missing, collected_commits(repository, tolerant=True).keys())
    roots = find_roots(repository, tolerant=True)
    store = repository.store
    remembered = [(oid, store.kind(oid)) for oid, _ in roots.remembered]
    marker.mark([(oid, kind) for oid, kind in roots.needed if kind != TREE])
    marker.mark([(oid, kind) for oid, kind in remembered if kind not in {TREE, None}])
    marker.mark([(oid, OPERATION) for oid in roots.operations], "the ledger")
    # What the files of a workspace held is no commit: weights that a collected commit names may be absent there too.
    absent = store.missing(marker.named)
    excused |= absent
    marker.mark([(oid, kind) for oid, kind in [*roots.needed, *remembered] if kind == TREE])
    try:
        with repository.store.read() as transaction:
            for error in check_chain(transaction):
                problems.append(Problem("ledger", str(error.fields["height"]), error.message))  # noqa: PERF401
    except IntegrityError as error:
        problems.append(Problem("ledger", "", error.message))
    problems += _check_commits(repository, marker.live, absent)
    return problems


def _check_sizes(repository: Repository, tree: Oid, sizes: dict[Oid, int], absent: AbstractSet[Oid]) -> int:
    """Returns the bytes below a folder, each size in it checked; one content with two sizes would have two oids."""
    if tree in sizes:
        return sizes[tree]
    total = 0
    for entry in read_tree(repository.load_tree, tree):
        if entry.kind == IS_TREE:
            size = _check_sizes(repository, entry.oid, sizes, absent)
        elif entry.kind == IS_BLOB:
            if entry.oid not in sizes:
                sizes[entry.oid] = entry.size if entry.oid in absent else repository.store.blob_size(entry.oid)
            size = sizes[entry.oid]
        else:
            size = entry.size  # of something that is kept elsewhere
        if size != entry.size:
            raise InvalidObject(kind=TREE, reason=f"{entry.name!r} says {entry.size} bytes and has {size}")
        total += size
    sizes[tree] = total
    return total


def _check_commits(repository: Repository, live: AbstractSet[Oid], absent: AbstractSet[Oid]) -> list[Problem]:
    problems = []
    with repository.store.read() as transaction:
        commits = [Oid(key) for key in transaction.keys(GRAPH)]
    seen_trees: set[Oid] = set()
    sizes: dict[Oid, int] = {}
    for oid in commits:
        if oid not in live:
            continue
        try:
            commit = repository.commit(oid)
            highest = max((repository.commit(parent).generation for parent in commit.parents), default=0)
            if commit.generation != highest + 1:
                reason = f"generation {commit.generation}, its parents make it {highest + 1}"
                problems.append(Problem(COMMIT, oid.hex(), reason))
            if commit.tree not in seen_trees:
                seen_trees.add(commit.tree)
                flatten(repository.load_tree, commit.tree)
                _check_sizes(repository, commit.tree, sizes, absent)
        except MvcsError as error:
            problems.append(Problem(COMMIT, oid.hex(), error.message))
        except RecursionError:
            problems.append(Problem(COMMIT, oid.hex(), "its folders are nested too deep"))
    return problems


