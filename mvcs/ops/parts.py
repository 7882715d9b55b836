"""Changes of two sides as a merge takes them: generated entries by their place, weights and metrics apart.

Knows: paths. Refuses to know: what is decided of them (`reconcile`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.merge.borders import OUTCOME

if TYPE_CHECKING:
    from mvcs.merge.paths import PathMerge
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Load


def join(merged: PathMerge, other: PathMerge) -> None:
    """Adds one merge of paths to another."""
    merged.edits.update(other.edits)
    merged.conflicts += other.conflicts
    merged.decisions += other.decisions


def changes_between(load: Load, before: Oid | None, after: Oid | None) -> list[FileChange]:
    """Returns what changed between two root trees; a generated entry's path begins with its ingredient."""
    changes = []
    for change in diff_roots(load, before, after, generated=True):
        path = change.path
        if path.startswith(b".mvcs/"):
            path = change.ingredient.encode() + b"/" + path
        changes.append(FileChange(path, change.before, change.after))
    return changes


def is_generated(path: bytes) -> bool:
    """Whether a path, as `changes_between` gives it, is a generated entry's."""
    return path.partition(b"/")[2].startswith(b".mvcs/")


def recipe_part(change: FileChange) -> FileChange | None:
    """Returns a change without what it says of weights and metrics."""
    before = None if change.before is None or change.before.ingredient in OUTCOME else change.before
    after = None if change.after is None or change.after.ingredient in OUTCOME else change.after
    return None if before is None and after is None else FileChange(change.path, before, after)
