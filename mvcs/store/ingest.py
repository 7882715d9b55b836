"""The way bytes take in: read once, hash, cut, probe, compress, then chunks before the objects that name them.

Knows: the order, the buffers, the threads. Refuses to know: refs and folders. Memory is bounded by bytes: raw pieces
in flight, encoded records waiting, records in the open transaction (docs/design/0003). Implements: spec 8.1.
"""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING, Protocol

from mvcs.errors import InternalError
from mvcs.objects.hashing import BLOB, BlobHasher, Oid, blob_oid, object_oid
from mvcs.ports import reached, unheard
from mvcs.store.base import CHUNKS, INLINE, OBJECTS, ONE_CHUNK, RECIPES
from mvcs.store.bases import Kin, StoredSource
from mvcs.store.encoding import GapEncoder
from mvcs.store.grouping import GroupEncoder
from mvcs.store.partition import READ, Partition, find_known
from mvcs.store.records import RecipeList
from mvcs.store.rows import blob_row
from mvcs.store.segments import PLACE
from mvcs.store.splitters.plan import Cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from mvcs.store.base import BlobReader
    from mvcs.store.chunk_reader import ChunkReader
    from mvcs.store.grouping import Encoded
    from mvcs.store.partition import Group
    from mvcs.store.record_writer import Appending, RecordWriter
    from mvcs.store.splitters.layout import Layout
    from mvcs.store.workers import Workers


FLUSH = 16 << 20
"""Bytes of small objects that are written in one transaction."""
HAND_OVER = 4 << 20
"""Bytes of records that are handed to the writer thread at once; less than that never starts it."""
THREADS_FROM = 1 << 20
"""Bytes; smaller files are not worth a thread."""
SQUEEZE_FROM = 256 << 10
"""Bytes of small blobs in one flush from which compressing them is worth loading the codec."""

class Inlet(Protocol):
    """The part of a write transaction that objects go through."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Sets a value."""
        ...

    def put_new(self, table: str, key: bytes, value: bytes) -> bool:
        """Sets a value unless the key is there."""
        ...

    def put_object(self, kind: str, payload: bytes) -> Oid:
        """Stores a structured object."""
        ...


class Home(Protocol):
    """What ingest asks of the store that it fills; see `mvcs.store.lmdb_store.LmdbStore`."""

    chunks: ChunkReader

    def write(self) -> AbstractContextManager[Inlet]:
        """Opens a write transaction over `meta`."""
        ...

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns the verified payload of a structured object."""
        ...

    def read_blob(self, oid: Oid) -> bytes:
        """Returns a whole blob."""
        ...

    def kind(self, oid: Oid) -> str | None:
        """Returns the kind of an object, None if it is not here."""
        ...

    def has_object(self, oid: Oid) -> bool:
        """Whether the objects table has this oid."""
        ...

    def has_recipe(self, oid: Oid) -> bool:
        """Whether the blob is here in chunks."""
        ...

    def known_chunks(self, oids: Iterable[Oid]) -> set[Oid]:
        """Returns those chunks that are here."""
        ...

    def open(self, oid: Oid) -> BlobReader:
        """Opens a blob for reading."""
        ...

    def recipe(self, oid: Oid) -> RecipeList | None:
        """Returns how a blob is cut; None if it is not cut."""
        ...

    def append_records(self, records: list[tuple[Oid, bytes]]) -> tuple[int, list[tuple[Oid, int]]]:
        """Writes chunk records durably; returns their segment and each one's stored bytes."""
        ...

    def appending(self) -> AbstractContextManager[Appending]:
        """Opens a transaction on the segment that takes new records; durable when the block ends."""
        ...


class Ingest:
    """Objects on their way into an LMDB store; see `mvcs.store.base.Batch`.

    Args:
        store: Where they go. The caller holds its lock shared.
    """

    def __init__(self, store: Home) -> None:
        self._store = store
        self._records: list[tuple[Oid, bytes]] = []
        self._record_bytes = 0
        self._places: dict[Oid, bytes] = {}
        self._claimed: set[Oid] = set()
        self._objects: dict[Oid, tuple[str, bytes]] = {}
        self._object_bytes = 0
        self._recipes: dict[Oid, bytes] = {}
        self._workers: Workers | None = None
        self._writer: RecordWriter | None = None
        self.new_bytes = 0
        """Stored bytes that this batch added, headers included."""

    # Structured objects and small blobs

    def put_object(self, kind: str, payload: bytes) -> Oid:
        """Adds a structured object."""
        oid = object_oid(kind, payload)
        self._add(oid, kind, payload)
        return oid

    def put_bytes(self, content: bytes, near: Sequence[Oid] = ()) -> Oid:
        """Adds a blob."""
        if len(content) > ONE_CHUNK:
            from mvcs.store.splitters.detect import split
            from mvcs.store.splitters.source import BytesSource

            partition = Partition(split(BytesSource(content)), len(content))
            return self._put_large(iter((content,)), len(content), near=near, partition=partition)[0]
        oid = blob_oid(content)
        if len(content) <= INLINE:
            self._add(oid, BLOB, content)
        elif oid not in self._claimed and self._is_new(oid):
            encoder, cut = GroupEncoder(self._store, self._claimed, Kin(self._store, near)), Cut(0, len(content))
            record = encoder.record([oid], [(memoryview(content), cut)], 0, GapEncoder(self._store.chunks))
            self._take([(oid, len(content), record)])
        return oid

    def put_pieces(
        self, pieces: Iterator[bytes], size: int, near: Sequence[Oid] = (), layout: Layout | None = None
    ) -> Oid:
        """Adds a blob that comes in pieces, `size` bytes in all."""
        if size <= ONE_CHUNK:
            return self.put_bytes(b"".join(pieces), near)
        return self._put_large(pieces, size, near=near, partition=Partition(layout, size))[0]

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns a blob or structured object that is stored or on its way in."""
        pending = self._objects.get(oid)
        if pending is not None and pending[0] == kind:
            return pending[1]
        if kind != BLOB:
            return self._store.load(oid, kind)
        if self._places or self._records or self._recipes:
            self.flush()
        return self._store.read_blob(oid)

    def has(self, oid: Oid) -> bool:
        """Whether an object is stored or on its way in."""
        return (
            oid in self._objects or oid in self._recipes or oid in self._claimed or self._store.kind(oid) is not None
        )

    def _add(self, oid: Oid, kind: str, payload: bytes) -> None:
        if oid in self._objects or self._store.has_object(oid):
            return
        self._objects[oid] = (kind, payload)
        self._object_bytes += len(payload) + 64
        if self._object_bytes >= FLUSH:
            self.flush()

    def cut_anew(self, reader: BlobReader, near: Sequence[Oid]) -> Oid:
        """Cuts a stored blob once more, as the splitters do now; its old chunks become garbage."""
        from mvcs.store.splitters.detect import split

        source = StoredSource(reader)
        partition = Partition(split(source), reader.size)
        pieces = (source.read_at(start, READ) for start in range(0, reader.size, READ))
        return self._put_large(pieces, reader.size, near=near, partition=partition, anew=True)[0]

    # Files

    def put_file(
        self, descriptor: int, size: int, heard: Callable[[int], None] = unheard, near: Sequence[Oid] = (),
        described: Callable[[], Layout | None] | None = None,
    ) -> tuple[Oid, int]:
        """Adds a blob from an open file; returns (oid, bytes read)."""
        if size <= ONE_CHUNK:
            content = os.read(descriptor, size + 1)  # one more, to see whether the file has grown
            while len(content) <= ONE_CHUNK and (more := os.read(descriptor, min(len(content), ONE_CHUNK) + 1)):
                content += more
            if len(content) <= ONE_CHUNK:
                heard(len(content))
                return self.put_bytes(content, near), len(content)
            return self._put_large(_chain(content, descriptor), len(content), heard, near)
        from mvcs.store.splitters.detect import split
        from mvcs.store.splitters.source import FileSource

        source = FileSource(descriptor, size)
        layout = split(source) if os.lseek(descriptor, 0, os.SEEK_CUR) == 0 else None
        if layout is None and described is not None:
            layout = described()
        partition = Partition(layout, size)
        known = find_known(self._store, source, partition, lambda: partition.read(descriptor), heard)
        if known is not None:
            return known
        if layout is not None:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return self._put_large(partition.read(descriptor), size, heard, near, partition)

    def _put_large(
        self, pieces: Iterator[bytes], size: int, heard: Callable[[int], None] = unheard, near: Sequence[Oid] = (),
        partition: Partition | None = None, *, anew: bool = False,
    ) -> tuple[Oid, int]:
        hasher = BlobHasher()
        total = 0

        def listened() -> Iterator[bytes]:
            nonlocal total
            for piece in pieces:
                hasher.update(piece)
                total += len(piece)
                heard(len(piece))
                yield piece

        lengths = array("I")
        oids = bytearray()

        def keep(encoded: Encoded) -> None:
            for oid, length, _ in encoded:
                lengths.append(length)
                oids.extend(oid)
            self._take([(oid, length, record) for oid, length, record in encoded if record is not None])

        partition = Partition(None, size) if partition is None else partition
        kin = Kin(self._store, near)
        if partition.layout is not None:
            kin.match(partition.layout)
        encoder, groups = GroupEncoder(self._store, self._claimed, kin), partition.groups(listened())
        if size < THREADS_FROM:
            for group in groups:
                keep(encoder.encode(group))
        else:
            self._in_threads(encoder, groups, keep)
        oid = hasher.oid()
        if not lengths:  # the file was emptied meanwhile
            self._add(oid, BLOB, b"")
        elif len(lengths) > 1 and (anew or not self._store.has_recipe(oid)):  # one chunk is the blob itself
            self._recipes[oid] = RecipeList(partition.splitter, lengths, bytes(oids)).encode()
        return oid, total

    def _in_threads(
        self, encoder: GroupEncoder, groups: Iterator[Group], keep: Callable[[Encoded], None]
    ) -> None:
        from mvcs.store.allocator import tune_allocator
        from mvcs.store.workers import Workers

        tune_allocator()
        if self._workers is None:
            self._workers = Workers()
        for encoded in self._workers.in_order(encoder.encode, groups):
            keep(encoded)

    def _is_new(self, oid: Oid) -> bool:
        return not self._store.known_chunks([oid])

    # Writing out

    def _take(self, encoded: Encoded) -> None:
        for oid, _, record in encoded:
            if oid in self._claimed or record is None:
                continue
            self._claimed.add(oid)
            self._records.append((oid, record))
            self._record_bytes += len(record)
        if self._record_bytes >= HAND_OVER:
            self._hand_over()

    def _hand_over(self) -> None:
        """Gives the waiting records to the writer thread."""
        from mvcs.store.record_writer import RecordWriter

        if self._writer is None:
            self._writer = RecordWriter(self._store)
        records, self._records, self._record_bytes = self._records, [], 0
        self._writer.submit(records)

    def _placed(self, number: int, stored: list[tuple[Oid, int]]) -> None:
        for oid, length in stored:
            self._places[oid] = PLACE.pack(number, length)
            self.new_bytes += length

    def _settle_chunks(self) -> None:
        if self._writer is not None:
            if self._records:
                self._hand_over()
            writer, self._writer = self._writer, None
            for number, stored in writer.settle():
                self._placed(number, stored)
        elif self._records:
            records, self._records, self._record_bytes = self._records, [], 0
            self._placed(*self._store.append_records(records))
        reached("chunks durable")

    def flush(self) -> None:
        """Writes what has come so far; without a name it is garbage until `finish`."""
        self._settle_chunks()
        with self._store.write() as transaction:
            self._put_all(transaction)
        self._places, self._recipes, self._objects, self._object_bytes = {}, {}, {}, 0

    def finish(self, transaction: Inlet) -> None:
        """Puts all that is still on its way into this transaction; the chunks are durable already.

        Call `settle` before the transaction is opened. Nothing is forgotten: when the transaction is undone, such as
        after a lost compare-and-swap, the batch can be finished again in another one.

        Raises:
            InternalError: If chunks are not durable yet.
        """
        if self._records or self._writer is not None:
            raise InternalError(reason="a batch was finished before it was settled")
        self._put_all(transaction)

    def settle(self) -> None:
        """Makes every chunk durable, so that `finish` only touches `meta`."""
        self._settle_chunks()

    def _put_all(self, transaction: Inlet) -> None:
        small = sum(len(payload) for kind, payload in self._objects.values() if kind == BLOB)
        for oid, place in self._places.items():
            transaction.put_new(CHUNKS, oid, place)
        for oid, recipe in self._recipes.items():
            transaction.put(RECIPES, oid, recipe)
            self.new_bytes += len(recipe)
        for oid, (kind, payload) in self._objects.items():
            if kind == BLOB:
                value = blob_row(payload, pack=small >= SQUEEZE_FROM)
                transaction.put_new(OBJECTS, oid, value)
                self.new_bytes += len(value)
            else:
                transaction.put_object(kind, payload)
                self.new_bytes += len(payload)

    def close(self) -> None:
        """Ends the threads; what was not finished is forgotten."""
        if self._workers is not None:
            self._workers.close()
        if self._writer is not None:
            self._writer.abandon()
        self._workers = self._writer = None


def _chain(first: bytes, descriptor: int) -> Iterator[bytes]:
    from mvcs.store.cutting import read_pieces

    if first:
        yield first
    yield from read_pieces(descriptor)
