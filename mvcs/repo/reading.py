"""Reads one file of the workspace without being fooled: no link is followed, a change while reading is seen.

Knows: descriptors. Refuses to know: where the bytes go.
"""

from __future__ import annotations

import errno
import os
import stat as st
from functools import partial
from typing import TYPE_CHECKING

from mvcs.errors import ChangedDuringCapture, UnreadableFile, UnsafeLink, UnsafeName
from mvcs.objects.editing import too_deep, unsafe_path
from mvcs.objects.hashing import BlobHasher, Oid, blob_oid
from mvcs.objects.tree import EXECUTABLE, FILE, IS_BLOB, SYMLINK, Entry, name_problem
from mvcs.ports import unheard
from mvcs.repo.companions import described
from mvcs.repo.scan import stats_of
from mvcs.store.base import INLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from mvcs.repo.statcache import Stats
    from mvcs.store.base import Batch
    from mvcs.store.splitters.layout import Layout

_PIECE = 1 << 20


class Digest:
    """What is done with the bytes of a file; here: only hashed.

    A batch of the store has the same two methods, so that commit stores what status hashes.
    """

    def put_bytes(self, content: bytes, near: Sequence[Oid] = ()) -> Oid:
        """Takes a whole content."""
        del near
        return blob_oid(content)

    def put_file(
        self, descriptor: int, size: int, heard: Callable[[int], None] = unheard, near: Sequence[Oid] = (),
        described: Callable[[], Layout | None] | None = None,
    ) -> tuple[Oid, int]:
        """Takes an open file to its end; returns (oid, bytes read)."""
        del near, described
        hasher = BlobHasher(threads=2 if size > 16 * _PIECE else 1)
        total = 0
        piece = 16 * _PIECE if size > 16 * _PIECE else _PIECE
        while content := os.read(descriptor, piece):
            hasher.update(content)
            total += len(content)
            heard(len(content))
        return hasher.oid(), total


def read_file(
    root: str, path: bytes, digest: Digest | Batch, heard: Callable[[int], None] = unheard,
    near: Callable[[], Sequence[Oid]] | None = None,
) -> tuple[Stats, Entry]:
    """Reads one file or link.

    Args:
        root: Folder that paths start from.
        path: The file.
        digest: Gets its bytes.
        heard: Called with the bytes of each piece as it is read.
        near: Gives the blobs that a large file is likely to resemble.

    Returns:
        Its stat, as it was before and after, and its entry.

    Raises:
        ChangedDuringCapture: If it changed while it was read, or is not there.
        UnsafeLink: If it is a link that leaves the workspace.
        UnreadableFile: If it may not be read.
        UnsafeName: If its name cannot be versioned, or it is no file.
    """
    shown = os.fsdecode(path)
    name = path.rpartition(b"/")[2]
    problem = unsafe_path(path) or name_problem(name) or too_deep(path)
    if problem:
        raise UnsafeName(path=shown, reason=problem)
    full = os.path.join(os.fsencode(root), path)
    try:
        before = os.lstat(full)
        if st.S_ISLNK(before.st_mode):
            return _read_link(full, path, name, before, digest)
        if not st.S_ISREG(before.st_mode):
            raise UnsafeName(path=shown, reason="it is neither file, folder nor link")
        descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ChangedDuringCapture(path=shown) from None
    except OSError as error:
        raise UnreadableFile(path=shown, reason=error.strerror or str(error)) from error
    try:
        stats = stats_of(os.fstat(descriptor))
        resembles = near() if near is not None and stats[2] > INLINE else ()
        oid, size = digest.put_file(descriptor, stats[2], heard, resembles, partial(described, full, stats[2]))
        after = stats_of(os.fstat(descriptor))
        if after != stats or size != stats[2] or stats_of(os.lstat(full)) != stats:
            raise ChangedDuringCapture(path=shown)
    except FileNotFoundError:
        raise ChangedDuringCapture(path=shown) from None
    finally:
        os.close(descriptor)
    mode = EXECUTABLE if stats[4] & 0o100 else FILE
    return stats, Entry(name, mode, IS_BLOB, oid, size)


def open_plain(full: bytes) -> BinaryIO:
    """Opens a plain file for reading; follows no link, waits at no pipe.

    Raises:
        OSError: If there is none, or it may not be read.
    """
    descriptor = os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not st.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no plain file", full)
    return os.fdopen(descriptor, "rb")


def read_content(full: bytes) -> bytes:
    """Returns what a file has, as its blob has it: of a link where it leads.

    Raises:
        OSError: If there is no file, or it may not be read.
    """
    if os.path.islink(full):
        return os.readlink(full)
    with open_plain(full) as file:
        return file.read()


def _read_link(
    full: bytes, path: bytes, name: bytes, status: os.stat_result, digest: Digest | Batch
) -> tuple[Stats, Entry]:
    target = os.readlink(full)
    if not link_stays_inside(path, target):
        raise UnsafeLink(path=os.fsdecode(path), target=os.fsdecode(target))
    return stats_of(status), Entry(name, SYMLINK, IS_BLOB, digest.put_bytes(target), len(target))


def link_stays_inside(path: bytes, target: bytes) -> bool:
    """Whether a link at `path` with this target stays inside the workspace, as far as names tell.

    `..` may only come first: after a name that is itself a link it would lead up from where that link leads.
    """
    if not target or target.startswith(b"/") or b"\0" in target:
        return False
    depth, named = path.count(b"/"), False
    for part in target.split(b"/"):
        if part == b"..":
            depth -= 1
            if depth < 0 or named:
                return False
        elif part not in {b"", b"."}:
            if part.lower() in {b".git", b".mvcs"}:
                return False
            depth, named = depth + 1, True
    return True
