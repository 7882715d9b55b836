"""Values as text on one line, in the syntax of each configuration format.

What is written is read back as the same value by this version and, for YAML, by readers of YAML 1.1 too: a float
has a dot, and a string that either version takes for something else has quotes. Knows: how to spell a value.
Refuses to know: where it goes.
"""

from __future__ import annotations

import datetime
import math
import re
from typing import TYPE_CHECKING, Final

from mvcs.formats.map_keys import OtherKey
from mvcs.formats.scalars import plain_scalar
from mvcs.formats.values import type_name

if TYPE_CHECKING:
    from mvcs.formats.values import Value

_PLAIN = re.compile(r"[A-Za-z_/][\w./@+-]*(?: [\w./@+-]+)*", re.ASCII)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_WORDS_OF_1_1: Final = frozenset({"y", "n", "yes", "no", "on", "off"})


class CannotSpell(ValueError):
    """A syntax has no text for a value; for callers within formats and merge, who tell it in their own words."""


def quoted(text: str) -> str:
    """Returns a string in double quotes, legal in JSON, TOML and YAML."""
    import json

    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def in_yaml(value: Value) -> str:
    """Returns a value in YAML's flow style.

    Raises:
        CannotSpell: For a time without a date.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{yaml_key(key)}: {in_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_yaml, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_1_1 and isinstance(plain_scalar(value), str)
        return value if plain else quoted(value)
    if isinstance(value, float):
        return _yaml_float(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        import binascii

        return f'!!binary "{binascii.b2a_base64(value, newline=False).decode()}"'
    raise CannotSpell


def _yaml_float(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    mantissa, exponent, power = repr(value).partition("e")
    return (mantissa if "." in mantissa else mantissa + ".0") + exponent + power


def yaml_key(key: str) -> str:
    """Returns a map's key in YAML."""
    return str(key) if isinstance(key, OtherKey) else in_yaml(key)


def other_key(value: Value) -> OtherKey:
    """Returns the key for a scalar that is no string.

    Raises:
        CannotSpell: For bytes, and whatever YAML cannot spell.
    """
    if isinstance(value, bytes):
        raise CannotSpell
    return OtherKey(in_yaml(value), type_name(value))


def in_toml(value: Value) -> str:
    """Returns a value in TOML; a map as an inline table.

    Raises:
        CannotSpell: For null and bytes.
    """
    if isinstance(value, dict):
        inside = ", ".join(f"{toml_key(key)} = {in_toml(item)}" for key, item in value.items())
        return "{ " + inside + " }" if inside else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int | float):
        return repr(value)  # inf and nan are TOML's own words
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise CannotSpell


def toml_key(key: str) -> str:
    """Returns a map's key in TOML.

    Raises:
        CannotSpell: For a key that is no string.
    """
    if isinstance(key, OtherKey):
        raise CannotSpell
    return key if _BARE.fullmatch(key) else quoted(key)


def in_json(value: Value, *, ascii_only: bool = False, colon: str = ": ", comma: str = ", ") -> str:
    """Returns a value in JSON, NaN and infinities as Python's json writes them.

    Raises:
        CannotSpell: For dates, times, bytes, and keys that are no strings.
    """
    import json

    check_json(value)
    return json.dumps(value, ensure_ascii=ascii_only, separators=(comma, colon))


def check_json(value: Value) -> None:
    """Makes sure that JSON can carry a value.

    Raises:
        CannotSpell: If it cannot.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, OtherKey):
                raise CannotSpell
            check_json(item)
    elif isinstance(value, list):
        for item in value:
            check_json(item)
    elif not (value is None or isinstance(value, str | int | float)):
        raise CannotSpell
