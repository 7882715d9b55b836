"""Differences of root trees by path: equal folders are never opened.

Knows: root trees. Refuses to know: contents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.objects.editing import Bound, Placed, ingredient_trees, is_generated
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_TREE, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Load


class FileChange(Record):
    """One path on which two states differ.

    Args:
        path: Workspace path; of a generated entry its path inside the ingredient.
        before: What the first state has, None if nothing.
        after: What the second has.
    """

    __slots__ = ("after", "before", "path")

    def __init__(self, path: bytes, before: Placed | None, after: Placed | None) -> None:
        self.path = path
        self.before = before
        self.after = after

    def __invert__(self) -> FileChange:
        """Returns the change back."""
        return FileChange(self.path, self.after, self.before)

    @property
    def placed(self) -> Placed:
        """What there is now, or was before."""
        placed = self.after or self.before
        assert placed is not None
        return placed

    @property
    def ingredient(self) -> str:
        """Where the path belongs, now or before."""
        return self.placed.ingredient

    @property
    def change(self) -> str:
        """added, deleted, modified, mode, or moved (to another ingredient)."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "deleted"
        if self.before.ingredient != self.after.ingredient:
            return "moved"
        return "modified" if self.before.entry.oid != self.after.entry.oid else "mode"

    def to_dict(self) -> dict[str, object]:
        """Returns the change as JSON carries it: oids for before and after, key null for a whole file."""
        return {
            "ingredient": self.ingredient, "path": self.path.decode("utf-8", "surrogateescape"), "key": None,
            "before": None if self.before is None else self.before.entry.oid.hex(),
            "after": None if self.after is None else self.after.entry.oid.hex(), "change": self.change,
        }


def diff_roots(load: Load, before: Oid | None, after: Oid | None, *, generated: bool = False) -> list[FileChange]:
    """Returns the changes from one root tree to another, sorted by path.

    Args:
        load: Returns the payload of a tree node.
        before: First root tree; None for an empty one.
        after: Second root tree.
        generated: Whether entries that capture makes are told too.

    Laws:
        diff_roots(t, t) is empty; diff_roots(b, a) inverts each of diff_roots(a, b).
    """
    if before == after:
        return []
    first, second = ingredient_trees(load, before), ingredient_trees(load, after)
    found: dict[bytes, FileChange] = {}
    olds, news = Bound(), Bound()
    for ingredient in sorted({*first, *second}):
        for path, old, new in _diff(load, first.get(ingredient), second.get(ingredient), b"", (olds, news)):
            if is_generated(path):
                if generated:
                    found[ingredient.encode() + b"\0" + path] = _change(path, ingredient, old, new)
                continue
            made = _change(path, ingredient, old, new)
            there = found.get(path)
            if there is not None:  # from one ingredient to another
                made = FileChange(path, there.before or made.before, there.after or made.after)
            found[path] = made
    return sorted(found.values(), key=lambda change: change.path)


def _change(path: bytes, ingredient: str, old: Entry | None, new: Entry | None) -> FileChange:
    return FileChange(
        path, None if old is None else Placed(ingredient, old), None if new is None else Placed(ingredient, new)
    )


def _diff(
    load: Load, before: Oid | None, after: Oid | None, prefix: bytes, bounds: tuple[Bound, Bound]
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    if before == after:
        return
    old = {entry.name: entry for entry in bounds[0].read(load, before, prefix)} if before is not None else {}
    new = {entry.name: entry for entry in bounds[1].read(load, after, prefix)} if after is not None else {}
    for name in sorted({*old, *new}):
        a, b = old.get(name), new.get(name)
        if a is not None and a.same_content(b):
            continue
        path = prefix + name
        folder_a = a.oid if a is not None and a.kind == IS_TREE else None
        folder_b = b.oid if b is not None and b.kind == IS_TREE else None
        if folder_a is not None or folder_b is not None:
            yield from _diff(load, folder_a, folder_b, path + b"/", bounds)
        file_a, file_b = (None if folder_a is not None else a), (None if folder_b is not None else b)
        if file_a is not None or file_b is not None:
            yield path, file_a, file_b


def summary(changes: list[FileChange]) -> str:
    """Returns one line about changes: what a commit without a message is called."""
    by_ingredient: dict[str, list[FileChange]] = {}
    for change in changes:
        by_ingredient.setdefault(change.ingredient, []).append(change)
    parts = []
    for ingredient, group in by_ingredient.items():
        if len(group) == 1:
            name = group[0].path.decode("utf-8", "replace").rpartition("/")[2]
            parts.append(f"{ingredient} ({name} {group[0].change})")
        else:
            parts.append(f"{ingredient} ({len(group)} files)")
    line = "Change " + ", ".join(parts) if parts else "Change metrics"
    return line if len(line) <= 100 else line[:97] + "..."
