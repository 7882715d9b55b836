"""Runs of items that differ between two sequences, each run lying where a reader and a merge expect it.

A pure insertion or deletion among repeated items can lie in several places; here it joins a neighbour that it can
reach, else it lies as low as it can. So equal changes of two sides lie at equal places.
Knows: positions. Refuses to know: lines. Idea: the sliding of groups in GNU diff.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.matching import match

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    Span = tuple[int, int, int, int]
    """before[0:1] has become after[2:3]: start and end there, start and end here."""


def changes(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Span]:
    """Returns what differs, in order; between two spans there is at least one equal item.

    Laws:
        changes(a, a) is empty; replacing before[0:1] by after[2:3] in each span gives after.
    """
    spans: list[Span] = []
    i = j = 0
    for x, y in [*match(before, after), (len(before), len(after))]:
        if i < x or j < y:
            spans.append((i, x, j, y))
        i, j = x + 1, y + 1
    return _up(before, after, _down(before, after, _joined(before, after, spans)))


def _kind(span: Span) -> int:
    """1 deletes, 2 inserts, 3 replaces."""
    return (span[0] < span[1]) + 2 * (span[2] < span[3])


def room_above(before: Sequence[Hashable], after: Sequence[Hashable], span: Span, gap: int) -> int:
    """Returns how far a pure span can move up without another outcome; 0 for one that replaces."""
    kind = _kind(span)
    if kind == 3:
        return 0
    items, start, end = (before, span[0], span[1]) if kind == 1 else (after, span[2], span[3])
    room = 0
    while room < gap and items[start - room - 1] == items[end - room - 1]:
        room += 1
    return room


def _room_below(before: Sequence[Hashable], after: Sequence[Hashable], span: Span, gap: int) -> int:
    kind = _kind(span)
    if kind == 3:
        return 0
    items, start, end = (before, span[0], span[1]) if kind == 1 else (after, span[2], span[3])
    room = 0
    while room < gap and items[start + room] == items[end + room]:
        room += 1
    return room


def moved(span: Span, by: int) -> Span:
    """Returns a span moved down, or up by a negative number."""
    return span[0] + by, span[1] + by, span[2] + by, span[3] + by


def _joined(before: Sequence[Hashable], after: Sequence[Hashable], spans: list[Span]) -> list[Span]:
    """Joins spans of one kind that can move up to each other."""
    made: list[Span] = []
    for span in spans:
        joined = span
        while made and _kind(made[-1]) == _kind(joined):
            above = made[-1]
            gap = joined[0] - above[1]
            if room_above(before, after, joined, gap) < gap:
                break
            joined = (above[0], joined[1] - gap, above[2], joined[3] - gap)
            made.pop()
        made.append(joined)
    return made


def _down(before: Sequence[Hashable], after: Sequence[Hashable], spans: list[Span]) -> list[Span]:
    """Moves pure spans down as far as they go, joining what they reach."""
    made: list[Span] = []
    for span in reversed(spans):
        lowest = span
        while True:
            gap = (made[-1][0] if made else len(before)) - lowest[1]
            room = _room_below(before, after, lowest, gap)
            lowest = moved(lowest, room)
            if room < gap or not made or _kind(lowest) == 3:
                break
            below = made.pop()
            lowest = (lowest[0], below[1], lowest[2], below[3])
        made.append(lowest)
    return made[::-1]


def _up(before: Sequence[Hashable], after: Sequence[Hashable], spans: list[Span]) -> list[Span]:
    """Joins pure spans to one above that they can reach."""
    made: list[Span] = []
    for span in spans:
        if made:
            above = made[-1]
            gap = span[0] - above[1]
            if room_above(before, after, span, gap) == gap:
                made[-1] = (above[0], span[1] - gap, above[2], span[3] - gap)
                continue
        made.append(span)
    return made
