"""Configuration texts: read as written, rewritten to any value, and never a crash."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.diff.config import diff_config
from mvcs.errors import UnreadableContent
from mvcs.formats.config import parse_config, read_config
from mvcs.formats.content import Bytes
from mvcs.formats.key_paths import flatten, key_path, parse_key_path, value_at
from mvcs.formats.rewriting.whole import rewrite
from mvcs.formats.scalars import plain_scalar
from mvcs.formats.spelling import in_json, in_toml, in_yaml, other_key
from mvcs.formats.values import ABSENT, same
from mvcs.merge.config import merge_config
from mvcs.merge.values import Choice
from tests.property.config_texts import KEYS, SCALARS, SYNTAXES, maps, write

SEEDS = st.integers(0, 10_000)


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data(), SEEDS)
def test_a_text_means_what_was_written(syntax, data, seed):
    value = data.draw(maps(syntax))
    assert same(read_config(syntax, Bytes(write(syntax, value, seed).encode())), value)


@pytest.mark.parametrize("syntax, spell", [("yaml", in_yaml), ("toml", in_toml), ("json", in_json)])
@given(st.data())
def test_a_spelled_value_is_read_as_itself(syntax, spell, data):
    value = data.draw(SCALARS[syntax] | st.lists(SCALARS[syntax]) | maps(syntax))
    text = {"yaml": "k: {}\n", "toml": "k = {}\n", "json": '{{"k": {}}}'}[syntax].format(spell(value))
    assert same(parse_config(syntax, text).value["k"], value)


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data(), SEEDS, SEEDS, st.booleans())
def test_any_text_can_be_made_to_mean_any_map(syntax, data, seed, other, with_source):
    value, target = data.draw(maps(syntax)), data.draw(maps(syntax))
    document = parse_config(syntax, write(syntax, value, seed))
    sources = [parse_config(syntax, write(syntax, target, other))] if with_source else []
    assert same(parse_config(syntax, rewrite(syntax, document, target, sources)).value, target)
    assert rewrite(syntax, document, value, sources) == document.text


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data(), SEEDS, SEEDS)
def test_a_diff_told_of_the_first_gives_the_second(syntax, data, seed, other):
    value, target = data.draw(maps(syntax)), data.draw(maps(syntax))
    before, after = (Bytes(write(syntax, *each).encode()) for each in ((value, seed), (target, other)))
    found = diff_config(syntax, before, after)
    assert bool(found.keys) is not same(value, target)
    assert all(not same(each.before, each.after) for each in found.keys)
    for each in found.keys:
        parts = parse_key_path(each.key)
        assert same(value_at(value, parts), each.before)
        assert same(value_at(target, parts), each.after)
    told = {each.key for each in found.keys}
    for key in {*flatten(value), *flatten(target)}:
        first, second = (value_at(side, parse_key_path(key)) for side in (value, target))
        if not same(first, second) and not isinstance(first, dict) and not isinstance(second, dict):
            assert any(key == each or key.startswith(each + ".") for each in told), key
    assert diff_config(syntax, before, before).keys == ()


@given(st.lists(KEYS | st.text() | SCALARS["yaml"].filter(lambda value: not isinstance(value, str)).map(other_key), max_size=4))
def test_a_path_that_is_shown_is_read_again(parts):
    assert parse_key_path(key_path(parts)) == tuple(parts)


@given(st.text(alphabet="0123456789+-._eExobTZ: tfn", max_size=12))
def test_a_scalar_is_some_value_and_its_spelling_is_that_value(text):
    value = plain_scalar(text)
    assert same(plain_scalar(in_yaml(value)), value) or isinstance(value, str)


ALPHABET = st.sampled_from([*"ab1: -#'\"{}[],&*!|>%@?=.<\n\t\r\\~", "\n  ", "\n- ", ": ", "<<: ", "&a ", "*a", "---\n", "\n...\n", "'''", '"""', "[[", "]]", "\ufeff", "\x00", "😀", "\u2028"])


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.lists(ALPHABET, max_size=25).map("".join), st.lists(ALPHABET, max_size=25).map("".join), st.sampled_from(["ours", "theirs", "mean", "union"]))
def test_any_texts_merge_or_are_refused(syntax, first, second, strategy):
    base = {"yaml": "a: 1\nb: &a {c: 2}\n", "toml": "a = 1\n[b]\nc = 2\n", "json": '{"a": 1, "b": {"c": 2}}'}[syntax]
    for ours, theirs in ((first, second), (base, first), (base + first, second + base), (base.replace("1", "2"), base + second)):
        for parent in (base, None):
            try:
                made = merge_config(syntax, None if parent is None else Bytes(parent.encode()), Bytes(ours.encode()), Bytes(theirs.encode()), lambda _: Choice(strategy))
                if ours != theirs and ours != base and theirs != base:
                    read_config(syntax, made.content)
            except UnreadableContent as error:
                assert error.fields["format"] == syntax.upper()


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(st.data(), SEEDS, st.randoms(use_true_random=False))
def test_damaged_texts_are_read_or_refused(syntax, data, seed, chance: random.Random):
    text = write(syntax, data.draw(maps(syntax)), seed)
    for _ in range(3):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice(["", "'", '"', "{", "]", ":", "\n", " ", "#", "&x ", "*x", "\\", "=", ","]) + text[at + chance.randrange(3) :]
    try:
        value = read_config(syntax, Bytes(text.encode()))
    except UnreadableContent:
        return
    assert value_at(value, ()) is not ABSENT
    target = {"new": 1, **value} if isinstance(value, dict) else {"new": 1}
    try:
        made = rewrite(syntax, parse_config(syntax, text), target, [])
    except UnreadableContent:
        return
    assert same(parse_config(syntax, made).value, target)
