"""The text of a data file in blocks of UTF-8, whatever it lies in: a bounded memory for files of any size.

Knows: encodings, byte order marks, how pieces become blocks. Refuses to know: rows.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.encoding import UTF_8, Encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content

BLOCK: Final = 512 << 10
"""Bytes of a block, as they lie in the file."""
MAX_BYTES: Final = 2 << 30
"""A longer file is not read as a table."""

_MARKS: Final = (
    Encoding("utf-8", b"\xef\xbb\xbf"), Encoding("utf-16-le", b"\xff\xfe"), Encoding("utf-16-be", b"\xfe\xff"),
)


def same_bytes(first: Content, second: Content) -> bool:
    """Whether two files have the same bytes; neither is held in memory."""
    if first is second:
        return True
    if first.size != second.size:
        return False
    return all(a == b for a, b in zip(_even(first), _even(second), strict=True))


def _even(content: Content) -> Iterator[bytes]:
    """Yields BLOCK bytes at a time: the same blocks for the same bytes, however they come."""
    held: list[bytes] = []
    size = 0
    for piece in content.pieces():
        held.append(piece)
        size += len(piece)
        if size >= BLOCK:
            whole = b"".join(held)
            end = size - size % BLOCK
            for start in range(0, end, BLOCK):
                yield whole[start : start + BLOCK]
            held, size = [whole[end:]], size - end
    if size:
        yield b"".join(held)


def encoding_of(content: Content) -> Encoding:
    """Returns the encoding that a file's mark tells, UTF-8 if it has none."""
    start = next((block[:4] for block in _even(content)), b"")
    return next((known for known in _MARKS if start.startswith(known.mark)), UTF_8)


def text_blocks(content: Content, encoding: Encoding, form: str) -> Iterator[bytes]:
    """Yields a file's text as UTF-8, without its mark; the same blocks each time.

    UTF-8 is passed through as it is; what is not UTF-8 in it stays, for bytes must not get lost.

    Raises:
        UnreadableContent: If the file is too long, has a NUL, or is not of its encoding.
    """
    if content.size > MAX_BYTES:
        raise UnreadableContent(format=form, line=0, reason=f"longer than {MAX_BYTES >> 30} GiB")
    skip = len(encoding.mark)
    decoder = None if encoding.codec == "utf-8" else codecs.getincrementaldecoder(encoding.codec)()
    lines = 1
    try:
        for raw in _even(content):
            block, skip = raw[skip:] if skip else raw, 0
            if decoder is not None:
                block = decoder.decode(block).encode()
            if b"\0" in block:
                line = lines + block.count(b"\n", 0, block.index(b"\0"))
                raise UnreadableContent(format=form, line=line, reason="a NUL character: not text")
            if decoder is not None:
                lines += block.count(b"\n")
            yield block
        if decoder is not None:
            decoder.decode(b"", final=True)
    except UnicodeError as error:
        reason = f"not {encoding.codec.upper()}"
        raise UnreadableContent(format=form, line=lines, reason=reason) from error


def encoded(text: bytes, encoding: Encoding, form: str, *, strict: bool = False) -> bytes:
    """Returns UTF-8 text in another encoding, without a mark.

    Args:
        text: The text.
        encoding: Where it goes.
        form: Name of the format.
        strict: Whether what is not UTF-8 may not stay even if it could.

    Raises:
        UnreadableContent: If the text is not UTF-8 and must be.
    """
    if encoding.codec == "utf-8" and not strict:
        return text
    try:
        return text.decode().encode(encoding.codec)
    except UnicodeError as error:
        raise UnreadableContent(format=form, line=0, reason="one side is not UTF-8, the other is UTF-16") from error


def starts_with(content: Content, prefix: Content) -> bool:
    """Whether a file begins with all bytes of another."""
    if prefix.size > content.size:
        return False
    return all(b[: len(a)] == a for a, b in zip(_even(prefix), _even(content), strict=False))


def bytes_from(content: Content, start: int) -> Iterator[bytes]:
    """Yields a file's bytes from a place on, in pieces none of which is empty."""
    for block in _even(content):
        if start < len(block):
            yield block[start:]
        start = max(0, start - len(block))
