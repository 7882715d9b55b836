"""A clone that did not come to its end: what it made is told from what is the user's, and removed.

While a clone runs, its repository has a file `cloning` that it holds locked; the kernel frees it on `kill -9`. The
target was empty when that file was written, so everything in it is the clone's but for what somebody put there since.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.errors import MvcsError, NotEmpty, RepositoryExists, UnfinishedWork
from mvcs.objects.hashing import BlobHasher
from mvcs.ops.writing import files_of
from mvcs.ports import reached
from mvcs.refs.ledger import operations
from mvcs.refs.names import HEAD
from mvcs.repo.layout import FOLDER, Place, refuse_network
from mvcs.repo.repository import Repository
from mvcs.repo.scan import TEMPORARY
from mvcs.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.objects.editing import Placed

MARK = "cloning"
PIECE = 1 << 20


class HalfClone:
    """The target of a clone until it is whole.

    Args:
        target: Absolute path of the folder of its files.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.path = os.path.abspath(variable("MVCS_DIR") or os.path.join(target, FOLDER))
        self._mark = os.path.join(self.path, MARK)

    def clear(self) -> None:
        """Removes what a killed clone has left; a missing or empty target is left as it is.

        Raises:
            NotEmpty: If the target has anything else.
            RepositoryExists: If MVCS_DIR names a repository.
            UnfinishedWork: If that clone is still running.
        """
        if os.path.isfile(self._mark) and not os.path.islink(self.path):
            with FileLock(self._mark, 0, UnfinishedWork).exclusive():
                written = self._written()
                foreign = None if written is None else _foreign(self.target, self.path, written)
                if written is not None and foreign is None:
                    self._remove(written)
                    return
                hint = f"mvcs -C {self.target} checkout, to finish what a killed clone began"
                if foreign is not None:
                    hint = f"mv {os.path.join(self.target, foreign)} elsewhere, then the same command"
            raise NotEmpty(path=self.target, hint=hint)
        if os.path.isfile(os.path.join(self.path, "format")):
            raise RepositoryExists(path=self.path)
        for folder in (self.target, self.path):
            if os.path.lexists(folder) and not (os.path.isdir(folder) and not os.listdir(folder)):
                raise NotEmpty(path=folder)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Makes the folders; whatever ends the block but its own end takes away what was made."""
        refuse_network(self.path)
        made = [*_make(self.target), *_make(self.path)]
        try:
            with FileLock(self._mark, 0, UnfinishedWork).exclusive():
                try:
                    yield
                except BaseException:
                    self._remove(self._named() or {})
                    raise
                reached("clone whole")
                os.unlink(self._mark)
        except BaseException:
            for folder in reversed(made):
                try:
                    os.rmdir(folder)
                except OSError:
                    continue  # gone already, or there is something in it that is not ours
            raise

    def _written(self) -> dict[str, Placed] | None:
        """Returns what the killed clone wrote, or was going to; None if the repository was used since."""
        if not os.path.isfile(os.path.join(self.path, "format")):
            return {}
        return self._named()

    def _named(self) -> dict[str, Placed] | None:
        """Returns the files by absolute path that the HEADs of the half-made repository name."""
        if not os.path.isfile(os.path.join(self.path, "format")):
            return {}
        found: dict[str, Placed] = {}
        try:
            repository = Repository(Place(self.path, self.target, None))
            try:
                with repository.store.read() as transaction:
                    if sum(1 for _, _ in zip(range(2), operations(transaction), strict=False)) > 1:
                        return None
                for key, _ in repository.refs().under(HEAD + "/"):
                    root, files = files_of(repository, key.split("/", 1)[1])
                    found.update((os.path.join(root, os.fsdecode(path)), placed) for path, placed in files.items())
            finally:
                repository.close()
        except MvcsError:  # killed before it was whole: no file was written then
            return {}
        return found

    def _remove(self, written: dict[str, Placed]) -> None:
        """Removes the files, then the repository, what tells that it is half a clone last of all."""
        for folder, folders, names in os.walk(self.target, topdown=False):
            if _inside(folder, self.path):
                continue
            for name in [*names, *(each for each in folders if os.path.islink(os.path.join(folder, each)))]:
                full = os.path.join(folder, name)
                if full in written or os.fsencode(name).startswith(TEMPORARY):
                    os.unlink(full)
            if folder != self.target:
                try:
                    os.rmdir(folder)
                except OSError:
                    continue  # not empty
        reached("half a clone without files")
        for name in sorted(os.listdir(self.path), key=lambda name: name != "format"):
            full = os.path.join(self.path, name)
            if name == MARK:
                continue
            if os.path.isdir(full) and not os.path.islink(full):
                shutil.rmtree(full)
            else:
                os.unlink(full)
        os.unlink(self._mark)
        if self.path == os.path.join(self.target, FOLDER):
            os.rmdir(self.path)


def _make(folder: str) -> list[str]:
    """Makes a folder and those above it; returns what was made, the topmost first."""
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        os.mkdir(path)
    return missing[::-1]


def _inside(folder: str, top: str) -> bool:
    return folder == top or folder.startswith(top + "/")


def _foreign(target: str, path: str, written: dict[str, Placed]) -> str | None:
    """Returns what is not as the clone wrote it, relative to the target, None if there is nothing."""
    for folder, folders, names in os.walk(target):
        folders[:] = [name for name in folders if os.path.join(folder, name) != path]
        for name in [*names, *(each for each in folders if os.path.islink(os.path.join(folder, each)))]:
            full = os.path.join(folder, name)
            if os.fsencode(name).startswith(TEMPORARY):
                continue
            placed = written.get(full)
            if placed is None or not _same(full, placed):
                return os.path.relpath(full, target)
    return None


def _same(path: str, placed: Placed) -> bool:
    hasher = BlobHasher()
    if os.path.islink(path):
        hasher.update(os.fsencode(os.readlink(path)))
    elif not os.path.isfile(path):
        return False
    else:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                hasher.update(piece)
    return hasher.oid() == placed.entry.oid
