"""What every store promises (mvcs.store.base), shown on each: MemoryStore is the model, LmdbStore the real one."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
from blake3 import blake3

from mvcs.errors import InvalidObject, ObjectMissing
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import BLOB, COMMIT, TREE, blob_oid, object_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry, build_tree
from mvcs.store.base import GRAPH, INLINE, ONE_CHUNK, PINS, REFS, STAT
from mvcs.store.graph_rows import graph_row
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.memory import MemoryStore

SIZES = [0, 1, INLINE, INLINE + 1, ONE_CHUNK, ONE_CHUNK + 1, 3 << 20, 20 << 20]


@pytest.fixture(params=["memory", "lmdb"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
    else:
        made = LmdbStore.create(str(tmp_path / "store"))
        yield made
        made.close()


def noise(size: int) -> bytes:
    return blake3(b"conformance").digest(length=size)


def text(size: int) -> bytes:
    return (b"2026-03-01,0.12345,another row of a table\n" * (size // 40 + 1))[:size]


@contextmanager
def stored(store):
    """A batch whose content is in the store when the block ends."""
    with store.batch() as batch:
        yield batch
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)


def put(store, content: bytes):
    with stored(store) as batch:
        return batch.put_bytes(content)


@contextmanager
def opened(path, content: bytes | None = None):
    if content is not None:
        path.write_bytes(content)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def a_tree(name: bytes = b"file"):
    return build_tree([Entry(name, FILE, IS_BLOB, blob_oid(b""), 0)])[-1]


def a_commit(message: str = "first") -> bytes:
    ada = Person("Ada", "", 1_790_000_000_000_000_000, 0)
    return Commit(
        model="m", tree=a_tree()[0], parents=(), generation=1, author=ada, committer=ada, message=message
    ).encode()


class TestBlobs:
    """Blobs of every size come in and out by every door."""

    @pytest.mark.parametrize("data", [noise, text], ids=["incompressible", "compressible"])
    @pytest.mark.parametrize("size", SIZES)
    def test_bytes_come_back(self, store, tmp_path, size, data):
        content = data(size)
        oid = put(store, content)
        assert oid == blob_oid(content)
        assert store.read_blob(oid) == content
        assert store.read_blob(oid, 100) == content[:100]
        assert store.kind(oid) == BLOB
        assert store.missing([oid]) == set()
        with opened(tmp_path / "out") as descriptor:
            assert store.export(oid, descriptor) == size
        assert (tmp_path / "out").read_bytes() == content

    @pytest.mark.parametrize("data", [noise, text], ids=["incompressible", "compressible"])
    @pytest.mark.parametrize("size", SIZES)
    def test_a_file_gives_the_same_blob_as_its_bytes(self, store, tmp_path, size, data):
        content = data(size)
        with opened(tmp_path / "in", content) as descriptor, stored(store) as batch:
            assert batch.put_file(descriptor, size) == (blob_oid(content), size)
        assert store.read_blob(blob_oid(content)) == content

    @pytest.mark.parametrize("size", SIZES)
    def test_ranges_are_those_of_the_bytes(self, store, size):
        content = noise(size)
        reader = store.open(put(store, content))
        assert reader.size == size
        edges = {0, 1, size // 3, 65_536, ONE_CHUNK - 1, ONE_CHUNK, size - 1, size, size + 10}
        for start in sorted(edge for edge in edges if edge >= 0):
            for length in (0, 1, 70_000, ONE_CHUNK + 3):
                assert reader.seek(start) == start
                assert reader.read(length) == content[start : start + length]
        assert reader.seek(-min(5, size), 2) == size - min(5, size)
        assert reader.read() == content[size - min(5, size) :]
        assert reader.read() == b""
        assert reader.seek(0) == 0
        assert reader.read(2) + reader.read(-1) == content
        reader.seek(0)
        if size > 10:
            reader.read(3)
            assert reader.seek(4, 1) == 7
            assert reader.read(1) == content[7:8]
        with pytest.raises(ValueError, match=r"."):
            reader.seek(-1)
        reader.close()

    @pytest.mark.parametrize("declared", [0, 1, ONE_CHUNK, 5 << 20])
    @pytest.mark.parametrize("size", [0, 1, INLINE + 1, ONE_CHUNK + 1, 3 << 20])
    def test_a_file_that_grew_or_shrank_is_taken_as_it_was_read(self, store, tmp_path, declared, size):
        content = noise(size)
        with opened(tmp_path / "in", content) as descriptor, stored(store) as batch:
            assert batch.put_file(descriptor, declared) == (blob_oid(content), size)
        assert store.read_blob(blob_oid(content)) == content
        assert store.open(blob_oid(content)).size == size

    def test_a_file_is_taken_from_where_it_stands(self, store, tmp_path):
        with opened(tmp_path / "in", noise(1000)) as descriptor, stored(store) as batch:
            os.lseek(descriptor, 100, os.SEEK_SET)
            assert batch.put_file(descriptor, 900) == (blob_oid(noise(1000)[100:]), 900)

    def test_a_blob_that_is_not_here_is_missing(self, store, tmp_path):
        oid = blob_oid(b"nowhere")
        assert store.kind(oid) is None
        assert store.missing([oid, put(store, b"here")]) == {oid}
        for access in (store.open, store.read_blob, lambda oid: store.export(oid, 2)):
            with pytest.raises(ObjectMissing) as caught:
                access(oid)
            assert caught.value.fields == {"oid": oid.hex(), "kind": "blob"}

    def test_a_tree_is_no_blob_and_a_blob_no_tree(self, store):
        with stored(store) as batch:
            tree = batch.put_object(TREE, a_tree()[1])
            blob = batch.put_bytes(a_tree()[1])
        assert tree != blob
        assert store.missing([tree, blob]) == {tree}
        with pytest.raises(ObjectMissing):
            store.read_blob(tree)
        with pytest.raises(ObjectMissing):
            store.load(blob, TREE)


class TestSharing:
    """What is there already is not stored again, and storing it again changes nothing."""

    def test_storing_twice_is_storing_once(self, store):
        contents = [noise(size) for size in SIZES[:7]]
        for _ in range(2):
            oids = [put(store, content) for content in contents]
        with stored(store) as batch:
            for content in contents * 2:
                batch.put_bytes(content)
        assert [store.read_blob(oid) for oid in oids] == contents
        assert sorted(store.objects()) == sorted((oid, BLOB) for oid in oids)

    def test_blobs_that_share_content_are_both_whole(self, store):
        first = noise(3 << 20)
        second = first[: 2 << 20] + b"changed" + first[2 << 20 :]
        oids = [put(store, first), put(store, second)]
        assert [store.read_blob(oid) for oid in oids] == [first, second]

    def test_objects_of_one_batch_are_all_there(self, store, tmp_path):
        with opened(tmp_path / "in", noise(2 << 20)) as descriptor, stored(store) as batch:
            oids = [batch.put_bytes(b"%d" % i) for i in range(500)]
            oids.append(batch.put_file(descriptor, 2 << 20)[0])
            tree = batch.put_object(TREE, a_tree()[1])
            commit = batch.put_object(COMMIT, a_commit())
        expected = {**dict.fromkeys(oids, BLOB), tree: TREE, commit: COMMIT}
        assert dict(store.objects()) == expected
        assert len(list(store.objects())) == len(expected)


class TestBatches:
    """Nothing is promised before the transaction has ended well."""

    def test_what_is_on_its_way_can_be_loaded_from_the_batch(self, store):
        oid, payload = a_tree()
        with store.batch() as batch:
            batch.put_object(TREE, payload)
            assert batch.load(oid, TREE) == payload
            with pytest.raises(ObjectMissing):
                batch.load(oid, COMMIT)
        with pytest.raises(ObjectMissing):
            store.load(oid, TREE)

    def test_what_is_stored_can_be_loaded_from_a_batch(self, store):
        oid, payload = a_tree()
        with stored(store) as batch:
            batch.put_object(TREE, payload)
        with store.batch() as batch:
            assert batch.load(oid, TREE) == payload

    @pytest.mark.parametrize("size", [1, INLINE + 1, 3 << 20])
    def test_a_transaction_that_fails_leaves_no_name(self, store, size):
        with store.batch() as batch:
            oid = batch.put_bytes(noise(size))
            tree = batch.put_object(TREE, a_tree()[1])
            batch.settle()
            with pytest.raises(RuntimeError, match="lost"), store.write() as transaction:
                batch.finish(transaction)
                transaction.put(REFS, b"main", b"x")
                raise RuntimeError("lost")
        assert store.kind(oid) is None
        assert store.kind(tree) is None
        assert dict(store.objects()) == {}
        with store.read() as transaction:
            assert transaction.get(REFS, b"main") is None

    @pytest.mark.parametrize("size", [1, INLINE + 1, 3 << 20])
    def test_after_a_lost_race_the_batch_is_finished_again(self, store, size):
        with store.batch() as batch:
            oid = batch.put_bytes(noise(size))
            tree = batch.put_object(TREE, a_tree()[1])
            batch.settle()
            with pytest.raises(RuntimeError, match="lost"), store.write() as transaction:
                batch.finish(transaction)
                raise RuntimeError("lost")
            assert batch.put_bytes(noise(size)) == oid
            batch.settle()
            with store.write() as transaction:
                batch.finish(transaction)
        assert store.read_blob(oid) == noise(size)
        assert store.load(tree, TREE) == a_tree()[1]

    def test_a_commit_that_is_none_is_not_stored(self, store):
        with store.batch() as batch:
            oid = batch.put_object(COMMIT, b"nonsense")
            batch.settle()
            with pytest.raises(InvalidObject), store.write() as transaction:
                batch.finish(transaction)
        assert store.kind(oid) is None


class TestObjects:
    """Structured objects, by name and kind."""

    def test_an_object_comes_back_under_its_kind(self, store):
        oid, payload = a_tree()
        with store.write() as transaction:
            assert transaction.put_object(TREE, payload) == oid
            assert transaction.put_object(TREE, payload) == oid
            assert transaction.load(oid, TREE) == payload
        assert store.load(oid, TREE) == payload
        assert store.kind(oid) == TREE
        with store.read() as transaction:
            assert transaction.load(oid, TREE) == payload
        for kind in (COMMIT, "tag"):
            with pytest.raises(ObjectMissing) as caught:
                store.load(oid, kind)
            assert caught.value.fields == {"oid": oid.hex(), "kind": kind}

    def test_a_commit_has_its_row_in_the_graph(self, store):
        payload = a_commit()
        with store.write() as transaction:
            oid = transaction.put_object(COMMIT, payload)
        assert oid == object_oid(COMMIT, payload)
        with stored(store) as batch:
            other = batch.put_object(COMMIT, a_commit("other"))
        with store.read() as transaction:
            assert dict(transaction.items(GRAPH)) == {oid: graph_row(payload), other: graph_row(a_commit("other"))}


KEYS = [b"a", b"a\0", b"a\xff", b"a\xff\xff", b"b", b"b/1", b"b/2", b"\xfe", b"\xff", b"\xff\x00", b"\xff\xff", b"\xff\xff\x01"]
PREFIXES = [b"", b"a", b"a\xff", b"b/", b"c", b"\xfe\xff", b"\xff", b"\xff\xff", b"\xff\xff\xff", b"\xff\xff\x01\x01"]


class TestTables:
    """Tables are sorted maps of bytes, changed in transactions."""

    @pytest.fixture
    def filled(self, store):
        with store.write() as transaction:
            for key in KEYS:
                transaction.put(REFS, key, b"value of " + key)
            transaction.put(PINS, b"a", b"another table")
        return store

    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("prefix", PREFIXES)
    def test_keys_with_a_prefix_come_in_order(self, filled, prefix, reverse):
        expected = sorted((key for key in KEYS if key.startswith(prefix)), reverse=reverse)
        with filled.read() as transaction:
            found = list(transaction.items(REFS, prefix, reverse=reverse))
        assert found == [(key, b"value of " + key) for key in expected]

    @pytest.mark.parametrize("reverse", [False, True])
    def test_an_empty_table_has_no_items(self, store, reverse):
        with store.read() as transaction:
            assert list(transaction.items(STAT, reverse=reverse)) == []
            assert list(transaction.items(STAT, b"\xff", reverse=reverse)) == []

    def test_values_are_set_replaced_and_removed(self, filled):
        with filled.write() as transaction:
            transaction.put(REFS, b"a", b"new")
            transaction.put(REFS, b"empty", b"")
            assert transaction.get(REFS, b"a") == b"new"
            assert transaction.delete(REFS, b"b")
            assert not transaction.delete(REFS, b"b")
            assert not transaction.delete(REFS, b"never")
        with filled.read() as transaction:
            assert transaction.get(REFS, b"a") == b"new"
            assert transaction.get(REFS, b"b") is None
            assert transaction.get(REFS, b"empty") == b""
            assert transaction.get(PINS, b"a") == b"another table"

    def test_an_exception_undoes_all_of_a_transaction(self, filled):
        with pytest.raises(RuntimeError, match="out"), filled.write() as transaction:
            transaction.put(REFS, b"a", b"new")
            transaction.delete(REFS, b"b")
            oid = transaction.put_object(TREE, a_tree()[1])
            raise RuntimeError("out")
        with filled.read() as transaction:
            assert transaction.get(REFS, b"a") == b"value of a"
            assert transaction.get(REFS, b"b") == b"value of b"
        assert filled.kind(oid) is None

    def test_a_reader_sees_what_was_there_when_it_began(self, filled):
        with filled.read() as before:
            with filled.write() as transaction:
                transaction.put(REFS, b"a", b"new")
                transaction.delete(REFS, b"b")
            assert before.get(REFS, b"a") == b"value of a"
            assert [key for key, _ in before.items(REFS)] == sorted(KEYS)
        with filled.read() as after:
            assert after.get(REFS, b"a") == b"new"

    def test_closing_and_using_again_is_allowed(self, filled):
        oid = put(filled, noise(3 << 20))
        filled.close()
        assert filled.read_blob(oid) == noise(3 << 20)
        with filled.read() as transaction:
            assert transaction.get(REFS, b"a") == b"value of a"
