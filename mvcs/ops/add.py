"""add: which ingredient a path belongs to, written into mvcs.toml where anybody can read it."""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.errors import (
    InvalidArgument,
    PathInTwoIngredients,
    PathNotFound,
)
from mvcs.ingredients.patterns import Rules, literal
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import unsafe_path
from mvcs.ops.context import open_workspace
from mvcs.ops.parts import ingredients_named
from mvcs.repo.neighbours import Neighbours
from mvcs.repo.scan import IGNORE_FILES
from mvcs.repo.toml import add_to_list, set_entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace


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
        InvalidArgument: If no ingredient is named and none matches, or an ignore file leaves the path out.
    """
    repository.writable()
    workspace = open_workspace(repository)
    if ingredient is not None:
        (ingredient,) = ingredients_named((ingredient,), "--as")
    found = []
    with workspace.locked():
        for path in paths:
            full = os.path.join(workspace.root, path)
            if not os.path.lexists(full):
                raise PathNotFound(path=path, where="the workspace")
            is_folder = os.path.isdir(full) and not os.path.islink(full)
            above = [_ignores_above(workspace.root, path, os.fsdecode(name)) for name in IGNORE_FILES]
            rules = Rules(workspace.project.patterns, *above)
            if _is_left_out(rules.ignores, path, is_folder=is_folder):
                raise InvalidArgument(
                    argument="path", value=path, reason=".mvcsignore leaves it out, whatever mvcs.toml says",
                    hint="take its line out of .mvcsignore, then mvcs add",
                )
            there = ingredient or _ingredient(rules, workspace, path)
            if there == "code" and rules.git_ignores(path + "/" * is_folder):
                raise InvalidArgument(
                    argument="path", value=path, reason=".gitignore leaves it out, and holds for code",
                    hint=f"take its line out of .gitignore, or mvcs add {quote(path)} --as data",
                )
            pattern = literal(path) + "/" * is_folder
            for owner, listed in workspace.project.patterns.items():
                if ingredient is not None and pattern in listed and owner != ingredient:
                    raise PathInTwoIngredients(
                        path=path, first=owner, second=ingredient, hint=f"mvcs rm --cached {quote(path)}"
                    )
            if ingredient is not None:
                add_to_list(workspace.project.file, "ingredients", ingredient, [pattern])
                found.append((path, ingredient))
                continue
            if there is None:
                raise InvalidArgument(
                    argument="path", value=path, reason="no pattern matches it",
                    hint=f"mvcs add {quote(path)} --as {'|'.join(INGREDIENTS)}",
                )
            found.append((path, there))
    return found


def _ingredient(rules: Rules, workspace: Workspace, path: str) -> str | None:
    """Returns where a path belongs; of another workspace's only what a pattern names."""
    own = os.path.relpath(workspace.folder, workspace.root)
    neighbours = Neighbours(os.fsencode(workspace.root), b"" if own == "." else os.fsencode(own))
    within = neighbours.of(os.fsencode(path).rpartition(b"/")[0])
    return rules.ingredient(path, None if within is None else os.fsdecode(within))


def _ignores_above(root: str, path: str, name: str) -> list[tuple[str, list[str]]]:
    """Returns (folder, lines) of each ignore file of a name from the root down to a path."""
    found, folder = [], ""
    for part in ["", *path.split("/")[:-1]]:
        folder += part + "/" if part else ""
        try:
            with open(os.path.join(root, folder, name), encoding="utf-8", errors="surrogateescape") as file:
                found.append((folder, file.read().splitlines()))
        except OSError:
            continue
    return found


def _is_left_out(ignores: Callable[[str], bool], path: str, *, is_folder: bool) -> bool:
    parts = path.split("/")
    above = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    return any(ignores(folder) for folder in above) or ignores(path + "/" * is_folder)


def add_references(
    repository: Repository, url: str, *, ingredient: str, to: str | None, verify: bool
) -> list[tuple[str, str]]:
    """Declares data that is kept elsewhere; returns (path, ingredient) of each.

    Args:
        repository: Opened from the workspace.
        url: http, https or s3; an S3 prefix that ends with a slash is all below it.
        ingredient: Which one it belongs to.
        to: Path, or folder of a prefix; by default the name under a folder called like the ingredient.
        verify: Whether the content is read once for its SHA-256.

    Raises:
        InvalidArgument: If the URL or the path may not be stored.
        RemoteError: If the place does not answer.
    """
    from mvcs.ingredients.references import ask

    repository.writable()
    (ingredient,) = ingredients_named((ingredient,), "--as")
    workspace = open_workspace(repository)
    found = list(ask(url, verify=verify))
    many = url.endswith("/") and url.startswith("s3:")
    made: dict[str, dict[str, object]] = {}
    with workspace.locked():
        for name, reference in found:
            path = f"{(to or ingredient).rstrip('/')}/{name}" if many or to is None else to
            problem = unsafe_path(path.encode("utf-8", "surrogateescape"))
            if problem is not None:
                raise InvalidArgument(argument="--to", value=path, reason=problem)
            there = workspace.project.rules.references.get(path)
            if there is not None and there.ingredient != ingredient:
                raise PathInTwoIngredients(path=path, first=there.ingredient, second=ingredient)
            values: dict[str, object] = {"url": reference.url, "size": reference.size, **reference.checksums}
            if reference.version:
                values["version"] = reference.version
            if reference.etag:
                values["etag"] = reference.etag
            if ingredient != "data":
                values["as"] = ingredient
            made[path] = values
        set_entries(workspace.project.file, "references", made)
    return [(path, ingredient) for path in made]
