"""The file that a merge of tensors gives: stretches of the sides' files, and bytes that are made when asked for.

Knows: parts in a row, the header of safetensors. Refuses to know: what is decided, what numbers mean. It is never in
memory as a whole.
"""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, UnreadableContent
from mvcs.objects.record import Record
from mvcs.store.splitters.layout import element_width
from mvcs.store.splitters.safetensors import split_safetensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mvcs.store.splitters.layout import Layout
    from mvcs.store.splitters.source import Source
    from mvcs.store.splitters.tensors import Tensor

PIECE = 1 << 20
"""Bytes that are read at once."""
FORM = "a file of tensors"
"""How a reason calls what cannot be merged by tensor."""


class Part(Record):
    """A stretch of a file.

    Args:
        length: In bytes.
        pieces: Returns them, as often as it is called.
    """

    __slots__ = ("length", "pieces")

    def __init__(self, length: int, pieces: Callable[[], Iterable[bytes]]) -> None:
        self.length = length
        self.pieces = pieces


def copied(source: Source, offset: int, length: int) -> Part:
    """Returns a stretch of another file."""

    def pieces() -> Iterator[bytes]:
        for at in range(offset, offset + length, PIECE):
            wanted = min(PIECE, offset + length - at)
            piece = source.read_at(at, wanted)
            if len(piece) != wanted:
                raise UnreadableContent(format=FORM, line=0, reason=f"it ends at {at + len(piece)}")
            yield piece

    return Part(length, pieces)


def given(content: bytes) -> Part:
    """Returns these bytes as a part."""
    return Part(len(content), lambda: (content,))


class Assembled:
    """Content that is put together of parts.

    Args:
        parts: In order.
        layout: Where its tensors are.
    """

    def __init__(self, parts: Iterable[Part], layout: Layout) -> None:
        self._parts = [part for part in parts if part.length]
        self._starts = [0, *accumulate(part.length for part in self._parts)]
        self.layout = layout

    @property
    def size(self) -> int:
        """How many bytes."""
        return self._starts[-1]

    def read(self) -> bytes:
        """Returns all of them."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yields them in pieces."""
        for part in self._parts:
            yield from part.pieces()

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end; what is made for them is made from its start."""
        found = bytearray()
        end = offset + max(length, 0)
        for start, part in zip(self._starts, self._parts, strict=False):
            if start >= end or start + part.length <= offset:
                continue
            at = start
            for piece in part.pieces():
                found += piece[max(0, offset - at) : max(0, end - at)]
                at += len(piece)
                if at >= end:
                    break
        return bytes(found)


def patched(source: Source, start: int, end: int, changed: Iterable[tuple[int, Part]]) -> list[Part]:
    """Returns a stretch of a file with other bytes at some places in it, none of which overlap.

    Args:
        source: The file.
        start: Where the stretch begins.
        end: Where it ends.
        changed: Offset in the file and what is there instead.
    """
    parts: list[Part] = []
    for offset, part in sorted(changed, key=lambda item: item[0]):
        parts += [copied(source, start, offset - start), part]
        start = offset + part.length
    return [*parts, copied(source, start, end - start)]


def in_place(source: Source, layout: Layout, changed: Iterable[tuple[int, Part]]) -> Assembled:
    """Returns a file with other bytes at some places; `layout` are its tensors, which are the result's."""
    return Assembled(patched(source, 0, source.size, changed), layout)


def safetensors(metadata: bytes, tensors: list[tuple[Tensor, Part]], order: list[str]) -> Assembled:
    """Returns a safetensors file.

    Wide elements lie before narrow ones, as the format's own writer has them, so that each is where its type asks for.

    Args:
        metadata: JSON of `__metadata__`; empty without.
        tensors: Each with its bytes, in the order in which they lie otherwise.
        order: Names in the order of the header.

    Raises:
        UnreadableContent: If they make no file that could be read.
    """
    lying = sorted(tensors, key=lambda item: -element_width(item[0].dtype))
    ends = list(accumulate((part.length for _, part in lying), initial=0))
    entries = {
        tensor.name: {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": ends[index : index + 2]}
        for index, (tensor, _) in enumerate(lying)
    }
    fields = [b'"__metadata__":' + metadata] if metadata else []
    fields += [_json(name) + b":" + _json(entries[name]) for name in dict.fromkeys(order) if name in entries]
    header = b"{" + b",".join(fields) + b"}"
    header += b" " * (-len(header) % 8)
    head = len(header).to_bytes(8, "little") + header
    try:
        layout = split_safetensors(_Headed(head, len(head) + ends[-1]))
    except InvalidObject as error:
        raise UnreadableContent(format=FORM, line=0, reason=str(error.fields["reason"])) from error
    return Assembled([given(head), *(part for _, part in lying)], layout)


class _Headed:
    """A file of which only the header is there yet."""

    def __init__(self, head: bytes, size: int) -> None:
        self._head = head
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        return self._head[offset : offset + length]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
