"""What changes of files mean for weights: where some only have another name, or are gone, nothing was trained.

Knows: changes of paths. Refuses to know: contents, trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.renames import renames_of_equal_content
from mvcs.diff.trees import FileChange
from mvcs.objects.editing import inner_path, is_generated

if TYPE_CHECKING:
    from collections.abc import Iterable


def nothing_new(changes: Iterable[FileChange]) -> bool:
    """Whether changes bring no weights that were not there: none, or some renamed or taken out. That is no training."""
    weights = _of_weights(changes)
    known = {change.before.entry.oid for change in weights.values() if change.before is not None}
    return all(change.after is None or change.after.entry.oid in known for change in weights.values())


def renamed_weights(changes: Iterable[FileChange]) -> dict[bytes, bytes]:
    """Returns old path to new path of weights that only have another name."""
    return _names(_of_weights(changes))


def same_weights(changes: Iterable[FileChange]) -> bool:
    """Whether changes leave the weights what they were, but for their names."""
    weights = _of_weights(changes)
    names = _names(weights)
    return weights.keys() == {*names, *names.values()}


def _names(weights: dict[bytes, FileChange]) -> dict[bytes, bytes]:
    return {old: rename.path for old, rename in renames_of_equal_content(weights.values()).items()}


def _of_weights(changes: Iterable[FileChange]) -> dict[bytes, FileChange]:
    """Returns what changes say of files of the weights: one that came from elsewhere is new."""
    found = {}
    for change in changes:
        sides = (change.before, change.after)
        before, after = (None if side is None or side.ingredient != "weights" else side for side in sides)
        if (before or after) and not is_generated(inner_path(change.path)):
            found[change.path] = FileChange(change.path, before, after)
    return found
