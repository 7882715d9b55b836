"""Files of weights that count from both sides: how a merge reads them, and who decides about their tensors.

Knows: stored contents, what `--weights` says. Refuses to know: how tensors are merged (`mvcs.merge.tensors`), whose
weights count (`mvcs.merge.weights`).
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument, ObjectMissing, UnreadableContent
from mvcs.formats.strategies import weight_rules
from mvcs.merge.paths import Drivers
from mvcs.objects.editing import GENERATED, files_below, ingredient_trees
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.parts import is_generated
from mvcs.store.splitters.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content
    from mvcs.merge.paths import ChooseAt
    from mvcs.merge.values import Choice, Choose, Conflict, Merged
    from mvcs.ops.desk import State
    from mvcs.ops.recipes import RecipeMerge

SHOWN = 5
"""Tensors that a refusal names."""


class WeightFiles:
    """How weights that both sides trained become one.

    Args:
        recipes: The merge of the recipes, of the same three states.
        chosen: Says how a conflict of weights is settled.
    """

    def __init__(self, recipes: RecipeMerge, chosen: ChooseAt) -> None:
        self._recipes = recipes
        self._chosen = chosen
        state = recipes.base
        self._disagree = ingredient_trees(recipes.desk.load, state.tree).get("weights") != state.outcome.weights

    def drivers(self) -> Drivers:
        """Returns how their contents are read and merged."""
        return Drivers(self._recipes.desk.read, self._inside)

    def choose(self, path: bytes, conflict: Conflict) -> Choice | None:
        """Says how a conflict is settled."""
        if is_generated(path):
            return self._recipes.choose(path, conflict)
        return self._recipes.allowed(self._chosen(path, conflict), conflict)

    def _inside(
        self, path: bytes, ingredient: str, base: Content | None, ours: Content, theirs: Content, choose: Choose
    ) -> Merged:
        if is_generated(path):
            return self._recipes.inside(path, ingredient, base, ours, theirs, choose)
        from mvcs.merge.tensors import merge_tensors

        try:
            return merge_tensors(base, ours, theirs, choose, disagree=self._disagree)
        except ObjectMissing as error:
            reason = "some of its bytes are not here: weights that were collected, or a loss (mvcs fsck)"
            raise UnreadableContent(format="merged by tensor", line=0, reason=reason) from error

    def refuse_unknown(self, weights: str) -> None:
        """Checks that every pattern of `--weights` is that of a tensor or a file of one side.

        Raises:
            InvalidArgument: If one is not.
        """
        patterns = [pattern for pattern, _ in weight_rules(weights) if pattern != "*"]
        if not patterns:
            return
        files = [item for state in (self._recipes.ours, self._recipes.theirs) for item in self._files(state)]
        tensors = list(dict.fromkeys(name for _, names in files for name in names))
        known = [*tensors, *(path for path, _ in files), *(f"{path}:{name}" for path, names in files for name in names)]
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in known):
                shown = ", ".join(tensors[:SHOWN]) or "none"
                more = f" and {len(tensors) - SHOWN} more" if len(tensors) > SHOWN else ""
                raise InvalidArgument(
                    argument="--weights", value=pattern, reason=f"no tensor has such a name; there are {shown}{more}"
                )

    def _files(self, state: State) -> Iterator[tuple[str, list[str]]]:
        """Yields the files of a side's weights, each with the names of its tensors."""
        desk = self._recipes.desk
        tree = ingredient_trees(desk.load, state.tree).get("weights")
        for path, entry in files_below(desk.load, tree) if tree is not None else ():
            if entry.kind != IS_BLOB or path.startswith(GENERATED + b"/"):
                continue
            try:
                found = read_tensors(desk.read(entry.oid))
            except ObjectMissing:  # collected
                found = None
            yield os.fsdecode(path), [] if found is None else [tensor.name for tensor in found.tensors]
