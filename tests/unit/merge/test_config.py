"""Merges of configuration files: conflicts, strategies, and which bytes stay."""

from __future__ import annotations

import datetime
import time

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.config import parse_scalar, read_config
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT, same
from mvcs.merge.config import merge_config
from mvcs.merge.config_choices import NO_MEANING, chosen, mean, union
from mvcs.merge.values import Choice, Conflict, leave

HUGE = 10**400


def merge(syntax, base, ours, theirs, choose=leave):
    sides = (None if each is None else Bytes(each.encode()) for each in (base, ours, theirs))
    made = merge_config(syntax, *sides, choose)
    return made, made.content.read().decode()


def by(strategy, value=None):
    return lambda conflict: Choice(strategy, value)


def found(made):
    return [(each.key, each.base, each.ours, each.theirs) for each in made.conflicts]


BASE = """\
# training
lr: 1e-4      # the rate
model:
  # width
  dim: 64
  drop: 0.10
layers: [1, 2]
"""


def test_different_keys_merge_and_each_keeps_its_spelling():
    ours = BASE.replace("64", "0x80").replace("layers: [1, 2]", "layers: [1,  2]")
    theirs = BASE.replace("1e-4 ", "3e-4 ").replace("  drop: 0.10\n", "  drop: 0.10\n  # activation\n  act: 'gelu'  # new\n")
    made, text = merge("yaml", BASE, ours, theirs)
    assert (made.conflicts, made.decisions) == ((), ())
    assert text == ours.replace("1e-4 ", "3e-4 ").replace("  drop: 0.10\n", "  drop: 0.10\n  # activation\n  act: 'gelu'  # new\n")


def test_a_key_changed_on_both_sides_is_a_conflict_and_the_file_has_ours():
    made, text = merge("yaml", BASE, BASE.replace("64", "128").replace("1e-4", "1e-5"), BASE.replace("64", "256").replace("[1, 2]", "[3]"))
    assert found(made) == [("model.dim", 64, 128, 256)]
    assert text == BASE.replace("64", "128").replace("1e-4", "1e-5").replace("[1, 2]", "[3]")


@pytest.mark.parametrize("syntax, base, gone, changed, key, value", [
    ("yaml", "a: 1\nm:\n  x: 1\n  y: 2\n", "a: 1\n", "a: 1\nm:\n  x: 1\n  y: 3\n", "m", {"x": 1, "y": 3}),
    ("json", '{"a": 1, "m": {"x": 1}}', '{"a": 1}', '{"a": 1, "m": {"x": 1, "z": 2}}', "m", {"x": 1, "z": 2}),
    ("toml", "a = 1\n[m]\n[m.n]\nx = 1\n", "a = 1\n[m]\n", "a = 1\n[m]\n[m.n]\nx = 2\n", "m.n", {"x": 2}),
    ("yaml", "a: 1\nb: 2\n", "a: 1\n", "a: 1\nb: 3\n", "b", 3),
])
def test_deleted_against_changed_is_a_conflict_in_both_directions(syntax, base, gone, changed, key, value):
    was = read_config(syntax, Bytes(base.encode()))
    for part in key.split("."):
        was = was[part]
    made, text = merge(syntax, base, gone, changed)
    assert found(made) == [(key, was, ABSENT, value)]
    assert text == gone
    made, text = merge(syntax, base, changed, gone)
    assert found(made) == [(key, was, value, ABSENT)]
    assert text == changed


def test_deleted_on_both_sides_and_added_alike_on_both_sides_agree():
    made, text = merge("yaml", "a: 1\nb: 2\nc: 3\n", "a: 1\nc: 4\nd: 5\n", "a: 6\nc: 3\nd: 5 # same\n")
    assert made.conflicts == ()
    assert text == "a: 6\nc: 4\nd: 5 # same\n"


@pytest.mark.parametrize("base, ours, theirs, key", [
    ("m: 1\n", "m:\n  a: 1\n", "m:\n  b: 1\n", "m"), ("m: {a: 1}\n", "m: 5\n", "m: {a: 2}\n", "m"), ("m: {a: 1}\n", "m: {a: 2}\n", "m: [a]\n", "m"),
    ("x: 1\n", "x: 1\nm: {a: 1}\n", "x: 1\nm: 2\n", "m"), ("m: 1\n", "m: 1.0\n", "m: '1'\n", "m"), ("m: 1\n", "m: true\n", "m: yes\n", "m"),
    ("- 1\n", "- 2\n", "- 3\n", "."), ("a: 1\n", "- 2\n", "a: 2\n", "."), ('"a.b": 1\n', '"a.b": 2\n', '"a.b": 3\n', '"a.b"'), ("1: a\n", "1: b\n", "1: c\n", "1"),
])
def test_what_is_one_value_conflicts_as_one(base, ours, theirs, key):
    made, text = merge("yaml", base, ours, theirs)
    assert [each.key for each in made.conflicts] == [key]
    assert text == ours


def test_files_that_both_added_merge_as_if_there_had_been_no_keys():
    made, text = merge("yaml", None, "a: 1\nb:\n  c: 1\n  d: 2\n", "b:\n  c: 1\n  d: 3\n  e: 4 # four\nf: 5\n")
    assert found(made) == [("b.d", ABSENT, 2, 3)]
    assert text == "a: 1\nb:\n  c: 1\n  d: 2\n  e: 4 # four\nf: 5\n"
    assert found(merge("json", None, "1", "2")[0]) == [(".", ABSENT, 1, 2)]


def test_conflicts_come_in_the_order_of_the_file():
    made, _ = merge("yaml", "a: 1\nb: 1\nc: {x: 1, y: 1}\nd: 1\n", "d: 2\nc: {y: 2, x: 2}\nb: 2\n", "a: 3\nb: 3\nc: {x: 3, y: 3}\nd: 3\n")
    assert [each.key for each in made.conflicts] == ["a", "d", "c.y", "c.x", "b"]


COMMENTED = BASE.replace("the rate", "the learning rate")


def test_comments_that_one_side_changed_stay_with_the_values_of_the_other():
    made, text = merge("yaml", BASE, BASE.replace("64", "128"), COMMENTED)
    assert (made.conflicts, text) == ((), COMMENTED.replace("64", "128"))
    made, text = merge("yaml", BASE, COMMENTED, BASE.replace("64", "128"))
    assert (made.conflicts, text) == ((), COMMENTED.replace("64", "128"))


def test_comments_that_both_sides_changed_at_different_keys_are_both_kept():
    made, text = merge("yaml", BASE, BASE.replace("width", "how wide"), COMMENTED.replace("64", "128"))
    assert (made.conflicts, made.notes, text) == ((), (), COMMENTED.replace("width", "how wide").replace("64", "128"))


@pytest.mark.parametrize("syntax, base, ours, theirs, text", [
    ("yaml", "a: 1\nb: 2\nc: 3\n", "# ours\na: 1\nb: 2\nc: 3\n", "a: 1\nb: 2\n# theirs\nc: 4\n", "# ours\na: 1\nb: 2\n# theirs\nc: 4\n"),
    ("toml", "x = 1\ny = 1\n", "# ours\nx = 1\ny = 1\n", "x = 1\ny = 2 # tuned\n", "# ours\nx = 1\ny = 2 # tuned\n"),
    ("yaml", "a: 1\nb: 2\n", "a: 1 # ours\nb: 2\n", "a: 1\nb: 2 # theirs\n", "a: 1 # ours\nb: 2 # theirs\n"),
    ("yaml", "a: 1\nb: 2\n", "a: 1 # ours\nb: 2\n", "a: 1\n# theirs\nb: 2\n", "a: 1 # ours\n# theirs\nb: 2\n"),
    ("yaml", "a: 1\nb: 2\n", "a: 3 # ours\nb: 2\n", "a: 1\n# theirs\nb: 4\n", "a: 3 # ours\n# theirs\nb: 4\n"),
    ("yaml", "a: 1\nb: 2\n", "# ours\na: 1\nb: 2\nc: 3 # new\n", "a: 1\nb: 2 # theirs\n# about d\nd: 4\n", "# ours\na: 1\nb: 2 # theirs\n# about d\nd: 4\nc: 3 # new\n"),
    ("yaml", "a: 1 # old\nb: 2\n", "a: 1\nb: 3\n", "a: 1 # old\n# theirs\nb: 2\n", "a: 1\n# theirs\nb: 3\n"),
    ("toml", "[m]\nx = 1\n[n]\ny = 1\n", "[m] # ours\nx = 1\n[n]\ny = 1\n", "[m]\nx = 1\n# theirs\n[n]\ny = 2\n", "[m] # ours\nx = 1\n# theirs\n[n]\ny = 2\n"),
    ("yaml", "a: 1\nb: 2", "a: 1 # ours\nb: 2", "a: 1\nb: 2\n# end", "a: 1 # ours\nb: 2\n# end"),
    ("yaml", "a: 1\nb: 2\n", "a: 1 # ours\r\nb: 2\r\n", "a: 1\nb: 2 # theirs\n", "a: 1 # ours\r\nb: 2 # theirs\r\n"),
])
def test_comments_of_both_sides_are_kept(syntax, base, ours, theirs, text):
    made, got = merge(syntax, base, ours, theirs)
    assert (made.conflicts, made.notes, got) == ((), (), text)
    swapped, got = merge(syntax, base, theirs, ours)
    assert (swapped.conflicts, swapped.notes) == ((), ())
    assert sorted(got.split()) == sorted(text.split())


@pytest.mark.parametrize("syntax, base, ours, theirs, text, lost", [
    ("yaml", "a: 1\nb: 2\n", "a: 1 # ours\nb: 2\n", "a: 1 # theirs\nb: 3\n", "a: 1 # ours\nb: 3\n", "theirs that the merged file has not: # theirs"),
    ("yaml", "# old\na: 1\nb: 2\n", "# ours\na: 1\nb: 2\n", "# theirs\na: '#1'\nb: 2\n", "# ours\na: '#1'\nb: 2\n", "theirs that the merged file has not: # theirs"),
    ("toml", "a = 1\n", "a = 2 # ours\n", "a = 3 # theirs\n", "a = 2 # ours\n", "theirs that the merged file has not: # theirs"),
    ("yaml", "a: 1\nb: 2\n", "a: 1\nb: 2 # ours\n", "a: 1\n", "a: 1\n", "ours that the merged file has not: # ours"),
    ("yaml", None, "a: 1 # ours\n", "# theirs\na: 1\n", "a: 1 # ours\n", "theirs that the merged file has not: # theirs"),
])
def test_comments_that_are_left_out_are_named(syntax, base, ours, theirs, text, lost):
    made, got = merge(syntax, base, ours, theirs)
    assert got == text
    assert made.notes == (f"comments of {lost}",)


def test_layout_that_one_side_changed_stays_too():
    base, wide = '{"a": 1, "b": 2}\n', '{\n    "a": 1,\n    "b": 2\n}\n'
    assert merge("json", base, base.replace("1", "3"), wide)[1] == wide.replace("1", "3")
    assert merge("json", base, wide, base.replace("1", "3"))[1] == wide.replace("1", "3")


def test_the_bytes_of_a_side_that_has_all_are_given_as_they_are():
    ours, theirs = Bytes(b"a: 2 # x\n"), Bytes(b"a: 2\n")
    assert merge_config("yaml", Bytes(b"a: 1\n"), ours, theirs, leave).content in {ours, theirs}


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_that_one_side_gave_or_took_stays_so(mark):
    other = b"" if mark else b"\xef\xbb\xbf"
    made = merge_config("yaml", Bytes(other + b"a: 1\nb: 1\n"), Bytes(other + b"a: 2\nb: 1\n"), Bytes(mark + b"a: 1\nb: 2\n"), leave)
    assert made.content.read() == mark + b"a: 2\nb: 2\n"


@pytest.mark.parametrize("strategy, ours, theirs, text", [
    ("ours", "2", "3e0", "2"), ("theirs", "2", "3e0", "3e0"), ("base", "2", "3", "1e-4"), ("min", "2", "3", "2"), ("min", "2e-5", "1e-5", "1e-5"), ("max", "2", "3.50", "3.50"),
    ("mean", "2", "4", "3"), ("mean", "2", "3", "2.5"), ("mean", "1e-3", "3e-3", "0.002"), ("mean", "2", "3.0", "2.5"), ("mean", ".inf", "1", ".inf"),
    ("union", "[1, 2]", "[2, 3, 3]", "[1, 2, 3]"), ("union", "[1e-4, {a: 1}]", "[1.0, {a: 1}, 1]", "[1e-4, {a: 1}, 1.0, 1]"), ("union", "[]", "[0x3]", "[0x3]"),
])
def test_strategies_settle(strategy, ours, theirs, text):
    made, got = merge("yaml", "k: 1e-4 # c\n", f"k: {ours} # c\n", f"k: {theirs} # c\n", by(strategy))
    assert got == f"k: {text} # c\n"
    assert (made.conflicts, [(each.key, each.strategy) for each in made.decisions]) == ((), [("k", strategy)])


@pytest.mark.parametrize("strategy, ours, theirs", [
    ("min", "a", "b"), ("max", "true", "2"), ("mean", "2", ".nan"), ("min", "9" * 401, ".nan"), ("mean", ".inf", "-.inf"), ("union", "[1]", "2"), ("union", "{a: 1}", "2"), ("newest", "2", "3"),
    ("append", "[1]", "[2]"), ("nonsense", "2", "3"), ("mean", "2", "~"), ("min", "'2'", "3"), ("mean", "2024-01-01", "2024-01-03"),
])
def test_strategies_that_mean_nothing_leave_the_conflict(strategy, ours, theirs):
    made, text = merge("yaml", "k: 1\n", f"k: {ours}\n", f"k: {theirs}\n", by(strategy))
    assert [each.key for each in made.conflicts] == ["k"]
    assert made.decisions == ()
    assert text == f"k: {ours}\n"


@pytest.mark.parametrize("syntax, base, typed, text", [
    ("yaml", "k: 1 # c\n", "1e-5", "k: 1.0e-05 # c\n"), ("yaml", "k: 1 # c\n", "yes", 'k: "yes" # c\n'), ("yaml", "k: 1\n", "{a: {b: 1}, c: []}", "k:\n  a:\n    b: 1\n  c: []\n"),
    ("json", '{"k": 1}', "[1, null]", '{"k": [1, null]}'), ("toml", "k = 1 # c\n", "2024-01-01", "k = 2024-01-01 # c\n"), ("toml", "k = 1\n", "{a: [x]}", 'k = { a = ["x"] }\n'),
])
def test_set_writes_a_value(syntax, base, typed, text):
    made, got = merge(syntax, base, base.replace("1", "2"), base.replace("1", "3"), by("set", parse_scalar(typed)))
    assert (got, made.conflicts, [each.strategy for each in made.decisions]) == (text, (), ["set"])


@pytest.mark.parametrize("syntax, base, value", [
    ("toml", "k = 1\n", None), ("json", '{"k": 1}', parse_scalar("2024-01-01")), ("json", '{"k": 1}', parse_scalar("{1: 2}")), ("json", '{"k": 1}', b"x"), ("yaml", "k: 1\n", datetime.time(7, 32)),
])
def test_a_value_that_the_syntax_cannot_write_leaves_the_conflict(syntax, base, value):
    made, text = merge(syntax, base, base.replace("1", "2"), base.replace("1", "3"), by("set", value))
    assert [each.key for each in made.conflicts] == ["k"]
    assert text == base.replace("1", "2")


def test_choices_are_asked_per_key():
    sides = ("a: 1\nb: 1\nc: 1\n", "a: 2\nb: 2\nc: 2\n", "a: 3\nb: 3\nc: 3\n")
    made, text = merge("yaml", *sides, lambda conflict: {"a": Choice("theirs"), "b": Choice("mean")}.get(conflict.key))
    assert text == "a: 3\nb: 2.5\nc: 2\n"
    assert [each.key for each in made.conflicts] == ["c"]
    assert [(each.key, each.strategy) for each in made.decisions] == [("a", "theirs"), ("b", "mean")]


def test_base_and_theirs_can_take_a_key_away_and_bring_a_map_back():
    sides = ("a: 1\nm:\n  x: 1 # x\n", "a: 1\nm:\n  x: 2 # x\n", "a: 1\n")
    assert merge("yaml", *sides, by("theirs"))[1] == "a: 1\n"
    assert merge("yaml", sides[0], sides[2], sides[1], by("theirs"))[1] == sides[1]
    assert merge("yaml", sides[0], sides[2], sides[1], by("base"))[1] == sides[0]
    assert merge("yaml", "a: 1\n", "a: 1\nn: 1\n", "a: 1\nn: 2\n", by("base"))[1] == "a: 1\n"


@pytest.mark.parametrize("first, second, result", [
    (2, 4, 3), (1, 2, 1.5), (HUGE, HUGE + 2, HUGE + 1), (HUGE, HUGE + 1, NO_MEANING), (1e308, 1.5e308, 1.25e308), (HUGE, 1.0, NO_MEANING), (-1, 1, 0), (5e-324, 5e-324 * 3, 1e-323),
])
def test_the_mean_is_exact_or_the_nearest_float(first, second, result):
    assert mean(first, second) is NO_MEANING if result is NO_MEANING else same(mean(first, second), result)
    assert mean(first, first) is NO_MEANING or same(mean(first, first), first) or abs(first) < 1e-300


def test_min_and_max_of_equal_numbers_are_ours():
    conflict = Conflict("k", 0, 1, 1.0)
    assert same(chosen(conflict, Choice("min")), 1)
    assert same(chosen(conflict, Choice("max")), 1)


def test_a_union_tells_types_apart_and_takes_each_item_once():
    assert same(union([1, {"a": [1]}], [1.0, True, {"a": [1]}, {"a": [1.0]}, 1.0]), [1, {"a": [1]}, 1.0, True, {"a": [1.0]}])
    nan = float("nan")
    assert len(union([nan, 0.0], [float("nan"), -0.0])) == 3


def test_a_union_of_lists_in_lines_appends_lines():
    ours = "k:\n  - a # one\n  - b\nz: 1\n"
    made, text = merge("yaml", "k: []\nz: 1\n", ours, "k: [b, 'c d']\nz: 1\n", by("union"))
    assert text == "k:\n  - a # one\n  - b\n  - c d\nz: 1\n"
    assert made.conflicts == ()


ANCHORED = "d: &d\n  lr: 0.1\n  mom: 0.9\ntrain:\n  <<: *d\n  epochs: 5\neval: *d\n"


def test_a_change_of_an_anchor_merges_with_other_changes():
    made, text = merge("yaml", ANCHORED, ANCHORED.replace("5", "6"), ANCHORED.replace("0.1", "0.2"))
    assert (made.conflicts, text) == ((), ANCHORED.replace("5", "6").replace("0.1", "0.2"))


def test_a_value_of_ones_own_over_an_anchor_that_the_other_side_changed_is_a_conflict():
    made, text = merge("yaml", ANCHORED, ANCHORED.replace("eval: *d", "eval: {lr: 0.5, mom: 0.9}"), ANCHORED.replace("0.1", "0.2"))
    assert found(made) == [("eval.lr", 0.1, 0.5, 0.2)]
    assert text == ANCHORED.replace("eval: *d", "eval: {lr: 0.5, mom: 0.9}").replace("0.1", "0.2")


def test_a_merge_that_would_lose_an_anchor_in_use_is_refused():
    base = "a: &x 1\nb: *x\nc: 1\n"
    with pytest.raises(UnreadableContent) as caught:
        merge("yaml", base, base.replace("c: 1", "c: 2 # two"), "b: 1\nc: 1\n")
    assert caught.value.fields["reason"]


@pytest.mark.parametrize("broken, side", [(0, "the base"), (1, "ours"), (2, "theirs")])
@pytest.mark.parametrize("syntax, texts, bad", [("yaml", ("a: 1\n", "a: 2\n", "a: 3\n"), "\na: [\n"), ("json", ("[1]", "[2]", "[3]"), "\n[1"), ("toml", ("a=1", "a=2", "a=3"), "\na="),])
def test_a_side_that_cannot_be_read_is_named(syntax, texts, bad, broken, side):
    sides = [bad if number == broken else text for number, text in enumerate(texts)]
    with pytest.raises(UnreadableContent) as caught:
        merge(syntax, *sides)
    assert caught.value.fields["reason"].startswith(f"{side}: ")
    assert caught.value.fields["format"] == syntax.upper()
    assert caught.value.fields["line"] > 0


@pytest.mark.parametrize("syntax, line", [("yaml", "key{}: {}e-{}  # note\n"), ("toml", "key{} = {}e-{}  # note\n"), ("json", '"key{}": {}e-{},\n')])
def test_ten_thousand_conflicts_take_seconds(syntax, line):
    def side(power):
        text = "".join(line.format(n, n + 1, power) for n in range(10_000))
        return text if syntax != "json" else "{" + text.rstrip(",\n") + "}"

    started = time.perf_counter()
    made, text = merge(syntax, side(3), side(4), side(5), by("theirs"))
    assert time.perf_counter() - started < 15  # 1.2 s when nothing else runs
    assert len(made.decisions) == 10_000
    assert text == side(5)


def test_a_line_of_very_many_colours_costs_no_more_than_its_length_and_its_comment_is_still_told():
    """Each place where a comment may begin costs what is behind it: all of them together would take gigabytes."""
    line = "colours: [" + ", ".join(f'"#{number:06x}"' for number in range(100_000)) + "]"
    base = f"a: 1\n{line}  # old\nb: 1\n"
    ours, theirs = base.replace("a: 1", "a: 2").replace("# old", "# ours"), base.replace("# old", "# theirs")
    made, text = merge("yaml", base, ours, theirs)
    assert (made.conflicts, text) == ((), ours)
    assert "# theirs" in made.notes[0]
