"""Two changed states of a tensor become one by numbers: averages, task vectors, TIES; block by block.

Knows: formulas, over flat blocks in float64, and how a result becomes the tensor's own type: rounded once, to nearest,
ties to even. Refuses to know: files, names, who decides. NaN and infinities go the way of IEEE 754: a result is never
finite where what it is made of is not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

LINEAR_FROM: Final = 0.9995
"""Cosine, without its sign, from which slerp goes along the line: the arc's shares lose their digits there."""
HELD: Final = 1 << 20
"""Numbers that are sorted in memory to find a threshold; of more only counts are held."""
_DIGIT: Final = 16
"""Bits of a magnitude that one pass decides."""


def narrow(values: Array, dtype: np.dtype[Any]) -> Array:
    """Returns float64 numbers in another floating point type, rounded once to nearest, ties to even.

    The narrow types of ml_dtypes are cast by way of float32, which would round twice; so float32 is rounded to odd
    first. Source: S. Boldo, G. Melquiond, "When double rounding is odd", IMACS 2005.

    Args:
        values: Float64.
        dtype: A type of numpy or ml_dtypes.
    """
    import numpy as np

    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if dtype.char in "efd":  # float8_e5m2 says that its kind is numpy's, too
            return values.astype(dtype)
        single = values.astype(np.float32)
        back = single.astype(np.float64)
        inexact = np.isfinite(single) & (back != values)
        bits = single.view(np.uint32)
        bits -= (inexact & (np.abs(back) > np.abs(values))).astype(np.uint32)  # towards zero, ...
        bits |= inexact.astype(np.uint32)  # ... then odd
        return single.astype(dtype)


def alike(first: Array, second: Array) -> Array:
    """Returns where two blocks of one type have the same bits."""
    word = f"u{first.dtype.itemsize}"
    found: Array = first.view(word) == second.view(word)
    return found


def weighted(ours: Array, theirs: Array, share: float) -> Array:
    """Averages: share * ours + (1 - share) * theirs. An entry that both have alike stays as it is, bit by bit.

    Source: M. Wortsman et al., "Model soups", ICML 2022, arXiv 2203.05482: the mean of weights.

    Args:
        ours: A block.
        theirs: The other side's.
        share: Of ours, 0 to 1; a half is the mean.
    """
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        mixed = share * ours.astype(np.float64) + (1 - share) * theirs.astype(np.float64)
    return np.where(alike(ours, theirs), ours, narrow(mixed, ours.dtype))


def arc_shares(blocks: Iterable[tuple[Array, Array]], way: float) -> tuple[float, float]:
    """Returns the shares of two tensors at a place on the arc between them.

    They are sin((1 - t) w) / sin w and sin(t w) / sin w, with w the angle between the tensors as vectors, of their
    finite entries. Where they are nearly parallel or opposite, or one is zero, they have no arc, and the shares are
    those of the line, 1 - t and t.

    Source: K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985; of whole tensors, with
    the line beyond a cosine of 0.9995, as in mergekit.

    Args:
        blocks: Blocks of ours and theirs.
        way: t, from 0 for ours to 1 for theirs.
    """
    import numpy as np

    sums: list[list[float]] = [[], [], []]
    for ours, theirs in blocks:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            a, b = ours.astype(np.float64), theirs.astype(np.float64)
            finite = np.isfinite(a) & np.isfinite(b)
            a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
            for held, product in zip(sums, (a * a, b * b, a * b), strict=True):
                held.append(float(product.sum()))  # numpy's own sum, not BLAS: the same bits with any number of threads
    first, second, both = (math.fsum(held) if all(map(math.isfinite, held)) else math.inf for held in sums)
    norms = math.sqrt(first) * math.sqrt(second)
    cosine = both / norms if norms and math.isfinite(norms) and math.isfinite(both) else 1.0
    if abs(cosine) > LINEAR_FROM:
        return 1 - way, way
    angle = math.acos(cosine)
    return math.sin((1 - way) * angle) / math.sin(angle), math.sin(way * angle) / math.sin(angle)


def joined(ours: Array, theirs: Array, shares: tuple[float, float]) -> Array:
    """Returns shares[0] * ours + shares[1] * theirs: a place between two tensors, see `arc_shares`."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        mixed = shares[0] * ours.astype(np.float64) + shares[1] * theirs.astype(np.float64)
    return narrow(mixed, ours.dtype)


def tasks(base: Array, ours: Array, theirs: Array, scales: tuple[float, float]) -> Array:
    """Adds scaled changes: base + scales[0] * (ours - base) + scales[1] * (theirs - base).

    Source: G. Ilharco et al., "Editing models with task arithmetic", ICLR 2023, arXiv 2212.04089.
    """
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        start = base.astype(np.float64)
        moved = scales[0] * (ours.astype(np.float64) - start) + scales[1] * (theirs.astype(np.float64) - start)
        return narrow(start + moved, base.dtype)


class Trim(Record):
    """Which changes of a tensor are among the largest.

    Args:
        bits: Magnitude of the smallest one that is kept, as the bits of a float64.
        ties: How many of exactly this magnitude are kept, the first in the order of the tensor.
    """

    __slots__ = ("bits", "ties")

    def __init__(self, bits: int, ties: int) -> None:
        self.bits = bits
        self.ties = ties


def trim(changes: Callable[[], Iterable[Array]], keep: int) -> Trim:
    """Finds the largest changes of a tensor exactly, in memory that does not grow with it.

    Bits of float64 without a sign have the order of their numbers, NaN last: so the threshold is found from its highest
    bits down, sixteen in each pass, and what is left is sorted as soon as it is few.

    Args:
        changes: Returns the blocks of the change, as often as it is called.
        keep: How many are kept, at least one and at most all.
    """
    import numpy as np

    prefix = 0
    for shift in range(64 - _DIGIT, -1, -_DIGIT):
        counts = np.zeros(1 << _DIGIT, np.int64)
        for words in _matching(changes, prefix, shift + _DIGIT):
            digits = (words >> np.uint64(shift)) & np.uint64((1 << _DIGIT) - 1)
            counts += np.bincount(digits.astype(np.int64), minlength=1 << _DIGIT)
        reached = np.cumsum(counts[::-1])  # how many have this digit or a larger one
        place = int(np.searchsorted(reached, keep))
        digit = len(counts) - 1 - place
        keep -= int(reached[place] - counts[digit])
        prefix = prefix << _DIGIT | digit
        if shift and counts[digit] <= HELD:
            rest = np.sort(np.concatenate(list(_matching(changes, prefix, shift))))
            bits = rest[len(rest) - keep]
            return Trim(int(bits), keep - int(np.count_nonzero(rest > bits)))
    return Trim(prefix, keep)


def kept(change: Array, trim: Trim, left: int) -> tuple[Array, int]:
    """Returns which entries of a block are kept, and how many of the threshold's magnitude are left to be kept.

    Args:
        change: A block.
        trim: The threshold.
        left: As the block before left it, at first `trim.ties`.
    """
    import numpy as np

    words = _magnitudes(change)
    equal = words == np.uint64(trim.bits)
    first = equal & (np.cumsum(equal) <= left)
    return (words > np.uint64(trim.bits)) | first, left - int(np.count_nonzero(first))


def elected(base: Array, ours: Array, theirs: Array, keep: tuple[Array, Array]) -> Array:
    """Merges trimmed changes by TIES: base + the mean of those changes that have the elected sign.

    The elected sign is that of the sum of both trimmed changes, + where it is zero, as in mergekit; a trimmed change of
    zero has no sign and no part in the mean. Where one side's change alone counts the entry is that side's, bit by bit,
    and where none does the base's. Where a change is not finite it is no trimming's to say: base + the mean of both.

    Source: P. Yadav et al., "TIES-Merging", NeurIPS 2023, arXiv 2306.01708, algorithm 1, with lambda = 1.

    Args:
        base: A block.
        ours: One side's.
        theirs: The other's.
        keep: Which of their changes are kept, see `trim`.
    """
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        start = base.astype(np.float64)
        first, second = ours.astype(np.float64) - start, theirs.astype(np.float64) - start
        a, b = np.where(keep[0], first, 0.0), np.where(keep[1], second, 0.0)
        sign = np.where(a + b >= 0, 1.0, -1.0)
        one, two = np.sign(a) == sign, np.sign(b) == sign
        mean = np.where(one, a, 0.0) + np.where(two, b, 0.0)
        mean = np.where(one & two, mean / 2, mean)
        loose = ~(np.isfinite(first) & np.isfinite(second))
        result = narrow(start + np.where(loose, (first + second) / 2, mean), base.dtype)
    result = np.where(~one & ~two & ~loose, base, result)
    result = np.where(one & (~two | alike(ours, theirs)) & ~loose, ours, result)
    return np.where(two & ~one & ~loose, theirs, result)


def _magnitudes(change: Array) -> Array:
    import numpy as np

    return np.abs(np.ascontiguousarray(change, np.float64)).view(np.uint64)


def _matching(changes: Callable[[], Iterable[Array]], prefix: int, shift: int) -> Iterable[Array]:
    """Yields the magnitudes whose bits above a place are these."""
    import numpy as np

    for change in changes():
        words = _magnitudes(change)
        yield words if shift == 64 else words[words >> np.uint64(shift) == np.uint64(prefix)]
