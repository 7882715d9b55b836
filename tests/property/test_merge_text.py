"""Merges of text against `git merge-file` on thousands of files, and the laws of merging."""

from __future__ import annotations

import random
import re
import subprocess
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mvcs.formats.content import Bytes
from mvcs.merge.text import merge_text
from mvcs.merge.values import BASE, OURS, THEIRS, UNION, Choice, leave

CASES = 1000
EDITS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 3), st.integers(0, 30) | st.none()), max_size=4)
"""(where, how many lines go, how many come, where those that went are put: nowhere if None)"""


def edited(lines: list[bytes], edits, fresh) -> list[bytes]:
    made = list(lines)
    for where, gone, come, to in edits:
        where = min(where, len(made))
        taken = made[where : where + gone]
        made[where : where + gone] = [fresh() for _ in range(come)]
        if to is not None:
            to = min(to, len(made))
            made[to:to] = taken
    return made


@st.composite
def unique_lines(draw):
    """Three states in which no line is there twice, but for lines that both sides put in alike."""
    count = iter(range(10_000))

    def fresh() -> bytes:
        return b"line %d\n" % next(count)

    base = [fresh() for _ in range(draw(st.integers(0, 25)))]
    alike = edited(base, draw(EDITS), fresh) if draw(st.booleans()) else base
    ours, theirs = (edited(draw(st.sampled_from((base, alike))), draw(EDITS), fresh) for _ in range(2))
    return ended(draw, base, ours, theirs)


@st.composite
def repeated_lines(draw, kinds=6):
    def lines():
        return draw(st.lists(st.integers(0, kinds - 1), max_size=16))

    def fresh() -> bytes:
        return b"%d\n" % draw(st.integers(0, kinds - 1))

    base = [b"%d\n" % item for item in lines()]
    return ended(draw, base, edited(base, draw(EDITS), fresh), edited(base, draw(EDITS), fresh))


def ended(draw, *sides: list[bytes]) -> tuple[bytes, ...]:
    texts = [b"".join(side) for side in sides]
    if draw(st.integers(0, 4)):
        return tuple(texts)
    return tuple(text[:-1] if draw(st.booleans()) else text for text in texts)


def merge(sides, choose=leave, **options):
    return merge_text(*(Bytes(side) for side in sides), choose, **options)


class GitMerge:
    """`git merge-file` on files in one folder."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def __call__(self, sides, *options: str) -> tuple[bool, bytes]:
        for name, side in zip(("base", "ours", "theirs"), sides, strict=True):
            (self.folder / name).write_bytes(side)
        words = ["-p", *options, "-L", "ours", "-L", "base", "-L", "theirs", "ours", "base", "theirs"]
        done = subprocess.run(["git", "merge-file", *words], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode < 128, done.stderr
        return done.returncode > 0, done.stdout


@pytest.fixture(scope="module")
def git(tmp_path_factory):
    return GitMerge(tmp_path_factory.mktemp("merge"))


ALIKE = re.compile(rb"<<<<<<< ours\n((?:.*\n)*?)\|\|\|\|\|\|\| base\n(?:.*\n)*?=======\n\\1>>>>>>> theirs\n")
"""A conflict of which both sides say the same."""


@pytest.mark.slow
@settings(max_examples=2000)
@given(unique_lines())
def test_merges_of_unique_lines_are_git_s_byte_for_byte(git, sides):
    """With lines that move, too. Git's zealous level, that of `git merge`, calls a region settled in which both sides say
    the same; in --diff3 style git says it as a conflict again, which is taken back before the texts are compared."""
    conflicts, content = git(sides)
    merged = merge(sides)
    assert bool(merged.conflicts) is conflicts
    if conflicts:
        content = ALIKE.sub(lambda match: match[1], git(sides, "--diff3")[1])
    assert merged.content.read() == content


@pytest.mark.slow
def test_merges_of_repeated_lines_are_mostly_git_s(git):
    """Which of two equal lines is the one that changed has several answers: so a few results differ, both ways."""
    chance = random.Random(7)
    same = agreed = 0
    for _ in range(CASES):
        kinds = chance.choice((4, 10, 40))
        base = [chance.randrange(kinds) for _ in range(chance.randrange(25))]
        sides = [base]
        for _ in range(2):
            side = list(base)
            for _ in range(chance.randrange(1, 4)):
                at, gone = chance.randrange(len(side) + 1), chance.randrange(4)
                side[at : at + gone] = [chance.randrange(kinds) for _ in range(chance.randrange(4))]
            sides.append(side)
        texts = [b"".join(b"%d\n" % item for item in side) for side in sides]
        conflicts, content = git(texts)
        merged = merge(texts)
        agreed += bool(merged.conflicts) is conflicts
        same += merged.content.read() == (ALIKE.sub(lambda match: match[1], git(texts, "--diff3")[1]) if conflicts else content)
    assert agreed >= CASES * 0.97
    assert same >= CASES * 0.92


def is_inside(part: list[bytes], whole: list[bytes]) -> bool:
    """Whether a sequence is another with items left out."""
    rest = iter(whole)
    return all(item in rest for item in part)


@settings(max_examples=300)
@given(st.lists(st.integers(0, 2), max_size=14), st.lists(st.lists(st.tuples(st.integers(0, 14), st.integers(0, 2)), max_size=4), min_size=2, max_size=2), st.booleans())
def test_among_repeated_lines_nothing_is_lost_and_nothing_comes_back(base, edits, inserting):
    sides = []
    for changes in edits:
        side = list(base)
        for where, item in changes:
            if inserting:
                side.insert(where, item)
            else:
                del side[where : where + 1]
        sides.append(side)
    base_text, ours, theirs = (b"".join(b"%d\n" % item for item in side) for side in (base, *sides))
    merged = merge((base_text, ours, theirs))
    if merged.conflicts:
        return
    result = merged.content.read().split()
    for side in (ours.split(), theirs.split()):
        assert is_inside(side, result) if inserting else is_inside(result, side)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([b"a\n", b"b\n", b"\n"]), max_size=14), st.lists(st.tuples(st.integers(0, 14), st.sampled_from("ot"), st.booleans()), max_size=6))
def test_every_marked_change_is_in_a_clean_result(base, edits):
    """Among repeated lines each side puts in lines that only it has, or turns one into such a line."""
    sides = {"o": list(base), "t": list(base)}
    marks: dict[str, list[bytes]] = {"o": [], "t": []}
    for number, (where, who, replaces) in enumerate(edits):
        lines = sides[who]
        mark = b"%s%d\n" % (who.encode(), number)
        where = min(where, len(lines))
        if replaces and where < len(lines) and lines[where] in base:
            lines[where] = mark
        else:
            lines.insert(where, mark)
        marks[who].append(mark)
    texts = [b"".join(lines) for lines in (base, sides["o"], sides["t"])]
    merged = merge(texts)
    result = merged.content.read().splitlines(keepends=True)
    for who in "ot":
        assert [line for line in result if line in marks[who]] == [line for line in sides[who] if line in marks[who]]
    if not merged.conflicts:
        removed = sum(len(base) - sum(line not in marks[who] for line in sides[who]) for who in "ot")
        assert sum(line in base for line in result) == len(base) - removed


@given(unique_lines() | repeated_lines())
def test_laws(sides):
    base, ours, theirs = sides
    assert merge((base, ours, ours)).content.read() == ours
    assert merge((base, base, ours)).content.read() == merge((base, ours, base)).content.read() == ours
    merged, swapped = merge((base, ours, theirs)), merge((base, theirs, ours))
    assert [(c.key, c.base, c.ours, c.theirs) for c in merged.conflicts] == [(c.key, c.base, c.theirs, c.ours) for c in swapped.conflicts]
    for choice in (OURS, THEIRS, BASE, UNION):
        settled = merge((base, ours, theirs), lambda conflict, choice=choice: Choice(choice))
        assert settled.conflicts == ()
        assert [(d.key, d.strategy) for d in settled.decisions] == [(c.key, choice) for c in merged.conflicts]
    assert merged.content.read() == merge((base, ours, theirs)).content.read()


@given(unique_lines() | repeated_lines(), st.data())
def test_settled_one_by_one_is_settled_at_once(sides, data):
    assume(all(side.endswith(b"\n") for side in sides if side))
    conflicts = merge(sides).conflicts
    chosen = {conflict.key: Choice(data.draw(st.sampled_from((OURS, THEIRS, BASE)))) for conflict in conflicts}
    at_once = merge(sides, lambda conflict: chosen[conflict.key]).content.read()
    text = merge(sides).content.read()
    for conflict in conflicts:
        side = getattr(conflict, chosen[conflict.key].strategy)
        start = text.index(b"<<<<<<< ours\n")
        end = text.index(b">>>>>>> theirs\n", start) + len(b">>>>>>> theirs\n")
        text = text[:start] + side.encode() + text[end:]
    assert text == at_once


@given(repeated_lines(kinds=3))
def test_added_by_both_has_every_line_of_both(sides):
    merged = merge_text(None, Bytes(sides[1]), Bytes(sides[2]), lambda conflict: Choice(UNION))
    result = Counter(merged.content.read().split())
    assert all(result[line] >= count for side in sides[1:] for line, count in Counter(side.split()).items())
    one = merge_text(None, Bytes(sides[1]), Bytes(sides[2]), lambda conflict: Choice(OURS))
    assert one.content.read().rstrip(b"\n") == sides[1].rstrip(b"\n")


@given(unique_lines())
def test_line_ends_do_not_change_a_merge(sides):
    """In CRLF, and with one side converted, the same merge in CRLF."""
    plain = merge(sides)
    converted = [side.replace(b"\n", b"\r\n") for side in sides]
    assert merge(converted).content.read() == plain.content.read().replace(b"\n", b"\r\n")
    if all(b"\n" in side for side in sides) and sides[0] not in sides[1:]:
        both = merge((sides[0], converted[1], sides[2]))
        assert both.content.read() == plain.content.read().replace(b"\n", b"\r\n")
        assert both.conflicts == plain.conflicts


@given(st.lists(st.sampled_from(["o", "t", "", ""]), max_size=30))
def test_disjoint_changes_are_both_there(owners):
    """Each side replaces, doubles or deletes its own lines; between lines of different sides one stays."""
    taken: list[str] = []
    for owner in owners:
        last = next((one for one in taken[-1:] if one), owner)
        taken.append(owner if last in {owner, ""} else "")
    texts = {"base": b"", "o": b"", "t": b"", "": b""}
    for number, owner in enumerate(taken):
        line = b"line %d\n" % number
        changed = (b"%s %d\n" % (owner.encode(), number), b"", line + b"%s %d\n" % (owner.encode(), number))[number % 3]
        for side in texts:
            texts[side] += changed if owner and side in {owner, ""} else line
    merged = merge((texts["base"], texts["o"], texts["t"]))
    assert (merged.conflicts, merged.content.read()) == ((), texts[""])
