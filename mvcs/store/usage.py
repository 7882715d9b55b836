"""What the chunks of a store take: by codec, by blob, and what is based on what.

A number per chunk and no content: a million chunks are about 200 MB of memory. What is damaged counts as unreadable;
fsck names it. Knows: headers and recipe lists. Refuses to know: commits, paths.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from mvcs.errors import MvcsError
from mvcs.objects.hashing import BLOB, Oid
from mvcs.objects.record import Record
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.records import CODEC_NAMES, DIFFERENCE, GAP, KIND_CODES, PLANES, RAW, ZERO, ZSTD, RecipeList
from mvcs.store.segments import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.store.lmdb_store import LmdbStore

AT_ONCE = 4096
"""Chunks whose headers are looked up at once."""
UNREADABLE = 255
"""Stands for the codec of a record without a legal header."""
MOSTLY = 0.5
"""Share of a file's bytes from which one word tells how they are stored."""
WORDS = {
    RAW: "incompressible", ZSTD: "compressed", PLANES: "coded by planes", DIFFERENCE: "difference to other weights",
    ZERO: "pruned from other weights", GAP: "edits of other bytes", UNREADABLE: "unreadable",
}


class CodecUse(Record):
    """What is stored with one codec.

    Args:
        chunks: Number of chunks.
        raw: Their bytes when they are read.
        stored: Bytes of their records.
    """

    __slots__ = ("chunks", "raw", "stored")

    def __init__(self, chunks: int = 0, raw: int = 0, stored: int = 0) -> None:
        self.chunks = chunks
        self.raw = raw
        self.stored = stored

    def to_dict(self) -> dict[str, object]:
        """Returns the numbers as JSON carries them; `ratio` is stored through raw."""
        return {"chunks": self.chunks, "raw": self.raw, "stored": self.stored, "ratio": ratio(self.stored, self.raw)}


class BlobUse(Record):
    """What one blob takes.

    Args:
        stored: Bytes of the records of its chunks, each chunk once; not those of chunks that they are based on.
        own: The same of those chunks that no other blob has.
        why: In a word, how most of it is stored.
    """

    __slots__ = ("own", "stored", "why")

    def __init__(self, stored: int, own: int, why: str) -> None:
        self.stored = stored
        self.own = own
        self.why = why


class Stock:
    """The chunks of a store as they were when this was made.

    Args:
        store: The store.

    Attributes:
        index: Chunk to its number.
        raw: Bytes of each chunk when it is read, 0 where that cannot be told.
        stored: Bytes of each record.
        bases: (depth, number, numbers of the chunks it is based on) of each chunk that is based on others.
        contents: Bytes of all blobs, each once, small ones too.
    """

    def __init__(self, store: LmdbStore) -> None:
        self._store = store
        self.index: dict[Oid, int] = {}
        self.stored = array("I")
        segments: dict[int, list[Oid]] = {}
        with store.read() as transaction:
            for key, place in transaction.items(CHUNKS):
                number, length = PLACE.unpack(place)
                oid = Oid(key)
                self.index[oid] = len(self.stored)
                self.stored.append(length)
                segments.setdefault(number, []).append(oid)
        self.raw = array("I", bytes(4 * len(self.stored)))
        self.bases: list[tuple[int, int, tuple[int, ...]]] = []
        self.contents = 0
        self._codecs = bytearray([UNREADABLE]) * len(self.stored)
        self._uses = bytearray(len(self.stored))
        for oids in segments.values():
            for start in range(0, len(oids), AT_ONCE):
                self._read_headers(oids[start : start + AT_ONCE])
        self._count_uses()

    def _read_headers(self, oids: list[Oid]) -> None:
        index = self.index
        try:
            for oid, header, bases in self._store.chunks.headers(oids, tolerant=True):
                number = index[oid]
                self._codecs[number] = header.codec
                self.raw[number] = header.raw_length
                if bases:
                    below = tuple(index[basis] for basis in bases if basis in index)
                    self.bases.append((header.depth, number, below))
        except MvcsError:  # a segment is gone, or a newer mvcs has been here: what cannot be read stays unreadable
            if len(oids) > 1:
                middle = len(oids) // 2
                self._read_headers(oids[:middle])
                self._read_headers(oids[middle:])

    def _count_uses(self) -> None:
        for _, chunks, size, _ in self.recipes():
            self.contents += size
            for number in chunks:
                self._uses[number] = min(2, self._uses[number] + 1)
        for number, uses in enumerate(self._uses):
            if not uses:  # a blob of one chunk
                self.contents += self.raw[number]
        with self._store.read() as transaction:
            for _, value in transaction.items(OBJECTS):
                if len(value) >= 2 and value[0] == KIND_CODES[BLOB]:
                    self.contents += int.from_bytes(value[2:6], "little") if value[1] == ZSTD else len(value) - 2

    def recipes(self) -> Iterator[tuple[Oid, set[int], int, int]]:
        """Yields (oid, numbers of its chunks, its bytes, bytes of its recipe list) of each blob that is cut."""
        with self._store.read() as transaction:
            for key, value in transaction.items(RECIPES):
                try:
                    recipe = RecipeList.decode(value)
                except MvcsError:
                    continue
                yield Oid(key), self._numbers(recipe.chunks()), recipe.size, len(value)

    def _numbers(self, chunks: Iterable[Oid]) -> set[int]:
        return {self.index[chunk] for chunk in chunks if chunk in self.index}

    def codecs(self) -> dict[str, CodecUse]:
        """Returns what is stored with each codec that occurs, by its name, the most stored bytes first."""
        found: dict[int, CodecUse] = {}
        for number, codec in enumerate(self._codecs):
            use = found.setdefault(codec, CodecUse())
            use.chunks += 1
            use.raw += self.raw[number]
            use.stored += self.stored[number]
        ranked = sorted(found.items(), key=lambda item: (-item[1].stored, item[0]))
        return {CODEC_NAMES.get(codec, "unreadable"): use for codec, use in ranked}

    def chunks_of(self, oid: Oid) -> set[int]:
        """Returns the numbers of a blob's chunks, none of one that lies with the objects or is not here."""
        try:
            recipe = self._store.recipe(oid)
        except MvcsError:
            return set()
        return self._numbers([oid] if recipe is None else recipe.chunks())

    def blob(self, oid: Oid) -> BlobUse:
        """Returns what a blob takes that lies in chunks."""
        numbers = self.chunks_of(oid)
        own = {number for number in numbers if self._uses[number] < 2}
        return BlobUse(self.sum(numbers), self.sum(own), self._why(numbers, own))

    def sum(self, numbers: Iterable[int]) -> int:
        """Returns the stored bytes of chunks."""
        return sum(self.stored[number] for number in numbers)

    def _why(self, numbers: set[int], own: set[int]) -> str:
        if not numbers:
            return "not here"
        by_codec: dict[int, int] = {}
        total = shared = 0
        for number in numbers:
            size = self.raw[number]
            total += size
            shared += size if number not in own else 0
            by_codec[self._codecs[number]] = by_codec.get(self._codecs[number], 0) + size
        if shared > MOSTLY * total:
            return "shared with other files"
        codec, size = max(by_codec.items(), key=lambda item: (item[1], -item[0]))
        return WORDS[codec] if size >= MOSTLY * total else "mixed"


def ratio(stored: int, size: int) -> float | None:
    """Returns the share that is stored, to four digits; None of nothing."""
    return round(stored / size, 4) if size else None
