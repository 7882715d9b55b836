"""Reads objects of a remote: a pack of objects is fetched as a whole when the first of them is asked for.

Who walks a history asks for one small object after another, and they lie together. Knows: packs of objects. Refuses to
know: what objects name.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, ObjectMissing, RemoteCorrupt
from mvcs.remote.pack import OBJECT, read_table

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.remote.catalog import Catalog
    from mvcs.remote.root_file import RootFile

KEPT = 8
"""Packs that are kept in memory, 4 MiB each at most but for a single longer record."""


class MetaReader:
    """Rows of objects, by oid; nobody has verified them.

    Args:
        catalog: What the remote has.
        file: The root whose objects are read.
    """

    def __init__(self, catalog: Catalog, file: RootFile) -> None:
        self._catalog = catalog
        self._file = file
        self._packs: OrderedDict[str, dict[Oid, bytes]] = OrderedDict()

    def row(self, oid: Oid) -> bytes:
        """Returns the row of an object.

        Raises:
            ObjectMissing: If the remote does not list it.
            RemoteCorrupt: If its pack is gone or damaged.
        """
        place = self._catalog.find(self._file, oid, OBJECT)
        if place is None:
            raise ObjectMissing(oid=oid.hex(), kind="object")
        key = place.pack.key
        rows = self._packs.get(key)
        if rows is None:
            rows = self._packs[key] = self._fetched(key)
            if len(self._packs) > KEPT:
                self._packs.popitem(last=False)
        self._packs.move_to_end(key)
        found = rows.get(oid)
        if found is None or len(found) != place.length:
            raise RemoteCorrupt(url=self._catalog.home.url, key=key, reason="the index says otherwise")
        return found

    def _fetched(self, key: str) -> dict[Oid, bytes]:
        home = self._catalog.home
        content = home.get(key)
        if content is None:
            raise RemoteCorrupt(url=home.url, key=key, reason="it is gone")
        try:
            table = read_table(len(content), lambda offset, length: content[offset : offset + length])
        except InvalidObject as error:
            raise RemoteCorrupt(url=home.url, key=key, reason=str(error.fields["reason"])) from error
        return {item.oid: content[at : at + item.length] for item, at in table if item.sort == OBJECT}
