"""Which driver tells what changed inside a file; what it cannot read is told by lines, else by bytes;
weights by bytes at once.

Knows: names and endings, the order of falling back. Refuses to know: how a driver works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.names import key_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.diff.keys import FileDiff
    from mvcs.formats.content import Content

LARGEST = 256 << 20
"""Bytes of a file that is looked into, weights and tables aside."""


class Settings:
    """How files are compared.

    Args:
        context: Lines around a change of text.
        keys: Path pattern to the columns that identify a row of a table.
        directions: Metric to "higher" or "lower": which is better.
    """

    __slots__ = ("context", "directions", "keys")

    def __init__(
        self, *, context: int = 3, keys: Mapping[str, tuple[str, ...]] | None = None,
        directions: Mapping[str, str] | None = None,
    ) -> None:
        self.context = context
        self.keys = dict(keys or {})
        self.directions = dict(directions or {})


def diff_file(
    path: bytes, ingredient: str, before: Content | None, after: Content | None, settings: Settings
) -> FileDiff:
    """Returns what changed inside a file.

    Args:
        path: Its path, or that of a generated entry inside its ingredient.
        ingredient: Which one it belongs to.
        before: What it was, None if it was not.
        after: What it is.
        settings: How to compare.
    """
    from mvcs.diff.bytes import diff_bytes

    kind, syntax = kind_of(path, ingredient)
    reason = ""
    try:
        if kind == "bytes":
            return diff_bytes(before, after)
        typed = _typed(kind, syntax, path, before, after, settings)
        if typed is not None:
            return typed
    except UnreadableContent as error:
        reason = error.message
    try:
        if kind == "tensors":  # what is no file of tensors is no text either
            found = diff_bytes(before, after)
        else:
            from mvcs.diff.text import diff_text

            found = diff_text(before, after, context=settings.context)
    except UnreadableContent as error:
        found = diff_bytes(before, after)
        reason = reason or error.message
    found.reason = reason or found.reason
    return found


def _typed(
    kind: str, syntax: str, path: bytes, before: Content | None, after: Content | None, settings: Settings
) -> FileDiff | None:
    if kind == "config":
        from mvcs.diff.config import diff_config

        return diff_config(syntax, before, after)
    if kind == "metrics":
        from mvcs.diff.metrics import diff_metrics

        return diff_metrics(before, after, settings.directions)
    if kind == "packages":
        from mvcs.diff.packages import diff_packages

        return diff_packages(before, after)
    if kind == "captured":
        from mvcs.diff.packages import diff_captured

        return diff_captured(before, after)
    if kind == "signature":
        from mvcs.diff.signature import diff_signature

        return diff_signature(before, after)
    if kind == "notebook":
        from mvcs.diff.notebook import diff_notebook

        return diff_notebook(before, after)
    if kind == "table":
        from mvcs.diff.table import diff_table

        return diff_table(syntax, before, after, key_of(path, settings.keys))
    if kind == "tensors":
        from mvcs.diff.tensors import diff_tensors

        return diff_tensors(before, after)
    return None
