"""What a splitter finds: the regions of a file, each the bytes of one tensor.

Knows: element types and their sizes, what makes a layout legal. Refuses to know: formats. Implements: spec 6.1.1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_REGIONS = 50_000
"""Regions of one file. The largest mixture-of-experts models have about 100,000 tensors, in a hundred shards; this many
take 25 MB of memory here."""
MAX_NAME = 4096
"""Characters of a region's name."""
MAX_DIMENSIONS = 64
"""What numpy and PyTorch allow."""
DOUBTS = (InvalidObject, ValueError, TypeError, LookupError, ArithmeticError, RecursionError, struct.error)
"""What reading hostile bytes may end in. Cutting by content is right for every file, so none of these is an error."""
UNKNOWN_SHAPE = (-1,)
"""The shape of a region of which only the bytes are known."""

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    "F4": 4, "I4": 4, "U4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Bits of an element, by the names of safetensors; I4 and U4, which it lacks, are those of ONNX. Elements are little
endian; those below a byte are packed and fill whole bytes at the end of a tensor."""

BLOCKS = {
    "Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34), "Q8_1": (32, 40),
    "Q2_K": (256, 84), "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210),
    "Q8_K": (256, 292), "IQ2_XXS": (256, 66), "IQ2_XS": (256, 74), "IQ3_XXS": (256, 98), "IQ1_S": (256, 50),
    "IQ4_NL": (32, 18), "IQ3_S": (256, 110), "IQ2_S": (256, 82), "IQ4_XS": (256, 136), "IQ1_M": (256, 56),
    "TQ1_0": (256, 54), "TQ2_0": (256, 66), "MXFP4": (32, 17), "NVFP4": (64, 36), "Q1_0": (128, 18),
}  # fmt: skip
"""Elements and bytes of a block of GGML's quantised types. Source: ggml-common.h."""


def element_width(dtype: str) -> int:
    """Returns the bytes that repeat in data of this type: 1, 2, 4, 8, or 0 if it is not known."""
    bits = BITS.get(dtype)
    if bits is not None:
        return max(1, bits // 8)
    return 1 if dtype in BLOCKS else 0


def count_elements(shape: Iterable[int]) -> int:
    """Returns the product of a shape, 1 for a scalar."""
    total = 1
    for length in shape:
        total *= length
    return total


def stored_bytes(dtype: str, elements: int) -> int | None:
    """Returns the bytes of so many elements, None if the type is not known or blocks do not come out even."""
    bits = BITS.get(dtype)
    if bits is not None:
        return (elements * bits + 7) // 8
    each, length = BLOCKS.get(dtype, (0, 0))
    return elements // each * length if each and elements % each == 0 else None


class Region(Record):
    """The bytes of one tensor in a file.

    Args:
        name: The tensor's, as the format gives it; unique in its layout.
        dtype: Name of the element type as in `BITS` or `BLOCKS`, "" if it is not known or not little endian.
        shape: Lengths in C order, () for a scalar. Elements in another order have one dimension, so that equal shapes
            always mean equal places; `UNKNOWN_SHAPE` says that it is not known.
        offset: Of the first byte, in bytes of the file.
        length: In bytes.
    """

    __slots__ = ("dtype", "length", "name", "offset", "shape")

    def __init__(self, name: str, dtype: str, shape: tuple[int, ...], offset: int, length: int) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.offset = offset
        self.length = length

    @property
    def end(self) -> int:
        """Offset of the byte after the last."""
        return self.offset + self.length

    @property
    def width(self) -> int:
        """Bytes of an element; 1 for quantised blocks and for elements below a byte, 0 if it is not known."""
        return element_width(self.dtype)


class Layout(Record):
    """The regions of one file.

    Args:
        splitter: Name and version, such as safetensors@1.
        regions: In any order; they come out by offset.
        size: Bytes of the file.

    Raises:
        InvalidObject: If a region is outside of the file, overlaps another or has its name, if a type, a shape and a
            length do not fit together, or if there are more than `MAX_REGIONS`.
    """

    __slots__ = ("_index", "regions", "size", "splitter")

    def __init__(self, splitter: str, regions: Iterable[Region], size: int) -> None:
        self.splitter = splitter
        self.regions = tuple(sorted(regions, key=_place))
        self.size = size
        self._index: dict[str, Region] | None = None
        if len(self.regions) > MAX_REGIONS:
            raise InvalidObject(kind="layout", reason=f"{len(self.regions)} regions")
        _check(self.regions, size)

    def _key(self) -> tuple[object, ...]:
        return self.splitter, self.regions, self.size

    def find(self, name: str) -> Region | None:
        """Returns the region of a tensor, None if there is none."""
        if self._index is None:
            self._index = {region.name: region for region in self.regions}
        return self._index.get(name)


def _place(region: Region) -> tuple[int, int]:
    return region.offset, region.length


def _check(regions: tuple[Region, ...], size: int) -> None:
    at = 0
    names = set()
    for region in regions:
        if region.length < 0 or region.offset < at or region.end > size:
            raise InvalidObject(kind="layout", reason=f"region {region.name[:80]!r} at {region.offset}")
        at = region.end
        if len(region.name) > MAX_NAME or len(region.shape) > MAX_DIMENSIONS or region.name in names:
            raise InvalidObject(kind="layout", reason=f"name or shape of region {region.name[:80]!r}")
        names.add(region.name)
        if region.shape == UNKNOWN_SHAPE:
            continue
        expected = stored_bytes(region.dtype, count_elements(region.shape))
        if min(region.shape, default=0) < 0 or (expected is not None and expected != region.length):
            raise InvalidObject(kind="layout", reason=f"shape of region {region.name[:80]!r}")
