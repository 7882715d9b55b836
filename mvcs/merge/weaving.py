"""Where the blocks of two states of a file go in one row: ours in its order, theirs beside its neighbours.

Knows: order. Refuses to know: which block of a key wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.matching import match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.blocks import Block

    Slot = tuple[bool, int]
    Token = tuple[str, str, int]


def weave(base: Sequence[Block], ours: Sequence[Block], theirs: Sequence[Block]) -> list[Slot]:
    """Returns the places of the result.

    Every block of ours with a key has a place, and each of theirs whose key ours lacks. Lines without a key are
    merged by line: those of ours that theirs deleted go, those that theirs added come; what both added is there once.

    Returns:
        (whether it is theirs, which block of that side), in order.

    Laws:
        weave(b, b, b) is all of b.
    """
    tokens = [_tokens(side) for side in (base, ours, theirs)]
    in_ours = dict(match(tokens[0], tokens[1]))
    in_theirs = dict(match(tokens[0], tokens[2]))
    from_base_ours = {o: b for b, o in in_ours.items()}
    from_base_theirs = {t: b for b, t in in_theirs.items()}
    base_keys = {block.key for block in base}
    dropped = {o for o, b in from_base_ours.items() if not ours[o].key and b not in in_theirs}
    fresh = [
        block.key not in base_keys if block.key else at not in from_base_ours for at, block in enumerate(ours)
    ]
    after = _placed(ours, theirs, fresh, _homes(tokens, from_base_theirs, in_ours, ours, theirs), from_base_theirs)
    slots: list[Slot] = []
    for at in range(-1, len(ours)):
        if at >= 0 and at not in dropped:
            slots.append((False, at))
        slots.extend((True, index) for index in after.get(at, ()))
    return slots


def _tokens(blocks: Sequence[Block]) -> list[Token]:
    seen: dict[tuple[str, str], int] = {}
    made: list[Token] = []
    for block in blocks:
        if not block.key:
            made.append(("", block.text.strip(), 0))
            continue
        name = (block.key, block.marker)
        seen[name] = seen.get(name, 0) + 1
        made.append((*name, seen[name]))
    return made


def _homes(
    tokens: list[list[Token]], from_base: dict[int, int], in_ours: dict[int, int], ours: Sequence[Block],
    theirs: Sequence[Block],
) -> dict[int, int]:
    """Returns where blocks of theirs are in ours, for those that ours has too."""
    exact = {token: at for at, token in enumerate(tokens[1]) if token[0]}
    by_key = {block.key: at for at, block in enumerate(ours) if block.key}
    homes: dict[int, int] = {}
    for at, block in enumerate(theirs):
        found = in_ours.get(from_base.get(at, -1))
        if block.key:
            found = exact.get(tokens[2][at], by_key.get(block.key))
        if found is not None:
            homes[at] = found
    return homes


def _placed(
    ours: Sequence[Block], theirs: Sequence[Block], fresh: list[bool], homes: dict[int, int], from_base: dict[int, int]
) -> dict[int, list[int]]:
    """Returns position in ours to the blocks of theirs that follow it."""
    after: dict[int, list[int]] = {}
    cursor, at = -1, 0
    while at < len(theirs):
        if at in homes:
            cursor = homes[at]
            at += 1
            continue
        run: list[int] = []
        section = theirs[at].section
        while at < len(theirs) and at not in homes and _depth(theirs[at].section) >= _depth(section):
            if theirs[at].key or at not in from_base:  # else a line of the base that ours deleted
                run.append(at)
            at += 1
        cursor = _leave_nested(ours, cursor, section)
        gap = _gap(ours, cursor, fresh, section)
        _put(ours, theirs, run, cursor, gap, after)
    return after


def _depth(section: str) -> int:
    return section.count("/") + 1 if section else 0


def _leave_nested(ours: Sequence[Block], cursor: int, section: str) -> int:
    """Returns the last block of the deeper lists that a place is inside of or opens."""
    while 0 <= cursor < len(ours) - 1 and _depth(ours[cursor + 1].section) > _depth(section):
        cursor += 1
    return cursor


def _gap(ours: Sequence[Block], cursor: int, fresh: list[bool], section: str) -> list[int]:
    """Returns what ours added at a place."""
    gap: list[int] = []
    at = cursor + 1
    while at < len(ours) and fresh[at] and _depth(ours[at].section) >= _depth(section):
        gap.append(at)
        at += 1
    return gap


def _put(
    ours: Sequence[Block], theirs: Sequence[Block], run: list[int], cursor: int, gap: list[int],
    after: dict[int, list[int]],
) -> None:
    """Puts a run of new blocks of theirs beside what ours added at the same place."""
    added = {ours[at].text.strip() for at in gap if not ours[at].key}
    run = [at for at in run if theirs[at].key or not theirs[at].text.strip() or theirs[at].text.strip() not in added]
    flat = len({theirs[at].section for at in run} | {ours[at].section for at in gap}) == 1
    if flat and all(theirs[at].key for at in run) and all(ours[at].key for at in gap):
        for at in run:  # two rows of packages: one row, sorted if both were
            before = [place for place in gap if ours[place].key < theirs[at].key]
            after.setdefault(before[-1] if before else cursor, []).append(at)
    else:
        begins_a_part = bool(run) and not theirs[run[0]].key
        after.setdefault(gap[-1] if gap and begins_a_part else cursor, []).extend(run)
