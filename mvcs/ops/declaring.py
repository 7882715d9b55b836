"""What the mvcs.toml of a merge declares: whether it can be used, and which data it says is kept elsewhere.

Knows: the file's path and its references. Refuses to know: how it was merged. A reference has no content of its own:
where both sides changed one, mvcs.toml is merged by its keys, and the reference is what it says then.
"""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from mvcs.errors import InvalidConfig
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge.paths import PathConflict
from mvcs.merge.values import BASE, OURS, THEIRS, Conflict, Decision
from mvcs.objects.editing import Placed, find_file
from mvcs.objects.tree import FILE, IS_REFERENCE, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.diff.trees import FileChange
    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.paths import ChooseAt, PathMerge
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.desk import Desk, State
    from mvcs.repo.project import Project
    from mvcs.repo.repository import Repository


class Declaring:
    """The mvcs.toml of a workspace, in any state.

    Args:
        repository: Opened from the workspace; without one there is no such file.
    """

    def __init__(self, repository: Repository) -> None:
        from mvcs.repo.workspace import Workspace

        self.path: bytes | None = None
        """Path of the file as trees have it."""
        if repository.place.workspace is not None:
            workspace = Workspace(repository)
            self.path = os.fsencode(os.path.relpath(workspace.project.file, workspace.root))

    def problem(self, content: Content) -> str:
        """Returns why nothing would work with this content; empty if it can be used."""
        try:
            _read(content)
        except InvalidConfig as error:
            return f"mvcs.toml could not be used: {error.fields['reason']}"
        return ""

    def refuse_invalid(
        self, merged: PathMerge, states: tuple[State, State, State], desk: Desk, choose: ChooseAt
    ) -> None:
        """Makes a conflict of a merged mvcs.toml that could not be read: nothing would work with it.

        Args:
            merged: The merge; changed in place.
            states: Base, ours, theirs.
            desk: Reads them.
            choose: Says how a conflict is settled.
        """
        for path, file in list(merged.files.items()):
            reason = self.problem(file.content) if path.rpartition(b"/")[2] == b"mvcs.toml" else ""
            if not reason or any(item.path == path for item in merged.conflicts):
                continue
            sides = {
                name: None if state.tree is None else find_file(desk.load, state.tree, path)
                for name, state in zip((BASE, OURS, THEIRS), states, strict=True)
            }
            values: list[Found] = [ABSENT if side is None else side.entry.oid.hex() for side in sides.values()]
            conflict = Conflict(None, values[0], values[1], values[2], reason)
            del merged.files[path]
            choice = choose(path, conflict)
            if choice is not None and choice.strategy in sides:
                if choice.strategy != OURS:
                    merged.edits[path] = sides[choice.strategy]
                merged.decisions.append((path, Decision(None, choice.strategy)))
            else:
                merged.conflicts.append(PathConflict(path, conflict, (OURS, THEIRS, BASE)))

    def signature(self, content: Content | None) -> dict[str, Json] | None:
        """Returns what a content declares of the model's inputs and outputs, None if it cannot be used."""
        try:
            return {} if content is None else _read(content).rules.signature
        except InvalidConfig:
            return None

    def references(self, content: Content, put: Callable[[Content], tuple[Oid, int]]) -> dict[bytes, Placed]:
        """Returns the references that a content declares.

        Args:
            content: Of mvcs.toml; one that can be used.
            put: Stores what describes a reference.
        """
        from mvcs.ops.refer import reference_of

        found: dict[bytes, Placed] = {}
        for name, item in _read(content).rules.references.items():
            path = os.fsencode(name)
            oid, _ = put(Bytes(reference_of(item).encode()))
            entry = Entry(path.rpartition(b"/")[2], FILE, IS_REFERENCE, oid, item.size)
            found[path] = Placed(item.ingredient, entry)
        return found


def _read(content: Content) -> Project:
    from mvcs.ingredients.patterns import pattern_problem
    from mvcs.repo.project import read_project

    with tempfile.TemporaryDirectory(prefix="mvcs-") as folder:
        with open(os.path.join(folder, "mvcs.toml"), "wb") as file:
            file.write(content.read())
        return read_project(folder, pattern_problem)


def changed_by_both(ours: Iterable[FileChange], theirs: Iterable[FileChange]) -> set[bytes]:
    """Returns the paths of references that both sides changed, or one changed and the other took out."""
    mine = {change.path: change for change in ours}
    return {
        change.path for change in theirs
        if (our := mine.get(change.path)) is not None and (our.after or change.after) is not None
        and all(side is None or side.entry.kind == IS_REFERENCE for side in (our.after, change.after))
    }
