"""The form of a new chunk: which codec, based on what.

The choice is by samples and by what comes out, never by lineage alone: what does not get smaller is stored as it is.
Knows: when a basis pays and how long chains may be. Refuses to know: where a basis is looked for (`bases`), how a
codec works (`codecs`). Implements: spec 6.3 (what a writer should do).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import MvcsError
from mvcs.objects.hashing import OID_BYTES
from mvcs.store.codecs.loading import tensor_codecs
from mvcs.store.records import BASED, GAP, MAX_BASES, MAX_DEPTH, NO_MODES, RAW, Header, make_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.objects.hashing import Oid
    from mvcs.store.chunk_reader import ChunkReader
    from mvcs.store.codecs.gap import GapCoder

LONGER_PAYS = 0.9
"""A chain gets longer only where that is estimated smaller than this share of a difference to its first chunk."""
GAP_DEPTH = 2
"""Depth of gap records at most: each is read with up to four others."""
LEAST_GAP = 1 << 10
"""Bytes; a smaller chunk gains nothing that is worth another one to read."""
MOST_BESIDE = 1 << 20
"""Bytes of the bases of a gap record together; cutting by content makes less."""
PROBE = 24
"""Bytes that are looked for in the bases before a gap is coded."""
PROBES = 3
"""Places of a chunk from which they are taken."""
FOUND = 2
"""Of these, how many must be found: formats have some bytes in common everywhere."""
PATIENCE = 4
"""Chunks in a row whose bases are looked at in vain before only those of every fourth one are."""
EACH = 4
NEARLY = 1 << 10
"""Bytes by which the parts of a chunk may stand nearer or farther from each other in its bases."""

Content = bytes | memoryview


def tensor_record(chunks: ChunkReader, oid: Oid, content: Content, width: int, basis: Oid | None) -> bytes:
    """Returns the record of a piece of a tensor.

    Args:
        chunks: Gives the basis.
        oid: The piece's.
        content: Its raw bytes.
        width: Bytes of an element, 0 if that is to be guessed.
        basis: A chunk that it may resemble.
    """
    codecs = tensor_codecs()
    if not width:
        from mvcs.store.codecs.probe import guess_width

        width = guess_width(content)
    chosen, beside, depth = _chosen(chunks, oid, content, width, basis)
    coded = codecs.encode(content, width, beside)
    if coded is None:
        return make_record(Header(RAW, len(content)), content)
    if chosen is None or coded.codec not in BASED:
        return make_record(Header(coded.codec, len(content), width, 0, coded.modes), coded.payload)
    return make_record(Header(coded.codec, len(content), width, depth + 1, coded.modes, chosen), coded.payload)


def _chosen(
    chunks: ChunkReader, oid: Oid, content: Content, width: int, basis: Oid | None
) -> tuple[Oid | None, Content | None, int]:
    """Returns (oid, raw bytes, depth) of the basis to try: the chunk given, or the first one of its chain."""
    if basis is None or basis == oid:
        return None, None, 0
    try:
        chain = chunks.chain(basis)
        (_, header), (first, _) = chain[0], chain[-1]
        if not header.depth:
            return basis, chunks.basis(basis), 0
        beside = chunks.basis(first)
        estimate = tensor_codecs().estimate
        share = estimate(content, width, beside)
        # What moves away from the first chunk step by step is by now farther from it than the last step was.
        if header.depth < MAX_DEPTH and share > chunks.share(basis):
            near = chunks.basis(basis)
            if estimate(content, width, near) < LONGER_PAYS * share:
                return basis, near, header.depth
    except MvcsError:  # damaged: fsck names it, and without a basis nothing is lost
        return None, None, 0
    return first, beside, 0


class GapEncoder:
    """Codes chunks beside those that stood in their place; one thread's, for chunks in a row.

    Args:
        chunks: Gives the bases.
    """

    def __init__(self, chunks: ChunkReader) -> None:
        self._chunks = chunks
        self._held: dict[Oid, tuple[int, bytes]] = {}
        self._depth = 0
        self._beside = b""
        self._coder: GapCoder | None = None
        self._vain = 0

    def record(self, oid: Oid, content: Content, window: Sequence[Oid]) -> bytes | None:
        """Returns the record of a chunk, None where a basis does not pay.

        Args:
            oid: The chunk's.
            content: Its raw bytes.
            window: The chunks that stood there, in order.
        """
        if len(content) < LEAST_GAP or oid in window or oid in self._held:
            return None
        # Loading bases takes longer than coding a chunk beside them: those of the chunk before may have this one too.
        if self._coder is None or not _stands_in(content, self._beside):
            self._vain += 1
            if self._vain > PATIENCE and self._vain % EACH:
                return None
            self._look(window)
            if not self._held or not _shares(content, self._beside):
                return None
            self._vain = 0
            from mvcs.store.codecs.gap import GapCoder

            self._coder = GapCoder(self._beside)
        packed = self._coder.encode(content)
        bases = list(self._held)
        if packed is None or len(packed) + OID_BYTES * (len(bases) - 1) >= len(content):
            return None
        modes = bytes((len(bases), *NO_MODES[1:]))
        return make_record(Header(GAP, len(content), 0, self._depth, modes, bases[0]), *bases[1:], packed)

    def _look(self, window: Sequence[Oid]) -> None:
        """Takes those chunks of a window that can be bases; what it shares with the last one is not read again."""
        before, self._held, self._coder = self._held, {}, None
        try:
            fresh = self._chunks.flat([oid for oid in window if oid not in before], GAP_DEPTH)
            read = {name: (header.depth + 1, bytes(content)) for name, header, content in fresh}
        except MvcsError:  # damaged: fsck names it
            read = {}
        found = {**before, **read}
        for name in window:
            if name not in found or len(self._held) == MAX_BASES:
                continue
            self._held[name] = found[name]
            if sum(len(content) for _, content in self._held.values()) > MOST_BESIDE:
                del self._held[name]
                break
        self._depth = max((depth for depth, _ in self._held.values()), default=0)
        self._beside = b"".join(content for _, content in self._held.values())


def _stands_in(content: Content, beside: bytes) -> bool:
    """Whether a chunk stands in its bases nearly as it is: its first bytes, and at their distance middle and last."""
    start = beside.find(content[:PROBE])
    ends = len(content) - PROBE
    return start >= 0 and all(
        beside.find(content[at : at + PROBE], max(0, start + at - NEARLY), start + at + PROBE + NEARLY) >= 0
        for at in (ends // 2, ends)
    )


def _shares(content: Content, beside: bytes) -> bool:
    """Whether most of what is taken from a few places of a chunk stands somewhere in its bases."""
    step = (len(content) - PROBE) // (PROBES + 1)
    found = missed = 0
    for at in range(step, step * PROBES + 1, step):
        if beside.find(content[at : at + PROBE]) >= 0:
            found += 1
        else:
            missed += 1
        if found == FOUND or missed > PROBES - FOUND:
            break
    return found == FOUND
