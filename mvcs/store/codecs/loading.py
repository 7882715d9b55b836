"""Loads the codecs of tensors when a tensor is at hand: numpy takes longer to load than a small commit takes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_loading = threading.Lock()


def tensor_codecs() -> ModuleType:
    """Returns `mvcs.store.codecs.tensor`; several threads may ask at once, and numpy does not like that."""
    with _loading:
        from mvcs.store.codecs import tensor
    return tensor
