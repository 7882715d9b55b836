"""Oids: a blob's is the plain BLAKE3-256 of its content, every other kind's is BLAKE3 `derive_key`.

The only module that imports blake3. Implements: spec 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NewType

from blake3 import blake3

from mvcs.errors import InvalidArgument

if TYPE_CHECKING:
    from typing_extensions import Buffer

Oid = NewType("Oid", bytes)

OID_BYTES = 32
OID_HEX = 64

BLOB = "blob"
TREE = "tree"
COMMIT = "commit"
TAG = "tag"
ATTESTATION = "attestation"
OPERATION = "operation"
NOTES = "notes"
KINDS = (BLOB, TREE, COMMIT, TAG, ATTESTATION, OPERATION, NOTES)

RECIPE = "recipe"
"""Not an object: the context under which the recipe of a commit is hashed."""

CONTEXTS = {
    kind: f"mvcs 2026-11 v1 {kind}" for kind in (TREE, COMMIT, TAG, ATTESTATION, OPERATION, NOTES, RECIPE)
}
"""BLAKE3 key derivation contexts, constants for ever (spec 3.2)."""


def blob_oid(content: Buffer) -> Oid:
    """Returns the oid of a blob: BLAKE3-256 of its content, what `b3sum` prints."""
    return Oid(blake3(content).digest())


def object_oid(kind: str, payload: bytes) -> Oid:
    """Returns the oid of a payload of this kind."""
    if kind == BLOB:
        return Oid(blake3(payload).digest())
    return Oid(blake3(payload, derive_key_context=CONTEXTS[kind]).digest())


class BlobHasher:
    """Hashes a blob piece by piece.

    Args:
        threads: BLAKE3 threads for one `update` of at least a few hundred KiB.
    """

    __slots__ = ("_hasher",)

    def __init__(self, threads: int = 1) -> None:
        self._hasher = blake3(max_threads=threads)

    def update(self, piece: Buffer) -> None:
        """Adds a piece."""
        self._hasher.update(piece)

    def oid(self) -> Oid:
        """Returns the oid of all pieces so far."""
        return Oid(self._hasher.digest())


def short_hash(level: int, name: bytes) -> int:
    """Returns the 32 bit number that decides whether `name` ends a tree node at `level` (spec 5.2)."""
    return int.from_bytes(blake3(bytes((level,)) + name).digest(4), "little")


def parse_oid(text: str) -> Oid:
    """Reads 64 hex digits.

    Raises:
        InvalidArgument: If they are not.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != OID_BYTES or len(text) != OID_HEX:
        raise InvalidArgument(argument="oid", value=text, reason="an oid is 64 hexadecimal digits")
    return Oid(raw)
