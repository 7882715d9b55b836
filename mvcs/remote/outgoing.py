"""What a store has to send so that objects are whole at a remote: records in the order in which they are to lie there.

The chunks of a file lie together, what they are based on before them, its recipe list behind: who reads the file asks
for one range. Records go as they are stored, nothing is coded anew. Knows: tables of the store, sorts of records.
Refuses to know: what is reachable, packs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import ObjectMissing
from mvcs.remote.pack import CHUNK, OBJECT, RECIPE, Item
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.records import RecipeList
from mvcs.store.segments import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.objects.hashing import Oid
    from mvcs.store.lmdb_store import LmdbStore


class Outgoing:
    """Records of a store that a remote has not.

    Args:
        store: The store; the caller holds the lock shared until all is sent.
        known: Says whether the remote has a record, by oid and sort.

    Attributes:
        data: Chunks and recipe lists, in order.
        meta: Objects, in order.
    """

    def __init__(self, store: LmdbStore, known: Callable[[Oid, int], bool]) -> None:
        self.data: list[Item] = []
        self.meta: list[Item] = []
        self._store = store
        self._known = known
        self._taken: set[tuple[Oid, int]] = set()

    def add(self, oids: Iterable[Oid]) -> None:
        """Adds objects and blobs, each with the chunks that it needs.

        Raises:
            ObjectMissing: If one is not here.
        """
        for oid in oids:
            with self._store.read() as transaction:
                recipe = transaction.get(RECIPES, oid)
                row = transaction.view(OBJECTS, oid) if recipe is None else None
                length = None if row is None else len(row)
            if recipe is not None:
                if self._new(oid, RECIPE):
                    self._chunks(RecipeList.decode(recipe).chunks())
                    self.data.append(Item(oid, RECIPE, len(recipe)))
            elif length is not None:
                if self._new(oid, OBJECT):
                    self.meta.append(Item(oid, OBJECT, length))
            else:
                self._chunks([oid])

    def load(self, item: Item) -> bytes:
        """Returns a record as it is stored.

        Raises:
            ObjectMissing: If it is not here any more.
        """
        if item.sort == CHUNK:
            return next(self._store.chunks.records([item.oid], verify=()))[1]
        with self._store.read() as transaction:
            found = transaction.get(RECIPES if item.sort == RECIPE else OBJECTS, item.oid)
        if found is None:
            raise ObjectMissing(oid=item.oid.hex(), kind="record")
        return found

    def _new(self, oid: Oid, sort: int) -> bool:
        """Whether a record was neither taken nor is known to the remote; it is taken then."""
        if (oid, sort) in self._taken:
            return False
        self._taken.add((oid, sort))
        return not self._known(oid, sort)

    def _chunks(self, oids: Iterable[Oid]) -> None:
        """Takes chunks and what they are based on, these before them."""
        depth: dict[Oid, int] = {}
        new = [oid for oid in dict.fromkeys(oids) if self._new(oid, CHUNK)]
        while new:
            found = list(self._store.chunks.headers(new))
            if len(found) < len(new):
                here = {oid for oid, _, _ in found}
                raise ObjectMissing(oid=next(oid for oid in new if oid not in here).hex(), kind="chunk")
            depth.update((oid, header.depth) for oid, header, _ in found)
            bases = dict.fromkeys(basis for _, _, names in found for basis in names)
            new = [basis for basis in bases if self._new(basis, CHUNK)]
        with self._store.read() as transaction:
            for oid in sorted(depth, key=lambda oid: depth[oid]):
                place = transaction.get(CHUNKS, oid)
                if place is None:
                    raise ObjectMissing(oid=oid.hex(), kind="chunk")
                self.data.append(Item(oid, CHUNK, PLACE.unpack(place)[1]))
