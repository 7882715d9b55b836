"""Merges text by lines: changes of one side are taken, equal ones agree, what both changed differently is a hunk.

Results are those of `git merge-file --diff3`, up to which of several equally long matchings of repeated lines is
taken. Line ends, the byte order mark and the encoding are merged apart from the lines: a side that only converted
them does not conflict with one that edited. Knows: lines. Refuses to know: paths.
Sources: Khanna, Kunal, Pierce 2007; Git's rule that changes which touch are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.lines import (
    CRLF,
    LF,
    MIXED,
    characters,
    encode,
    has_surrogates,
    line_end,
    read_text,
    split_lines,
    with_end,
)
from mvcs.formats.notebook import cell_sources
from mvcs.formats.values import ABSENT
from mvcs.merge.regions import BOTH, CONFLICT, STABLE, regions, two_way
from mvcs.merge.regions import OURS as BY_OURS
from mvcs.merge.regions import THEIRS as BY_THEIRS
from mvcs.merge.sides import one_sided, read_sides
from mvcs.merge.values import BASE, OURS, SET, THEIRS, UNION, Conflict, Decision, Merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.content import Content
    from mvcs.formats.lines import Text
    from mvcs.merge.values import Choice, Choose

LABELS = ("ours", "base", "theirs")
MARKER = 7
"""Length of a conflict marker."""


class MergedLines:
    """Lines that two sides made of a base.

    Attributes:
        lines: The result, with markers where conflicts are left.
        conflicts: Those.
        decisions: What was settled.
    """

    __slots__ = ("conflicts", "decisions", "lines")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.conflicts: list[Conflict] = []
        self.decisions: list[Decision] = []


def merge_text(
    base: Content | None, ours: Content, theirs: Content, choose: Choose, labels: tuple[str, str, str] = LABELS, *,
    marker: int = MARKER,
) -> Merged:
    """Merges text files by lines.

    A conflict is a hunk: its key is hunk-N, counted over all conflicts of the file, and its values are the hunk's
    texts, with LF ends if the whole file has one sort of ends. If both sides added the file, what is equal in both is
    agreed. Strategies: ours, theirs, base, union (ours, then what only theirs has), set.

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.
        labels: What stands after the markers of ours, base, theirs.
        marker: Length of the markers; a virtual base takes longer ones, so that they differ from those around.

    Raises:
        UnreadableContent: If a side is binary or too large, or both changed the encoding differently.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; conflicts are the same with the sides swapped.
    """
    settled = one_sided(base, ours, theirs)
    if settled is not None:
        return settled
    first, second, third = read_sides(read_text, base, ours, theirs)
    encoding = _merged_encoding(first, second, third)
    end = _merged_end(first, second, third)
    before, mine, other = (
        () if text is None else with_end(text.lines, LF) if end else text.lines for text in (first, second, third)
    )
    marks = LF if end else _first_end(mine, other)
    merged = merge_lines(
        None if first is None else before, mine, other, choose, labels=labels, marker=marker, end=marks
    )
    result = encode("".join(with_end(merged.lines, end) if end == CRLF else merged.lines), encoding)
    return Merged(Bytes(result), tuple(merged.conflicts), tuple(merged.decisions))


def _first_end(ours: Sequence[str], theirs: Sequence[str]) -> str:
    return CRLF if any(lines and lines[0].endswith(CRLF) for lines in (ours, theirs)) else LF


def _merged_encoding(base: Text | None, ours: Text, theirs: Text) -> str:
    if ours.encoding == theirs.encoding or (base is not None and base.encoding == theirs.encoding):
        encoding = ours.encoding
    elif base is not None and base.encoding == ours.encoding:
        encoding = theirs.encoding
    else:
        raise UnreadableContent(
            format="text", line=0, reason=f"{ours.encoding} in ours, {theirs.encoding} in theirs",
        )
    for text in (base, ours, theirs):
        if text is not None and text.encoding[:6] != encoding[:6] and has_surrogates(text.lines):
            raise UnreadableContent(format="text", line=0, reason=f"cannot be converted to {encoding}")
    return encoding


def _merged_end(base: Text | None, ours: Text, theirs: Text) -> str:
    """Returns the end of all lines of the result; empty if the ends are merged line by line."""
    our_end, their_end = line_end(ours.lines), line_end(theirs.lines)
    base_end = line_end(base.lines) if base is not None else ""
    if MIXED in {our_end, their_end, base_end}:
        return ""
    our_end, their_end = our_end or base_end or their_end, their_end or base_end or our_end
    if our_end == their_end or their_end == base_end:
        return our_end
    return their_end if our_end == base_end else ""


def merge_lines(
    base: Sequence[str] | None, ours: Sequence[str], theirs: Sequence[str], choose: Choose, *,
    labels: tuple[str, str, str] = LABELS, marker: int = MARKER, end: str = LF, prefix: str = "",
) -> MergedLines:
    """Merges lines that have their ends.

    Args:
        base: What both came from, None if nothing.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.
        labels: What stands after the markers.
        marker: Length of the markers.
        end: Line end of the markers, and of a last line that is no longer the last.
        prefix: What the keys of conflicts begin with.
    """
    merged, count = MergedLines(), 0
    found = two_way(ours, theirs) if base is None else regions(base, ours, theirs)
    for who, in_base, in_ours, in_theirs in found:
        left, right = ours[in_ours], theirs[in_theirs]
        if who in {STABLE, BOTH, BY_OURS}:
            _add(merged.lines, left, end)
        elif who == BY_THEIRS:
            _add(merged.lines, right, end)
        if who != CONFLICT:
            continue
        count += 1
        middle = None if base is None else base[in_base]
        conflict = Conflict(
            f"{prefix}hunk-{count}", ABSENT if middle is None else "".join(middle), "".join(left), "".join(right)
        )
        choice = choose(conflict)
        chosen = None if choice is None else _chosen(choice, middle, left, right, end)
        if choice is not None and chosen is not None:
            _add(merged.lines, chosen, end)
            merged.decisions.append(Decision(conflict.key, choice.strategy))
        else:
            _add(merged.lines, marked(middle or (), left, right, labels=labels, marker=marker, end=end), end)
            merged.conflicts.append(conflict)
    return merged


def marked(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], *, labels: tuple[str, str, str] = LABELS,
    marker: int = MARKER, end: str = LF,
) -> list[str]:
    """Returns the lines of a conflict that is left, between its markers."""
    lines: list[str] = []
    for sign, label, side in (("<", labels[0], ours), ("|", labels[1], base), ("=", "", theirs), (">", labels[2], ())):
        _add(lines, [sign * marker + (" " + label if label else "") + end], end)
        _add(lines, side, end)
    return lines


def _add(lines: list[str], more: Sequence[str], end: str) -> None:
    if more and lines and not lines[-1].endswith(LF):
        lines[-1] += end
    lines.extend(more)


def _chosen(
    choice: Choice, base: Sequence[str] | None, ours: Sequence[str], theirs: Sequence[str], end: str
) -> Sequence[str] | None:
    if choice.strategy == OURS:
        return ours
    if choice.strategy == THEIRS:
        return theirs
    if choice.strategy == BASE:
        return base
    if choice.strategy == UNION:
        return _union(ours, theirs, end)
    if choice.strategy == SET and isinstance(choice.value, str):
        lines = with_end(split_lines(choice.value), end)
        if lines and not lines[-1].endswith(LF) and any(side and side[-1].endswith(LF) for side in (ours, theirs)):
            lines[-1] += end
        return lines
    return None


def _union(ours: Sequence[str], theirs: Sequence[str], end: str) -> list[str]:
    """Returns what both have once, and where they differ ours before theirs."""
    lines: list[str] = []
    for _, _, in_ours, in_theirs in two_way(ours, theirs):
        left, right = ours[in_ours], theirs[in_theirs]
        _add(lines, left, end)
        if left != right:
            _add(lines, right, end)
    return lines


def has_markers(content: bytes) -> bool:
    """Whether a file has conflict markers left, whole conflicts or pieces of one; of a notebook, in its cells.

    A line of equals signs alone is a heading of Markdown, and lines that begin with seven `>` among others that begin
    with `>` are a quotation.
    """
    import json

    text = characters(content)
    if text is None:
        return False
    if _marked_text(text):
        return True
    sources = cell_sources(content) if text.lstrip()[:1] == "{" and any(sign in text for sign in _SIGNS) else None
    return sources is not None and any(_marked_text(source) for _, source in json.loads(sources))


_SIGNS = ("<" * MARKER, "|" * MARKER, ">" * MARKER)


def _marked_text(text: str) -> bool:
    if not any(sign in text for sign in _SIGNS):
        return False
    start, base, end = _SIGNS
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    middle = False
    for at, line in enumerate(lines):
        if line == start or line.startswith((start + " ", base + " ")):
            return True
        if line == end or line.startswith(end + " "):
            quoted = any(near.startswith(">") for near in (*lines[max(at - 1, 0) : at], *lines[at + 1 : at + 2]))
            if middle or not quoted:
                return True
        middle = middle or line == "=" * MARKER
    return False
