"""Chunk segments: append-only LMDB environments `chunks/NNNN`, capped in size.

Knows: which segment takes new records, how a record is found again. Refuses to know: recipes, objects.
Implements: spec 7.4.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from mvcs.store.environment import (
    SEGMENT_MAP,
    Environment,
    create_environment,
    drop_environment,
    has_data,
    open_environment,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.objects.hashing import Oid

CAP = 32 << 30
"""Bytes of pages after which a segment takes no more records."""
TABLE = "records"
PLACE = struct.Struct("<II")
"""Value of the chunk directory: segment number, stored bytes with the header."""


class Segments:
    """The chunk segments of one store.

    Args:
        path: Folder of the segments.
        cap: Bytes after which a new segment is begun.
    """

    def __init__(self, path: str, cap: int = CAP) -> None:
        self.path = path
        self.cap = cap
        self._known: dict[int, Environment] = {}

    def numbers(self) -> list[int]:
        """Returns the numbers of the segments that are on disk, in order; a folder without data is none."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        numbers = sorted(int(name) for name in names if name.isdecimal())
        return [number for number in numbers if self.exists(number)]

    def folder(self, number: int) -> str:
        """Returns the folder of a segment."""
        return os.path.join(self.path, f"{number:04d}")

    def environment(self, number: int) -> Environment:
        """Returns the environment of a segment; it need not exist."""
        found = self._known.get(number)
        if found is None or found.is_replaced():
            # Finding it by its path resolves links, folder by folder; that is too much for every chunk.
            found = self._known[number] = open_environment(self.folder(number), (TABLE,), SEGMENT_MAP)
        return found

    def exists(self, number: int) -> bool:
        """Whether the segment is on disk."""
        return has_data(self.folder(number))

    def current(self, last_used: int) -> int:
        """Returns the number of the segment that takes new records, made if need be.

        Args:
            last_used: Highest number that was ever used; numbers are not used twice.
        """
        numbers = self.numbers()
        if numbers and self.environment(numbers[-1]).used() < self.cap:
            return numbers[-1]
        number = max(last_used, numbers[-1] if numbers else 0) + 1
        create_environment(self.folder(number), (TABLE,), SEGMENT_MAP)
        return number

    def append(self, number: int, records: Sequence[tuple[Oid, bytes]]) -> None:
        """Writes records; they are on disk when this returns."""
        with self.environment(number).write() as transaction:
            for oid, record in records:
                transaction.put_new(TABLE, oid, record)

    def overwrite(self, number: int, oid: Oid, record: bytes) -> None:
        """Replaces a damaged record."""
        with self.environment(number).write() as transaction:
            transaction.put(TABLE, oid, record)

    def replace(self, number: int, records: Sequence[tuple[Oid, bytes]]) -> None:
        """Replaces records by others of the same chunks; they are on disk when this returns."""
        with self.environment(number).write() as transaction:
            for oid, record in records:
                transaction.put(TABLE, oid, record)

    def remove(self, number: int) -> None:
        """Removes a segment from disk; processes that have it open keep reading it."""
        folder = self.folder(number)
        self._known.pop(number, None)
        drop_environment(folder)
        for name in ("data.mdb", "lock.mdb"):
            try:
                os.unlink(os.path.join(folder, name))
            except FileNotFoundError:
                pass
        os.rmdir(folder)
