"""Matching: longest, exact in every way of computing it, and quick on what makes others quadratic."""

from __future__ import annotations

import itertools
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs.diff import matching
from mvcs.diff.matching import few_differences, longest, match, unique_in_order
from mvcs.diff.spans import changes

ITEMS = st.lists(st.integers(0, 4), max_size=25)


def longest_length(a, b) -> int:
    row = [0] * (len(b) + 1)
    for item in a:
        new = [0]
        for j, other in enumerate(b):
            new.append(row[j] + 1 if item == other else max(row[j + 1], new[j]))
        row = new
    return row[-1]


def check(a, b, pairs) -> None:
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(i < x and j < y for (i, j), (x, y) in itertools.pairwise(pairs))


@settings(max_examples=300)
@given(ITEMS, ITEMS)
def test_every_way_gives_a_longest_one(a, b):
    expected = longest_length(a, b)
    for way in (match, longest, few_differences):
        pairs = way(a, b)
        check(a, b, pairs)
        assert len(pairs) == expected, way


@given(ITEMS, ITEMS)
def test_rows_made_again_are_rows_kept(a, b):
    kept = longest(a, b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "KEPT_BITS", 8)
        assert longest(a, b) == kept


@settings(max_examples=100)
@given(st.lists(st.integers(0, 30), max_size=60), st.lists(st.integers(0, 30), max_size=60), st.sampled_from([0, 50, 10**9]))
def test_shortcuts_give_a_common_subsequence(a, b, budget):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "SMALL", 0)
        patch.setattr(matching, "FEW", 3)
        patch.setattr(matching, "BUDGET", budget)
        patch.setattr(matching, "LEAST_WINDOW", 2)
        pairs = match(a, b)
    check(a, b, pairs)
    assert budget < 10**9 or bool(pairs) is bool(set(a) & set(b))


def test_unique_items_in_order():
    assert unique_in_order([1, 2, 3, 4, 4], [3, 1, 4, 2]) == [(0, 1), (1, 3)]
    assert unique_in_order([1, 1], [1, 1]) == []


@settings(max_examples=300)
@given(ITEMS, ITEMS)
def test_changes_give_the_other_sequence_and_leave_gaps(a, b):
    spans = changes(a, b)
    made, at = [], 0
    for start, end, new, new_end in spans:
        assert start < end or new < new_end
        made += a[at:start] + b[new:new_end]
        at = end
    assert made + a[at:] == b
    assert all(first[1] < second[0] and first[3] < second[2] for first, second in itertools.pairwise(spans))
    assert (spans == []) is (a == b)


@settings(max_examples=200)
@given(ITEMS, st.integers(0, 25), st.integers(0, 4))
def test_an_insertion_lies_as_low_as_it_can(a, place, item):
    """So two sides that insert the same into a run of equal lines insert it at one place."""
    b = a[:place] + [item] + a[place:]
    place = min(place, len(a))
    while place < len(a) and a[place] == item:
        place += 1
    assert changes(a, b) == [(place, place, place, place + 1)]
    assert changes(b, a) == [(place, place + 1, place, place)]


def hard():
    chance = random.Random(1)
    size = 100_000
    numbers = list(range(size))
    shuffled = chance.sample(numbers, size)
    yield "all different", [f"a{n}" for n in numbers], [f"b{n}" for n in numbers]
    yield "shuffled", numbers, shuffled
    yield "reversed", numbers, numbers[::-1]
    for count in (2, 1000):
        yield f"{count} different", [chance.randrange(count) for _ in numbers], [chance.randrange(count) for _ in numbers]
    yield "each twice", [n // 2 for n in numbers], [n // 2 for n in shuffled]
    yield "equal and shorter", [0] * size, [0] * (size // 2)


@pytest.mark.slow
def test_no_input_takes_minutes():
    for name, a, b in hard():
        start = time.process_time()
        pairs = match(a, b)
        assert time.process_time() - start < 60, name
        check(a, b, pairs)


def test_few_differences_in_much_that_repeats():
    chance = random.Random(2)
    a = [chance.randrange(5) for _ in range(200_000)]
    b = [*a[:3], 9, *a[3:100_000], *a[100_002:], 9]
    assert len(match(a, b)) == len(a) - 2
