"""Three states become one: recipe by path and inside files, weights and metrics by where they came from.

Shared by merge, cherry-pick and revert; composes `merge` with stored trees. The way: changes of both sides, paths,
contents, paths that cross a border, clashes, root tree, whose weights, whose metrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.formats.values import ABSENT
from mvcs.merge.borders import OUTCOME, Crossing, crossings, merge_crossings
from mvcs.merge.clashes import settle_clashes
from mvcs.merge.drivers import merge_file
from mvcs.merge.paths import Drivers, PathConflict, PathMerge, merge_paths
from mvcs.merge.values import BASE, OURS, THEIRS, Choice, Conflict, Decision
from mvcs.merge.weights import Outcome, judge, keep_metrics, picked
from mvcs.objects.commit import Origin
from mvcs.objects.editing import Placed, edit_tree, files_below, find_file, ingredient_trees
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, IS_TREE, Entry, find_path, read_tree
from mvcs.ops.declaring import changed_by_both
from mvcs.ops.parts import changes_between, is_generated, join, recipe_part
from mvcs.ops.trees import NewTree, edits_of
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.paths import ChooseAt
    from mvcs.merge.values import Choose, Merged
    from mvcs.merge.weights import Verdict
    from mvcs.objects.hashing import Oid
    from mvcs.ops.declaring import Declaring
    from mvcs.ops.desk import Desk, State

    Edits = dict[bytes, Entry | None]


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
        keys: Path pattern to the columns that identify a row of a table.
        only: Ingredients whose changes of theirs count; all if empty.
        merged: Paths that somebody else has merged already, with what is there now.
        depth: How many virtual bases this one is for.
        project: What a merged mvcs.toml declares; without it that is a file like any other.
    """

    def __init__(
        self, desk: Desk, base: State, ours: State, theirs: State, choose: ChooseAt, *,
        keys: Mapping[str, tuple[str, ...]], only: tuple[str, ...] = (),
        merged: Mapping[bytes, Placed | None] | None = None, depth: int = 0,
        project: Declaring | None = None,
    ) -> None:
        self.desk = desk
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self._chosen = choose
        self._choose = self._choose_real
        self._project = project
        self._keys = keys
        self._only = only
        self._merged = dict(merged or {})
        self._depth = depth
        ours_changed = changes_between(desk.load, base.tree, ours.tree)
        theirs_changed = changes_between(desk.load, base.tree, theirs.tree)
        wanted = [change for change in theirs_changed if not only or change.ingredient in only]
        taken = {change.path for change in wanted}
        self._crossing = {  # what theirs did and nobody wants is as if it had not been done
            path: states if path in taken or not only else Crossing(states.base, states.ours, states.base)
            for path, states in crossings(ours_changed, theirs_changed).items() if path not in self._merged
        }
        apart = self._merged.keys() | self._crossing.keys()
        self._our_changes = [change for change in ours_changed if change.path not in apart]
        self._their_changes = [change for change in wanted if change.path not in apart]

    def run(self, strategy: str | None = None) -> Reconciled:
        """Merges.

        Args:
            strategy: Whose weights to take, whatever they came from.
        """
        merged = self.recipe()
        edits = self.edits_of(merged)
        tree = self.desk.new_tree(self.ours.tree, edits)
        recipe = tree.recipe(lambda oid: self.desk.read(oid).read())
        base, ours, theirs = self._outcome(self.base), self._outcome(self.ours), self._outcome(self.theirs)
        if self._only:
            theirs = self._limited(theirs, base)
        asked = strategy is None and "weights" in self._only
        verdict = picked(base, ours, theirs, recipe) if asked else None
        verdict = verdict or judge(base, ours, theirs, recipe, strategy)
        notes = self._note(verdict, merged, ours, theirs, strategy)
        weights = ours.weights
        if verdict.side is None:
            self._by_file("weights", edits, merged)
            weights = self._core(self.desk.new_tree(self.ours.tree, edits)).files_of("weights")
        else:
            if verdict.side == THEIRS:
                weights = theirs.weights
                self._take("weights", self._source("weights"), edits, merged)
            if weights is not None:
                self._what_weights_say(edits, merged)
        kept = keep_metrics(base, ours, theirs, weights)
        if self._both_measured(base, ours, theirs, weights):
            self._by_file("metrics", edits, merged)
        elif kept is None:
            edits[b"metrics"] = None
        elif kept.metrics != ours.metrics:
            self._take("metrics", self._source("metrics"), edits, merged)
        result = self._put_in_place(merged, edits)
        there = result.ingredients()
        origin, stale = self._origin(verdict, tree, recipe, result) if "weights" in there else (None, False)
        merged.conflicts.sort(key=lambda item: item.path)
        measured = kept.measured if kept is not None and "metrics" in there else None
        if kept is not None and measured is not None and measured == kept.weights:
            measured = there.get("weights")  # told by their whole tree, whatever the merge has made of their signature
        return Reconciled(
            result, merged.conflicts, merged.decisions, origin, measured, stale=stale, notes=notes,
        )

    def recipe(self) -> PathMerge:
        """Merges everything but weights and metrics."""
        ours = [change for change in map(recipe_part, self._our_changes) if change is not None]
        theirs = [change for change in map(recipe_part, self._their_changes) if change is not None]
        told = changed_by_both(ours, theirs) if self._project is not None and self._project.path is not None else set()
        ours, theirs = ([change for change in side if change.path not in told] for side in (ours, theirs))
        merged = merge_paths(ours, theirs, Drivers(self.desk.read, self._inside), self._choose)
        join(merged, merge_crossings(self._crossing, self._choose))
        settle_clashes(merged, self._file_at, self._below, self._choose)
        self._refuse_invalid(merged)
        self._follow_references(merged, told)
        merged.conflicts.sort(key=lambda item: item.path)
        return merged

    def edits_of(self, merged: PathMerge) -> Edits:
        """Returns merged paths as changes of ours' root tree; stores the contents that neither side has."""
        changes = [FileChange(path, self._file_at(path), placed) for path, placed in self._merged.items()]
        edits: Edits = {}
        for path, placed in merged.edits.items():
            if is_generated(path):
                edits[path] = None if placed is None else placed.entry
            else:
                changes.append(FileChange(path, self._file_at(path), placed))
        for path, file in merged.files.items():
            oid, size = self.desk.put(file.content)
            entry = Entry(path.rpartition(b"/")[2], file.mode, IS_BLOB, oid, size)
            here = self._file_at(path)
            if is_generated(path):
                edits[path] = entry
                continue
            if here is not None and here.ingredient != file.ingredient:
                edits[here.ingredient.encode() + b"/" + path] = None
            edits[file.ingredient.encode() + b"/" + path] = entry
        return {**edits_of(changes), **edits}

    def _inside(
        self, path: bytes, ingredient: str, base: Content | None, ours: Content, theirs: Content, choose: Choose
    ) -> Merged:
        if is_generated(path):
            path = path.split(b"/", 1)[1]
        return merge_file(path, ingredient, base, ours, theirs, choose, keys=self._keys, marker=7 + 2 * self._depth)

    def _put_in_place(self, merged: PathMerge, edits: Edits) -> NewTree:
        """Returns the result: a path that crosses a border is where it was merged to, whoever's weights there are."""
        held = {path: merged.edits.get(path, states.ours) for path, states in self._crossing.items()}
        held.update(self._merged)
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
        return self.desk.new_tree(self.ours.tree, edits)

    def _by_file(self, ingredient: str, edits: Edits, merged: PathMerge) -> None:
        """Merges weights file by file, metrics by name too."""
        ours = [change for change in self._our_changes if change.ingredient == ingredient]
        theirs = [change for change in self._their_changes if change.ingredient == ingredient]
        found = merge_paths(ours, theirs, Drivers(self.desk.read, self._inside), self._choose)
        around = self.desk.new_tree(self.ours.tree, edits)
        settle_clashes(
            found, lambda path: self._file_at(path, around), lambda path: self._below(path, around), self._choose
        )
        edits.update(self.edits_of(found))
        join(merged, found)

    def _what_weights_say(self, edits: Edits, merged: PathMerge) -> None:
        """Merges by field what stands beside the weights, whoever's they are: a declaration is no training."""
        ours, theirs = (
            [change for change in side if change.ingredient == "weights" and is_generated(change.path)]
            for side in (self._our_changes, self._their_changes)
        )
        if not ours and not theirs:
            return
        found = merge_paths(ours, theirs, Drivers(self.desk.read, self._inside), self._choose)
        for change in (*theirs, *ours):  # ours last: what the merge does not name is as ours has it
            if change in ours:
                edits[change.path] = None if change.after is None else change.after.entry
            else:
                edits[change.path] = None if change.before is None else change.before.entry
        edits.update(self.edits_of(found))
        join(merged, found)

    def _take(self, ingredient: str, source: State, edits: Edits, merged: PathMerge) -> None:
        """Gives the result a side's weights or metrics as a whole, but what the merged recipe has no room for."""
        found = PathMerge()
        for change in diff_roots(self.desk.load, self.ours.tree, source.tree):
            here, there = (side if side is not None and side.ingredient == ingredient else None
                           for side in (change.before, change.after))
            if (here or there) and change.path not in self._crossing and change.path not in self._merged:
                found.edits[change.path] = there
        around = self.desk.new_tree(self.ours.tree, edits)
        added = {path for path, placed in found.edits.items() if placed is not None}
        settle_clashes(
            found, lambda path: self._file_at(path, around), lambda path: self._below(path, around), self._choose
        )
        name = ingredient.encode()
        root = read_tree(self.desk.load, source.tree) if source.tree is not None else ()
        edits[name] = next((entry for entry in root if entry.name == name), None)
        edits.update({name + b"/" + path: None for path in added - found.edits.keys()})
        for path, placed in found.edits.items():
            gone = self._file_at(path, around) if placed is None else None
            if gone is not None and gone.ingredient != ingredient:
                edits[gone.ingredient.encode() + b"/" + path] = None
        found.edits.clear()
        join(merged, found)

    def _source(self, ingredient: str) -> State:
        """Returns the state that theirs' weights or metrics are of: the base's where theirs' are not wanted."""
        return self.theirs if not self._only or ingredient in self._only else self.base

    def _core(self, tree: NewTree) -> NewTree:
        """Returns a tree without the paths that cross a border."""
        edits: Edits = {name.encode() + b"/" + path: None for path in self._crossing for name in OUTCOME}
        edited = edit_tree(tree.load, tree.root, edits)
        return NewTree(self.desk.repository, edited.oid or EMPTY, [*tree.nodes, *edited.nodes])

    def _outcome(self, state: State) -> Outcome:
        """Returns weights and metrics of a state: the files of the weights alone, without paths that cross a border.

        A move is no training, and a declared signature is none either.
        """
        whole, given = ingredient_trees(self.desk.load, state.tree), state.outcome
        if whole.get("weights") != given.weights:  # the weights of several ancestors
            return given
        core = self._core(self.desk.new_tree(state.tree, {}))
        files = core.files_of("weights")
        measured = files if given.measured is not None and given.measured == given.weights else given.measured
        return Outcome(files, given.origin, core.ingredients().get("metrics"), measured)

    def _origin(self, verdict: Verdict, judged: NewTree, recipe: Oid, result: NewTree) -> tuple[Origin | None, bool]:
        """Returns where the result's weights come from, and whether they are stale."""
        origin = verdict.origin or self.ours.outcome.origin or self.theirs.outcome.origin
        before, after = judged.ingredients(), result.ingredients()
        if any(before.get(name) != after.get(name) for name in {*before, *after} - set(OUTCOME)):
            recipe = result.recipe(lambda oid: self.desk.read(oid).read())  # a clash with the weights has changed it
            if origin is not None and origin.how.startswith("merged:") and origin is verdict.origin:
                origin = Origin(recipe, origin.how, origin.start)
        return origin, verdict.stale or (origin is not None and origin.recipe != recipe)

    def _note(
        self, verdict: Verdict, merged: PathMerge, ours: Outcome, theirs: Outcome, strategy: str | None
    ) -> list[str]:
        """Returns what to tell of whose weights were taken, and only for now while the recipe is not settled."""
        left = any(not self._is_about(item.path) for item in merged.conflicts)
        if not left or strategy is not None:
            return [verdict.note] if verdict.note else []
        if ours.weights == theirs.weights:
            return []
        whose = "both sides', file by file" if verdict.side is None else f"those of {verdict.side}"
        return [f"for now the weights are {whose}: this is decided anew as conflicts in the recipe are settled"]

    def _is_about(self, path: bytes) -> bool:
        sides = [
            find_file(self.desk.load, state.tree, path) for state in (self.ours, self.theirs, self.base)
            if state.tree is not None
        ]
        return all(side is None or side.ingredient == "about" for side in sides)

    def _both_measured(self, base: Outcome, ours: Outcome, theirs: Outcome, weights: Oid | None) -> bool:
        """Whether both sides have new metrics, and both of the weights that the result has."""
        return (
            ours.weights == theirs.weights == weights and len({base.metrics, ours.metrics, theirs.metrics}) == 3
            and None not in {ours.metrics, theirs.metrics} and (not self._only or "metrics" in self._only)
        )

    def _choose_real(self, path: bytes, conflict: Conflict) -> Choice | None:
        """Returns the choice; where the ancestors disagree there is no base to be chosen."""
        choice = self._chosen(path, conflict)
        invented = choice is not None and choice.strategy == BASE and self.desk.is_invented(conflict)
        return None if invented else choice

    def _refuse_invalid(self, merged: PathMerge) -> None:
        """Makes a conflict of a merged mvcs.toml that could not be read: nothing would work with it."""
        if self._project is None:
            return
        for path, file in list(merged.files.items()):
            reason = self._project.problem(file.content) if path.rpartition(b"/")[2] == b"mvcs.toml" else ""
            if not reason or any(item.path == path for item in merged.conflicts):
                continue
            sides = {
                name: None if state.tree is None else find_file(self.desk.load, state.tree, path)
                for name, state in ((BASE, self.base), (OURS, self.ours), (THEIRS, self.theirs))
            }
            values: list[Found] = [ABSENT if side is None else side.entry.oid.hex() for side in sides.values()]
            conflict = Conflict(None, values[0], values[1], values[2], reason)
            del merged.files[path]
            choice = self._choose(path, conflict)
            if choice is not None and choice.strategy in sides:
                if choice.strategy != OURS:
                    merged.edits[path] = sides[choice.strategy]
                merged.decisions.append((path, Decision(None, choice.strategy)))
            else:
                merged.conflicts.append(PathConflict(path, conflict, (OURS, THEIRS, BASE)))

    def _follow_references(self, merged: PathMerge, paths: set[bytes]) -> None:
        """Gives references what the merged mvcs.toml says of them; where that has conflicts, it says what ours has."""
        if not paths or self._project is None or self._project.path is None:
            return
        file = self._project.path
        known = {**merged.edits, **self._merged}
        placed = known[file] if file in known else self._file_at(file)
        content = None if placed is None else self.desk.read(placed.entry.oid)
        if file in merged.files:
            content = merged.files[file].content
        declared = {} if content is None else self._project.references(content, self.desk.put)
        merged.edits.update({path: declared.get(path) for path in paths})

    def _limited(self, theirs: Outcome, base: Outcome) -> Outcome:
        """Returns theirs as if only the wanted ingredients had changed."""
        weights = theirs if "weights" in self._only else base
        metrics = theirs if "metrics" in self._only else base
        return Outcome(weights.weights, weights.origin, metrics.metrics, metrics.measured)

    # What ours has

    def _file_at(self, path: bytes, tree: NewTree | None = None) -> Placed | None:
        load, root = (self.desk.load, self.ours.tree) if tree is None else (tree.load, tree.root)
        placed = None if root is None else find_file(load, root, path)
        return placed if placed is not None and placed.entry.kind != IS_TREE else None

    def _below(self, path: bytes, tree: NewTree | None = None) -> list[bytes]:
        load, root = (self.desk.load, self.ours.tree) if tree is None else (tree.load, tree.root)
        found: list[bytes] = []
        for ingredient in ingredient_trees(load, root).values():
            entry = find_path(load, ingredient, path)
            if entry is not None and entry.kind == IS_TREE:
                found += [below for below, _ in files_below(load, entry.oid, path + b"/")]
        return found
