"""Merges two signatures of a model field by field, whoever's weights a merge has: a declaration is no training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.signature import declared_field, flatten, read_signature, told_field, unflatten, write_signature
from mvcs.merge.fields import merge_entry
from mvcs.merge.values import BASE, OURS, SET, THEIRS

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.values import Choice, Choose, Conflict, Merged


def merge_signature(base: Content | None, ours: Content, theirs: Content, choose: Choose) -> Merged:
    """Merges two signatures.

    A field is one value, type and shape together; the order of features is one value. A conflict's key is
    `signature.inputs.NAME`. Strategies: ours, theirs, base, set (of a field). The content has what ours has where
    conflicts are left.

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.

    Raises:
        UnreadableContent: If a side is no signature.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; conflicts are the same with the sides swapped.
    """
    return merge_entry(
        base, ours, theirs, choose, read=lambda side: flatten(read_signature(side)),
        write=lambda fields: write_signature(unflatten(fields)), chosen=_chosen,
    )


def _chosen(choice: Choice, conflict: Conflict) -> tuple[Found] | None:
    """Returns the value that a choice gives, None if it means nothing here."""
    if choice.strategy in {BASE, OURS, THEIRS}:
        return ({BASE: conflict.base, OURS: conflict.ours, THEIRS: conflict.theirs}[choice.strategy],)
    if choice.strategy == SET and (conflict.key or "").count(".") > 1:
        field = declared_field(choice.value)
        return None if field is None else (told_field(field),)
    return None
