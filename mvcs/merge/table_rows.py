"""Merges tables by key: finds what each side did to each row, then writes ours with it, in one pass over ours.

Knows: how a merged table is written. Refuses to know: how rows are found (`table_join`) and merged (`table_cells`).
"""

from __future__ import annotations

from bisect import bisect_left
from contextlib import ExitStack
from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from mvcs.errors import UnreadableContent
from mvcs.formats.table import open_table
from mvcs.formats.tables.blocks import encoded
from mvcs.formats.tables.delimited import Delimited
from mvcs.formats.tables.join import Side, partition_count
from mvcs.formats.tables.json_lines import JsonLines
from mvcs.formats.tables.spool import PIECE, Spool
from mvcs.merge.sides import SIDES, read_sides, reading
from mvcs.merge.table_cells import RowMerge
from mvcs.merge.table_columns import Columns
from mvcs.merge.table_join import Joined
from mvcs.merge.values import THEIRS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mvcs.formats.content import Content
    from mvcs.formats.encoding import Encoding
    from mvcs.merge.table_join import Run, Three
    from mvcs.merge.table_settling import Settling

    Events = Iterator[tuple[int, bool, Run | Three]]

T = TypeVar("T")


def merge_rows(
    syntax: str, base: Content | None, ours: Content, theirs: Content, settling: Settling, key: tuple[str, ...]
) -> Spool:
    """Merges tables whose rows have a key.

    Args:
        syntax: csv, tsv or jsonl.
        base: What both came from, None if both added the file.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        settling: Asks for conflicts: columns first, then rows in the order of the result.
        key: Columns that identify a row.

    Raises:
        UnreadableContent: As `merge_table` says.
    """
    before, our_table, their_table = read_sides(lambda content: _open(syntax, content, key), base, ours, theirs)
    columns = Columns(before, our_table, their_table)
    count = partition_count(content.size for content in (base, ours, theirs) if content is not None)
    with ExitStack() as stack:
        sides: list[Side | None] = []
        for name, table in zip(SIDES, (before, our_table, their_table), strict=True):
            with reading(name):
                sides.append(None if table is None else Side(table, key, count))
            stack.callback(_close, sides[-1])
        first, second, third = sides
        assert second is not None
        assert third is not None
        writer = _Writer(before, our_table, their_table)
        joined = Joined(first, second, third, columns, count)
        stack.callback(joined.close)
        for side in sides:
            _close(side)
        columns.settle(settling)
        rows = RowMerge(key, columns, settling)
        joined.place(lambda row: writer.row(rows.fitted(THEIRS, row)))
        return writer.write(our_table, joined, rows, columns.header())


def _close(side: Side | None) -> None:
    if side is not None:
        side.close()


def _open(syntax: str, content: Content, key: tuple[str, ...]) -> Delimited | JsonLines:
    table = open_table(syntax, content, key)
    assert isinstance(table, Delimited | JsonLines)
    return table


class _Writer:
    """Writes the result as the sides agree that it is written; their rows have been read."""

    def __init__(
        self, base: Delimited | JsonLines | None, ours: Delimited | JsonLines, theirs: Delimited | JsonLines
    ) -> None:
        self._form = ours.form
        if isinstance(ours, Delimited) and isinstance(theirs, Delimited):
            known = base if isinstance(base, Delimited) else ours
            if len({ours.delimiter, theirs.delimiter, known.delimiter}) > 1:
                raise UnreadableContent(format=self._form, line=1, reason="the delimiter is not the same on all sides")
        tables = [table for table in (base, ours, theirs) if table is not None]
        if len({table.encoding for table in tables}) == 3:
            raise UnreadableContent(format=self._form, line=0, reason="both sides changed the encoding")
        self._mixed = len({table.encoding.codec for table in tables}) > 1
        before = tables[0] if base is not None else theirs  # without a base as ours has it
        self._encoding: Encoding = _agreed(before.encoding, ours.encoding, theirs.encoding)
        self._end = _agreed(before.end, ours.end, theirs.end)
        self._closed = _agreed(before.closed, ours.closed, theirs.closed)
        self._out = Spool()

    def row(self, row: bytes) -> bytes:
        """Returns a row as the file has it, with its line end."""
        return encoded(row + self._end, self._encoding, self._form, strict=self._mixed)

    def write(self, ours: Delimited | JsonLines, joined: Joined, rows: RowMerge, header: bytes | None) -> Spool:
        """Writes the merged table."""
        out = self._out
        out.write(self._encoding.mark)
        if header is not None:
            out.write(self.row(header))
        number = 0
        for number, (lines, found) in enumerate(ours.rows(), 1):
            self._write_batch(number - 1, lines, found, joined, rows)
        for _, item in joined.placed(number):
            self._write_placed(item, joined, rows)
        end = self.row(b"")
        written = out.size - len(self._encoding.mark)
        if not self._closed and written and out.at(max(0, out.size - 2 * len(end)), 2 * len(end)) != end + end:
            out.cut(len(end))  # an empty row is only there if its line ends
        return out

    def _write_batch(
        self, number: int, lines: Sequence[int], found: list[bytes], joined: Joined, rows: RowMerge
    ) -> None:
        kept: list[bytes] = []
        done = size = 0
        changed: Events = ((line, False, item) for line, item in joined.changed(number))
        placed: Events = ((line, True, item) for line, item in joined.placed(number))
        for line, behind, item in merge(changed, placed, key=itemgetter(0, 1)):
            here = bisect_left(lines, line)
            if here >= done:
                kept += found[done : here + 1]
                done = here + 1
            if behind or size > PIECE:
                last = [] if behind else [kept.pop()]
                self._write_rows(kept)
                kept, size = last, 0
            if behind:
                self._write_placed(item, joined, rows)
                continue
            assert len(item) == 3
            key, base, theirs = item
            made = rows.merge(key, base, kept.pop(), theirs)
            if made is not None:
                kept.append(made)
                size += len(made)
        self._write_rows(kept + found[done:])

    def _write_rows(self, kept: list[bytes]) -> None:
        if kept:
            self._out.write(self.row(self._end.join(kept)))

    def _write_placed(self, item: Run | Three, joined: Joined, rows: RowMerge) -> None:
        if len(item) == 2:
            for piece in joined.added(item):
                self._out.write(piece)
            return
        key, base, theirs = item
        made = rows.merge(key, base, None, theirs)
        if made is not None:
            self._out.write(self.row(made))


def _agreed(base: T, ours: T, theirs: T) -> T:
    """Returns how a file is written: as the side has it that changed it."""
    return theirs if ours == base else ours
