"""Checks what is stored against its names, and repairs it from another store.

Knows: objects, recipe lists, chunks. Refuses to know: what is reachable, refs. Implements: spec 8.5.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError, MvcsError, UnknownFeature
from mvcs.objects.hashing import BLOB, COMMIT, Oid, object_oid
from mvcs.objects.record import Record
from mvcs.store.base import CHUNKS, GRAPH, INLINE, OBJECTS, RECIPES
from mvcs.store.compress import chunk_record
from mvcs.store.environment import has_data, verify_file
from mvcs.store.export import gives
from mvcs.store.graph_rows import graph_row
from mvcs.store.records import KIND_CODES, KIND_NAMES
from mvcs.store.rows import blob_row, object_row
from mvcs.store.segments import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.ports import Progress
    from mvcs.store.lmdb_store import LmdbStore


class Problem(Record):
    """One thing that is wrong.

    Args:
        kind: Kind of the object, or of the record.
        name: Its oid in hex, or the ref or file.
        reason: What is wrong.
        oid: The oid, when another store could mend it.
    """

    __slots__ = ("kind", "name", "oid", "reason")

    def __init__(self, kind: str, name: str, reason: str, oid: Oid | None = None) -> None:
        self.kind = kind
        self.name = name
        self.reason = reason
        self.oid = oid

    def to_dict(self) -> dict[str, str]:
        """Returns the problem as JSON carries it."""
        return {"kind": self.kind, "name": self.name, "reason": self.reason}


def check_files(path: str) -> list[Problem]:
    """Checks the LMDB files page by page, without opening them through LMDB."""
    problems = []
    folders = [os.path.join(path, "meta")]
    chunks = os.path.join(path, "chunks")
    if os.path.isdir(chunks):
        # A folder without data is a segment whose making or removal was killed; the directory names no chunk there.
        segments = [os.path.join(chunks, name) for name in sorted(os.listdir(chunks))]
        folders += [segment for segment in segments if has_data(segment)]
    for folder in folders:
        problems += [Problem("file", os.path.relpath(folder, path), found) for found in verify_file(folder)[:5]]
    return problems


def check_store(store: LmdbStore, progress: Progress) -> Iterator[Problem]:
    """Yields what is wrong with the stored bytes: every object, recipe list and chunk is decoded and hashed."""
    with store.read() as transaction:
        chunks = [(Oid(key), PLACE.unpack(value)) for key, value in transaction.items(CHUNKS)]
        objects = list(transaction.items(OBJECTS)) if transaction.count(OBJECTS) < 1000 else None
        recipes = [Oid(key) for key in transaction.keys(RECIPES)]
    store.chunks.forget()
    progress.start("checking", sum(length for _, (_, length) in chunks))
    bad: set[Oid] = set()
    for oid, (_, length) in chunks:
        try:
            store.read_chunk(oid)
        except (IntegrityError, UnknownFeature) as error:  # a version or codec byte may be what is damaged
            bad.add(oid)
            yield Problem("chunk", oid.hex(), error.message, oid)
        progress.advance(length)
    yield from _check_objects(store, objects)
    known = {oid for oid, _ in chunks}
    for oid in recipes:
        yield from _check_recipe(store, oid, known, bad)
    progress.finish()


def rebuild_graph(store: LmdbStore) -> int:
    """Makes the graph rows of all commits anew; returns their number."""
    with store.write() as transaction:
        for key in list(transaction.keys(GRAPH)):
            transaction.delete(GRAPH, key)
        commits = [Oid(key) for key, value in transaction.items(OBJECTS) if value[:1] == bytes((KIND_CODES[COMMIT],))]
        for oid in commits:
            transaction.put(GRAPH, oid, graph_row(transaction.load(oid, COMMIT)))
    return len(commits)


def _check_objects(store: LmdbStore, objects: list[tuple[bytes, bytes]] | None) -> Iterator[Problem]:
    if objects is None:
        with store.read() as transaction:
            objects = list(transaction.items(OBJECTS))
    for key, value in objects:
        oid = Oid(key)
        kind = KIND_NAMES.get(value[0]) if value else None
        if kind is None:
            yield Problem("object", oid.hex(), f"unknown kind {value[:1].hex()}", oid)
            continue
        try:
            payload = store.read_blob(oid) if kind == BLOB else store.load(oid, kind)
            _decode(kind, payload)
        except IntegrityError as error:
            yield Problem(kind, oid.hex(), error.message, oid)
            continue
        except UnknownFeature as error:  # not damage: a newer mvcs wrote it
            yield Problem(kind, oid.hex(), error.message)
            continue
        if kind == "commit":
            with store.read() as transaction:
                row = transaction.get(GRAPH, oid)
            if row != graph_row(payload):
                yield Problem("graph row", oid.hex(), "not what the commit says", oid)


def _decode(kind: str, payload: bytes) -> None:
    from mvcs.objects.attestation import Attestation
    from mvcs.objects.commit import Commit
    from mvcs.objects.operation import Operation
    from mvcs.objects.tag import Tag
    from mvcs.objects.tree import references

    if kind == "commit":
        Commit.decode(payload)
    elif kind == "tag":
        Tag.decode(payload)
    elif kind == "attestation":
        Attestation.decode(payload)
    elif kind == "operation":
        Operation.decode(payload)
    elif kind == "tree":
        references(payload)


def _check_recipe(store: LmdbStore, oid: Oid, known: set[Oid], bad: set[Oid]) -> Iterator[Problem]:
    try:
        recipe = store.recipe(oid)
    except IntegrityError as error:
        yield Problem("recipe list", oid.hex(), error.message, oid)
        return
    if recipe is None:
        return
    lost = [chunk for chunk in recipe.chunks() if chunk not in known]
    if lost:
        yield Problem(BLOB, oid.hex(), f"chunk {lost[0].hex()} and {len(lost) - 1} more are missing", oid)
        return
    if any(chunk in bad for chunk in recipe.chunks()):
        yield Problem(BLOB, oid.hex(), "one of its chunks is damaged", oid)
        return
    try:
        whole = gives(store.chunks, recipe, oid)
    except IntegrityError as error:
        yield Problem(BLOB, oid.hex(), error.message, oid)
        return
    if not whole:
        yield Problem("recipe list", oid.hex(), "its chunks do not give the blob", oid)


def repair(store: LmdbStore, source: LmdbStore, oid: Oid, kind: str) -> bool:
    """Writes a good copy of a damaged or missing object or chunk from another store; returns whether it had one."""
    try:
        if kind == "graph row":
            with store.write() as transaction:
                transaction.put(GRAPH, oid, graph_row(transaction.load(oid, "commit")))
            return True
        if kind == "chunk":
            return _repair_chunk(store, oid, source.read_chunk(oid))
        if kind in {BLOB, "recipe list"}:
            return _repair_blob(store, source, oid)
        found = source.kind(oid)
        if found is None:
            return False
        payload = source.load(oid, found)
    except IntegrityError:
        return False
    with store.write() as transaction:
        transaction.put(OBJECTS, oid, object_row(found, payload))
    return True


def _repair_chunk(store: LmdbStore, oid: Oid, content: bytes) -> bool:
    assert object_oid(BLOB, content) == oid
    record = chunk_record(content)
    with store.read() as transaction:
        place = transaction.get(CHUNKS, oid)
    number = PLACE.unpack(place)[0] if place is not None else 0
    if not number or not store.segments.exists(number):
        number, _ = store.append_records([])
    store.segments.overwrite(number, oid, record)
    with store.write() as transaction:
        transaction.put(CHUNKS, oid, PLACE.pack(number, len(record)))
    return True


def _repair_blob(store: LmdbStore, source: LmdbStore, oid: Oid) -> bool:
    recipe = source.recipe(oid)
    if recipe is None:
        content = source.read_blob(oid)
        if len(content) > INLINE or store.known_chunks([oid]):
            return _repair_chunk(store, oid, content)
        with store.write() as transaction:
            transaction.put(OBJECTS, oid, blob_row(content, pack=False))
        return True
    for chunk in dict.fromkeys(recipe.chunks()):
        try:
            store.read_chunk(chunk)
        except MvcsError:
            _repair_chunk(store, chunk, source.read_chunk(chunk))
    try:
        if (own := store.recipe(oid)) is not None and gives(store.chunks, own, oid):
            return True  # it was only its chunks
    except IntegrityError:
        pass
    if not gives(store.chunks, recipe, oid):
        return False
    with store.write() as transaction:
        transaction.put(RECIPES, oid, recipe.encode())
    return True


