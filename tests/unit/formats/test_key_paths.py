"""Paths of keys: shown, read again, and looked up."""

from __future__ import annotations

import copy
import datetime
import json

import pytest

from mvcs.errors import InvalidArgument
from mvcs.formats.config import read_config
from mvcs.formats.content import Bytes
from mvcs.formats.key_paths import flatten, in_order, key_path, parse_key_path, value_at
from mvcs.formats.map_keys import OtherKey
from mvcs.formats.values import ABSENT, to_json

INT, FLOAT = OtherKey("1", "int"), OtherKey("0.5", "float")


@pytest.mark.parametrize("parts, text", [
    ((), "."), (("a",), "a"), (("a", "b-c", "d_1"), "a.b-c.d_1"), (("optimizer", "lr.max"), 'optimizer."lr.max"'), (("",), '""'), ((".",), '"."'),
    (("größe", "学习率"), "größe.学习率"), (("1", "true", "null", "1e-4", "2024-01-01"), '"1"."true"."null"."1e-4"."2024-01-01"'), (("yes", "2x"), "yes.2x"),
    ((INT, OtherKey("true", "bool"), OtherKey("2024-01-01", "date")), "1.true.2024-01-01"), ((FLOAT, OtherKey("-3", "int")), "(0.5).-3"), ((OtherKey("~", "null"),), "(~)"),
    (('a"b\\c\n\x00\u2028\U000e0001',), '"a\\"b\\\\c\\n\\u0000\\u2028\\U000e0001"'),
])
def test_a_path_is_shown(parts, text):
    assert key_path(parts) == text


@pytest.mark.parametrize("text, parts", [
    (".", ()), ("a.b", ("a", "b")), ('a."b.c"', ("a", "b.c")), ("a.'b.\"c\\'.d", ("a", 'b."c\\', "d")), ('"\\u00fc\\U0001f600\\t\\/"', ("ü😀\t/",)),
    ("1", (INT,)), ('"1"', ("1",)), ("(0.5)", (FLOAT,)), ("0x1", (INT,)), ("null", (OtherKey("null", "null"),)), ("(~)", (OtherKey("null", "null"),)),
    ("(2024-01-01 00:00:00)", (OtherKey("2024-01-01T00:00:00", "datetime"),)),
])
def test_a_path_is_read(text, parts):
    assert parse_key_path(text) == parts


@pytest.mark.parametrize("text", ["", "a.", ".a", "a..b", "a b", '"a', "a'b'", '"a"b', "(a)", "(1", "()x", '"\\x"', '"\\ud8"', "a:b", "..", '"\\U00110000"', " a"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(InvalidArgument) as caught:
        parse_key_path(text)
    assert caught.value.fields["value"] == text


def test_a_key_that_is_no_string_equals_no_string():
    assert INT != "1"
    assert {"1"}.isdisjoint({INT, OtherKey("1", "float")})
    assert OtherKey("1", "float") != INT
    assert OtherKey("1", "int") == INT
    assert len({INT: 1, "1": 2, OtherKey("1", "int"): 3}) == 2
    assert copy.deepcopy({INT: 1}) == {INT: 1}
    assert json.dumps(to_json({INT: datetime.date(2024, 1, 1)})) == '{"1": "2024-01-01"}'


def test_leaves_have_their_paths():
    value = {"a": {"b": 1, "c": {}, "d.e": [{"f": 1}]}, "g": None, INT: 2, "1": 3}
    assert flatten(value) == {"a.b": 1, "a.c": {}, 'a."d.e"': [{"f": 1}], "g": None, "1": 2, '"1"': 3}
    assert flatten([1]) == {".": [1]}
    assert flatten({}) == {".": {}}
    assert flatten("x") == {".": "x"}


@pytest.mark.parametrize("text, value", [("a.b", 1), ("a", {"b": 1}), (".", {"a": {"b": 1}, INT: 2, "l": [3]}), ("1", 2), ('"1"', ABSENT), ("a.c", ABSENT), ("a.b.c", ABSENT), ("l.0", ABSENT)])
def test_values_are_looked_up(text, value):
    assert value_at(read_config("yaml", Bytes(b"a: {b: 1}\n1: 2\nl: [3]\n")), parse_key_path(text)) == value


@pytest.mark.parametrize("first, second, keys", [
    ("abc", "abc", "abc"), ("abc", "axbyc", "axbyc"), ("ab", "xab", "xab"), ("ab", "xy", "abxy"), ("", "xy", "xy"), ("ab", "", "ab"), ("ab", "bxay", "aybx"),
])
def test_keys_of_two_maps_come_in_one_order(first, second, keys):
    assert in_order(dict.fromkeys(first), dict.fromkeys(second)) == list(keys)
