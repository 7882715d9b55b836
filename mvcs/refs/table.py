"""The refs table: reading, and compare-and-swap of several refs in one transaction.

Knows: how targets are stored. Refuses to know: operations (`ledger`), grammar (`names`). Implements: spec 10.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, RefConflict
from mvcs.objects.hashing import OID_BYTES, Oid
from mvcs.refs.names import WORKSPACE, head_key
from mvcs.store.base import REFS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.objects.operation import Move, Target
    from mvcs.store.base import Readable, Writable

_OID = b"\0"
_NAME = b"@"
MAX_HOPS = 5
"""Refs that may name refs in a row."""


def encode_target(target: Oid | str) -> bytes:
    """Returns the stored form of a target: NUL and an oid, or @ and a key."""
    return _NAME + target.encode() if isinstance(target, str) else _OID + target


def decode_target(value: bytes) -> Oid | str:
    """Reads a stored target.

    Raises:
        InvalidObject: If it is neither.
    """
    if value[:1] == _NAME:
        return value[1:].decode("utf-8", "replace")
    if value[:1] == _OID and len(value) == 1 + OID_BYTES:
        return Oid(value[1:])
    raise InvalidObject(kind="ref", reason=f"{len(value)} bytes")


def _key(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise InvalidObject(kind="ref", reason=f"{key!r} is no UTF-8") from None


def read_target(transaction: Readable, key: str) -> Target:
    """Returns what a ref stands for, None if it is not there."""
    value = transaction.get(REFS, key.encode())
    return None if value is None else decode_target(value)


def swap(transaction: Writable, moves: Iterable[Move]) -> None:
    """Moves refs, all or none: each must stand where its move begins.

    Raises:
        RefConflict: If one does not; the caller's transaction must then end with this error.
    """
    for move in moves:
        if move.ref.startswith(WORKSPACE):
            continue
        actual = read_target(transaction, move.ref)
        if actual != move.old:
            raise RefConflict(ref=move.ref, expected=show_target(move.old), actual=show_target(actual))
        if move.new is None:
            transaction.delete(REFS, move.ref.encode())
        else:
            transaction.put(REFS, move.ref.encode(), encode_target(move.new))


def show_target(target: Target) -> str:
    """Returns a target as text."""
    if target is None:
        return "nothing"
    return target if isinstance(target, str) else target.hex()


class Refs:
    """All refs at one moment: now, or after an operation of the past.

    Args:
        targets: Key to target.
    """

    __slots__ = ("targets",)

    def __init__(self, targets: dict[str, Oid | str]) -> None:
        self.targets = targets

    @classmethod
    def now(cls, transaction: Readable) -> Refs:
        """Reads all refs."""
        return cls({_key(key): decode_target(value) for key, value in transaction.items(REFS)})

    def before(self, moves: Iterable[Move]) -> Refs:
        """Returns the refs as they were before these moves."""
        targets = dict(self.targets)
        for move in moves:
            if move.ref.startswith(WORKSPACE):
                continue
            if move.old is None:
                targets.pop(move.ref, None)
            else:
                targets[move.ref] = move.old
        return Refs(targets)

    def get(self, key: str) -> Target:
        """Returns what a ref stands for, None if it is not there."""
        return self.targets.get(key)

    def resolve(self, key: str) -> Oid | None:
        """Follows a ref to an oid; None if it is not there or names a ref that is not."""
        target: Target = key
        for _ in range(MAX_HOPS):
            if not isinstance(target, str):
                break
            target = self.targets.get(target)
        return None if isinstance(target, str) else target

    def under(self, prefix: str) -> Iterator[tuple[str, Oid | str]]:
        """Yields (key, target) of the refs below a prefix, in order of their keys."""
        for key in sorted(self.targets):
            if key.startswith(prefix):
                yield key, self.targets[key]

    def head(self, workspace: str) -> Target:
        """Returns the target of a workspace's HEAD."""
        return self.targets.get(head_key(workspace))
