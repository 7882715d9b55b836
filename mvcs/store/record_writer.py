"""Writes chunk records while they come: one thread owns the segment's transaction and commits every 32 MiB.

A sync of its own for every 16 MiB cost as much as writing them (docs/design/0003); collecting more before the
transaction begins would hold every record twice. Knows: the thread and its queue. Refuses to know: where records come
from. Implements: spec 8.1.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mvcs.objects.hashing import Oid

Records = list[tuple["Oid", bytes]]
Stored = tuple[int, list[tuple["Oid", int]]]
"""Segment number, (oid, stored bytes) of each record."""

COMMIT = 32 << 20
"""Bytes of records after which the transaction is committed; dirty pages take as much memory."""
PATIENCE = 0.1
"""Seconds that a transaction waits for more records; it holds the segment's write lock meanwhile."""
WAITING = 2
"""Groups of records that may wait for the thread."""


class Appending(Protocol):
    """An open transaction of a segment."""

    number: int

    def append(self, oid: Oid, record: bytes) -> int:
        """Adds a record unless it is there; returns the bytes of the one that is there now."""
        ...


class Appender(Protocol):
    """What opens such transactions; see `mvcs.store.lmdb_store.LmdbStore`."""

    def appending(self) -> AbstractContextManager[Appending]:
        """Opens a transaction on the segment that takes new records; durable when the block ends."""
        ...


class RecordWriter:
    """A thread that writes records in the order in which they come.

    Args:
        store: Opens the transactions.
    """

    def __init__(self, store: Appender) -> None:
        self._store = store
        self._queue: queue.Queue[Records | None] = queue.Queue(WAITING)
        self._done: list[Stored] = []
        self._failure: BaseException | None = None
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="mvcs-records", daemon=True)
        self._thread.start()

    def submit(self, records: Records) -> None:
        """Hands records over; waits while too many wait already.

        Raises:
            MvcsError: What the thread failed with.
        """
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                self._queue.put(records, timeout=0.1)
            except queue.Full:
                continue
            return

    def settle(self) -> list[Stored]:
        """Waits until everything is durable; returns where. The writer takes no more.

        Raises:
            MvcsError: What the thread failed with.
        """
        self._end()
        if self._failure is not None:
            raise self._failure
        return self._done

    def abandon(self) -> None:
        """Ends the thread; what is not committed is forgotten."""
        self._abandoned = True
        self._end()

    def _end(self) -> None:
        while self._thread.is_alive():
            try:
                self._queue.put(None, timeout=0.1)
            except queue.Full:
                continue
            break
        self._thread.join()

    def _run(self) -> None:
        try:
            more = True
            while more:
                more = self._write_one_transaction()
        except BaseException as error:  # noqa: BLE001 -- handed to the thread that waits
            self._failure = error

    def _write_one_transaction(self) -> bool:
        """Returns whether more is to come."""
        first = self._queue.get()
        if first is None or self._abandoned:
            return False
        more, size = True, 0
        stored: list[tuple[Oid, int]] = []
        with self._store.appending() as transaction:
            records: Records | None = first
            while records is not None:
                for oid, record in records:
                    stored.append((oid, transaction.append(oid, record)))
                    size += len(record)
                if size >= COMMIT:
                    break
                try:
                    records = self._queue.get(timeout=PATIENCE)
                except queue.Empty:
                    break  # others wait for this segment, and perhaps whoever feeds this thread waits for them
                if self._abandoned:
                    raise _Abandoned
                more = records is not None
        self._done.append((transaction.number, stored))
        return more


class _Abandoned(Exception):
    """Leaves the transaction without committing it."""
