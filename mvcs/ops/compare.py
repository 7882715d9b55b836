"""diff: what changed between two revisions, or between one and the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.errors import RevisionNotFound
from mvcs.ops.context import look, open_workspace
from mvcs.ops.log import bases, split_range
from mvcs.ops.parts import full_path, ingredients_named
from mvcs.ops.revisions import resolve_commit
from mvcs.ops.trees import changed_tree
from mvcs.repo.changes import EMPTY
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.repo.repository import Repository


def diff(
    repository: Repository, first: str | None, second: str | None, *, only: tuple[str, ...] = (),
    generated: bool = False,
) -> list[FileChange]:
    """Returns what changed.

    Args:
        repository: Where.
        first: A revision or range; HEAD by default.
        second: A revision; the files as they are by default.
        only: Ingredients to tell of; all if empty.
        generated: Whether entries that capture makes are told too, as INGREDIENT/.mvcs/NAME.
    """
    only = ingredients_named(only)
    if first is not None and second is None and ".." in first:
        left, dots, right = split_range(first)
        if dots == "...":
            common = bases(repository, left, right)
            if not common:
                raise RevisionNotFound(revision=first, reason="the two have no common ancestor")
            left = common[0].hex()
        first, second = left, right
    if second is not None:
        before = resolve_commit(repository, first or "HEAD")[1].tree
        after = resolve_commit(repository, second)[1].tree
        found = diff_roots(repository.load_tree, before, after, generated=generated)
    else:
        found = _against_files(repository, first, generated=generated)
    if generated:
        found = sorted(map(full_path, found), key=lambda change: change.path)
    return [change for change in found if not only or change.ingredient in only]


def target_of(repository: Repository, first: str | None, second: str | None) -> Commit | None:
    """Returns the commit that changes lead to, None for the files as they are; arguments as of `diff`."""
    if second is None and first is not None and ".." in first:
        second = split_range(first)[2]
    return None if second is None else resolve_commit(repository, second)[1]


def _against_files(repository: Repository, first: str | None, *, generated: bool) -> list[FileChange]:
    workspace = open_workspace(repository)
    seen = look(workspace, Digest(), strict=False)
    if first is None:
        return [*seen.changes, *seen.carried] if generated else seen.changes
    before: Oid | None = resolve_commit(repository, first)[1].tree
    now = changed_tree(repository, seen.tree, seen.edits())
    return diff_roots(now.load, None if before == EMPTY else before, now.root, generated=generated)
