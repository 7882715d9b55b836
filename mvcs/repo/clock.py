"""The clock of the file system that a workspace's files are on: what the racy rule of the stat cache goes by."""

from __future__ import annotations

import os

from mvcs.repo.layout import network_of
from mvcs.repo.scan import TEMPORARY


def filesystem_now(repository: str, root: str) -> int:
    """Returns the clock in ns that gives a workspace's files their times: the mtime of a file written now.

    Args:
        repository: The repository's folder; its file system has the same kernel's clock unless the workspace is on a
            server's.
        root: Folder of the workspace's files.

    Returns:
        The time; 0 where nothing can be written: nothing recorded now may be trusted later.
    """
    try:
        if os.stat(root).st_dev != os.stat(repository).st_dev and network_of(root) is not None:
            path = os.path.join(root, f"{os.fsdecode(TEMPORARY)}clock-{os.getpid()}")
            try:
                return _written_now(path)
            finally:
                os.unlink(path)
        return _written_now(os.path.join(repository, "locks", "clock"), again=True)
    except OSError:  # read-only, a full disk
        return 0


def _written_now(path: str, *, again: bool = False) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    try:
        os.pwrite(descriptor, b"\n", 0)
        if again:  # of a new file a server would get this machine's time instead of taking its own
            os.utime(descriptor)
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
