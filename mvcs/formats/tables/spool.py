"""Private temporary files: a file being made, and rows waiting in partitions until they are joined.

The one place of the formats that writes. The files have no name (they are unlinked as soon as they are made), so they
are gone in every case, also when the process is killed. Knows: bytes and numbers. Refuses to know: rows, keys.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final

from mvcs.errors import NO_SPACE, StoreFull

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE: Final = 1 << 20
HELD: Final = 12 << 20
"""Bytes of rows that wait in memory before they go to the disk, with what Python needs for them."""
LARGE: Final = 8 << 20
"""Bytes of a partition above which its byte strings are not read with the numbers, but one by one when asked for."""
_OVERHEAD: Final = 48

Place = tuple[int, int]
"""(start, length) of a byte string on the disk"""


class Spool:
    """A file that is made in order and can be read as content; it goes when the object goes."""

    __slots__ = ("__weakref__", "_descriptor", "_finalizer", "_held", "_waiting", "size")

    def __init__(self) -> None:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- lives as long as this object
        self._descriptor = file.fileno()
        self._finalizer = weakref.finalize(self, file.close)
        self._held: list[bytes] = []
        self._waiting = 0
        self.size = 0

    def write(self, content: bytes) -> int:
        """Appends bytes; returns where they stand."""
        at = self.size
        self._held.append(content)
        self._waiting += len(content) + _OVERHEAD
        self.size += len(content)
        if self._waiting >= PIECE:
            self._flush()
        return at

    def cut(self, size: int) -> None:
        """Takes bytes off the end."""
        self._flush()
        self.size -= size
        os.ftruncate(self._descriptor, self.size)

    def _flush(self) -> None:
        if self._held:
            content = b"".join(self._held)
            _write(self._descriptor, content, self.size - len(content))
            self._held, self._waiting = [], 0

    def at(self, start: int, length: int) -> bytes:
        """Returns bytes by their place."""
        self._flush()
        return _read(self._descriptor, start, length)

    def part(self, start: int, length: int) -> Iterator[bytes]:
        """Yields bytes by their place, in pieces."""
        for at in range(start, start + length, PIECE):
            yield self.at(at, min(PIECE, start + length - at))

    def read(self) -> bytes:
        """Returns all bytes."""
        return self.at(0, self.size)

    def pieces(self) -> Iterator[bytes]:
        """Yields all bytes."""
        return self.part(0, self.size)

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        return self.at(offset, max(0, min(length, self.size - offset)))

    def close(self) -> None:
        """Gives the file back."""
        self._finalizer()


class Partitions:
    """Records in partitions; a partition is read as a whole, in the order in which its records came.

    Args:
        numbers: Numbers of a record, 0 <= number < 2**63.
        texts: Byte strings of a record, each shorter than 4 GiB; they follow the numbers.
    """

    __slots__ = ("_numbers", "_parts", "_segments", "_spool", "_texts", "_waiting")

    def __init__(self, numbers: int, texts: int) -> None:
        self._numbers = numbers
        self._texts = texts
        self._parts: dict[int, list[Any]] = {}
        self._segments: dict[int, array[int]] = {}
        self._spool = Spool()
        self._waiting = 0

    def __contains__(self, partition: int) -> bool:
        return partition in self._parts or partition in self._segments

    def __bool__(self) -> bool:
        return bool(self._parts or self._segments)

    def of(self, partition: int) -> list[Any]:
        """Returns where a partition's records are put, one field after the other; `grow` must be told."""
        part = self._parts.get(partition)
        if part is None:
            part = self._parts[partition] = []
        return part

    def grow(self, size: int) -> bool:
        """Tells how many bytes were put; returns whether the lists that `of` gave are over, for they went to disk."""
        self._waiting += size
        if self._waiting < HELD:
            return False
        self._flush()
        return True

    def put(self, partition: int, *fields: int | bytes) -> None:
        """Puts one record."""
        self.of(partition).extend(fields)
        self.grow(sum(len(field) + _OVERHEAD if isinstance(field, bytes) else _OVERHEAD for field in fields))

    def _flush(self) -> None:
        width = self._numbers + self._texts
        for partition, part in self._parts.items():
            if not part:
                continue
            segment = [array("Q", part[field::width]).tobytes() for field in range(self._numbers)]
            for field in range(self._numbers, width):
                texts: list[bytes] = part[field::width]
                segment.extend((array("I", map(len, texts)).tobytes(), *texts))
            content = b"".join(segment)
            where = self._segments.setdefault(partition, array("Q"))
            where.extend((self._spool.write(content), len(content), len(part) // width))
        self._parts = {}
        self._waiting = 0

    def size(self, partition: int) -> int:
        """Returns how many bytes of a partition lie on the disk."""
        return sum(self._segments.get(partition, array("Q"))[1::3])

    def segments(self, partition: int, *, places: bool = False) -> Iterator[list[list[Any]]]:
        """Yields the fields of a partition's records, a list for each, a bounded number of records at a time.

        Args:
            partition: Which one.
            places: Whether to give the places of byte strings, for `fetch`, where they lie on the disk.
        """
        width = self._numbers + self._texts
        where = self._segments.get(partition, array("Q"))
        for index in range(0, len(where), 3):
            start, length, count = where[index : index + 3]
            segment = b"" if places else self._spool.at(start, length)
            fields: list[list[Any]] = []
            at = 0
            for _ in range(self._numbers):
                numbers = segment[at : at + 8 * count] or self._spool.at(start + at, 8 * count)
                fields.append(memoryview(numbers).cast("Q").tolist())
                at += 8 * count
            for _ in range(self._texts):
                lengths = segment[at : at + 4 * count] or self._spool.at(start + at, 4 * count)
                ends = [*accumulate(memoryview(lengths).cast("I"), initial=at + 4 * count)]
                if places:
                    fields.append([(start + a, b - a) for a, b in pairwise(ends)])
                else:
                    fields.append([segment[a:b] for a, b in pairwise(ends)])
                at = ends[-1]
            yield fields
        part = self._parts.get(partition, [])
        if part:
            yield [part[field::width] for field in range(width)]

    def read(self, partition: int) -> list[list[Any]]:
        """Returns the fields of a partition's records: a list for each."""
        fields: list[list[Any]] = [[] for _ in range(self._numbers + self._texts)]
        for segment in self.segments(partition):
            for field, found in zip(fields, segment, strict=True):
                field += found
        return fields

    def records(self, partition: int) -> list[tuple[Any, ...]]:
        """Returns a partition's records, sorted; byte strings of a large one must be fetched, of any one may be."""
        found: list[tuple[Any, ...]] = []
        for fields in self.segments(partition, places=self.size(partition) > LARGE):
            found.extend(zip(*fields, strict=True))
        return sorted(found)

    def fetch(self, text: bytes | Place) -> bytes:
        """Returns a byte string of a record."""
        return text if isinstance(text, bytes) else self._spool.at(*text)

    def close(self) -> None:
        """Gives the file back."""
        self._spool.close()


def _write(descriptor: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    try:
        while view:
            done = os.pwrite(descriptor, view, at)
            view, at = view[done:], at + done
    except OSError as error:
        if error.errno in NO_SPACE:
            free = os.fstatvfs(descriptor)
            raise StoreFull(path=tempfile.gettempdir(), free=free.f_bavail * free.f_frsize) from error
        raise


def _read(descriptor: int, start: int, length: int) -> bytes:
    found = os.pread(descriptor, length, start)
    if len(found) == length:
        return found
    parts = [found]
    while (missing := length - sum(map(len, parts))) > 0:
        part = os.pread(descriptor, missing, start + length - missing)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
