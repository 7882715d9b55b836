"""What changed in a file of metrics: by how much, and whether that is better where the name says so.

Knows: names of measures. Refuses to know: models; what a name does not say is not guessed.
"""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mvcs.diff.config import ONLY_FORMATTING, compare
from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.errors import InvalidArgument
from mvcs.formats.key_paths import parse_key_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found

HIGHER: Final = frozenset({
    "accuracy", "acc", "balanced_accuracy", "precision", "recall", "sensitivity", "specificity", "f1", "f2", "f_beta",
    "f1_score", "auc", "auroc", "roc_auc", "auprc", "pr_auc", "average_precision", "ap", "map", "map50", "map50_95",
    "mcc", "matthews_corrcoef", "kappa", "cohen_kappa", "r2", "r2_score", "r_squared", "explained_variance",
    "pearson", "spearman", "bleu", "sacrebleu", "rouge", "rouge1", "rouge2", "rougel", "rouge_l", "meteor", "chrf",
    "exact_match", "em", "ndcg", "mrr", "hit_rate", "iou", "miou", "mean_iou", "dice", "jaccard", "psnr", "ssim",
    "throughput", "samples_per_second", "tokens_per_second", "silhouette", "win_rate", "pass_rate",
})
"""Measures of which more is better."""
LOWER: Final = frozenset({
    "loss", "error", "err", "error_rate", "mse", "rmse", "mae", "mape", "smape", "rmsle", "msle", "nll",
    "cross_entropy", "crossentropy", "log_loss", "logloss", "brier", "brier_score", "perplexity", "ppl",
    "bits_per_byte", "bpb", "wer", "cer", "ter", "eer", "fid", "kid", "lpips", "ece", "calibration_error", "kl",
    "kl_divergence", "hinge", "huber", "latency", "inference_time", "regret", "fpr", "fnr", "false_positive_rate",
    "false_negative_rate", "hamming", "hamming_loss", "focal_loss", "dice_loss", "kl_loss", "mse_loss", "bce_loss",
})
"""Measures of which less is better."""
_ASIDE: Final = frozenset({
    "train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval", "evaluation", "holdout", "oof",
    "cv", "best", "final", "last", "mean", "avg", "average", "median", "macro", "micro", "weighted", "score", "total",
    "epoch", "overall", "top1", "top3", "top5", "top10", "ms", "s", "sec", "seconds", "p50", "p90", "p95", "p99", "at",
})
"""Words beside a measure that do not turn it."""
_WORD = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def diff_metrics(
    before: Content | None, after: Content | None, directions: Mapping[str, str] = _NONE
) -> FileDiff:
    """Tells which metrics of a JSON file changed.

    The note of a number that was a number before is the difference, and `better` or `worse` where the direction is
    known: "+0.012, better". Keys as in `diff_config`.

    Args:
        before: The file as it was, None if absent.
        after: The file as it is, None if absent.
        directions: Key, or its last part, to "higher" or "lower": which is better. It holds before the names known
            here; "" says that neither is.

    Raises:
        UnreadableContent: If a file is not JSON.
        InvalidArgument: If a direction is another word.
    """
    for name, direction in directions.items():
        if direction not in {"higher", "lower", ""}:
            raise InvalidArgument(argument=f"direction of {name}", value=direction, reason="higher or lower")
    made, more = compare("json", before, after)
    keys = tuple(
        KeyChange(each.key, each.before, each.after, note(each.key, each.before, each.after, directions))
        for each in made
    )
    reason = "" if made or before is None or after is None or before.read() == after.read() else ONLY_FORMATTING
    return FileDiff("metrics", keys, reason=reason, more=more)


def note(key: str, before: Found, after: Found, directions: Mapping[str, str] = _NONE) -> str:
    """Returns what is to be said of a changed metric; empty if it is no finite number on both sides."""
    if not (_is_number(before) and _is_number(after)):
        return ""
    assert isinstance(before, int | float)
    assert isinstance(after, int | float)
    if before == after:
        return ""
    if isinstance(before, int) and isinstance(after, int):
        change = f"{after - before:+d}"
    else:
        try:
            change = f"{after - before:+.6g}"
        except OverflowError:
            return ""
    direction = direction_of(key, directions)
    if not direction:
        return change
    return f"{change}, {'better' if (after > before) == (direction == 'higher') else 'worse'}"


def _is_number(value: Found) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and math.isfinite(value)
    )


def direction_of(key: str, directions: Mapping[str, str] = _NONE) -> str:
    """Returns "higher" or "lower", whichever is better for a metric; "" if its name does not say.

    A name says it if all its words but such as `val`, `macro`, `p95`, `ms` are a known measure. Where the last part
    of a key has only such words, the part before it is looked at (`accuracy.mean`).
    """
    parts = parse_key_path(key)
    for name in (key, *parts[-1:]):
        if name in directions:
            return directions[name]
    for part in reversed(parts):
        words = [word.lower() for word in _WORD.findall(part)]
        rest = [word for word in words if word not in _ASIDE]
        for known in ("_".join(words), "_".join(rest), "".join(rest)):
            if known in HIGHER:
                return "higher"
            if known in LOWER:
                return "lower"
        if rest:
            return ""
    return ""
