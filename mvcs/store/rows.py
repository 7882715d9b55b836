"""Rows of the objects table: kind, codec, payload.

Knows: the layout. Refuses to know: where rows lie. Implements: spec 7.5.
"""

from __future__ import annotations

from mvcs.errors import InvalidObject, ObjectCorrupt
from mvcs.objects.hashing import BLOB, Oid, object_oid
from mvcs.store.records import KIND_CODES, KIND_NAMES, MAX_CHUNK, RAW, ZSTD

SQUEEZE_EACH = 512


def object_row(kind: str, payload: bytes) -> bytes:
    """Returns the row of a structured object."""
    return bytes((KIND_CODES[kind], RAW)) + payload


def blob_row(content: bytes, *, pack: bool) -> bytes:
    """Returns the row of a small blob; compressed where that is asked for and worth it."""
    if pack and len(content) >= SQUEEZE_EACH:
        from mvcs.store.compress import squeeze

        packed = squeeze(content)
        if packed is not None:
            return bytes((KIND_CODES[BLOB], ZSTD)) + len(content).to_bytes(4, "little") + packed
    return bytes((KIND_CODES[BLOB], RAW)) + content


def row_kind(row: bytes | memoryview) -> str | None:
    """Returns the kind of the object in a row, None if it is no row."""
    return KIND_NAMES.get(row[0]) if len(row) >= 2 else None


def row_payload(oid: Oid, row: bytes | memoryview, where: str = "meta") -> bytes:
    """Returns the payload of a row; whoever asks verifies it.

    Args:
        oid: For errors.
        row: The row.
        where: Where it was found, for errors.

    Raises:
        ObjectCorrupt: If it gives none.
    """
    kind = row_kind(row)
    if kind is None:
        raise ObjectCorrupt(oid=oid.hex(), kind="object", where=where)
    if row[1] == RAW:
        return bytes(row[2:])
    from mvcs.store.compress import unsqueeze

    raw_length = int.from_bytes(row[2:6], "little")
    try:
        if row[1] != ZSTD or raw_length > MAX_CHUNK:
            raise InvalidObject(kind="row", reason=f"codec {row[1]}")  # noqa: TRY301 -- named below
        return unsqueeze(row[6:], raw_length)
    except InvalidObject as error:
        raise ObjectCorrupt(oid=oid.hex(), kind=kind, where=where) from error


def open_row(oid: Oid, row: bytes | memoryview, where: str = "meta") -> tuple[str, bytes]:
    """Returns (kind, payload) of a row, verified.

    Raises:
        ObjectCorrupt: If the payload is not what the oid says.
    """
    payload, kind = row_payload(oid, row, where), row_kind(row)
    assert kind is not None
    if object_oid(kind, payload) != oid:
        raise ObjectCorrupt(oid=oid.hex(), kind=kind, where=where)
    return kind, payload
