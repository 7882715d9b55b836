"""Workspaces inside a workspace's root: a folder with an mvcs.toml of its own belongs to that, as a repository inside a
repository does in Git. A pattern takes files from there only if it names the folder, beginning with a slash.
"""

from __future__ import annotations

import os

from mvcs.repo.layout import PROJECT

NEIGHBOUR = b"/"
"""Among the names of a folder in the stat cache: it is a workspace of its own. No file can have this name."""


class Neighbours:
    """Tells which folders are other workspaces.

    Args:
        root: Folder that paths start from.
        own: The workspace's own folder below it, empty for the root itself; with those above it no other's.
    """

    def __init__(self, root: bytes, own: bytes) -> None:
        self._root = root
        self._own = own + b"/"
        self._known: dict[bytes, bytes | None] = {b"": None}

    def of(self, folder: bytes) -> bytes | None:
        """Returns the outermost other workspace that a folder is in, or is; None if it is in none."""
        if folder in self._known:
            return self._known[folder]
        found = self.of(folder.rpartition(b"/")[0])
        if found is None and not self._own.startswith(folder + b"/"):
            project = os.path.join(self._root, folder, os.fsencode(PROJECT))
            found = folder if os.path.isfile(project) and not os.path.islink(project) else None
        self._known[folder] = found
        return found
