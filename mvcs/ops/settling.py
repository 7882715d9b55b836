"""How far a merge in progress is settled: by what was said, by strategies, by edits of the files.

A merge is run again with what was said so far; so a conflict is settled the same way whether a strategy, a person or
a script says it. A file that was edited since is settled by its edit, at the commit.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.errors import ConflictsLeft, MergeElsewhere, MvcsError
from mvcs.formats.names import kind_of
from mvcs.formats.values import ABSENT, same
from mvcs.objects.editing import Placed, find_file
from mvcs.objects.tree import IS_BLOB
from mvcs.objects.values import path_json
from mvcs.ops.merging import GIVE_UP, UNDO, Plan, Progress
from mvcs.ops.trees import changed_tree, edits_of
from mvcs.repo.changes import EMPTY
from mvcs.repo.reading import Digest, open_plain, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Value
    from mvcs.merge.paths import PathConflict
    from mvcs.merge.tensor_units import TensorSide
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.ops.reconcile import Reconciled
    from mvcs.store.base import Batch

EDITED = "edited"
"""What is said of a conflict whose file is right as it is."""
MARKED = "marked"
"""What is said of a conflict whose file was edited, and still has conflict markers."""
READ = 64 << 20
"""Bytes in which conflict markers are looked for."""


def run_again(
    seen: Look, plan: Plan, progress: Progress, batch: Batch | None,
    edited: Mapping[bytes, Placed | None] | None = None, *, measured: bool = False,
) -> Reconciled:
    """Runs a merge in progress again.

    Args:
        seen: The files as they are.
        plan: What decides the result.
        progress: The merge in progress.
        batch: Takes merged contents.
        edited: What there is on paths that edits have settled, for the commit that ends the merge.
        measured: Whether metrics are given with that commit.
    """
    repository = seen.workspace.repository
    ours = progress.commit.parents[0]
    merged = {**merged_by_git(seen), **(edited or {})}
    sides = plan.sides(
        seen.head.shown, ours, undo=f"{UNDO} && {GIVE_UP}", ends=edited is not None, measured=measured,
        declared=seen.workspace.project.rules.strategies,
    )
    return plan.reconciliation(repository, repository.commit(ours), ours, batch, merged, sides).run(plan.weights)


def merged_by_git(seen: Look) -> dict[bytes, Placed | None]:
    """Returns the paths that Git merges, with what the files have there: nothing outside a Git work tree."""
    if seen.workspace.git is None:
        return {}
    from mvcs.objects.editing import flatten
    from mvcs.ops.follow import paths_of_git

    owned = paths_of_git(seen.workspace, seen.head)
    stored = flatten(seen.workspace.repository.load_tree, None if seen.tree == EMPTY else seen.tree)
    found: dict[bytes, Placed | None] = {path: stored[path] for path in owned & set(stored)}
    found.update({change.path: change.after for change in seen.changes if change.path in owned})
    return found


def by_hand(seen: Look, progress: Progress, conflicts: list[PathConflict]) -> list[str | None]:
    """Returns for each conflict EDITED if an edit of the file has settled it, MARKED if markers forbid that, or None.

    Only bytes count, never what patterns show. A whole file is settled by any edit, and so are lines, once no marker
    is left. A key is settled when its value is another than the merge wrote; that ours' value was meant is for
    `resolve` to say. A file that lies where the merge wrote none, and is no part of the model, is no edit.
    """
    states: dict[bytes, _State] = {}
    found: list[str | None] = []
    for item in conflicts:
        if item.path not in states:
            states[item.path] = _State(seen, progress, item.path)
        state, choice = states[item.path], progress.plan.choose(item.path, item.conflict)
        settled = (choice is not None and choice.strategy == EDITED) or state.settles(item)
        found.append((MARKED if state.marked else EDITED) if settled else None)
    return found


class _State:
    """One file as the merge wrote it, and as it is."""

    def __init__(self, seen: Look, progress: Progress, path: bytes) -> None:
        repository = seen.workspace.repository
        self._path = path
        written = find_file(repository.load_tree, progress.commit.tree, path)
        self._written = None if written is None or written.entry.kind != IS_BLOB else written
        entry = _entry_of(seen.workspace.root, path, Digest()) if self._written else entry_seen(seen, path)
        self._oid: Oid | None = None if entry is None else entry.oid
        self.edited = self._oid != (None if self._written is None else self._written.entry.oid)
        if written is not None and self._written is None:
            self.edited = False  # a folder, told as a clash
        self._keys: tuple[dict[str, Value], dict[str, Value]] | None = None
        self._sides: tuple[TensorSide, TensorSide] | None = None
        self._seen = seen

    def settles(self, item: PathConflict) -> bool:
        key = item.conflict.key
        if not self.edited:
            return False
        if self._written is None and self._oid is not None:  # patterns of the merge may show what was hidden before
            return not same(item.conflict.base, self._oid.hex())
        if key is None or self._written is None or self._oid is None:
            return True
        kind = kind_of(self._inner(), self._written.ingredient)[0]
        if kind in {"text", "notebook"}:
            return True
        if kind == "table":
            return False
        if self._written.ingredient == "weights" and kind in {"bytes", "tensors"}:
            return self._differ(key)
        if self._keys is None:
            self._keys = self._read()
        before, now = (found.get(key, ABSENT) for found in self._keys)
        return not same(before, now)

    @cached_property
    def marked(self) -> bool:
        from mvcs.merge.text import has_markers

        try:
            with open_plain(os.path.join(os.fsencode(self._seen.workspace.root), self._path)) as file:
                return has_markers(file.read(READ))
        except OSError:
            return False

    def _inner(self) -> bytes:
        return self._path.split(b"/", 1)[1] if b"/.mvcs/" in self._path else self._path

    def _contents(self) -> tuple[Content, Content]:
        from mvcs.ops.desk import StoredContent
        from mvcs.ops.details import DiskContent

        assert self._written is not None
        workspace = self._seen.workspace
        stored = StoredContent(workspace.repository, self._written.entry.oid)
        return stored, DiskContent(os.path.join(os.fsencode(workspace.root), self._path))

    def _differ(self, tensor: str) -> bool:
        """Whether a tensor is another one than the merge wrote; not where the file has no tensors any more."""
        from mvcs.merge.tensor_units import read_side, same_unit

        try:
            if self._sides is None:
                stored, disk = self._contents()
                self._sides = read_side(stored, "the merge's"), read_side(disk, "the edited one")
            before, now = self._sides
            return not same_unit(before, before.find(tensor), now, now.find(tensor))
        except MvcsError:
            return False

    def _read(self) -> tuple[dict[str, Value], dict[str, Value]]:
        from mvcs.ops.blame import read_keys

        assert self._written is not None
        try:
            found = [
                read_keys(self._inner(), self._written.ingredient, content) or {} for content in self._contents()
            ]
        except MvcsError:
            return {}, {}  # cannot be read now: nothing of it is settled
        return found[0], found[1]


def left_of(seen: Look, progress: Progress, found: Reconciled) -> list[PathConflict]:
    """Returns the conflicts that neither a word, a strategy nor an edit has settled."""
    told = by_hand(seen, progress, found.conflicts)
    return [item for item, how in zip(found.conflicts, told, strict=True) if how != EDITED]


def entry_seen(seen: Look, path: bytes) -> Entry | None:
    """Returns the file that the model has at a path as the files are now: none if patterns leave it out."""
    for change in seen.changes:
        if change.path == path:
            return None if change.after is None else change.after.entry
    found = None if seen.tree == EMPTY else find_file(seen.workspace.repository.load_tree, seen.tree, path)
    return None if found is None or found.entry.kind != IS_BLOB else found.entry


def refuse_moved(seen: Look, progress: Progress) -> None:
    """Checks that HEAD is where the merge began: its result is of that commit.

    Raises:
        MergeElsewhere: If the branch moved, or Git is on another one.
    """
    began, now = progress.commit.parents[0], seen.head.base
    if began != now:
        raise MergeElsewhere(
            what=f"{progress.plan.kind} of {progress.plan.name}", began=began.hex()[:12],
            now="no commit" if now is None else now.hex()[:12],
        )


def changes_since(seen: Look, progress: Progress, digest: Digest | Batch) -> list[FileChange]:
    """Returns how the files differ from what the merge wrote.

    A file of the merge that the patterns do not take is still there, and not deleted: what counts is its bytes. Where
    it belongs the merge says, unless mvcs.toml was edited since.

    Args:
        seen: The files as they are.
        progress: The merge in progress.
        digest: Gets the bytes of files that the patterns do not take: a batch to store them.
    """
    return since(seen, progress, digest)[0]


def since(
    seen: Look, progress: Progress, digest: Digest | Batch
) -> tuple[list[FileChange], dict[bytes, tuple[str, str | None]]]:
    """Returns `changes_since`, and the paths that the patterns take for something else than the merge does."""
    workspace = seen.workspace
    now = changed_tree(workspace.repository, seen.tree, edits_of(seen.changes))
    changes = diff_roots(now.load, progress.commit.tree, now.root)
    project = os.fsencode(os.path.relpath(workspace.project.file, workspace.root))
    said = any(change.path == project for change in changes)
    found: list[FileChange] = []
    apart: dict[bytes, tuple[str, str | None]] = {}
    for change in changes:
        path, before, after = change.path, change.before, change.after
        if before is None or before.entry.kind != IS_BLOB or (after is not None and after.entry.kind != IS_BLOB):
            found.append(change)
        elif after is None:
            entry = _entry_of(workspace.root, path, digest)
            if entry is not None:
                apart[path] = before.ingredient, None
                after = Placed(before.ingredient, entry)
            if not before.same(after):
                found.append(FileChange(path, before, after))
        elif said or after.ingredient == before.ingredient:
            found.append(change)
        else:
            apart[path] = before.ingredient, after.ingredient
            if not before.entry.same_content(after.entry):
                found.append(FileChange(path, before, Placed(before.ingredient, after.entry)))
    return found, apart


def _entry_of(root: str, path: bytes, digest: Digest | Batch) -> Entry | None:
    """Returns what a file has that nobody has looked at, None if it is gone, or no file any more."""
    try:
        return read_file(root, path, digest)[1]
    except MvcsError:
        return None


def check_settled(seen: Look, progress: Progress) -> tuple[Reconciled, set[bytes]]:
    """Checks that a merge can be committed; returns what it gave, and the files that edits have settled.

    Raises:
        ConflictsLeft: If conflicts are left, or a file still has conflict markers.
        MergeElsewhere: If HEAD is not where the merge began.
    """
    refuse_moved(seen, progress)
    found = run_again(seen, progress.plan, progress, None)
    left = left_of(seen, progress, found)
    if left:
        raise ConflictsLeft(count=len(left), paths=tuple(sorted({os.fsdecode(item.path) for item in left})))
    return found, {item.path for item in found.conflicts}


def decisions_of(found: Reconciled, edited: set[bytes] | None = None) -> list[Json]:
    """Returns which strategy decided each key, and which files a person edited."""
    decisions: list[Json] = [
        {"path": path_json(path), "key": decision.key, "strategy": decision.strategy}
        for path, decision in found.decisions
    ]
    decisions += [{"path": path_json(path), "key": None, "strategy": "edited"} for path in sorted(edited or ())]
    return decisions


def changed_paths(seen: Look, found: Reconciled) -> list[str]:
    """Returns the paths that a merge changes in the files."""
    from mvcs.diff.trees import diff_roots

    first = None if seen.tree == EMPTY else seen.tree
    return [os.fsdecode(change.path) for change in diff_roots(found.tree.load, first, found.tree.root)]
