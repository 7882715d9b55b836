"""Merges of text: hunks, choices, markers, line ends, encodings."""

from __future__ import annotations

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats import lines
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge.text import has_markers, merge_text
from mvcs.merge.values import BASE, MEAN, OURS, SET, THEIRS, UNION, Choice, leave

START = b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"
LEFT = START.replace(b"2\n", b"two\n").replace(b"8\n", b"eight\n")
RIGHT = START.replace(b"2\n", b"zwei\n").replace(b"8\n", b"acht\n").replace(b"5\n", b"five\n")


def merge(base, ours, theirs, choose=leave, **options):
    return merge_text(None if base is None else Bytes(base), Bytes(ours), Bytes(theirs), choose, **options)


def by(**choices):
    return lambda conflict: choices.get(conflict.key.replace("-", "_"))


def test_hunks_are_left_with_markers():
    merged = merge(START, LEFT, RIGHT)
    assert [(c.key, c.base, c.ours, c.theirs) for c in merged.conflicts] == [
        ("hunk-1", "2\n", "two\n", "zwei\n"), ("hunk-2", "8\n", "eight\n", "acht\n"),
    ]
    assert merged.content.read() == (
        b"1\n<<<<<<< ours\ntwo\n||||||| base\n2\n=======\nzwei\n>>>>>>> theirs\n3\n4\nfive\n6\n7\n"
        b"<<<<<<< ours\neight\n||||||| base\n8\n=======\nacht\n>>>>>>> theirs\n9\n"
    )
    assert merged.decisions == ()


def test_keys_stay_as_hunks_are_settled():
    merged = merge(START, LEFT, RIGHT, by(hunk_1=Choice(THEIRS)))
    assert [c.key for c in merged.conflicts] == ["hunk-2"]
    assert [(d.key, d.strategy) for d in merged.decisions] == [("hunk-1", "theirs")]
    assert b"1\nzwei\n3\n" in merged.content.read()


@pytest.mark.parametrize(("choice", "expected"), [
    (Choice(OURS), b"two\n"), (Choice(THEIRS), b"zwei\n"), (Choice(BASE), b"2\n"), (Choice(UNION), b"two\nzwei\n"), (Choice(SET, "deux"), b"deux\n"),
    (Choice(SET, "a\nb\n"), b"a\nb\n"), (Choice(SET, "a\r\nb"), b"a\nb\n"), (Choice(SET, ""), b""),
])
def test_choices(choice, expected):
    merged = merge(START, LEFT, RIGHT, by(hunk_1=choice, hunk_2=Choice(OURS)))
    assert merged.content.read() == b"1\n" + expected + b"3\n4\nfive\n6\n7\neight\n9\n"
    assert merged.conflicts == ()


@pytest.mark.parametrize("choice", [Choice(MEAN), Choice("newest"), Choice(SET, 5), Choice(SET, None), Choice("")])
def test_a_choice_that_means_nothing_leaves_the_conflict(choice):
    left, asked = merge(START, LEFT, RIGHT), merge(START, LEFT, RIGHT, lambda conflict: choice)
    assert (asked.content.read(), asked.conflicts, asked.decisions) == (left.content.read(), left.conflicts, ())


def test_union_has_what_both_have_once():
    merged = merge(b"a\n", b"x\nboth\ny\n", b"both\nz\n", lambda conflict: Choice(UNION))
    assert merged.content.read() == b"x\nboth\ny\nz\n"


def test_a_line_without_end_is_ended_where_another_follows():
    assert merge(b"a\n", b"a\nb", b"a\nc\n").content.read() == b"a\n<<<<<<< ours\nb\n||||||| base\n=======\nc\n>>>>>>> theirs\n"
    assert merge(b"a\n", b"a\nb", b"a\nc", lambda conflict: Choice(UNION)).content.read() == b"a\nb\nc"
    assert merge(b"a\n", b"a\nb", b"a\nc", lambda conflict: Choice(OURS)).content.read() == b"a\nb"
    assert merge(b"a", b"b", b"c", lambda conflict: Choice(SET, "d")).content.read() == b"d"
    assert merge(b"a\r\nx\r\n", b"a\r\nb", b"a\r\nc\r\n", lambda conflict: Choice(UNION)).content.read() == b"a\r\nb\r\nc\r\n"


def test_changes_that_touch_conflict_and_those_a_line_apart_do_not():
    assert merge(b"a\nb\n", b"A\nb\n", b"a\nB\n").conflicts
    assert merge(b"a\nx\nb\n", b"A\nx\nb\n", b"a\nx\nB\n").content.read() == b"A\nx\nB\n"
    assert merge(b"a\nb\n", b"a\nnew\nb\n", b"a\n").conflicts  # inserted before what the other deleted


def test_deleted_and_changed_conflict_both_ways():
    for ours, theirs in ((b"a\nc\n", b"a\nB\nc\n"), (b"a\nB\nc\n", b"a\nc\n")):
        (conflict,) = merge(b"a\nb\nc\n", ours, theirs).conflicts
        assert {conflict.ours, conflict.theirs} == {"", "B\n"}


def test_both_added_the_file():
    merged = merge(None, b"same\nx\nend\n", b"same\ny\nend\n")
    (conflict,) = merged.conflicts
    assert (conflict.key, conflict.base, conflict.ours, conflict.theirs) == ("hunk-1", ABSENT, "x\n", "y\n")
    assert merged.content.read() == b"same\n<<<<<<< ours\nx\n||||||| base\n=======\ny\n>>>>>>> theirs\nend\n"
    assert merge(None, b"x\n", b"y\n", lambda conflict: Choice(BASE)).conflicts  # there is no base to take
    assert merge(None, b"x\n", b"x\n").content.read() == b"x\n"


def test_labels_and_lengths_of_markers():
    merged = merge(b"a\n", b"b\n", b"c\n", labels=("main", "", "feature/x"), marker=9)
    assert merged.content.read() == b"<<<<<<<<< main\nb\n|||||||||\na\n=========\nc\n>>>>>>>>> feature/x\n"


def crlf(content: bytes) -> bytes:
    return content.replace(b"\n", b"\r\n")


OURS_EDIT, THEIRS_EDIT, BOTH_EDITS = START.replace(b"2\n", b"two\n"), START.replace(b"8\n", b"acht\n"), START.replace(b"2\n", b"two\n").replace(b"8\n", b"acht\n")
MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(("base", "ours", "theirs", "expected"), [
    (START, crlf(START), THEIRS_EDIT, crlf(THEIRS_EDIT)), (START, crlf(OURS_EDIT), THEIRS_EDIT, crlf(BOTH_EDITS)), (START, OURS_EDIT, crlf(THEIRS_EDIT), crlf(BOTH_EDITS)),
    (crlf(START), OURS_EDIT, crlf(THEIRS_EDIT), BOTH_EDITS), (START, crlf(OURS_EDIT), crlf(THEIRS_EDIT), crlf(BOTH_EDITS)),
    (crlf(START), crlf(OURS_EDIT), crlf(THEIRS_EDIT), crlf(BOTH_EDITS)), (START, MARK + START, THEIRS_EDIT, MARK + THEIRS_EDIT),
    (MARK + START, OURS_EDIT, MARK + THEIRS_EDIT, BOTH_EDITS), (START, MARK + OURS_EDIT, crlf(THEIRS_EDIT), MARK + crlf(BOTH_EDITS)),
    (START, ("\ufeff" + OURS_EDIT.decode()).encode("utf-16-le"), THEIRS_EDIT, ("\ufeff" + BOTH_EDITS.decode()).encode("utf-16-le")),
    (b"a", crlf(b"a\nb\n"), b"new\na", None), (b"a\nb", b"a\nB", b"new\r\na\r\nb", crlf(b"new\na\nB")),
])
def test_a_conversion_and_edits_go_together(base, ours, theirs, expected):
    for sides in ((ours, theirs), (theirs, ours)):
        merged = merge(base, *sides)
        if expected is None:
            assert merged.conflicts
        else:
            assert (merged.content.read(), merged.conflicts) == (expected, ())


def test_mixed_line_ends_belong_to_their_lines():
    mixed = START.replace(b"5\n", b"5\r\n")
    assert merge(mixed, mixed.replace(b"2\n", b"two\n"), mixed.replace(b"8\n", b"8\r\n")).content.read() == mixed.replace(b"2\n", b"two\n").replace(b"8\n", b"8\r\n")
    assert merge(START, crlf(START), START.replace(b"5\n", b"5\r\n6\r\n")).conflicts  # converted by one, mixed by the other
    assert merge(mixed, START, mixed.replace(b"5\r\n", b"five\r\n")).conflicts
    (conflict,) = merge(None, crlf(START), START).conflicts
    assert conflict.ours == crlf(START).decode()


def test_markers_have_the_file_s_line_ends():
    merged = merge(crlf(START), crlf(LEFT), crlf(RIGHT))
    assert b"1\r\n<<<<<<< ours\r\ntwo\r\n||||||| base\r\n" in merged.content.read()
    assert merged.content.read().count(b"\n") == merged.content.read().count(b"\r\n")
    assert merged.conflicts[0].ours == "two\n"
    assert merge(crlf(START), crlf(LEFT), crlf(RIGHT), lambda conflict: Choice(SET, "x\ny")).content.read().count(b"x\r\ny\r\n") == 2


def test_bytes_that_are_no_utf_8_are_kept():
    assert merge(b"\xff\nb\nc\n", b"\xff\nb\n\xfe\n", b"\xfd\nb\nc\n").content.read() == b"\xfd\nb\n\xfe\n"
    assert merge(b"\xff\nb\n", b"\xff\n\xfe\n", b"\xff\n\xfd\n").conflicts[0].ours.encode("utf-8", "surrogateescape") == b"\xfe\n"


@pytest.mark.parametrize(("base", "ours", "theirs"), [
    (b"a\n", b"\0", b"b\n"), (b"a\n", b"b\n", b"\0"), (b"\0", b"a\n", b"b\n"), (None, b"\0a", b"\0b"), (None, MARK + b"a\n", b"a\n"),
    (START, MARK + START, ("\ufeff" + START.decode()).encode("utf-16-le")), (b"\xff\n", ("\ufeffa\n").encode("utf-16-le"), b"\xff\nb\n"),
])
def test_what_cannot_be_merged_by_lines_is_refused(base, ours, theirs):
    with pytest.raises(UnreadableContent):
        merge(base, ours, theirs)


def test_one_sided_changes_need_no_reading(monkeypatch):
    monkeypatch.setattr(lines, "MAX_BYTES", 3)
    for content in (b"\0\0\0\0", b"large enough\n"):
        assert merge(b"a\0", b"a\0", content).content.read() == content
        assert merge(b"a\0", content, b"a\0").content.read() == content
        assert merge(None, content, content).content.read() == content
    with pytest.raises(UnreadableContent):
        merge(b"a\n", b"large\n", b"b\n")


@pytest.mark.parametrize(("content", "expected"), [
    (b"", False), (b"Title\n=======\n\ntext\n", False), (b"a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n", True),
    (b"a\r\n<<<<<<< ours\r\nb\r\n=======\r\nc\r\n>>>>>>> theirs\r\n", True), (b"<<<<<<<\n=======\n>>>>>>>\n", True), (b"||||||| base\n", True), (b"=======\nc\n>>>>>>> theirs\n", True),
    (b"a\n>>>>>>> theirs\nb\n", True), (b"> a\n>>>>>>> seven times quoted\n>> b\n", False), (b"x <<<<<<< ours\n", False), (b"  <<<<<<< indented\n", False),
    (b"<<<<<<<<<<<<<< a heading\n", False), (b"<<<<<<<a\n", False), (b"|||||||\n", False), (b"cat <<EOF\n", False), (b">>> doctest\n", False), (b"\0<<<<<<< ours\n", False),
    ("\ufeff<<<<<<< ours\n".encode("utf-16-le"), True), (MARK + b"<<<<<<< ours\n", True), (b"\xff\n<<<<<<< ours\n", True),
    (b'{"cells": [{"cell_type": "code", "source": ["a\\n", "<<<<<<< ours\\n", "b"]}]}', True), (b'{"cells": [{"cell_type": "code", "source": "a\\n=======\\nb"}]}', False),
    (b'{"x": "\\n<<<<<<< ours\\n"}', False), (b'{"cells": [{"cell_type": "code", "source": "x = \'<<<<<<< ours\'"}]}', False),
])
def test_markers_left(content, expected):
    assert has_markers(content) is expected


def test_what_a_merge_leaves_has_markers_until_the_last_is_gone():
    left = merge(START, LEFT, RIGHT).content.read()
    assert has_markers(left)
    rest = list(left.splitlines(keepends=True))
    for gone in (b"<<<<<<< ours\n", b"||||||| base\n", b"=======\n"):
        rest = [line for line in rest if line != gone]
        assert has_markers(b"".join(rest)), gone
    assert not has_markers(b"".join(line for line in rest if not line.startswith(b">>>>>>>")))
    assert has_markers(merge(crlf(START), crlf(LEFT), crlf(RIGHT)).content.read())
