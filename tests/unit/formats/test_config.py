"""Reading configuration files: types, places, encodings, and what is refused."""

from __future__ import annotations

import datetime
import math
import subprocess
import sys
import time

import pytest

from mvcs.errors import InvalidArgument, UnreadableContent
from mvcs.formats import yaml as yaml_reader
from mvcs.formats.bounds import MAX_BYTES, MAX_DEPTH, MAX_KEYS
from mvcs.formats.config import parse_config, parse_scalar, read_config
from mvcs.formats.content import Bytes
from mvcs.formats.map_keys import OtherKey
from mvcs.formats.values import same
from mvcs.merge.config import merge_config
from mvcs.merge.values import leave


def read(syntax, text):
    return read_config(syntax, Bytes(text if isinstance(text, bytes) else text.encode()))


def refused(syntax, text):
    with pytest.raises(UnreadableContent) as caught:
        read(syntax, text)
    assert caught.value.fields["format"] == syntax.upper()
    return caught.value.fields["line"], caught.value.fields["reason"]


@pytest.mark.parametrize("text, value", [
    ("1e-4", 1e-4), ("1E5", 1e5), ("1.5e+3", 1500.0), (".5", 0.5), ("5.", 5.0), ("-0.0", -0.0), ("1_000.5", 1000.5),
    ("12", 12), ("-3", -3), ("+3", 3), ("1_000", 1000), ("007", 7), ("0x1F", 31), ("0o17", 15), ("-0b11", -3),
    ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
    (".inf", math.inf), ("-.Inf", -math.inf), (".nan", math.nan),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("tRUE", "tRUE"), ("inf", "inf"), ("nan", "nan"),
    ("1.2.3", "1.2.3"), ("1e", "1e"), ("e5", "e5"), ("_1", "_1"), ("12:30:45", "12:30:45"), ("0x", "0x"), ("1-2", "1-2"), ("-", "-"), (".", "."),
    ("123e4567", "123e4567"), ("1e-999", "1e-999"), ("0e-999", 0.0), ("9" * 700, "9" * 700), ("٣", "٣"),
    ("2024-02-29", datetime.date(2024, 2, 29)), ("2023-02-29", "2023-02-29"),
    ("2001-12-14 21:59:43.10 -5", datetime.datetime(2001, 12, 14, 21, 59, 43, 100000, datetime.timezone(datetime.timedelta(hours=-5)))),
    ("2001-12-14T21:59:43Z", datetime.datetime(2001, 12, 14, 21, 59, 43, tzinfo=datetime.UTC)),
    ("2001-12-14t21:59:43", datetime.datetime.fromisoformat("2001-12-14T21:59:43")), ("2001-12-14 25:00:00", "2001-12-14 25:00:00"),
])
def test_a_scalar_without_quotes_is_what_yaml_1_2_and_ml_users_take_it_for(text, value):
    if text != "-":  # alone that is an empty item
        assert same(read("yaml", f"a: {text}\n")["a"], value)
    if text:
        assert same(parse_scalar(text), value)


@pytest.mark.parametrize("text, value", [
    ('"1"', "1"), ("'1e-4'", "1e-4"), ("[1, 2.0, x]", [1, 2.0, "x"]), ("[]", []), ("{a: 1, b: {c: 2}}", {"a": 1, "b": {"c": 2}}),
    ("", ""), ("  ", ""), (" 5 ", 5), ("a: b", "a: b"), ("a # b", "a # b"), ("- a", "- a"), ("*a", "*a"), ("&a 1", "&a 1"), ("!t 1", "!t 1"), ("| x", "| x"),
    ("http://x:80/", "http://x:80/"), ("%x", "%x"), ("[http://x:80]", ["http://x:80"]), ('"a\\nb"', "a\nb"), ('""', ""), ("#", "#"),
])
def test_values_of_the_command_line(text, value):
    assert same(parse_scalar(text), value)


@pytest.mark.parametrize("text", ["[1", "[INST] hi", '"a" b', "'a", "{a", "{a: 1, a: 2}", "[1] # x", "{a: 1}: 2", "[!python/object:os.system x]", "\"a\"\n---\n1"])
def test_what_starts_like_a_list_and_is_none_is_refused(text):
    with pytest.raises(InvalidArgument) as caught:
        parse_scalar(text)
    assert caught.value.fields["value"] == text


def test_toml_types():
    value = read("toml", 'a = 1\nb = 1.0\nc = "1"\nd = 1979-05-27\ne = 07:32:00\nf = 1979-05-27T07:32:00Z\ng = [1, [2]]\nh.i = true\n')
    assert same(value, {
        "a": 1, "b": 1.0, "c": "1", "d": datetime.date(1979, 5, 27), "e": datetime.time(7, 32),
        "f": datetime.datetime(1979, 5, 27, 7, 32, tzinfo=datetime.UTC), "g": [1, [2]], "h": {"i": True},
    })


def test_json_is_what_pythons_json_takes():
    value = read("json", ' {"a": [1, 1.0, 1e-4, NaN, -Infinity, null, true, {"b": "\\u00fc\\ud83d\\ude00"}]}\r\n')
    assert same(value, {"a": [1, 1.0, 1e-4, math.nan, -math.inf, None, True, {"b": "ü😀"}]})


@pytest.mark.parametrize("syntax, text, line", [
    ("yaml", "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", 5), ("yaml", "a: {b: 1,\n b: 2}\n", 2), ("yaml", "a: 1\n'a': 2\n", 2),
    ("yaml", "x: &x {a: 1}\ny:\n  <<: *x\n  <<: *x\n", 4), ("yaml", "1: a\n0x1: b\n", 2),
    ("toml", "a = 1\n\na = 2\n", 3), ("toml", "[a]\n[a]\n", 2),
    ("json", '{\n"a": 1,\n"a": 2}', 3), ("json", '{"x": {\n"a": 1, "a": 2}}', 2), ("json", '{\n"x": [{"a": 1, "a": 2}]}', 2),
])
def test_a_key_twice_is_refused_with_its_line(syntax, text, line):
    found, _ = refused(syntax, text)
    assert found in ({line} if syntax != "toml" else {line, line + 1})  # tomllib counts from where it stopped


@pytest.mark.parametrize("syntax, text, line", [
    ("yaml", "a: 1\n b: 2\n", 2), ("yaml", "a: [1\n", 2), ("yaml", "a: 'x\n", 2), ("yaml", "\ta: 1", 1), ("yaml", "a: *b\n", 1), ("yaml", "a: &a [*a]\n", 1),
    ("yaml", "a: 1\n---\nb: 2\n", 2), ("yaml", "--- 1\n--- 2\n", 2), ("yaml", "? [a]\n: b\n", 1), ("yaml", "&a a: 1\n", 1), ("yaml", "a: &a x\n*a : 1\n", 2),
    ("yaml", "a:\n  <<: 5\n", 2), ("yaml", "!!binary aGk=: 1\n", 1), ("yaml", "%YAML 1.1\n---\na: yes\n", 1), ("yaml", "a: \x01\n", 1), ("yaml", "!!binary aa==: 1\n", 1),
    ("toml", "a = 1\nb = \n", 2), ("toml", "a = 1\nb\n", 2), ("toml", "a = 1\r", 1), ("toml", "a = '''", 1), ("toml", 'a = "\n"', 1),
    ("json", "", 1), ("json", '{"a": 1\n', 2), ("json", '{"a": 1,\n}', 2), ("json", "[1,\n2,]", 2), ("json", '{"a" 1}', 1), ("json", "{a: 1}", 1),
    ("json", '{"a": 1} // x', 1), ("json", '{"a": "\n"}', 1), ("json", '{"a": 01}', 1), ("json", '{"a": 1}\n{"b": 2}', 2), ("json", '{"a": "\\ud800"}', 0),
    ("json", '{"a": 1e400}', 0), ("json", "9" * 5000, 1),
])
def test_what_is_not_of_the_syntax_is_refused_with_its_line(syntax, text, line):
    found, reason = refused(syntax, text)
    assert found in {line, line + (syntax == "toml")}
    assert reason


@pytest.mark.parametrize("tag", ["!x", "!!python/object/apply:os.system", "!!python/name:os.system", "!!set", "!!omap", "!include", "!<tag:yaml.org,2002:python/object:x>"])
def test_no_tag_makes_an_object(tag):
    for text in (f"a: {tag} b\n", f"a: {tag} {{b: 1}}\n", f"a: {tag} [b]\n"):
        assert refused("yaml", text)[0] == 1


@pytest.mark.parametrize("text, value", [
    ("!!str 5", "5"), ("!!int 5", 5), ("!!float 5", 5.0), ("!!bool true", True), ("!!null ''", None), ("!!binary aGk=", b"hi"), ("! 5", "5"),
    ("!!map {a: 1}", {"a": 1}), ("!!seq [1]", [1]), ("&x !!str 5", "5"), ("!<tag:yaml.org,2002:str> 5", "5"),
])
def test_tags_of_the_core_schema_are_known(text, value):
    assert same(read("yaml", f"a: {text}\n")["a"], value)


@pytest.mark.parametrize("text", ["!!int x", "!!bool 1", "!!int true", "!!float true", "!!binary '*'", "!!int 1.5"])
def test_tags_that_do_not_fit_are_refused(text):
    assert refused("yaml", f"a: {text}\n")[0] == 1


def test_aliases_and_merge_keys_are_followed():
    value = read("yaml", "d: &d {a: 1, b: 2}\ne: &e {b: 3, c: 4}\nx: {<<: *d, b: 5}\ny: {<<: [*d, *e]}\nz: [*d, *d]\n'<<': 6\n")
    assert value["x"] == {"a": 1, "b": 5}
    assert value["y"] == {"a": 1, "b": 2, "c": 4}
    assert value["z"] == [value["d"]] * 2
    assert value["<<"] == 6


def test_keys_of_yaml_that_are_no_strings_are_kept_apart():
    value = read("yaml", '1: a\n"1": b\n1.0: c\ntrue: d\n"true": e\nnull: f\n2024-01-01: g\n')
    assert list(value.values()) == list("abcdefg")
    assert value["1"] == "b"
    assert value[OtherKey("1", "int")] == "a"
    assert [key for key in value if type(key) is str] == ["1", "true"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "---\n...\n", "\ufeff"])
def test_yaml_without_a_value_is_an_empty_map(text):
    assert read("yaml", text) == {}


def test_yaml_with_a_null_is_a_null():
    assert read("yaml", "null\n") is None
    assert read("yaml", "--- ~\n") is None
    assert read("yaml", "''\n") == ""


TEXTS = {"yaml": "a: ü\nb: 2\n", "toml": 'a = "ü"\nb = 2\n', "json": '{"a": "ü",\n"b": 2}\n'}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark, codec", [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
@pytest.mark.parametrize("syntax", TEXTS)
def test_encodings_and_line_ends_are_read_and_written_back_as_they_were(syntax, mark, codec, newline):
    def content(text):
        return Bytes(mark + text.replace("\n", newline).encode(codec))

    base = TEXTS[syntax]
    new = {"yaml": "c: 4\n", "toml": "c = 4\n"}.get(syntax)
    theirs = base.replace("2}", '2,\n"c": 4}') if new is None else base + new
    both = theirs.replace("2", "3")
    assert read_config(syntax, content(base)) == {"a": "ü", "b": 2}
    merged = merge_config(syntax, content(base), content(base.replace("2", "3")), content(theirs), leave)
    assert merged.content.read() == content(both).read()


@pytest.mark.parametrize("syntax", TEXTS)
@pytest.mark.parametrize("content", [b"a\n\xff", b"\xff\xfea", b"\xff\xfe\x00\xd8", b"\xfe\xff\xdc\x00", b"\x00"])
def test_bytes_that_are_no_text_are_refused(syntax, content):
    line, reason = refused(syntax, content)
    assert line >= 0
    assert reason


@pytest.mark.parametrize("syntax, text", [
    ("yaml", "[" * 100_000), ("yaml", "{a: " * 50_000), ("yaml", "- " * 50_000), ("yaml", "? " * 50_000), ("yaml", "a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
    ("json", "[" * 100_000), ('json', '{"a":' * 100_000), ("json", '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)),
    ("json", "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)), ("json", "[" * 900 + "]" * 900),
    ("toml", "a = " + "[" * 100_000), ("toml", "a = " + "{a = " * 100_000), ("toml", ".".join("a" * 200_000) + " = 1"), ("toml", "x = {" + ".".join("a" * 200_000) + " = 1}"),
    ("toml", ".".join(['"a"'] * 200_000) + " = 1"), ("toml", "[" + " . ".join("a" * 200_000) + "]"), ("toml", "a = " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
])
def test_depth_is_bounded(syntax, text):
    started = time.perf_counter()
    refused(syntax, text)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("syntax, text", [
    ("yaml", "[" * MAX_DEPTH + "]" * MAX_DEPTH), ("json", "[" * MAX_DEPTH + "]" * MAX_DEPTH), ("json", '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH),
    ("toml", "a = " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)), ("toml", ".".join("a" * MAX_DEPTH) + " = 1"),
    ("yaml", "a: &x " + "[" * 50 + "]" * 50 + "\nb: " + "[" * 49 + "*x" + "]" * 49),
])
def test_files_as_deep_as_the_bound_are_read(syntax, text):
    def depth(value):
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if below is None else 1 + max(map(depth, below), default=0)

    assert MAX_DEPTH - 1 <= depth(read(syntax, text)) <= MAX_DEPTH


def test_aliases_count_for_the_depth():
    assert "levels deep" in refused("yaml", "a: &x " + "[" * 51 + "]" * 51 + "\nb: " + "[" * 50 + "*x" + "]" * 50)[1]


@pytest.mark.parametrize("start, line", [
    ("a0: &a0 [1, 1]\n", "a{n}: &a{n} [*a{m}, *a{m}, *a{m}, *a{m}]\n"),
    ("a0: &a0 {{k: 1}}\n", "a{n}: &a{n} {{x: *a{m}, y: *a{m}, z: *a{m}}}\n"),
    ("a0: &a0 {{k: 1}}\n", "a{n}: &a{n} {{<<: [*a{m}, *a{m}, *a{m}], k{n}: 1}}\n"),
])
def test_what_aliases_expand_to_is_bounded(start, line):
    text = start.format() + "".join(line.format(n=n, m=n - 1) for n in range(1, 40))
    started = time.perf_counter()
    assert "aliases expanded" in refused("yaml", text)[1]
    assert time.perf_counter() - started < 2


def test_a_long_string_by_many_aliases_is_bounded():
    text = "a: &a '" + "x" * 100_000 + "'\nb: [" + "*a, " * 1000 + "]\n"
    assert "aliases expanded" in refused("yaml", text)[1]


@pytest.mark.parametrize("syntax, text", [
    ("yaml", "".join(f"k{n}: 1\n" for n in range(MAX_KEYS + 1))), ("toml", "".join(f"k{n}=1\n" for n in range(MAX_KEYS + 1))),
    ("json", "{" + ",".join(f'"k{n}":1' for n in range(MAX_KEYS + 1)) + "}"), ("json", "[" + ",".join(["{}"] * 600_000) + "]"),
    ("json", "[" + ",".join(["{}"] * 3_000_000) + "]"), ("toml", "[[a]]\n" * 250_000),
])
def test_numbers_of_keys_and_values_are_bounded(syntax, text):
    assert "more than" in refused(syntax, text)[1]


@pytest.mark.parametrize("syntax", TEXTS)
def test_a_file_that_is_too_long_is_refused_before_it_is_read(syntax):
    class Long:
        size = MAX_BYTES[syntax.upper()] + 1

        def read(self):
            raise AssertionError

    with pytest.raises(UnreadableContent):
        read_config(syntax, Long())


@pytest.mark.parametrize("text", ["a = " + '"""' * 200_001, "a = '" + "\\'" * 200_000, 'a = "' + '\\"' * 500_000, "a = " + "'''" * 200_001 + "''", '"' * 1_000_000, "'" * 1_000_000, "a" * 2_000_000])
def test_hostile_quotes_take_no_quadratic_time(text):
    started = time.perf_counter()
    try:
        read("toml", text)
    except UnreadableContent:
        pass
    assert time.perf_counter() - started < 5


def test_places_are_those_of_the_text():
    text = "# ü😀\na: &x {b: 'c', d: }\ne:\n- 1\n-\n  - 2 # x\nf: |\n  g\n\nh: *x\n"
    root = parse_config("yaml", text).root

    def written(node):
        return text[node.start:node.end]

    assert [text[each.start:each.colon] for each in root.members.values()] == ["a:", "e:", "f:", "h:"]
    assert [written(each.node) for each in root.members.values()] == ["{b: 'c', d: }", "- 1\n-\n  - 2", "|\n  g", "{b: 'c', d: }"]
    assert [written(each.node) for each in root.members["a"].node.members.values()] == ["'c'", ""]
    assert text[slice(*root.members["h"].alias)] == "*x"


@pytest.mark.parametrize("text", [
    "a: 1\n", "a: &x {b: [1, 2]}\nc: *x\nd: {<<: *x}\n", "a: |\n  x\n\nb:\n  - c\n  - d:\n      e\n", "", "# x\n", "--- 5\n...\n", "a: 'x\n  y'\nb: \"\\u00fc\"\n", "{a: b, c: [d, e]}\n",
    "ü: 😀 # 😀\nb: c\n",
])
def test_pythons_parser_gives_what_libyaml_gives(text, monkeypatch):
    import yaml

    def shape(node):
        return node.value, node.outer, node.start, node.end, node.flow, node.free, [(key, each.start, each.colon, each.alias, shape(each.node)) for key, each in node.members.items()]

    there = shape(yaml_reader.read_yaml(text).root)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert shape(yaml_reader.read_yaml(text).root) == there


def test_modules_that_every_command_may_meet_load_no_parser():
    script = "import mvcs.formats.values, mvcs.formats.config, mvcs.diff.config, mvcs.diff.metrics, mvcs.merge.config, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "mvcs.merge.config" in loaded
    assert not loaded & {"yaml", "json", "tomllib", "tomlkit", "mvcs.formats.yaml", "mvcs.formats.toml", "mvcs.formats.json", "binascii"}
