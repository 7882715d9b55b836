"""undo and redo: refs and files go back to before an operation; the ledger is never rewritten."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import Collected, NotARepository, RefConflict
from mvcs.objects.editing import find_file
from mvcs.objects.hashing import Oid
from mvcs.objects.record import Record
from mvcs.ops.context import look, open_workspace
from mvcs.ops.files import Rewrite
from mvcs.ops.moves import refuse_moves
from mvcs.ops.recover import recover
from mvcs.ops.trees import NewTree
from mvcs.refs.names import WORKSPACE
from mvcs.refs.undo import inverse, to_redo, to_undo
from mvcs.repo.changes import EMPTY
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.diff.trees import FileChange
    from mvcs.objects.operation import Move, Operation
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace


class UndoResult(Record):
    """What was undone or redone.

    Args:
        operation: Oid of the operation that was undone or redone.
        command: Its command.
        moves: Refs that moved back.
        files: Files written or removed.
        saved: Commit with the work that `--force` overwrote.
    """

    __slots__ = ("command", "files", "moves", "operation", "saved")

    def __init__(
        self, operation: Oid, command: str, moves: tuple[Move, ...], files: list[str], saved: Oid | None
    ) -> None:
        self.operation = operation
        self.command = command
        self.moves = moves
        self.files = files
        self.saved = saved

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "operation": self.operation.hex(), "command": self.command, "files": self.files,
            "moves": [move_dict(move) for move in self.moves],
            "saved": None if self.saved is None else self.saved.hex(),
        }


def move_dict(move: Move) -> dict[str, object]:
    """Returns a move as JSON carries it."""
    def shown(target: Oid | str | None) -> str | None:
        return target.hex() if isinstance(target, bytes) else target

    return {"ref": move.ref, "old": shown(move.old), "new": shown(move.new)}


def undo(repository: Repository, *, force: bool = False, command: str = "undo") -> UndoResult:
    """Undoes the newest operation that is in force.

    Raises:
        NothingToUndo: If there is none.
        Collected: If gc has removed what it would bring back.
        UnsavedWork: If files with unsaved changes would be overwritten.
        BranchInUse: If another workspace stands on a branch that would move.
        RefConflict: If a ref was moved since by something that is not in the ledger's order.
    """
    return _walk(repository, back=True, force=force, command=command)


def redo(repository: Repository, *, force: bool = False, command: str = "redo") -> UndoResult:
    """Redoes the operation that was undone last.

    Raises:
        NothingToUndo: If nothing is undone.
        Collected: If gc has removed what it would bring back.
        UnsavedWork: If files with unsaved changes would be overwritten.
    """
    return _walk(repository, back=False, force=force, command=command)


def _walk(repository: Repository, *, back: bool, force: bool, command: str) -> UndoResult:
    repository.writable()
    with repository.store.read() as transaction:
        oid, operation = to_undo(transaction) if back else to_redo(transaction)
    moves = inverse(operation.moves) if back else operation.moves
    refs = tuple(move for move in moves if not move.ref.startswith(WORKSPACE))
    files = [move for move in moves if move.ref.startswith(WORKSPACE)]
    reason = f"{'undoes' if back else 'redoes'}: {operation.command}"
    refuse_moves(repository, refs, command)
    if not files:
        with repository.lock.shared():
            _check_there(repository, moves)
            repository.publish(
                actor=repository.actor(), command=command, moves=refs, reason=reason, evidence=(oid,)
            )
        return UndoResult(oid, operation.command, refs, [], None)
    workspace = open_workspace(repository)
    if files[0].ref != WORKSPACE + workspace.name:
        raise NotARepository(
            path=workspace.folder, hint=f"run it in the workspace {files[0].ref[len(WORKSPACE) :]}"
        )
    return _with_files(repository, workspace, (oid, operation), refs, files[0], reason, force=force, command=command)


def _with_files(
    repository: Repository, workspace: Workspace, undone: tuple[Oid, Operation], refs: tuple[Move, ...], files: Move,
    reason: str, *, force: bool, command: str,
) -> UndoResult:
    oid, operation = undone
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            with repository.store.read() as transaction:
                again = to_undo(transaction) if command.split(" ", 1)[0] == "undo" else to_redo(transaction)
            if again[0] != oid:
                raise RefConflict(ref="the ledger", expected=oid.hex()[:12], actual=again[0].hex()[:12])
            _check_there(repository, (*refs, files, *inverse((files,))))
            seen = look(workspace, batch if force else Digest(), strict=False)
            before, after = files.old, files.new
            target = NewTree(repository, after if isinstance(after, bytes) else EMPTY, [])
            # Files that are what the operation left are nobody's unsaved work, though HEAD may not have them.
            first = before if isinstance(before, bytes) else EMPTY
            done = Rewrite(
                seen, batch, target, before=Oid(first), force=force, known=in_tree(repository, Oid(first))
            ).run(moves=refs, command=command, reason=reason, evidence=(oid,))
            return UndoResult(
                oid, operation.command, refs, [os.fsdecode(path) for path in done.paths], done.saved
            )


def _check_there(repository: Repository, moves: tuple[Move, ...]) -> None:
    """Never a name without its bytes: an operation outside the undo window keeps nothing from gc."""
    for move in moves:
        if isinstance(move.new, bytes) and move.new != EMPTY and repository.store.kind(move.new) is None:
            raise Collected(oid=move.new.hex()[:12])


def in_tree(repository: Repository, tree: Oid) -> Callable[[FileChange], bool]:
    """Returns what tells whether a changed file is what a tree has: then nothing of it is unsaved."""

    def known(change: FileChange) -> bool:
        if tree == EMPTY or change.after is None:
            return False
        there = find_file(repository.load_tree, tree, change.path)
        return there is not None and there.entry.same_content(change.after.entry)

    return known
