"""Whose weights a merge has: each row of the table."""

from __future__ import annotations

import pytest

from mvcs.merge.weights import Outcome, Source, Verdict, came_from, judge, measured_on
from mvcs.objects.commit import Origin, mixed_recipe
from mvcs.objects.hashing import Oid


def oid(name: str) -> Oid:
    return Oid(name.encode().ljust(32, b"."))


R0, R1, R2, MERGED = map(oid, ("recipe 0", "recipe 1", "recipe 2", "merged recipe"))
W0, W1, W2 = map(oid, ("weights 0", "weights 1", "weights 2"))


def state(weights, recipe, metrics=None, measured=None, *, rearranged=False):
    origin = None if weights is None else Origin(recipe, "run")
    return Outcome(weights, origin, metrics, measured, rearranged=rearranged)


def told(verdict):
    return verdict.side, verdict.whole, verdict.dropped


BASE = state(W0, R0)


@pytest.mark.parametrize("swapped", [False, True])
class TestOneWay:
    """Rows in which the sides may change places."""

    def judged(self, swapped, first, second, base=BASE):
        """The verdict, with the sides named as the row names them."""
        verdict = judge(base, second, first, MERGED) if swapped else judge(base, first, second, MERGED)
        names = {"ours": "second", "theirs": "first"} if swapped else {"ours": "first", "theirs": "second"}
        verdict.side = names.get(verdict.side, verdict.side)
        return verdict

    def test_who_trained_with_the_merged_recipe_has_the_weights(self, swapped):
        verdict = self.judged(swapped, state(W1, MERGED), state(W2, R2))
        assert told(verdict) == ("first", True, True)

    def test_also_where_the_others_are_those_of_the_base(self, swapped):
        assert told(self.judged(swapped, state(W1, MERGED), BASE)) == ("first", False, False)
        assert told(self.judged(swapped, state(W0, MERGED), state(W1, R1))) == ("first", True, True)

    def test_both_trained_with_it_and_one_changed_since_the_base(self, swapped):
        assert told(self.judged(swapped, state(W0, MERGED), state(W1, MERGED))) == ("second", False, False)

    def test_both_trained_with_it_and_both_changed_is_merged_by_file(self, swapped):
        verdict = self.judged(swapped, state(W1, MERGED), state(W2, MERGED))
        assert told(verdict) == (None, False, False)

    def test_one_keeps_w0_while_the_other_retrains_and_w1_is_not_dropped(self, swapped):
        verdict = self.judged(swapped, BASE, state(W1, R1))
        assert told(verdict) == ("second", False, False)

    def test_what_is_only_rearranged_is_no_training(self, swapped):
        for recipe in (R0, R2, MERGED):
            found = self.judged(swapped, state(W2, recipe, rearranged=True), state(W1, MERGED))
            assert told(found) == ("second", False, False)
        assert told(self.judged(swapped, state(W2, R2, rearranged=True), state(W1, R1))) == ("second", False, False)
        assert told(self.judged(swapped, state(W2, MERGED, rearranged=True), state(W1, R1))) == ("first", True, True)

    def test_deleted_weights_hide_no_training(self, swapped):
        assert told(self.judged(swapped, state(None, R0), state(W1, R1))) == ("second", False, False)

    def test_equal_weights_are_dropped_by_nobody(self, swapped):
        assert told(self.judged(swapped, state(W1, MERGED), state(W1, R2))) == ("first", False, False)


def test_none_trained_with_it_and_nobody_changed_keeps_ours_stale():
    assert told(judge(BASE, BASE, BASE, MERGED)) == ("ours", False, False)


def test_none_trained_with_it_and_both_changed_keeps_ours():
    assert told(judge(BASE, state(W1, R1), state(W2, R2), MERGED)) == ("ours", True, True)


def test_a_named_strategy_decides():
    for name in ("ours", "theirs"):
        verdict = judge(BASE, state(W1, R1), state(W2, R2), MERGED, name)
        assert told(verdict) == (name, True, False)


def test_who_asks_for_theirs_alone_gets_them_whatever_made_them():
    ours = state(W0, MERGED)
    assert judge(BASE, ours, state(W1, R1), MERGED).side == "ours"
    assert told(judge(BASE, ours, state(W1, R1), MERGED, asked=True)) == ("theirs", False, False)


def test_metrics_say_which_weights_they_were_measured_on():
    m1, m2, mixed, older = map(oid, ("m1", "m2", "mixed", "older weights"))
    fresh, stale = state(W1, R1, m1, W1), state(W1, R1, m2, older)
    assert measured_on([fresh], m1, W1) == W1
    assert measured_on([stale], m2, W1) == older
    assert measured_on([fresh, stale], m1, W1) == W1
    assert measured_on([fresh, stale], m2, W1) == older
    assert measured_on([fresh, stale], mixed, W1) == older  # not all of it was measured on these
    assert measured_on([fresh, state(W1, R1, m2, W1)], mixed, W1) == W1
    assert measured_on([state(W1, R1, m1, None), fresh], m1, W1) == W1  # the same numbers came out again
    assert measured_on([state(W1, R1, m1, None)], m1, W1) is None


@pytest.mark.parametrize("strategy", ["avg", "base", "head.*=ours,*=ties:0.2"])
def test_a_strategy_for_tensors_takes_neither_side_as_a_whole(strategy):
    verdict = judge(BASE, state(W1, R1), state(W2, R2), MERGED, strategy)
    assert told(verdict) == (None, False, False)


OF_R1, OF_R2, OF_MERGED = (Origin(recipe, "run") for recipe in (R1, R2, MERGED))
CAME_FROM = [  # contents of ours, theirs and base with their origins, whose they were to be, the result, whose they are
    ("all of the winner's", "1", OF_R1, "2", OF_MERGED, "theirs", "2", ("theirs", OF_MERGED)),
    ("all of the other side's", "1", OF_R1, "2", OF_MERGED, "theirs", "1", ("ours", OF_R1)),
    ("of both, one made by the recipe", "1", OF_R1, "2", OF_MERGED, "theirs", "12", (None, {R1, MERGED})),
    ("of both, none made by it", "1", OF_R1, "2", OF_R2, "ours", "12", (None, {R1, R2})),
    ("of both, both made by it", "1", OF_MERGED, "2", OF_MERGED, None, "12", (None, Origin(MERGED, "merged:tensors"))),
    ("merged by tensor", "1", OF_MERGED, "2", OF_MERGED, None, "m", (None, Origin(MERGED, "merged:tensors"))),
    ("merged by tensor beside the base's", "1", OF_MERGED, "2", OF_MERGED, None, "m0", (None, {R0})),
    ("of the base", "1", OF_MERGED, "2", OF_MERGED, None, "0", ("base", Origin(R0, "run"))),
    ("a part of the winner's", "10", OF_R1, "23", OF_MERGED, "theirs", "2", ("theirs", OF_MERGED)),
    ("the same on both sides", "1", OF_R1, "1", OF_MERGED, "ours", "1", ("theirs", OF_MERGED)),
    ("the same, made by neither", "1", OF_R1, "1", OF_R2, "theirs", "1", ("theirs", OF_R2)),
]


def contents(names):
    return frozenset(map(oid, names))


@pytest.mark.parametrize("row", CAME_FROM, ids=lambda row: row[0])
def test_weights_come_from_where_their_contents_come_from(row):
    _, ours, of_ours, theirs, of_theirs, side, result, (whose, expected) = row
    states = {"ours": (ours, of_ours), "theirs": (theirs, of_theirs), "base": ("0", Origin(R0, "run"))}
    sources = {name: Source(contents(names), origin) for name, (names, origin) in states.items()}
    if isinstance(expected, set):
        expected = Origin(mixed_recipe(expected), "mixed")
        assert expected.recipe not in {R0, R1, R2, MERGED}
    assert came_from(contents(result), sources, Verdict(side), MERGED, contents("m")) == (whose, expected)
