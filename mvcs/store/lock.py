"""The repository's lock: shared for commands that rely on what is there, exclusive for those that remove.

A kernel `flock`, so that `kill -9` frees it. Nobody upgrades. Knows: who holds it, from the kernel's own table.
Refuses to know: what is done under it. Implements: spec 8.3.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mvcs.errors import LockTimeout, MvcsError, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Iterator

POLL = 0.02
"""Seconds between two tries."""


class FileLock:
    """A lock file.

    Args:
        path: The file; made if missing.
        timeout: Seconds to wait for it.
        refused: Error class when the wait is over; fields `holder`, `seconds`.
    """

    def __init__(self, path: str, timeout: float, refused: type[MvcsError] = LockTimeout) -> None:
        self.path = path
        self.timeout = timeout
        self._refused = refused

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Holds the lock together with other readers of presence."""
        with self._held(exclusive=False):
            yield

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the lock alone."""
        with self._held(exclusive=True):
            yield

    def is_free(self) -> bool:
        """Whether nobody holds the lock now."""
        import fcntl

        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except PermissionError as error:
            raise PermissionDenied(path=self.path) from error
        except OSError as error:
            if error.errno == 30:  # EROFS
                raise PermissionDenied(path=self.path) from error
            raise

    @contextmanager
    def _held(self, *, exclusive: bool) -> Iterator[None]:
        import fcntl

        mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        descriptor = self._open()
        try:
            deadline = time.monotonic() + self.timeout
            while True:
                try:
                    fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        holder = self._holder(descriptor)
                        raise self._refused(holder=holder, seconds=int(self.timeout)) from None
                    time.sleep(POLL)
            holder_pid = os.getpid()
            try:
                yield
            finally:
                # A child forked meanwhile shares the lock by its copy of the descriptor, and must not free it.
                if os.getpid() == holder_pid:
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _holder(self, descriptor: int) -> str:
        inode = os.fstat(descriptor).st_ino
        try:
            with open("/proc/locks", encoding="ascii") as table:
                rows = [line.split() for line in table]
        except OSError:
            return "another process"
        for row in rows:
            # 1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF; "->" marks those that wait
            if len(row) >= 6 and row[1] == "FLOCK" and row[5].rsplit(":", 1)[-1] == str(inode):
                return describe(row[4])
        return "another process"


def describe(pid: str) -> str:
    """Returns a process as people know it: its number and its command."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0").split(b"\0")
    except OSError:
        return f"process {pid}"
    shown = " ".join(os.fsdecode(os.path.basename(word)) for word in words)[:80]
    return f"process {pid} ({shown})"
