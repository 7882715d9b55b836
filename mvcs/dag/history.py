"""Commits as a graph: generation, time and parents, read when asked for.

Knows: the derived `graph` table, and what to do when a row of it is lost. Refuses to know: refs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mvcs.objects.hashing import COMMIT, Oid
from mvcs.store.base import GRAPH
from mvcs.store.graph_rows import graph_row, read_graph_row

if TYPE_CHECKING:
    from mvcs.store.base import Readable

Row = tuple[int, int, tuple[Oid, ...]]
"""Generation, committer's time in nanoseconds, parents."""


class History(Protocol):
    """What walks ask of history."""

    def row(self, oid: Oid) -> Row:
        """Returns generation, time and parents of a commit."""
        ...


class StoredHistory:
    """History inside one read transaction; rows are read once.

    Args:
        transaction: Open as long as this is used.
    """

    __slots__ = ("_rows", "_transaction")

    def __init__(self, transaction: Readable) -> None:
        self._transaction = transaction
        self._rows: dict[Oid, Row] = {}

    def row(self, oid: Oid) -> Row:
        """Returns generation, time and parents of a commit.

        Raises:
            ObjectMissing: If it is not here.
        """
        found = self._rows.get(oid)
        if found is None:
            stored = self._transaction.get(GRAPH, oid)
            if stored is None:  # a lost row is read from the commit itself
                stored = graph_row(self._transaction.load(oid, COMMIT))
            found = self._rows[oid] = read_graph_row(stored)
        return found
