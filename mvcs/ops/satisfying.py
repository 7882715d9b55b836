"""merge --resolve and resolve --relock: whether packages can be installed together, and in which versions."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.errors import InvalidArgument, UnsatisfiableEnvironment
from mvcs.formats.names import kind_of
from mvcs.objects.editing import files_below
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.trees import placed_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.objects.hashing import Oid
    from mvcs.ops.context import Look
    from mvcs.ops.desk import Desk
    from mvcs.ops.reconcile import Reconciled
    from mvcs.ops.trees import NewTree

NAMED = 3
"""Lines that nobody was asked about and that are told."""


def check_environment(
    seen: Look, result: NewTree, read: Callable[[Oid], bytes], tool: str, *, hint: str | None = None
) -> list[str]:
    """Asks a resolver about the requirements files of a merge's result; returns what the user should know.

    Args:
        seen: Whose workspace says which interpreter trains.
        result: What the merge gives.
        read: Returns its contents.
        tool: "pip" or "uv".
        hint: What to do if it cannot be satisfied.

    Raises:
        UnsatisfiableEnvironment: If no set of versions satisfies all of them.
    """
    from mvcs.ingredients.resolver import NO, UNKNOWN, satisfiable

    tree = result.ingredients().get("environment")
    files = {} if tree is None else {
        path: entry for path, entry in files_below(result.load, tree)
        if entry.kind == IS_BLOB and kind_of(path, "environment") == ("packages", "requirements")
    }
    python = _interpreter(seen)
    if not files or python is None:
        return ["--resolve asked nobody: there is no requirements file or no interpreter that trains"]
    notes = []
    for path, entry in files.items():
        lines = read(entry.oid).decode("utf-8", "replace").splitlines()
        answer = satisfiable(python, lines, tool)
        shown = os.fsdecode(path)
        if answer.verdict == NO:
            raise UnsatisfiableEnvironment(path=shown, reason=answer.message, hint=hint)
        if answer.left_out:
            more = f" and {len(answer.left_out) - NAMED} more" if len(answer.left_out) > NAMED else ""
            notes.append(f"{shown}: {tool} was not asked about {', '.join(answer.left_out[:NAMED])}{more}")
        if answer.verdict == UNKNOWN:
            notes.append(f"whether {shown} can be satisfied is not known: {answer.message.splitlines()[-1][:200]}")
    return notes


def relocked(
    seen: Look, desk: Desk, found: Reconciled, path: bytes, keys: tuple[str, ...], tool: str
) -> dict[str, str]:
    """Returns the versions that a resolver chooses for packages, beside all else that a merged file asks for.

    Args:
        seen: Whose workspace says which interpreter trains.
        desk: Has the merged contents.
        found: The merge, with conflicts.
        path: A requirements file.
        keys: Packages whose versions are in conflict; the file's other lines hold.
        tool: "pip" or "uv".

    Raises:
        InvalidArgument: If the file has no packages, a key is none, or nobody can be asked.
        UnsatisfiableEnvironment: If no set of versions satisfies the other lines.
    """
    from mvcs.formats.packages import read_packages
    from mvcs.ingredients.resolver import NO, YES, satisfiable

    shown = os.fsdecode(path)
    placed = placed_in(found.tree, path)
    if placed is None or kind_of(path, placed.ingredient) != ("packages", "requirements"):
        raise _not_relocked(shown, "only requirements files are locked anew")
    python = _interpreter(seen)
    if python is None:
        raise _not_relocked(shown, "there is no interpreter that trains (mvcs.toml: [environment] python)")
    lines = []
    for block in read_packages(desk.read(placed.entry.oid)).blocks:
        lines += [block.key] if block.key in keys else block.body.splitlines()
    answer = satisfiable(python, [*lines, *(key for key in keys if key not in lines)], tool)
    if answer.verdict == NO:
        raise UnsatisfiableEnvironment(path=shown, reason=answer.message)
    missing = [key for key in keys if key not in answer.versions]
    if answer.verdict != YES or missing:
        reason = answer.message.splitlines()[-1][:200] if answer.message else f"{tool} says nothing of {missing[0]}"
        raise _not_relocked(shown, reason)
    return {key: answer.versions[key] for key in keys}


def _not_relocked(path: str, reason: str) -> InvalidArgument:
    return InvalidArgument(argument="--relock", value=path, reason=reason, hint=f"mvcs conflicts {shlex.quote(path)}")


def _interpreter(seen: Look) -> str | None:
    from mvcs.ingredients.interpreter import find_interpreter

    workspace = seen.workspace
    return find_interpreter(workspace.folder, workspace.project.rules.python, variable("VIRTUAL_ENV"))
