"""Canonical JSON (RFC 8785) for payloads and generated entries; NaN and infinities as strings.

The only module that imports rfc8785. Implements: spec 4.4.
"""

from __future__ import annotations

import math

from mvcs.errors import InvalidObject

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_MAX_SAFE = 2**53 - 1


def canonical_json(value: Json) -> bytes:
    """Returns the RFC 8785 form of a value; NaN and infinities become the strings NaN, Infinity, -Infinity.

    Integers beyond 2**53 - 1, which JSON numbers cannot carry exactly, become strings of digits.
    """
    import rfc8785

    return rfc8785.dumps(_plain(value))


def _plain(value: Json) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MAX_SAFE:
        return str(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def parse_json(content: bytes) -> Json:
    """Reads JSON written by `canonical_json`.

    Raises:
        InvalidObject: If it is not JSON.
    """
    import json

    try:
        value: Json = json.loads(
            content, parse_int=_number, parse_constant=_refuse_constant, object_pairs_hook=_unique
        )
    except (ValueError, RecursionError) as error:
        raise InvalidObject(kind="JSON", reason=str(error)) from error
    return value


def _number(digits: str) -> int | float:
    # Canonical JSON writes floats below 1e21 as plain digits; read as integers they would come back as strings.
    return int(digits) if len(digits) <= 16 and abs(int(digits)) <= _MAX_SAFE else float(digits)


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")  # noqa: EM102 -- caught above


def _unique(pairs: list[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")  # noqa: EM101 -- caught above
    return found


def path_json(path: bytes) -> Json:
    """Returns a path as canonical JSON carries it: text, or its bytes in hex."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return {"bytes": path.hex()}


def path_of(value: Json) -> bytes:
    """Reads a path that `path_json` wrote."""
    if isinstance(value, dict):
        return bytes.fromhex(str(value["bytes"]))
    return str(value).encode()
