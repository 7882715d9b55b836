"""Codecs of tensors and gaps: which form is taken for what, exact bytes back, and damage that is told."""

from __future__ import annotations

import struct
import threading
import tracemalloc

import numpy as np
import pytest
import zstandard

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.store.codecs import planes, words
from mvcs.store.codecs.gap import GapCoder, gap_decode, gap_encode
from mvcs.store.codecs.probe import NOISE, cost, entropy, guess_width, spread
from mvcs.store.codecs.tensor import Coded, decode, encode, estimate
from mvcs.store.compress import Dictionary, compressed, huffman
from mvcs.store.records import DIFFERENCE, MAX_CHUNK, NO_MODES, PLANES, ZERO

COUNT = 65_536
RANDOM = np.random.default_rng(7)
WEIGHTS = RANDOM.normal(0, 0.03, COUNT).astype("<f4")
STEP = RANDOM.normal(0, 0.03, COUNT).astype("<f4")
SMALL = np.abs(WEIGHTS) < np.quantile(np.abs(WEIGHTS), 0.3)


def bf16(values: np.ndarray) -> np.ndarray:
    return (np.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2")


def pruned(values: np.ndarray) -> np.ndarray:
    return np.where(SMALL, np.float32(0), values)


def again(coded: Coded, length: int, basis: bytes | None = None) -> bytes:
    return bytes(decode(coded.codec, coded.width, coded.modes, coded.payload, length, basis))


def share(coded: Coded, raw: bytes) -> float:
    return len(coded.payload) / len(raw)


ALONE = {
    "bf16": (bf16(WEIGHTS), 2, 0.69), "fp16": (WEIGHTS.astype("<f2"), 2, 0.88), "fp32": (WEIGHTS, 4, 0.85),
    "fp64 of fp32": (WEIGHTS.astype("<f8"), 8, 0.46), "int8": (np.round(WEIGHTS * 900).astype("i1"), 1, 0.95),
    "int64": (np.arange(COUNT, dtype="<i8"), 8, 0.01), "zeros": (np.zeros(COUNT, "<f4"), 4, 0.001),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_tensor_alone_becomes_planes(name):
    values, width, limit = ALONE[name]
    raw = values.tobytes()
    coded = encode(raw, width)
    assert (coded.codec, coded.width) == (PLANES, width)
    assert share(coded, raw) < limit
    assert again(coded, len(raw)) == raw


CHILDREN = {
    "a fine step": (bf16(WEIGHTS + 1e-3 * STEP), bf16(WEIGHTS), 2, DIFFERENCE, 0.13),
    "a coarse step": (bf16(WEIGHTS + 1e-2 * STEP), bf16(WEIGHTS), 2, DIFFERENCE, 0.32),
    "a step in fp32": (WEIGHTS + 1e-3 * STEP, WEIGHTS, 4, DIFFERENCE, 0.6),
    "a step in fp64": (WEIGHTS.astype("<f8") * (1 + 1e-9), WEIGHTS.astype("<f8"), 8, DIFFERENCE, 0.5),
    "a step in int8": (np.round((WEIGHTS + 0.01 * STEP) * 900).astype("i1"), np.round(WEIGHTS * 900).astype("i1"), 1, DIFFERENCE, 0.2),
    "the same": (bf16(WEIGHTS), bf16(WEIGHTS), 2, DIFFERENCE, 0.001),
    "pruned": (bf16(pruned(WEIGHTS)), bf16(WEIGHTS), 2, ZERO, 0.07),
    "pruned and trained": (bf16(pruned(WEIGHTS + 1e-3 * STEP)), bf16(WEIGHTS), 2, ZERO, 0.2),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_becomes_a_difference(name):
    child, parent, width, codec, limit = CHILDREN[name]
    raw, basis = child.tobytes(), parent.tobytes()
    coded = encode(raw, width, basis)
    assert coded.codec == codec
    assert share(coded, raw) < limit
    assert again(coded, len(raw), basis) == raw


@pytest.mark.parametrize("basis", [np.roll(bf16(WEIGHTS), 999).tobytes(), b"", bytes(2 * COUNT)], ids=["unrelated", "empty", "zeros"])
def test_a_basis_that_does_not_help_is_not_used(basis):
    raw = bf16(WEIGHTS).tobytes()
    assert encode(raw, 2, basis).codec == PLANES


def test_a_tensor_that_is_smaller_alone_stays_alone():
    raw = np.repeat(bf16(WEIGHTS[:64]), COUNT // 64).tobytes()
    assert encode(raw, 2, bf16(WEIGHTS).tobytes()).codec == PLANES


def test_a_difference_that_the_sample_took_for_small_is_put_right():
    """Between the runs of a sample everything is different."""
    values = bf16(WEIGHTS)
    child = np.roll(values, 1)
    for run in spread(COUNT):
        child[run] = values[run]
    raw, basis = child.tobytes(), values.tobytes()
    alone, found = encode(raw, 2), encode(raw, 2, basis)
    assert len(found.payload) <= len(alone.payload)
    assert found.codec == PLANES


@pytest.mark.parametrize("name", CHILDREN)
def test_an_estimate_is_near_what_comes_out(name):
    child, parent, width, _, _ = CHILDREN[name]
    raw, basis = child.tobytes(), parent.tobytes()
    assert estimate(raw, width, basis) == pytest.approx(share(encode(raw, width, basis), raw), rel=0.2, abs=0.01)


def test_noise_and_small_pieces_are_kept_raw(noise):
    assert encode(noise(100_000), 2) is None
    assert encode(noise(100_000), 2, noise(100_000, "other")) is None
    assert encode(bytes(100), 2) is None
    assert encode(b"", 2) is None


@pytest.mark.parametrize("basis_length", [0, 1, 2 * COUNT - 5001, 2 * COUNT + 1001])
def test_a_basis_of_another_length_is_cut_or_filled_with_zeros(basis_length):
    raw = bf16(WEIGHTS + 1e-3 * STEP).tobytes()
    basis = (bf16(WEIGHTS).tobytes() * 2)[:basis_length]
    coded = encode(raw, 2, basis)
    assert coded.codec == (DIFFERENCE if basis_length > COUNT else PLANES)
    assert again(coded, len(raw), basis) == raw


@pytest.mark.parametrize("width", words.WIDTHS)
@pytest.mark.parametrize("tail", range(8))
def test_any_length_at_any_alignment(width, tail):
    whole = b"x" * 3 + WEIGHTS[:9001].tobytes()[: 36_000 + tail]
    content, basis = memoryview(whole)[3:], memoryview(b"y" + whole[3:])[1:]
    for parent in (None, basis):
        coded = encode(content, width, parent)
        assert again(coded, len(content), parent) == content


@pytest.mark.parametrize("width", [2, 4, 8])
def test_bits_of_every_kind_of_float_survive(width):
    """NaN with payloads, both zeros, infinities, subnormal numbers, and their differences to each other."""
    top = 1 << (8 * width - 1)
    some = [0, 1, top, top - 1, top + 1, 2 * top - 1, 2 * top - 2, 0x7F, 0x80, 0xFF]
    some += [top - (1 << shift) for shift in range(8 * width - 1)]
    values = np.array(some * 40, f"<u{width}")
    raw = values.tobytes()
    for turn in (0, 1, 2, 5):
        basis = np.roll(values, turn).tobytes()
        coded = encode(raw, width, basis)
        assert again(coded, len(raw), basis) == raw
        for codec in (DIFFERENCE, ZERO):
            zigzag = words.difference(values, np.roll(values, turn), "coded").copy()
            if codec == ZERO and not words.with_zero(zigzag, values):
                continue
            modes, payload = NO_MODES, struct.pack(f"<{width}I", *[len(values)] * width) + b"".join(
                plane.tobytes() for plane in words.split(zigzag, "planes")
            )
            assert bytes(decode(codec, width, modes, payload, len(raw), basis)) == raw


def test_a_full_code_space_has_no_zero_code():
    values, basis = np.array([5, 0, 0x8000], "<u2"), np.array([5, 7, 0], "<u2")
    assert not words.with_zero(words.difference(values, basis, "coded"), values)


def test_a_piece_whose_code_space_is_full_is_a_difference():
    values = pruned(WEIGHTS)
    child = bf16(values)
    child[12_345] = bf16(WEIGHTS)[12_345] ^ 0x8000
    raw, basis = child.tobytes(), bf16(WEIGHTS).tobytes()
    coded = encode(raw, 2, basis)
    assert coded is None or coded.codec != ZERO
    assert coded is None or again(coded, len(raw), basis) == raw


def test_zigzag_is_as_specified():
    values = np.array([7, 6, 8, 5, 9], "<u2")
    assert words.difference(values, np.full(5, 7, "<u2"), "coded").tolist() == [0, 1, 2, 3, 4]


def test_planes_are_as_specified():
    turned = words.rotated(np.array([0x8001, 0x3F80], "<u2"), "coded")
    assert turned.tolist() == [0x0003, 0x7F00]
    assert [plane.tolist() for plane in words.split(turned, "planes")] == [[0x03, 0x00], [0x00, 0x7F]]


class TestPlane:
    """One plane of bytes."""

    @pytest.mark.parametrize(
        "plane, mode",
        [
            (np.frombuffer(RANDOM.bytes(COUNT), np.uint8), planes.RAW),
            ((bf16(WEIGHTS) >> 7).astype(np.uint8), planes.NIBBLES),
            (RANDOM.binomial(40, 0.5, COUNT).astype(np.uint8), planes.HUFFMAN),
            (RANDOM.geometric(0.5, COUNT).astype(np.uint8), planes.NIBBLES),
            (np.zeros(COUNT, np.uint8), planes.ZSTD),
            (np.arange(COUNT).astype(np.uint8), planes.ZSTD),
            (np.repeat(np.arange(COUNT // 256), 256).astype(np.uint8), planes.ZSTD),
        ],
        ids=["noise", "exponents", "a wide bell", "near zero", "zeros", "counting", "runs"],
    )
    def test_the_mode_is_the_one_for_its_kind(self, plane, mode):
        if mode == planes.NIBBLES and plane.max() > 100:
            mode = planes.HUFFMAN
        found, coded = planes.encode_plane(plane)
        assert found == mode
        assert bytes(planes.decode_plane(found, memoryview(coded), len(plane), "plane0")) == plane.tobytes()

    def test_pairs_of_nibbles_are_smaller_than_huffman(self):
        plane = RANDOM.geometric(0.5, COUNT).astype(np.uint8)
        assert len(planes.encode_plane(plane)[1]) < 0.95 * len(huffman(plane.data))

    @pytest.mark.parametrize("count", [1000, 1001])
    def test_nibbles_are_as_specified(self, count):
        plane = np.zeros(count, np.uint8)
        plane[:5] = (1, 2, 14, 15, 200)
        coded = planes._encode_nibbles(plane)
        escapes, length = planes.NIBBLE_HEAD.unpack_from(coded)
        assert escapes == 2
        pairs = zstandard.ZstdDecompressor().decompress(coded[8 : 8 + length])
        assert pairs == bytes((0x21, 0xFE, 0x0F)).ljust((count + 1) // 2, b"\0")
        assert coded[8 + length :] == bytes((15, 200))
        assert bytes(planes.decode_plane(planes.NIBBLES, memoryview(coded), count, "plane0")) == plane.tobytes()

    @pytest.mark.parametrize(
        "coded",
        [
            b"", bytes(7), bytes(8), struct.pack("<II", 0, 5) + bytes(4), struct.pack("<II", 0, 5) + bytes(6),
            struct.pack("<II", 1, 5) + bytes(6), struct.pack("<II", 0, 5) + b"\x0f" + bytes(4),
            struct.pack("<II", 1, 5) + b"\x0f" + bytes(4), struct.pack("<II", 2, 5) + b"\x0f" + bytes(6),
            struct.pack("<II", 11, 5) + bytes(5 + 11), struct.pack("<II", 2**32 - 1, 5) + bytes(5),
            struct.pack("<II", 0, 2**32 - 1) + bytes(5), struct.pack("<II", 0, 4) + bytes(4),
        ],
    )
    def test_nibbles_that_lie_are_refused(self, coded):
        with pytest.raises(InvalidObject):
            planes.decode_plane(planes.NIBBLES, memoryview(coded), 10, "plane0")

    def test_a_frame_of_nibbles_that_is_longer_than_its_bytes_is_refused(self):
        pairs, escape = compressed(b"\x1f"), compressed(b"\x20")
        short, long = struct.pack("<II", 1, 1) + b"\x1f\x20", struct.pack("<II", 1, 1) + b"\x1f" + escape
        assert planes.decode_plane(planes.NIBBLES, memoryview(short), 2, "plane0").tolist() == [0x20, 1]
        for coded in (long, struct.pack("<II", 1, len(pairs)) + pairs + b"\x20"):
            with pytest.raises(InvalidObject):
                planes.decode_plane(planes.NIBBLES, memoryview(coded), 2, "plane0")

    def test_padding_of_nibbles_is_zero(self):
        coded = struct.pack("<II", 0, 2) + bytes((0x21, 0x13))
        with pytest.raises(InvalidObject):
            planes.decode_plane(planes.NIBBLES, memoryview(coded), 3, "plane0")

    def test_a_mode_of_a_newer_version_is_named(self):
        with pytest.raises(UnknownFeature) as caught:
            planes.decode_plane(4, memoryview(b""), 0, "plane0")
        assert caught.value.fields["features"] == ("plane-mode-4",)

    @pytest.mark.parametrize("size", [512, 1024, 8192])
    def test_a_small_sample_of_noise_is_noise(self, size, noise):
        assert entropy(np.frombuffer(noise(size), np.uint8)) > NOISE
        assert cost([np.frombuffer(noise(size), np.uint8)]) == 1

    def test_huffman_finds_the_entropy_of_exponents(self):
        exponents = (bf16(WEIGHTS) >> 7).astype(np.uint8)
        assert len(huffman(exponents.data)) * 8 < 1.04 * COUNT * entropy(exponents)


class TestDamage:
    """Payloads and headers that do not fit together."""

    RAW = bf16(WEIGHTS[:4096]).tobytes() + b"!"
    CHILD = bf16(WEIGHTS[:4096] + 1e-3 * STEP[:4096]).tobytes() + b"?"

    def test_every_truncation_is_refused(self):
        coded = encode(self.CHILD, 2, self.RAW)
        for length in range(len(coded.payload)):
            with pytest.raises(InvalidObject):
                decode(coded.codec, 2, coded.modes, coded.payload[:length], len(self.CHILD), self.RAW)

    def test_more_bytes_are_refused(self):
        coded = encode(self.RAW, 2)
        with pytest.raises(InvalidObject):
            decode(PLANES, 2, coded.modes, coded.payload + b"\0", len(self.RAW))

    @pytest.mark.parametrize("raw_length", [0, 1, 2, 8190, 8192, 8194, MAX_CHUNK, MAX_CHUNK + 1, 2**32 - 1, -1])
    def test_another_raw_length_is_refused(self, raw_length):
        coded = encode(self.RAW, 2)
        with pytest.raises(InvalidObject):
            decode(PLANES, 2, coded.modes, coded.payload, raw_length)

    @pytest.mark.parametrize("width", [0, 1, 3, 4, 8, 255])
    def test_another_width_is_refused(self, width):
        coded = encode(self.RAW, 2)
        with pytest.raises(InvalidObject):
            decode(PLANES, width, coded.modes, coded.payload, len(self.RAW))

    def test_a_missing_basis_is_refused(self):
        coded = encode(self.CHILD, 2, self.RAW)
        with pytest.raises(InvalidObject):
            decode(coded.codec, 2, coded.modes, coded.payload, len(self.CHILD))

    @pytest.mark.parametrize("modes", [b"", bytes(7), bytes(9), b"\0\1\1" + bytes(5), b"\0\1" + bytes(5) + b"\4"])
    def test_modes_without_a_plane_are_refused(self, modes):
        with pytest.raises(InvalidObject):
            decode(PLANES, 2, modes, encode(self.RAW, 2).payload, len(self.RAW))

    @pytest.mark.parametrize("codec, modes, feature", [
        (6, NO_MODES, "codec-6"), (PLANES, b"\0\4" + bytes(6), "plane-mode-4"), (ZERO, b"\xff" + bytes(7), "plane-mode-255"),
    ])
    def test_what_a_newer_version_wrote_is_named(self, codec, modes, feature):
        with pytest.raises(UnknownFeature) as caught:
            decode(codec, 2, modes, encode(self.RAW, 2).payload, len(self.RAW), self.RAW)
        assert caught.value.fields["features"] == (feature,)

    def test_bytes_behind_a_frame_are_refused(self):
        frame = compressed(bytes(100)) + b"\0"
        payload = struct.pack("<I", len(frame)) + frame
        with pytest.raises(InvalidObject):
            decode(PLANES, 1, b"\3" + bytes(7), payload, 100)

    def test_a_piece_larger_than_any_chunk_is_refused(self):
        for length, refused in ((MAX_CHUNK, False), (MAX_CHUNK + 1, True)):
            frame = compressed(bytes(length))
            payload = struct.pack("<I", len(frame)) + frame
            if refused:
                with pytest.raises(InvalidObject):
                    decode(PLANES, 1, b"\3" + bytes(7), payload, length)
            else:
                assert decode(PLANES, 1, b"\3" + bytes(7), payload, length) == bytes(length)

    def test_a_plane_that_is_longer_coded_than_raw_is_refused(self):
        frame = compressed(b"a")
        with pytest.raises(InvalidObject):
            decode(PLANES, 1, b"\3" + bytes(7), struct.pack("<I", len(frame)) + frame, 1)

    @pytest.mark.parametrize("mode", [planes.HUFFMAN, planes.NIBBLES, planes.ZSTD])
    def test_a_bomb_is_refused_without_allocating_what_it_gives(self, mode):
        frame = compressed(bytes(64 << 20))
        if mode == planes.NIBBLES:
            frame = struct.pack("<II", 0, len(frame)) + frame
        payload = struct.pack("<I", len(frame)) + frame
        tracemalloc.start()
        try:
            with pytest.raises(InvalidObject):
                decode(PLANES, 1, bytes((mode,)) + bytes(7), payload, 1 << 20)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("width", [2, 4])
@pytest.mark.parametrize("length", range(6))
def test_a_piece_of_a_few_bytes_can_be_read(width, length):
    """This version never writes one."""
    count = length // width
    content = bytes(range(1, length + 1))
    turned = words.rotated(np.frombuffer(content, f"<u{width}", count), "coded")
    parts = [plane.tobytes() for plane in words.split(turned, "planes")]
    payload = struct.pack(f"<{width}I", *[count] * width) + b"".join(parts) + content[count * width :]
    assert bytes(decode(PLANES, width, NO_MODES, payload, length)) == content


def test_pieces_are_coded_in_many_threads_at_once():
    pairs = [(bf16(WEIGHTS * (1 + seed)).tobytes(), bf16(WEIGHTS * (1 + seed) + 1e-3 * STEP).tobytes()) for seed in range(6)]
    wrong = []

    def work(start: int) -> None:
        for turn in range(12):
            parent, child = pairs[(start + turn) % len(pairs)]
            coded, alone = encode(child, 2, parent), encode(child, 2)
            if again(coded, len(child), parent) != child or again(alone, len(child)) != child:
                wrong.append((start, turn))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_result_is_not_overwritten_by_the_next():
    first, second = bf16(WEIGHTS).tobytes(), bf16(STEP).tobytes()
    one, two = encode(first, 2), encode(second, 2)
    kept = decode(one.codec, 2, one.modes, one.payload, len(first))
    decode(two.codec, 2, two.modes, two.payload, len(second))
    assert kept == first


def test_a_piece_larger_than_the_buffers_that_are_kept():
    child, parent = np.tile(bf16(WEIGHTS + 1e-3 * STEP), 13), np.tile(bf16(WEIGHTS), 13)
    raw, basis = child.tobytes(), parent.tobytes()
    assert len(raw) > words.KEPT
    for other in (None, basis):
        assert again(encode(raw, 2, other), len(raw), other) == raw


def test_a_thread_keeps_a_few_megabytes():
    raw = np.tile(bf16(WEIGHTS + 1e-3 * STEP), 8)[: 1_048_512 // 2].tobytes()
    basis = np.tile(bf16(WEIGHTS), 8)[: 1_048_512 // 2].tobytes()
    kept = []

    def work() -> None:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(3):
            coded = encode(memoryview(b"x" + raw)[1:], 2, memoryview(b"y" + basis)[1:])
            decode(coded.codec, 2, coded.modes, coded.payload, len(raw), basis)
        del coded
        kept.append(tracemalloc.get_traced_memory()[0] - before)

    tracemalloc.start()
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        tracemalloc.stop()
    assert kept[0] < 10 << 20


@pytest.mark.parametrize("name", ["bf16", "fp16", "fp32", "int8"])
def test_the_width_is_told_from_the_bytes(name):
    values, width, _ = ALONE[name]
    assert guess_width(values.tobytes()) == width


@pytest.mark.parametrize("content", [b"", b"a", b"abc", bytes(1000)])
def test_what_has_no_width_has_the_smallest(content):
    assert guess_width(content) == 1


def test_noise_has_the_smallest_width(noise):
    assert guess_width(noise(200_000)) == 1


def rows(start: int, count: int) -> bytes:
    return b"".join(b"%d,%d,%d\n" % (row, row * 7919 % 100_003, row * row % 65_537) for row in range(start, start + count))


class TestGap:
    """Chunks beside those that stood in their place."""

    BASIS = rows(0, 8000)
    CHUNK = rows(100, 2000) + b"a new row\n" + rows(2100, 2000)

    def test_a_chunk_with_a_new_row_is_nearly_nothing(self):
        packed = gap_encode(self.CHUNK, self.BASIS)
        assert len(packed) < 0.01 * len(self.CHUNK)
        assert gap_decode(packed, self.BASIS, len(self.CHUNK)) == self.CHUNK

    def test_many_scattered_rows_are_found(self):
        """What follows each inserted row stands at a new distance."""
        numbers = np.random.default_rng(8).integers(0, 1 << 32, (10_000, 2)).tolist()
        lines = [b"%d,%d,%d\n" % (row, *pair) for row, pair in enumerate(numbers)]
        basis = b"".join(lines)
        for row in range(0, 10_000, 97):
            lines[row] += b"new\n"
        chunk = b"".join(lines[3000:5500])
        assert len(gap_encode(chunk, basis)) < 0.02 * len(chunk)

    def test_one_basis_serves_many_chunks(self):
        coder = GapCoder(self.BASIS)
        for start in (0, 500, 3000):
            chunk = rows(start, 1000) + b"a new row\n"
            packed = coder.encode(chunk)
            assert gap_decode(packed, self.BASIS, len(chunk)) == chunk
            assert packed == gap_encode(chunk, self.BASIS)

    def test_what_is_not_clearly_smaller_is_refused(self, noise):
        unrelated = b"".join(b"%s;%s\n" % (noise(3, str(row)).hex().encode(), b"x" * (row % 7)) for row in range(4000))
        assert gap_encode(unrelated, self.BASIS) is None
        assert gap_encode(noise(50_000), self.BASIS) is None
        assert gap_encode(self.CHUNK, b"") is None

    def test_the_plain_form_may_be_known(self):
        half = self.BASIS[:20_000] + b"".join(b"%x\n" % (row * 7_654_321) for row in range(3000))
        packed = gap_encode(half, self.BASIS)
        assert packed is not None
        assert gap_encode(half, self.BASIS, plain=int(1.3 * len(packed))) is None
        assert gap_encode(half, self.BASIS, plain=2 * len(packed)) == packed

    def test_damage_is_told(self):
        packed = gap_encode(self.CHUNK, self.BASIS)
        for length in range(len(packed)):
            with pytest.raises(InvalidObject):
                gap_decode(packed[:length], self.BASIS, len(self.CHUNK))
        for other in (0, len(self.CHUNK) - 1, MAX_CHUNK):
            with pytest.raises(InvalidObject):
                gap_decode(packed, self.BASIS, other)
        with pytest.raises(InvalidObject):
            gap_decode(packed + b"\0", self.BASIS, len(self.CHUNK))
        with pytest.raises(InvalidObject):
            gap_decode(packed, b"", len(self.CHUNK))

    def test_a_bomb_is_refused_without_allocating_what_it_gives(self):
        frame = Dictionary(self.BASIS, coding=True).compress(bytes(64 << 20))
        tracemalloc.start()
        try:
            with pytest.raises(InvalidObject):
                gap_decode(frame, self.BASIS, 1000)
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()
