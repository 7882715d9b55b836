"""Rows of several tables brought together by their keys, in bounded memory: a hash join over partitions on the disk.

Each table is read once; its rows go to partitions by the hash of their key, and a partition is joined at a time. Which
partition a key falls into means nothing: results are put back into the order of the files by their lines. Rows are
compared byte by byte, never by a hash. Knows: keys, lines, rows. Refuses to know: formats, what a difference means.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.tables.spool import Partitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mvcs.formats.tables.rows import Table

PARTITION: Final = 192 << 10
"""Bytes of all tables together for one partition, as long as MAX_PARTITIONS is not reached."""
MAX_PARTITIONS: Final = 1024
MAX_PARTITION: Final = 40 << 20
"""Bytes of one table's rows in one partition; only rows of many MB, or copies of one key, are more."""
_PER_ROW: Final = 150


class Side:
    """One table's rows in partitions.

    Args:
        table: The table.
        key: Columns of the key; empty to take the whole row.
        count: Partitions, a power of two.

    Attributes:
        rows: How many.
        starts: The first line of each batch.
    """

    __slots__ = ("_duplicate", "_partitions", "key", "rows", "starts", "table")

    def __init__(self, table: Table, key: tuple[str, ...], count: int) -> None:
        self.table = table
        self.key = key
        self.rows = 0
        self.starts: list[int] = []
        self._duplicate = 0
        self._partitions = Partitions(1, 2 if key else 1)
        mask = count - 1
        of, grow = self._partitions.of, self._partitions.grow
        parts = [of(number) for number in range(count)]
        for batch in table.batches(key):
            self.starts.append(batch.lines[0])
            self.rows += len(batch.rows)
            if key:
                for line, key_bytes, row in zip(batch.lines, batch.keys, batch.rows, strict=True):
                    parts[hash(key_bytes) & mask] += (line, key_bytes, row)
            else:
                for line, row in zip(batch.lines, batch.rows, strict=True):
                    parts[hash(row) & mask] += (line, row)
            if key and len(set(batch.keys)) != len(batch.keys):
                self._remember(batch.lines, batch.keys)
                self.check_unique()
            size = sum(map(len, batch.rows)) + _PER_ROW * len(batch.rows)
            if grow(size):
                parts = [of(number) for number in range(count)]

    def read(self, partition: int) -> tuple[list[int], list[bytes], list[bytes]]:
        """Returns (lines, keys, rows) of a partition, in the order of the file."""
        lines, keys, *rows = self._partitions.read(partition)
        return lines, keys, rows[0] if rows else keys

    def by_key(self, partition: int) -> Keyed:
        """Returns the rows of a partition by their key; a key that comes twice is remembered.

        Raises:
            UnreadableContent: If rows of one partition are too long to be held together.
        """
        if self._partitions.size(partition) > MAX_PARTITION:
            reason = "rows too long, or too many rows of one key"
            raise UnreadableContent(format=self.table.form, line=0, reason=reason)
        lines, keys, rows = self.read(partition)
        found = Keyed(lines, keys, rows)
        if len(found.row) != len(keys):
            self._remember(lines, keys)
        return found

    def segments(self, partition: int) -> Iterator[tuple[list[int], list[bytes], list[bytes]]]:
        """Yields what `read` returns, a bounded number of rows at a time."""
        for lines, keys, *rows in self._partitions.segments(partition):
            yield lines, keys, rows[0] if rows else keys

    def _remember(self, lines: Sequence[int], keys: list[bytes]) -> None:
        seen: set[bytes] = set()
        for line, key in zip(lines, keys, strict=True):
            if key in seen:
                self._duplicate = min(line, self._duplicate or line)
                return
            seen.add(key)

    def check_unique(self) -> None:
        """Refuses a table whose key came twice.

        Raises:
            UnreadableContent: If it did.
        """
        if self._duplicate:
            reason = f"the key {','.join(self.key)} is not unique: this row has that of another"
            raise UnreadableContent(format=self.table.form, line=self._duplicate, reason=reason)

    def batch_of(self, line: int) -> int:
        """Returns which batch a line is in."""
        return bisect_right(self.starts, line) - 1

    def close(self) -> None:
        """Gives the temporary file back."""
        self._partitions.close()


class Keyed:
    """The rows of one table in one partition.

    Attributes:
        lines: Line of each row, ascending.
        keys: Key of each row.
        rows: The rows.
        row: Key to row.
    """

    __slots__ = ("keys", "lines", "row", "rows")

    def __init__(self, lines: list[int], keys: list[bytes], rows: list[bytes]) -> None:
        self.lines = lines
        self.keys = keys
        self.rows = rows
        self.row = dict(zip(keys, rows, strict=True))

    def __iter__(self) -> Iterator[tuple[int, bytes, bytes]]:
        return zip(self.lines, self.keys, self.rows, strict=True)

    def line(self) -> dict[bytes, int]:
        """Returns key to line."""
        return dict(zip(self.keys, self.lines, strict=True))


def partition_count(sizes: Iterable[int]) -> int:
    """Returns how many partitions tables of these sizes need: a power of two."""
    count = 1
    total = sum(sizes)
    while count < MAX_PARTITIONS and count * PARTITION < total:
        count *= 2
    return count


def spans(lines: Sequence[int], starts: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yields (batch, start, end) of the runs of ascending lines that are in one batch."""
    at = 0
    while at < len(lines):
        batch = bisect_right(starts, lines[at]) - 1
        end = len(lines) if batch + 1 == len(starts) else bisect_right(lines, starts[batch + 1] - 1, at)
        yield batch, at, end
        at = end
