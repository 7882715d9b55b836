"""What every table can do: give its rows in batches, with their keys, and tell the cells of a row.

A row is the bytes that the file has for it, in UTF-8 and without its line end, so that an untouched row is written as
it was. Knows: the interface and its bounds. Refuses to know: formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from mvcs.errors import UnreadableContent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mvcs.formats.encoding import Encoding
    from mvcs.formats.values import Value

MAX_ROW: Final = 8 << 20
"""Bytes of one row."""
MAX_COLUMNS: Final = 65_536
MAX_ROWS: Final = 100_000_000
KEY_MARK: Final = b"\0"
"""Between the cells of a key of several columns; no text has it."""


class Batch:
    """Rows that follow each other.

    Attributes:
        lines: The line on which each row begins, from 1.
        keys: The key of each row; the rows themselves if no key was asked for.
        rows: The rows.
    """

    __slots__ = ("keys", "lines", "rows")

    def __init__(self, lines: Sequence[int], keys: list[bytes], rows: list[bytes]) -> None:
        self.lines = lines
        self.keys = keys
        self.rows = rows


class Table(Protocol):
    """A data file, opened."""

    @property
    def form(self) -> str:
        """Name of the format, for errors."""
        ...

    @property
    def encoding(self) -> Encoding:
        """How the text lies in the file."""
        ...

    @property
    def end(self) -> bytes:
        """Line end of all rows."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the last row has its line end; known when the rows have been read."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """Columns in order, with their types; of a format without a header those of the rows read so far."""
        ...

    @property
    def layout(self) -> tuple[object, ...]:
        """What two tables share whose rows are comparable as they are written."""
        ...

    @property
    def typed(self) -> bool:
        """Whether the format tells strings from other values."""
        ...

    def batches(self, key: tuple[str, ...] = ()) -> Iterator[Batch]:
        """Yields the rows, in the same batches each time; raises UnreadableContent."""
        ...

    def cells(self, row: bytes) -> dict[str, bytes]:
        """Returns the cells of a row by their column, as they are written."""
        ...

    def picker(self, columns: Sequence[str]) -> Callable[[bytes], object]:
        """Returns a function that gives the cells of some columns of a row, as they are written, to be compared."""
        ...

    def value(self, cell: bytes) -> Value:
        """Returns what a cell says."""
        ...

    def key_value(self, part: bytes) -> Value:
        """Returns what one part of a key says."""
        ...

    def same(self, first: bytes, second: bytes) -> bool:
        """Whether two cells are the same, however they are written."""
        ...

    def weight(self, text: bytes) -> int:
        """Returns about how many bytes of memory what a row or cell says takes."""
        ...


def ended_rows(
    blocks: Iterator[bytes], form: str, end: bytes, *, quotes: bool
) -> Iterator[tuple[Sequence[int], list[bytes], bool]]:
    """Yields rows without their line ends, with the lines on which they begin, and whether they have a line end.

    Args:
        blocks: The text.
        form: Name of the format.
        end: Line end that all rows have, but for the last, which may have none.
        quotes: Whether a line feed between quotes ends no row.

    Raises:
        UnreadableContent: If a row has another line end, is too long, or a quote is not closed.
    """
    held: tuple[Sequence[int], list[bytes]] | None = None
    for lines, rows in _whole_rows(blocks, form, quotes=quotes):
        if held is not None:
            yield held[0], _without_ends(*held, form, end), True
        held = lines, rows
    assert held is not None
    (line,), (last,) = held
    if last.endswith(b"\r"):
        raise UnreadableContent(format=form, line=line, reason="a carriage return that ends no line")
    if last:
        yield *held, False


def _without_ends(lines: Sequence[int], rows: list[bytes], form: str, end: bytes) -> list[bytes]:
    if end == b"\r\n":
        other = [not row.endswith(b"\r") for row in rows]
        stripped = [row[:-1] for row in rows]
    else:
        if b"\r" not in b"".join(rows):
            return rows
        other = [row.endswith(b"\r") for row in rows]
        stripped = rows
    if any(other):
        raise UnreadableContent(format=form, line=lines[other.index(True)], reason="line ends of two kinds")
    return stripped


def _whole_rows(blocks: Iterator[bytes], form: str, *, quotes: bool) -> Iterator[tuple[Sequence[int], list[bytes]]]:
    # The last row has no line feed behind it and comes alone; it is empty if the text ends with one.
    rest, line, count = b"", 1, 0
    for block in blocks:
        data = rest + block
        *found, rest = data.split(b"\n")
        lines: Sequence[int] = range(line, line + len(found))
        if quotes and b'"' in data:
            lines, found, rest = _quoted(line, found, rest)
            line += data.count(b"\n") - rest.count(b"\n")
        else:
            line += len(found)
        if len(rest) > MAX_ROW:
            raise UnreadableContent(format=form, line=line, reason=f"a row longer than {MAX_ROW >> 20} MiB")
        count += len(found)
        if count > MAX_ROWS:
            raise UnreadableContent(format=form, line=line, reason=f"more than {MAX_ROWS} rows")
        if found:
            yield lines, found
    if quotes and rest.count(b'"') % 2:
        raise UnreadableContent(format=form, line=line, reason="a quote that is not closed")
    yield range(line, line + 1), [rest]


def _quoted(line: int, pieces: list[bytes], rest: bytes) -> tuple[list[int], list[bytes], bytes]:
    """Joins the pieces whose line feed stands between quotes."""
    lines: list[int] = []
    rows: list[bytes] = []
    held: list[bytes] = []
    for at, piece in enumerate(pieces, line):
        odd = piece.count(b'"') % 2
        if held:
            held.append(piece)
            if odd:
                lines.append(at + 1 - len(held))
                rows.append(b"\n".join(held))
                held = []
        elif odd:
            held = [piece]
        else:
            lines.append(at)
            rows.append(piece)
    return lines, rows, b"\n".join((*held, rest))
