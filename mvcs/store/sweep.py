"""Removes what nothing needs: dead objects from `meta`, dead records by rewriting their segment.

The caller marks, holds the lock exclusive, and gives the live oids. Rewriting copies what lives into a new segment,
moves the directory in one transaction, then drops the old one, so a crash leaves garbage at worst. Knows: what is
stored. Refuses to know: what is reachable. Implements: spec 8.4.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mvcs.errors import MvcsError
from mvcs.objects.hashing import BLOB, COMMIT, TREE, Oid
from mvcs.objects.record import Record
from mvcs.ports import reached
from mvcs.store.base import CHUNKS, GRAPH, MAPPED, OBJECTS, PROGRESS, RECIPES
from mvcs.store.environment import SEGMENT_MAP, create_environment
from mvcs.store.graph_rows import read_graph_row
from mvcs.store.lmdb_store import LAST_SEGMENT
from mvcs.store.mapped import forget_mapped
from mvcs.store.records import KIND_CODES, MAX_DEPTH, RecipeList, read_bases, read_header
from mvcs.store.segments import PLACE, TABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from mvcs.store.lmdb_store import LmdbStore

WORTH_REWRITING = 0.10
"""Share of dead bytes from which a segment is rewritten."""
LEAST_FREE = 1 << 20
"""Bytes of free pages below which a segment is left alone."""
PAGE, PAGE_HEAD = 4096, 16
"""Bytes of LMDB's pages, and of what precedes a value that fills pages of its own."""
COPY = 16 << 20
"""Bytes copied in one transaction."""
DELETE = 20_000
"""Keys deleted in one transaction."""


class SweepResult(Record):
    """What a sweep removed, or would remove.

    Args:
        objects: Dead objects, cut blobs included.
        chunks: Dead chunks.
        bytes: Stored bytes of both.
        segments: Segments rewritten or dropped.
    """

    __slots__ = ("bytes", "chunks", "objects", "segments")

    def __init__(self, objects: int, chunks: int, size: int, segments: int) -> None:
        self.objects = objects
        self.chunks = chunks
        self.bytes = size
        self.segments = segments


def live_chunks(store: LmdbStore, live: AbstractSet[Oid]) -> set[Oid]:
    """Returns the chunks that live blobs consist of, and those that these are based on.

    Raises:
        ObjectCorrupt: If a record does not say what it is based on: what that is could be taken for garbage.
    """
    chunks: set[Oid] = set()
    with store.read() as transaction:
        for key in transaction.keys(RECIPES):
            if key in live:
                value = transaction.get(RECIPES, key)
                if value is not None:
                    chunks.update(RecipeList.decode(value).chunks())
        for key in transaction.keys(CHUNKS):
            if key in live:  # a blob of one chunk
                chunks.add(Oid(key))
    new = chunks
    while new:
        new = {basis for _, _, bases in store.chunks.headers(sorted(new)) for basis in bases} - chunks
        chunks |= new
    return chunks


def _dependents_first(store: LmdbStore, chunks: list[Oid]) -> list[Oid]:
    """Orders dead chunks so that a killed sweep leaves none without its bases: the next commit would rely on it."""
    depth = {oid: header.depth for oid, header, _ in store.chunks.headers(chunks, tolerant=True)}
    return sorted(chunks, key=lambda oid: -depth.get(oid, MAX_DEPTH + 1))


def find_dead(store: LmdbStore, live: AbstractSet[Oid]) -> tuple[list[Oid], list[Oid], list[Oid], int]:
    """Returns dead (objects, cut blobs, chunks) and the stored bytes of all."""
    keep = live_chunks(store, live)
    size = 0
    objects, recipes, chunks = [], [], []
    with store.read() as transaction:
        for key, value in transaction.items(OBJECTS):
            if key not in live:
                objects.append(Oid(key))
                size += len(value)
        recipes += [Oid(key) for key in transaction.keys(RECIPES) if key not in live]
        for key, place in transaction.items(CHUNKS):
            if key not in keep:
                chunks.append(Oid(key))
                size += PLACE.unpack(place)[1]
    return objects, recipes, chunks, size


def sweep(
    store: LmdbStore, live: AbstractSet[Oid], *, dry_run: bool = False, thorough: bool = False,
    before: Callable[[AbstractSet[Oid]], AbstractSet[Oid]] | None = None,
) -> SweepResult:
    """Removes everything that is not live.

    Args:
        store: Swept store; the caller holds its lock exclusive unless `dry_run`.
        live: Oids of the objects to keep, blobs included.
        dry_run: Only count.
        thorough: Rewrite every segment with any dead byte.
        before: Hears what is about to go, before any of it does; returns what it has put in and is to stay.
    """
    objects, recipes, chunks, size = find_dead(store, live)
    if before is not None:
        spared = before({*objects, *recipes, *chunks})
        objects, recipes, chunks = ([oid for oid in dead if oid not in spared] for dead in (objects, recipes, chunks))
    count = len(objects) + len(recipes)
    if dry_run:
        return SweepResult(count, len(chunks), size, 0)
    # Names go before what they name, so that what a killed gc has left is whole: tags and commits, trees, blobs,
    # chunk places, then bytes.
    names, blobs = _by_rank(store, objects)
    chunks = _dependents_first(store, chunks)
    for table, keys in ((OBJECTS, names), (RECIPES, recipes), (OBJECTS, blobs), (CHUNKS, chunks)):
        for start in range(0, len(keys), DELETE):
            with store.write() as transaction:
                for key in keys[start : start + DELETE]:
                    transaction.delete(table, key)
                    transaction.delete(GRAPH, key)
                    if transaction.get(MAPPED, key) is not None:
                        forget_mapped(store, transaction, key)
            reached("gc deleted names")
    return SweepResult(count, len(chunks), size, _rewrite_segments(store, thorough=thorough))


def _by_rank(store: LmdbStore, objects: list[Oid]) -> tuple[list[Oid], list[Oid]]:
    """Returns what names others, children before their parents, and the blobs."""
    ranked: list[tuple[int, int, Oid]] = []
    blobs: list[Oid] = []
    with store.read() as transaction:
        for oid in objects:
            value = transaction.view(OBJECTS, oid)
            code = value[0] if value else KIND_CODES[BLOB]
            if code == KIND_CODES[BLOB]:
                blobs.append(oid)
                continue
            row = transaction.get(GRAPH, oid) if code == KIND_CODES[COMMIT] else None
            rank = 2 if code == KIND_CODES[TREE] else int(row is not None)
            ranked.append((rank, -read_graph_row(row)[0] if row is not None else 0, oid))
    return [oid for _, _, oid in sorted(ranked)], blobs


def _rewrite_segments(store: LmdbStore, *, thorough: bool) -> int:
    by_segment: dict[int, list[Oid]] = {number: [] for number in store.segments.numbers()}
    live_bytes = dict.fromkeys(by_segment, 0)
    with store.read() as transaction:
        for key, place in transaction.items(CHUNKS):
            number, length = PLACE.unpack(place)
            by_segment.setdefault(number, []).append(Oid(key))
            live_bytes[number] = live_bytes.get(number, 0) + length
    done = 0
    for number, keys in by_segment.items():
        if not store.segments.exists(number):
            continue
        used = _stored_bytes(store, number)
        dead = used - live_bytes[number]
        if dead <= 0 or (dead < WORTH_REWRITING * used and not thorough):
            continue
        if keys:
            _move(store, number, keys)
        reached("gc moved segment")
        store.segments.remove(number)
        done += 1
    return done


def compact(store: LmdbStore) -> int:
    """Rewrites the segments that have many free pages, such as after records were replaced by smaller ones.

    Args:
        store: The store; the caller holds its lock exclusive.

    Returns:
        Bytes of files that are not needed any more.
    """
    keys: dict[int, list[Oid]] = {}
    live: Counter[int] = Counter()
    with store.read() as transaction:
        for key, place in transaction.items(CHUNKS):
            number, length = PLACE.unpack(place)
            keys.setdefault(number, []).append(Oid(key))
            live[number] += -(-(length + PAGE_HEAD) // PAGE) * PAGE if length > PAGE // 2 else length
    freed = 0
    for number in store.segments.numbers():
        used = store.segments.environment(number).used()
        if used - live[number] < max(WORTH_REWRITING * used, LEAST_FREE):
            continue
        if number in keys:
            _move(store, number, keys[number])
        reached("gc moved segment")
        store.segments.remove(number)
        freed += used - live[number]
    return freed


def _stored_bytes(store: LmdbStore, number: int) -> int:
    with store.segments.environment(number).read() as segment:
        return sum(len(segment.view(TABLE, key) or b"") for key in segment.keys(TABLE))


def _move(store: LmdbStore, number: int, keys: list[Oid]) -> None:
    """Copies live records out of a segment, 16 MiB at a time."""
    target = 0
    batch: list[tuple[Oid, bytes]] = []
    size = 0
    source = store.segments.environment(number)
    with source.read() as segment:
        for key in keys:
            record = segment.get(TABLE, key)
            if record is None:
                continue  # fsck names it; gc does not make it worse
            batch.append((key, record))
            size += len(record)
            if size >= COPY:
                target = _append(store, target, number, batch)
                batch, size = [], 0
    if batch:
        _append(store, target, number, batch)


def _append(store: LmdbStore, target: int, source: int, batch: list[tuple[Oid, bytes]]) -> int:
    segments = store.segments
    if target == 0 or segments.environment(target).used() >= segments.cap:
        with store.write() as transaction:
            last = int.from_bytes(transaction.get(PROGRESS, LAST_SEGMENT) or b"\0", "big")
            target = max([last, source, *segments.numbers()]) + 1
            transaction.put(PROGRESS, LAST_SEGMENT, target.to_bytes(8, "big"))
        create_environment(segments.folder(target), (TABLE,), SEGMENT_MAP)
    segments.append(target, batch)
    reached("gc copied records")
    with store.write() as transaction:
        for oid, record in batch:
            transaction.put(CHUNKS, oid, PLACE.pack(target, len(record)))
    return target


def rebuild_directory(store: LmdbStore) -> int:
    """Rebuilds the chunk directory from the segments; returns the number of chunks.

    A record whose bases are not there is garbage that an earlier sweep has left, and is not named again. Of several
    records of one chunk the one of the smallest depth is named: others may be based on it.
    """
    found: dict[Oid, list[tuple[int, bytes, list[Oid]]]] = {}
    for number in store.segments.numbers():
        with store.segments.environment(number).read() as segment:
            for key in segment.keys(TABLE):
                oid, record = Oid(key), segment.view(TABLE, key)
                assert record is not None
                depth, bases = _based_on(record, oid)
                found.setdefault(oid, []).append((depth, PLACE.pack(number, len(record)), bases))
    based = {oid for oid, rows in found.items() if any(bases for _, _, bases in rows)}
    lost = True
    while lost:
        lost = False
        for oid in list(based):
            kept = [
                row for row in found[oid]
                if all(basis in found and min(found[basis])[0] < row[0] for basis in row[2])
            ]
            lost = lost or len(kept) < len(found[oid])
            found[oid] = kept
            if not kept:
                del found[oid]
                based.discard(oid)
    with store.write() as transaction:
        for key in list(transaction.keys(CHUNKS)):
            transaction.delete(CHUNKS, key)
        for oid, rows in found.items():
            transaction.put(CHUNKS, oid, min(rows)[1])
    return len(found)


def _based_on(record: memoryview, oid: Oid) -> tuple[int, list[Oid]]:
    try:
        header = read_header(record, oid)
        return header.depth, read_bases(record, header, oid)[0]
    except MvcsError:
        return 0, []  # damaged, or of a newer mvcs: fsck names it
