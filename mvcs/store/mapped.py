"""Mapped files: disposable, read-only, contiguous copies of blobs for readers that map memory.

Written and verified once, their stat recorded; any number of processes and containers map one file. A file whose
stat is not the recorded one is made again. Implements: spec 7.6.
"""

from __future__ import annotations

import os
import struct
import threading
from typing import TYPE_CHECKING

from mvcs.errors import NO_SPACE, MvcsError, StoreFull
from mvcs.ports import reached
from mvcs.store.base import MAPPED
from mvcs.store.reflink import clone_file

if TYPE_CHECKING:
    from collections.abc import Collection

    from mvcs.objects.hashing import Oid
    from mvcs.ports import Clock
    from mvcs.store.lmdb_store import LmdbStore, MetaTransaction

ROW = struct.Struct("<QQQQ")
"""Size, mtime in ns, inode, time of last use in ns."""
REMEMBER = 3600 * 10**9
"""Nanoseconds after which a use is written down again."""
LIMIT = 64 << 30
"""Bytes of all mapped files together, unless the configuration says otherwise."""


def mapped_file(
    store: LmdbStore, oid: Oid, clock: Clock, limit: int = LIMIT, keep: Collection[bytes] = (),
    donor: str | None = None,
) -> str:
    """Returns the path of a read-only file with the content of a blob.

    Args:
        store: Store that has the blob.
        oid: The blob.
        clock: Tells the time of use, by which files are dropped.
        limit: Bytes of all mapped files; the least recently used go first. One file may exceed it.
        keep: Other blobs whose files stay, however long ago they were used.
        donor: Path of a file that may have the content: where the file system can, its blocks are shared.

    Raises:
        StoreFull: If the disk is full.
    """
    folder = os.path.join(store.path, "mapped")
    path = os.path.join(folder, oid.hex())
    with store.read() as transaction:
        row = transaction.get(MAPPED, oid)
    now = clock.now()[0]
    if row is not None and _stat(path) == ROW.unpack(row)[:3]:
        if now - ROW.unpack(row)[3] > REMEMBER:
            with store.write() as transaction:
                transaction.put(MAPPED, oid, ROW.pack(*ROW.unpack(row)[:3], now))
        return path
    os.makedirs(folder, exist_ok=True)
    temporary = os.path.join(folder, f".{oid.hex()}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            if donor is None or not clone_file(donor, descriptor, oid):
                store.export(oid, descriptor)
            os.fchmod(descriptor, 0o444)
            os.fsync(descriptor)  # a stat that is recorded must not outlive its bytes
        finally:
            os.close(descriptor)
        reached("mapped file written")
        os.replace(temporary, path)
    except OSError as error:
        _unlink(temporary)
        if error.errno in NO_SPACE:
            raise StoreFull(path=folder, free=0) from error
        raise
    except MvcsError:
        _unlink(temporary)
        raise
    stat = _stat(path)
    assert stat is not None
    with store.write() as transaction:
        transaction.put(MAPPED, oid, ROW.pack(*stat, now))
    evict(store, limit, keep if oid in keep else (oid, *keep))
    return path


def evict(store: LmdbStore, limit: int, keep: Collection[bytes] = ()) -> int:
    """Drops the least recently used mapped files above the limit, but those to keep; returns the bytes dropped."""
    with store.read() as transaction:
        rows = [(ROW.unpack(value), key) for key, value in transaction.items(MAPPED)]
    total = sum(row[0] for row, _ in rows)
    dropped = 0
    for row, key in sorted(rows, key=lambda item: item[0][3]):
        if total - dropped <= limit or key in keep:
            continue
        with store.write() as transaction:
            forget_mapped(store, transaction, key)
        dropped += row[0]
    return dropped


def forget_mapped(store: LmdbStore, transaction: MetaTransaction, oid: bytes) -> None:
    """Removes a blob's mapped file and its row; processes that have it mapped keep it."""
    _unlink(os.path.join(store.path, "mapped", oid.hex()))
    transaction.delete(MAPPED, oid)


def _stat(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
