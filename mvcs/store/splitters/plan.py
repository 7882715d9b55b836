"""Where a file with known tensors is cut: constants for ever, for they decide what versions share.

Knows: regions and gaps. Refuses to know: formats, bytes. Implements: spec 6.1.1. Decisions: docs/design/0014.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from mvcs.errors import InvalidObject
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.splitters.layout import Layout, Region

LARGE = 64 << 10
"""Bytes from which a region has chunks of its own."""
PIECE = 1_048_512
"""Bytes of a chunk of a large region: with its header and LMDB's it fills 256 pages."""
RUN = 256 << 10
"""Most bytes of a run of small regions; a gap that is longer is cut by content."""
SPACING = 128 << 10
"""Bytes after which a run ends on average, by the names of its regions."""


class Cut(Record):
    """One stretch of a file.

    Args:
        offset: In the file.
        length: In bytes, above 0.
        region: Index of the region that lies at the start, None if a gap does.
        position: Of the cut in this region, in bytes.
        width: Bytes of an element if all regions in the cut have the same and lie at multiples of it, else 0: a hint.
        fastcdc: Whether the stretch is to be cut further, by content.
    """

    __slots__ = ("fastcdc", "length", "offset", "position", "region", "width")

    def __init__(
        self,
        offset: int,
        length: int,
        *,
        region: int | None = None,
        position: int = 0,
        width: int = 0,
        fastcdc: bool = False,
    ) -> None:
        self.offset = offset
        self.length = length
        self.region = region
        self.position = position
        self.width = width
        self.fastcdc = fastcdc


class _Run:
    """Small regions and the gaps between them that will be one chunk."""

    __slots__ = ("at", "region", "start", "width")

    def __init__(self, start: int) -> None:
        self.start = self.at = start
        self.region: int | None = None
        self.width: int | None = None

    def add(self, index: int, region: Region) -> None:
        if self.start == region.offset:
            self.region = index
        width = region.width
        fits = width and not (region.offset - self.start) % width and not region.length % width
        self.width = width if fits and self.width in {None, width} else 0
        self.at = region.end

    def close(self) -> Iterator[Cut]:
        if self.at > self.start:
            yield Cut(self.start, self.at - self.start, region=self.region, width=self.width or 0)
        self.start, self.region, self.width = self.at, None, None


def plan(layout: Layout, size: int) -> Iterator[Cut]:
    """Yields the cuts of a file in order; they fill it without a hole.

    Args:
        layout: What a splitter has found.
        size: Bytes of the file.

    Raises:
        InvalidObject: If the file is smaller than its layout.
    """
    regions = layout.regions
    if regions and size < regions[-1].end:
        raise InvalidObject(kind="layout", reason=f"{size} bytes, and a region ends at {regions[-1].end}")
    run = _Run(0)
    for index, region in enumerate(regions):
        if not region.length:
            continue
        if region.offset > run.at:
            yield from _gap(run, region.offset, alone=run.at == 0)
        if region.length >= LARGE:
            yield from run.close()
            yield from _pieces(index, region)
            run.start = run.at = region.end
            continue
        if region.end - run.start > RUN:
            yield from run.close()
        run.add(index, region)
        if _ends_run(region):
            yield from run.close()
    if size > run.at:
        yield from _gap(run, size, alone=True)
    yield from run.close()


def _gap(run: _Run, end: int, *, alone: bool) -> Iterator[Cut]:
    """Cuts off or takes into the run the bytes up to the next region.

    The first gap is the header and the last may be a directory: they change more often than small tensors do.
    """
    length = end - run.at
    if length > RUN or alone:
        yield from run.close()
        yield Cut(run.start, length, fastcdc=length > RUN)
        run.start = run.at = end
        return
    if end - run.start > RUN:
        yield from run.close()
    run.at = end


def _pieces(index: int, region: Region) -> Iterator[Cut]:
    for position in range(0, region.length, PIECE):
        length = min(PIECE, region.length - position)
        yield Cut(region.offset + position, length, region=index, position=position, width=region.width)


def _ends_run(region: Region) -> bool:
    """Whether a run ends after this region: so a tensor that comes or goes moves the runs around it only."""
    return crc32(region.name.encode()) * SPACING < region.length << 32
