"""NumPy arrays: a header and the elements; and archives of them, of which stored members count.

Knows: the header of versions 1 to 3. Source: numpy/lib/format.py, "Format Version 1.0".
"""

from __future__ import annotations

import re
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.layout import UNKNOWN_SHAPE, Layout, Region, count_elements, stored_bytes
from mvcs.store.splitters.source import read_all
from mvcs.store.splitters.torch_values import Storage, View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.splitters.source import Source
    from mvcs.store.splitters.zip_entries import Entry

NPY, NPZ = "npy@1", "npz@1"
MAX_HEADER = 10_000
"""Bytes; numpy itself reads no longer ones unless it is told to."""

DTYPES = {
    "?": "BOOL", "b1": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "i4": "I32", "u4": "U32",
    "i8": "I64", "u8": "U64", "f2": "F16", "f4": "F32", "f8": "F64", "c8": "C64",
}  # fmt: skip

_DESCR = re.compile(r"[<|=]?([?a-z]\d{0,2})")
_FIELD = re.compile(
    r"""\s*(['"])(descr|fortran_order|shape)\1\s*:\s*"""
    r"""(?:(['"])(?P<text>[^'"\\]{1,64})\3|(?P<parts>\[[^\\]*\])|(?P<order>True|False)"""
    r"""|\((?P<shape>(?:\s*\d{1,19}\s*,){0,64}+\s*(?:\d{1,19}\s*)?)\))\s*(?:,\s*|$)""",
    re.ASCII,
)


def split_npy(source: Source) -> Layout:
    """Returns the one array of a file.

    Raises:
        InvalidObject: If it is none that can be read without unpickling.
    """
    found = _array(source, "array", 0, source.size)
    if found is None:
        raise InvalidObject(kind="array", reason="objects")
    return Layout(NPY, [found[0]], source.size)


def split_npz(source: Source, entries: list[Entry]) -> Layout:
    """Returns the stored arrays of an archive, by their names without .npy.

    Raises:
        InvalidObject: If a member is no array.
    """
    return Layout(NPZ, [region for region, _ in _arrays(source, entries)], source.size)


def read_columns(source: Source, splitter: str) -> dict[int, list[tuple[str, View]]]:
    """Returns the arrays in Fortran order as views of their regions, by offset: regions have one dimension.

    Raises:
        InvalidObject: If it is not what the splitter reads.
    """
    if splitter == NPY:
        one = _array(source, "array", 0, source.size)
        found = [] if one is None else [one]
    else:
        from mvcs.store.splitters.zip_entries import read_entries

        found = list(_arrays(source, read_entries(source)))
    views: dict[int, list[tuple[str, View]]] = {}
    for region, shape in found:
        if shape != region.shape:
            strides = tuple(accumulate(shape[:-1], mul, initial=1))
            storage = Storage(region.dtype, count_elements(shape))
            views[region.offset] = [(region.name, View(storage, 0, shape, strides))]
    return views


def _arrays(source: Source, entries: list[Entry]) -> Iterator[tuple[Region, tuple[int, ...]]]:
    for entry in entries:
        if entry.stored:
            found = _array(source, entry.name.removesuffix(".npy"), entry.offset, entry.length)
            if found is not None:
                yield found


def _array(source: Source, name: str, offset: int, length: int) -> tuple[Region, tuple[int, ...]] | None:
    """Returns the region of an array's elements, and the array's shape; None for objects, which are pickled."""
    head = read_all(source, offset, min(12, length), "array")
    if head[:6] != b"\x93NUMPY" or head[6:8] not in {b"\x01\x00", b"\x02\x00", b"\x03\x00"}:
        raise InvalidObject(kind="array", reason="its first bytes")
    start = 10 if head[6] == 1 else 12
    header_bytes = int.from_bytes(head[8:start], "little")
    start += header_bytes
    if header_bytes > MAX_HEADER or start > length:
        raise InvalidObject(kind="array", reason=f"a header of {header_bytes} bytes")
    raw = read_all(source, offset + start - header_bytes, header_bytes, "array")
    descr, fortran, shape = _header(raw.decode("utf-8" if head[6] == 3 else "latin-1"))
    if descr.endswith("O"):
        return None
    plain = _DESCR.fullmatch(descr)
    dtype = DTYPES.get(plain[1], "") if plain else ""
    flat = (count_elements(shape),) if fortran and sum(length != 1 for length in shape) > 1 else shape
    expected = stored_bytes(dtype, count_elements(shape))
    if expected is None:  # a structure, text, big endian: its bytes are all there is to know
        return Region(name, "", UNKNOWN_SHAPE, offset + start, length - start), UNKNOWN_SHAPE
    if expected > length - start:
        raise InvalidObject(kind="array", reason=f"{expected} bytes of elements in {length}")
    return Region(name, dtype, flat, offset + start, expected), shape


def _header(text: str) -> tuple[str, bool, tuple[int, ...]]:
    """Returns (type, "" for a structure; whether in Fortran order; shape) of a header, a Python dictionary.

    Patterns do it, as `ast` could warn on the terminal of what it reads.

    Raises:
        InvalidObject: If it is not such a dictionary.
    """
    body = text.strip()
    found: dict[str, re.Match[str]] = {}
    at = 1
    while at < len(body) - 1:
        field = _FIELD.match(body, at, len(body) - 1)
        if field is None or field[2] in found:
            raise InvalidObject(kind="array", reason=f"byte {at} of its header")
        found[field[2]] = field
        at = field.end()
    if body[:1] + body[-1:] != "{}" or set(found) != {"descr", "fortran_order", "shape"}:
        raise InvalidObject(kind="array", reason="the keys of its header")
    descr, order, lengths = found["descr"]["text"], found["fortran_order"]["order"], found["shape"]["shape"]
    if order is None or lengths is None or (descr is None and found["descr"]["parts"] is None):
        raise InvalidObject(kind="array", reason="the values of its header")
    shape = tuple(int(word) for word in lengths.split(",") if word.strip())
    if len(shape) == 1 and "," not in lengths:
        raise InvalidObject(kind="array", reason="its shape is a number")
    return descr or "", order == "True", shape
