"""JSON: text to values at their places, as Python's json reads them (NaN and infinities are numbers).

Maps are walked here, so that each key has its place; everything else is read by the standard library in one piece.
Knows: what JSON means. Refuses to know: files, how a text is changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.bounds import MAX_DEPTH, MAX_KEYS, MAX_VALUES, check_value
from mvcs.formats.nodes import Document, Member, Node

if TYPE_CHECKING:
    from json import JSONDecoder

    from mvcs.formats.values import Value

_SPACE = re.compile(r"[ \t\r\n]*")
_TWICE: Final = "a key twice: "


def read_json(text: str) -> Document:
    """Reads JSON.

    Raises:
        UnreadableContent: If it is not JSON, has a key twice, or more of anything than the bounds allow.
    """
    marks = sum(map(text.count, ",[{"))
    if marks > 4 * MAX_VALUES:  # before anything is allocated; strings may have some of these
        raise UnreadableContent(format="JSON", line=0, reason=f"more than {MAX_VALUES} values")
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        from json import JSONDecodeError, JSONDecoder
        from json.decoder import scanstring  # type: ignore[attr-defined]

        self._text = text
        self._decoder: JSONDecoder = JSONDecoder(object_pairs_hook=_unique)
        self._string: Any = scanstring
        self._error = JSONDecodeError
        self._keys = 0

    def document(self) -> Document:
        at = self._skip(0)
        try:
            root = self._node(at, MAX_DEPTH)
        except self._error as error:
            raise self._unreadable(error.pos, error.msg) from error
        except RecursionError as error:
            raise self._unreadable(None, f"more than {MAX_DEPTH} levels deep") from error
        at = self._skip(root.end)
        if at != len(self._text):
            raise self._unreadable(at, "more behind the value")
        check_value(root.value, "JSON", infinite="Infinity" in self._text)
        return Document(self._text, root)

    def _unreadable(self, at: int | None, reason: str) -> UnreadableContent:
        line = 0 if at is None else self._text.count("\n", 0, at) + 1
        return UnreadableContent(format="JSON", line=line, reason=reason)

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        assert found is not None
        return found.end()

    def _node(self, at: int, room: int) -> Node:
        if self._text.startswith("{", at):
            if not room:
                raise self._unreadable(at, f"more than {MAX_DEPTH} levels deep")
            return self._map(at, room - 1)
        try:
            value, end = self._decoder.raw_decode(self._text, at)
        except self._error:
            raise
        except ValueError as error:  # a key twice inside a list, or an integer of thousands of digits
            twice = str(error).startswith(_TWICE)
            raise self._unreadable(at, str(error) if twice else "an integer of too many digits") from error
        return Node(value, at, end)

    def _map(self, at: int, room: int) -> Node:
        values: dict[str, Value] = {}
        node = Node(values, at, 0)
        text = self._text
        at = self._skip(at + 1)
        while not text.startswith("}", at):
            if node.members:
                if not text.startswith(",", at):
                    raise self._unreadable(at, "expected a comma")
                at = self._skip(at + 1)
            start = at
            if not text.startswith('"', at):
                raise self._unreadable(at, "expected a key in double quotes")
            key, at = self._string(text, at + 1, True)
            colon = self._skip(at)
            if not text.startswith(":", colon):
                raise self._unreadable(colon, "expected a colon")
            if key in values:
                raise self._unreadable(start, f"{_TWICE}{key[:100]!r}")
            self._keys += 1
            if self._keys > MAX_KEYS:
                raise self._unreadable(start, f"more than {MAX_KEYS} keys")
            item = self._node(self._skip(colon + 1), room)
            node.members[key] = Member(key, start, colon + 1, item, None)
            values[key] = item.value
            at = self._skip(item.end)
        node.end = at + 1
        return node


def _unique(pairs: list[tuple[str, Value]]) -> Value:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(_TWICE + repr(key[:100]))
    return made
