"""The signature of a commit's weights: what mvcs.toml declares, then what the files say.

Knows: which reader takes which file, what holds where files say different things. Refuses to know: formats (each has
its module). Where a file cannot be read there is no signature and no error.
"""

from __future__ import annotations

import os
import struct
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO

from mvcs.errors import CaptureError, MvcsError
from mvcs.formats.entry import MAX_BYTES
from mvcs.formats.signature import COUNT, FEATURES, FIELDS, problem_of, write_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mvcs.objects.values import Json

READERS = (
    ("MLmodel", "mlflow"), (".onnx", "onnx"), (".keras", "keras"), (".safetensors", "safetensors"),
    (".skops", "skops"), (".joblib", "pickles"), (".pkl", "pickles"), (".pickle", "pickles"),
)
"""Name or ending of a file and the module that reads it; what an earlier one says holds."""
MOST = 50
"""Files that are looked into, in the order of readers and paths."""
PARTS = (*FIELDS, FEATURES, COUNT)

_UNREADABLE = (
    MvcsError, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, EOFError,
    RuntimeError, struct.error, zlib.error,
)


def read_signature(
    files: Iterable[tuple[str, int]], opened: Callable[[str], BinaryIO], declared: Mapping[str, Json]
) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Returns the signature of weights, and what the user should know of it.

    Each part (inputs, outputs, features) comes from one kind of file. Files of that kind that say different things say
    nothing, and a warning names two of them.

    Args:
        files: (path, bytes) of the weights' files.
        opened: Opens one.
        declared: What mvcs.toml says; it holds before all that files say.
    """
    found: dict[str, Json] = dict(declared)
    warnings: list[str] = []
    unclear: dict[str, int] = {}
    said: dict[str, tuple[int, str]] = {}
    for rank, path, size, module in _readable(files):
        if all(part in declared for part in PARTS[:3]):
            break
        for part, value in _read(module, opened(path), size).items():
            if part in declared or unclear.get(part) == rank:
                continue
            if part not in said:
                found[part], said[part] = value, (rank, path)
            elif said[part][0] == rank and found.get(part) != value:
                warnings.append(
                    f"{said[part][1]} and {path} differ in their {part}, which are not recorded"
                    " (mvcs.toml: [signature])"
                )
                unclear[part] = rank
                del found[part]
    if FEATURES in found:
        found.pop(COUNT, None)
    if found and len(write_signature(found)) > MAX_BYTES:
        return {}, (f"the signature is longer than {MAX_BYTES >> 20} MiB and is not recorded",)
    return found, tuple(warnings)


def _readable(files: Iterable[tuple[str, int]]) -> list[tuple[int, str, int, str]]:
    """Returns (rank, path, bytes, module) of the files that may say something, the most telling first."""
    found = []
    order = list(dict.fromkeys(module for _, module in READERS))
    for path, size in files:
        name = os.path.basename(path)
        for ending, module in READERS:
            if name == ending or (ending.startswith(".") and name.lower().endswith(ending)):
                found.append((order.index(module), path, size, module))
                break
    return sorted(found)[:MOST]


def _read(module: str, file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns what one file says, nothing where it is in doubt."""
    reader = import_module(f"mvcs.ingredients.signatures.{module}")
    try:
        found: dict[str, Json] = reader.read(file, size)
        found = {part: value for part, value in found.items() if value not in (None, {}, [])}
        return {} if problem_of(found) else found
    except CaptureError:
        raise
    except _UNREADABLE:
        return {}
