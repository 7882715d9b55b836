"""A file of tensors as a merge takes it: units of bytes that are merged once, and what stands beside them.

Knows: ties between tensors, which bytes of two files are the same. Refuses to know: strategies, who decides.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.merge.tensor_assembly import FORM, PIECE
from mvcs.objects.hashing import BlobHasher
from mvcs.objects.record import Record
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.layout import DOUBTS, UNKNOWN_SHAPE
from mvcs.store.splitters.npy import NPY, NPZ
from mvcs.store.splitters.safetensors import SPLITTER as SAFETENSORS
from mvcs.store.splitters.source import same_stretch
from mvcs.store.splitters.tensors import Tensor, by_region
from mvcs.store.splitters.torch_zip import SPLITTER as TORCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content
    from mvcs.store.splitters.layout import Layout, Region
    from mvcs.store.splitters.zip_entries import Entry

_COUNTED = re.compile(r"^(data|constants)/|#[0-9]+$")
"""Names that splitters give: entries of a checkpoint, and what comes again in a graph."""
_IDENTITY = ".data/serialization_id"
"""Entry of a checkpoint that names its bytes, so that it differs wherever they do."""


class Unit(Record):
    """Tensors that are merged together, because they lie in the same bytes: nearly always one.

    Args:
        tensors: The tensors, in the order of the file.
        described: What must be equal for bytes to mean the same: names, types, shapes, strides, places in the unit, and
            how long it is.
        whole: All bytes of the unit as one tensor, in the order in which they lie.
    """

    __slots__ = ("described", "tensors", "whole")

    def __init__(self, tensors: tuple[Tensor, ...], described: tuple[object, ...], whole: Tensor) -> None:
        self.tensors = tensors
        self.described = described
        self.whole = whole

    @property
    def names(self) -> tuple[str, ...]:
        """The tensors' names."""
        return tuple(tensor.name for tensor in self.tensors)

    @property
    def is_plain(self) -> bool:
        """Whether it is known what its bytes mean, without what stands beside them in the file."""
        return bool(self.whole.dtype) and all(tensor.shape != UNKNOWN_SHAPE for tensor in self.tensors)


class TensorSide:
    """One side's file.

    Args:
        content: The file.
        layout: Its regions.
        units: In the order of the file.
    """

    def __init__(self, content: Content, layout: Layout, units: list[Unit]) -> None:
        self.content = content
        self.layout = layout
        self.units = units
        self._by_name = {name: unit for unit in units for name in unit.names}
        self._beside: bytes | None = None

    @property
    def format(self) -> str:
        """Name of its format."""
        return self.layout.splitter.partition("@")[0]

    @property
    def can_grow(self) -> bool:
        """Whether tensors can come and go in the file: nothing else in it says what they are."""
        return self.layout.splitter == SAFETENSORS

    @property
    def is_archive(self) -> bool:
        """Whether its tensors lie in entries with checksums."""
        return self.layout.splitter in {TORCH, NPZ}

    def is_sure(self, unit: Unit) -> bool:
        """Whether names and bytes of a unit mean the same in a file that has something else beside its tensors.

        Names that were made up by counting do not.
        """
        counted = (_COUNTED.search(name) or f"{name}#2" in self._by_name for name in unit.names)
        return unit.is_plain and not any(counted)

    def find(self, name: str) -> Unit | None:
        """Returns the unit that a tensor lies in, None if there is none of this name."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """Returns the tensors' names in the order of the file."""
        return list(self._by_name)

    def beside(self) -> bytes:
        """Returns what stands for all that is in the file beside tensors, checksums and the places of things."""
        if self._beside is None:
            hasher = BlobHasher()
            for start, end in self._gaps():
                for at in range(start, end, PIECE):
                    hasher.update(self.content.read_at(at, min(PIECE, end - at)))
                hasher.update(b"|%d" % (end - start))
            self._beside = bytes(hasher.oid()) + self._labels()
        return self._beside

    def _gaps(self) -> Iterator[tuple[int, int]]:
        """Yields the stretches without tensors; of archives whole entries, as headers have checksums and places."""
        if self.is_archive:
            yield from ((entry.offset, entry.offset + entry.length) for entry in self._others())
            return
        at = 0
        for region in self.layout.regions:
            yield at, region.offset
            at = region.end
        yield at, self.layout.size

    def _others(self) -> list[Entry]:
        starts = [region.offset for region in self.layout.regions]
        return [
            entry for entry in _entries(self.content)
            if bisect_left(starts, entry.offset) == bisect_right(starts, entry.offset + entry.length)
            and not entry.name.endswith(_IDENTITY)
        ]

    def _labels(self) -> bytes:
        if not self.is_archive:
            return b""
        strip = 1 if self.layout.splitter == TORCH else 0  # the folder has the name under which the file was saved
        return "\0".join("/".join(entry.name.split("/")[strip:]) for entry in self._others()).encode()


def read_side(content: Content, whose: str) -> TensorSide:
    """Returns a file by its units.

    Args:
        content: The file.
        whose: How a reason calls it.

    Raises:
        UnreadableContent: If its tensors are not known: it is a pickle, damaged, or of another format.
    """
    layout = split(content)
    if layout is None:
        raise UnreadableContent(
            format=FORM, line=0, reason=f"{whose} is a pickle, damaged, or of a format whose tensors are not known"
        )
    units = [unit for region, tensors in by_region(content, layout) for unit in _units(region, tensors)]
    if layout.splitter in {NPY, NPZ}:
        heads = _heads(content, layout)
        for unit in units:
            unit.described += (heads[unit.whole.offset],)
    return TensorSide(content, layout, units)


def same_unit(first: TensorSide, unit: Unit | None, second: TensorSide, other: Unit | None) -> bool:
    """Whether two files have the same of a unit, bit by bit; what lies in the same stored chunks is not read."""
    if unit is None or other is None:
        return unit is other
    if unit.described != other.described:
        return False
    length = unit.whole.length
    at, there = unit.whole.offset, other.whole.offset
    if not length:
        return True
    return same_stretch(first.content, at, second.content, there, length) or all(
        first.content.read_at(at + step, min(PIECE, length - step))
        == second.content.read_at(there + step, min(PIECE, length - step))
        for step in range(0, length, PIECE)
    )


def _units(region: Region, tensors: list[Tensor]) -> Iterator[Unit]:
    """Yields the units of a region: tensors that share no byte are apart, if together they fill it."""
    groups: list[tuple[int, int, list[Tensor]]] = []
    for tensor in sorted(tensors, key=lambda one: one.offset):
        end = tensor.offset + tensor.length
        if groups and tensor.offset < groups[-1][1]:
            start, last, held = groups.pop()
            held.append(tensor)
            groups.append((start, max(last, end), held))
        else:
            groups.append((tensor.offset, end, [tensor]))
    edges = [region.offset, *(end for _, end, _ in groups)]
    if [start for start, _, _ in groups] != edges[:-1] or edges[-1] != region.end:
        groups = [(region.offset, region.end, tensors)] if tensors else []
    for start, end, held in groups:
        width = region.width
        shape = ((end - start) // width,) if width and not (end - start) % width else UNKNOWN_SHAPE
        described: tuple[object, ...] = tuple(
            (one.name, one.dtype, one.shape, one.strides, one.offset - start, one.length) for one in held
        )
        described += (region.dtype, end - start)
        yield Unit(tuple(held), described, Tensor(held[0].name, region.dtype, shape, start, end - start))


def _heads(content: Content, layout: Layout) -> dict[int, bytes]:
    """Returns the header before each array: two orders of elements may have the same bytes, and mean something else.

    Raises:
        UnreadableContent: If there is more in an entry than an array.
    """
    if layout.splitter == NPY:
        return {region.offset: content.read_at(0, region.offset) for region in layout.regions}
    ends = {entry.offset + entry.length: entry for entry in _entries(content)}
    found = {}
    for region in layout.regions:
        if region.end not in ends:
            raise UnreadableContent(format=FORM, line=0, reason=f"bytes behind the array {region.name}")
        start = ends[region.end].offset
        found[region.offset] = content.read_at(start, region.offset - start)
    return found


def _entries(content: Content) -> list[Entry]:
    from mvcs.store.splitters.zip_entries import read_entries

    try:
        return read_entries(content)
    except DOUBTS as error:
        raise UnreadableContent(format=FORM, line=0, reason="its archive cannot be read") from error
