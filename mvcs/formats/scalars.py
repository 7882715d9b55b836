"""Scalars without quotes: what YAML 1.2 takes them for.

The core schema, with what ML files need beyond it: `1e-4` is a float (YAML 1.1 wants a dot), digits may be grouped
with underscores, ISO dates and times are dates and times. `yes`, `no`, `on`, `off` are strings. A number that no
float can hold (`123e4567`, often a short commit id) is a string. Knows: text of one scalar. Refuses to know: files.
"""

from __future__ import annotations

import datetime
import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mvcs.formats.values import Value

_WORDS: Final[dict[str, Value]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".nan": math.nan, ".NaN": math.nan, ".NAN": math.nan,
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
_INT = re.compile(r"[-+]?[0-9][0-9_]*")
_BASED = re.compile(r"([-+]?)0(?:x([0-9a-fA-F_]*[0-9a-fA-F]+)|o([0-7_]*[0-7])|b([01_]*[01]))")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?"
    r"(?:[ \t]*(?:([Zz])|([-+])(\d\d?)(?::?(\d\d))?))?",
    re.ASCII,
)
_STARTS: Final = frozenset("+-.0123456789")
MAX_DIGITS: Final = 600
"""Nothing longer is a number: reading one takes quadratic time, and Python may be told to refuse 641 digits."""


def plain_scalar(text: str) -> Value:
    """Returns the value of a scalar that stands without quotes; what is nothing else is a string.

    Sources:
        YAML 1.2.2 section 10.3.2 (core schema); timestamps as in yaml.org/type/timestamp.html.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS or len(text) > MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return _float(text)
    based = _BASED.fullmatch(text)
    if based:
        base = 16 if based[2] else 8 if based[3] else 2
        return int(based[1] + (based[2] or based[3] or based[4]).replace("_", ""), base)
    return _time(text)


def _float(text: str) -> Value:
    value = float(text.replace("_", ""))
    if math.isinf(value) or (value == 0 and re.search("[1-9]", re.split("[eE]", text)[0])):
        return text
    return value


def _time(text: str) -> Value:
    date = _DATE.fullmatch(text)
    match = None if date else _DATETIME.fullmatch(text)
    try:
        if date:
            return datetime.date(int(date[1]), int(date[2]), int(date[3]))
        if match:
            year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
            micro = int(((match[7] or "") + "000000")[:6])
            zone = None
            if match[8]:
                zone = datetime.UTC
            elif match[9]:
                shift = datetime.timedelta(hours=int(match[10]), minutes=int(match[11] or 0))
                zone = datetime.timezone(-shift if match[9] == "-" else shift)
            return datetime.datetime(year, month, day, hour, minute, second, micro, zone)
    except ValueError:  # the 30th of February is a string
        pass
    return text
