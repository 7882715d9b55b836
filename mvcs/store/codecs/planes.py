"""One plane of bytes: raw, Huffman coded, as pairs of nibbles, or zstd; chosen by a sample.

Knows: the modes and their layouts. Refuses to know: which words a plane belongs to. Implements: spec 6.3.
"""

from __future__ import annotations

import struct

import numpy as np

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.store.codecs.probe import NOISE, entropy, sampled
from mvcs.store.codecs.words import Bytes, buffer
from mvcs.store.compress import compressed, huffman, unsqueeze

RAW, HUFFMAN, NIBBLES, ZSTD = range(4)
FIRST_UNKNOWN = 4
"""Modes from here on are reserved for coders that this version does not have."""

NIBBLE_HEAD = struct.Struct("<II")
"""Number of escapes, bytes of the coded pairs."""
ESCAPE = 15

SPARSE = 0.3
"""Bits per byte below which zstd alone is as small as pairs of nibbles and quicker."""
DENSE = 3.2
"""Bits per byte above which pairs gain less than 3 % over Huffman."""
ESCAPES = 0.06
"""Share of a plane that may need escapes."""
REPEATS = 0.9
"""zstd on a sample below this share of the entropy has found repeats, which planes of weights do not have."""


def encode_plane(plane: Bytes) -> tuple[int, bytes | memoryview]:
    """Returns (mode, coded bytes) of a plane; what does not get smaller is returned as it is, with mode `RAW`."""
    mode = _choose(plane)
    coded: bytes | memoryview = plane.data
    if mode == HUFFMAN:
        coded = huffman(plane.data)
    elif mode == NIBBLES:
        coded = _encode_nibbles(plane)
    elif mode == ZSTD:
        coded = compressed(plane.data)
    return (mode, coded) if len(coded) < len(plane) else (RAW, plane.data)


def decode_plane(mode: int, coded: memoryview, count: int, name: str) -> Bytes:
    """Returns the bytes of a plane; they may lie in `coded` or in a buffer of this thread.

    Args:
        mode: How it is coded.
        coded: What `encode_plane` returned.
        count: Bytes it must give; nothing larger is allocated.
        name: Of the buffer that may be used.

    Raises:
        InvalidObject: If it does not.
        UnknownFeature: If a newer mvcs wrote it.
    """
    if mode >= FIRST_UNKNOWN:
        raise UnknownFeature(features=(f"plane-mode-{mode}",))
    if mode == NIBBLES:
        return _decode_nibbles(coded, count, name)
    if mode == RAW:
        if len(coded) != count:
            raise InvalidObject(kind="plane", reason=f"{len(coded)} raw bytes, not {count}")
        return np.frombuffer(coded, np.uint8)
    return np.frombuffer(unsqueeze(coded, count), np.uint8)


def _choose(plane: Bytes) -> int:
    sample = sampled(plane)
    bits = entropy(sample)
    if bits < SPARSE:
        return ZSTD
    half = sample[: len(sample) // 2]
    if len(compressed(half.data)) * 8 < REPEATS * bits * len(half):
        return ZSTD
    if bits > NOISE:
        return RAW
    if bits < DENSE and np.count_nonzero(sample >= ESCAPE) <= ESCAPES * len(sample):
        return NIBBLES
    return HUFFMAN


def _shorter(content: Bytes) -> bytes | memoryview:
    coded = huffman(content.data)
    return coded if len(coded) < len(content) else content.data


def _encode_nibbles(plane: Bytes) -> bytes:
    """Two values in a byte, the first in the low half; 15 and above are 15, and stand as bytes of their own behind."""
    count = len(plane)
    capped = buffer("capped", 1, count + count % 2)
    capped[-1:] = 0
    # numpy's minimum with a number, and its boolean indexing, are five times slower than this.
    places = np.flatnonzero(plane >= ESCAPE)
    escapes = plane[places]
    np.copyto(capped[:count], plane)
    capped[places] = ESCAPE
    two = capped.view("<u2")
    spare, pairs = buffer("spare", 2, len(two)), buffer("pairs", 1, len(two))
    np.right_shift(two, 4, out=spare)
    np.bitwise_or(two, spare, out=spare)
    np.copyto(pairs, spare, casting="unsafe")
    coded = _shorter(pairs)
    return b"".join((NIBBLE_HEAD.pack(len(escapes), len(coded)), coded, _shorter(escapes)))


def _decode_nibbles(coded: memoryview, count: int, name: str) -> Bytes:
    if len(coded) < NIBBLE_HEAD.size:
        raise InvalidObject(kind="plane", reason=f"nibbles of {len(coded)} bytes")
    escaped, length = NIBBLE_HEAD.unpack_from(coded)
    half = (count + 1) // 2
    behind = len(coded) - NIBBLE_HEAD.size - length
    if length > half or not 0 <= behind <= escaped:
        raise InvalidObject(kind="plane", reason=f"nibbles: {escaped} escapes, {length} and {behind} bytes")
    pairs = _stored(coded[NIBBLE_HEAD.size :][:length], half)
    two, spare = buffer(name, 2, half), buffer("spare", 2, half)
    np.copyto(two, pairs)
    np.left_shift(two, 4, out=spare)
    np.bitwise_or(two, spare, out=two)
    np.bitwise_and(two, 0x0F0F, out=two)
    plane = two.view(np.uint8)
    if count % 2 and plane[count]:
        raise InvalidObject(kind="plane", reason="nibbles: padding that is not zero")
    plane = plane[:count]
    places = np.flatnonzero(plane == ESCAPE)
    if len(places) != escaped:
        raise InvalidObject(kind="plane", reason=f"nibbles: {escaped} escapes for {len(places)} places")
    plane[places] = _stored(coded[len(coded) - behind :], escaped)
    return plane


def _stored(coded: memoryview, count: int) -> Bytes:
    """Returns bytes that are stored as they are or, if that is shorter, as a zstd frame."""
    return np.frombuffer(coded if len(coded) == count else unsqueeze(coded, count), np.uint8)
