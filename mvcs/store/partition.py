"""How a new blob is cut: by its tensors where a splitter finds some, else by content; and whether it is known already.

Knows: layouts, cuts, how a file is best read for them. Refuses to know: records, threads. Implements: spec 6.1, 12.1.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from mvcs.objects.hashing import BlobHasher, Oid, blob_oid
from mvcs.ports import unheard
from mvcs.store.splitters.plan import Cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mvcs.store.splitters.layout import Layout
    from mvcs.store.splitters.source import Source

READ = 4 << 20
"""Bytes read at once, about."""
KNOWN_FROM = 4 << 20
"""Bytes; of smaller files it is not asked first whether they are known."""
SAMPLES = 4
"""Pieces of tensors by which that is guessed."""

Group = list[tuple[memoryview, Cut]]


class Blobs(Protocol):
    """What is asked of the store; see `mvcs.store.lmdb_store.LmdbStore`."""

    def known_chunks(self, oids: Iterable[Oid]) -> set[Oid]:
        """Returns those chunks that are here."""
        ...

    def has_recipe(self, oid: Oid) -> bool:
        """Whether the blob is here in chunks."""
        ...


class Partition:
    """How one blob is cut.

    Args:
        layout: Its tensors, None if it has none that are known.
        size: Its bytes, as expected.
    """

    def __init__(self, layout: Layout | None, size: int) -> None:
        from mvcs.store.cutting import SPLITTER

        self.layout = layout
        self.size = size
        self.splitter = SPLITTER if layout is None else layout.splitter
        self._cuts: list[Cut] = []
        if layout is not None:
            from mvcs.store.splitters.plan import plan

            self._cuts = list(plan(layout, size))

    def groups(self, pieces: Iterable[bytes]) -> Iterator[Group]:
        """Cuts a stream; yields chunks in a row, a few megabytes of them."""
        if self.layout is None:
            from mvcs.store.cutting import cut

            return _with_offsets(cut(iter(pieces)))
        from mvcs.store.splitters.stream import cut_by_plan

        return cut_by_plan(pieces, self._cuts)

    def read(self, descriptor: int) -> Iterator[bytes]:
        """Reads an open file to its end in pieces that end where chunks do, so that none has to be put together."""
        wanted = 0
        for cut in self._cuts:
            wanted += cut.length
            if wanted >= READ:
                while wanted > 0 and (piece := os.read(descriptor, min(wanted, 2 * READ))):
                    wanted -= len(piece)
                    yield piece
                wanted = 0
        while piece := os.read(descriptor, READ):
            yield piece

    def sample(self) -> list[Cut]:
        """Returns pieces of tensors from all over the blob, none if it has too few."""
        large = [cut for cut in self._cuts if cut.region is not None and cut.length >= READ // 8]
        last = len(large) - 1
        return [large[last * number // (SAMPLES - 1)] for number in range(SAMPLES)] if last >= SAMPLES else []


def find_known(
    blobs: Blobs, source: Source, partition: Partition, pieces: Callable[[], Iterable[bytes]],
    heard: Callable[[int], None] = unheard,
) -> tuple[Oid, int] | None:
    """Returns (oid, bytes) of a blob that is here already, None if it is not, or is not likely to be.

    What is taken back, or is taken from another branch, is hashed with all cores and not cut again.

    Args:
        blobs: The store; the caller holds its lock.
        source: The blob, at any place.
        partition: How it would be cut.
        pieces: Reads it from front to back.
        heard: Called with all its bytes if it is known.
    """
    sample = partition.sample() if partition.size >= KNOWN_FROM else []
    oids = {blob_oid(source.read_at(cut.offset, cut.length)) for cut in sample}
    if not sample or blobs.known_chunks(oids) != oids:
        return None
    hasher = BlobHasher(threads=os.cpu_count() or 1)
    total = 0
    for piece in pieces():
        hasher.update(piece)
        total += len(piece)
    oid = hasher.oid()
    if not blobs.has_recipe(oid):
        return None
    heard(total)
    return oid, total


def _with_offsets(groups: Iterable[list[memoryview]]) -> Iterator[Group]:
    """Yields chunks that were cut by content with where they stand."""
    at = 0
    for views in groups:
        group = []
        for view in views:
            group.append((view, Cut(at, len(view))))
            at += len(view)
        yield group
