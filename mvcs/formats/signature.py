"""What a model takes and gives: names, types and shapes, as the generated entry `weights/.mvcs/signature` has them.

An entry is canonical JSON with, as far as known, `inputs` and `outputs` (name to {dtype, shape}; shape is null where
unknown, a dimension is null where it is free), `features` (names in their order) and, where there are no names,
`feature_count`. A field is told and declared as text: `float32[?,10]`, `int64[]`, `string` for an unknown shape.
Knows: the form. Refuses to know: where signatures are found (`mvcs.ingredients.signatures`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from mvcs.errors import InvalidArgument
from mvcs.formats.entry import read_entry
from mvcs.formats.key_paths import key_path, parse_key_path
from mvcs.objects.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Value
    from mvcs.objects.values import Json

NAME = "signature"
INPUTS, OUTPUTS, FEATURES, COUNT = "inputs", "outputs", "features", "feature_count"
FIELDS = (INPUTS, OUTPUTS)
"""Parts that map a name to a field."""
FORM = "a type and a shape such as float32[?,10]"

MAX_NAMES = 100_000
MAX_NAME = 1000
MAX_RANK = 64
_MAX_SIZE = 2**53 - 1
_DTYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FIELD = re.compile(r"([a-z][a-z0-9_]{0,39})(?:\[((?:\?|\d{1,16})(?:,(?:\?|\d{1,16})){0,63})?(\]))?")


def field(dtype: str, shape: tuple[int | None, ...] | None) -> dict[str, Json]:
    """Returns a field as the entry has it."""
    return {"dtype": dtype, "shape": None if shape is None else list(shape)}


def declared_field(text: object) -> dict[str, Json] | None:
    """Reads a field as it is typed, None if it is none.

    Laws:
        declared_field(told_field(f)) is f.
    """
    match = _FIELD.fullmatch(text.replace(" ", "")) if isinstance(text, str) and len(text) <= MAX_NAME else None
    if match is None:
        return None
    if not match[3]:
        return field(match[1], None)
    sizes = tuple(None if size == "?" else int(size) for size in match[2].split(",")) if match[2] else ()
    return None if any(size is not None and size > _MAX_SIZE for size in sizes) else field(match[1], sizes)


def told_field(found: Json) -> str:
    """Returns a field of an entry as text."""
    assert isinstance(found, dict)
    shape = found["shape"]
    if not isinstance(shape, list):
        return str(found["dtype"])
    return f"{found['dtype']}[{','.join('?' if size is None else str(size) for size in shape)}]"


def problem_of(found: Json) -> str:
    """Returns why something is no signature, beginning with the part that is wrong; empty if it is one."""
    if not isinstance(found, dict):
        return "it is no map"
    for part in FIELDS:
        fields = found.get(part, {})
        if not isinstance(fields, dict) or len(fields) > MAX_NAMES:
            return f"{part} is no map of names to fields"
        for name, value in fields.items():
            if not _is_name(name):
                return f"{part} has no name such as {name[:40]!r}"
            if not _is_field(value):
                return f"{part}: {name[:40]} is no field"
    features = found.get(FEATURES, [])
    if not isinstance(features, list) or len(features) > MAX_NAMES or not all(map(_is_name, features)):
        return f"{FEATURES} is no list of names"
    if len(set(map(str, features))) != len(features):
        return f"{FEATURES} has a name twice"
    count = found.get(COUNT, 0)
    return "" if type(count) is int and 0 <= count <= _MAX_SIZE else f"{COUNT} is no number"


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and not any("\ud800" <= c <= "\udfff" for c in name)


def _is_field(value: Json) -> bool:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape"}:
        return False
    dtype, shape = value["dtype"], value["shape"]
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        return False
    sizes = shape if isinstance(shape, list) else []
    return isinstance(shape, list | None) and len(sizes) <= MAX_RANK and all(
        size is None or (type(size) is int and 0 <= size <= _MAX_SIZE) for size in sizes
    )


def write_signature(found: Mapping[str, Json]) -> bytes:
    """Returns the entry."""
    return canonical_json(dict(found))


def read_signature(content: Content) -> dict[str, Json]:
    """Reads an entry; parts that this version does not know are kept.

    Raises:
        UnreadableContent: If it is no such entry.

    Laws:
        read_signature(write_signature(found)) is found.
    """
    return read_entry(content, NAME, problem_of)


def flatten(found: Mapping[str, Json]) -> dict[str, Value]:
    """Returns key to value: `signature.inputs.NAME` to a field as text, `signature.features` to the list."""
    flat: dict[str, Value] = {}
    for part, value in found.items():
        if part in FIELDS and isinstance(value, dict):
            flat.update((key_path((NAME, part, name)), told_field(below)) for name, below in value.items())
        else:
            flat[key_path((NAME, part))] = cast("Value", value)
    return flat


def unflatten(flat: Mapping[str, Value]) -> dict[str, Json]:
    """Returns the signature of keys and values.

    Raises:
        InvalidArgument: If a key or a field is none.

    Laws:
        unflatten(flatten(found)) is found, but for empty parts.
    """
    found: dict[str, Json] = {}
    for key, value in flat.items():
        parts = parse_key_path(key)
        if len(parts) == 3 and parts[1] in FIELDS:
            below = declared_field(value)
            if below is None:
                raise InvalidArgument(argument=key, value=str(value), reason=f"write {FORM}")
            fields = found.setdefault(parts[1], {})
            assert isinstance(fields, dict)
            fields[parts[2]] = below
        else:
            found[parts[1]] = cast("Json", value)
    return found
