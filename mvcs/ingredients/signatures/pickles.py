"""Feature names of a scikit-learn estimator in a pickle or a joblib file, read without unpickling it.

Knows: which attributes name features, as scikit-learn's developer guide (SLEP007, SLEP010) has them. Refuses to know:
opcodes (`symbols`).
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from mvcs.formats.signature import COUNT, FEATURES
from mvcs.ingredients.signatures.symbols import Class, Made, read_symbols

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from mvcs.objects.values import Json

MAX_UNPACKED = 16 << 20
"""Bytes of a compressed file."""
PACKAGES = ("sklearn", "imblearn")


def read(file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns `features`, or `feature_count` where there are no names: only what is certain.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: If it is no such pickle.
    """
    del size
    state = _state(read_symbols(_unpacked(file)))
    names, count = state.get("feature_names_in_"), state.get("n_features_in_")
    if names is not None:
        return {FEATURES: _names(names)}
    return {COUNT: count} if type(count) is int else {}


def _unpacked(file: BinaryIO) -> BinaryIO:
    """Returns the pickle in a file that joblib may have compressed."""
    head = file.read(2)
    file.seek(0)
    if head[:1] != b"x" and head != b"\x1f\x8b":
        return file
    engine = zlib.decompressobj(47)  # zlib or gzip
    content = engine.decompress(file.read(MAX_UNPACKED), MAX_UNPACKED)
    if not engine.eof:
        raise ValueError("too long")  # noqa: EM101 -- the caller asks only whether it can be read
    return io.BytesIO(content)


def _state(made: Any) -> dict[str, Any]:  # noqa: ANN401 -- symbols and plain values
    """Returns the attributes of an estimator; of a pipeline those of its first step."""
    for _ in range(8):
        state = made.state
        if not isinstance(state, dict):
            raise TypeError("no attributes")  # noqa: EM101 -- as above
        if _class(made).name != "Pipeline" or _class(made).module.split(".")[0] not in PACKAGES:
            return state
        made = state["steps"][0][1]
    raise ValueError("too deep")  # noqa: EM101 -- as above


def _class(made: Made) -> Class:
    maker = made.maker
    if isinstance(maker, Class) and maker.name == "_reconstructor":
        maker = made.arguments[0]
    if not isinstance(maker, Class):
        raise TypeError("no class")  # noqa: EM101 -- as above
    return maker


def _names(array: Any) -> list[Json]:  # noqa: ANN401 -- symbols and plain values
    """Returns the strings of a one-dimensional array of objects."""
    _, shape, dtype, _, items = array.state
    if array.maker.name != "_reconstruct" or dtype.maker.name != "dtype" or dtype.arguments[0] not in {"O", "O8"}:
        raise ValueError("no array of objects")  # noqa: EM101 -- as above
    if shape != (len(items),) or not all(isinstance(item, str) for item in items):
        raise ValueError("no names")  # noqa: EM101 -- as above
    return list(items)
