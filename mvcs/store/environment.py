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
    NO_SPACE,
    InternalError,
    MvcsError,
    OutOfAddressSpace,
    PermissionDenied,
    SharedByNamespaces,
    StoreCorrupt,
    StoreFull,
)
from mvcs.store.patience import Patience
from mvcs.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

META_MAP = 1 << 40
SEGMENT_MAP = 33 << 30
LEAST_MAP = 64 << 20
READERS = 1024
LOCK_BYTES = 80 << 10
"""Bytes of a new lock file: room for all readers, 64 bytes each, and what precedes them."""
WAIT = 60.0
"""Seconds to wait for another writer where nobody says how long."""
NEARLY_FULL = 32 << 20
"""Bytes free below which a failed write is taken for a full disk."""

FULL = ("No space left", "quota exceeded", "File too large")
"""What the system says when a disk, a quota or the limit of a file's size is reached."""

_registry: dict[str, Environment] = {}
_guard = threading.RLock()


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
        self._half: Any = None
        self._waits = Patience(os.path.join(path, "lock.mdb"))
        self.patience: Callable[[], float] = lambda: WAIT

    def _open(self) -> Any:  # noqa: ANN401 -- lmdb ships no types
        with self._opening:
            if self._env is not None:
                return self._env
            self._check_there()
            with _translated(self.path):
                # A process may have it open but once: one that waits already is used again.
                env = self._half = self._half or self._open_map()
                try:
                    self._check_length(env)
                    if len(self._names) == 1:
                        self._tables = {self._names[0]: None}
                    else:
                        self._open_tables(env)
                except BaseException:
                    if not self._waits.waiting:
                        self._half = None
                        env.close()
                    raise
                self._half = None
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
        if not self.readonly:
            _reserve_lock(self.path)
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

    def _open_tables(self, env: Any) -> None:  # noqa: ANN401 -- lmdb ships no types
        # py-lmdb keeps handles only of write transactions that commit; this one writes nothing.
        def work() -> None:
            with env.begin(write=not self.readonly) as txn:
                made = {name: env.open_db(name.encode(), txn=txn, create=not self.readonly) for name in self._names}
            self._tables = made

        if self.readonly:
            work()
        else:
            self._waits.run(work, self.patience())

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
    def write(self, patience: float | None = None) -> Iterator[Transaction]:
        """Opens a write transaction, durable when the block ends; an exception undoes all of it.

        Args:
            patience: Seconds to wait for who is writing; as set for the environment by default.

        Raises:
            LockTimeout: If another process writes for longer.
        """
        env = self._env or self._open()
        with _translated(self.path):
            self._waits.run(lambda: env.begin(write=True).abort(), self.patience() if patience is None else patience)
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

    def version(self) -> int:
        """Returns a number that every write transaction raises, whoever makes it."""
        return int((self._env or self._open()).info()["last_txnid"])

    def forget_dead_readers(self) -> None:
        """Frees the reader slots of processes that were killed."""
        with _translated(self.path):
            (self._env or self._open()).reader_check()

    def give_back(self) -> None:
        """Lets go of the memory that holds what was read of the file, which stays open."""
        from mvcs.store.allocator import give_back_pages

        with self._opening:
            env = self._env  # held, so that it stays mapped
            if env is not None:
                give_back_pages(os.path.join(self.path, "data.mdb"))

    def forget(self) -> None:
        """Lets go of the file; it is closed with the last transaction over it."""
        with self._opening:
            self._env = None

    def close(self) -> None:
        """Closes the file; using the environment again opens it again."""
        with self._opening:
            env, self._env = self._env, None
            if env is None:
                return
            if self._waits.waiting:  # the thread is inside LMDB; what it uses must stay
                self._half = env
            else:
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
            _reserve_lock(path)
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


def _reserve_lock(path: str) -> None:
    """Takes the blocks of the lock file that LMDB is about to map: on a full disk the first touch would be SIGBUS.

    Called before the environment is open in this process: closing the file drops the locks that LMDB has on it. A file
    that is there keeps its size, which all processes must agree on.
    """
    try:
        descriptor = os.open(os.path.join(path, "lock.mdb"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o755)
    except OSError:
        return  # LMDB says what is wrong
    try:
        status = os.fstat(descriptor)
        wanted = status.st_size or LOCK_BYTES
        if status.st_blocks * 512 < wanted:
            os.posix_fallocate(descriptor, 0, wanted)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StoreFull(path=path, free=_free(path)) from error
    finally:
        os.close(descriptor)


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
        for env in (environment._env, environment._half):
            if env is not None:
                env.close()
        environment._env = environment._half = None


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
        raise OutOfAddressSpace(reason=f"cannot map {path}") from error
    except lmdb.MapFullError as error:
        raise OutOfAddressSpace(reason=f"cannot map {path}") from error
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
            raise OutOfAddressSpace(reason=f"cannot map {path}") from error
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
