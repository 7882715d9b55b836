"""rm: paths are taken out of the model; files that go can be brought back by undo."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange
from mvcs.errors import MvcsError, PathNotFound, UnsavedWork, WorkspaceWouldGo
from mvcs.ingredients.patterns import literal
from mvcs.objects.editing import find_file
from mvcs.ops.context import look, open_workspace
from mvcs.ops.files import Rewrite
from mvcs.ops.moves import other_workspaces
from mvcs.ops.recover import recover
from mvcs.ops.staying import project_path
from mvcs.ops.trees import changed_tree, edits_of
from mvcs.repo.changes import EMPTY
from mvcs.repo.project import read_project
from mvcs.repo.reading import Digest
from mvcs.repo.scan import IGNORE_FILES
from mvcs.repo.statcache import NO_STATS
from mvcs.repo.toml import remove_from_lists

if TYPE_CHECKING:
    from mvcs.objects.editing import Placed
    from mvcs.ops.context import Look
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch


def remove(
    repository: Repository, paths: list[str], *, cached: bool = False, force: bool = False, command: str = "rm"
) -> list[str]:
    """Takes paths out of the model: from the workspace, or with `cached` by .mvcsignore.

    Args:
        repository: Opened from the workspace.
        paths: Files and folders, relative to the workspace's root.
        cached: Leave the files where they are.
        force: Remove files with unsaved changes too, after saving them as a commit.
        command: The command as typed.

    Returns:
        Files that are out.

    Raises:
        WorkspaceWouldGo: If mvcs.toml is among them.
        UnsavedWork: If a file has content that no commit has; nothing is removed then.
        PathNotFound: If nothing of the model is there.
    """
    repository.writable()
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            return _remove(
                look(workspace, Digest() if cached else batch, strict=False), batch, paths, cached=cached, force=force,
                command=command,
            )


def _remove(seen: Look, batch: Batch, paths: list[str], *, cached: bool, force: bool, command: str) -> list[str]:
    workspace = seen.workspace
    known = {path for path, row in seen.scan.cache.rows() if row.stats != NO_STATS}
    chosen: list[bytes] = []
    for path in paths:
        wanted = os.fsencode(path).strip(b"/")
        below = [name for name in known if name == wanted or name.startswith(wanted + b"/")]
        if not below:
            raise PathNotFound(path=path, where="the model's files", hint="mvcs status")
        chosen += below
    if project_path(workspace) in chosen:  # with --cached the next commit would have none
        raise WorkspaceWouldGo(path=os.fsdecode(project_path(workspace)), hint="mvcs ls")
    changed = {change.path for change in seen.changes if change.after is not None}
    unsaved = sorted(os.fsdecode(path) for path in chosen if path in changed)
    if unsaved and not cached and not force:
        raise UnsavedWork(paths=tuple(unsaved), hint="mvcs commit, or mvcs rm --cached to keep the files")
    patterns = [literal(path) for path in paths]
    if not cached:  # a rewrite like any other, so that undo brings the files back
        edits = edits_of(FileChange(path, placed, None) for path in chosen if (placed := _in_head(seen, path)))
        target = changed_tree(workspace.repository, seen.tree, edits)
        Rewrite(seen, batch, target, force=True, only=set(chosen)).run(moves=(), command=command)
    remove_from_lists(workspace.project.file, "ingredients", [*patterns, *[p + "/" for p in patterns]])
    if cached:
        _warn_of_others(seen, chosen)
        _append_lines(os.path.join(workspace.root, os.fsdecode(IGNORE_FILES[0])), patterns)
    return sorted(os.fsdecode(path) for path in chosen)


def _in_head(seen: Look, path: bytes) -> Placed | None:
    return None if seen.tree == EMPTY else find_file(seen.workspace.repository.load_tree, seen.tree, path)


def _warn_of_others(seen: Look, chosen: list[bytes]) -> None:
    """Says which other models have these files: an ignore file holds for all whose root it is in."""
    repository = seen.workspace.repository
    for name, target in other_workspaces(repository, seen.refs, seen.workspace.name):
        oid = seen.refs.resolve(target) if isinstance(target, str) else target
        if oid is None:
            continue
        try:
            project = read_project(os.path.join(repository.place.top, name))
        except MvcsError:
            continue  # it cannot be used as it is: no command takes anything there
        tree = repository.commit(oid).tree
        paths = [os.path.relpath(os.path.join(seen.workspace.root, os.fsdecode(path)), project.root) for path in chosen]
        there = [path for path in paths if tree != EMPTY and find_file(repository.load_tree, tree, os.fsencode(path))]
        if there:
            repository.progress.warn(
                f".mvcsignore leaves {', '.join(there[:3])}{' and more' * (len(there) > 3)} out of the model"
                f" {project.model} ({name}) too: its next commit drops {'it' if len(there) == 1 else 'them'}"
            )


def _append_lines(path: str, lines: list[str]) -> None:
    text = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    missing = [line for line in lines if line not in text.splitlines()]
    with open(path, "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(("" if not text or text.endswith("\n") else "\n") + "".join(line + "\n" for line in missing))
