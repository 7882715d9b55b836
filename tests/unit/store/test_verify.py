"""fsck finds every kind of damage, says what it is, and mends it from another store."""

from __future__ import annotations

import os

import pytest

from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import COMMIT, TAG, TREE, blob_oid, object_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry, build_tree
from mvcs.ports import Silent
from mvcs.store.base import CHUNKS, GRAPH, OBJECTS, RECIPES
from mvcs.store.segments import PLACE, TABLE
from mvcs.store.verify import check_files, check_store, repair

ADA = Person("Ada", "", 0, 0)


@pytest.fixture
def pair(make_store, put, noise):
    """Two stores with the same objects, and the oids by what they are."""
    contents = {
        "small": b"small", "packed": b"text " * 3000, "one chunk": noise(100_000),
        "text chunk": b"line of text\n" * 9000, "cut": noise(900_000),
    }
    tree, payload = build_tree([Entry(b"a", FILE, IS_BLOB, blob_oid(b"small"), 5)])[-1]
    commit = Commit(model="m", tree=tree, parents=(), generation=1, author=ADA, committer=ADA, message="").encode()
    stores = []
    for name in ("damaged", "source"):
        store = make_store(name)
        put(store, *contents.values())
        with store.write() as transaction:
            transaction.put_object(TREE, payload)
            transaction.put_object(COMMIT, commit)
        stores.append(store)
    oids = {name: blob_oid(content) for name, content in contents.items()}
    return *stores, {**oids, "tree": tree, "commit": object_oid(COMMIT, commit)}, contents


def problems(store) -> list:
    return list(check_store(store, Silent()))


def flip(store, table: str, oid, at: int = -1) -> None:
    with store.write() as transaction:
        value = bytearray(transaction.get(table, oid))
        value[at] ^= 0xFF
        transaction.put(table, oid, bytes(value))


def flip_chunk(store, oid, at: int = -1) -> None:
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, oid))[0]
    with store.segments.environment(number).write() as transaction:
        value = bytearray(transaction.get(TABLE, oid))
        value[at] ^= 0xFF
        transaction.put(TABLE, oid, bytes(value))


def lose(store, table: str, oid) -> None:
    with store.write() as transaction:
        assert transaction.delete(table, oid)


DAMAGE = {
    "inline blob": lambda store, oids: flip(store, OBJECTS, oids["small"]),
    "inline blob cut short": lambda store, oids: _cut(store, oids["small"], 1),
    "inline blob of no bytes": lambda store, oids: _cut(store, oids["small"], 0),
    "tree": lambda store, oids: flip(store, OBJECTS, oids["tree"]),
    "commit": lambda store, oids: flip(store, OBJECTS, oids["commit"]),
    "kind of a commit": lambda store, oids: flip(store, OBJECTS, oids["commit"], 0),
    "chunk of its own": lambda store, oids: flip_chunk(store, oids["one chunk"]),
    "compressed chunk": lambda store, oids: flip_chunk(store, oids["text chunk"]),
    "version of a chunk": lambda store, oids: flip_chunk(store, oids["one chunk"], 0),
    "codec of a chunk": lambda store, oids: flip_chunk(store, oids["one chunk"], 1),
    "length of a chunk": lambda store, oids: flip_chunk(store, oids["one chunk"], 4),
    "chunk of a cut blob": lambda store, oids: flip_chunk(store, store.recipe(oids["cut"]).chunk(2)),
    "lost record": lambda store, oids: _lose_record(store, store.recipe(oids["cut"]).chunk(0)),
    "lost place of a part": lambda store, oids: lose(store, CHUNKS, store.recipe(oids["cut"]).chunk(0)),
    "recipe list": lambda store, oids: flip(store, RECIPES, oids["cut"]),
    "head of a recipe list": lambda store, oids: flip(store, RECIPES, oids["cut"], 2),
    "recipe list in disorder": lambda store, oids: _swap(store, oids["cut"]),
    "graph row": lambda store, oids: flip(store, GRAPH, oids["commit"]),
    "lost graph row": lambda store, oids: lose(store, GRAPH, oids["commit"]),
}


def _cut(store, oid, length):
    with store.write() as transaction:
        transaction.put(OBJECTS, oid, transaction.get(OBJECTS, oid)[:length])


def _lose_record(store, oid):
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, oid))[0]
    with store.segments.environment(number).write() as transaction:
        assert transaction.delete(TABLE, oid)


def _swap(store, oid):
    with store.write() as transaction:
        recipe = store.recipe(oid)
        recipe.oids = recipe.oids[32:64] + recipe.oids[:32] + recipe.oids[64:]
        recipe.lengths[0], recipe.lengths[1] = recipe.lengths[1], recipe.lengths[0]
        transaction.put(RECIPES, oid, recipe.encode())


def test_a_sound_store_has_no_problems(pair):
    store, source, oids, _ = pair
    assert problems(store) == problems(source) == []
    assert set(dict(store.objects())) == set(oids.values())


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_mended(pair, what):
    store, source, oids, contents = pair
    DAMAGE[what](store, oids)
    found = problems(store)
    assert found
    for problem in found:
        assert problem.oid is not None
        assert problem.name == problem.oid.hex()
        assert repair(store, source, problem.oid, problem.kind), problem
    assert problems(store) == []
    for name, content in contents.items():
        assert store.read_blob(oids[name]) == content
    assert store.load(oids["commit"], COMMIT) == source.load(oids["commit"], COMMIT)


def test_a_lost_blob_is_brought_back(pair):
    """Not by fsck over the store, which cannot know of it, but by whoever finds its name."""
    store, source, oids, contents = pair
    for table, name in ((OBJECTS, "small"), (CHUNKS, "one chunk"), (RECIPES, "cut")):
        lose(store, table, oids[name])
        assert repair(store, source, oids[name], "blob")
        assert store.read_blob(oids[name]) == contents[name]
    assert problems(store) == []
    with store.read() as transaction:
        assert transaction.get(OBJECTS, oids["one chunk"]) is None  # too large for meta


def test_a_segment_that_is_gone_is_brought_back(pair):
    store, source, oids, contents = pair
    for number in store.segments.numbers():
        store.segments.remove(number)
    found = problems(store)
    assert {problem.kind for problem in found} == {"chunk", "blob"}
    for problem in found:
        assert repair(store, source, problem.oid, problem.kind)
    assert problems(store) == []
    assert store.read_blob(oids["cut"]) == contents["cut"]


def test_a_source_without_the_object_cannot_mend(pair, make_store):
    store, _, oids, _ = pair
    empty = make_store("empty")
    flip_chunk(store, oids["one chunk"])
    flip(store, OBJECTS, oids["tree"])
    flip(store, RECIPES, oids["cut"], 2)
    found = problems(store)
    assert len(found) == 3
    for problem in found:
        assert not repair(store, empty, problem.oid, problem.kind)
    assert problems(store) == found


def test_a_damaged_source_cannot_mend(pair):
    store, source, oids, _ = pair
    for each in (store, source):
        flip_chunk(each, oids["one chunk"])
    assert not repair(store, source, oids["one chunk"], "chunk")


def test_an_object_with_the_right_hash_and_the_wrong_form_is_a_problem(store):
    payload = b"\x94\xa4tree\x01\x00\xcc\x00"  # rows are a number, and not in its shortest form
    with store.write() as transaction:
        oid = transaction.put_object(TREE, payload)
    (problem,) = problems(store)
    assert (problem.kind, problem.name) == (TREE, oid.hex())
    assert problem.to_dict() == {"kind": TREE, "name": oid.hex(), "reason": problem.reason}


def test_an_object_of_a_newer_mvcs_is_named_but_not_mended(store):
    with store.write() as transaction:
        oid = transaction.put_object(TAG, b"\x93\xa3tag\x02\xc0")
    (problem,) = problems(store)
    assert problem.name == oid.hex()
    assert "tag-2" in problem.reason
    assert problem.oid is None


def test_the_files_are_checked_page_by_page(pair):
    store, source, _, _ = pair
    store.close()
    assert check_files(store.path) == []
    parts = ["meta", *(f"chunks/{number:04d}" for number in store.segments.numbers())]
    for part in parts:
        path = os.path.join(store.path, part, "data.mdb")
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            file.write(bytes(4096))
    assert {problem.name for problem in check_files(store.path)} <= set(parts)
    with open(os.path.join(store.path, "meta", "data.mdb"), "r+b") as file:
        file.write(bytes(8192))
    assert "meta" in {problem.name for problem in check_files(store.path)}
    assert check_files(source.path) == []
