"""Norms and cosines of changes: equal to numpy's over the whole, whatever the blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.diff.tensor_values import apart, moved


def blocks(values, size):
    return [values[at : at + size] for at in range(0, len(values), size)]


@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 64), st.sampled_from(["f2", "f4", "f8", "i4", "u1"]))
def test_blocks_do_not_matter(seed, length, size, dtype):
    chance = np.random.default_rng(seed)
    a, b, c = (chance.integers(0, 100, length).astype(dtype) for _ in range(3))
    found = moved(blocks(a, size), blocks(b, size))
    x, y, z = (item.astype("f8") for item in (a, b, c))
    assert found.elements == length
    assert found.changed == np.count_nonzero(a != b)
    assert found.l2 == pytest.approx(np.linalg.norm(y - x))
    assert found.largest == np.abs(y - x).max()
    assert found.norm == pytest.approx(np.linalg.norm(x))
    if found.norm and np.linalg.norm(y):
        assert found.cosine == pytest.approx(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    both = apart(blocks(a, size), blocks(b, size), blocks(c, size))
    assert (both.ours, both.theirs) == (pytest.approx(np.linalg.norm(y - x)), pytest.approx(np.linalg.norm(z - x)))
    if both.ours and both.theirs:
        assert both.cosine == pytest.approx((y - x) @ (z - x) / both.ours / both.theirs, abs=1e-9)


def test_the_smallest_change_counts():
    a = np.array([1, 0, np.nan], "f4")
    b = np.array([np.nextafter(np.float32(1), np.float32(2)), -0.0, np.nan], "f4")
    b.view("u4")[2] ^= 1  # another NaN
    found = moved([a], [b])
    assert (found.changed, found.not_finite) == (3, 1)
    assert found.l2 == 2.0**-23
    assert found.share == 1.0


def test_zero_before_has_no_direction():
    found = moved([np.zeros(3, "f4")], [np.ones(3, "f4")])
    assert math.isnan(found.cosine)
    assert found.relative == math.inf
    assert moved([np.zeros(3)], [np.zeros(3)]).relative == 0.0
    assert moved([], []).share == 0.0


def test_two_types_compare_by_value():
    found = moved([np.array([1, 2.5], "f4")], [np.array([1, 2.5], "f2")])
    assert (found.changed, found.l2) == (0, 0.0)
