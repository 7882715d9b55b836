"""TOML 1.0: text to values, and to the statements that set them.

tomllib says what the text means; a scan of its tokens says where each statement stands. The scan goes first and
bounds nesting, dotted keys too, for which tomllib takes quadratic time. Knows: what TOML means. Refuses to know:
files, how a text is changed (and tomlkit, which `mvcs.repo.toml` uses for mvcs' own files).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.bounds import MAX_DEPTH, MAX_KEYS, check_value
from mvcs.formats.nodes import Member, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.values import Value

_TOKEN = re.compile(
    r'''(?P<string>"""[^"\\]*+(?:(?:\\.|"{1,2}(?!"))[^"\\]*+)*+"{3,5}|\'{3}[^']*+(?:'{1,2}(?!')[^']*+)*+'{3,5}'''
    r'''|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"|'[^'\n]*+')'''
    r"|(?P<comment>\#[^\n]*)|(?P<newline>\r?\n)|(?P<space>[ \t]+)|(?P<word>[^\s\"'#=\[\]{},.]+)|(?P<mark>.)",
    re.DOTALL,
)
_AT_LINE = re.compile(r"\(at line (\d+)")


class Statement:
    """One line of TOML, or several if its value goes over several.

    Attributes:
        path: Keys from the root to what it sets or opens.
        header: "" for `key = value`, "[" for a table's header, "[[" for one of an array of tables.
        section: Which header it stands under, counted from 1; 0 for none; a header's own number.
        start: Where its key (or its header) starts.
        value_start: Where the value starts; the end of a header.
        end: Where the value or the header ends.
        depth: How many keys of `path` are written here; the others come from the header.
    """

    __slots__ = ("depth", "end", "header", "path", "section", "start", "value_start")

    def __init__(self, path: tuple[str, ...], header: str, section: int, start: int, depth: int) -> None:
        self.path = path
        self.header = header
        self.section = section
        self.start = start
        self.depth = depth
        self.value_start = start
        self.end = start


class TomlDocument:
    """A text, what it means, and its statements in order.

    Attributes:
        text: The text.
        value: What it means.
        statements: What sets it.
    """

    __slots__ = ("statements", "text", "value")

    def __init__(self, text: str, value: dict[str, Value], statements: list[Statement]) -> None:
        self.text = text
        self.value = value
        self.statements = statements


def parse_toml(text: str) -> dict[str, Value]:
    """Returns what TOML means.

    Raises:
        UnreadableContent: If it is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise UnreadableContent(format="TOML", line=line, reason=re.sub(r" \(at .*\)", "", str(error))[:200]) from error
    except (RecursionError, ValueError, OverflowError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise UnreadableContent(format="TOML", line=0, reason=reason) from error


def read_toml(text: str) -> TomlDocument:
    """Reads TOML.

    Raises:
        UnreadableContent: If it is not TOML, or has more of anything than the bounds allow.
    """
    statements = _statements(text)
    value = parse_toml(text)
    check_value(value, "TOML")
    return TomlDocument(text, value, statements)


def _tokens(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    for token in _TOKEN.finditer(text, start, end):
        if token.lastgroup == "mark" and token[0] in {'"', "'"}:
            return  # a string that does not end; to look for the end of each one would take quadratic time
        yield token


def _statements(text: str) -> list[Statement]:
    # Of text that is not TOML this makes anything, but it never stops before tomllib would: what passes is in bounds.
    found: list[Statement] = []
    section: tuple[str, ...] = ()
    number = length = 0
    tokens = _tokens(text, 0, len(text))
    for token in tokens:
        if token.lastgroup in {"space", "newline", "comment"}:
            continue
        header = "" if token[0] != "[" else "[[" if text.startswith("[[", token.start()) else "["
        if header == "[[":
            next(tokens)
        parts = _key(text, None if header else token, tokens)
        if parts is None:
            break
        number += bool(header)
        made = Statement(parts if header else section + parts, header, number, token.start(), len(parts))
        if header:
            section = parts
            made.end = made.value_start = _header_end(text, tokens)
        else:
            made.value_start, made.end = _value(text, tokens)
        found.append(made)
        length += len(made.path)
        if len(found) > 2 * MAX_KEYS or length > 10 * MAX_KEYS:
            raise UnreadableContent(format="TOML", line=0, reason=f"more than {MAX_KEYS} keys")
    return found


def _key(text: str, token: re.Match[str] | None, tokens: Iterator[re.Match[str]]) -> tuple[str, ...] | None:
    # Reads up to the = or the ] behind a dotted key; None if there is none.
    parts: list[str] = []
    while True:
        token = token or next(tokens, None)
        if token is None or token.lastgroup in {"newline", "comment"}:
            return None
        if token.lastgroup == "word":
            parts.append(token[0])
        elif token.lastgroup == "string":
            parts.append(_unquoted(token[0]))
        elif token[0] in {"=", "]"}:
            return tuple(parts)
        elif token.lastgroup == "mark" and token[0] != ".":
            return None
        if len(parts) > MAX_DEPTH:
            raise _too_deep(text, token.start())
        token = None


def _unquoted(token: str) -> str:
    return token[1:-1] if "\\" not in token or token[0] == "'" else next(iter(parse_toml(token + " = 1")))


def _header_end(text: str, tokens: Iterator[re.Match[str]]) -> int:
    end = 0
    for token in tokens:
        if token.lastgroup == "newline":
            return end or token.start()
        if not end and token[0] != "]":
            end = token.start()
    return end or len(text)


def _value(text: str, tokens: Iterator[re.Match[str]]) -> tuple[int, int]:
    start = end = -1
    depth = dots = 0
    for token in tokens:
        kind = token.lastgroup
        if kind == "newline" and depth <= 0:
            break
        if kind == "mark":
            depth += (token[0] in {"[", "{"}) - (token[0] in {"]", "}"})
            dots = dots + 1 if token[0] == "." else 0
            if max(depth, dots) > MAX_DEPTH:
                raise _too_deep(text, token.start())
        if kind not in {"space", "newline", "comment"}:
            start = token.start() if start < 0 else start
            end = token.end()
    return start, end


def _too_deep(text: str, at: int) -> UnreadableContent:
    line = text.count("\n", 0, at) + 1
    return UnreadableContent(format="TOML", line=line, reason=f"more than {MAX_DEPTH} levels deep")


def inline_table(text: str, start: int, end: int) -> Node | None:
    """Returns an inline table as a tree of places; None if its keys are dotted."""
    node = Node(parse_toml("x = " + text[start:end])["x"], start, end)
    assert isinstance(node.value, dict)
    tokens = _tokens(text, start + 1, end)
    for token in tokens:
        if token.lastgroup in {"space", "newline", "comment"} or token[0] in {",", "}"}:
            continue
        parts = _key(text, token, tokens)
        if parts is None or len(parts) != 1:
            return None
        item_start, item_end, equals = -1, -1, text.index("=", token.end()) + 1
        depth = 0
        for part in tokens:
            if depth == 0 and part[0] in {",", "}"}:
                break
            depth += (part[0] in {"[", "{"}) - (part[0] in {"]", "}"})
            if part.lastgroup not in {"space", "newline", "comment"}:
                item_start = part.start() if item_start < 0 else item_start
                item_end = part.end()
        value = node.value[parts[0]]
        inner = inline_table(text, item_start, item_end) if isinstance(value, dict) else None
        item = inner or Node(value, item_start, item_end)
        node.members[parts[0]] = Member(parts[0], token.start(), equals, item, None)
    return node


def last_item_end(text: str, start: int, end: int) -> int:
    """Returns where the last item of an array ends, or a comma behind it; `start` if it has none."""
    found = start
    for token in _tokens(text, start + 1, end - 1):
        if token.lastgroup not in {"space", "newline", "comment"}:
            found = token.end()
    return found
