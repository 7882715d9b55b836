"""materialise: files of a revision as mapped files, read-only, verified, shared by all who map them."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument, MvcsError, PathNotFound
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, SYMLINK
from mvcs.ops.collected import refuse_file
from mvcs.ops.revisions import resolve_commit
from mvcs.ops.show import is_at, listing
from mvcs.store.mapped import mapped_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mvcs.objects.hashing import Oid
    from mvcs.ops.show import Listed
    from mvcs.repo.repository import Repository


class Mapped(Record):
    """A file that can be mapped.

    Args:
        path: Its path in the commit.
        mapped: Path of the read-only file with its content.
        size: Its bytes.
    """

    __slots__ = ("mapped", "path", "size")

    def __init__(self, path: str, mapped: str, size: int) -> None:
        self.path = path
        self.mapped = mapped
        self.size = size

    def to_dict(self) -> dict[str, object]:
        """Returns the file as JSON carries it."""
        return {"path": self.path, "mapped": self.mapped, "size": self.size}


class Materialised(Record):
    """What can be mapped now.

    Args:
        commit: The commit.
        files: Its files that were asked for, by path.
    """

    __slots__ = ("commit", "files")

    def __init__(self, commit: Oid, files: list[Mapped]) -> None:
        self.commit = commit
        self.files = files

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {"commit": self.commit.hex(), "files": [file.to_dict() for file in self.files]}


def materialise(
    repository: Repository, revision: str, paths: Sequence[str] = (), *, every: bool = False
) -> Materialised:
    """Fills the cache of mapped files.

    What is asked for is never dropped to make room for the rest of it.

    Args:
        repository: Where.
        revision: Whose files.
        paths: Files, folders or patterns, in which `*` stands for any characters, slashes among them; the weights
            if there are none.
        every: All files instead.

    Raises:
        PathNotFound: If the revision has nothing at a path. Links, and data kept elsewhere, cannot be mapped.
        InvalidArgument: If both are given; or if several files are together larger than the cache may be, and nothing
            is written then.
        WeightsCollected: If gc took them; nothing is written then.
        ObjectCorrupt: If a file is damaged; those before it are kept.
        StoreFull: If the disk is full.
    """
    if paths and every:
        raise InvalidArgument(argument="--all", value=paths[0], reason="all files, or these paths")
    oid, _ = resolve_commit(repository, revision)
    chosen = _choose(listing(repository, oid.hex()), paths, revision, every=every)
    for item in chosen:
        if item.ingredient == "weights":
            refuse_file(repository, oid, item.path, item.entry)
    sizes = {item.entry.oid: item.entry.size for item in chosen}
    total, limit = sum(sizes.values()), repository.config.integer("mapped.max_bytes")
    if total > limit and len(sizes) > 1:
        raise InvalidArgument(
            argument="mapped.max_bytes", value=limit, reason=f"the {len(sizes)} files have {total} bytes together",
            hint=f"mvcs config mapped.max_bytes {total}",
        )
    progress = repository.progress
    progress.start("materialising", sum(item.entry.size for item in chosen))
    files = []
    for item in chosen:
        donor = donor_of(repository, item)
        there = mapped_file(repository.store, item.entry.oid, repository.clock, limit, keep=sizes, donor=donor)
        files.append(Mapped(os.fsdecode(item.path), there, item.entry.size))
        progress.advance(item.entry.size)
    progress.finish()
    return Materialised(oid, files)


def donor_of(repository: Repository, item: Listed) -> str | None:
    """Returns the workspace's file at the path of a commit's file, if it may have the same content."""
    from mvcs.ops.context import open_workspace

    try:
        path = os.path.join(os.fsencode(open_workspace(repository).root), item.path)
        status = os.lstat(path)
    except (OSError, MvcsError):  # no workspace, or nothing there
        return None
    return os.fsdecode(path) if stat.S_ISREG(status.st_mode) and status.st_size == item.entry.size else None


def _choose(listed: Iterable[Listed], paths: Sequence[str], revision: str, *, every: bool) -> list[Listed]:
    """Returns the files that paths and patterns ask for."""
    files = [item for item in listed if item.entry.kind == IS_BLOB and item.entry.mode != SYMLINK]
    if not paths:
        return [item for item in files if every or item.ingredient == "weights"]
    chosen: dict[bytes, Listed] = {}
    for path in paths:
        wanted = [item for item in files if is_at(item.path, os.fsencode(path).rstrip(b"/"))]
        if not wanted:
            wanted = [item for item in files if fnmatchcase(os.fsdecode(item.path), path)]
        if not wanted:
            raise PathNotFound(path=path, where=f"the stored files of {revision}", hint=f"mvcs ls {revision}")
        chosen.update((item.path, item) for item in wanted)
    return [chosen[path] for path in sorted(chosen)]
