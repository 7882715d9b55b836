"""gc's sweep: exactly the dead go, readers lose nothing, and a crash leaves garbage at worst."""

from __future__ import annotations

import os

import pytest

from mvcs import ports
from mvcs.errors import ObjectMissing
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import COMMIT, TREE, blob_oid
from mvcs.objects.tree import build_tree
from mvcs.ports import FixedClock
from mvcs.store.base import CHUNKS, GRAPH, MAPPED, OBJECTS, RECIPES
from mvcs.store.mapped import mapped_file
from mvcs.store.sweep import find_dead, live_chunks, rebuild_directory, sweep

CAP = 1 << 20
SIZES = (10, 20_000, 300_000, 900_000)


@pytest.fixture
def filled(make_store, put, noise):
    """A store with blobs of every placement, half of them to be kept, and both contents."""
    store = make_store(cap=CAP)
    dead = [noise(size, f"dead {size}") for size in SIZES]
    live = [noise(size, f"live {size}") for size in SIZES]
    put(store, *[content for pair in zip(dead, live, strict=True) for content in pair])
    return store, live, dead


def names(contents) -> set:
    return {blob_oid(content) for content in contents}


@pytest.mark.parametrize("thorough", [False, True])
def test_exactly_the_dead_are_removed(filled, thorough):
    store, live, dead = filled
    result = sweep(store, names(live), thorough=thorough)
    assert dict(store.objects()) == dict.fromkeys(names(live), "blob")
    assert [store.read_blob(blob_oid(content)) for content in live] == live
    assert store.missing(names(dead)) == names(dead)
    assert result.objects == 3  # an inline blob and two cut ones; a blob of one chunk counts as a chunk
    assert result.chunks > 3
    assert result.bytes >= sum(SIZES)


def test_the_bytes_are_given_back(filled):
    store, live, _ = filled

    def on_disk():
        return sum(
            os.path.getsize(os.path.join(store.segments.folder(number), "data.mdb")) for number in store.segments.numbers()
        )

    before = on_disk()
    sweep(store, names(live), thorough=True)
    assert on_disk() < 0.65 * before
    sweep(store, set())
    assert store.segments.numbers() == []


def test_sweeping_twice_does_nothing_more(filled):
    store, live, _ = filled
    sweep(store, names(live), thorough=True)
    segments = store.segments.numbers()
    again = sweep(store, names(live), thorough=True)
    assert (again.objects, again.chunks, again.bytes, again.segments) == (0, 0, 0, 0)
    assert store.segments.numbers() == segments


def test_a_dry_run_counts_the_same_and_removes_nothing(filled):
    store, live, dead = filled
    before = dict(store.objects())
    counted = sweep(store, names(live), dry_run=True)
    assert dict(store.objects()) == before
    assert [store.read_blob(blob_oid(content)) for content in live + dead] == live + dead
    done = sweep(store, names(live))
    assert (counted.objects, counted.chunks, counted.bytes) == (done.objects, done.chunks, done.bytes)
    assert counted.segments == 0


def test_chunks_that_a_live_blob_shares_stay(make_store, put, noise):
    store = make_store(cap=CAP)
    first = noise(3 << 20)
    second = first[: 2 << 20] + b"changed" + first[2 << 20 :]
    kept, gone = put(store, first, second)
    shared = set(store.recipe(kept).chunks()) & set(store.recipe(gone).chunks())
    assert len(shared) > 20
    sweep(store, {kept}, thorough=True)
    assert store.read_blob(kept) == first
    assert live_chunks(store, {kept}) == set(store.recipe(kept).chunks())
    with pytest.raises(ObjectMissing):
        store.read_blob(gone)


def test_a_blob_that_is_a_chunk_of_a_dead_one_stays(store, put, noise):
    whole = put(store, noise(900_000))
    chunk = store.recipe(whole).chunk(1)
    content = store.read_chunk(chunk)
    assert put(store, content) == chunk
    sweep(store, {chunk}, thorough=True)
    assert store.read_blob(chunk) == content
    assert store.missing([whole, chunk]) == {whole}


def test_commits_leave_the_graph_with_their_objects(store):
    ada = Person("Ada", "", 0, 0)
    tree, tree_payload = build_tree([])[-1]
    with store.write() as transaction:
        transaction.put_object(TREE, tree_payload)
        oids = [
            transaction.put_object(COMMIT, Commit(
                model="m", tree=tree, parents=(), generation=1, author=ada, committer=ada, message=str(i)
            ).encode())
            for i in range(2)
        ]
    sweep(store, {oids[0], tree})
    with store.read() as transaction:
        assert [key for key, _ in transaction.items(GRAPH)] == [oids[0]]
    assert dict(store.objects()) == {oids[0]: COMMIT, tree: TREE}


def test_mapped_files_of_dead_blobs_go(filled):
    store, live, dead = filled
    clock = FixedClock(0)
    kept = [mapped_file(store, oid, clock) for oid in sorted(names(live))]
    gone = [mapped_file(store, oid, clock) for oid in sorted(names(dead))]
    sweep(store, names(live))
    assert all(os.path.exists(path) for path in kept)
    assert not any(os.path.exists(path) for path in gone)
    with store.read() as transaction:
        assert {key for key, _ in transaction.items(MAPPED)} == names(live)


def test_a_segment_with_little_garbage_is_left(make_store, put, noise):
    store = make_store()
    live, dead = put(store, noise(3 << 20), noise(20_000, "dead"))
    assert sweep(store, {live}).segments == 0
    before = store.segments.numbers()
    assert sweep(store, {live}, thorough=True).segments == 1
    assert store.segments.numbers() != before
    assert store.read_blob(live) == noise(3 << 20)
    assert store.missing([dead]) == {dead}


def test_what_was_swept_can_be_stored_again(filled, put):
    store, live, dead = filled
    sweep(store, names(live))
    put(store, *dead)
    assert [store.read_blob(blob_oid(content)) for content in dead + live] == dead + live
    assert rebuild_directory(store)
    assert [store.read_blob(blob_oid(content)) for content in dead + live] == dead + live


class TestReaders:
    """A reader that began before the sweep ends well."""

    def test_one_in_the_middle_of_a_segment_reads_on(self, filled):
        store, live, _ = filled
        reading = store.chunks.pieces(store.recipe(blob_oid(live[3])).chunks())
        content = bytes(next(reading))
        sweep(store, names(live), thorough=True)
        content += b"".join(bytes(piece) for piece in reading)
        assert content == live[3]

    def test_one_that_holds_old_places_looks_again(self, make_store, put, noise):
        """The blob lies in several segments; the later ones are moved while it reads the first."""
        store = make_store(cap=CAP)
        content = noise(5 << 20)
        parts = [noise(900_000, str(i)) for i in range(5)]
        for part in parts:
            put(store, part)
        joined = b"".join(parts)
        oid = put(store, joined)
        reading = store.chunks.pieces(store.recipe(oid).chunks())
        first = bytes(next(reading))
        old = store.segments.numbers()
        sweep(store, {oid}, thorough=True)
        assert set(store.segments.numbers()) != set(old)
        assert first + b"".join(bytes(piece) for piece in reading) == joined
        assert len(content) == 5 << 20

    def test_one_that_opened_a_blob_reads_it_from_its_new_place(self, filled):
        store, live, _ = filled
        reader = store.open(blob_oid(live[3]))
        assert reader.read(1000) == live[3][:1000]
        sweep(store, names(live), thorough=True)
        assert reader.read() == live[3][1000:]

    def test_another_process_that_has_the_segments_open(self, filled):
        store, live, _ = filled
        (ready, say_ready), (go, say_go) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                reading = store.chunks.pieces(store.recipe(blob_oid(live[3])).chunks())
                content = bytes(next(reading))
                os.write(say_ready, b"x")
                os.read(go, 1)
                content += b"".join(bytes(piece) for piece in reading)
                again = [store.read_blob(blob_oid(part)) for part in live]
                status = 0 if content == live[3] and again == live else 1
            finally:
                os._exit(status)
        os.close(say_ready)
        os.read(ready, 1)
        sweep(store, names(live), thorough=True)
        os.write(say_go, b"x")
        assert os.waitpid(pid, 0)[1] == 0
        for descriptor in (ready, go, say_go):
            os.close(descriptor)

    def test_a_dead_blob_is_missing_not_damaged(self, filled):
        store, live, dead = filled
        reader = store.open(blob_oid(dead[3]))
        sweep(store, names(live), thorough=True)
        with pytest.raises(ObjectMissing):
            reader.read()


POINTS = ["gc deleted names", "gc copied records", "gc moved segment"]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_sweep_that_dies_is_finished_by_the_next(filled, in_fork, point, times):
    store, live, dead = filled

    def in_child():
        left = [times]

        def end_at(name):
            left[0] -= name == point
            if left[0] == 0:
                os._exit(0)

        ports.on_reached = end_at
        sweep(store, names(live), thorough=True)
        return True

    assert in_fork(in_child)
    assert [store.read_blob(blob_oid(content)) for content in live] == live
    sweep(store, names(live), thorough=True)
    assert dict(store.objects()) == dict.fromkeys(names(live), "blob")
    assert find_dead(store, names(live)) == ([], [], [], 0)
    with store.read() as transaction:
        assert not {key for table in (OBJECTS, RECIPES, CHUNKS) for key, _ in transaction.items(table)} & names(dead)
    assert [store.read_blob(blob_oid(content)) for content in live] == live
