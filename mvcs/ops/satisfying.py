"""merge --resolve: whether the packages of a merge can be installed together, before anything is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.errors import UnsatisfiableEnvironment
from mvcs.formats.names import kind_of
from mvcs.objects.editing import files_below
from mvcs.objects.tree import IS_BLOB

if TYPE_CHECKING:
    from mvcs.ops.context import Look
    from mvcs.ops.desk import Desk
    from mvcs.ops.reconcile import Reconciled


def check_environment(seen: Look, desk: Desk, found: Reconciled, tool: str) -> list[str]:
    """Asks a resolver about the requirements files of a merge's result; returns what the user should know.

    Args:
        seen: Whose workspace says which interpreter trains.
        desk: Has the merged contents.
        found: The merge.
        tool: "pip" or "uv".

    Raises:
        UnsatisfiableEnvironment: If no set of versions satisfies all of them.
    """
    from mvcs.ingredients.interpreter import find_interpreter
    from mvcs.ingredients.resolver import NO, UNKNOWN, satisfiable

    workspace = seen.workspace
    tree = found.tree.ingredients().get("environment")
    if tree is None:
        return []
    files = {
        path: entry for path, entry in files_below(found.tree.load, tree)
        if entry.kind == IS_BLOB and kind_of(path, "environment") == ("packages", "requirements")
    }
    python = find_interpreter(workspace.folder, workspace.project.rules.python, variable("VIRTUAL_ENV"))
    if not files or python is None:
        return ["--resolve asked nobody: there is no requirements file or no interpreter that trains"]
    notes = []
    for path, entry in files.items():
        lines = desk.read(entry.oid).read().decode("utf-8", "replace").splitlines()
        answer = satisfiable(python, lines, tool)
        shown = os.fsdecode(path)
        if answer.verdict == NO:
            raise UnsatisfiableEnvironment(path=shown, reason=answer.message)
        if answer.verdict == UNKNOWN:
            notes.append(f"whether {shown} can be satisfied is not known: {answer.message.splitlines()[-1][:200]}")
    return notes
