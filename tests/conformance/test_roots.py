"""What every home of roots promises (mvcs.refs.roots.RootHome): in a store, in a folder, in a bucket."""

from __future__ import annotations

import itertools
import os
import threading

import pytest
from servers.faults import Fault

from mvcs.errors import ObjectCorrupt, ObjectMissing, RefConflict, RemoteCorrupt, RemoteError
from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Person
from mvcs.objects.hashing import ATTESTATION, COMMIT, OPERATION, blob_oid
from mvcs.objects.operation import Move, Operation
from mvcs.refs.roots import LocalRoots, land, notes_about, notes_of
from mvcs.remote.catalog import Catalog
from mvcs.remote.home import DONE, UNKNOWN
from mvcs.remote.roots import RemoteRoots
from mvcs.remote.s3_client import S3Settings
from mvcs.remote.url import open_home
from mvcs.store.lmdb_store import LmdbStore

ADA = ("Ada", "ada@example.com")
MAIN = "heads/m/main"


@pytest.fixture(params=["store", "folder", "bucket"])
def opened(request, tmp_path):
    """Opens the same roots again and again, each with nothing in memory."""
    if request.param == "store":
        store = LmdbStore.create(str(tmp_path / "store"))
        yield lambda: LocalRoots(store)
        store.close()
        return
    (tmp_path / "remote").mkdir()
    url, settings = f"file://{tmp_path}/remote", None
    if request.param == "bucket":
        url, settings = f"s3://{request.getfixturevalue('bucket')}", S3Settings(endpoint=request.getfixturevalue("server"))
    kept = iter(range(1000))
    yield lambda: RemoteRoots(Catalog(open_home(url, settings), str(tmp_path / f"cache{next(kept)}")))


def move(home, old, new, name=MAIN, **options):
    return land(
        home, "heads", actor=ADA, now=options.pop("now", 1), command="push", write_id=os.urandom(16), moves=(Move(name, old, new),), **options
    )


def said(number):
    person = Person(*ADA, 1_000 + number, 0)
    return Attestation("commit", blob_oid(b"%d" % (number // 3)), "comment", blob_oid(b"said %d" % number), person)


def test_an_empty_root(opened):
    root = opened().read_root("heads")
    assert (root.generation, root.refs, root.ledger) == (0, (), None)


def test_refs_move_by_compare_and_swap(opened):
    one, two, three = (blob_oid(b"%d" % number) for number in range(3))
    move(opened(), None, one)
    move(opened(), one, two)
    with pytest.raises(RefConflict):
        move(opened(), one, three)
    root = opened().read_root("heads")
    assert dict(root.refs) == {MAIN: two}
    assert root.generation == 2


def test_the_ledger_has_every_landing(opened):
    oids = [blob_oid(b"%d" % number) for number in range(5)]
    for old, new in zip([None, *oids], oids, strict=False):
        move(opened(), old, new, now=1)
    home = opened()
    at, found = home.read_root("heads").ledger, []
    while at is not None:
        operation = Operation.decode(home.read_object(at, OPERATION))
        found.append((operation.height, operation.moves[0].new))
        at = operation.parent
    assert found == [(number, oids[number]) for number in (4, 3, 2, 1, 0)]


def test_a_write_that_is_made_again_is_made_once(opened):
    one = blob_oid(b"1")
    for _ in range(2):
        root = land(opened(), "heads", actor=ADA, now=1, command="push", write_id=b"same", moves=(Move(MAIN, None, one),))
    assert root.generation == 1


def test_nothing_that_nobody_wrote(opened):
    home = opened()
    home.read_root("heads")
    with pytest.raises(ObjectMissing):
        home.read_object(blob_oid(b"none"), COMMIT)


def test_notes_by_the_hundred(opened):
    """They outgrow the root, and at a remote its file: all are found, by subject and in landing order."""
    for start in range(0, 900, 300):
        comments = tuple(said(number) for number in range(start, start + 300))
        land(opened(), "words", actor=ADA, now=start, command="comment", write_id=os.urandom(16), attestations=comments)
    home = opened()
    root = home.read_root("words")
    assert [note.landing for note in sorted(notes_of(home, root), key=lambda note: note.landing)] == list(range(1, 901))
    found = [home.read_object(note.attestation, ATTESTATION) for note in notes_about(home, root, said(456).subject)]
    assert found == [said(number).encode() for number in (456, 457, 458)]


def test_sixteen_writers_all_land(opened):
    failed, branches = [], [f"heads/m/b{number}" for number in range(16)]

    def push(name):
        home, old = opened(), None
        for step in range(2):
            while True:
                try:
                    new = blob_oid(f"{name}{step}".encode())
                    move(home, old, new, name)
                    old = new
                    break
                except RefConflict as error:
                    if error.fields["ref"] == name:
                        failed.append(error)
                        return

    threads = [threading.Thread(target=push, args=(name,)) for name in branches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    root = opened().read_root("heads")
    assert dict(root.refs) == {name: blob_oid(f"{name}1".encode()) for name in branches}
    assert root.generation == 32


class TestLostAnswers:
    @pytest.fixture
    def home(self, bucket, proxy):
        return RemoteRoots(Catalog(open_home(f"s3://{bucket}", S3Settings(endpoint=proxy.url)), None))

    def test_a_swap_that_was_done_is_a_success(self, home, proxy):
        one, two = blob_oid(b"1"), blob_oid(b"2")
        proxy.plan = lambda request: Fault(lost=True) if request.method == "PUT" else None
        move(home, None, one)
        move(home, one, two)
        proxy.plan = lambda request: None
        root = home.read_root("heads")
        assert (dict(root.refs), root.generation) == ({MAIN: two}, 2)

    def test_one_that_was_not_is_sent_again(self, home, proxy):
        broken = iter([Fault(reset=True), Fault(status=503)])
        proxy.plan = lambda request: next(broken, None) if request.method == "PUT" else None
        move(home, None, blob_oid(b"1"))
        assert home.read_root("heads").generation == 1

    def test_one_that_never_gets_through_says_so(self, home, proxy):
        proxy.plan = lambda request: Fault(status=503) if request.method == "PUT" else None
        with pytest.raises(RemoteError):
            move(home, None, blob_oid(b"1"))
        assert home.read_root("heads").generation == 0

    def test_many_came_later(self, tmp_path):
        """More than a root remembers by their ids: the ledger tells."""
        mine, others = (RemoteRoots(Catalog(open_home(f"file://{tmp_path}"), None)) for _ in range(2))
        home, oids = mine.catalog.home, [blob_oid(b"%d" % number) for number in range(40)]

        def lost(key, content, tag):
            assert type(home).swap(home, key, content, tag) == DONE
            for old, new in itertools.pairwise(oids):
                move(others, old, new)
            return UNKNOWN

        home.swap = lost
        move(mine, None, oids[0])
        assert dict(others.read_root("heads").refs) == {MAIN: oids[-1]}

    def test_many_came_instead(self, tmp_path):
        mine, others = (RemoteRoots(Catalog(open_home(f"file://{tmp_path}"), None)) for _ in range(2))
        home, oids = mine.catalog.home, [blob_oid(b"%d" % number) for number in range(40)]

        def lost(key, content, tag):
            for old, new in zip([None, *oids], oids, strict=False):
                move(others, old, new)
            return UNKNOWN

        home.swap = lost
        with pytest.raises(RefConflict):
            move(mine, None, blob_oid(b"mine"))


class TestDamage:
    def test_a_root_that_is_none(self, tmp_path):
        home = open_home(f"file://{tmp_path}")
        home.swap("roots/heads", b"garbage", None)
        with pytest.raises(RemoteCorrupt):
            RemoteRoots(Catalog(home, None)).read_root("heads")

    def test_a_segment_or_pack_that_went(self, tmp_path):
        home = open_home(f"file://{tmp_path}")
        comments = tuple(said(number) for number in range(900))
        land(RemoteRoots(Catalog(home, None)), "words", actor=ADA, now=1, command="c", write_id=b"1", attestations=comments)
        (pack,) = [item.key for item in home.listing("meta/")]
        (segment,) = [item.key for item in home.listing("index/")]
        kept = home.get(pack)
        home.delete([pack])
        broken = RemoteRoots(Catalog(home, None))
        root = broken.read_root("words")
        with pytest.raises(RemoteCorrupt):
            notes_of(broken, root)
        home.put(pack, bytes(byte ^ 1 for byte in kept))
        with pytest.raises(ObjectCorrupt):
            notes_of(broken, root)
        home.put(pack, kept)
        assert len(notes_of(broken, root)) == 900
        home.delete([segment])
        again = RemoteRoots(Catalog(home, None))
        with pytest.raises(RemoteCorrupt):
            notes_of(again, again.read_root("words"))
