"""recover: a rewrite of files that was killed is rolled back, since its refs never moved.

A file that equals the state it was to get is put back; one that equals neither state was changed by the user since
and is left alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.trees import diff_roots
from mvcs.errors import MvcsError
from mvcs.repo.journal import Journal, end_journal, read_journal
from mvcs.repo.reading import Digest, read_file
from mvcs.repo.writeout import Writer, remove_leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.editing import Placed
    from mvcs.objects.tree import Entry
    from mvcs.repo.statcache import Stats
    from mvcs.repo.workspace import Workspace


def recover(workspace: Workspace) -> list[str]:
    """Rolls back what a killed command left; the caller holds the workspace's lock.

    Returns:
        Paths that were put back.
    """
    repository = workspace.repository
    with repository.store.read() as transaction:
        journal = read_journal(transaction, workspace.name)
    if journal is None:
        return []
    restored = roll_back(workspace, journal)
    with repository.store.write() as transaction:
        end_journal(transaction, workspace.name)
    repository.progress.warn("a command was killed while it wrote files; they are as they were before it")
    return restored


def roll_back(workspace: Workspace, journal: Journal) -> list[str]:
    """Puts files back that have the state they were to get, and removes temporary ones."""
    repository = workspace.repository
    changes = diff_roots(repository.load_tree, journal.before, journal.after)
    folders = {change.path.rpartition(b"/")[0] for change in changes}
    remove_leftovers(workspace.root, folders, journal.token)
    wanted: dict[bytes, Entry | None] = {}
    expected: dict[bytes, Stats | None] = {}
    for change in changes:
        try:
            stats, here = _read_here(workspace.root, change.path)
        except MvcsError:
            continue  # what cannot be read is not ours
        if _is(here, change.before):
            continue
        if _is(here, change.after) or (here is None and change.before is not None):
            wanted[change.path] = None if change.before is None else change.before.entry
            expected[change.path] = stats
    root = os.fsencode(workspace.root)
    wanted = {path: entry for path, entry in wanted.items() if entry is None or not _blocked(root, path, wanted)}
    if wanted:
        Writer(workspace.root, repository.store, journal.token, repository.progress).apply(wanted, expected)
    return [os.fsdecode(path) for path in wanted]


def _read_here(root: str, path: bytes) -> tuple[Stats | None, Entry | None]:
    full = os.path.join(os.fsencode(root), path)
    if not os.path.lexists(full) or (os.path.isdir(full) and not os.path.islink(full)):
        return None, None
    return read_file(root, path, Digest())


def _blocked(root: bytes, path: bytes, wanted: Mapping[bytes, Entry | None]) -> bool:
    """Whether the user has since put a folder in a file's place, or a file or link in a folder's."""
    for folder, _, names in os.walk(os.path.join(root, path)):
        prefix = os.path.relpath(folder, root)
        if any(wanted.get(os.path.join(prefix, name), wanted) is not None for name in names):
            return True
    parent = path.rpartition(b"/")[0]
    while parent:
        full = os.path.join(root, parent)
        if os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full)):
            return wanted.get(parent, wanted) is not None
        parent = parent.rpartition(b"/")[0]
    return False


def _is(here: Entry | None, placed: Placed | None) -> bool:
    if here is None or placed is None:
        return here is None and placed is None
    return here.same_content(placed.entry)
