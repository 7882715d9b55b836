"""Configuration texts in many styles: one value, written as people write YAML, TOML and JSON."""

from __future__ import annotations

import datetime
import json
import random
import re

from hypothesis import strategies as st

from mvcs.formats.spelling import in_toml, in_yaml, quoted, toml_key, yaml_key

SYNTAXES = ("yaml", "toml", "json")

KEYS = st.sampled_from(
    ["a", "b", "lr", "model", "x-y", "on", "null", "1", "1e-4", "true", "lr.max", "", " ", "a b", "ü", "#", "a: b", "- c", "<<", "'", '"', "{", "=", "]"]
)
TEXTS = st.sampled_from(
    ["", "a", "yes", "1e-4", "007", "null", "a # b", "a: b", "- a", "[a", "{a}", "a, b", " a ", "ü", "😀", "a\nb\n", "\ttab", "it's", '"q"', "\\", "#c",
     "\x7f\x85\u2028\ufeff", "*a", "&a", "!t", "%x", "@x", "`x", "|", ">", "=", "2024-01-01", "a\n\n# no comment\nb", "'''", '"""']
)
PLAIN = st.one_of(
    st.booleans(), st.integers(-5, 5), st.integers(), st.floats(), TEXTS, st.text(st.characters(codec="utf-8"), max_size=5),
)
DATES = st.one_of(
    st.dates(), st.datetimes(timezones=st.one_of(st.none(), st.sampled_from([datetime.UTC, datetime.timezone(datetime.timedelta(hours=5, minutes=30))])))
)
SCALARS = {"json": st.none() | PLAIN, "yaml": st.one_of(st.none(), PLAIN, DATES), "toml": st.one_of(PLAIN, DATES, st.times())}


def maps(syntax, size=4, depth=3):
    """Maps of a few keys, nested."""
    leaves = SCALARS[syntax]
    values = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=size), max_leaves=8
    )
    return st.dictionaries(KEYS, values, max_size=size)


def style(seed, path, what, of):
    """A choice that depends on the seed and the place alone, so that texts of one seed look alike."""
    return random.Random(f"{seed}/{'/'.join(map(str, path))}/{what}").randrange(of)


def write(syntax, value, seed):
    """A text that means a map, in the style of a seed; comments name their key."""
    text = {"yaml": write_yaml, "toml": write_toml, "json": write_json}[syntax](value, seed)
    if style(seed, (), "crlf", 6) == 0 and "\r" not in text:
        text = text.replace("\n", "\r\n")
    return text


def write_json(value, seed):
    indent = (None, None, 1, 2, 4, "\t")[style(seed, (), "indent", 6)]
    separators = (None, (",", ":"), (", ", ": "), (",", " : "))[style(seed, (), "separators", 4)]
    made = json.dumps(value, indent=indent, separators=separators, ensure_ascii=bool(style(seed, (), "ascii", 2)))
    return made + "\n" * style(seed, (), "end", 2)


def write_yaml(value, seed):
    if not value:
        return ("{}\n", "", "# nothing\n", "---\n{}\n")[style(seed, (), "empty", 4)]
    made = ("", "# head\n", "---\n", "# head\n\n")[style(seed, (), "head", 4)] + "".join(_yaml_lines(value, seed, (), ""))
    return made.removesuffix("\n") if style(seed, (), "end", 3) == 0 and ": |" not in made else made


def _yaml_lines(value, seed, path, indent):
    step = "  " if style(seed, (), "step", 2) else "    "
    for key, item in value.items():
        here = (*path, key)
        kind = style(seed, here, "kind", 6)
        comment = f"  # about {json.dumps(key)}" if style(seed, here, "comment", 3) == 0 else ""
        if style(seed, here, "above", 5) == 0:
            yield f"{indent}# above {json.dumps(key)}\n"
        if style(seed, here, "blank", 5) == 0:
            yield "\n"
        name = quoted(key) if style(seed, here, "quoted", 3) == 0 else yaml_key(key)
        if isinstance(item, dict) and item and kind:
            yield f"{indent}{name}:{comment}\n"
            yield from _yaml_lines(item, seed, here, indent + step)
        elif isinstance(item, list) and item and kind > 2:
            yield f"{indent}{name}:{comment}\n"
            dash = indent if kind == 3 else indent + step
            for each in item:
                yield f"{dash}- {in_yaml(each)}{comment}\n"
        elif isinstance(item, str) and kind == 1 and re.fullmatch(r"(?:[a-z#&][ -~]*\n+)+", item) and not item.startswith("\n"):
            keep = "+" if item.endswith("\n\n") else ""
            yield f"{indent}{name}: |{keep}\n" + "".join(f"{indent}{step}{line}\n" if line else "\n" for line in item.splitlines())
        elif isinstance(item, str) and kind == 2 and re.fullmatch(r"[ -~]*", item):
            yield f"{indent}{name}: '{item.replace(chr(39), chr(39) * 2)}'{comment}\n"
        elif isinstance(item, float) and kind == 3 and abs(item) < 1e9 and item == int(item):
            yield f"{indent}{name}: {item:e}{comment}\n"
        elif item is None and kind < 3:
            yield f"{indent}{name}:{comment}\n"
        else:
            yield f"{indent}{name}: {in_yaml(item)}{comment}\n"


def write_toml(value, seed):
    made = ("", "# head\n", "\n# head\n\n")[style(seed, (), "head", 3)] + _toml_table(value, seed, (), ())
    return made.removesuffix("\n") if style(seed, (), "end", 3) == 0 else made


def _toml_table(value, seed, path, host):
    lines, tables = "", ""
    for key, item in value.items():
        here = (*path, key)
        kind = style(seed, here, "kind", 5)
        if isinstance(item, dict) and kind > (1 if item else 2):
            only_tables = all(isinstance(each, dict) and each and style(seed, (*here, name), "kind", 5) > 1 for name, each in item.items())
            header = "" if only_tables and item and kind == 4 else f"[{'.'.join(map(toml_key, here))}]{_note(seed, here)}\n"
            tables += "\n" * style(seed, here, "blank", 2) + header + _toml_table(item, seed, here, here)
        elif isinstance(item, dict) and item and kind == 1 and path == host:
            for name, each in item.items():
                lines += f"{toml_key(key)}.{toml_key(name)} = {in_toml(each)}{_note(seed, (*here, name))}\n"
        elif isinstance(item, list) and item and kind == 4 and all(isinstance(each, dict) for each in item):
            for each in item:
                tables += f"\n[[{'.'.join(map(toml_key, here))}]]\n" + "".join(f"{toml_key(k)} = {in_toml(v)}\n" for k, v in each.items())
        elif isinstance(item, list) and item and kind == 3:
            lines += f"{toml_key(key)} = [ # first\n" + "".join(f"  {in_toml(each)},\n" for each in item) + "]\n"
        elif isinstance(item, str) and kind == 2 and re.fullmatch("[ -~]*", item) and "'" not in item:
            lines += f"'{key}' = '{item}'{_note(seed, here)}\n" if key.isprintable() and "'" not in key else f"{toml_key(key)} = '{item}'\n"
        else:
            lines += f"{toml_key(key)} = {in_toml(item)}{_note(seed, here)}\n"
    return lines + tables


def _note(seed, path):
    return f" # about {json.dumps(path[-1])}" if style(seed, path, "comment", 3) == 0 else ""
