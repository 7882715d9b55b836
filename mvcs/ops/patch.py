"""diff --patch and apply: changes leave the repository as a file, and come into another branch or repository."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange
from mvcs.errors import InvalidObject, ObjectMissing, PatchDoesNotApply, UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.lines import LOOKED_AT, UTF8, UTF8_BOM, encoding_of
from mvcs.formats.patches import HEAD, FilePatch, name_of_git, read_patch, write_head, write_literal
from mvcs.merge.drivers import merge_file
from mvcs.merge.values import leave
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import GENERATED, Placed, find_file, unsafe_path
from mvcs.objects.hashing import BLOB, Oid
from mvcs.objects.tree import EXECUTABLE, FILE, IS_BLOB, IS_TREE, SYMLINK, Entry, find_path
from mvcs.objects.values import canonical_json, parse_json
from mvcs.ops.context import look, open_workspace
from mvcs.ops.details import content_of
from mvcs.ops.files import Rewrite
from mvcs.ops.parts import ingredients_named, is_generated
from mvcs.ops.prepared import prepare, state_before
from mvcs.ops.recover import recover
from mvcs.ops.restore import RestoreResult
from mvcs.ops.trees import changed_tree
from mvcs.repo.changes import EMPTY
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content
    from mvcs.objects.commit import Commit
    from mvcs.ops.context import Look
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace
    from mvcs.store.base import Batch

INSIDE = 1 << 20
"""Bytes up to which a binary content is put into a patch unless all are wanted."""
TEXT = 16 << 20
"""Bytes up to which a patch tells a file by its lines."""
MODES = (FILE, EXECUTABLE, SYMLINK)


def patch(
    repository: Repository, changes: list[FileChange], *, workspace: Workspace | None, binary: bool = False,
    context: int = 3, made: Commit | None = None,
) -> Iterator[bytes]:
    """Yields a patch of changes.

    Args:
        repository: Where.
        changes: What changed.
        made: What they lead to: it says where weights and metrics are from. None for the files as they are.
        workspace: Whose files have what is not stored.
        binary: Whether contents of any size are put in; else changes of binary files over 1 MiB name the oids alone.
        context: Lines around a change.
    """
    yield HEAD + b"\n"
    for change in changes:
        if any(side is not None and side.entry.kind != IS_BLOB for side in (change.before, change.after)):
            continue  # kept elsewhere: mvcs.toml says it
        if is_generated(change.path):
            entry = _entry(repository, change)
            entry.of = _of(made, change)
            yield write_head(entry)
            continue
        for section in _sections(change):
            yield from _file(repository, section, workspace, _of(made, change), binary=binary, context=context)


def _sections(change: FileChange) -> list[FileChange]:
    """Returns a change as Git's patches tell it: a file that becomes a link goes, and then comes."""
    before, after = change.before, change.after
    if before is None or after is None or (before.entry.mode == SYMLINK) == (after.entry.mode == SYMLINK):
        return [change]
    return [FileChange(change.path, before, None), FileChange(change.path, None, after)]


def _file(
    repository: Repository, change: FileChange, workspace: Workspace | None, of: Oid | None, *, binary: bool,
    context: int,
) -> Iterator[bytes]:
    before, after = change.before, change.after
    item = FilePatch(
        change.path, ingredient=change.ingredient, before=None if before is None else before.entry.oid,
        after=None if after is None else after.entry.oid, old_mode=None if before is None else before.entry.mode,
        new_mode=None if after is None else after.entry.mode, created=before is None, deleted=after is None,
        of=None if after is None else of,
    )
    if item.before == item.after:
        item.told = item.old_mode != item.new_mode
        yield write_head(item)
        return
    old, new = (content_of(repository, side, change.path, workspace) for side in (before, after))
    item.lines = _lines(old, new, context)
    if item.lines:
        yield write_head(item)
        return
    item.told = binary or all(side is None or side.size <= INSIDE for side in (old, new))
    if item.told:
        item.git = name_of_git(old), name_of_git(new)
    yield write_head(item)
    if item.told:
        yield from write_literal(() if new is None else new.pieces(), 0 if new is None else new.size)


def _of(made: Commit | None, change: FileChange) -> Oid | None:
    if made is None or change.after is None:
        return None
    if change.after.ingredient == "weights" and made.origin is not None:
        return made.origin.recipe
    return made.measured if change.after.ingredient == "metrics" else None


def _entry(repository: Repository, change: FileChange) -> FilePatch:
    oids = [None if side is None else side.entry.oid for side in (change.before, change.after)]
    base, literal = (None if oid is None else repository.store.read_blob(oid) for oid in oids)
    for content in (base, literal):
        if content is not None:
            _check_entry(content)
    return FilePatch(
        change.path, ingredient=change.ingredient, before=oids[0], after=oids[1], entry=True, base=base, literal=literal
    )


def _check_entry(content: bytes) -> None:
    """Checks that a generated entry is what capture writes: one line of canonical JSON.

    Raises:
        InvalidObject: If it is not.
    """
    if canonical_json(parse_json(content)) != content:
        raise InvalidObject(kind=BLOB, reason="a generated entry that is no canonical JSON")


def _lines(old: Content | None, new: Content | None, context: int) -> tuple[str, ...]:
    """Returns hunks that lead from one content to the other, none if lines of UTF-8 cannot tell it to the byte."""
    from mvcs.diff.hunks import HunkDoesNotFit, apply_lines
    from mvcs.diff.text import diff_text

    sides = [side for side in (old, new) if side is not None]
    if max(side.size for side in sides) > TEXT:
        return ()
    if any(encoding_of(side.read_at(0, LOOKED_AT)) not in {UTF8, UTF8_BOM} for side in sides):
        return ()  # Git reads no UTF-16
    try:
        lines = diff_text(old, new, context=context).lines
        wanted = b"" if new is None else new.read()
        return lines if lines and apply_lines(old, lines).read() == wanted else ()
    except (UnreadableContent, HunkDoesNotFit):
        return ()


def apply(
    repository: Repository, content: bytes, *, only: tuple[str, ...] = (), command: str = "apply"
) -> RestoreResult:
    """Applies a patch to the files of the workspace, and to what the next commit takes beside them.

    Args:
        repository: Opened from the workspace.
        content: The patch.
        only: Ingredients whose changes are applied; all if empty.
        command: The command as typed.

    Raises:
        UnreadableContent: If it is no patch.
        PatchDoesNotApply: If a file is not as the patch expects, or its content is not here; nothing is changed then.
        UnsavedWork: If a file that it touches has unsaved changes.
    """
    repository.writable()
    only = ingredients_named(only)
    sections = read_patch(content)
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, Digest(), strict=False)
            applying = _Applying(repository, seen, batch)
            taken = [item for item in sections if applying.take(item, only)]
            target = changed_tree(repository, seen.tree, applying.edits)
            moves = prepare(
                seen, batch, {**applying.edits, **applying.entries}, recipe=_said(taken, "weights"),
                measured=_said(taken, "metrics"), command=command,
            )
            paths = {item.path for item in taken if not item.entry}
            done = Rewrite(seen, batch, target, only=paths).run(moves=tuple(moves), command=command)
            return RestoreResult([os.fsdecode(path) for path in sorted([*done.paths, *applying.entries])], done.saved)


def _said(patches: list[FilePatch], ingredient: str) -> Oid | None:
    """Returns what all sections of an ingredient say that it is of, None if they say nothing or not the same."""
    said = {item.of for item in patches if item.ingredient == ingredient and not item.deleted}
    return said.pop() if len(said) == 1 else None


class _Applying:
    """Sections applied one after another, each to what the ones before it gave.

    Attributes:
        edits: What they do to HEAD's tree.
        entries: What they do to the generated entries of the state that the next commit continues.
    """

    def __init__(self, repository: Repository, seen: Look, batch: Batch) -> None:
        self._repository = repository
        self._seen = seen
        self._batch = batch
        self._files: dict[bytes, Placed | None] = {}
        self._sizes: dict[Oid, int] = {}
        self.edits: dict[bytes, Entry | None] = {}
        self.entries: dict[bytes, Entry | None] = {}

    def take(self, item: FilePatch, only: tuple[str, ...]) -> bool:
        """Applies a section if it is of these ingredients, or none are named; returns whether it is."""
        if only and self._ingredient_of(item) not in only:
            return False
        if item.entry:
            self.entries.update(self._generated(item))
            return True
        for path, entry in self._one(item).items():
            self.edits[path] = entry
            ingredient = path.partition(b"/")[0].decode()
            self._files[item.path] = None if entry is None else Placed(ingredient, entry)
        return True

    def _one(self, item: FilePatch) -> dict[bytes, Entry | None]:
        """Returns what a section of a file does."""
        problem = unsafe_path(item.path)
        if problem is not None:
            raise self._refusal(item, problem)
        here = self._here(item.path)
        if here is None and not item.created:
            raise self._refusal(item, "there is no such file")
        if here is not None and item.created and here.entry.oid != item.after:
            raise self._refusal(item, "there is such a file already")
        if item.deleted:
            assert here is not None
            if item.before is not None and here.entry.oid != item.before:
                raise self._refusal(item, "it would be deleted and has changed")
            return {here.ingredient.encode() + b"/" + item.path: None}
        ingredient = self._ingredient_of(item)
        mode = item.new_mode if item.new_mode is not None else here.entry.mode if here is not None else FILE
        if mode not in MODES:
            raise self._refusal(item, f"mode {mode:o}")
        oid, size = self._content(item, here)
        return {ingredient.encode() + b"/" + item.path: Entry(b"", mode, IS_BLOB, oid, size)}

    def _ingredient_of(self, item: FilePatch) -> str:
        """Returns where a section's file belongs: where it is, else where the patch says."""
        here = None if item.entry else self._here(item.path)
        return here.ingredient if here is not None else item.ingredient or "code"

    def _generated(self, item: FilePatch) -> dict[bytes, Entry | None]:
        inner = item.path.partition(b"/")[2]
        name = inner.removeprefix(GENERATED + b"/")
        if item.ingredient not in INGREDIENTS or not is_generated(item.path) or b"/" in name or unsafe_path(name):
            raise self._refusal(item, "not the path of a generated entry")
        here = self._entry_now(item.path)
        current = None if here is None else here.oid
        if current == item.after:
            return {}
        wanted = item.literal
        if current != item.before:
            if current is None or wanted is None:
                raise self._refusal(item, "it is not there" if current is None else "it would go and has changed")
            base = None if item.base is None else Bytes(item.base)
            ours = self._read(current)
            merged = merge_file(inner, item.ingredient, base, ours, Bytes(wanted), leave, keys={})
            if merged.conflicts:
                raise self._refusal(item, f"{len(merged.conflicts)} conflict(s) with what is here")
            wanted = merged.content.read()
        if wanted is None:
            return {item.path: None}
        try:
            _check_entry(wanted)
        except InvalidObject as error:
            raise self._refusal(item, str(error.fields["reason"])) from error
        return {item.path: Entry(name, FILE, IS_BLOB, self._batch.put_bytes(wanted), len(wanted))}

    def _entry_now(self, path: bytes) -> Entry | None:
        if path in self.entries:
            return self.entries[path]
        old = state_before(self._seen)
        return None if old is None or old.tree == EMPTY else find_path(self._repository.load_tree, old.tree, path)

    def _here(self, path: bytes) -> Placed | None:
        if path in self._files:
            return self._files[path]
        if self._seen.tree == EMPTY:
            return None
        placed = find_file(self._repository.load_tree, self._seen.tree, path)
        return None if placed is None or placed.entry.kind == IS_TREE else placed

    def _read(self, oid: Oid) -> Bytes:
        return Bytes(self._batch.load(oid, BLOB))

    def _has(self, oid: Oid) -> bool:
        return oid in self._sizes or self._repository.store.kind(oid) == BLOB

    def _content(self, item: FilePatch, here: Placed | None) -> tuple[Oid, int]:
        current = None if here is None else here.entry.oid
        if item.literal is None and not item.lines:
            if item.before == item.after and here is not None:
                return here.entry.oid, here.entry.size  # only the mode
            if item.after is None or not self._has(item.after):
                raise self._refusal(item, "its content is not in the patch (mvcs diff --patch --binary)")
            if current not in {None, item.before, item.after}:
                raise self._refusal(item, "it has changed, and is merged as a whole")
            size = self._sizes.get(item.after)
            return item.after, self._repository.store.blob_size(item.after) if size is None else size
        if here is not None and current == item.after:
            return here.entry.oid, here.entry.size
        wanted = self._applied(item, current)
        oid = self._batch.put_bytes(wanted)
        self._sizes[oid] = len(wanted)
        if item.after is not None and current == item.before and oid != item.after:
            raise self._refusal(item, "it does not give the content that it names")
        return oid, len(wanted)

    def _applied(self, item: FilePatch, current: Oid | None) -> bytes:
        from mvcs.diff.hunks import HunkDoesNotFit, apply_lines

        try:
            if current == item.before or item.before is None or not self._has(item.before):
                if item.literal is not None:
                    if current is not None and item.before is None:
                        raise self._refusal(item, "the patch does not say which content of mvcs it starts from")
                    if current not in {None, item.before}:
                        raise self._refusal(item, "it has changed, and is merged as a whole")
                    return item.literal
                return apply_lines(None if current is None else self._read(current), item.lines).read()
            base = self._read(item.before)
            theirs = item.literal if item.literal is not None else apply_lines(base, item.lines).read()
            assert current is not None
            merged = merge_file(
                item.path, item.ingredient or "code", base, self._read(current), Bytes(theirs), leave,
                keys=self._seen.workspace.project.rules.keys,
            )
        except (HunkDoesNotFit, UnreadableContent, ObjectMissing) as error:
            raise self._refusal(item, error.message) from error
        if merged.conflicts:
            raise self._refusal(item, f"{len(merged.conflicts)} conflict(s) with what is here")
        return merged.content.read()

    def _refusal(self, item: FilePatch, reason: str) -> PatchDoesNotApply:
        return PatchDoesNotApply(path=os.fsdecode(item.path), reason=reason)

