"""What changed in a data file: columns, and rows by their key or, without one, by what they hold.

Knows: how the changes of a table are told, and how many. Refuses to know: formats (`mvcs.formats.table`), merges.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.diff.table_cells import diff_by_key
from mvcs.formats.table import open_delimited, open_table
from mvcs.formats.tables.blocks import same_bytes
from mvcs.formats.tables.delimited import Delimited
from mvcs.formats.tables.join import Side, partition_count
from mvcs.formats.tables.names import column_name
from mvcs.formats.tables.spool import Partitions
from mvcs.formats.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content
    from mvcs.formats.tables.rows import Table
    from mvcs.formats.values import Value

MAX_LISTED: Final = 1000
"""Rows that are listed where no key tells them apart."""
MAX_BYTES: Final = 16 << 20
"""Memory that the listed rows take, about."""
DRIVER: Final = "table"


def diff_table(
    syntax: str, before: Content | None, after: Content | None, key: tuple[str, ...] = ()
) -> FileDiff:
    """Tells what changed in a table.

    With a key: `row id=17` added or deleted, `id=17/label` for a cell; changed and added rows in the order of the file
    as it is, then deleted ones in the order of the file as it was. Cells of columns that came or went are told by
    `column NAME` alone. Without a key rows are compared as they are written, by the columns that both files have:
    `rows` with the counts, then `row -12` and `row +12`, by their lines. A changed order alone is told in `reason`.

    Args:
        syntax: csv, tsv, jsonl or parquet.
        before: The file as it was, None if absent.
        after: The file as it is, None if absent.
        key: Columns that identify a row; none to know rows by what they hold.

    Raises:
        UnreadableContent: If a file cannot be read as a table, or the key's columns are missing or not unique.

    Laws:
        diff_table(s, a, a) has no keys; every cell of `keys` differs.
    """
    if before is after or (before is not None and after is not None and same_bytes(before, after)):
        return FileDiff(DRIVER)
    old, new = _open(syntax, before, after, key)
    count = partition_count(content.size for content in (before, after) if content is not None)
    told = diff_by_key(old, new, key, count) if key else _diff_rows(old, new, count)
    schema = _schema(old, new)
    reason = told.reason
    if not schema and not told.keys and not reason:
        reason = _writing(old, new)
    return FileDiff(DRIVER, schema + told.keys, reason=reason, more=told.more)


def _open(
    syntax: str, before: Content | None, after: Content | None, key: tuple[str, ...]
) -> tuple[Table, Table]:
    old, new = open_table(syntax, before, key), open_table(syntax, after, key)
    if (
        not key and before is not None and after is not None and old.columns and new.columns
        and isinstance(old, Delimited) and isinstance(new, Delimited)
        and (old.header is None or new.header is None or not old.columns.keys() & new.columns.keys())
    ):  # what only one file has, or what shares no name, is taken for a row
        return open_delimited(syntax, before, (), header=False), open_delimited(syntax, after, (), header=False)
    return old, new


def _schema(old: Table, new: Table) -> tuple[KeyChange, ...]:
    """Returns the columns that came, went, or have another type."""
    gone = [KeyChange(column_name(name), kind, ABSENT) for name, kind in old.columns.items() if name not in new.columns]
    now = [
        KeyChange(column_name(name), old.columns.get(name, ABSENT), kind)
        for name, kind in new.columns.items() if old.columns.get(name) != kind
    ]
    return (*gone, *now)


def _writing(old: Table, new: Table) -> str:
    """Returns in what two files differ that have the same rows in the same order."""
    how = [
        name for name, differs in (
            ("encoding", old.encoding != new.encoding), ("line ends", old.end != new.end),
            ("the last line end", old.closed != new.closed),
            ("delimiter", _delimiter(old) != _delimiter(new)),
            ("order of columns", list(old.columns) != list(new.columns)),
        ) if differs
    ]
    return "the same values, written differently" + (f": {', '.join(how)}" if how else "")


def _diff_rows(old: Table, new: Table, count: int) -> FileDiff:
    shared = () if old.layout == new.layout else tuple(name for name in new.columns if name in old.columns)
    sides = [Side(old, shared, count), Side(new, shared, count)]
    changes = [Partitions(1, 1), Partitions(1, 1)]
    try:
        totals = [0, 0]
        moved = False
        for partition in range(count):
            counted = [_counted(side, partition) for side in sides]
            if counted[0] == counted[1]:
                pairs = zip(*(_rows(side, partition) for side in sides), strict=True)
                moved = moved or any(a[:2] != b[:2] for a, b in pairs)
                continue
            for at in (0, 1):
                over, both = counted[at] - counted[1 - at], counted[at] & counted[1 - at]
                totals[at] += over.total()
                for line, row_key, row in _rows(sides[at], partition) if over else ():
                    if both.get(row_key):  # the first ones are those that both have
                        both[row_key] -= 1
                    elif row_key in over:
                        changes[at].put(sides[at].batch_of(line), line, row)
        if totals == [0, 0]:
            return FileDiff(DRIVER, reason="the same rows in another order" if moved else "")
        note = f"{totals[1]} added, {totals[0]} deleted"
        told = [KeyChange("rows", sides[0].rows, sides[1].rows, note)]
        gone = _listed(sides[0], changes[0], max(MAX_LISTED // 2, MAX_LISTED - totals[1]))
        told += [KeyChange(f"row -{line}", _shown(old, row), ABSENT) for line, row in gone]
        came = _listed(sides[1], changes[1], MAX_LISTED - len(gone))
        told += [KeyChange(f"row +{line}", ABSENT, _shown(new, row)) for line, row in came]
        return FileDiff(DRIVER, tuple(told), more=sum(totals) - len(told) + 1)
    finally:
        for side in sides:
            side.close()
        for made in changes:
            made.close()


def _counted(side: Side, partition: int) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for _, keys, _ in side.segments(partition):
        found.update(keys)
    return found


def _rows(side: Side, partition: int) -> Iterator[tuple[int, bytes, bytes]]:
    for fields in side.segments(partition):
        yield from zip(*fields, strict=True)


def _listed(side: Side, changes: Partitions, room: int) -> list[tuple[int, bytes]]:
    """Returns the first rows, in the order of the file, as many as there is room for."""
    found: list[tuple[int, bytes]] = []
    size = 0
    for batch in range(len(side.starts)):
        if batch not in changes:
            continue
        for line, text in changes.records(batch):
            row = changes.fetch(text)
            size += side.table.weight(row)
            if len(found) == room or size > MAX_BYTES // 2:
                return found
            found.append((line, row))
    return found


def _shown(table: Table, row: bytes) -> dict[str, Value]:
    return {name: table.value(cell) for name, cell in table.cells(row).items()}


def _delimiter(table: Table) -> bytes:
    return table.delimiter if isinstance(table, Delimited) else b""
