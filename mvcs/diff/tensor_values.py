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


STEP = 1 << 13
"""Elements that are added up at once: they stay in the cache of a core, and are too few for numpy's dot to start
threads, which on busy cores cost ten times the sum."""


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

    def numbers(self) -> dict[str, float]:
        """Returns all of it by name."""
        return {
            "elements": self.elements, "changed": self.changed, "share": self.share, "l2": self.l2,
            "max": self.largest, "norm": self.norm, "relative": self.relative, "cosine": self.cosine,
            "not_finite": self.not_finite,
        }


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

    total = _Sums()
    changed = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for first, second in zip(before, after, strict=True):
            changed += _changed(first, second)
            for at in range(0, first.size, STEP):
                total.add(_float64(first[at : at + STEP]), _float64(second[at : at + STEP]))
    return Moved(
        total.elements, changed, l2=math.sqrt(total.squares), largest=total.largest, norm=math.sqrt(total.norm),
        cosine=_cosine(total.product, total.norm, total.other), not_finite=total.not_finite,
    )


class _Sums:
    def __init__(self) -> None:
        self.elements = self.not_finite = 0
        self.squares = self.norm = self.other = self.product = self.largest = 0.0

    def add(self, a: Array, b: Array) -> None:
        """Adds two stretches; what is not finite is looked for only where a sum says that there is any."""
        import numpy as np

        self.elements += a.size
        norm, other = float(np.dot(a, a)), float(np.dot(b, b))
        if not (math.isfinite(norm) and math.isfinite(other)):
            finite = np.isfinite(a) & np.isfinite(b)
            self.not_finite += int(finite.size - np.count_nonzero(finite))
            a, b = a[finite], b[finite]
            norm, other = float(np.dot(a, a)), float(np.dot(b, b))
        self.norm += norm
        self.other += other
        self.product += float(np.dot(a, b))
        step = np.subtract(b, a)
        self.squares += float(np.dot(step, step))
        self.largest = max(self.largest, float(step.max(initial=0.0)), -float(step.min(initial=0.0)))


def _float64(values: Array) -> Array:
    import numpy as np

    if values.dtype.itemsize == 1:
        every: Array = np.arange(256, dtype="u1").view(values.dtype).astype(np.float64)
        return np.take(every, values.view("u1"))
    if values.dtype.itemsize == 2 and values.dtype.isbuiltin != 1:  # bfloat16, the upper half of a float32
        wide = values.view("u2").astype("u4")
        wide <<= np.uint32(16)
        values = wide.view("f4")
    return values.astype(np.float64)


def changed_bytes(before: Iterable[bytes], after: Iterable[bytes]) -> int:
    """Counts the bytes that differ.

    Args:
        before: Pieces.
        after: Pieces of the same lengths.
    """
    import numpy as np

    return sum(
        int(np.count_nonzero(np.frombuffer(a, "u1") != np.frombuffer(b, "u1")))
        for a, b in zip(before, after, strict=True)
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
    with np.errstate(over="ignore", invalid="ignore"):
        for blocks in zip(base, ours, theirs, strict=True):
            for at in range(0, blocks[0].size, STEP):
                a, b, c = (_float64(block[at : at + STEP]) for block in blocks)
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
    cosine = product / math.sqrt(first) / math.sqrt(second)
    return cosine if math.isnan(cosine) else min(1.0, max(-1.0, cosine))
