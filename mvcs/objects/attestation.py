"""Attestations: a statement about an object or a model, by somebody, at some time. They never change a commit.

Implements: spec 5.5. Shape: in-toto's (subject, predicate, payload).
"""

from __future__ import annotations

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.commit import Person
from mvcs.objects.hashing import ATTESTATION, KINDS, OID_BYTES, Oid
from mvcs.objects.record import Record

MODEL = "model"
"""Subject kind whose subject is a model's name and not an oid."""

PREDICATES = (
    "measurement", "verdict", "acceptance", "deployment", "receipt", "image", "lock", "approval", "override",
    "contract", "collected", "comment", "label", "deprecation", "retract",
)
"""Predicates that this version knows; others are carried unread."""


class Attestation(Record):
    """A statement.

    Args:
        subject_kind: Kind of the subject, or MODEL.
        subject: Oid of the subject, or the model's name in UTF-8.
        predicate: What is stated; an open name.
        payload: Blob of canonical JSON.
        author: Who and when.
    """

    __slots__ = ("author", "payload", "predicate", "subject", "subject_kind")

    def __init__(self, subject_kind: str, subject: bytes, predicate: str, payload: Oid, author: Person) -> None:
        self.subject_kind = subject_kind
        self.subject = subject
        self.predicate = predicate
        self.payload = payload
        self.author = author

    def encode(self) -> bytes:
        """Returns the canonical payload.

        Raises:
            InvalidObject: If `decode` would refuse it.
        """
        payload = encode(
            (ATTESTATION, 1, self.subject_kind, self.subject, self.predicate, self.payload, self.author.to_value())
        )
        self.decode(payload)  # what cannot be read again must not be stored
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Attestation:
        """Reads a payload.

        Raises:
            InvalidObject: If it is not a legal attestation.
        """
        fields = Fields(ATTESTATION, decode(ATTESTATION, payload, 5))
        kind, subject, predicate = fields.text("subject kind"), fields.raw("subject"), fields.text("predicate")
        about = Oid(fields.oid("payload"))
        author = Person.from_value(ATTESTATION, fields.array("author"))
        if kind == MODEL:
            try:
                named = bool(subject.decode())
            except UnicodeDecodeError:
                named = False
            if not named:
                raise InvalidObject(kind=ATTESTATION, reason="a model without a name")
        elif kind not in KINDS or len(subject) != OID_BYTES:
            raise InvalidObject(kind=ATTESTATION, reason=f"subject of kind {kind!r}, {len(subject)} bytes")
        if not predicate:
            raise InvalidObject(kind=ATTESTATION, reason="no predicate")
        return cls(kind, subject, predicate, about, author)
