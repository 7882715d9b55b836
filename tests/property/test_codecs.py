"""Whatever the bytes, they come back; whatever the payload, nothing but a legal answer or a refusal."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.store.codecs import planes, words
from mvcs.store.codecs.gap import gap_decode, gap_encode
from mvcs.store.codecs.probe import guess_width
from mvcs.store.codecs.tensor import decode, encode
from mvcs.store.compress import Dictionary
from mvcs.store.records import DIFFERENCE, PLANES, ZERO

WIDTHS = st.sampled_from(words.WIDTHS)
LENGTHS = st.integers(0, 6000) | st.sampled_from([255, 256, 257, 40_001])


@st.composite
def tensors(draw, size=LENGTHS):
    """Bytes as tensors have them: few or many values, steps, zeros, noise; a misaligned view at times."""
    length, seed = draw(size), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    kind = draw(st.sampled_from(["noise", "normal", "few", "zeros", "counting", "bytes", "sparse"]))
    if kind == "noise":
        content = random.bytes(length)
    elif kind == "normal":
        content = random.normal(0, 0.02, length // 4 + 1).astype(draw(st.sampled_from(["<f2", "<f4", "<f8"]))).tobytes()
    elif kind == "few":
        content = random.integers(0, draw(st.integers(1, 40)), length + 1).astype("u1").tobytes()
    elif kind == "zeros":
        content = bytes(length)
    elif kind == "counting":
        content = np.arange(seed, seed + length // 2 + 1).astype("<i8").tobytes()
    elif kind == "sparse":
        content = (random.integers(0, 256, length + 1) * (random.random(length + 1) < 0.05)).astype("u1").tobytes()
    else:
        content = draw(st.binary(max_size=600)) * 3
    content = (content * 2)[:length]
    shift = draw(st.integers(0, 3))
    return memoryview(b"." * shift + content)[shift:]


@st.composite
def pairs(draw):
    """A piece, a width, and a basis: none, another one, or the same with some words changed and another length."""
    content, width = draw(tensors()), draw(WIDTHS)
    kind = draw(st.sampled_from(["none", "other", "near", "pruned"]))
    if kind == "none":
        return content, width, None
    if kind == "other":
        return content, width, draw(tensors())
    count = len(content) // width
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parent = np.frombuffer(content, f"<u{width}", count).copy()
    steps = random.integers(0, draw(st.sampled_from([2, 30, 1 << (8 * width - 1)])), count)
    parent += (steps * (random.random(count) < draw(st.sampled_from([0.01, 0.5, 1])))).astype(parent.dtype)
    if kind == "pruned":
        kept = random.random(count) < 0.7
        content = memoryview((np.frombuffer(content, f"<u{width}", count) * kept).tobytes() + bytes(content[count * width :]))
    basis = parent.tobytes()
    return content, width, (basis * 2)[: max(0, len(basis) + draw(st.sampled_from([0, 0, -7, -300, 13])))]


@settings(max_examples=300, deadline=None)
@given(pairs())
def test_a_piece_comes_back_and_is_never_larger(pair):
    content, width, basis = pair
    coded = encode(content, width, basis)
    if coded is not None:
        assert len(coded.payload) < len(content)
        assert coded.codec in ({PLANES} if basis is None else {PLANES, DIFFERENCE, ZERO})
        parent = None if coded.codec == PLANES else basis
        assert decode(coded.codec, width, coded.modes, coded.payload, len(content), parent) == content


@settings(max_examples=200, deadline=None)
@given(tensors(size=st.integers(1, 3000)), st.sampled_from([planes.RAW, planes.HUFFMAN, planes.NIBBLES, planes.ZSTD]))
def test_every_mode_holds_every_plane(content, mode):
    """Also where a writer would have chosen another one."""
    plane = np.frombuffer(content, np.uint8)
    coder = {planes.RAW: bytes, planes.HUFFMAN: planes.huffman, planes.NIBBLES: lambda _: planes._encode_nibbles(plane),
             planes.ZSTD: planes.compressed}[mode]
    coded = coder(content)
    assert bytes(planes.decode_plane(mode, memoryview(coded), len(content), "plane0")) == content


@settings(max_examples=200, deadline=None)
@given(pairs(), st.sampled_from([DIFFERENCE, ZERO]))
def test_a_difference_comes_back_where_a_writer_would_not_have_used_it(pair, codec):
    content, width, basis = pair
    count, basis = len(content) // width, basis or b""
    values = np.frombuffer(content, f"<u{width}", count)
    parent = np.frombuffer(bytes(basis)[: count * width].ljust(count * width, b"\0"), f"<u{width}")
    coded = words.difference(values, parent, "coded")
    if codec == ZERO and not words.with_zero(coded, values):
        return
    parts = [plane.tobytes() for plane in words.split(coded, "planes")]
    payload = struct.pack(f"<{width}I", *map(len, parts)) + b"".join(parts) + bytes(content[count * width :])
    assert decode(codec, width, bytes(8), payload, len(content), basis) == content


@st.composite
def damaged(draw):
    """What a decoder may meet: a header and a payload of which some is not as it was written."""
    content, width, basis = draw(pairs())
    coded = encode(content, width, basis)
    codec, modes, payload, length = (
        (coded.codec, coded.modes, coded.payload, len(content)) if coded else (PLANES, bytes(8), bytes(content), len(content))
    )
    hurt = bytearray(payload)
    for _ in range(draw(st.integers(0, 4))):
        if hurt:
            at = draw(st.integers(0, len(hurt) - 1) | st.integers(0, min(40, len(hurt) - 1)))
            hurt[at] = draw(st.integers(0, 255) | st.sampled_from([0, 1, 255]))
    if draw(st.booleans()):
        del hurt[draw(st.integers(0, len(hurt))) :]
    if draw(st.booleans()):
        hurt += draw(st.binary(max_size=40))
    if draw(st.booleans()):
        changed = bytearray(modes)
        changed[draw(st.integers(0, 7))] = draw(st.integers(0, 5) | st.integers(0, 255))
        modes = bytes(changed)
    if draw(st.booleans()):
        length = draw(st.integers(0, 10_000) | st.sampled_from([length, 8 << 20, 2**32 - 1]))
    if draw(st.booleans()):
        width = draw(st.integers(0, 9))
    if draw(st.booleans()):
        codec = draw(st.integers(0, 9))
    if draw(st.booleans()):
        basis = draw(st.none() | st.binary(max_size=50))
    return codec, width, modes, bytes(hurt), length, basis


@settings(max_examples=500, deadline=None)
@given(damaged())
def test_a_damaged_payload_gives_its_length_or_is_refused(what):
    try:
        raw = decode(*what)
    except (InvalidObject, UnknownFeature):
        return
    assert len(raw) == what[4]


@settings(max_examples=200, deadline=None)
@given(WIDTHS, st.lists(st.integers(0, 4), min_size=8, max_size=8), st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_as_a_payload(width, modes, payload, length):
    try:
        raw = decode(PLANES, width, bytes(modes[:width]).ljust(8, b"\0"), payload, length)
    except (InvalidObject, UnknownFeature):
        return
    assert len(raw) == length


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 300), st.integers(0, 40), st.integers(0, 170), st.binary(max_size=200))
def test_nibbles_that_lie(count, escapes, pairs_length, behind):
    coded = struct.pack("<II", escapes, pairs_length) + behind
    try:
        plane = planes.decode_plane(planes.NIBBLES, memoryview(coded), count, "plane0")
    except InvalidObject:
        return
    assert len(plane) == count


@settings(max_examples=150, deadline=None)
@given(tensors(), tensors(), st.integers(0, 5000), st.integers(0, 5000))
def test_a_gap_delta_comes_back(basis, other, start, length):
    for content in (other, bytes(basis)[start : start + length] + bytes(other)[:100]):
        packed = gap_encode(content, basis)
        if packed is not None:
            assert len(packed) < len(content)
            assert gap_decode(packed, basis, len(content)) == content
        packed = Dictionary(basis, coding=True).compress(content)
        assert gap_decode(packed, basis, len(content)) == content


@settings(max_examples=200, deadline=None)
@given(tensors(size=st.integers(0, 2000)), st.integers(0, 30), st.integers(0, 255), st.integers(0, 3000), st.binary(max_size=60))
def test_a_damaged_gap_delta_gives_its_length_or_is_refused(content, at, value, length, basis):
    packed = bytearray(Dictionary(bytes(content)[:1000], coding=True).compress(content))
    packed[at % len(packed)] = value
    try:
        raw = gap_decode(bytes(packed), basis, length)
    except InvalidObject:
        return
    assert len(raw) == length


@settings(max_examples=150, deadline=None)
@given(tensors())
def test_a_width_is_told_of_any_bytes(content):
    assert guess_width(content) in words.WIDTHS
