"""What a commit records of Git: repository, commit, branch, and what Git's commit does not say of the work tree.

It stands in the provenance and is in no hash of the recipe. Uncommitted changes that neither the commit holds nor the
patch are told as missing. Knows: which files the commit has. Refuses to know: how git is asked (`mvcs.repo.git`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.objects.editing import find_file
from mvcs.objects.record import Record
from mvcs.ops.git_places import tell

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.objects.values import Json
    from mvcs.ops.trees import NewTree
    from mvcs.repo.git import GitTree
    from mvcs.repo.git_changes import Change

HELD = ("data", "weights", "metrics")
"""Ingredients whose files are not in the patch: the commit has them, and they may be large."""
TOLD = 10
"""Files that are named as missing."""
SUSPECT = "what looks like a secret"


class GitRecord(Record):
    """What is recorded of Git.

    Args:
        fields: url, sha, branch, dirty, ahead, merging; patch, left_out, submodules where there are any.
        incomplete: (ingredient, reason) of what neither Git nor the commit has.
        warnings: What the user should know.
    """

    __slots__ = ("fields", "incomplete", "warnings")

    def __init__(self, fields: dict[str, Json], incomplete: set[tuple[str, str]], warnings: list[str]) -> None:
        self.fields = fields
        self.incomplete = incomplete
        self.warnings = warnings


def record_git(git: GitTree, root: str, tree: NewTree, before: Oid | None, *, allow_secret: bool) -> GitRecord:
    """Returns what is recorded of Git with a commit.

    Args:
        git: The work tree around the workspace.
        root: Top folder of the workspace.
        tree: What the commit has.
        before: The tree of HEAD's commit; None before the first.
        allow_secret: Whether what looks like a secret may stand in the patch.
    """
    sha, dirty = state = git.changed()
    made = GitRecord(tell(git, root, tree, before, state), set(), [])
    if dirty and sha is not None:
        _patch(made, git, root, tree, dirty, allow_secret=allow_secret)
    if os.path.isfile(os.path.join(git.top, ".gitmodules")):
        from mvcs.repo.git_changes import submodules

        made.fields["submodules"] = {_shown(path): sha for path, sha in sorted(submodules(git).items())}
    return made


def _patch(
    made: GitRecord, git: GitTree, root: str, tree: NewTree, dirty: list[bytes], *, allow_secret: bool
) -> None:
    from mvcs.repo.git_changes import uncommitted

    held = {path: _ingredient(tree, os.path.join(git.top, os.fsdecode(path)), root) for path in dirty}
    patch, left_out = [], {}
    for change in uncommitted(git, [path for path in dirty if held[path] not in HELD]):
        problem = change.problem or ("" if allow_secret else _secret_in(change))
        if problem:
            left_out[change.path] = problem
        else:
            patch.append(change.patch.decode())
    if patch:
        made.fields["patch"] = "".join(patch)
    if left_out:
        made.fields["left_out"] = {_shown(path): problem for path, problem in sorted(left_out.items())}
    missing = [path for path in left_out if held[path] is None]
    for path in missing[:TOLD]:
        made.incomplete.add(("code", f"uncommitted changes of {_shown(path)} are recorded nowhere: {left_out[path]}"))
    if len(missing) > TOLD:
        made.incomplete.add(("code", f"and uncommitted changes of {len(missing) - TOLD} more files of Git's"))
    for path in missing:
        if left_out[path].startswith(SUSPECT):
            made.warnings.append(f"the uncommitted changes of {_shown(path)} are not recorded: {left_out[path]}")


def _secret_in(change: Change) -> str:
    """Returns why changes are kept out of the patch, empty if no line, old or new, has what looks like a secret."""
    if b"\nGIT binary patch\n" in change.patch:
        return ""
    from mvcs.ingredients.secrets import MAX_BYTES, find_secrets

    text = b"\n".join(line[1:] for line in change.patch.split(b"\n"))
    found = find_secrets(change.path, text[:MAX_BYTES])
    return f"{SUSPECT} ({found[0].kind})" if found else ""


def _ingredient(tree: NewTree, path: str, root: str) -> str | None:
    """Returns the ingredient that holds a file, None if the commit does not have it."""
    inside = os.path.relpath(path, root)
    if tree.root is None or inside.startswith(".."):
        return None
    found = find_file(tree.load, tree.root, os.fsencode(inside))
    return None if found is None else found.ingredient


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
