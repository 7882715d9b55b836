"""A damaged segment goes out of use: what is good in it stays, the file is kept."""

from __future__ import annotations

import os
import re

import pytest

from mvcs import ports
from mvcs.objects.hashing import blob_oid
from mvcs.ports import Silent
from mvcs.store.environment import verify_file
from mvcs.store.salvage import damaged_segments, set_aside
from mvcs.store.segments import TABLE
from mvcs.store.verify import check_files, check_store, repair

PAGE = 4096


@pytest.fixture
def damaged(make_store, put, noise):
    """A store with twenty chunks in a segment, of which one page is zeros: it can be opened all the same."""
    contents = [noise(60_000, str(number)) for number in range(20)]
    store = make_store("damaged")
    put(store, *contents)
    assert store.segments.numbers() == [1]
    path = os.path.join(store.segments.folder(1), "data.mdb")
    with open(path, "rb") as file:
        whole = file.read()
    # The first page of its record, and of one that a transaction left behind which had to begin again.
    places = {found.start() // PAGE * PAGE for found in re.finditer(re.escape(contents[7][:64]), whole)}
    store.segments.environment(1).close()
    with open(path, "r+b") as file:
        for at in places:
            file.seek(at)
            file.write(bytes(PAGE))
    assert verify_file(store.segments.folder(1))
    return store, contents


def readable(store, contents) -> set[int]:
    found = set()
    bad = {problem.oid for problem in check_store(store, Silent())}
    for number, content in enumerate(contents):
        if blob_oid(content) not in bad:
            assert store.read_blob(blob_oid(content)) == content
            found.add(number)
    return found


def test_good_chunks_stay_where_no_other_store_has_them(damaged):
    store, contents = damaged
    before = readable(store, contents)
    assert before == set(range(20)) - {7}
    assert damaged_segments(store) == [1]
    assert set_aside(store, 1) == os.path.join("damaged", "chunks-0001")
    assert readable(store, contents) == before
    assert check_files(store.path) == []
    assert store.segments.numbers() == [2]
    assert os.listdir(os.path.join(store.path, "damaged", "chunks-0001"))


def test_the_rest_is_mended_from_another_store(damaged, make_store, put):
    store, contents = damaged
    set_aside(store, 1)
    source = make_store("source")
    put(source, contents[7])
    for problem in list(check_store(store, Silent())):
        assert repair(store, source, problem.oid, problem.kind)
    assert readable(store, contents) == set(range(20))
    with store.segments.environment(2).read() as transaction:
        assert transaction.count(TABLE) == 20


def test_a_salvage_that_is_broken_off_loses_nothing_and_can_be_begun_again(damaged, monkeypatch):
    store, contents = damaged
    before = readable(store, contents)

    def stop(name: str) -> None:
        if name == "good chunks copied":
            raise KeyboardInterrupt

    monkeypatch.setattr(ports, "on_reached", stop)
    with pytest.raises(KeyboardInterrupt):
        set_aside(store, 1)
    monkeypatch.setattr(ports, "on_reached", lambda name: None)
    assert readable(store, contents) == before
    set_aside(store, 1)
    assert readable(store, contents) == before
    assert 1 not in store.segments.numbers()
