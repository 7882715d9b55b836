"""What merging reads and keeps: the three states, stored contents, and merged ones until they are stored.

Knows: stored trees and blobs, what of a virtual base is invented. Refuses to know: how anything is merged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.formats.content import Bytes
from mvcs.merge.tensor_assembly import Assembled
from mvcs.merge.weights import Outcome
from mvcs.objects.editing import edit_tree, ingredient_trees
from mvcs.objects.hashing import BLOB, BlobHasher, Oid
from mvcs.objects.record import Record
from mvcs.ops.trees import NewTree
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mvcs.formats.content import Content
    from mvcs.merge.values import Conflict
    from mvcs.objects.commit import Commit
    from mvcs.objects.tree import Entry
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch
    from mvcs.store.blob_reader import StoredBlob
    from mvcs.store.splitters.source import Span

PIECE = 4 << 20
DISAGREE = "ancestors disagree: "
"""Begins the values of a virtual base that stand for a conflict."""


class State(Record):
    """One of the three states.

    Args:
        tree: Root tree, None if empty.
        outcome: Its weights and metrics.
        name: How to find it: its commit in short, empty if it is none.
    """

    __slots__ = ("name", "outcome", "tree")

    def __init__(self, tree: Oid | None, outcome: Outcome, name: str = "") -> None:
        self.tree = tree
        self.outcome = outcome
        self.name = name


def state_of(repository: Repository, commit: Commit | None, oid: Oid | None = None) -> State:
    """Returns the state of a commit; an empty one for None."""
    if commit is None:
        return State(None, Outcome(None, None, None, None))
    trees = ingredient_trees(repository.load_tree, commit.tree)
    outcome = Outcome(trees.get("weights"), commit.origin, trees.get("metrics"), commit.measured)
    return State(None if commit.tree == EMPTY else commit.tree, outcome, "" if oid is None else oid.hex()[:12])


class StoredContent:
    """A stored blob as content.

    Args:
        repository: Where.
        oid: The blob.
    """

    def __init__(self, repository: Repository, oid: Oid) -> None:
        self._repository = repository
        self._oid = oid
        self._size: int | None = None
        self._reader: StoredBlob | None = None

    @property
    def size(self) -> int:
        """How many bytes."""
        if self._size is None:
            self._size = self._repository.store.blob_size(self._oid)
        return self._size

    def read(self) -> bytes:
        """Returns all of them."""
        return self._repository.store.read_blob(self._oid)

    def pieces(self) -> Iterator[bytes]:
        """Yields them in pieces."""
        reader = self._repository.store.open(self._oid)
        try:
            while piece := reader.read(PIECE):
                yield piece
        finally:
            reader.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end; only the chunks that these lie in are decoded."""
        return self._opened().read_at(offset, length)

    def spans(self, offset: int, length: int) -> list[Span]:
        """Returns the stretches of chunks that these bytes lie in; see `mvcs.store.splitters.source.Known`."""
        return self._opened().spans(offset, length)

    def _opened(self) -> StoredBlob:
        if self._reader is None:
            self._reader = self._repository.store.open(self._oid)
        return self._reader


class Desk:
    """Where merged contents lie until they are stored, or for good when they never are.

    Args:
        repository: Below it.
        batch: Takes merged contents; without one they stay in memory.
    """

    def __init__(self, repository: Repository, batch: Batch | None = None) -> None:
        self.repository = repository
        self._batch = batch
        self.nodes: dict[Oid, bytes] = {}
        self._blobs: dict[Oid, Content] = {}
        self.invented: set[str] = set()
        """Oids in hex of contents that stand for ancestors which disagree."""

    def load(self, oid: Oid) -> bytes:
        """Returns the payload of a tree node."""
        payload = self.nodes.get(oid)
        return self.repository.load_tree(oid) if payload is None else payload

    def read(self, oid: Oid) -> Content:
        """Returns the content of a blob; what is missing, as collected weights are, is told when it is read."""
        content = self._blobs.get(oid)
        if content is not None:
            return content
        if self._batch is not None and self.repository.store.kind(oid) is None and self._batch.has(oid):
            return Bytes(self._batch.load(oid, BLOB))
        return StoredContent(self.repository, oid)

    def put(self, content: Content, near: Sequence[Oid] = ()) -> tuple[Oid, int]:
        """Takes a content; returns its oid and bytes.

        Args:
            content: The content.
            near: Blobs that it is likely to resemble.
        """
        if self._batch is not None:
            layout = content.layout if isinstance(content, Assembled) else None
            return self._batch.put_pieces(content.pieces(), content.size, near, layout), content.size
        hasher = BlobHasher()
        for piece in content.pieces():
            hasher.update(piece)
        oid = hasher.oid()
        self._blobs[oid] = content
        return oid, content.size

    def is_invented(self, conflict: Conflict) -> bool:
        """Whether the base of a conflict stands for ancestors that disagree."""
        base = conflict.base
        if conflict.key is None:
            return base in self.invented
        shown = base if isinstance(base, str) else repr(base)
        return DISAGREE in shown or re.search(r"^<{9,} ", shown, re.MULTILINE) is not None

    def new_tree(self, root: Oid | None, edits: Mapping[bytes, Entry | None]) -> NewTree:
        """Returns a root tree with changes."""
        edited = edit_tree(self.load, root, edits)
        nodes = [(oid, payload) for oid, payload in {**self.nodes, **dict(edited.nodes)}.items()]
        return NewTree(self.repository, edited.oid or EMPTY, nodes)
