"""doctor: is this machine, and this set-up, fit for a repository?"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mvcs.ambient import config_files, variable
from mvcs.errors import MvcsError
from mvcs.objects.record import Record
from mvcs.ops.context import open_workspace
from mvcs.refs.ledger import newest
from mvcs.repo.config import KEYS, Config
from mvcs.repo.git import git_identity
from mvcs.repo.layout import refuse_network
from mvcs.store.cutting import is_fast

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.repo.repository import Repository

LOW_DISK = 1 << 30


class Finding(Record):
    """One thing that was looked at.

    Args:
        what: What.
        ok: Whether it is well.
        detail: What was found.
        hint: A command that helps.
    """

    __slots__ = ("detail", "hint", "ok", "what")

    def __init__(self, what: str, *, ok: bool, detail: str, hint: str = "") -> None:
        self.what = what
        self.ok = ok
        self.detail = detail
        self.hint = hint

    def to_dict(self) -> dict[str, object]:
        """Returns the finding as JSON carries it."""
        return {"what": self.what, "ok": self.ok, "detail": self.detail, "hint": self.hint}


def doctor(repository: Repository | None) -> list[Finding]:
    """Looks at the machine and, if there is one, at the repository."""
    found = [
        Finding("python", ok=sys.version_info >= (3, 11), detail=sys.version.split()[0]),
        Finding(
            "chunker", ok=is_fast(), detail="compiled" if is_fast() else "pure Python: commits are 200 times slower",
            hint="" if is_fast() else "pip install --force-reinstall --only-binary :all: pyfastcdc",
        ),
    ]
    found.append(_identity(repository))
    if repository is not None:
        found += [_try(what, check, repository) for what, check in _CHECKS.items()]
    return found


def _identity(repository: Repository | None) -> Finding:
    config = Config(config_files(), variable) if repository is None else repository.config
    try:
        name, email = config.get("user.name"), config.get("user.email")
    except MvcsError as error:
        return Finding("identity", ok=False, detail=error.message, hint=error.hint)
    if not name:
        git_name, git_email = git_identity(os.getcwd() if repository is None else repository.place.top)
        name, email = git_name, email or git_email
    shown = f"{name} <{email}>" if name else "neither configured nor in Git's configuration: user@host is used"
    return Finding("identity", ok=bool(name), detail=shown, hint="" if name else "mvcs config --user user.name NAME")


def _try(what: str, check: Callable[[Repository], tuple[bool, str, str]], repository: Repository) -> Finding:
    try:
        ok, detail, hint = check(repository)
    except MvcsError as error:
        return Finding(what, ok=False, detail=error.message, hint=error.hint)
    return Finding(what, ok=ok, detail=detail, hint=hint)


def _file_system(repository: Repository) -> tuple[bool, str, str]:
    refuse_network(repository.path)
    return True, "local", ""


def _disk(repository: Repository) -> tuple[bool, str, str]:
    status = os.statvfs(repository.path)
    free = status.f_bavail * status.f_frsize
    return free >= LOW_DISK, f"{free / 1e9:.1f} GB free", "" if free >= LOW_DISK else "mvcs gc"


def _store(repository: Repository) -> tuple[bool, str, str]:
    repository.store.meta.forget_dead_readers()
    segments = repository.store.segments.numbers()
    return True, f"opens; {len(segments)} chunk segment(s)", ""


def _lock(repository: Repository) -> tuple[bool, str, str]:
    return True, "free" if repository.lock.is_free() else "held by another command", ""


def _clock(repository: Repository) -> tuple[bool, str, str]:
    with repository.store.read() as transaction:
        last = newest(transaction)
    now = repository.clock.now()[0]
    if last is not None and last[1].time > now + 60 * 10**9:
        return False, f"the ledger is {(last[1].time - now) / 1e9:.0f} s ahead of the clock", "timedatectl"
    return True, "agrees with the ledger", ""


def _config(repository: Repository) -> tuple[bool, str, str]:
    for key in KEYS:
        repository.config.origin(key)
    return True, "readable", ""


def _workspace(repository: Repository) -> tuple[bool, str, str]:
    if repository.place.workspace is None:
        return True, "none here", ""
    workspace = open_workspace(repository)
    follows = ", follows Git" if workspace.git is not None else ""
    return True, f"model {workspace.model}{follows}", ""


_CHECKS = {
    "file system": _file_system, "disk": _disk, "store": _store, "lock": _lock, "clock": _clock,
    "configuration": _config, "workspace": _workspace,
}
