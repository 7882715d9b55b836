"""Unified hunks read back and applied: exactly, or a hunk is named that does not fit.

Knows: the unified format. Refuses to know: file headers, paths. Source: POSIX patch; no fuzz, since a hunk that
nearly fits is a guess.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.errors import PreconditionFailed
from mvcs.formats.content import Bytes
from mvcs.formats.lines import UTF8, UTF8_BOM, encode, read_text
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.content import Content

_HEADER = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@.*", re.ASCII | re.DOTALL)


class HunkDoesNotFit(PreconditionFailed):
    """A hunk of a patch cannot be read or does not fit the file; fields `hunk` (1 is the first), `header`, `reason`."""

    template = "hunk {hunk} ({header}) {reason}"


class Hunk(Record):
    """One hunk of a unified diff.

    Args:
        header: Its `@@` line.
        start: Where it stood before, counted from 0.
        before: Lines with their ends that it expects.
        after: Lines with their ends that it puts there.
        lead: How many of them are context at the beginning.
        trail: How many of them are context at the end.
    """

    __slots__ = ("after", "before", "header", "lead", "start", "trail")

    def __init__(
        self, header: str, start: int, before: Sequence[str], after: Sequence[str], lead: int, trail: int
    ) -> None:
        self.header = header
        self.start = start
        self.before = tuple(before)
        self.after = tuple(after)
        self.lead = lead
        self.trail = trail


def apply_lines(content: Content | None, lines: Sequence[str]) -> Content:
    """Returns a file with the hunks of `diff_text` applied.

    A hunk is looked for where it says, moved by as much as the one before it was, then ever further away; all its
    lines must be there. One with less context before than after belongs to the beginning of the file, one with less
    after to its end.

    Args:
        content: The file; None if there is none yet.
        lines: Hunks as `FileDiff.lines` has them.

    Raises:
        HunkDoesNotFit: If a hunk is no hunk, is found nowhere, or in two places equally far away.
        UnreadableContent: If the file is binary or too large.

    Laws:
        apply_lines(before, diff_text(before, after).lines) is after.
    """
    hunks = read_hunks(lines)
    text = None if content is None else read_text(content)
    encoding = UTF8 if text is None else text.encoding
    old: Sequence[str] = () if text is None else text.lines
    if encoding == UTF8_BOM:
        encoding, old = UTF8, ("\ufeff" + "".join(old[:1]), *old[1:])
    where: dict[str, list[int]] = {}
    for place, line in enumerate(old):
        where.setdefault(line, []).append(place)
    made: list[str] = []
    at = offset = 0
    for number, hunk in enumerate(hunks, 1):
        found = _places(old, where, hunk, at, hunk.start + offset)
        if len(found) != 1:
            reason = "fits in two places equally near" if found else "fits nowhere"
            raise HunkDoesNotFit(hunk=number, header=hunk.header, reason=reason)
        place = found[0]
        made += (*old[at:place], *hunk.after)
        at, offset = place + len(hunk.before), place - hunk.start
    made += old[at:]
    if any(not line.endswith("\n") for line in made[:-1]):
        raise HunkDoesNotFit(hunk=len(hunks), header=hunks[-1].header, reason="leaves a line without end inside")
    return Bytes(encode("".join(made), encoding))


def _places(old: Sequence[str], where: dict[str, list[int]], hunk: Hunk, least: int, expected: int) -> list[int]:
    """Returns the nearest places in which a hunk fits: none, one, or two equally near."""
    size, last = len(hunk.before), len(old) - len(hunk.before)
    if not size:  # nothing to hold on to: only an empty file leaves no doubt
        return [] if old else [0]
    if hunk.lead < hunk.trail and hunk.start == 0:
        last = min(last, 0)
    if hunk.trail < hunk.lead:
        least = max(least, len(old) - size)
    if least <= expected <= last and tuple(old[expected : expected + size]) == hunk.before:
        return [expected]
    rare = min(range(size), key=lambda k: len(where.get(hunk.before[k], ())))
    candidates = [found - rare for found in where.get(hunk.before[rare], ()) if least <= found - rare <= last]
    best: list[int] = []
    for place in sorted(candidates, key=lambda place: abs(place - expected)):
        if best and abs(place - expected) > abs(best[0] - expected):
            break
        if tuple(old[place : place + size]) == hunk.before:
            best.append(place)
    return best


def read_hunks(lines: Sequence[str]) -> list[Hunk]:
    """Reads the hunks of one file.

    Args:
        lines: Lines without their ends, the first a `@@` line.

    Raises:
        HunkDoesNotFit: If they are no hunks.
    """
    hunks: list[Hunk] = []
    at = 0
    while at < len(lines):
        header = lines[at]
        match = _HEADER.fullmatch(header)
        number = len(hunks) + 1
        if match is None:
            raise HunkDoesNotFit(hunk=number, header=header[:80], reason="is no hunk")
        start, old_left, _, new_left = (1 if group is None else int(group) for group in match.groups())
        hunk_start = start - 1 if old_left else start
        before: list[str] = []
        after: list[str] = []
        signs = ""
        at += 1
        while (old_left or new_left) and at < len(lines):
            sign, text = lines[at][:1] or " ", lines[at][1:] + "\n"
            at += 1
            if at < len(lines) and lines[at].startswith("\\"):
                text, at = text[:-1], at + 1
            if sign not in {" ", "-", "+"}:
                break
            signs += sign
            if sign != "+":
                before.append(text)
                old_left -= 1
            if sign != "-":
                after.append(text)
                new_left -= 1
        if old_left or new_left:
            raise HunkDoesNotFit(hunk=number, header=header, reason="has not the lines that it counts")
        lead, trail = len(signs) - len(signs.lstrip(" ")), len(signs) - len(signs.rstrip(" "))
        hunks.append(Hunk(header, max(hunk_start, 0), before, after, lead, trail))
    return hunks


