"""mvcs.toml stays: a workspace whose own is gone is none any more, and no command would find it, not even undo.

Knows: what a change of files would leave. Refuses to know: which verb asks for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import WorkspaceWouldGo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.diff.trees import FileChange
    from mvcs.repo.workspace import Workspace


def project_path(workspace: Workspace) -> bytes:
    """Returns the path of a workspace's mvcs.toml from its root."""
    return os.fsencode(os.path.relpath(workspace.project.file, workspace.root))


def refuse_without_project(workspace: Workspace, changes: Iterable[FileChange], instead: str | None = None) -> None:
    """Checks that changes of files, or of a commit, leave the workspace its mvcs.toml.

    Args:
        workspace: Whose.
        changes: What would be done.
        instead: What to type instead.

    Raises:
        WorkspaceWouldGo: If it would be gone.
    """
    path = project_path(workspace)
    if any(change.path == path and change.after is None for change in changes):
        raise WorkspaceWouldGo(path=os.fsdecode(path), hint=instead)
