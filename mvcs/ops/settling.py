"""How far a merge in progress is settled: by what was said, by strategies, by edits of the files.

A merge is run again with what was said so far; so a conflict is settled the same way whether a strategy, a person or
a script says it. A file that was edited since is settled by its edit, at the commit.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import ConflictsLeft, MergeInProgress
from mvcs.objects.editing import find_file
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.merging import CHERRY_PICK, MERGE, Plan, Progress, path_json, require_in_progress
from mvcs.ops.trees import changed_tree, edits_of
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.objects.commit import Person
    from mvcs.objects.editing import Placed
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.ops.reconcile import Reconciled
    from mvcs.store.base import Batch

READ = 64 << 20
"""Bytes in which conflict markers are looked for."""


class Ended(Record):
    """A merge in progress that a commit may end.

    Args:
        progress: The merge.
        parents: Parents of the commit beside the branch's own.
        message: What it is called if nobody says.
        author: Whose work it is; None for who commits.
        described: What provenance says of it.
    """

    __slots__ = ("author", "described", "message", "parents", "progress")

    def __init__(
        self, progress: Progress, *, parents: tuple[Oid, ...], message: str, author: Person | None, described: Json
    ) -> None:
        self.progress = progress
        self.parents = parents
        self.message = message
        self.author = author
        self.described = described


def end_merge(seen: Look, *, amend: bool) -> Ended:
    """Returns the merge in progress, once every conflict is settled.

    Raises:
        ConflictsLeft: If one is not, or a file still has conflict markers.
        MergeInProgress: If the commit would amend another one.
    """
    progress = require_in_progress(seen.workspace, seen.refs)
    plan = progress.plan
    if amend:
        raise MergeInProgress(what=f"{plan.kind} of {plan.name}")
    found, edited = check_settled(seen, progress)
    picked = seen.workspace.repository.commit(plan.theirs) if plan.kind == CHERRY_PICK and plan.theirs else None
    return Ended(
        progress, parents=(plan.theirs,) if plan.kind == MERGE and plan.theirs is not None else (),
        message=plan.message, author=None if picked is None else picked.author,
        described=plan.to_json(decisions_of(found, edited)),
    )


def run_again(seen: Look, plan: Plan, progress: Progress, batch: Batch | None) -> Reconciled:
    """Runs a merge in progress again."""
    repository = seen.workspace.repository
    ours = progress.commit.parents[0]
    merged = merged_by_git(seen)
    return plan.reconciliation(repository, repository.commit(ours), ours, batch, merged).run(plan.weights)


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


def edited_paths(seen: Look, progress: Progress) -> set[bytes]:
    """Returns the files that are not what the merge wrote."""
    return {change.path for change in changes_since(seen, progress)}


def changes_since(seen: Look, progress: Progress) -> list[FileChange]:
    """Returns how the files differ from what the merge wrote.

    A file that came with the merge and that the patterns here do not take is still there, and not deleted.
    """
    workspace = seen.workspace
    load = workspace.repository.load_tree
    now = changed_tree(workspace.repository, seen.tree, edits_of(seen.changes))
    found = []
    for change in diff_roots(now.load, progress.commit.tree, now.root):
        if change.after is None and os.path.lexists(os.path.join(os.fsencode(workspace.root), change.path)):
            before = None if seen.tree == EMPTY else find_file(load, seen.tree, change.path)
            if before is None:
                continue
        found.append(change)
    return found


def check_settled(seen: Look, progress: Progress) -> tuple[Reconciled, set[bytes]]:
    """Checks that a merge can be committed; returns what it gave, and the files that were edited since.

    Raises:
        ConflictsLeft: If conflicts are left, or a file still has conflict markers.
    """
    found, touched = run_again(seen, progress.plan, progress, None), edited_paths(seen, progress)
    left = [item for item in found.conflicts if item.path not in touched]
    paths = {os.fsdecode(item.path) for item in left}
    marked = _marked(seen, progress)
    if left or marked:
        raise ConflictsLeft(count=len(left) or len(marked), paths=tuple(sorted(paths | marked)))
    return found, touched


def _marked(seen: Look, progress: Progress) -> set[str]:
    """Returns the edited files that still have conflict markers which the merge wrote."""
    from mvcs.merge.text import has_markers

    repository = seen.workspace.repository
    found = set()
    for path in edited_paths(seen, progress):
        written = find_file(repository.load_tree, progress.commit.tree, path)
        if written is None or written.entry.kind != IS_BLOB:
            continue
        if not has_markers(repository.store.read_blob(written.entry.oid, READ)):
            continue
        full = os.path.join(os.fsencode(seen.workspace.root), path)
        try:
            with open(full, "rb") as file:
                content = file.read(READ)
        except OSError:
            continue
        if has_markers(content):
            found.add(os.fsdecode(path))
    return found


def decisions_of(found: Reconciled, edited: set[bytes] | None = None) -> list[Json]:
    """Returns which strategy decided each key, and which files a person edited."""
    decisions: list[Json] = [
        {"path": path_json(path), "key": decision.key, "strategy": decision.strategy}
        for path, decision in found.decisions
    ]
    decisions += [{"path": path_json(path), "key": None, "strategy": "edited"} for path in sorted(edited or ())]
    return decisions
