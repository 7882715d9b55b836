"""Remotes: opened by name for push and fetch; added after a probe.

Knows: where a repository keeps what it remembers of a remote. Refuses to know: packs, requests.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.ambient import variable
from mvcs.errors import RemoteError
from mvcs.remote.catalog import Catalog
from mvcs.remote.roots import RemoteRoots
from mvcs.remote.upload import Sent
from mvcs.remote.url import open_home
from mvcs.repo.config import config_path
from mvcs.repo.remotes import find_remote

if TYPE_CHECKING:
    from mvcs.repo.remotes import Remote
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
