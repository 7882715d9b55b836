"""Chunks that are based on others: nothing of a chain is lost, whatever happens around it."""

from __future__ import annotations

import os
import struct
import threading
import tracemalloc
from array import array

import pytest
from store_contents import rows, weights

from mvcs import ports
from mvcs.errors import IntegrityError, ObjectCorrupt, ObjectMissing, StoreCorrupt
from mvcs.objects.hashing import blob_oid
from mvcs.ports import Silent
from mvcs.store import sweep as sweeping
from mvcs.store.base import CHUNKS, RECIPES
from mvcs.store.codecs.tensor import encode
from mvcs.store.compress import chunk_record
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.lock import FileLock
from mvcs.store.recode import Recoder
from mvcs.store.records import (
    BASED,
    DIFFERENCE,
    GAP,
    HEADER_BYTES,
    MAX_CHUNK,
    MAX_DEPTH,
    PLANES,
    RAW,
    ZERO,
    Header,
    RecipeList,
    make_record,
)
from mvcs.store.segments import PLACE
from mvcs.store.sweep import find_dead, live_chunks, rebuild_directory, sweep
from mvcs.store.transfer import copy_objects
from mvcs.store.verify import check_store, repair


@pytest.fixture
def put_after():
    """Returns a function that stores a blob beside those that it is likely to resemble."""

    def put(store, content: bytes, *near):
        with store.batch() as batch:
            oid = batch.put_bytes(content, near)
            batch.settle()
            with store.write() as transaction:
                batch.finish(transaction)
        return oid

    return put


@pytest.fixture
def versions(store, put_after):
    """Three versions of one model, each stored beside the one before."""
    contents = [weights(steps=0), weights(steps=1), weights(steps=2)]
    oids = [put_after(store, contents[0])]
    for content in contents[1:]:
        oids.append(put_after(store, content, oids[-1]))
    return dict(zip(oids, contents, strict=True))


def headers(store, oid):
    recipe = store.recipe(oid)
    return [header for _, header, _ in store.chunks.headers(recipe.chunks() if recipe else [oid])]


def problems(store):
    return [(problem.kind, problem.name) for problem in check_store(store, Silent())]


def test_a_trained_model_is_stored_as_the_difference(store, versions):
    first, second, third = versions
    assert {header.codec for header in headers(store, first)} == {1, PLANES}
    for later in (second, third):
        assert [header.codec for header in headers(store, later)][1:] == [DIFFERENCE] * 3
    for oid, content in versions.items():
        assert store.read_blob(oid) == content
    assert problems(store) == []


def test_a_difference_is_much_smaller(store, versions, put_after):
    before = store.segments.environment(1).used()
    put_after(store, weights(steps=3), list(versions)[-1])
    assert store.segments.environment(1).used() - before < 0.35 * len(weights())


def test_pruned_weights_are_known_by_their_zeros(store, put_after):
    base = put_after(store, weights())
    pruned = put_after(store, weights(pruned=True), base)
    assert [header.codec for header in headers(store, pruned)][1:] == [ZERO] * 3
    assert store.read_blob(pruned) == weights(pruned=True)


def test_other_weights_are_not_based_on_these(store, put_after):
    base = put_after(store, weights(0))
    other = put_after(store, weights(1), base)
    assert {header.codec for header in headers(store, other)[1:]} == {PLANES}


def test_renamed_tensors_are_told_by_type_shape_and_order(store, put_after):
    base = put_after(store, weights())
    renamed = put_after(store, weights(steps=1, names="block"), base)
    assert [header.codec for header in headers(store, renamed)][1:] == [DIFFERENCE] * 3


def test_a_chain_does_not_grow_beyond_its_limit(store, put_after):
    near, depths = (), []
    for step in range(8):
        near = (put_after(store, weights(steps=step), *near),)
        depths.append(max(header.depth for header in headers(store, near[0])))
    assert max(depths) <= MAX_DEPTH
    assert depths[1:] != [0] * 7
    assert store.read_blob(near[0]) == weights(steps=7)


def test_a_table_with_a_new_row_is_stored_beside_the_old_one(store, put_after):
    old, new = rows(60_000), rows(60_000, inserted=(30_000,))
    base = put_after(store, old)
    before = store.segments.environment(1).used()
    oid = put_after(store, new, base)
    assert GAP in {header.codec for header in headers(store, oid)}
    assert store.segments.environment(1).used() - before <= 8 * 4096
    assert store.read_blob(oid) == new


def test_a_rewritten_table_is_not(store, put_after):
    base = put_after(store, rows(20_000, seed=1))
    oid = put_after(store, rows(20_000, seed=2), base)
    assert not {header.codec for header in headers(store, oid)} & BASED


def test_a_small_file_is_stored_beside_its_last_version(store, put_after):
    old, new = rows(5000), rows(5000, inserted=(17,))
    base = put_after(store, old)
    oid = put_after(store, new, base)
    assert [header.codec for header in headers(store, oid)] == [GAP]
    assert store.read_blob(oid) == new


# gc

def test_gc_keeps_what_the_living_are_based_on(store, versions):
    first, _, third = versions
    keep = live_chunks(store, {third})
    assert keep > set(store.recipe(third).chunks())
    sweep(store, {third}, thorough=True)
    assert store.read_blob(third) == versions[third]
    assert problems(store) == []
    assert store.kind(first) is None
    sweep(store, set(), thorough=True)
    assert list(store.objects()) == []


@pytest.mark.parametrize("after", range(1, 14))
def test_a_killed_gc_leaves_no_chunk_without_its_bases(store, versions, put_after, monkeypatch, after):
    """The next commit relies on every chunk that the directory names."""
    left = after

    def stop(point):
        nonlocal left
        left -= point == "gc deleted names"
        if not left:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "reached", stop)
    monkeypatch.setattr(sweeping, "DELETE", 1)
    with pytest.raises(KeyboardInterrupt):
        sweep(store, set())
    for content in reversed(versions.values()):  # the last first: the others would bring the bases back
        oid = put_after(store, content)
        assert store.read_blob(oid) == content
    assert problems(store) == []


def test_garbage_left_in_a_segment_is_not_taken_for_a_chunk(store, versions, put_after, noise):
    """Its bases may be gone; a segment with little garbage is not rewritten."""
    kept = put_after(store, noise(30 << 20))
    sweep(store, {kept})
    assert store.segments.numbers() == [1]
    third, second = list(versions)[-1], list(versions)[-2]
    oid = put_after(store, versions[second])
    assert put_after(store, versions[third], second) == third
    assert store.read_blob(oid) == versions[second]
    assert store.read_blob(third) == versions[third]
    assert problems(store) == []
    with store.read() as transaction:
        stored = {oid: PLACE.unpack(place)[1] for oid, place in transaction.items(CHUNKS)}
    assert stored == {oid: len(record_of(store, oid)) for oid in stored}


def test_a_rebuilt_directory_names_no_chunk_without_its_bases(store, versions, put_after, noise):
    kept = put_after(store, noise(30 << 20))
    chunks = {oid: store.recipe(oid).chunks() for oid in versions}
    sweep(store, {kept})
    first, second, _ = versions
    with store.segments.environment(1).write() as transaction:
        for chunk in chunks[first]:
            transaction.delete("records", chunk)
    rebuild_directory(store)
    assert not store.known_chunks(set(chunks[second]) - set(chunks[first]))
    assert put_after(store, versions[second]) == second
    assert store.read_blob(second) == versions[second]
    assert store.read_blob(kept) == noise(30 << 20)


def test_a_rebuilt_directory_is_what_it_was(store, versions):
    with store.read() as transaction:
        before = dict(transaction.items(CHUNKS))
    rebuild_directory(store)
    with store.read() as transaction:
        assert dict(transaction.items(CHUNKS)) == before


def test_gc_does_not_guess_what_a_damaged_record_is_based_on(store, versions):
    third = list(versions)[-1]
    chunk = store.recipe(third).chunk(1)
    overwrite(store, chunk, b"\x01\x09" + record_of(store, chunk)[2:])
    with pytest.raises(Exception, match="codec-9"):
        sweep(store, {third})
    overwrite(store, chunk, record_of(store, chunk)[:20])
    with pytest.raises(ObjectCorrupt):
        sweep(store, {third})


def test_three_who_commit_at_once_raise_no_depth(store, put_after):
    """One has written a chunk and not named it; one writes it beside another; one relies on the first one's record."""
    first = put_after(store, weights())
    with store.batch() as one, store.batch() as two, store.batch() as three:
        chunk = one.put_bytes(weights(steps=1))
        one.settle()
        two.put_bytes(weights(steps=1), (first,))
        records, two._records = two._records, []
        assert max(memoryview(record)[3] for _, record in records) == 1
        with store.appending() as transaction:  # the second one's is open while the others come and go
            for oid, record in records:
                transaction.append(oid, record)
            named = threading.Thread(target=finish, args=(store, one))
            named.start()
            named.join()
            later = three.put_bytes(weights(steps=2), (chunk,))
        three.settle()
        finish(store, three)
    store.chunks.forget()
    assert store.read_blob(later) == weights(steps=2)
    assert store.read_blob(chunk) == weights(steps=1)
    assert problems(store) == []


def finish(store, batch) -> None:
    with store.write() as transaction:
        batch.finish(transaction)


def test_of_two_records_the_directory_names_the_one_of_smaller_depth(make_store, put_after):
    store = make_store(cap=1)  # each transaction begins a segment
    first = put_after(store, weights())
    second = put_after(store, weights(steps=1))
    with store.batch() as batch:  # written again beside the first, and never named
        batch._claimed = set()
        with store.write() as transaction:
            for chunk in store.recipe(second).chunks():
                transaction.delete(CHUNKS, chunk)
        batch.put_bytes(weights(steps=1), (first,))
        batch.settle()
    rebuild_directory(store)
    assert {header.depth for header in headers(store, second)} == {0}
    store.chunks.forget()
    assert store.read_blob(second) == weights(steps=1)


# Damage

def record_of(store, chunk) -> bytes:
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    with store.segments.environment(number).read() as transaction:
        return transaction.get("records", chunk)


def overwrite(store, chunk, record: bytes) -> None:
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    store.segments.overwrite(number, chunk, record)


def test_a_damaged_basis_is_named_and_mended(store, versions, make_store):
    first, second, third = versions
    other = make_store("other")
    copy_objects(store, other, set(versions), Silent())
    chunk = store.recipe(first).chunk(1)
    damaged = bytearray(record_of(store, chunk))
    damaged[HEADER_BYTES + 500] ^= 1
    overwrite(store, chunk, bytes(damaged))
    named = {name for kind, name in problems(store) if kind == "chunk"}
    assert chunk.hex() in named
    assert store.recipe(second).chunk(1).hex() in named
    with pytest.raises(IntegrityError):
        store.read_blob(third)
    assert repair(store, other, chunk, "chunk")
    assert problems(store) == []
    assert store.read_blob(third) == versions[third]


def test_a_lost_basis_is_named(store, versions):
    first, second, _ = versions
    chunk = store.recipe(first).chunk(1)
    with store.write() as transaction:
        transaction.delete(CHUNKS, chunk)
    store.chunks.forget()
    with pytest.raises(ObjectMissing, match=chunk.hex()):
        store.chunks.read(store.recipe(second).chunk(1))


def test_a_commit_beside_a_damaged_version_does_without_it(store, put_after):
    base = put_after(store, weights())
    chunk = store.recipe(base).chunk(1)
    overwrite(store, chunk, record_of(store, chunk)[:100])
    later = put_after(store, weights(steps=1), base)
    assert store.read_blob(later) == weights(steps=1)


def test_chunks_that_are_based_on_each_other_are_refused(store, put, noise):
    one, two = noise(100_000, "one"), noise(100_000, "two")
    oids = put(store, one, two)
    payload = struct.pack("<2I", 50_000, 50_000) + bytes(100_000)
    for depth in (1, 3):
        overwrite(store, oids[0], make_record(Header(DIFFERENCE, 100_000, 2, depth, basis=oids[1]), payload))
        overwrite(store, oids[1], make_record(Header(DIFFERENCE, 100_000, 2, 1, basis=oids[0]), payload))
        for oid in oids:
            with pytest.raises(ObjectCorrupt):
                store.read_blob(oid)
    assert {name for _, name in problems(store)} == {oid.hex() for oid in oids}


def test_a_wide_tree_of_bases_is_bounded(store, put, noise):
    """Gap records of four bases each: what is decoded for one chunk is bounded by the depth."""
    oids = put(store, *(noise(2000, str(index)) + bytes(20_000) for index in range(6)))
    header = Header(GAP, 2 << 20, 0, 1, b"\x04" + bytes(7), oids[1])
    overwrite(store, oids[0], make_record(header, *oids[2:5], b"no frame"))
    with pytest.raises(ObjectCorrupt):
        store.read_blob(oids[0])


def test_a_recipe_list_that_lies_about_its_chunks_does_not_fill_memory(store, tmp_path, put, noise):
    """Chunks of 8 MiB where 16 KiB are said: no more than one of them is decoded."""
    zeros = bytes(MAX_CHUNK)
    large = blob_oid(zeros)
    (_, length), = store.append_records([(large, chunk_record(zeros))])[1]
    with store.write() as transaction:
        transaction.put(CHUNKS, large, PLACE.pack(1, length))
        lie = RecipeList("fastcdc@1", array("I", [16 << 10] * 1024), large * 1024)
        transaction.put(RECIPES, blob_oid(b"lie"), lie.encode())
    with open(tmp_path / "out", "wb") as file, pytest.raises(ObjectCorrupt):
        tracemalloc.start()
        try:
            store.export(blob_oid(b"lie"), file.fileno())
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert peak < 100 << 20
    assert not (tmp_path / "out").read_bytes()


def test_a_gap_is_not_coded_beside_more_than_can_be_read(store, put_after, noise):
    content = noise(9 << 20)
    half = 9 << 19
    parts = [content[:half], content[half:]]
    stored = store.append_records([(blob_oid(part), chunk_record(part)) for part in parts])[1]
    with store.write() as transaction:
        for oid, length in stored:
            transaction.put(CHUNKS, oid, PLACE.pack(1, length))
        recipe = RecipeList("fastcdc@1", array("I", [half] * 2), b"".join(oid for oid, _ in stored))
        transaction.put(RECIPES, blob_oid(content), recipe.encode())
    edited = content[: 17 << 19] + b"one row more" + content[17 << 19 :]
    oid = put_after(store, edited, blob_oid(content))
    assert store.read_blob(oid) == edited
    assert problems(store) == []


# Copies

def test_a_copy_takes_the_bases_along(store, versions, make_store):
    other = make_store("other")
    third = list(versions)[-1]
    copy_objects(store, other, {third}, Silent())
    assert other.read_blob(third) == versions[third]
    assert problems(other) == []
    assert headers(other, third) == headers(store, third)


def test_a_copy_that_stops_anywhere_names_no_chunk_without_its_bases(store, versions, make_store, monkeypatch):
    from mvcs.store import transfer

    monkeypatch.setattr(transfer, "BATCH", 1)
    third = list(versions)[-1]
    total = len(live_chunks(store, {third}))
    assert total > len(store.recipe(third).chunks())
    for stop in range(total):
        other = make_store(f"other{stop}")
        left = stop

        def write(target, batch, really=transfer._write):
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            really(target, batch)

        with monkeypatch.context() as patch:
            patch.setattr(transfer, "_write", write)
            with pytest.raises(KeyboardInterrupt):
                copy_objects(store, other, {third}, Silent())
        assert problems(other) == []
        assert len(find_dead(other, set())[2]) == stop


# Reading

@pytest.mark.parametrize("size", [9 << 20, 21 << 20])
def test_large_blobs_are_decoded_by_several_threads(store, tmp_path, put_after, size):
    base = weights(each=size // 6)
    later = weights(each=size // 6, steps=1)
    first = put_after(store, base)
    second = put_after(store, later, first)
    for oid, content in ((first, base), (second, later)):
        with open(tmp_path / "out", "wb") as file:
            assert store.export(oid, file.fileno()) == len(content)
        assert (tmp_path / "out").read_bytes() == content


def test_a_damaged_chunk_stops_an_export(store, tmp_path, put_after):
    oid = put_after(store, weights(each=3 << 20))
    chunk = store.recipe(oid).chunk(9)
    damaged = bytearray(record_of(store, chunk))
    damaged[-100] ^= 1
    overwrite(store, chunk, bytes(damaged))
    with open(tmp_path / "out", "wb") as file, pytest.raises(ObjectCorrupt, match=chunk.hex()):
        store.export(oid, file.fileno())


def test_a_range_reads_its_own_chunks_only(store, put_after):
    """Everything but one tensor is damaged, and the tensor is read all the same."""
    content = weights(each=600_000)
    oid = put_after(store, content)
    recipe = store.recipe(oid)
    wanted = range(len(content) - 1_200_000, len(content))
    at = 0
    for index, length in enumerate(recipe.lengths):
        if at + length <= wanted.start:
            overwrite(store, recipe.chunk(index), record_of(store, recipe.chunk(index))[:60])
        at += length
    with store.open(oid) as reader:
        reader.seek(wanted.start)
        assert reader.read() == content[wanted.start :]
        reader.seek(0)
        with pytest.raises(ObjectCorrupt):
            reader.read(10)


def test_a_chain_that_repack_changed_meanwhile_is_followed_anew(store, versions):
    """A reader has met the old record of a chunk and the new one of its basis."""
    first, second, _ = versions
    chunk, below = store.recipe(second).chunk(1), store.recipe(first).chunk(1)
    reading = store.chunks.pieces([chunk, chunk])
    next(reading)  # holds a view of the segment as it is now
    content, basis = store.chunks.read(chunk), store.chunks.read(below)
    overwrite(store, chunk, make_record(Header(RAW, len(content)), content))
    coded = encode(basis, 2, content)
    overwrite(store, below, make_record(Header(coded.codec, len(basis), 2, 1, coded.modes, chunk), coded.payload))
    store.chunks.forget()
    assert bytes(next(reading)) == content
    assert store.chunks.read(below) == basis


# repack beside others

def depths(store, oid):
    return {header.depth for header in headers(store, oid)[1:]}


def test_a_repack_that_was_killed_is_noticed_by_another(store, put_after, tmp_path, in_fork):
    """One has counted what is based on what; another one bases a chunk on a third, and ends before it has said so."""
    oldest, older, newer, other = (put_after(store, weights(steps=step)) for step in range(4))
    lock = FileLock(str(tmp_path / "lock"), 30)
    counting = Recoder(store, lock)
    counting.recode(other, ())

    def killed() -> bool:
        def stop(point):
            if point == "repack replaced records":
                os._exit(0)

        ports.on_reached = stop
        Recoder(LmdbStore(store.path), lock).recode(newer, (older,))
        return False

    assert in_fork(killed)
    counting.recode(older, (oldest,))
    store.chunks.forget()
    assert depths(store, newer) == {1}
    assert depths(store, older) == {0}
    for step, oid in enumerate((oldest, older, newer, other)):
        assert store.read_blob(oid) == weights(steps=step)
    assert problems(store) == []


def test_a_slice_that_could_not_be_written_counts_for_nothing(store, put_after, tmp_path, monkeypatch):
    first = put_after(store, weights())
    second = put_after(store, weights(steps=9), first)
    nearer, nearest = put_after(store, weights(steps=8)), put_after(store, weights(steps=1))
    recoder = Recoder(store, FileLock(str(tmp_path / "lock"), 5), deep=True)

    def fails(number, records):
        raise StoreCorrupt(path=store.path, reason="Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(store.segments, "replace", fails)
        recoder.recode(second, (nearer,))
    recoder.recode(first, (nearest,))
    assert depths(store, second) == {1}
    assert depths(store, first) == {0}
    assert problems(store) == []


def test_a_directory_is_rebuilt_around_garbage_that_sinks_no_more(store, put_after, tmp_path):
    """What a killed commit has left was based on a chunk that repack has raised since."""
    first, second = put_after(store, weights()), put_after(store, weights(steps=1))
    with store.batch() as batch:
        batch.put_bytes(weights(steps=2), (second,))
        batch.settle()
    Recoder(store, FileLock(str(tmp_path / "lock"), 5)).recode(second, (first,))
    assert depths(store, second) == {1}
    rebuild_directory(store)
    assert problems(store) == []
    third = put_after(store, weights(steps=2))
    assert store.read_blob(third) == weights(steps=2)


def test_of_two_records_the_one_whose_bases_are_there_is_named(make_store, put_after):
    store = make_store(cap=1)
    base, gone = put_after(store, weights()), put_after(store, weights(7))
    kept = put_after(store, weights(steps=1), base)
    chunk = store.recipe(kept).chunk(1)
    coded = encode(weights(steps=1)[-160_000:], 2, None)
    lost = store.recipe(gone).chunk(1)
    with store.appending() as transaction:  # a later segment
        assert transaction.number > 3
        header = Header(DIFFERENCE, 160_000, 2, 1, coded.modes, lost)
        transaction._transaction.put("records", chunk, make_record(header, coded.payload))
    sweep(store, {base, kept}, thorough=False)
    rebuild_directory(store)
    assert store.read_blob(kept) == weights(steps=1)


def test_an_open_blob_that_is_cut_anew_is_read_on(store, put_after, tmp_path):
    content = weights(count=12)
    with store.batch() as batch:  # as a merge stores what it has made
        oid = batch.put_pieces(iter([content]), len(content))
        batch.settle()
        finish(store, batch)
    assert store.recipe(oid).splitter == "fastcdc@1"
    with store.open(oid) as reader:
        head = reader.read(1000)
        Recoder(store, FileLock(str(tmp_path / "lock"), 5), deep=True).recode(oid, ())
        assert store.recipe(oid).splitter == "safetensors@1"
        sweep(store, {oid}, thorough=True)
        assert head + reader.read() == content


# Recipe lists from elsewhere

@pytest.fixture
def liar(make_store, put_after, noise):
    """A store whose recipe list of a blob has the right chunks in another order."""
    made = make_store("liar")
    oid = put_after(made, noise(1_000_000))
    true = made.recipe(oid)
    lie = RecipeList(true.splitter, array("I", true.lengths[::-1]), b"".join(true.chunks()[::-1]))
    with made.write() as transaction:
        transaction.put(RECIPES, oid, lie.encode())
    return made


def test_repair_does_not_take_a_recipe_list_that_does_not_give_the_blob(store, liar, put_after, noise):
    oid = put_after(store, noise(1_000_000))
    chunk = store.recipe(oid).chunk(0)
    overwrite(store, chunk, record_of(store, chunk)[:-1] + b"?")
    for problem in list(check_store(store, Silent())):
        assert repair(store, liar, problem.oid, problem.kind)
    assert store.read_blob(oid) == noise(1_000_000)
    with store.write() as transaction:
        transaction.delete(RECIPES, oid)
    assert not repair(store, liar, oid, "blob")
    assert store.recipe(oid) is None


def test_a_copy_does_not_take_one_either(store, liar, noise):
    with pytest.raises(ObjectCorrupt):
        copy_objects(liar, store, {blob_oid(noise(1_000_000))}, Silent())
    assert store.recipe(blob_oid(noise(1_000_000))) is None
