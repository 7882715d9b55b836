"""The strategies beside mergekit's own functions: the same to one unit in the last place, and where not, why not.

mergekit works in the type of its tensors, float32 at least; given float64 it shows its definition without its rounding.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from mvcs.merge.tensor_math import arc_shares, elected, joined, tasks, weighted
from tests.unit.merge.test_tensor_math import f4, masks, noise

torch = pytest.importorskip("torch")
mergekit = pytest.importorskip("mergekit.merge_methods")
merge_tensors = pytest.importorskip("mergekit.merge_methods.api").merge_tensors

SHAPE = (40, 125)
SIDES = [noise(5000, seed).reshape(SHAPE) for seed in (1, 2, 3)]


def theirs(method: str, *tensors: np.ndarray, base: bool, dtype: str = "f8", **parameters: object) -> np.ndarray:
    """What mergekit gives, as float32."""
    made = [torch.from_numpy(tensor.astype(dtype)) for tensor in tensors]
    return merge_tensors(made, method, parameters=parameters, base_index=0 if base else None).numpy().astype("f4")


def ours_ties(base: np.ndarray, one: np.ndarray, two: np.ndarray, density: object) -> np.ndarray:
    flat = [tensor.reshape(-1) for tensor in (base, one, two)]
    return elected(*flat, masks(*flat, density)).reshape(base.shape)


def ours_slerp(one: np.ndarray, two: np.ndarray, way: float) -> np.ndarray:
    return joined(one, two, arc_shares([(one, two)], way))


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    np.testing.assert_array_max_ulp(found, expected, 1)
    return True


def near(found: np.ndarray, expected: np.ndarray, *among: np.ndarray, ulps: float = 2) -> bool:
    """Whether two results differ by a few units in the last place of the largest number that made each entry."""
    scale = np.spacing(np.max([np.abs(tensor) for tensor in among], 0)).astype("f8")
    return bool((np.abs(found.astype("f8") - expected) <= ulps * scale).all())


class TestTheSame:
    """Definitions agree; in float32 mergekit rounds each step, mvcs once."""

    def test_what_is_not_finite(self):
        base, one, two = f4(0, 0, 0, 0), f4(math.inf, 1, math.nan, 3), f4(1, 1, 2, 3)
        for found, expected in (
            (ours_ties(base, one, two, "0.5"), theirs("ties", base, one, two, base=True, weight=1.0, density=0.5)),
            (tasks(base, one, two, (1, 1)), theirs("task_arithmetic", base, one, two, base=True, weight=1.0)),
            (weighted(one, two, 0.5), theirs("linear", one, two, base=False, weight=1.0)),
        ):
            assert not np.isfinite(found[[0, 2]]).any()
            np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("share", [0.5, 0.3, 0.999, 1])
    def test_averages(self, share):
        _, one, two = SIDES
        for weights in ([share, 1 - share], [2 * share, 2 - 2 * share]):  # it divides by their sum
            assert same(weighted(one, two, share), theirs("linear", one, two, base=False, weight=weights))
        found = theirs("linear", one, two, base=False, dtype="f4", weight=[share, 1 - share])
        assert near(weighted(one, two, share), found, one, two)

    @pytest.mark.parametrize("way", [0, 0.25, 0.5, 1])
    def test_slerp(self, way):
        _, one, two = SIDES
        assert same(ours_slerp(one, two, way), theirs("slerp", one, two, base=True, t=way))
        assert near(ours_slerp(one, two, way), theirs("slerp", one, two, base=True, dtype="f4", t=way), one, two, ulps=4)

    @pytest.mark.parametrize("step", [0.02, -0.02], ids=["nearly parallel", "nearly opposite"])
    def test_slerp_where_there_is_no_arc(self, step):
        _, one, two = SIDES
        two = np.float32(math.copysign(1, step)) * one + np.float32(abs(step)) * two
        assert arc_shares([(one, two)], 0.25) == (0.75, 0.25)
        assert same(ours_slerp(one, two, 0.25), theirs("slerp", one, two, base=True, t=0.25))

    @pytest.mark.parametrize("scales", [(1, 1), (0.3, 0.9), (1, -1)])
    def test_task_arithmetic(self, scales):
        base, one, two = SIDES
        found = theirs("task_arithmetic", base, one, two, base=True, weight=list(scales))
        assert same(tasks(base, one, two, scales), found)
        found = theirs("task_arithmetic", base, one, two, base=True, dtype="f4", weight=list(scales))
        assert near(tasks(base, one, two, scales), found, base, one, two, ulps=4)

    @pytest.mark.parametrize("density", ["0.01", "0.2", "0.5", "0.999", "1"])
    def test_ties(self, density):
        base, one, two = SIDES
        parameters = {"weight": 1.0, "density": float(density)}
        assert same(ours_ties(base, one, two, density), theirs("ties", base, one, two, base=True, **parameters))
        found = theirs("ties", base, one, two, base=True, dtype="f4", **parameters)
        assert near(ours_ties(base, one, two, density), found, base, one, two)


class TestNotTheSame:
    """Each difference that docs/design/0023 names."""

    def test_a_density_is_exact(self):
        """0.29 * 100 is 28.999999999999996, of which the whole part is taken."""
        base, side = np.zeros(100, "f4"), np.arange(1, 101, dtype="f4")
        made = theirs("ties", base, side, side, base=True, weight=1.0, density=0.29)
        assert (np.count_nonzero(ours_ties(base, side, side, "0.29")), np.count_nonzero(made)) == (29, 28)

    def test_changes_that_float32_cannot_tell_apart(self):
        """It sorts them as float32 whatever their type, so that the order is chance; mvcs takes the larger."""
        side, tiny = f4(1, 1), 2.0**-30
        kept = []
        for place in (0, 1):
            base = f4(0, 0)
            base[place] = tiny  # so that this change is 1 - 2^-30, and the other one 1
            assert np.flatnonzero(ours_ties(base, side, base, "0.5") == 1).tolist() == [1 - place]
            kept.append(np.flatnonzero(theirs("ties", base, side, base, base=True, weight=1.0, density=0.5) == 1).tolist())
        assert kept[0] == kept[1]

    def test_a_tensor_of_zeros_has_no_angle(self):
        """It takes a right one; mvcs the line."""
        zero, side = np.zeros(4, "f4"), f4(1, 2, 3, 4)
        assert ours_slerp(zero, side, 0.25).tolist() == (side / 4).tolist()
        assert same(theirs("slerp", zero, side, base=True, t=0.25), (math.sin(math.pi / 8) * side).astype("f4"))

    def test_tensors_of_tiny_numbers_have_their_angle(self):
        """Below a norm of 1e-8 it takes a right one."""
        one, two = f4(1e-9, 0), f4(1e-9, 2e-9)
        for angle, found in (
            (math.atan(2), ours_slerp(one, two, 0.5)), (math.pi / 2, theirs("slerp", one, two, base=True, t=0.5)),
        ):
            share = math.sin(0.5 * angle) / math.sin(angle)
            np.testing.assert_allclose(found, share * (one.astype("f8") + two), rtol=1e-6)

    def test_slerp_is_between_the_finite_entries(self):
        one, two = f4(1, 0, math.nan), f4(0, 1, 1)
        assert np.isfinite(ours_slerp(one, two, 0.5)).tolist() == [True, True, False]
        assert not np.isfinite(theirs("slerp", one, two, base=True, t=0.5)).any()

    def test_an_infinity_that_ties_would_trim(self):
        """It becomes NaN, as zero times infinity; mvcs keeps it."""
        base, one, two = f4(0, 0, 0, 0), f4(math.inf, math.inf, 2, 3), f4(1, 1, 2, 4)
        assert ours_ties(base, one, two, "0.25").tolist() == [math.inf, math.inf, 0, 4]
        made = theirs("ties", base, one, two, base=True, weight=1.0, density=0.25)
        assert (np.isnan(made).sum(), made.tolist()[2:]) == (1, [0, 4])

    def test_an_average_of_large_numbers_is_between_them(self):
        """In float32 their sum overflows before it is divided."""
        large = f4(3e38)
        assert weighted(large, f4(2e38), 0.5).tolist() == f4(2.5e38).tolist()
        assert theirs("linear", large, f4(2e38), base=False, dtype="f4", weight=1.0).tolist() == [math.inf]

    def test_an_entry_that_both_have_alike_keeps_its_bits(self):
        """In float32 it rounds a change before it adds it to the base again."""
        base, side = SIDES[0], SIDES[1]
        assert ours_ties(base, side, side, "1").tobytes() == side.tobytes()
        assert (theirs("ties", base, side, side, base=True, dtype="f4", weight=1.0, density=1.0) != side).any()
