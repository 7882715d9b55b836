"""Samples of a piece: what its planes would cost, without coding them; and how wide its elements are.

Implements: spec 6.3 (what a writer should do).
"""

from __future__ import annotations

import numpy as np

from mvcs.store.codecs.words import WIDTHS, Bytes, Words, rotated, split, words_of

RUNS = 8
RUN = 1024
"""Words of each of the runs that stand for a piece."""
NOISE = 7.9
"""Bits per byte from which a plane is stored as it is."""
FEW = 64
"""Words that say nothing about their width."""
CLOSE = 0.01 * 8
"""Bits per byte by which a wider element must beat a narrower one."""


def spread(count: int) -> list[slice]:
    """Returns the runs of a sample of `count` words, over the whole of them."""
    if count <= RUNS * RUN:
        return [slice(0, count)]
    step = (count - RUN) // (RUNS - 1)
    return [slice(index * step, index * step + RUN) for index in range(RUNS)]


def sampled(words: Words) -> Words:
    """Returns the words of a sample."""
    return np.concatenate([words[run] for run in spread(words.size)])


def entropy(plane: Bytes) -> float:
    """Returns the order-0 entropy of bytes in bits per byte, at most 8.

    A sample sees less than there is: the term of Miller and Madow (1955), (symbols seen - 1) / (2 n ln 2), is added.
    """
    if not plane.size:
        return 0.0
    counts = np.bincount(plane, minlength=256)
    counts = counts[counts > 0]
    bits = np.log2(plane.size) - float((counts * np.log2(counts)).sum()) / plane.size
    return min(8.0, float(bits) + (len(counts) - 1) / (2 * plane.size * 0.6931))


def cost(planes: list[Bytes]) -> float:
    """Returns the estimated share of their bytes that planes have after coding."""
    bits = [entropy(plane) for plane in planes]
    return sum(8.0 if bit > NOISE else bit for bit in bits) / (8 * len(bits))


def guess_width(content: bytes | memoryview) -> int:
    """Returns the bytes of an element, told from the bytes alone: the smallest width that is nearly the best.

    Args:
        content: Begins with an element; a few tens of kilobytes of it are read.
    """
    content = memoryview(content).cast("B")
    best, shares = 1, {}
    for width in WIDTHS:
        if len(content) < FEW * width:
            break
        sample = sampled(words_of(content, width, "guess"))
        shares[width] = 8 * cost(split(rotated(sample, "rotated"), "planes"))
    if shares:
        least = min(shares.values())
        best = next(width for width in WIDTHS if shares[width] <= least + CLOSE)
    return best
