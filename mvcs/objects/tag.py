"""Tags: an immutable, named, signed-by-name pointer at an object. Versions are tags.

Implements: spec 5.4.
"""

from __future__ import annotations

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.commit import MAX_MESSAGE, Person
from mvcs.objects.hashing import KINDS, TAG, Oid
from mvcs.objects.record import Record


class Tag(Record):
    """A named object that points at another.

    Args:
        target_kind: Kind of the target.
        target: Oid of the target.
        name: Name of the tag, as in its ref.
        tagger: Who and when.
        message: Why.
    """

    __slots__ = ("message", "name", "tagger", "target", "target_kind")

    def __init__(self, target_kind: str, target: Oid, name: str, tagger: Person, message: str) -> None:
        self.target_kind = target_kind
        self.target = target
        self.name = name
        self.tagger = tagger
        self.message = message

    def encode(self) -> bytes:
        """Returns the canonical payload.

        Raises:
            InvalidObject: If `decode` would refuse it.
        """
        payload = encode((TAG, 1, self.target_kind, self.target, self.name, self.tagger.to_value(), self.message))
        self.decode(payload)  # what cannot be read again must not be stored
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Tag:
        """Reads a payload.

        Raises:
            InvalidObject: If it is not a legal tag.
        """
        fields = Fields(TAG, decode(TAG, payload, 5))
        kind, target, name = fields.text("target kind"), Oid(fields.oid("target")), fields.text("name")
        tagger = Person.from_value(TAG, fields.array("tagger"))
        message = fields.text("message")
        if kind not in KINDS or not name or len(message.encode()) > MAX_MESSAGE:
            raise InvalidObject(kind=TAG, reason=f"kind {kind!r}, name {name!r}")
        return cls(kind, target, name, tagger, message)
