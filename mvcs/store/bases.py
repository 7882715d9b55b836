"""What a new chunk is likely to resemble: chunks of earlier blobs, by tensor or by place.

Knows: how an earlier blob is cut and where its tensors lie. Refuses to know: whether a basis pays (`encoding`), paths.
Implements: spec 6.3 (what a writer should do), 12.1.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from mvcs.errors import MvcsError
from mvcs.store.records import MAX_BASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mvcs.objects.hashing import Oid
    from mvcs.store.base import BlobReader
    from mvcs.store.records import RecipeList
    from mvcs.store.splitters.layout import Layout, Region
    from mvcs.store.splitters.plan import Cut

LOOKED_AT = 4
"""Earlier blobs that are looked at for one new blob."""


class Library(Protocol):
    """Where earlier blobs are; see `mvcs.store.lmdb_store.LmdbStore`."""

    def open(self, oid: Oid) -> BlobReader:
        """Opens a blob for reading."""
        ...

    def recipe(self, oid: Oid) -> RecipeList | None:
        """Returns how a blob is cut; None if it is not cut."""
        ...

    def known_chunks(self, oids: Iterable[Oid]) -> set[Oid]:
        """Returns those chunks that are here."""
        ...


class StoredSource:
    """A stored blob as a splitter reads it; see `mvcs.store.splitters.source.Source`."""

    def __init__(self, reader: BlobReader) -> None:
        self._reader = reader
        self.size = reader.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        self._reader.seek(offset)
        return self._reader.read(length)


class _Earlier:
    """One earlier blob: its chunks, and its tensors once they are asked for."""

    def __init__(self, library: Library, oid: Oid) -> None:
        self._library = library
        self.oid = oid
        recipe = library.recipe(oid)
        if recipe is not None:
            self.chunks = recipe.chunks()
            self.starts = [0, *accumulate(recipe.lengths)][:-1]
        else:
            self.chunks = [oid] if library.known_chunks([oid]) else []
            self.starts = [0] * len(self.chunks)
        self.index = {chunk: index for index, chunk in enumerate(self.chunks)}
        self._layout: Layout | None = None
        self._split = recipe is None
        self._at = dict(zip(self.starts, self.chunks, strict=True))

    def layout(self) -> Layout | None:
        if not self._split:
            self._split = True
            from mvcs.store.splitters.detect import split

            reader = self._library.open(self.oid)
            try:
                self._layout = split(StoredSource(reader))
            except MvcsError:  # damaged: fsck names it, and without a basis nothing is lost
                self._layout = None
            finally:
                reader.close()
        return self._layout

    def chunk_at(self, offset: int) -> Oid | None:
        return self._at.get(offset)


class Kin:
    """Earlier blobs that a new one is likely to resemble.

    Args:
        library: Where they are.
        near: Their oids, the likeliest first; what is not here is passed over.
    """

    def __init__(self, library: Library, near: Sequence[Oid]) -> None:
        self._earlier: list[_Earlier] = []
        for oid in dict.fromkeys(near):
            if len(self._earlier) == LOOKED_AT:
                break
            try:
                found = _Earlier(library, oid)
            except MvcsError:
                continue
            if found.chunks:
                self._earlier.append(found)
        self._match: dict[int, tuple[_Earlier, Region]] = {}

    def match(self, layout: Layout) -> None:
        """Finds for each tensor an earlier one: of the same name and type, else of the same type, shape and order."""
        left = list(enumerate(layout.regions))
        for by_name in (True, False):
            for earlier in self._earlier:
                theirs = earlier.layout() if left else None
                if theirs is None:
                    continue
                find = _by_name(theirs) if by_name else _by_order(theirs)
                still = []
                for index, region in left:
                    found = find(region)
                    if found is None:
                        still.append((index, region))
                    else:
                        self._match[index] = (earlier, found)
                left = still

    def tensor_chunk(self, cut: Cut) -> Oid | None:
        """Returns the chunk that holds an earlier tensor from the same position on, None if there is none.

        Where the earlier file does not say where its tensors are, the place in the file tells.
        """
        matched = None if cut.region is None else self._match.get(cut.region)
        if matched is not None:
            return matched[0].chunk_at(matched[1].offset + cut.position)
        if self._earlier and self._earlier[0].layout() is None:
            return self._earlier[0].chunk_at(cut.offset)
        return None

    def window(self, oids: Sequence[Oid], index: int, offset: int) -> list[Oid]:
        """Returns the chunks that stood where a new one stands, in order.

        Args:
            oids: Chunks in a row of the new blob.
            index: The new one among them.
            offset: Of the new one in its blob.
        """
        if not self._earlier:
            return []
        earlier = self._earlier[0]
        last = len(earlier.chunks) - 1
        before, after = _nearest(earlier.index, oids, index, -1), _nearest(earlier.index, oids, index, 1)
        if before is not None and after is not None and 0 < after[1] - before[1] <= MAX_BASES + 1:
            first, end = before[1] + 1, after[1]  # just what stood between the two neighbours
            if first == end:
                first, end = before[1], after[1] + 1
        else:
            if before is not None:
                place = before[1] + before[0]
            elif after is not None:
                place = after[1] - after[0]
            else:
                place = bisect_right(earlier.starts, offset) - 1
            # Two places in a row share a window: loading one takes longer than coding a chunk beside it.
            first = max(0, min(place, last) - 1) // 2 * 2
            end = first + MAX_BASES
        return list(dict.fromkeys(earlier.chunks[first:end]))


def _nearest(index_of: dict[Oid, int], oids: Sequence[Oid], index: int, step: int) -> tuple[int, int] | None:
    """Returns (how far, where among the earlier ones) of the next chunk on one side that was there before."""
    at = index + step
    while 0 <= at < len(oids):
        found = index_of.get(oids[at])
        if found is not None:
            return abs(at - index), found
        at += step
    return None


Find = Callable[["Region"], "Region | None"]


def _by_name(layout: Layout) -> Find:
    def find(region: Region) -> Region | None:
        found = layout.find(region.name)
        return found if found is not None and found.dtype == region.dtype else None

    return find


def _by_order(layout: Layout) -> Find:
    waiting: dict[tuple[str, tuple[int, ...], int], list[Region]] = {}
    for region in reversed(layout.regions):
        waiting.setdefault((region.dtype, region.shape, region.length), []).append(region)

    def find(region: Region) -> Region | None:
        same = waiting.get((region.dtype, region.shape, region.length))
        return same.pop() if same else None

    return find
