"""Where the weights of a commit came from, and which weights its metrics were measured on.

Both follow from the state that the commit continues, from HEAD, and from which files changed when. Knows: what the
command declared, times of files. Refuses to know: how weights of two sides become one (`mvcs.merge.weights`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.weights import nothing_new, same_weights
from mvcs.objects.commit import Origin
from mvcs.objects.tree import find_path
from mvcs.ops.trees import NewTree

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry, Load
    from mvcs.ops.context import Look

VALUES_PATH = b"metrics/.mvcs/values"
RECIPE = ("code", "data", "config", "environment")


class Lineage:
    """What is known of weights and metrics of a commit in the making.

    Args:
        seen: The files as they are.
        changes: How they differ from the state that the commit continues.
        old: That state: HEAD's commit, what is prepared, or a merge in progress.
        merging: Whether it is a merge in progress.
        named: Whether a strategy was named that makes its weights those of the merged recipe.
        amend: Whether the commit takes HEAD's place.
        trained: Whether the weights are declared to come from the recipe as it is.
        measured: Whether metrics are given with the commit.

    Attributes:
        warnings: What the user should know.
    """

    def __init__(
        self, seen: Look, changes: list[FileChange], old: Commit | None, *, merging: bool, named: bool, amend: bool,
        trained: bool, measured: bool,
    ) -> None:
        self._seen = seen
        self._changes = changes
        self._old = old
        self._merging = merging
        self._named = named
        self._amend = amend
        self._trained = trained
        self._given = measured
        self.warnings: list[str] = []

    def origin(self, tree: NewTree, recipe: Oid) -> Origin | None:
        """Returns where the weights of a root tree came from; None if it has none."""
        if "weights" not in tree.ingredients():
            return None
        known = (state for state, _ in self._states() if nothing_new(tree.load, self._tree_of(state).root, tree.root))
        state = next((state for state in known if state.origin is not None), None)
        if state is not None and state.origin is not None:
            before = state.origin
            if self._trained:
                return Origin(recipe, "declared", before.start)
            if self._merging:
                return Origin(recipe, before.how, before.start) if self._named else before
            if state is self._seen.prepared or self._amend:
                return before
            return Origin(before.recipe, "inherited", before.start)
        if self._trained:
            return Origin(recipe, "declared")
        self._warn_of_times()
        return Origin(recipe, "assumed")

    def measured(self, tree: NewTree) -> Oid | None:
        """Returns the weights tree that the metrics of a root tree were measured on; None if it has none of either."""
        now = tree.ingredients()
        if "metrics" not in now or "weights" not in now:
            return None
        if self._given:
            return now["weights"]
        before = None if self._old is None else self._old.measured
        for state, changes in self._states():
            then = self._trees_of(state)
            if same_weights(changes) and now["metrics"] == then.get("metrics"):
                # With another signature, or under other names, they are the same weights.
                return now["weights"] if state.measured == then.get("weights") else state.measured
            if state is self._old and same_weights(changes) and before == then.get("weights"):
                before = now["weights"]
        # Written after the weights counts, also when the same numbers came out again.
        if max(self._times("metrics"), default=0) >= max(self._times("weights"), default=0):
            return now["weights"]
        if self._old is not None and now["metrics"] == self._trees_of(self._old).get("metrics"):
            return before
        self.warnings.append(
            "the metrics are older than the weights, so they are recorded as not measured on them"
            " (mvcs commit --amend --metric NAME=VALUE)"
        )
        return before

    def left_behind(self, tree: NewTree) -> bool:
        """Whether metrics that were given with an earlier commit would count as measured on new weights.

        They do not go on beside files of metrics that are as new as the weights.
        """
        if self._old is None or self._given or same_weights(self._changes):
            return False
        now, then = (self._values(each.load, each.root) for each in (tree, self._tree_of(self._old)))
        return now is not None and now == then and self.measured(tree) == tree.ingredients().get("weights")

    def _values(self, load: Load, root: Oid | None) -> Entry | None:
        return None if root is None else find_path(load, root, VALUES_PATH)

    def _states(self) -> list[tuple[Commit, list[FileChange]]]:
        """Returns the states whose weights and metrics are known, each with how the files differ from it."""
        head, old = self._seen.commit, self._old
        states = [] if old is None else [(old, self._changes)]
        return states if head is None or head is old else [*states, (head, self._seen.changes)]

    def _trees_of(self, state: Commit) -> dict[str, Oid]:
        return self._tree_of(state).ingredients()

    def _tree_of(self, state: Commit) -> NewTree:
        return NewTree(self._seen.workspace.repository, state.tree, [])

    def _times(self, ingredient: str, only: set[bytes] | None = None) -> list[int]:
        return [
            row.stats[0] for path, row in self._seen.scan.cache.rows()
            if row.ingredient == ingredient and (only is None or path in only)
        ]

    def _warn_of_times(self) -> None:
        changed = {change.path for change in self._seen.changes if change.ingredient == "weights" and change.after}
        newest = max(self._times("weights", changed), default=0)
        for ingredient in RECIPE:
            if any(time > newest for time in self._times(ingredient)):
                self.warnings.append(
                    f"{ingredient} is newer than the weights; they are assumed to come from it all the same"
                )
                return
