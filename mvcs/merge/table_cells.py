"""Merges one row of three tables, cell by cell.

Knows: rows, cells, what each side did to them. Refuses to know: files, where rows stand.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.tables.delimited import Delimited
from mvcs.formats.tables.json_lines import JsonLines
from mvcs.formats.tables.names import cell_name, row_name
from mvcs.formats.tables.rows import KEY_MARK
from mvcs.formats.values import ABSENT
from mvcs.merge.values import BASE, OURS, SET, THEIRS, Choice, Conflict

if TYPE_CHECKING:
    from mvcs.formats.values import Found
    from mvcs.merge.table_columns import Columns
    from mvcs.merge.table_settling import Settling

Cells = dict[str, bytes]
SIDES = (OURS, THEIRS, BASE)
_OTHER = {OURS: THEIRS, THEIRS: OURS}


class RowMerge:
    """Merges rows, one at a time.

    Args:
        key: Columns of the key.
        columns: Columns of the result, and of each side.
        settling: Asks for conflicts.
    """

    def __init__(self, key: tuple[str, ...], columns: Columns, settling: Settling) -> None:
        self._key = key
        self._columns = columns
        self._settling = settling
        self._table: Delimited | JsonLines = columns.ours

    def merge(self, key: bytes, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> bytes | None:
        """Returns the row that three states give, None for no row; asks where they do not say."""
        if ours is None or theirs is None:
            side, row = (THEIRS, theirs) if ours is None else (OURS, ours)
            assert row is not None
            if base is not None:
                if not self.changed(side, base, row):
                    return None
                return self._settle_row(key, base, ours, theirs)
            return self.fitted(side, row)
        if base is None and self._added_differently(ours, theirs):
            return self._settle_row(key, None, ours, theirs)
        for side, mine, other in ((OURS, ours, theirs), (THEIRS, theirs, ours)):
            if base == other and self._columns.fits(side) and self._columns.as_base(_OTHER[side]):
                return mine  # the other did not touch it, and has no column of its own
        if isinstance(self._table, JsonLines):
            return self._merge_object(self._table, key, base, ours, theirs)
        return self._merge_delimited(self._table, key, base, ours, theirs)

    def _merge_object(self, table: JsonLines, key: bytes, base: bytes | None, ours: bytes, theirs: bytes) -> bytes:
        was, mine, other = {} if base is None else table.cells(base), table.cells(ours), table.cells(theirs)
        made: Cells = {}
        for column in (*mine, *(name for name in other if name not in mine)):
            cell = self._cell(key, column, was.get(column), mine.get(column), other.get(column))
            if cell is not None:
                made[column] = cell
        for cells, row in ((mine, ours), (other, theirs)):
            if list(made.items()) == list(cells.items()):
                return row
        return table.compose(made, ours)

    def _merge_delimited(self, table: Delimited, key: bytes, base: bytes | None, ours: bytes, theirs: bytes) -> bytes:
        was = [] if base is None else self._split(BASE, base)
        mine, other = self._split(OURS, ours), self._split(THEIRS, theirs)
        made: list[bytes] = []
        for column, at_base, at_ours, at_theirs in self._columns.plan:
            before = was[at_base] if was and at_base is not None else None
            if column in self._columns.from_base:
                made.append(before or b"")
            elif at_ours is None or at_theirs is None:
                made.append(other[at_theirs] if at_theirs is not None else b"" if at_ours is None else mine[at_ours])
            elif mine[at_ours] == other[at_theirs]:
                made.append(mine[at_ours])
            else:
                made.append(self._cell(key, column, before, mine[at_ours], other[at_theirs]) or b"")
        return table.delimiter.join(made)

    def _split(self, side: str, row: bytes) -> list[bytes]:
        table = self._columns.table(side)
        assert isinstance(table, Delimited)
        return table.split(row)

    def changed(self, side: str, base: bytes, row: bytes) -> bool:
        """Whether a side's row says something else than the base's: quotes do not count, nor do empty new cells."""
        table = self._columns.table(side)
        before = self._columns.table(BASE)
        assert table is not None
        assert before is not None
        if row == base and table.layout == before.layout:
            return False
        old, new = before.cells(base), table.cells(row)
        if isinstance(table, JsonLines):
            return old != new
        return any(
            not table.same(old[column], cell) if column in old else table.value(cell) != ""
            for column, cell in new.items()
        )

    def fitted(self, side: str, row: bytes) -> bytes:
        """Returns a side's row with the columns of the result."""
        table = self._columns.table(side)
        if isinstance(self._table, JsonLines) or table is None or self._columns.fits(side):
            return row
        cells = table.cells(row)
        return self._table.delimiter.join(cells.get(column, b"") for column in self._columns.result)

    def _added_differently(self, ours: bytes, theirs: bytes) -> bool:
        mine, other = self._columns.ours.cells(ours), self._columns.theirs.cells(theirs)
        if isinstance(self._table, JsonLines):
            return mine != other
        return any(not self._table.same(cell, other[column]) for column, cell in mine.items() if column in other)

    def _cell(
        self, key: bytes, column: str, base: bytes | None, ours: bytes | None, theirs: bytes | None
    ) -> bytes | None:
        if self._same(ours, theirs):
            return theirs if ours == base else ours  # one side may have written it differently
        if self._same(theirs, base):
            return ours
        if self._same(ours, base):
            return theirs
        name = cell_name(self._name(key), column)
        size = sum(self._table.weight(cell or b"") for cell in (base, ours, theirs)) + len(name)
        conflict = Conflict(name, self._value(base), self._value(ours), self._value(theirs))
        choice = self._settling.ask(conflict, (*SIDES, SET), size, lambda choice: self._written(choice) is not None)
        if choice is not None and choice.strategy == SET:
            return self._written(choice)
        return {OURS: ours, THEIRS: theirs, BASE: base}[OURS if choice is None else choice.strategy]

    def _written(self, choice: Choice) -> bytes | None:
        """Returns a choice's value as a cell; None if a cell cannot hold it. Other strategies have nothing to write."""
        if choice.strategy != SET:
            return b""
        write = self._as_text if isinstance(self._table, Delimited) else _as_json
        try:
            cell = write(choice.value)
        except (TypeError, ValueError, RecursionError, UnreadableContent):
            return None
        return None if b"\0" in cell else cell

    def _as_text(self, value: Found) -> bytes:
        assert isinstance(self._table, Delimited)
        if not isinstance(value, str | int | float):
            raise TypeError(value)
        return self._table.cell(str(value).lower() if isinstance(value, bool) else str(value))

    def _settle_row(
        self, key: bytes, base: bytes | None, ours: bytes | None, theirs: bytes | None
    ) -> bytes | None:
        rows = {BASE: base, OURS: ours, THEIRS: theirs}
        values = {side: self._row_value(side, row) for side, row in rows.items()}
        name = self._name(key)
        size = sum(self._table.weight(row or b"") for row in rows.values()) + len(name)
        choice = self._settling.ask(Conflict(name, values[BASE], values[OURS], values[THEIRS]), SIDES, size)
        side = OURS if choice is None else choice.strategy
        row = rows[side]
        return None if row is None else self.fitted(side, row)

    def _row_value(self, side: str, row: bytes | None) -> Found:
        table = self._columns.table(side)
        if row is None or table is None:
            return ABSENT
        return {name: table.value(cell) for name, cell in table.cells(row).items()}

    def _same(self, first: bytes | None, second: bytes | None) -> bool:
        if first is None or second is None:
            return first is second
        return self._table.same(first, second)

    def _value(self, cell: bytes | None) -> Found:
        return ABSENT if cell is None else self._table.value(cell)

    def _name(self, key: bytes) -> str:
        values = [self._table.key_value(part) for part in key.split(KEY_MARK)]
        return row_name(self._key, values, typed=self._table.typed)


def _as_json(value: Found) -> bytes:
    """Returns the JSON text of a value; text as typed is JSON if it reads as such, else a string."""
    text = json.dumps(value)
    if isinstance(value, str):
        try:
            json.loads(value)
            text = value.strip()
        except (ValueError, RecursionError):
            pass
    cell = text.encode()
    if sum(len(batch.rows) for batch in JsonLines(Bytes(b'{"": ' + cell + b"}")).batches()) != 1:
        raise ValueError(value)
    return cell
