"""A store in dictionaries: the reference model that the LMDB store is compared with in tests.

Knows: what the protocol promises, in the simplest form. Refuses to know: disks.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mvcs.errors import ObjectMissing
from mvcs.objects.hashing import BLOB, COMMIT, Oid, blob_oid, object_oid
from mvcs.ports import unheard
from mvcs.store.base import GRAPH, OBJECTS, TABLES
from mvcs.store.graph_rows import graph_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mvcs.store.splitters.layout import Layout

Tables = dict[str, dict[bytes, bytes]]


class _View:
    def __init__(self, tables: Tables, objects: dict[Oid, tuple[str, bytes]]) -> None:
        self.tables = tables
        self.objects_by_oid = objects

    def get(self, table: str, key: bytes) -> bytes | None:
        return self.tables[table].get(key)

    def items(self, table: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        keys = sorted((key for key in self.tables[table] if key.startswith(prefix)), reverse=reverse)
        for key in keys:
            yield key, self.tables[table][key]

    def load(self, oid: Oid, kind: str) -> bytes:
        found = self.objects_by_oid.get(oid)
        if found is None or found[0] != kind:
            raise ObjectMissing(oid=oid.hex(), kind=kind)
        return found[1]

    def put(self, table: str, key: bytes, value: bytes) -> None:
        self.tables[table][key] = bytes(value)

    def delete(self, table: str, key: bytes) -> bool:
        return self.tables[table].pop(key, None) is not None

    def put_object(self, kind: str, payload: bytes) -> Oid:
        oid = object_oid(kind, payload)
        self.objects_by_oid[oid] = (kind, payload)
        if kind == COMMIT:
            self.tables[GRAPH][oid] = graph_row(payload)
        return oid


class _Batch:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._pending: dict[Oid, tuple[str, bytes]] = {}

    def put_bytes(self, content: bytes, near: Sequence[Oid] = ()) -> Oid:
        del near
        oid = blob_oid(content)
        self._pending[oid] = (BLOB, bytes(content))
        return oid

    def put_file(
        self, descriptor: int, size: int, heard: Callable[[int], None] = unheard, near: Sequence[Oid] = (),
        described: Callable[[], Layout | None] | None = None,
    ) -> tuple[Oid, int]:
        del size, near, described
        content = b"".join(iter(lambda: os.read(descriptor, 1 << 20), b""))
        heard(len(content))
        return self.put_bytes(content), len(content)

    def put_pieces(
        self, pieces: Iterator[bytes], size: int, near: Sequence[Oid] = (), layout: Layout | None = None
    ) -> Oid:
        del size, near, layout
        return self.put_bytes(b"".join(pieces))

    def put_object(self, kind: str, payload: bytes) -> Oid:
        oid = object_oid(kind, payload)
        self._pending[oid] = (kind, payload)
        return oid

    def load(self, oid: Oid, kind: str) -> bytes:
        if oid in self._pending and self._pending[oid][0] == kind:
            return self._pending[oid][1]
        return self._store.load(oid, kind)

    def has(self, oid: Oid) -> bool:
        return oid in self._pending or self._store.kind(oid) is not None

    def settle(self) -> None:
        return

    def finish(self, transaction: _View) -> None:
        for kind, payload in self._pending.values():
            if kind == BLOB:
                transaction.objects_by_oid[blob_oid(payload)] = (BLOB, payload)
            else:
                transaction.put_object(kind, payload)


class MemoryBlob(io.BytesIO):
    """A blob's bytes as a file."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)


class MemoryStore:
    """Objects and tables in dictionaries."""

    def __init__(self) -> None:
        self._tables: Tables = {table: {} for table in TABLES if table != OBJECTS}
        self._objects: dict[Oid, tuple[str, bytes]] = {}

    @contextmanager
    def read(self) -> Iterator[_View]:
        """Opens a view; later writes do not change it."""
        yield _View({name: dict(table) for name, table in self._tables.items()}, dict(self._objects))

    @contextmanager
    def write(self) -> Iterator[_View]:
        """Opens a write transaction."""
        view = _View({name: dict(table) for name, table in self._tables.items()}, dict(self._objects))
        yield view
        self._tables, self._objects = view.tables, view.objects_by_oid

    @contextmanager
    def batch(self) -> Iterator[_Batch]:
        """Opens a batch."""
        yield _Batch(self)

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns the payload of a structured object."""
        return _View(self._tables, self._objects).load(oid, kind)

    def kind(self, oid: Oid) -> str | None:
        """Returns the kind of an object, None if it is not here."""
        found = self._objects.get(oid)
        return None if found is None else found[0]

    def missing(self, blobs: Iterable[Oid]) -> set[Oid]:
        """Returns those blobs that are not here."""
        return {oid for oid in blobs if self.kind(oid) != BLOB}

    def open(self, oid: Oid) -> MemoryBlob:
        """Opens a blob for reading."""
        return MemoryBlob(self.read_blob(oid))

    def read_blob(self, oid: Oid, limit: int | None = None) -> bytes:
        """Returns a whole blob, at most its first `limit` bytes."""
        return self.load(oid, BLOB)[:limit]

    def export(self, oid: Oid, descriptor: int) -> int:
        """Writes a blob to an open file; returns the bytes written."""
        content = self.read_blob(oid)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        return len(content)

    def objects(self) -> Iterator[tuple[Oid, str]]:
        """Yields (oid, kind) of all that is stored."""
        for oid, (kind, _) in list(self._objects.items()):
            yield oid, kind

    def close(self) -> None:
        """Does nothing."""
