"""Clones a file by reference, where the file system can: both share their blocks until one of them is written.

Knows: the kernel's call, and that a clone counts only when its bytes have given the blob. Refuses to know: which file
may have them. Implements: spec 7.6.
"""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING

from mvcs.objects.hashing import BlobHasher

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid

FICLONE = 0x40049409
"""Source: linux/fs.h, `_IOW(0x94, 9, int)`."""
READ = 4 << 20


def clone_file(donor: str, descriptor: int, oid: Oid) -> bool:
    """Gives an open, empty file the content of another one without copying it; returns whether it is the blob now.

    If not, the file is empty again: the file system cannot do it, or the donor has other bytes.

    Args:
        donor: Path of a file that may have the content.
        descriptor: Open for reading and writing, on the same file system.
        oid: The blob that the content must be.
    """
    import fcntl

    try:
        source = os.open(donor, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not st.S_ISREG(os.fstat(source).st_mode):
            return False
        fcntl.ioctl(descriptor, FICLONE, source)
    except OSError:  # another file system, or one that shares no blocks
        return False
    finally:
        os.close(source)
    hasher = BlobHasher(threads=os.cpu_count() or 1)
    at = 0
    while piece := os.pread(descriptor, READ, at):
        hasher.update(piece)
        at += len(piece)
    if hasher.oid() == oid:
        return True
    os.ftruncate(descriptor, 0)
    return False
