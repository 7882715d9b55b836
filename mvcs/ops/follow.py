"""Beside Git: where a branch starts that mvcs has not seen, what Git has merged and mvcs has not, whose a file is."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.dag.walk import by_time
from mvcs.errors import MergeDue, UnsavedWork
from mvcs.objects.values import parse_json
from mvcs.refs.names import HEAD, HEADS, split_key

if TYPE_CHECKING:
    from mvcs.dag.history import History
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
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
    """Returns the branches that Git has merged, and mvcs has not; none that another of them contains.

    Git has merged a branch when the Git commit that its newest commit was made at is an ancestor of Git's HEAD.
    Here it is merged when its newest commit is one of HEAD's history, and left out by a word of the user's when a
    commit of HEAD's history that is no merge was made since: `commit` asks for `--no-merge` then. A merge says
    nothing of the other branches that Git had merged by then.
    """
    git, repository = workspace.git, workspace.repository
    if git is None or head.base is None or head.branch is None:
        return []
    due: dict[str, Oid] = {}
    with repository.history() as history:
        tips = {
            split_key(key)[2]: oid for key, oid in refs.under(f"{HEADS}/{workspace.model}/")
            if key != head.branch and not isinstance(oid, str) and not is_ancestor(history, oid, head.base)
        }
        new = _since_decided(repository, history, git, head.base) if tips else set()
        for name, oid in tips.items():
            sha = git_sha(repository, oid) if new else None
            if sha is None or sha not in new:
                continue
            forks = [git_sha(repository, fork) for fork in merge_bases(history, oid, head.base)]
            if not any(fork is not None and git.contains(sha, fork) for fork in forks):
                due[name] = oid  # else it has data of its own and no commit of Git's: there was nothing to merge
        return [
            name for name, oid in due.items()
            if not any(oid != other and is_ancestor(history, oid, other) for other in due.values())
        ]


def _since_decided(repository: Repository, history: History, git: GitTree, base: Oid) -> set[str]:
    """Returns the commits of Git's HEAD that were not there yet when the last commits that are no merges were made.

    Args:
        repository: Where the commits are.
        history: Where parents are looked up.
        git: The Git work tree.
        base: HEAD's commit.
    """
    seen: list[str] = []
    waiting, known = [base], {base}
    while waiting:
        oid = waiting.pop()
        told = _provenance(repository, oid)
        sha = _sha_of(told)
        if "merge" in told and len(known) < LOOKED_AT:
            parents = [parent for parent in history.row(oid)[2] if parent not in known]
            known.update(parents)
            waiting += parents
        elif sha is not None:
            seen.append(sha)
    return git.commits_since(seen) if seen else set()


def refuse_due(workspace: Workspace, refs: Refs, head: Head) -> None:
    """Checks that nothing which Git has merged is missing here.

    Raises:
        MergeDue: If a branch is.
    """
    due = merges_due(workspace, refs, head)
    if due:
        hint = f"mvcs merge {quote(due[0])}, or mvcs commit --no-merge to leave {'it' if len(due) == 1 else 'them'} out"
        raise MergeDue(branches=tuple(due), hint=hint)


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
    return _sha_of(_provenance(repository, oid))


def _provenance(repository: Repository, oid: Oid) -> dict[str, Json]:
    commit = repository.commit(oid)
    value = None if commit.provenance is None else parse_json(repository.store.read_blob(commit.provenance))
    return value if isinstance(value, dict) else {}


def _sha_of(provenance: dict[str, Json]) -> str | None:
    git = provenance.get("git")
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
