"""Roots: one namespace's refs and notes, moved as a whole by one compare-and-swap.

A root is a record, not an object: it has no oid and is replaced. Its notes are attestations sorted by subject, then
landing number. Implements: spec 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.hashing import NOTES, OID_BYTES, Oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.objects.codec import Value
    from mvcs.objects.operation import Target

HEADS = "heads"
REGISTRY = "registry"
VERDICTS = "verdicts"
WORDS = "words"
NAMESPACES = (HEADS, REGISTRY, VERDICTS, WORDS)

INLINE_NOTES = 64 << 10
"""Bytes of encoded notes up to which they stand in the root itself."""
KEPT_WRITES = 16
"""Write ids that a root remembers, to tell a lost answer from a lost race."""


class Note(Record):
    """One landed attestation.

    Args:
        subject: Oid or model name in UTF-8, as in the attestation.
        landing: Position in landing order, from 1.
        attestation: Oid of the attestation.
    """

    __slots__ = ("attestation", "landing", "subject")

    def __init__(self, subject: bytes, landing: int, attestation: Oid) -> None:
        self.subject = subject
        self.landing = landing
        self.attestation = attestation

    @property
    def key(self) -> bytes:
        """Sort key: the subject's length in one byte, the subject, the landing number in eight bytes, big end first.

        The length makes subjects prefix-free: a search for model m never meets those of model mn.
        """
        return bytes((len(self.subject),)) + self.subject + self.landing.to_bytes(8, "big")


class Root(Record):
    """One namespace.

    Args:
        namespace: heads, registry, verdicts or words.
        generation: Number of swaps so far.
        ledger: Oid of the newest operation of the shared ledger; None before the first.
        refs: Sorted (key, target).
        notes: Inline notes sorted by key, or the oid of a notes tree.
        landed: Landing number of the newest note.
        writes: Ids of the last writes, newest last.
    """

    __slots__ = ("generation", "landed", "ledger", "namespace", "notes", "refs", "writes")

    def __init__(
        self, *, namespace: str, generation: int = 0, ledger: Oid | None = None,
        refs: tuple[tuple[str, Target], ...] = (), notes: tuple[Note, ...] | Oid = (), landed: int = 0,
        writes: tuple[bytes, ...] = (),
    ) -> None:
        self.namespace = namespace
        self.generation = generation
        self.ledger = ledger
        self.refs = refs
        self.notes = notes
        self.landed = landed
        self.writes = writes

    def encode(self) -> bytes:
        """Returns the canonical bytes.

        Raises:
            InvalidObject: If `decode` would refuse them.
        """
        notes: Value
        if isinstance(self.notes, bytes):
            notes = self.notes
        else:
            notes = [[note.subject, note.landing, note.attestation] for note in self.notes]
        payload = encode((
            "root", 1, self.namespace, self.generation, self.ledger, [list(ref) for ref in self.refs], notes,
            self.landed, list(self.writes),
        ))
        self.decode(payload)  # what cannot be read again must not be stored
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Root:
        """Reads the bytes of a root.

        Raises:
            InvalidObject: If they are not a legal root.
        """
        fields = Fields("root", decode("root", payload, 7))
        namespace, generation = fields.text("namespace"), fields.number("generation")
        ledger = fields.oid_or_none("ledger")
        refs: list[tuple[str, Target]] = []
        for item in fields.array("refs"):
            pair = Fields("root", item)
            key = pair.text("ref")
            refs.append((key, pair.text("target") if isinstance(pair.peek(), str) else Oid(pair.oid("target"))))
            pair.done()
        notes = _notes(fields)
        landed = fields.number("landed")
        ids = fields.array("writes")
        if namespace not in NAMESPACES or any(type(item) is not bytes for item in ids):
            raise InvalidObject(kind="root", reason=f"namespace {namespace!r}")
        if not all(key and target for key, target in refs):
            raise InvalidObject(kind="root", reason="an empty ref or target")
        if [key for key, _ in refs] != sorted({key for key, _ in refs}):
            raise InvalidObject(kind="root", reason="refs not sorted or not unique")
        if isinstance(notes, tuple) and [note.key for note in notes] != sorted({note.key for note in notes}):
            raise InvalidObject(kind="root", reason="notes not sorted or not unique")
        return cls(
            namespace=namespace, generation=generation, ledger=None if ledger is None else Oid(ledger),
            refs=tuple(refs), notes=notes, landed=landed, writes=tuple(ids),  # type: ignore[arg-type]
        )


def _notes(fields: Fields) -> tuple[Note, ...] | Oid:
    if isinstance(fields.peek(), bytes):
        return Oid(fields.oid("notes"))
    notes = []
    for item in fields.array("notes"):
        row = Fields("root", item)
        notes.append(Note(row.raw("subject"), row.number("landing", least=1), Oid(row.oid("attestation"))))
        row.done()
    return tuple(notes)


def build_notes(notes: list[Note]) -> list[tuple[Oid, bytes]]:
    """Builds a notes tree: nodes as of a tree, each leaf row (key, attestation oid); the root node last."""
    from mvcs.objects import prolly

    rows: list[prolly.Row] = [(note.key, (note.attestation,), 1, 0) for note in sorted(notes, key=lambda n: n.key)]
    return prolly.build(NOTES, rows)


def read_note(row: list[Value]) -> Note:
    """Reads a leaf row of a notes tree.

    Raises:
        InvalidObject: If it is none.
    """
    key, oid = row
    if not isinstance(key, bytes) or len(key) < 10 or len(key) != key[0] + 9:
        raise InvalidObject(kind=NOTES, reason="a key that is no subject and landing")
    if not isinstance(oid, bytes) or len(oid) != OID_BYTES:
        raise InvalidObject(kind=NOTES, reason="a row without an attestation")
    return Note(key[1:-8], int.from_bytes(key[-8:], "big"), Oid(oid))
