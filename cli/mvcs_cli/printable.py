"""Text on its way to a terminal: what others wrote must not move the cursor, hide lines or turn them round.

Messages, names and keys come with a clone. Control characters but tab, bytes that are no UTF-8, and the characters that
embed, override or isolate the direction of text are shown as backslash escapes, on a terminal and in a pipe alike.
JSON, `cat` and patches are exact.
"""

from __future__ import annotations

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_DIRECTIONS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPED = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _DIRECTIONS}
_ESCAPED |= {0x0A: "\\n", 0x0D: "\\r"}
del _ESCAPED[0x09]
_IN_TEXT = {code: shown for code, shown in _ESCAPED.items() if code != 0x0A}


def printable(text: str, *, lines: bool = False) -> str:
    """Returns text as it may be printed.

    Args:
        text: What somebody wrote.
        lines: Whether line ends stay; else it is one line.
    """
    if text.isprintable():  # neither control characters nor directions nor surrogates are
        return text
    return text.translate(_IN_TEXT if lines else _ESCAPED).encode("utf-8", "backslashreplace").decode()


def indented(text: str) -> str:
    """Returns text of several lines whose later ones are indented: none can pass for a line of mvcs's own."""
    return printable(text, lines=True).replace("\n", "\n  ")
