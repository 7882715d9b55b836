"""What a remote has, by its roots and their index segments; segments are kept in a folder, since they never change.

Knows: root files, segments, where records lie. Refuses to know: what records mean, who may move what.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, RemoteCorrupt
from mvcs.objects.hashing import blob_oid
from mvcs.objects.record import Record
from mvcs.objects.root import NAMESPACES, Root
from mvcs.remote.index import Segment
from mvcs.remote.root_file import ListedSegment, RootFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.objects.hashing import Oid
    from mvcs.remote.home import Home
    from mvcs.remote.index import Place

NEW = ".new-"


def root_key(namespace: str) -> str:
    """Returns the file of a root."""
    return f"roots/{namespace}"


class Seen(Record):
    """A root file in the state that it was read in.

    Args:
        file: What it holds.
        tag: Names the state; None if there is no file.
    """

    __slots__ = ("file", "tag")

    def __init__(self, file: RootFile, tag: str | None) -> None:
        self.file = file
        self.tag = tag


class Catalog:
    """A remote's roots and segments.

    Args:
        home: The place.
        folder: Where segments are kept; it may be emptied at any time. None keeps them in memory alone.
    """

    def __init__(self, home: Home, folder: str | None) -> None:
        self.home = home
        self._folder = folder
        self._segments: dict[Oid, Segment] = {}

    def read(self, namespace: str) -> Seen:
        """Returns the file of a root as it is now: one request.

        Raises:
            RemoteCorrupt: If it is damaged.
        """
        found = self.home.read(root_key(namespace))
        if found is None:
            return Seen(RootFile(Root(namespace=namespace)), None)
        try:
            file = RootFile.decode(found.content)
        except InvalidObject as error:
            raise self._corrupt(root_key(namespace), error) from error
        if file.root.namespace != namespace:
            raise RemoteCorrupt(url=self.home.url, key=root_key(namespace), reason="it is that of another namespace")
        return Seen(file, found.tag)

    def read_all(self) -> dict[str, Seen]:
        """Returns the files of all roots: a request each."""
        return {namespace: self.read(namespace) for namespace in NAMESPACES}

    def segment(self, listed: ListedSegment) -> Segment:
        """Returns a segment, from the folder if it is there.

        Raises:
            RemoteCorrupt: If it is gone or damaged at the remote.
        """
        found = self._segments.get(listed.name)
        if found is None:
            found = self._segments[listed.name] = self._kept(listed) or self._fetched(listed)
        return found

    def find(self, file: RootFile, oid: Oid, sort: int) -> Place | None:
        """Returns where a root's segments have a record, None if they have it not."""
        for listed in reversed(file.segments):
            place = self.segment(listed).find(oid, sort)
            if place is not None:
                return place
        return None

    def has(self, file: RootFile, oid: Oid) -> bool:
        """Whether a root's segments have any record of an oid: then they have all that it needs, too."""
        return any(self.segment(listed).has(oid) for listed in reversed(file.segments))

    def made(self, content: bytes) -> ListedSegment:
        """Takes in a segment that was made here; returns how a root lists it."""
        listed = ListedSegment(blob_oid(content), Segment(content).count)
        self._segments[listed.name] = Segment(content)
        self._keep(listed.name, content)
        return listed

    def _keep(self, name: Oid, content: bytes) -> None:
        if self._folder is None:
            return
        os.makedirs(self._folder, exist_ok=True)
        path = self._path(name)
        new = os.path.join(self._folder, f"{NEW}{os.urandom(8).hex()}")
        with open(new, "xb") as file:
            file.write(content)
        os.replace(new, path)

    def forget(self, kept: Iterable[ListedSegment]) -> None:
        """Removes the segments from the folder that no root lists any more."""
        if self._folder is None or not os.path.isdir(self._folder):
            return
        names = {item.name.hex() for item in kept}
        for name in os.listdir(self._folder):
            if name not in names and not name.startswith(NEW):
                os.unlink(os.path.join(self._folder, name))

    def _kept(self, listed: ListedSegment) -> Segment | None:
        if self._folder is None:
            return None
        try:
            with open(self._path(listed.name), "rb") as file:
                content = file.read()
        except OSError:
            return None
        if blob_oid(content) != listed.name:  # a crash in the middle, or worse: the remote has it
            return None
        return Segment(content)

    def _fetched(self, listed: ListedSegment) -> Segment:
        content = self.home.get(listed.key)
        if content is None:
            raise RemoteCorrupt(url=self.home.url, key=listed.key, reason="it is gone")
        if blob_oid(content) != listed.name:
            raise RemoteCorrupt(url=self.home.url, key=listed.key, reason="its bytes are not those of its name")
        try:
            found = Segment(content)
        except InvalidObject as error:
            raise self._corrupt(listed.key, error) from error
        self._keep(listed.name, content)
        return found

    def _path(self, name: Oid) -> str:
        assert self._folder is not None
        return os.path.join(self._folder, name.hex())

    def _corrupt(self, key: str, error: InvalidObject) -> RemoteCorrupt:
        return RemoteCorrupt(url=self.home.url, key=key, reason=str(error.fields["reason"]))
