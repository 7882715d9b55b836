"""Writes files of a tree into the workspace: beside, synced, then renamed; never through a link.

Knows: descriptors, temporary names, the order of syncs. Refuses to know: whether a file may be overwritten
(`ops.checkout` asked before). Implements: spec 11.4.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from mvcs.errors import NO_SPACE, CannotWriteName, StoreFull, UnsafeLink, UnsavedWork
from mvcs.objects.editing import unsafe_path
from mvcs.objects.tree import EXECUTABLE, IS_BLOB, SYMLINK
from mvcs.ports import reached
from mvcs.repo.reading import link_stays_inside
from mvcs.repo.scan import TEMPORARY, stats_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.tree import Entry
    from mvcs.ports import Progress
    from mvcs.repo.statcache import Stats
    from mvcs.store.base import Store

LINK_BYTES = 4095
"""What Linux lets a link hold; only so much of a blob is read for one."""
GROUP = 64
"""Files written before they are synced and renamed together."""
GROUP_BYTES = 64 << 20


class Writer:
    """Puts a workspace's files into another state.

    Args:
        root: Folder that paths start from.
        store: Where contents come from.
        token: Part of temporary names, so that the next command knows whose they are.
        progress: Hears of the bytes written.
    """

    def __init__(self, root: str, store: Store, token: str, progress: Progress) -> None:
        self._root = os.fsencode(root)
        self._store = store
        self._token = TEMPORARY + os.fsencode(token)
        self._progress = progress
        self._folders: set[bytes] = set()
        self._count = 0
        self._expected: Mapping[bytes, Stats | None] = {}

    def _check(self, path: bytes) -> None:
        if path in self._expected:
            try:
                now: Stats | None = stats_of(os.lstat(os.path.join(self._root, path)))
            except OSError:
                now = None
            if now is not None and now != self._expected[path] and not stat.S_ISDIR(now[4]):
                raise UnsavedWork(paths=(os.fsdecode(path),))

    def apply(
        self, wanted: Mapping[bytes, Entry | None], expected: Mapping[bytes, Stats | None] | None = None
    ) -> dict[bytes, Stats]:
        """Removes and writes files.

        Args:
            wanted: Path to entry, None to remove; removals come first, so that a folder can take a file's place.
            expected: Path to the stat that a file must still have when it is replaced, None if it must not be there.

        Returns:
            Path to stat of what was written.

        Raises:
            UnsavedWork: If a file was changed by somebody else meanwhile; it is left alone.
            StoreFull: If the disk is full.
            CannotWriteName: If a name cannot be written here.
        """
        self._expected = expected or {}
        writes = {path: entry for path, entry in wanted.items() if entry is not None and entry.kind == IS_BLOB}
        for path in sorted((path for path, entry in wanted.items() if entry is None), reverse=True):
            self._remove(path)
        self._progress.start("writing", sum(entry.size for entry in writes.values()))
        done: dict[bytes, Stats] = {}
        group: list[tuple[bytes, bytes, int]] = []
        size = 0
        try:
            for path, entry in sorted(writes.items()):
                group.append((path, *self._write_beside(path, entry)))
                size += entry.size
                self._progress.advance(entry.size)
                if len(group) >= GROUP or size >= GROUP_BYTES:
                    self._rename(group, done)
                    group, size = [], 0
            self._rename(group, done)
        except OSError as error:
            if error.errno in NO_SPACE:
                free = os.statvfs(self._root)
                raise StoreFull(path=os.fsdecode(self._root), free=free.f_bavail * free.f_frsize) from error
            raise
        finally:
            for _, temporary, descriptor in group:
                _close(descriptor)
                _unlink(os.path.join(self._root, temporary))
        self._progress.finish()
        for folder in sorted(self._folders):
            _sync_folder(os.path.join(self._root, folder))
        return done

    def _parent(self, path: bytes, *, make: bool) -> int:
        """Opens the folder of a path, one part after the other, following no link."""
        here = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in path.split(b"/")[:-1]:
                try:
                    below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                except FileNotFoundError:
                    if not make:
                        raise
                    os.mkdir(part, dir_fd=here)
                    below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
                os.close(here)
                here = below
        except BaseException:
            os.close(here)
            raise
        return here

    def _write_beside(self, path: bytes, entry: Entry) -> tuple[bytes, int]:
        problem = unsafe_path(path)
        if problem:
            raise CannotWriteName(paths=(os.fsdecode(path),), reason=problem)
        self._count += 1
        name = self._token + b"-%d" % self._count
        folder = path.rpartition(b"/")[0]
        temporary = folder + b"/" + name if folder else name
        try:
            parent = self._parent(path, make=True)
        except NotADirectoryError as error:
            reason = "a folder on the way is a link or a file"
            raise CannotWriteName(paths=(os.fsdecode(path),), reason=reason) from error
        except OSError as error:
            if error.errno == 40:  # ELOOP
                raise CannotWriteName(paths=(os.fsdecode(path),), reason="a folder on the way is a link") from error
            raise
        try:
            if entry.mode == SYMLINK:
                target = self._store.read_blob(entry.oid, LINK_BYTES + 1)
                if len(target) > LINK_BYTES or not link_stays_inside(path, target):
                    raise UnsafeLink(path=os.fsdecode(path), target=os.fsdecode(target[:LINK_BYTES]))
                os.symlink(target, name, dir_fd=parent)
                return temporary, -1
            mode = 0o777 if entry.mode == EXECUTABLE else 0o666
            descriptor = os.open(
                name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode, dir_fd=parent
            )
            try:
                self._store.export(entry.oid, descriptor)
            except BaseException:
                os.close(descriptor)
                os.unlink(name, dir_fd=parent)
                raise
            return temporary, descriptor
        finally:
            os.close(parent)

    def _rename(self, group: list[tuple[bytes, bytes, int]], done: dict[bytes, Stats]) -> None:
        for _, _, descriptor in group:
            if descriptor >= 0:
                os.fsync(descriptor)
        reached("files written beside")
        while group:
            path, temporary, descriptor = group[0]
            full = os.path.join(self._root, path)
            self._check(path)
            try:
                _remove_empty(full)
                os.rename(os.path.join(self._root, temporary), full)
            except IsADirectoryError as error:
                raise CannotWriteName(paths=(os.fsdecode(path),), reason="a folder is in its place") from error
            except (FileNotFoundError, NotADirectoryError) as error:
                raise CannotWriteName(
                    paths=(os.fsdecode(path),), reason="its folder was replaced while it was written"
                ) from error
            group.pop(0)
            _close(descriptor)
            self._folders.add(path.rpartition(b"/")[0])
            done[path] = stats_of(os.lstat(full))
            reached("file renamed")

    def _remove(self, path: bytes) -> None:
        try:
            parent = self._parent(path, make=False)
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            self._check(path)
            os.unlink(path.rpartition(b"/")[2], dir_fd=parent)
        except (FileNotFoundError, IsADirectoryError):
            pass
        finally:
            os.close(parent)
        folder = path.rpartition(b"/")[0]
        self._folders.add(folder)
        while folder:  # folders that the last file leaves empty go too
            try:
                os.rmdir(os.path.join(self._root, folder))
            except OSError:
                break
            self._folders.discard(folder)
            folder = folder.rpartition(b"/")[0]
            self._folders.add(folder)
        reached("file removed")


def remove_leftovers(root: str, folders: set[bytes], token: str) -> None:
    """Removes the temporary files that a killed command left in these folders."""
    prefix = TEMPORARY + os.fsencode(token)
    for folder in folders:
        full = os.path.join(os.fsencode(root), folder)
        try:
            names = os.listdir(full)
        except OSError:
            continue
        for name in names:
            if name.startswith(prefix):
                _unlink(os.path.join(full, name))


def ignores_case(folder: str) -> bool:
    """Whether the file system takes two names for one that differ only in case."""
    name = os.path.basename(folder.rstrip("/"))
    swapped = os.path.join(os.path.dirname(folder.rstrip("/")), name.swapcase())
    return swapped != folder and os.path.exists(swapped) and os.path.samefile(swapped, folder)


def case_collisions(paths: set[bytes]) -> list[tuple[bytes, bytes]]:
    """Returns pairs of paths that differ only in case, folders included."""
    seen: dict[str, bytes] = {}
    found = []
    names: set[bytes] = set()
    for path in sorted(paths):
        parts = path.split(b"/")
        names.update(b"/".join(parts[:end]) for end in range(1, len(parts) + 1))
    for name in sorted(names):
        folded = os.fsdecode(name).casefold()
        if folded in seen and seen[folded] != name:
            found.append((seen[folded], name))
        seen.setdefault(folded, name)
    return found


def _remove_empty(path: bytes) -> None:
    """Removes a folder that has nothing but folders: a killed rewrite leaves such where a file is to be."""
    if not os.path.isdir(path) or os.path.islink(path):
        return
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:  # not empty: the caller finds it in its way
            return


def _sync_folder(path: bytes) -> None:
    try:
        descriptor = os.open(path or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _unlink(path: bytes) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
