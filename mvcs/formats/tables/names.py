r"""Names of rows, cells and columns: `id=17`, `id=17/label`, `column label`; one name means one thing.

A value or column that is no plain text (it is empty, has a space at its ends, or one of `/ = , " \` or a control
character) stands in quotes as JSON writes strings; so does a JSON string that reads as another value. Knows: how they
are written. Refuses to know: tables.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.values import Value

_PLAIN = re.compile(r'(?! )[^/=,"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+(?<! )')
_LITERALS: Final = frozenset({"true", "false", "null", "NaN", "Infinity", "-Infinity"})


def column_name(column: str) -> str:
    """Returns the name of a change of the columns."""
    return f"column {_plain(column)}"


def row_name(key: Sequence[str], values: Sequence[Value], *, typed: bool) -> str:
    """Returns the name of a row.

    Args:
        key: Columns of the key.
        values: Their values in the row.
        typed: Whether the format tells strings from other values.
    """
    return ",".join(f"{_plain(name)}={_value(value, typed=typed)}" for name, value in zip(key, values, strict=True))


def cell_name(row: str, column: str) -> str:
    """Returns the name of a cell."""
    return f"{row}/{_plain(column)}"


def _value(value: Value, *, typed: bool) -> str:
    if isinstance(value, bytes):
        return json.dumps(value.decode("utf-8", "surrogateescape"))
    if not isinstance(value, str):
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=False) if typed and _reads_as_other(value) else _plain(value)


def _reads_as_other(text: str) -> bool:
    if text in _LITERALS:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
