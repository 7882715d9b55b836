"""Git for models: code, data, config, environment and weights in one commit.

    >>> import mvcs
    >>> repo = mvcs.open(".")            # doctest: +SKIP
    >>> repo["main"].metrics             # doctest: +SKIP
    {'auc': 0.91}

Public: `open`, `init`, `clone`, `load_tensors`, `load_state_dict`, `open_file`, `Repo`, `Commit`, `errors`. Everything
else may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mvcs import errors
    from mvcs.api import Commit, Repo, clone, init, load_state_dict, load_tensors, open, open_file

__version__ = "0.1.0"

__all__ = [
    "Commit", "Repo", "__version__", "clone", "errors", "init", "load_state_dict", "load_tensors", "open", "open_file",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- loads the public names when first asked for
    if name == "errors":
        import importlib

        return importlib.import_module("mvcs.errors")
    if name in __all__:
        import importlib

        return getattr(importlib.import_module("mvcs.api"), name)
    message = f"module 'mvcs' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
