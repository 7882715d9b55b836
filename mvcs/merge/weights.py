"""Whose weights a merge has, and where they come from: they follow the merged recipe.

Knows: the table of four rows. Refuses to know: files and tensors. Implements: spec 14.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.merge.values import OURS, THEIRS
from mvcs.objects.commit import Origin
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid

WEIGHT_STRATEGIES = (OURS, THEIRS)


class Outcome(Record):
    """Weights and metrics of one state, with what is known of them.

    Args:
        weights: Tree of the weights' files, None without.
        origin: Where they came from.
        metrics: Metrics tree, None without.
        measured: Tree of weights that the metrics were measured on.
    """

    __slots__ = ("measured", "metrics", "origin", "weights")

    def __init__(
        self, weights: Oid | None, origin: Origin | None, metrics: Oid | None, measured: Oid | None
    ) -> None:
        self.weights = weights
        self.origin = origin
        self.metrics = metrics
        self.measured = measured


class Verdict(Record):
    """Whose weights the merge has.

    Args:
        side: ours, theirs, or None if both must be merged file by file.
        origin: Their origin; None without weights, or where it is only known after merging.
        stale: Whether they belong to neither the merged recipe nor a strategy.
        note: What to tell, empty if nothing.
    """

    __slots__ = ("note", "origin", "side", "stale")

    def __init__(self, side: str | None, origin: Origin | None, *, stale: bool = False, note: str = "") -> None:
        self.side = side
        self.origin = origin
        self.stale = stale
        self.note = note


def judge(base: Outcome, ours: Outcome, theirs: Outcome, recipe: Oid, strategy: str | None = None) -> Verdict:
    """Decides whose weights a merge has.

    Args:
        base: The state that both came from.
        ours: The branch that is merged into.
        theirs: The merged one.
        recipe: Oid of the merged recipe.
        strategy: What the user named with --weights.
    """
    if strategy is not None:
        side = ours if strategy == OURS else theirs
        origin = None if side.weights is None else Origin(recipe, f"merged:{strategy}")
        return Verdict(strategy, origin)
    if ours.weights == theirs.weights and _recipe(ours) == _recipe(theirs):
        return _of(OURS, ours, recipe)
    fresh = [
        (name, side) for name, side in ((OURS, ours), (THEIRS, theirs))
        if side.weights is not None and _recipe(side) == recipe
    ]
    if len(fresh) == 1:
        name, side = fresh[0]
        other = theirs if name == OURS else ours
        dropped = other.weights not in {base.weights, side.weights, None}
        note = f"the weights are those of {name}, made by the merged recipe; " if dropped else ""
        if dropped:
            note += f"the other side's, made by another one, are not taken (--weights {_other(name)})"
        return Verdict(name, side.origin, note=note)
    sides = ((OURS, ours), (THEIRS, theirs))
    changed = [(name, side) for name, side in sides if side.weights != base.weights]
    if len(fresh) == 2 and len(changed) == 2:
        return Verdict(None, Origin(recipe, "merged:tensors"))
    if len(changed) == 1:
        return _of(*changed[0], recipe)
    verdict = _of(OURS, ours, recipe)
    if len(changed) == 2 and verdict.stale:
        verdict.note = "both sides have new weights, and neither were made by the merged recipe; ours are kept"
    return verdict


def picked(base: Outcome, ours: Outcome, theirs: Outcome, recipe: Oid) -> Verdict | None:
    """Decides whose weights there are where somebody asked for theirs alone: None if that does not decide it.

    Args:
        base: The state before the commit that is picked.
        ours: The branch that it comes to.
        theirs: The commit that is picked.
        recipe: Oid of the merged recipe.
    """
    return _of(THEIRS, theirs, recipe) if ours.weights == base.weights != theirs.weights else None


def _of(name: str, side: Outcome, recipe: Oid) -> Verdict:
    stale = side.weights is not None and _recipe(side) != recipe
    return Verdict(name, side.origin, stale=stale)


def _recipe(side: Outcome) -> Oid | None:
    return None if side.origin is None else side.origin.recipe


def _other(name: str) -> str:
    return THEIRS if name == OURS else OURS


def keep_metrics(base: Outcome, ours: Outcome, theirs: Outcome, weights: Oid | None) -> Outcome | None:
    """Returns the side whose metrics stay: only one whose weights the result has; None if they go."""
    having = [side for side in (ours, theirs) if side.weights == weights]
    if not having:
        return None
    changed = [side for side in having if (side.metrics, side.measured) != (base.metrics, base.measured)]
    return (changed or having)[0]
