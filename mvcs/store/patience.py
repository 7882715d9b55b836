"""Waits for what another process holds, and no longer than one wants to wait.

LMDB's write lock has no time limit: the wait for it is a system call that nothing but the lock ends. So a thread waits
for it, which is left behind when the time is over and lets the lock go as soon as it gets it.

Knows: threads, the kernel's table of locks. Refuses to know: what is waited for.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from mvcs.errors import LockTimeout
from mvcs.store.lock import describe

if TYPE_CHECKING:
    from collections.abc import Callable


class Patience:
    """Runs what may have to wait.

    Args:
        lock: The file that all users of the thing hold a POSIX lock on, to say who they are.
    """

    def __init__(self, lock: str) -> None:
        self._lock = lock
        self._left: list[threading.Thread] = []

    @property
    def waiting(self) -> bool:
        """Whether a thread that was left behind still waits."""
        self._left = [thread for thread in self._left if thread.is_alive()]
        return bool(self._left)

    def run(self, work: Callable[[], None], seconds: float) -> None:
        """Does some work in a thread; returns or raises as it does.

        Raises:
            LockTimeout: If it takes longer; it ends by itself later.
        """
        raised: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 -- raised again by who waits
                raised.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self._left.append(thread)  # also when Ctrl-C ends the wait
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            raise LockTimeout(holder=_users(self._lock), seconds=int(seconds))
        self._left.remove(thread)
        if raised:
            raise raised[0]


def _users(path: str) -> str:
    """Returns the other processes that have the thing open: one of them holds it."""
    try:
        inode = str(os.stat(path).st_ino)
        with open("/proc/locks", encoding="ascii") as table:
            rows = [line.split() for line in table]
    except OSError:
        return "another process"
    # 1: POSIX ADVISORY READ 1234 08:01:5678 0 0
    pids = {row[4] for row in rows if len(row) >= 6 and row[1] == "POSIX" and row[5].rsplit(":", 1)[-1] == inode}
    others = sorted(pids - {str(os.getpid())}, key=int)
    return " or ".join(describe(pid) for pid in others[:3]) or "another process"
