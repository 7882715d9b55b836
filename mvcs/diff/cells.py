"""Which cells of two notebooks are the same ones: by id, else by what they say.

Knows: cells. Refuses to know: what becomes of them. Idea: nbdime's alignment by source.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.diff.matching import match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.notebook import Cell

    Pair = tuple[int, int]

ALIKE = 0.5
"""Share of words in common from which a cell without id is another's later form."""
MAX_WORDS = 2000
MOST_COMPARED = 400
"""Pairs of cells between two anchors that are compared by words."""
_WORD = re.compile(r"\w+|[^\w\s]")


def match_cells(before: Sequence[Cell], after: Sequence[Cell], *, alike: bool = True) -> dict[int, int]:
    """Returns positions before to positions after of the same cells.

    Cells with ids are the same if their ids are; what is left is matched where it says the same. Without ids, cells
    are aligned by what they say, then those that say the same elsewhere have moved, and between them those that say
    something alike are the same.

    Args:
        before: Cells.
        after: Cells.
        alike: Whether cells that say something alike are the same, if there are no ids.

    Laws:
        match_cells(a, a) pairs every cell with itself.
    """
    found: dict[int, int] = {}
    by_id = all(cell.name is not None for cell in (*before, *after))
    if by_id:
        where = {cell.name: place for place, cell in enumerate(after)}
        found = {place: where[cell.name] for place, cell in enumerate(before) if cell.name in where}
    taken = set(found.values())
    rest = [place for place in range(len(before)) if place not in found and not (by_id and not before[place].source)]
    free = [place for place in range(len(after)) if place not in taken and not (by_id and not after[place].source)]
    said, says = [_says(before[place]) for place in rest], [_says(after[place]) for place in free]
    aligned = match(said, says)
    if not by_id and alike:
        aligned = _with_alike([before[place] for place in rest], [after[place] for place in free], aligned)
    else:
        aligned = _with_moved(said, says, aligned)
    found.update((rest[i], free[j]) for i, j in aligned)
    return found


def _says(cell: Cell) -> tuple[str, str]:
    return cell.kind, cell.source


def _with_moved(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]], pairs: list[Pair]) -> list[Pair]:
    """Adds what says the same elsewhere, if nothing else does."""
    left, right = {i for i, _ in pairs}, {j for _, j in pairs}
    gone: dict[tuple[str, str], list[int]] = {}
    new: dict[tuple[str, str], list[int]] = {}
    for places, items, used in ((gone, before, left), (new, after, right)):
        for place, item in enumerate(items):
            if place not in used and item[1]:
                places.setdefault(item, []).append(place)
    moved = [(places[0], new[item][0]) for item, places in gone.items() if len(places) == len(new.get(item, ())) == 1]
    return pairs + moved


def _with_alike(before: Sequence[Cell], after: Sequence[Cell], pairs: list[Pair]) -> list[Pair]:
    moved = _with_moved([_says(cell) for cell in before], [_says(cell) for cell in after], pairs)
    left, right = {i for i, _ in moved}, {j for _, j in moved}
    made = list(moved)
    i = j = 0
    for x, y in [*pairs, (len(before), len(after))]:
        olds = [place for place in range(i, x) if place not in left]
        news = [place for place in range(j, y) if place not in right]
        if 0 < len(olds) * len(news) <= MOST_COMPARED:
            made += _aligned(before, after, olds, news)
        i, j = x + 1, y + 1
    return made


def _aligned(before: Sequence[Cell], after: Sequence[Cell], olds: list[int], news: list[int]) -> list[Pair]:
    """Aligns two runs of cells so that as much as possible is alike."""
    best: list[list[tuple[float, tuple[Pair, ...]]]] = [[(0.0, ())] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for row in range(len(olds) - 1, -1, -1):
        for column in range(len(news) - 1, -1, -1):
            options = [best[row + 1][column], best[row][column + 1]]
            share = alike_share(before[olds[row]], after[news[column]])
            if share >= ALIKE:
                score, chain = best[row + 1][column + 1]
                options.append((score + share, ((olds[row], news[column]), *chain)))
            best[row][column] = max(options, key=lambda option: option[0])
    return list(best[0][0][1])


def alike_share(first: Cell, second: Cell) -> float:
    """Returns the share of words that two cells have in common and in the same order, in [0, 1]; 0 for other types."""
    if first.kind != second.kind:
        return 0.0
    one, two = _WORD.findall(first.source)[:MAX_WORDS], _WORD.findall(second.source)[:MAX_WORDS]
    if not one or not two:
        return 0.0
    return 2 * len(match(one, two)) / (len(one) + len(two))


def moved_cells(pairs: dict[int, int]) -> set[int]:
    """Returns the positions before of matched cells that stand in another order now."""
    from mvcs.diff.matching import unique_in_order

    order = sorted(pairs)
    now = [pairs[place] for place in order]
    kept = {place for place, _ in unique_in_order(now, sorted(now))}
    return {order[at] for at in range(len(order)) if at not in kept}
