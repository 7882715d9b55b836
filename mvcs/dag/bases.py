"""Merge bases and ancestry by walks that take commits by falling generation.

When a commit is taken all its descendants have been, so its flags are final: the first commits that carry both
flags and are not below another such are exactly the maximal common ancestors. Clocks play no part.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mvcs.dag.history import History
    from mvcs.objects.hashing import Oid

_OURS, _THEIRS, _STALE = 1, 2, 4


def merge_bases(history: History, ours: Oid, theirs: Oid) -> list[Oid]:
    """Returns all best common ancestors, sorted by oid; empty for unrelated histories.

    Args:
        history: Where parents are looked up; generations must be right.
        ours: One commit.
        theirs: The other; may be the same.
    """
    if ours == theirs:
        return [ours]
    row = history.row
    flags: dict[Oid, int] = {ours: _OURS, theirs: _THEIRS}
    queue = [(-row(ours)[0], ours), (-row(theirs)[0], theirs)]
    queue.sort()
    live = 2  # queued commits that are not stale
    bases: list[Oid] = []
    while queue and live:
        _, oid = heappop(queue)
        flag = flags[oid]
        if not flag & _STALE:
            live -= 1
            if flag == _OURS | _THEIRS:
                bases.append(oid)
                flag |= _STALE
        for parent in row(oid)[2]:
            before = flags.get(parent)
            if before is None:
                flags[parent] = flag
                heappush(queue, (-row(parent)[0], parent))
                live += not flag & _STALE
            elif before | flag != before:
                flags[parent] = before | flag
                if flag & _STALE and not before & _STALE:
                    live -= 1
    return sorted(bases)


def is_ancestor(history: History, old: Oid, new: Oid) -> bool:
    """Whether `old` is `new` or can be reached from it; no commit below its generation is read."""
    target = history.row(old)[0]
    seen = {new}
    stack = [new]
    while stack:
        oid = stack.pop()
        if oid == old:
            return True
        generation, _, parents = history.row(oid)
        if generation > target:
            for parent in parents:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
    return False
