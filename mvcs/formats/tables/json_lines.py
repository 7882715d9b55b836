"""JSONL: one JSON object a line; its keys are the columns.

Knows: how objects lie in a line, cell by cell. Refuses to know: what rows mean.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.bounds import MAX_DEPTH
from mvcs.formats.tables.blocks import encoding_of, text_blocks
from mvcs.formats.tables.rows import KEY_MARK, MAX_COLUMNS, Batch, ended_rows
from mvcs.formats.values import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mvcs.formats.content import Content
    from mvcs.formats.values import Value

_SPACE = re.compile(r"[ \t\r\n]*")
_FORM = "JSONL"
_TWICE: Final = "a key twice: "
_DEEP: Final = f"more than {MAX_DEPTH} levels deep"


class JsonCells:
    """Rows that are JSON objects: what every table of them can do with one."""

    __slots__ = ()

    @property
    def typed(self) -> bool:
        """Whether the format tells strings from other values."""
        return True

    def cells(self, row: bytes) -> dict[str, bytes]:
        """Returns the cells of a row by their column, as they are written."""
        text = row.decode()
        return {member[0]: text[member[3] : member[4]].encode() for member in _members(text)}

    def picker(self, columns: Sequence[str]) -> Callable[[bytes], object]:
        """Returns a function that gives the cells of some columns of a row, as they are written, to be compared."""
        return lambda row: [*map(self.cells(row).get, columns)]

    def compose(self, cells: dict[str, bytes], like: bytes) -> bytes:
        """Returns a row of cells, spaced as another row is."""
        text = like.decode()
        members = _members(text)
        opening, colon, comma, closing = "{", ": ", ", ", "}"
        if members:
            _, start, end, value, _ = members[0]
            opening, colon, closing = text[:start], text[end:value], text[members[-1][4] :]
            comma = text[members[0][4] : members[1][1]] if len(members) > 1 else "," + " " * colon.endswith(" ")
        ascii_only = text.isascii()
        parts = [json.dumps(name, ensure_ascii=ascii_only) + colon + cell.decode() for name, cell in cells.items()]
        return (opening + comma.join(parts) + closing).encode()

    def value(self, cell: bytes) -> Value:
        """Returns what a cell says."""
        found: Value = json.loads(cell)
        return found

    def key_value(self, part: bytes) -> Value:
        """Returns what one part of a key says."""
        return self.value(part)

    def same(self, first: bytes, second: bytes) -> bool:
        """Whether two cells are the same: as they are written, for a number's digits may say more than a float."""
        return first == second

    def weight(self, text: bytes) -> int:
        """Returns about how many bytes of memory what a row or cell says takes."""
        return 200 + len(text) + 160 * sum(map(text.count, (b",", b"[", b"{")))


class JsonLines(JsonCells):
    """An opened JSONL file.

    Args:
        content: The file.

    Attributes:
        columns: Keys of the objects read so far, in the order in which they came.
    """

    __slots__ = ("_content", "closed", "columns", "encoding", "end", "form")

    def __init__(self, content: Content) -> None:
        self.form = _FORM
        self._content = content
        self.encoding = encoding_of(content)
        self.closed = False
        self.columns: dict[str, str] = {}
        first = next(text_blocks(content, self.encoding, self.form), b"")
        self.end = b"\r\n" if first[: first.find(b"\n") + 1].endswith(b"\r\n") else b"\n"

    @property
    def layout(self) -> tuple[object, ...]:
        """What two tables share whose rows are comparable as they are written: nothing, each tells its columns."""
        return ()

    def batches(self, key: tuple[str, ...] = ()) -> Iterator[Batch]:
        """Yields the rows in batches.

        Raises:
            UnreadableContent: If a line is no JSON object, has a key twice, or lacks a column of the key.
        """
        decode = json.JSONDecoder(object_pairs_hook=_unique).decode
        for lines, rows in self.rows():
            keys: list[bytes] = []
            line = 0
            try:
                for line, row in zip(lines, rows, strict=True):
                    found = decode(row.decode())
                    if type(found) is not dict:
                        raise UnreadableContent(format=_FORM, line=line, reason=f"a {type_name(found)}, no object")
                    _check(found, row, line)
                    if not found.keys() <= self.columns.keys():
                        self._grow(found, line)
                    if key:
                        keys.append(_key(found, key, line))
            except UnicodeDecodeError as error:
                raise UnreadableContent(format=_FORM, line=line, reason="not UTF-8") from error
            except json.JSONDecodeError as error:
                reason = f"character {error.pos + 1}: {error.msg}"
                raise UnreadableContent(format=_FORM, line=line, reason=reason) from error
            except ValueError as error:  # a key twice, or an integer of thousands of digits
                twice = str(error).startswith(_TWICE)
                reason = str(error) if twice else "an integer of too many digits"
                raise UnreadableContent(format=_FORM, line=line, reason=reason) from error
            except RecursionError as error:
                raise UnreadableContent(format=_FORM, line=line, reason=_DEEP) from error
            yield Batch(lines, keys if key else rows, rows)

    def rows(self) -> Iterator[tuple[Sequence[int], list[bytes]]]:
        """Yields the lines and rows of the same batches, the rows' cells unchecked."""
        self.closed = True
        blocks = text_blocks(self._content, self.encoding, self.form)
        for lines, rows, ended in ended_rows(blocks, self.form, self.end, quotes=False):
            self.closed = ended
            yield lines, rows

    def _grow(self, found: dict[str, Value], line: int) -> None:
        self.columns.update(dict.fromkeys((name for name in found if name not in self.columns), "json"))
        if len(self.columns) > MAX_COLUMNS:
            raise UnreadableContent(format=_FORM, line=line, reason=f"more than {MAX_COLUMNS} columns")




def _members(text: str) -> list[tuple[str, int, int, int, int]]:
    """Returns (name, where its quotes begin and end, where the value begins and ends) of an object that was read."""
    decoder = json.JSONDecoder()
    string: Any = json.decoder.scanstring  # type: ignore[attr-defined]
    found: list[tuple[str, int, int, int, int]] = []
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = string(text, at + 1, True)
        value = _skip(text, _skip(text, end) + 1)  # behind the colon
        _, after = decoder.raw_decode(text, value)
        found.append((name, at, end, value, after))
        at = _skip(text, after)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _key(found: dict[str, Value], key: tuple[str, ...], line: int) -> bytes:
    parts: list[bytes] = []
    for name in key:
        if name not in found:
            raise UnreadableContent(format=_FORM, line=line, reason=f"no column {name!r}, which the key needs")
        value = found[name]
        if value is None or isinstance(value, list | dict):
            reason = f"column {name!r} of the key is a {type_name(value)}"
            raise UnreadableContent(format=_FORM, line=line, reason=reason)
        parts.append(json.dumps(value).encode())
    return KEY_MARK.join(parts)


def _check(found: Value, row: bytes, line: int) -> None:
    """Holds a row to what can be written back and shown: no half surrogate pairs, no towers of brackets."""
    if b"\\ud" in row or b"\\uD" in row:
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise UnreadableContent(format=_FORM, line=line, reason="half a surrogate pair in a string") from error
    if row.count(b"[") + row.count(b"{") > MAX_DEPTH:
        level = [found]
        for _ in range(MAX_DEPTH + 1):
            level = [
                item for outer in level if isinstance(outer, list | dict)
                for item in (outer.values() if isinstance(outer, dict) else outer)
            ]
        if level:
            raise UnreadableContent(format=_FORM, line=line, reason=_DEEP)


def _unique(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(_TWICE + repr(key))
    return made
