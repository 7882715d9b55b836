"""Edits of a text: which spans become what.

Knows: spans. Refuses to know: syntaxes.
"""

from __future__ import annotations

import re
from typing import Final

BLANK: Final = " \t\r"
_BLANKS = re.compile(r"[ \t]*")


class CannotRewrite(ValueError):
    """A text cannot be edited to mean what it should; args[0] says where. For callers within formats."""


class Edits:
    """Edits of one text, made in any order.

    Args:
        text: The text.
    """

    __slots__ = ("_made", "newline", "text")

    def __init__(self, text: str, newline: str) -> None:
        self.text = text
        self.newline = newline
        self._made: list[tuple[int, int, str]] = []

    def put(self, start: int, end: int, replacement: str) -> None:
        """Replaces a span; an empty one is an insertion. Insertions at one place stay in the order they came in."""
        self._made.append((start, end, replacement))

    def apply(self) -> str:
        """Returns the edited text.

        Raises:
            CannotRewrite: If two edits meet.
        """
        pieces: list[str] = []
        at = 0
        removed = False
        for start, end, replacement in sorted(self._made, key=lambda edit: edit[:2]):
            if start < at and start == end and removed:
                pieces.append(replacement)  # an insertion where lines go
                continue
            if start < at:
                raise CannotRewrite("two changes at one place")  # noqa: EM101
            pieces += (self.text[at:start], replacement)
            at, removed = end, not replacement
        return "".join(pieces) + self.text[at:]

    def insert_lines(self, at: int, lines: str) -> None:
        """Inserts whole lines at the start of a line, or at the end of a text that may lack its last line end."""
        if at == len(self.text) and self.text and not self.text.endswith("\n"):
            lines = self.newline + lines.removesuffix(self.newline)
        self.put(at, at, lines)


def line_start(text: str, at: int) -> int:
    """Returns where the line of a position starts."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Returns where the next line starts, or the text ends."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def indent_at(text: str, at: int) -> str | None:
    """Returns the blanks before a position if nothing else stands before it on its line."""
    before = text[line_start(text, at) : at]
    return None if before.strip(" \t") else before


def comments_above(text: str, at: int) -> int:
    """Returns where the comment lines right above a line start, those as far indented as the line itself.

    Args:
        text: The text.
        at: Start of the line.
    """
    indent = _indent(text, at)
    while at > 0:
        above = line_start(text, at - 1)
        if _indent(text, above) != indent or not text.startswith("#", above + indent):
            break
        at = above
    return at


def _indent(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return len(found[0]) if found else 0


def shifted(text: str, by: int) -> str:
    """Returns a text whose lines after the first are indented further (or less far, as far as they are)."""
    first, *lines = text.split("\n")
    return "\n".join([first, *(_moved(line, by) for line in lines)])


def _moved(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line.strip(BLANK) else line
    return line[min(-by, len(line) - len(line.lstrip(" "))) :]
