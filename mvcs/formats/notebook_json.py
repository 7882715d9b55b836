"""The JSON of notebooks: values with the spelling of their numbers, and how it is laid out, both kept.

Knows: JSON, indentation, escapes. Refuses to know: cells. Source: RFC 8259; layouts are those of Python's json.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mvcs.errors import UnreadableContent
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mvcs.formats.values import Value

    Map = dict[str, Any]

MAX_DEPTH = 100
MAX_VALUES = 2_000_000
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Number(Record):
    """A number that Python would spell in another way.

    Args:
        text: How it is spelled.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Style(Record):
    """How a notebook's JSON is written.

    Args:
        indent: What a level is indented by, None for one line.
        comma: What stands between items, besides indentation.
        colon: What stands between key and value.
        ascii_only: Whether characters beyond ASCII are escaped.
        end: Line end.
        head: Byte order mark or white space before.
        tail: White space behind.
    """

    __slots__ = ("ascii_only", "colon", "comma", "end", "head", "indent", "tail")

    def __init__(
        self, indent: str | None = " ", comma: str = ",", colon: str = ": ", *, ascii_only: bool = False,
        end: str = "\n", head: str = "", tail: str = "\n",
    ) -> None:
        self.indent = indent
        self.comma = comma
        self.colon = colon
        self.ascii_only = ascii_only
        self.end = end
        self.head = head
        self.tail = tail


def refused(*, reason: str, line: int = 0) -> UnreadableContent:
    """Returns the error for what is no notebook."""
    return UnreadableContent(format="notebook", line=line, reason=reason)


def parse(text: str) -> Any:  # noqa: ANN401 -- anything that JSON holds
    """Reads JSON.

    Raises:
        UnreadableContent: If it is not JSON, has a key twice, or more values or levels than the bounds allow.
    """
    import json

    if sum(map(text.count, ",[{")) > MAX_VALUES and sum(map(_STRING.sub("", text).count, ",[{")) > MAX_VALUES:
        raise refused(reason=f"more than {MAX_VALUES} values")  # before anything is allocated
    try:
        document = json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=Number, object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise refused(reason=error.msg, line=error.lineno) from error
    except RecursionError as error:
        raise refused(reason=f"more than {MAX_DEPTH} levels deep") from error
    level, count = [document], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if count + len(below) > MAX_VALUES:
            raise refused(reason=f"more than {MAX_VALUES} values")
        if not below:
            return document
        level = below
    raise refused(reason=f"more than {MAX_DEPTH} levels deep")


def _number(text: str) -> int | float | Number:
    if len(text) > 40:
        return Number(text)
    value = int(text) if text.lstrip("-").isdigit() else float(text)
    return value if repr(value) == text else Number(text)


def _unique(pairs: list[tuple[str, Any]]) -> Map:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise refused(reason="a key twice")
    return made


def plain(value: Any) -> Value:  # noqa: ANN401 -- anything that JSON holds
    """Returns a value of a notebook as others know values."""
    if isinstance(value, Number):
        return float(value.text)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    made: Value = value
    return made


def write(document: Map, style: Style) -> bytes:
    """Returns a document's bytes, read back and compared.

    Raises:
        UnreadableContent: If it cannot be written so that it reads back the same.

    Laws:
        A document that a common writer wrote is written back byte for byte.
    """
    from mvcs.formats.values import same

    text = style.head + "".join(_pieces(document, style)) + style.tail
    try:
        written = text.encode()
    except UnicodeEncodeError as error:
        raise refused(reason=str(error.reason)) from error
    if not same(parse(text.lstrip("\ufeff")), document):
        raise refused(reason="it would not read back as it is")
    return written


def style_of(text: str, document: Map) -> Style:
    """Returns how a text lays out a document; the nearest that there is if it is laid out by hand.

    Args:
        text: The whole file.
        document: What it reads as.
    """
    body = text.strip("\ufeff \t\r\n")
    at = text.index("{")
    head, tail = text[:at], text[at + len(body) :]
    match = re.match(r"\{(\r?\n)([ \t]*)", body)
    end = match[1] if match else "\n"
    styles = [
        Style(match[2] if match else None, comma, colon, ascii_only=ascii_only, end=end, head=head, tail=tail)
        for colon in (": ", ":") for comma in ((",",) if match else (", ", ",")) for ascii_only in (False, True)
    ]
    if body.isascii():  # either will do where there is nothing to escape
        styles.sort(key=lambda style: style.ascii_only != ("\\u" in body))
    return next((style for style in styles if _gives(document, style, body)), styles[0])


def _gives(document: Map, style: Style, body: str) -> bool:
    at = 0
    for piece in _pieces(document, style):
        if not body.startswith(piece, at):
            return False
        at += len(piece)
    return at == len(body)


def _pieces(document: Map, style: Style) -> Iterator[str]:
    from json.encoder import encode_basestring, encode_basestring_ascii

    def quoted(text: str) -> str:
        if style.ascii_only:
            return encode_basestring_ascii(text)
        made = encode_basestring(text)
        lone = not made.isascii() and any("\ud800" <= char <= "\udfff" for char in made)
        return encode_basestring_ascii(text) if lone else made

    def walk(value: Any, level: int) -> Iterator[str]:  # noqa: ANN401 -- anything that JSON holds
        if isinstance(value, str):
            yield quoted(value)
        elif isinstance(value, dict):
            yield from _items("{}", [(quoted(key) + style.colon, item) for key, item in value.items()], level)
        elif isinstance(value, list):
            yield from _items("[]", [("", item) for item in value], level)
        elif isinstance(value, Number):
            yield value.text
        else:
            yield _WORDS[value] if value is None or isinstance(value, bool) else repr(value)

    def _items(marks: str, items: Sequence[tuple[str, Any]], level: int) -> Iterator[str]:
        inner = "" if style.indent is None else style.end + style.indent * (level + 1)
        for place, (lead, item) in enumerate(items):
            yield (style.comma if place else marks[0]) + inner + lead
            yield from walk(item, level + 1)
        if not items:
            yield marks
        else:
            yield ("" if style.indent is None else style.end + style.indent * level) + marks[1]

    return walk(document, 0)


_WORDS = {None: "null", True: "true", False: "false"}
