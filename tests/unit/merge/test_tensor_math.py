"""Formulas on tensors: worked by hand, against plain definitions, at the edges of the types."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.merge import tensor_math
from mvcs.merge.tensor_math import alike, arc_shares, elected, joined, kept, narrow, tasks, trim, weighted

F4 = np.dtype("f4")
NARROW = [np.dtype(name) for name in (
    ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e4m3fnuz,
    ml_dtypes.float8_e5m2fnuz, "f2", "f4",
)]


def f4(*values):
    return np.array(values, F4)


def noise(count, seed, dtype=F4):
    return np.random.default_rng(seed).normal(size=count).astype(dtype)


def masks(base, ours, theirs, density, blocks=1):
    """Which changes TIES keeps, of each side."""
    found = []
    for side in (ours, theirs):
        parts = np.array_split(side.astype("f8") - base.astype("f8"), blocks)
        threshold = trim(lambda parts=parts: iter(parts), max(1, int(Fraction(str(density)) * len(base))))
        left, mask = threshold.ties, []
        for part in parts:
            one, left = kept(part, threshold, left)
            mask.append(one)
        assert left == 0
        found.append(np.concatenate(mask))
    return found[0], found[1]


class TestByHand:
    """To one unit in the last place of float32, and closer."""

    def test_average(self):
        assert weighted(f4(2, 1, -1), f4(4, 2, 1), 0.5).tolist() == [3, 1.5, 0]

    def test_average_is_rounded_once_to_even(self):
        up = np.nextafter(F4.type(1), F4.type(2))
        assert weighted(f4(1), np.array([up]), 0.5)[0] == 1  # half way, and 1 is even
        assert weighted(np.array([up]), np.array([np.nextafter(up, F4.type(2))]), 0.5)[0] == np.nextafter(up, F4.type(2))

    def test_weighted_average(self):
        assert weighted(f4(2, 8), f4(4, 0), 0.25).tolist() == [3.5, 2]
        assert weighted(f4(1), f4(2), 0.1)[0] == F4.type(1.9)

    def test_arc(self):
        """A right angle, half way: sin 45 degrees of both."""
        shares = arc_shares([(f4(1, 0), f4(0, 1))], 0.5)
        assert joined(f4(1, 0), f4(0, 1), shares).tolist() == [F4.type(math.sqrt(0.5))] * 2
        third = arc_shares([(f4(2, 0), f4(0, 2))], 1 / 3)
        assert joined(f4(2, 0), f4(0, 2), third).tolist() == [F4.type(math.sqrt(3)), 1]

    def test_arc_keeps_the_length(self):
        ours, theirs = noise(1000, 1, "f8"), noise(1000, 2, "f8")
        ours, theirs = ours / np.linalg.norm(ours), theirs / np.linalg.norm(theirs)
        for way in (0.1, 0.5, 0.9):
            made = joined(ours, theirs, arc_shares([(ours, theirs)], way))
            assert np.linalg.norm(made) == pytest.approx(1, abs=1e-12)

    def test_arc_begins_at_ours_and_ends_at_theirs(self):
        ours, theirs = noise(100, 1), noise(100, 2)
        assert joined(ours, theirs, arc_shares([(ours, theirs)], 0)).tobytes() == ours.tobytes()
        np.testing.assert_array_max_ulp(joined(ours, theirs, arc_shares([(ours, theirs)], 1)), theirs, 1)

    @pytest.mark.parametrize(
        "pair", [(f4(1, 2), f4(2, 4)), (f4(1, 2), f4(-1, -2)), (f4(0, 0), f4(1, 2)), (f4(1, 1), f4(1, 1.0001))],
        ids=["parallel", "opposite", "zero", "nearly parallel"],
    )
    def test_where_there_is_no_arc_there_is_a_line(self, pair):
        assert arc_shares([pair], 0.25) == (0.75, 0.25)

    def test_tasks(self):
        assert tasks(f4(1, 2), f4(2, 2), f4(1, 5), (1, 1)).tolist() == [2, 5]
        assert tasks(f4(1, 2), f4(2, 2), f4(1, 5), (0.5, -1)).tolist() == [1.5, -1]

    def test_ties(self):
        """Three of six changes each; the fourth entry has two signs, and the larger sum wins."""
        base = f4(0, 0, 0, 0, 0, 0)
        ours, theirs = f4(4, 0.1, 0, -3, 2, 0.1), f4(2, 0.2, 0, 5, 0.1, 3)
        keep = masks(base, ours, theirs, 0.5)
        assert [mask.tolist() for mask in keep] == [
            [True, False, False, True, True, False], [True, False, False, True, False, True]
        ]
        assert elected(base, ours, theirs, keep).tolist() == [3, 0, 0, 5, 2, 3]

    def test_ties_of_opposite_changes_go_up(self):
        assert elected(f4(1), f4(3), f4(-1), masks(f4(1), f4(3), f4(-1), 1)).tolist() == [3]


class TestReference:
    """Against the definitions of mergekit 0.1.5, in numpy: merge_methods/slerp.py, merge_methods/
    generalized_task_arithmetic.py (`get_mask`, `merge_group` with weights of one, normalize), sparsify.py (`magnitude`).
    Against mergekit itself: test_mergekit.py.
    """

    @pytest.mark.parametrize("density", [0.01, 0.2, 0.5, 0.999, 1])
    def test_ties(self, density):
        base, ours, theirs = noise(5000, 1), noise(5000, 2), noise(5000, 3)
        trimmed = []
        for side in (ours, theirs):
            change = side.astype("f8") - base
            mask = np.zeros(len(change))
            mask[np.argsort(-np.abs(change), kind="stable")[: max(1, int(density * len(change)))]] = 1
            trimmed.append(change * mask)
        changes = np.stack(trimmed)
        mask = np.sign(changes) == (changes.sum(0) >= 0) * 2.0 - 1
        divisor = mask.sum(0).astype("f8")
        divisor[divisor == 0] = 1
        expected = (base + (changes * mask).sum(0) / divisor).astype("f4")
        np.testing.assert_array_max_ulp(elected(base, ours, theirs, masks(base, ours, theirs, density, 7)), expected, 1)

    @pytest.mark.parametrize("way", [0, 0.3, 0.5, 1])
    def test_slerp(self, way):
        ours, theirs = noise(5000, 1), noise(5000, 2)
        a, b = ours.astype("f8"), theirs.astype("f8")
        dot = (a / np.linalg.norm(a) * (b / np.linalg.norm(b))).sum()
        angle = np.arccos(dot)
        expected = (np.sin((1 - way) * angle) * a + np.sin(way * angle) * b) / np.sin(angle)
        blocks = zip(np.array_split(ours, 3), np.array_split(theirs, 3), strict=True)
        np.testing.assert_array_max_ulp(joined(ours, theirs, arc_shares(blocks, way)), expected.astype("f4"), 1)

    def test_task_arithmetic(self):
        base, ours, theirs = noise(5000, 1), noise(5000, 2), noise(5000, 3)
        changes = np.stack([ours.astype("f8") - base, theirs.astype("f8") - base])
        expected = (base + (changes * np.array([[0.3], [0.9]])).sum(0)).astype("f4")
        np.testing.assert_array_max_ulp(tasks(base, ours, theirs, (0.3, 0.9)), expected, 1)

    def test_linear(self):
        ours, theirs = noise(5000, 1), noise(5000, 2)
        expected = (0.3 * ours.astype("f8") + 0.7 * theirs.astype("f8")).astype("f4")
        np.testing.assert_array_max_ulp(weighted(ours, theirs, 0.3), expected, 1)


class TestPeers:
    """What git-theta's merges/average.py gets wrong: it divides a weighted sum by the count once more."""

    @pytest.mark.parametrize("dtype", NARROW, ids=str)
    @pytest.mark.parametrize("share", [0.5, 0.1, 0.7])
    def test_the_average_of_two_equal_tensors_is_that_tensor(self, dtype, share):
        same = noise(4096, 5, "f8").astype(dtype)
        assert weighted(same, same.copy(), share).tobytes() == same.tobytes()

    def test_an_average_has_full_size(self):
        assert weighted(f4(2), f4(4), 0.5).tolist() == [3]


class TestNotFinite:
    def test_they_are_never_averaged_away(self):
        nan, inf = math.nan, math.inf
        base, ours, theirs = f4(0, 0, nan, 0, 0), f4(nan, inf, 1, inf, 1), f4(1, 1, 2, -inf, nan)
        keep = masks(base, ours, theirs, 0.2)
        for made in (weighted(ours, theirs, 0.5), tasks(base, ours, theirs, (1, 1)), elected(base, ours, theirs, keep)):
            assert not np.isfinite(np.delete(made, 2)).any()
        assert np.isnan(elected(base, ours, theirs, keep)[2])

    def test_an_arc_is_between_the_finite_entries(self):
        shares = arc_shares([(f4(1, 0, math.nan), f4(0, 1, 1))], 0.5)
        assert shares == pytest.approx((math.sqrt(0.5),) * 2)

    def test_equal_ones_keep_their_bits(self):
        odd = np.array([0x7FC00001, 0xFFC12345, 0x80000000], np.uint32).view(F4)
        assert weighted(odd, odd.copy(), 0.5).tobytes() == odd.tobytes()

    def test_what_does_not_fit_is_infinite(self):
        largest = np.finfo(F4).max
        assert tasks(f4(0), f4(largest), f4(largest), (1, 1)).tolist() == [math.inf]
        assert weighted(f4(largest), f4(largest / 2), 0.5)[0] < largest


class TestNarrow:
    @pytest.mark.parametrize("dtype", NARROW, ids=str)
    def test_it_rounds_once_to_nearest_and_to_even(self, dtype):
        """Ties, and what lies so near to one that float32 would take it for it: against exact fractions."""
        words = np.arange(1 << min(16, 8 * dtype.itemsize), dtype=f"u{min(2, dtype.itemsize)}")
        if dtype.itemsize == 4:
            words = words.astype("u4") + np.uint32(0x3F7F_8000)
        with np.errstate(invalid="ignore"):
            numbers = words.view(dtype).astype("f8")
        grid = np.unique(numbers[np.isfinite(numbers)])
        middle = (grid[:-1] + grid[1:]) / 2
        tiny = np.abs(middle) * 2.0**-40
        for value in (middle, middle + tiny, middle - tiny):
            made = narrow(value, dtype).astype("f8")
            near = np.abs(value - grid[:-1]) - np.abs(value - grid[1:])
            lower, upper = made == grid[:-1], made == grid[1:]
            assert (lower | upper).all()
            assert lower[near < 0].all()
            assert upper[near > 0].all()
        half = narrow(middle, dtype).view(f"u{dtype.itemsize}")
        exact = (middle - grid[:-1] == grid[1:] - middle) & (middle != 0)
        assert not (half[exact] & 1).any()

    def test_a_plain_cast_rounds_twice(self):
        """Why `narrow` is there; when this fails the package does it right."""
        value = np.array([1 + 2.0**-8 + 2.0**-40])
        assert value.astype(ml_dtypes.bfloat16)[0] == 1
        assert narrow(value, np.dtype(ml_dtypes.bfloat16))[0] == 1 + 2.0**-7


class TestTrim:
    @given(st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e-300, 5e-324, math.inf, math.nan]), min_size=1),
           st.data())
    def test_the_largest_and_of_equal_ones_the_first(self, numbers, data):
        keep = data.draw(st.integers(1, len(numbers)))
        change = np.array(numbers)
        threshold = trim(lambda: iter(np.array_split(change, 3)), keep)
        mask, left = kept(change, threshold, threshold.ties)
        order = sorted(range(len(numbers)), key=lambda at: (not math.isnan(numbers[at]), -abs(numbers[at]), at))
        assert (set(np.flatnonzero(mask).tolist()), left) == (set(order[:keep]), 0)

    @pytest.mark.parametrize("held", [0, 1, 100])
    def test_it_is_the_same_however_little_is_held(self, held, monkeypatch):
        monkeypatch.setattr(tensor_math, "HELD", held)
        change = np.round(noise(20_000, 9, "f8"), 2)
        for keep in (1, 77, 10_000, 19_999, 20_000):
            threshold = trim(lambda: iter(np.array_split(change, 5)), keep)
            mask = kept(change, threshold, threshold.ties)[0]
            expected = np.zeros(len(change), bool)
            expected[np.argsort(-np.abs(change), kind="stable")[:keep]] = True
            assert (mask == expected).all()


def test_ties_takes_a_change_of_one_side_bit_by_bit():
    base, theirs = noise(1000, 1), noise(1000, 1)
    ours = np.nextafter(base, F4.type(9))
    theirs[7] += 1
    made = elected(base, ours, theirs, masks(base, ours, theirs, 1))
    assert alike(np.delete(made, 7), np.delete(ours, 7)).all()
