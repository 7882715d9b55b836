"""Chunk segments: they roll over, are never numbered twice, and the directory can be rebuilt from them."""

from __future__ import annotations

import os
import struct

import pytest

from mvcs.errors import InternalError, MvcsError, ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import blob_oid
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.records import HEADER_BYTES
from mvcs.store.segments import PLACE, TABLE
from mvcs.store.sweep import rebuild_directory, sweep

CAP = 1 << 20


def places(store) -> dict:
    with store.read() as transaction:
        return dict(transaction.items(CHUNKS))


def chunk_of(store, oid, index: int = 0):
    recipe = store.recipe(oid)
    return oid if recipe is None else recipe.chunk(index)


def damage_record(store, chunk, at: int) -> None:
    """Flips one bit of a stored record."""
    number = PLACE.unpack(places(store)[chunk])[0]
    with store.segments.environment(number).write() as transaction:
        record = bytearray(transaction.get(TABLE, chunk))
        record[at] ^= 0x10
        transaction.put(TABLE, chunk, bytes(record))


def test_a_full_segment_is_followed_by_another(make_store, put, noise):
    store = make_store(cap=CAP)
    oids = [put(store, noise(700_000, str(i))) for i in range(6)]
    assert len(store.segments.numbers()) > 2
    assert [store.read_blob(oid) for oid in oids] == [noise(700_000, str(i)) for i in range(6)]
    used = [store.segments.environment(number).used() for number in store.segments.numbers()]
    assert all(size < CAP + (1 << 20) for size in used)


def test_one_blob_over_many_segments_is_read_and_exported(make_store, tmp_path, noise, put):
    store = make_store(cap=CAP)
    for i in range(3):
        put(store, noise(600_000, str(i)))
    joined = b"".join(noise(600_000, str(i)) for i in range(3))
    oid = put(store, joined)
    with open(tmp_path / "out", "wb") as file:
        store.export(oid, file.fileno())
    assert (tmp_path / "out").read_bytes() == store.read_blob(oid) == joined


def test_numbers_are_never_used_again(make_store, put, noise):
    store = make_store(cap=CAP)
    seen = set()
    for i in range(5):
        put(store, noise(900_000, str(i)), noise(900_000, f"{i}b"))
        now = set(store.segments.numbers())
        assert not now & seen
        seen |= now
        sweep(store, set())
        assert store.segments.numbers() == []


@pytest.mark.parametrize("size", [None, 0])
def test_a_creation_that_was_killed_does_no_harm(make_store, put, noise, size):
    """The folder was made, the file was not, or holds nothing yet."""
    store = make_store()
    os.makedirs(os.path.join(store.path, "chunks", "0001"))
    if size is not None:
        open(os.path.join(store.path, "chunks", "0001", "data.mdb"), "wb").close()
    assert store.segments.numbers() == []
    oid = put(store, noise(100_000))
    assert store.read_blob(oid) == noise(100_000)
    assert rebuild_directory(store) == 1


def test_a_removal_that_was_killed_does_no_harm(make_store, put, noise):
    store = make_store(cap=CAP)
    put(store, noise(900_000), noise(900_000, "2"))
    sweep(store, set())
    os.makedirs(os.path.join(store.path, "chunks", "0001"), exist_ok=True)
    oid = put(store, noise(900_000, "3"))
    assert store.read_blob(oid) == noise(900_000, "3")
    assert rebuild_directory(store) == len(places(store))
    sweep(store, {oid})
    assert store.read_blob(oid) == noise(900_000, "3")


def test_the_directory_is_rebuilt_from_the_segments(make_store, put, noise):
    store = make_store(cap=CAP)
    oids = [put(store, noise(size, str(size))) for size in (20_000, 700_000, 1_300_000)]
    before = places(store)
    with store.write() as transaction:
        for key in before:
            transaction.delete(CHUNKS, key)
    with pytest.raises(ObjectMissing):
        store.read_blob(oids[0])
    assert rebuild_directory(store) == len(before)
    assert places(store) == before
    assert [store.read_blob(oid) for oid in oids] == [noise(size, str(size)) for size in (20_000, 700_000, 1_300_000)]


def test_a_store_made_anew_over_its_files_finds_everything(make_store, put, noise, child):
    store = make_store()
    oid = put(store, noise(1 << 20))
    store.close()
    code = "import sys\nfrom mvcs.store.lmdb_store import LmdbStore\nprint(len(LmdbStore(sys.argv[1]).read_blob(bytes.fromhex(sys.argv[2]))))"
    assert child(code, store.path, oid.hex()).stdout.strip() == str(1 << 20)


class TestDamage:
    """A flipped bit is found by whoever reads it, and named by its oid."""

    @pytest.mark.parametrize("compressible", [False, True])
    @pytest.mark.parametrize("size", [20_000, 700_000])
    def test_in_the_payload_of_a_chunk(self, store, put, noise, size, compressible):
        content = b"".join(b"%d," % (i * i) for i in range(size // 6)) if compressible else noise(size)
        oid = put(store, content)
        chunk = chunk_of(store, oid)
        damage_record(store, chunk, HEADER_BYTES + 30)
        for access in (store.read_blob, lambda oid: store.open(oid).read(1), lambda oid: store.export(oid, 2)):
            with pytest.raises(ObjectCorrupt) as caught:
                access(oid)
            assert caught.value.fields["oid"] == chunk.hex()
            assert caught.value.fields["where"] == f"chunks/{PLACE.unpack(places(store)[chunk])[0]:04d}"

    @pytest.mark.parametrize("at", range(HEADER_BYTES))
    def test_in_any_byte_of_a_header(self, store, put, noise, at):
        """The version and codec bytes may also say that a newer mvcs wrote the record; never is anything returned."""
        oid = put(store, noise(20_000))
        damage_record(store, oid, at)
        with pytest.raises(MvcsError) as caught:
            store.read_blob(oid)
        assert at in {0, 1} or caught.value.fields["oid"] == oid.hex()

    def test_of_a_record_that_is_gone(self, store, put, noise):
        oid = put(store, noise(20_000))
        with store.segments.environment(PLACE.unpack(places(store)[oid])[0]).write() as transaction:
            transaction.delete(TABLE, oid)
        with pytest.raises(ObjectMissing) as caught:
            store.read_blob(oid)
        assert caught.value.fields["oid"] == oid.hex()

    def test_of_a_segment_that_is_gone(self, make_store, put, noise):
        store = make_store()
        oid = put(store, noise(700_000))
        for number in store.segments.numbers():
            store.segments.remove(number)
        with pytest.raises(ObjectMissing) as caught:
            store.read_blob(oid)
        assert caught.value.fields["oid"] == chunk_of(store, oid).hex()

    @pytest.mark.parametrize("pack", [False, True])
    @pytest.mark.parametrize("at", [0, 1, 2, 5, 20])
    def test_in_an_inline_blob(self, store, put, at, pack):
        content = b"text " * 2000
        if pack:  # so much at once that it is compressed
            oid, *_ = put(store, content, *(b"%d" % i + content for i in range(30)))
        else:
            oid = put(store, content)
        with store.write() as transaction:
            value = bytearray(transaction.get(OBJECTS, oid))
            assert (value[1] == 1) is pack
            value[at] ^= 0x04
            transaction.put(OBJECTS, oid, bytes(value))
        with pytest.raises((ObjectCorrupt, ObjectMissing)) as caught:
            store.read_blob(oid)
        assert caught.value.fields["oid"] == oid.hex()

    @pytest.mark.parametrize("length", [0, 1])
    def test_that_left_nearly_nothing_of_an_inline_object(self, store, put, length):
        oid = put(store, b"content")
        with store.write() as transaction:
            transaction.put(OBJECTS, oid, transaction.get(OBJECTS, oid)[:length])
        with pytest.raises((ObjectCorrupt, ObjectMissing)) as caught:
            store.read_blob(oid)
        assert caught.value.fields["oid"] == oid.hex()
        store.kind(oid)
        assert [name for name, _ in store.objects()] == [oid]

    def test_in_a_recipe_list(self, store, put, noise):
        oid = put(store, noise(700_000))
        with store.write() as transaction:
            transaction.put(RECIPES, oid, transaction.get(RECIPES, oid)[:-1])
        with pytest.raises(ObjectCorrupt) as caught:
            store.read_blob(oid)
        assert caught.value.fields["oid"] == oid.hex()

    def test_that_gives_good_chunks_in_the_wrong_order(self, store, put, noise, tmp_path):
        oid, other = put(store, noise(700_000), noise(700_000, "other"))
        with store.write() as transaction:
            transaction.put(RECIPES, oid, transaction.get(RECIPES, other))
        with pytest.raises(ObjectCorrupt) as caught:
            store.read_blob(oid)
        assert caught.value.fields["oid"] == oid.hex()
        with open(tmp_path / "out", "wb") as file, pytest.raises(ObjectCorrupt):
            store.export(oid, file.fileno())

    @pytest.mark.parametrize("size", [700_000, 20 << 20])
    def test_that_has_another_chunk_in_its_place(self, store, put, noise, tmp_path, size):
        """Sound by itself, of another length; of large blobs by the threads that decode them."""
        oid, other = put(store, noise(size), noise(20_000, "other"))
        chunk = store.recipe(oid).chunk(1)
        for key in (chunk, other):
            assert key in places(store)
        with store.segments.environment(PLACE.unpack(places(store)[other])[0]).read() as transaction:
            record = bytes(transaction.get(TABLE, other))
        with store.segments.environment(PLACE.unpack(places(store)[chunk])[0]).write() as transaction:
            transaction.put(TABLE, chunk, record)
        with open(tmp_path / "out", "wb") as file, pytest.raises(ObjectCorrupt) as caught:
            store.export(oid, file.fileno())
        assert (caught.value.fields["oid"], caught.value.fields["kind"]) == (chunk.hex(), "chunk")

    def test_that_changes_the_length_of_a_chunk(self, store, put, noise):
        oid = put(store, noise(700_000))
        with store.write() as transaction:
            value = bytearray(transaction.get(RECIPES, oid))
            at = 8 + len("fastcdc@1")
            (length,) = struct.unpack_from("<I", value, at)
            struct.pack_into("<I", value, at, length - 1)
            transaction.put(RECIPES, oid, bytes(value))
        with pytest.raises(ObjectCorrupt):
            store.open(oid).read(10)


def test_what_is_stored_is_what_was_put_after_a_crash_at_any_point(make_store, noise, in_fork):
    """A process that ends at a named point leaves garbage at worst, never a name without its bytes."""
    from mvcs import ports

    content = noise(3 << 20)
    store = make_store(cap=CAP)

    def end_at(name):
        if name == "chunks durable":
            os._exit(0)

    def in_child():
        ports.on_reached = end_at
        with store.batch() as batch:
            batch.put_bytes(content)
            batch.settle()
        return False

    assert in_fork(in_child)
    assert store.kind(blob_oid(content)) is None
    with store.batch() as batch:
        oid = batch.put_bytes(content)
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    assert store.read_blob(oid) == content


def test_a_batch_that_was_not_settled_is_not_finished(store, noise):
    """Its names would come before its bytes."""
    with store.batch() as batch:
        batch.put_bytes(noise(100_000))
        with pytest.raises(InternalError), store.write() as transaction:
            batch.finish(transaction)
    assert list(store.objects()) == []


INTERLEAVED = """
import faulthandler, sys
from blake3 import blake3
from mvcs.store.lmdb_store import LmdbStore
faulthandler.dump_traceback_later(60, exit=True)
store = LmdbStore(sys.argv[1])
first, second = (blake3(seed).digest(length=6 << 20) for seed in (b"1", b"2"))
with store.batch() as one, store.batch() as other:
    oids = [one.put_bytes(first), other.put_bytes(second)]
    other.settle()
    one.settle()
    with store.write() as transaction:
        one.finish(transaction)
        other.finish(transaction)
assert [store.read_blob(oid) for oid in oids] == [first, second]
"""


def test_two_batches_at_once_do_not_wait_for_each_other(store, child):
    """A batch that is fed slowly holds no lock that another one needs."""
    store.close()
    result = child(INTERLEAVED, store.path)
    assert result.returncode == 0, result.stderr


def test_short_names_are_completed(store, put, noise):
    oids = put(store, b"small", noise(20_000), noise(700_000))
    for oid in oids:
        for digits in (4, 7, 64):
            assert (oid, "blob") in store.short(oid.hex()[:digits])
    assert store.short("0" * 64) == []


def test_a_store_object_is_cheap_to_make(make_store):
    """It opens nothing until something is read."""
    store = make_store()
    store.close()
    assert LmdbStore(store.path).meta._env is None
