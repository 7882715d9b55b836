"""How a file is cut and read; and files that are known already."""

from __future__ import annotations

import os

import pytest
from store_contents import rows, weights

from mvcs.objects.hashing import blob_oid
from mvcs.store.grouping import GroupEncoder
from mvcs.store.partition import READ, Partition
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.source import FileSource

EACH = 1_300_000
"""Elements of a tensor: two pieces and a rest."""


@pytest.fixture
def put_file(store, tmp_path):
    def put(content: bytes, *near) -> tuple[bytes, int, int]:
        """Returns (oid, bytes read, bytes heard of)."""
        path = tmp_path / "file"
        path.write_bytes(content)
        heard = []
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with store.batch() as batch:
                oid, total = batch.put_file(descriptor, len(content), heard.append, near)
                batch.settle()
                with store.write() as transaction:
                    batch.finish(transaction)
        finally:
            os.close(descriptor)
        return oid, total, sum(heard)

    return put


@pytest.fixture
def partition_of(tmp_path):
    def make(content: bytes) -> tuple[Partition, int]:
        path = tmp_path / "parted"
        path.write_bytes(content)
        descriptor = os.open(path, os.O_RDONLY)
        return Partition(split(FileSource(descriptor, len(content))), len(content)), descriptor

    return make


def test_pieces_are_read_so_that_no_chunk_is_put_together(partition_of):
    content = weights(each=EACH)
    partition, descriptor = partition_of(content)
    pieces = list(partition.read(descriptor))
    os.close(descriptor)
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) < 2 * READ
    held = {id(piece) for piece in pieces}
    for group in partition.groups(pieces):
        assert {id(view.obj) for view, _ in group} <= held


@pytest.mark.parametrize("content", [b"", b"x", rows(20_000), weights(each=EACH)], ids=["empty", "byte", "table", "weights"])
def test_all_of_a_file_is_read(partition_of, content):
    partition, descriptor = partition_of(content)
    assert b"".join(partition.read(descriptor)) == content
    os.close(descriptor)


def test_a_file_that_grew_is_read_to_its_end(partition_of, tmp_path):
    content = weights(each=EACH)
    partition, descriptor = partition_of(content)
    with open(tmp_path / "parted", "ab") as file:
        file.write(b"more" * 100_000)
    assert b"".join(partition.read(descriptor)) == content + b"more" * 100_000
    os.close(descriptor)


def test_a_known_file_is_hashed_and_not_cut(store, put_file, monkeypatch):
    content = weights(each=EACH)
    put_file(content)

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(GroupEncoder, "encode", never)
    assert put_file(content) == (blob_oid(content), len(content), len(content))


def test_a_file_that_only_looks_known_is_stored(store, put_file):
    """The pieces that are sampled are the same, one between them is not."""
    content = weights(each=EACH, count=6)
    first = put_file(content)[0]
    partition = Partition(split(_source(content)), len(content))
    sampled = {cut.offset for cut in partition.sample()}
    assert len(sampled) == 4
    other = next(cut for group in partition.groups([content]) for _, cut in group if cut.region and cut.offset not in sampled)
    changed = content[: other.offset] + bytes(100) + content[other.offset + 100 :]
    oid, total, heard = put_file(changed, first)
    assert (oid, total, heard) == (blob_oid(changed), len(changed), len(changed))
    assert store.read_blob(oid) == changed


def test_a_file_that_is_not_at_its_start_is_read_from_there(store, tmp_path):
    content = weights(each=EACH)
    (tmp_path / "file").write_bytes(content)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    os.lseek(descriptor, 1000, os.SEEK_SET)
    with store.batch() as batch:
        oid, total = batch.put_file(descriptor, len(content))
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    os.close(descriptor)
    assert (oid, total) == (blob_oid(content[1000:]), len(content) - 1000)
    assert store.read_blob(oid) == content[1000:]


def _source(content: bytes):
    from mvcs.store.splitters.source import BytesSource

    return BytesSource(content)
