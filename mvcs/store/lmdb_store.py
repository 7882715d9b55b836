"""The store on disk: `meta` and chunk segments.

Knows: which table or segment holds what, and that every decode is verified. Refuses to know: how files become
chunks (`ingest`), locks (`lock`), what is garbage (`sweep`). Implements: spec 7.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import BLOB, COMMIT, Oid, blob_oid, object_oid
from mvcs.store.base import CHUNKS, GRAPH, OBJECTS, PROGRESS, RECIPES, TABLES
from mvcs.store.blob_reader import StoredBlob
from mvcs.store.chunk_reader import ChunkReader
from mvcs.store.environment import META_MAP, create_environment, open_environment
from mvcs.store.export import export_chunks, write_all
from mvcs.store.graph_rows import graph_row
from mvcs.store.records import KIND_CODES, KIND_NAMES, RecipeList
from mvcs.store.rows import object_row, row_payload
from mvcs.store.segments import CAP, TABLE, Segments
from mvcs.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.store.ingest import Ingest

LAST_SEGMENT = b"segment"
"""Key in `progress`: the highest segment number ever used, eight bytes."""


class MetaTransaction(Transaction):
    """A transaction over `meta` that also knows objects."""

    __slots__ = ()

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns the verified payload of a structured object."""
        value = self.view(OBJECTS, oid)
        if value is None or bytes(value[:1]) != bytes((KIND_CODES[kind],)):
            raise ObjectMissing(oid=oid.hex(), kind=kind)
        payload = row_payload(oid, value)
        if object_oid(kind, payload) != oid:
            raise ObjectCorrupt(oid=oid.hex(), kind=kind, where="meta")
        return payload

    def put_object(self, kind: str, payload: bytes) -> Oid:
        """Stores a structured object; idempotent."""
        oid = object_oid(kind, payload)
        if self.put_new(OBJECTS, oid, object_row(kind, payload)) and kind == COMMIT:
            self.put(GRAPH, oid, graph_row(payload))
        return oid


class SegmentTransaction:
    """An open transaction of a segment; see `mvcs.store.record_writer.Appending`.

    Args:
        store: Whose directory says which records count.
        number: The segment.
        transaction: Its transaction.
    """

    __slots__ = ("_store", "_transaction", "number")

    def __init__(self, store: LmdbStore, number: int, transaction: Transaction) -> None:
        self._store = store
        self.number = number
        self._transaction = transaction

    def append(self, oid: Oid, record: bytes) -> int:
        """Adds a record unless the directory names one of this chunk; returns the bytes of the one that is here now.

        One that is here and not named is garbage, whose bases may be gone, or another command is about to name it. So
        what takes its place needs no basis: whoever relies on the other one by then relies on no depth that it raises.
        """
        if self._transaction.put_new(TABLE, oid, record):
            return len(record)
        if self._store.known_chunks([oid]):
            return len(self._transaction.view(TABLE, oid) or b"")
        alone = self._store.chunks.without_bases(oid, record)
        self._transaction.put(TABLE, oid, alone)
        return len(alone)


class LmdbStore:
    """Objects and tables on disk; see `mvcs.store.base.Store`.

    Args:
        path: The repository's folder, which holds `meta` and `chunks`.
        cap: Bytes after which a chunk segment is full.
    """

    def __init__(self, path: str, cap: int = CAP) -> None:
        self.path = path
        self.meta = open_environment(os.path.join(path, "meta"), TABLES, META_MAP)
        self.meta.transaction = MetaTransaction
        self.segments = Segments(os.path.join(path, "chunks"), cap)
        self.chunks = ChunkReader(self.meta, self.segments)

    @classmethod
    def create(cls, path: str, cap: int = CAP) -> LmdbStore:
        """Makes the files of an empty store."""
        os.makedirs(os.path.join(path, "chunks"), exist_ok=True)
        create_environment(os.path.join(path, "meta"), TABLES, META_MAP)
        return cls(path, cap)

    # Transactions

    @contextmanager
    def read(self) -> Iterator[MetaTransaction]:
        """Opens a read transaction over `meta`."""
        with self.meta.read() as transaction:
            assert isinstance(transaction, MetaTransaction)
            yield transaction

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[MetaTransaction]:
        """Opens a write transaction over `meta`; `patience` is how many seconds to wait for who is writing."""
        with self.meta.write(patience) as transaction:
            assert isinstance(transaction, MetaTransaction)
            yield transaction

    @contextmanager
    def batch(self) -> Iterator[Ingest]:
        """Opens a batch; the caller holds the lock shared until its refs are moved."""
        from mvcs.store.ingest import Ingest

        batch = Ingest(self)
        try:
            yield batch
        finally:
            batch.close()

    # What is here

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns the verified payload of a structured object."""
        with self.read() as transaction:
            return transaction.load(oid, kind)

    def has_object(self, oid: Oid) -> bool:
        """Whether the objects table has this oid."""
        with self.read() as transaction:
            return transaction.view(OBJECTS, oid) is not None

    def has_recipe(self, oid: Oid) -> bool:
        """Whether the blob is here in chunks."""
        with self.read() as transaction:
            return transaction.view(RECIPES, oid) is not None

    def known_chunks(self, oids: Iterable[Oid]) -> set[Oid]:
        """Returns those chunks that are here."""
        with self.read() as transaction:
            return {oid for oid in oids if transaction.view(CHUNKS, oid) is not None}

    def kind(self, oid: Oid) -> str | None:
        """Returns the kind of an object, None if it is not here."""
        with self.read() as transaction:
            value = transaction.view(OBJECTS, oid)
            if value:
                return KIND_NAMES.get(value[0])
            here = transaction.view(RECIPES, oid) is not None or transaction.view(CHUNKS, oid) is not None
            return BLOB if here else None

    def missing(self, blobs: Iterable[Oid]) -> set[Oid]:
        """Returns those blobs that are not here."""
        return {oid for oid in blobs if self.kind(oid) != BLOB}

    def objects(self) -> Iterator[tuple[Oid, str]]:
        """Yields (oid, kind) of all objects; of cut blobs the whole, and chunks that no cut blob names."""
        parts: set[bytes] = set()
        with self.read() as transaction:
            for key, value in transaction.items(OBJECTS):
                yield Oid(key), KIND_NAMES.get(value[0], "unknown") if value else "unknown"
            for key, value in transaction.items(RECIPES):
                yield Oid(key), BLOB
                parts.update(RecipeList.decode(value).chunks())
            for key in transaction.keys(CHUNKS):
                if key not in parts:  # a blob of one chunk
                    yield Oid(key), BLOB

    def short(self, prefix: str) -> list[tuple[Oid, str]]:
        """Returns (oid, kind) of the objects whose hex form begins with `prefix`, at most 50."""
        raw = bytes.fromhex(prefix[: len(prefix) // 2 * 2])
        found: dict[Oid, str] = {}
        with self.read() as transaction:
            for table in (OBJECTS, RECIPES, CHUNKS):
                for key, value in transaction.items(table, raw):
                    if key.hex().startswith(prefix):
                        found.setdefault(Oid(key), KIND_NAMES.get(value[0], "") if table == OBJECTS else BLOB)
                    if len(found) >= 50:
                        break
        return list(found.items())

    # Blobs

    def recipe(self, oid: Oid) -> RecipeList | None:
        """Returns how a blob is cut; None if it is not cut.

        Raises:
            ObjectCorrupt: If the recipe list is damaged.
        """
        with self.read() as transaction:
            value = transaction.get(RECIPES, oid)
        if value is None:
            return None
        try:
            return RecipeList.decode(value)
        except InvalidObject as error:
            raise ObjectCorrupt(oid=oid.hex(), kind="recipe list", where="meta") from error

    def blob_size(self, oid: Oid) -> int:
        """Returns the bytes of a blob."""
        recipe = self.recipe(oid)
        return recipe.size if recipe is not None else len(self.read_blob(oid))

    def _small(self, oid: Oid) -> bytes | None:
        with self.read() as transaction:
            value = transaction.view(OBJECTS, oid)
            if value is None or bytes(value[:1]) != bytes((KIND_CODES[BLOB],)):
                return None
            content = row_payload(oid, value)
        if blob_oid(content) != oid:
            raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where="meta")
        return content

    def read_blob(self, oid: Oid, limit: int | None = None) -> bytes:
        """Returns a whole blob, at most its first `limit` bytes."""
        content = self._small(oid)
        if content is not None:
            return content[:limit]
        with self.open(oid) as reader:
            content = reader.read(-1 if limit is None else limit)
        if limit is None and blob_oid(content) != oid:  # good chunks, but not this blob's
            raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where="its recipe list")
        return content

    def open(self, oid: Oid) -> StoredBlob:
        """Opens a blob for reading.

        Raises:
            ObjectMissing: If it is not here.
        """
        content = self._small(oid)
        recipe = self.recipe(oid) if content is None else None
        if content is None and recipe is None:
            content = self._one_chunk(oid)
        return StoredBlob(self, oid, content, recipe)

    def _one_chunk(self, oid: Oid) -> bytes:
        try:
            return self.chunks.read(oid)
        except ObjectMissing as error:
            raise ObjectMissing(oid=oid.hex(), kind=BLOB) from error

    def read_chunk(self, oid: Oid) -> bytes:
        """Returns one verified chunk."""
        return self.chunks.read(oid)

    def remembered_chunk(self, oid: Oid) -> bytes:
        """Returns one verified chunk, and remembers it: who compares two versions reads next what is based on it."""
        return bytes(self.chunks.basis(oid))

    def export(self, oid: Oid, descriptor: int, *, synced: bool = False) -> int:
        """Writes a blob to an open, empty file, verified as a whole; returns the bytes written.

        Args:
            oid: The blob.
            descriptor: Of the file.
            synced: Whether the caller is going to sync the file.

        Raises:
            ObjectCorrupt: If the chunks together are not the blob; the file's content is then worthless.
        """
        content = self._small(oid)
        recipe = self.recipe(oid) if content is None else None
        if recipe is None:
            content = self._one_chunk(oid) if content is None else content
            write_all(descriptor, content)
            return len(content)
        try:
            return export_chunks(self.chunks, recipe, oid, descriptor, synced=synced)
        except ObjectMissing:
            again = self.recipe(oid)
            if again is None or again == recipe:
                raise
            os.ftruncate(descriptor, 0)  # repack has cut it anew meanwhile, and gc has taken the old chunks
            os.lseek(descriptor, 0, os.SEEK_SET)
            return export_chunks(self.chunks, again, oid, descriptor, synced=synced)

    # Writing, for Ingest and repair

    def append_records(self, records: list[tuple[Oid, bytes]]) -> tuple[int, list[tuple[Oid, int]]]:
        """Writes chunk records durably; returns their segment and each one's stored bytes."""
        with self.appending() as transaction:
            stored = [(oid, transaction.append(oid, record)) for oid, record in records]
        return transaction.number, stored

    @contextmanager
    def appending(self) -> Iterator[SegmentTransaction]:
        """Opens a transaction on the segment that takes new records; durable when the block ends."""
        number = self._segment_for_new()
        with self.segments.environment(number).write() as transaction:
            yield SegmentTransaction(self, number, transaction)

    def _segment_for_new(self) -> int:
        with self.read() as transaction:
            last = int.from_bytes(transaction.get(PROGRESS, LAST_SEGMENT) or b"\0", "big")
        number = self.segments.current(last)
        if number > last:
            with self.write() as transaction:
                last = int.from_bytes(transaction.get(PROGRESS, LAST_SEGMENT) or b"\0", "big")
                transaction.put(PROGRESS, LAST_SEGMENT, max(last, number).to_bytes(8, "big"))
        return number

    def give_back(self) -> None:
        """Gives back the memory that reading much has taken: a process that loads a model goes on with other work."""
        from mvcs.store.allocator import give_back_buffers

        for number in self.segments.numbers():
            self.segments.environment(number).give_back()
        give_back_buffers()

    def close(self) -> None:
        """Closes the files; using the store again opens them again."""
        self.meta.close()
        for number in self.segments.numbers():
            self.segments.environment(number).close()
