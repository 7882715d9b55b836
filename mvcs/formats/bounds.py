"""How much of a configuration file is read: bytes, depth, keys, values.

Knows: the bounds, and how to hold a parsed value to them. Refuses to know: syntaxes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent

if TYPE_CHECKING:
    from mvcs.formats.values import Value

MAX_BYTES: Final = {"YAML": 16 << 20, "JSON": 16 << 20, "TOML": 4 << 20}
"""A longer file is not read as configuration (tomllib takes half a second a MiB)."""
MAX_DEPTH: Final = 100
"""Maps and lists inside each other."""
MAX_KEYS: Final = 50_000
"""Keys of maps in one file, aliases expanded."""
MAX_VALUES: Final = 500_000
"""Values in one file, aliases expanded; 64 characters of a string count as one."""


def weight(text: str) -> int:
    """Returns what a scalar counts against MAX_VALUES."""
    return 1 + len(text) // 64


def refuse_bytes(size: int, form: str) -> None:
    """Refuses a file that is too long before it is read.

    Raises:
        UnreadableContent: If it is longer than MAX_BYTES.
    """
    if size > MAX_BYTES[form]:
        raise UnreadableContent(format=form, line=0, reason=f"longer than {MAX_BYTES[form] >> 20} MiB")


def check_value(value: Value, form: str, *, infinite: bool = True) -> None:
    """Holds a value that a library has parsed to the bounds.

    Args:
        value: The value.
        form: Name of its format.
        infinite: Whether infinities are written as such; if not, one is a number that no float holds.

    Raises:
        UnreadableContent: If it is too deep, has too many values, or holds what cannot be written back.
    """
    keys = values = 0
    level: list[Value] = [value]
    for depth in range(MAX_DEPTH + 1):
        if depth == MAX_DEPTH and any(isinstance(item, dict | list) for item in level):
            break
        below: list[Value] = []
        for item in level:
            values += 1
            if isinstance(item, dict):
                keys += len(item)
                below.extend(item.values())
                for key in item:
                    _check_text(key, form)
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                values += len(item) // 64
                _check_text(item, form)
            elif isinstance(item, float) and not infinite and math.isinf(item):
                raise UnreadableContent(format=form, line=0, reason="a number beyond the largest float")
        if keys > MAX_KEYS:
            raise UnreadableContent(format=form, line=0, reason=f"more than {MAX_KEYS} keys")
        if values + len(below) > MAX_VALUES:
            raise UnreadableContent(format=form, line=0, reason=f"more than {MAX_VALUES} values")
        if not below:
            return
        level = below
    raise UnreadableContent(format=form, line=0, reason=f"more than {MAX_DEPTH} levels deep")


def _check_text(text: str, form: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnreadableContent(format=form, line=0, reason="half a surrogate pair in a string") from error
