"""What changed among packages: requirements and constraints files, environment.yml, captured environments.

Knows: names, versions and their order. Refuses to know: lines; comments and layout are told as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.diff.text import diff_text
from mvcs.formats.blocks import SECTION, group, value_in
from mvcs.formats.captured import flatten, read_captured
from mvcs.formats.packages import read_packages
from mvcs.formats.pep508 import order
from mvcs.formats.values import ABSENT, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found

DRIVER = "packages"


def diff_packages(before: Content | None, after: Content | None) -> FileDiff:
    """Tells which packages and options of a file changed.

    Each key has a note: added, removed, upgraded, downgraded (by the order of PEP 440) or changed. Where only comments
    or layout changed, lines tell it.

    Args:
        before: The file as it was, None if it was not there.
        after: The file as it is.

    Raises:
        UnreadableContent: If a side is no file of packages; fields `format`, `line`, `reason`.

    Laws:
        diff(a, a) is empty; diff(b, a) is diff(a, b) with before and after swapped.
    """
    files = [() if side is None else read_packages(side).blocks for side in (before, after)]
    grouped = group([blocks for blocks, side in zip(files, (before, after), strict=True) if side is not None])
    first = {} if before is None else grouped[0]
    second = {} if after is None else grouped[-1]
    states = [{key: value_in(side, key) for key in side if side[key].blocks[0].value is not SECTION}
              for side in (first, second)]
    keys = _changes(states[0], states[1])
    if not keys and before is not None and after is not None:
        told = diff_text(before, after)
        return FileDiff(DRIVER, lines=told.lines, reason=told.reason)
    return FileDiff(DRIVER, keys)


def diff_captured(before: Content | None, after: Content | None) -> FileDiff:
    """Tells what changed between two captured environments: fields, and packages as `packages.NAME`.

    Notes are those of `diff_packages`.

    Args:
        before: The entry as it was, None if it was not there.
        after: The entry as it is.

    Raises:
        UnreadableContent: If a side is no such entry.

    Laws:
        diff(a, a) is empty.
    """
    first, second = ({} if side is None else flatten(read_captured(side)) for side in (before, after))
    return FileDiff(DRIVER, _changes(first, second))


def _changes(before: Mapping[str, Found], after: Mapping[str, Found]) -> tuple[KeyChange, ...]:
    made = []
    for key in _in_order(before, after):
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        if not same(old, new):
            made.append(KeyChange(key, old, new, _note(old, new)))
    return tuple(made)


def _in_order(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Returns all keys in the order of after, each that is gone behind what stood before it."""
    kept = dict.fromkeys(after)
    behind: dict[str | None, list[str]] = {}
    last: str | None = None
    for key in before:
        if key in kept:
            last = key
        else:
            behind.setdefault(last, []).append(key)
    keys = list(behind.get(None, ()))
    for key in kept:
        keys.append(key)
        keys.extend(behind.get(key, ()))
    return keys


def _note(before: Found, after: Found) -> str:
    if before is ABSENT:
        return "added"
    if after is ABSENT:
        return "removed"
    sign = order(before, after) if isinstance(before, str) and isinstance(after, str) else None
    return "changed" if not sign else "upgraded" if sign < 0 else "downgraded"
