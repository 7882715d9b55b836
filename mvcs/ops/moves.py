"""Which refs move when the workspace comes to stand on a commit, and which may not: a branch has one workspace.

The files of a workspace know nothing of what another does to its branch, and its next commit would take it back. So
no verb comes to stand on another's branch or moves it, as with Git's work trees; beside Git this is Git's to see to.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor
from mvcs.errors import BranchInUse, OtherBranch
from mvcs.objects.operation import Move, Target
from mvcs.refs.names import HEAD, head_key
from mvcs.refs.table import Refs
from mvcs.repo.git import GitTree
from mvcs.repo.layout import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.objects.hashing import Oid
    from mvcs.ops.context import Look
    from mvcs.repo.repository import Repository


def head_moves(seen: Look, oid: Oid) -> list[Move]:
    """Returns the moves that put HEAD, and the branch it is on, at a commit."""
    head = seen.head
    moves = []
    target: Target = oid
    if head.branch is not None:
        moves.append(Move(head.branch, head.commit or head.held, oid))
        target = head.branch
    if head.stored != target:
        moves.append(Move(seen.workspace.head_ref, head.stored, target))
    return moves


def refuse_shared(seen: Look) -> None:
    """Checks that no other workspace stands on the branch that a verb is going to move.

    Raises:
        BranchInUse: If one does.
    """
    if seen.workspace.git is None and seen.head.branch is not None:
        refuse_taken(seen.workspace.repository, seen.refs, seen.head.branch, seen.workspace.name)


def refuse_other(seen: Look, theirs: Oid | None = None) -> None:
    """Checks that no branch is left behind by a verb that moves the one that Git gave its name to.

    Args:
        seen: Where the workspace stands.
        theirs: What is merged into it.

    Raises:
        OtherBranch: If one is.
    """
    other = seen.head.other
    if other is None:
        return
    with seen.workspace.repository.history() as history:
        if theirs is None or not is_ancestor(history, other, theirs):
            raise OtherBranch(branch=seen.head.shown, commit=other.hex()[:12])


def refuse_taken(repository: Repository, refs: Refs, branch: str, own: str | None, hint: str | None = None) -> None:
    """Checks that no other workspace stands on a branch.

    Args:
        repository: Whose workspaces.
        refs: All refs.
        branch: Key of the branch.
        own: Name of the workspace that asks; None outside any.
        hint: The command that works, if it is not to make a branch.

    Raises:
        BranchInUse: If one does.
    """
    for name, target in other_workspaces(repository, refs, own):
        if target == branch:
            raise BranchInUse(branch=branch.split("/", 2)[2], workspace=name, hint=hint)


def refuse_moves(repository: Repository, moves: Iterable[Move], command: str) -> None:
    """Checks that moves of refs take no branch away under another workspace; its own HEAD may move with it.

    Args:
        repository: Whose refs and workspaces.
        moves: What is going to move.
        command: The command as typed, for the hint.

    Raises:
        BranchInUse: If they do.
    """
    from shlex import quote

    place = repository.place
    if GitTree.find(place.workspace or place.top) is not None:
        return
    own = None if place.workspace is None else place.workspace_id
    refs, moved = repository.refs(), {move.ref: move.new for move in moves}
    targets = {**refs.targets, **moved}
    after = Refs({key: target for key, target in targets.items() if target is not None})
    for name, target in other_workspaces(repository, refs, own):
        key = head_key(name)
        if isinstance(target, str) and key not in moved and refs.resolve(key) != after.resolve(key):
            folder = quote(os.path.normpath(os.path.join(place.top, name)))
            raise BranchInUse(
                branch=target.split("/", 2)[2], workspace=name, hint=f"mvcs -C {folder} {command}"
            )


def other_workspaces(repository: Repository, refs: Refs, own: str | None) -> list[tuple[str, Oid | str]]:
    """Returns the other workspaces that are still there, with what their HEADs hold."""
    heads = ((key.split("/", 1)[1], target) for key, target in refs.under(f"{HEAD}/"))
    return [
        (name, target) for name, target in heads
        if name != own and os.path.isfile(os.path.join(repository.place.top, name, PROJECT))
    ]
