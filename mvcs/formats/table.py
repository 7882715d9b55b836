"""Opens data files as tables: CSV, TSV, JSONL, Parquet.

Knows: which reader takes which syntax. Refuses to know: names of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.tables.delimited import Delimited
from mvcs.formats.tables.json_lines import JsonLines

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.tables.rows import Table

FORMS = {"csv": "CSV", "tsv": "TSV", "jsonl": "JSONL", "parquet": "Parquet"}


def open_table(syntax: str, content: Content | None, key: tuple[str, ...] = ()) -> Table:
    """Opens a table.

    Args:
        syntax: csv, tsv, jsonl or parquet.
        content: The file; None for a table without rows and columns.
        key: Columns that identify a row; none to know rows by what they hold.

    Raises:
        UnreadableContent: If the file is not what the syntax says, or has not the columns of the key.
    """
    if syntax in {"csv", "tsv"}:
        return open_delimited(syntax, content, key)
    if content is None:
        return JsonLines(Bytes(b""))
    if syntax == "jsonl":
        return JsonLines(content)
    if syntax == "parquet":
        from mvcs.formats.parquet import Parquet

        table = Parquet(content)
        _require(key, table.columns, FORMS[syntax])
        return table
    raise UnreadableContent(format=syntax, line=0, reason="no table format")


def open_delimited(syntax: str, content: Content | None, key: tuple[str, ...], header: bool | None = None) -> Delimited:
    """Opens a CSV or TSV file.

    Args:
        syntax: csv or tsv.
        content: The file; None for a table without rows and columns.
        key: Columns that identify a row; with them the first row is a header with names that are all different.
        header: Whether the first row is a header, where there is no key; None to decide by its cells.

    Raises:
        UnreadableContent: If its first row cannot be read, or has not the columns of the key.
    """
    if content is None:
        return Delimited(Bytes(b""), tabs=syntax == "tsv")
    table = Delimited(content, tabs=syntax == "tsv", header=bool(key) or header)
    if key:
        _require(key, table.columns, table.form)
        if table.twice is not None:
            reason = f"column {table.twice!r} twice: cells of a row cannot be told by it"
            raise UnreadableContent(format=table.form, line=1, reason=reason)
    return table


def _require(key: tuple[str, ...], columns: dict[str, str], form: str) -> None:
    for name in key:
        if name not in columns:
            raise UnreadableContent(format=form, line=1, reason=f"no column {name!r}, which the key needs")
