"""Merges of notebooks: cells by id, their order, what they say, their outputs, metadata by key."""

from __future__ import annotations

import json

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge.notebook import merge_notebook
from mvcs.merge.text import has_markers
from mvcs.merge.values import BASE, OURS, SET, THEIRS, UNION, Choice, leave
from tests.unit.formats.notebooks import cell, notebook

TITLE, LOAD, TRAIN = cell("title", "# t", "markdown"), cell("load", "a = 1\nb = 2\nc = 3\nd = 4", count=1, output="1"), cell("train", "fit(a)", count=2)
START = notebook(TITLE, LOAD, TRAIN)


def load(source: str, **more) -> dict:
    return cell("load", source, **more)


def read(merged) -> dict:
    return json.loads(merged.content.read())


def said(merged) -> list[tuple[str, str]]:
    return [(item["id"], "".join(item["source"])) for item in read(merged)["cells"]]


def keys(merged) -> list[str]:
    return [conflict.key for conflict in merged.conflicts]


def test_edits_of_one_cell_are_merged_by_line_and_its_outputs_cleared():
    merged = merge_notebook(START, notebook(TITLE, load("a = 9\nb = 2\nc = 3\nd = 4", count=7, output="9"), TRAIN), notebook(TITLE, load("a = 1\nb = 2\nc = 3\nd = 5\ne = 6"), TRAIN), leave)
    assert merged.conflicts == ()
    assert read(merged)["cells"][1] == load("a = 9\nb = 2\nc = 3\nd = 5\ne = 6")


def test_outputs_follow_the_source():
    ours, theirs = notebook(TITLE, load("changed", count=5, output="ours"), TRAIN), notebook(TITLE, load("a = 1\nb = 2\nc = 3\nd = 4", count=9, output="theirs"), cell("train", "fit(b)", count=10))
    merged = merge_notebook(START, ours, theirs, leave)
    assert read(merged)["cells"][1:] == [load("changed", count=5, output="ours"), cell("train", "fit(b)", count=10)]
    assert read(merge_notebook(START, theirs, ours, leave))["cells"] == read(merged)["cells"]


def test_outputs_of_a_run_on_one_side_are_kept_whichever_side_it_is():
    ran, other = notebook(TITLE, cell("load", "a = 1\nb = 2\nc = 3\nd = 4", count=4, output="new", execution={"t": 1}), TRAIN), notebook(TITLE, LOAD, cell("train", "fit(b)"))
    for sides in ((ran, other), (other, ran)):
        assert read(merge_notebook(START, *sides, leave))["cells"][1] == cell("load", "a = 1\nb = 2\nc = 3\nd = 4", count=4, output="new", execution={"t": 1})


def test_both_ran_the_notebook():
    ours, theirs = (notebook(TITLE, cell("load", "a = 1\nb = 2\nc = 3\nd = 4", count=n, output=str(n), execution={"t": n}), TRAIN) for n in (5, 6))
    merged = merge_notebook(START, ours, theirs, leave)
    assert (merged.conflicts, merged.content.read()) == ((), ours.read())


def test_a_conflict_is_marked_in_the_source():
    ours, theirs = notebook(TITLE, load("a = 1\nb = 8\nc = 3\nd = 4"), TRAIN), notebook(TITLE, load("a = 1\nb = 9\nc = 3\nd = 4"), TRAIN)
    merged = merge_notebook(START, ours, theirs, leave)
    assert [(c.key, c.base, c.ours, c.theirs) for c in merged.conflicts] == [("cell load/hunk-1", "b = 2\n", "b = 8\n", "b = 9\n")]
    assert read(merged)["cells"][1] == load("a = 1\n<<<<<<< ours\nb = 8\n||||||| base\nb = 2\n=======\nb = 9\n>>>>>>> theirs\nc = 3\nd = 4")
    assert has_markers(merged.content.read())
    for strategy, source in ((OURS, "b = 8\n"), (THEIRS, "b = 9\n"), (BASE, "b = 2\n"), (UNION, "b = 8\nb = 9\n")):
        settled = merge_notebook(START, ours, theirs, lambda conflict, strategy=strategy: Choice(strategy))
        assert said(settled)[1] == ("load", f"a = 1\n{source}c = 3\nd = 4")
        assert [(d.key, d.strategy) for d in settled.decisions] == [("cell load/hunk-1", strategy)]
        assert not has_markers(settled.content.read())


def test_the_last_line_of_a_cell_has_no_end_and_that_says_nothing():
    merged = merge_notebook(START, notebook(TITLE, load("a = 1\nb = 2\nc = 3\nd = 4\ne = 5"), TRAIN), notebook(TITLE, load("a = 1\nb = 2\nc = 7\nd = 4"), TRAIN), leave)
    assert said(merged)[1] == ("load", "a = 1\nb = 2\nc = 7\nd = 4\ne = 5")
    assert said(merge_notebook(START, notebook(TITLE, load("a = 1\nb = 2\nc = 3\nd = 4\n"), TRAIN), notebook(TITLE, load("a = 0\nb = 2\nc = 3\nd = 4"), TRAIN), leave))[1][1] == "a = 0\nb = 2\nc = 3\nd = 4\n"


@pytest.mark.parametrize("swapped", [False, True])
def test_deleted_and_changed_conflict_both_ways(swapped):
    gone, changed = notebook(TITLE, LOAD), notebook(TITLE, LOAD, cell("train", "fit(b)", count=3))
    sides = (changed, gone) if swapped else (gone, changed)
    merged = merge_notebook(START, *sides, leave)
    (conflict,) = merged.conflicts
    values = (conflict.ours, conflict.theirs)
    assert (conflict.key, conflict.base, values[::-1] if swapped else values) == ("cell train", "fit(a)", (ABSENT, "fit(b)"))
    middle = "||||||| base\nfit(a)\n=======\n"
    assert said(merged)[2] == ("train", f"<<<<<<< ours\nfit(b)\n{middle}>>>>>>> theirs" if swapped else f"<<<<<<< ours\n{middle}fit(b)\n>>>>>>> theirs")
    assert read(merged)["cells"][2]["execution_count"] is None
    kept, dropped = (OURS, THEIRS) if swapped else (THEIRS, OURS)
    assert merge_notebook(START, *sides, lambda c: Choice(kept)).content.read() == changed.read()
    assert merge_notebook(START, *sides, lambda c: Choice(dropped)).content.read() == gone.read()
    assert merge_notebook(START, *sides, lambda c: Choice(BASE)).content.read() == START.read()
    assert said(merge_notebook(START, *sides, lambda c: Choice(SET, "fit(c)")))[2] == ("train", "fit(c)")
    assert keys(merge_notebook(START, *sides, lambda c: Choice(UNION))) == ["cell train"]


def test_a_cell_that_the_other_only_ran_is_deleted():
    merged = merge_notebook(START, notebook(TITLE, LOAD, cell("end", "bye")), notebook(TITLE, LOAD, cell("train", "fit(a)", count=9, output="x")), leave)
    assert (merged.conflicts, [name for name, _ in said(merged)]) == ((), ["title", "load", "end"])


def test_insertions_and_moves():
    ours, theirs = notebook(TRAIN, TITLE, LOAD), notebook(TITLE, cell("n", "new"), LOAD, cell("train", "fit(b)"), cell("end", "bye"))
    for sides in ((ours, theirs), (theirs, ours)):
        merged = merge_notebook(START, *sides, leave)
        assert (merged.conflicts, said(merged)) == ((), [("train", "fit(b)"), ("end", "bye"), ("title", "# t"), ("n", "new"), ("load", "a = 1\nb = 2\nc = 3\nd = 4")])


def test_two_orders_conflict():
    ours, theirs = notebook(TRAIN, TITLE, LOAD), notebook(TITLE, TRAIN, LOAD)
    merged = merge_notebook(START, ours, theirs, leave)
    (conflict,) = merged.conflicts
    assert (conflict.key, conflict.base, conflict.ours, conflict.theirs) == ("cell order", ["title", "load", "train"], ["train", "title", "load"], ["title", "train", "load"])
    for strategy, expected in ((OURS, ours), (THEIRS, theirs), (BASE, START)):
        assert merge_notebook(START, ours, theirs, lambda c, strategy=strategy: Choice(strategy)).content.read() == expected.read()
    assert merged.content.read() == ours.read()


def test_cells_put_into_one_place_by_both_conflict():
    ours, theirs = notebook(TITLE, LOAD, TRAIN, cell("o", "ours", count=4, output="o")), notebook(TITLE, LOAD, TRAIN, cell("t", "theirs"), cell("u", "more"))
    merged = merge_notebook(START, ours, theirs, leave)
    (conflict,) = merged.conflicts
    assert (conflict.key, conflict.base, conflict.ours, conflict.theirs) == ("cells after train", ABSENT, ["ours"], ["theirs", "more"])
    assert said(merged)[3:] == [("o", "<<<<<<< ours\nours\n||||||| base\n======="), ("t", "theirs"), ("u", "more\n>>>>>>> theirs")]
    assert has_markers(merged.content.read())
    for strategy, expected in ((OURS, ["o"]), (THEIRS, ["t", "u"]), (BASE, []), (UNION, ["o", "t", "u"])):
        settled = merge_notebook(START, ours, theirs, lambda c, strategy=strategy: Choice(strategy))
        assert [name for name, _ in said(settled)[3:]] == expected
        assert settled.conflicts == ()
    assert read(merge_notebook(START, ours, theirs, lambda c: Choice(UNION)))["cells"][3] == cell("o", "ours", count=4, output="o")


def test_the_same_cell_put_in_by_both_is_there_once():
    ours, theirs = notebook(TITLE, cell("n", "new"), LOAD, TRAIN, cell("o", "tail")), notebook(TITLE, cell("n", "new"), LOAD, TRAIN)
    assert merge_notebook(START, ours, theirs, leave).content.read() == ours.read()
    other = notebook(TITLE, cell("n", "new 2"), LOAD, TRAIN)
    assert keys(merge_notebook(START, ours, other, leave)) == ["cell n/hunk-1"]


def test_both_added_the_notebook():
    merged = merge_notebook(None, START, notebook(TITLE, load("a = 1\nb = 2\nc = 3\nd = 5"), TRAIN), leave)
    assert [(c.key, c.base, c.ours, c.theirs) for c in merged.conflicts] == [("cell load/hunk-1", ABSENT, "d = 4\n", "d = 5\n")]
    assert merge_notebook(None, START, START, leave).content.read() == START.read()


def test_metadata_by_key():
    base = notebook(TITLE, kernelspec={"name": "a"}, language_info={"version": "1", "name": "python"}, x=1, z=[1])
    ours = notebook(TITLE, kernelspec={"name": "b"}, language_info={"version": "2", "name": "python"}, x=1, z=[1, 2])
    theirs = notebook(TITLE, kernelspec={"name": "a", "display_name": "A"}, language_info={"version": "1", "name": "py"}, y=3, z=[1, 3])
    merged = merge_notebook(base, ours, theirs, leave)
    assert [(c.key, c.base, c.ours, c.theirs) for c in merged.conflicts] == [
        ("metadata.kernelspec", {"name": "a"}, {"name": "b"}, {"name": "a", "display_name": "A"}), ("metadata.z", [1], [1, 2], [1, 3]),
    ]
    assert read(merged)["metadata"] == {"kernelspec": {"name": "b"}, "language_info": {"version": "2", "name": "py"}, "y": 3, "z": [1, 2]}
    chosen = merge_notebook(base, ours, theirs, lambda c: Choice(SET, "[7]") if c.key == "metadata.z" else Choice(THEIRS))
    assert read(chosen)["metadata"]["z"] == [7]
    assert read(chosen)["metadata"]["kernelspec"] == {"name": "a", "display_name": "A"}


def test_metadata_and_type_of_a_cell():
    ours, theirs = notebook(cell("title", "# t", "raw", tags=["a"]), LOAD, TRAIN), notebook(cell("title", "# t", "code", tags=["b"], x=1), LOAD, TRAIN)
    merged = merge_notebook(START, ours, theirs, leave)
    assert keys(merged) == ["cell title/type", "cell title/metadata.tags"]
    assert read(merged)["cells"][0] == cell("title", "# t", "raw", tags=["a"], x=1)
    settled = merge_notebook(START, ours, theirs, lambda c: Choice(THEIRS))
    assert read(settled)["cells"][0] == cell("title", "# t", "code", tags=["b"], x=1)
    turned = merge_notebook(START, notebook(cell("title", "# t", "code"), LOAD, TRAIN), notebook(cell("title", "# t2", "markdown"), LOAD, TRAIN), leave)
    assert read(turned)["cells"][0] == cell("title", "# t2", "code")


def test_the_result_is_written_as_ours_is():
    document = json.loads(START.read())
    ours = Bytes(json.dumps({**document, "cells": [load("ä", count=1), *document["cells"][2:]]}, indent=4).encode())
    merged = merge_notebook(START, ours, notebook(TITLE, LOAD, cell("train", "fit(é)")), leave)
    text = merged.content.read()
    assert text == json.dumps(json.loads(text), indent=4).encode()
    assert b"\\u00e4" in text
    assert not text.endswith(b"\n")


def test_one_sided_changes_keep_their_bytes_even_if_they_are_no_notebook():
    for content in (b"{", b'{"worksheets": [], "nbformat": 3}', START.read() + b"\n\n"):
        assert merge_notebook(START, START, Bytes(content), leave).content.read() == content
        assert merge_notebook(START, Bytes(content), START, leave).content.read() == content
        assert merge_notebook(None, Bytes(content), Bytes(content), leave).content.read() == content


@pytest.mark.parametrize("content", [b"{", b'{"worksheets": [], "nbformat": 3}', b"\0"])
def test_what_is_no_notebook_is_refused(content):
    other = notebook(LOAD)
    for sides in ((START, Bytes(content), other), (START, other, Bytes(content)), (Bytes(content), START, other)):
        with pytest.raises(UnreadableContent):
            merge_notebook(*sides, leave)


def test_cells_without_ids():
    def old(*cells: dict) -> Bytes:
        return notebook(*({key: value for key, value in item.items() if key != "id"} for item in cells), minor=4)

    base, ours = old(TITLE, LOAD, TRAIN), old(TITLE, load("a = 9\nb = 2\nc = 3\nd = 4"), TRAIN)
    merged = merge_notebook(base, ours, old(TITLE, load("a = 1\nb = 2\nc = 3\nd = 7"), TRAIN, cell(None, "bye")), leave)
    assert ["".join(item["source"]) for item in read(merged)["cells"]] == ["# t", "a = 9\nb = 2\nc = 3\nd = 7", "fit(a)", "bye"]
    assert keys(merge_notebook(base, ours, old(TITLE, load("a = 8\nb = 2\nc = 3\nd = 4"), TRAIN), leave)) == ["cell #2/hunk-1"]
    assert keys(merge_notebook(base, old(TITLE, LOAD), old(TITLE, LOAD, cell(None, "fit(a, 2)")), leave)) == ["cell #3"]


def test_ids_that_one_side_gave_stay_and_cells_without_get_one():
    base = notebook(*({key: value for key, value in item.items() if key != "id"} for item in (TITLE, LOAD, TRAIN)), minor=4)
    theirs = notebook(*({key: value for key, value in item.items() if key != "id"} for item in (TITLE, LOAD, TRAIN)), cell(None, "bye"), minor=4)
    for sides in ((START, theirs), (theirs, START)):
        merged = read(merge_notebook(base, *sides, leave))
        assert merged["nbformat_minor"] == 5
        assert [item["id"] for item in merged["cells"][:3]] == ["title", "load", "train"]
        assert len({item["id"] for item in merged["cells"]}) == 4
    again = notebook(*({**item, "id": f"other-{n}"} for n, item in enumerate((TITLE, LOAD, TRAIN))), minor=5)
    assert merge_notebook(base, START, again, leave).content.read() == START.read()


def test_a_later_minor_is_taken():
    for ours, theirs, expected in ((4, 5, 5), (5, 4, 5), (2, 5, 5)):
        merged = merge_notebook(notebook(TITLE, minor=4), notebook(TITLE, minor=ours, a=1), notebook(TITLE, minor=theirs, b=1), leave)
        assert read(merged)["nbformat_minor"] == expected


def test_attachments_by_key():
    def with_image(**images) -> Bytes:
        return notebook({**TITLE, "attachments": images}, LOAD, TRAIN)

    merged = merge_notebook(with_image(a="1"), with_image(a="2", b="1"), with_image(a="1", c="1"), leave)
    assert read(merged)["cells"][0]["attachments"] == {"a": "2", "b": "1", "c": "1"}
    assert keys(merge_notebook(with_image(a="1"), with_image(a="2"), with_image(a="3"), leave)) == ["cell title/attachments.a"]
