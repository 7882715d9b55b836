"""CSV and TSV: rows of cells with a delimiter between them, as RFC 4180 has them.

A cell that holds the delimiter, a quote or a line end stands in double quotes, with quotes doubled. All rows have as
many cells as the first, and the same line end. Knows: dialects, headers. Refuses to know: what cells mean.

The delimiter of `.tsv` is the tab; of `.csv` the one of comma, semicolon and tab that the first row has most of. The
first row is a header if a key is asked for; else if its cells are all there, all different, and none is a number.
"""

from __future__ import annotations

import re
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.tables.blocks import BLOCK, encoding_of, text_blocks
from mvcs.formats.tables.rows import KEY_MARK, MAX_COLUMNS, Batch, ended_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mvcs.formats.content import Content

MAX_GROUPS: Final = 200
"""Columns up to which a row with quotes is split in one step."""
_RETURN: Final = "a carriage return that ends no line"
_QUOTED = re.compile(rb'"[^"]*"')


class Delimited:
    """An opened CSV or TSV file.

    Args:
        content: The file.
        tabs: Whether it is TSV.
        header: Whether the first row is a header; None to decide by its cells.

    Raises:
        UnreadableContent: If the first row cannot be read.

    Attributes:
        form: CSV or TSV.
        header: The first row if it is a header; else None.
        columns: Names of the columns to their type; numbers from 1 without a header.
        twice: A column name that occurs twice, None if there is none.
    """

    __slots__ = (
        "_cell", "_content", "_row", "_whole", "closed", "columns", "delimiter", "encoding", "end", "form", "header",
        "twice",
    )

    def __init__(self, content: Content, *, tabs: bool = False, header: bool | None = None) -> None:
        self.form = "TSV" if tabs else "CSV"
        self._content = content
        self.encoding = encoding_of(content)
        self.closed = False
        first, self.end = self._first()
        bare = _QUOTED.sub(b"", first)
        self.delimiter = b"\t" if tabs else max(b",", b";", b"\t", key=bare.count)
        mark = re.escape(self.delimiter)
        cell = rb'(?:"[^"]*+(?:""[^"]*+)*+"|[^"\r\n' + mark + rb"]*+)"
        self._cell = re.compile(rb"(" + cell + rb")(?:" + mark + rb"|\Z)")
        self._row = re.compile(cell + rb"(?:" + mark + cell + rb")*+")
        self._whole: re.Pattern[bytes] | None = None
        self.header: bytes | None = None
        self.twice: str | None = None
        self.columns: dict[str, str] = {}
        self._name_columns(first, header)
        if len(self.columns) <= MAX_GROUPS:
            self._whole = re.compile(mark.join([b"(" + cell + b")"] * len(self.columns)))

    @property
    def layout(self) -> tuple[object, ...]:
        """What two tables share whose rows are comparable as they are written."""
        return self.delimiter, *self.columns

    @property
    def typed(self) -> bool:
        """Whether the format tells strings from other values."""
        return False

    def _first(self) -> tuple[bytes, bytes]:
        """Returns the first row and the line end."""
        blocks = text_blocks(self._content, self.encoding, self.form)
        text = next(blocks, b"")
        at, odd = 0, 0
        while (found := text.find(b"\n", at)) >= 0:
            odd ^= text.count(b'"', at, found) & 1
            if not odd:
                crlf = text[found - 1 : found] == b"\r" and found > 0
                return text[: found - crlf], b"\r\n" if crlf else b"\n"
            at = found + 1
        if next(blocks, None) is not None:
            raise UnreadableContent(format=self.form, line=1, reason=f"a first row longer than {BLOCK >> 10} KiB")
        return text, b"\n"

    def _name_columns(self, first: bytes, header: bool | None) -> None:
        if not first and self._content.size == len(self.encoding.mark):
            return
        cells = self.split(first, 1)
        if b"\r" in first and b'"' not in first:
            raise UnreadableContent(format=self.form, line=1, reason=_RETURN)
        if len(cells) > MAX_COLUMNS:
            raise UnreadableContent(format=self.form, line=1, reason=f"more than {MAX_COLUMNS} columns")
        names = [_bare(cell).decode("utf-8", "surrogateescape") for cell in cells]
        if header is None:
            header = len(set(names)) == len(names) and not any(not name.strip() or _is_number(name) for name in names)
        if not header:
            names = [str(number) for number in range(1, len(cells) + 1)]
        self.header = first if header else None
        seen: dict[str, int] = {}
        for name in names:
            if name in self.columns and self.twice is None:
                self.twice = name
            unique = name
            while unique in self.columns:
                seen[name] = seen.get(name, 1) + 1
                unique = f"{name}#{seen[name]}"
            self.columns[unique] = "text"

    def split(self, row: bytes, line: int = 0) -> list[bytes]:
        """Returns the cells of a row as they are written.

        Raises:
            UnreadableContent: If a quote stands where none may.
        """
        if b'"' not in row:
            return row.split(self.delimiter)
        if self._whole is not None and (found := self._whole.fullmatch(row)) is not None:
            return list(found.groups())
        if self._row.fullmatch(row) is None:
            raise UnreadableContent(format=self.form, line=line, reason="a quote or a line end inside a bare cell")
        cells: list[bytes] = self._cell.findall(row)
        return cells if row.endswith(self.delimiter) else cells[:-1]  # the end of the text matches once more

    def batches(self, key: tuple[str, ...] = ()) -> Iterator[Batch]:
        """Yields the rows in batches; the header is none of them.

        Raises:
            UnreadableContent: If a row cannot be read, or has more or fewer cells than the first.
        """
        names = [*self.columns]
        wanted = [names.index(name) for name in key] if names else []
        for lines, rows in self.rows():
            yield Batch(lines, self._keys(lines, rows, wanted), rows)

    def rows(self) -> Iterator[tuple[Sequence[int], list[bytes]]]:
        """Yields the lines and rows of the same batches, the rows' cells unchecked."""
        skip = self.header is not None
        self.closed = True
        blocks = text_blocks(self._content, self.encoding, self.form)
        for lines, rows, ended in ended_rows(blocks, self.form, self.end, quotes=True):
            self.closed = ended
            if skip:
                skip = False
                if len(rows) > 1:
                    yield lines[1:], rows[1:]
            else:
                yield lines, rows

    def _keys(self, lines: Sequence[int], rows: list[bytes], wanted: list[int]) -> list[bytes]:
        """Checks the rows and returns their keys."""
        mark, more = self.delimiter, len(self.columns) - 1
        together = b"".join(rows)
        if b'"' not in together and b"\r" not in together:
            counts = list(map(bytes.count, rows, repeat(mark)))
            if counts.count(more) != len(counts):
                at = next(index for index, count in enumerate(counts) if count != more)
                raise self._ragged(lines[at], counts[at])
            if not wanted or not more:
                return rows
            if len(wanted) == 1:
                (at,) = wanted
                if at == 0:
                    return [row.partition(mark)[0] for row in rows]
                return [row.split(mark, at + 1)[at] for row in rows]
        keys: list[bytes] = []
        for line, row in zip(lines, rows, strict=True):
            if b"\r" in row and b'"' not in row:
                raise UnreadableContent(format=self.form, line=line, reason=_RETURN)
            cells = self.split(row, line)
            if len(cells) != more + 1:
                raise self._ragged(line, len(cells) - 1)
            keys.append(KEY_MARK.join([_bare(cells[at]) for at in wanted]) if wanted else row)
        return keys

    def _ragged(self, line: int, more: int) -> UnreadableContent:
        reason = f"{more + 1} cells where the first row has {len(self.columns)}"
        return UnreadableContent(format=self.form, line=line, reason=reason)

    def cells(self, row: bytes) -> dict[str, bytes]:
        """Returns the cells of a row by their column, as they are written."""
        return dict(zip(self.columns, self.split(row), strict=True))

    def picker(self, columns: Sequence[str]) -> Callable[[bytes], object]:
        """Returns a function that gives the cells of some columns of a row, as they are written, to be compared."""
        places = {name: at for at, name in enumerate(self.columns)}
        if not columns:
            return lambda row: ()
        pick = itemgetter(*(places[name] for name in columns))
        return lambda row: pick(self.split(row))

    def value(self, cell: bytes) -> str | bytes:
        """Returns the text of a cell, its bytes if they are not UTF-8."""
        return self.key_value(_bare(cell))

    def key_value(self, part: bytes) -> str | bytes:
        """Returns the text of one part of a key."""
        try:
            return part.decode()
        except UnicodeDecodeError:
            return part

    def same(self, first: bytes, second: bytes) -> bool:
        """Whether two cells are the same: quotes around one do not count."""
        return first == second or _bare(first) == _bare(second)

    def weight(self, text: bytes) -> int:
        """Returns about how many bytes of memory what a row or cell says takes."""
        return 200 + len(text) + 160 * text.count(self.delimiter)

    def cell(self, text: str) -> bytes:
        """Returns text as a cell is written: in quotes if it must be."""
        raw = text.encode("utf-8", "surrogateescape")
        if self.delimiter in raw or any(mark in raw for mark in (b'"', b"\r", b"\n")):
            return b'"' + raw.replace(b'"', b'""') + b'"'
        return raw


def _bare(cell: bytes) -> bytes:
    return cell[1:-1].replace(b'""', b'"') if cell.startswith(b'"') else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
