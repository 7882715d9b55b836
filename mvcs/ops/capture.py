"""What a commit gathers beside the files: the training environment, secrets that must not go in, what is missing.

The way: changed files past the secret check, the environment where weights or its own files changed, provenance, and
the reasons why the model could not be made again. Knows: when what is captured. Refuses to know: how.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.errors import UnreadableFile
from mvcs.objects.hashing import BLOB
from mvcs.objects.record import Record
from mvcs.objects.tree import FILE, IS_BLOB, SYMLINK, Entry, find_path

if TYPE_CHECKING:
    from mvcs.diff.trees import FileChange
    from mvcs.objects.values import Json
    from mvcs.ops.context import Look
    from mvcs.ops.trees import NewTree
    from mvcs.repo.workspace import Workspace
    from mvcs.store.base import Batch

PACKAGES = b"environment/.mvcs/packages"
"""Generated entry: what the training interpreter has installed, canonical JSON."""
SEARCHED = ("code", "config", "environment", "about")
"""Ingredients whose text is searched for secrets."""
MAX_SEARCHED = 1 << 20
NEEDED = ("code", "data", "environment")
NOT_CAPTURED = "what is installed is not recorded (mvcs.toml: [environment] python)"


class Gathered(Record):
    """What was gathered.

    Args:
        edits: Generated entries, by their path in the root tree.
        provenance: What is recorded of machine and commit, by subject.
        incomplete: Reasons that capture gave, by ingredient; None for environment if it was not captured anew.
        warnings: What the user should know.
    """

    __slots__ = ("edits", "incomplete", "provenance", "warnings")

    def __init__(
        self, edits: dict[bytes, Entry | None], provenance: dict[str, Json], incomplete: list[str] | None,
        warnings: list[str],
    ) -> None:
        self.edits = edits
        self.provenance = provenance
        self.incomplete = incomplete
        self.warnings = warnings


def gather(seen: Look, changes: list[FileChange], batch: Batch, *, allow_secret: bool) -> Gathered:
    """Gathers what a commit of these changes has beside them.

    Args:
        seen: The files as they are.
        changes: What the commit changes.
        batch: Has the contents of changed files; takes generated entries.
        allow_secret: Whether what looks like a secret is recorded and not refused.

    Raises:
        SecretFound: If a changed file has something that looks like a secret.
    """
    found = Gathered({}, {}, None, [])
    secrets = _secrets(changes, batch, allow_secret=allow_secret)
    if secrets:
        found.provenance["allowed_secrets"] = secrets
    if {change.ingredient for change in changes} & {"weights", "environment"}:
        _environment(seen, batch, found)
    return found


def _environment(seen: Look, batch: Batch, found: Gathered) -> None:
    from mvcs.ingredients.environment import capture_environment
    from mvcs.ingredients.interpreter import find_interpreter

    workspace = seen.workspace
    where = (workspace.folder, workspace.project.rules.python, variable("VIRTUAL_ENV"))
    try:
        interpreter = find_interpreter(*where)
        if interpreter is not None and _is_versioned(seen, interpreter):
            found.warnings.append(f"the environment was not captured: {interpreter} came with the model and is not run")
            return
        captured = capture_environment(*where)
    except UnreadableFile as error:
        found.warnings.append(f"the environment was not captured: {error.message}")
        return
    if captured is None:
        return
    oid = batch.put_bytes(captured.entry)
    found.edits[PACKAGES] = Entry(b"packages", FILE, IS_BLOB, oid, len(captured.entry))
    found.provenance["environment"] = dict(captured.provenance)
    found.incomplete = list(captured.incomplete)
    found.warnings += captured.warnings


def _is_versioned(seen: Look, interpreter: str) -> bool:
    """Whether an interpreter is a file of the model: what came from elsewhere is never run."""
    path = os.path.relpath(os.path.abspath(interpreter), seen.workspace.root)
    folder, _, name = os.fsencode(path).rpartition(b"/")
    record = seen.scan.cache.folders.get(folder)
    return record is not None and name in record.names


def _secrets(changes: list[FileChange], batch: Batch, *, allow_secret: bool) -> list[Json]:
    from mvcs.errors import SecretFound
    from mvcs.ingredients.secrets import find_secrets

    allowed: list[Json] = []
    for change in changes:
        after = change.after
        if after is None or after.ingredient not in SEARCHED or after.entry.kind != IS_BLOB:
            continue
        if after.entry.mode == SYMLINK or after.entry.size > MAX_SEARCHED:
            continue
        if change.before is not None and change.before.entry.oid == after.entry.oid:
            continue
        for secret in find_secrets(change.path, batch.load(after.entry.oid, BLOB)):
            path = os.fsdecode(change.path)
            if not allow_secret:
                raise SecretFound(path=path, line=secret.line, kind=secret.kind)
            name = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            allowed.append({"path": name, "line": secret.line, "kind": secret.kind})
    return allowed


def incomplete_of(
    tree: NewTree, found: Gathered, before: tuple[tuple[str, str], ...], workspace: Workspace
) -> tuple[tuple[str, str], ...]:
    """Returns what is missing to make the model again, by ingredient; nothing to say without weights.

    Args:
        tree: Root tree of the commit.
        found: What was gathered.
        before: What its parent said: of an environment that is carried on, that still holds.
        workspace: Whose mvcs.toml says what is kept elsewhere.
    """
    trees = tree.ingredients()
    if "weights" not in trees:
        return ()
    reasons = {(name, f"no {name} in the commit") for name in NEEDED if name not in trees}
    environment = trees.get("environment")
    if environment is not None:
        if find_path(tree.load, environment, b".mvcs/packages") is None:
            reasons.add(("environment", NOT_CAPTURED))
        elif found.incomplete is None:
            reasons |= {(name, reason) for name, reason in before if name == "environment" and reason != NOT_CAPTURED}
        else:
            reasons |= {("environment", reason) for reason in found.incomplete}
    if workspace.project.rules.references:
        from mvcs.ops.refer import unverifiable

        reasons |= unverifiable(workspace)
    return tuple(sorted(reasons))

