"""Cuts a stream by a plan.

Knows: buffers. Refuses to know: why the cuts are where they are. Implements: spec 6.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.store.splitters.plan import RUN, Cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP = 4 << 20
"""Bytes that are handed on at once, about."""

Chunks = list[tuple[memoryview, Cut]]


def cut_by_plan(pieces: Iterable[bytes], cuts: Iterable[Cut]) -> Iterator[Chunks]:
    """Cuts a stream of pieces where a plan says so, and by content where it leaves that open.

    All bytes come out also if the file has changed since the plan was made: a stream that ends early gives the last cut
    shorter, one that goes on gives runs of 256 KiB.

    Args:
        pieces: The file from front to back.
        cuts: Of a plan.

    Yields:
        Lists of chunks with what the plan says of them, in order. The lists do not depend on the pieces, except that
        stretches cut by content come in lists of their own. Most views are into a piece; one that spans two is a copy.
    """
    stream = _Stream(pieces)
    group: Chunks = []
    held = 0
    for cut in cuts:
        if cut.fastcdc:
            if group:
                yield group
                group, held = [], 0
            yield from _by_content(stream, cut)
            continue
        view = stream.take(cut.length)
        if not view:
            break
        if len(view) < cut.length:
            cut = Cut(cut.offset, len(view), region=cut.region, position=cut.position, width=cut.width)
        group.append((view, cut))
        held += len(view)
        if held >= GROUP:
            yield group
            group, held = [], 0
    while view := stream.take(RUN):
        group.append((view, Cut(stream.at - len(view), len(view))))
        held += len(view)
        if held >= GROUP:
            yield group
            group, held = [], 0
    if group:
        yield group


def _by_content(stream: _Stream, cut: Cut) -> Iterator[Chunks]:
    from mvcs.store.cutting import cut as cut_by_content

    at = stream.at
    for views in cut_by_content(stream.limited(cut.length)):
        group = []
        for view in views:
            group.append((view, Cut(at, len(view))))
            at += len(view)
        yield group


class _Stream:
    """Pieces of bytes, taken in other lengths."""

    __slots__ = ("_piece", "_pieces", "at")

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self.at = 0

    def _more(self) -> bool:
        """Brings a piece if none is left; returns whether there are bytes."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = memoryview(piece)
        return True

    def take(self, length: int) -> memoryview:
        """Returns the next bytes, fewer at the end."""
        if self._more() and len(self._piece) >= length:
            view, self._piece = self._piece[:length], self._piece[length:]
            self.at += length
            return view
        joined = bytearray()
        while len(joined) < length and self._more():
            part = self._piece[: length - len(joined)]
            self._piece = self._piece[len(part) :]
            joined += part
        self.at += len(joined)
        return memoryview(bytes(joined))

    def limited(self, length: int) -> Iterator[bytes]:
        """Yields the next bytes in the pieces they come in."""
        while length and self._more():
            part = self._piece[:length]
            self._piece = self._piece[len(part) :]
            length -= len(part)
            self.at += len(part)
            yield bytes(part)
