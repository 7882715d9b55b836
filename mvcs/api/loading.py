"""Consumption without ceremony: tensors and files of a revision by one call each.

Repositories stay open with the process, as all that it has opened: other threads may be reading them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.api.opening import open
from mvcs.api.repo import Repo

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from io import BufferedReader

    import numpy as np

    Where = Repo | str | os.PathLike[str] | None


def load_tensors(
    revision: str, patterns: str | Sequence[str] | None = None, *, repo: Where = None
) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """Returns tensors by name as read-only arrays over memory that all processes share.

    Args:
        revision: A revision, whose weights are meant, or REV:PATH for one file or folder.
        patterns: Of names or of FILE//NAME, in which `*` stands for any characters; all tensors if there are none.
        repo: A repository or a path; that of the current folder, or MVCS_DIR, by default.

    Raises:
        TensorNotFound: If there are none, or a pattern matches none.
        UnreadableTensor: If numpy has no type for one.
        WeightsCollected: If gc took the weights.
    """
    from mvcs.ops.load import Loader, tensors_of

    repository = _repo(repo)._repository
    return Loader(repository).arrays(tensors_of(repository, revision).match(_patterns(patterns)))


def load_state_dict(
    revision: str, patterns: str | Sequence[str] | None = None, *, repo: Where = None
) -> dict[str, Any]:
    """Returns tensors by name as torch tensors over memory that all processes share until one writes to it.

    What is written stays in this process: neither the repository nor another call sees it. Arguments as of
    `load_tensors`.

    Raises:
        MissingPackage: If torch is not installed.
        UnreadableTensor: If this torch has no type for a tensor.
    """
    from mvcs.bridges.torch_tensors import state_dict
    from mvcs.ops.load import Loader, tensors_of

    repository = _repo(repo)._repository
    return state_dict(Loader(repository), lambda: tensors_of(repository, revision).match(_patterns(patterns)))


def open_file(revision: str, *, repo: Where = None) -> BufferedReader:
    """Opens REV:PATH as a seekable binary file that decodes only what is read.

    Args:
        revision: REV:PATH, or the oid of a blob.
        repo: As of `load_tensors`.
    """
    return _repo(repo).open(revision)


def _repo(repo: Where) -> Repo:
    return repo if isinstance(repo, Repo) else open(repo)


def _patterns(patterns: str | Sequence[str] | None) -> Sequence[str] | None:
    return [patterns] if isinstance(patterns, str) else patterns
