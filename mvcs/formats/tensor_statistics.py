"""What the values of a tensor are like, in a few numbers and a small histogram; read twice, a block at a time.

Knows: numbers. Refuses to know: files, names.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mvcs.formats.values import to_json
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.formats.tensors import Array

BINS = 32
"""Bars of a histogram, of equal width from the least to the largest value."""


class Statistics(Record):
    """What the values of a tensor are like; of finite ones but for the counts. Without any finite value all is NaN.

    Args:
        count: Elements.
        zeros: How many are zero.
        nans: How many are no number.
        infinities: How many are infinite.
        mean: Of the finite ones, as all that follows.
        std: Standard deviation, of the whole and not of a sample.
        least: The least; exact for integers.
        largest: The largest.
        histogram: How many lie in each of `BINS` stretches of equal width; empty if there is none.
    """

    __slots__ = ("count", "histogram", "infinities", "largest", "least", "mean", "nans", "std", "zeros")

    def __init__(
        self, count: int, *, zeros: int, nans: int, infinities: int, mean: float, std: float, least: float,
        largest: float, histogram: tuple[int, ...],
    ) -> None:
        self.count = count
        self.zeros = zeros
        self.nans = nans
        self.infinities = infinities
        self.mean = mean
        self.std = std
        self.least = least
        self.largest = largest
        self.histogram = histogram

    def to_dict(self) -> dict[str, object]:
        """Returns it as JSON carries it."""
        numbers: dict[str, float] = {
            "count": self.count, "zeros": self.zeros, "nan": self.nans, "infinite": self.infinities,
            "mean": self.mean, "std": self.std, "min": self.least, "max": self.largest,
        }
        return {**{name: to_json(value) for name, value in numbers.items()}, "histogram": list(self.histogram)}


def statistics(read: Callable[[], Iterable[Array]]) -> Statistics:
    """Measures the values of a tensor of real numbers.

    Args:
        read: Gives its blocks, flat; asked twice.
    """
    import numpy as np

    count = zeros = nans = infinities = 0
    total = 0.0
    least, largest = math.inf, -math.inf
    for block in read():
        finite, odd = _finite(block)
        count += block.size
        zeros += block.size - int(np.count_nonzero(block))
        nans += odd
        infinities += block.size - finite.size - odd
        if finite.size:
            total += float(finite.sum(dtype=np.float64))
            least, largest = min(least, finite.min().item()), max(largest, finite.max().item())
    finites = count - nans - infinities
    if not finites:
        unknown = math.nan
        return Statistics(
            count, zeros=zeros, nans=nans, infinities=infinities, mean=unknown, std=unknown, least=unknown,
            largest=unknown, histogram=(),
        )
    mean = total / finites
    squares = 0.0
    bars = np.zeros(BINS, np.int64)
    for block in read():
        values = _finite(block)[0].astype(np.float64)
        with np.errstate(over="ignore"):
            squares += float(np.square(values - mean).sum())
        bars += _bars(values, float(least), float(largest))
    return Statistics(
        count, zeros=zeros, nans=nans, infinities=infinities, mean=mean, std=math.sqrt(squares / finites), least=least,
        largest=largest, histogram=tuple(bars.tolist()),
    )


def _finite(block: Array) -> tuple[Array, int]:
    """Returns the finite values as numpy's own types have them, and how many are no number."""
    import numpy as np

    if block.dtype.kind in "biu":
        return block, 0
    values = block if block.dtype.kind == "f" else block.astype(np.float32)
    finite = np.isfinite(values)
    if finite.all():
        return values, 0
    return values[finite], int(np.count_nonzero(np.isnan(values)))


def _bars(values: Array, least: float, largest: float) -> Array:
    """Counts values by stretches; where the width is beyond what floats hold, by halves of everything."""
    import numpy as np

    scale = 0.5 if math.isinf(largest - least) else 1.0
    found: Array = np.histogram(values * scale, BINS, (least * scale, largest * scale))[0]
    return found
