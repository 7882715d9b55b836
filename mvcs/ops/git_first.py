"""What of a merge, cherry-pick or revert is Git's to bring: files that Git tracks stay as Git left them.

Such a change must not be left out unseen. Knows: which files are Git's, and what they are now. Refuses to know: how
Git brings them.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import GitMergeFirst
from mvcs.objects.editing import find_file
from mvcs.ops.follow import paths_of_git
from mvcs.ops.git_places import Places, below_top, told_by
from mvcs.ops.settling import entry_seen
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.ops.context import Look
    from mvcs.ops.git_places import Told

SHOWN = 5
"""Paths that a hint or a note names."""


def refuse_before_git(
    seen: Look, revision: str, theirs: Oid, bases: list[Oid], strategies: tuple[tuple[str, str], ...]
) -> None:
    """Checks that Git has merged what is going to be merged here, as far as it is Git's.

    Args:
        seen: The files as they are.
        revision: What is merged, as typed.
        theirs: Its commit.
        bases: The merge bases.
        strategies: (pattern, strategy) that were typed: a path whose strategy is `ours` stays as it is by a word.

    Raises:
        GitMergeFirst: If it has not.
    """
    git = seen.workspace.git
    if git is None:
        return
    told = told_by(seen.workspace.repository, theirs)
    places = Places(git, [told])
    whole, found = places.committed(told), places.of(told)
    merged = found is not None and git.has(found)
    if merged and whole is not None:
        return
    prefix = below_top(git, seen.workspace.root)
    ahead = {path[len(prefix) :] for path in told.ahead if path.startswith(prefix)}
    paths = not_here(seen, bases, theirs, _owned(seen, told, found) | ahead)
    if merged:  # the commit that it was made on, and not what was ahead of that
        paths = [path for path in paths if path in ahead]
    paths = [path for path in paths if not any(
        strategy == "ours" and fnmatchcase(os.fsdecode(path), pattern) for pattern, strategy in strategies
    )]
    if not paths:
        return
    named = tuple(map(os.fsdecode, paths))
    if whole is None:
        words = " ".join(map(quote, named[:SHOWN]))
        brought = f"mvcs restore --source {quote(revision)} {words}"
        hint = f"{brought}: no commit of Git's has them so"
        if not _is_base(seen, bases, paths):  # what ours did to them would be gone
            name = quote(told.branch or revision)
            add = f"git add {words} && git commit -m CODE"
            hint = f"git switch {name} && {brought} && {add}: no commit of Git's has them so"
    else:
        name = revision if git.has_branch(revision) else str(found)[:12]
        hint = f"git merge {quote(name)}, or mvcs merge {quote(revision)} -s PATH=ours to leave a file as it is"
    raise GitMergeFirst(revision=revision, paths=named, hint=hint)


def _is_base(seen: Look, bases: list[Oid], paths: list[bytes]) -> bool:
    """Whether files are here as each merge base has them, so that theirs may take their place."""
    repository = seen.workspace.repository
    for oid in bases:
        tree = repository.commit(oid).tree
        for path in paths:
            here = entry_seen(seen, path)
            there = None if tree == EMPTY else find_file(repository.load_tree, tree, path)
            if here is None or there is None:
                if here is not None or there is not None:
                    return False
            elif not here.same_content(there.entry):
                return False
    return bool(bases)


def note_of_gits(seen: Look, base: Oid | None, after: Oid | None, only: tuple[str, ...], words: str) -> list[str]:
    """Returns what to tell of the files of a cherry-pick or revert that Git tracks: they stay as they are.

    Args:
        seen: The files as they are.
        base: The commit that the changes are counted from.
        after: The commit that they lead to.
        only: Ingredients that count; all if empty.
        words: Git's command.
    """
    if seen.workspace.git is None:
        return []
    repository = seen.workspace.repository
    told = [told_by(repository, oid) for oid in (base, after) if oid is not None]
    owned = set().union(*(_owned(seen, one, one.sha) for one in told))
    paths = not_here(seen, [] if base is None else [base], after, owned, only)
    if not paths:
        return []
    shown = ", ".join(map(os.fsdecode, paths[:SHOWN])) + (", ..." if len(paths) > SHOWN else "")
    return [f"left to Git, which tracks them: {shown} ({words})"]


def not_here(
    seen: Look, bases: list[Oid], after: Oid | None, owned: set[bytes], only: tuple[str, ...] = ()
) -> list[bytes]:
    """Returns those paths that a commit has otherwise than all bases, and the files otherwise than the commit.

    Args:
        seen: The files as they are.
        bases: What it is compared with; the empty state if there is none.
        after: The commit; None for the empty state.
        owned: The paths that count.
        only: Ingredients that count; all if empty.
    """
    repository = seen.workspace.repository
    load = repository.load_tree

    def tree(oid: Oid | None) -> Oid | None:
        found = EMPTY if oid is None else repository.commit(oid).tree
        return None if found == EMPTY else found

    starts: list[Oid | None] = [*bases] or [None]
    changed = [{change.path: change for change in diff_roots(load, tree(base), tree(after))} for base in starts]
    found = []
    for path, change in changed[0].items():
        if path in owned and all(path in one for one in changed) and (not only or change.ingredient in only):
            here = entry_seen(seen, path)
            there = None if change.after is None else change.after.entry
            if (here is None) != (there is None) or (
                here is not None and there is not None and not here.same_content(there)
            ):
                found.append(path)
    return sorted(found)


def _owned(seen: Look, told: Told, sha: str | None) -> set[bytes]:
    """Returns the paths that are Git's here, or where a commit was made."""
    git, root = seen.workspace.git, seen.workspace.root
    assert git is not None
    there = {found for found in (told.sha, sha) if found is not None}
    return paths_of_git(seen.workspace, seen.head).union(*(git.tracked_at(root, found) for found in there))
