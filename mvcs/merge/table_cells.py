"""Merges one row of three tables, cell by cell.

Knows: rows, cells, what each side did to them. Refuses to know: files, where rows stand.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

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
        sides = {OURS: self._columns.ours.cells(ours), THEIRS: self._columns.theirs.cells(theirs)}
        if base is not None and self._columns.base is not None:
            sides[BASE] = self._columns.base.cells(base)
        elif self._added_differently(sides[OURS], sides[THEIRS]):
            return self._settle_row(key, None, ours, theirs)
        made: Cells = {}
        if isinstance(self._table, JsonLines):
            for column in (*sides[OURS], *(name for name in sides[THEIRS] if name not in sides[OURS])):
                cell = self._cell(key, column, *(sides.get(side, {}).get(column) for side in (BASE, OURS, THEIRS)))
                if cell is not None:
                    made[column] = cell
            for side, row in ((OURS, ours), (THEIRS, theirs)):
                if list(made.items()) == list(sides[side].items()):
                    return row
            return self._table.compose(made, ours)
        for column in self._columns.result:
            made[column] = self._delimited_cell(key, column, sides)
        return self._table.delimiter.join(made.values())

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

    def _added_differently(self, ours: Cells, theirs: Cells) -> bool:
        if isinstance(self._table, JsonLines):
            return ours != theirs
        return any(not self._table.same(cell, theirs[column]) for column, cell in ours.items() if column in theirs)

    def _delimited_cell(self, key: bytes, column: str, sides: dict[str, Cells]) -> bytes:
        ours, theirs = sides[OURS].get(column), sides[THEIRS].get(column)
        base = sides.get(BASE, {}).get(column)
        if column in self._columns.from_base:
            return base or b""
        if ours is None or theirs is None:
            return ours if ours is not None else theirs or b""
        return self._cell(key, column, base, ours, theirs) or b""

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
        value = choice.value
        if isinstance(self._table, Delimited):
            if isinstance(value, bool):
                return b"true" if value else b"false"
            return self._table.cell(str(value)) if isinstance(value, str | int | float) else None
        if isinstance(value, str):
            try:  # text as typed
                json.loads(value)
            except (ValueError, RecursionError):
                return json.dumps(value).encode()
            return value.strip().encode() if "\n" not in value and "\r" not in value else None
        try:
            return json.dumps(value).encode()
        except (TypeError, ValueError, RecursionError):
            return None

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
