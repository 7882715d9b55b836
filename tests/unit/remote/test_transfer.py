"""Records that are sent are fetched again, in few requests, whatever broke off in between."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import RemoteCorrupt, RemoteError
from mvcs.objects.hashing import blob_oid
from mvcs.ports import Silent
from mvcs.remote import upload
from mvcs.remote.download import fetch, plan_stretches
from mvcs.remote.index import PackName, Place
from mvcs.remote.pack import CHUNK, Item
from mvcs.remote.upload import Sent, Upload
from mvcs.remote.url import open_home

PACK = [PackName(blob_oid(b"p%d" % number), 0, meta=False, sequence=number) for number in range(3)]
WANTED = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 500), st.integers(1, 60)), max_size=25,
    unique_by=lambda item: item[:2],
).map(lambda rows: [(blob_oid(b"%d.%d" % (pack, at)), CHUNK, Place(PACK[pack], at, length)) for pack, at, length in rows])


@given(WANTED, st.integers(0, 40), st.integers(1, 200))
def test_requests_cover_what_is_wanted_and_little_else(wanted, gap, most):
    stretches = plan_stretches(wanted, gap, most)
    rows = [(oid, sort, Place(stretch.pack, at, length)) for stretch in stretches for oid, sort, at, length in stretch.rows]
    assert sorted(rows, key=repr) == sorted(wanted, key=repr)
    for stretch in stretches:
        assert all(stretch.start <= at and at + length <= stretch.end for _, _, at, length in stretch.rows)
        assert stretch.end - stretch.start <= max(most, *(length for _, _, _, length in stretch.rows), 0)
        covered = set()
        for _, _, at, length in stretch.rows:
            covered.update(range(at, at + length))
        holes = sum(1 for at in range(stretch.start, stretch.end) if at not in covered)
        assert holes <= gap * (len(stretch.rows) - 1)


@pytest.fixture
def records():
    made = random.Random(1)
    found = {blob_oid(b"%d" % number): made.randbytes(made.randrange(1, 200_000)) for number in range(60)}
    return found, [Item(oid, CHUNK, len(record)) for oid, record in found.items()]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "remote").mkdir()
    return open_home(f"file://{tmp_path}/remote")


def sending(home, sent=None):
    return Upload(home, epoch=0, sequence=7, sent=sent or Sent(None), progress=Silent())


def test_what_is_sent_is_fetched(home, records, monkeypatch):
    monkeypatch.setattr(upload, "PACK", 1 << 20)
    contents, items = records
    made = sending(home)
    made.send(items, lambda item: contents[item.oid], meta=False)
    assert len(list(home.listing("packs/"))) > 4
    assert made.size == sum(item.size for item in home.listing("packs/"))
    wanted = [(oid, sort, place) for (oid, sort), place in made.places.items()]
    got = list(fetch(home, plan_stretches(wanted), Silent()))
    assert {oid: record for oid, _, record in got} == contents
    assert [oid for oid, _, _ in got] == [item.oid for item in items]


def test_an_interrupted_upload_goes_on(home, records, monkeypatch, tmp_path):
    monkeypatch.setattr(upload, "PACK", 1 << 20)
    monkeypatch.setattr(upload, "AT_ONCE", 1)
    contents, items = records
    put, left = home.put, [3]

    def breaks(key, body):
        if not left[0]:
            raise RemoteError(url=home.url, reason="the network is gone")
        left[0] -= 1
        put(key, body)

    home.put = breaks
    with pytest.raises(RemoteError):
        sending(home, Sent(str(tmp_path / "sent"))).send(items, lambda item: contents[item.oid], meta=False)
    assert len(list(home.listing("packs/"))) == 3
    again = []
    home.put = lambda key, body: (again.append(key), put(key, body))
    made = sending(home, Sent(str(tmp_path / "sent")))
    made.send(items, lambda item: contents[item.oid], meta=False)
    assert len(again) == len(list(home.listing("packs/"))) - 3
    wanted = [(oid, sort, place) for (oid, sort), place in made.places.items()]
    assert {oid: record for oid, _, record in fetch(home, plan_stretches(wanted), Silent())} == contents


def test_what_the_remote_lost_meanwhile_is_sent_again(home, records, tmp_path):
    contents, items = records
    for _ in range(2):
        made = sending(home, Sent(str(tmp_path / "sent")))
        made.send(items, lambda item: contents[item.oid], meta=False)
        keys = [item.key for item in home.listing("packs/")]
        assert len(keys) == 1
        home.delete(keys)


@pytest.mark.parametrize("kept", [None, 5000])
def test_a_pack_that_is_gone_or_short(home, records, kept):
    contents, items = records
    made = sending(home)
    made.send(items, lambda item: contents[item.oid], meta=False)
    (key,) = [item.key for item in home.listing("packs/")]
    content = home.get(key)
    home.delete([key])
    if kept is not None:
        home.put(key, content[:kept])
    wanted = [(oid, sort, place) for (oid, sort), place in made.places.items()]
    with pytest.raises(RemoteCorrupt):
        list(fetch(home, plan_stretches(wanted), Silent()))
