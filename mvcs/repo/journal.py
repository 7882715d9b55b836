"""The checkout journal: which two states the files may be in while they are being rewritten.

Knows: its record. Refuses to know: how a rollback writes files (`ops.recover`). Implements: spec 11.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.hashing import Oid
from mvcs.objects.record import Record
from mvcs.store.base import PROGRESS

if TYPE_CHECKING:
    from mvcs.store.base import Readable, Writable

_TAG = "journal"


class Journal(Record):
    """Files on their way from one state to another.

    Args:
        token: Part of the temporary names.
        before: Root tree that the files had where they will change; None for none.
        after: Root tree that they are to have; None for none.
    """

    __slots__ = ("after", "before", "token")

    def __init__(self, token: str, before: Oid | None, after: Oid | None) -> None:
        self.token = token
        self.before = before
        self.after = after


def _key(workspace: str) -> bytes:
    return b"checkout\0" + workspace.encode("utf-8", "surrogateescape")


def read_journal(transaction: Readable, workspace: str) -> Journal | None:
    """Returns the journal of a workspace, None if no rewrite is under way."""
    value = transaction.get(PROGRESS, _key(workspace))
    if value is None:
        return None
    fields = Fields(_TAG, decode(_TAG, value, 3))
    token, before, after = fields.text("token"), fields.oid_or_none("before"), fields.oid_or_none("after")
    if not token.isalnum():
        raise InvalidObject(kind=_TAG, reason=f"token {token!r}")
    return Journal(token, None if before is None else Oid(before), None if after is None else Oid(after))


def write_journal(transaction: Writable, workspace: str, journal: Journal) -> None:
    """Says that the files are about to be rewritten."""
    value = encode((_TAG, 1, journal.token, journal.before, journal.after))
    transaction.put(PROGRESS, _key(workspace), value)


def end_journal(transaction: Writable, workspace: str) -> None:
    """Says that the files are in one of the two states again."""
    transaction.delete(PROGRESS, _key(workspace))
