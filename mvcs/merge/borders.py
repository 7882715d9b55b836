"""Paths that stand in weights or metrics on one side and elsewhere on the other: each is merged by itself.

Weights and metrics follow the merged recipe as wholes. A path that crosses their border can follow neither: with one
side's weights and the other's recipe it would be there twice, or not at all. Knows: the rule of three for such a
path. Refuses to know: whose weights a merge has, what contents mean. Implements: spec 14.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.values import ABSENT
from mvcs.merge.paths import PathConflict, PathMerge
from mvcs.merge.values import BASE, OURS, THEIRS, Conflict, Decision, Resolved, merge_value
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.diff.trees import FileChange
    from mvcs.formats.values import Found
    from mvcs.merge.paths import ChooseAt
    from mvcs.objects.editing import Placed

OUTCOME = ("weights", "metrics")
"""Ingredients that follow the recipe and are not merged by path."""


class Crossing(Record):
    """The three states of a path that crosses a border.

    Args:
        base: What both came from, None for nothing.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
    """

    __slots__ = ("base", "ours", "theirs")

    def __init__(self, base: Placed | None, ours: Placed | None, theirs: Placed | None) -> None:
        self.base = base
        self.ours = ours
        self.theirs = theirs


def crossings(ours: Iterable[FileChange], theirs: Iterable[FileChange]) -> dict[bytes, Crossing]:
    """Returns the paths that have weights or metrics among several ingredients, unless both sides agree on one.

    Args:
        ours: Changes from the base to ours.
        theirs: Changes from the base to theirs.
    """
    mine, other = {change.path: change for change in ours}, {change.path: change for change in theirs}
    found: dict[bytes, Crossing] = {}
    for path in sorted({*mine, *other}):
        our, their = mine.get(path), other.get(path)
        base = our.before if our is not None else their.before if their is not None else None
        states = Crossing(base, base if our is None else our.after, base if their is None else their.after)
        if states.ours is not None and states.theirs is not None and states.ours.ingredient == states.theirs.ingredient:
            continue
        names = {side.ingredient for side in (states.base, states.ours, states.theirs) if side is not None}
        if len(names) > 1 and names & set(OUTCOME):
            found[path] = states
    return found


def merge_crossings(found: Mapping[bytes, Crossing], choose: ChooseAt) -> PathMerge:
    """Merges paths that cross a border: what one side alone did holds, everything else is a conflict of the path.

    Args:
        found: Path to its three states.
        choose: Says how a conflict on a path is settled; None leaves it.

    Laws:
        Without changes of one side the result is the other; conflicts are the same with the sides swapped.
    """
    result = PathMerge()
    for path, states in found.items():
        merged = _rule_of_three(states)
        if isinstance(merged, Resolved):
            taken = states.ours if merged.value == OURS else states.theirs
        else:
            choice = choose(path, merged)
            outcomes = {OURS: states.ours, THEIRS: states.theirs, BASE: states.base}
            if choice is None or choice.strategy not in outcomes:
                result.conflicts.append(PathConflict(path, merged, tuple(outcomes), ingredients_of(states)))
                continue
            taken = outcomes[choice.strategy]
            result.decisions.append((path, Decision(None, choice.strategy)))
        if taken is not states.ours:
            result.edits[path] = taken
    return result


def ingredients_of(states: Crossing) -> dict[str, str | None]:
    """Returns where a path stands in each of its states."""
    sides = {BASE: states.base, OURS: states.ours, THEIRS: states.theirs}
    return {name: None if side is None else side.ingredient for name, side in sides.items()}


def _rule_of_three(states: Crossing) -> Resolved[str] | Conflict:
    base, ours, theirs = states.base, states.ours, states.theirs
    if _same(theirs, base):
        return Resolved(OURS)
    if _same(ours, base):
        return Resolved(THEIRS)
    # Moved by one side, and both have the same content: nothing can be lost.
    if base is not None and ours is not None and theirs is not None and ours.entry.same_content(theirs.entry):
        where = merge_value(None, base.ingredient, ours.ingredient, theirs.ingredient)
        if isinstance(where, Resolved):
            return Resolved(OURS if where.value == ours.ingredient else THEIRS)
    places = ingredients_of(states)
    reason = ", ".join(f"{where or 'nothing'} in {name}" for name, where in places.items())
    return Conflict(None, _value(base), _value(ours), _value(theirs), reason)


def _same(side: Placed | None, other: Placed | None) -> bool:
    return other is None if side is None else side.same(other)


def _value(side: Placed | None) -> Found:
    return ABSENT if side is None else side.entry.oid.hex()
