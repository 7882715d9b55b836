"""Merges the entry that capture writes for an environment, by package and field.

Knows: versions. Refuses to know: files of packages (`packages`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.formats.captured import CUDA, MAPS, PYTHON, flatten, read_captured, unflatten, write_captured
from mvcs.formats.pep508 import order
from mvcs.merge.fields import merge_entry
from mvcs.merge.values import BASE, NEWEST, OURS, SET, THEIRS

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.values import Choice, Choose, Conflict, Merged

_VERSION = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}(?: @ \S{1,2000})?")


def merge_captured(base: Content | None, ours: Content, theirs: Content, choose: Choose) -> Merged:
    """Merges two captured environments.

    A conflict's key is a field, or `packages.NAME`. Strategies: ours, theirs, base, newest (of two versions), set. The
    content has what ours has where conflicts are left.

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.

    Raises:
        UnreadableContent: If a side is no such entry.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; conflicts are the same with the sides swapped.
    """
    return merge_entry(
        base, ours, theirs, choose, read=lambda side: flatten(read_captured(side)),
        write=lambda fields: write_captured(unflatten(fields)), chosen=_chosen,
    )


def _chosen(choice: Choice, conflict: Conflict) -> tuple[Found] | None:
    """Returns the value that a choice gives, None if it means nothing here."""
    key = conflict.key or ""
    if choice.strategy in {BASE, OURS, THEIRS}:
        return ({BASE: conflict.base, OURS: conflict.ours, THEIRS: conflict.theirs}[choice.strategy],)
    if choice.strategy == NEWEST and isinstance(conflict.ours, str) and isinstance(conflict.theirs, str):
        sign = order(conflict.ours, conflict.theirs) if key in {PYTHON, CUDA} or _named(key) else None
        return None if not sign else (conflict.theirs if sign < 0 else conflict.ours,)
    if choice.strategy == SET and isinstance(choice.value, str):
        typed = choice.value.strip()
        if key == CUDA and typed in {"", "null"}:
            return (None,)
        if _named(key):
            typed = typed.removeprefix("==")
        return (typed,) if _VERSION.fullmatch(typed) else None
    return None


def _named(key: str) -> bool:
    return key.partition(".")[0] in MAPS and "." in key
