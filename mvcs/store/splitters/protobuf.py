"""The wire format of Protocol Buffers: fields of a message, one after the other, large ones skipped.

Knows: tags and lengths. Refuses to know: schemas. Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.source import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.splitters.source import Source

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Wire:
    """A message and the messages in it.

    Args:
        source: The outermost message.
        most: Fields that may be read in all of them together.
    """

    __slots__ = ("_left", "_window")

    def __init__(self, source: Source, most: int) -> None:
        self._window = Window(source, 0, source.size)
        self._left = most

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yields (number, wire type, value, offset) of each field; of bytes the value is their length.

        While it waits the fields of a message in the message can be read.

        Raises:
            InvalidObject: If a field leaves the message, has a type that is out of use, or there are too many.
        """
        window = self._window
        window.at = start
        while (at := window.at) < end:
            self._left -= 1
            tag = window.varint()
            number, kind = tag >> 3, tag & 7
            if self._left < 0 or not 0 < number < 1 << 29:
                raise InvalidObject(kind="protobuf", reason=f"field {number} at {at}, or too many")
            value = 0
            if kind in {VARINT, BYTES}:
                value = window.varint()
            elif kind not in {FIXED32, FIXED64}:
                raise InvalidObject(kind="protobuf", reason=f"wire type {kind} at {at}")
            at = window.at
            after = at + (value if kind == BYTES else 8 if kind == FIXED64 else 4 if kind == FIXED32 else 0)
            if after > end:
                raise InvalidObject(kind="protobuf", reason=f"the field at {at} leaves its message")
            yield number, kind, value, at
            window.at = after

    def read(self, at: int, length: int, most: int) -> bytes:
        """Returns the bytes of a field.

        Raises:
            InvalidObject: If they are more than `most`.
        """
        if length > most:
            raise InvalidObject(kind="protobuf", reason=f"{length} bytes at {at}")
        self._window.at = at
        return self._window.take(length)

    def varints(self, at: int, length: int, most: int) -> list[int]:
        """Returns packed integers, at most so many.

        Raises:
            InvalidObject: If they are more, or do not fill the bytes.
        """
        window = self._window
        window.at = at
        found = []
        while window.at < at + length:
            found.append(window.varint())
            if len(found) > most or window.at > at + length:
                raise InvalidObject(kind="protobuf", reason=f"packed integers at {at}")
        return found
