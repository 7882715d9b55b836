"""restore and reset: files, or the branch, go back to a commit; unsaved work is saved first."""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import InvalidArgument, PathNotFound, RevisionNotFound
from mvcs.objects.record import Record
from mvcs.ops.context import look, open_workspace
from mvcs.ops.files import Rewrite
from mvcs.ops.merging import refuse_in_progress
from mvcs.ops.moves import head_moves, refuse_other, refuse_shared
from mvcs.ops.parts import full_path, ingredients_named, is_generated, told_paths
from mvcs.ops.prepared import drop, prepare, prepare_on, state_before
from mvcs.ops.recover import recover
from mvcs.ops.revisions import resolve_commit
from mvcs.ops.trees import NewTree, changed_tree, edits_of
from mvcs.repo.changes import EMPTY
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.diff.trees import FileChange
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry
    from mvcs.ops.context import Look
    from mvcs.ops.files import Rewritten
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace


class RestoreResult(Record):
    """What was restored.

    Args:
        paths: Files written or removed, and generated entries that the next commit takes, as INGREDIENT/.mvcs/NAME.
        saved: Commit with the work that was overwritten, None if there was none.
    """

    __slots__ = ("paths", "saved")

    def __init__(self, paths: list[str], saved: Oid | None) -> None:
        self.paths = paths
        self.saved = saved

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {"paths": self.paths, "saved": None if self.saved is None else self.saved.hex()}


def restore(
    repository: Repository, paths: list[str], *, source: str | None = None, command: str = "restore"
) -> RestoreResult:
    """Gives files the content that a commit has; what that overwrites is saved in a commit first.

    Generated entries among the paths, as INGREDIENT/.mvcs/NAME, are what the next commit takes.

    Args:
        repository: Opened from the workspace.
        paths: Files and folders, relative to the workspace's root.
        source: Revision; HEAD by default.
        command: The command as typed.

    Raises:
        PathNotFound: If a path is neither in the commit nor changed.
    """
    repository.writable()
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch, strict=False)
            refuse_in_progress(workspace, seen.refs)
            commit = seen.commit if source is None else resolve_commit(repository, source)[1]
            if commit is None:
                raise RevisionNotFound(revision="HEAD", reason="there is no commit yet")
            target = NewTree(repository, commit.tree, [])
            only = _chosen(seen, target, paths, source or "HEAD")
            edits, entries = _taken(seen, commit, lambda change: change.path in only)
            moves = prepare(seen, batch, edits, source=commit, command=command)
            done = Rewrite(seen, batch, target, force=True, only=only).run(
                moves=tuple(moves), command=command, new_head_tree=seen.tree if commit.tree == seen.tree else None
            )
            return _result(done, entries)


def _result(done: Rewritten, entries: list[bytes]) -> RestoreResult:
    return RestoreResult([os.fsdecode(path) for path in sorted([*done.paths, *entries])], done.saved)


def _taken(
    seen: Look, commit: Commit, wanted: Callable[[FileChange], bool]
) -> tuple[dict[bytes, Entry | None], list[bytes]]:
    """Returns what leads from the state that the next commit continues to another, and the entries among that.

    Args:
        seen: Before.
        commit: What the wanted changes lead to.
        wanted: Says of a change, a generated entry told as INGREDIENT/.mvcs/NAME, whether it is taken.
    """
    old = state_before(seen)
    before = None if old is None or old.tree == EMPTY else old.tree
    after = None if commit.tree == EMPTY else commit.tree
    changes = diff_roots(seen.workspace.repository.load_tree, before, after, generated=True)
    changes = [change for change in changes if wanted(full_path(change))]
    return edits_of(changes), [path for path in (full_path(change).path for change in changes) if is_generated(path)]


def _chosen(seen: Look, target: NewTree, paths: list[str], where: str) -> set[bytes]:
    every = {change.path for change in (*seen.changes, *seen.carried)}
    for tree in {target.oid, seen.tree} - {EMPTY}:
        every |= told_paths(target.load, tree)
    chosen: set[bytes] = set()
    for path in paths:
        wanted = os.fsencode(path).strip(b"/")
        if wanted in {b".", b""}:
            chosen |= every
            continue
        found = {known for known in every if known == wanted or known.startswith(wanted + b"/")}
        if not found:
            raise PathNotFound(path=path, where=where)
        chosen |= found
    return chosen


def inside(workspace: Workspace, path: str, cwd: str) -> str:
    """Returns a path as seen from the workspace's root.

    Raises:
        InvalidArgument: If it leaves the workspace.
    """
    full = os.path.normpath(os.path.join(cwd, path))
    root = workspace.root.rstrip("/") or "/"
    if full == root:
        return "."
    if not full.startswith(root.rstrip("/") + "/"):
        raise InvalidArgument(argument="path", value=path, reason=f"it is outside the workspace {root}")
    return os.path.relpath(full, root)


def reset(
    repository: Repository, revision: str, *, hard: bool = False, only: tuple[str, ...] = (), command: str = "reset"
) -> RestoreResult:
    """Moves the branch to a commit; with `hard` the files too, after saving unsaved work in a commit.

    Args:
        repository: Opened from the workspace.
        revision: Where to.
        hard: Whether the files follow.
        only: Ingredients whose files become those of the commit; the branch stays where it is then.
        command: The command as typed.

    Raises:
        BranchInUse: If another workspace stands on the branch.
    """
    repository.writable()
    only = ingredients_named(only)
    workspace = open_workspace(repository)
    if only:
        return _reset_only(repository, workspace, revision, only, command)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch if hard else Digest(), strict=False)
            refuse_in_progress(workspace, seen.refs)
            refuse_shared(seen)
            refuse_other(seen)
            oid, commit = resolve_commit(repository, revision)
            moves = head_moves(seen, oid)
            if not hard:
                moves += prepare_on(seen, batch, oid, command)
                repository.publish(
                    actor=repository.actor(None, workspace.root), command=command, moves=tuple(moves), batch=batch,
                    also=seen.scan.cache.save,
                )
                return RestoreResult([], None)
            target = NewTree(repository, commit.tree, [])
            changed = {change.path for change in seen.changes}
            first = None if seen.tree == EMPTY else seen.tree
            paths = changed | {c.path for c in diff_roots(repository.load_tree, first, commit.tree)}
            done = Rewrite(seen, batch, target, force=True, only=paths).run(
                moves=(*moves, *drop(seen)), command=command, new_head_tree=commit.tree,
                instead=f"mvcs restore --source {quote(revision)} PATH brings single files of it",
            )
            return _result(done, [])


def _reset_only(
    repository: Repository, workspace: Workspace, revision: str, only: tuple[str, ...], command: str
) -> RestoreResult:
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch, strict=False)
            refuse_in_progress(workspace, seen.refs)
            _, commit = resolve_commit(repository, revision)
            first = None if seen.tree == EMPTY else seen.tree
            wanted = [c for c in diff_roots(repository.load_tree, first, commit.tree) if c.ingredient in only]
            target = changed_tree(repository, seen.tree, edits_of(wanted))
            paths = {c.path for c in wanted} | {c.path for c in seen.changes if c.ingredient in only}
            edits, entries = _taken(seen, commit, lambda change: change.ingredient in only)
            moves = prepare(seen, batch, edits, source=commit, command=command)
            done = Rewrite(seen, batch, target, force=True, only=paths).run(moves=tuple(moves), command=command)
            return _result(done, entries)
