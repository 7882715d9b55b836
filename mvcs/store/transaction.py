"""Transactions over the tables of one LMDB environment.

Knows: keys, values, cursors. Refuses to know: LMDB's errors and how an environment is opened (`environment`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class Transaction:
    """A transaction over the tables of one environment; values are copied, so that no view leaves the store."""

    __slots__ = ("_tables", "_txn")

    def __init__(self, txn: Any, tables: dict[str, Any]) -> None:  # noqa: ANN401 -- lmdb ships no types
        self._txn = txn
        self._tables = tables

    def get(self, table: str, key: bytes) -> bytes | None:
        """Returns a value, None if the key is not there."""
        value = self._txn.get(key, db=self._tables[table])
        return None if value is None else bytes(value)

    def view(self, table: str, key: bytes) -> memoryview | None:
        """Returns a view that is valid inside this transaction only."""
        value: memoryview | None = self._txn.get(key, db=self._tables[table])
        return value

    def put(self, table: str, key: bytes, value: bytes) -> None:
        """Sets a value."""
        self._txn.put(key, value, db=self._tables[table])

    def put_new(self, table: str, key: bytes, value: bytes) -> bool:
        """Sets a value unless the key is there; returns whether it was set."""
        done: bool = self._txn.put(key, value, db=self._tables[table], overwrite=False)
        return done

    def delete(self, table: str, key: bytes) -> bool:
        """Removes a key; returns whether it was there."""
        done: bool = self._txn.delete(key, db=self._tables[table])
        return done

    def items(self, table: str, prefix: bytes = b"", *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Yields (key, value) of the keys with this prefix, in key order."""
        with self._txn.cursor(db=self._tables[table]) as cursor:
            found = _seek_last(cursor, prefix) if reverse else cursor.set_range(prefix)
            while found:
                key = bytes(cursor.key())
                if not key.startswith(prefix):
                    return
                yield key, bytes(cursor.value())
                found = cursor.prev() if reverse else cursor.next()

    def keys(self, table: str) -> Iterator[bytes]:
        """Yields the keys of a table in order, without touching the values."""
        with self._txn.cursor(db=self._tables[table]) as cursor:
            for key in cursor.iternext(keys=True, values=False):
                yield bytes(key)

    def count(self, table: str) -> int:
        """Returns the number of keys in a table."""
        entries: int = self._txn.stat(db=self._tables[table])["entries"]
        return entries


def _seek_last(cursor: Any, prefix: bytes) -> bool:  # noqa: ANN401 -- lmdb ships no types
    after = prefix.rstrip(b"\xff")
    if not after:
        last: bool = cursor.last()
        return last
    beyond = after[:-1] + bytes((after[-1] + 1,))
    if cursor.set_range(beyond):
        previous: bool = cursor.prev()
        return previous
    return bool(cursor.last())
