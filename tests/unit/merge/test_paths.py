"""Paths that two sides changed: taken, merged inside, or left as a conflict with its outcomes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.diff.trees import FileChange
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge.paths import Drivers, merge_paths
from mvcs.merge.values import Choice, Conflict, Merged
from mvcs.objects.editing import Placed
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import EXECUTABLE, FILE, IS_BLOB, SYMLINK, Entry

BLOBS: dict[bytes, bytes] = {}


def placed(content: bytes | None, ingredient: str = "code", mode: int = FILE) -> Placed | None:
    if content is None:
        return None
    oid = blob_oid(content)
    BLOBS[oid] = content
    return Placed(ingredient, Entry(b"x", mode, IS_BLOB, oid, len(content)))


def changes(base: dict[bytes, Placed | None], side: dict[bytes, Placed | None]) -> list[FileChange]:
    found = []
    for path in sorted({*base, *side}):
        before, after = base.get(path), side.get(path)
        if before is None and after is None:
            continue
        if before is None or not before.same(after):
            found.append(FileChange(path, before, after))
    return found


def by_words(path, ingredient, base, ours, theirs, choose):
    """A driver that unites words when only one side has new ones; binary content it refuses."""
    del path, ingredient
    if b"\0" in ours.read():
        raise UnreadableContent(format="text", line=1, reason="binary")
    old = set(base.read().split()) if base is not None else set()
    a, b = set(ours.read().split()), set(theirs.read().split())
    if (a - old) and (b - old) and (a - old) != (b - old):
        conflict = Conflict("words", b" ".join(sorted(old)), ours.read(), theirs.read())
        choice = choose(conflict)
        if choice is not None and choice.strategy == "union":
            return Merged(Bytes(b" ".join(sorted(a | b))))
        return Merged(ours, (conflict,))
    return Merged(Bytes(b" ".join(sorted((a | b) - (old - a) - (old - b)))))


DRIVERS = Drivers(lambda oid: Bytes(BLOBS[oid]), by_words)


def never(path, conflict):
    del path, conflict


def merge(base, ours, theirs, choose=never):
    return merge_paths(changes(base, ours), changes(base, theirs), DRIVERS, choose)


def result(ours, merged):
    """The files after a merge: path to (ingredient, mode, content)."""
    files = {path: item for path, item in ours.items() if item is not None}
    for path, item in merged.edits.items():
        if item is None:
            files.pop(path, None)
        else:
            files[path] = item
    shown = {path: (item.ingredient, item.entry.mode, BLOBS[item.entry.oid]) for path, item in files.items()}
    for path, new in merged.files.items():
        shown[path] = (new.ingredient, new.mode, new.content.read())
    return shown


STATES = [None, b"one", b"two"]


@pytest.mark.parametrize("base,ours,theirs", list(itertools.product(STATES, repeat=3)))
def test_every_state_of_a_path_follows_the_rule_of_three_or_is_a_conflict(base, ours, theirs):
    b, o, t = ({b"p": placed(side and side + b"\0")} for side in (base, ours, theirs))
    merged = merge(b, o, t)
    expected = theirs if ours == base else ours
    content = result(o, merged).get(b"p")
    assert (content and content[2]) == (expected and expected + b"\0")
    agrees = len({ours, theirs, base}) < 3
    assert [item.path for item in merged.conflicts] == ([] if agrees else [b"p"])
    if not agrees:
        conflict = merged.conflicts[0].conflict
        values = [side[b"p"].entry.oid.hex() if side[b"p"] else ABSENT for side in (b, o, t)]
        assert [conflict.base, conflict.ours, conflict.theirs] == values
        for strategy, wanted in (("ours", ours), ("theirs", theirs), ("base", base)):
            settled = merge(b, o, t, lambda path, conflict, s=strategy: Choice(s))
            assert settled.conflicts == []
            assert [(path, d.strategy) for path, d in settled.decisions] == [(b"p", strategy)]
            content = result(o, settled).get(b"p")
            assert (content and content[2]) == (wanted and wanted + b"\0")


def test_delete_and_modify_conflict_in_both_directions():
    base, changed = {b"p": placed(b"a")}, {b"p": placed(b"b")}
    assert merge(base, {}, changed).conflicts[0].conflict.reason == "deleted in ours, changed in theirs"
    assert merge(base, changed, {}).conflicts[0].conflict.reason == "changed in ours, deleted in theirs"


def test_both_changed_is_merged_inside_and_left_where_the_driver_leaves_it():
    base, ours, theirs = ({b"p": placed(text)} for text in (b"a b", b"a b c", b"b"))
    assert result(ours, merge(base, ours, theirs))[b"p"] == ("code", FILE, b"b c")
    theirs = {b"p": placed(b"a b d")}
    merged = merge(base, ours, theirs)
    assert [(item.path, item.conflict.key) for item in merged.conflicts] == [(b"p", "words")]
    united = merge(base, ours, theirs, lambda path, conflict: Choice("union"))
    assert result(ours, united)[b"p"][2] == b"a b c d"


def test_a_file_that_is_config_on_one_side_and_data_on_the_other_is_a_conflict():
    base = {b"p": placed(b"a")}
    ours, theirs = {b"p": placed(b"a", "config")}, {b"p": placed(b"b", "data")}
    merged = merge(base, ours, theirs)
    assert merged.conflicts[0].conflict.reason == "config in ours, data in theirs"
    # moved by one side and changed by the other: both, without a conflict
    merged = merge(base, ours, {b"p": placed(b"b")})
    assert result(ours, merged)[b"p"] == ("config", FILE, b"b")
    merged = merge(base, {b"p": placed(b"b")}, {b"p": placed(b"a", "data")})
    assert result({b"p": placed(b"b")}, merged)[b"p"] == ("data", FILE, b"b")


def test_mode_and_content_merge_apart():
    base, ours, theirs = {b"p": placed(b"a")}, {b"p": placed(b"a", mode=EXECUTABLE)}, {b"p": placed(b"b")}
    assert result(ours, merge(base, ours, theirs))[b"p"] == ("code", EXECUTABLE, b"b")
    assert result(theirs, merge(base, theirs, ours))[b"p"] == ("code", EXECUTABLE, b"b")
    both = merge(base, {b"p": placed(b"a c", mode=EXECUTABLE)}, {b"p": placed(b"")})
    assert both.files[b"p"].mode == EXECUTABLE


def test_a_link_against_a_changed_file_is_a_conflict():
    base = {b"p": placed(b"a")}
    ours, theirs = {b"p": placed(b"target", mode=SYMLINK)}, {b"p": placed(b"b")}
    assert merge(base, ours, theirs).conflicts[0].conflict.reason == "not both plain files"


def test_two_modes_are_told_as_that():
    """Also where the bytes are the same, so that both values are."""
    can, cannot = {b"p": placed(b"x\0", mode=EXECUTABLE)}, {b"p": placed(b"x\0")}
    assert merge({}, can, cannot).conflicts[0].conflict.reason == "executable in ours, not in theirs"
    assert merge({}, cannot, can).conflicts[0].conflict.reason == "executable in theirs, not in ours"
    assert merge({b"p": placed(b"old\0")}, can, cannot).conflicts == []  # one side alone made it executable


@pytest.mark.parametrize("moved_by", ["ours", "theirs"])
@pytest.mark.parametrize("word", ["ours", "theirs", "base", None])
def test_a_file_that_cannot_be_merged_inside_is_where_one_side_moved_it(moved_by, word):
    """By the rule of three, whoever's bytes it has; also while it is left."""
    same = words(*range(40), nul=True)
    base, moved, edited = {b"a": placed(same)}, {b"b": placed(same + b" one", "data")}, {b"a": placed(same + b" two")}
    sides = (moved, edited) if moved_by == "ours" else (edited, moved)
    merged = merge(base, *sides, (lambda path, conflict: Choice(word)) if word else never)
    assert [item.path for item in merged.conflicts] == ([] if word else [b"b"])
    mine, yours = (next(iter(side.values())).entry.oid for side in sides)
    wanted = {"theirs": yours, "base": base[b"a"].entry.oid}.get(word, mine)
    assert result(sides[0], merged) == {b"b": ("data", FILE, BLOBS[wanted])}


@pytest.mark.parametrize("word", ["ours", "theirs", "base"])
@pytest.mark.parametrize("renamed_by", ["ours", "theirs"])
def test_a_renamed_file_that_the_other_side_made_a_link(renamed_by, word):
    """A link means something else where the file is now: it does not follow."""
    base, renamed = {b"d/a": placed(b"x")}, {b"b": placed(b"x")}
    link = {b"d/a": placed(b"../y", mode=SYMLINK)}
    sides = (renamed, link) if renamed_by == "ours" else (link, renamed)
    (item,) = merge(base, *sides).conflicts
    assert (item.path, item.conflict.reason) == (b"b", "renamed on one side, another kind of file on the other")
    assert result(sides[0], merge(base, *sides)) == result(sides[0], merge(base, sides[0], base))
    settled = merge(base, *sides, lambda path, conflict: Choice(word))
    assert settled.conflicts == []
    wanted = {"ours": sides[0], "theirs": sides[1], "base": base}[word]
    assert result(sides[0], settled) == result(wanted, merge(wanted, wanted, wanted))


def test_a_change_follows_a_renamed_file_from_either_side():
    base = {b"old": placed(b"a b")}
    renamed, changed = {b"new": placed(b"a b")}, {b"old": placed(b"a b c")}
    for ours, theirs in ((renamed, changed), (changed, renamed)):
        merged = merge(base, ours, theirs)
        assert merged.conflicts == []
        assert result(ours, merged) == {b"new": ("code", FILE, b"a b c")}


def test_both_sides_rename():
    base = {b"old": placed(b"a")}
    ours, theirs = {b"mine": placed(b"a")}, {b"yours": placed(b"a")}
    merged = merge(base, ours, theirs)
    conflict = merged.conflicts[0].conflict
    assert (merged.conflicts[0].path, conflict.ours, conflict.theirs) == (b"old", "mine", "yours")
    assert set(result(ours, merged)) == {b"mine"}
    for strategy, wanted in (("ours", {b"mine"}), ("theirs", {b"yours"}), ("base", {b"old"}),
                             ("union", {b"mine", b"yours"})):
        settled = merge(base, ours, theirs, lambda path, conflict, s=strategy: Choice(s))
        assert set(result(ours, settled)) == wanted
    same = merge(base, ours, {b"mine": placed(b"a")})
    assert same.conflicts == []
    assert set(result(ours, same)) == {b"mine"}


def words(*numbers: int, nul: bool = False) -> bytes:
    """Long words in lines, so that files are alike by lines, and the driver merges words."""
    return (b"\0\n" if nul else b"") + b"\n".join(b"word-%04d" % number for number in numbers)


def test_both_rename_to_one_name_and_what_both_changed_inside_is_merged():
    base, ours, theirs = {b"old": placed(words(*range(8)))}, {b"new": placed(words(*range(8), 10))}, {b"new": placed(words(*range(1, 8)))}
    for mine, yours in ((ours, theirs), (theirs, ours)):
        merged = merge(base, mine, yours)
        assert merged.conflicts == []
        assert set(result(mine, merged)) == {b"new"}
        assert set(result(mine, merged)[b"new"][2].split()) == set(words(*range(1, 8), 10).split())
    merged = merge(base, ours, {b"new": placed(words(*range(8), 11))})
    assert [(item.path, item.conflict.key) for item in merged.conflicts] == [(b"new", "words")]


def test_renamed_and_edited_on_one_side_edited_on_the_other():
    base, renamed, edited = {b"old": placed(words(*range(8)))}, {b"new": placed(words(*range(8), 10))}, {b"old": placed(words(*range(1, 8)))}
    for ours, theirs in ((renamed, edited), (edited, renamed)):
        merged = merge(base, ours, theirs)
        assert merged.conflicts == []
        assert set(result(ours, merged)) == {b"new"}
        assert set(result(ours, merged)[b"new"][2].split()) == set(words(*range(1, 8), 10).split())
        assert len(merged.notes) == 1
        assert "old -> new" in merged.notes[0]


def test_binary_files_that_were_renamed_and_edited_stay_one_conflict_with_both_contents():
    contents = words(*range(8), nul=True), words(*range(8), 10, nul=True), words(*range(1, 8), nul=True)
    base, renamed, edited = {b"old": placed(contents[0])}, {b"new": placed(contents[1])}, {b"old": placed(contents[2])}
    for ours, theirs, mine, yours in ((renamed, edited, *contents[1:]), (edited, renamed, *contents[:0:-1])):
        merged = merge(base, ours, theirs)
        assert [item.path for item in merged.conflicts] == [b"new"]
        assert result(ours, merged) == {b"new": ("code", FILE, mine)}
        for strategy, wanted in (("ours", mine), ("theirs", yours), ("base", contents[0])):
            settled = merge(base, ours, theirs, lambda path, conflict, s=strategy: Choice(s))
            assert result(ours, settled) == {b"new": ("code", FILE, wanted)}


def test_renamed_apart_both_names_are_told_and_neither_edit_is_lost():
    base, ours, theirs = {b"old": placed(words(*range(8)))}, {b"mine": placed(words(*range(8), 10))}, {b"yours": placed(words(*range(1, 8)))}
    merged = merge(base, ours, theirs)
    (item,) = merged.conflicts
    assert item.conflict.reason == "renamed to mine in ours, to yours in theirs"
    both = set(words(*range(1, 8), 10).split())
    assert {path: set(file[2].split()) for path, file in result(ours, merged).items()} == {b"mine": both}
    for strategy, names in (("ours", {b"mine"}), ("theirs", {b"yours"}), ("union", {b"mine", b"yours"})):
        settled = merge(base, ours, theirs, lambda path, conflict, s=strategy: Choice(s))
        assert {path: set(file[2].split()) for path, file in result(ours, settled).items()} == dict.fromkeys(names, both)
    theirs = {b"yours": placed(words(*range(8), 11))}  # and both changed it differently
    merged = merge(base, ours, theirs)
    assert merged.conflicts[0].conflict.reason.endswith(", and changed differently")
    united = merge(base, ours, theirs, lambda path, conflict: Choice("union"))
    assert {path: file[2] for path, file in result(ours, united).items()} == {
        b"mine": words(*range(8), 10), b"yours": words(*range(8), 11)
    }


def test_a_new_file_where_the_other_side_renamed_to_is_not_taken_for_the_renamed_one():
    base, renamed = {b"old": placed(words(*range(8)))}, {b"new": placed(words(*range(8), 10))}
    for theirs in ({b"old": placed(words(*range(8), 11)), b"new": placed(b"other\0")}, {b"new": placed(b"other\0")}):
        assert b"new" in {item.path for item in merge(base, renamed, theirs).conflicts}
        assert b"new" in {item.path for item in merge(base, theirs, renamed).conflicts}


def test_renamed_and_edited_on_one_side_and_deleted_on_the_other():
    base, renamed = {b"old": placed(words(*range(8)))}, {b"new": placed(words(*range(8), 10))}
    for ours, theirs in ((renamed, {}), ({}, renamed)):
        merged = merge(base, ours, theirs)
        assert merged.conflicts[0].conflict.reason == "renamed on one side, deleted on the other"
        taken = merge(base, ours, theirs, lambda path, conflict: Choice("theirs"))
        assert result(ours, taken) == {path: ("code", FILE, BLOBS[item.entry.oid]) for path, item in theirs.items()}


def test_renamed_on_one_side_and_deleted_on_the_other():
    base, renamed = {b"old": placed(b"a")}, {b"new": placed(b"a")}
    for ours, theirs in ((renamed, {}), ({}, renamed)):
        merged = merge(base, ours, theirs)
        assert merged.conflicts[0].conflict.reason == "renamed on one side, deleted on the other"
        assert set(result(ours, merged)) == set(ours)
        settled = merge(base, ours, theirs, lambda path, conflict: Choice("theirs"))
        assert set(result(ours, settled)) == set(theirs)
        back = merge(base, ours, theirs, lambda path, conflict: Choice("base"))
        assert set(result(ours, back)) == {b"old"}


def test_a_strategy_that_means_nothing_here_leaves_the_conflict():
    base, ours, theirs = ({b"p": placed(text)} for text in (b"a\0", b"b\0", b"c\0"))
    merged = merge(base, ours, theirs, lambda path, conflict: Choice("newest"))
    assert merged.conflicts[0].strategies == ("ours", "theirs", "base")


FILES = st.dictionaries(
    st.sampled_from([b"a", b"b", b"d/c", b"d/e"]),
    st.builds(placed, st.sampled_from([b"1\0", b"2\0", b"3\0", words(*range(6), nul=True), words(*range(7), nul=True)]), st.sampled_from(["code", "data"]),
              st.sampled_from([FILE, EXECUTABLE])),
)


@given(FILES, FILES)
def test_one_sided_changes_are_taken_whole(base, side):
    assert result(base, merge(base, base, side)) == result(side, merge(base, side, base)) == result(side, merge({}, side, {}))
    assert merge(base, side, side).conflicts == []
    assert result(side, merge(base, side, side)) == result(side, merge({}, side, {}))


@given(FILES, FILES, FILES)
def test_conflicts_are_the_same_with_the_sides_swapped(base, ours, theirs):
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert [item.path for item in one.conflicts] == [item.path for item in other.conflicts]
    for mine, yours in zip(one.conflicts, other.conflicts, strict=True):
        assert (mine.conflict.base, mine.conflict.ours, mine.conflict.theirs) == (
            yours.conflict.base, yours.conflict.theirs, yours.conflict.ours
        )
    if not one.conflicts:
        assert result(ours, one) == result(theirs, other)


@given(FILES, FILES, FILES)
def test_settled_by_ours_everywhere_nothing_is_left(base, ours, theirs):
    settled = merge(base, ours, theirs, lambda path, conflict: Choice("ours"))
    assert settled.conflicts == []
    assert result(ours, settled) == result(ours, merge(base, ours, theirs))
