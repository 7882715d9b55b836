"""What the workspace has that a tree has not.

Knows: scan, rows and trees. Refuses to know: what becomes of the difference.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange
from mvcs.errors import CaptureError
from mvcs.objects.editing import Finder, Placed, flatten
from mvcs.objects.tree import IS_BLOB, Entry, build_tree
from mvcs.repo.reading import read_file
from mvcs.repo.statcache import NO_STATS, Folder, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Load
    from mvcs.ports import Progress
    from mvcs.repo.reading import Digest
    from mvcs.repo.scan import Scan
    from mvcs.store.base import Batch

EMPTY = build_tree([])[-1][0]
"""Oid of a tree without entries: what a branch without commits is compared with."""
MANY = 500
"""Paths from which reading a whole tree is quicker than looking each one up."""


def read_unknown(
    root: str, found: Scan, digest: Digest | Batch, progress: Progress, problems: list[CaptureError] | None = None,
    near: Callable[[bytes], Sequence[Oid]] | None = None,
) -> dict[bytes, Entry]:
    """Reads every file that the scan could not know, and brings its row up to date.

    Args:
        root: Folder that paths start from.
        found: The scan; its `unknown` is empty afterwards.
        digest: Gets the bytes.
        progress: Hears of the bytes.
        problems: Takes what cannot be captured; if None the first problem is raised.
        near: Gives the blobs that a file is likely to resemble.

    Returns:
        Path to entry of what was read.
    """
    entries: dict[bytes, Entry] = {}
    rows: dict[bytes, dict[bytes, Row]] = {}
    total = sum(seen.stats[2] for seen in found.unknown.values())
    progress.start("reading", total)
    for path, seen in sorted(found.unknown.items(), key=lambda item: -item[1].stats[2]):
        folder, _, name = path.rpartition(b"/")
        try:
            resembles = None if near is None else partial(near, path)
            stats, entry = read_file(root, path, digest, progress.advance, resembles)
        except CaptureError as error:
            if problems is None:
                raise
            # A file that trainings write to all the time is changed, whatever it holds by now.
            problems.append(error)
            if seen.row is None:
                continue
            # What cannot be read is not known: the next look tries again.
            stats = (0, 0, *seen.stats[2:])
            entry = Entry(name, seen.row.mode, IS_BLOB, seen.row.oid, seen.stats[2])
        entries[path] = entry
        rows.setdefault(folder, {})[name] = Row(stats, entry.mode, seen.ingredient, entry.oid, differs=False)
    progress.finish()
    for path, changed in rows.items():
        record = found.cache.folders.setdefault(path, Folder())
        record.set_rows({**dict(record.rows()), **changed})
        record.looked = found.now
    found.unknown = {}
    return entries


def compare(found: Scan, read: Mapping[bytes, Entry], load: Load, tree: Oid) -> list[FileChange]:
    """Returns how the workspace differs from a tree, and flags the rows accordingly.

    Args:
        found: The scan, after `read_unknown`.
        read: What `read_unknown` returned.
        load: Returns the payload of a tree node.
        tree: Root tree to compare with; EMPTY for none.
    """
    cache = found.cache
    if cache.base == tree:
        candidates = {**found.flagged, **found.gone}
        paths = sorted({*candidates, *read})
        lookup = _lookup(load, tree, many=len(paths) > MANY)
    else:
        whole = flatten(load, None if tree == EMPTY else tree)
        candidates = dict(cache.rows())
        paths = sorted({*candidates, *whole})
        lookup = whole.get
        cache.base = tree
    changes = []
    flags: dict[bytes, dict[bytes, bool | None]] = {}
    for path in paths:
        before = lookup(path)
        if before is not None and before.entry.kind != IS_BLOB:
            continue  # references and links have no file here
        after = _here(path, found, candidates.get(path), read.get(path))
        differs = not (after.same(before) if after is not None else before is None)
        if differs:
            changes.append(FileChange(path, before, after))
        folder, _, name = path.rpartition(b"/")
        flags.setdefault(folder, {})[name] = None if before is None and after is None else differs
        if before is not None and after is None and path not in candidates:
            _add_ghost(found, path, before)
    for folder_path, names in flags.items():
        _flag(found, folder_path, names)
    return changes


def _lookup(load: Load, tree: Oid, *, many: bool) -> Callable[[bytes], Placed | None]:
    if tree == EMPTY:
        return lambda path: None
    if many:
        return flatten(load, tree).get

    find = Finder(load, tree)

    def one(path: bytes) -> Placed | None:
        placed = find(path)
        return placed if placed is not None and placed.entry.mode != 0o040000 else None

    return one


def _here(path: bytes, found: Scan, row: Row | None, entry: Entry | None) -> Placed | None:
    if entry is not None:
        folder, _, name = path.rpartition(b"/")
        ingredient = _row(found.cache.folders[folder], name).ingredient
        return Placed(ingredient, entry)
    if row is None or path in found.gone or row.stats == NO_STATS:
        return None
    return Placed(row.ingredient, Entry(path.rpartition(b"/")[2], row.mode, IS_BLOB, row.oid, row.stats[2]))


def _row(folder: Folder, name: bytes) -> Row:
    return folder.row(bisect_left(folder.names, name))


def _flag(found: Scan, path: bytes, names: Mapping[bytes, bool | None]) -> None:
    folder = found.cache.folders.get(path)
    if folder is None:
        return
    rows = dict(folder.rows())
    changed = False
    for name, differs in names.items():
        row = rows.get(name)
        if row is None:
            continue
        if differs is None:
            del rows[name]
            changed = True
        elif row.differs != differs:
            row.differs = differs
            changed = True
    if changed:
        folder.set_rows(rows)


def _add_ghost(found: Scan, path: bytes, before: Placed) -> None:
    folder_path, _, name = path.rpartition(b"/")
    folder = found.cache.folders.setdefault(folder_path, Folder())
    ghost = Row(NO_STATS, before.entry.mode, before.ingredient, before.entry.oid, differs=False)
    folder.set_rows({**dict(folder.rows()), name: ghost})


def settle(found: Scan, tree: Oid) -> None:
    """Says that a tree now is what the workspace has: after a commit, a checkout without carried changes."""
    cache = found.cache
    cache.base = tree
    for path, folder in list(cache.folders.items()):
        rows = dict(folder.rows())
        kept = {name: row for name, row in rows.items() if row.stats != NO_STATS}
        if len(kept) != len(rows) or 1 in folder.flags:
            for row in kept.values():
                row.differs = False
            folder.set_rows(kept)
        if not folder.names and not folder.mtime and path:
            del cache.folders[path]
