"""Chunks by oid: found, decoded with what they are based on, verified.

Knows: the directory, segments that gc drops and records that repack changes while somebody reads. Refuses to know:
blobs. Implements: spec 6.2, 7.4, 12.2.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, ObjectCorrupt, ObjectMissing, StoreCorrupt
from mvcs.objects.hashing import Oid, blob_oid
from mvcs.store.base import CHUNKS
from mvcs.store.codecs.loading import tensor_codecs
from mvcs.store.records import (
    BASED,
    CODEC_AT,
    GAP,
    HEADER_BYTES,
    MAX_CHUNK,
    MAX_DEPTH,
    RAW,
    ZSTD,
    Header,
    read_bases,
    read_header,
)
from mvcs.store.segments import PLACE, TABLE

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from mvcs.store.environment import Environment
    from mvcs.store.segments import Segments

REMEMBERED = 8 << 20
"""Bytes of decoded bases that are kept: neighbours in a file are often based on the same chunks."""
TRIES = 3
"""Times that a chain of bases is followed anew when repack has changed it meanwhile."""

Content = bytes | memoryview


class _Moved(Exception):
    """A chain of bases that does not go down: its records are of different times."""


class ChunkReader:
    """Reads the chunks of one store; any number of threads may.

    Args:
        meta: Environment with the chunk directory.
        segments: Where the records lie.
    """

    def __init__(self, meta: Environment, segments: Segments) -> None:
        self._meta = meta
        self._segments = segments
        self._bases: OrderedDict[Oid, Content] = OrderedDict()
        self._remembered = 0
        self._guard = threading.Lock()

    def read(self, oid: Oid) -> bytes:
        """Returns one verified chunk.

        Raises:
            ObjectMissing: If it, or a chunk that it is based on, is not here.
            ObjectCorrupt: If its record does not give it.
        """
        return bytes(next(self.pieces([oid])))

    def pieces(self, oids: Sequence[Oid]) -> Iterator[Content]:
        """Yields verified chunks in order; a view is valid until the next one is asked for."""
        for oid, record, number in self._records(oids):
            yield self._verified(oid, record, number)

    def flat(self, oids: Sequence[Oid], depth: int) -> Iterator[tuple[Oid, Header, Content]]:
        """Yields (oid, header, content) of verified chunks whose records are not as deep as `depth`.

        A view is valid until the next one is asked for.
        """
        for oid, record, number in self._records(oids):
            if record is not None and (header := read_header(record, oid)).depth < depth:
                yield oid, header, self._verified(oid, record, number)

    def without_bases(self, oid: Oid, record: bytes) -> bytes:
        """Returns a record of the same chunk that needs no other chunk."""
        view = memoryview(record)
        if read_header(view, oid).codec not in BASED:
            return record
        from mvcs.store.compress import chunk_record

        return chunk_record(self._decoded(oid, view, MAX_DEPTH + 1))

    def contents(self, oids: Sequence[Oid], lengths: Sequence[int], *, verify: bool = True) -> list[Content]:
        """Returns chunks in order, all of them at once.

        Args:
            oids: The chunks.
            lengths: How long each is.
            verify: Whether each is compared with its oid; else the caller verifies what they are together.

        Raises:
            InvalidObject: If one has not the length that is expected; no more than that one is decoded then.
        """
        found: list[Content] = []
        for (oid, record, number), length in zip(self._records(oids), lengths, strict=True):
            content = self._verified(oid, record, number, verify=verify)
            if len(content) != length:
                raise InvalidObject(kind="recipe list", reason=f"chunk {oid.hex()}: {len(content)} bytes, not {length}")
            found.append(_kept(content, record))
        return found

    def records(self, oids: Sequence[Oid], verify: Container[Oid]) -> Iterator[tuple[Oid, bytes]]:
        """Yields (oid, record) of chunks as they are stored.

        Args:
            oids: The chunks.
            verify: Those that are decoded and verified on the way.
        """
        for oid, record, number in self._records(oids):
            if record is None:
                raise ObjectMissing(oid=oid.hex(), kind="chunk")
            if oid in verify:
                self._verified(oid, record, number)
            yield oid, bytes(record)

    def chain(self, oid: Oid) -> list[tuple[Oid, Header]]:
        """Returns a chunk, its first basis, that one's, and so on, with their headers.

        The caller holds the lock, so that nobody changes the chain meanwhile.

        Raises:
            ObjectMissing: If one of them is not here.
            ObjectCorrupt: If one is damaged.
        """
        found: list[tuple[Oid, Header]] = []
        wanted = [oid]
        while wanted and len(found) <= MAX_DEPTH:
            rows = list(self.headers(wanted[:1]))
            if not rows:
                raise ObjectMissing(oid=wanted[0].hex(), kind="chunk")
            name, header, wanted = rows[0]
            found.append((name, header))
        if wanted:
            raise ObjectCorrupt(oid=oid.hex(), kind="chunk", where="its chain of bases")
        return found

    def share(self, oid: Oid) -> float:
        """Returns the share of its raw bytes that a chunk is stored in."""
        for (_, header, _), place in zip(self.headers([oid]), self._places([oid]), strict=False):
            if place is not None:
                stored: int = PLACE.unpack(place)[1]
                return (stored - HEADER_BYTES) / max(1, header.raw_length)
        return 1.0

    def headers(
        self, oids: Iterable[Oid], *, tolerant: bool = False
    ) -> Iterator[tuple[Oid, Header, list[Oid]]]:
        """Yields (oid, header, bases) of those chunks that are here, without decoding them.

        Args:
            oids: The chunks.
            tolerant: Leave out those whose records have no legal header.

        Raises:
            ObjectCorrupt: If a record has no legal header.
        """
        with self._meta.read() as transaction:
            here = [oid for oid in oids if transaction.view(CHUNKS, oid) is not None]
        for oid, record, number in self._records(here):
            if record is None:
                continue
            try:
                header = read_header(record, oid)
                bases = read_bases(record, header, oid)[0]
            except InvalidObject as error:
                if tolerant:
                    continue
                raise ObjectCorrupt(oid=oid.hex(), kind="chunk", where=_shown(number)) from error
            yield oid, header, bases

    # Finding records

    def _records(self, oids: Sequence[Oid]) -> Iterator[tuple[Oid, memoryview | None, int]]:
        """Yields (oid, record, segment); a record is valid until the next one is asked for."""
        places = self._places(oids)
        start = 0
        while start < len(oids):
            first = places[start]
            if first is None:
                raise ObjectMissing(oid=oids[start].hex(), kind="chunk")
            number, end = PLACE.unpack(first)[0], start
            while end < len(oids) and (place := places[end]) is not None and PLACE.unpack(place)[0] == number:
                end += 1
            if not self._segments.exists(number):
                # gc may have moved it since the directory was read: look again once before calling that a loss.
                places = self._places(oids)
                place = places[start]
                if place is None or PLACE.unpack(place)[0] == number:
                    raise ObjectMissing(oid=oids[start].hex(), kind="chunk")
                continue
            with ExitStack() as stack:
                try:
                    segment = stack.enter_context(self._segments.environment(number).read())
                except StoreCorrupt:
                    if self._segments.exists(number):
                        raise
                    continue  # gone since it was looked for
                for oid in oids[start:end]:
                    yield oid, segment.view(TABLE, oid), number
            start = end

    def _places(self, oids: Sequence[Oid]) -> list[bytes | None]:
        with self._meta.read() as transaction:
            return [transaction.get(CHUNKS, oid) for oid in oids]

    # Decoding

    def _verified(self, oid: Oid, record: memoryview | None, number: int, *, verify: bool = True) -> Content:
        if record is None:
            raise ObjectMissing(oid=oid.hex(), kind="chunk")
        try:
            try:
                return self._decoded(oid, record, MAX_DEPTH + 1, verify=verify)
            except _Moved:
                return self._again(oid)
        except InvalidObject as error:
            raise ObjectCorrupt(oid=oid.hex(), kind="chunk", where=_shown(number)) from error

    def _again(self, oid: Oid) -> bytes:
        for _ in range(TRIES):
            try:
                for _, record, _ in self._records([oid]):
                    if record is not None:
                        return bytes(self._decoded(oid, record, MAX_DEPTH + 1))
            except _Moved:
                continue
        raise InvalidObject(kind="chunk record", reason=f"{oid.hex()}: its chain of bases does not end")

    def _decoded(self, oid: Oid, record: memoryview, below: int, *, verify: bool = True) -> Content:
        """Returns the raw bytes of a record whose chain is shorter than `below`; bases are verified always."""
        header = read_header(record, oid)
        if header.depth >= below:
            raise _Moved
        names, payload = read_bases(record, header, oid)
        bases: list[Content] = []
        for name in names:
            bases.append(self._basis(name, header.depth))
            if sum(map(len, bases)) > MAX_CHUNK:
                raise InvalidObject(kind="chunk record", reason=f"{oid.hex()}: its bases are too large")
        content = decode_payload(header, payload, bases)
        if len(content) != header.raw_length or (verify and blob_oid(content) != oid):
            raise InvalidObject(kind="chunk record", reason=f"{oid.hex()}: its bytes are others")
        return content

    def basis(self, oid: Oid) -> Content:
        """Returns one verified chunk as `read` does, and remembers it: its neighbours may be based on it too.

        Raises:
            ObjectMissing: If it, or a chunk that it is based on, is not here.
            ObjectCorrupt: If its record does not give it.
        """
        try:
            return self._basis(oid, MAX_DEPTH + 1)
        except (_Moved, InvalidObject):
            return self.read(oid)  # says what is wrong, or finds it right by now

    def _basis(self, oid: Oid, below: int) -> Content:
        with self._guard:
            found = self._bases.get(oid)
            if found is not None:
                self._bases.move_to_end(oid)
                return found
        for _, record, _ in self._records([oid]):
            if record is None:
                break
            content = _kept(self._decoded(oid, record, below), record)
            self._remember(oid, content)
            return content
        raise ObjectMissing(oid=oid.hex(), kind="chunk")

    def forget(self) -> None:
        """Drops what is remembered of bases: what is read next comes from the disk."""
        with self._guard:
            self._bases.clear()
            self._remembered = 0

    def _remember(self, oid: Oid, content: Content) -> None:
        with self._guard:
            if oid not in self._bases:
                self._bases[oid] = content
                self._remembered += len(content)
            while self._remembered > REMEMBERED:
                self._remembered -= len(self._bases.popitem(last=False)[1])


def decode_payload(header: Header, payload: memoryview, bases: Sequence[Content]) -> Content:
    """Returns what a payload gives; its length and hash are the caller's to check.

    Raises:
        InvalidObject: If it is not legal.
        UnknownFeature: If a newer mvcs wrote it.
    """
    if header.codec == RAW:
        return payload
    if header.codec == ZSTD:
        from mvcs.store.compress import unsqueeze

        return unsqueeze(payload, header.raw_length)
    if header.codec == GAP:
        from mvcs.store.codecs.gap import gap_decode

        return gap_decode(payload, b"".join(bases), header.raw_length)
    basis = bases[0] if header.codec in BASED else None
    content: memoryview = tensor_codecs().decode(
        header.codec, header.width, header.modes, payload, header.raw_length, basis
    )
    return content


def _kept(content: Content, record: memoryview | None) -> Content:
    """Returns a decoded chunk as it can be kept; a raw one lies in LMDB's pages, which are others soon."""
    return bytes(content) if record is not None and record[CODEC_AT] == RAW else content


def _shown(number: int) -> str:
    return f"chunks/{number:04d}"
