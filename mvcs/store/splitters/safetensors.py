"""Safetensors: a JSON header that says where each tensor lies.

Knows: the header, read entry by entry so that its memory is bounded. Source: the safetensors repository, "Format".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.layout import BITS, MAX_REGIONS, Layout, Region
from mvcs.store.splitters.source import read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.splitters.source import Source

SPLITTER = "safetensors@1"
MAX_HEADER = 16 << 20
"""Bytes; a header of `MAX_REGIONS` tensors has about 7 MB, and the library refuses those above 100 MB."""

_SPACE = rb"[ \t\r\n]*+"  # possessive: a match that fails keeps nothing in memory and tries nothing twice
_STRING = rb'"([^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+)"'
_NUMBER = _SPACE + rb"[0-9]{1,19}" + _SPACE
_NUMBERS = rb"\[(" + _SPACE + rb"|(?:" + _NUMBER + rb",){0,63}+" + _NUMBER + rb")\]"
_KEY = re.compile(_SPACE + _STRING + _SPACE + rb":" + _SPACE)
_FIELD = re.compile(
    _SPACE + rb'"(dtype|shape|data_offsets)"' + _SPACE + rb":" + _SPACE + rb'(?:"(\w{1,32})"|' + _NUMBERS + rb")"
)
_PAIR = re.compile(_SPACE + _STRING + _SPACE + rb":" + _SPACE + _STRING)
_NEXT = re.compile(_SPACE + rb"([,}])")
_OPEN = re.compile(_SPACE + rb"\{" + _SPACE)


def split_safetensors(source: Source) -> Layout:
    """Reads the header of a safetensors file.

    Raises:
        InvalidObject: If it is not one, or its tensors do not fill the file.
    """
    header = _header(source)
    layout = Layout(SPLITTER, _regions(header, 8 + len(header)), source.size)
    at = 8 + len(header)
    for region in layout.regions:  # the format allows no holes
        if region.offset != at:
            raise InvalidObject(kind="safetensors", reason=f"a hole at {at}")
        at = region.end
    if at != source.size:
        raise InvalidObject(kind="safetensors", reason=f"its tensors end at {at}")
    return layout


def header_order(source: Source) -> tuple[bytes, list[str]]:
    """Returns the JSON of a file's metadata, empty without, and the names of its tensors in the order of the header.

    Raises:
        InvalidObject: If it is no safetensors file.
    """
    header = _header(source)
    metadata: list[bytes] = []
    names = [region.name for region in _regions(header, 8 + len(header), metadata)]
    return b"".join(metadata), names


def _header(source: Source) -> bytes:
    length = int.from_bytes(read_all(source, 0, 8, "safetensors"), "little")
    if not 2 <= length <= MAX_HEADER:
        raise InvalidObject(kind="safetensors", reason=f"a header of {length} bytes")
    return read_all(source, 8, length, "safetensors")


def _regions(header: bytes, start: int, metadata: list[bytes] | None = None) -> Iterator[Region]:
    at = _expect(_OPEN, header, 0).end()
    last = header[at : at + 1] == b"}"
    at += last
    names = 0
    while not last:
        names += 1
        if names > MAX_REGIONS + 1:
            raise InvalidObject(kind="safetensors", reason=f"more than {MAX_REGIONS} tensors")
        key = _expect(_KEY, header, at)
        name = _text(key[1])
        if name == "__metadata__":
            at = _after_metadata(header, key.end())
            if metadata is not None:
                metadata[:] = [header[key.end() : at]]
        else:
            region, at = _region(name, header, key.end(), start)
            yield region
        closing = _expect(_NEXT, header, at)
        at, last = closing.end(), closing[1] == b"}"
    if header[at:].strip(b" \t\r\n"):
        raise InvalidObject(kind="safetensors", reason="the header goes on after its end")


def _region(name: str, header: bytes, at: int, start: int) -> tuple[Region, int]:
    at = _expect(_OPEN, header, at).end()
    found: dict[bytes, bytes] = {}
    last = False
    while not last:
        field = _expect(_FIELD, header, at)
        if field[1] in found or (field[2] is None) == (field[1] == b"dtype"):
            raise InvalidObject(kind="safetensors", reason=f"tensor {name[:80]!r}")
        found[field[1]] = field[3] if field[2] is None else field[2]
        closing = _expect(_NEXT, header, field.end())
        at, last = closing.end(), closing[1] == b"}"
    dtype = found[b"dtype"].decode("ascii")
    begin, end = _numbers(found[b"data_offsets"])
    return Region(name, dtype if dtype in BITS else "", _numbers(found[b"shape"]), start + begin, end - begin), at


def _after_metadata(header: bytes, at: int) -> int:
    at = _expect(_OPEN, header, at).end()
    if header[at : at + 1] == b"}":
        return at + 1
    last = False
    while not last:
        closing = _expect(_NEXT, header, _expect(_PAIR, header, at).end())
        at, last = closing.end(), closing[1] == b"}"
    return at


def _numbers(raw: bytes) -> tuple[int, ...]:
    return tuple(int(word) for word in raw.split(b",")) if raw.strip() else ()


def _text(raw: bytes) -> str:
    if b"\\" not in raw:
        return raw.decode()
    import json

    text = str(json.loads(b'"' + raw + b'"'))
    text.encode()  # half of a surrogate pair is no text
    return text


def _expect(pattern: re.Pattern[bytes], header: bytes, at: int) -> re.Match[bytes]:
    found = pattern.match(header, at)
    if found is None:
        raise InvalidObject(kind="safetensors", reason=f"byte {at} of the header")
    return found
