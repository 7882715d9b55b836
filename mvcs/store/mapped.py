"""Mapped files: disposable, read-only, contiguous copies of blobs for readers that map memory.

Written and verified once, their stat recorded; any number of processes and containers map one file. A file whose
stat is not the recorded one is made again. Implements: spec 7.6.
"""

from __future__ import annotations

import os
import struct
import threading
from contextlib import ExitStack
from mmap import MAP_PRIVATE, PROT_READ, PROT_WRITE, mmap
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from mvcs.errors import NO_SPACE, LockTimeout, MvcsError, StoreFull
from mvcs.ports import reached
from mvcs.store.base import MAPPED
from mvcs.store.lock import FileLock
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
MAP_NORESERVE = 0x4000
"""Source: linux/mman.h."""

_maps: WeakValueDictionary[tuple[int, ...], mmap] = WeakValueDictionary()
"""Maps of this process by device, size, mtime and inode: a map per tensor would soon be more than there may be."""


def mapped_file(
    store: LmdbStore, oid: Oid, clock: Clock, limit: int = LIMIT, keep: Collection[bytes] = (),
    donor: str | None = None,
) -> str:
    """Returns the path of a read-only file with the content of a blob; arguments as of `open_mapped`."""
    os.close(open_mapped(store, oid, clock, limit, keep, donor))
    return _path(store, oid)


def open_mapped(
    store: LmdbStore, oid: Oid, clock: Clock, limit: int = LIMIT, keep: Collection[bytes] = (),
    donor: str | None = None,
) -> int:
    """Opens a file with the content of a blob for reading, makes it if need be; returns the descriptor.

    One process makes a file while the others wait for it: files made twice would be in memory twice. Whoever has waited
    as long as one waits for a lock makes a file of its own.

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
    found = find_mapped(store, oid, clock)
    if found is not None:
        return found
    for name in ("mapped", "locks"):
        os.makedirs(os.path.join(store.path, name), exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(FileLock(os.path.join(store.path, "locks", "mapped"), store.meta.patience()).exclusive())
        except LockTimeout:
            pass
        found = find_mapped(store, oid, clock)
        return _make(store, oid, clock, limit, keep, donor) if found is None else found


def find_mapped(store: LmdbStore, oid: Oid, clock: Clock) -> int | None:
    """Opens a blob's file if it is there and is what was written; returns the descriptor, else None."""
    with store.read() as transaction:
        row = transaction.get(MAPPED, oid)
    if row is None:
        return None
    try:
        descriptor = os.open(_path(store, oid), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    *stat, used = ROW.unpack(row)
    if list(_stat(descriptor)) != stat:
        os.close(descriptor)
        return None
    now = clock.now()[0]
    if now - used > REMEMBER:
        with store.write() as transaction:
            transaction.put(MAPPED, oid, ROW.pack(*stat, now))
    return descriptor


def _make(
    store: LmdbStore, oid: Oid, clock: Clock, limit: int, keep: Collection[bytes], donor: str | None
) -> int:
    path = _path(store, oid)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            if donor is None or not clone_file(donor, descriptor, oid):
                store.export(oid, descriptor, synced=True)
            os.fchmod(descriptor, 0o444)
            os.fsync(descriptor)  # a stat that is recorded must not outlive its bytes
        finally:
            os.close(descriptor)
            store.give_back()
        reached("mapped file written")
        descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.replace(temporary, path)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        _unlink(temporary)
        if error.errno in NO_SPACE:
            raise StoreFull(path=folder, free=0) from error
        raise
    except MvcsError:
        _unlink(temporary)
        raise
    with store.write() as transaction:
        transaction.put(MAPPED, oid, ROW.pack(*_stat(descriptor), clock.now()[0]))
    evict(store, limit, keep if oid in keep else (oid, *keep))
    return descriptor


def map_file(descriptor: int, *, private: bool = False) -> mmap:
    """Maps a file that is not empty and closes its descriptor.

    Args:
        descriptor: Of the file.
        private: Whether it may be written in memory: what is written is copied and reaches neither file nor others.
            Else the map is read-only, and one for all of this process that map the file as it is now.
    """
    try:
        key = (os.fstat(descriptor).st_dev, *_stat(descriptor))
        if private:  # no memory is set aside for pages that nobody writes
            return mmap(descriptor, 0, flags=MAP_PRIVATE | MAP_NORESERVE, prot=PROT_READ | PROT_WRITE)
        found = _maps.get(key)
        if found is None:
            found = _maps[key] = mmap(descriptor, 0, prot=PROT_READ)
        return found
    finally:
        os.close(descriptor)


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
    _unlink(_path(store, oid))
    transaction.delete(MAPPED, oid)


def _path(store: LmdbStore, oid: bytes) -> str:
    return os.path.join(store.path, "mapped", oid.hex())


def _stat(descriptor: int) -> tuple[int, int, int]:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns, found.st_ino


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
