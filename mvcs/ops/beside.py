"""Files of a commit whose tensors another one tells: the data that an ONNX model keeps at its side.

What a model tells is advisory, as all layouts are. Knows: stored files. Refuses to know: formats; files of the
workspace, for which there is `mvcs.repo.companions`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.objects.tree import IS_BLOB
from mvcs.repo.companions import MODEL, MODELS
from mvcs.store.bases import StoredSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.ops.show import Listed
    from mvcs.repo.repository import Repository
    from mvcs.store.splitters.layout import Layout, Region


class Beside:
    """Where the tensors of files are as far as models among them tell; nothing is read before it is asked.

    Args:
        repository: Where.
        listed: Files of a commit.
    """

    def __init__(self, repository: Repository, listed: Iterable[Listed]) -> None:
        self._repository = repository
        self._models = [item for item in listed if item.path.endswith(MODEL) and item.entry.kind == IS_BLOB]
        self._told: dict[bytes, dict[str, tuple[Region, ...]]] = {}

    def described(self, path: bytes, size: int) -> Layout | None:
        """Returns where the tensors of a file are; None if no model tells, or what it tells is odd.

        Args:
            path: The file.
            size: Its bytes.
        """
        from mvcs.store.splitters.onnx import layout_for_external

        folder, _, name = path.rpartition(b"/")
        for model in [one for one in self._models if one.path.rpartition(b"/")[0] == folder][:MODELS]:
            regions = self._external(model).get(os.fsdecode(name))
            found = None if regions is None else layout_for_external(regions, size)
            if found is not None:
                return found
        return None

    def _external(self, model: Listed) -> dict[str, tuple[Region, ...]]:
        from mvcs.store.splitters.onnx import external

        if model.path not in self._told:
            store, oid = self._repository.store, model.entry.oid
            if store.kind(oid) is None:  # collected
                return {}
            with store.open(oid) as reader:
                self._told[model.path] = external(StoredSource(reader))
        return self._told[model.path]
