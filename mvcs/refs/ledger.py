"""The local ledger: a chain of operations, one per command that moved refs, never pushed.

A move of refs and its operation are one transaction. Knows: the chain and its clock rule. Refuses to know: what an
undo does to files. Implements: spec 10.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import LedgerBroken, RevisionNotFound
from mvcs.objects.hashing import OPERATION, Oid
from mvcs.objects.operation import Move, Operation
from mvcs.refs.table import Refs, swap
from mvcs.store.base import LEDGER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.base import Readable, Writable

_HEIGHT_BYTES = 8


def _key(height: int) -> bytes:
    return height.to_bytes(_HEIGHT_BYTES, "big")


def newest(transaction: Readable) -> tuple[Oid, Operation] | None:
    """Returns the newest operation, None in an empty ledger."""
    for _, value in transaction.items(LEDGER, reverse=True):
        oid = Oid(value)
        return oid, Operation.decode(transaction.load(oid, OPERATION))
    return None


def operations(transaction: Readable) -> Iterator[tuple[Oid, Operation]]:
    """Yields (oid, operation), newest first."""
    for _, value in transaction.items(LEDGER, reverse=True):
        oid = Oid(value)
        yield oid, Operation.decode(transaction.load(oid, OPERATION))


def record(
    transaction: Writable, *, actor: tuple[str, str], now: int, command: str, moves: tuple[Move, ...],
    reason: str = "", evidence: tuple[Oid, ...] = (),
) -> Oid:
    """Moves refs and appends the operation that says so.

    Args:
        transaction: Write transaction; it must end with the error if one is raised.
        actor: (name, email).
        now: Nanoseconds since 1970 in UTC; the operation's time is at least its parent's + 1.
        command: The command as typed.
        moves: What to move, with compare-and-swap.
        reason: Why.
        evidence: Oids to keep with the operation.

    Returns:
        Oid of the operation.

    Raises:
        RefConflict: If a ref is not where its move begins.
    """
    swap(transaction, moves)
    last = newest(transaction)
    operation = Operation(
        parent=None if last is None else last[0], height=0 if last is None else last[1].height + 1, actor=actor,
        time=now if last is None else max(now, last[1].time + 1), command=command, moves=moves, reason=reason,
        evidence=evidence,
    )
    oid = transaction.put_object(OPERATION, operation.encode())
    transaction.put(LEDGER, _key(operation.height), oid)
    return oid


def refs_at(transaction: Readable, *, time: int | None = None, operation: Oid | None = None) -> Refs:
    """Returns the refs as they were at a time, or just after an operation.

    Raises:
        RevisionNotFound: If the ledger does not reach so far back.
    """
    refs = Refs.now(transaction)
    for oid, op in operations(transaction):
        if oid == operation or (time is not None and op.time <= time):
            return refs
        refs = refs.before(op.moves)
    shown = operation.hex() if operation is not None else "that time"
    raise RevisionNotFound(revision=shown, reason="the ledger does not reach so far back")


def moves_of(transaction: Readable, key: str) -> Iterator[tuple[Oid, Operation, Move]]:
    """Yields the moves of one ref, newest first: its reflog."""
    for oid, operation in operations(transaction):
        for move in operation.moves:
            if move.ref == key:
                yield oid, operation, move


def check_chain(transaction: Readable) -> Iterator[LedgerBroken]:
    """Yields what is wrong with the chain: heights, parents, times, and that replaying it gives today's refs."""
    expected: tuple[int, Oid | None, int] | None = None
    refs = Refs.now(transaction)
    for key, value in transaction.items(LEDGER, reverse=True):
        height, oid = int.from_bytes(key, "big"), Oid(value)
        operation = Operation.decode(transaction.load(oid, OPERATION))
        if operation.height != height:
            yield LedgerBroken(height=height, reason=f"the operation says {operation.height}")
        if expected is not None and (expected[0] != height or expected[1] != oid):
            yield LedgerBroken(height=height, reason="the next operation names another parent")
        if expected is not None and operation.time >= expected[2]:
            yield LedgerBroken(height=height, reason="time runs backwards")
        for move in operation.moves:
            if not move.ref.startswith("workspace/") and refs.get(move.ref) != move.new:
                yield LedgerBroken(height=height, reason=f"{move.ref} is not where this operation put it")
        refs = refs.before(operation.moves)
        expected = (height - 1, operation.parent, operation.time)
    if expected is not None and expected[1] is not None:
        yield LedgerBroken(height=expected[0], reason="operations are missing")
    elif refs.targets:
        yield LedgerBroken(height=0, reason=f"{min(refs.targets)} was never made by an operation")
