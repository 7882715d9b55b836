"""Keys of maps in brackets: JSON, YAML's flow style, TOML's inline tables.

Knows: commas and the style of those that are there. Refuses to know: what values mean.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from mvcs.formats.rewriting.edits import CannotRewrite, line_start, shifted
from mvcs.formats.rewriting.source import choose_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.nodes import Member, Node
    from mvcs.formats.rewriting.edits import Edits
    from mvcs.formats.rewriting.source import Source
    from mvcs.formats.rewriting.speller import Speller
    from mvcs.formats.values import Value

_BLANKS = re.compile(r"[ \t]*")
_SPACE_END = re.compile(r"\s*\Z")


def value_text(edits: Edits, at: int, target: Value, sources: Sequence[Source], speller: Speller) -> str:
    """Returns a value's text for a place between commas, in a source's spelling if one has it."""
    source = choose_source(sources, target)
    indent = _indent(edits.text, at)
    if source is not None and source.node.flow and speller.fits_brackets(source.written):
        by = len(indent) - len(_indent(source.text, source.node.start))
        return shifted(source.written.replace("\r\n", "\n"), by).replace("\n", edits.newline)
    return speller.value(target, indent)


def _indent(text: str, at: int) -> str:
    line = text[line_start(text, at) :at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def replace(edits: Edits, member: Member, text: str) -> None:
    """Puts another value behind a key."""
    node = member.node
    if member.colon < 0:
        raise CannotRewrite(f"{member.key} has no colon")  # noqa: EM102
    tagged = edits.text[node.outer : node.start].lstrip().startswith("!")
    start = node.outer if tagged else node.start
    edits.put(start, node.end, text if node.start < node.end else " " + text)


def remove(edits: Edits, node: Node, gone: set[str]) -> None:
    """Removes keys, each with one comma; one key at least stays."""
    members = list(node.members.values())
    index = 0
    while index < len(members):
        if members[index].key not in gone:
            index += 1
            continue
        behind = index
        while behind < len(members) and members[behind].key in gone:
            behind += 1
        if behind < len(members):
            edits.put(members[index].start, members[behind].start, "")
        elif index:
            edits.put(_end(members[index - 1]), _end(members[-1]), "")
        index = behind


def _end(member: Member) -> int:
    if member.colon < 0:
        raise CannotRewrite(f"{member.key} has no colon")  # noqa: EM102
    return max(member.colon, member.value_end)


def insert(
    edits: Edits, node: Node, key: str, value: Value, after: Member | None, sources: Sequence[Source], speller: Speller
) -> None:
    """Inserts a key behind another one, or before the first."""
    text = edits.text
    first, *others = islice(node.members.values(), 2)
    before_first = _SPACE_END.search(text[node.start + 1 : first.start])
    lead = before_first[0] if before_first else ""
    sign = re.search(r"[ \t]*\Z", text[first.start : first.colon - 1])
    behind = _BLANKS.match(text, first.colon)
    spaced = (behind[0] if behind else "") or ("" if text[first.start] == '"' and speller.sign == ":" else " ")
    if "\n" in lead:
        gap = lead
    elif others:
        between = _SPACE_END.search(text[_end(first) : others[0].start])
        gap = between[0] if between else ""
    else:
        gap = " " if spaced else ""
    at = first.start if after is None else _end(after)
    made = value_text(edits, first.start, value, sources, speller)
    entry = f"{speller.key(key)}{sign[0] if sign else ''}{speller.sign}{spaced}{made}"
    edits.put(at, at, f"{entry},{gap}" if after is None else f",{gap}{entry}")

