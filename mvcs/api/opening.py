"""The ways to a repository: open, init, clone; and what can be asked without one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.api.repo import Repo
from mvcs.repo.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.ops.clone import CloneResult
    from mvcs.ops.doctor import Finding
    from mvcs.ops.init import Preview


def open(path: str | os.PathLike[str] | None = None, **options: object) -> Repo:
    """Opens the repository of a folder, looking upward.

    Args:
        path: Where to begin: the repository there is meant whatever MVCS_DIR says, which is for a workspace in none.
            Without it, as a command does: the repository that MVCS_DIR names, else that of the current folder.
        **options: clock, progress, lock_timeout, at (see `mvcs.repo.repository.Repository`).

    Raises:
        NotARepository: If there is none.
    """
    if path is None:
        return open_from(os.getcwd(), **options)
    return Repo(Repository.around(os.path.abspath(os.fspath(path)), **options))


def open_from(folder: str, **options: object) -> Repo:
    """Opens the repository as a command in a folder does; arguments as of `open`."""
    return Repo(Repository.find(os.path.abspath(folder), **options))


def init(
    path: str | os.PathLike[str], *, model: str | None = None, branch: str | None = None, yes: bool = False,
    confirm: Callable[[Preview], bool | None] | None = None, command: str = "init", **options: object,
) -> tuple[Repo, Preview]:
    """Makes a repository in a folder, or a workspace in the repository above.

    Args:
        path: The folder.
        model: Name of the model; the folder's by default.
        branch: Branch to stand on; main by default. One that is not there begins where main is.
        yes: Take what there is, however large.
        confirm: Asked above 1 GB if `yes` is not given.
        command: The command as typed, for the ledger.
        **options: As of `open`.
    """
    from mvcs.ops.init import init as run

    ask = (lambda preview: True) if yes else (confirm or (lambda preview: None))
    repository, preview = run(os.fspath(path), model=model, branch=branch, confirm=ask, command=command, **options)
    return Repo(repository), preview


def clone(
    source: str, target: str, *, branch: str | None = None, command: str = "clone", **options: object
) -> CloneResult:
    """Copies a local repository with its history and writes out its files."""
    from mvcs.ops.clone import clone as run

    return run(source, target, branch=branch, command=command, **options)


def config_keys() -> dict[str, tuple[str, object, str, str]]:
    """Returns key to (type, default, environment variable, meaning)."""
    from mvcs.repo.config import KEYS

    return {key: (kind.__name__, default, variable, text) for key, (kind, default, variable, text) in KEYS.items()}


def doctor() -> list[Finding]:
    """Looks at the machine alone, where there is no repository."""
    from mvcs.ops.doctor import doctor as run

    return run(None)


def config_get(key: str) -> tuple[object, str]:
    """Returns (value, where it comes from) where there is no repository."""
    from mvcs.ambient import config_files, variable
    from mvcs.repo.config import Config

    return Config(config_files(), variable).origin(key)


def config_set(key: str, value: str | None) -> None:
    """Writes a key for all repositories of this user; None removes it."""
    from mvcs.ambient import config_files, variable
    from mvcs.repo.config import Config

    Config(config_files(), variable).set(key, value, "user")
