"""Beside Git: where a branch starts that mvcs has not seen, what Git has merged and mvcs has not, whose a file is.

Where the code of a commit is in Git's history, `git_places` knows.
"""

from __future__ import annotations

from itertools import islice
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor, merge_bases
from mvcs.dag.walk import by_time
from mvcs.errors import MergeDue, UnsavedWork
from mvcs.ops.git_places import Places, told_by
from mvcs.refs.names import HEAD, HEADS, branch_key, split_key
from mvcs.repo.workspace import Head

if TYPE_CHECKING:
    from mvcs.dag.history import History
    from mvcs.objects.hashing import Oid
    from mvcs.refs.table import Refs
    from mvcs.repo.git import GitTree
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace

LOOKED_AT = 2000
"""Commits that are asked for their Git SHA, newest first."""


def start_of(
    repository: Repository, model: str, git: GitTree, refs: Refs, stored: Oid | str | None = None
) -> Oid | None:
    """Returns the mvcs commit of a model that is nearest to Git's HEAD: its code came with HEAD or an ancestor.

    Of several at the same commit of Git's, the first choice is what the branch has that Git's branch was made from,
    then where the workspace stood, then one whose files were all in Git, then the newest.

    Args:
        repository: Where the commits are.
        model: Whose branches are looked at.
        git: The Git work tree.
        refs: All refs.
        stored: What the workspace's HEAD holds.
    """
    tips = [oid for _, oid in refs.under(f"{HEADS}/{model}/") if not isinstance(oid, str)]
    # What was committed while Git's HEAD was detached is on no branch.
    detached = [oid for _, oid in refs.under(f"{HEAD}/") if not isinstance(oid, str)]
    tips += [oid for oid in detached if repository.commit(oid).model == model]
    if not tips:
        return None
    with repository.history() as history:
        told = {oid: told_by(repository, oid) for oid in islice(by_time(history, tips), LOOKED_AT)}
        places = Places(git, told.values(), search=False)
        found: dict[str, dict[Oid, bool]] = {}
        for oid, said in told.items():
            whole = places.committed(said)
            for sha in {whole or said.sha, places.of(said)}:
                if sha is not None:
                    found.setdefault(sha, {})[oid] = whole is not None
        newest = git.newest_ancestor(found)
        if newest is None:
            return None
        known = (refs.resolve(branch_key(model, name)) for name in places.sources(git.branch()))
        near = next((tip for tip in known if tip is not None), None)
        stood = refs.resolve(stored) if isinstance(stored, str) else stored
        return min(found[newest], key=lambda oid: (
            near is None or not is_ancestor(history, oid, near), oid != stood, not found[newest][oid],
        ))


def given_anew(workspace: Workspace, refs: Refs, head: Head) -> Head:
    """Returns where a workspace stands, on a branch that starts anew if Git made it after one of the same name."""
    git, repository, commit = workspace.git, workspace.repository, head.commit
    if git is None or head.branch is None or commit is None:
        return head
    told = told_by(repository, commit)
    if told.branch != head.shown or told.sha is None or not git.is_made_anew(head.shown, told.sha):
        return head
    start = start_of(repository, workspace.model, git, refs, head.stored)
    if start is None or start == commit:
        return head
    with repository.history() as history:
        other = None if is_ancestor(history, commit, start) else commit
    return Head(head.branch, None, start, head.stored, held=commit, other=other)


def merges_due(workspace: Workspace, refs: Refs, head: Head) -> list[str]:
    """Returns the branches that Git has merged, and mvcs has not; none that another of them contains.

    Git has merged a branch when the Git commit that has the code of its newest commit is in Git's HEAD, or when all
    that it changed is. Here it is merged when its newest commit is one of HEAD's history, and left out by a word of
    the user's when a commit of HEAD's history that is no merge was made since: `commit` asks for `--no-merge` then. A
    merge says nothing of the other branches that Git had merged by then.
    """
    git, repository, base = workspace.git, workspace.repository, head.base
    if git is None or base is None:
        return []
    with repository.history() as history:
        tips = {
            split_key(key)[2]: oid for key, oid in refs.under(f"{HEADS}/{workspace.model}/")
            if not isinstance(oid, str) and not is_ancestor(history, oid, base)
        }
        decided = _decided(repository, history, base) if tips else []
        new = git.commits_since(decided) if decided else set()
        if not new:
            return []
        told = {oid: told_by(repository, oid) for oid in tips.values()}
        forks = {oid: [told_by(repository, fork) for fork in merge_bases(history, oid, base)] for oid in told}
        places = Places(git, [*told.values(), *(fork for found in forks.values() for fork in found)])
        now = git.sha()
        due: dict[str, Oid] = {}
        for name, oid in tips.items():
            sha = places.of(told[oid])
            if sha is None or now is None:
                continue
            if sha not in new:
                if git.contains(sha, now) or not git.has_changes_of(sha, now):
                    continue
                if any(git.has_changes_of(sha, one) for one in decided):
                    continue
            there = [place for fork in forks[oid] if (place := places.on_its_branch(fork)) is not None]
            # Else it has data of its own and no commit of Git's: there was nothing to merge.
            if not any(git.contains(sha, place) or git.has_changes_of(sha, place) for place in there):
                due[name] = oid
        return [
            name for name, oid in due.items()
            if not any(oid != other and is_ancestor(history, oid, other) for other in due.values())
        ]


def _decided(repository: Repository, history: History, base: Oid) -> list[str]:
    """Returns the commits of Git's that were there when the last commits of HEAD's that are no merges were made.

    Args:
        repository: Where the commits are.
        history: Where parents are looked up.
        base: HEAD's commit.
    """
    seen: list[str] = []
    waiting, known = [base], {base}
    while waiting:
        oid = waiting.pop()
        told = told_by(repository, oid)
        if told.merge and len(known) < LOOKED_AT:
            parents = [parent for parent in history.row(oid)[2] if parent not in known]
            known.update(parents)
            waiting += parents
        else:
            seen += told.seen
    return seen


def to_commit(workspace: Workspace, refs: Refs, head: Head) -> str:
    """Returns the command that commits unsaved work, where a merge waits for it: also one that is due itself."""
    due = [f"mvcs merge {quote(name)}" for name in merges_due(workspace, refs, head)]
    return " && ".join(["mvcs commit --no-merge", *due]) if due else "mvcs commit"


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
    then = None if head.base is None else told_by(workspace.repository, head.base).sha
    return paths if then is None else paths | git.tracked_at(workspace.root, then)


def refuse_unmerged(workspace: Workspace) -> None:
    """Checks that Git has no conflicts of its own.

    Raises:
        UnsavedWork: If it has.
    """
    left = [] if workspace.git is None else workspace.git.unmerged()
    if left:
        raise UnsavedWork(paths=tuple(left), hint="git mergetool, git commit: Git's own conflicts come first")
