"""What the patterns of a merge's result leave out of it: such files stay in the merge commit, and that is told.

Patterns come with a merge as any text does, and may take away what the other side works with. Knows: the patterns'
answer for a path, which file gave it. Refuses to know: how a merge came to its result.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ingredients.patterns import IGNORED
from mvcs.objects.tree import IS_BLOB
from mvcs.repo.neighbours import Neighbours
from mvcs.repo.scan import IGNORE_FILES
from mvcs.repo.statcache import StatCache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mvcs.ingredients.patterns import Rules
    from mvcs.objects.editing import Placed
    from mvcs.repo.workspace import Workspace

SHOWN = 5
"""Files that a note names."""
PATTERN_FILES = (b"mvcs.toml", *IGNORE_FILES)
READ = 1 << 20
"""Bytes of an ignore file that are read."""


def is_pattern_file(path: bytes) -> bool:
    """Whether a file's content decides where other files belong."""
    return path.rpartition(b"/")[2] in PATTERN_FILES


def told_by_patterns(workspace: Workspace, files: Mapping[bytes, Placed], left: Collection[bytes]) -> list[str]:
    """Returns what to tell of files that a merge has just written.

    Where patterns and merge differ, the next look classifies every name anew: what was written is recorded as the
    merge has it.

    Args:
        workspace: Opened after the merge, so that its patterns are those of the result.
        files: Path to what the merge has there.
        left: Paths with conflicts: of these it is told when they are settled.
    """
    asked = {path: placed for path, placed in files.items() if placed.entry.kind == IS_BLOB}
    patterns = _Patterns(workspace, asked)
    apart = {
        path: (placed.ingredient, now) for path, placed in asked.items()
        if (now := patterns.ingredient(path)) != placed.ingredient
    }
    if apart:
        store = workspace.repository.store
        with store.write() as transaction:
            cache = StatCache(transaction, workspace.name)
            cache.rules = b""
            cache.save(transaction)
    return notes_of(workspace, {path: places for path, places in apart.items() if path not in left})


class _Patterns:
    """The patterns of a workspace, asked about paths without a walk."""

    def __init__(self, workspace: Workspace, paths: Iterable[bytes]) -> None:
        from mvcs.ops.context import rules_maker

        self._root = os.fsencode(workspace.root)
        own = os.path.relpath(workspace.folder, workspace.root)
        self._neighbours = Neighbours(self._root, b"" if own == "." else os.fsencode(own))
        self._older: dict[bytes, set[str]] = {}
        self._left: dict[bytes, bool] = {b"": False}
        folders: set[bytes] = {b""}
        for path in paths:
            parent = path.rpartition(b"/")[0]
            while parent not in folders:
                folders.add(parent)
                parent = parent.rpartition(b"/")[0]
        found = [
            [(os.fsdecode(folder) + "/" if folder else "", lines) for folder in sorted(folders)
             if (lines := _lines(os.path.join(self._root, folder, name))) is not None]
            for name in IGNORE_FILES
        ]
        self._rules: Rules = rules_maker(workspace)(found[0], found[1])  # type: ignore[assignment]

    def ingredient(self, path: bytes) -> str | None:
        """Returns where a file belongs, None if it is left out."""
        folder, _, name = path.rpartition(b"/")
        within = self._neighbours.of(folder)
        beside = None if within is None else os.fsdecode(within)
        place = None if self._leaves_out(folder) else self._rules.place(os.fsdecode(path), beside)
        if place in {None, IGNORED} or (place == "weights" and os.fsdecode(name) in self._replaced(folder)):
            return None
        return place

    def _leaves_out(self, folder: bytes) -> bool:
        if folder not in self._left:
            above, _, name = folder.rpartition(b"/")
            self._left[folder] = (
                self._leaves_out(above) or self._rules.ignores(os.fsdecode(folder) + "/")
                or os.fsdecode(name) in self._replaced(above)
            )
        return self._left[folder]

    def _replaced(self, folder: bytes) -> set[str]:
        """Returns the names in a folder that newer checkpoints replace."""
        if folder not in self._older:
            try:
                with os.scandir(os.path.join(self._root, folder)) as entries:
                    names = [(os.fsdecode(item.name), item.is_dir(follow_symlinks=False)) for item in entries]
            except OSError:
                names = []
            self._older[folder] = self._rules.older_checkpoints(names)
        return self._older[folder]


def notes_of(workspace: Workspace, apart: Mapping[bytes, tuple[str, str | None]]) -> list[str]:
    """Returns a note for each pattern file that says otherwise than a merge.

    Args:
        workspace: Whose patterns.
        apart: Path to its ingredient in the merge, and by the patterns; None where they leave it out.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    project = os.path.relpath(workspace.project.file, workspace.root)
    for path, (merged, now) in sorted(apart.items()):
        if now is not None:
            key = project, f"gives {{}} to {now}, and the merge has it in {merged}: the next commit moves it"
        else:
            source = _ignore_file(workspace, path, code=merged == "code") or project
            key = source, "leaves out {}, which the merge keeps: the next commit drops it"
        groups.setdefault(key, []).append(os.fsdecode(path))
    notes = []
    for (source, text), names in groups.items():
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        notes.append(f"{source} {text.format(shown)} unless {source} is changed")
    return notes


def _ignore_file(workspace: Workspace, path: bytes, *, code: bool) -> str | None:
    """Returns the ignore file that leaves a path out, None if it is none: patterns, or an older checkpoint."""
    from mvcs.ingredients.patterns import Rules

    parts = os.fsdecode(path).split("/")
    asked = ["/".join(parts[:end]) + ("/" if end < len(parts) else "") for end in range(1, len(parts) + 1)]
    for depth in range(len(parts) - 1, -1, -1):
        prefix = "".join(part + "/" for part in parts[:depth])
        for name in IGNORE_FILES if code else IGNORE_FILES[:1]:
            shown = prefix + os.fsdecode(name)
            lines = _lines(os.path.join(os.fsencode(workspace.root), os.fsencode(shown)))
            if lines is not None:
                rules = Rules({}, [(prefix, lines)])
                if any(rules.ignores(one) for one in asked[depth:]):
                    return shown
    return None


def _lines(path: bytes) -> list[str] | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(READ).splitlines()
    except OSError:
        return None
