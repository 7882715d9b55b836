"""Packs: many records of objects, recipe lists and chunks in one immutable file.

The records lie back to back, so that a range of neighbours is nothing but records; a table at the end says which they
are, for whoever has lost the index. A pack is never held as a whole: it is a plan, and a stream that asks for a record
when it comes to it. Knows: the layout. Refuses to know: what is in a record, where it comes from.
Implements: spec 9.1.2.
"""

from __future__ import annotations

import io
import struct
import zlib
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from mvcs.errors import InvalidObject
from mvcs.objects.hashing import OID_BYTES, BlobHasher, Oid, blob_oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

OBJECT, RECIPE, CHUNK = 0, 1, 2
"""Sorts of records: a row of an object, a recipe list, a chunk record (spec 7.5, 6.4, 6.2)."""
SORTS = (OBJECT, RECIPE, CHUNK)

PACK = 64 << 20
"""Bytes of records after which a pack is full."""
META_PACK = 4 << 20
"""The same for packs of objects: they are read one by one, by people who wait."""
LONGEST = 9 << 20
"""Bytes of a record; a chunk has at most 8 MiB."""

MAGIC = b"mvcspack"
VERSION = 1
ROW = struct.Struct("<BI32s")
TRAILER = struct.Struct("<8sII8s")
"""Magic, version, number of rows, the first 8 bytes of the BLAKE3 of the table."""


class Item(Record):
    """A record of a pack.

    Args:
        oid: Of what it is the record.
        sort: OBJECT, RECIPE or CHUNK.
        length: In bytes.
    """

    __slots__ = ("length", "oid", "sort")

    def __init__(self, oid: Oid, sort: int, length: int) -> None:
        self.oid = oid
        self.sort = sort
        self.length = length


def plan_packs(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Yields the items in lists whose records have at most so many bytes, in order; a longer one stands alone."""
    taken: list[Item] = []
    size = 0
    for item in items:
        if taken and size + item.length > most:
            yield taken
            taken, size = [], 0
        taken.append(item)
        size += item.length
    if taken:
        yield taken


class PackBody:
    """A pack that is read as a stream, as often as is asked.

    Args:
        items: Its records in order.
        load: Returns the record of an item; the same at each call.
    """

    def __init__(self, items: Sequence[Item], load: Callable[[Item], bytes]) -> None:
        self.items = items
        self._load = load
        self._starts = [0, *accumulate(item.length for item in items)]
        table = b"".join(ROW.pack(item.sort, item.length, item.oid) for item in items)
        self._end = table + TRAILER.pack(MAGIC, VERSION, len(items), blob_oid(table)[:8])
        self._summed: tuple[Oid, int] | None = None
        self.size = self._starts[-1] + len(self._end)

    @property
    def starts(self) -> list[int]:
        """Offset of each record."""
        return self._starts[:-1]

    def open(self) -> io.BufferedReader:
        """Returns a new stream over it."""
        return io.BufferedReader(_Stream(self), 1 << 20)

    def name(self) -> Oid:
        """Returns what it is called by: the BLAKE3 of all its bytes."""
        return self._sums()[0]

    def crc32(self) -> int:
        """Returns the CRC-32 of all its bytes."""
        return self._sums()[1]

    def _sums(self) -> tuple[Oid, int]:
        if self._summed is None:
            hasher, checksum = BlobHasher(), 0
            with self.open() as stream:
                while piece := stream.read(1 << 20):
                    hasher.update(piece)
                    checksum = zlib.crc32(piece, checksum)
            self._summed = hasher.oid(), checksum
        return self._summed

    def piece(self, at: int) -> tuple[int, bytes]:
        """Returns the record, or the end, that a byte is in, and where that begins.

        Raises:
            InvalidObject: If a record is not as long as it was said to be.
        """
        index = bisect_right(self._starts, at) - 1
        if index >= len(self.items):
            return self._starts[-1], self._end
        while not self.items[index].length:  # of several that begin here only the last has bytes
            index += 1
        item = self.items[index]
        record = self._load(item)
        if len(record) != item.length:
            raise InvalidObject(kind="record", reason=f"{len(record)} bytes, not {item.length}")
        return self._starts[index], record


class _Stream(io.RawIOBase):
    def __init__(self, body: PackBody) -> None:
        self._body = body
        self._at = 0
        self._start = 0
        self._record = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._body.size}[whence]
        self._at = max(begin + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- a writable buffer
        if self._at >= self._body.size:
            return 0
        if not self._start <= self._at < self._start + len(self._record):
            self._start, self._record = self._body.piece(self._at)
        at = self._at - self._start
        piece = memoryview(self._record)[at : at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def read_table(size: int, read: Callable[[int, int], bytes]) -> list[tuple[Item, int]]:
    """Reads which records a pack has, and where they lie.

    Args:
        size: Bytes of the pack.
        read: Returns bytes of it, by offset and length.

    Raises:
        InvalidObject: If it is no pack, or damaged.
    """
    trailer = read(size - TRAILER.size, TRAILER.size) if size >= TRAILER.size else b""
    if len(trailer) != TRAILER.size:
        raise InvalidObject(kind="pack", reason="too short")
    magic, version, count, checksum = TRAILER.unpack(trailer)
    if magic != MAGIC or version != VERSION:
        raise InvalidObject(kind="pack", reason="it does not end as a pack")
    length = count * ROW.size
    if length > size - TRAILER.size:
        raise InvalidObject(kind="pack", reason="more rows than bytes")
    table = read(size - TRAILER.size - length, length)
    if len(table) != length or blob_oid(table)[:8] != checksum:
        raise InvalidObject(kind="pack", reason="the table is damaged")
    found, at = [], 0
    for sort, record, oid in ROW.iter_unpack(table):
        if sort not in SORTS or record > LONGEST:
            raise InvalidObject(kind="pack", reason="a row that is none")
        found.append((Item(Oid(oid), sort, record), at))
        at += record
    if at != size - TRAILER.size - length:
        raise InvalidObject(kind="pack", reason="the rows do not add up to the pack")
    return found


assert ROW.size == OID_BYTES + 5
