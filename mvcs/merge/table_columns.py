"""The columns that a merged table has.

Knows: which columns came, went or stayed on each side, and what taking one away would lose. Refuses to know: rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.tables.delimited import Delimited
from mvcs.formats.tables.names import column_name
from mvcs.formats.values import ABSENT
from mvcs.merge.values import BASE, OURS, THEIRS, Conflict

if TYPE_CHECKING:
    from mvcs.formats.tables.json_lines import JsonLines
    from mvcs.merge.table_settling import Settling


class Columns:
    """Columns of three tables and of what they give; JSONL has none but those of each row.

    Args:
        base: The table that both came from, None if there is none.
        ours: Ours.
        theirs: Theirs.

    Attributes:
        alike: Whether rows of all tables are comparable as they are written.
        ours_stands: Whether ours' rows may stay as they are where theirs has what the base has.
        watched: Column that one side took away to the side that still has it.
        touched: Column of `watched` to how many of its cells that side changed; counted by who joins the rows.
        result: Columns of the result; known after `settle`.
        from_base: Columns whose cells are those of the base.
        plan: Each column of the result, with its number in base, ours and theirs; None where they lack it.
    """

    def __init__(
        self, base: Delimited | JsonLines | None, ours: Delimited | JsonLines, theirs: Delimited | JsonLines
    ) -> None:
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self.alike = ours.layout == theirs.layout and (base is None or base.layout == ours.layout)
        self._as_base = {OURS: base is not None and ours.layout == base.layout,
                         THEIRS: base is not None and theirs.layout == base.layout}
        self.watched: dict[str, str] = {}
        self.touched: dict[str, int] = {}
        self.result: list[str] = []
        self.from_base: set[str] = set()
        self._fits = {OURS: False, THEIRS: False, BASE: False}
        self.plan: list[tuple[str, int | None, int | None, int | None]] = []
        if isinstance(ours, Delimited):
            for name in () if base is None else base.columns:
                if (name in ours.columns) != (name in theirs.columns):
                    self.watched[name] = OURS if name in ours.columns else THEIRS
        self.ours_stands = self._as_base[THEIRS] and not self.watched

    def table(self, side: str) -> Delimited | JsonLines | None:
        """Returns the table of a side."""
        return {OURS: self.ours, THEIRS: self.theirs, BASE: self.base}[side]

    def fits(self, side: str) -> bool:
        """Whether a side's rows can stand in the result as they are."""
        return self._fits[side]

    def as_base(self, side: str) -> bool:
        """Whether a side's rows are comparable with the base's as they are written."""
        return self._as_base[side]

    def watch(self, side: str, base: bytes | None, row: bytes) -> None:
        """Counts the cells of a side's row that would be lost with a column that the other side took away."""
        table = self.table(side)
        assert table is not None
        mine = [column for column, keeper in self.watched.items() if keeper == side]
        if not mine:
            return
        now = table.cells(row)
        was = {} if base is None or self.base is None else self.base.cells(base)
        for column in mine:
            lost = not table.same(was[column], now[column]) if column in was else table.value(now[column]) != ""
            if lost:
                self.touched[column] = self.touched.get(column, 0) + 1

    def settle(self, settling: Settling) -> None:
        """Decides on the columns: those of ours, then those of theirs behind what they stood behind there."""
        kept: set[str] = set()
        for column, keeper in self.watched.items():
            if column in self.touched:
                ours, theirs = ("text", ABSENT) if keeper == OURS else (ABSENT, "text")
                reason = f"{self.touched[column]} of its cells changed on the side that has it"
                choice = settling.ask(
                    Conflict(column_name(column), "text", ours, theirs, reason), (OURS, THEIRS, BASE)
                )
                strategy = OURS if choice is None else choice.strategy
                if strategy in {keeper, BASE}:
                    kept.add(column)
                if strategy == BASE:
                    self.from_base.add(column)
        gone = self.watched.keys() - kept
        made = [column for column in self.ours.columns if column not in gone]
        behind: dict[str | None, list[str]] = {}
        anchor: str | None = None
        for column in self.theirs.columns:
            if column not in gone:
                if column in self.ours.columns:
                    anchor = column
                else:
                    behind.setdefault(anchor, []).append(column)
        self.result = behind.get(None, [])
        for column in made:
            self.result += [column, *behind.get(column, ())]
        base, ours_at, theirs_at = (
            {} if table is None else {column: at for at, column in enumerate(table.columns)}
            for table in (self.base, self.ours, self.theirs)
        )
        for side in self._fits:
            self._fits[side] = not self.from_base and list(getattr(self.table(side), "columns", ())) == self.result
        self.plan = [(name, base.get(name), ours_at.get(name), theirs_at.get(name)) for name in self.result]

    def header(self) -> bytes | None:
        """Returns the header of the result as it is written, None for a table without one."""
        if not isinstance(self.ours, Delimited) or self.ours.header is None:
            return None
        cells: dict[str, bytes] = {}
        for table in (self.theirs, self.ours):
            if isinstance(table, Delimited) and table.header is not None:
                cells.update(zip(table.columns, table.split(table.header), strict=True))
        return self.ours.delimiter.join(cells[column] for column in self.result)
