"""What changes of files mean for weights: where some only have another name, or are gone, nothing was trained.

Knows: changes of paths, oids of contents. Refuses to know: what contents mean, where weights came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.renames import renames_of_equal_content
from mvcs.diff.trees import FileChange
from mvcs.objects.editing import files_below, ingredient_trees, inner_path, is_generated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Load


def contents_of(load: Load, root: Oid | None) -> frozenset[Oid]:
    """Returns the oids of the files of a root tree's weights, whatever their names."""
    tree = ingredient_trees(load, root).get("weights")
    found = () if tree is None else files_below(load, tree)
    return frozenset(entry.oid for path, entry in found if not is_generated(path))


def nothing_new(load: Load, before: Oid | None, after: Oid | None) -> bool:
    """Whether a root tree has no weights that an earlier one has not.

    Some may be copied, renamed or taken out: that is no training.
    """
    then, now = (ingredient_trees(load, root).get("weights") for root in (before, after))
    return then == now or contents_of(load, after) <= contents_of(load, before)


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
