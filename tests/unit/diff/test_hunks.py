"""Hunks applied: exactly, moved, or named; and what `patch` and `git apply` make of the same hunks."""

from __future__ import annotations

import random
import subprocess

import pytest

from mvcs.diff.hunks import HunkDoesNotFit, apply_lines, read_hunks
from mvcs.diff.text import diff_text
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes

BASE = b"".join(b"%d\n" % n for n in range(20))


def hunks(before: bytes, after: bytes, context: int = 3):
    return diff_text(Bytes(before), Bytes(after), context).lines


def applied(content: bytes | None, lines) -> bytes:
    return apply_lines(None if content is None else Bytes(content), lines).read()


def test_what_moved_is_found():
    change = hunks(BASE, BASE.replace(b"\n10\n", b"\nten\n"))
    moved = b"new\n" * 7 + BASE
    assert applied(moved, change) == b"new\n" * 7 + BASE.replace(b"\n10\n", b"\nten\n")
    assert applied(BASE[BASE.index(b"5\n") :], change) == BASE.replace(b"\n10\n", b"\nten\n")[BASE.index(b"5\n") :]


def test_later_hunks_follow_the_move_of_the_one_before():
    block = b"a\nb\nc\nd\ne\nf\ng\nh\n"
    before = b"top\n" * 9 + block + b"x\n" * 30 + block
    after = before[: -len(block)] + block.replace(b"d\n", b"D\n")
    both = hunks(before, b"TOP\n" + after)
    assert applied(b"0\n" + before, hunks(before, after)) == b"0\n" + after
    assert applied(before, both) == b"TOP\n" + after


@pytest.mark.parametrize(("content", "hunk"), [
    (BASE.replace(b"\n10\n", b"\nother\n"), 2), (BASE.replace(b"\n8\n", b"\nother\n"), 2), (BASE.replace(b"\n2\n", b"\nother\n"), 1), (b"", 1),
    (BASE[:12], 2), (BASE[24:] + BASE[:24], 1),
])
def test_a_hunk_that_does_not_fit_is_named(content, hunk):
    lines = hunks(BASE, BASE.replace(b"\n2\n", b"\ntwo\n").replace(b"\n10\n", b"\nten\n"))
    with pytest.raises(HunkDoesNotFit, match="fits nowhere") as caught:
        applied(content, lines)
    headers = [line for line in lines if line.startswith("@@")]
    assert (caught.value.fields["hunk"], caught.value.fields["header"]) == (hunk, headers[hunk - 1])


def test_two_places_equally_near_are_no_place():
    lines = ["@@ -4,3 +4,3 @@", " a", "-b", "+B", " c"]
    assert applied(b"-\n-\n-\na\nb\nc\n", lines) == b"-\n-\n-\na\nB\nc\n"
    assert applied(b"a\nb\nc\n-\n-\n-\n-\na\nb\nc\n", lines) == b"a\nB\nc\n-\n-\n-\n-\na\nb\nc\n"
    with pytest.raises(HunkDoesNotFit, match="two places"):
        applied(b"a\nb\nc\n-\n-\n-\na\nb\nc\n", lines)


def test_no_fuzz():
    lines = hunks(BASE, BASE.replace(b"\n10\n", b"\nten\n"))
    with pytest.raises(HunkDoesNotFit):
        applied(BASE.replace(b"\n7\n", b"\nother\n"), lines)


def test_hunks_at_the_ends_stay_there():
    first, last = hunks(BASE, b"new\n" + BASE), hunks(BASE, BASE + b"new\n")
    assert applied(BASE, first) == b"new\n" + BASE
    with pytest.raises(HunkDoesNotFit):
        applied(b"before\n" + BASE, first)
    with pytest.raises(HunkDoesNotFit):
        applied(BASE + b"behind\n", last)
    assert applied(b"before\n" + BASE, last) == b"before\n" + BASE + b"new\n"


def test_a_new_file_is_not_written_over_another():
    created = diff_text(None, Bytes(b"a\n")).lines
    assert applied(None, created) == applied(b"", created) == b"a\n"
    with pytest.raises(HunkDoesNotFit):
        applied(b"b\n", created)
    with pytest.raises(HunkDoesNotFit):
        applied(BASE, hunks(BASE, BASE + b"x\n", context=0))


@pytest.mark.parametrize("lines", [
    ["no hunk"], ["@@ -1 +1 @@"], ["@@ -1 +1 @@", "-a"], ["@@ -1,2 +1 @@", "-a", "+b"], ["@@ -1 +1 @@", "-a", "+b", " c"], ["@@ -1 +1 @@", "?a", "+b"],
    ["@@ -99999999999999999999 +1 @@", "-a", "+b"], ["@@ -1,999999999 +1 @@", "-a"], ["\\ No newline at end of file"], [""], ["@@ -1 +1,2 @@", "-0", "+x", "\\", "+y"],
])
def test_what_is_no_hunk_is_refused(lines):
    with pytest.raises(HunkDoesNotFit):
        applied(b"0\n", lines)


def test_nothing_to_apply():
    assert applied(BASE, []) == BASE
    assert read_hunks([]) == []


def test_encodings_stay():
    for encoding in ("utf-16-le", "utf-16-be"):
        before, after = ("\ufeffä\nb\n".encode(encoding), "\ufeffä\nc\n".encode(encoding))
        assert applied(before, hunks(before, after)) == after
    before, after = b"\xef\xbb\xbfa\n\xff\n", b"a\n\xff\xfe\n"
    assert applied(before, hunks(before, after)) == after
    with pytest.raises(UnreadableContent):
        applied(b"\0", [])


def edited(chance: random.Random, lines: list[bytes], fresh) -> list[bytes]:
    made = list(lines)
    for _ in range(chance.randrange(1, 5)):
        at, size = chance.randrange(len(made) + 1), chance.randrange(4)
        made[at : at + size] = [fresh() for _ in range(chance.randrange(4))]
    return made


@pytest.mark.parametrize("seed", range(60))
def test_patch_and_git_apply_take_the_hunks(tmp_path, seed):
    chance = random.Random(seed)
    end, count, context = chance.choice([b"\n", b"\n", b"\r\n"]), chance.choice([2, 5, 50]), chance.choice([1, 3, 3, 5])

    def fresh() -> bytes:
        return b" " * chance.randrange(3) + b"%d" % chance.randrange(count) + end

    old = [fresh() for _ in range(chance.randrange(1, 40))]
    before, after = (b"".join(lines) for lines in (old, edited(chance, old, fresh)))
    before, after = (side[: -len(end)] if side and chance.random() < 0.3 else side for side in (before, after))
    lines = hunks(before, after, context)
    assert applied(before, lines) == after
    if not lines:
        assert before == after
        return
    text = "--- a/f\n+++ b/f\n" + "".join(line + "\n" for line in lines)
    for program in (["patch", "-p1", "--binary", "-F0", "-s"], ["git", "apply", "--whitespace=nowarn"]):
        (tmp_path / "f").write_bytes(before)
        if program[0] == "git" and not (before and after):
            continue  # without its own header git takes an empty side for another file
        done = subprocess.run(program, cwd=tmp_path, input=text.encode("utf-8", "surrogateescape"), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert ((tmp_path / "f").read_bytes() if (tmp_path / "f").exists() else b"") == after
