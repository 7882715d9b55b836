"""What changed inside files: each changed path with the answer of its driver, one at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.drivers import Settings, diff_file
from mvcs.diff.keys import FileDiff
from mvcs.errors import UnreadableFile
from mvcs.formats.content import Bytes
from mvcs.objects.editing import inner_path
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, SYMLINK
from mvcs.ops.desk import PIECE, StoredContent
from mvcs.ops.rewritten import rewritten
from mvcs.repo.reading import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.diff.trees import FileChange
    from mvcs.formats.content import Content
    from mvcs.objects.editing import Placed
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace


class Detailed(Record):
    """One changed path, and what changed inside it.

    Args:
        change: The path with both states.
        inside: What its driver says; None where only one state has a file, or none has plain bytes.
        was: Path of the file that went whose tensors this one has, which is then what it is compared to.
    """

    __slots__ = ("change", "inside", "was")

    def __init__(self, change: FileChange, inside: FileDiff | None, was: bytes | None = None) -> None:
        self.change = change
        self.inside = inside
        self.was = was

    def to_dicts(self) -> list[dict[str, object]]:
        """Returns rows as JSON carries them: one for each key, or one for the file with key null."""
        whole = self.change.to_dict()
        inside = self.inside
        if inside is None:
            return [whole]
        whole["driver"] = inside.driver
        if inside.reason:
            whole["reason"] = inside.reason
        if inside.more:
            whole["more"] = inside.more
        if self.was is not None:
            whole["from"] = self.was.decode("utf-8", "surrogateescape")
        if inside.lines:
            whole["lines"] = list(inside.lines)
        if not inside.keys:
            return [whole]
        place = {key: whole[key] for key in ("ingredient", "path")}
        rows = [{**place, **key.to_dict(), "driver": inside.driver} for key in inside.keys]
        if inside.more:
            rows[-1]["more"] = inside.more
        return rows if self.was is None else [whole, *rows]


class DiskContent:
    """A file of the workspace as content.

    Args:
        path: Where it lies.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path

    @property
    def size(self) -> int:
        """How many bytes."""
        try:
            return os.stat(self._path).st_size
        except OSError as error:
            raise UnreadableFile(path=os.fsdecode(self._path), reason=error.strerror or "") from error

    def read(self) -> bytes:
        """Returns all of them."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yields them in pieces."""
        try:
            with open_plain(self._path) as file:
                while piece := file.read(PIECE):
                    yield piece
        except OSError as error:
            raise UnreadableFile(path=os.fsdecode(self._path), reason=error.strerror or "") from error

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        try:
            with open_plain(self._path) as file:
                file.seek(offset)
                return file.read(max(length, 0))
        except OSError as error:
            raise UnreadableFile(path=os.fsdecode(self._path), reason=error.strerror or "") from error


def details(
    repository: Repository, changes: Iterable[FileChange], *, workspace: Workspace | None = None, context: int = 3
) -> Iterator[Detailed]:
    """Yields what changed inside each changed file.

    Args:
        repository: Where.
        changes: The changed paths.
        workspace: Whose files have what is not stored, and whose mvcs.toml has the rules.
        context: Lines around a change of text.
    """
    rules = None if workspace is None else workspace.project.rules
    settings = Settings(context=context)
    if rules is not None:
        settings = Settings(context=context, keys=rules.keys, directions=rules.directions)

    def one_side(change: FileChange) -> Content | None:
        return content_of(repository, change.after or change.before, change.path, workspace)

    changes = list(changes)
    went = rewritten(changes, one_side)
    for change in changes:
        if change.path in went:
            old = went[change.path]
            found = diff_file(change.path, change.ingredient, one_side(old), one_side(change), settings)
            yield Detailed(change, found, was=old.path)
            continue
        before, after = (content_of(repository, side, change.path, workspace) for side in (change.before, change.after))
        links = any(side is not None and side.entry.mode == SYMLINK for side in (change.before, change.after))
        inside = inner_path(change.path)
        whole = before is None or after is None if inside == change.path else before is after
        if whole or links or change.change == "mode":
            yield Detailed(change, None)
        else:
            yield Detailed(change, diff_file(inside, change.ingredient, before, after, settings))


def content_of(
    repository: Repository, placed: Placed | None, path: bytes, workspace: Workspace | None
) -> Content | None:
    """Returns the bytes of a file, from the store or from the workspace; those of a link are its target."""
    if placed is None or placed.entry.kind != IS_BLOB:
        return None
    if workspace is not None and repository.store.kind(placed.entry.oid) is None:
        full = os.path.join(os.fsencode(workspace.root), path)
        return Bytes(os.readlink(full)) if placed.entry.mode == SYMLINK else DiskContent(full)
    return StoredContent(repository, placed.entry.oid)
