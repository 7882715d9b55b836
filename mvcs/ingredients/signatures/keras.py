"""Inputs of a Keras 3 model, from config.json of its archive; outputs are known only to who runs it.

Sources: keras/src/saving/saving_lib.py and the configurations of Functional, Sequential and InputLayer of Keras 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.signature import INPUTS, field
from mvcs.ingredients.signatures.archives import read_json_member

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from mvcs.objects.values import Json


def read(file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns `inputs`: the input layers of the model itself, not of models inside it.

    Raises:
        ValueError, LookupError, TypeError: If it is no such archive.
    """
    document = read_json_member(file, size, "config.json")
    layers = [layer for layer in document["config"]["layers"] if layer["class_name"] == "InputLayer"]
    found: dict[str, Json] = {}
    for layer in layers:
        config = layer["config"]
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        found[config["name"]] = field(_dtype(config["dtype"]), tuple(shape))
    return {INPUTS: found}


def _dtype(value: Any) -> str:  # noqa: ANN401 -- of a stranger's file
    """Returns a type that is written as its name or as a policy."""
    return str(value["config"]["name"] if isinstance(value, dict) else value)
