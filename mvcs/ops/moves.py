"""Which refs move when the workspace comes to stand on a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.objects.operation import Move, Target

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.ops.context import Look


def head_moves(seen: Look, oid: Oid) -> list[Move]:
    """Returns the moves that put HEAD, and the branch it is on, at a commit."""
    head = seen.head
    moves = []
    target: Target = oid
    if head.branch is not None:
        moves.append(Move(head.branch, head.commit, oid))
        target = head.branch
    if head.stored != target:
        moves.append(Move(seen.workspace.head_ref, head.stored, target))
    return moves
