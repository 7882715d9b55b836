"""Files that only have another name, and what that means for weights: nothing was trained.

Knows: changes of paths, exact renames. Refuses to know: contents, trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange
from mvcs.objects.editing import inner_path, is_generated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.objects.hashing import Oid


def renames(changes: Mapping[bytes, FileChange]) -> dict[bytes, bytes]:
    """Returns old path to new path of the files that only moved: one gone, one new, of equal content, and no third."""
    gone: dict[Oid, list[bytes]] = {}
    new: dict[Oid, list[bytes]] = {}
    for path, change in changes.items():
        if change.after is None and change.before is not None and change.before.entry.size:
            gone.setdefault(change.before.entry.oid, []).append(path)
        elif change.before is None and change.after is not None:
            new.setdefault(change.after.entry.oid, []).append(path)
    return {
        paths[0]: new[oid][0] for oid, paths in gone.items() if len(paths) == 1 and len(new.get(oid, ())) == 1
    }


def nothing_new(changes: Iterable[FileChange]) -> bool:
    """Whether changes bring no weights that were not there: none, or some renamed or taken out. That is no training."""
    weights = _of_weights(changes)
    known = {change.before.entry.oid for change in weights.values() if change.before is not None}
    return all(change.after is None or change.after.entry.oid in known for change in weights.values())


def renamed_weights(changes: Iterable[FileChange]) -> dict[bytes, bytes]:
    """Returns old path to new path of weights that only have another name."""
    return renames(_of_weights(changes))


def same_weights(changes: Iterable[FileChange]) -> bool:
    """Whether changes leave the weights what they were, but for their names."""
    weights = _of_weights(changes)
    names = renames(weights)
    return weights.keys() == {*names, *names.values()}


def _of_weights(changes: Iterable[FileChange]) -> dict[bytes, FileChange]:
    """Returns what changes say of files of the weights: one that came from elsewhere is new."""
    found = {}
    for change in changes:
        sides = (change.before, change.after)
        before, after = (None if side is None or side.ingredient != "weights" else side for side in sides)
        if (before or after) and not is_generated(inner_path(change.path)):
            found[change.path] = FileChange(change.path, before, after)
    return found
