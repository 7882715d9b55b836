"""What a store is: the protocols that the LMDB store and the memory store both keep.

Knows: tables, transactions, the order in which things become durable. Refuses to know: refs, folders, commands.
Implements: spec 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mvcs.ports import unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from mvcs.objects.hashing import Oid
    from mvcs.store.splitters.layout import Layout

# Tables of `meta`; keys and values are bytes (spec 7.2).
OBJECTS = "objects"
RECIPES = "recipes"
CHUNKS = "chunks"
REFS = "refs"
ROOTS = "roots"
LEDGER = "ledger"
GRAPH = "graph"
STAT = "stat"
PROGRESS = "progress"
PINS = "pins"
MAPPED = "mapped"
TABLES = (OBJECTS, RECIPES, CHUNKS, REFS, ROOTS, LEDGER, GRAPH, STAT, PROGRESS, PINS, MAPPED)
DERIVED = (CHUNKS, GRAPH, STAT, MAPPED)
"""Tables that can be deleted and rebuilt."""

INLINE = 16 << 10
"""Bytes; blobs up to this size lie in `meta`, larger ones in chunk segments."""
ONE_CHUNK = 256 << 10
"""Bytes; blobs up to this size are one chunk, larger ones are cut and have a recipe list."""


class Readable(Protocol):
    """One consistent view of the tables."""

    def get(self, table: str, key: bytes) -> bytes | None:
        """Returns a value, None if the key is not there."""
        ...

    def items(self, table: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yields (key, value) of the keys with this prefix, in key order."""
        ...

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns the verified payload of a structured object.

        Raises:
            ObjectMissing: If it is not there.
            ObjectCorrupt: If its bytes do not hash to the oid.
        """
        ...


class Writable(Readable, Protocol):
    """A write transaction: all of it becomes durable together, or nothing."""

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Sets a value."""
        ...

    def delete(self, table: str, key: bytes) -> bool:
        """Removes a key; returns whether it was there."""
        ...

    def put_object(self, kind: str, payload: bytes) -> Oid:
        """Stores a structured object; idempotent."""
        ...


class BlobReader(Protocol):
    """A blob as a seekable, read-only file; every byte is verified before it is handed out."""

    size: int

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes from the position, all that is left if negative."""
        ...

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves the position."""
        ...

    def close(self) -> None:
        """Releases the blob."""
        ...


class Batch(Protocol):
    """Objects on their way in. Nothing is promised before `Store.write` has ended with them.

    Bytes reach the disk in the order chunks, recipe lists, trees and commits (law 1).
    """

    def put_bytes(self, content: bytes, near: Sequence[Oid] = ()) -> Oid:
        """Adds a blob; `near` as in `put_file`."""
        ...

    def put_file(
        self, descriptor: int, size: int, heard: Callable[[int], None] = unheard, near: Sequence[Oid] = (),
        described: Callable[[], Layout | None] | None = None,
    ) -> tuple[Oid, int]:
        """Adds a blob from an open file, read once to its end.

        Args:
            descriptor: The open file.
            size: Its size as it is expected.
            heard: Called with the bytes of each piece as it is read.
            near: Blobs that it is likely to resemble, such as the file's earlier versions, the likeliest first.
            described: Says where its tensors are as far as other files tell, if the file does not itself.

        Returns:
            The oid and the number of bytes read, which is not `size` when the file changed meanwhile.
        """
        ...

    def put_pieces(
        self, pieces: Iterator[bytes], size: int, near: Sequence[Oid] = (), layout: Layout | None = None
    ) -> Oid:
        """Adds a blob that comes in pieces, `size` bytes in all.

        Args:
            pieces: Its bytes.
            size: How many.
            near: As in `put_file`.
            layout: Where its tensors are, if it is known.
        """
        ...

    def put_object(self, kind: str, payload: bytes) -> Oid:
        """Adds a structured object."""
        ...

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns a blob or structured object that is stored or on its way in."""
        ...

    def has(self, oid: Oid) -> bool:
        """Whether an object is stored or on its way in."""
        ...

    def settle(self) -> None:
        """Makes every chunk durable; call it before the transaction of `finish` is opened."""
        ...

    def finish(self, transaction: Any) -> None:  # noqa: ANN401 -- each store has its own transaction
        """Puts all that is still on its way into this write transaction of the same store."""
        ...


class Store(Protocol):
    """Objects by oid, and the tables beside them."""

    def read(self) -> AbstractContextManager[Readable]:
        """Opens a read transaction."""
        ...

    def write(self) -> AbstractContextManager[Writable]:
        """Opens a write transaction; an exception leaves everything as it was."""
        ...

    def batch(self) -> AbstractContextManager[Batch]:
        """Opens a batch; the caller holds the repository's lock from here to the ref move."""
        ...

    def load(self, oid: Oid, kind: str) -> bytes:
        """Returns the verified payload of a structured object."""
        ...

    def kind(self, oid: Oid) -> str | None:
        """Returns the kind of an object, None if it is not here."""
        ...

    def missing(self, blobs: Iterable[Oid]) -> set[Oid]:
        """Returns those blobs that are not here."""
        ...

    def open(self, oid: Oid) -> BlobReader:
        """Opens a blob for reading.

        Raises:
            ObjectMissing: If it is not here.
        """
        ...

    def read_blob(self, oid: Oid, limit: int | None = None) -> bytes:
        """Returns a whole blob, at most its first `limit` bytes."""
        ...

    def export(self, oid: Oid, descriptor: int) -> int:
        """Writes a verified blob to an open file; returns the bytes written."""
        ...

    def objects(self) -> Iterator[tuple[Oid, str]]:
        """Yields (oid, kind) of all that is stored, without order; a cut blob once."""
        ...

    def close(self) -> None:
        """Releases the store; using it again opens it again."""
        ...
