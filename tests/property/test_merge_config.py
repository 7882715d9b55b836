"""Merges of configuration files: the rule of three by key, and bytes that nobody touched."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import UnreadableContent
from mvcs.formats.config import read_config
from mvcs.formats.content import Bytes
from mvcs.formats.key_paths import flatten, leaves, parse_key_path, value_at
from mvcs.formats.values import ABSENT, same
from mvcs.merge.config import merge_config
from mvcs.merge.values import BASE, OURS, SET, THEIRS, Choice, leave
from tests.property.config_texts import SCALARS, SYNTAXES, maps, write

SEEDS = st.integers(0, 10_000)


@st.composite
def changed(draw, syntax, value):
    """A map with some keys of another one gone, changed and added."""
    made = {}
    for key, item in value.items():
        fate = draw(st.integers(0, 9))
        if fate == 0:
            continue
        if fate == 1:
            made[key] = draw(SCALARS[syntax])
        elif isinstance(item, dict) and fate < 8:
            made[key] = draw(changed(syntax, item))
        else:
            made[key] = item
    if draw(st.integers(0, 2)) == 0:
        made.update(draw(maps(syntax, size=2)))
    return made


@st.composite
def three(draw, syntax):
    base = draw(maps(syntax))
    seeds = [draw(SEEDS)] * 3 if draw(st.booleans()) else [draw(SEEDS) for _ in range(3)]
    values = (base, draw(changed(syntax, base)), draw(changed(syntax, base)))
    return tuple(Bytes(write(syntax, value, seed).encode()) for value, seed in zip(values, seeds, strict=True))


def conflicts_of(merged, *, swap=False):
    return {
        (each.key, repr(each.base), repr(each.theirs if swap else each.ours), repr(each.ours if swap else each.theirs))
        for each in merged.conflicts
    }


def put(value, parts, new):
    """Sets or removes (ABSENT) what is at a path."""
    *above, last = parts
    for part in above:
        value = value.setdefault(part, {})
    if new is ABSENT:
        value.pop(last, None)
    else:
        value[last] = new


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data())
def test_a_side_that_did_not_change_gives_way_byte_for_byte(syntax, data):
    base, side, _ = data.draw(three(syntax))
    for sides in ((base, base, side), (base, side, base), (base, side, side), (None, side, side)):
        merged = merge_config(syntax, *sides, leave)
        assert merged.content.read() == side.read()
        assert (merged.conflicts, merged.decisions) == ((), ())


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(first=st.binary(max_size=8), second=st.binary(max_size=8))
def test_so_does_one_of_files_that_cannot_be_read(syntax, first, second):
    base, side = Bytes(b"[{\xff" + first), Bytes(b"]}\xff" + second)
    for sides in ((base, base, side), (base, side, base), (base, side, side)):
        assert merge_config(syntax, *sides, leave).content.read() == side.read()


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data())
def test_conflicts_are_the_same_with_the_sides_swapped(syntax, data):
    base, ours, theirs = data.draw(three(syntax))
    there = merge_config(syntax, base, ours, theirs, leave)
    back = merge_config(syntax, base, theirs, ours, leave)
    assert conflicts_of(there) == conflicts_of(back, swap=True)


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data())
def test_every_key_is_what_the_rule_of_three_says(syntax, data):
    base, ours, theirs = data.draw(three(syntax))
    merged = merge_config(syntax, base, ours, theirs, leave)
    b, o, t, m = (read_config(syntax, each) for each in (base, ours, theirs, merged.content))
    open_keys = [parse_key_path(each.key) for each in merged.conflicts]
    for conflict, parts in zip(merged.conflicts, open_keys, strict=True):
        for value, side in ((b, conflict.base), (o, conflict.ours), (t, conflict.theirs)):
            assert same(value_at(value, parts), side)
        assert same(value_at(m, parts), conflict.ours)
        assert not same(conflict.ours, conflict.theirs)
        assert not same(conflict.ours, conflict.base)
        assert not same(conflict.theirs, conflict.base)
    paths = {parts for value in (b, o, t, m) for parts, _ in leaves(value) if parts}
    for parts in paths:
        if any(parts[: len(key)] == key for key in open_keys):
            continue
        was, mine, other, got = (_leaf(value, parts) for value in (b, o, t, m))
        if same(mine, other) or same(other, was):
            assert same(got, mine), parts
        elif same(mine, was):
            assert same(got, other), parts
        else:  # the key stands below one that only one side changed, or maps met
            assert any(isinstance(each, dict) for each in (was, mine, other)) or same(got, mine) or same(got, other)


def _leaf(value, parts):
    # What is at a path, a map counting as such only: its keys have paths of their own.
    found = value_at(value, parts)
    return {} if isinstance(found, dict) else found


@pytest.mark.parametrize("strategy", [OURS, THEIRS, BASE])
@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data())
def test_settled_by_one_side_every_conflict_is_what_that_side_has(syntax, strategy, data):
    base, ours, theirs = data.draw(three(syntax))
    left = merge_config(syntax, base, ours, theirs, leave)
    settled = merge_config(syntax, base, ours, theirs, lambda conflict: Choice(strategy))
    assert settled.conflicts == ()
    assert [(each.key, each.strategy) for each in settled.decisions] == [(each.key, strategy) for each in left.conflicts]
    expected, got = read_config(syntax, left.content), read_config(syntax, settled.content)
    for conflict in left.conflicts:
        put(expected, parse_key_path(conflict.key), getattr(conflict, strategy))
    assert same(got, expected)
    if strategy == OURS:
        assert settled.content.read() == left.content.read()


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data())
def test_set_writes_any_value_that_the_syntax_has(syntax, data):
    base, ours, theirs = data.draw(three(syntax))
    value = data.draw(SCALARS[syntax] | st.lists(SCALARS[syntax], max_size=2) | maps(syntax, size=2))
    merged = merge_config(syntax, base, ours, theirs, lambda conflict: Choice(SET, value))
    assert merged.conflicts == ()
    got = read_config(syntax, merged.content)
    for decision in merged.decisions:
        assert same(value_at(got, parse_key_path(decision.key)), value)


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data())
def test_a_merge_run_again_gives_the_same_bytes(syntax, data):
    base, ours, theirs = data.draw(three(syntax))
    first, second = (merge_config(syntax, base, ours, theirs, leave) for _ in range(2))
    assert first.content.read() == second.content.read()
    assert conflicts_of(first) == conflicts_of(second)


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data(), SEEDS)
def test_changes_of_different_keys_meet_and_no_other_byte_changes(syntax, data, seed):
    base = data.draw(maps(syntax, size=5))
    numbers = [parts for parts, leaf in leaves(base) if type(leaf) is int and parts]
    mine = {parts for parts in numbers if data.draw(st.booleans())}
    sides = [_bumped(base, numbers, touched) for touched in (set(), mine, set(numbers) - mine, set(numbers))]
    before, ours, theirs, both = (write(syntax, side, seed) for side in sides)
    merged = merge_config(syntax, *(Bytes(each.encode()) for each in (before, ours, theirs)), leave)
    assert merged.conflicts == ()
    assert merged.content.read().decode() == both


def _bumped(value, numbers, touched, parts=()):
    if isinstance(value, dict):
        return {key: _bumped(item, numbers, touched, (*parts, key)) for key, item in value.items()}
    return value + 1 if parts in touched else value


ANCHORED = """\
defaults: &d  # shared
  lr: 1
  mom: 2
  deep: &e {a: 3, b: 4}
train:
  <<: *d
  epochs: 5
eval: *d
other: {<<: *e, c: 6}
list: [*e, 7]
more:
  <<: [*d, *e]
  lr: 8
"""


@given(st.lists(st.integers(0, 8), max_size=3), st.lists(st.integers(0, 8), max_size=3), st.data())
def test_where_anchors_are_a_merge_means_what_it_says_or_is_refused(mine, others, data):
    def edited(places):
        text = ANCHORED
        for place in places:
            text = re.sub(rf"\b{place}\b", str(data.draw(st.integers(10, 12))), text)
        kind = data.draw(st.integers(0, 5))
        if kind == 0:
            text = text.replace("  mom: 2\n", "")
        elif kind == 1:
            text = text.replace("eval: *d", "eval: {lr: 1, mom: 9}")
        elif kind == 2:
            text = text.replace("  epochs", "  lr: 1\n  epochs")
        return Bytes(text.encode())

    base, ours, theirs = Bytes(ANCHORED.encode()), edited(mine), edited(others)
    try:
        merged = merge_config("yaml", base, ours, theirs, leave)
    except UnreadableContent as error:
        assert error.fields["format"] == "YAML"
        return
    b, o, t, m = (flatten(read_config("yaml", each)) for each in (base, ours, theirs, merged.content))
    for key in {*b, *o, *t, *m}:
        was, ours_has, theirs_have, got = (each.get(key, ABSENT) for each in (b, o, t, m))
        if any(key == each.key or key.startswith(each.key + ".") for each in merged.conflicts):
            assert same(got, ours_has)
        elif same(ours_has, was):
            assert same(got, theirs_have)
        elif same(theirs_have, was):
            assert same(got, ours_has)


COMMENTS = st.sampled_from(["", "", "", "# x", "# y: 1", "#z # '", "# 'q"])


@st.composite
def commented(draw, lines):
    """Lines of a text with comments put above them and behind them."""
    made = []
    for line in lines:
        above, behind = draw(COMMENTS), draw(COMMENTS)
        made += [above] if above else []
        made.append(f"{line}  {behind}".rstrip())
    return "\n".join(made) + "\n"


@pytest.mark.parametrize("syntax, sign", [("yaml", ": "), ("toml", " = ")])
@given(st.data())
def test_comments_of_both_sides_are_in_the_result_or_named(syntax, sign, data):
    keys = data.draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=5, unique=True))

    def text():
        values = {key: data.draw(st.integers(0, 2)) for key in keys if data.draw(st.integers(0, 9))}
        return data.draw(commented([f"{key}{sign}{value}" for key, value in values.items()]))

    base, ours, theirs = (Bytes(text().encode()) for _ in range(3))
    merged = merge_config(syntax, base, ours, theirs, leave)
    b, o, t, m = (read_config(syntax, each) for each in (base, ours, theirs, merged.content))
    left = {each.key for each in merged.conflicts}
    for key in keys:
        was, mine, other = (each.get(key, ABSENT) for each in (b, o, t))
        wanted = other if key not in left and same(mine, was) else mine
        assert same(m.get(key, ABSENT), wanted)
    was, mine, other, got = (_comments(each) for each in (base, ours, theirs, merged.content))
    told = " ".join(merged.notes)
    for comment in {*mine, *other}:
        for name, count, against in (("ours", mine, other), ("theirs", other, mine)):
            if got[comment] < min(count[comment], count[comment] + against[comment] - was[comment]):
                assert f"comments of {name} that" in told
                assert comment in told or "more" in told


def _comments(content):
    return Counter(line[line.index("#") :] for line in content.read().decode().splitlines() if "#" in line)
