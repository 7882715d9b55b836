"""Which driver merges a file, by its ingredient and its name.

Knows: names and endings. Refuses to know: how a driver works. What no driver takes is merged as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.names import key_of, kind_of
from mvcs.merge.values import SET, Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.merge.values import Choose, Conflict, Merged


def merge_file(
    path: bytes, ingredient: str, base: Content | None, ours: Content, theirs: Content, choose: Choose, *,
    keys: Mapping[str, tuple[str, ...]], marker: int = 7,
) -> Merged:
    """Merges a file inside.

    Args:
        path: Its path, or that of a generated entry inside its ingredient.
        ingredient: Which one it belongs to.
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Says how a conflict is settled; values of SET are text as typed.
        keys: Path pattern to the columns that identify a row.
        marker: Length of conflict markers in text: longer in each virtual base, so that they can be told apart.

    Raises:
        UnreadableContent: If it cannot be merged inside.
    """
    kind, syntax = kind_of(path, ingredient)
    if kind in {"config", "metrics"}:
        from mvcs.formats.config import parse_scalar
        from mvcs.merge.config import merge_config

        def typed(conflict: Conflict) -> Choice | None:
            choice = choose(conflict)
            if choice is None or choice.strategy != SET:
                return choice
            return Choice(SET, parse_scalar(str(choice.value)))

        merged = merge_config(syntax, base, ours, theirs, typed)
        return _canonical(merged) if path.startswith(b".mvcs/") else merged
    if kind == "packages":
        from mvcs.merge.packages import merge_packages

        return merge_packages(base, ours, theirs, choose)
    if kind == "captured":
        from mvcs.merge.packages import merge_captured

        return merge_captured(base, ours, theirs, choose)
    if kind == "signature":
        from mvcs.merge.signature import merge_signature

        return merge_signature(base, ours, theirs, choose)
    if kind == "notebook":
        from mvcs.merge.notebook import merge_notebook

        return merge_notebook(base, ours, theirs, choose)
    if kind == "table":
        from mvcs.merge.table import merge_table

        return merge_table(syntax, base, ours, theirs, choose, key=key_of(path, keys))
    if kind == "text":
        from mvcs.merge.text import merge_text

        return merge_text(base, ours, theirs, choose, marker=marker)
    raise UnreadableContent(format="merged inside", line=0, reason=f"{ingredient} is merged file by file")


def _canonical(merged: Merged) -> Merged:
    """Returns a merged generated entry in the one form that equal entries have."""
    from mvcs.errors import InvalidObject
    from mvcs.formats.content import Bytes
    from mvcs.objects.values import canonical_json, parse_json

    try:
        merged.content = Bytes(canonical_json(parse_json(merged.content.read())))
    except InvalidObject as error:
        raise UnreadableContent(format="JSON", line=0, reason=str(error.fields["reason"])) from error
    return merged
