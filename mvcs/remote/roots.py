"""Roots at a remote: the same protocol as at home (`mvcs.refs.roots`), moved by one conditional write.

A landing is one request. A lost answer is no lost race: the write id that a root remembers tells. New objects stand in
the root's file until they are many; then they go into a pack, and the root lists its index segment. Knows: how a root
is moved. Refuses to know: what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import ObjectMissing, RefConflict, RemoteCorrupt, RemoteError
from mvcs.objects.hashing import OPERATION, object_oid
from mvcs.objects.operation import Operation
from mvcs.objects.root import KEPT_WRITES
from mvcs.remote.catalog import root_key
from mvcs.remote.home import DONE, LOST
from mvcs.remote.index import PackName, Place, build_segment, merge_segments, to_merge
from mvcs.remote.pack import OBJECT, Item, PackBody
from mvcs.remote.root_file import INLINE
from mvcs.store.rows import object_row, open_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.hashing import Oid
    from mvcs.objects.root import Root
    from mvcs.remote.catalog import Catalog, Seen
    from mvcs.remote.root_file import RootFile

SENT = 5
"""Times that a swap is sent while the root is the same and the answers get lost."""


class RemoteRoots:
    """Roots in a home.

    Args:
        catalog: What the home has.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.seen: dict[str, Seen] = {}
        """Root files as they were read last."""

    def read_root(self, namespace: str) -> Root:
        """Returns a namespace's root as it is now; an empty one if none was ever written."""
        self.seen[namespace] = self.catalog.read(namespace)
        return self.seen[namespace].file.root

    def read_object(self, oid: Oid, kind: str) -> bytes:
        """Returns an object that a root names.

        Raises:
            ObjectMissing: If no root that was read has it.
            RemoteCorrupt: If its pack is damaged.
        """
        for seen in self.seen.values():
            payload = seen.file.find(oid, kind)
            if payload is not None:
                return payload
        for seen in self.seen.values():
            place = self.catalog.find(seen.file, oid, OBJECT)
            if place is not None:
                row = self.catalog.home.get(place.pack.key, place.offset, place.length)
                if row is None:
                    raise RemoteCorrupt(url=self.catalog.home.url, key=place.pack.key, reason="it is gone")
                found, payload = open_row(oid, row, place.pack.key)
                if found == kind:
                    return payload
        raise ObjectMissing(oid=oid.hex(), kind=kind)

    def swap_root(self, expected: Root, new: Root, objects: list[tuple[str, bytes]]) -> None:
        """Puts `new` in place of `expected`, which was read last.

        Raises:
            RefConflict: If the root is not `expected` any more.
            RemoteError: If nobody can tell what became of it.
        """
        self.move(expected, new, objects, {})

    def move(
        self, expected: Root, new: Root, objects: list[tuple[str, bytes]], places: Mapping[tuple[Oid, int], Place]
    ) -> None:
        """Puts `new` in place of `expected`, and lists records that were written for it.

        Args:
            expected: As it was read last.
            new: With a write id of its own, the newest.
            objects: New objects that it names, as (kind, payload).
            places: Where the records of other new objects lie by now.

        Raises:
            RefConflict: If the root is not `expected` any more.
            RemoteError: If nobody can tell what became of it.
        """
        seen = self.seen[expected.namespace]
        if seen.file.root != expected:
            raise self._conflict(expected, seen.file.root)
        file = self._filed(seen.file.but(root=new, objects=(*seen.file.objects, *objects)), places)
        key, content = root_key(new.namespace), file.encode()
        for _ in range(SENT):
            outcome = self.catalog.home.swap(key, content, seen.tag)
            if outcome == DONE:
                return
            now = self.seen[new.namespace] = self.catalog.read(new.namespace)
            if self._landed(new, now.file.root):
                return
            if outcome == LOST or now.tag != seen.tag:
                raise self._conflict(expected, now.file.root)
        raise RemoteError(url=self.catalog.home.url, reason=f"the answers to writing {key} get lost")

    def _landed(self, new: Root, now: Root) -> bool:
        """Whether a root came from another one: by its write id, or by the ledger where so many came later."""
        if new.writes[-1] in now.writes:
            return True
        later = now.generation - new.generation
        at = now.ledger if later >= KEPT_WRITES else None
        while at is not None and later > 0:
            at, later = Operation.decode(self.read_object(at, OPERATION)).parent, later - 1
            if at == new.ledger:
                return True
        return False

    def _filed(self, file: RootFile, places: Mapping[tuple[Oid, int], Place]) -> RootFile:
        """Returns the file with its new records listed, and its objects in a pack if they are many."""
        places = dict(places)
        if file.inline > INLINE:
            places.update(self._packed(file))
            file = file.but(objects=())
        if not places:
            return file
        segments = [*file.segments]
        content = build_segment(places)
        segments.append(self.catalog.made(content))
        taken = to_merge([segment.count for segment in segments])
        if taken > 1:
            content = merge_segments(map(self.catalog.segment, segments[-taken:]))
            segments[-taken:] = [self.catalog.made(content)]
        self.catalog.home.put(segments[-1].key, content)
        return file.but(segments=tuple(segments))

    def _packed(self, file: RootFile) -> dict[tuple[Oid, int], Place]:
        """Writes the objects of a file into a pack; returns where they lie."""
        rows = {object_oid(kind, payload): object_row(kind, payload) for kind, payload in file.objects}
        body = PackBody([Item(oid, OBJECT, len(row)) for oid, row in rows.items()], lambda item: rows[item.oid])
        pack = PackName(body.name(), file.epoch, meta=True, sequence=file.root.generation << 16)
        self.catalog.home.put(pack.key, body)
        return {
            (item.oid, OBJECT): Place(pack, start, item.length)
            for item, start in zip(body.items, body.starts, strict=True)
        }

    def _conflict(self, expected: Root, actual: Root) -> RefConflict:
        return RefConflict(
            ref=f"root {expected.namespace} of {self.catalog.home.url}", expected=f"generation {expected.generation}",
            actual=f"generation {actual.generation}",
        )
