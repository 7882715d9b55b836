"""Differences of root trees: by path, inverted, over folders that became files, and never opening what is equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.diff.trees import FileChange, diff_roots, summary
from mvcs.errors import InvalidObject
from mvcs.objects.editing import edit_tree, flatten
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import EXECUTABLE, FILE, FOLDER, IS_BLOB, IS_TREE, Entry, build_tree


class Trees:
    """Nodes in memory, which note what was loaded."""

    def __init__(self) -> None:
        self.nodes: dict = {}
        self.loaded: list = []

    def load(self, oid):
        self.loaded.append(oid)
        return self.nodes[oid]

    def make(self, files: dict[str, bytes], modes: dict[str, int] | None = None):
        edits = {path.encode(): Entry(b"x", (modes or {}).get(path, FILE), IS_BLOB, blob_oid(content), len(content)) for path, content in files.items()}
        edited = edit_tree(self.load, None, edits)
        self.nodes.update(edited.nodes)
        return edited.oid


BASE = {"code/a.py": b"1", "code/sub/b.py": b"2", "data/x/y/z.csv": b"3", "weights/m.pt": b"4"}


@pytest.mark.parametrize(("after", "expected"), [
    (BASE, []), ({**BASE, "code/a.py": b"9"}, [("a.py", "code", "modified")]), ({**BASE, "code/new.py": b"n"}, [("new.py", "code", "added")]),
    ({k: v for k, v in BASE.items() if k != "weights/m.pt"}, [("m.pt", "weights", "deleted")]),
    ({**{k: v for k, v in BASE.items() if k != "code/a.py"}, "data/a.py": b"1"}, [("a.py", "data", "moved")]),
    ({**{k: v for k, v in BASE.items() if k != "code/sub/b.py"}, "code/sub": b"file"}, [("sub", "code", "added"), ("sub/b.py", "code", "deleted")]),
    ({**{k: v for k, v in BASE.items() if k != "code/a.py"}, "code/a.py/x": b"folder"}, [("a.py", "code", "deleted"), ("a.py/x", "code", "added")]),
    ({}, [("a.py", "code", "deleted"), ("m.pt", "weights", "deleted"), ("sub/b.py", "code", "deleted"), ("x/y/z.csv", "data", "deleted")]),
])
def test_what_changed(after, expected):
    trees = Trees()
    one, two = trees.make(BASE), trees.make(after) if after else None
    found = diff_roots(trees.load, one, two)
    assert [(change.path.decode(), change.ingredient, change.change) for change in found] == expected
    back = diff_roots(trees.load, two, one)
    assert [(change.path, change.before, change.after) for change in back] == [((~change).path, (~change).before, (~change).after) for change in found]


def test_a_mode_alone_is_a_change():
    trees = Trees()
    found = diff_roots(trees.load, trees.make(BASE), trees.make(BASE, {"code/a.py": EXECUTABLE}))
    assert [(change.path, change.change) for change in found] == [(b"a.py", "mode")]


def test_generated_entries_are_told_only_when_asked_for():
    trees = Trees()
    one, two = trees.make(BASE), trees.make({**BASE, "metrics/.mvcs/values": b"{}"})
    assert diff_roots(trees.load, one, two) == []
    assert [change.path for change in diff_roots(trees.load, one, two, generated=True)] == [b".mvcs/values"]


def test_equal_folders_are_never_opened():
    trees = Trees()
    wide = {f"data/{a}/{b}.csv": b"x" for a in range(30) for b in range(5)}
    one, two = trees.make(wide), trees.make({**wide, "data/7/3.csv": b"y"})
    trees.loaded.clear()
    assert len(diff_roots(trees.load, one, two)) == 1
    assert len(trees.loaded) == 6  # root, data and one folder, of each side
    trees.loaded.clear()
    assert diff_roots(trees.load, one, one) == []
    assert trees.loaded == []


def test_hostile_nesting_is_refused():
    trees = Trees()
    entry = Entry(b"x", FILE, IS_BLOB, blob_oid(b""), 0)
    for _ in range(3000):
        oid, payload = build_tree([entry])[-1]
        trees.nodes[oid] = payload
        entry = Entry(b"x", FOLDER, IS_TREE, oid, 0)
    oid, payload = build_tree([Entry(b"data", FOLDER, IS_TREE, entry.oid, 0)])[-1]
    trees.nodes[oid] = payload
    with pytest.raises(InvalidObject, match="folders deep"):
        diff_roots(trees.load, None, oid)


@pytest.mark.parametrize(("paths", "line"), [
    ([], "Change metrics"), ([("code", "a.py", "added")], "Change code (a.py added)"), ([("code", "x/a.py", "modified"), ("code", "b.py", "added")], "Change code (2 files)"),
    ([("data", "w\udcff", "added")], "Change data (w\ufffd added)"),
])
def test_a_line_about_changes(paths, line):
    from mvcs.objects.editing import Placed

    def placed(ingredient, content):
        return Placed(ingredient, Entry(b"x", FILE, IS_BLOB, blob_oid(content), 1))

    made = [
        FileChange(path.encode("utf-8", "surrogateescape"), None if kind == "added" else placed(ingredient, b"1"), placed(ingredient, b"2"))
        for ingredient, path, kind in paths
    ]
    assert summary(made) == line


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.builds(lambda ingredient, parts: "/".join([ingredient, *parts]), st.sampled_from(["code", "data"]), st.lists(NAMES, min_size=1, max_size=3))


def consistent(files: dict[str, bytes]) -> dict[str, bytes]:
    """Drops paths that are folders of others, or twice in the union."""
    kept: dict[str, bytes] = {}
    for path, content in sorted(files.items()):
        below = path.split("/", 1)[1]
        if not any(other.split("/", 1)[1] == below or below.startswith(other.split("/", 1)[1] + "/") or other.split("/", 1)[1].startswith(below + "/") for other in kept):
            kept[path] = content
    return kept


@given(st.dictionaries(PATHS, st.binary(max_size=1)), st.dictionaries(PATHS, st.binary(max_size=1)))
def test_a_diff_says_exactly_how_two_unions_differ(first, second):
    trees = Trees()
    sides = [trees.make(consistent(files)) if files else None for files in (first, second)]
    one, two = (flatten(trees.load, side) for side in sides)
    expected = {path for path in {*one, *two} if not (path in one and one[path].same(two.get(path)))}
    found = diff_roots(trees.load, *sides)
    assert {change.path for change in found} == expected
    for change in found:
        assert (change.before is None) == (change.path not in one)
        assert (change.after is None) == (change.path not in two)
        assert change.before is None or change.before.same(one[change.path])
        assert change.after is None or change.after.same(two[change.path])
