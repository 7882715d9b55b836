"""Which weights file that came holds the tensors of one that went: a model under another name or in another format.

Knows: names, types and shapes of tensors. Refuses to know: values, which nobody reads for this.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mvcs.errors import MvcsError
from mvcs.formats.tensor_file import open_tensors
from mvcs.objects.editing import inner_path
from mvcs.objects.tree import IS_BLOB, SYMLINK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.diff.trees import FileChange
    from mvcs.formats.content import Content
    from mvcs.objects.editing import Placed

    Read = Callable[[FileChange], Content | None]

FILES: Final = 64
"""Files that went, and that came, which are looked into; with more of them nothing is told."""

Outline = Counter[tuple[str, str, tuple[int, ...]]]


def rewritten(changes: Iterable[FileChange], read: Read) -> dict[bytes, FileChange]:
    """Returns path of a weights file that came to the one that went whose tensors it has.

    At least half of the tensors of the larger one are in both by name, type and shape, and no third file competes.

    Args:
        changes: All changes between two states.
        read: Returns the content of the one side that a change has.
    """
    gone, came = [], []
    for change in changes:
        if change.before is not None and change.after is None and _is_weights(change, change.before):
            gone.append(change)
        elif change.after is not None and change.before is None and _is_weights(change, change.after):
            came.append(change)
    if not (0 < len(gone) <= FILES and 0 < len(came) <= FILES):
        return {}
    olds, news = ([(change, _outline(read(change))) for change in side] for side in (gone, came))
    pairs = [(old, new) for old, a in olds for new, b in news if _are_alike(a, b)]
    times = Counter(change.path for pair in pairs for change in pair)
    return {new.path: old for old, new in pairs if times[old.path] == times[new.path] == 1}


def _is_weights(change: FileChange, placed: Placed) -> bool:
    plain = placed.entry.kind == IS_BLOB and placed.entry.mode != SYMLINK
    return plain and placed.ingredient == "weights" and inner_path(change.path) == change.path


def _outline(content: Content | None) -> Outline:
    if content is None:
        return Counter()
    try:
        return Counter((tensor.name, tensor.dtype, tensor.shape) for tensor in open_tensors(content).tensors.tensors)
    except MvcsError:  # no tensors, or its bytes are not here: the diff of the file itself says what is wrong
        return Counter()


def _are_alike(first: Outline, second: Outline) -> bool:
    both = (first & second).total()
    return both > 0 and 2 * both >= max(first.total(), second.total())
