"""Beside Git: where a branch starts that Git has and mvcs has not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.dag.walk import by_time
from mvcs.objects.values import parse_json
from mvcs.refs.names import HEAD, HEADS

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.refs.table import Refs
    from mvcs.repo.git import GitTree
    from mvcs.repo.repository import Repository

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


def git_sha(repository: Repository, oid: Oid) -> str | None:
    """Returns the Git commit that was recorded with an mvcs commit."""
    commit = repository.commit(oid)
    if commit.provenance is None:
        return None
    value = parse_json(repository.store.read_blob(commit.provenance))
    git = value.get("git") if isinstance(value, dict) else None
    sha = git.get("sha") if isinstance(git, dict) else None
    return sha if isinstance(sha, str) else None
