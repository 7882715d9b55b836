"""Index segments: which records a remote has, and where they lie, sorted by oid.

A segment is immutable and named by its content; each root lists those that are its own. Small ones are merged into
larger ones as a number is carried: of n records, each was written log n times. Knows: the layout.
Refuses to know: who asks. Implements: spec 9.1.3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from mvcs.errors import InvalidObject
from mvcs.objects.hashing import OID_BYTES, Oid, blob_oid
from mvcs.objects.record import Record
from mvcs.remote.pack import LONGEST, SORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAGIC: Final = b"mvcsidx1"
HEAD = struct.Struct("<8sII")
"""Magic, number of packs, number of records."""
PACK_ROW = struct.Struct("<32sIIQ")
"""Name, gc epoch, 1 for a pack of objects, else 0, sequence."""
FAN = struct.Struct("<256I")
"""How many records have an oid whose first byte is at most so much."""
ROW = struct.Struct("<32sHBxII")
"""Oid, number of the pack, sort, offset, length."""
CHECKSUM = 8
MOST = 180_000
"""Records of a segment that merging makes: 8 MB."""
MAX_PACKS = 1 << 16


class PackName(Record):
    """A pack of a remote.

    Args:
        name: BLAKE3 of its content.
        epoch: Of the garbage collection that it was written under: what is condemned comes back under another name.
        meta: Whether it holds objects.
        sequence: Grows from pack to pack: who reads packs in this order meets most bases before what is based on them.
    """

    __slots__ = ("epoch", "meta", "name", "sequence")

    def __init__(self, name: Oid, epoch: int, *, meta: bool, sequence: int = 0) -> None:
        self.name = name
        self.epoch = epoch
        self.meta = meta
        self.sequence = sequence

    @property
    def key(self) -> str:
        """Its file."""
        word = self.name.hex()
        return f"{'meta' if self.meta else 'packs'}/{word[:2]}/{word}-{self.epoch}.pack"


class Place(Record):
    """Where a record lies.

    Args:
        pack: The pack.
        offset: In it.
        length: In bytes.
    """

    __slots__ = ("length", "offset", "pack")

    def __init__(self, pack: PackName, offset: int, length: int) -> None:
        self.pack = pack
        self.offset = offset
        self.length = length


class Segment:
    """A segment; looked up where it lies, not unpacked.

    Args:
        content: Its bytes.

    Raises:
        InvalidObject: If it is none, or damaged.
    """

    def __init__(self, content: bytes) -> None:
        if len(content) < HEAD.size + FAN.size + CHECKSUM or content[: len(MAGIC)] != MAGIC:
            raise InvalidObject(kind="index", reason="it does not begin as one")
        _, packs, self.count = HEAD.unpack_from(content)
        fan_at = HEAD.size + packs * PACK_ROW.size
        self._rows = fan_at + FAN.size
        if packs > MAX_PACKS or self._rows + self.count * ROW.size + CHECKSUM != len(content):
            raise InvalidObject(kind="index", reason="its length is not what its head says")
        if blob_oid(content[:-CHECKSUM])[:CHECKSUM] != content[-CHECKSUM:]:
            raise InvalidObject(kind="index", reason="it is damaged")
        self.content = content
        self.packs = [
            PackName(Oid(name), epoch, meta=bool(meta), sequence=sequence)
            for name, epoch, meta, sequence in PACK_ROW.iter_unpack(content[HEAD.size : fan_at])
        ]
        self._fan = FAN.unpack_from(content, fan_at)
        if list(self._fan) != sorted(self._fan) or self._fan[-1] != self.count:
            raise InvalidObject(kind="index", reason="its fan is not sorted")

    def find(self, oid: Oid, sort: int) -> Place | None:
        """Returns where a record lies, None if the segment has it not."""
        low, high = self._fan[oid[0] - 1] if oid[0] else 0, self._fan[oid[0]]
        wanted = (oid, sort)
        while low < high:
            middle = (low + high) // 2
            at = self._rows + middle * ROW.size
            found, pack, found_sort, offset, length = ROW.unpack_from(self.content, at)
            if (found, found_sort) < wanted:
                low = middle + 1
            elif (found, found_sort) == wanted:
                return Place(self._pack(pack), offset, length)
            else:
                high = middle
        return None

    def has(self, oid: Oid) -> bool:
        """Whether the segment has any record of this oid."""
        low, high = self._fan[oid[0] - 1] if oid[0] else 0, self._fan[oid[0]]
        while low < high:
            middle = (low + high) // 2
            at = self._rows + middle * ROW.size
            found = self.content[at : at + OID_BYTES]
            if found == oid:
                return True
            low, high = (middle + 1, high) if found < oid else (low, middle)
        return False

    def rows(self) -> Iterator[tuple[Oid, int, Place]]:
        """Yields (oid, sort, place) of all records, sorted."""
        rows = memoryview(self.content)[self._rows : -CHECKSUM]
        for oid, pack, sort, offset, length in ROW.iter_unpack(rows):
            yield Oid(oid), sort, Place(self._pack(pack), offset, length)

    def _pack(self, number: int) -> PackName:
        if number >= len(self.packs):
            raise InvalidObject(kind="index", reason="a record lies in no pack")
        return self.packs[number]


def build_segment(places: Mapping[tuple[Oid, int], Place]) -> bytes:
    """Returns the segment that has these records, by oid and sort.

    Raises:
        InvalidObject: If there are too many packs for one.
    """
    packs = sorted({place.pack for place in places.values()}, key=lambda pack: (pack.sequence, pack.key))
    if len(packs) > MAX_PACKS:
        raise InvalidObject(kind="index", reason=f"{len(packs)} packs")
    numbers = {pack: number for number, pack in enumerate(packs)}
    fan = [0] * 256
    rows = []
    for (oid, sort), place in sorted(places.items()):
        assert sort in SORTS
        assert place.length <= LONGEST
        fan[oid[0]] += 1
        rows.append(ROW.pack(oid, numbers[place.pack], sort, place.offset, place.length))
    for byte in range(1, 256):
        fan[byte] += fan[byte - 1]
    content = b"".join((
        HEAD.pack(MAGIC, len(packs), len(rows)),
        *(PACK_ROW.pack(pack.name, pack.epoch, pack.meta, pack.sequence) for pack in packs), FAN.pack(*fan), *rows,
    ))
    return content + blob_oid(content)[:CHECKSUM]


def to_merge(counts: Sequence[int]) -> int:
    """Returns how many of the newest segments, whose sizes are given oldest first, become one.

    As a binary counter carries: a segment is merged while it is not larger than all newer ones together.

    Laws:
        Of n records that came one by one, no more than log2 n + 2 segments are left, but for full ones.
    """
    taken, total = 1, counts[-1] if counts else 0
    for count in reversed(counts[:-1]):
        if count > total or count + total > MOST:
            break
        taken += 1
        total += count
    return taken


def merge_segments(segments: Iterable[Segment]) -> bytes:
    """Returns one segment with the records of several; of a record in two, the place in the later one."""
    places: dict[tuple[Oid, int], Place] = {}
    for segment in segments:
        places.update(((oid, sort), place) for oid, sort, place in segment.rows())
    return build_segment(places)


assert ROW.size == OID_BYTES + 12
