"""Cutting: the compiled chunker is used, its limits hold, and its reference in Python gives the same cuts."""

from __future__ import annotations

import os

from mvcs.store.cutting import AVERAGE, LEAST, MOST, cut, is_fast, read_pieces


def lengths(data: bytes) -> list[int]:
    return [len(chunk) for chunks in cut(iter((data,))) for chunk in chunks]


def test_the_compiled_chunker_is_installed():
    assert is_fast()


def test_the_chunker_in_python_gives_the_same_cuts(noise):
    """It is what a machine without a compiled wheel falls back to; repositories must not mix cuts."""
    from pyfastcdc.py.fastcdc import FastCDC

    data = noise(1 << 20) + bytes(300_000) + b"text " * 20_000
    chunker = FastCDC(AVERAGE, min_size=LEAST, max_size=MOST, normalized_chunking=1, seed=0)
    assert [chunk.length for chunk in chunker.cut_buf(data)] == lengths(data)


def test_chunks_keep_their_limits(noise):
    found = lengths(noise(8 << 20))
    assert all(LEAST <= length <= MOST for length in found[:-1])
    assert sum(found) == 8 << 20
    assert set(lengths(bytes(1 << 20))) == {MOST}


def test_an_insertion_changes_the_chunks_around_it_only(noise):
    data = noise(4 << 20)
    before = {bytes(chunk) for chunks in cut(iter((data,))) for chunk in chunks}
    after = {bytes(chunk) for chunks in cut(iter((data[: 1 << 20] + b"inserted" + data[1 << 20 :],))) for chunk in chunks}
    assert len(after - before) <= 3


def test_no_bytes_are_no_chunks():
    assert lengths(b"") == []
    assert list(cut(iter(()))) == []


def test_a_file_is_read_from_where_it_stands(tmp_path, noise):
    path = tmp_path / "file"
    path.write_bytes(noise(5 << 20))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.lseek(descriptor, 10, os.SEEK_SET)
        assert b"".join(read_pieces(descriptor)) == noise(5 << 20)[10:]
    finally:
        os.close(descriptor)
