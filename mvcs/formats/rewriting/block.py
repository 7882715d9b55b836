"""Keys of YAML's block maps: whole lines.

Knows: indentation and line ends. Refuses to know: what values mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.rewriting.edits import CannotRewrite, comments_above, indent_at, line_end, line_start, shifted
from mvcs.formats.rewriting.source import choose_source
from mvcs.formats.spelling import in_yaml, yaml_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.nodes import Member, Node
    from mvcs.formats.rewriting.edits import Edits
    from mvcs.formats.rewriting.source import Source
    from mvcs.formats.rewriting.speller import Speller
    from mvcs.formats.values import Value

STEP = "  "


def is_lines(target: Value, sources: Sequence[Source]) -> bool:
    """Whether a value as a whole file would be written in lines."""
    source = choose_source(sources, target)
    return bool(target) and isinstance(target, dict) and (source is None or not source.inline)


def _lines(value: Value, indent: str, newline: str) -> str:
    # A map as lines; values that are no maps on one line each.
    assert isinstance(value, dict)
    made = ""
    for key, item in value.items():
        made += f"{indent}{yaml_key(key)}:"
        if isinstance(item, dict) and item:
            made += newline + _lines(item, indent + STEP, newline)
        else:
            made += f" {in_yaml(item)}{newline}"
    return made


def _root_text(edits: Edits, target: Value, sources: Sequence[Source]) -> str:
    source = choose_source(sources, target)
    if source is not None:
        text = shifted(source.written, line_start(source.text, source.node.start) - source.node.start)
        return text.replace("\r\n", "\n").replace("\n", edits.newline)
    if isinstance(target, dict) and target:
        return _lines(target, "", edits.newline).removesuffix(edits.newline)
    return in_yaml(target)


def write_root(edits: Edits, at: int, target: Value, sources: Sequence[Source]) -> None:
    """Puts a value into a text without any."""
    edits.insert_lines(at, _root_text(edits, target, sources) + edits.newline)


def replace_root(edits: Edits, root: Node, target: Value, sources: Sequence[Source]) -> None:
    """Replaces the value of the whole text."""
    indent = indent_at(edits.text, root.start)
    start = line_start(edits.text, root.start) if indent is not None and root.outer == root.start else root.start
    edits.put(start, root.end, _root_text(edits, target, sources))


def replace(edits: Edits, member: Member, target: Value, sources: Sequence[Source], speller: Speller) -> None:
    """Puts another value behind a key."""
    text, node, colon = edits.text, member.node, member.colon
    if colon < 0:
        raise CannotRewrite(f"{member.key} is written with a question mark")  # noqa: EM102
    source = choose_source(sources, target)
    bare = node.outer == node.start
    in_brackets = node.flow and isinstance(node.value, dict) and node.members
    if source is None and isinstance(target, dict) and target and bare and not in_brackets:
        indent = _column(text, member.start)
        lines = _lines(target, indent + STEP, edits.newline).removesuffix(edits.newline)
        edits.put(colon, node.end, edits.newline + lines)
    elif source is None or source.inline:
        new = speller.value(target, "") if source is None else source.written
        if "\n" in text[colon : node.start] and node.end > node.start:
            if not bare:
                raise CannotRewrite(f"{member.key} has an anchor or a tag")  # noqa: EM102
            edits.put(colon, colon, " " + new)
            edits.put(line_end(text, colon) - len(_newline_at(text, colon)), node.end, "")
        else:
            tagged = text[node.outer : node.start].lstrip().startswith("!")
            edits.put(node.outer if tagged else node.start, node.end, new if node.start < node.end else " " + new)
    else:
        assert source.member is not None
        by = len(_column(text, member.start)) - len(_column(source.text, source.member.start))
        body = shifted(source.text[source.member.colon : source.node.end].replace("\r\n", "\n"), by)
        edits.put(colon, node.end, body.replace("\n", edits.newline))


def _newline_at(text: str, at: int) -> str:
    end = line_end(text, at)
    return "\r\n" if text[end - 2 : end] == "\r\n" else "\n"


def _column(text: str, at: int) -> str:
    indent = indent_at(text, at)
    if indent is None:
        raise CannotRewrite("a key that does not start its line")  # noqa: EM101
    return indent


def remove(edits: Edits, node: Node, gone: set[str]) -> None:
    """Removes keys with their lines."""
    text = edits.text
    for key in gone:
        member = node.members[key]
        _column(text, member.start)
        edits.put(line_start(text, member.start), line_end(text, _end(member)), "")


def _end(member: Member) -> int:
    if member.colon < 0:
        raise CannotRewrite(f"{member.key} is written with a question mark")  # noqa: EM102
    return max(member.colon, member.value_end)


def insert(
    edits: Edits, node: Node, key: str, value: Value, after: Member | None, sources: Sequence[Source], speller: Speller
) -> None:
    """Inserts a key behind another one, or before the first, with its comments if it comes from another text."""
    del speller
    text = edits.text
    first = next(iter(node.members.values()))
    indent = _column(text, first.start)
    at = line_start(text, first.start)
    if after is None and comments_above(text, at) != at:
        after = first  # a comment right above the first key stays with it
    if after is not None:
        at = line_end(text, _end(after))
    edits.insert_lines(at, _source_lines(edits, sources, value, indent) or _lines({key: value}, indent, edits.newline))


def _source_lines(edits: Edits, sources: Sequence[Source], value: Value, indent: str) -> str:
    source = choose_source(sources, value)
    if source is None or source.flow or source.member is None or indent_at(source.text, source.member.start) is None:
        return ""
    text, member = source.text, source.member
    start = line_start(text, member.start)
    by = len(indent) - (member.start - start)
    if not source.first:
        start = comments_above(text, start)
    lines = text[start : line_end(text, _end(member))].replace("\r\n", "\n")
    moved = shifted("\n" + lines, by)[1:]
    return (moved if moved.endswith("\n") else moved + "\n").replace("\n", edits.newline)
