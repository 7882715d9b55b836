"""The text of a merged configuration: what comments and layout of both sides become, once the values are decided.

The merged values are put into all three texts. These mean the same then, and what still differs is comments, layout
and spelling, which are merged by lines: what one side did is taken, of what both did to one line ours is kept. What of
the comments is not in the result is told. Knows: texts, lines. Refuses to know: which values (`config`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mvcs.diff.spans import changes
from mvcs.errors import UnreadableContent
from mvcs.formats.config import parse_config
from mvcs.formats.encoding import newline_of
from mvcs.formats.lines import LF, MIXED, line_end, split_lines, with_end
from mvcs.formats.rewriting.whole import is_rewritten, rewrite
from mvcs.formats.values import same

if TYPE_CHECKING:
    from mvcs.diff.spans import Span
    from mvcs.formats.rewriting.whole import Text
    from mvcs.formats.values import Value

LOOKED_AT = 20
"""Lines that are asked one by one whether they end with a comment or with text that has a # in it."""
NAMED = 3


def merged_text(syntax: str, target: Value, base: Text | None, ours: Text, theirs: Text) -> str:
    """Returns a text that means a value, with the comments and the layout of both sides.

    Args:
        syntax: "yaml", "toml" or "json".
        target: What the result is to mean.
        base: What both came from, None if both added it: then the result is ours, edited.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.

    Raises:
        UnreadableContent: If no edit of ours gives that value, as where an anchor stands in the way.

    Laws:
        What it returns means the target.
    """
    try:
        mine = rewrite(syntax, ours, target, [theirs] if base is None else [theirs, base])
    except UnreadableContent:
        if base is None or not is_rewritten(syntax, base, ours):
            raise
        return rewrite(syntax, theirs, target, [ours, base])
    if base is None:
        return mine
    try:
        other = rewrite(syntax, theirs, target, [ours, base])
        if other == mine:
            return mine
        text = _woven(rewrite(syntax, base, target, ()), mine, other, blank=other == theirs.text)
        return text if same(parse_config(syntax, text).value, target) else mine
    except UnreadableContent:
        return mine


def _woven(base: str, ours: str, theirs: str, *, blank: bool) -> str:
    """Returns ours with those changed lines of theirs that ours left alone.

    Args:
        base: What both came from.
        ours: The text that stays.
        theirs: The text with other changes.
        blank: Whether blank lines that theirs has more or less are its own; else they may come from rewriting it.
    """
    sides = [split_lines(text) for text in (base, ours, theirs)]
    ends = [line_end(lines) for lines in sides]
    end = ""
    if MIXED not in ends:
        end = ends[2] if ends[1] == ends[0] else ends[1]
        sides = [with_end(lines, LF) for lines in sides]
    before, mine, other = sides
    left = _line_changes(before, mine)
    edits = [(*span, mine) for span in left]
    for span in _line_changes(before, other):
        a, b, c, d = span
        if (blank or "".join(before[a:b] + other[c:d]).strip()) and not any(_meet(span, it) for it in left):
            edits.append((*span, other))
    made: list[str] = []
    at = 0
    for start, stop, first, last, lines in sorted(edits, key=lambda edit: edit[:2]):
        made += [*before[at:start], *lines[first:last]]
        at = stop
    made += before[at:]
    newline = LF if end else newline_of(ours)
    made = [line if line.endswith(LF) else line + newline for line in made[:-1]] + made[-1:]
    return "".join(with_end(made, end) if end else made)


def _line_changes(before: list[str], after: list[str]) -> list[Span]:
    """Returns what differs, line by line where the lines say the same but for a comment or space."""
    made: list[Span] = []
    i = j = 0
    for a, b, c, d in [*changes(_said(before), _said(after)), (len(before), len(before), len(after), len(after))]:
        made += [(i + k, i + k + 1, j + k, j + k + 1) for k in range(a - i) if before[i + k] != after[j + k]]
        if b - a == d - c:
            made += [(a + k, a + k + 1, c + k, c + k + 1) for k in range(b - a)]
        else:
            made.append((a, b, c, d))
        i, j = b, d
    return made


def _said(lines: list[str]) -> list[str]:
    return [line.partition("#")[0].strip() or line.strip() for line in lines]


def _meet(one: Span, other: Span) -> bool:
    """Whether two changes are of the same lines, or put something in the same place."""
    (a, b), (c, d) = one[:2], other[:2]
    return (a, b) == (c, d) or max(a, c) < min(b, d) or c < a == b < d or a < c == d < b


def lost_comments(syntax: str, base: Text | None, ours: Text, theirs: Text, result: str) -> tuple[str, ...]:
    """Returns what to tell of comments that a side wrote and the result has not.

    Args:
        syntax: "yaml", "toml" or "json".
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        result: The merged text.
    """
    if syntax == "json":
        return ()
    documents = {"theirs": theirs, "ours": ours}
    counts = {name: _endings(document.text) for name, document in documents.items()}
    was, there = _endings("" if base is None else base.text), _endings(result)
    notes = []
    for name, other in (("theirs", "ours"), ("ours", "theirs")):
        mine = counts[name]
        gone = {
            ending for ending, count in mine.items()
            if there[ending] < min(count, count + counts[other][ending] - was[ending])
        }
        lost = _comments(syntax, documents[name], gone)
        if lost:
            more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
            notes.append(f"comments of {name} that the merged file has not: {', '.join(lost[:NAMED])}{more}")
    return tuple(notes)


def _endings(text: str) -> Counter[str]:
    """Returns how often lines end with what may be a comment."""
    lines = [line.rstrip() for line in split_lines(text) if "#" in line]
    return Counter(line[at:] for line in lines for at in _marks(line))


def _marks(line: str) -> list[int]:
    """Returns where a comment may begin: the first and last of very many places, as each costs what is behind it."""
    found = [at for at, char in enumerate(line) if char == "#"]
    return found if len(found) <= 2 * LOOKED_AT else [*found[:LOOKED_AT], *found[-LOOKED_AT:]]


def _comments(syntax: str, document: Text, endings: set[str]) -> list[str]:
    """Returns those endings of lines that are comments: without them the values stay as they are."""
    lines = split_lines(document.text)
    places = []
    for number, line in enumerate(lines):
        text = line.rstrip()
        found = [at for at in _marks(text) if text[at:] in endings]
        places += [(number, found)] if found else []
    firsts = {number: found[0] for number, found in places}
    if not _means(syntax, _without(lines, firsts), document.value):
        firsts = {
            number: at for number, found in places[:LOOKED_AT]
            for at in reversed(found) if _means(syntax, _without(lines, {number: at}), document.value)
        }
    return list(dict.fromkeys(lines[number][at:].rstrip() for number, at in firsts.items()))


def _without(lines: list[str], places: dict[int, int]) -> str:
    """Returns lines of which some end earlier."""
    return "".join(
        line if number not in places else line[: places[number]] + line[len(line.rstrip()) :]
        for number, line in enumerate(lines)
    )


def _means(syntax: str, text: str, value: Value) -> bool:
    try:
        return same(parse_config(syntax, text).value, value)
    except UnreadableContent:
        return False
