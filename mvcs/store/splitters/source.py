"""Bytes that can be read at any place, and a window that walks over them.

Knows: offsets, buffers. Refuses to know: formats.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mvcs.errors import InvalidObject
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid

READ_AHEAD = 64 << 10
"""Bytes that a window reads at once; what is skipped is not read."""


class Source(Protocol):
    """What a splitter reads."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        ...


class Span(Record):
    """A stretch of bytes inside a content that is known by its oid.

    Args:
        oid: The content's.
        start: Offset of the first byte in it.
        length: In bytes.
        whole: Bytes of the content.
    """

    __slots__ = ("length", "oid", "start", "whole")

    def __init__(self, oid: Oid, start: int, length: int, whole: int) -> None:
        self.oid = oid
        self.start = start
        self.length = length
        self.whole = whole


@runtime_checkable
class Known(Protocol):
    """A source of which it is known what its ranges are made of, without reading them."""

    def spans(self, offset: int, length: int) -> list[Span]:
        """Returns what a range is made of, in order."""
        ...


def same_stretch(first: Source, at: int, second: Source, there: int, length: int) -> bool:
    """Whether the same stretches of the same contents make up two ranges; if not, the bytes may still be the same.

    Args:
        first: One source.
        at: Where the range begins in it.
        second: The other.
        there: Where it begins there.
        length: Bytes of both.
    """
    if not (isinstance(first, Known) and isinstance(second, Known)):
        return False
    return first.spans(at, length) == second.spans(there, length)


class FileSource:
    """An open file; its position is not moved.

    Args:
        descriptor: Of a regular file, open for reading.
        size: Bytes, as the caller's stat says.
    """

    __slots__ = ("_descriptor", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end.

        Raises:
            OSError: If the file cannot be read.
        """
        length = min(length, self.size - offset)
        return os.pread(self._descriptor, length, offset) if length > 0 else b""


class BytesSource:
    """Bytes in memory.

    Args:
        content: The bytes; not copied.
    """

    __slots__ = ("_view", "size")

    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(content).cast("B")
        self.size = len(self._view)

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        return bytes(self._view[offset : offset + max(length, 0)])


class Window:
    """Reads a stretch of a source from front to back, with skips.

    Args:
        source: What is read.
        at: Where to begin.
        end: Where the stretch ends.
    """

    __slots__ = ("_buffer", "_source", "_start", "at", "end")

    def __init__(self, source: Source, at: int, end: int) -> None:
        self._source = source
        self._buffer = b""
        self._start = 0
        self.at = at
        self.end = min(end, source.size)

    def take(self, length: int) -> bytes:
        """Returns the next bytes and moves behind them.

        Raises:
            InvalidObject: If there are not that many.
        """
        begin = self.at - self._start
        if begin < 0 or begin + length > len(self._buffer):
            self._fill(length)
            begin = 0
        self.at += length
        return self._buffer[begin : begin + length]

    def skip(self, length: int) -> None:
        """Moves on without reading.

        Raises:
            InvalidObject: If there are not that many bytes.
        """
        if length < 0 or length > self.end - self.at:
            raise InvalidObject(kind="file", reason=f"{length} bytes at {self.at} are not there")
        self.at += length

    def varint(self) -> int:
        """Returns the next variable-length integer, as Protocol Buffers have them.

        Raises:
            InvalidObject: If it is longer than 64 bits or cut off.
        """
        begin = self.at - self._start
        if 0 <= begin < len(self._buffer) and self._buffer[begin] < 0x80:  # most are one byte
            self.at += 1
            return self._buffer[begin]
        value = 0
        for shift in range(0, 70, 7):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF
        raise InvalidObject(kind="file", reason=f"the integer at {self.at} does not end")

    def _fill(self, length: int) -> None:
        if length < 0 or length > self.end - self.at:
            raise InvalidObject(kind="file", reason=f"{length} bytes at {self.at} are not there")
        self._buffer = self._source.read_at(self.at, min(max(length, READ_AHEAD), self.end - self.at))
        self._start = self.at
        if len(self._buffer) < length:
            raise InvalidObject(kind="file", reason=f"it ends at {self.at + len(self._buffer)}")


def read_all(source: Source, offset: int, length: int, kind: str) -> bytes:
    """Returns exactly these bytes.

    Raises:
        InvalidObject: If they are not there.
    """
    if offset < 0 or length < 0 or offset + length > source.size:
        raise InvalidObject(kind=kind, reason=f"{length} bytes at {offset} are not there")
    content = source.read_at(offset, length)
    if len(content) != length:
        raise InvalidObject(kind=kind, reason=f"it ends at {offset + len(content)}")
    return content
