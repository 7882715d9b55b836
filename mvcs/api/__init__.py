"""The public Python API; the command line stands on it too."""

from mvcs.api.commit import Commit
from mvcs.api.opening import clone, init, open
from mvcs.api.repo import Repo

__all__ = ["Commit", "Repo", "clone", "init", "open"]
