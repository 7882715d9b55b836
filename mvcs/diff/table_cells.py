"""What changed in a table whose rows have a key: rows that came or went, cells that differ.

Knows: keys, rows, cells. Refuses to know: formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.formats.tables.join import Side
from mvcs.formats.tables.names import cell_name, row_name
from mvcs.formats.tables.rows import KEY_MARK
from mvcs.formats.tables.spool import Partitions
from mvcs.formats.values import ABSENT, same

if TYPE_CHECKING:
    from mvcs.formats.tables.rows import Table
    from mvcs.formats.values import Found

MAX_TOLD: Final = 10_000
"""Changes that are held; the rest is counted."""
MAX_BYTES: Final = 32 << 20
"""Memory that they take, about."""
_ADDED, _CHANGED = 0, 1


def diff_by_key(old: Table, new: Table, key: tuple[str, ...], count: int) -> FileDiff:
    """Tells rows and cells that differ.

    Args:
        old: The table as it was.
        new: The table as it is.
        key: Columns that identify a row.
        count: Partitions.

    Raises:
        UnreadableContent: If a key is not unique, or a file cannot be read.
    """
    diff = _KeyedDiff(old, new, key)
    before, after = Side(old, key, count), Side(new, key, count)
    now, gone = Partitions(2, 3), Partitions(1, 2)
    try:
        moved = _join(before, after, count, now, gone)
        for batch in range(len(after.starts)):
            if batch in now:
                for _, how, *texts in now.records(batch):
                    key_bytes, old_row, new_row = map(now.fetch, texts)
                    diff.tell(key_bytes, old_row if how == _CHANGED else None, new_row)
        for batch in range(len(before.starts)):
            if batch in gone:
                for _, *texts in gone.records(batch):
                    key_bytes, old_row = map(gone.fetch, texts)
                    diff.tell(key_bytes, old_row, None)
    finally:
        for side in (before, after):
            side.close()
        for made in (now, gone):
            made.close()
    reason = ""
    if not diff.told and not diff.more:
        if diff.rewritten:
            reason = f"the same values, written differently in {diff.rewritten} row(s)"
        elif moved:
            reason = "the same rows in another order"
    return FileDiff("table", tuple(diff.told), reason=reason, more=diff.more)


def _join(before: Side, after: Side, count: int, now: Partitions, gone: Partitions) -> bool:
    """Brings the rows together; returns whether one that both have is at another line."""
    alike = before.table.layout == after.table.layout
    shared = [column for column in before.table.columns if column in after.table.columns]
    old_cells, new_cells = before.table.picker(shared), after.table.picker(shared)
    moved = False
    for partition in range(count):
        old, new = before.by_key(partition), after.by_key(partition)
        moved = moved or old.keys != new.keys or old.lines != new.lines
        was, now_there = old.row, new.row
        for line, key_bytes, row in new:
            found = was.get(key_bytes)
            if found == row if alike else found is not None and old_cells(found) == new_cells(row):
                continue
            how = _ADDED if found is None else _CHANGED
            now.put(after.batch_of(line), line, how, key_bytes, found or b"", row)
        for line, key_bytes, row in old:
            if key_bytes not in now_there:
                gone.put(before.batch_of(line), line, key_bytes, row)
    before.check_unique()
    after.check_unique()
    return moved


class _KeyedDiff:
    def __init__(self, old: Table, new: Table, key: tuple[str, ...]) -> None:
        self.old = old
        self.new = new
        self.key = key
        self.told: list[KeyChange] = []
        self.more = 0
        self.rewritten = 0
        self._size = 0
        self._full = False

    def tell(self, key_bytes: bytes, old_row: bytes | None, new_row: bytes | None) -> None:
        if new_row is None:
            assert old_row is not None
            self._row(key_bytes, self.old, old_row, came=False)
        elif old_row is None:
            self._row(key_bytes, self.new, new_row, came=True)
        else:
            self._cells(key_bytes, old_row, new_row)

    def _row(self, key_bytes: bytes, table: Table, row: bytes, *, came: bool) -> None:
        if self._room(table.weight(row)):
            value: Found = {name: table.value(cell) for name, cell in table.cells(row).items()}
            name = f"row {self._name(table, key_bytes)}"
            self.told.append(KeyChange(name, ABSENT, value) if came else KeyChange(name, value, ABSENT))

    def _cells(self, key_bytes: bytes, old_row: bytes, new_row: bytes) -> None:
        before, after = self.old.cells(old_row), self.new.cells(new_row)
        found = 0
        for column, cell in after.items():
            was = before.get(column)
            if column in self.old.columns and (was is None or not self._same(was, cell)):
                found += 1
                self._cell(key_bytes, column, was, cell)
        for column, was in before.items():
            if column not in after and column in self.new.columns:
                found += 1
                self._cell(key_bytes, column, was, None)
        if not found and self.old.layout == self.new.layout and before.keys() == after.keys():
            self.rewritten += 1

    def _same(self, was: bytes, now: bytes) -> bool:
        if was == now and self.old.form == self.new.form:
            return True
        return same(self.old.value(was), self.new.value(now))

    def _cell(self, key_bytes: bytes, column: str, was: bytes | None, now: bytes | None) -> None:
        if self._room(self.old.weight(was or b"") + self.new.weight(now or b"")):
            self.told.append(KeyChange(
                cell_name(self._name(self.new, key_bytes), column),
                ABSENT if was is None else self.old.value(was), ABSENT if now is None else self.new.value(now),
            ))

    def _room(self, size: int) -> bool:
        self._size += size
        self._full = self._full or len(self.told) >= MAX_TOLD or self._size > MAX_BYTES
        self.more += self._full
        return not self._full

    def _name(self, table: Table, key_bytes: bytes) -> str:
        parts = [table.key_value(part) for part in key_bytes.split(KEY_MARK)]
        return row_name(self.key, parts, typed=table.typed)
