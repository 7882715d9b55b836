"""Jupyter notebooks of nbformat 4: their cells, and the JSON that they are written in, kept as it was.

Knows: cells, sources, ids, the spelling of numbers, indentation. Refuses to know: kernels, what a cell does.
Sources: nbformat 4 and its JSON schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mvcs.errors import InvalidObject, UnreadableContent
from mvcs.objects.record import Record
from mvcs.objects.values import Json, canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mvcs.formats.content import Content
    from mvcs.formats.values import Value

    Map = dict[str, Any]

LIMIT = 64 << 20
"""Bytes; a larger notebook counts by its bytes."""
MAX_DEPTH = 100
MAX_CELLS = 50_000
MAX_VALUES = 8_000_000
RUN_METADATA = ("ExecuteTime", "execution", "papermill")
"""Metadata of a cell that says when and how long it ran: part of its outputs."""
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FORM = "notebook"


def cell_sources(content: bytes) -> bytes | None:
    """Returns canonical JSON of [cell type, source] per cell; None if the bytes are no notebook.

    Sources: nbformat 4, where a source is a string or a list of strings to be joined.
    """
    import json

    try:
        notebook = json.loads(content)
        cells: list[Json] = []
        for cell in notebook["cells"]:
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            kind = cell["cell_type"]
            if not isinstance(kind, str):
                return None
            cells.append([kind, text])
        return canonical_json(cells)
    except (ValueError, KeyError, TypeError, RecursionError, InvalidObject):
        return None


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


class Cell:
    """One cell.

    Args:
        raw: As it stands in the notebook.
        name: Its id; None if it has none, one that is no id, or one that another cell has.
    """

    __slots__ = ("kind", "name", "raw", "source")

    def __init__(self, raw: Map, name: str | None) -> None:
        self.raw = raw
        self.name = name
        self.kind: str = raw["cell_type"]
        source = raw["source"]
        self.source: str = source if isinstance(source, str) else "".join(source)

    def content(self) -> Map:
        """Returns what a person wrote of it: all but the id and what a run leaves."""
        made = {key: value for key, value in self.raw.items() if key not in {"id", "outputs", "execution_count"}}
        made["source"] = self.source
        made["metadata"] = {k: v for k, v in self.raw.get("metadata", {}).items() if k not in RUN_METADATA}
        return made


class Notebook:
    """A notebook.

    Args:
        document: The whole.
        style: How it is written.
    """

    __slots__ = ("cells", "document", "style")

    def __init__(self, document: Map, style: Style) -> None:
        self.document = document
        self.style = style
        names = [cell.get("id") for cell in document["cells"]]
        whole = len(set(map(str, names))) == len(names) and all(
            isinstance(name, str) and _ID.fullmatch(name) for name in names
        )
        self.cells = [
            Cell(raw, name if whole else None) for raw, name in zip(document["cells"], names, strict=True)
        ]


def read_notebook(content: Content) -> Notebook:
    """Reads a notebook.

    Raises:
        UnreadableContent: If it is no notebook of nbformat 4, has a key twice, or is larger or deeper than any.
    """
    if content.size > LIMIT:
        raise _no(reason=f"larger than {LIMIT >> 20} MiB")
    try:
        text = content.read().decode()
    except UnicodeDecodeError as error:
        raise _no(reason=f"no UTF-8: {error.reason}") from error
    if sum(map(text.count, ",[{")) > MAX_VALUES + LIMIT // 4:
        raise _no(reason=f"more than {MAX_VALUES} values")
    document = _parse(text.lstrip("\ufeff"))
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        major = document.get("nbformat") if isinstance(document, dict) else None
        raise _no(reason=f"nbformat {major}" if isinstance(major, int) else "no cells")
    if document.get("nbformat") != 4 or type(document.get("nbformat_minor", 0)) is not int:
        raise _no(reason=f"nbformat {document.get('nbformat')!r}")
    if len(document["cells"]) > MAX_CELLS:
        raise _no(reason=f"more than {MAX_CELLS} cells")
    for number, cell in enumerate(document["cells"], 1):
        _check_cell(cell, number)
    if not isinstance(document.get("metadata", {}), dict):
        raise _no(reason="metadata is no map")
    return Notebook(document, _style(text, document))


def _no(*, reason: str, line: int = 0) -> UnreadableContent:
    return UnreadableContent(format=_FORM, line=line, reason=reason)


def _check_cell(cell: Any, number: int) -> None:  # noqa: ANN401 -- anything that JSON holds
    if not isinstance(cell, dict):
        raise _no(reason=f"cell {number} is no map")
    source = cell.get("source")
    if not isinstance(cell.get("cell_type"), str):
        raise _no(reason=f"cell {number} has no type")
    if not isinstance(source, str) and not (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    ):
        raise _no(reason=f"cell {number} has no source")
    if not isinstance(cell.get("metadata", {}), dict):
        raise _no(reason=f"the metadata of cell {number} is no map")


def _parse(text: str) -> Any:  # noqa: ANN401 -- anything that JSON holds
    import json

    try:
        document = json.loads(
            text, parse_int=_number, parse_float=_number, parse_constant=Number, object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise _no(reason=error.msg, line=error.lineno) from error
    except RecursionError as error:
        raise _no(reason=f"more than {MAX_DEPTH} levels deep") from error
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
            raise _no(reason=f"more than {MAX_VALUES} values")
        if not below:
            return document
        level = below
    raise _no(reason=f"more than {MAX_DEPTH} levels deep")


def _number(text: str) -> int | float | Number:
    if len(text) > 40:
        return Number(text)
    value = int(text) if text.lstrip("-").isdigit() else float(text)
    return value if repr(value) == text else Number(text)


def _unique(pairs: list[tuple[str, Any]]) -> Map:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _no(reason="a key twice")
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


def source_like(text: str, like: Any) -> str | list[str]:  # noqa: ANN401 -- a source as it stands in a cell
    """Returns a source as a list of lines or as a string, whichever another one is; lines as nbformat cuts them."""
    return text if isinstance(like, str) else text.splitlines(keepends=True)


def write_notebook(document: Map, style: Style) -> bytes:
    """Returns a notebook's bytes, read back and compared.

    Raises:
        UnreadableContent: If it cannot be written so that it reads back the same.

    Laws:
        A notebook that a common writer wrote is written back byte for byte.
    """
    from mvcs.formats.values import same

    text = style.head + _dump(document, style) + style.tail
    try:
        written = text.encode()
    except UnicodeEncodeError as error:
        raise _no(reason=str(error.reason)) from error
    if not same(_parse(text.lstrip("\ufeff")), document):
        raise _no(reason="it would not read back as it is")
    return written


def _style(text: str, document: Map) -> Style:
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
    return next((style for style in styles if _dump(document, style) == body), styles[0])


def _dump(document: Map, style: Style) -> str:
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

    return "".join(walk(document, 0))


_WORDS = {None: "null", True: "true", False: "false"}
