"""Merges data files: by a key that rows are told apart by; without one only where both sides appended.

Knows: when a side's bytes can stand as they are, what appending is. Refuses to know: rows with keys (`table_rows`).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.table import FORMS, open_table
from mvcs.formats.tables.blocks import bytes_from, encoded, same_bytes, starts_with
from mvcs.formats.tables.spool import Spool
from mvcs.formats.values import ABSENT
from mvcs.merge.sides import read_sides
from mvcs.merge.table_rows import merge_rows
from mvcs.merge.table_settling import Settling
from mvcs.merge.values import APPEND, BASE, OURS, THEIRS, UNION, Conflict, Merged

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.tables.rows import Table
    from mvcs.merge.values import Choose


def merge_table(
    syntax: str, base: Content | None, ours: Content, theirs: Content, choose: Choose, key: tuple[str, ...] = ()
) -> Merged:
    """Merges a table.

    With a key, rows are merged by it and cells by their column: `id=17/label` where both sides changed one cell,
    `id=17` where one side deleted a row that the other changed or both added it differently, `column label` where one
    side took a column away in which the other changed cells. Where a conflict is left the file has what ours has.
    Rows and columns keep ours' order; what only theirs has stands after what it stood after there, rows at the end if
    none of those before it is left. Without a key the one conflict has no key: rows that both appended, which
    `append` and `union` put behind each other, or the file.

    Args:
        syntax: csv, tsv, jsonl or parquet.
        base: What both came from, None if both added the file.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Says how a conflict is settled: ours, theirs, base; set for a cell; append, union for appended rows.
        key: Columns that identify a row; none to merge nothing but appended rows.

    Raises:
        UnreadableContent: If a side cannot be read as a table, the key's columns are missing or not unique, the sides
            write their files in ways that do not agree, or there are too many conflicts.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; conflicts swap with the sides.
    """
    if same_bytes(ours, theirs) or (base is not None and same_bytes(theirs, base)):
        return Merged(ours)
    if base is not None and same_bytes(ours, base):
        return Merged(theirs)
    if syntax == "parquet":
        raise UnreadableContent(format=FORMS[syntax], line=0, reason="a Parquet file is merged whole")
    settling = Settling(choose)
    if key:
        merged: Content = merge_rows(syntax, base, ours, theirs, settling, key)
    else:
        merged = _merge_whole(syntax, base, ours, theirs, settling)
    return Merged(merged, tuple(settling.conflicts), tuple(settling.decisions))


def _merge_whole(
    syntax: str, base: Content | None, ours: Content, theirs: Content, settling: Settling
) -> Content:
    def read(content: Content) -> tuple[Table, int]:
        table = open_table(syntax, content)
        return table, sum(len(batch.rows) for batch in table.batches())

    counted, (our_table, our_rows), (their_table, their_rows) = read_sides(read, base, ours, theirs)
    before, base_rows = (None, 0) if counted is None else counted
    appended = (
        base is not None and before is not None
        and _appended(base, before, ours, our_table) and _appended(base, before, theirs, their_table)
        and our_table.end == their_table.end
    )
    if appended:
        told = f"ours appended {_rows(our_rows - base_rows)}, theirs {_rows(their_rows - base_rows)}"
        reason = f"no key is declared; {told}"
    else:
        reason = "both sides changed it and no key is declared that tells rows apart"
    if appended and base_rows in {our_rows, their_rows}:  # one side only ended the last line
        strategy = APPEND
    else:
        was = ABSENT if base is None else _rows(base_rows)
        conflict = Conflict(None, was, _rows(our_rows), _rows(their_rows), reason)
        allowed = [OURS, THEIRS, *([] if base is None else [BASE]), *([APPEND, UNION] if appended else [])]
        choice = settling.ask(conflict, allowed)
        strategy = OURS if choice is None else choice.strategy
    if strategy in {APPEND, UNION}:
        assert base is not None
        assert before is not None
        return _joined(base, before, ours, our_table, theirs)
    return theirs if strategy == THEIRS else base if strategy == BASE and base is not None else ours


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _appended(base: Content, before: Table, side: Content, table: Table) -> bool:
    """Whether a side is the base with rows behind it."""
    if not starts_with(side, base) or (before.form != FORMS["jsonl"] and not before.columns):
        return False
    if before.closed or side.size == base.size:
        return True
    end = encoded(table.end, table.encoding, table.form)
    return b"".join(islice(bytes_from(side, base.size), 2)).startswith(end)


def _joined(base: Content, before: Table, ours: Content, our_table: Table, theirs: Content) -> Content:
    """Returns ours with the rows that theirs appended to the base behind it."""
    made = Spool()
    for piece in ours.pieces():
        made.write(piece)
    end = encoded(our_table.end, our_table.encoding, our_table.form)
    if not our_table.closed:
        made.write(end)
    skip = base.size if before.closed else base.size + len(end)
    for piece in bytes_from(theirs, min(skip, theirs.size)):
        made.write(piece)
    return made
