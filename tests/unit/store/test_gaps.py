"""Chunks that are stored beside those which stood in their place: what they share, and where looking is given up."""

from __future__ import annotations

import random

import pytest

from mvcs.store.encoding import EACH, PATIENCE
from mvcs.store.records import GAP


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def edited(content: bytes) -> bytes:
    """Three bytes more in every 48 KiB, as the marks of a compressor's blocks: no long run of chunks stays."""
    return b"".join(content[at : at + (48 << 10)] + b"-%2d" % (at % 97) for at in range(0, len(content), 48 << 10))


def put(store, content: bytes, *near):
    with store.batch() as batch:
        oid = batch.put_bytes(content, near)
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    return oid, batch.new_bytes


@pytest.fixture(scope="module")
def before() -> bytes:
    return noise(6 << 20, 1)


def read(store, oid) -> bytes:
    with store.open(oid) as reader:
        return reader.read(-1)


def test_a_file_with_an_edit_in_every_chunk_is_stored_beside_its_last_version(store, before):
    first, _ = put(store, before)
    child = edited(before)
    second, new = put(store, child, first)
    assert new < 0.02 * len(child)
    assert read(store, second) == child


def test_which_records_are_made_does_not_depend_on_the_threads(make_store, before):
    child = edited(before)
    stored = []
    for name in ("one", "two"):
        store = make_store(name)
        second, _ = put(store, child, put(store, before)[0])
        chunks = store.recipe(second).chunks()
        stored.append([record for _, record in store.chunks.records(chunks, verify=())])
    assert stored[0] == stored[1]


def test_what_is_edited_behind_much_that_is_new_is_found_again(store, before):
    new = noise(2 << 20, 2)
    assert len(new) // (256 << 10) > PATIENCE  # so that looking is given up in between
    first, _ = put(store, before)
    child = edited(before[: 2 << 20]) + new + edited(before[4 << 20 :])
    second, _ = put(store, child, first)
    records = [header.codec for _, header, _ in store.chunks.headers(store.recipe(second).chunks())]
    assert records.count(GAP) >= 2 * 16
    assert records[-EACH:] == [GAP] * EACH
    assert read(store, second) == child
