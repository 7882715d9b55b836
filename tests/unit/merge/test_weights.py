"""Whose weights a merge has: each row of the table."""

from __future__ import annotations

from mvcs.merge.weights import Outcome, judge, keep_metrics
from mvcs.objects.commit import Origin
from mvcs.objects.hashing import Oid


def oid(name: str) -> Oid:
    return Oid(name.encode().ljust(32, b"."))


R0, R1, R2, MERGED = map(oid, ("recipe 0", "recipe 1", "recipe 2", "merged recipe"))
W0, W1, W2 = map(oid, ("weights 0", "weights 1", "weights 2"))


def state(weights, recipe, metrics=None, measured=None):
    return Outcome(weights, None if weights is None else Origin(recipe, "run"), metrics, measured)


def test_the_side_that_trained_with_the_merged_recipe_has_the_weights():
    for ours, theirs, side in ((state(W1, MERGED), state(W2, R2), "ours"), (state(W1, R1), state(W2, MERGED), "theirs")):
        verdict = judge(state(W0, R0), ours, theirs, MERGED)
        assert (verdict.side, verdict.stale) == (side, False)
        assert verdict.origin == Origin(MERGED, "run")
        assert "other side's" in verdict.note  # never dropped without a word


def test_both_trained_with_it_and_one_changed_since_the_base():
    assert judge(state(W0, MERGED), state(W0, MERGED), state(W1, MERGED), MERGED).side == "theirs"
    assert judge(state(W0, MERGED), state(W1, MERGED), state(W0, MERGED), MERGED).side == "ours"


def test_both_trained_with_it_and_both_changed_is_merged_by_file():
    verdict = judge(state(W0, R0), state(W1, MERGED), state(W2, MERGED), MERGED)
    assert verdict.side is None
    assert verdict.origin == Origin(MERGED, "merged:tensors")


def test_ours_keeps_w0_while_theirs_retrains_and_w1_is_not_dropped():
    verdict = judge(state(W0, R0), state(W0, R0), state(W1, R1), MERGED)
    assert (verdict.side, verdict.stale, verdict.origin) == ("theirs", True, Origin(R1, "run"))
    verdict = judge(state(W0, R0), state(W1, R1), state(W0, R0), MERGED)
    assert (verdict.side, verdict.stale) == ("ours", True)


def test_none_trained_with_it_and_nobody_changed_keeps_ours_stale():
    verdict = judge(state(W0, R0), state(W0, R0), state(W0, R0), MERGED)
    assert (verdict.side, verdict.stale) == ("ours", True)


def test_none_trained_with_it_and_both_changed_keeps_ours_and_names_both():
    verdict = judge(state(W0, R0), state(W1, R1), state(W2, R2), MERGED)
    assert (verdict.side, verdict.stale) == ("ours", True)
    assert "both sides" in verdict.note


def test_a_named_strategy_decides_and_the_weights_are_fresh():
    for name, weights in (("ours", W1), ("theirs", W2)):
        verdict = judge(state(W0, R0), state(W1, R1), state(W2, R2), MERGED, name)
        assert (verdict.side, verdict.stale) == (name, False)
        assert verdict.origin == Origin(MERGED, f"merged:{name}")
        del weights


def test_deleted_weights_stay_deleted():
    verdict = judge(state(W0, R0), state(None, R0), state(W0, R0), MERGED)
    assert (verdict.side, verdict.origin, verdict.stale) == ("ours", None, False)
    verdict = judge(state(W0, R0), state(W0, R0), state(None, R0), MERGED)
    assert (verdict.side, verdict.origin) == ("theirs", None)


def test_metrics_stay_only_with_the_weights_of_their_side():
    base = state(W0, R0, oid("m0"), W0)
    ours, theirs = state(W1, R1, oid("m1"), W1), state(W2, R2, oid("m2"), W2)
    assert keep_metrics(base, ours, theirs, W1) is ours
    assert keep_metrics(base, ours, theirs, W2) is theirs
    assert keep_metrics(base, ours, theirs, oid("merged")) is None
    unchanged = state(W0, R0, oid("m0"), W0)
    measured = state(W0, R0, oid("m9"), W0)
    assert keep_metrics(base, unchanged, measured, W0) is measured
    assert keep_metrics(base, measured, unchanged, W0) is measured
