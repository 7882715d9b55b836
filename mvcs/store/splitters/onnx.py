"""ONNX models: tensors in the initializers and attributes of a graph, at its side in files of their own too.

Knows: the messages of onnx.proto that lead to tensors. Tensor data are skipped, not read. Source: onnx/onnx.proto of
ONNX 1.19 and docs/ExternalData.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.layout import (
    DOUBTS,
    MAX_DIMENSIONS,
    MAX_NAME,
    MAX_REGIONS,
    UNKNOWN_SHAPE,
    Layout,
    Region,
    count_elements,
    stored_bytes,
)
from mvcs.store.splitters.protobuf import BYTES, VARINT, Wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.store.splitters.source import Source

SPLITTER = "onnx@1"
MAX_FIELDS = 1_000_000
"""Fields of all messages; a node of a graph has about ten, and large models have some ten thousand nodes."""
MAX_DEPTH = 16
"""Graphs in attributes of nodes of graphs; loops in loops have three or four."""
MAX_NOTES = 16
"""Entries that say where the data of a tensor lie."""

DTYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 9: "BOOL", 10: "F16", 11: "F64", 12: "U32",
    13: "U64", 14: "C64", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2", 20: "F8_E5M2FNUZ", 21: "U4",
    22: "I4", 23: "F4", 24: "F8_E8M0",
}  # fmt: skip
"""Source: enum TensorProto.DataType."""
_FLOAT, _DOUBLE = 1, 11
_EXTERNAL = 1


def split_onnx(source: Source) -> Layout:
    """Returns the tensors whose data are in the model itself.

    Raises:
        InvalidObject: If it is no ONNX model, or its shapes and data do not fit together.
    """
    model = _Model(source)
    return Layout(SPLITTER, model.regions, source.size)


def external(source: Source) -> dict[str, tuple[Region, ...]]:
    """Returns the tensors whose data lie in other files, by the paths of these, relative to the model's folder.

    Nothing is said of a path that leaves the folder, and nothing at all if the model is odd.

    Raises:
        OSError: If the source cannot be read.
    """
    try:
        found = _Model(source).external
    except DOUBTS:
        return {}
    return {location: tuple(regions) for location, regions in found.items()}


def layout_for_external(regions: Sequence[Region], size: int) -> Layout | None:
    """Returns the layout of a file at a model's side, None if the tensors do not fit in it or overlap.

    Tensors that share all of their bytes are one region, with the name of the first.

    Args:
        regions: What `external` says of the file.
        size: Its bytes.
    """
    found: dict[tuple[int, int], Region] = {}
    for region in regions:
        found.setdefault((region.offset, region.length), region)
    try:
        return Layout(SPLITTER, found.values(), size) if found else None
    except DOUBTS:
        return None


class _Model:
    def __init__(self, source: Source) -> None:
        self._wire = Wire(source, MAX_FIELDS)
        self._names: dict[str, int] = {}
        self.regions: list[Region] = []
        self.external: dict[str, list[Region]] = {}
        version = graphs = 0
        for number, kind, value, at in self._wire.fields(0, source.size):
            if (number, kind) == (1, VARINT):
                version = value
            elif (number, kind) == (7, BYTES):
                graphs += 1
                self._graph(at, at + value, 0)
            elif (number, kind) == (20, BYTES):
                for part, _, length, start in self._messages(at, at + value):
                    if part in {1, 2}:
                        self._graph(start, start + length, 1)
            elif (number, kind) == (25, BYTES):
                for part, _, length, start in self._messages(at, at + value):
                    if part == 7:
                        self._node(start, start + length, 1)
        if graphs != 1 or not 0 < version < 1000:
            raise InvalidObject(kind="ONNX model", reason=f"version {version}, {graphs} graphs")

    def _messages(self, start: int, end: int) -> list[tuple[int, int, int, int]]:
        """Returns the fields of a message that are bytes."""
        return [field for field in self._wire.fields(start, end) if field[1] == BYTES]

    def _graph(self, start: int, end: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise InvalidObject(kind="ONNX model", reason=f"graphs in graphs at {start}")
        for number, kind, value, at in self._wire.fields(start, end):
            if kind != BYTES:
                continue
            if number == 1:
                self._node(at, at + value, depth)
            elif number == 5:
                self._tensor(at, at + value, "")
            elif number == 15:
                self._sparse(at, at + value)

    def _node(self, start: int, end: int, depth: int) -> None:
        output = ""
        for number, kind, value, at in self._wire.fields(start, end):
            if kind != BYTES:
                continue
            if number == 2 and not output:
                output = self._text(at, value)
            elif number == 5:
                self._attribute(at, at + value, output, depth)

    def _attribute(self, start: int, end: int, output: str, depth: int) -> None:
        label = output
        for number, kind, value, at in self._wire.fields(start, end):
            if kind != BYTES:
                continue
            if number == 1:
                label = f"{output}.{self._text(at, value)}"
            elif number in {5, 10}:
                self._tensor(at, at + value, label)
            elif number in {6, 11}:
                self._graph(at, at + value, depth + 1)
            elif number in {22, 23}:
                self._sparse(at, at + value)

    def _sparse(self, start: int, end: int) -> None:
        for number, kind, value, at in self._wire.fields(start, end):
            if kind == BYTES and number in {1, 2}:
                self._tensor(at, at + value, "sparse")

    def _tensor(self, start: int, end: int, label: str) -> None:
        shape: list[int] = []
        kind_of = place = 0
        name = ""
        data: list[tuple[int, int, int]] = []
        notes: list[tuple[int, int]] = []
        for number, kind, value, at in self._wire.fields(start, end):
            if number == 1:
                shape += [value] if kind == VARINT else self._wire.varints(at, value, MAX_DIMENSIONS)
            elif number == 2 and kind == VARINT:
                kind_of = value
            elif number == 8 and kind == BYTES:
                name = self._text(at, value)
            elif number in {4, 9, 10} and kind == BYTES:
                data.append((number, at, value))
            elif number == 13 and kind == BYTES:
                notes.append((at, value))
            elif number == 14 and kind == VARINT:
                place = value
            elif number == 3:
                raise InvalidObject(kind="ONNX model", reason=f"a segment of a tensor at {start}")
            if len(shape) > MAX_DIMENSIONS or len(notes) > MAX_NOTES or len(data) > 1:
                raise InvalidObject(kind="ONNX model", reason=f"the tensor at {start}")
        dtype = DTYPES.get(kind_of, "")
        if place == _EXTERNAL:
            self._elsewhere(name or label, dtype, tuple(shape), notes)
        elif data and data[0][2]:
            number, at, length = data[0]
            # Elements of their own fields are as in raw data if they are floats; others are not.
            if number == 9 or (number, kind_of) in {(4, _FLOAT), (10, _DOUBLE)}:
                self._add(self.regions, Region(name or label, dtype, _shape(dtype, shape), at, length))

    def _elsewhere(self, name: str, dtype: str, shape: tuple[int, ...], notes: list[tuple[int, int]]) -> None:
        said: dict[str, str] = {}
        for at, length in notes:
            texts = {number: self._text(start, size) for number, _, size, start in self._messages(at, at + length)}
            said[texts.get(1, "")] = texts.get(2, "")
        location = said.get("location", "")
        offset, length_said = said.get("offset", "0"), said.get("length", "")
        if not is_plain(location) or not _is_number(offset) or not (_is_number(length_said) or not length_said):
            return
        expected = stored_bytes(dtype, count_elements(shape))
        length = int(length_said) if length_said else expected or 0
        if length and expected in {None, length}:
            self._add(
                self.external.setdefault(location, []), Region(name, dtype, _shape(dtype, shape), int(offset), length)
            )

    def _add(self, regions: list[Region], region: Region) -> None:
        """Adds a region; names that come again, as in two subgraphs, are numbered."""
        seen = self._names.get(region.name, 0)
        self._names[region.name] = seen + 1
        if seen:
            region.name = f"{region.name}#{seen + 1}"
        if len(self._names) > MAX_REGIONS or len(regions) >= MAX_REGIONS:
            raise InvalidObject(kind="ONNX model", reason=f"more than {MAX_REGIONS} tensors")
        regions.append(region)

    def _text(self, at: int, length: int) -> str:
        return self._wire.read(at, length, MAX_NAME).decode()


def _shape(dtype: str, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape) if dtype else UNKNOWN_SHAPE


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19


def is_plain(location: str) -> bool:
    """Whether a path stays in its folder: relative, with / between its parts, without . and .. and back slashes."""
    if not location or len(location) > MAX_NAME or "\\" in location or "\0" in location or ":" in location:
        return False
    return all(part not in {"", ".", ".."} for part in location.split("/"))
