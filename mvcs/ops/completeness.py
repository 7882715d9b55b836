"""How much of what is needed to make a model again a commit has: a count of parts, not a promise that training repeats.

The parts are code, data and environment, without which nothing trains, configuration where there is one, and weights
that say from which recipe they came. A part of which a reason is given in `incomplete` is not whole. Refuses to know:
why something is missing (`mvcs.ops.capture`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Collection

    from mvcs.objects.commit import Commit

NEEDED = ("code", "data", "environment")


class Completeness(Record):
    """What there is to make a model again.

    Args:
        parts: What it takes, in the order of ingredients.
        lacking: Those of them that are not there, or not whole.
    """

    __slots__ = ("lacking", "parts")

    def __init__(self, parts: tuple[str, ...], lacking: tuple[str, ...]) -> None:
        self.parts = parts
        self.lacking = lacking

    def __str__(self) -> str:
        whole = f"{len(self.parts) - len(self.lacking)} of {len(self.parts)} parts"
        return f"{whole}, not {', '.join(self.lacking)}" if self.lacking else whole

    def to_dict(self) -> dict[str, object]:
        """Returns it as JSON carries it."""
        return {"parts": list(self.parts), "lacking": list(self.lacking)}


def completeness(commit: Commit, ingredients: Collection[str], stale: Collection[str]) -> Completeness | None:
    """Returns what a commit has to make its model again, None if it has no weights: there is nothing to make.

    Args:
        commit: The commit.
        ingredients: What its tree has.
        stale: What of it is stale.
    """
    if "weights" not in ingredients:
        return None
    parts = tuple(name for name in ("code", "data", "config", "environment", "weights")
                  if name in NEEDED or name in ingredients)
    said = {name for name, _ in commit.incomplete} | {name for name in NEEDED if name not in ingredients}
    if "weights" in stale or commit.origin is None:
        said.add("weights")
    return Completeness(parts, tuple(name for name in parts if name in said))
