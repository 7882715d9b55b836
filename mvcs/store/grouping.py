"""A few megabytes of a blob at a time: which of its chunks are new, and their records.

Knows: what a chunk is from its cut: a piece of a tensor, or bytes. Refuses to know: threads, transactions.
Implements: spec 8.1, 12.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mvcs.objects.hashing import Oid, blob_oid
from mvcs.store.encoding import GapEncoder, tensor_record
from mvcs.store.records import CODEC_AT, RAW, Header, make_record

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from mvcs.store.bases import Kin
    from mvcs.store.chunk_reader import ChunkReader
    from mvcs.store.partition import Group
    from mvcs.store.splitters.plan import Cut

TRIED = 8
"""Chunks in a row that must be incompressible before only every eighth one is probed."""

Encoded = list[tuple[Oid, int, bytes | None]]
"""(oid, raw length, record) of each chunk; no record where the chunk is known."""


class Known(Protocol):
    """What is asked of the store; see `mvcs.store.lmdb_store.LmdbStore`."""

    chunks: ChunkReader

    def known_chunks(self, oids: Iterable[Oid]) -> set[Oid]:
        """Returns those chunks that are here."""
        ...


class GroupEncoder:
    """Makes records of the new chunks of one blob; any number of threads may.

    Args:
        store: Says what is known.
        claimed: Chunks that are on their way in.
        kin: What the blob resembles.
    """

    def __init__(self, store: Known, claimed: Container[Oid], kin: Kin) -> None:
        self._store = store
        self._claimed = claimed
        self._kin = kin

    def encode(self, group: Group) -> Encoded:
        """Returns what becomes of chunks that stand in a row."""
        oids = [blob_oid(view) for view, _ in group]
        known = self._store.known_chunks(oids)
        encoded: Encoded = []
        gaps = GapEncoder(self._store.chunks)
        raw = 0  # chunks in a row that did not shrink: what follows them is tried now and then only
        for index, (oid, (view, _)) in enumerate(zip(oids, group, strict=True)):
            record: bytes | None = None
            if oid not in known and oid not in self._claimed:
                record = self.record(oids, group, index, gaps, probe=raw < TRIED or not index % TRIED)
                raw = raw + 1 if record[CODEC_AT] == RAW else 0
            encoded.append((oid, len(view), record))
        return encoded

    def record(
        self, oids: Sequence[Oid], group: Group, index: int, gaps: GapEncoder, *, probe: bool = True
    ) -> bytes:
        """Returns the record of one chunk of a group.

        Args:
            oids: Of all chunks of the group.
            group: The chunks.
            index: Which.
            gaps: Of this thread and group.
            probe: Whether it is worth to try to compress what is no tensor.
        """
        oid, (view, cut) = oids[index], group[index]
        if cut.region is not None or cut.width:
            return self._of_tensor(oid, view, cut)
        window = self._kin.window(oids, index, cut.offset)
        found = gaps.record(oid, view, window) if window else None
        return _plain(view, probe=probe) if found is None else found

    def _of_tensor(self, oid: Oid, view: memoryview, cut: Cut) -> bytes:
        return tensor_record(self._store.chunks, oid, view, cut.width, self._kin.tensor_chunk(cut))


def _plain(view: memoryview, *, probe: bool) -> bytes:
    if probe:
        from mvcs.store.compress import chunk_record

        return chunk_record(view)
    return make_record(Header(RAW, len(view)), view)
