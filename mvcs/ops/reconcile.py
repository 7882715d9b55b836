"""Three states become one: the recipe by path and inside files, weights and metrics by where they came from.

Shared by merge, cherry-pick and revert. The way: the merged recipe (`recipes`), whose weights go with it, what of both
sides' files they are, whose metrics are still true of them, what to tell of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.diff.weights import contents_of, renamed_weights
from mvcs.merge.borders import OUTCOME
from mvcs.merge.clashes import settle_clashes, told
from mvcs.merge.paths import Drivers, PathConflict, PathMerge, merge_paths
from mvcs.merge.refusals import with_refusals
from mvcs.merge.values import BASE, OURS, THEIRS, Decision
from mvcs.merge.weights import Outcome, Source, came_from, judge, measured_on
from mvcs.objects.commit import Origin
from mvcs.objects.editing import edit_tree, find_file, ingredient_trees
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_TREE, find_path, read_tree
from mvcs.ops.declaring_signatures import follow_declaration
from mvcs.ops.parts import is_generated, join
from mvcs.ops.recipes import RecipeMerge
from mvcs.ops.telling import Sides, for_now, of_metrics, of_weights
from mvcs.ops.trees import Files, NewTree
from mvcs.ops.weight_files import WeightFiles
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.merge.paths import ChooseAt
    from mvcs.merge.values import Choice, Conflict
    from mvcs.merge.weights import Verdict
    from mvcs.objects.editing import Placed
    from mvcs.objects.hashing import Oid
    from mvcs.ops.declaring import Declaring
    from mvcs.ops.desk import Desk, State
    from mvcs.ops.recipes import Edits


class Reconciled(Record):
    """What three states give together.

    Args:
        tree: Root tree of the result.
        conflicts: What is left to settle.
        decisions: (path, decision) of what strategies settled.
        origin: Where the result's weights came from.
        measured: Weights tree that its metrics were measured on.
        stale: Whether the weights belong to neither the merged recipe nor a strategy; with conflicts left as far as
            the recipe is settled.
        notes: What to tell.
    """

    __slots__ = ("conflicts", "decisions", "measured", "notes", "origin", "stale", "tree")

    def __init__(
        self, tree: NewTree, conflicts: list[PathConflict], decisions: list[tuple[bytes, Decision]],
        origin: Origin | None, measured: Oid | None, *, stale: bool, notes: list[str],
    ) -> None:
        self.tree = tree
        self.conflicts = conflicts
        self.decisions = decisions
        self.origin = origin
        self.measured = measured
        self.stale = stale
        self.notes = notes


class Reconciliation:
    """One merge of three states.

    Args:
        desk: Reads and keeps contents.
        base: What both came from.
        ours: What is merged into.
        theirs: What is merged.
        choose: Says how a conflict on a path is settled.
        choose_weights: Says how one of the weights is settled; without it as any other.
        keys: Path pattern to the columns that identify a row of a table.
        only: Ingredients whose changes of theirs count; all if empty.
        merged: Paths that somebody else has merged already, with what is there now.
        project: What a merged mvcs.toml declares; without it that is a file like any other.
        sides: How people name the sides.
    """

    def __init__(
        self, desk: Desk, base: State, ours: State, theirs: State, choose: ChooseAt, *,
        keys: Mapping[str, tuple[str, ...]], only: tuple[str, ...] = (),
        merged: Mapping[bytes, Placed | None] | None = None, project: Declaring | None = None,
        sides: Sides | None = None, choose_weights: ChooseAt | None = None,
    ) -> None:
        self.desk = desk
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self._only = only
        self._chosen = choose
        self._project = project
        self._sides = sides or Sides()
        self._paths = RecipeMerge(
            desk, base, ours, theirs, choose, keys=keys, only=only, merged=merged, project=project
        )
        self._chosen_weights = choose_weights or choose
        self._weight_files = WeightFiles(self._paths, self._chosen_weights)
        self._of_weights: set[bytes] = set()
        self._made: set[Oid] = set()
        changes = self._paths.our_changes, self._paths.their_changes
        self._renamed = [(old, new) for side in changes for old, new in renamed_weights(side).items()]

    def run(self, strategy: str | None = None) -> Reconciled:
        """Merges.

        Args:
            strategy: Whose weights to take, whatever they came from; or how tensors that both changed are merged.

        Raises:
            InvalidArgument: If `strategy` has a pattern that no tensor's name fits.
        """
        if strategy is not None:
            self._weight_files.refuse_unknown(strategy)
        merged = self._paths.run()
        unsettled = any(not self._is_about(item.path) for item in merged.conflicts)
        edits = self._paths.edits_of(merged)
        tree = self.desk.new_tree(self.ours.tree, edits)
        recipe = tree.recipe(lambda oid: self.desk.read(oid).read())
        base, ours = self._outcome(self.base), self._outcome(self.ours)
        theirs = self._wanted_of(self._outcome(self.theirs), ours)
        asked = "weights" in self._only
        named = strategy if asked or not self._only else None
        verdict = judge(base, ours, theirs, recipe, named, asked=asked)
        if not verdict.whole:
            self._by_file("weights", edits, merged, self._weight_files if verdict.side is None else None)
        elif verdict.side == THEIRS:
            self._take("weights", self.theirs, edits, merged)
        weights = self._core(self.desk.new_tree(self.ours.tree, edits)).files_of("weights")
        if verdict.whole and weights is not None:
            self._what_weights_say(edits, merged)
        if weights is not None and self._project is not None:
            states = (self.base, self.ours, self.theirs)
            declared = self._paths.declared(merged)
            edits.update(follow_declaration(self._project, declared, states, self.desk, edits, merged))
        having = [side for side in (ours, theirs) if side.weights == weights]
        if len(having) == 2:
            self._by_file("metrics", edits, merged)
        elif not having:
            edits[b"metrics"] = None
        elif having[0] is theirs and theirs.metrics != ours.metrics:
            self._take("metrics", self.theirs, edits, merged)
        result = self._put_in_place(merged, edits)
        whose, origin, stale = self._origin(verdict, named, result)
        measured = self._measured(having, result)
        conflicts = with_refusals(sorted(merged.conflicts, key=lambda item: item.path), self._named)
        notes: list[str] = []
        if not unsettled or strategy is not None:
            if origin is not None:
                notes = of_weights(verdict, whose, origin, self._sides, stale=stale, left=bool(conflicts))
            notes += self._of_metrics((ours, theirs), result, measured, left=bool(conflicts))
        elif ours.weights != theirs.weights:
            notes = [for_now(verdict, self._sides)]
        notes += [*merged.notes, *told(merged.dropped, {OURS: self.ours.name, THEIRS: self.theirs.name})]
        return Reconciled(result, conflicts, merged.decisions, origin, measured, stale=stale, notes=notes)

    # Weights and metrics as the sides have them

    def _core(self, tree: NewTree) -> NewTree:
        """Returns a tree as its weights are compared: without paths that cross a border, renamed ones renamed back."""
        edits: Edits = {name.encode() + b"/" + path: None for path in self._paths.crossing for name in OUTCOME}
        weights = tree.ingredients().get("weights")
        for old, new in self._renamed:
            entry, there = (None if weights is None else find_path(tree.load, weights, path) for path in (new, old))
            if entry is not None and entry.kind != IS_TREE and there is None:
                edits.update({b"weights/" + new: None, b"weights/" + old: entry})
        edited = edit_tree(tree.load, tree.root, edits)
        return NewTree(self.desk.repository, edited.oid or EMPTY, [*tree.nodes, *edited.nodes])

    def _outcome(self, state: State) -> Outcome:
        """Returns weights and metrics of a state: the files of the weights alone, without paths that cross a border.

        A move is no training, another name is none, and a declared signature is none either.
        """
        whole, given = ingredient_trees(self.desk.load, state.tree), state.outcome
        if whole.get("weights") != given.weights:  # the weights of several ancestors
            return given
        core, before = (self._core(self.desk.new_tree(each.tree, {})) for each in (state, self.base))
        files = core.files_of("weights")
        measured = files if given.measured is not None and given.measured == given.weights else given.measured
        return Outcome(
            files, given.origin, core.ingredients().get("metrics"), measured,
            rearranged=contents_of(core.load, core.root) <= contents_of(before.load, before.root),
        )

    def _wanted_of(self, theirs: Outcome, ours: Outcome) -> Outcome:
        """Returns theirs as if they had of what nobody wants the same as ours."""
        weights, metrics = (theirs if not self._only or name in self._only else ours for name in OUTCOME)
        return Outcome(
            weights.weights, weights.origin, metrics.metrics, metrics.measured, rearranged=weights.rearranged
        )

    # Weights and metrics of the result

    def _by_file(
        self, ingredient: str, edits: Edits, merged: PathMerge, inside: WeightFiles | None = None
    ) -> None:
        """Merges weights or metrics by path: metrics inside by name, weights by tensor if that is given."""
        paths = self._paths
        drivers = Drivers(self.desk.read, paths.inside) if inside is None else inside.drivers()
        ours = [change for change in paths.our_changes if change.ingredient == ingredient]
        theirs = [change for change in paths.their_changes if change.ingredient == ingredient]
        found = merge_paths(ours, theirs, drivers, paths.choose if inside is None else inside.choose)
        if inside is not None:
            self._of_weights = {item.path for item in found.conflicts if not is_generated(item.path)}
        self._settle_clashes(found, edits, self.theirs)
        edits.update(paths.edits_of(found))
        if inside is not None:
            files = [edits.get(ingredient.encode() + b"/" + path) for path in found.files]
            files += [None if placed is None else placed.entry for placed in paths.held.values()]
            self._made = {entry.oid for entry in files if entry is not None}
        join(merged, found)

    def _settle_clashes(self, found: PathMerge, edits: Edits, theirs: State) -> Files:
        """Takes out what the merged recipe has no room for; returns what there is with that recipe."""
        tree = self.desk.new_tree(self.ours.tree, edits)
        around = Files(tree.load, tree.root)
        settle_clashes(found, around, Files(self.desk.load, theirs.tree), self._paths.choose)
        return around

    def _what_weights_say(self, edits: Edits, merged: PathMerge) -> None:
        """Merges by field what stands beside the weights, whoever's they are: a declaration is no training."""
        ours, theirs = (
            [change for change in side if change.ingredient == "weights" and is_generated(change.path)]
            for side in (self._paths.our_changes, self._paths.their_changes)
        )
        if not ours and not theirs:
            return
        found = merge_paths(ours, theirs, Drivers(self.desk.read, self._paths.inside), self._paths.choose)
        for change in (*theirs, *ours):  # ours last: what the merge does not name is as ours has it
            if change in ours:
                edits[change.path] = None if change.after is None else change.after.entry
            else:
                edits[change.path] = None if change.before is None else change.before.entry
        edits.update(self._paths.edits_of(found))
        join(merged, found)

    def _take(self, ingredient: str, source: State, edits: Edits, merged: PathMerge) -> None:
        """Gives the result a side's weights or metrics as a whole, but what the merged recipe has no room for."""
        found = PathMerge()
        for change in diff_roots(self.desk.load, self.ours.tree, source.tree):
            here, there = (side if side is not None and side.ingredient == ingredient else None
                           for side in (change.before, change.after))
            if (here or there) and change.path not in self._paths.crossing and change.path not in self._paths.held:
                found.edits[change.path] = there
        added = {path for path, placed in found.edits.items() if placed is not None}
        around = self._settle_clashes(found, edits, source)
        name = ingredient.encode()
        root = read_tree(self.desk.load, source.tree) if source.tree is not None else ()
        edits[name] = next((entry for entry in root if entry.name == name), None)
        edits.update({name + b"/" + path: None for path in added - found.edits.keys()})
        for path, placed in found.edits.items():
            gone = around.file_at(path) if placed is None else None
            if gone is not None and gone.ingredient != ingredient:
                edits[gone.ingredient.encode() + b"/" + path] = None
        found.edits.clear()
        join(merged, found)

    def _put_in_place(self, merged: PathMerge, edits: Edits) -> NewTree:
        """Returns the result: a path that crosses a border is where it was merged to, whoever's weights there are."""
        held = {path: merged.edits.get(path, states.ours) for path, states in self._paths.crossing.items()}
        held.update(self._paths.held)
        result = self.desk.new_tree(self.ours.tree, edits)
        there = result.ingredients()
        edits = dict(edits)
        for path, placed in held.items():
            for name in OUTCOME:
                entry = find_path(result.load, there[name], path) if name in there else None
                if entry is not None and entry.kind != IS_TREE:
                    edits[name.encode() + b"/" + path] = None
            if placed is not None:
                edits[placed.ingredient.encode() + b"/" + path] = placed.entry
        result = self.desk.new_tree(self.ours.tree, edits)
        if result.files_of("weights") is None:  # and what was captured of them goes too
            edits = {path: entry for path, entry in edits.items() if not path.startswith(b"weights/")}
            result = self.desk.new_tree(self.ours.tree, {**edits, b"weights": None})
        return result

    def _origin(
        self, verdict: Verdict, strategy: str | None, result: NewTree
    ) -> tuple[str | None, Origin | None, bool]:
        """Returns whose the result's weights are, where they come from, and whether they are stale."""
        if "weights" not in result.ingredients():
            return None, None, False
        recipe = result.recipe(lambda oid: self.desk.read(oid).read())  # a clash with the weights may have changed it
        if strategy is not None:
            return verdict.side, Origin(recipe, f"merged:{strategy}"), False
        states = {OURS: self.ours, THEIRS: self.theirs, BASE: self.base}
        sources = {
            name: Source(contents_of(self.desk.load, state.tree), state.outcome.origin)
            for name, state in states.items() if state.outcome.origin is not None
        }
        contents = contents_of(result.load, result.root)
        whose, origin = came_from(contents, sources, verdict, recipe, frozenset(self._made))
        return whose, origin, origin.recipe != recipe

    def _measured(self, having: list[Outcome], result: NewTree) -> Oid | None:
        """Returns what the result's metrics were measured on: its weights are told by their whole tree."""
        there = result.ingredients()
        if "metrics" not in there or "weights" not in there or not having:
            return None
        return measured_on(having, self._core(result).ingredients().get("metrics"), there["weights"])

    # What is told

    def _of_metrics(
        self, sides: tuple[Outcome, Outcome], result: NewTree, measured: Oid | None, *, left: bool
    ) -> list[str]:
        """Returns what to tell of metrics that are stale, or not taken."""
        there = result.ingredients()
        having = [name for name, side in zip((OURS, THEIRS), sides, strict=True) if side.metrics is not None]
        stale = measured != there.get("weights")
        return of_metrics(having, self._sides, there="metrics" in there, stale=stale, left=left)

    def _named(self, path: bytes, conflict: Conflict) -> Choice | None:
        """Returns what was said of a conflict that is left."""
        return (self._chosen_weights if path in self._of_weights else self._chosen)(path, conflict)

    def _is_about(self, path: bytes) -> bool:
        sides = [
            find_file(self.desk.load, state.tree, path) for state in (self.ours, self.theirs, self.base)
            if state.tree is not None
        ]
        return all(side is None or side.ingredient == "about" for side in sides)
