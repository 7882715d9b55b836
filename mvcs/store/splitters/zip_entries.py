"""The entries of a zip archive, each by both of its headers.

Knows: the central directory and the local headers, ZIP64 too, and that they must agree. Refuses to know: what entries
mean, and how to inflate. Source: APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.record import Record
from mvcs.store.splitters.layout import MAX_NAME, MAX_REGIONS
from mvcs.store.splitters.source import Window, read_all

if TYPE_CHECKING:
    from mvcs.store.splitters.source import Source

MAX_DIRECTORY = 8 << 20
"""Bytes; that of `MAX_REGIONS` tensors has about 5 MB."""
STORED = 0

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_CHECKSUM_LOCAL, _CHECKSUM_CENTRAL = 14, 16
_COMMENT = 0xFFFF
_FULL16, _FULL = 0xFFFF, 0xFFFF_FFFF
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_STREAMED = 0x0008
"""The flag that sizes follow the data; the local header may then have zeros."""
_ZIP64 = 0x0001


class Entry(Record):
    """One file in an archive.

    Args:
        name: As the directory has it.
        offset: Of the first byte of its data in the archive.
        length: Bytes of its data in the archive.
        stored: Whether these are the file's own bytes.
    """

    __slots__ = ("length", "name", "offset", "stored")

    def __init__(self, name: str, offset: int, length: int, *, stored: bool) -> None:
        self.name = name
        self.offset = offset
        self.length = length
        self.stored = stored


def read_entries(source: Source) -> list[Entry]:
    """Returns the entries of an archive that begins with one and ends with its directory, in the order of the file.

    Raises:
        InvalidObject: If the headers do not agree, or entries overlap, are encrypted or too many.
    """
    start, size, count = _directory(source)
    if count > MAX_REGIONS + 1000 or size > MAX_DIRECTORY:
        raise InvalidObject(kind="zip archive", reason=f"{count} entries in {size} bytes")
    window = Window(source, start, start + size)
    found = [_central(window) for _ in range(count)]
    if window.at != start + size:
        raise InvalidObject(kind="zip archive", reason="its directory goes on after its end")
    found.sort(reverse=True)
    entries = []
    names = set()
    while found:
        header, name, compressed, length, method, flags, crc = found.pop()
        end = found[-1][0] if found else start
        data = _local(source, header, name, (compressed, length, crc), method, flags)
        if data + compressed > end or name in names:
            raise InvalidObject(kind="zip archive", reason=f"entry {name[:80]!r} overlaps another or has its name")
        names.add(name)
        stored = method == STORED
        if stored and compressed != length:
            raise InvalidObject(kind="zip archive", reason=f"entry {name[:80]!r} is stored and has two sizes")
        if compressed:
            entries.append(Entry(name.decode(), data, compressed, stored=stored))
    return entries


def checksum_places(source: Source) -> dict[str, tuple[int, ...]]:
    """Returns where the checksum of each entry stands: in the directory, in the entry's own header, behind its data.

    Raises:
        InvalidObject: As `read_entries`.
    """
    start, size, count = _directory(source)
    window = Window(source, start, start + size)
    found: dict[str, tuple[int, ...]] = {}
    for _ in range(count):
        places = [window.at + _CHECKSUM_CENTRAL]
        header, name, compressed, length, method, flags, crc = _central(window)
        end = _local(source, header, name, (compressed, length, crc), method, flags) + compressed
        written = struct.pack("<I", crc)
        if source.read_at(header + _CHECKSUM_LOCAL, 4) == written:
            places.append(header + _CHECKSUM_LOCAL)
        if flags & _STREAMED:
            behind = source.read_at(end, 8)
            at = 4 if behind[:4] == b"PK\x07\x08" else 0
            if behind[at : at + 4] != written:
                raise InvalidObject(kind="zip archive", reason=f"no checksum behind entry {name[:80]!r}")
            places.append(end + at)
        found[name.decode()] = tuple(places)
    return found


def _directory(source: Source) -> tuple[int, int, int]:
    """Returns (offset, bytes, entries) of the central directory."""
    tail_at = max(0, source.size - _END.size - _COMMENT)
    tail = read_all(source, tail_at, source.size - tail_at, "zip archive")
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise InvalidObject(kind="zip archive", reason="no directory")
    _, disk, first, here, count, size, start, comment = _END.unpack_from(tail, at)
    if disk or first or here != count or at + _END.size + comment != len(tail):
        raise InvalidObject(kind="zip archive", reason="several disks, or bytes after its end")
    end = tail_at + at
    locator = read_all(source, end - _LOCATOR.size, _LOCATOR.size, "zip archive") if end >= _LOCATOR.size else b""
    if locator[:4] == b"PK\x06\x07":
        _, disk, at64, disks = _LOCATOR.unpack(locator)
        record = read_all(source, at64, _END64.size, "zip archive")
        signature, length, _, _, disk64, first64, here64, count64, size64, start64 = _END64.unpack(record)
        same = (
            count in {count64, _FULL16} and size in {size64, _FULL} and start in {start64, _FULL}
        )  # fmt: skip
        if signature != b"PK\x06\x06" or disk or disks > 1 or disk64 or first64 or here64 != count64 or not same:
            raise InvalidObject(kind="zip archive", reason="its two ends do not agree")
        if length + 12 != end - _LOCATOR.size - at64:
            raise InvalidObject(kind="zip archive", reason="bytes between its two ends")
        end, size, start, count = at64, size64, start64, count64
    elif count == _FULL16 or size == _FULL or start == _FULL:
        raise InvalidObject(kind="zip archive", reason="no second end")
    if start + size != end:
        raise InvalidObject(kind="zip archive", reason="its directory is not where its end says")
    return start, size, count


def _central(window: Window) -> tuple[int, bytes, int, int, int, int, int]:
    """Returns (offset of the local header, name, compressed, length, method, flags, crc) of the next entry."""
    fields = _CENTRAL.unpack(window.take(_CENTRAL.size))
    signature, _, _, flags, method, _, _, crc, compressed, length, named, extra_bytes, comment, disk = fields[:14]
    if signature != b"PK\x01\x02" or disk or flags & _ENCRYPTED or named > MAX_NAME:
        raise InvalidObject(kind="zip archive", reason=f"an entry of the directory before {window.at}")
    name = window.take(named)
    extra = window.take(extra_bytes)
    window.skip(comment)
    length, compressed, header = _wide(extra, (length, compressed, fields[16]))
    return header, name, compressed, length, method, flags, crc


def _wide(extra: bytes, values: tuple[int, ...]) -> list[int]:
    """Puts in the 64-bit values of an extra field where the 32-bit ones are full."""
    found = list(values)
    if _FULL not in values:
        return found
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64:
            at += 4
            for index, value in enumerate(values):
                if value == _FULL:
                    (found[index],) = struct.unpack_from("<Q", extra[: at + length], at)
                    at += 8
                    length -= 8
            return found
        at += 4 + length
    raise InvalidObject(kind="zip archive", reason="no 64-bit size")


def _local(source: Source, header: int, name: bytes, sizes: tuple[int, int, int], method: int, flags: int) -> int:
    """Returns where an entry's data begins, by its own header, which must say what the directory says."""
    raw = read_all(source, header, _LOCAL.size + len(name), "zip archive")
    signature, _, flags_here, method_here, _, _, crc, compressed, length, named, extra_bytes = _LOCAL.unpack_from(raw)
    if signature != b"PK\x03\x04" or raw[_LOCAL.size :] != name or named != len(name) or method_here != method:
        raise InvalidObject(kind="zip archive", reason=f"the header at {header} is not that of {name[:80]!r}")
    data = header + _LOCAL.size + named + extra_bytes
    if _FULL in {length, compressed}:
        extra = read_all(source, header + _LOCAL.size + named, extra_bytes, "zip archive")
        length, compressed = _wide(extra, (length, compressed))
    streamed = flags & flags_here & _STREAMED and (compressed, length, crc) == (0, 0, 0)
    if (flags ^ flags_here) & (_ENCRYPTED | _STREAMED) or not (streamed or (compressed, length, crc) == sizes):
        raise InvalidObject(kind="zip archive", reason=f"the header at {header} does not agree with the directory")
    return int(data)
