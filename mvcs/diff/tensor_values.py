"""How far the values of tensors went: norms and cosines of changes, block by block in float64.

Knows: numbers. Refuses to know: files, names. An entry counts as changed when its bytes did, so that a change of one
unit in the last place, of a NaN's payload or of zero's sign is one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


class Moved(Record):
    """How far a tensor went from one state to another.

    Args:
        elements: How many it has.
        changed: How many of them have other bytes.
        l2: Euclidean norm of the change; of finite entries, as all that follows.
        largest: Largest absolute change of an entry.
        norm: Euclidean norm before.
        cosine: Of the angle between before and after; NaN where one of them is zero.
        not_finite: Entries that are NaN or infinite before or after.
    """

    __slots__ = ("changed", "cosine", "elements", "l2", "largest", "norm", "not_finite")

    def __init__(
        self, elements: int, changed: int, *, l2: float, largest: float, norm: float, cosine: float, not_finite: int
    ) -> None:
        self.elements = elements
        self.changed = changed
        self.l2 = l2
        self.largest = largest
        self.norm = norm
        self.cosine = cosine
        self.not_finite = not_finite

    @property
    def share(self) -> float:
        """Share of changed entries, 0 to 1."""
        return self.changed / self.elements if self.elements else 0.0

    @property
    def relative(self) -> float:
        """Norm of the change over the norm before; infinite if that was zero and something changed."""
        if self.norm:
            return self.l2 / self.norm
        return math.inf if self.l2 else 0.0


class Apart(Record):
    """How two changes of one tensor stand to each other.

    Args:
        ours: Euclidean norm of the one.
        theirs: Of the other.
        cosine: Of the angle between them; NaN where one of them is zero.
        not_finite: Entries that are NaN or infinite in any of the three states.
    """

    __slots__ = ("cosine", "not_finite", "ours", "theirs")

    def __init__(self, ours: float, theirs: float, cosine: float, not_finite: int) -> None:
        self.ours = ours
        self.theirs = theirs
        self.cosine = cosine
        self.not_finite = not_finite


def moved(before: Iterable[Array], after: Iterable[Array]) -> Moved:
    """Measures the change of a tensor of real numbers, of one type or two.

    Args:
        before: Its blocks, flat.
        after: Blocks of the same lengths.

    Laws:
        moved(a, a) has changed 0, l2 0; changed is the same both ways.
    """
    import numpy as np

    elements = changed = not_finite = 0
    squares = norm = other = product = largest = 0.0
    for first, second in zip(before, after, strict=True):
        elements += first.size
        changed += _changed(first, second)
        a, b = first.astype(np.float64), second.astype(np.float64)
        finite = np.isfinite(a) & np.isfinite(b)
        if not finite.all():
            not_finite += int(finite.size - np.count_nonzero(finite))
            a, b = a[finite], b[finite]
        step = b - a
        squares += float(np.dot(step, step))
        norm += float(np.dot(a, a))
        other += float(np.dot(b, b))
        product += float(np.dot(a, b))
        largest = max(largest, float(np.abs(step).max(initial=0.0)))
    return Moved(
        elements, changed, l2=math.sqrt(squares), largest=largest, norm=math.sqrt(norm),
        cosine=_cosine(product, norm, other), not_finite=not_finite,
    )


def apart(base: Iterable[Array], ours: Iterable[Array], theirs: Iterable[Array]) -> Apart:
    """Measures two changes of one tensor against each other.

    Args:
        base: Blocks of what both came from, flat.
        ours: Blocks of the same lengths.
        theirs: Blocks of the same lengths.
    """
    import numpy as np

    mine = yours = product = 0.0
    not_finite = 0
    for first, second, third in zip(base, ours, theirs, strict=True):
        a, b, c = (block.astype(np.float64) for block in (first, second, third))
        finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
        if not finite.all():
            not_finite += int(finite.size - np.count_nonzero(finite))
            a, b, c = a[finite], b[finite], c[finite]
        b, c = b - a, c - a
        mine += float(np.dot(b, b))
        yours += float(np.dot(c, c))
        product += float(np.dot(b, c))
    return Apart(math.sqrt(mine), math.sqrt(yours), _cosine(product, mine, yours), not_finite)


def _changed(first: Array, second: Array) -> int:
    import numpy as np

    if first.dtype != second.dtype:
        return int(np.count_nonzero(first.astype(np.float64) != second.astype(np.float64)))
    word = f"u{first.dtype.itemsize}"
    return int(np.count_nonzero(np.ascontiguousarray(first).view(word) != np.ascontiguousarray(second).view(word)))


def _cosine(product: float, first: float, second: float) -> float:
    if not first or not second:
        return math.nan
    return min(1.0, max(-1.0, product / math.sqrt(first) / math.sqrt(second)))
