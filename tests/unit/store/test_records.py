"""Chunk records and recipe lists: what is legal, what a newer mvcs wrote, what is damage."""

from __future__ import annotations

import struct
from array import array

import pytest

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.hashing import blob_oid
from mvcs.store.records import (
    CODEC_NAMES,
    DIFFERENCE,
    GAP,
    HEADER,
    HEADER_BYTES,
    MAX_BASES,
    MAX_CHUNK,
    MAX_DEPTH,
    NO_BASIS,
    NO_MODES,
    PLANES,
    RAW,
    ZERO,
    ZSTD,
    Header,
    RecipeList,
    make_record,
    read_bases,
    read_header,
)

OID = blob_oid(b"")


def header(version=1, codec=RAW, width=0, depth=0, length=5, modes=NO_MODES, basis=NO_BASIS) -> memoryview:
    return memoryview(HEADER.pack(version, codec, width, depth, length, modes, basis))


def test_a_record_is_48_bytes_and_the_payload():
    record = make_record(Header(ZSTD, 1000), b"pay", b"load")
    assert record[HEADER_BYTES:] == b"payload"
    assert read_header(memoryview(record), OID) == Header(ZSTD, 1000)


BASIS = blob_oid(b"basis")
ONE_MODE = b"\x01" + bytes(7)


@pytest.mark.parametrize("length", [0, 1, MAX_CHUNK])
@pytest.mark.parametrize("fields", [
    {"codec": RAW}, {"codec": ZSTD}, {"codec": PLANES, "width": 2, "modes": b"\x01\x02" + bytes(6)},
    {"codec": DIFFERENCE, "width": 8, "modes": bytes(range(1, 9)), "depth": 1, "basis": BASIS},
    {"codec": ZERO, "width": 4, "depth": MAX_DEPTH, "basis": BASIS},
    {"codec": GAP, "modes": bytes((MAX_BASES, *bytes(7))), "depth": 2, "basis": BASIS},
], ids=lambda fields: CODEC_NAMES[fields["codec"]])
def test_a_legal_header_is_read(fields, length):
    assert read_header(header(length=length, **fields), OID) == Header(raw_length=length, **fields)


@pytest.mark.parametrize("wrong", [
    header(length=MAX_CHUNK + 1), header(length=2**32 - 1), header(depth=1), header(width=2),
    header(modes=ONE_MODE), header(basis=BASIS), header()[:47], header()[:0],
    header(codec=PLANES), header(codec=PLANES, width=3), header(codec=PLANES, width=2, depth=1),
    header(codec=PLANES, width=2, basis=BASIS), header(codec=PLANES, width=2, modes=bytes((1, 1, 1, *bytes(5)))),
    header(codec=DIFFERENCE, width=2, depth=1), header(codec=DIFFERENCE, width=2, basis=BASIS),
    header(codec=ZERO, width=2, depth=MAX_DEPTH + 1, basis=BASIS), header(codec=ZERO, width=2, depth=1, basis=OID),
    header(codec=GAP, depth=1, basis=BASIS), header(codec=GAP, depth=1, basis=BASIS, modes=bytes((MAX_BASES + 1, *bytes(7)))),
    header(codec=GAP, depth=1, basis=BASIS, modes=bytes((1, 1, *bytes(6)))), header(codec=GAP, width=2, depth=1, basis=BASIS, modes=ONE_MODE),
], ids=["length", "giant length", "depth", "width", "modes", "basis", "short", "empty",
        "no width", "width 3", "planes with a depth", "planes with a basis", "more modes than planes",
        "difference to nothing", "difference without a depth", "too deep", "based on itself",
        "gap on nothing", "gap on too many", "gap with more modes", "gap with a width"])
def test_an_illegal_header_is_refused_and_named(wrong):
    with pytest.raises(InvalidObject) as caught:
        read_header(wrong, OID)
    assert OID.hex() in caught.value.message


@pytest.mark.parametrize("newer", [header(version=2), header(codec=6), header(codec=255)])
def test_a_record_of_a_newer_mvcs_asks_for_an_upgrade(newer):
    with pytest.raises(UnknownFeature):
        read_header(newer, OID)


def test_the_bases_of_a_gap_record_stand_before_its_payload():
    more = [blob_oid(b"second"), blob_oid(b"third")]
    record = memoryview(make_record(Header(GAP, 9, depth=1, modes=b"\x03" + bytes(7), basis=BASIS), *more, b"frame"))
    assert read_bases(record, read_header(record, OID), OID) == ([BASIS, *more], b"frame")
    cut = record[: HEADER_BYTES + 63]
    with pytest.raises(InvalidObject, match="cut short"):
        read_bases(cut, read_header(cut, OID), OID)


def test_a_record_without_a_basis_has_none():
    record = memoryview(make_record(Header(RAW, 3), b"abc"))
    assert read_bases(record, read_header(record, OID), OID) == ([], b"abc")


def recipe(count: int = 3, splitter: str = "fastcdc@1") -> RecipeList:
    oids = [blob_oid(b"%d" % i) for i in range(count)]
    return RecipeList(splitter, array("I", range(1, count + 1)), b"".join(oids))


def test_a_recipe_list_comes_back_as_it_was():
    made = recipe(1000)
    assert len(made.encode()) == 8 + len("fastcdc@1") + 36 * 1000 + 8
    again = RecipeList.decode(made.encode())
    assert (again.splitter, again.lengths, again.oids) == (made.splitter, made.lengths, made.oids)
    assert again.size == 500_500
    assert again.chunks()[7] == again.chunk(7) == blob_oid(b"7")


def test_a_damaged_recipe_list_is_refused():
    good = recipe().encode()
    wrong = {
        "cut off": good[:-1], "too long": good + b"\0", "short head": good[:7], "empty": b"",
        "no chunks": struct.pack("<BBHI", 1, 9, 0, 0) + b"fastcdc@1",
        "more chunks than bytes": struct.pack("<BBHI", 1, 9, 0, 2**32 - 1) + good[8:],
        "reserved bytes": good[:2] + b"\x01" + good[3:],
        "a chunk of no bytes": good[:17] + bytes(4) + good[21:],
        "a chunk over the limit": good[:17] + struct.pack("<I", MAX_CHUNK + 1) + good[21:],
        "a splitter that is no UTF-8": good[:8] + b"\xff" + good[9:],
        "a longer name": good[:1] + b"\x0a" + good[2:],
    }
    wrong["chunks in another order"] = good[:29] + good[61:93] + good[29:61] + good[93:]
    for what, value in wrong.items():
        for damaged in (value, value[:-8] + blob_oid(value[:-8])[:8]):  # with its own checksum, and with a new one
            if damaged is not value and what in {"cut off", "too long", "short head", "empty", "chunks in another order"}:
                continue
            with pytest.raises(InvalidObject):
                RecipeList.decode(damaged)
                pytest.fail(what)


def test_a_newer_recipe_list_asks_for_an_upgrade():
    with pytest.raises(UnknownFeature):
        RecipeList.decode(b"\x02" + recipe().encode()[1:])
