"""Chunk records: a 48 byte header and a payload; and recipe lists: how a blob is cut.

Knows: the layout. Refuses to know: codecs (`codecs`), where records lie (`segments`). Implements: spec 6.
"""

from __future__ import annotations

import struct
import sys
from array import array

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.hashing import OID_BYTES, Oid, blob_oid
from mvcs.objects.record import Record

HEADER = struct.Struct("<BBBBI8s32s")
HEADER_BYTES = 48
assert HEADER.size == HEADER_BYTES

RECORD_VERSION = 1
CODEC_AT = 1
"""Offset of the codec in a record."""
RECIPE_HEAD = struct.Struct("<BBHI")
"""Version, bytes of the splitter's name, zero, number of chunks; then the name, the lengths (u32), the oids."""
CHECKSUM = 8
"""Bytes of BLAKE3 over a recipe list at its end: a range is read by the list alone, without the whole blob."""
NO_BASIS = bytes(OID_BYTES)
NO_MODES = bytes(8)

# Codecs (spec 6.3).
RAW = 0
ZSTD = 1
PLANES = 2
DIFFERENCE = 3
ZERO = 4
GAP = 5
CODEC_NAMES = {RAW: "raw", ZSTD: "zstd", PLANES: "planes", DIFFERENCE: "difference", ZERO: "zero", GAP: "gap"}
BASED = frozenset((DIFFERENCE, ZERO, GAP))
"""Codecs whose payload is read beside the raw bytes of other chunks."""
WIDTHS = frozenset((1, 2, 4, 8))
MAX_DEPTH = 4
"""Records that may have to be read one after another before a chunk is decoded."""
MAX_BASES = 4
"""Chunks that the dictionary of a gap record may be made of."""

MAX_CHUNK = 8 << 20
"""Raw bytes that any chunk may have; a record that claims more is refused before anything is allocated."""

# The objects table: kind code, codec, then for zstd the raw length in four bytes, then the payload.
KIND_CODES = {"blob": 0, "tree": 1, "commit": 2, "tag": 3, "attestation": 4, "operation": 5, "notes": 6}
KIND_NAMES = {code: kind for kind, code in KIND_CODES.items()}


class Header(Record):
    """The header of a chunk record.

    Args:
        codec: How the payload gives the raw bytes.
        raw_length: Bytes of the chunk.
        width: Bytes of an element where the codec works on elements, else 0.
        depth: Records below this one in the chain of bases, 0 without a basis.
        modes: Eight bytes; of planes one for each, of a gap record the number of its bases.
        basis: Oid of the first basis, zeros without one.
    """

    __slots__ = ("basis", "codec", "depth", "modes", "raw_length", "width")

    def __init__(
        self, codec: int, raw_length: int, width: int = 0, depth: int = 0, modes: bytes = NO_MODES,
        basis: bytes = NO_BASIS,
    ) -> None:
        self.codec = codec
        self.raw_length = raw_length
        self.width = width
        self.depth = depth
        self.modes = modes
        self.basis = basis

    def encode(self) -> bytes:
        """Returns the first 48 bytes of a record."""
        return HEADER.pack(
            RECORD_VERSION, self.codec, self.width, self.depth, self.raw_length, self.modes, self.basis
        )


def make_record(header: Header, *payload: bytes | memoryview) -> bytes:
    """Returns a chunk record."""
    return b"".join((header.encode(), *payload))


def read_header(record: memoryview, oid: Oid) -> Header:
    """Returns the header of a chunk record.

    Raises:
        InvalidObject: If it is not legal.
        UnknownFeature: If a newer mvcs wrote it.
    """
    if len(record) < HEADER_BYTES:
        raise InvalidObject(kind="chunk record", reason=f"{oid.hex()}: {len(record)} bytes")
    version, codec, width, depth, raw_length, modes, basis = HEADER.unpack_from(record)
    if version != RECORD_VERSION:
        raise UnknownFeature(features=(f"chunk-record-{version}",))
    if codec not in CODEC_NAMES:
        raise UnknownFeature(features=(f"codec-{codec}",))
    elements = codec in {PLANES, DIFFERENCE, ZERO}
    legal = (
        raw_length <= MAX_CHUNK
        and (width in WIDTHS if elements else not width)
        and (1 <= depth <= MAX_DEPTH and basis not in {NO_BASIS, oid} if codec in BASED else not depth)
        and (codec in BASED or basis == NO_BASIS)
        and (elements or not any(modes[codec == GAP :]))
        and (codec != GAP or 1 <= modes[0] <= MAX_BASES)
        and not any(modes[width:] if elements else b"")
    )
    if not legal:
        raise InvalidObject(kind="chunk record", reason=f"{oid.hex()}: codec {codec}, {raw_length} bytes")
    return Header(codec, raw_length, width, depth, modes, basis)


def read_bases(record: memoryview, header: Header, oid: Oid) -> tuple[list[Oid], memoryview]:
    """Returns the oids of what a record is based on, and its payload.

    Raises:
        InvalidObject: If the record ends before it has named them.
    """
    payload = record[HEADER_BYTES:]
    if header.codec not in BASED:
        return [], payload
    bases = [Oid(header.basis)]
    if header.codec == GAP:
        more = (header.modes[0] - 1) * OID_BYTES
        if len(payload) < more:
            raise InvalidObject(kind="chunk record", reason=f"{oid.hex()}: its bases are cut short")
        bases += [Oid(bytes(payload[at : at + OID_BYTES])) for at in range(0, more, OID_BYTES)]
        payload = payload[more:]
    return bases, payload


class RecipeList(Record):
    """How a blob is cut.

    Args:
        splitter: Name and version, such as fastcdc@1.
        lengths: Raw bytes of each chunk, in order.
        oids: Chunk oids, 32 bytes each, joined.
    """

    __slots__ = ("lengths", "oids", "splitter")

    def __init__(self, splitter: str, lengths: array[int], oids: bytes) -> None:
        self.splitter = splitter
        self.lengths = lengths
        self.oids = oids

    @property
    def size(self) -> int:
        """Bytes of the blob."""
        return sum(self.lengths)

    def chunk(self, index: int) -> Oid:
        """Returns the oid of one chunk."""
        return Oid(self.oids[index * OID_BYTES : (index + 1) * OID_BYTES])

    def chunks(self) -> list[Oid]:
        """Returns the oids of all chunks in order."""
        return [self.chunk(index) for index in range(len(self.lengths))]

    def encode(self) -> bytes:
        """Returns the bytes of the recipes table."""
        name = self.splitter.encode()
        head = RECIPE_HEAD.pack(RECORD_VERSION, len(name), 0, len(self.lengths))
        body = head + name + _little(self.lengths) + self.oids
        return body + blob_oid(body)[:CHECKSUM]

    @classmethod
    def decode(cls, value: bytes) -> RecipeList:
        """Reads a value of the recipes table.

        Raises:
            InvalidObject: If it is not legal.
            UnknownFeature: If a newer mvcs wrote it.
        """
        if len(value) < RECIPE_HEAD.size:
            raise InvalidObject(kind="recipe list", reason=f"{len(value)} bytes")
        version, named, zero, count = RECIPE_HEAD.unpack_from(value)
        if version != RECORD_VERSION:
            raise UnknownFeature(features=(f"recipe-list-{version}",))
        start = RECIPE_HEAD.size + named
        end = start + count * (4 + OID_BYTES)
        if zero or not count or len(value) != end + CHECKSUM:
            raise InvalidObject(kind="recipe list", reason=f"{len(value)} bytes for {count} chunks")
        if blob_oid(value[:end])[:CHECKSUM] != value[end:]:
            raise InvalidObject(kind="recipe list", reason="its checksum is another")
        lengths = array("I")
        lengths.frombytes(value[start : start + 4 * count])
        if sys.byteorder == "big":
            lengths.byteswap()
        if min(lengths) == 0 or max(lengths) > MAX_CHUNK:
            raise InvalidObject(kind="recipe list", reason="a chunk of an illegal length")
        try:
            splitter = value[RECIPE_HEAD.size : start].decode()
        except UnicodeDecodeError as error:
            raise InvalidObject(kind="recipe list", reason="a splitter without a legal name") from error
        return cls(splitter, lengths, value[start + 4 * count : end])


def _little(lengths: array[int]) -> bytes:
    if sys.byteorder == "big":
        lengths = array("I", lengths)
        lengths.byteswap()
    return lengths.tobytes()
