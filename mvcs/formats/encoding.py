"""Text as it lies in a file: its encoding and byte order mark, kept so that it is written back as it was.

Knows: UTF-8 and UTF-16. Refuses to know: what the text means; line ends stay in it as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.bounds import refuse_bytes
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.formats.content import Content


class Encoding(Record):
    """How a text lies in a file.

    Args:
        codec: Python's name of the encoding.
        mark: The byte order mark before the text, empty if none.
    """

    __slots__ = ("codec", "mark")

    def __init__(self, codec: str, mark: bytes = b"") -> None:
        self.codec = codec
        self.mark = mark

    def encode(self, text: str) -> bytes:
        """Returns the file."""
        return self.mark + text.encode(self.codec)


UTF_8: Final = Encoding("utf-8")
_MARKED: Final = (
    Encoding("utf-8", b"\xef\xbb\xbf"), Encoding("utf-16-le", b"\xff\xfe"), Encoding("utf-16-be", b"\xfe\xff"),
)


def read_text(content: Content, form: str) -> tuple[str, Encoding]:
    """Reads a file's text, line ends as they are.

    Args:
        content: The file.
        form: Name of its format, for the error and for the bound of its size.

    Returns:
        The text without a byte order mark, and its encoding. UTF-8 unless a mark says otherwise.

    Raises:
        UnreadableContent: If it is longer than the format's bound, or not text.

    Laws:
        encoding.encode(text) gives the file's bytes.
    """
    refuse_bytes(content.size, form)
    raw = content.read()
    encoding = next((known for known in _MARKED if raw.startswith(known.mark)), UTF_8)
    body = raw[len(encoding.mark) :]
    try:
        return body.decode(encoding.codec), encoding
    except UnicodeDecodeError as error:
        line = body[: error.start].decode(encoding.codec, "replace").count("\n") + 1
        raise UnreadableContent(format=form, line=line, reason=f"not {encoding.codec.upper()}") from error


def newline_of(text: str) -> str:
    """Returns the line end that a text uses, by its first line."""
    at = text.find("\n")
    if at < 0:
        return "\r" if "\r" in text else "\n"
    return "\r\n" if at and text[at - 1] == "\r" else "\n"
