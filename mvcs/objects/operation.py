"""Operations: one command's whole change of refs; each names its parent, so they are a chain: a ledger.

Knows: the fields. Refuses to know: which refs exist, how they are swapped (`mvcs.refs`). Implements: spec 5.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.hashing import OID_BYTES, OPERATION, Oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.objects.codec import Value

Target = Oid | str | None
"""What a ref stands for: an oid, the name of another ref (HEAD on a branch), or nothing."""


class Move(Record):
    """One ref's change.

    Args:
        ref: The ref's key. A key that begins with `workspace/` is no ref but a record of what the files held: root
            trees before and after (spec 10.4).
        old: Target before; None if the ref was not there.
        new: Target after; None if the ref is removed.
    """

    __slots__ = ("new", "old", "ref")

    def __init__(self, ref: str, old: Target, new: Target) -> None:
        self.ref = ref
        self.old = old
        self.new = new


class Operation(Record):
    """One command.

    Args:
        parent: The operation before; None for the first of a ledger.
        height: 0 for the first, else one more than the parent's.
        actor: (name, email).
        time: Nanoseconds since 1970 in UTC, at least one more than the parent's.
        command: The command as typed.
        moves: Changed refs.
        reason: Why, or what was undone.
        evidence: Oids that the operation keeps, such as the commit of saved work.
    """

    __slots__ = ("actor", "command", "evidence", "height", "moves", "parent", "reason", "time")

    def __init__(
        self, *, parent: Oid | None, height: int, actor: tuple[str, str], time: int, command: str,
        moves: tuple[Move, ...], reason: str = "", evidence: tuple[Oid, ...] = (),
    ) -> None:
        self.parent = parent
        self.height = height
        self.actor = actor
        self.time = time
        self.command = command
        self.moves = moves
        self.reason = reason
        self.evidence = evidence

    def encode(self) -> bytes:
        """Returns the canonical payload.

        Raises:
            InvalidObject: If `decode` would refuse it.
        """
        payload = encode((
            OPERATION, 1, self.parent, self.height, list(self.actor), self.time, self.command,
            [[move.ref, move.old, move.new] for move in self.moves], self.reason, list(self.evidence),
        ))
        self.decode(payload)  # what cannot be read again must not be stored
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Operation:
        """Reads a payload.

        Raises:
            InvalidObject: If it is not a legal operation.
        """
        fields = Fields(OPERATION, decode(OPERATION, payload, 8))
        parent, height = fields.oid_or_none("parent"), fields.number("height")
        who = Fields(OPERATION, fields.array("actor"))
        actor = (who.text("name"), who.text("email"))
        who.done()
        time, command = fields.number("time", least=None), fields.text("command")
        moves = tuple(_move(item) for item in fields.array("moves"))
        reason = fields.text("reason")
        oids = Fields(OPERATION, fields.array("evidence"))
        evidence = []
        while oids.peek() is not None:
            evidence.append(Oid(oids.oid("evidence")))
        oids.done()
        if (parent is None) != (height == 0):
            raise InvalidObject(kind=OPERATION, reason=f"height {height} with parent {parent!r}")
        return cls(
            parent=None if parent is None else Oid(parent), height=height, actor=actor, time=time, command=command,
            moves=moves, reason=reason, evidence=tuple(evidence),
        )


def _move(value: Value) -> Move:
    if type(value) is not list or len(value) != 3 or type(value[0]) is not str or not value[0]:
        raise InvalidObject(kind=OPERATION, reason="a move of the wrong form")
    return Move(value[0], _target(value[1]), _target(value[2]))


def _target(value: Value) -> Target:
    if value is None or (type(value) is str and value):
        return value
    if type(value) is bytes and len(value) == OID_BYTES:
        return Oid(value)
    raise InvalidObject(kind=OPERATION, reason="a target of the wrong form")
