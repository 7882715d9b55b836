"""Writes the files of a new workspace, whose mvcs.toml comes with them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.objects.editing import flatten
from mvcs.refs.names import head_key
from mvcs.repo.clock import filesystem_now
from mvcs.repo.layout import PROJECT, Place
from mvcs.repo.project import read_project
from mvcs.repo.statcache import Folder, Row, StatCache
from mvcs.repo.writeout import Writer

if TYPE_CHECKING:
    from mvcs.objects.editing import Placed
    from mvcs.repo.repository import Repository


def write_out(repository: Repository, name: str) -> list[bytes]:
    """Writes what a workspace's HEAD has into its folder; nothing of the user's is there yet.

    Args:
        repository: The new repository; its place becomes the workspace's.
        name: Name of the workspace.

    Returns:
        Paths written.
    """
    oid = repository.refs().resolve(head_key(name))
    if oid is None:
        return []
    root, files = files_of(repository, name)
    folder = os.path.normpath(os.path.join(repository.place.top, name))
    os.makedirs(root, exist_ok=True)
    writer = Writer(root, repository.store, "clone", repository.progress)
    stats = writer.apply({path: placed.entry for path, placed in files.items()})
    if os.path.isfile(os.path.join(folder, PROJECT)):
        read_project(folder)
    repository.place = Place(repository.path, repository.place.top, folder)
    with repository.store.read() as transaction:
        cache = StatCache(transaction, name)
    now = filesystem_now(repository.path, root)
    rows: dict[bytes, dict[bytes, Row]] = {}
    for path, stat in stats.items():
        placed = files[path]
        parent, _, last = path.rpartition(b"/")
        row = Row(stat, placed.entry.mode, placed.ingredient, placed.entry.oid, differs=False)
        rows.setdefault(parent, {})[last] = row
    for parent, known in rows.items():
        record = cache.folders.setdefault(parent, Folder())
        record.set_rows(known)
        record.looked = now
    cache.base = repository.commit(oid).tree
    with repository.store.write() as transaction:
        cache.save(transaction)
    return sorted(stats)


def files_of(repository: Repository, name: str) -> tuple[str, dict[bytes, Placed]]:
    """Returns the folder that the paths of a workspace of a clone start from, and the files that its HEAD has.

    Args:
        repository: The clone; its place's top is the folder that names of workspaces start from.
        name: Name of the workspace.
    """
    oid = repository.refs().resolve(head_key(name))
    files = {} if oid is None else flatten(repository.load_tree, repository.commit(oid).tree)
    return _root(repository, files, name), files


def _root(repository: Repository, files: object, name: str) -> str:
    """Returns the folder that paths start from: above the workspace's by the depth at which its mvcs.toml lies."""
    assert isinstance(files, dict)
    folder = os.path.normpath(os.path.join(repository.place.top, name))
    best = b""
    for path in files:
        full = os.fsencode(os.path.join(folder, PROJECT))
        if path.rpartition(b"/")[2] == os.fsencode(PROJECT) and full.endswith(b"/" + path) and len(path) > len(best):
            best = path
    # Never above the clone, whatever paths its commits have.
    depth = min(best.count(b"/"), 0 if name == "." else name.count("/") + 1)
    for _ in range(depth):
        folder = os.path.dirname(folder)
    return folder
