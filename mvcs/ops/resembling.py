"""Which stored blobs a file is likely to resemble: its earlier version, else the weights that stand beside it.

What is told here saves space and never changes an oid. Knows: paths and trees. Refuses to know: bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.objects.editing import Finder, files_below, ingredient_trees
from mvcs.objects.tree import IS_BLOB
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry, Load

NEIGHBOURS = 4
"""Other weights that a new file is compared with."""


class Resembling:
    """Gives the blobs that a file is likely to resemble, the likeliest first.

    Args:
        load: Returns the payload of a tree node.
        tree: Root tree of the commit that comes before; EMPTY for none.
    """

    def __init__(self, load: Load, tree: Oid) -> None:
        self._load = load
        self._tree = tree
        self._find = Finder(load, tree)
        self._weights: dict[bytes, Entry] | None = None

    def __call__(self, path: bytes) -> Sequence[Oid]:
        """Returns the oids for the file at a path."""
        if self._tree == EMPTY:
            return ()
        placed = self._find(path)
        if placed is not None and placed.entry.kind == IS_BLOB:
            return (placed.entry.oid,)
        weights = self._known_weights()
        ranked = sorted((other for other in weights if ending(other) == ending(path)), key=_distance_to(path))
        return [weights[other].oid for other in ranked[:NEIGHBOURS]]

    def _known_weights(self) -> dict[bytes, Entry]:
        if self._weights is None:
            top = ingredient_trees(self._load, self._tree).get("weights")
            found = () if top is None else files_below(self._load, top)
            self._weights = {path: entry for path, entry in found if entry.kind == IS_BLOB}
        return self._weights


def ending(path: bytes) -> bytes:
    """Returns what stands behind the last dot of a file's name, the name if there is none."""
    return path.rpartition(b"/")[2].rpartition(b".")[2]


def _distance_to(path: bytes) -> Callable[[bytes], tuple[bool, int, bytes]]:
    """Returns what orders the files beside a new one: the same name in another folder, the longest common part."""
    name = path.rpartition(b"/")[2]

    def distance(other: bytes) -> tuple[bool, int, bytes]:
        return other.rpartition(b"/")[2] != name, -len(os.path.commonprefix((path, other))), other  # noqa: RUF071 -- characters

    return distance
