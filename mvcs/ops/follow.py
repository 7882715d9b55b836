"""Beside Git: where a branch starts that mvcs has not seen, what Git has merged and mvcs has not, whose a file is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor
from mvcs.dag.walk import by_time
from mvcs.errors import MergeDue, UnsavedWork
from mvcs.objects.values import parse_json
from mvcs.refs.names import HEAD, HEADS, split_key

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.refs.table import Refs
    from mvcs.repo.git import GitTree
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Head, Workspace

LOOKED_AT = 2000
"""Commits that are asked for their Git SHA, newest first."""


def start_of(repository: Repository, model: str, git: GitTree, refs: Refs) -> Oid | None:
    """Returns the newest mvcs commit of a model whose recorded Git commit is an ancestor of Git's HEAD.

    Args:
        repository: Where the commits are.
        model: Whose branches are looked at.
        git: The Git work tree.
        refs: All refs.
    """
    tips = [oid for _, oid in refs.under(f"{HEADS}/{model}/") if not isinstance(oid, str)]
    # What was committed while Git's HEAD was detached is on no branch.
    detached = [oid for _, oid in refs.under(f"{HEAD}/") if not isinstance(oid, str)]
    tips += [oid for oid in detached if repository.commit(oid).model == model]
    if not tips:
        return None
    found: dict[str, Oid] = {}
    with repository.history() as history:
        for count, oid in enumerate(by_time(history, tips)):
            if count >= LOOKED_AT:
                break
            sha = git_sha(repository, oid)
            if sha is not None:
                found.setdefault(sha, oid)
    newest = git.newest_ancestor(found)
    return None if newest is None else found[newest]


def merges_due(workspace: Workspace, refs: Refs, head: Head) -> list[str]:
    """Returns the branches that Git has merged since HEAD's commit was made, and mvcs has not.

    A branch is merged when the Git commit that its newest commit was made at is an ancestor of Git's HEAD now and
    was none of the Git commit that HEAD's commit was made at.
    """
    git, repository = workspace.git, workspace.repository
    if git is None or head.base is None or head.branch is None:
        return []
    then, now = git_sha(repository, head.base), git.sha()
    if then is None or now is None or then == now:
        return []
    due = []
    with repository.history() as history:
        for key, oid in refs.under(f"{HEADS}/{workspace.model}/"):
            if key == head.branch or isinstance(oid, str) or is_ancestor(history, oid, head.base):
                continue
            sha = git_sha(repository, oid)
            if sha is not None and git.contains(sha, now) and not git.contains(sha, then):
                due.append(split_key(key)[2])
    return due


def refuse_due(workspace: Workspace, refs: Refs, head: Head) -> None:
    """Checks that nothing which Git has merged is missing here.

    Raises:
        MergeDue: If a branch is.
    """
    due = merges_due(workspace, refs, head)
    if due:
        raise MergeDue(branches=tuple(due))


def paths_of_git(workspace: Workspace, head: Head) -> set[bytes]:
    """Returns the paths that are Git's to merge: what it tracks, and what it tracked when HEAD's commit was made."""
    git = workspace.git
    if git is None:
        return set()
    paths = git.tracked(workspace.root)
    then = None if head.base is None else git_sha(workspace.repository, head.base)
    return paths if then is None else paths | git.tracked_at(workspace.root, then)


def git_sha(repository: Repository, oid: Oid) -> str | None:
    """Returns the Git commit that was recorded with an mvcs commit."""
    commit = repository.commit(oid)
    if commit.provenance is None:
        return None
    value = parse_json(repository.store.read_blob(commit.provenance))
    git = value.get("git") if isinstance(value, dict) else None
    sha = git.get("sha") if isinstance(git, dict) else None
    return sha if isinstance(sha, str) else None


def refuse_unmerged(workspace: Workspace) -> None:
    """Checks that Git has no conflicts of its own.

    Raises:
        UnsavedWork: If it has.
    """
    left = [] if workspace.git is None else workspace.git.unmerged()
    if left:
        raise UnsavedWork(paths=tuple(left), hint="git mergetool, git commit: Git's own conflicts come first")
