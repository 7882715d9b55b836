"""Feature names of an estimator that skops saved, from schema.json of its archive.

Sources: skops/io/_general.py, _numpy.py and _sklearn.py of skops 0.9 to 0.16: nodes with `__class__`, `__loader__`
and `content`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mvcs.formats.signature import COUNT, FEATURES
from mvcs.ingredients.signatures.archives import read_json_member

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from mvcs.objects.values import Json


def read(file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns `features`, or `feature_count` where there are no names.

    Raises:
        ValueError, LookupError, TypeError: If it is no such archive.
    """
    node = read_json_member(file, size, "schema.json")
    for _ in range(8):  # a pipeline has the features of its first step
        if node["__class__"] != "Pipeline":
            break
        steps = _attributes(node)["steps"]["content"]
        node = steps[0]["content"][1]
    attributes = _attributes(node)
    names, count = attributes.get("feature_names_in_"), attributes.get("n_features_in_")
    found: dict[str, Json] = {}
    if names is not None:
        if names["__class__"] != "ndarray" or names["type"] != "json":
            raise ValueError("names of another form")  # noqa: EM101 -- the caller asks only whether it can be read
        found[FEATURES] = [_text(item) for item in names["content"]]
    elif count is not None:
        found[COUNT] = int(json.loads(count["content"]))
    return found


def _attributes(node: Any) -> Any:  # noqa: ANN401 -- of a stranger's file
    return node["content"]["content"]


def _text(node: Any) -> str:  # noqa: ANN401 -- of a stranger's file
    text = json.loads(node["content"])
    if node["__class__"] != "str" or not isinstance(text, str):
        raise ValueError("no text")  # noqa: EM101 -- as above
    return text
