"""What changed in metrics: by how much, and whether that is better."""

from __future__ import annotations

import json

import pytest

from mvcs.diff.metrics import HIGHER, LOWER, diff_metrics, direction_of
from mvcs.errors import InvalidArgument, UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT


def notes(before, after, directions=None):
    sides = (Bytes(json.dumps(each).encode()) for each in (before, after))
    found = diff_metrics(*sides, directions or {})
    assert found.driver == "metrics"
    return {each.key: each.note for each in found.keys}


@pytest.mark.parametrize("name, before, after, note", [
    ("accuracy", 0.9, 0.912, "+0.012, better"), ("accuracy", 0.912, 0.9, "-0.012, worse"), ("val_loss", 0.31, 0.3, "-0.01, better"), ("val_loss", 1, 2, "+1, worse"), ("steps", 100, 120, "+20"),
    ("x", 0.1, 0.30000000000000004, "+0.2"), ("f1", 1, 1.0, ""), ("f1", "a", 0.5, ""), ("f1", 0.5, None, ""), ("f1", True, 0.5, ""), ("f1", 0.5, float("nan"), ""), ("loss", float("inf"), 1.0, ""),
    ("x", 10**400, 0.5, ""), ("x", 10**30, 10**30 + 1, "+1"), ("x", 1e-9, 2e-9, "+1e-09"),
])
def test_a_number_says_how_far_it_moved(name, before, after, note):
    assert notes({name: before}, {name: after}) == {name: note}


@pytest.mark.parametrize("key, direction", [
    ("accuracy", "higher"), ("val_accuracy", "higher"), ("valAccuracy", "higher"), ("test.F1-macro", "higher"), ("AUC", "higher"), ("top5_acc", "higher"), ("accuracy.mean", "higher"),
    ("accuracy_score", "higher"), ("rougeL", "higher"), ("mAP", "higher"), ("r2", "higher"), ("ROC-AUC", "higher"), ("eval/bleu".replace("/", "_"), "higher"), ("tokens_per_second", "higher"),
    ("loss", "lower"), ("train.loss", "lower"), ("logLoss", "lower"), ("rmse", "lower"), ("test_RMSE", "lower"), ("latency_p95_ms", "lower"), ("latency.p99", "lower"), ("perplexity", "lower"),
    ("dice_loss", "lower"), ("WER", "lower"), ("error", "lower"), ("mean_error", "lower"), ("log_loss", "lower"),
    ("loss_scale", ""), ("epoch", ""), ("accuracy.class_0", ""), ("n_params", ""), ("f1.threshold", ""), ("accuracy_loss", ""), (".", ""), ("best.epoch", ""), ('"0"', ""), ("lossy", ""), ("mapping", ""),
])
def test_a_name_says_the_direction_or_nothing(key, direction):
    assert direction_of(key) == direction


def test_the_tables_do_not_contradict_each_other():
    assert not HIGHER & LOWER
    assert all(direction_of(name) == "higher" for name in HIGHER)
    assert all(direction_of(name) == "lower" for name in LOWER)


def test_directions_that_are_given_hold_before_the_table():
    given = {"accuracy": "lower", "val.score": "higher", "loss": "", "score": "lower"}
    before = {"accuracy": 1, "val": {"score": 1}, "test": {"score": 1}, "loss": 1, "f1": 1}
    after = {"accuracy": 2, "val": {"score": 2}, "test": {"score": 2}, "loss": 2, "f1": 2}
    assert notes(before, after, given) == {"accuracy": "+1, worse", "val.score": "+1, better", "test.score": "+1, worse", "loss": "+1", "f1": "+1, better"}


def test_another_word_for_a_direction_is_refused():
    with pytest.raises(InvalidArgument):
        notes({}, {}, {"a": "up"})


def test_metrics_come_and_go_without_a_note():
    found = diff_metrics(Bytes(b'{"loss": 1, "acc": 2}'), Bytes(b'{"acc": 2, "f1": 3}'))
    assert [(each.key, each.before, each.after, each.note) for each in found.keys] == [("loss", 1, ABSENT, ""), ("f1", ABSENT, 3, "")]
    assert [each.key for each in diff_metrics(None, Bytes(b'{"a": {"b": 1}}')).keys] == ["a.b"]


def test_other_spelling_is_told_in_words_and_what_is_no_json_is_refused():
    assert diff_metrics(Bytes(b'{"a":1}'), Bytes(b'{"a": 1}')).reason == "only comments or formatting"
    with pytest.raises(UnreadableContent):
        diff_metrics(Bytes(b"{}"), Bytes(b"a: 1"))
