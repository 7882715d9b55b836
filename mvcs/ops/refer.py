"""References: data that is kept elsewhere, declared in mvcs.toml and committed as what was found there.

Shared by add, rm, status and commit. Knows: which references the files declare and which HEAD has. Refuses to know:
how a place is asked (`mvcs.ingredients.references`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange
from mvcs.objects.editing import Finder, Placed, flatten
from mvcs.objects.tree import FILE, IS_REFERENCE, IS_TREE, Entry
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from mvcs.ingredients.references import Reference
    from mvcs.objects.hashing import Oid
    from mvcs.repo.reading import Digest
    from mvcs.repo.rules import Declared
    from mvcs.repo.workspace import Workspace
    from mvcs.store.base import Batch

UNVERIFIABLE = "is kept elsewhere without version or checksum (mvcs add URL --verify)"


def with_references(
    workspace: Workspace, tree: Oid, changes: list[FileChange], digest: Digest | Batch
) -> list[FileChange]:
    """Returns the changes of the files and of what mvcs.toml declares to be elsewhere.

    A file of the same path is a copy of what is elsewhere, and is not taken.

    Args:
        workspace: Whose mvcs.toml.
        tree: Root tree that the files are compared with.
        changes: How they differ.
        digest: Gets the blobs that describe references.
    """
    declared = {os.fsencode(path): item for path, item in workspace.project.rules.references.items()}
    project = os.fsencode(os.path.relpath(workspace.project.file, workspace.root))
    edited = any(change.path == project for change in changes)
    if not declared and not edited:
        return changes
    found = [change for change in changes if change.path not in declared]
    stored = _stored(workspace, tree, set(declared), every=edited)
    for path, item in declared.items():
        content = reference_of(item).encode()
        entry = Entry(path.rpartition(b"/")[2], FILE, IS_REFERENCE, digest.put_bytes(content), item.size)
        placed, before = Placed(item.ingredient, entry), stored.pop(path, None)
        if not placed.same(before):
            found.append(FileChange(path, before, placed))
    here = {change.path for change in found}
    found += [
        FileChange(path, placed, None) for path, placed in stored.items()
        if placed.entry.kind == IS_REFERENCE and path not in here
    ]
    return sorted(found, key=lambda change: change.path)


def _stored(workspace: Workspace, tree: Oid, paths: set[bytes], *, every: bool) -> dict[bytes, Placed]:
    load = workspace.repository.load_tree
    if tree == EMPTY:
        return {}
    if every:
        return {
            path: placed for path, placed in flatten(load, tree).items()
            if path in paths or placed.entry.kind == IS_REFERENCE
        }
    find = Finder(load, tree)
    found = {path: find(path) for path in paths}
    return {path: placed for path, placed in found.items() if placed is not None and placed.entry.kind != IS_TREE}


def reference_of(item: Declared) -> Reference:
    """Returns what mvcs.toml says as a reference."""
    from mvcs.ingredients.references import CHECKSUMS, Reference

    texts = item.texts
    return Reference(
        texts["url"], item.size, version=texts.get("version", ""), etag=texts.get("etag", ""),
        checksums={name: texts[name] for name in CHECKSUMS if name in texts},
    )


def unverifiable(workspace: Workspace) -> set[tuple[str, str]]:
    """Returns (ingredient, reason) of the references that nobody can check later."""
    return {
        (item.ingredient, f"{path} {UNVERIFIABLE}") for path, item in workspace.project.rules.references.items()
        if reference_of(item).unverifiable
    }
