"""Parquet: row groups read in batches, each row as a JSON object.

The only module that imports pyarrow, which the extra `tables` brings. Bytes are shown in hex, decimals and what has to
do with time as text. Knows: types of Arrow. Refuses to know: what rows mean; Parquet files are never written.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.bounds import MAX_DEPTH
from mvcs.formats.encoding import UTF_8
from mvcs.formats.tables.blocks import MAX_BYTES
from mvcs.formats.tables.json_lines import JsonCells
from mvcs.formats.tables.rows import KEY_MARK, MAX_COLUMNS, MAX_ROW, MAX_ROWS, Batch
from mvcs.formats.tables.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content

_FORM: Final = "Parquet"
_BATCH: Final = 4096
"""Rows that are read at once."""


class Parquet(JsonCells):
    """An opened Parquet file, copied to a private temporary file, for its end is read first.

    Args:
        content: The file.

    Raises:
        UnreadableContent: If pyarrow is not installed, or the file is not Parquet.

    Attributes:
        columns: Names of the columns to their types.
    """

    __slots__ = ("_file", "_spool", "closed", "columns", "encoding", "end", "form")

    def __init__(self, content: Content) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            reason = "reading it needs pyarrow: pip install 'mvcs[tables]'"
            raise UnreadableContent(format=_FORM, line=0, reason=reason) from error
        self.form, self.encoding, self.end, self.closed = _FORM, UTF_8, b"\n", True
        if content.size > MAX_BYTES:
            raise UnreadableContent(format=_FORM, line=0, reason=f"longer than {MAX_BYTES >> 30} GiB")
        self._spool = Spool()
        for piece in content.pieces():
            self._spool.write(piece)
        try:
            source = pyarrow.PythonFile(_Reader(self._spool), mode="r")
            self._file = parquet.ParquetFile(source, pre_buffer=False, buffer_size=1 << 16)
            schema = self._file.schema_arrow
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise _unreadable(error) from error
        self.columns = {field.name: str(field.type) for field in schema}
        if len(self.columns) != len(schema):
            raise UnreadableContent(format=_FORM, line=0, reason="two columns of one name")
        if len(schema) > MAX_COLUMNS:
            raise UnreadableContent(format=_FORM, line=0, reason=f"more than {MAX_COLUMNS} columns")
        if self._file.metadata.num_rows > MAX_ROWS:
            raise UnreadableContent(format=_FORM, line=0, reason=f"more than {MAX_ROWS} rows")
        if any(_depth(field.type) > MAX_DEPTH for field in schema):
            raise UnreadableContent(format=_FORM, line=0, reason=f"more than {MAX_DEPTH} levels deep")

    @property
    def layout(self) -> tuple[object, ...]:
        """What two tables share whose rows are comparable as they are written."""
        return tuple(self.columns)

    def batches(self, key: tuple[str, ...] = ()) -> Iterator[Batch]:
        """Yields the rows in batches; their lines are their numbers, from 1.

        Raises:
            UnreadableContent: If they cannot be read.
        """
        import pyarrow

        names = [json.dumps(name, ensure_ascii=False) + ": " for name in self.columns]
        wanted = [list(self.columns).index(name) for name in key]
        number = 1
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH, use_threads=False):
                cells = [_texts(column) for column in batch.columns]
                rows = [
                    ("{" + ", ".join(map(str.__add__, names, row)) + "}").encode()
                    for row in (zip(*cells, strict=True) if cells else [()] * batch.num_rows)
                ]
                if any(len(row) > MAX_ROW for row in rows):
                    raise UnreadableContent(format=_FORM, line=number, reason=f"a row longer than {MAX_ROW >> 20} MiB")
                keys = rows
                if key:
                    parts = zip(*(cells[at] for at in wanted), strict=True)
                    keys = [KEY_MARK.join([text.encode() for text in part]) for part in parts]
                if rows:
                    yield Batch(range(number, number + len(rows)), keys, rows)
                number += len(rows)
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise _unreadable(error) from error


class _Reader(io.RawIOBase):
    """A temporary file as pyarrow reads files."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool = spool
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._spool.size)[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._spool.size - self._at)
        found = self._spool.at(self._at, left if size < 0 else min(size, left))
        self._at += len(found)
        return found


def _texts(column: Any) -> list[str]:  # noqa: ANN401 -- pyarrow has no types
    """Returns the JSON text of each cell of a column."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    if types.is_timestamp(kind):
        column = column.cast(pyarrow.timestamp(kind.unit)).cast(pyarrow.string())
    elif types.is_duration(kind):
        column = column.cast(pyarrow.int64())
    elif types.is_time(kind) or types.is_date(kind) or types.is_decimal(kind):
        column = column.cast(pyarrow.string())
    encode = json.JSONEncoder(ensure_ascii=False, default=_plain).encode
    return [encode(value) for value in column.to_pylist()]


def _plain(value: Any) -> str:  # noqa: ANN401 -- whatever JSON does not know
    return value.hex() if isinstance(value, bytes) else str(value)


def _depth(kind: Any) -> int:  # noqa: ANN401 -- pyarrow has no types
    depth, level = 0, [kind]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [inner.field(at).type for inner in level for at in range(inner.num_fields)]
    return depth


def _unreadable(error: BaseException) -> UnreadableContent:
    lines = str(error).splitlines()
    return UnreadableContent(format=_FORM, line=0, reason=lines[0][:200] if lines else type(error).__name__)
