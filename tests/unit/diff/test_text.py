"""Unified diffs and word changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.diff.text import diff_text, word_changes
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes


def told(before: bytes | None, after: bytes | None, context: int = 3) -> list[str]:
    return list(diff_text(None if before is None else Bytes(before), None if after is None else Bytes(after), context).lines)


@pytest.mark.parametrize(("before", "after", "expected"), [
    (b"a\n", b"a\n", []), (None, b"a\nb\n", ["@@ -0,0 +1,2 @@", "+a", "+b"]), (b"a\n", None, ["@@ -1 +0,0 @@", "-a"]), (None, b"", []), (None, None, []),
    (b"a\nb\nc\n", b"a\nB\nc\n", ["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"]),
    (b"a", b"a\n", ["@@ -1 +1 @@", "-a", "\\ No newline at end of file", "+a"]),
    (b"a\nb", b"x\nb", ["@@ -1,2 +1,2 @@", "-a", "+x", " b", "\\ No newline at end of file"]),
    (b"a\r\nb\r\n", b"a\r\nc\r\n", ["@@ -1,2 +1,2 @@", " a\r", "-b\r", "+c\r"]), (b"a\n", b"a\r\n", ["@@ -1 +1 @@", "-a", "+a\r"]),
    (b"a\n", b"\xef\xbb\xbfa\n", ["@@ -1 +1 @@", "-a", "+\ufeffa"]), (b"\xff\n", b"\xfe\n", ["@@ -1 +1 @@", "-\udcff", "+\udcfe"]),
])
def test_hunks(before, after, expected):
    assert told(before, after) == expected


def test_context_joins_and_parts_hunks():
    before = b"".join(b"%d\n" % n for n in range(20))
    after = before.replace(b"\n3\n", b"\nx\n").replace(b"\n10\n", b"\ny\n")
    assert [line for line in told(before, after) if line.startswith("@@")] == ["@@ -1,14 +1,14 @@"]
    assert [line for line in told(before, after, 2) if line.startswith("@@")] == ["@@ -2,5 +2,5 @@", "@@ -9,5 +9,5 @@"]
    assert told(before, after, 0) == ["@@ -4 +4 @@", "-3", "+x", "@@ -11 +11 @@", "-10", "+y"]


def test_an_added_function_is_told_whole():
    before = b"def a():\n    x\n    return 1\n\ndef c():\n    z\n    return 1\n"
    after = b"def a():\n    x\n    return 1\n\ndef b():\n    y\n    return 1\n\ndef c():\n    z\n    return 1\n"
    assert [line for line in told(before, after) if line.startswith("+")] == ["+def b():", "+    y", "+    return 1", "+"]


def test_another_encoding_is_told_although_no_line_differs():
    found = diff_text(Bytes("\ufeffa\n".encode("utf-16-le")), Bytes("\ufeffa\n".encode("utf-16-be")))
    assert (found.lines, found.reason) == ((), "encoding: utf-16-le before, utf-16-be after")
    found = diff_text(Bytes("\ufeffa\nb\n".encode("utf-16-le")), Bytes(b"a\nc\n"))
    assert found.lines == ("@@ -1,2 +1,2 @@", " a", "-b", "+c")
    assert found.reason == "encoding: utf-16-le before, utf-8 after"


def test_binary_is_refused():
    with pytest.raises(UnreadableContent):
        diff_text(Bytes(b"\0"), Bytes(b"a"))


def without(line: str, spans) -> str:
    at, kept = 0, ""
    for start, end in spans:
        assert at <= start < end <= len(line)
        kept, at = kept + line[at:start], end
    return kept + line[at:]


WORDS = st.lists(st.sampled_from(["lr", " ", "=", "0.1", "x", "\t", "ä"]), max_size=12).map("".join)


@given(WORDS, WORDS)
def test_outside_of_word_changes_lines_are_equal(old, new):
    removed, added = word_changes(old, new)
    assert without(old, removed) == without(new, added)
    assert (removed == added == []) is (old == new)


@pytest.mark.parametrize(("old", "new", "removed", "added"), [
    ("lr = 0.1", "lr = 0.2", ["1"], ["2"]), ("a b c", "a c", ["b "], []), ("same", "same", [], []), ("", "x", [], ["x"]),
])
def test_word_changes(old, new, removed, added):
    first, second = word_changes(old, new)
    assert [old[start:end] for start, end in first] == removed
    assert [new[start:end] for start, end in second] == added


def test_a_line_of_a_megabyte_is_told_by_its_ends():
    old, new = "a " * 500_000 + "x" + " b" * 1000, "a " * 500_000 + "y" + " b" * 1000
    removed, added = word_changes(old, new)
    assert removed == added == [(1_000_000, 1_000_001)]
