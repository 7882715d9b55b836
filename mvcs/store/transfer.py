"""Copies objects from one local store to another, chunk records as they are.

Knows: that records are verified on the way. Refuses to know: what is reachable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import BLOB, Oid
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.export import gives
from mvcs.store.records import RecipeList
from mvcs.store.segments import PLACE

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from mvcs.ports import Progress
    from mvcs.store.lmdb_store import LmdbStore

BATCH = 16 << 20
"""Bytes of records written in one transaction."""


def copy_objects(source: LmdbStore, target: LmdbStore, oids: AbstractSet[Oid], progress: Progress) -> int:
    """Copies objects, every one verified; chunks first, then what names them, then recipe lists.

    Returns:
        Number of objects copied.

    Raises:
        ObjectMissing: If one is not there.
        ObjectCorrupt: If one is damaged, or a recipe list does not give its blob.
    """
    chunks, recipes, plain = _sort(source, oids)
    with source.read() as transaction:
        sizes = {oid: PLACE.unpack(transaction.get(CHUNKS, oid) or bytes(8))[1] for oid in chunks}
    progress.start("copying", sum(sizes.values()))
    batch: list[tuple[Oid, bytes]] = []
    waiting = 0
    for oid, record in source.chunks.records(chunks, verify=oids):
        batch.append((oid, record))
        waiting += len(record)
        progress.advance(sizes[oid])
        if waiting >= BATCH:
            _write(target, batch)
            batch, waiting = [], 0
    if batch:
        _write(target, batch)
    count = 0
    for start in range(0, len(plain), 4096):
        with target.write() as transaction:
            for oid in plain[start : start + 4096]:
                kind = source.kind(oid)
                assert kind is not None
                if kind == BLOB:
                    source.read_blob(oid)  # verified before it is taken over as it is
                    with source.read() as reading:
                        value = reading.get(OBJECTS, oid)
                    assert value is not None
                    transaction.put(OBJECTS, oid, value)
                else:
                    transaction.put_object(kind, source.load(oid, kind))
                count += 1
    for oid, value in recipes.items():
        if not gives(target.chunks, RecipeList.decode(value), oid):
            raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where="its recipe list")
    with target.write() as transaction:
        for oid, value in recipes.items():
            transaction.put(RECIPES, oid, value)
    progress.finish()
    return count + len(recipes)


def _sort(source: LmdbStore, oids: AbstractSet[Oid]) -> tuple[list[Oid], dict[Oid, bytes], list[Oid]]:
    chunks: dict[Oid, None] = {}
    recipes: dict[Oid, bytes] = {}
    plain: list[Oid] = []
    with source.read() as transaction:
        for oid in oids:
            value = transaction.get(RECIPES, oid)
            if value is not None:
                recipes[oid] = value
                chunks.update(dict.fromkeys(RecipeList.decode(value).chunks()))
            elif transaction.get(OBJECTS, oid) is not None:
                plain.append(oid)
            else:
                chunks[oid] = None
    return _bases_first(source, chunks), recipes, plain


def _bases_first(source: LmdbStore, chunks: dict[Oid, None]) -> list[Oid]:
    """Returns the chunks and those that they are based on, these before them; else in the order given."""
    depth: dict[Oid, int] = {}
    new = list(chunks)
    while new:
        found = list(source.chunks.headers(new))
        depth.update((oid, header.depth) for oid, header, _ in found)
        if len(found) < len(new):
            raise ObjectMissing(oid=next(oid for oid in new if oid not in depth).hex(), kind="chunk")
        new = list(dict.fromkeys(basis for _, _, bases in found for basis in bases if basis not in depth))
    return sorted(depth, key=lambda oid: depth[oid])


def _write(target: LmdbStore, batch: list[tuple[Oid, bytes]]) -> None:
    number, stored = target.append_records(batch)
    with target.write() as transaction:
        for oid, length in stored:
            transaction.put(CHUNKS, oid, PLACE.pack(number, length))
