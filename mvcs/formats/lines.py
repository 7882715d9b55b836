"""Lines of text as files have them: with their ends, their encoding, and the bytes that are no UTF-8.

Knows: what is text, UTF-8 and UTF-16, line ends. Refuses to know: what the lines say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mvcs.formats.content import Content

MAX_BYTES = 64 << 20
MAX_LINES = 2_000_000
LOOKED_AT = 8000
"""Bytes in which a NUL makes a file binary, as Git has it."""

UTF8, UTF8_BOM, UTF16_LE, UTF16_BE = "utf-8", "utf-8 with BOM", "utf-16-le", "utf-16-be"
_BOMS = {UTF8: b"", UTF8_BOM: b"\xef\xbb\xbf", UTF16_LE: b"\xff\xfe", UTF16_BE: b"\xfe\xff"}

LF, CRLF, MIXED = "\n", "\r\n", "mixed"


class Text(Record):
    """A text file.

    Args:
        lines: Its lines, each with its end; the byte order mark is not in them.
        encoding: UTF8, UTF8_BOM, UTF16_LE or UTF16_BE. Bytes that are no UTF-8 are kept as lone surrogates.
    """

    __slots__ = ("encoding", "lines")

    def __init__(self, lines: Sequence[str], encoding: str = UTF8) -> None:
        self.lines = tuple(lines)
        self.encoding = encoding

    def to_bytes(self) -> bytes:
        """Returns the file.

        Raises:
            UnreadableContent: If a character cannot be written in this encoding.

        Laws:
            read_text(content).to_bytes() is the content.
        """
        return encode("".join(self.lines), self.encoding)


def encode(text: str, encoding: str) -> bytes:
    """Returns the bytes of a text with its byte order mark.

    Raises:
        UnreadableContent: If a character cannot be written in this encoding.
    """
    codec, errors = _codec(encoding)
    try:
        return _BOMS[encoding] + text.encode(codec, errors)
    except UnicodeEncodeError as error:
        raise UnreadableContent(format="text", line=0, reason=f"no {encoding}: {error.reason}") from error


def _codec(encoding: str) -> tuple[str, str]:
    return ("utf-8", "surrogateescape") if encoding in {UTF8, UTF8_BOM} else (encoding, "surrogatepass")


def has_surrogates(lines: Iterable[str]) -> bool:
    """Whether bytes or code units are kept that are no characters: these cannot change their encoding."""
    return any(not line.isascii() and any("\ud800" <= char <= "\udfff" for char in line) for line in lines)


def encoding_of(head: bytes) -> str | None:
    """Returns the encoding of a file by its first bytes, None if it is binary.

    Args:
        head: The first LOOKED_AT bytes or more.
    """
    if head.startswith((_BOMS[UTF16_LE], _BOMS[UTF16_BE])):
        if head.startswith(b"\xff\xfe\x00\x00"):
            return None  # UTF-32, which nobody writes
        return UTF16_LE if head.startswith(_BOMS[UTF16_LE]) else UTF16_BE
    if b"\0" in head[:LOOKED_AT]:
        return None
    return UTF8_BOM if head.startswith(_BOMS[UTF8_BOM]) else UTF8


def characters(content: bytes) -> str | None:
    """Returns the characters of a text, with those that nobody can read replaced; None if it is binary or too large.

    For looking only: it cannot be written back.
    """
    encoding = encoding_of(content)
    if encoding is None or len(content) > MAX_BYTES:
        return None
    return content[len(_BOMS[encoding]) :].decode(_codec(encoding)[0], "replace")


def read_text(content: Content) -> Text:
    """Reads a text file.

    Raises:
        UnreadableContent: If it is binary or too large.
    """
    if content.size > MAX_BYTES:
        raise UnreadableContent(format="text", line=0, reason=f"larger than {MAX_BYTES >> 20} MiB")
    read = content.read()
    encoding = encoding_of(read[:LOOKED_AT])
    if encoding is None:
        raise UnreadableContent(format="text", line=0, reason="binary")
    codec, errors = _codec(encoding)
    try:
        text = read[len(_BOMS[encoding]) :].decode(codec, errors)
    except UnicodeDecodeError as error:
        raise UnreadableContent(format="text", line=0, reason=f"no {encoding}: {error.reason}") from error
    if text.count("\n") >= MAX_LINES:
        raise UnreadableContent(format="text", line=MAX_LINES, reason=f"more than {MAX_LINES} lines")
    return Text(split_lines(text), encoding)


def split_lines(text: str) -> list[str]:
    """Returns the lines of a text, each with its end; only a line feed ends a line.

    Laws:
        "".join(split_lines(text)) is the text.
    """
    lines = text.split("\n")
    last = lines.pop()
    made = [line + "\n" for line in lines]
    if last:
        made.append(last)
    return made


def line_end(lines: Iterable[str]) -> str:
    """Returns how lines end: LF, CRLF, MIXED, or nothing if no line has an end."""
    found = ""
    for line in lines:
        end = CRLF if line.endswith(CRLF) else LF if line.endswith(LF) else found
        if found and end != found:
            return MIXED
        found = end
    return found


def with_end(lines: Iterable[str], end: str) -> list[str]:
    """Returns the lines with LF or CRLF in place of the one of these that they have."""
    if end == CRLF:
        return [line if line.endswith(CRLF) or not line.endswith(LF) else line[:-1] + CRLF for line in lines]
    return [line[:-2] + LF if line.endswith(CRLF) else line for line in lines]
