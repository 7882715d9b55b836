"""Weight files that lie: each is cut by content, or has what is true of it, in little memory and without being executed."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from mvcs.store.splitters import gguf, layout, onnx, safetensors, torch_pickle, torch_zip, zip_entries
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.layout import UNKNOWN_SHAPE, Layout
from mvcs.store.splitters.onnx import external
from mvcs.store.splitters.plan import plan
from mvcs.store.splitters.source import BytesSource
from tests.unit.store import splitter_files as make

MOST = 64 << 20
"""Bytes that any of these files may make Python allocate."""
WEIGHTS = Path(__file__).parents[1] / "unit" / "store" / "weights"


class Hollow:
    """A huge file: a head, a tail, zeros between; counts what is read."""

    def __init__(self, head: bytes, size: int, tail: bytes = b"") -> None:
        self._head, self._tail = head, tail
        self.size = size
        self.read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        assert length <= MOST, "a declared length was believed"
        self.read += length
        content = bytearray(length)
        for start, part in ((0, self._head), (self.size - len(self._tail), self._tail)):
            first, last = max(start, offset), min(start + len(part), offset + length)
            if first < last:
                content[first - offset : last - offset] = part[first - start : last - start]
        return bytes(content)


def bounded(source: Hollow | BytesSource, most: int = MOST) -> Layout | None:
    """Splits and plans with a limit on memory."""
    tracemalloc.start()
    try:
        found = split(source)
        if found is not None:
            assert sum(cut.length for cut in plan(found, source.size)) == source.size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most
    return found


def refused(content: bytes) -> bool:
    return bounded(BytesSource(content)) is None


# Lies about lengths, in every format

@pytest.mark.parametrize("length", [16 << 30, 10**10, (1 << 40) - 1, safetensors.MAX_HEADER + 1])
def test_a_header_of_ten_gigabytes_is_not_read(length):
    source = Hollow(length.to_bytes(8, "little") + b'{"a":', 20 << 30)
    assert bounded(source) is None
    assert source.read < 100


@pytest.mark.parametrize("header", [
    {"a": ("F32", [2], [0, 4])}, {"a": ("F32", [1], [0, 8])}, {"a": ("F32", [2], [4, 12])}, {"a": ("F32", [2], [0, 1 << 62])},
    {"a": ("F32", [2], [8, 0])}, {"a": ("F32", [1], [0, 4]), "b": ("F32", [1], [2, 6])},
    {"a": ("F32", [1], [0, 4]), "b": ("F32", [1], [0, 4])}, {"a": ("F32", [1], [0, 4])},
    {"a": ("U8", [1], [0, 1]), "b": ("U8", [4], [4, 8])},
    {"a": ("F32", [1 << 62, 1 << 62, 0, 4], [0, 8])}, {"a": ("F32", [1] * 65 + [2], [0, 8])}, {"a" * 5000: ("F32", [2], [0, 8])},
], ids=str)
def test_safetensors_whose_lengths_lie(header):
    tensors = {name: dict(zip(("dtype", "shape", "data_offsets"), rest, strict=True)) for name, rest in header.items()}
    assert refused(make.raw_safetensors(json.dumps(tensors).encode(), bytes(8)))


GOOD = b'{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'


@pytest.mark.parametrize("header", [
    b'{"a":' + GOOD + b',"a":' + GOOD + b"}", b'{"a":' + GOOD, b'{"a":' + GOOD + b"}}", b'{"a":' + GOOD + b",}", b"{,}", b"{}x",
    b'{"a":' + GOOD.replace(b"[2]", b"[-2]") + b"}", b'{"a":' + GOOD.replace(b"[2]", b"[2.0]") + b"}",
    b'{"a":' + GOOD.replace(b"[2]", b"[2,]") + b"}", b'{"a":' + GOOD.replace(b"8", b"8" * 40) + b"}",
    b'{"a":' + GOOD.replace(b'"F32"', b"4") + b"}", b'{"a":' + GOOD.replace(b"[2]", b'"2"') + b"}",
    b'{"a":' + GOOD.replace(b"[0,8]", b"[0,8,9]") + b"}", b'{"a":' + GOOD.replace(b'"shape":[2],', b"") + b"}",
    b'{"a":' + GOOD.replace(b"{", b'{"shape":[2],') + b"}", b'{"\xff":' + GOOD + b"}", b'{"\\ud800":' + GOOD + b"}",
    b'{"\\x":' + GOOD + b"}", b'{"__metadata__":{"a":1},"a":' + GOOD + b"}", b'{"__metadata__":[],"a":' + GOOD + b"}",
    b"{" + b"[" * 100_000, b'{"a":' * 100_000, b'{"a":{"shape":' + b"[" * 100_000,
])
def test_safetensors_with_odd_headers(header):
    assert refused(make.raw_safetensors(header, bytes(8)))


@pytest.mark.parametrize("unit", [b"[],", b'"a":[],', b"\\a", b" ", b"1,", b'"', b'"":{},', b'"a":"",', b'{"dtype":', b'"\\\\":"\\\\",'])
@pytest.mark.parametrize("start", [b"{", b'{"', b'{"a":{"shape":[', b'{"__metadata__":{', b'{"a":{"dtype":"', b'{"a":'])
def test_large_headers_of_little_sense_take_little_memory(start, unit):
    length = safetensors.MAX_HEADER // 16
    content = make.raw_safetensors(start + unit * (length // len(unit)), bytes(8))
    assert bounded(BytesSource(content), MOST // 16) is None


def test_too_many_tensors_are_cut_by_content():
    def many(count: int) -> bytes:
        parts = [b'"t%d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}' % (at, at, at + 1) for at in range(count)]
        return make.raw_safetensors(b"{" + b",".join(parts) + b"}", bytes(count))

    assert not refused(many(layout.MAX_REGIONS))
    assert split(BytesSource(many(layout.MAX_REGIONS + 1))) is None


@pytest.mark.parametrize("name", sorted(path.name for path in WEIGHTS.iterdir() if path.suffix not in {".md", ".data"}))
def test_a_truncated_file_is_cut_by_content(name):
    content = (WEIGHTS / name).read_bytes()
    found = split(BytesSource(content))
    last = found.regions[-1].end if found else 0
    for end in {*range(min(len(content), 300)), *range(0, len(content), 37), len(content) - 1}:
        cut = split(BytesSource(content[:end]))
        assert cut is None or (end >= last and cut == Layout(found.splitter, found.regions, end)), end


# Archives

ARRAY = make.npy("<f4", (3,), b"abcdefghijkl")
ZIP = make.zip_of({"a.npy": ARRAY, "b.npy": ARRAY})
CENTRAL = ZIP.index(b"PK\x01\x02")
SECOND = ZIP.index(b"PK\x01\x02", CENTRAL + 1)
END = ZIP.index(b"PK\x05\x06")


def patched(at: int, form: str, value: int, content: bytes = ZIP) -> bytes:
    raw = bytearray(content)
    struct.pack_into(form, raw, at, value)
    return bytes(raw)


def test_the_archive_itself_is_good():
    assert not refused(ZIP)


@pytest.mark.parametrize(("at", "form", "value"), [
    (CENTRAL + 8, "<H", 1), (CENTRAL + 8, "<H", 0x2000), (CENTRAL + 8, "<H", 8), (6, "<H", 1), (6, "<H", 8),  # flags
    (CENTRAL + 10, "<H", 8), (8, "<H", 8), (CENTRAL + 16, "<I", 7), (14, "<I", 7),  # method, crc
    (CENTRAL + 20, "<I", 7), (CENTRAL + 24, "<I", 7), (18, "<I", 7), (22, "<I", 7), (18, "<I", 0xFFFFFFFF),  # sizes
    (CENTRAL + 28, "<H", 4), (26, "<H", 4), (28, "<H", 1), (28, "<H", 0xFFFF), (30, "<B", 0x62), (CENTRAL + 46, "<B", 0x62),  # names
    (CENTRAL + 34, "<H", 1), (CENTRAL + 42, "<I", 1), (SECOND + 42, "<I", 0), (CENTRAL + 42, "<I", 0xFFFFFFFF),  # disk, place
    (END + 4, "<H", 1), (END + 6, "<H", 1), (END + 8, "<H", 1), (END + 10, "<H", 3), (END + 12, "<I", 1), (END + 16, "<I", 1),
    (END + 8, "<I", 0x00010001), (END + 8, "<I", 0x00030003), (END + 20, "<H", 1), (END + 10, "<H", 0xFFFF), (END + 12, "<I", 0xFFFFFFFF), (END + 16, "<I", 0xFFFFFFFF),
])
def test_archives_whose_headers_do_not_agree(at, form, value):
    assert refused(patched(at, form, value))


def central(name: bytes, offset: int, length: int, crc: int, extra: bytes = b"", method: int = 0, full: int | None = None) -> bytes:
    return struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, method, 0, 0, crc, length, length if full is None else full,
                       len(name), len(extra), 0, 0, 0, 0, offset) + name + extra


def local(name: bytes, length: int, crc: int, extra: bytes = b"", method: int = 0, full: int | None = None) -> bytes:
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, method, 0, 0, crc, length, length if full is None else full, len(name), len(extra)) + name + extra


def ended(body: bytes, directory: bytes, count: int) -> bytes:
    wide = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), len(body))
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(body) + len(directory), 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), len(directory), len(body), 0)
    return body + directory + wide + locator + end


def test_entries_that_overlap_like_a_quoted_bomb():
    """Each entry's data hold the next one's header: the same bytes count many times."""
    inner = local(b"b.npy", len(ARRAY), 2) + ARRAY
    outer = local(b"a.npy", len(inner), 1) + inner
    start = len(outer) - len(inner)
    assert refused(ended(outer, central(b"a.npy", 0, len(inner), 1) + central(b"b.npy", start, len(ARRAY), 2), 2))
    apart = local(b"a.npy", len(ARRAY), 1) + ARRAY + inner
    good = ended(apart, central(b"a.npy", 0, len(ARRAY), 1) + central(b"b.npy", len(apart) - len(inner), len(ARRAY), 2), 2)
    assert [region.name for region in bounded(BytesSource(good)).regions] == ["a", "b"]


def test_two_entries_with_one_name_or_one_place():
    body = local(b"a.npy", len(ARRAY), 1) + ARRAY
    twice = central(b"a.npy", 0, len(ARRAY), 1) * 2
    assert refused(ended(body, twice, 2))
    assert refused(ended(body * 2, central(b"a.npy", 0, len(ARRAY), 1) + central(b"a.npy", len(body), len(ARRAY), 1), 2))
    assert refused(ended(body, central(b"a.npy", 0, len(ARRAY), 1) + central(b"a.npy", len(body) + 46, 0, 1), 2))


def test_encryption_that_both_headers_tell():
    assert refused(patched(6, "<H", 1, patched(CENTRAL + 8, "<H", 1)))
    assert refused(patched(6, "<H", 0x2000, patched(CENTRAL + 8, "<H", 0x2000)))
    assert not refused(patched(6, "<H", 0x800, patched(CENTRAL + 8, "<H", 0x800)))  # UTF-8 is no obstacle


def test_a_checkpoint_with_two_storages_of_one_name():
    content = make.torch_zip(ENTRY | {"u": ENTRY["t"]})
    assert [region.name for region in bounded(BytesSource(content)).regions] == ["t", "u"]
    assert refused(content.replace(b"archive/data/1", b"archive/data/0"))


def test_a_stored_member_of_two_sizes():
    for full in (len(ARRAY), len(ARRAY) + 1, 0):
        body = local(b"a.npy", len(ARRAY), 1, full=full) + ARRAY
        content = ended(body, central(b"a.npy", 0, len(ARRAY), 1, full=full), 1)
        assert refused(content) == (full != len(ARRAY))


def test_a_member_that_claims_petabytes_is_not_inflated():
    claim = struct.pack("<2HQ", 1, 8, 1 << 52)
    body = local(b"a.npy", 20, 1, struct.pack("<2H2Q", 1, 16, 1 << 52, 20), 8, 0xFFFFFFFF).replace(struct.pack("<2I", 20, 0xFFFFFFFF), struct.pack("<2I", 0xFFFFFFFF, 0xFFFFFFFF)) + bytes(20)
    second = len(body)
    body += local(b"b.npy", len(ARRAY), 2) + ARRAY
    directory = central(b"a.npy", 0, 20, 1, claim, 8, 0xFFFFFFFF) + central(b"b.npy", second, len(ARRAY), 2)
    assert [region.name for region in bounded(BytesSource(ended(body, directory, 2))).regions] == ["b"]


def test_a_stored_member_that_claims_petabytes_is_refused():
    claim = struct.pack("<2H2Q", 1, 16, 1 << 52, 1 << 52)
    body = local(b"a.npy", 0xFFFFFFFF, 1, claim) + ARRAY
    assert refused(ended(body, central(b"a.npy", 0, 0xFFFFFFFF, 1, claim), 1))
    assert refused(ended(body, central(b"a.npy", 0, 0xFFFFFFFF, 1), 1))  # no 64-bit sizes at all
    assert refused(ended(body, central(b"a.npy", 0, 0xFFFFFFFF, 1, claim[:9]), 1))


@pytest.mark.parametrize("count", [1_000_000, (1 << 63) - 1])
def test_a_directory_of_a_million_entries_is_not_walked(count):
    entry = central(b"aaaa.npy", 0, len(ARRAY), 1)
    directory = entry * min(count, 150_000)
    body = local(b"aaaa.npy", len(ARRAY), 1) + ARRAY
    content = ended(body, directory, count)
    source = Hollow(content, len(content))
    assert bounded(source) is None
    assert source.read < 100_000


def test_many_entries_take_bounded_memory():
    count = layout.MAX_REGIONS // 5
    raw = make.npy("|u1", (1,), b"x")
    name = "%08d.npy"
    each = len(local(b"%08d.npy" % 0, len(raw), 1) + raw)
    body = b"".join(local((name % index).encode(), len(raw), 1) + raw for index in range(count))
    directory = b"".join(central((name % index).encode(), index * each, len(raw), 1) for index in range(count))
    found = bounded(BytesSource(ended(body, directory, count)), MOST // 5)
    assert len(found.regions) == count


def test_a_directory_of_too_many_bytes_is_not_read():
    size = zip_entries.MAX_DIRECTORY + 1
    directory = central(b"a.npy", 0, len(ARRAY), 1)
    assert refused(ended(local(b"a.npy", len(ARRAY), 1) + ARRAY, directory + bytes(size - len(directory)), 1))


@pytest.mark.parametrize("between", [1, 100])
def test_bytes_before_the_directory_or_between_its_ends(between):
    end = ZIP[END:]
    assert refused(ZIP[:CENTRAL] + ZIP[CENTRAL:END] + bytes(between) + end)
    wide = ended(ZIP[:CENTRAL], ZIP[CENTRAL:END], 2)
    assert not refused(wide)
    at = wide.index(b"PK\x06\x07")
    assert refused(wide[:at] + bytes(between) + wide[at:])
    assert refused(patched(at + 8, "<Q", 0, wide))
    first = wide.index(b"PK\x06\x06")
    for offset, form, value in ((16, "<I", 1), (20, "<I", 1), (24, "<Q", 1), (32, "<Q", 3), (40, "<Q", 1), (48, "<Q", 1)):
        assert refused(patched(first + offset, form, value, wide))
    assert refused(patched(at + 16, "<I", 2, wide))


# Pickles

ENTRY: make.Tensors = {"t": ("F32", (2,), bytes(8))}


@pytest.mark.parametrize("unit", [
    b"}", b"]", b")", b"N", b"K\xff", b"(", b"}\x94", b"N\x94", b")\x85", b"NN\x86", b"cA\nB\n", make.text("\U0001f600" * 5), b"(K\x01t",
    b"K\x010", b"}(K\x01Nu", b"]Na", make.text("\u00e9") + b"\x94", b"\x8a\xff" + bytes(255), b"cA\nB\n)R", b"cA\nB\n)\x81}b",
], ids=repr)
def test_pickles_of_one_opcode_over_and_over_take_bounded_memory(unit, monkeypatch):
    """A tenth of the steps in a tenth of the memory."""
    monkeypatch.setattr(torch_pickle, "MAX_OPCODES", torch_pickle.MAX_OPCODES // 10)
    size = min(torch_pickle.MAX_OPCODES * 2 * len(unit), torch_zip.MAX_PICKLE // 10)
    content = make.torch_zip(ENTRY, b"\x80\x02" + unit * (size // len(unit)) + b".")
    assert [region.dtype for region in bounded(BytesSource(content), MOST // 10).regions] == [""]


def test_storages_by_the_thousand_take_bounded_memory():
    storages = b"".join(make.storage(str(index), "FloatStorage", 2) + b"0" for index in range(20_000))
    assert bounded(BytesSource(make.torch_zip(ENTRY, b"\x80\x02" + storages + b"N.")), MOST // 3)


def test_a_pickle_whose_values_grow_by_doubling_is_walked_once():
    doubling = b"}" + b"\x94" + b"".join(
        b"}\x94(" + make.text("a") + b"h" + bytes((level,)) + make.text("b") + b"h" + bytes((level,)) + b"u" for level in range(200)
    )
    content = make.torch_zip(ENTRY, b"\x80\x02" + doubling + b".")
    assert [region.name for region in bounded(BytesSource(content)).regions] == ["data/0"]
    tuples = b"N" + b"2\x86" * 100_000
    assert [region.name for region in bounded(BytesSource(make.torch_zip(ENTRY, b"\x80\x02" + tuples + b"."))).regions] == ["data/0"]


def test_paths_that_grow_without_end_have_no_name():
    key = make.text("k" * 900) + b"\x94"
    nested = key + b"0" + b"".join(b"}(" + b"h\x00" for _ in range(2000))
    pickle = b"\x80\x02" + nested + make.tensor("0", "FloatStorage", 2, (2,)) + b"u" * 2000 + b"."
    assert [(region.name, region.dtype) for region in bounded(BytesSource(make.torch_zip(ENTRY, pickle))).regions] == [("data/0", "F32")]


@pytest.mark.parametrize("tensor", [
    make.tensor("0", "FloatStorage", 2, (2,), stride=(0,)), make.tensor("0", "FloatStorage", 2, (1 << 30, 1 << 30)),
    make.tensor("0", "FloatStorage", 2, (-1, -2)), make.tensor("0", "FloatStorage", 2, (1,) * 65 + (2,)), make.tensor("0", "FloatStorage", 2, (2,), start=1),
])
def test_tensors_that_are_not_all_of_their_storage_do_not_name_it(tensor):
    pickle = b"\x80\x02}(" + make.text("t") + tensor + b"u."
    (region,) = bounded(BytesSource(make.torch_zip(ENTRY, pickle))).regions
    assert (region.name, region.dtype, region.shape) == ("data/0", "F32", (2,))


def test_a_storage_of_two_types_has_none():
    pickle = b"\x80\x02}(" + make.text("t") + make.tensor("0", "FloatStorage", 2, (2,)) + make.text("u") + make.tensor("0", "LongStorage", 1, (1,)) + b"u."
    (region,) = bounded(BytesSource(make.torch_zip(ENTRY, pickle))).regions
    assert (region.name, region.dtype, region.shape) == ("data/0", "", UNKNOWN_SHAPE)


def test_a_pickle_that_is_too_large_is_not_read():
    for length, name in ((1 << 20, "t"), (torch_zip.MAX_PICKLE, "data/0")):
        content = make.torch_zip(ENTRY, make.state_dict(ENTRY)[:-1] + b"B" + struct.pack("<I", length) + bytes(length) + b"0.")
        assert [region.name for region in bounded(BytesSource(content)).regions] == [name]


# Arrays

@pytest.mark.parametrize("header", [
    b"(" * 9000, b"[" * 9000 + b"]" * 9000, b"-" * 9990 + b"1", b"1+" * 4990 + b"1", b"{" * 9000, b"9" * 9990, b"'" + b"\\" * 9000, b"not " * 2400 + b"1",
    b"__import__('os').system('true')", b"{'descr': '<f4', 'fortran_order': False, 'shape': (9**9**9,)}", b"\0" * 100, b"{}", b"[]",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", b"{'descr': '<f4', 'fortran_order': False, 'shape': [2]}",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", b"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
    b"{'descr': '<f\\d', 'fortran_order': False, 'shape': (2,)}", b"{'descr': [('a\\d', '<f4')], 'fortran_order': False, 'shape': (2,)}",
    b"{'descr': False, 'fortran_order': False, 'shape': (2,)}", b"{'descr': '<f4', 'fortran_order': '<f4', 'shape': (2,)}", b"'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", b"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", b"{'descr': '<f4', 'fortran_order': False, 'shape': '<f4'}",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 4000 + b",)}", b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"1," * 65 + b"2)}",
], ids=lambda header: header[:60].decode())
def test_arrays_with_odd_headers(header):
    assert refused(make.raw_npy(header, bytes(8), 2))


def test_an_array_that_goes_on_behind_its_member():
    for length, told in ((2, False), (4, True)):
        array = make.npy("<f4", (length,), b"abcdefgh")
        assert refused(make.zip_of({"a.npy": array, "b.npy": array})) == told


def test_an_array_with_a_header_of_gigabytes_is_not_read():
    source = Hollow(b"\x93NUMPY\x02\0" + struct.pack("<I", 4_000_000_000), 5_000_000_000)
    assert bounded(source) is None
    assert source.read < 100


# GGUF

@pytest.mark.parametrize("content", [
    struct.pack("<4sIQQ", b"GGUF", 3, 1 << 63, 0), struct.pack("<4sIQQ", b"GGUF", 3, 0, 1 << 63), struct.pack("<4sIQQ", b"GGUF", 3, layout.MAX_REGIONS + 1, 0),
    struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 1 << 63), struct.pack("<4sIQQQ", b"GGUF", 3, 0, 1, 60_000_000_000),
    make.gguf({}, make.gguf_text(b"k") + struct.pack("<IQ", 8, 1 << 62), 1), make.gguf({}, make.gguf_text(b"k") + struct.pack("<IIQ", 9, 0, 1 << 62), 1),
    make.gguf({}, make.gguf_text(b"k") + struct.pack("<IIQ", 9, 8, 1 << 62), 1), make.gguf({}, make.gguf_text(b"k") + struct.pack("<IIQ", 9, 9, 1 << 20), 1),
    make.gguf({}, make.gguf_text(b"k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 10_000, 1), make.gguf({}, make.gguf_text(b"k") + struct.pack("<I", 77), 1),
    make.gguf({"w": (0, (2,), bytes(8))}, make.gguf_text(b"general.alignment") + struct.pack("<II", 4, 0), 1),
    make.gguf({"w": (0, (2,), bytes(8))}, make.gguf_text(b"general.alignment") + struct.pack("<II", 4, 1 << 31), 1),
    make.gguf({"w": (0, (2,), bytes(8))}, make.gguf_text(b"general.alignment") + struct.pack("<IQ", 10, 32), 1),
    make.gguf({"w": (4, (2,), bytes(8))}), make.gguf({"w": (12, (255,), bytes(144))}), make.gguf({"w": (0, (3,), bytes(8))}),
    make.gguf({"w": (0, (1 << 62, 1 << 62), bytes(8))}), make.gguf({"w": (0, (1,) * 9, bytes(4))}), make.gguf({"w" * 5000: (0, (1,), bytes(4))}),
    make.gguf({"w": (0, (2,), bytes(8)), "v": (0, (2,), bytes(8))}).replace(b"v", b"w"),
    make.gguf({"w": (0, (16,), bytes(64)), "v": (0, (16,), bytes(64))}).replace(struct.pack("<IQIQ", 1, 16, 0, 64), struct.pack("<IQIQ", 1, 16, 0, 32)),
    make.gguf({"w": (0, (16,), bytes(64)), "v": (0, (16,), bytes(64))}).replace(struct.pack("<IQIQ", 1, 16, 0, 64), struct.pack("<IQIQ", 1, 16, 0, 63)),
])
def test_gguf_that_lies(content):
    assert refused(content)


def test_gguf_with_a_tensor_that_is_not_aligned():
    good = make.gguf({"w": (0, (16,), bytes(64)), "v": (0, (16,), bytes(64))}) + bytes(64)
    entry = struct.pack("<IQIQ", 1, 16, 0, 64)
    assert good.count(entry) == 1
    for offset, told in ((64, False), (96, False), (100, True)):
        assert refused(good.replace(entry, entry[:-8] + struct.pack("<Q", offset))) == told


def test_gguf_with_arrays_in_arrays():
    for depth, told in ((4, False), (6, True)):
        value = struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * (depth - 1) + struct.pack("<IQ", 0, 3) + bytes(3)
        assert refused(make.gguf({"w": (0, (2,), bytes(8))}, make.gguf_text(b"k") + value, 1)) == told


def test_gguf_of_arrays_without_elements_by_the_million():
    one = make.gguf_text(b"k") + struct.pack("<IIQ", 9, 9, 1_000_000) + struct.pack("<IQ", 0, 0) * 1_000_000
    assert split(BytesSource(make.gguf({"w": (0, (2,), bytes(8))}, one, 1)))
    assert split(BytesSource(make.gguf({"w": (0, (2,), bytes(8))}, one * 2, 2))) is None


def test_gguf_of_more_values_than_are_walked():
    words = struct.pack("<Q", 0) * (gguf.MAX_VALUES + 1)
    metadata = make.gguf_text(b"k") + struct.pack("<IIQ", 9, 8, gguf.MAX_VALUES + 1) + words
    assert split(BytesSource(make.gguf({"w": (0, (2,), bytes(8))}, metadata, 1))) is None


# ONNX

def nested(depth: int, wrap: Callable[[bytes], bytes]) -> bytes:
    inner = make.field(5, make.onnx_tensor("w", 1, (1,), b"abcd"))
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def test_graphs_in_graphs_to_any_depth():
    def wrap(graph: bytes) -> bytes:
        return make.field(1, make.field(5, make.field(1, "body") + make.field(6, graph)))

    assert not refused(make.onnx(nested(onnx.MAX_DEPTH, wrap)))
    assert refused(make.onnx(nested(onnx.MAX_DEPTH + 1, wrap)))
    assert refused(make.onnx(nested(2000, wrap)))


@pytest.mark.parametrize("content", [
    b"\x08\x08" + b"\xff" * 100, b"\x08\x08\x3a\xff\xff\xff\xff\x7f", b"\x08\x08\x3a\x02\x0a\x7f", b"\x08\x08\x3b\x3c", b"\x08\x08\x00\x00",
    make.onnx(b"") + make.field(7, b""), make.onnx(make.field(5, make.onnx_tensor("w", 1, (2,), b"abcd"))),
    make.onnx(make.field(5, make.onnx_tensor("w", 1, (1 << 63, 2), b"abcd"))), make.onnx(make.field(5, make.onnx_tensor("w", 1, (1,) * 65, b"abcd"))),
    make.onnx(make.field(5, make.onnx_tensor("w", 1, (1,), b"abcd") + make.field(9, b"abcd"))),
    make.onnx(make.field(5, make.onnx_tensor("w", 1, (1,), b"abcd") + make.field(3, b"\x08\x00"))),
    make.onnx(make.field(5, make.onnx_tensor("w" * 5000, 1, (1,), b"abcd"))), make.onnx(make.field(5, make.field(1, b"\x80" * 20))),
    make.onnx(make.field(5, make.field(1, bytes(1000)) + make.field(9, b"abcd"))),
    make.onnx(make.field(5, make.onnx_tensor("w", 1, (1,), b"abcd").replace(b"w", b"\xff"))),
])
def test_onnx_that_lies(content):
    assert refused(content)


def test_a_tensor_of_a_model_that_leaves_its_graph():
    """Its last bytes are a legal field of the model, and its graph ends before them."""
    graph = make.field(5, make.onnx_tensor("w", 1, (1,), make.field(2, "ab")))
    good = make.onnx(graph)
    assert not refused(good)
    at = good.index(graph) - 1
    assert good[at] == len(graph)
    assert refused(good[:at] + bytes((len(graph) - 4,)) + good[at + 1 :])


def test_a_packed_dimension_that_leaves_its_field():
    rest = make.field(2, 3) + make.field(8, "w")
    assert not refused(make.onnx(make.field(5, make.field(1, b"\x81\x10") + rest + make.field(9, bytes(2049)))))
    assert refused(make.onnx(make.field(5, make.field(1, b"\x81") + rest + make.field(9, bytes(2049)))))


def test_onnx_of_more_fields_than_are_read():
    assert split(BytesSource(make.onnx(make.field(1, 1) * onnx.MAX_FIELDS + make.field(5, make.onnx_tensor("w", 1, (1,), b"abcd"))))) is None


def test_large_data_of_a_model_are_skipped():
    size = 40 << 30
    head = make.field(1, 1 << 35) + make.field(2, 3) + make.field(8, "w") + b"\x4a" + make.varint(1 << 35)
    graph = b"\x2a" + make.varint(len(head) + (1 << 35)) + head
    start = make.field(1, 8) + b"\x3a" + make.varint(len(graph) + (1 << 35)) + graph
    source = Hollow(start, len(start) + (1 << 35))
    assert source.size < size
    found = bounded(source)
    assert [(region.name, region.length) for region in found.regions] == [("w", 1 << 35)]
    assert source.read < 300_000


@pytest.mark.parametrize("notes", [
    {"location": "d", "offset": "-1", "length": "8"}, {"location": "d", "offset": "1e3", "length": "8"}, {"location": "d", "length": "9"},
    {"location": "d", "length": "9" * 30}, {"location": "d", "offset": "\u0661", "length": "8"}, {"offset": "0", "length": "8"}, {"location": "../d"},
])
def test_external_data_that_lie_are_not_told(notes):
    graph = make.field(5, make.onnx_external("w", 1, (2,), **notes))
    assert external(BytesSource(make.onnx(graph))) == {}
