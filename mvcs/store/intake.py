"""Takes in records from elsewhere, in any order; nothing names one before its bytes are verified.

A record whose bases have not come yet waits in a file without a name. One whose basis lies deeper here than where it
comes from is stored without it, so that chains still go down. Knows: tables, chains. Refuses to know: where records
come from.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import BLOB, BlobHasher, Oid, blob_oid
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.chunk_reader import decode_payload
from mvcs.store.compress import chunk_record
from mvcs.store.export import gives
from mvcs.store.records import RecipeList, read_bases, read_header
from mvcs.store.rows import open_row
from mvcs.store.segments import PLACE

if TYPE_CHECKING:
    from mvcs.store.chunk_reader import Content
    from mvcs.store.lmdb_store import LmdbStore

BATCH = 16 << 20
"""Bytes of chunk records that are written in one transaction."""
ROWS = 4096
"""Objects that are written in one transaction."""
SPOOLED = 8 << 20
"""Bytes of waiting records up to which they wait in memory."""


class Intake:
    """Records on their way into a store; the caller holds the lock shared. Use `with`; `finish` makes it all whole.

    Args:
        store: The store.
        where: Where the records come from, for errors.
    """

    def __init__(self, store: LmdbStore, where: str) -> None:
        self._store = store
        self._where = where
        self._batch: list[tuple[Oid, bytes]] = []
        self._new: set[Oid] = set()
        self._size = 0
        self._rows: list[tuple[Oid, bytes]] = []
        self._blobs: dict[Oid, _Blob] = {}
        self._in: dict[Oid, list[_Blob]] = {}
        self._spool = tempfile.SpooledTemporaryFile(SPOOLED)  # noqa: SIM115 -- closed at the end
        self._waiting: list[tuple[Oid, int, int]] = []

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def row(self, oid: Oid, row: bytes) -> tuple[str, bytes]:
        """Takes a row of an object; returns its kind and payload.

        Raises:
            ObjectCorrupt: If it is not what its oid says.
        """
        kind, payload = open_row(oid, row, self._where)
        self._rows.append((oid, row))
        if len(self._rows) >= ROWS:
            self._write_rows()
        return kind, payload

    def recipe(self, oid: Oid, value: bytes) -> RecipeList:
        """Takes a recipe list; it is stored by `finish`, once its chunks have given the blob. Call it before `chunk`.

        Raises:
            ObjectCorrupt: If it is none.
        """
        try:
            recipe = RecipeList.decode(value)
        except InvalidObject as error:
            raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where=self._where) from error
        blob = self._blobs[oid] = _Blob(recipe, value)
        for chunk in set(blob.chunks):
            self._in.setdefault(chunk, []).append(blob)
        return recipe

    def chunk(self, oid: Oid, record: bytes) -> None:
        """Takes a chunk record.

        Raises:
            ObjectCorrupt: If it is not what its oid says.
        """
        if not self._take(oid, record):
            self._spool.seek(0, 2)
            self._waiting.append((oid, self._spool.tell(), len(record)))
            self._spool.write(record)

    def finish(self) -> None:
        """Makes everything durable, then names the blobs.

        Raises:
            ObjectMissing: If something that a chunk is based on, or a blob made of, has not come.
            ObjectCorrupt: If chunks do not give their blob.
        """
        self._settle_waiting()
        self._write_chunks()
        for oid, blob in self._blobs.items():
            if blob.oid(self._store) != oid and not gives(self._store.chunks, blob.recipe, oid):
                raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where=self._where)
        self._write_rows()
        with self._store.write() as transaction:
            for oid, blob in self._blobs.items():
                transaction.put(RECIPES, oid, blob.value)
        self._blobs.clear()

    def _settle_waiting(self) -> None:
        while self._waiting:
            left = []
            for oid, at, length in self._waiting:
                self._spool.seek(at)
                if not self._take(oid, self._spool.read(length)):
                    left.append((oid, at, length))
            if len(left) == len(self._waiting):
                raise ObjectMissing(oid=left[0][0].hex(), kind="basis of a chunk")
            self._waiting = left

    def _take(self, oid: Oid, record: bytes) -> bool:
        """Takes a record if what it is based on is here."""
        try:
            view = memoryview(record)
            header = read_header(view, oid)
            names, payload = read_bases(view, header, oid)
            if self._new & set(names):
                self._write_chunks()
            depths = {name: below.depth for name, below, _ in self._store.chunks.headers(names)}
            if len(depths) < len(set(names)):
                return False
            bases: list[Content] = [self._store.chunks.basis(name) for name in names]
            content = decode_payload(header, payload, bases)
            if len(content) != header.raw_length or blob_oid(content) != oid:
                raise InvalidObject(kind="chunk record", reason="its bytes are others")  # noqa: TRY301 -- named below
        except InvalidObject as error:
            raise ObjectCorrupt(oid=oid.hex(), kind="chunk", where=self._where) from error
        if any(depth >= header.depth for depth in depths.values()):
            record = chunk_record(content)
        self._batch.append((oid, record))
        self._new.add(oid)
        self._size += len(record)
        for blob in self._in.get(oid, ()):
            blob.came(oid, content)
        if self._size >= BATCH:
            self._write_chunks()
        return True

    def _write_chunks(self) -> None:
        if not self._batch:
            return
        number, stored = self._store.append_records(self._batch)
        with self._store.write() as transaction:
            for oid, length in stored:
                if transaction.view(CHUNKS, oid) is None:
                    transaction.put(CHUNKS, oid, PLACE.pack(number, length))
        self._batch, self._size = [], 0
        self._new.clear()

    def _write_rows(self) -> None:
        """Writes objects, after the chunks that they may name."""
        self._write_chunks()
        if not self._rows:
            return
        with self._store.write() as transaction:
            for oid, row in self._rows:
                kind, payload = open_row(oid, row, self._where)
                if kind == BLOB:
                    transaction.put_new(OBJECTS, oid, row)
                else:
                    transaction.put_object(kind, payload)
        self._rows = []


class _Blob:
    """A blob whose chunks come; hashed on the way as far as they come in order."""

    def __init__(self, recipe: RecipeList, value: bytes) -> None:
        self.recipe = recipe
        self.value = value
        self.chunks = recipe.chunks()
        self._next = 0
        self._hasher = BlobHasher()

    def came(self, oid: Oid, content: Content) -> None:
        """Hears of a verified chunk."""
        if self._next < len(self.chunks) and self.chunks[self._next] == oid and self._fits(content):
            self._hasher.update(content)
            self._next += 1

    def oid(self, store: LmdbStore) -> Oid | None:
        """Returns what all chunks give; those that did not come in order are read. None if lengths differ."""
        while self._next < len(self.chunks):
            content = store.chunks.read(self.chunks[self._next])
            if not self._fits(content):
                return None
            self._hasher.update(content)
            self._next += 1
        return self._hasher.oid()

    def _fits(self, content: Content) -> bool:
        return len(content) == self.recipe.lengths[self._next]
