"""Inputs and outputs of an ONNX graph, from its protobuf: bounded, and without reading the tensors.

Sources: onnx.proto of ONNX 1.19 (ModelProto, GraphProto, ValueInfoProto, TypeProto, TensorShapeProto).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.entry import MAX_BYTES
from mvcs.formats.signature import INPUTS, MAX_NAME, MAX_RANK, OUTPUTS, field
from mvcs.store.splitters.protobuf import BYTES, VARINT, Wire

if TYPE_CHECKING:
    from typing import BinaryIO

    from mvcs.objects.values import Json

GRAPH = 7
"""Field of ModelProto."""
INITIALIZER, INPUT, OUTPUT = 5, 11, 12
"""Fields of GraphProto."""
MAX_FIELDS = 300_000
TYPES = (
    "", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64",
    "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
    "float8_e5m2fnuz", "uint4", "int4", "float4_e2m1", "float8_e8m0", "uint2", "int2",
)
"""TensorProto.DataType by number."""
OTHERS = {4: "sequence", 5: "map", 7: "opaque", 8: "sparse_tensor", 9: "optional"}
"""What a TypeProto may have beside a tensor."""

Span = tuple[int, int]


def read(file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns `inputs` and `outputs`.

    Args:
        file: The model.
        size: Its bytes.

    Raises:
        InvalidObject: If it is no protobuf, or has too many fields.
        ValueError, IndexError: If it has not one graph, or a value without a type.
    """
    wire = Wire(_Seekable(file, size), MAX_FIELDS)
    (graph,) = _spans(wire, (0, size), GRAPH)
    found: dict[int, dict[str, Json]] = {INPUT: {}, OUTPUT: {}}
    length = 0
    for number, kind, count, at in wire.fields(*graph):
        if number in found and kind == BYTES:
            name = _name(wire, (at, at + count), 1)
            length += len(name) + 100
            if length > MAX_BYTES:
                raise ValueError("too many")  # noqa: EM101 -- the caller asks only whether it can be read
            found[number][name] = _field(wire, (at, at + count))
    for number, kind, count, at in wire.fields(*graph):  # until IR version 4 constants were inputs too
        if number == INITIALIZER and kind == BYTES:
            found[INPUT].pop(_name(wire, (at, at + count), 8), None)
    return {INPUTS: found[INPUT], OUTPUTS: found[OUTPUT]}


class _Seekable:
    """A file as a source."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        self._file.seek(offset)
        return self._file.read(length)


def _spans(wire: Wire, span: Span, wanted: int) -> list[Span]:
    """Returns where the messages of a field lie."""
    return [(at, at + count) for number, kind, count, at in wire.fields(*span) if (number, kind) == (wanted, BYTES)]


def _name(wire: Wire, span: Span, wanted: int) -> str:
    found = _spans(wire, span, wanted)
    return wire.read(found[-1][0], found[-1][1] - found[-1][0], 4 * MAX_NAME).decode() if found else ""


def _field(wire: Wire, span: Span) -> Json:
    """Returns the field of a ValueInfoProto."""
    (kind_of,) = _spans(wire, span, 2)
    for number, kind, count, at in wire.fields(*kind_of):
        if (number, kind) == (1, BYTES):
            return _tensor(wire, (at, at + count))
        if number in OTHERS:
            return field(OTHERS[number], None)
    raise ValueError("a value without a type")  # noqa: EM101 -- as above


def _tensor(wire: Wire, span: Span) -> Json:
    dtype, shape = 0, None
    for number, kind, value, at in wire.fields(*span):
        if (number, kind) == (1, VARINT):
            dtype = value
        elif (number, kind) == (2, BYTES):
            sizes = _spans(wire, (at, at + value), 1)
            if len(sizes) > MAX_RANK:
                raise ValueError("too many dimensions")  # noqa: EM101 -- as above
            shape = tuple(_size(wire, below) for below in sizes)
    if not TYPES[dtype]:
        raise ValueError("an unknown type")  # noqa: EM101 -- as above
    return field(TYPES[dtype], shape)


def _size(wire: Wire, span: Span) -> int | None:
    """Returns a dimension; a negative one, which some exporters write, is free too."""
    sizes = [value for number, kind, value, _ in wire.fields(*span) if (number, kind) == (1, VARINT)]
    return sizes[-1] if sizes and sizes[-1] < 1 << 53 else None
