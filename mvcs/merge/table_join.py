"""What has to change in ours' rows, and which rows of theirs come where: found key by key, kept on the disk.

Knows: the three rows of a key, predecessors. Refuses to know: cells, conflicts, how a file is written.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

from mvcs.formats.tables.join import spans
from mvcs.formats.tables.spool import Partitions, Spool
from mvcs.merge.sides import SIDES, reading
from mvcs.merge.values import OURS, THEIRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mvcs.formats.tables.join import Side
    from mvcs.merge.table_columns import Columns

Three = tuple[bytes, bytes | None, bytes | None]
"""(key, base row, theirs' row)"""
Run = tuple[int, int]
"""(start, length) of added rows that stand together"""
_BASE, _THEIRS = 1, 2
_PER_RECORD: Final = 250


class Joined:
    """The rows of three tables, joined.

    Args:
        base: Base's rows, None if there is no base.
        ours: Ours'.
        theirs: Theirs'.
        columns: Columns of the three.
        count: Partitions.

    Raises:
        UnreadableContent: If a key is not unique.
    """

    def __init__(self, base: Side | None, ours: Side, theirs: Side, columns: Columns, count: int) -> None:
        self._base = base
        self._ours = ours
        self._theirs = theirs
        self._columns = columns
        self._changed = Partitions(2, 3)  # by ours' batch: line, which rows there are; key, base, theirs
        self._new = Partitions(2, 3)  # by theirs' batch, the same
        self._met = Partitions(2, 0)  # by theirs' batch: line, the line of that key in ours
        self._placed = Partitions(5, 3)  # by ours' batch: predecessor's line, number, which or a run; key, base, theirs
        self._added = Spool()
        for partition in range(count):
            self._join(partition)
        for name, side in zip(SIDES, (base, ours, theirs), strict=True):
            with reading(name):
                if side is not None:
                    side.check_unique()

    def _join(self, partition: int) -> None:
        base: Mapping[bytes, bytes] = {}
        with reading(SIDES[0]):
            if self._base is not None:
                base = self._base.by_key(partition).row
        with reading(SIDES[1]):
            ours = self._ours.by_key(partition)
        with reading(SIDES[2]):
            theirs = self._theirs.by_key(partition)
        alike, watched = self._columns.alike, bool(self._columns.watched)
        stands = alike or self._columns.ours_stands
        there = theirs.row
        for line, key, row in ours:
            theirs_row = there.get(key)
            if (alike and row == theirs_row) or (stands and theirs_row == base.get(key)):
                continue  # ours stands: the same, or theirs did not touch it
            if watched:
                self._columns.watch(OURS, base.get(key), row)
            _put(self._changed, self._ours.batch_of(line), line, key, base.get(key), theirs_row)
        met = list(map(ours.line().get, theirs.keys, repeat(0)))
        if watched:
            for key, row in there.items():
                self._columns.watch(THEIRS, base.get(key), row)
        if 0 in met:
            for (line, key, row), known in zip(theirs, met, strict=True):
                if not known and not (alike and row == base.get(key)):
                    _put(self._new, self._theirs.batch_of(line), line, key, base.get(key), row)
        for batch, start, end in spans(theirs.lines, self._theirs.starts):
            self._met.of(batch).extend(chain.from_iterable(zip(theirs.lines[start:end], met[start:end], strict=True)))
            self._met.grow(64 * (end - start))

    def place(self, written: Callable[[bytes], bytes]) -> None:
        """Gives the rows that only theirs has their place in ours: behind the nearest row before them that ours has.

        Args:
            written: Returns an added row as the result has it, with its line end.
        """
        anchor = done = 0
        run = _Run()
        for batch in range(len(self._theirs.starts)):
            if batch not in self._new:
                continue
            before = (self._known(number) for number in range(batch - 1, done - 1, -1))
            anchor = next((known[-1][1] for known in before if known), anchor)
            known, at, done = self._known(batch), 0, batch + 1
            for line, which, *texts in self._new.records(batch):
                three = [self._new.fetch(text) for text in texts]
                while at < len(known) and known[at][0] < line:
                    anchor = known[at][1]
                    at += 1
                if which & _BASE or anchor != run.anchor:
                    self._end(run)
                    run = _Run(anchor, run.number + 1)
                if which & _BASE:
                    self._placed.put(self._batch_behind(anchor), anchor, run.number, which, 0, 0, *three)
                    run = _Run(anchor, run.number + 1)
                else:
                    row = written(three[2])
                    start = self._added.write(row)
                    run = _Run(anchor, run.number, start if not run.length else run.start, run.length + len(row))
            anchor = known[-1][1] if known else anchor
        self._end(run)

    def _known(self, batch: int) -> list[tuple[int, int]]:
        """Returns (line, line in ours) of the rows of one of theirs' batches that ours has, in order."""
        return sorted((line, ours) for line, ours in zip(*self._met.read(batch), strict=True) if ours)

    def _end(self, run: _Run) -> None:
        if run.length:
            place = self._batch_behind(run.anchor)
            self._placed.put(place, run.anchor, run.number, 0, run.start, run.length, b"", b"", b"")

    def _batch_behind(self, anchor: int) -> int:
        return self._ours.batch_of(anchor) if anchor else len(self._ours.starts)

    def changed(self, batch: int) -> Iterator[tuple[int, Three]]:
        """Yields the rows of one of ours' batches that may not stay as they are, with their lines, in order."""
        if batch in self._changed:
            for line, which, *texts in self._changed.records(batch):
                yield line, _three(which, *map(self._changed.fetch, texts))

    def placed(self, batch: int) -> Iterator[tuple[int, Run | Three]]:
        """Yields what comes behind rows of one of ours' batches, in order, with the line of the row.

        The batch behind the last has what comes at the end.
        """
        if batch in self._placed:
            for line, _, which, start, length, *texts in self._placed.records(batch):
                yield line, _three(which, *map(self._placed.fetch, texts)) if which else (start, length)

    def added(self, run: Run) -> Iterator[bytes]:
        """Yields the bytes of added rows."""
        return self._added.part(*run)

    def close(self) -> None:
        """Gives the temporary files back."""
        for made in (self._changed, self._new, self._met, self._placed, self._added):
            made.close()


class _Run:
    """Added rows that stand together."""

    __slots__ = ("anchor", "length", "number", "start")

    def __init__(self, anchor: int = 0, number: int = 0, start: int = 0, length: int = 0) -> None:
        self.anchor = anchor
        self.number = number
        self.start = start
        self.length = length


def _put(into: Partitions, batch: int, line: int, key: bytes, base: bytes | None, theirs: bytes | None) -> None:
    which = (base is not None) * _BASE + (theirs is not None) * _THEIRS
    base, theirs = base or b"", theirs or b""
    into.of(batch).extend((line, which, key, base, theirs))
    into.grow(len(base) + len(theirs) + _PER_RECORD)


def _three(which: int, key: bytes, base: bytes, theirs: bytes) -> Three:
    return key, base if which & _BASE else None, theirs if which & _THEIRS else None
