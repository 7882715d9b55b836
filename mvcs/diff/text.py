"""What changed in a text file: unified hunks as `diff -u` writes them, and the words that differ in two lines.

Knows: lines. Refuses to know: paths and colours. Source: POSIX diff, the unified format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.diff.keys import FileDiff
from mvcs.diff.spans import changes, moved, room_above
from mvcs.formats.lines import UTF8, UTF8_BOM, Text, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.diff.spans import Span
    from mvcs.formats.content import Content

NO_END = "\\ No newline at end of file"
_WORD = re.compile(r"\w+|\s+|.", re.DOTALL)
MAX_WORDS = 2000
"""Words of a line beyond which only its equal ends are looked for."""
MOST_MOVES = 100
"""Places that are tried for a run of lines that could lie in several."""


def diff_text(before: Content | None, after: Content | None, context: int = 3) -> FileDiff:
    r"""Tells what changed in a text file as unified hunks.

    Lines are told with `\n` cut off and `\r` kept, so that joined by `\n` below a file header they are a patch that
    `patch` and `git apply` take. Files in UTF-16 are told by their characters. Where two files have equal lines and
    different bytes, the reason says so.

    Args:
        before: The file as it was, None if it was not there.
        after: The file as it is.
        context: Equal lines told around each change.

    Raises:
        UnreadableContent: If a side is binary or too large.

    Laws:
        diff(a, a) is empty; `apply_lines(before, lines)` is after, if the encoding is the same.
    """
    first = Text(()) if before is None else read_text(before)
    second = Text(()) if after is None else read_text(after)
    reason = ""
    if before is not None and after is not None and first.encoding != second.encoding:
        reason = f"encoding: {first.encoding} before, {second.encoding} after"
    if {first.encoding, second.encoding} <= {UTF8, UTF8_BOM}:
        first, second = _with_mark(first), _with_mark(second)
    return FileDiff("text", lines=tuple(unified(first.lines, second.lines, context)), reason=reason)


def _with_mark(text: Text) -> Text:
    if text.encoding != UTF8_BOM:
        return text
    return Text(("\ufeff" + "".join(text.lines[:1]), *text.lines[1:]))


def unified(before: Sequence[str], after: Sequence[str], context: int = 3) -> list[str]:
    """Returns the lines of unified hunks, without the ends of lines.

    Args:
        before: Lines with their ends.
        after: Lines with their ends.
        context: Equal lines told around each change.
    """
    told: list[str] = []
    group: list[Span] = []
    spans = readable(before, after)
    for place, span in enumerate(spans):
        group.append(span)
        if place + 1 == len(spans) or spans[place + 1][0] - span[1] > 2 * context:
            told += _hunk(before, after, group, context)
            group = []
    return told


def _hunk(before: Sequence[str], after: Sequence[str], group: list[Span], context: int) -> list[str]:
    lead = min(context, group[0][0])
    trail = min(context, len(before) - group[-1][1])
    start, end = group[0][0] - lead, group[-1][1] + trail
    here, there = group[0][2] - lead, group[-1][3] + trail
    told = [f"@@ -{_range(start, end)} +{_range(here, there)} @@"]
    at = start
    for first, last, new, new_last in group:
        _tell(told, " ", before[at:first])
        _tell(told, "-", before[first:last])
        _tell(told, "+", after[new:new_last])
        at = last
    _tell(told, " ", before[at:end])
    return told


def _range(start: int, end: int) -> str:
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"


def _tell(told: list[str], sign: str, lines: Sequence[str]) -> None:
    for line in lines:
        if line.endswith("\n"):
            told.append(sign + line[:-1])
        else:
            told += (sign + line, NO_END)


def readable(before: Sequence[str], after: Sequence[str]) -> list[Span]:
    """Returns what differs, where a run that could lie in several places begins at the least indented line.

    So an added function is told from its first line to its last and not from within its neighbour.
    """
    made: list[Span] = []
    for span in changes(before, after):
        gap = span[0] - (made[-1][1] if made else 0) - (1 if made else 0)
        room = room_above(before, after, span, min(gap, MOST_MOVES))
        if not room:
            made.append(span)
            continue
        lines, start = (before, span[0]) if span[0] < span[1] else (after, span[2])
        best = min(range(room + 1), key=lambda up: (_indent(lines[start - up]), up))
        made.append(moved(span, -best))
    return made


def _indent(line: str) -> int:
    stripped = line.lstrip()
    return len(line) - len(stripped) if stripped else 1 << 30


def word_changes(old_line: str, new_line: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Returns where two lines differ: (start, end) of what was removed from the old, and of what the new has instead.

    Laws:
        What lies outside the spans is the same text in both.
    """
    if old_line == new_line:
        return [], []
    old, new = _WORD.findall(old_line), _WORD.findall(new_line)
    spans = [_ends(old, new)] if max(len(old), len(new)) > MAX_WORDS else changes(old, new)
    return _places(old, [span[0:2] for span in spans]), _places(new, [span[2:4] for span in spans])


def _ends(old: list[str], new: list[str]) -> Span:
    start, least = 0, min(len(old), len(new))
    while start < least and old[start] == new[start]:
        start += 1
    same = 0
    while same < least - start and old[-1 - same] == new[-1 - same]:
        same += 1
    return start, len(old) - same, start, len(new) - same


def _places(words: list[str], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    at = [0]
    for word in words:
        at.append(at[-1] + len(word))
    return [(at[start], at[end]) for start, end in spans if start < end]
