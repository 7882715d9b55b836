"""A remote in a folder, `file:///srv/models`: on a disk, or on one that many machines mount.

Nothing here relies on locks, which network file systems have or have not: a file is created, and a state of a swapped
file is taken, by link(2), which only one of any number of writers can do. The states of a swapped file are files
numbered from 1; the highest number is the newest state. Knows: names of files. Refuses to know: what is in them.
Implements: spec 9.1.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from mvcs.errors import NO_SPACE, RemoteDenied, RemoteError, StoreFull
from mvcs.remote.home import DONE, LOST, UNKNOWN, Body, Listed, Tagged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATES = ".states"
"""Ends the name of the folder that has the states of a swapped file."""
KEPT_STATES = 64
"""Older states are removed: a writer that slept meanwhile is told UNKNOWN and reads."""
PIECE = 4 << 20
NEW = ".new-"
"""Begins the names of files that are being written; who finds one of another day may remove it."""


class FolderHome:
    """A folder.

    Args:
        path: Absolute path of an existing folder.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.url = f"file://{path}"

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Returns bytes of a file from an offset on, fewer at the end; None if there is no such file.

        Raises:
            RemoteError: If it cannot be read.
            RemoteDenied: If it may not be read.
        """
        try:
            with open(self._at(key), "rb") as file:
                file.seek(start)
                return file.read() if length is None else file.read(length)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(error) from error

    def size(self, key: str) -> int | None:
        """Returns the bytes of a file, None if there is none.

        Raises:
            RemoteError: If it cannot be looked at.
        """
        try:
            found = os.stat(self._at(key))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(error) from error
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def put(self, key: str, body: bytes | Body) -> None:
        """Writes a file whose key says what is in it.

        Raises:
            RemoteError: If it cannot be written.
            RemoteDenied: If it may not be written.
            StoreFull: If there is no space.
        """
        try:
            os.replace(self._new(key, body), self._at(key))
            self._sync(key)
        except OSError as error:
            raise self._failed(error) from error

    def create(self, key: str, content: bytes) -> bool:
        """Writes a file if there is none; returns whether there was none.

        Raises:
            RemoteError: If it cannot be written.
        """
        try:
            return self._link(key, content)
        except OSError as error:
            raise self._failed(error) from error

    def read(self, key: str) -> Tagged | None:
        """Returns a file that is swapped, None before the first swap.

        Raises:
            RemoteError: If it cannot be read.
        """
        while True:
            states = self._states(key)
            if not states:
                return None
            content = self.get(f"{key}{STATES}/{states[-1]}")
            if content is not None:  # else it was removed meanwhile, by many that came later
                return Tagged(content, str(states[-1]))

    def swap(self, key: str, content: bytes, tag: str | None) -> str:
        """Puts new content in place of the one that has a tag; None stands for no file.

        Raises:
            RemoteError: If it cannot be written.
        """
        number = 1 if tag is None else int(tag) + 1
        states = self._states(key)
        if (states[-1] if states else 0) != number - 1:
            return LOST
        try:
            if not self._link(f"{key}{STATES}/{number}", content):
                return LOST
        except OSError as error:
            raise self._failed(error) from error
        states = self._states(key)
        # Who looked long ago may have taken a number that was given and removed since: nobody reads that state.
        if states[-1] > number + KEPT_STATES // 2:
            return UNKNOWN
        for old in states[:-KEPT_STATES]:
            self.delete([f"{key}{STATES}/{old}"])
        return DONE

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yields the files whose keys begin with a prefix, by key.

        Raises:
            RemoteError: If a folder cannot be read.
        """
        top = self._at(prefix.rpartition("/")[0])
        found = []
        try:
            for folder, below, names in os.walk(top, onerror=_raise):
                below[:] = [name for name in below if not name.endswith(STATES)]
                for name in names:
                    key = os.path.relpath(os.path.join(folder, name), self._path)
                    if key.startswith(prefix) and not name.startswith(NEW):
                        seen = os.stat(os.path.join(folder, name))
                        found.append(Listed(key, seen.st_size, seen.st_mtime_ns))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._failed(error) from error
        yield from sorted(found, key=lambda item: item.key)

    def delete(self, keys: Iterable[str]) -> None:
        """Removes files; those that are not there are no error.

        Raises:
            RemoteError: If one cannot be removed.
        """
        for key in keys:
            try:
                _remove(self._at(key))
                for number in self._states(key):
                    _remove(os.path.join(self._at(key) + STATES, str(number)))
            except OSError as error:
                raise self._failed(error) from error

    def now(self) -> int:
        """Returns the time that the file system gives to a file that is written now.

        Raises:
            RemoteError: If nothing can be written.
        """
        try:
            path = self._new("now", b"")
            try:
                return os.stat(path).st_mtime_ns
            finally:
                os.unlink(path)
        except OSError as error:
            raise self._failed(error) from error

    def _at(self, key: str) -> str:
        return os.path.join(self._path, *key.split("/"))

    def _states(self, key: str) -> list[int]:
        """Returns the numbers of the states of a swapped file, newest last."""
        try:
            names = os.listdir(self._at(key) + STATES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._failed(error) from error
        return sorted(int(name) for name in names if name.isdecimal())

    def _link(self, key: str, content: bytes) -> bool:
        """Gives new content a name, unless the name is taken."""
        path = self._new(key, content)
        try:
            os.link(path, self._at(key))
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
                reason = "this file system has no hard links, and two writers could take each other's place"
                raise RemoteError(url=self.url, reason=reason) from error
            raise
        finally:
            os.unlink(path)
        self._sync(key)
        return True

    def _new(self, key: str, body: bytes | Body) -> str:
        """Writes a file under a name that nobody looks for, durable; returns its path."""
        folder = os.path.dirname(self._at(key))
        if not os.path.isdir(self._path):  # a disk that is not mounted must not be written beneath
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._path)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, NEW + os.urandom(8).hex())
        try:
            with open(path, "xb") as file:
                if isinstance(body, bytes):
                    file.write(body)
                else:
                    with body.open() as stream:
                        while piece := stream.read(PIECE):
                            file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            _remove(path)
            raise
        return path

    def _sync(self, key: str) -> None:
        """Makes the name of a file durable, and those of the folders that it is in."""
        folder = os.path.dirname(self._at(key))
        while True:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno not in {errno.EINVAL, errno.EBADF}:  # folders of some file systems cannot be synced
                    raise
            finally:
                os.close(descriptor)
            if folder == self._path:
                return
            folder = os.path.dirname(folder)

    def _failed(self, error: OSError) -> Exception:
        if error.errno in NO_SPACE:
            return StoreFull(path=self._path, free=0)
        if isinstance(error, PermissionError):
            return RemoteDenied(url=self.url, reason=f"{error.strerror}: {error.filename}")
        return RemoteError(url=self.url, reason=f"{error.strerror}: {error.filename}")


def _raise(error: OSError) -> None:
    raise error


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
