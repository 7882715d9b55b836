"""Remotes: opened by name for push and fetch; added after a probe.

Knows: where a repository keeps what it remembers of a remote. Refuses to know: packs, requests.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.errors import RefExists, RefNotFound, RemoteDenied, RemoteError, UnsafeRemote
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.refs.names import REMOTES, check_name
from mvcs.remote.catalog import Catalog
from mvcs.remote.format import make_format, read_format
from mvcs.remote.probe import probe, unsafe
from mvcs.remote.roots import RemoteRoots
from mvcs.remote.upload import Sent
from mvcs.remote.url import check_url, open_home
from mvcs.repo.config import config_path
from mvcs.repo.remotes import Remote, find_remote, read_remotes, remove_remote
from mvcs.repo.remotes import add_remote as write_remote

if TYPE_CHECKING:
    from mvcs.remote.probe import Check
    from mvcs.remote.s3_client import S3Settings
    from mvcs.repo.repository import Repository

FOLDER = "remotes"
"""Of the repository's folder: index segments and what was sent, by remote; it may be removed at any time."""


class OpenRemote:
    """A remote, and what the repository remembers of it.

    Args:
        repository: Whose.
        remote: Which.

    Raises:
        RemoteError: If MVCS_OFFLINE forbids the network.
        RemoteNotFound: If there is no such folder.
    """

    def __init__(self, repository: Repository, remote: Remote) -> None:
        if variable("MVCS_OFFLINE") is not None and not remote.url.startswith("file:"):
            raise RemoteError(url=remote.url, reason="MVCS_OFFLINE is set", hint="unset MVCS_OFFLINE")
        folder = os.path.join(repository.path, FOLDER, remote.name)
        self.remote = remote
        self.catalog = Catalog(open_home(remote.url, remote.settings), os.path.join(folder, "index"))
        self.roots = RemoteRoots(self.catalog)
        self.sent = Sent(os.path.join(folder, "sent"))


def open_remote(repository: Repository, name: str) -> OpenRemote:
    """Opens a remote by its name.

    Raises:
        RefNotFound: If there is none of this name.
    """
    return OpenRemote(repository, find_remote(config_path(repository.path), name))


class RemoteChecked(Record):
    """A remote and what was tried there.

    Args:
        remote: The remote.
        checks: What was tried.
        new: Whether nothing was there before.
    """

    __slots__ = ("checks", "new", "remote")

    def __init__(self, remote: Remote, checks: list[Check], *, new: bool = False) -> None:
        self.remote = remote
        self.checks = checks
        self.new = new

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        checks = [{"name": check.name, "holds": check.holds, "reason": check.reason} for check in self.checks]
        return {**self.remote.to_dict(), "new": self.new, "checks": checks}


def remotes(repository: Repository) -> list[Remote]:
    """Returns the named remotes, by name."""
    found = read_remotes(config_path(repository.path))
    return [found[name] for name in sorted(found)]


def default_remote(repository: Repository) -> str:
    """Returns the remote that is meant where none is named: origin, or the only one.

    Raises:
        RefNotFound: If there is no such one.
    """
    names = [remote.name for remote in remotes(repository)]
    if "origin" in names or not names:
        return "origin"
    if len(names) == 1:
        return names[0]
    raise RefNotFound(ref="remote origin", known=tuple(names), hint=f"mvcs push {names[0]}")


def add_remote(
    repository: Repository, name: str, url: str, settings: S3Settings, *, single_writer: bool = False
) -> RemoteChecked:
    """Names a remote, after it was tried what it keeps; a new one is made.

    Args:
        repository: Where the name is written.
        name: What it is called.
        url: Its address.
        settings: What the address of a bucket does not say.
        single_writer: Take a server that looks at no conditions: nobody else ever writes there.

    Raises:
        UnsafeRemote: If the server looks at no conditions.
        RefExists: If there is a remote of this name.
        RemoteDenied: If nothing may be read there, or there is nothing and nothing may be written.
    """
    repository.writable()
    check_name(name, slashes=False)
    remote = Remote(name, check_url(url), settings, single_writer=single_writer)
    if name in read_remotes(config_path(repository.path)):
        raise RefExists(ref=f"remote {name}", hint="mvcs remote list")
    home = OpenRemote(repository, remote).catalog.home
    checks = probe(home)
    failed = unsafe(checks)
    if failed and not single_writer:
        raise UnsafeRemote(url=remote.url, reason=failed[0].reason)
    denied = next((check for check in checks if check.name == "write" and check.holds is None), None)
    if denied is not None:
        if read_format(home) is None:
            raise RemoteDenied(url=remote.url, reason=denied.reason)
        new = False
    else:
        new = make_format(home)[1]
    write_remote(config_path(repository.path), remote)
    return RemoteChecked(remote, checks, new=new)


def check_remote(repository: Repository, name: str) -> RemoteChecked:
    """Tries what a remote keeps, and what its credentials allow.

    Raises:
        RefNotFound: If there is none of this name.
    """
    opened = open_remote(repository, name)
    read_format(opened.catalog.home)
    return RemoteChecked(opened.remote, probe(opened.catalog.home))


def drop_remote(repository: Repository, name: str, *, command: str) -> None:
    """Forgets a remote: its name, where its refs stood, its index. What is there stays there.

    Raises:
        RefNotFound: If there is none of this name.
    """
    import shutil

    repository.writable()
    remove_remote(config_path(repository.path), name)
    moves = [Move(key, target, None) for key, target in repository.refs().under(f"{REMOTES}/{name}/")]
    if moves:
        repository.publish(actor=repository.actor(), command=command, moves=tuple(moves))
    shutil.rmtree(os.path.join(repository.path, FOLDER, name), ignore_errors=True)
