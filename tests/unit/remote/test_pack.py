"""Packs are streams of records with a table behind them; hostile ones are refused."""

from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import InvalidObject
from mvcs.objects.hashing import blob_oid
from mvcs.remote.pack import CHUNK, OBJECT, RECIPE, ROW, TRAILER, Item, PackBody, plan_packs, read_table

RECORDS = st.lists(st.tuples(st.sampled_from([OBJECT, RECIPE, CHUNK]), st.binary(max_size=300)), max_size=12)


def packed(records):
    items = [Item(blob_oid(b"%d" % number), sort, len(record)) for number, (sort, record) in enumerate(records)]
    contents = {item.oid: record for item, (_, record) in zip(items, records, strict=True)}
    return items, PackBody(items, lambda item: contents[item.oid])


def reader(content):
    return lambda offset, length: content[offset : offset + length]


@given(RECORDS)
def test_records_lie_back_to_back_and_the_table_finds_them(records):
    items, body = packed(records)
    with body.open() as stream:
        content = stream.read()
    assert len(content) == body.size
    assert content[: body.size - TRAILER.size - len(items) * ROW.size] == b"".join(record for _, record in records)
    assert body.name() == blob_oid(content)
    assert body.crc32() == zlib.crc32(content)
    found = read_table(len(content), reader(content))
    assert [item for item, _ in found] == items
    assert [at for _, at in found] == body.starts
    assert [content[at : at + item.length] for item, at in found] == [record for _, record in records]


@given(RECORDS, st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 500)), max_size=8))
def test_it_is_read_from_anywhere(records, reads):
    _, body = packed(records)
    with body.open() as stream:
        content = stream.read()
        for at, length in reads:
            stream.seek(at)
            assert stream.read(length) == content[at : at + length]
        stream.seek(0, io.SEEK_END)
        assert stream.tell() == body.size


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_a_plan_keeps_order_and_size(lengths, most):
    items = [Item(blob_oid(b"%d" % number), CHUNK, length) for number, length in enumerate(lengths)]
    packs = list(plan_packs(items, most))
    assert [item for pack in packs for item in pack] == items
    assert all(sum(item.length for item in pack) <= most or len(pack) == 1 for pack in packs)
    sizes = [sum(item.length for item in pack) for pack in packs]
    assert all(size + following[0].length > most for size, following in zip(sizes, packs[1:], strict=False))


def test_only_one_record_is_held():
    items = [Item(blob_oid(b"%d" % number), CHUNK, 1 << 20) for number in range(64)]
    asked = []

    def load(item):
        asked.append(item)
        return bytes(1 << 20)

    body = PackBody(items, load)
    with body.open() as stream:
        assert sum(len(piece) for piece in iter(lambda: stream.read(16 << 10), b"")) == body.size
    assert asked == items


def test_a_record_that_changed_meanwhile():
    body = PackBody([Item(blob_oid(b"1"), CHUNK, 5)], lambda item: b"four")
    with pytest.raises(InvalidObject), body.open() as stream:
        stream.read()


def damaged(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def test_every_damage_of_the_table_is_seen():
    _, body = packed([(CHUNK, b"abc"), (OBJECT, b"defg")])
    with body.open() as stream:
        content = stream.read()
    for at in range(7, len(content)):
        broken = damaged(content, at)
        with pytest.raises(InvalidObject):
            read_table(len(broken), reader(broken))
    for length in range(len(content)):
        with pytest.raises(InvalidObject):
            read_table(length, reader(content[:length]))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_pack_or_refused(content):
    with pytest.raises(InvalidObject):
        read_table(len(content), reader(content))
