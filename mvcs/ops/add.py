"""add: which ingredient a path belongs to, written into mvcs.toml where anybody can read it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import (
    InvalidArgument,
    PathInTwoIngredients,
    PathNotFound,
)
from mvcs.ingredients.patterns import Rules, literal
from mvcs.objects.commit import INGREDIENTS
from mvcs.ops.context import open_workspace
from mvcs.repo.scan import IGNORE_FILES
from mvcs.repo.toml import add_to_list

if TYPE_CHECKING:
    from mvcs.repo.repository import Repository


def add(repository: Repository, paths: list[str], ingredient: str | None) -> list[tuple[str, str]]:
    """Declares which ingredient paths belong to; nothing is stored before the commit.

    Args:
        repository: Opened from the workspace.
        paths: Files and folders that exist, relative to the workspace's root.
        ingredient: Which one; None to say where each belongs already.

    Returns:
        (path, ingredient) of each.

    Raises:
        PathNotFound: If a path does not exist.
        PathInTwoIngredients: If mvcs.toml gives the very path to another ingredient.
        InvalidArgument: If no ingredient is named and none matches.
    """
    repository.writable()
    workspace = open_workspace(repository)
    if ingredient is not None and ingredient not in INGREDIENTS:
        raise InvalidArgument(argument="--as", value=ingredient, reason=f"one of {', '.join(INGREDIENTS)}")
    found = []
    with workspace.locked():
        for path in paths:
            full = os.path.join(workspace.root, path)
            if not os.path.lexists(full):
                raise PathNotFound(path=path, where="the workspace")
            rules = Rules(workspace.project.patterns, _ignores_above(workspace.root, path))
            if _is_left_out(rules, path, is_folder=os.path.isdir(full) and not os.path.islink(full)):
                raise InvalidArgument(
                    argument="path", value=path, reason=".mvcsignore leaves it out, whatever mvcs.toml says",
                    hint="take its line out of .mvcsignore, then mvcs add",
                )
            pattern = literal(path) + ("/" if os.path.isdir(full) and not os.path.islink(full) else "")
            for owner, listed in workspace.project.patterns.items():
                if ingredient is not None and pattern in listed and owner != ingredient:
                    raise PathInTwoIngredients(
                        path=path, first=owner, second=ingredient, hint=f"mvcs rm --cached {path}"
                    )
            if ingredient is not None:
                add_to_list(workspace.project.file, "ingredients", ingredient, [pattern])
                found.append((path, ingredient))
                continue
            there = rules.ingredient(path)
            if there is None:
                raise InvalidArgument(
                    argument="path", value=path, reason="no pattern matches it",
                    hint=f"mvcs add {path} --as {'|'.join(INGREDIENTS)}",
                )
            found.append((path, there))
    return found


def _ignores_above(root: str, path: str) -> list[tuple[str, list[str]]]:
    """Returns (folder, lines) of each .mvcsignore from the root down to a path."""
    found, folder = [], ""
    for part in ["", *path.split("/")[:-1]]:
        folder += part + "/" if part else ""
        try:
            with open(
                os.path.join(root, folder, os.fsdecode(IGNORE_FILES[0])), encoding="utf-8", errors="surrogateescape"
            ) as file:
                found.append((folder, file.read().splitlines()))
        except OSError:
            continue
    return found


def _is_left_out(rules: Rules, path: str, *, is_folder: bool) -> bool:
    parts = path.split("/")
    above = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    return any(rules.ignores(folder) for folder in above) or rules.ignores(path + ("/" if is_folder else ""))
