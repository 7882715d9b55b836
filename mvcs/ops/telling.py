"""What a merge tells of the weights and metrics that it has, and of those that it has not: whose, and what to type.

Knows: how people name the sides, commands. Refuses to know: how anything was decided (`merge.weights`), trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.merge.values import BASE, OURS, THEIRS
from mvcs.merge.weights import other_side
from mvcs.objects.commit import MIXED
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.merge.weights import Verdict
    from mvcs.objects.commit import Origin


class Sides(Record):
    """How people name the sides of a merge, and what they type to have it otherwise.

    Args:
        ours: The branch that is merged into, with its commit.
        theirs: What is merged, with its commit.
        take: Side to the command that gives its weights.
        first: What must be typed before that: while the merge is in progress, and once it is committed.
        ends: Whether the merge is committed as soon as no conflict is left.
        measured: Whether metrics of the result are given with the commit.
        keep: Command that says of the weights that are there that they come from the recipe; what gives them if empty.
    """

    __slots__ = ("ends", "first", "keep", "measured", "ours", "take", "theirs")

    def __init__(
        self, ours: str = OURS, theirs: str = THEIRS, take: dict[str, str] | None = None, *,
        first: tuple[str, str] = ("", ""), ends: bool = True, measured: bool = False, keep: str = "",
    ) -> None:
        self.ours = ours
        self.theirs = theirs
        self.take = take or {side: f"--weights {side}" for side in (OURS, THEIRS)}
        self.first = first
        self.ends = ends
        self.measured = measured
        self.keep = keep

    def name(self, side: str) -> str:
        """Returns how people name ours, theirs or the base."""
        return {OURS: self.ours, THEIRS: self.theirs, BASE: "the state that both came from"}[side]

    def taking(self, side: str, *, left: bool) -> str:
        """Returns what gives the weights of a side, with or without conflicts left."""
        first = self.first[0 if left or not self.ends else 1]
        return f"{first} && {self.take[side]}" if first else self.take[side]

    def keeping(self, side: str, *, left: bool) -> str:
        """Returns what gives weights that are there already, most of them a side's, an origin that fits the recipe."""
        if self.keep or side not in self.take:
            return f"retrain and mvcs commit, or, if they do come from it: {self.keep or TRAINED}"
        return f"retrain and mvcs commit, or: {self.taking(side, left=left)}"

    def measuring(self, *, left: bool) -> str:
        """Returns what gives metrics to the result."""
        amend = "--amend " if self.ends and not left else ""
        return f"measure anew: mvcs commit {amend}--metric NAME=VALUE"


TRAINED = "mvcs commit --trained"
"""What says of weights that they come from the recipe."""


def for_now(verdict: Verdict, sides: Sides) -> str:
    """Returns what to tell of whose weights there are while conflicts are left in the recipe."""
    whose = "both sides', tensor by tensor" if verdict.side is None else f"those of {sides.name(verdict.side)}"
    return f"for now the weights are {whose}: this is decided anew as conflicts in the recipe are settled"


def of_weights(
    verdict: Verdict, whose: str | None, origin: Origin, sides: Sides, *, stale: bool, left: bool
) -> list[str]:
    """Returns what to tell of whose weights a merge has.

    Args:
        verdict: Whose they were to be.
        whose: The state whose they are, None if they are of several.
        origin: Where they come from.
        sides: How people name the sides.
        stale: Whether the merged recipe did not make them.
        left: Whether conflicts are left.
    """
    if origin.how == MIXED and stale:
        return [
            "the weights are stale: their files were not all made by the merged recipe"
            f" ({sides.keeping(whose or verdict.side or OURS, left=left)})"
        ]
    if verdict.dropped and verdict.side is not None:
        other = other_side(verdict.side)
        mine, yours = sides.name(verdict.side), sides.name(other)
        if stale:
            return [
                f"neither side's weights were made by the merged recipe: those of {mine} are kept and are stale, those"
                f" of {yours} are not taken (retrain and mvcs commit, or: {sides.taking(other, left=left)})"
            ]
        return [
            f"the weights are those of {mine}, made by the merged recipe; those of {yours}, made by another one,"
            f" are not taken ({sides.taking(other, left=left)})"
        ]
    if stale and whose is not None:
        return [
            f"the weights are stale: those of {sides.name(whose)} were not made by the merged recipe"
            f" ({sides.keeping(whose, left=left)})"
        ]
    return []


def of_metrics(having: list[str], sides: Sides, *, there: bool, stale: bool, left: bool) -> list[str]:
    """Returns what to tell of metrics that a merge has lost, or has of other weights.

    Args:
        having: The sides that have metrics.
        sides: Their names.
        there: Whether the result has some.
        stale: Whether those were measured on other weights.
        left: Whether conflicts are left.
    """
    if sides.measured:
        return []
    if there and stale:
        return [f"the metrics are stale: they were not measured on these weights ({sides.measuring(left=left)})"]
    if there or not having:
        return []
    whose = " and ".join(sides.name(side) for side in having)
    return [f"the result has none of the metrics of {whose} ({sides.measuring(left=left)})"]
