"""Changes of two sides as a merge takes them: generated entries by their place, weights and metrics apart.

Knows: paths. Refuses to know: what is decided of them (`reconcile`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.errors import InvalidArgument
from mvcs.merge.borders import OUTCOME
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import GENERATED, files_below, flatten, ingredient_trees
from mvcs.objects.tree import IS_TREE, find_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.merge.paths import PathMerge
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Load

SHORT = {"env": "environment"}
"""Short names of ingredients."""


def ingredients_named(names: Iterable[str], argument: str = "--only") -> tuple[str, ...]:
    """Returns the ingredients of these names, some of which may be short.

    Args:
        names: As typed.
        argument: What takes them.

    Raises:
        InvalidArgument: If one names no ingredient.
    """
    found = tuple(SHORT.get(name, name) for name in names)
    for name in found:
        if name not in INGREDIENTS:
            raise InvalidArgument(argument=argument, value=name, reason=f"one of {', '.join(INGREDIENTS)}")
    return found


def join(merged: PathMerge, other: PathMerge) -> None:
    """Adds one merge of paths to another."""
    merged.edits.update(other.edits)
    merged.conflicts += other.conflicts
    merged.decisions += other.decisions
    merged.dropped.update(other.dropped)
    merged.notes += other.notes


def changes_between(load: Load, before: Oid | None, after: Oid | None) -> list[FileChange]:
    """Returns what changed between two root trees; a generated entry's path begins with its ingredient."""
    return [full_path(change) for change in diff_roots(load, before, after, generated=True)]


def full_path(change: FileChange) -> FileChange:
    """Returns a change as it is told: a generated entry's path begins with its ingredient."""
    if not change.path.startswith(GENERATED + b"/"):
        return change
    return FileChange(change.ingredient.encode() + b"/" + change.path, change.before, change.after)


def told_paths(load: Load, root: Oid) -> set[bytes]:
    """Returns the paths of a root tree as they are told: those of files, and INGREDIENT/.mvcs/NAME."""
    found = set(flatten(load, root))
    for ingredient, tree in ingredient_trees(load, root).items():
        entry = find_entry(load, tree, GENERATED)
        if entry is not None and entry.kind == IS_TREE:
            prefix = ingredient.encode() + b"/" + GENERATED + b"/"
            found |= {path for path, _ in files_below(load, entry.oid, prefix)}
    return found


def is_generated(path: bytes) -> bool:
    """Whether a path, as `changes_between` gives it, is a generated entry's."""
    return path.partition(b"/")[2].startswith(GENERATED + b"/")


def recipe_part(change: FileChange) -> FileChange | None:
    """Returns a change without what it says of weights and metrics."""
    before = None if change.before is None or change.before.ingredient in OUTCOME else change.before
    after = None if change.after is None or change.after.ingredient in OUTCOME else change.after
    return None if before is None and after is None else FileChange(change.path, before, after)
