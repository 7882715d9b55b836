"""Index segments find every record that they have, and no other; hostile ones are refused."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import InvalidObject
from mvcs.objects.hashing import blob_oid
from mvcs.remote.index import MOST, PackName, Place, Segment, build_segment, merge_segments, to_merge
from mvcs.remote.pack import CHUNK, OBJECT, RECIPE

PACKS = st.builds(lambda number, epoch, meta: PackName(blob_oid(b"%d" % number), epoch, meta=meta, sequence=number * 2**40),
                  st.integers(0, 5), st.integers(0, 2), st.booleans())
PLACES = st.dictionaries(
    st.tuples(st.integers(0, 400).map(lambda number: blob_oid(b"o%d" % number)), st.sampled_from([OBJECT, RECIPE, CHUNK])),
    st.builds(Place, PACKS, st.integers(0, 2**32 - 1), st.integers(0, 9 << 20)), max_size=40,
)


@given(PLACES, PLACES)
def test_it_finds_what_it_has_and_nothing_else(places, others):
    segment = Segment(build_segment(places))
    for (oid, sort) in {*places, *others}:
        assert segment.find(oid, sort) == places.get((oid, sort))
        assert segment.has(oid) == any((oid, other) in places for other in (OBJECT, RECIPE, CHUNK))
    assert {(oid, sort): place for oid, sort, place in segment.rows()} == places
    assert segment.count == len(places)


@given(PLACES)
def test_the_same_records_are_the_same_bytes(places):
    shuffled = list(places.items())
    random.Random(1).shuffle(shuffled)
    assert build_segment(places) == build_segment(dict(shuffled))


@given(st.lists(PLACES, max_size=5))
def test_merged_the_later_place_counts(several):
    merged = Segment(merge_segments(Segment(build_segment(places)) for places in several))
    together = {}
    for places in several:
        together.update(places)
    assert {(oid, sort): place for oid, sort, place in merged.rows()} == together


@given(st.lists(st.integers(1, 60), max_size=120))
def test_few_segments_are_left(pushed):
    """As a binary counter: each push adds a segment and merges the newest."""
    counts, written = [], 0
    for count in pushed:
        counts.append(count)
        taken = to_merge(counts)
        if taken > 1:
            counts[-taken:] = [sum(counts[-taken:])]
            written += counts[-1]
    total = sum(pushed)
    assert sum(counts) == total
    assert len(counts) <= math.log2(total + 1) + 2
    assert written <= total * (math.log2(total + 1) + 2)


def test_full_segments_stay():
    assert to_merge([MOST, 10]) == 1
    assert to_merge([MOST - 5, MOST - 5]) == 1
    assert to_merge([]) == 1


def test_every_damage_is_seen():
    places = {(blob_oid(b"%d" % number), CHUNK): Place(PackName(blob_oid(b"p"), 0, meta=False), number, 5) for number in range(5)}
    content = build_segment(places)
    for at in range(0, len(content), 7):
        with pytest.raises(InvalidObject):
            Segment(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    for length in range(0, len(content), 11):
        with pytest.raises(InvalidObject):
            Segment(content[:length])


@pytest.mark.parametrize("number", [7, 65_535])
def test_a_record_in_no_pack(number):
    from mvcs.remote import index

    oid = blob_oid(b"1")
    content = build_segment({(oid, CHUNK): Place(PackName(blob_oid(b"p"), 0, meta=False), 1, 5)})
    at = len(content) - index.CHECKSUM - index.ROW.size
    hostile = content[:at] + index.ROW.pack(oid, number, CHUNK, 1, 5)
    segment = Segment(hostile + blob_oid(hostile)[:8])
    with pytest.raises(InvalidObject):
        segment.find(oid, CHUNK)


def test_keys():
    name = blob_oid(b"p")
    assert PackName(name, 3, meta=False).key == f"packs/{name.hex()[:2]}/{name.hex()}-3.pack"
    assert PackName(name, 0, meta=True).key == f"meta/{name.hex()[:2]}/{name.hex()}-0.pack"
