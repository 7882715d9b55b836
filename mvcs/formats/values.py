"""Typed values as configuration files have them, and nothing else.

Knows: when two values are the same, how JSON carries them. Refuses to know: files.
"""

from __future__ import annotations

import datetime
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mvcs.objects.values import Json

Value = None | bool | int | float | str | bytes | datetime.date | datetime.time | list["Value"] | dict[str, "Value"]
"""A datetime is a date."""


class Absent:
    """The type of `ABSENT`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent()
"""There is nothing: no key, no row, no package. Not the same as null."""

Found = Value | Absent


def same(first: Found, second: Found) -> bool:
    """Whether two values are the same: 1, 1.0 and true are three, NaN is itself, -0.0 is not 0.0.

    The order of a map's keys does not count; that of a list does.
    """
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, float) and isinstance(second, float):
        if math.isnan(first) or math.isnan(second):
            return math.isnan(first) and math.isnan(second)
        return first == second and math.copysign(1, first) == math.copysign(1, second)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(value, second[key]) for key, value in first.items())
    return first == second


def type_name(value: Found) -> str:
    """Returns what a value is: null, bool, int, float, string, bytes, date, time, datetime, list, map, absent."""
    if value is None:
        return "null"
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return "absent"


_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "bool"), (int, "int"), (float, "float"), (str, "string"), (bytes, "bytes"),
    (datetime.datetime, "datetime"), (datetime.date, "date"), (datetime.time, "time"), (list, "list"), (dict, "map"),
)


def to_json(value: Found) -> Json:
    """Returns what JSON carries: dates in ISO 8601, bytes in hex, NaN and infinities as strings, ABSENT as null."""
    if isinstance(value, Absent):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return value
