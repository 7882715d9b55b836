"""What can be said of two files that nobody can read: their sizes, and how much is equal at both ends.

Knows: bytes. Refuses to know: formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.formats.values import ABSENT

if TYPE_CHECKING:
    from mvcs.formats.content import Content

LOOKED_AT = 64 << 20
"""Bytes of larger files that are compared, from the beginning; of files up to this size the ends are compared too."""
_STEP = 1 << 16


def diff_bytes(before: Content | None, after: Content | None) -> FileDiff:
    """Tells the sizes of a file before and after, and the share of it that is equal at its beginning and end.

    Args:
        before: The file as it was, None if it was not there.
        after: The file as it is.

    Laws:
        diff(a, a) is empty.
    """
    if before is None or after is None:
        if before is after:
            return FileDiff("bytes")
        old, new = (ABSENT if side is None else side.size for side in (before, after))
        return FileDiff("bytes", keys=(KeyChange("size", old, new),))
    largest, least = max(before.size, after.size), min(before.size, after.size)
    prefix = equal_beginning(before, after, LOOKED_AT)
    if prefix == largest:
        return FileDiff("bytes")
    note = f"first {_share(prefix, largest)} equal"
    if prefix >= LOOKED_AT:
        note = f"first {LOOKED_AT >> 20} MiB equal, the rest was not compared"
        if prefix == least:
            note = f"first {_share(prefix, largest)} equal"
    elif largest <= LOOKED_AT:
        suffix = _equal_end(before.read(), after.read(), least - prefix)
        note = f"first {_share(prefix, largest)} and last {_share(suffix, largest)} equal"
    return FileDiff("bytes", keys=(KeyChange("size", before.size, after.size, note),))


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def equal_beginning(first: Content, second: Content, limit: int) -> int:
    """Returns how many bytes are equal at the beginning of two contents, of the first `limit`."""
    left, right = first.pieces(), second.pieces()
    a = b = memoryview(b"")
    found = 0
    while found < limit:
        a, b = a or memoryview(next(left, b"")), b or memoryview(next(right, b""))
        length = min(len(a), len(b), limit - found)
        if not length:
            return found
        equal = _prefix(a[:length], b[:length])
        found += equal
        if equal < length:
            return found
        a, b = a[length:], b[length:]
    return found


def _prefix(a: memoryview, b: memoryview) -> int:
    if a == b:
        return len(a)
    at = 0
    while a[at : at + _STEP] == b[at : at + _STEP]:
        at += _STEP
    while a[at] == b[at]:
        at += 1
    return at


def _equal_end(a: bytes, b: bytes, most: int) -> int:
    found = 0
    while found + _STEP <= most and a[len(a) - found - _STEP : len(a) - found] == b[
        len(b) - found - _STEP : len(b) - found
    ]:
        found += _STEP
    while found < most and a[-1 - found] == b[-1 - found]:
        found += 1
    return found
