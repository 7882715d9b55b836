"""Which items of two sequences are the same ones: a longest common subsequence, or a good one if that costs too much.

Equal ends and items that the other sequence lacks go first, which changes nothing about the answer. Few differences
are found by Myers' greedy walk. What is left is split at items that are unique on both sides (patience) if it is
large, and solved exactly with one bit per pair of items. Beyond a budget, sequences are cut into windows: the answer
is still a common subsequence, only not the longest.
Knows: equality. Refuses to know: lines.
Sources: Myers 1986, An O(ND) Difference Algorithm; Crochemore et al. 2001 and Hyyro 2004, bit-parallel LCS.
"""

from __future__ import annotations

from bisect import bisect_left
from math import isqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    Pair = tuple[int, int]

SMALL = 1 << 22
"""Pairs of items up to which the exact answer takes milliseconds."""
BUDGET = 12 * 10**9
"""Pairs of items that may be compared in one call: a few seconds."""
KEPT_BITS = 1 << 28
"""Bits of tables that are held at a time: 32 MiB."""
FEW = 160
"""Differences up to which Myers' walk is tried on large input."""
WALKED = 30_000_000
"""Items that this walk may pass."""
DEPTH = 8
"""How often what lies between unique items is split again."""
LEAST_WINDOW = 2000


def match(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Pair]:
    """Returns pairs of positions of equal items, rising in both.

    Where several answers are equally long, an item is rather deleted early than inserted early.

    Laws:
        match(a, a) pairs every item with itself; no pair of equal neighbours of pairs is left out.
    """
    names: dict[Hashable, int] = {}
    a = [names.setdefault(item, len(names)) for item in before]
    b = [names.setdefault(item, len(names)) for item in after]
    return _Matching().run(a, b, 0)


class _Matching:
    __slots__ = ("budget",)

    def __init__(self) -> None:
        self.budget = BUDGET

    def run(self, a: list[int], b: list[int], depth: int) -> list[Pair]:
        start, length = 0, min(len(a), len(b))
        while start < length and a[start] == b[start]:
            start += 1
        end_a, end_b = len(a), len(b)
        while end_a > start and end_b > start and a[end_a - 1] == b[end_b - 1]:
            end_a, end_b = end_a - 1, end_b - 1
        pairs = [(k, k) for k in range(start)]
        shared = set(a[start:end_a]).intersection(b[start:end_b])
        if shared:
            rows_a = [i for i in range(start, end_a) if a[i] in shared]
            rows_b = [j for j in range(start, end_b) if b[j] in shared]
            inner = self._solve([a[i] for i in rows_a], [b[j] for j in rows_b], depth)
            pairs += [(rows_a[i], rows_b[j]) for i, j in inner]
        pairs += zip(range(end_a, len(a)), range(end_b, len(b)), strict=True)
        return pairs

    def _solve(self, a: list[int], b: list[int], depth: int) -> list[Pair]:
        cells = len(a) * len(b)
        if cells > SMALL:
            walked = few_differences(a, b)
            if walked is not None:
                return walked
            anchors = unique_in_order(a, b) if depth < DEPTH else []
            if anchors:
                return self._between(a, b, anchors, depth)
        limit = max(self.budget, LEAST_WINDOW * max(len(a), len(b)))
        parts = -(-cells // limit)
        self.budget -= cells // parts
        if parts == 1:
            return longest(a, b)
        pairs: list[Pair] = []
        for part in range(parts):
            at_a, at_b = len(a) * part // parts, len(b) * part // parts
            inner = longest(a[at_a : len(a) * (part + 1) // parts], b[at_b : len(b) * (part + 1) // parts])
            pairs += [(at_a + i, at_b + j) for i, j in inner]
        return pairs

    def _between(self, a: list[int], b: list[int], anchors: list[Pair], depth: int) -> list[Pair]:
        pairs: list[Pair] = []
        at_a = at_b = 0
        for i, j in [*anchors, (len(a), len(b))]:
            if at_a < i and at_b < j:
                inner = self.run(a[at_a:i], b[at_b:j], depth + 1)
                pairs += [(at_a + x, at_b + y) for x, y in inner]
            pairs.append((i, j))
            at_a, at_b = i + 1, j + 1
        return pairs[:-1]


def unique_in_order(a: list[int], b: list[int]) -> list[Pair]:
    """Returns the longest rising row of pairs of items that each side has once."""
    where: dict[int, int] = {}
    for j, item in enumerate(b):
        where[item] = -1 if item in where else j
    seen: dict[int, int] = {}
    for item in a:
        seen[item] = seen.get(item, 0) + 1
    tops: list[int] = []  # the smallest end of a rising row of each length, and which pair it is
    ends: list[int] = []
    pairs: list[Pair] = []
    previous: list[int] = []
    for i, item in enumerate(a):
        j = where.get(item, -1)
        if j < 0 or seen[item] != 1:
            continue
        place = bisect_left(tops, j)
        previous.append(ends[place - 1] if place else -1)
        if place == len(tops):
            tops.append(j)
            ends.append(len(pairs))
        else:
            tops[place], ends[place] = j, len(pairs)
        pairs.append((i, j))
    found: list[Pair] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        found.append(pairs[at])
        at = previous[at]
    return found[::-1]


def few_differences(a: list[int], b: list[int]) -> list[Pair] | None:
    """Returns a longest common subsequence if at most FEW items differ; None otherwise."""
    n, m = len(a), len(b)
    if abs(n - m) > FEW:
        return None
    far = {1: 0}  # diagonal to how far into a
    rounds: list[dict[int, int]] = []
    passed = 0
    for difference in range(FEW + 1):
        rounds.append(far.copy())
        for diagonal in range(-difference, difference + 1, 2):
            down = diagonal == -difference or (
                diagonal != difference and far.get(diagonal - 1, -1) < far.get(diagonal + 1, -1)
            )
            x = far[diagonal + 1] if down else far[diagonal - 1] + 1
            if x > n or x - diagonal > m:
                far[diagonal] = x
                continue
            end = _run_end(a, b, x, x - diagonal)
            passed += end - x
            far[diagonal] = end
            if end >= n and end - diagonal >= m:
                return _walk_back(rounds, n, m)
        if passed > WALKED:
            return None
    return None


def _run_end(a: list[int], b: list[int], x: int, y: int) -> int:
    step = 1
    while a[x : x + step] == b[y : y + step] and x + step <= len(a) and y + step <= len(b):
        x, y, step = x + step, y + step, step * 2
    while step:
        if a[x : x + step] == b[y : y + step] and x + step <= len(a) and y + step <= len(b):
            x, y = x + step, y + step
        step //= 2
    return x


def _walk_back(rounds: list[dict[int, int]], x: int, y: int) -> list[Pair]:
    pairs: list[Pair] = []
    for difference in range(len(rounds) - 1, -1, -1):
        far, diagonal = rounds[difference], x - y
        if difference == 0:
            to_x, to_y = 0, 0
        else:
            down = diagonal == -difference or (
                diagonal != difference and far.get(diagonal - 1, -1) < far.get(diagonal + 1, -1)
            )
            came = diagonal + 1 if down else diagonal - 1
            to_x = far[came]
            to_y = to_x - came
        while x > to_x and y > to_y and (difference == 0 or (x, y) not in {(to_x + 1, to_y), (to_x, to_y + 1)}):
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = to_x, to_y
    return pairs[::-1]


def longest(a: list[int], b: list[int]) -> list[Pair]:
    """Returns a longest common subsequence, exactly.

    Row j of the table is one integer: its bit len(a) - 1 - i is 0 where a[i:] has a longer common subsequence with
    b[j:] than a[i + 1:] has. Rows are kept if they are few, else every so many and the rest made again.
    """
    n, m = len(a), len(b)
    if not n or not m:
        return []
    masks = _Masks(a)
    full = (1 << n) - 1
    step = m if n * m <= KEPT_BITS else isqrt(m) + 1
    kept: dict[int, int] = {m: full}
    row = full
    if step < m:
        for j in range(m - 1, -1, -1):
            row = _next_row(row, masks.of(b[j]), full)
            if j % step == 0:
                kept[j] = row
    pairs: list[Pair] = []
    i = j = 0
    while i < n and j < m:
        if j % step == 0:
            first, last = j, min(j + step, m)
            row = kept[last]
            rows: list[int] = []
            for below in range(last - 1, first - 1, -1):
                row = _next_row(row, masks.of(b[below]), full)
                rows.append(row)
            rows.reverse()
        row, item, here = rows[j % step], b[j], j
        while i < n and j == here:
            if a[i] == item:
                pairs.append((i, j))
                i, j = i + 1, j + 1
            elif (row >> (n - 1 - i)) & 1:
                i += 1
            else:
                j += 1
    return pairs


def _next_row(row: int, mask: int, full: int) -> int:
    hits = row & mask
    return ((row + hits) | (row - hits)) & full if hits else row


class _Masks:
    """Item to the integer with a bit wherever the sequence has it."""

    __slots__ = ("_kept", "_length", "_room", "_where")

    def __init__(self, items: list[int]) -> None:
        self._length = len(items)
        self._where: dict[int, list[int]] = {}
        for place, item in enumerate(reversed(items)):
            self._where.setdefault(item, []).append(place)
        self._kept: dict[int, int] = {}
        self._room = KEPT_BITS

    def of(self, item: int) -> int:
        found = self._kept.get(item)
        if found is None:
            places = self._where.get(item, ())
            bits = bytearray((self._length >> 3) + 1)
            for place in places:
                bits[place >> 3] |= 1 << (place & 7)
            found = int.from_bytes(bits, "little")
            if self._room >= self._length:
                self._room -= self._length
                self._kept[item] = found
        return found
