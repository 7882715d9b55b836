"""Merges packages by name: requirements and constraints files, environment.yml, and the entry that capture writes.

Comments, order and options of ours stay. Knows: pins, options, their conflicts. Refuses to know: whether what comes
out can be installed (`mvcs.ingredients.environment`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.blocks import Block, Group, group, grouped_key, value_in
from mvcs.formats.content import Bytes
from mvcs.formats.lines import CRLF, LF, MIXED, Text, line_end, with_end
from mvcs.formats.packages import parse_packages, read_packages, typed_line
from mvcs.formats.pep508 import order
from mvcs.formats.values import ABSENT, same
from mvcs.merge.captured import merge_captured
from mvcs.merge.sides import one_sided, read_sides
from mvcs.merge.text import LABELS, MARKER
from mvcs.merge.values import BASE, NEWEST, OURS, RELOCK, SET, THEIRS, Conflict, Decision, Merged, merge_value
from mvcs.merge.weaving import weave

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mvcs.formats.blocks import Grouped
    from mvcs.formats.content import Content
    from mvcs.formats.packages import Packages
    from mvcs.formats.values import Found
    from mvcs.merge.values import Choice, Choose

__all__ = ["merge_captured", "merge_packages"]

OTHER_COMMENTS = "the same package with different comments"


class _State:
    """One merge under way: base, ours, theirs by key, and what became of each key."""

    __slots__ = ("choose", "conflicts", "decisions", "files", "groups", "outcomes", "syntax")

    def __init__(self, syntax: str, files: list[Packages], groups: list[Grouped], choose: Choose) -> None:
        self.syntax = syntax
        self.files = files
        self.groups = groups
        self.choose = choose
        self.outcomes: dict[str, Group | Conflict | None] = {}
        self.conflicts: list[Conflict] = []
        self.decisions: list[Decision] = []

    def settle(self, key: str) -> None:
        """Finds what becomes of a key, once."""
        if key in self.outcomes:
            return
        base, ours, theirs = (grouped.get(key) for grouped in self.groups)
        found = _merged_group(key, base, ours, theirs)
        if isinstance(found, Conflict):
            choice = self.choose(found)
            settled = None if choice is None else _chosen(choice, found, self.syntax, (base, ours, theirs))
            if choice is None or settled is None:
                self.conflicts.append(found)
            else:
                self.decisions.append(Decision(key, choice.strategy))
                found = settled if settled.blocks else None
        self.outcomes[key] = found


def merge_packages(base: Content | None, ours: Content, theirs: Content, choose: Choose) -> Merged:
    """Merges files that declare packages.

    A conflict's key is the package's normalised name, an option, or for environment.yml `pip:NAME` or a key of the
    file. Strategies: ours, theirs, base, newest (where both name a version of one package), set (a version, a
    specifier or a whole requirement).

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.

    Raises:
        UnreadableContent: If a side cannot be read, the sides differ in syntax or encoding, or the result does not
            read back as what was merged.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; conflicts are the same with the sides swapped.
    """
    settled = one_sided(base, ours, theirs)
    if settled is not None:
        return settled
    before, our_file, their_file = read_sides(read_packages, base, ours, theirs)
    base_file = type(our_file)(our_file.syntax, (), our_file.encoding) if before is None else before
    files = [base_file, our_file, their_file]
    syntax, encoding = _one_kind(files)
    states = group([file.blocks for file in (files if base is not None else files[1:])])
    state = _State(syntax, files, states if base is not None else [{}, *states], choose)
    slots = weave(base_file.blocks, our_file.blocks, their_file.blocks)
    row = [(from_theirs, (their_file if from_theirs else our_file).blocks[at]) for from_theirs, at in slots]
    for from_theirs, block in row:
        if block.key:
            state.settle(grouped_key(state.groups[2 if from_theirs else 1], block))
    _keep_lists(state)
    lines = _finished(state, _lines(state, row))
    text = Text(lines, encoding)
    if not state.conflicts:
        _read_back(state, text)
    return Merged(Bytes(text.to_bytes()), tuple(state.conflicts), tuple(state.decisions))


def _one_kind(files: list[Packages]) -> tuple[str, str]:
    """Returns the syntax and the encoding of the files that are not empty."""
    kinds = {(file.syntax, file.encoding) for file in files if file.blocks}
    if len(kinds) > 1:
        raise UnreadableContent(format="requirements", line=0, reason="the sides differ in syntax or encoding")
    return kinds.pop() if kinds else (files[1].syntax, files[1].encoding)


def _merged_group(key: str, base: Group | None, ours: Group | None, theirs: Group | None) -> Group | Conflict | None:
    values = tuple(ABSENT if side is None else side.value for side in (base, ours, theirs))
    found = merge_value(key, *values)
    if isinstance(found, Conflict):
        return found
    if found.value is ABSENT:
        return None
    if ours is None or theirs is None:
        return ours or theirs
    before = () if base is None else base.lines
    if theirs.lines in {ours.lines, before}:
        return ours
    if ours.lines == before:
        return theirs
    winner = ours if same(values[1], found.value) else theirs
    return _with_comment(key, base, ours, theirs, winner)


def _with_comment(key: str, base: Group | None, ours: Group, theirs: Group, winner: Group) -> Group | Conflict:
    """Returns lines that both sides changed and whose values agree, with the comment that the rule of three gives."""
    comments = tuple("" if side is None else side.comments for side in (base, ours, theirs))
    found = merge_value(key, *comments)
    if not isinstance(found, Conflict):
        if same(ours.value, theirs.value) and found.value == theirs.comments != ours.comments:
            winner = theirs
        if found.value == winner.comments and not _speaks_inside(ours, theirs):
            return winner
        other = theirs if winner is ours else ours
        if len(winner.blocks) == len(other.blocks) == 1 and not _speaks_inside(ours, theirs):
            one = winner.blocks[0]
            return Group((Block(
                one.key, one.value, one.body, comment=other.blocks[0].comment, marker=one.marker, section=one.section,
                line=one.line,
            ),))
    was: Found = ABSENT if base is None else "\n".join(base.lines)
    return Conflict(key, was, "\n".join(ours.lines), "\n".join(theirs.lines), OTHER_COMMENTS)


def _speaks_inside(*groups: Group) -> bool:
    """Whether comments stand inside of blocks, where they cannot be told from what they are about."""
    return any("#" in line for one in groups for block in one.blocks if not block.section
               for line in block.body.split("\n")[1:])


def _chosen(
    choice: Choice, conflict: Conflict, syntax: str, sides: tuple[Group | None, Group | None, Group | None]
) -> Group | None:
    """Returns what a choice gives, a group without blocks for nothing; None if it means nothing here."""
    base, ours, theirs = sides
    if choice.strategy in {BASE, OURS, THEIRS}:
        chosen = {BASE: base, OURS: ours, THEIRS: theirs}[choice.strategy]
        return chosen or Group(())
    if choice.strategy == NEWEST and isinstance(conflict.ours, str) and isinstance(conflict.theirs, str):
        sign = order(conflict.ours, conflict.theirs)
        return None if not sign or conflict.reason else theirs if sign < 0 else ours
    if choice.strategy in {SET, RELOCK} and isinstance(choice.value, str):
        model = next(side.blocks[0] for side in (ours, theirs, base) if side is not None)
        made = typed_line(syntax, model, choice.value)
        return None if made is None else Group((made,))
    return None


def _keep_lists(state: _State) -> None:
    """Opens the lists that have items: the line that opens one is no package, and goes and comes with them."""
    filled = {
        block.section
        for key, found in state.outcomes.items() if found is not None
        for grouped in state.groups if key in grouped
        for block in grouped[key].blocks
    }
    for key in state.outcomes:
        openers = [grouped[key] for grouped in (*state.groups[1:], state.groups[0]) if key in grouped]
        opened = openers[0].blocks[0].opens
        if not opened:
            continue
        if any(section == opened or section.startswith(opened + "/") for section in filled):
            state.outcomes[key] = next((one for one in openers if "[" not in one.blocks[0].body), openers[0])
        elif openers[0].blocks[0].section and any(
            block.section == opened for block in state.files[1].blocks if block.key
        ):
            state.outcomes[key] = None


def _lines(state: _State, row: Iterable[tuple[bool, Block]]) -> list[str]:
    lines: list[str] = []
    written: set[str] = set()
    widths = _widths(state)
    ours = state.groups[1]
    for from_theirs, block in row:
        if not block.key:
            _add(lines, block.text)
            continue
        side = state.groups[2] if from_theirs else ours
        key = grouped_key(side, block)
        found = state.outcomes[key]
        if isinstance(found, Group) and found is side.get(key):
            _add(lines, _indented(block, widths) if from_theirs else block.text)
        elif key not in written:
            if isinstance(found, Conflict):
                _mark(lines, [grouped.get(key) for grouped in state.groups])
            elif found is not None:
                for one in found.blocks:
                    _add(lines, one.text if found is ours.get(key) else _indented(one, widths))
        written.add(key)
    return lines


def _add(lines: list[str], text: str) -> None:
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += LF
    lines.extend(line + "\n" for line in text.split("\n"))
    last = lines.pop()[:-1]
    if last:
        lines.append(last)


def _mark(lines: list[str], sides: Sequence[Group | None]) -> None:
    base, ours, theirs = sides
    for sign, label, side in (("<", LABELS[0], ours), ("|", LABELS[1], base), ("=", "", theirs)):
        _add(lines, sign * MARKER + (f" {label}" if label else "") + LF)
        for block in () if side is None else side.blocks:
            _add(lines, block.text)
    _add(lines, f"{'>' * MARKER} {LABELS[2]}{LF}")


def _widths(state: _State) -> dict[str, int]:
    """Returns how far items of each list are indented in the result: as in ours, else as far from the outer list."""
    widths: dict[str, int] = {}
    for file in (state.files[1], state.files[2], state.files[0]):
        found: dict[str, int] = {}
        for block in file.blocks:
            if block.key and block.section:
                found.setdefault(block.section, _width(block))
        for section, width in sorted(found.items()):
            outer = section.rpartition("/")[0]
            widths.setdefault(section, width + widths.get(outer, 0) - found.get(outer, 0))
    return widths


def _width(block: Block) -> int:
    return len(block.body) - len(block.body.lstrip(" "))


def _indented(block: Block, widths: dict[str, int]) -> str:
    return " " * widths.get(block.section, 0) + block.text.lstrip(" ") if block.section and block.key else block.text


def _finished(state: _State, lines: list[str]) -> list[str]:
    """Gives the lines the ends that the rule of three gives."""
    ends, closed = [], []
    for file in state.files:
        texts = [line for block in file.blocks for line in block.text.splitlines(keepends=True)]
        ends.append(line_end(texts))
        closed.append(not texts or texts[-1].endswith("\n"))
    if MIXED not in ends:
        base, ours, theirs = ends[0], ends[1] or ends[2], ends[2] or ends[1]
        end = theirs if ours == base else ours
        lines = with_end(lines, CRLF if end == CRLF else LF)
    if lines:
        bare = lines[-1].rstrip("\r\n")
        stays_open = not (closed[2] if closed[1] == closed[0] else closed[1])
        if stays_open and not state.conflicts:
            lines[-1] = bare
        elif lines[-1] == bare:
            lines[-1] += CRLF if len(lines) > 1 and lines[0].endswith(CRLF) else LF
    return lines


def _read_back(state: _State, text: Text) -> None:
    """Refuses a result that does not say what was merged; what cannot be told is not written."""
    again = parse_packages(text)
    expected: list[Block] = []
    for found in state.outcomes.values():
        if isinstance(found, Group):
            expected.extend(found.blocks)
    said, meant = group([again.blocks])[0], group([expected])[0]
    alike = said.keys() == meant.keys() and all(same(value_in(said, key), value_in(meant, key)) for key in meant)
    if not alike or (again.blocks and again.syntax != state.syntax):
        raise UnreadableContent(format=state.syntax, line=0, reason="the merged file does not say what was merged")
