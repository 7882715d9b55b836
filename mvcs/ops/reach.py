"""What each branch reaches of what is stored, and what only it reaches.

Each object gets the set of the branches that reach it, as the bits of a number. Commits that many branches reach come
first, so that what they share is walked once. Knows: refs, trees, what chunks are based on. Refuses to know: what gc
takes because of `[retention]`.
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError
from mvcs.objects.commit import Commit
from mvcs.objects.hashing import BLOB, COMMIT, TREE, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import references
from mvcs.ops.marking import Marker, Roots, find_shared
from mvcs.refs.names import HEADS
from mvcs.store.base import OBJECTS, PINS

if TYPE_CHECKING:
    from mvcs.refs.table import Refs
    from mvcs.repo.repository import Repository
    from mvcs.store.lmdb_store import MetaTransaction
    from mvcs.store.usage import Stock


class BranchUse(Record):
    """What a branch takes.

    Args:
        model: Whose branch it is.
        name: Its name.
        reaches: Stored bytes of its history, and of what that is based on.
        only: The same of what no other branch, tag or other ref needs: what gc can free when the branch is gone and
            undo does not reach back to it any more.
    """

    __slots__ = ("model", "name", "only", "reaches")

    def __init__(self, model: str, name: str, reaches: int, only: int) -> None:
        self.model = model
        self.name = name
        self.reaches = reaches
        self.only = only

    def to_dict(self) -> dict[str, object]:
        """Returns the numbers as JSON carries them."""
        return {"model": self.model, "branch": self.name, "reaches": self.reaches, "only": self.only}


def branch_use(repository: Repository, stock: Stock) -> list[BranchUse]:
    """Returns what each branch of each model takes, by name; what is damaged or missing counts nothing."""
    refs = repository.refs()
    targets = sorted(refs.targets.items())
    tips = {key: target for key, target in targets if _is_branch(key) and not isinstance(target, str)}
    branches = list(tips)
    if not branches:
        return []
    reached = _Reach(repository)
    reached.from_branches(list(tips.values()))
    elsewhere = 1 << len(branches)
    for oid in _kept_elsewhere(repository, refs):
        reached.by[oid] = reached.by.get(oid, 0) | elsewhere
    sizes = reached.sizes(stock)
    found = []
    for number, key in enumerate(branches):
        _, model, name = key.split("/", 2)
        every = sum(size for by, size in sizes.items() if by >> number & 1)
        found.append(BranchUse(model, name, every, sizes[1 << number]))
    return found


def _is_branch(key: str) -> bool:
    return key.startswith(f"{HEADS}/")


def _kept_elsewhere(repository: Repository, refs: Refs) -> set[Oid]:
    """Returns what other refs, shared roots and pins reach."""
    roots = Roots()
    with repository.store.read() as transaction:
        find_shared(transaction, roots)
        for _, value in transaction.items(PINS):
            roots.needed += [(Oid(value[start : start + 32]), None) for start in range(0, len(value), 32)]
    for key, target in refs.targets.items():
        if not _is_branch(key) and not isinstance(target, str):
            roots.needed.append((target, None))
    marker = Marker(repository, missing=_ignore)
    marker.mark(roots.needed)
    return marker.live


def _ignore(kind: str, oid: Oid, named_by: str) -> None:
    del kind, oid, named_by


class _Reach:
    """Object to the branches that reach it: bit n is the branch n."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.by: dict[Oid, int] = {}

    def from_branches(self, tips: list[Oid]) -> None:
        commits = self._commits(tips)
        with self._repository.store.read() as transaction:
            for oid, by in sorted(commits.items(), key=lambda item: -item[1].bit_count()):
                self._commit(transaction, oid, by)

    def _commits(self, tips: list[Oid]) -> dict[Oid, int]:
        """Returns each commit with the branches that reach it: children before parents, by generation."""
        found: dict[Oid, int] = {}
        queue: list[tuple[int, Oid]] = []
        with self._repository.history() as history:

            def push(oid: Oid, by: int) -> None:
                try:
                    if oid not in found:
                        heappush(queue, (-history.row(oid)[0], oid))
                except IntegrityError:
                    return
                found[oid] = found.get(oid, 0) | by

            for number, tip in enumerate(tips):
                push(tip, 1 << number)
            while queue:
                _, oid = heappop(queue)
                for parent in history.row(oid)[2]:
                    push(parent, found[oid])
        return found

    def _commit(self, transaction: MetaTransaction, oid: Oid, by: int) -> None:
        self.by[oid] = by
        try:
            commit = Commit.decode(transaction.load(oid, COMMIT))
        except IntegrityError:
            return
        self._walk(transaction, commit.tree, by)
        if commit.provenance is not None:
            self.by[commit.provenance] = self.by.get(commit.provenance, 0) | by
        if commit.origin is not None and commit.origin.start is not None:
            self._walk(transaction, commit.origin.start, by)

    def _walk(self, transaction: MetaTransaction, root: Oid, by: int) -> None:
        stack = [(root, TREE)]
        while stack:
            oid, kind = stack.pop()
            before = self.by.get(oid, 0)
            if before | by == before:
                continue
            self.by[oid] = before | by
            if kind != BLOB:
                try:
                    stack += [(below, below_kind) for below_kind, below in references(transaction.load(oid, TREE))]
                except IntegrityError:
                    continue

    def sizes(self, stock: Stock) -> Counter[int]:
        """Returns stored bytes by the set of branches that need them."""
        sizes: Counter[int] = Counter()
        chunks = [0] * len(stock.stored)
        with self._repository.store.read() as transaction:
            for key, value in transaction.items(OBJECTS):
                sizes[self.by.get(Oid(key), 0)] += len(value)
        for oid, numbers, _, stored in stock.recipes():
            by = self.by.get(oid, 0)
            sizes[by] += stored
            for number in numbers:
                chunks[number] |= by
        for oid, number in stock.index.items():
            chunks[number] |= self.by.get(oid, 0)
        for _, number, below in sorted(stock.bases, reverse=True):
            for basis in below:
                chunks[basis] |= chunks[number]
        for number, by in enumerate(chunks):
            sizes[by] += stock.stored[number]
        return sizes
