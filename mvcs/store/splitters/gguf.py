"""GGUF versions 2 and 3, little endian: metadata, a table of tensors, their data.

Knows: the types of values, to walk over them; of the metadata only the alignment. Source: the ggml repository,
docs/gguf.md.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.layout import MAX_REGIONS, Layout, Region, count_elements, stored_bytes
from mvcs.store.splitters.source import Window

if TYPE_CHECKING:
    from mvcs.store.splitters.source import Source

SPLITTER = "gguf@1"
MAX_VALUES = 1_500_000
"""Strings and keys that are walked over; vocabularies with their merges have up to 800,000."""
MAX_METADATA = 256 << 20
"""Bytes of metadata."""
MAX_KEY = 65_535
"""Bytes of a key or a tensor's name, as the specification has it for keys."""
MAX_DIMENSIONS = 8
"""GGML has four; room for more."""
MAX_ALIGNMENT = 1 << 20
DEFAULT_ALIGNMENT = 32

TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
    12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
    20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4", 40: "NVFP4", 41: "Q1_0",
}  # fmt: skip
"""Source: enum ggml_type in ggml.h."""

_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of metadata values by type; 8 is a string, 9 an array."""
_UINT32, _STRING, _ARRAY = 4, 8, 9
_MAX_NESTING = 4


def split_gguf(source: Source) -> Layout:
    """Reads the tensor table of a GGUF file.

    Raises:
        InvalidObject: If it is not one that this module knows.
    """
    window = Window(source, 0, min(source.size, MAX_METADATA))
    magic, version, tensors, keys = struct.unpack("<4sIQQ", window.take(24))
    if magic != b"GGUF" or version not in {2, 3} or tensors > MAX_REGIONS or keys > MAX_VALUES:
        raise InvalidObject(kind="GGUF", reason=f"version {version}, {tensors} tensors, {keys} keys")
    alignment = DEFAULT_ALIGNMENT
    walk = _Walk(window)
    for _ in range(keys):
        key = walk.string(MAX_KEY)
        kind = walk.number(4)
        if key == b"general.alignment":
            if kind != _UINT32:
                raise InvalidObject(kind="GGUF", reason=f"an alignment of type {kind}")
            alignment = walk.number(4)
        else:
            walk.skip(kind, 0)
    if not 0 < alignment <= MAX_ALIGNMENT or alignment % 8:
        raise InvalidObject(kind="GGUF", reason=f"alignment {alignment}")
    table = [_tensor(walk) for _ in range(tensors)]
    start = -(-window.at // alignment) * alignment
    for region in table:
        if region.offset % alignment:
            raise InvalidObject(kind="GGUF", reason=f"tensor {region.name[:80]!r} is not aligned")
        region.offset += start
    return Layout(SPLITTER, table, source.size)


def _tensor(walk: _Walk) -> Region:
    name = walk.string(MAX_KEY).decode()
    dimensions = walk.number(4)
    if dimensions > MAX_DIMENSIONS:
        raise InvalidObject(kind="GGUF", reason=f"{dimensions} dimensions")
    lengths = tuple(walk.number(8) for _ in range(dimensions))
    dtype = TYPES.get(walk.number(4), "")
    # The first length is that of a row, and blocks do not cross rows.
    row = stored_bytes(dtype, lengths[0] if lengths else 1)
    if row is None:
        raise InvalidObject(kind="GGUF", reason=f"type or row of tensor {name[:80]!r}")
    return Region(name, dtype, lengths[::-1], walk.number(8), row * count_elements(lengths[1:]))


class _Walk:
    """Goes over values without keeping them."""

    __slots__ = ("_left", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self._left = MAX_VALUES

    def number(self, length: int) -> int:
        return int.from_bytes(self.window.take(length), "little")

    def string(self, most: int) -> bytes:
        length = self.number(8)
        if length > most:
            raise InvalidObject(kind="GGUF", reason=f"a name of {length} bytes")
        return self.window.take(length)

    def skip(self, kind: int, depth: int) -> None:
        """Walks over one value."""
        self._left -= 1
        if depth > _MAX_NESTING:
            raise InvalidObject(kind="GGUF", reason="arrays in arrays")
        if kind in _FIXED:
            self.window.skip(_FIXED[kind])
        elif kind == _STRING:
            self.window.skip(self.number(8))
        elif kind == _ARRAY:
            below, count = self.number(4), self.number(8)
            if below in _FIXED:
                self.window.skip(count * _FIXED[below])
            elif count > self._left:
                raise InvalidObject(kind="GGUF", reason=f"an array of {count} values")
            else:
                for _ in range(count):
                    self.skip(below, depth + 1)
        else:
            raise InvalidObject(kind="GGUF", reason=f"a value of type {kind}")
