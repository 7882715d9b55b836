"""After `git switch`: files that are still what the branch before has, and so nobody's work on this one.

Knows: where the workspace stood. Refuses to know: what is done with such files.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import CheckoutDue
from mvcs.objects.editing import find_file
from mvcs.refs.names import split_key
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.ops.context import Look


def is_left_over(seen: Look, change: FileChange) -> bool:
    """Whether a changed file is what the branch before has, where that is another commit than HEAD's."""
    stored = seen.head.stored
    old = seen.refs.resolve(stored) if isinstance(stored, str) else stored
    if old is None or old == seen.head.base:
        return False
    repository = seen.workspace.repository
    tree = repository.commit(old).tree
    there = None if tree == EMPTY else find_file(repository.load_tree, tree, change.path)
    if change.after is None or there is None:
        return change.after is None and there is None
    return there.entry.same_content(change.after.entry)


def left_over(seen: Look) -> tuple[str, list[bytes]] | None:
    """Returns the branch before and the files that are still its, after `git switch` without `mvcs checkout`.

    Those that Git tracks are as Git left them, and none of these.
    """
    git, stored = seen.workspace.git, seen.head.stored
    paths = [] if git is None else [change.path for change in seen.changes if is_left_over(seen, change)]
    if git is None or stored is None or not paths:
        return None
    tracked = git.tracked(seen.workspace.root)
    paths = [path for path in paths if path not in tracked]
    name = split_key(stored)[2] if isinstance(stored, str) else stored.hex()[:12]
    return (name, paths) if paths else None


def refuse_left_over(seen: Look) -> None:
    """Checks that the files are not those of the branch that Git was on before.

    Raises:
        CheckoutDue: If some are.
    """
    found = left_over(seen)
    if found is not None:
        raise CheckoutDue(branch=found[0], paths=tuple(map(os.fsdecode, found[1])))
