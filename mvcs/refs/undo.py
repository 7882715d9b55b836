"""Which operation `undo` and `redo` mean, from the ledger alone.

An undo is an operation too: it moves refs back and names, as its first evidence, what it undid. So the ledger is
never rewritten, and an undo can be undone. Implements: spec 10.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import NothingToUndo
from mvcs.objects.hashing import OPERATION, Oid
from mvcs.objects.operation import Move, Operation
from mvcs.refs.ledger import newest

if TYPE_CHECKING:
    from mvcs.store.base import Readable

UNDO = "undo"
REDO = "redo"


def verb(operation: Operation) -> str:
    """Returns the first word of an operation's command."""
    return operation.command.split(" ", 1)[0]


def _load(transaction: Readable, oid: Oid) -> Operation:
    return Operation.decode(transaction.load(oid, OPERATION))


def to_undo(transaction: Readable) -> tuple[Oid, Operation]:
    """Returns the newest operation that is in force.

    Raises:
        NothingToUndo: If there is none but the one that made the repository.
    """
    last = newest(transaction)
    while last is not None:
        oid, operation = last
        if verb(operation) == UNDO:
            parent = _load(transaction, operation.evidence[0]).parent
            last = None if parent is None else (parent, _load(transaction, parent))
        elif verb(operation) == REDO:
            again = operation.evidence[0]
            last = (again, _load(transaction, again))
        elif operation.parent is None:
            break
        else:
            return oid, operation
    raise NothingToUndo(verb=UNDO)


def to_redo(transaction: Readable) -> tuple[Oid, Operation]:
    """Returns the operation whose undo is the newest that was not redone.

    Raises:
        NothingToUndo: If the last command was no undo or redo, or all undone is redone.
    """
    run: list[Operation] = []
    last = newest(transaction)
    while last is not None and verb(last[1]) in {UNDO, REDO}:
        run.append(last[1])
        parent = last[1].parent
        last = None if parent is None else (parent, _load(transaction, parent))
    undone: list[Oid] = []
    for operation in reversed(run):
        if verb(operation) == UNDO:
            undone.append(operation.evidence[0])
        elif undone:
            undone.pop()
    if not undone:
        raise NothingToUndo(verb=REDO)
    return undone[-1], _load(transaction, undone[-1])


def inverse(moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Returns the moves that lead back."""
    return tuple(Move(move.ref, move.new, move.old) for move in reversed(moves))
