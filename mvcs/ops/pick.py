"""cherry-pick and revert: what one commit changed, once more or backwards, on the branch of the workspace.

Both are merges of three states that are named by hand: the commit's parent, HEAD, the commit; for a revert the first
and the last change places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument, NothingToCommit, RevisionNotFound
from mvcs.ops.context import look, open_workspace
from mvcs.ops.follow import refuse_unmerged
from mvcs.ops.merge import MergeResult, check_strategies, finish, refuse_unsaved
from mvcs.ops.merging import CHERRY_PICK, REVERT, Plan, refuse_in_progress
from mvcs.ops.moves import refuse_other, refuse_shared
from mvcs.ops.parts import ingredients_named
from mvcs.ops.recover import recover
from mvcs.ops.revisions import resolve_commit
from mvcs.ops.settling import changed_paths, merged_by_git
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.repo.repository import Repository


def cherry_pick(
    repository: Repository, revision: str, *, only: tuple[str, ...] = (), parent: int | None = None,
    strategies: tuple[tuple[str, str], ...] = (), dry_run: bool = False, command: str = "cherry-pick",
) -> MergeResult:
    """Brings what one commit changed into the branch of the workspace, as a new commit by the same author.

    Args:
        repository: Opened from the workspace.
        revision: The commit.
        only: Ingredients whose changes are taken; all if empty.
        parent: Of a merge commit: the parent, from 1, that its changes are counted from.
        strategies: (pattern, strategy) for conflicts.
        dry_run: Only say what it would give.
        command: The command as typed.

    Raises:
        UnsavedWork: If the workspace has changes that no commit has.
        NothingToCommit: If HEAD has all of it already.
    """
    oid, commit = resolve_commit(repository, revision)
    base = _parent(commit, revision, parent)
    message = f"{commit.message}\n\n(cherry picked from {oid.hex()})"
    plan = Plan(
        CHERRY_PICK, name=revision, message=message, theirs=oid, base=base, only=ingredients_named(only),
        strategies=strategies,
    )
    return _apply(repository, plan, commit, dry_run=dry_run, command=command)


def revert(
    repository: Repository, revision: str, *, only: tuple[str, ...] = (), parent: int | None = None,
    strategies: tuple[tuple[str, str], ...] = (), dry_run: bool = False, command: str = "revert",
) -> MergeResult:
    """Takes back what one commit changed, as a new commit.

    Args:
        repository: Opened from the workspace.
        revision: The commit.
        only: Ingredients whose changes are taken back; all if empty.
        parent: Of a merge commit: the parent, from 1, that its changes are counted from.
        strategies: (pattern, strategy) for conflicts.
        dry_run: Only say what it would give.
        command: The command as typed.

    Raises:
        UnsavedWork: If the workspace has changes that no commit has.
        NothingToCommit: If nothing of it is in HEAD.
    """
    oid, commit = resolve_commit(repository, revision)
    base = _parent(commit, revision, parent)
    plan = Plan(
        REVERT, name=revision, message=f"Revert {commit.subject!r}\n\nThis reverts {oid.hex()}.", theirs=base,
        base=oid, only=ingredients_named(only), strategies=strategies,
    )
    return _apply(repository, plan, None, dry_run=dry_run, command=command)


def _parent(commit: Commit, revision: str, number: int | None) -> Oid | None:
    if number is None and len(commit.parents) > 1:
        raise InvalidArgument(
            argument="revision", value=revision, reason=f"it is a merge of {len(commit.parents)}: name one by --parent"
        )
    if number is not None and not 1 <= number <= len(commit.parents):
        raise InvalidArgument(argument="--parent", value=str(number), reason=f"it has {len(commit.parents)} parent(s)")
    return commit.parents[(number or 1) - 1] if commit.parents else None


def _apply(
    repository: Repository, plan: Plan, author: Commit | None, *, dry_run: bool, command: str
) -> MergeResult:
    if not dry_run:
        repository.writable()
    check_strategies(plan.strategies, None)
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, Digest() if dry_run else batch, strict=False)
            refuse_in_progress(workspace, seen.refs)
            if not dry_run:
                refuse_shared(seen)
                refuse_other(seen)
            refuse_unmerged(workspace)
            rules = workspace.project.rules
            plan.strategies = (*plan.strategies, *rules.strategies)
            plan.keys = rules.keys
            ours = seen.head.base
            if ours is None:
                raise RevisionNotFound(revision="HEAD", reason="there is no commit yet")
            found = plan.reconciliation(
                repository, seen.commit, ours, None if dry_run else batch, merged_by_git(seen),
                plan.sides(seen.head.shown, ours),
            ).run()
            if workspace.git is not None:
                from mvcs.ops.git_first import note_of_gits

                found.notes += note_of_gits(seen, plan.base, plan.theirs, plan.only, f"git {plan.kind}")
            if dry_run:
                return MergeResult(
                    None, "conflicts" if found.conflicts else "would-merge", found.conflicts,
                    changed_paths(seen, found), stale=found.stale, notes=found.notes, decided=len(found.decisions),
                )
            refuse_unsaved(seen, found.tree)
            if not found.conflicts and found.tree.oid == seen.tree:
                raise NothingToCommit(branch=seen.head.shown)
            return finish(seen, batch, plan, found, (ours,), command, author=author)
