"""The signature that MLflow writes into the file `MLmodel` of a saved model.

Sources: mlflow.types.schema (Schema, ColSpec, TensorSpec) and mlflow.models.signature.to_dict of MLflow 2 and 3.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mvcs.formats.config import read_config
from mvcs.formats.content import Bytes
from mvcs.formats.signature import FEATURES, INPUTS, OUTPUTS, field

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from mvcs.objects.values import Json

LIMIT = 4 << 20
TYPES = {
    "boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64",
    "string": "string", "binary": "bytes", "datetime": "datetime64",
}


def read(file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns `inputs`, `outputs` and, where inputs are columns, `features`.

    A column is told as one value for each row, `float64[?]`.

    Raises:
        UnreadableContent: If it is no YAML.
        ValueError: If it is too long, or has a signature of another form.
    """
    if size > LIMIT:
        raise ValueError("too long")  # noqa: EM101 -- the caller asks only whether it can be read
    document: Any = read_config("yaml", Bytes(file.read(LIMIT)))
    signature = document["signature"]
    inputs, columns = _schema(signature.get("inputs"))
    outputs, _ = _schema(signature.get("outputs"))
    return {INPUTS: inputs, OUTPUTS: outputs, FEATURES: [*inputs] if columns else None}


def _schema(text: Any) -> tuple[dict[str, Json], bool]:  # noqa: ANN401 -- of a stranger's file
    """Returns the fields of a schema, and whether all are named columns."""
    found: dict[str, Json] = {}
    columns = True
    for place, spec in enumerate(json.loads(text) if text else []):
        name = spec.get("name")
        columns = columns and name is not None and spec["type"] != "tensor"
        found[str(place) if name is None else name] = _field(spec)
    return found, columns


def _field(spec: Any) -> Json:  # noqa: ANN401 -- of a stranger's file
    kind = spec["type"]
    if kind == "tensor":
        shape = [None if size == -1 else size for size in spec["tensor-spec"]["shape"]]
        return field(spec["tensor-spec"]["dtype"], tuple(shape))
    depth = 1
    while kind == "array" and depth < 16:
        spec, depth = spec["items"], depth + 1
        kind = spec["type"]
    return field(TYPES.get(kind, kind), (None,) * depth)
