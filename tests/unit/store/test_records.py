"""Chunk records and recipe lists: what is legal, what a newer mvcs wrote, what is damage."""

from __future__ import annotations

import struct
from array import array

import pytest

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.hashing import blob_oid
from mvcs.store.records import (
    HEADER,
    HEADER_BYTES,
    MAX_CHUNK,
    NO_BASIS,
    NO_MODES,
    RAW,
    RESERVED,
    ZSTD,
    RecipeList,
    make_record,
    read_header,
)

OID = blob_oid(b"")


def header(version=1, codec=RAW, width=0, depth=0, length=5, modes=NO_MODES, basis=NO_BASIS) -> memoryview:
    return memoryview(HEADER.pack(version, codec, width, depth, length, modes, basis))


def test_a_record_is_48_bytes_and_the_payload():
    record = make_record(ZSTD, 1000, b"payload")
    assert record[HEADER_BYTES:] == b"payload"
    assert read_header(memoryview(record), OID) == (ZSTD, 1000)


@pytest.mark.parametrize("codec", [RAW, ZSTD])
@pytest.mark.parametrize("length", [0, 1, MAX_CHUNK])
def test_a_legal_header_is_read(codec, length):
    assert read_header(header(codec=codec, length=length), OID) == (codec, length)


@pytest.mark.parametrize("wrong", [
    header(length=MAX_CHUNK + 1), header(length=2**32 - 1), header(depth=1), header(width=2),
    header(modes=b"\x01" + bytes(7)), header(basis=bytes(31) + b"\x01"), header(codec=6), header(codec=255),
    header()[:47], header()[:0],
], ids=["length", "giant length", "depth", "width", "modes", "basis", "codec 6", "codec 255", "short", "empty"])
def test_an_illegal_header_is_refused_and_named(wrong):
    with pytest.raises(InvalidObject) as caught:
        read_header(wrong, OID)
    assert OID.hex() in caught.value.message


@pytest.mark.parametrize("newer", [header(version=2), *(header(codec=codec) for codec in RESERVED)])
def test_a_record_of_a_newer_mvcs_asks_for_an_upgrade(newer):
    with pytest.raises(UnknownFeature):
        read_header(newer, OID)


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
