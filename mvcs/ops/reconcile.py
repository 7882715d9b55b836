"""Three states become one: recipe by path and inside files, weights and metrics by where they came from.

Shared by merge, cherry-pick and revert; composes `merge` with stored trees. The way: changes of both sides, paths,
contents, clashes, root tree, whose weights, whose metrics.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge.clashes import settle_clashes
from mvcs.merge.drivers import merge_file
from mvcs.merge.paths import Drivers, PathConflict, merge_paths
from mvcs.merge.values import BASE, OURS, THEIRS, Choice, Conflict, Decision
from mvcs.merge.weights import Outcome, judge, keep_metrics
from mvcs.objects.editing import edit_tree, files_below, find_file, ingredient_trees
from mvcs.objects.hashing import BLOB, BlobHasher, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import FOLDER, IS_BLOB, IS_TREE, Entry, find_path, read_tree
from mvcs.ops.trees import NewTree, edits_of
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.paths import ChooseAt, PathMerge
    from mvcs.merge.values import Choose, Merged
    from mvcs.objects.commit import Commit, Origin
    from mvcs.objects.editing import Placed
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch

PIECE = 4 << 20
DISAGREE = "ancestors disagree: "
"""Begins the values of a virtual base that stand for a conflict."""
OUTCOME = ("weights", "metrics")
"""Ingredients that follow the recipe and are not merged by path."""


class State(Record):
    """One of the three states.

    Args:
        tree: Root tree, None if empty.
        outcome: Its weights and metrics.
    """

    __slots__ = ("outcome", "tree")

    def __init__(self, tree: Oid | None, outcome: Outcome) -> None:
        self.tree = tree
        self.outcome = outcome


class StoredContent:
    """A stored blob as content.

    Args:
        repository: Where.
        oid: The blob.
    """

    def __init__(self, repository: Repository, oid: Oid) -> None:
        self._repository = repository
        self._oid = oid

    @property
    def size(self) -> int:
        """How many bytes."""
        return self._repository.store.blob_size(self._oid)

    def read(self) -> bytes:
        """Returns all of them."""
        return self._repository.store.read_blob(self._oid)

    def pieces(self) -> Iterator[bytes]:
        """Yields them in pieces."""
        reader = self._repository.store.open(self._oid)
        try:
            while piece := reader.read(PIECE):
                yield piece
        finally:
            reader.close()


class Desk:
    """Where merged contents lie until they are stored, or for good when they never are.

    Args:
        repository: Below it.
        batch: Takes merged contents; without one they stay in memory.
    """

    def __init__(self, repository: Repository, batch: Batch | None = None) -> None:
        self.repository = repository
        self._batch = batch
        self.nodes: dict[Oid, bytes] = {}
        self._blobs: dict[Oid, Content] = {}
        self.invented: set[str] = set()
        """Oids in hex of contents that stand for ancestors which disagree."""

    def load(self, oid: Oid) -> bytes:
        """Returns the payload of a tree node."""
        payload = self.nodes.get(oid)
        return self.repository.load_tree(oid) if payload is None else payload

    def read(self, oid: Oid) -> Content:
        """Returns the content of a blob."""
        content = self._blobs.get(oid)
        if content is not None:
            return content
        if self._batch is not None and self.repository.store.kind(oid) is None:
            return Bytes(self._batch.load(oid, BLOB))
        return StoredContent(self.repository, oid)

    def put(self, content: Content) -> tuple[Oid, int]:
        """Takes a content; returns its oid and bytes."""
        if self._batch is not None:
            return self._batch.put_pieces(content.pieces(), content.size), content.size
        hasher = BlobHasher()
        for piece in content.pieces():
            hasher.update(piece)
        oid = hasher.oid()
        self._blobs[oid] = content
        return oid, content.size

    def is_invented(self, conflict: Conflict) -> bool:
        """Whether the base of a conflict stands for ancestors that disagree."""
        base = conflict.base
        if conflict.key is None:
            return base in self.invented
        shown = base if isinstance(base, str) else repr(base)
        return DISAGREE in shown or re.search(r"^<{9,} ", shown, re.MULTILINE) is not None

    def new_tree(self, root: Oid | None, edits: Mapping[bytes, Entry | None]) -> NewTree:
        """Returns a root tree with changes."""
        edited = edit_tree(self.load, root, edits)
        nodes = [(oid, payload) for oid, payload in {**self.nodes, **dict(edited.nodes)}.items()]
        return NewTree(self.repository, edited.oid or EMPTY, nodes)


class Reconciled(Record):
    """What three states give together.

    Args:
        tree: Root tree of the result.
        conflicts: What is left to settle.
        decisions: (path, decision) of what strategies settled.
        origin: Where the result's weights came from.
        measured: Weights tree that its metrics were measured on.
        stale: Whether the weights belong to neither the merged recipe nor a strategy.
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


def state_of(repository: Repository, commit: Commit | None) -> State:
    """Returns the state of a commit; an empty one for None."""
    if commit is None:
        return State(None, Outcome(None, None, None, None))
    trees = ingredient_trees(repository.load_tree, commit.tree)
    outcome = Outcome(trees.get("weights"), commit.origin, trees.get("metrics"), commit.measured)
    return State(None if commit.tree == EMPTY else commit.tree, outcome)


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
        invalid: Says why a merged mvcs.toml could not be used, empty if it can.
    """

    def __init__(
        self, desk: Desk, base: State, ours: State, theirs: State, choose: ChooseAt, *,
        keys: Mapping[str, tuple[str, ...]], only: tuple[str, ...] = (),
        merged: Mapping[bytes, Placed | None] | None = None, depth: int = 0,
        invalid: Callable[[bytes, Content], str] = lambda path, content: "",
    ) -> None:
        self.desk = desk
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self._chosen = choose
        self._choose = self._choose_real
        self._invalid = invalid
        self._keys = keys
        self._only = only
        self._merged = dict(merged or {})
        self._depth = depth
        self._our_changes = [c for c in _changes(desk, base.tree, ours.tree) if c.path not in self._merged]
        self._their_changes = [
            change for change in _changes(desk, base.tree, theirs.tree)
            if change.path not in self._merged and (not only or change.ingredient in only)
        ]

    def run(self, strategy: str | None = None) -> Reconciled:
        """Merges.

        Args:
            strategy: Whose weights to take, whatever they came from.
        """
        merged = self.recipe()
        edits = self.edits_of(merged)
        tree = self.desk.new_tree(self.ours.tree, edits)
        conflicts, notes = merged.conflicts, []
        recipe = tree.recipe(lambda oid: self.desk.read(oid).read())
        ours, theirs = self.ours.outcome, self.theirs.outcome
        base = self.base.outcome
        if self._only:
            theirs = self._limited(theirs, base)
        verdict = judge(base, ours, theirs, recipe, strategy)
        if verdict.note:
            notes.append(verdict.note)
        weights = ours.weights
        if verdict.side is None:
            found = self._by_file("weights", edits)
            conflicts = sorted([*conflicts, *found.conflicts], key=lambda item: item.path)
            merged.decisions += found.decisions
            weights = self.desk.new_tree(self.ours.tree, edits).ingredients().get("weights")
        elif verdict.side == "theirs":
            weights = theirs.weights
            edits[b"weights"] = self._entry(self.theirs.tree, b"weights", weights)
        kept = keep_metrics(base, ours, theirs, weights)
        if self._both_measured(weights):
            found = self._by_file("metrics", edits)
            conflicts = sorted([*conflicts, *found.conflicts], key=lambda item: item.path)
            merged.decisions += found.decisions
        elif kept is None or kept.metrics != ours.metrics:
            source = self.theirs.tree if kept is theirs else self.ours.tree
            edits[b"metrics"] = None if kept is None else self._entry(source, b"metrics", kept.metrics)
        measured = None if kept is None or kept.metrics is None else kept.measured
        result = self.desk.new_tree(self.ours.tree, edits)
        return Reconciled(
            result, conflicts, merged.decisions, None if weights is None else verdict.origin, measured,
            stale=verdict.stale, notes=notes,
        )

    def recipe(self) -> PathMerge:
        """Merges everything but weights and metrics."""
        ours = [change for change in map(_recipe_part, self._our_changes) if change is not None]
        theirs = [change for change in map(_recipe_part, self._their_changes) if change is not None]
        merged = merge_paths(ours, theirs, Drivers(self.desk.read, self._inside), self._choose)
        settle_clashes(merged, self._file_at, self._below, self._choose)
        self._refuse_invalid(merged)
        merged.conflicts.sort(key=lambda item: item.path)
        return merged

    def edits_of(self, merged: PathMerge) -> dict[bytes, Entry | None]:
        """Returns merged paths as changes of ours' root tree; stores the contents that neither side has."""
        changes = [FileChange(path, self._file_at(path), placed) for path, placed in self._merged.items()]
        edits: dict[bytes, Entry | None] = {}
        for path, placed in merged.edits.items():
            if _is_generated(path):
                edits[path] = None if placed is None else placed.entry
            else:
                changes.append(FileChange(path, self._file_at(path), placed))
        for path, file in merged.files.items():
            oid, size = self.desk.put(file.content)
            entry = Entry(path.rpartition(b"/")[2], file.mode, IS_BLOB, oid, size)
            here = self._file_at(path)
            if _is_generated(path):
                edits[path] = entry
                continue
            if here is not None and here.ingredient != file.ingredient:
                edits[here.ingredient.encode() + b"/" + path] = None
            edits[file.ingredient.encode() + b"/" + path] = entry
        return {**edits_of(changes), **edits}

    def _inside(
        self, path: bytes, ingredient: str, base: Content | None, ours: Content, theirs: Content, choose: Choose
    ) -> Merged:
        if _is_generated(path):
            path = path.split(b"/", 1)[1]
        return merge_file(path, ingredient, base, ours, theirs, choose, keys=self._keys, marker=7 + 2 * self._depth)

    def _by_file(self, ingredient: str, edits: dict[bytes, Entry | None]) -> PathMerge:
        """Merges weights file by file, metrics by name too."""
        ours = [change for change in self._our_changes if change.ingredient == ingredient]
        theirs = [change for change in self._their_changes if change.ingredient == ingredient]
        merged = merge_paths(ours, theirs, Drivers(self.desk.read, self._inside), self._choose)
        settle_clashes(merged, self._file_at, self._below, self._choose)
        edits.update(self.edits_of(merged))
        return merged

    def _both_measured(self, weights: Oid | None) -> bool:
        """Whether both sides have new metrics, and both of the weights that the result has."""
        base, ours, theirs = self.base.outcome, self.ours.outcome, self.theirs.outcome
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
        for path, file in list(merged.files.items()):
            reason = self._invalid(path, file.content) if path.rpartition(b"/")[2] == b"mvcs.toml" else ""
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

    def _limited(self, theirs: Outcome, base: Outcome) -> Outcome:
        """Returns theirs as if only the wanted ingredients had changed."""
        weights = theirs.weights if "weights" in self._only else base.weights
        origin = theirs.origin if "weights" in self._only else base.origin
        metrics = theirs.metrics if "metrics" in self._only else base.metrics
        measured = theirs.measured if "metrics" in self._only else base.measured
        return Outcome(weights, origin, metrics, measured)

    def _entry(self, root: Oid | None, name: bytes, tree: Oid | None) -> Entry | None:
        if tree is None or root is None:
            return None
        size = next(entry.size for entry in read_tree(self.desk.load, root) if entry.name == name)
        return Entry(name, FOLDER, IS_TREE, tree, size)

    # What ours has

    def _file_at(self, path: bytes) -> Placed | None:
        if self.ours.tree is None:
            return None
        placed = find_file(self.desk.load, self.ours.tree, path)
        return placed if placed is not None and placed.entry.kind != IS_TREE else None

    def _below(self, path: bytes) -> list[bytes]:
        found: list[bytes] = []
        for tree in ingredient_trees(self.desk.load, self.ours.tree).values():
            entry = find_path(self.desk.load, tree, path)
            if entry is not None and entry.kind == IS_TREE:
                found += [below for below, _ in files_below(self.desk.load, entry.oid, path + b"/")]
        return found


def _changes(desk: Desk, before: Oid | None, after: Oid | None) -> list[FileChange]:
    changes = []
    for change in diff_roots(desk.load, before, after, generated=True):
        path = change.path
        if path.startswith(b".mvcs/"):
            path = change.ingredient.encode() + b"/" + path
        changes.append(FileChange(path, change.before, change.after))
    return changes


def _is_generated(path: bytes) -> bool:
    return path.partition(b"/")[2].startswith(b".mvcs/")


def _recipe_part(change: FileChange) -> FileChange | None:
    """Returns a change without what it says of weights and metrics."""
    before = None if change.before is None or change.before.ingredient in OUTCOME else change.before
    after = None if change.after is None or change.after.ingredient in OUTCOME else change.after
    return None if before is None and after is None else FileChange(change.path, before, after)
