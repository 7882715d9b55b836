"""repack: stored chunks get the form that they would get today, and segments with free pages are written anew.

The way: commits from the oldest on, each file beside what it is likely to resemble. Other commands go on meanwhile; a
repack that was killed goes on where it stopped. No oid changes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import IntegrityError
from mvcs.objects.hashing import Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.resembling import NEIGHBOURS, Resembling, ending
from mvcs.repo.changes import EMPTY
from mvcs.store.base import GRAPH, INLINE, PROGRESS
from mvcs.store.graph_rows import read_graph_row
from mvcs.store.recode import Recoder
from mvcs.store.sweep import compact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.objects.tree import Entry
    from mvcs.repo.repository import Repository

DONE = b"repack"
"""Key in `progress`: whether it is a deep one, and the generation up to which all is done, eight bytes."""


class RepackResult(Record):
    """What a repack did.

    Args:
        chunks: Chunks that have another form now.
        blobs: Files that were cut anew.
        saved: Stored bytes less.
        freed: Bytes of files that were given back.
    """

    __slots__ = ("blobs", "chunks", "freed", "saved")

    def __init__(self, chunks: int, blobs: int, saved: int, freed: int) -> None:
        self.chunks = chunks
        self.blobs = blobs
        self.saved = saved
        self.freed = freed

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {"chunks": self.chunks, "blobs": self.blobs, "saved": self.saved, "freed": self.freed}


def repack(repository: Repository, *, deep: bool = False) -> RepackResult:
    """Makes the store smaller.

    Args:
        repository: Where.
        deep: Also cut files anew that a splitter has learned to read, and look for better bases.

    Raises:
        LockTimeout: If other commands are at work all the time; what is done stays done.
    """
    repository.writable()
    recoder = Recoder(repository.store, repository.lock, deep=deep)
    begin = _begin(repository, deep=deep)
    commits = [item for item in _commits(repository) if item[0] >= begin]
    progress = repository.progress
    progress.start("repacking", sum(_size(repository, oid) for _, oid in commits))
    noted = 0
    for generation, oid in commits:
        try:
            _one_commit(repository, recoder, oid)
        except IntegrityError as error:
            progress.warn(f"{oid.hex()[:12]} was left as it is: {error.message}")
        if recoder.result.chunks + recoder.result.blobs > noted:
            noted = recoder.result.chunks + recoder.result.blobs
            _note(repository, generation, deep=deep)
    progress.finish()
    with repository.lock.exclusive():
        freed = compact(repository.store)
        with repository.store.write() as transaction:
            transaction.delete(PROGRESS, DONE)
    done = recoder.result
    return RepackResult(done.chunks, done.blobs, done.before - done.after, freed)


def _commits(repository: Repository) -> list[tuple[int, Oid]]:
    with repository.store.read() as transaction:
        rows = [(read_graph_row(row)[0], Oid(key)) for key, row in transaction.items(GRAPH)]
    return sorted(rows)


def _begin(repository: Repository, *, deep: bool) -> int:
    with repository.store.read() as transaction:
        value = transaction.get(PROGRESS, DONE)
    return int.from_bytes(value[1:], "big") if value is not None and value[0] == deep else 0


def _note(repository: Repository, generation: int, *, deep: bool) -> None:
    with repository.store.write() as transaction:
        transaction.put(PROGRESS, DONE, bytes((deep,)) + generation.to_bytes(8, "big"))


def _size(repository: Repository, oid: Oid) -> int:
    try:
        return sum(entry.size for _, entry in _changed(repository, oid))
    except IntegrityError:
        return 0


def _changed(repository: Repository, oid: Oid) -> Iterator[tuple[bytes, Entry]]:
    """Yields path and entry of the files that a commit brought and that lie in chunks."""
    commit = repository.commit(oid)
    parent = repository.commit(commit.parents[0]).tree if commit.parents else None
    for change in diff_roots(repository.load_tree, parent, commit.tree):
        if change.after is not None and change.after.entry.kind == IS_BLOB and change.after.entry.size > INLINE:
            yield change.path, change.after.entry


def _one_commit(repository: Repository, recoder: Recoder, oid: Oid) -> None:
    parents = repository.commit(oid).parents
    resembling = Resembling(repository.load_tree, repository.commit(parents[0]).tree if parents else EMPTY)
    changed = list(_changed(repository, oid))
    beside: dict[bytes, list[Oid]] = {}
    for path, entry in changed:
        beside.setdefault(ending(path), []).append(entry.oid)
    done: Counter[bytes] = Counter()
    for path, entry in changed:
        same, at = beside[ending(path)], done[ending(path)]
        # Beside those before it; the first one beside those behind it, which may have to stay as they are.
        near = same[max(0, at - NEIGHBOURS) : at] if at else same[1 : NEIGHBOURS + 1]
        recoder.recode(entry.oid, (*resembling(path), *near))
        done[ending(path)] += 1
        repository.progress.advance(entry.size)
