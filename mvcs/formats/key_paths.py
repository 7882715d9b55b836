"""Names of values inside a configuration file: dotted paths of keys.

A part that is no plain word stands in quotes as in TOML (`optimizer."lr.max"`). YAML knows keys that are no
strings: the key 1 is shown as `1`, the string as `"1"`; such a key that is no plain word stands in parentheses
(`schedule.(0.5)`). The whole file is `.`. Knows: paths and maps. Refuses to know: files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mvcs.errors import InvalidArgument
from mvcs.formats.map_keys import OtherKey
from mvcs.formats.scalars import plain_scalar
from mvcs.formats.spelling import other_key
from mvcs.formats.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mvcs.formats.values import Found, Value

ROOT: Final = "."
"""The path of the file as a whole."""

_BARE = re.compile(r"[\w-]+")
_PART = re.compile(r"""([\w-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)'|\(([^()]*)\)""")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(["\\btnfr/]))|\\')
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def key_path(parts: Iterable[str]) -> str:
    """Returns the path of keys as text.

    Laws:
        parse_key_path(key_path(parts)) == parts.
    """
    return ".".join(map(_show, parts)) or ROOT


def _show(part: str) -> str:
    if isinstance(part, OtherKey):
        return str(part) if _BARE.fullmatch(part) else f"({part})"
    if _BARE.fullmatch(part) and isinstance(plain_scalar(part), str):
        return part
    return '"' + "".join(map(_escaped, part)) + '"'


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def parse_key_path(text: str) -> tuple[str, ...]:
    """Reads a path of keys, as `key_path` writes it; single quotes are read too.

    Raises:
        InvalidArgument: If it is not a path; fields `argument`, `value`, `reason`.
    """
    if text == ROOT:
        return ()
    parts: list[str] = []
    at = 0
    while True:
        match = _PART.match(text, at)
        if match is None:
            reason = "empty" if not text else f"no key at character {at + 1}; put other than plain words into quotes"
            raise InvalidArgument(argument="key", value=text, reason=reason)
        parts.append(_part(match, text))
        at = match.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            raise InvalidArgument(argument="key", value=text, reason=f"expected a dot at character {at + 1}")
        at += 1


def _part(match: re.Match[str], text: str) -> str:
    bare, double, single, other = match.groups()
    if double is not None:
        return _unescaped(double, text)
    if single is not None:
        return str(single)
    scalar = str(bare if other is None else other)
    value = plain_scalar(scalar)
    if not isinstance(value, str):
        return other_key(value)
    if other is not None:
        raise InvalidArgument(argument="key", value=text, reason=f"({scalar}) is a string; put it into quotes")
    return scalar


def _unescaped(body: str, text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if code and int(code, 16) <= 0x10FFFF:
            return chr(int(code, 16))
        if not found[3]:
            raise InvalidArgument(argument="key", value=text, reason=r"an unknown escape; write \\ for a backslash")
        return _ESCAPES[found[3]]

    return _ESCAPE.sub(one, body)


def leaves(value: Value, parts: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Value]]:
    """Yields (path, value) of what is no map, in order; lists are leaves, and so are empty maps."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*parts, key))
    else:
        yield parts, value


def flatten(value: Value) -> dict[str, Value]:
    """Returns the leaves of a value by their path; of a root that is no map, or an empty one, the path is `.`."""
    return {key_path(parts): leaf for parts, leaf in leaves(value)}


def value_at(value: Value, parts: Iterable[str]) -> Found:
    """Returns the value at a path, ABSENT if there is none."""
    found: Found = value
    for part in parts:
        if not isinstance(found, dict) or part not in found:
            return ABSENT
        found = found[part]
    return found


def in_order(first: Mapping[str, Value], second: Mapping[str, Value]) -> list[str]:
    """Returns the keys of two maps: in the order of the first, others behind the key that they follow.

    Maps without a key in common: those of the first, then those of the second.
    """
    behind: dict[str | None, list[str]] = {}
    last: str | None = None
    for key in second:
        if key in first:
            last = key
        else:
            behind.setdefault(last, []).append(key)
    if last is None:
        return [*first, *second]
    made = behind.get(None, [])
    for key in first:
        made.append(key)
        made += behind.get(key, ())
    return made
