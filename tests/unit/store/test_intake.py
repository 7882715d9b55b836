"""Records from elsewhere: in any order, all verified, nothing named before its bytes are here."""

from __future__ import annotations

import random

import pytest
from store_contents import rows, weights

from mvcs.errors import IntegrityError, ObjectCorrupt, ObjectMissing
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import COMMIT, blob_oid, object_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry, build_tree
from mvcs.ports import Silent
from mvcs.store import intake
from mvcs.store.base import CHUNKS, GRAPH, OBJECTS, RECIPES
from mvcs.store.intake import Intake
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.records import MAX_DEPTH, RAW, Header, RecipeList, make_record
from mvcs.store.verify import check_store


def put(store, content, *near):
    with store.batch() as batch:
        oid = batch.put_bytes(content, near)
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    return oid


@pytest.fixture
def stores(tmp_path):
    made = [LmdbStore.create(str(tmp_path / name)) for name in ("from", "to")]
    yield made
    for store in made:
        store.close()


@pytest.fixture
def source(stores):
    return stores[0]


@pytest.fixture
def target(stores):
    return stores[1]


@pytest.fixture
def contents(source):
    """A model with a history of differences, a table with one of gaps, small files."""
    found, near = {}, ()
    for step in range(4):
        content = weights(steps=step)
        near = (put(source, content, *near),)
        found[near[0]] = content
    near = ()
    for inserted in ((), (17,), (17, 900)):
        content = rows(60_000, inserted=inserted)
        near = (put(source, content, *near),)
        found[near[0]] = content
    for content in (b"small", rows(2000), b"x" * 100_000):
        found[put(source, content)] = content
    return found


def everything(source, oids):
    """What a remote would give: recipe lists, rows, chunk records with all that they are based on."""
    recipes, plain, chunks = {}, {}, {}
    with source.read() as transaction:
        for oid in oids:
            recipe, row = transaction.get(RECIPES, oid), transaction.get(OBJECTS, oid)
            if recipe is not None:
                recipes[oid] = recipe
                chunks.update(dict.fromkeys(RecipeList.decode(recipe).chunks()))
            elif row is not None:
                plain[oid] = row
            else:
                chunks[oid] = None
    new = list(chunks)
    while new:
        bases = [basis for _, _, names in source.chunks.headers(new) for basis in names]
        new = [basis for basis in dict.fromkeys(bases) if basis not in chunks]
        chunks.update(dict.fromkeys(new))
    return recipes, plain, dict(source.chunks.records(list(chunks), verify=()))


def take(target, recipes, plain, chunks):
    with Intake(target, "elsewhere") as taken:
        for oid, value in recipes.items():
            taken.recipe(oid, value)
        for oid, row in plain.items():
            taken.row(oid, row)
        for oid, record in chunks:
            taken.chunk(oid, record)
        taken.finish()


def whole(target, contents):
    for oid, content in contents.items():
        assert target.read_blob(oid) == content
    assert [problem.name for problem in check_store(target, Silent())] == []
    with target.read() as transaction:
        names = [key for key, _ in transaction.items(CHUNKS)]
    assert max(header.depth for _, header, _ in target.chunks.headers(names)) <= MAX_DEPTH


@pytest.mark.parametrize("order", ["stored", "reversed", 1, 2, 3])
@pytest.mark.parametrize("batch", [None, 300_000])
def test_in_any_order(source, target, contents, order, batch, monkeypatch):
    if batch:
        monkeypatch.setattr(intake, "BATCH", batch)
        monkeypatch.setattr(intake, "SPOOLED", 1000)
    recipes, plain, chunks = everything(source, contents)
    records = list(chunks.items())
    if order == "reversed":
        records.reverse()
    elif order != "stored":
        random.Random(order).shuffle(records)
    take(target, recipes, plain, records)
    whole(target, contents)
    if order == "stored":  # as they are stored there: nothing is coded anew
        assert dict(target.chunks.records(list(chunks), verify=())) == chunks


def test_what_is_here_already_stays(source, target, contents):
    put(target, list(contents.values())[1])
    recipes, plain, chunks = everything(source, contents)
    take(target, recipes, plain, chunks.items())
    whole(target, contents)


def test_a_basis_that_lies_deeper_here(source, target):
    """Each store may have coded a chunk in its own way; chains go down in both."""
    first, second = weights(), weights(steps=1)
    oid = put(source, second, put(source, first))
    assert put(target, first, put(target, weights(steps=4))) == blob_oid(first)
    recipes, plain, chunks = everything(source, [oid])
    depth = {name: header.depth for name, header, _ in target.chunks.headers(chunks)}
    assert set(depth.values()) >= {1}
    take(target, recipes, plain, [(name, record) for name, record in chunks.items() if name not in depth])
    whole(target, {oid: second})
    found = list(target.chunks.headers(RecipeList.decode(recipes[oid]).chunks()))
    assert not any(depth.get(basis, 0) >= header.depth for _, header, names in found for basis in names)


def test_a_basis_that_never_comes(source, target, contents):
    recipes, plain, chunks = everything(source, contents)
    gone = next(basis for _, _, names in source.chunks.headers(list(chunks)) for basis in names)
    with pytest.raises(ObjectMissing):
        take(target, recipes, plain, [(oid, record) for oid, record in chunks.items() if oid != gone])
    with target.read() as transaction:
        assert list(transaction.items(RECIPES)) == []
    assert [problem.name for problem in check_store(target, Silent())] == []


def test_a_chunk_that_never_comes(source, target, contents):
    recipes, plain, chunks = everything(source, contents)
    last = RecipeList.decode(next(iter(recipes.values()))).chunks()[-1]
    left = {oid: record for oid, record in chunks.items() if oid != last}
    with pytest.raises(ObjectMissing):
        take(target, recipes, plain, left.items())


def test_every_damage_is_seen(source, target, contents):
    recipes, plain, chunks = everything(source, contents)
    made = random.Random(5)
    for oid, record in made.sample(list(chunks.items()), 12):
        at = made.randrange(len(record))
        damaged = {**chunks, oid: record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]}
        with pytest.raises(IntegrityError):
            take(target, recipes, plain, damaged.items())
    for oid, row in plain.items():
        with pytest.raises(ObjectCorrupt):
            take(target, {}, {oid: row[:-1] + bytes([row[-1] ^ 1])}, [])
    for oid, value in recipes.items():
        with pytest.raises(ObjectCorrupt):
            take(target, {oid: value[:20] + b"\xff" + value[21:]}, {}, [])
    take(target, recipes, plain, chunks.items())
    whole(target, contents)


def test_chunks_of_another_blob(source, target, contents):
    """A recipe list is not named by its own hash: what it gives tells."""
    recipes, plain, chunks = everything(source, contents)
    first, second = list(recipes)[:2]
    with pytest.raises(ObjectCorrupt):
        take(target, {first: recipes[second]}, plain, chunks.items())
    assert target.kind(first) is None


def test_a_record_that_says_another_length(target):
    content = b"c" * 300
    lying = make_record(Header(RAW, 299), content[:299])
    with pytest.raises(ObjectCorrupt):
        take(target, {}, {}, [(blob_oid(content), lying)])


def test_objects_come_with_their_graph(source, target):
    person = Person("Ada", "ada@example.com", 1, 0)
    tree = build_tree([Entry(b"a", FILE, IS_BLOB, blob_oid(b"a"), 1)])[-1]
    commit = Commit(model="m", tree=tree[0], parents=(), generation=1, author=person, committer=person, message="m").encode()
    with source.write() as transaction:
        oid = transaction.put_object(COMMIT, commit)
        row = transaction.get(OBJECTS, oid)
    with Intake(target, "elsewhere") as taken:
        assert taken.row(oid, row) == (COMMIT, commit)
        taken.finish()
    assert object_oid(COMMIT, target.load(oid, COMMIT)) == oid
    with target.read() as transaction:
        assert transaction.get(GRAPH, oid) is not None

