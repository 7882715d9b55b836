"""Paths that cross the border of weights or metrics: one row for each thing that two sides can do to one."""

from __future__ import annotations

import itertools

import pytest

from mvcs.diff.trees import FileChange
from mvcs.formats.values import ABSENT
from mvcs.merge.borders import OUTCOME, crossings, merge_crossings
from mvcs.merge.values import Choice
from mvcs.objects.editing import Placed
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import EXECUTABLE, FILE, IS_BLOB, Entry

PATH = b"p"


def at(state: str, mode: int = FILE) -> Placed | None:
    """A state as the tables write it: ingredient and content, `-` for nothing."""
    if state == "-":
        return None
    ingredient, content = state.split()
    return Placed(ingredient, Entry(b"p", mode, IS_BLOB, blob_oid(content.encode()), len(content)))


def changes(base: Placed | None, side: Placed | None) -> list[FileChange]:
    same = side is None if base is None else base.same(side)
    return [] if same else [FileChange(PATH, base, side)]


def merge(base, ours, theirs, strategy: str | None = None):
    """Returns the path after a merge, its conflict and the strategies that settled it."""
    found = crossings(changes(base, ours), changes(base, theirs))
    result = merge_crossings(found, lambda path, conflict: strategy and Choice(strategy))
    return found, result.edits.get(PATH, ours), result.conflicts, [d.strategy for _, d in result.decisions]


# what happened, base, ours, theirs, result; "conflict" where nobody but a person can tell
TABLE = [
    ("moved by theirs", "{a} 1", "{a} 1", "{b} 1", "{b} 1"),
    ("moved and edited by theirs", "{a} 1", "{a} 1", "{b} 2", "{b} 2"),
    ("moved by theirs, edited by ours", "{a} 1", "{a} 2", "{b} 1", "conflict"),
    ("moved by theirs, deleted by ours", "{a} 1", "-", "{b} 1", "conflict"),
    ("moved and edited by theirs, edited by ours", "{a} 1", "{a} 2", "{b} 3", "conflict"),
    ("moved and edited by theirs, edited by ours alike", "{a} 1", "{a} 2", "{b} 2", "{b} 2"),
    ("added by both", "-", "{a} 1", "{b} 2", "conflict"),
    ("added by both with one content", "-", "{a} 1", "{b} 1", "conflict"),
]
BORDERS = [
    (a, b) for a, b in itertools.permutations(("data", "config", "weights", "metrics"), 2) if {a, b} & set(OUTCOME)
]


@pytest.mark.parametrize("flipped", [False, True], ids=["theirs moves", "ours moves"])
@pytest.mark.parametrize("first,second", BORDERS, ids=lambda name: name)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_row_of_the_table_holds_for_each_border_and_both_directions(row, first, second, flipped):
    base, ours, theirs, expected = (text.format(a=first, b=second) for text in row[1:])
    if flipped:
        ours, theirs = theirs, ours
    states = at(base), at(ours), at(theirs)
    found, result, conflicts, _ = merge(*states)
    assert list(found) == [PATH]
    if expected != "conflict":
        assert conflicts == []
        assert result.same(at(expected))
        return
    (item,) = conflicts
    told = [item.conflict.base, item.conflict.ours, item.conflict.theirs]
    assert told == [ABSENT if side is None else side.entry.oid.hex() for side in states]
    assert list(item.ingredients.values()) == [None if side is None else side.ingredient for side in states]
    assert item.strategies == ("ours", "theirs", "base")
    assert result is states[1]  # ours stays until somebody says otherwise
    for strategy, wanted in zip(("base", "ours", "theirs"), states, strict=True):
        _, settled, left, decided = merge(*states, strategy)
        assert (settled, left, decided) == (wanted, [], [strategy])


@pytest.mark.parametrize("base,ours,theirs", list(itertools.permutations(("data 1", "weights 1", "metrics 1"))))
def test_moved_by_both_to_different_ingredients_is_a_conflict(base, ours, theirs):
    _, _, (item,), _ = merge(at(base), at(ours), at(theirs))
    names = [state.split()[0] for state in (base, ours, theirs)]
    assert item.conflict.reason == f"{names[0]} in base, {names[1]} in ours, {names[2]} in theirs"


@pytest.mark.parametrize("base,ours,theirs", [
    ("code 1", "code 2", "data 1"), ("weights 1", "weights 2", "weights 3"), ("data 1", "weights 1", "weights 2"),
    ("weights 1", "data 2", "data 3"), ("-", "weights 1", "-"), ("weights 1", "-", "weights 2"),
])
def test_what_crosses_no_border_or_stands_alike_on_both_sides_is_merged_as_ever(base, ours, theirs):
    assert merge(at(base), at(ours), at(theirs))[0] == {}


def test_another_mode_is_an_edit():
    _, result, conflicts, _ = merge(at("weights 1"), at("weights 1", EXECUTABLE), at("data 1"))
    assert (result.entry.mode, len(conflicts)) == (EXECUTABLE, 1)


def test_a_strategy_that_means_nothing_to_a_path_leaves_the_conflict():
    assert len(merge(at("weights 1"), at("weights 2"), at("data 1"), "union")[2]) == 1
