"""op log and op show: the local ledger as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import RevisionNotFound
from mvcs.objects.hashing import OPERATION, Oid
from mvcs.objects.operation import Operation
from mvcs.objects.record import Record
from mvcs.ops.log import rfc3339
from mvcs.ops.undo import move_dict
from mvcs.refs.ledger import operations

if TYPE_CHECKING:
    from mvcs.repo.repository import Repository


class Logged(Record):
    """An operation.

    Args:
        oid: Its oid.
        operation: The operation.
    """

    __slots__ = ("oid", "operation")

    def __init__(self, oid: Oid, operation: Operation) -> None:
        self.oid = oid
        self.operation = operation

    def to_dict(self) -> dict[str, object]:
        """Returns the operation as JSON carries it."""
        op = self.operation
        return {
            "operation": self.oid.hex(), "height": op.height, "time": rfc3339(op.time),
            "actor": f"{op.actor[0]} <{op.actor[1]}>", "command": op.command, "reason": op.reason,
            "moves": [move_dict(move) for move in op.moves], "evidence": [oid.hex() for oid in op.evidence],
        }


def op_log(repository: Repository, *, limit: int | None = None) -> list[Logged]:
    """Returns the newest operations, newest first; those after the moment that was asked for are left out."""
    time, last = (None, None) if repository.at is None else repository.moment(repository.at)
    past = repository.at is None
    found: list[Logged] = []
    with repository.store.read() as transaction:
        for oid, operation in operations(transaction):
            if limit is not None and len(found) >= limit:
                break
            past = past or oid == last or (time is not None and operation.time <= time)
            if not past:
                continue
            found.append(Logged(oid, operation))
    return found


def op_show(repository: Repository, text: str | None) -> Logged:
    """Returns one operation: the newest, or that whose oid begins so.

    Raises:
        RevisionNotFound: If there is none, or several.
    """
    if text is None:
        newest = op_log(repository, limit=1)
        if not newest:
            raise RevisionNotFound(revision="", reason="the ledger is empty")
        return newest[0]
    legal = 4 <= len(text) <= 64 and all(char in "0123456789abcdef" for char in text)
    found = [oid for oid, kind in repository.store.short(text) if kind == OPERATION] if legal else []
    if len(found) != 1:
        raise RevisionNotFound(revision=text, reason="no single operation's oid begins so", hint="mvcs op log")
    return Logged(found[0], Operation.decode(repository.store.load(found[0], OPERATION)))
