"""Gives stored chunks the form that they would get today: beside better bases, with newer codecs.

Slice by slice under the exclusive lock, so that nobody bases a chunk on one whose depth is just being raised. A record
is replaced where it lies, in one transaction, by one that decodes to the same bytes; a crash leaves old or new.
Knows: which chunks may be changed. Refuses to know: commits, paths. Implements: spec 8.7.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mvcs.errors import IntegrityError, ObjectCorrupt
from mvcs.objects.hashing import BLOB, Oid, blob_oid
from mvcs.objects.record import Record
from mvcs.ports import reached
from mvcs.store.base import CHUNKS, PROGRESS
from mvcs.store.bases import Kin, StoredSource
from mvcs.store.chunk_reader import decode_payload
from mvcs.store.encoding import GapEncoder
from mvcs.store.grouping import GroupEncoder
from mvcs.store.records import BASED, read_bases, read_header
from mvcs.store.segments import PLACE
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.plan import Cut, plan
from mvcs.store.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mvcs.store.lmdb_store import LmdbStore
    from mvcs.store.lock import FileLock
    from mvcs.store.partition import Group
    from mvcs.store.records import RecipeList

SLICE = 16 << 20
"""Raw bytes that are recoded in one turn of the lock."""
RECODING = b"recoding"
"""Key in `progress` while records are being replaced: its writing tells other processes that chains may change."""
WORTH = 0.97
"""A record is replaced by one that is smaller than this share of it."""


class Recoded(Record):
    """What came of recoding.

    Args:
        chunks: Records that were replaced.
        blobs: Blobs that were cut anew.
        before: Stored bytes of the replaced records.
        after: Stored bytes of those in their place.
    """

    __slots__ = ("after", "before", "blobs", "chunks")

    def __init__(self, chunks: int = 0, blobs: int = 0, before: int = 0, after: int = 0) -> None:
        self.chunks = chunks
        self.blobs = blobs
        self.before = before
        self.after = after


class Recoder:
    """Recodes the chunks of one store.

    Args:
        store: The store.
        lock: Its lock; taken alone for each slice.
        deep: Also try chunks again that are based on others already.
    """

    def __init__(self, store: LmdbStore, lock: FileLock, *, deep: bool = False) -> None:
        self._store = store
        self._lock = lock
        self._deep = deep
        self._needed: Counter[Oid] = Counter()
        self._seen = -1
        self._tried: set[Oid] = set()
        self.result = Recoded()

    def recode(self, oid: Oid, near: Sequence[Oid]) -> None:
        """Recodes the chunks of one blob where that saves space; a damaged blob is passed over.

        Args:
            oid: The blob.
            near: Blobs that it may resemble, the likeliest first.
        """
        try:
            if self._deep:
                self._cut_anew(oid, near)
            kin = self._kin(oid, near)
            for part in self._slices(oid):
                done = self.result.chunks
                with self._lock.exclusive():
                    self._recode_slice(part, kin)
                if self.result.chunks > done:
                    reached("repack let go")
        except IntegrityError:
            return  # fsck names it

    # How the blob is cut

    def _slices(self, oid: Oid) -> Iterator[list[tuple[Oid, Cut]]]:
        """Yields the chunks of a blob with what a splitter says of them, a slice at a time."""
        recipe = self._store.recipe(oid)
        if recipe is None:
            if self._store.known_chunks([oid]):
                yield [(oid, Cut(0, self._store.blob_size(oid)))]
            return
        cuts = self._cuts(oid, recipe)
        part: list[tuple[Oid, Cut]] = []
        offset = held = 0
        for index, length in enumerate(recipe.lengths):
            cut = cuts.get(offset)
            part.append((recipe.chunk(index), cut if cut is not None and cut.length == length else Cut(offset, length)))
            offset += length
            held += length
            if held >= SLICE:
                yield part
                part, held = [], 0
        if part:
            yield part

    def _cuts(self, oid: Oid, recipe: RecipeList) -> dict[int, Cut]:
        with self._store.open(oid) as reader:
            layout = split(StoredSource(reader))
        return {} if layout is None else {cut.offset: cut for cut in plan(layout, recipe.size) if not cut.fastcdc}

    def _kin(self, oid: Oid, near: Sequence[Oid]) -> Kin:
        kin = Kin(self._store, [other for other in near if other != oid])
        with self._store.open(oid) as reader:
            layout = split(StoredSource(reader))
        if layout is not None:
            kin.match(layout)
        return kin

    def _cut_anew(self, oid: Oid, near: Sequence[Oid]) -> None:
        """Cuts a blob as a new one would be cut, where a splitter has learned to read it meanwhile."""
        recipe = self._store.recipe(oid)
        if recipe is None:
            return
        with self._store.open(oid) as reader:
            layout = split(StoredSource(reader))
        if layout is None or layout.splitter == recipe.splitter:
            return
        with self._lock.shared(), self._store.batch() as batch, self._store.open(oid) as reader:
            if batch.cut_anew(reader, near) != oid:
                raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where="its recipe list")
            batch.settle()
            with self._store.write() as transaction:
                batch.finish(transaction)
        self.result.blobs += 1

    # One slice

    def _recode_slice(self, part: list[tuple[Oid, Cut]], kin: Kin) -> None:
        self._look()
        headers = {oid: header for oid, header, _ in self._store.chunks.headers(oid for oid, _ in part)}
        group: Group = []
        for oid, cut in part:
            if oid not in headers:
                return  # gc or another repack was here; the next run sees what there is
            group.append((memoryview(self._store.chunks.read(oid)), cut))
        oids = [oid for oid, _ in part]
        wanted = [
            index for index, oid in enumerate(oids)
            if oid not in self._tried and not self._needed[oid] and (self._deep or headers[oid].codec not in BASED)
        ]
        self._tried.update(oids)
        if not wanted:
            return
        encoder, chunks = GroupEncoder(self._store, (), kin), self._store.chunks
        with Workers() as workers:
            recoded = workers.in_order(
                lambda index: encoder.record(oids, group, index, GapEncoder(chunks)), wanted, ahead=len(wanted)
            )
            records = list(recoded)
        self._replace([(oids[index], record) for index, record in zip(wanted, records, strict=True)])

    def _look(self) -> None:
        """Counts how many records are based on each chunk, anew if anybody has written meanwhile."""
        version = self._store.meta.version()
        if version == self._seen:
            return
        self._needed.clear()
        with self._store.read() as transaction:
            every = [Oid(key) for key in transaction.keys(CHUNKS)]
        for _, _, bases in self._store.chunks.headers(every):
            self._needed.update(bases)
        self._seen = version

    def _replace(self, records: list[tuple[Oid, bytes]]) -> None:
        """Puts smaller records in the place of larger ones, those of one segment in one transaction."""
        # Counted anew by everybody, also if this process ends before it has said what it did, or fails.
        self._seen = -1
        with self._store.write() as transaction:
            transaction.put(PROGRESS, RECODING, b"")
            places = {oid: PLACE.unpack(transaction.get(CHUNKS, oid) or bytes(PLACE.size)) for oid, _ in records}
        changed: dict[int, list[tuple[Oid, bytes]]] = {}
        depths: dict[Oid, int] = {}
        for oid, record in records:
            number, stored = places[oid]
            if len(record) < WORTH * stored and self._fits(oid, record, depths):
                changed.setdefault(number, []).append((oid, record))
                self.result.chunks += 1
                self.result.before += stored
                self.result.after += len(record)
        for number, group in changed.items():
            self._store.segments.replace(number, group)
            reached("repack replaced records")
        with self._store.write() as transaction:
            for number, group in changed.items():
                for oid, record in group:
                    transaction.put(CHUNKS, oid, PLACE.pack(number, len(record)))
            transaction.delete(PROGRESS, RECODING)
        self._seen = self._store.meta.version()

    def _fits(self, oid: Oid, record: bytes, depths: dict[Oid, int]) -> bool:
        """Whether a record may take the place of this chunk's; if so, its bases count as needed.

        Args:
            oid: The chunk.
            record: The record.
            depths: Of records of this slice that are about to be replaced: each changes what holds for the next.
        """
        view = memoryview(record)
        header = read_header(view, oid)
        bases, payload = read_bases(view, header, oid)
        below = {name: max(found.depth, depths.get(name, 0)) for name, found, _ in self._store.chunks.headers(bases)}
        sinks = len(below) == len(set(bases)) and all(depth < header.depth for depth in below.values())
        if self._needed[oid] or not sinks:
            return False
        content = decode_payload(header, payload, [self._store.chunks.read(name) for name in bases])
        if len(content) != header.raw_length or blob_oid(content) != oid:
            raise ObjectCorrupt(oid=oid.hex(), kind="chunk", where="a record that was just made")
        for _, _, names in self._store.chunks.headers([oid]):
            self._needed.subtract(names)
        self._needed.update(bases)
        depths[oid] = header.depth
        return True
