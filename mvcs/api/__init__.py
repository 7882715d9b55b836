"""The public Python API; the command line stands on it too."""

from mvcs.api.commit import Commit
from mvcs.api.loading import load_state_dict, load_tensors, open_file
from mvcs.api.opening import clone, init, open
from mvcs.api.repo import Repo

__all__ = ["Commit", "Repo", "clone", "init", "load_state_dict", "load_tensors", "open", "open_file"]
