"""Laws of merging notebooks: nothing of either side is lost, and whatever comes out is a notebook."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs.diff.notebook import diff_notebook
from mvcs.formats.content import Bytes
from mvcs.formats.notebook import read_notebook
from mvcs.merge.notebook import merge_notebook
from mvcs.merge.text import has_markers
from mvcs.merge.values import BASE, OURS, THEIRS, UNION, Choice, leave
from tests.unit.formats.notebooks import cell, notebook

LINES = st.lists(st.sampled_from(["a = 1", "b = 2", "fit()", "", "plot(a, b)"]), max_size=5).map("\n".join)
EDITS = st.lists(st.tuples(st.sampled_from(["edit", "insert", "delete", "move", "run", "tag", "type"]), st.integers(0, 9), st.integers(0, 9), LINES), max_size=4)


def edited(cells: list[dict], edits, who: str) -> list[dict]:
    made = [dict(item) for item in cells]
    for number, (verb, where, to, text) in enumerate(edits):
        if verb == "insert":
            made.insert(min(where, len(made)), cell(f"{who}{number}", text))
            continue
        if not made:
            continue
        item = made[where % len(made)]
        if verb == "edit":
            lines = "".join(item["source"]).split("\n")
            lines[to % len(lines)] = text
            item["source"] = "\n".join(lines).splitlines(keepends=True)
        elif verb == "delete":
            made.remove(item)
        elif verb == "move":
            made.remove(item)
            made.insert(to % (len(made) + 1), item)
        elif verb == "tag":
            item["metadata"] = {**item["metadata"], f"k{to % 3}": text}
        elif verb == "type":
            item.update(cell(item.get("id"), "".join(item["source"]), ("raw", "markdown")[to % 2]))
            item.pop("outputs", None)
            item.pop("execution_count", None)
        elif item["cell_type"] == "code":
            item.update(execution_count=to, outputs=[{"name": "stdout", "output_type": "stream", "text": [who]}])
    return made


@st.composite
def notebooks(draw, ids: bool | None = None):
    named = draw(st.booleans()) if ids is None else ids
    base = [cell(f"c{number}", text) for number, text in enumerate(draw(st.lists(LINES, max_size=6)))]
    sides = [base, *(edited(base, draw(EDITS), who) for who in ("o", "t"))]
    if not named:
        sides = [[{key: value for key, value in item.items() if key != "id"} for item in side] for side in sides]
    return tuple(notebook(*side, minor=5 if named else 4) for side in sides)


def swapped(value):
    return (value.key, value.base, value.theirs, value.ours)


def check(content: bytes) -> list[dict]:
    document = json.loads(content)
    ids = [item["id"] for item in document["cells"] if "id" in item]
    assert len(set(ids)) == len(ids)
    for item in document["cells"]:
        assert ("outputs" in item) is ("execution_count" in item) is (item["cell_type"] == "code")
        assert isinstance(item["metadata"], dict)
    read_notebook(Bytes(content))
    return document["cells"]


@settings(max_examples=250)
@given(notebooks())
def test_laws(sides):
    base, ours, theirs = sides
    assert merge_notebook(base, ours, ours, leave).content.read() == ours.read()
    assert merge_notebook(base, base, ours, leave).content.read() == merge_notebook(base, ours, base, leave).content.read() == ours.read()
    merged, other = merge_notebook(*sides, leave), merge_notebook(base, theirs, ours, leave)
    assert sorted(map(repr, map(swapped, other.conflicts))) == sorted(repr((c.key, c.base, c.ours, c.theirs)) for c in merged.conflicts)
    assert len({conflict.key for conflict in merged.conflicts}) == len(merged.conflicts)
    check(merged.content.read())
    if not merged.conflicts:
        assert merged.content.read() == merge_notebook(*sides, lambda conflict: Choice(OURS)).content.read()
    marked = {key for conflict in merged.conflicts if (key := conflict.key or "") if "hunk" in key or "after" in key or "start" in key}
    assert not marked or has_markers(merged.content.read())


@settings(max_examples=150)
@given(notebooks(), st.sampled_from([OURS, THEIRS, BASE, UNION]))
def test_a_strategy_settles_what_it_means_something_to(sides, strategy):
    left = merge_notebook(*sides, leave).conflicts
    merged = merge_notebook(*sides, lambda conflict: Choice(strategy))
    check(merged.content.read())
    assert [c.key for c in left] == sorted(
        [c.key for c in merged.conflicts] + [d.key for d in merged.decisions], key=[c.key for c in left].index
    )
    if strategy in {OURS, THEIRS}:
        assert merged.conflicts == ()
        assert not has_markers(merged.content.read())


def test_a_new_cell_stays_that_says_what_one_said_that_both_deleted():
    def cells(*sources):
        made = [{"cell_type": "code", "id": name, "metadata": {}, "source": source, "outputs": [], "execution_count": None} for name, source in sources]
        return Bytes(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}).encode())

    base, ours, theirs = cells(("a", "x = 1"), ("b", "y = 2")), cells(("a", "x = 1")), cells(("new", "y = 2"), ("a", "x = 1"))
    for sides in ((base, ours, theirs), (base, theirs, ours)):
        merged = merge_notebook(*sides, leave)
        assert [item["id"] for item in json.loads(merged.content.read())["cells"]] == ["new", "a"]
        assert merged.conflicts == ()


@settings(max_examples=150)
@given(notebooks(ids=True))
def test_cells_of_both_sides_are_there(sides):
    """A cell goes only if a side deleted it, and what one side alone changed is as that side has it."""
    base, ours, theirs = ({item["id"]: item for item in json.loads(side.read())["cells"]} for side in sides)
    merged = merge_notebook(*sides, leave)
    result = {item["id"]: item for item in check(merged.content.read())}
    keys = " ".join(conflict.key or "" for conflict in merged.conflicts)
    # A cell deleted by one side may be told as the same one if the side has put in a new one that says the same.
    for name in {*ours, *theirs} - {*base}:
        if "cells " not in keys:
            source = (ours.get(name) or theirs[name])["source"]
            assert name in result or source in [item["source"] for item in result.values()]
    for name in {*ours} & {*theirs} & {*base}:
        assert name in result
        if ours[name]["source"] == base[name]["source"]:
            assert result[name]["source"] == theirs[name]["source"]
        if ours[name]["source"] == theirs[name]["source"]:
            assert result[name]["source"] == ours[name]["source"]


@settings(max_examples=150)
@given(notebooks())
def test_diffs(sides):
    base, ours, _ = sides
    assert diff_notebook(base, base).keys == ()
    found = diff_notebook(base, ours)
    forth, back = diff_notebook(base, ours).keys, diff_notebook(ours, base).keys
    assert bool(forth) is bool(back)
    if not found.keys:
        assert bool(found.reason) is (base.read() != ours.read())


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["cells", "source", "cell_type", "metadata", "nbformat", "id"]), inner, max_size=5), max_leaves=12).map(lambda value: json.dumps(value).encode()))
def test_hostile_notebooks_are_refused_or_merged(content):
    from mvcs.errors import UnreadableContent

    for sides in ((notebook(), Bytes(content), notebook(cell("a", "x"))), (None, notebook(cell("a", "x")), Bytes(content)), (Bytes(content), notebook(), notebook(cell("a", "x")))):
        try:
            merged = merge_notebook(*sides, leave).content.read()
        except UnreadableContent:
            continue
        given = {side.read() for side in sides if side is not None}
        assert merged in given or "cells" in json.loads(merged)
