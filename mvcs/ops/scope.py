"""A commit in the making, as handlers see it: its files, what is carried on from the parent, what that said.

Files are read from the workspace, and are what the commit has: their stat is what it was when they were stored, at the
beginning and at the end. Knows: trees and rows. Refuses to know: handlers.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from mvcs.errors import ChangedDuringCapture
from mvcs.objects.editing import files_below, is_generated
from mvcs.objects.tree import IS_BLOB, SYMLINK, find_path
from mvcs.objects.values import parse_json
from mvcs.ops.trees import NewTree, changed_tree, edits_of
from mvcs.repo.scan import stats_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.diff.trees import FileChange
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.repo.statcache import Stats


class CommitScope:
    """The scope of one commit; close it when the handlers are done.

    Args:
        seen: The files as they are.
        changes: What the commit changes.
        tree: Root tree that is changed.
        before: What the commit of that tree said is missing.
    """

    def __init__(
        self, seen: Look, changes: list[FileChange], tree: Oid, before: tuple[tuple[str, str], ...]
    ) -> None:
        self._seen = seen
        self._changes = changes
        self._before = before
        self._old = tree
        self._opened: list[tuple[str, BinaryIO, Stats]] = []
        sides = [side for change in changes for side in (change.before, change.after) if side is not None]
        self.changed = frozenset(side.ingredient for side in sides)

    @cached_property
    def _tree(self) -> NewTree:
        return changed_tree(self._seen.workspace.repository, self._old, edits_of(self._changes))

    @cached_property
    def _trees(self) -> dict[str, Oid]:
        return self._tree.ingredients()

    def has(self, ingredient: str) -> bool:
        """Whether the commit has an ingredient: files, or a generated entry that is carried on."""
        return ingredient in self._trees

    def entries(self, ingredient: str, *, generated: bool = False) -> Iterator[tuple[bytes, Entry]]:
        """Yields (path, entry) of the files of an ingredient, or of its generated entries."""
        tree = self._trees.get(ingredient)
        if tree is not None:
            yield from (item for item in files_below(self._tree.load, tree) if is_generated(item[0]) == generated)

    def files(self, ingredient: str) -> Iterator[tuple[str, int]]:
        """Yields (path, bytes) of the plain files of an ingredient, by path; links and references are left out."""
        for path, entry in self.entries(ingredient):
            if entry.kind == IS_BLOB and entry.mode != SYMLINK:
                yield os.fsdecode(path), entry.size

    def open(self, path: str) -> BinaryIO:
        """Opens a file of the commit for reading, at any place; capture closes it.

        Raises:
            ChangedDuringCapture: If it is not what the commit has any more.
        """
        folder, _, name = os.fsencode(path).rpartition(b"/")
        record = self._seen.scan.cache.folders.get(folder)
        row = None if record is None else dict(record.rows()).get(name)
        try:
            descriptor = os.open(self._full(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ChangedDuringCapture(path=path) from error
        file = os.fdopen(descriptor, "rb")
        stats = stats_of(os.fstat(descriptor))
        self._opened.append((path, file, stats if row is None else row.stats))
        if row is None or row.stats != stats:
            raise ChangedDuringCapture(path=path)
        return file

    def entry(self, ingredient: str, name: str) -> Json:
        """Returns a generated entry as it is carried on from the parent, None if there is none."""
        tree = self._trees.get(ingredient)
        found = None if tree is None else find_path(self._tree.load, tree, b".mvcs/" + name.encode())
        if found is None or found.kind != IS_BLOB:
            return None
        return parse_json(self._seen.workspace.repository.store.read_blob(found.oid))

    def said(self, ingredient: str) -> tuple[str, ...]:
        """Returns what the parent said is missing of an ingredient."""
        return tuple(reason for name, reason in self._before if name == ingredient)

    def close(self) -> None:
        """Closes what was opened.

        Raises:
            ChangedDuringCapture: If a file changed while it was read.
        """
        changed = []
        for path, file, stats in self._opened:
            file.close()
            try:
                now = stats_of(os.lstat(self._full(path)))
            except OSError:
                now = None
            if now != stats:
                changed.append(path)
        self._opened = []
        if changed:
            raise ChangedDuringCapture(path=changed[0])

    def _full(self, path: str) -> str:
        return os.path.join(self._seen.workspace.root, path)
