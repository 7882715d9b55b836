"""Three sequences side by side: what stays, what one side changed, what both did.

Changes that touch count as one, since between them there is nothing by which to tell their order.
Knows: positions. Refuses to know: lines, choices. Source: Khanna, Kunal, Pierce 2007, A Formal Investigation of Diff3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.spans import changes

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from mvcs.diff.spans import Span

STABLE, OURS, THEIRS, BOTH, CONFLICT = "stable", "ours", "theirs", "both", "conflict"

if TYPE_CHECKING:
    Region = tuple[str, slice, slice, slice]
    """Who changed it, and where it lies in base, ours, theirs."""


def regions(base: Sequence[Hashable], ours: Sequence[Hashable], theirs: Sequence[Hashable]) -> list[Region]:
    """Returns the regions of three sequences, in order and without gaps.

    Laws:
        Swapping ours and theirs swaps them in the answer.
    """
    left, right = changes(base, ours), changes(base, theirs)
    made: list[Region] = []
    i = j = at = our_shift = their_shift = 0
    while i < len(left) or j < len(right):
        start = min(spans[k][0] for spans, k in ((left, i), (right, j)) if k < len(spans))
        end, first_left, first_right = start, i, j
        grown = True
        while grown:
            grown = False
            while i < len(left) and left[i][0] <= end:
                end, i, grown = max(end, left[i][1]), i + 1, True
            while j < len(right) and right[j][0] <= end:
                end, j, grown = max(end, right[j][1]), j + 1, True
        if at < start:
            made.append((STABLE, *_slices(at, start, at + our_shift, start + our_shift, at + their_shift,
                                          start + their_shift)))
        our_start, their_start = start + our_shift, start + their_shift
        our_shift += sum(_growth(span) for span in left[first_left:i])
        their_shift += sum(_growth(span) for span in right[first_right:j])
        places = _slices(start, end, our_start, end + our_shift, their_start, end + their_shift)
        if first_right == j:
            who = OURS
        elif first_left == i:
            who = THEIRS
        else:
            who = BOTH if ours[places[1]] == theirs[places[2]] else CONFLICT
        made.append((who, *places))
        at = end
    if at < len(base):
        made.append((STABLE, *_slices(at, len(base), at + our_shift, len(ours), at + their_shift, len(theirs))))
    return made


def two_way(ours: Sequence[str], theirs: Sequence[str]) -> list[Region]:
    """Returns the regions of two sequences that came from nothing: what is equal, and what is not.

    Laws:
        Swapping ours and theirs swaps them in the answer.
    """
    swapped = list(theirs) < list(ours)
    first, second = (theirs, ours) if swapped else (ours, theirs)
    made: list[Region] = []
    i = j = 0
    for a, b, c, d in [*changes(first, second), (len(first), len(first), len(second), len(second))]:
        for who, places in ((BOTH, (i, a, j, c)), (CONFLICT, (a, b, c, d))):
            one, two = slice(places[0], places[1]), slice(places[2], places[3])
            if one.start < one.stop or two.start < two.stop:
                made.append((who, slice(0, 0), two, one) if swapped else (who, slice(0, 0), one, two))
        i, j = b, d
    return made


def _growth(span: Span) -> int:
    return span[3] - span[2] - span[1] + span[0]


def _slices(*places: int) -> tuple[slice, slice, slice]:
    return slice(*places[0:2]), slice(*places[2:4]), slice(*places[4:6])
