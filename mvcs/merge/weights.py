"""Whose weights a merge has, and where they come from: they follow the merged recipe.

Whose they are is decided by the table of four rows, before files are merged; where they come from, by the contents that
came out, whatever settled conflicts. Knows: oids of contents. Refuses to know: names, tensors. Implements: spec 14.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.merge.values import BASE, OURS, THEIRS
from mvcs.objects.commit import MIXED, Origin, mixed_recipe
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.objects.hashing import Oid

TENSORS = "tensors"
"""What the origin of weights is merged by where nobody has named a strategy."""


class Outcome(Record):
    """Weights and metrics of one state, with what is known of them.

    Args:
        weights: Tree of the weights' files, None without; equal for the same weights under other names.
        origin: Where they came from.
        metrics: Metrics tree, None without.
        measured: Tree of weights that the metrics were measured on.
        rearranged: Whether it has no weights that the base has not: copied, renamed or taken out, but none trained.
    """

    __slots__ = ("measured", "metrics", "origin", "rearranged", "weights")

    def __init__(
        self, weights: Oid | None, origin: Origin | None, metrics: Oid | None, measured: Oid | None, *,
        rearranged: bool = False,
    ) -> None:
        self.weights = weights
        self.origin = origin
        self.metrics = metrics
        self.measured = measured
        self.rearranged = rearranged


class Verdict(Record):
    """Whose weights the merge has.

    Args:
        side: ours or theirs; None if both count, so that the result may be neither's.
        whole: Whether the other side's files do not count. Else both sides' are merged by path, so that what one side
            named otherwise or took out holds beside what the other trained; by tensor where both count.
        dropped: Whether the other side trained too, and that is not in the result.
    """

    __slots__ = ("dropped", "side", "whole")

    def __init__(self, side: str | None, *, whole: bool = False, dropped: bool = False) -> None:
        self.side = side
        self.whole = whole
        self.dropped = dropped


class Source(Record):
    """A state that weights may come from.

    Args:
        contents: Oids of the files of its weights.
        origin: Where those came from.
    """

    __slots__ = ("contents", "origin")

    def __init__(self, contents: frozenset[Oid], origin: Origin) -> None:
        self.contents = contents
        self.origin = origin


def judge(
    base: Outcome, ours: Outcome, theirs: Outcome, recipe: Oid, strategy: str | None = None, *, asked: bool = False
) -> Verdict:
    """Decides whose weights a merge has.

    Args:
        base: The state that both came from.
        ours: The branch that is merged into.
        theirs: The merged one.
        recipe: Oid of the merged recipe.
        strategy: What the user named with --weights: a side, or how tensors that both changed are merged.
        asked: Whether somebody asked for theirs' weights alone: then they are taken whatever made them.

    Laws:
        With the sides swapped the verdict is the same, but where neither side's weights are of the recipe and both
        trained: then ours stay.
    """
    sides = {OURS: ours, THEIRS: theirs}
    if strategy is not None:
        return Verdict(strategy, whole=True) if strategy in sides else Verdict(None)
    fresh = [name for name, side in sides.items() if side.weights is not None and _recipe(side) == recipe]
    trained = [name for name, side in sides.items() if _trained(base, side)]
    if asked and trained == [THEIRS]:
        winner = THEIRS
    elif len(fresh) == 1:
        winner = fresh[0]
    else:
        winner = trained[0] if len(trained) == 1 else OURS
    if other_side(winner) not in trained or ours.weights == theirs.weights:
        return Verdict(winner)
    return Verdict(None) if len(fresh) == 2 else Verdict(winner, whole=True, dropped=True)


def came_from(
    contents: frozenset[Oid], sources: Mapping[str, Source], verdict: Verdict, recipe: Oid,
    made: frozenset[Oid] = frozenset(),
) -> tuple[str | None, Origin]:
    """Returns whose weights are that were merged without a named strategy, None if several states', and their origin.

    Neither names nor what settled a conflict count, only contents.

    Args:
        contents: Oids of the files of the weights.
        sources: The three states that have weights, by name.
        verdict: Whose they were to be.
        recipe: Oid of the merged recipe.
        made: Contents that were merged by tensor, of two states whose weights are of that recipe.

    Laws:
        They are of the recipe only if each content is of a state whose weights are, or is merged of such.
    """
    names = dict.fromkeys((verdict.side, OURS, THEIRS, BASE))
    fresh = [name for name, source in sources.items() if source.origin.recipe == recipe]
    for name in sorted((name for name in names if name in sources), key=lambda name: name not in fresh):
        if name is not None and contents <= sources[name].contents:
            return name, sources[name].origin
    if contents <= made.union(*(sources[name].contents for name in fresh)):
        return None, Origin(recipe, f"merged:{TENSORS}")
    parts = [source.origin.recipe for source in sources.values() if contents & source.contents]
    return None, Origin(mixed_recipe(parts), MIXED)


def other_side(name: str) -> str:
    """Returns theirs for ours, and the other way round."""
    return THEIRS if name == OURS else OURS


def measured_on(sides: Iterable[Outcome], metrics: Oid | None, weights: Oid) -> Oid | None:
    """Returns what a merge's metrics were measured on.

    Args:
        sides: Those whose weights the result has.
        metrics: Metrics tree of the result; another one than the sides' if it has numbers of both.
        weights: Weights tree of the result.
    """
    having = list(sides)
    alike = [side for side in having if side.metrics == metrics]
    stale = [side for side in alike or having if side.measured != side.weights]
    if not stale or len(stale) < len(alike):  # who measured the same numbers on these weights has measured them
        return weights
    return stale[0].measured


def _trained(base: Outcome, side: Outcome) -> bool:
    return side.weights not in {None, base.weights} and not side.rearranged


def _recipe(side: Outcome) -> Oid | None:
    return None if side.origin is None else side.origin.recipe
