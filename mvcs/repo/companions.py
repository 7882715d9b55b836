"""Files that say what is in another file: an ONNX model keeps large tensors in files at its side.

What they say is advisory, as all layouts are. Knows: names in one folder. Refuses to know: formats.
"""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mvcs.store.splitters.layout import Layout, Region

MODEL = b".onnx"
MODELS = 16
"""Models of a folder that are asked, and whose answers are remembered."""

_told: dict[bytes, tuple[tuple[bytes, int, int, int], dict[str, tuple[Region, ...]]]] = {}


def described(path: bytes, size: int) -> Layout | None:
    """Returns where the tensors of a file are as far as a model in the same folder tells.

    Args:
        path: The file.
        size: Its bytes.
    """
    folder, _, name = path.rpartition(b"/")
    try:
        models = sorted(other for other in os.listdir(folder or b".") if other.endswith(MODEL) and other != name)
    except OSError:
        return None
    for model in models[:MODELS]:
        found = _told_by(os.path.join(folder, model), os.fsdecode(name), size)
        if found is not None:
            return found
    return None


def _told_by(model: bytes, name: str, size: int) -> Layout | None:
    from mvcs.store.splitters.onnx import external, layout_for_external
    from mvcs.store.splitters.source import FileSource

    try:
        descriptor = os.open(model, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not st.S_ISREG(status.st_mode):
            return None
        stamp = (model, status.st_size, status.st_mtime_ns, status.st_ino)
        if _told.get(model, (None,))[0] != stamp:  # one model may be asked for each of many files
            while len(_told) >= MODELS:
                del _told[next(iter(_told))]
            _told[model] = (stamp, external(FileSource(descriptor, status.st_size)))
        regions = _told[model][1].get(name)
        return None if regions is None else layout_for_external(regions, size)
    except (OSError, KeyError):  # another thread has dropped it
        return None
    finally:
        os.close(descriptor)
