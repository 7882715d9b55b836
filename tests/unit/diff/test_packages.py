"""Differences of packages: notes by the order of versions, options, comments as lines."""

from __future__ import annotations

import pytest

from mvcs.diff.keys import KeyChange
from mvcs.diff.packages import diff_captured, diff_packages
from mvcs.errors import UnreadableContent
from mvcs.formats.captured import write_captured
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT


def diff(before, after):
    found = diff_packages(*(None if side is None else Bytes(side.encode()) for side in (before, after)))
    assert found.driver == "packages"
    return found


def test_each_change_has_its_note_in_the_order_of_the_file():
    before = "numpy==1.9\npandas==2.1\ngone\ntorch==2.1.0+cu118\nscipy<2\n--pre\n"
    after = "numpy==1.10\nPandas==2.0\nnew>=1\ntorch==2.1.0+cu121\nscipy<3\n--index-url https://a\n"
    assert list(diff(before, after).keys) == [
        KeyChange("numpy", "==1.9", "==1.10", "upgraded"), KeyChange("pandas", "==2.1", "==2.0", "downgraded"), KeyChange("gone", "*", ABSENT, "removed"), KeyChange("new", ABSENT, ">=1", "added"),
        KeyChange("torch", "==2.1.0+cu118", "==2.1.0+cu121", "upgraded"), KeyChange("scipy", "<2", "<3", "changed"), KeyChange("--pre", "", ABSENT, "removed"), KeyChange("--index-url", ABSENT, "https://a", "added"),
    ]


def test_a_whole_file():
    assert [(change.key, change.note) for change in diff(None, "a==1\n# x\nb\n").keys] == [("a", "added"), ("b", "added")]
    assert [(change.key, change.note) for change in diff("a==1\n", None).keys] == [("a", "removed")]


def test_only_comments_and_layout_are_told_as_lines():
    found = diff("# one\na == 1\n", "# two\na==1\n")
    assert (found.keys, found.lines) == ((), ("@@ -1,2 +1,2 @@", "-# one", "-a == 1", "+# two", "+a==1"))
    assert diff("b\na\n", "a\nb\n").lines


def test_conda_and_captured_entries():
    found = diff("name: x\ndependencies:\n  - numpy=1.26\n", "name: y\ndependencies:\n  - numpy=1.27\n  - pip:\n      - foo\n")
    assert [(change.key, change.note) for change in found.keys] == [("name", "changed"), ("numpy", "upgraded"), ("pip:foo", "added")]
    entries = [Bytes(write_captured({"python": python, "implementation": "cpython", "packages": {"numpy": numpy}, "cuda": cuda})) for python, numpy, cuda in (("3.9", "1.26", None), ("3.11", "1.9", "12.1"))]
    assert [(change.key, change.note) for change in diff_captured(*entries).keys] == [("cuda", "changed"), ("packages.numpy", "downgraded"), ("python", "upgraded")]
    assert {change.note for change in diff_captured(None, entries[0]).keys} == {"added"}


def test_what_is_no_file_of_packages_is_refused():
    with pytest.raises(UnreadableContent):
        diff("a\n", "what ever\n")
    with pytest.raises(UnreadableContent):
        diff_captured(Bytes(b"{}"), None)
