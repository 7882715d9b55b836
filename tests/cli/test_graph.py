"""The drawn history: each commit once, children above parents, lanes joined where histories meet."""

from __future__ import annotations

import random

import pytest
from mvcs_cli.graph import draw


class Item:
    """As much of a logged commit as drawing asks for."""

    def __init__(self, name: str, *parents: str) -> None:
        self.oid = name.encode()
        self.commit = self
        self.parents = tuple(parent.encode() for parent in parents)


def drawn(*items: Item) -> list[str]:
    return [f"{left} {item.oid.decode()}" if item is not None else left for left, item in draw(list(items))]


def test_a_line():
    assert drawn(Item("c", "b"), Item("b", "a"), Item("a")) == ["* c", "* b", "* a"]


def test_a_fork():
    assert drawn(Item("c", "a"), Item("b", "a"), Item("a")) == ["* c", "| * b", "|/", "* a"]


def test_a_merge():
    assert drawn(Item("m", "b", "c"), Item("b", "a"), Item("c", "a"), Item("a")) == ["* m", "|\\", "* | b", "| * c", "|/", "* a"]


def test_parents_that_are_not_shown_leave_no_lane():
    assert drawn(Item("c", "b"), Item("x", "y")) == ["* c", "* x"]


@pytest.mark.parametrize("seed", range(20))
def test_any_history_is_drawn_with_each_commit_once_in_its_own_lane(seed):
    chance = random.Random(seed)
    items = []
    for number in range(25):
        below = range(number + 1, min(number + 6, 25))
        parents = chance.sample(list(below), min(len(below), chance.choice((0, 1, 1, 1, 2, 3))))
        items.append(Item(f"c{number}", *[f"c{parent}" for parent in parents]))
    lines = list(draw(items))
    assert [item for _, item in lines if item is not None] == items
    for left, item in lines:
        assert left.count("*") == (item is not None)
        assert left == left.rstrip() or item is not None
        assert len(left) < 80
