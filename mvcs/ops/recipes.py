"""The recipe of three states becomes one: by path, and inside files.

Composes `merge` with stored trees; a virtual base is made of this alone. The way: changes of both sides, paths,
contents, paths that cross a border, clashes. Refuses to know: whose weights and metrics go with it (`reconcile`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange
from mvcs.merge.borders import Crossing, crossings, merge_crossings
from mvcs.merge.clashes import settle_clashes
from mvcs.merge.drivers import merge_file
from mvcs.merge.paths import Drivers, PathMerge, merge_paths
from mvcs.merge.values import BASE
from mvcs.objects.editing import Placed
from mvcs.objects.tree import IS_BLOB, Entry
from mvcs.ops.declaring import changed_by_both
from mvcs.ops.parts import changes_between, is_generated, join, recipe_part
from mvcs.ops.trees import Files, edits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.merge.paths import ChooseAt
    from mvcs.merge.values import Choice, Choose, Conflict, Merged
    from mvcs.ops.declaring import Declaring
    from mvcs.ops.desk import Desk, State

    Edits = dict[bytes, Entry | None]


class RecipeMerge:
    """One merge of the recipes of three states.

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

    Attributes:
        mine: What ours has at workspace paths.
        our_changes: What ours changed, without the paths that are merged by themselves.
        their_changes: What theirs changed of what is wanted, as well.
        crossing: Paths that cross the border of weights or metrics, with their three states.
        held: Paths that somebody else has merged already, with what is there now.
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
        self.mine = Files(desk.load, ours.tree)
        self._chosen = choose
        self._project = project
        self._keys = keys
        self._depth = depth
        self.held = dict(merged or {})
        ours_changed = changes_between(desk.load, base.tree, ours.tree)
        theirs_changed = changes_between(desk.load, base.tree, theirs.tree)
        wanted = [change for change in theirs_changed if not only or change.ingredient in only]
        taken = {change.path for change in wanted}
        self.crossing = {  # what theirs did and nobody wants is as if it had not been done
            path: states if path in taken or not only else Crossing(states.base, states.ours, states.base)
            for path, states in crossings(ours_changed, theirs_changed).items()
        }
        apart = self.held.keys() | self.crossing.keys()
        self.our_changes = [change for change in ours_changed if change.path not in apart]
        self.their_changes = [change for change in wanted if change.path not in apart]

    def run(self) -> PathMerge:
        """Merges everything but weights and metrics."""
        ours = [change for change in map(recipe_part, self.our_changes) if change is not None]
        theirs = [change for change in map(recipe_part, self.their_changes) if change is not None]
        both = changed_by_both(ours, theirs) if self._project is not None and self._project.path is not None else set()
        ours, theirs = ([change for change in side if change.path not in both] for side in (ours, theirs))
        merged = merge_paths(ours, theirs, Drivers(self.desk.read, self.inside), self.choose)
        asked = {path: states for path, states in self.crossing.items() if path not in self.held}
        join(merged, merge_crossings(asked, self.choose))
        settle_clashes(merged, self.mine, Files(self.desk.load, self.theirs.tree), self.choose)
        if self._project is not None:
            self._project.refuse_invalid(merged, (self.base, self.ours, self.theirs), self.desk, self.choose)
        self._follow_references(merged, both)
        merged.conflicts.sort(key=lambda item: item.path)
        return merged

    def edits_of(self, merged: PathMerge) -> Edits:
        """Returns merged paths as changes of ours' root tree; stores the contents that neither side has."""
        changes = [FileChange(path, self.mine.file_at(path), placed) for path, placed in self.held.items()]
        edits: Edits = {}
        for path, placed in merged.edits.items():
            if is_generated(path):
                edits[path] = None if placed is None else placed.entry
            else:
                changes.append(FileChange(path, self.mine.file_at(path), placed))
        for path, file in merged.files.items():
            here = self.mine.file_at(path)
            near = () if here is None else (here.entry.oid,)
            oid, size = self.desk.put(file.content, near)
            entry = Entry(path.rpartition(b"/")[2], file.mode, IS_BLOB, oid, size)
            if is_generated(path):
                edits[path] = entry
                continue
            if here is not None and here.ingredient != file.ingredient:
                edits[here.ingredient.encode() + b"/" + path] = None
            edits[file.ingredient.encode() + b"/" + path] = entry
        return {**edits_of(changes), **edits}

    def inside(
        self, path: bytes, ingredient: str, base: Content | None, ours: Content, theirs: Content, choose: Choose
    ) -> Merged:
        """Merges a file inside."""
        if is_generated(path):
            path = path.split(b"/", 1)[1]
        return merge_file(path, ingredient, base, ours, theirs, choose, keys=self._keys, marker=7 + 2 * self._depth)

    def choose(self, path: bytes, conflict: Conflict) -> Choice | None:
        """Returns the choice; where the ancestors disagree there is no base to be chosen."""
        return self.allowed(self._chosen(path, conflict), conflict)

    def allowed(self, choice: Choice | None, conflict: Conflict) -> Choice | None:
        """Returns a choice, None if it is a base that the ancestors disagree about."""
        invented = choice is not None and choice.strategy == BASE and self.desk.is_invented(conflict)
        return None if invented else choice

    def declared(self, merged: PathMerge) -> Content | None:
        """Returns the merged mvcs.toml; where it has conflicts, it says what ours has."""
        file = None if self._project is None else self._project.path
        if file is None or file in merged.files:
            return None if file is None else merged.files[file].content
        known = {**merged.edits, **self.held}
        placed = known[file] if file in known else self.mine.file_at(file)
        return None if placed is None or placed.entry.kind != IS_BLOB else self.desk.read(placed.entry.oid)

    def _follow_references(self, merged: PathMerge, paths: set[bytes]) -> None:
        """Gives references what the merged mvcs.toml says of them."""
        if not paths or self._project is None or self._project.path is None:
            return
        content = self.declared(merged)
        declared = {} if content is None else self._project.references(content, self.desk.put)
        merged.edits.update({path: declared.get(path) for path in paths})
