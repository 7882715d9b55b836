"""fsck: every byte against its name, every name against what it stands for.

Weights that are absent are no damage where every commit that names them is attested `collected`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError, InvalidObject, MvcsError, PermissionDenied, StoreCorrupt
from mvcs.objects.editing import flatten
from mvcs.objects.hashing import COMMIT, OPERATION, TREE, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, IS_TREE, read_tree
from mvcs.ops.collected import collected_commits
from mvcs.ops.marking import Marker, find_roots
from mvcs.refs.ledger import check_chain
from mvcs.store.base import GRAPH, OBJECTS, RECIPES
from mvcs.store.salvage import damaged_segments, set_aside
from mvcs.store.sweep import rebuild_directory
from mvcs.store.verify import Problem, check_files, check_store, rebuild_graph, repair

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
    problems = files + _check_beside_others(repository)
    repaired: list[Problem] = []
    if repair_from is not None and problems:
        with repository.lock.exclusive():
            store, source = repository.store, repair_from.store
            repaired += _set_aside(repository)
            repaired += [p for p in problems if p.oid is not None and repair(store, source, p.oid, p.kind)]
        problems = check_files(repository.path) + _check_beside_others(repository)
    return Report(problems, repaired, _count(repository))


def rebuild(repository: Repository) -> int:
    """Makes what is derived anew: chunk directory and graph rows; returns the number of their rows.

    Raises:
        LockTimeout: If other commands are at work all the time.
    """
    repository.writable()
    with repository.lock.exclusive():
        return rebuild_directory(repository.store) + rebuild_graph(repository.store)


def _set_aside(repository: Repository) -> list[Problem]:
    """Takes damaged segments out of the store, so that what was lost with them has a place again."""
    store = repository.store
    told = []
    for number in damaged_segments(store):
        kept = set_aside(store, number)
        told.append(Problem("file", f"chunks/{number:04d}", f"damaged; it is kept in {repository.path}/{kept}"))
    return told


def _check_beside_others(repository: Repository) -> list[Problem]:
    """Checks while nobody removes anything: what gc takes away meanwhile would look like a loss."""
    try:
        with repository.lock.shared():
            return _check(repository)
    except PermissionDenied:  # a repository that cannot be written is changed by nobody here
        return _check(repository)


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


