"""Pieces of tensors: the planes of their words, or of the difference to another piece's words.

Knows: how the forms are estimated, coded and put together. Refuses to know: records, where a basis comes from, how deep
chains are. Implements: spec 6.3.
"""

from __future__ import annotations

import struct

import numpy as np

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.record import Record
from mvcs.store.codecs import words as w
from mvcs.store.codecs.planes import FIRST_UNKNOWN, decode_plane, encode_plane
from mvcs.store.codecs.probe import cost, sampled
from mvcs.store.records import DIFFERENCE, MAX_CHUNK, NO_MODES, PLANES, ZERO

LEAST = 256
"""Bytes; smaller pieces are kept raw."""
SELF_WORTH = 0.96
"""A piece is stored coded if it is smaller than this share of its raw size."""
DIFFERENCE_WORTH = 0.9
"""A difference, which needs another piece, is tried if it is estimated below this share of the piece alone."""
ZEROED = 0.01
"""Share of a sample in which a word became zero from which the zero code is tried."""


class Coded(Record):
    """A piece in the smallest form that was found.

    Args:
        codec: `PLANES`, `DIFFERENCE` or `ZERO`; the last two need the basis to be read.
        width: Bytes of an element.
        modes: One mode per plane, eight bytes.
        payload: Goes behind the record's header.
    """

    __slots__ = ("codec", "modes", "payload", "width")

    def __init__(self, codec: int, width: int, modes: bytes, payload: bytes) -> None:
        self.codec = codec
        self.width = width
        self.modes = modes
        self.payload = payload


def encode(content: bytes | memoryview, width: int, basis: bytes | memoryview | None = None) -> Coded | None:
    """Returns the smallest form of a piece of a tensor, or None where it is to be kept raw.

    Args:
        content: Raw bytes, at any alignment; those behind the last whole word are kept as they are.
        width: Bytes of an element: 1, 2, 4 or 8.
        basis: Raw bytes of a piece that may be alike, of any length: what lies beyond `content` is not used, what is
            missing counts as zero. It is used only if a sample says that it pays.
    """
    if width not in w.WIDTHS:
        raise ValueError(width)
    content = memoryview(content).cast("B")
    length = len(content)
    if length < LEAST:
        return None
    words = w.words_of(content, width, "words")
    other = None if basis is None else _basis_words(basis, width, words.size)
    alone, codec = _estimate(words, other)
    found = None
    if codec != PLANES and other is not None:
        found = _encode_difference(codec, words, other, content)
        if len(found.payload) < DIFFERENCE_WORTH * alone * length:
            return found
    if alone < SELF_WORTH:
        plain = _put_together(PLANES, w.rotated(words, "coded"), content)
        if found is None or len(found.payload) >= DIFFERENCE_WORTH * len(plain.payload):
            found = plain
    return found if found is not None and len(found.payload) < SELF_WORTH * length else None


def decode(
    codec: int, width: int, modes: bytes, payload: bytes | memoryview, raw_length: int,
    basis: bytes | memoryview | None = None,
) -> memoryview:
    """Returns the raw bytes of a piece; the caller checks their hash.

    Args:
        codec: `PLANES`, `DIFFERENCE` or `ZERO`.
        width: Bytes of an element.
        modes: One mode per plane, eight bytes.
        payload: What `encode` gave.
        raw_length: Bytes it must give; buffers are never larger.
        basis: Raw bytes of the basis; needed by `DIFFERENCE` and `ZERO` only.

    Raises:
        InvalidObject: If the parts do not fit together.
        UnknownFeature: If a newer mvcs wrote it.
    """
    coded, tail, count = _parts(codec, width, modes, memoryview(payload).cast("B"), raw_length, basis is not None)
    planes = [decode_plane(modes[index], part, count, f"plane{index}") for index, part in enumerate(coded)]
    raw = np.empty(raw_length, np.uint8)
    words = raw[: count * width].view(f"<u{width}")
    w.join(planes, words)
    if codec == PLANES:
        w.unrotate(words)
    elif basis is not None:
        undo = w.undo_difference if codec == DIFFERENCE else w.undo_with_zero
        undo(words, _basis_words(basis, width, count))
    raw[count * width :] = np.frombuffer(tail, np.uint8)
    return raw.data


def estimate(content: bytes | memoryview, width: int, basis: bytes | memoryview) -> float:
    """Returns the share of its raw size that a piece would have beside a basis, told from a sample; at most 1."""
    content = memoryview(content).cast("B")
    words = w.words_of(content, width, "words")
    return _beside(sampled(words), sampled(_basis_words(basis, width, words.size)))[1]


def _parts(
    codec: int, width: int, modes: bytes, payload: memoryview, raw_length: int, has_basis: bool
) -> tuple[list[memoryview], memoryview, int]:
    """Returns (coded planes, raw tail, words) of a payload whose lengths add up."""
    if codec not in {PLANES, DIFFERENCE, ZERO}:
        raise UnknownFeature(features=(f"codec-{codec}",))
    legal = width in w.WIDTHS and len(modes) == len(NO_MODES) and not any(modes[width:])
    if not legal or not 0 <= raw_length <= MAX_CHUNK or len(payload) < 4 * width or (codec != PLANES and not has_basis):
        reason = f"codec {codec}, width {width}, {raw_length} bytes, a payload of {len(payload)}"
        raise InvalidObject(kind="tensor payload", reason=reason)
    for mode in modes[:width]:
        if mode >= FIRST_UNKNOWN:
            raise UnknownFeature(features=(f"plane-mode-{mode}",))
    lengths = struct.unpack_from(f"<{width}I", payload)
    count, tail = divmod(raw_length, width)
    if sum(lengths) + tail != len(payload) - 4 * width or max(lengths) > count:
        reason = f"planes of {lengths} bytes and a tail of {tail} in {len(payload)} bytes"
        raise InvalidObject(kind="tensor payload", reason=reason)
    parts, at = [], 4 * width
    for length in lengths:
        parts.append(payload[at : at + length])
        at += length
    return parts, payload[at:], count


def _basis_words(basis: bytes | memoryview, width: int, count: int) -> w.Words:
    """Returns as many words of a basis as asked for: cut off, or zeros behind."""
    basis = memoryview(basis).cast("B")
    if len(basis) >= count * width:
        return w.words_of(basis[: count * width], width, "basis")
    filled = w.buffer("basis", width, count)
    bytes_of = filled.view(np.uint8)
    bytes_of[: len(basis)] = np.frombuffer(basis, np.uint8)
    bytes_of[len(basis) :] = 0
    return filled


def _estimate(words: w.Words, basis: w.Words | None) -> tuple[float, int]:
    """Returns (estimated share of the piece alone, at most 1; the codec that looks best)."""
    sample = sampled(words)
    alone = cost(w.split(w.rotated(sample, "coded"), "planes"))
    alone = alone if alone < SELF_WORTH else 1.0
    if basis is None:
        return alone, PLANES
    codec, share = _beside(sample, sampled(basis))
    return alone, codec if share < DIFFERENCE_WORTH * alone else PLANES


def _beside(sample: w.Words, parent: w.Words) -> tuple[int, float]:
    """Returns (codec, estimated share) of the better difference between two samples."""
    coded = w.difference(sample, parent, "coded")
    share = cost(w.split(coded, "planes"))
    if np.count_nonzero(parent[sample == 0]) >= ZEROED * sample.size and w.with_zero(coded, sample):
        zero = cost(w.split(coded, "planes"))
        if zero < share:
            return ZERO, zero
    return DIFFERENCE, share


def _encode_difference(codec: int, words: w.Words, basis: w.Words, content: memoryview) -> Coded:
    coded = w.difference(words, basis, "coded")
    if codec == ZERO and not w.with_zero(coded, words):
        codec = DIFFERENCE
    return _put_together(codec, coded, content)


def _put_together(codec: int, words: w.Words, content: memoryview) -> Coded:
    width = words.itemsize
    coded = [encode_plane(plane) for plane in w.split(words, "planes")]
    lengths = struct.pack(f"<{width}I", *(len(part) for _, part in coded))
    modes = bytes(mode for mode, _ in coded).ljust(len(NO_MODES), b"\0")
    tail = content[words.size * width :]
    return Coded(codec, width, modes, b"".join((lengths, *(part for _, part in coded), tail)))
