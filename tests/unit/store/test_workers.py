"""Work by threads, taken in order: what is under way at once, failures, what is given up."""

from __future__ import annotations

import gc
import os
import threading
import weakref

import pytest

from mvcs.store.workers import AHEAD, MOST, Workers


class Large:
    """Something that a weak reference can follow."""


def test_results_come_in_order():
    with Workers() as workers:
        assert list(workers.in_order(lambda item: item * 2, range(100))) == [item * 2 for item in range(100)]
        assert list(workers.in_order(str, [])) == []


def test_one_core_works_without_threads(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with Workers() as workers:
        idents = set(workers.in_order(lambda _: threading.get_ident(), range(9)))
    assert idents == {threading.get_ident()}


def test_two_cores_work_at_once(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    gate = threading.Barrier(2, timeout=60)
    with Workers() as workers:
        # Each waits for the other: with one thread this would never end.
        assert len(list(workers.in_order(lambda _: gate.wait(), range(2)))) == 2


def test_few_items_are_taken_before_a_result_is():
    taken = []

    def items():
        for item in range(20):
            taken.append(item)
            yield item

    with Workers() as workers:
        results = workers.in_order(str, items())
        for item in range(17):
            assert next(results) == str(item)
            assert len(taken) == AHEAD + item
        assert list(results) == ["17", "18", "19"]


def test_more_are_under_way_where_that_is_asked_for():
    taken = []

    def items():
        for item in range(50):
            taken.append(item)
            yield item

    with Workers() as workers:
        results = workers.in_order(str, items(), ahead=30)
        assert next(results) == "0"
        assert len(taken) == 30
        assert list(results) == [str(item) for item in range(1, 50)]


def test_a_failure_comes_out_where_its_result_would_and_the_threads_live_on():
    with Workers() as workers:
        results = workers.in_order(lambda item: 6 // item, [3, 2, 0, 1])
        assert [next(results), next(results)] == [2, 3]
        with pytest.raises(ZeroDivisionError):
            next(results)
        assert list(workers.in_order(lambda item: 6 // item, [3, 2])) == [2, 3]


def test_what_nobody_takes_any_more_is_not_begun():
    begun, gate = [], threading.Event()

    def work(item):
        begun.append(item)
        assert not item or gate.wait(60)
        return item

    workers = Workers()
    results = workers.in_order(work, range(50), ahead=50)
    assert next(results) == 0
    results.close()
    gate.set()
    workers.close()
    assert len(begun) <= 1 + MOST < 50


def test_an_item_is_let_go_as_soon_as_it_is_done():
    followed = []

    def items():
        for _ in range(6):
            large = Large()
            followed.append(weakref.ref(large))
            yield large

    with Workers() as workers:
        assert list(workers.in_order(lambda _: None, items())) == [None] * 6
        gc.collect()
        assert [ref() for ref in followed] == [None] * 6
