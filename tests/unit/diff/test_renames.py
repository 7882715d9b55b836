"""Which file that went is which that came."""

from __future__ import annotations

import pytest

from mvcs.diff import renames as module
from mvcs.diff.renames import HALF, SAME, renames
from mvcs.diff.trees import FileChange
from mvcs.formats.content import Bytes
from mvcs.objects.editing import Placed
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, IS_REFERENCE, SYMLINK, Entry


def lines(*numbers: int) -> bytes:
    """Lines of ten bytes each."""
    return b"".join(b"line %04d\n" % number for number in numbers)


class Side:
    """What one side removed and added: path to content, or to (content, mode, kind, ingredient)."""

    def __init__(self, gone, new) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.read_count = 0
        self.changes = [FileChange(path, self.placed(item), None) for path, item in gone.items()]
        self.changes += [FileChange(path, None, self.placed(item)) for path, item in new.items()]
        self.gone = set(gone)

    def placed(self, item) -> Placed:
        content, mode, kind, ingredient = item if isinstance(item, tuple) else (item, FILE, IS_BLOB, "code")
        oid = blob_oid(content)
        self.blobs[oid] = content
        return Placed(ingredient, Entry(b"x", mode, kind, oid, len(content)))

    def read(self, oid):
        self.read_count += 1
        return Bytes(self.blobs[oid])

    def told(self, wanted=None):
        return renames(self.changes, self.read, self.gone if wanted is None else wanted)


def pairs(gone, new):
    return {old: rename.path for old, rename in Side(gone, new).told().found.items()}


TEN = range(10)


def test_of_equal_content_one_gone_one_new_and_no_third():
    assert pairs({b"a": b"x"}, {b"b": b"x"}) == {b"a": b"b"}
    assert pairs({b"a": b"x"}, {b"b": b"x", b"c": b"x"}) == {}
    assert pairs({b"a": b"x", b"b": b"x"}, {b"c": b"x"}) == {}
    assert pairs({b"a": b""}, {b"b": b""}) == {}
    assert pairs({b"a": b"x"}, {b"b": (b"x", SYMLINK, IS_BLOB, "code")}) == {}


@pytest.mark.parametrize("kept,told", [(10, True), (6, True), (5, True), (4, False), (0, False)])
def test_of_edited_content_at_least_half(kept, told):
    side = Side({b"a": lines(*TEN)}, {b"b": lines(*range(kept), *range(100, 110 - kept))})
    found = side.told().found
    assert (b"a" in found) == told
    if told:
        assert found[b"a"].likeness == kept * SAME // 10 >= HALF


def test_each_is_the_others_nearest():
    near, far = lines(*range(9), 100), lines(*range(7), 100, 101, 102)
    assert pairs({b"a": lines(*TEN)}, {b"far": far, b"near": near}) == {b"a": b"near"}
    assert pairs({b"near": near, b"far": far}, {b"b": lines(*TEN)}) == {b"near": b"b"}
    # what is left is not given to the second best
    assert pairs({b"a": lines(*TEN), b"c": far}, {b"near": near}) == {b"a": b"near"}


def test_as_near_as_a_third_is_not_told():
    one, other = lines(*range(9), 100), lines(*range(9), 200)
    assert pairs({b"a": lines(*TEN)}, {b"b": one, b"c": other}) == {}
    assert pairs({b"b": one, b"c": other}, {b"a": lines(*TEN)}) == {}


def test_one_that_kept_the_name_is_not_passed_over():
    """Git takes the one with the name if it is three quarters the same, whatever else is nearer."""
    named, nearer = lines(*range(8), 100, 101), lines(*range(9), 100)
    assert pairs({b"a/f.py": lines(*TEN)}, {b"b/f.py": named, b"c.py": nearer}) == {}
    assert pairs({b"a/f.py": lines(*TEN)}, {b"b/f.py": nearer, b"c.py": named}) == {b"a/f.py": b"b/f.py"}


def test_similar_files_of_a_renamed_folder_are_told_apart():
    common = range(1000, 1008)
    gone = {b"conf/%c.yaml" % name: lines(*common, name, name + 100) for name in b"abc"}
    new = {b"config/%c.yaml" % name: lines(*common, name, name + 200) for name in b"abc"}
    assert pairs(gone, new) == {old: old.replace(b"conf", b"config") for old in gone}


def test_line_ends_do_not_count_in_text():
    found = Side({b"a": lines(*TEN)}, {b"b": lines(*TEN).replace(b"\n", b"\r\n")}).told().found
    assert found[b"a"].likeness == 100 * SAME // 110


def test_nothing_is_read_where_nothing_is_asked_for():
    edited = lines(*range(9), 100)
    side = Side({b"a": lines(*TEN), b"same": b"x"}, {b"b": edited, b"moved": b"x"})
    assert {old: new.path for old, new in side.told(wanted=set()).found.items()} == {b"same": b"moved"}
    assert side.read_count == 0


def test_large_files_weights_references_and_generated_ones_are_told_by_their_oid_alone(monkeypatch):
    a, b = lines(*TEN), lines(*range(9), 100)
    for mode, kind, ingredient in ((SYMLINK, IS_BLOB, "code"), (FILE, IS_REFERENCE, "data"), (FILE, IS_BLOB, "weights")):
        assert pairs({b"a": (a, mode, kind, ingredient)}, {b"b": (b, mode, kind, ingredient)}) == {}
        assert pairs({b"a": (a, mode, kind, ingredient)}, {b"b": (a, mode, kind, ingredient)}) == {b"a": b"b"}
    assert pairs({b"config/.mvcs/params": a}, {b"params.json": a}) == {}
    monkeypatch.setattr(module, "LARGEST", 99)
    assert pairs({b"a": a}, {b"b": b}) == {}
    assert pairs({b"a": a}, {b"b": a}) == {b"a": b"b"}


@pytest.mark.parametrize("bound", ["PAIRS", "TOGETHER", "SHARED"])
def test_beyond_each_bound_only_equal_content_is_told_and_that_is_said(monkeypatch, bound):
    gone, new = {b"a": lines(*TEN), b"same": b"x"}, {b"b": lines(*range(9), 100), b"moved": b"x"}
    whole = Side(gone, new).told()
    assert whole.complete
    assert set(whole.found) == {b"a", b"same"}
    monkeypatch.setattr(module, bound, 0)
    found = Side(gone, new).told()
    assert not found.complete
    assert set(found.found) == {b"same"}
