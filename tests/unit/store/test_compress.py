"""Codecs: compressing pays or is not done; decompressing never gives more than was declared."""

from __future__ import annotations

import tracemalloc

import pytest
import zstandard

from mvcs.errors import InvalidObject
from mvcs.store.compress import WORTH, chunk_record, squeeze, unsqueeze
from mvcs.store.records import HEADER_BYTES, RAW, ZSTD


def bomb(size: int) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(bytes(size))


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 5000, 300_000])
def test_noise_is_stored_as_it_is(noise, size):
    record = chunk_record(noise(size))
    assert record[1] == RAW
    assert record[HEADER_BYTES:] == noise(size)


@pytest.mark.parametrize("size", [1000, 20_000, 300_000])
def test_what_compresses_is_compressed_and_comes_back(size):
    content = (b"epoch,loss,accuracy\n" * size)[:size]
    record = chunk_record(content)
    assert record[1] == ZSTD
    assert len(record) - HEADER_BYTES < WORTH * size
    assert unsqueeze(record[HEADER_BYTES:], size) == content


def test_a_frame_that_declares_another_size_is_refused():
    frame = bomb(1000)
    for declared in (0, 999, 1001):
        with pytest.raises(InvalidObject):
            unsqueeze(frame, declared)


@pytest.mark.parametrize("lie", ["more than it declares", "the record lies", "no size"])
def test_a_bomb_is_refused_without_allocating_what_it_gives(lie):
    size = 64 << 20
    if lie == "more than it declares":
        frame = bytearray(bomb(size))
        at = frame.index(size.to_bytes(4, "little"))
        frame[at : at + 4] = (1000).to_bytes(4, "little")
    elif lie == "no size":
        frame = zstandard.ZstdCompressor(level=1, write_content_size=False).compress(bytes(size))
    else:
        frame = bomb(size)
    squeeze(b"loads the codec first")
    tracemalloc.start()
    try:
        with pytest.raises(InvalidObject):
            unsqueeze(bytes(frame), 1000)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("damage", [b"", b"not a frame", bomb(1000)[:-3], bomb(1000)[:9]])
def test_a_damaged_frame_is_refused(damage):
    with pytest.raises(InvalidObject):
        unsqueeze(damage, 1000)
