"""TOML made to mean another value: statements that go, change, and come.

A table is wherever its statements are: under a header, as dotted keys, in an inline table. What goes takes its lines
with it; what comes goes where its table is. Knows: statements. Refuses to know: what values mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mvcs.formats.key_paths import value_at
from mvcs.formats.nodes import Node
from mvcs.formats.rewriting.edits import CannotRewrite, comments_above, line_end, line_start
from mvcs.formats.rewriting.lists import extend
from mvcs.formats.rewriting.source import Source
from mvcs.formats.rewriting.speller import TomlSpeller
from mvcs.formats.rewriting.tree import edit_inline
from mvcs.formats.spelling import in_toml, toml_key
from mvcs.formats.toml import inline_table, last_item_end
from mvcs.formats.values import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.rewriting.edits import Edits
    from mvcs.formats.toml import Statement, TomlDocument
    from mvcs.formats.values import Value

    Path = tuple[str, ...]

NEAR = 16
"""Keys before a new one among which its place is looked for."""


def edit_toml(edits: Edits, document: TomlDocument, target: Value, sources: Sequence[TomlDocument]) -> None:
    """Collects the edits that make a text mean a map.

    Raises:
        CannotRewrite: If it cannot be done, as when the target is no map.
    """
    if not isinstance(target, dict):
        raise CannotRewrite("TOML is a map")  # noqa: EM101
    editor = _Editor(edits, _Index(document), [_Index(each) for each in sources])
    editor.table((), document.value, target)
    for at, lines in editor.tables:  # behind the keys that go to the same place
        edits.insert_lines(at, lines)


class _Index:
    # The statements below each path, in the order of the text.
    def __init__(self, document: TomlDocument) -> None:
        self.text = document.text
        self.value = document.value
        self.statements = document.statements
        self.numbers: dict[Path, list[int]] = {}
        self.last_of: dict[int, int] = {}
        self.hosts: dict[int, Path] = {0: ()}
        self.headers: dict[Path, Statement] = {}
        for number, statement in enumerate(document.statements):
            for length in range(1, len(statement.path) + 1):
                self.numbers.setdefault(statement.path[:length], []).append(number)
            self.last_of[statement.section] = number
            if statement.header:
                self.hosts[statement.section] = statement.path
            if statement.header == "[":
                self.headers[statement.path] = statement

    def below(self, path: Path) -> list[Statement]:
        return [self.statements[number] for number in self.numbers.get(path, ())]

    def only(self, path: Path) -> Statement | None:
        # The one statement that sets a path as `key = value`.
        found = self.numbers.get(path, ())
        one = self.statements[found[0]] if len(found) == 1 else None
        return one if one is not None and not one.header and one.path == path else None

    def section_end(self, section: int) -> int:
        return line_end(self.text, self.statements[self.last_of[section]].end)


class _Editor:
    def __init__(self, edits: Edits, index: _Index, sources: Sequence[_Index]) -> None:
        self.edits = edits
        self.index = index
        self.sources = sources
        self.speller = TomlSpeller()
        self.tables: list[tuple[int, str]] = []

    def table(self, path: Path, value: dict[str, Value], target: dict[str, Value]) -> None:
        for key in value:
            if key not in target:
                self.remove((*path, key))
        before: list[Path] = []  # what stays and comes before, the nearest last
        for key, new in target.items():
            below = (*path, key)
            if key not in value:
                self.insert(below, new, before, None)
                continue
            old, one = value[key], self.index.only(below)
            if not same(old, new) and not (one is not None and self.replace(one, below, new)):
                if one is None and isinstance(old, dict) and isinstance(new, dict):
                    self.table(below, old, new)
                else:
                    self.insert(below, new, before, self.remove(below))
            before.append(below)

    def remove(self, path: Path) -> int | None:
        # Removes what sets a path; returns where its first header stood.
        text = self.edits.text
        found = self.index.below(path)
        if not found:
            raise CannotRewrite(f"{path[-1]} has no place of its own")  # noqa: EM102
        at: int | None = None
        for statement in found:
            start = line_start(text, statement.start)
            if statement.header:
                while start > 0 and not text[line_start(text, start - 1) : start].strip():
                    start = line_start(text, start - 1)
                at = start if at is None else at
            self.edits.put(start, line_end(text, statement.end), "")
        return at

    def replace(self, one: Statement, path: Path, new: Value) -> bool:
        # Puts another value behind a key; False if it is to become a table of several lines, or no longer to be one.
        edits, start, end = self.edits, one.value_start, one.end
        old = edits.text[start:end]
        places: list[Source] = []
        for source in self.sources:
            there = source.only(path)
            if there is None:
                if same(value_at(source.value, path), new) and source.below(path):
                    return False
                continue
            if same(value_at(source.value, path), new):
                edits.put(start, end, self._native(source.text[there.value_start : there.end]))
                return True
            if isinstance(new, dict) and source.text.startswith("{", there.value_start):
                node = inline_table(source.text, there.value_start, there.end)
                places += [] if node is None else [Source(source.text, node, None, flow=True)]
        if old.startswith("{"):
            node = inline_table(edits.text, start, end)
            if node is not None and isinstance(new, dict):
                edit_inline(edits, node, new, places, self.speller)
                return True
        elif old.startswith("["):
            node = Node(cast("Value", value_at(self.index.value, path)), start, end)
            node.last = Node(None, start, last_item_end(edits.text, start, end))
            if extend(edits, node, new, self.speller):
                return True
        edits.put(start, end, in_toml(new))
        return True

    def _native(self, text: str) -> str:
        return text.replace("\r\n", "\n").replace("\n", self.edits.newline)

    def insert(self, path: Path, value: Value, before: Sequence[Path], at: int | None) -> None:
        # Puts a new key where its table is; `at` is where it stood as a table.
        for source in self.sources:
            found = source.below(path)
            if not found or not same(value_at(source.value, path), value):
                continue
            headers = [statement for statement in found if statement.header]
            sections = {statement.section for statement in headers}
            if sections and all(statement.section in sections for statement in found):
                self._insert_sections(source, headers, before, at)
                return
            if not sections and len({statement.section for statement in found}) == 1:
                self._insert_lines(path, source, found, value, before)
                return
        self._insert_lines(path, None, [], value, before)

    def _insert_sections(
        self, source: _Index, headers: list[Statement], before: Sequence[Path], at: int | None
    ) -> None:
        pieces = []
        for header in headers:
            start = comments_above(source.text, line_start(source.text, header.start))
            piece = source.text[start : source.section_end(header.section)]
            pieces.append(piece if piece.endswith("\n") else piece + "\n")
        if at is None:
            at = len(self.edits.text)
            for path in before[: -1 - NEAR : -1]:
                numbers = self.index.numbers.get(path)
                if numbers:
                    at = self.index.section_end(self.index.statements[numbers[-1]].section)
                    break
        self.tables.append((at, self._native(("\n" if at else "") + "\n".join(pieces))))

    def _insert_lines(
        self, path: Path, source: _Index | None, found: list[Statement], value: Value, before: Sequence[Path]
    ) -> None:
        host, at, opening = self._place(path, before)
        lines = ""
        for statement in found:
            assert source is not None
            start, end = line_start(source.text, statement.start), line_end(source.text, statement.end)
            if source.hosts[statement.section] == host:
                lines += source.text[comments_above(source.text, start) : end]
            else:
                lines += f"{_dotted(statement.path[len(host) :])} = {source.text[statement.value_start : end]}"
            lines += "" if lines.endswith("\n") else "\n"
        if not found:
            lines = f"{_dotted(path[len(host) :])} = {in_toml(value)}\n"
        self.edits.insert_lines(at, self._native(lines if opening is None else opening + lines + "\n"))

    def _place(self, path: Path, before: Sequence[Path]) -> tuple[Path, int, str | None]:
        # Returns (path of the header that a new key goes under, where, what opens a paragraph for it).
        index, text, parent = self.index, self.edits.text, path[:-1]
        header = index.headers.get(parent)
        if header is not None or not parent:
            section = 0 if header is None else header.section
            for each in before[: -1 - NEAR : -1]:
                inside = [s for s in index.below(each) if s.section == section and not s.header]
                if inside:
                    return parent, line_end(text, inside[-1].end), None
            if header is not None:
                return parent, line_end(text, header.end), None
            if not index.statements:
                return (), len(text), None
            first = line_start(text, index.statements[0].start)
            if not index.statements[0].header:
                return (), first, None
            return (), comments_above(text, first), ""
        numbers = index.numbers.get(parent)
        if not numbers:
            raise CannotRewrite(f"{path[-1]} has no table")  # noqa: EM102
        for number in reversed(numbers):
            statement = index.statements[number]
            host = index.hosts[statement.section]
            if not statement.header and len(host) < len(parent):
                return host, line_end(text, statement.end), None
        at = comments_above(text, line_start(text, index.statements[numbers[0]].start))
        return parent, at, f"[{_dotted(parent)}]\n"


def _dotted(path: Path) -> str:
    return ".".join(map(toml_key, path))
