"""Configuration texts that come to mean something else: exactly these bytes."""

from __future__ import annotations

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.config import parse_config
from mvcs.formats.rewriting.whole import can_spell, rewrite


def rewritten(syntax, text, target, *sources):
    return rewrite(syntax, parse_config(syntax, text), target, [parse_config(syntax, each) for each in sources])


YAML = """\
# head

lr: 1e-4   # the rate
"quoted": 'x'
model:   # sizes

  # the width
  dim: 0x40
  layers: [1, 2,
    3]  # odd
  act:
other: {a: 1e-4, b: {c: 'd'}}
items:
- one   # first
- "two"
text: |
  line
   more

last: true
"""
VALUE = parse_config("yaml", YAML).value


def but(value, **keys):
    made = {**value, **keys}
    return {key: item for key, item in made.items() if item is not ...}


@pytest.mark.parametrize("target, old, new", [
    (but(VALUE, lr=5), "lr: 1e-4", "lr: 5"),
    (but(VALUE, lr=1e-5), "lr: 1e-4", "lr: 1.0e-05"),
    (but(VALUE, quoted="yes"), "'x'", '"yes"'),
    (but(VALUE, quoted={"a": {"b": 1}, "c": {}}), "\"quoted\": 'x'\n", '"quoted":\n  a:\n    b: 1\n  c: {}\n'),
    (but(VALUE, quoted=...), "\"quoted\": 'x'\n", ""),
    (but(VALUE, last=...), "last: true\n", ""),
    (but(VALUE, model=but(VALUE["model"], act="gelu")), "act:", "act: gelu"),
    (but(VALUE, model=but(VALUE["model"], dim=...)), "  dim: 0x40\n", ""),
    (but(VALUE, model=but(VALUE["model"], layers=[1, 2, 3, 4])), "    3]", "    3, 4]"),
    (but(VALUE, model=but(VALUE["model"], layers=[1])), "[1, 2,\n    3]", "[1]"),
    (but(VALUE, model=but(VALUE["model"], new=1)), "  act:\n", "  act:\n  new: 1\n"),
    (but(VALUE, model={}), "model:   # sizes\n\n  # the width\n  dim: 0x40\n  layers: [1, 2,\n    3]  # odd\n  act:\n", "model: {}   # sizes\n"),
    (but(VALUE, other=but(VALUE["other"], a=2)), "a: 1e-4", "a: 2"),
    (but(VALUE, other=but(VALUE["other"], a=...)), "a: 1e-4, ", ""),
    (but(VALUE, other=but(VALUE["other"], b=...)), ", b: {c: 'd'}", ""),
    (but(VALUE, other=but(VALUE["other"], e="x, y")), "b: {c: 'd'}", "b: {c: 'd'}, e: \"x, y\""),
    (but(VALUE, other={"z": 1}), "{a: 1e-4, b: {c: 'd'}}", "{z: 1}"),
    (but(VALUE, items=["one", "two", "three"]), '- "two"\n', '- "two"\n- three\n'),
    (but(VALUE, items=["two"]), '\n- one   # first\n- "two"', " [two]"),
    (but(VALUE, text="a\n"), "|\n  line\n   more\n", '"a\\n"\n'),
    (but(VALUE, text=...), "text: |\n  line\n   more\n", ""),
    (but(VALUE, more=None), "last: true\n", "last: true\nmore: null\n"),
])
def test_yaml_changes_where_its_value_does(target, old, new):
    assert YAML.count(old) == 1
    assert rewritten("yaml", YAML, target) == YAML.replace(old, new)


@pytest.mark.parametrize("text, source, result", [
    ("a: 1\nb: 2\n", "a: 0x10\nb: 2\n", "a: 0x10\nb: 2\n"),
    ("a: 1 # x\n", "a: 1e-4 # y\n", "a: 1e-4 # x\n"),
    ("a: 1\nc: 3\n", "a: 1\n# about b\nb: 'x' # note\nc: 3\n", "a: 1\n# about b\nb: 'x' # note\nc: 3\n"),
    ("m:\n    a: 1\n", "m:\n  a: 1\n  # about b\n  b:\n    - x # y\n    -\n      z: |\n        t\n", "m:\n    a: 1\n    # about b\n    b:\n      - x # y\n      -\n        z: |\n          t\n"),
    ("m:\n  a: 1", "m:\n   a: 1\n   b: 2 # x", "m:\n  a: 1\n  b: 2 # x"),
    ("m: {a: 1}\n", "m:\n  a: 1\n  b: a [b] # x\n", 'm: {a: 1, b: "a [b]"}\n'),
    ("m: {a: 1}\n", "m: {a: 1, b: 'x'}\n", "m: {a: 1, b: 'x'}\n"),
    ("m:\n  a: 1\n", "m: {a: 1, b: 0x2}\n", "m:\n  a: 1\n  b: 2\n"),
    ("a: 5 # c\n", "a:\n  b: 1\n", "a:\n  b: 1 # c\n"),
    ("# head\na: 1\n", "b: 2\na: 1\n", "# head\na: 1\nb: 2\n"),
    ("a: 1\n", "b: 2\na: 1\n", "b: 2\na: 1\n"),
    ("", "# x\na:\n  b: 1\n", "a:\n  b: 1\n"),
    ("# only\n", "a: 1\n", "# only\na: 1\n"),
    ("{}\n", "a: 1e-4\nb: 2\n", "a: 1e-4\nb: 2\n"),
    ("a: 1\r\nb: 2\r\n", "a: 1\nc:\n  d: 3\nb: 2\n", "a: 1\r\nc:\r\n  d: 3\r\nb: 2\r\n"),
    ("1: a\n", "1: a\n\"1\": b\ntrue: c\n", "1: a\n\"1\": b\ntrue: c\n"),
    ("a: !!str 5\n", "a: 6\n", "a: 6\n"), ("a: 1\n", "a: !!binary aGk=\n", "a: !!binary \"aGk=\"\n"), ("a: 1\n", "a: !!str 5\n", 'a: "5"\n'), ("1: 2\n", "1: 2\n!!str 3: 4\n", "1: 2\n!!str 3: 4\n"),
    ("a: &x 5\nb: *x\n", "a: &x 6\nb: *x\n", "a: &x 6\nb: *x\n"),
    ("a: &x 5\nb: *x\n", "a: &x 5\nb: 7\n", "a: &x 5\nb: 7\n"),
    ("a: &x 5\nb: *x\n", "a: 6\nb: 5\n", "a: &x 6\nb: 5\n"),
    ("? a\n: 1\nb: 2\n", "a: 1\nb: 3\n", "? a\n: 1\nb: 3\n"),
])
def test_yaml_takes_a_value_as_its_source_writes_it(text, source, result):
    assert rewritten("yaml", text, parse_config("yaml", source).value, source) == result


@pytest.mark.parametrize("text, target", [
    ("? a\n: 1\n", {"a": 2}), ("? a\n: 1\nb: 2\n", {"b": 2}), ("a: &x 1\nb: *x\n", {"b": 1}), ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n", {"a": {"b": 1, "c": 2}, "d": {"b": 1}}),
])
def test_yaml_that_no_edit_makes_right_is_refused(text, target):
    with pytest.raises(UnreadableContent) as caught:
        rewritten("yaml", text, target)
    assert caught.value.fields["format"] == "YAML"


MERGED = "d: &d\n  a: 1\n  b: 2\nx:\n  <<: *d\n  c: 3\ny: *d\n"


@pytest.mark.parametrize("target, result", [
    ({"d": {"a": 5, "b": 2}, "x": {"a": 5, "b": 2, "c": 3}, "y": {"a": 5, "b": 2}}, MERGED.replace("a: 1", "a: 5")),
    ({"d": {"a": 1, "b": 2}, "x": {"a": 5, "b": 2, "c": 3}, "y": {"a": 1, "b": 2}}, MERGED.replace("  c: 3\n", "  a: 5\n  c: 3\n")),
    ({"d": {"a": 5, "b": 2}, "x": {"a": 1, "b": 2, "c": 3}, "y": {"a": 5, "b": 2}}, MERGED.replace("a: 1", "a: 5").replace("  c: 3\n", "  a: 1\n  c: 3\n")),
    ({"d": {"a": 5, "b": 2}, "x": {"a": 5, "b": 2, "c": 3}, "y": {"a": 1, "b": 2}}, MERGED.replace("a: 1", "a: 5").replace("y: *d", "y: {a: 1, b: 2}")),
    ({"d": {"a": 1, "b": 2}, "x": {"a": 1, "b": 2}, "y": 7}, MERGED.replace("  c: 3\n", "").replace("*d\n  \ny", "").replace("y: *d", "y: 7")),
    ({"d": {"b": 2}, "x": {"b": 2, "c": 3}, "y": {"b": 2}}, MERGED.replace("  a: 1\n", "")),
])
def test_a_change_of_an_anchor_changes_what_refers_to_it_and_nothing_else(target, result):
    assert rewritten("yaml", MERGED, target) == result


@pytest.mark.parametrize("text, target, result", [
    ('{"a":1}', {"a": 2}, '{"a":2}'), ('{"a":1}', {"a": 1, "b": [1, 2]}, '{"a":1,"b":[1,2]}'), ('{"a": 1}', {"a": 1, "b": [1, 2]}, '{"a": 1, "b": [1, 2]}'),
    ('{"a": 1, "b": 2}\n', {"b": 2}, '{"b": 2}\n'), ('{"a": 1, "b": 2}\n', {"a": 1}, '{"a": 1}\n'), ('{"a": 1, "b": 2}\n', {}, "{}\n"),
    ('{\n  "a": 1\n}', {"a": 1, "b": {"c": [1]}}, '{\n  "a": 1,\n  "b": {\n    "c": [\n      1\n    ]\n  }\n}'),
    ('{\r\n\t"a": 1\r\n}\r\n', {"a": 1, "b": {"c": 1}}, '{\r\n\t"a": 1,\r\n\t"b": {\r\n\t\t"c": 1\r\n\t}\r\n}\r\n'),
    ('{\n  "a": {\n    "x": 1\n  }\n}', {"a": {"x": 1, "y": 2}}, '{\n  "a": {\n    "x": 1,\n    "y": 2\n  }\n}'),
    ('{"a" : 1 , "b" : 2}', {"a": 1, "b": 2, "c": 3}, '{"a" : 1 , "b" : 2, "c" : 3}'),
    ('{"a": "x"}', {"a": "ü"}, '{"a": "\\u00fc"}'), ('{"a": "é"}', {"a": "ü"}, '{"a": "ü"}'), ('{"a": 1e-4, "b": 1.50}', {"a": 1e-4, "b": 2.0}, '{"a": 1e-4, "b": 2.0}'),
    ('{"a": [1e-4, 2]}', {"a": [1e-4, 2, 3]}, '{"a": [1e-4, 2, 3]}'), ('{\n "a": [\n  1\n ]\n}', {"a": [1, 2]}, '{\n "a": [\n  1,\n  2\n ]\n}'),
    ('{"c": 3}', {"a": 1, "b": 2, "c": 3}, '{"a": 1, "b": 2, "c": 3}'), ("[1]", {"a": 1}, '{"a": 1}'), ("{}", {"a": None}, '{"a": null}'), (" 1 ", float("inf"), " Infinity "),
])
def test_json_keeps_its_style(text, target, result):
    assert rewritten("json", text, target) == result


def test_json_takes_a_value_as_its_source_writes_it():
    text, source = '{\n  "a": 1\n}\n', '{\n    "b": {\n        "c": 1E-4,\n        "d": "\\u0041"\n    }, "a": 1.0}'
    made = rewritten("json", text, {"a": 1.0, "b": {"c": 1e-4, "d": "A"}}, source)
    assert made == '{\n  "a": 1.0,\n  "b": {\n      "c": 1E-4,\n      "d": "\\u0041"\n  }\n}\n'


TOML = """\
# head
title = 'x'  # the title
size.w = 1
size.h = 0x10

[model]   # all of it
dim = 64
inline = { a = 1e-4, b = [1, 2] }
layers = [
  1, # one
  2
]

# the data
[data.train]
path = "a"

[[steps]]
name = "one"

[[steps]]
name = "two"
"""
TOML_VALUE = parse_config("toml", TOML).value


@pytest.mark.parametrize("target, old, new", [
    (but(TOML_VALUE, title="y"), "'x'", '"y"'),
    (but(TOML_VALUE, title=...), "title = 'x'  # the title\n", ""),
    (but(TOML_VALUE, new=1e-5), "title = 'x'  # the title\nsize.w = 1\nsize.h = 0x10\n", "title = 'x'  # the title\nsize.w = 1\nsize.h = 0x10\nnew = 1e-05\n"),
    (but(TOML_VALUE, size={"w": 2, "h": 16}), "size.w = 1", "size.w = 2"),
    (but(TOML_VALUE, size={"w": 1, "h": 16, "d": 3}), "size.h = 0x10\n", "size.h = 0x10\nsize.d = 3\n"),
    (but(TOML_VALUE, model=but(TOML_VALUE["model"], dim=128)), "64", "128"),
    (but(TOML_VALUE, model=but(TOML_VALUE["model"], x=1)), "  2\n]\n", "  2\n]\nx = 1\n"),
    (but(TOML_VALUE, model=but(TOML_VALUE["model"], layers=[1, 2, 3])), "  2\n]", "  2,\n  3\n]"),
    (but(TOML_VALUE, model=but(TOML_VALUE["model"], inline={"a": 1e-4, "b": [1, 2, 3], "c": "d"})), "b = [1, 2] }", "b = [1, 2, 3], c = \"d\" }"),
    (but(TOML_VALUE, model=but(TOML_VALUE["model"], inline={"b": [1, 2]})), "{ a = 1e-4, b", "{ b"),
    (but(TOML_VALUE, model={}), TOML[TOML.index("dim"):TOML.index("\n# the data")], ""),
    (but(TOML_VALUE, data={"train": {"path": "a"}, "x": 1}), "# the data\n", "[data]\nx = 1\n\n# the data\n"),
    (but(TOML_VALUE, steps=...), '\n[[steps]]\nname = "one"\n\n[[steps]]\nname = "two"\n', ""),
    (but(TOML_VALUE, data={"train": {"path": "a", "n": 1}}), 'path = "a"\n', 'path = "a"\nn = 1\n'),
])
def test_toml_changes_where_its_value_does(target, old, new):
    assert TOML.count(old) == 1
    assert rewritten("toml", TOML, target) == TOML.replace(old, new)


@pytest.mark.parametrize("text, source, result", [
    ("a = 1\n\n[b]\nc = 2\n", "a = 1\n\n# about d\n[d]\ne = 1e-4 # x\n\n[d.f]\ng = 1\n\n[b]\nc = 2\n", "a = 1\n\n# about d\n[d]\ne = 1e-4 # x\n\n[d.f]\ng = 1\n\n[b]\nc = 2\n"),
    ("[b]\nc = 2", "x = 0x1\n[b]\nc = 2", "x = 0x1\n\n[b]\nc = 2"),
    ("[b]\nc = 2\n", "[b]\nc = 2\n\n[[d]]\ne = 1\n[[d]]\ne = 2\n", "[b]\nc = 2\n\n[[d]]\ne = 1\n\n[[d]]\ne = 2\n"),
    ("a = 1\nb.c = 2\n", "a = 1\nb.c = 2\nb.d = 1_000 # x\n", "a = 1\nb.c = 2\nb.d = 1_000 # x\n"),
    ("a = [1]\n", "a = [ # x\n  1e-4,\n  2, # y\n]\n", "a = [ # x\n  1e-4,\n  2, # y\n]\n"),
    ("x = 1\na = { b = 1 }\n", "[a]\nb = 2\nc = 3\n[x]\n", "\n[a]\nb = 2\nc = 3\n\n[x]\n"), ("a = { b = 1 }\ny = 1\n", "y = 1\n[a]\nb = 2\nc = 3\n", "y = 1\n\n[a]\nb = 2\nc = 3\n"),
    ("", "[a]\nb = 1\n", "[a]\nb = 1\n"),
    ("# only\n", "a = 1\n", "# only\na = 1\n"),
    ('["a.b"."c"]\nd = 1\n', '["a.b".c]\nd = 1\n"e f" = 0b11\n', '["a.b"."c"]\nd = 1\n"e f" = 0b11\n'),
])
def test_toml_takes_a_value_as_its_source_writes_it(text, source, result):
    assert rewritten("toml", text, parse_config("toml", source).value, source) == result


@pytest.mark.parametrize("target", [[1], {"a": None}, {"a": b"x"}, 5])
def test_toml_that_cannot_say_it_is_refused(target):
    with pytest.raises(UnreadableContent):
        rewritten("toml", "a = 1\n", target)


@pytest.mark.parametrize("syntax, value, can", [
    ("yaml", None, True), ("toml", None, False), ("json", None, True), ("toml", [{"a": None}], False), ("json", {"a": [parse_config("yaml", "2024-01-01").value]}, False),
    ("yaml", b"x", True), ("json", b"x", False), ("toml", b"x", False), ("json", parse_config("yaml", "1: 2").value, False), ("toml", parse_config("yaml", "1: 2").value, False), ("yaml", parse_config("yaml", "1: 2").value, True),
    ("json", float("nan"), True), ("toml", parse_config("toml", "a = 07:32:00").value, True), ("yaml", parse_config("toml", "a = 07:32:00").value, False),
])
def test_what_a_syntax_can_spell(syntax, value, can):
    assert can_spell(syntax, value) is can
