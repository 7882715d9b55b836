"""LMDB environments, each open once per process, safe across fork. The only module that imports lmdb.

Knows: map sizes, tables, what LMDB's errors mean to a user. Refuses to know: what the tables hold.
Implements: spec 7.1. Measured facts: docs/design/0002.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import lmdb

from mvcs.errors import (
    InternalError,
    MvcsError,
    OutOfAddressSpace,
    PermissionDenied,
    SharedByNamespaces,
    StoreCorrupt,
    StoreFull,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

META_MAP = 1 << 40
SEGMENT_MAP = 33 << 30
LEAST_MAP = 64 << 20
READERS = 1024
NEARLY_FULL = 32 << 20
"""Bytes free below which a failed write is taken for a full disk."""

FULL = ("No space left", "quota exceeded", "File too large")
"""What the system says when a disk, a quota or the limit of a file's size is reached."""

_registry: dict[str, Environment] = {}
_guard = threading.RLock()


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


class Environment:
    """One LMDB environment. Get it from `open_environment`, which shares it within the process.

    Args:
        path: Its folder.
        tables: Names of its tables; the first is the unnamed one if it is None.
        map_size: Bytes of address space to ask for; halved while the system refuses.
        readonly: Whether this process may not write it.
    """

    def __init__(self, path: str, tables: tuple[str, ...], map_size: int, *, readonly: bool = False) -> None:
        self.path = path
        self.map_size = map_size
        self.readonly = readonly
        self.transaction: type[Transaction] = Transaction
        self._names = tables
        self._env: Any = None
        self._inode = 0
        self._tables: dict[str, Any] = {}
        self._opening = threading.RLock()

    def _open(self) -> Any:  # noqa: ANN401 -- lmdb ships no types
        with self._opening:
            if self._env is not None:
                return self._env
            self._check_there()
            with _translated(self.path):
                env = self._open_map()
                try:
                    self._check_length(env)
                    if len(self._names) == 1:
                        self._tables = {self._names[0]: None}
                    else:
                        self._tables = self._open_tables(env)
                except BaseException:
                    env.close()
                    raise
            self._inode = os.stat(os.path.join(self.path, "data.mdb")).st_ino
            self._env = env
            return env

    def is_replaced(self) -> bool:
        """Whether the file that is open is not the one on disk any more: what is written to it would be lost."""
        if self._env is None:
            return False
        try:
            return os.stat(os.path.join(self.path, "data.mdb")).st_ino != self._inode
        except OSError:
            return True

    def _open_map(self) -> Any:  # noqa: ANN401 -- lmdb ships no types
        size = self.map_size
        while True:
            try:
                return lmdb.open(
                    self.path, map_size=size, subdir=True, max_dbs=16, max_readers=READERS, readonly=self.readonly,
                    create=False, sync=True, metasync=True, writemap=False, readahead=True, meminit=False,
                )
            except lmdb.MemoryError:
                size //= 2
                if size < LEAST_MAP:
                    raise
            except lmdb.Error as error:
                if "Cannot allocate memory" not in str(error) or size // 2 < LEAST_MAP:
                    raise
                size //= 2

    def _open_tables(self, env: Any) -> dict[str, Any]:  # noqa: ANN401 -- lmdb ships no types
        # py-lmdb keeps handles only of write transactions that commit; this one writes nothing.
        with env.begin(write=not self.readonly) as txn:
            return {name: env.open_db(name.encode(), txn=txn, create=not self.readonly) for name in self._names}

    def _check_there(self) -> None:
        # LMDB would make a new, empty file in place of a lost one, and call it the store.
        if not has_data(self.path):
            raise StoreCorrupt(path=self.path, reason="the file is missing or empty")

    def _check_length(self, env: Any) -> None:  # noqa: ANN401 -- lmdb ships no types
        # A file cut short would end the process by SIGBUS at the first page that is not there. A whole file may be
        # short too: pages that one transaction took and freed again are never written; only a walk can tell.
        there, used = self._lengths(env)
        if there >= used:
            return
        with env.begin(write=not self.readonly):  # nobody else writes meanwhile
            there, used = self._lengths(env)
            if there < used and verify_file(self.path):
                raise StoreCorrupt(path=self.path, reason=f"truncated: {there} bytes of {used}")
        self._fill(env)

    def _lengths(self, env: Any) -> tuple[int, int]:  # noqa: ANN401 -- lmdb ships no types
        used = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        return os.path.getsize(os.path.join(self.path, "data.mdb")), used

    def _fill(self, env: Any) -> None:  # noqa: ANN401 -- lmdb ships no types
        """Lengthens the file over freed pages that were never written, so that a short file means a cut one."""
        there, used = self._lengths(env)
        if there >= used or self.readonly:
            return
        with env.begin(write=True):  # nobody else lengthens it meanwhile
            there, used = self._lengths(env)
            if there < used:
                os.truncate(os.path.join(self.path, "data.mdb"), used)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Opens a read transaction."""
        env = self._env or self._open()
        with _translated(self.path):
            txn = env.begin(buffers=True)
            try:
                yield self.transaction(txn, self._tables)
            finally:
                txn.abort()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Opens a write transaction, durable when the block ends; an exception undoes all of it."""
        env = self._env or self._open()
        with _translated(self.path):
            txn = env.begin(write=True, buffers=True)
            try:
                yield self.transaction(txn, self._tables)
            except BaseException:
                txn.abort()
                raise
            txn.commit()
            self._fill(env)

    def used(self) -> int:
        """Returns the bytes that the environment's pages take."""
        env = self._env or self._open()
        return int((env.info()["last_pgno"] + 1) * env.stat()["psize"])

    def forget_dead_readers(self) -> None:
        """Frees the reader slots of processes that were killed."""
        with _translated(self.path):
            (self._env or self._open()).reader_check()

    def forget(self) -> None:
        """Lets go of the file; it is closed with the last transaction over it."""
        with self._opening:
            self._env = None

    def close(self) -> None:
        """Closes the file; using the environment again opens it again."""
        with self._opening:
            env, self._env = self._env, None
            if env is not None:
                env.close()


def has_data(path: str) -> bool:
    """Whether there is an environment in this folder; a creation that was killed leaves none."""
    try:
        return os.path.getsize(os.path.join(path, "data.mdb")) > 0
    except OSError:
        return False


def create_environment(path: str, tables: tuple[str, ...], map_size: int) -> Environment:
    """Makes an environment in a new folder and opens it."""
    os.makedirs(path, exist_ok=True)
    if not has_data(path):
        with _translated(path):
            size = map_size
            while True:
                try:
                    lmdb.open(path, map_size=size, subdir=True, max_dbs=16, max_readers=READERS).close()
                    break
                except lmdb.Error as error:
                    if size // 2 < LEAST_MAP or "Cannot allocate memory" not in str(error):
                        raise
                    size //= 2
        for folder in (path, os.path.dirname(os.path.abspath(path))):  # LMDB syncs the file, not the way to it
            _sync_folder(folder)
    return open_environment(path, tables, map_size)


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_environment(path: str, tables: tuple[str, ...], map_size: int, *, readonly: bool = False) -> Environment:
    """Returns this process's one environment for a folder."""
    key = os.path.realpath(path)
    with _guard:
        found = _registry.get(key)
        if found is not None and found.is_replaced():  # the folder was removed and made anew, perhaps
            found.forget()
            found = None
        if found is None:
            found = _registry[key] = Environment(key, tables, map_size, readonly=readonly)
        return found


def drop_environment(path: str) -> None:
    """Forgets an environment whose folder is going to be removed.

    Its file is closed when the last transaction over it ends: other threads may be reading its maps.
    """
    with _guard:
        found = _registry.pop(os.path.realpath(path), None)
    if found is not None:
        found.forget()


def _after_fork() -> None:
    # The child must not use its parent's maps; each environment opens again at its first use.
    global _guard
    _guard = threading.RLock()  # another thread of the parent may have held it
    for environment in _registry.values():
        environment._opening = threading.RLock()
        env, environment._env = environment._env, None
        if env is not None:
            env.close()


os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except MvcsError:
        raise
    except lmdb.LockError as error:
        raise SharedByNamespaces(path=path) from error
    except lmdb.MemoryError as error:
        raise OutOfAddressSpace(path=path) from error
    except lmdb.MapFullError as error:
        raise OutOfAddressSpace(path=path) from error
    except lmdb.BadValsizeError as error:
        raise InternalError(reason="a key of no bytes, or of more than 511") from error
    except lmdb.ReadonlyError as error:
        raise PermissionDenied(path=path) from error
    except (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.InvalidError, lmdb.VersionMismatchError,
            lmdb.PanicError) as error:
        raise StoreCorrupt(path=path, reason=str(error)) from error
    except lmdb.Error as error:
        text = str(error)
        if "Permission denied" in text or "Read-only file system" in text:
            raise PermissionDenied(path=path) from error
        if "Cannot allocate memory" in text:
            raise OutOfAddressSpace(path=path) from error
        if "No such file" in text:
            raise StoreCorrupt(path=path, reason="the file is missing") from error
        # LMDB reports a full disk as a plain input/output error.
        free = _free(path)
        if free < NEARLY_FULL or any(reason in text for reason in FULL):
            raise StoreFull(path=path, free=free) from error
        raise StoreCorrupt(path=path, reason=text) from error


def _free(path: str) -> int:
    while path and not os.path.isdir(path):
        path = os.path.dirname(path)
    status = os.statvfs(path or "/")
    return status.f_bavail * status.f_frsize


def verify_file(path: str) -> list[str]:
    """Checks the pages of an environment's file offline: tree walk, free pages against live pages.

    Returns:
        What is wrong with it, empty if nothing.
    """
    from lmdb import verify

    try:
        return [str(problem) for problem in verify.verify(os.path.join(path, "data.mdb"), subdir=False)]  # type: ignore[no-untyped-call]
    except (verify.VerifyError, OSError) as error:
        return [str(error)]
