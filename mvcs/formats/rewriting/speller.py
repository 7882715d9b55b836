"""How new values are spelled inside an existing text.

Knows: the three syntaxes' spelling. Refuses to know: where a value goes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Protocol

from mvcs.formats import spelling
from mvcs.formats.map_keys import OtherKey

if TYPE_CHECKING:
    from mvcs.formats.values import Value

_UNSAFE = re.compile(r"[,\[\]{}]|: | #|:$")


class Speller(Protocol):
    """Spells values and keys of one syntax."""

    sign: str
    """What stands between a key and its value."""
    blocks: bool
    """Whether maps may stand in lines, without brackets."""

    def key(self, key: str) -> str:
        """Returns a key."""
        ...

    def value(self, value: Value, indent: str) -> str:
        """Returns a value; lines after its first start with the indent."""
        ...

    def fits_brackets(self, text: str) -> bool:
        """Whether a value's text means the same between commas."""
        ...


class YamlSpeller:
    """Spells YAML, on one line."""

    __slots__ = ()
    sign = ":"
    blocks = True

    def key(self, key: str) -> str:
        """Returns a key."""
        return spelling.yaml_key(key)

    def value(self, value: Value, indent: str) -> str:
        """Returns a value in flow style."""
        del indent
        return spelling.in_yaml(value)

    def fits_brackets(self, text: str) -> bool:
        """Whether a value's text means the same between commas."""
        return text[:1] in {'"', "'", "[", "{"} or not _UNSAFE.search(text)


class TomlSpeller:
    """Spells what stands inside TOML's inline tables."""

    __slots__ = ()
    sign = "="
    blocks = False

    def key(self, key: str) -> str:
        """Returns a key."""
        return spelling.toml_key(key)

    def value(self, value: Value, indent: str) -> str:
        """Returns a value on one line."""
        del indent
        return spelling.in_toml(value)

    def fits_brackets(self, text: str) -> bool:
        """Whether a value's text means the same between commas."""
        return True


class JsonSpeller:
    """Spells JSON in the style of a text: its indent, its separators, escapes if it is ASCII.

    Args:
        text: The text.
    """

    __slots__ = ("_ascii", "_newline", "_separators", "_unit")
    sign = ":"
    blocks = False

    def __init__(self, text: str) -> None:
        self._ascii = text.isascii()
        self._newline = "\r\n" if "\r\n" in text else "\n"
        found = re.search(r"[\[{]\r?\n([ \t]+)\S", text)
        self._unit = found[1] if found else None
        spaced = re.search(r'"\s*:(\s*)\S', text)
        colon = ": " if spaced is None or spaced[1] else ":"
        comma = "," if self._unit is not None or colon == ":" else ", "
        self._separators = (comma, colon)

    def key(self, key: str) -> str:
        """Returns a key."""
        if isinstance(key, OtherKey):
            raise spelling.CannotSpell
        return json.dumps(key, ensure_ascii=self._ascii)

    def value(self, value: Value, indent: str) -> str:
        """Returns a value, over several lines if the text is written so."""
        spelling.check_json(value)
        made = json.dumps(value, ensure_ascii=self._ascii, indent=self._unit, separators=self._separators)
        return made.replace("\n", self._newline + indent)

    def fits_brackets(self, text: str) -> bool:
        """Whether a value's text means the same between commas."""
        return True
