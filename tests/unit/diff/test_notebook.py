"""What changed in a notebook: cells, metadata, and what is no difference."""

from __future__ import annotations

import pytest

from mvcs.diff.cells import match_cells, moved_cells
from mvcs.diff.notebook import diff_notebook
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.notebook import Cell
from mvcs.formats.values import ABSENT
from tests.unit.formats.notebooks import cell, notebook

BASE = notebook(cell("a", "# title", "markdown"), cell("b", "x = 1\ny = 2", count=1, output="1"), cell("c", "print(x)"))


def told(before, after):
    return [(change.key, change.before, change.after, change.note) for change in diff_notebook(before, after).keys]


@pytest.mark.parametrize(("after", "expected"), [
    (notebook(cell("a", "# title", "markdown"), cell("b", "x = 3\ny = 2"), cell("c", "print(x)")), [("cell 2 [b]", "x = 1\ny = 2", "x = 3\ny = 2", "")]),
    (notebook(cell("a", "# title", "markdown"), cell("n", "new"), cell("b", "x = 1\ny = 2"), cell("c", "print(x)")), [("cell 2 [n]", ABSENT, "new", "")]),
    (notebook(cell("b", "x = 1\ny = 2"), cell("c", "print(x)")), [("cell 1 [a]", "# title", ABSENT, "markdown")]),
    (notebook(cell("a", "# title", "markdown"), cell("c", "print(x)"), cell("b", "x = 1\ny = 2")), [("cell 3 [b]", "x = 1\ny = 2", "x = 1\ny = 2", "moved from 2")]),
    (notebook(cell("a", "# title", "raw"), cell("b", "x = 1\ny = 2"), cell("c", "print(x)")), [("cell 1 [a]", "# title", "# title", "markdown to raw")]),
    (notebook(cell("a", "# title", "markdown", tags=["t"]), cell("b", "x = 1\ny = 2"), cell("c", "print(x)")), [("cell 1 [a]/metadata.tags", ABSENT, ["t"], "")]),
    (notebook(cell("z", "# title", "markdown"), cell("b", "x = 1\ny = 2"), cell("c", "print(x)")), [("cell 1 [z]/id", "a", "z", "")]),
])
def test_cells(after, expected):
    assert told(BASE, after) == expected


def test_metadata_of_the_notebook():
    before, after = notebook(kernelspec={"name": "a", "display_name": "A"}, x={"y": {"z": 1}}), notebook(kernelspec={"name": "b", "display_name": "A"}, x={"y": {"z": 1.0, "w": 2}})
    assert told(before, after) == [
        ("metadata.kernelspec", {"name": "a", "display_name": "A"}, {"name": "b", "display_name": "A"}, ""), ("metadata.x.y.z", 1, 1.0, ""), ("metadata.x.y.w", ABSENT, 2, ""),
    ]


def test_a_run_is_no_difference():
    ran = notebook(cell("a", "# title", "markdown"), cell("b", "x = 1\ny = 2", count=7, output="2", execution={"iopub": "now"}), cell("c", "print(x)", count=8))
    found = diff_notebook(BASE, ran)
    assert (found.keys, found.reason) == ((), "only outputs")


def test_formatting_is_no_difference():
    found = diff_notebook(BASE, Bytes(BASE.read().replace(b"\n ", b"\n    ")))
    assert (found.keys, found.reason) == ((), "only formatting")
    found = diff_notebook(BASE, BASE)
    assert (found.keys, found.reason, found.driver) == ((), "", "notebook")


def test_added_and_deleted_notebooks():
    assert told(None, notebook(cell("a", "x"))) == [("cell 1 [a]", ABSENT, "x", "")]
    assert told(notebook(cell("a", "x"), x=1), None) == [("cell 1 [a]", "x", ABSENT, "")]


def test_no_notebook_is_refused():
    for sides in ((BASE, Bytes(b"{}")), (Bytes(b"x"), None), (None, Bytes(b'{"worksheets": [], "nbformat": 3}'))):
        with pytest.raises(UnreadableContent):
            diff_notebook(*sides)


def test_without_ids_cells_are_aligned_by_what_they_say():
    before = notebook(cell(None, "import os"), cell(None, "a = load('x')\nb = a + 1"), cell(None, "plot(a)"), cell(None, "last"), minor=4)
    after = notebook(cell(None, "import os"), cell(None, "brand new thing"), cell(None, "a = load('y')\nb = a + 1"), cell(None, "last"), cell(None, "plot(a)"), minor=4)
    assert told(before, after) == [
        ("cell 2", ABSENT, "brand new thing", ""), ("cell 3", "a = load('x')\nb = a + 1", "a = load('y')\nb = a + 1", ""),
        ("cell 5", "plot(a)", "plot(a)", "moved from 3"),
    ]


def cells(*said: str, kind: str = "code") -> list[Cell]:
    return [Cell({"cell_type": kind, "source": source}, None) for source in said]


def test_matching_without_ids():
    assert match_cells(cells("a", "b"), cells("a", "b")) == {0: 0, 1: 1}
    assert match_cells(cells("x = 1 + 2"), cells("x = 1 + 3")) == {0: 0}
    assert match_cells(cells("x = 1 + 2"), cells("x = 1 + 3"), alike=False) == {}
    assert match_cells(cells("x = 1 + 2"), cells("x = 1 + 2", kind="markdown")) == {}
    assert match_cells(cells("", ""), cells("")) in ({0: 0}, {1: 0})
    assert match_cells(cells("a b", "c d", "e f"), cells("e f", "a b", "c d")) == {0: 1, 1: 2, 2: 0}


def test_moved_cells():
    assert moved_cells({0: 0, 1: 1, 2: 2}) == set()
    assert moved_cells({0: 1, 1: 2, 2: 0}) == {2}
    assert moved_cells({}) == set()


def test_many_cells_are_told_up_to_a_bound(monkeypatch):
    monkeypatch.setattr("mvcs.diff.notebook.MAX_KEYS", 3)
    found = diff_notebook(notebook(), notebook(*(cell(f"c{n}", str(n)) for n in range(10))))
    assert (len(found.keys), found.more) == (3, 7)
