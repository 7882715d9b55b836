"""What changed between two signatures of a model, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.formats.key_paths import in_order
from mvcs.formats.signature import NAME, flatten, read_signature
from mvcs.formats.values import ABSENT, same

if TYPE_CHECKING:
    from mvcs.formats.content import Content


def diff_signature(before: Content | None, after: Content | None) -> FileDiff:
    """Tells which fields changed: keys are `signature.inputs.NAME`, values such as `float32[?,10]`.

    Args:
        before: The entry as it was, None if it was not there.
        after: The entry as it is.

    Raises:
        UnreadableContent: If a side is no signature.

    Laws:
        diff(a, a) is empty; diff(b, a) is diff(a, b) with before and after swapped.
    """
    first, second = ({} if side is None else flatten(read_signature(side)) for side in (before, after))
    pairs = [(key, first.get(key, ABSENT), second.get(key, ABSENT)) for key in in_order(second, first)]
    return FileDiff(NAME, tuple(KeyChange(key, old, new) for key, old, new in pairs if not same(old, new)))
