"""What changed in a configuration file, by key."""

from __future__ import annotations

import pytest

from mvcs.diff import config
from mvcs.diff.config import diff_config
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT


def diff(syntax, before, after):
    return diff_config(syntax, *(None if each is None else Bytes(each.encode()) for each in (before, after)))


def keys(syntax, before, after):
    return [(each.key, each.before, each.after) for each in diff(syntax, before, after).keys]


@pytest.mark.parametrize("syntax, before, after, expected", [
    ("yaml", "a: 1\nb: {c: 1, d: 2}\n", "a: 2\nb: {c: 1, d: 3}\n", [("a", 1, 2), ("b.d", 2, 3)]),
    ("yaml", "a: 1\n", "a: 1.0\n", [("a", 1, 1.0)]), ("yaml", 'a: "1"\n', "a: 1\n", [("a", "1", 1)]), ("yaml", "a: 1\n", "a: true\n", [("a", 1, True)]),
    ("yaml", "a: 1\n", "", [("a", 1, ABSENT)]), ("yaml", "", "m: {a: 1, n: {}}\n", [("m.a", ABSENT, 1), ("m.n", ABSENT, {})]),
    ("yaml", "m: {a: 1}\n", "m: {}\n", [("m.a", 1, ABSENT)]), ("yaml", "m: {}\n", "m: {a: 1}\n", [("m.a", ABSENT, 1)]), ("yaml", "m: {a: 1}\n", "m: 5\n", [("m", {"a": 1}, 5)]),
    ("yaml", "m: 5\n", "m: {a: 1}\n", [("m", 5, {"a": 1})]), ("yaml", "l: [1, 2]\n", "l: [2, 1]\n", [("l", [1, 2], [2, 1])]), ("yaml", "- 1\n", "- 2\n", [(".", [1], [2])]),
    ("yaml", "1: a\n", '"1": a\n', [('"1"', ABSENT, "a"), ("1", "a", ABSENT)]), ("yaml", "x.y: 1\n", "x: {y: 1}\n", [("x.y", ABSENT, 1), ('"x.y"', 1, ABSENT)]),
    ("yaml", "d: &d {a: 1}\ne: *d\n", "d: &d {a: 2}\ne: *d\n", [("d.a", 1, 2), ("e.a", 1, 2)]),
    ("toml", "[m]\na = 1\n", "m.a = 2\nb = 1e-4\n", [("m.a", 1, 2), ("b", ABSENT, 1e-4)]), ("json", '{"a": 1, "b": 2}', '{"b": 3, "a": 1}', [("b", 2, 3)]),
    ("json", None, '{"a": {"b": 1}}', [("a.b", ABSENT, 1)]), ("json", '{"a": 1}', None, [("a", 1, ABSENT)]), ("json", None, "{}", [(".", ABSENT, {})]), ("json", None, "1", [(".", ABSENT, 1)]),
])
def test_keys_that_differ_are_told(syntax, before, after, expected):
    found = diff(syntax, before, after)
    assert [(each.key, each.before, each.after) for each in found.keys] == expected
    assert [type(each.after) for each in found.keys] == [type(after) for _, _, after in expected]
    assert (found.driver, found.reason, found.more, found.lines) == ("config", "", 0, ())


def test_deleted_keys_come_behind_the_key_that_they_followed():
    assert [key for key, *_ in keys("yaml", "a: 1\nx: 1\nb: 1\ny: 1\n", "z: 1\nb: 2\na: 2\n")] == ["z", "b", "y", "a", "x"]


@pytest.mark.parametrize("syntax, before, after", [
    ("yaml", "a: 1\nb: 2\n", "# note\nb: 2\na: 1\n"), ("yaml", "a: 16\n", "a: 0x10\n"), ("yaml", "a: 'x'\n", "a: x\r\n"), ("toml", "[a]\nb = 1\n", "a.b = 1\n"), ("json", '{"a":1}', '{ "a": 1 }'),
    ("yaml", "a: &x 1\nb: *x\n", "a: 1\nb: 1\n"), ("json", "{}", "\ufeff{}"),
])
def test_a_change_that_is_none_of_a_key_is_told_in_words(syntax, before, after):
    found = diff(syntax, before, after)
    assert (found.keys, found.reason) == ((), "only comments or formatting")


def test_nothing_is_told_of_nothing():
    for before, after in (("a: 1\n", "a: 1\n"), (None, None)):
        found = diff("yaml", before, after)
        assert (found.keys, found.reason, found.more) == ((), "", 0)


def test_what_cannot_be_read_is_refused():
    for before, after in (("a: [", "a: 1"), ("a: 1", "a: ["), (None, "a: [")):
        with pytest.raises(UnreadableContent):
            diff("yaml", before, after)


def test_changes_beyond_the_bound_are_counted(monkeypatch):
    monkeypatch.setattr(config, "MAX_CHANGES", 3)
    found = diff("yaml", "", "".join(f"k{n}: 1\n" for n in range(5)))
    assert ([each.key for each in found.keys], found.more) == (["k0", "k1", "k2"], 2)
