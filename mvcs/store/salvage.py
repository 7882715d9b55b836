"""Takes a damaged chunk segment out of use: what is good in it is stored anew, the file is kept as evidence.

Knows: that nothing is deleted, and the order in which a killed salvage can be begun again. Refuses to know: where good
copies of the rest come from (`verify.repair`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError, StoreCorrupt, UnknownFeature
from mvcs.objects.hashing import Oid
from mvcs.ports import reached
from mvcs.store.base import CHUNKS, PROGRESS
from mvcs.store.compress import chunk_record
from mvcs.store.environment import SEGMENT_MAP, create_environment, drop_environment, verify_file
from mvcs.store.lmdb_store import LAST_SEGMENT
from mvcs.store.segments import PLACE, TABLE
from mvcs.store.transfer import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.lmdb_store import LmdbStore

EVIDENCE = "damaged"
"""Folder of the repository that damaged segments are kept in."""


def damaged_segments(store: LmdbStore) -> list[int]:
    """Returns the numbers of the segments whose files are damaged."""
    return [number for number in store.segments.numbers() if verify_file(store.segments.folder(number))]


def set_aside(store: LmdbStore, number: int) -> str:
    """Moves a damaged segment out of the store; the caller holds the lock exclusive.

    Good chunks of it are copied first, where it can be opened at all; a killed run has copied some twice and lost none.

    Returns:
        The folder that it is kept in, relative to the repository.
    """
    _copy_good(store, number)
    name = os.path.join(EVIDENCE, f"chunks-{number:04d}")
    count = 1
    while os.path.lexists(os.path.join(store.path, name)):
        count += 1
        name = os.path.join(EVIDENCE, f"chunks-{number:04d}-{count}")
    os.makedirs(os.path.join(store.path, EVIDENCE), exist_ok=True)
    reached("good chunks copied")
    folder = store.segments.folder(number)
    drop_environment(folder)
    os.rename(folder, os.path.join(store.path, name))
    return name


def _copy_good(store: LmdbStore, number: int) -> None:
    if not _opens(store, number):
        return
    target = None
    batch: list[tuple[Oid, bytes]] = []
    waiting = 0
    for oid, record in _good(store, number):
        if target is None:
            target = _begin_segment(store)
        batch.append((oid, record))
        waiting += len(record)
        if waiting >= BATCH:
            _write(store, target, batch)
            batch, waiting = [], 0
    if target is not None:
        _write(store, target, batch)


def _opens(store: LmdbStore, number: int) -> bool:
    try:
        with store.segments.environment(number).read():
            return True
    except StoreCorrupt:
        return False


def _good(store: LmdbStore, number: int) -> Iterator[tuple[Oid, bytes]]:
    with store.read() as transaction:
        oids = [Oid(key) for key, place in transaction.items(CHUNKS) if PLACE.unpack(place)[0] == number]
    for oid in oids:
        try:
            content = store.read_chunk(oid)
        except (IntegrityError, UnknownFeature):
            continue
        yield oid, chunk_record(content)


def _begin_segment(store: LmdbStore) -> int:
    """Makes a segment after all others, whatever room they have: the last one may be the damaged one."""
    with store.write() as transaction:
        last = int.from_bytes(transaction.get(PROGRESS, LAST_SEGMENT) or b"\0", "big")
        number = max(last, *store.segments.numbers()) + 1
        transaction.put(PROGRESS, LAST_SEGMENT, number.to_bytes(8, "big"))
    create_environment(store.segments.folder(number), (TABLE,), SEGMENT_MAP)
    return number


def _write(store: LmdbStore, number: int, batch: list[tuple[Oid, bytes]]) -> None:
    store.segments.append(number, batch)
    with store.write() as transaction:
        for oid, record in batch:
            transaction.put(CHUNKS, oid, PLACE.pack(number, len(record)))
