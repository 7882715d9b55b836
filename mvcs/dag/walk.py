"""Walks over history: newest first, and what one side has that the other has not."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.dag.history import History
    from mvcs.objects.hashing import Oid


def by_time(history: History, tips: Iterable[Oid], excluded: frozenset[Oid] = frozenset()) -> Iterator[Oid]:
    """Yields commits reachable from the tips, newest first; a commit never comes before all its children.

    Args:
        history: Where parents are looked up.
        tips: Where to begin.
        excluded: Commits that are neither yielded nor followed.
    """
    seen: set[Oid] = set()
    queue: list[tuple[int, int, Oid]] = []

    def push(oid: Oid) -> None:
        if oid not in seen and oid not in excluded:
            seen.add(oid)
            generation, time, _ = history.row(oid)
            heappush(queue, (-time, -generation, oid))

    for tip in tips:
        push(tip)
    while queue:
        oid = heappop(queue)[2]
        yield oid
        for parent in history.row(oid)[2]:
            push(parent)


def first_parents(history: History, tip: Oid) -> Iterator[Oid]:
    """Yields a commit and its first parents back to the root."""
    oid = tip
    while True:
        yield oid
        parents = history.row(oid)[2]
        if not parents:
            return
        oid = parents[0]


def only_in(history: History, wanted: Iterable[Oid], unwanted: Iterable[Oid]) -> set[Oid]:
    """Returns the commits reachable from `wanted` and not from `unwanted`, without walking all history.

    Commits are taken by falling generation, so that a commit's flag is final when it is taken.
    """
    flags: dict[Oid, bool] = {}
    queue: list[tuple[int, Oid]] = []
    live = 0

    def push(oid: Oid, *, hidden: bool) -> None:
        nonlocal live
        before = flags.get(oid)
        if before is None:
            flags[oid] = hidden
            heappush(queue, (-history.row(oid)[0], oid))
            live += not hidden
        elif hidden and not before:
            flags[oid] = True
            live -= 1

    for oid in unwanted:
        push(oid, hidden=True)
    for oid in wanted:
        push(oid, hidden=False)
    found: set[Oid] = set()
    while queue and live:
        _, oid = heappop(queue)
        hidden = flags[oid]
        if not hidden:
            live -= 1
            found.add(oid)
        for parent in history.row(oid)[2]:
            push(parent, hidden=hidden)
    return found


def reachable(history: History, tips: Iterable[Oid]) -> Iterator[Oid]:
    """Yields every commit reachable from the tips, in no special order."""
    seen: set[Oid] = set()
    stack = list(tips)
    while stack:
        oid = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        yield oid
        stack.extend(history.row(oid)[2])
