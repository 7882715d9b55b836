"""A signature that whoever wrote a safetensors file put into its metadata, under the key `signature`.

Sources: the format's description at github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mvcs.formats.signature import FEATURES, FIELDS, declared_field

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from mvcs.objects.values import Json

LIMIT = 4 << 20


def read(file: BinaryIO, size: int) -> dict[str, Json]:
    """Returns the signature; its fields are as in the generated entry, or text such as `float32[?,10]`.

    Raises:
        ValueError, LookupError, TypeError: If there is none.
    """
    length = int.from_bytes(file.read(8), "little")
    if length > min(LIMIT, size - 8):
        raise ValueError("too long a header")  # noqa: EM101 -- the caller asks only whether it can be read
    said: Any = json.loads(json.loads(file.read(length))["__metadata__"]["signature"])
    found: dict[str, Json] = {FEATURES: said.get(FEATURES)}
    for part in FIELDS:
        found[part] = {name: declared_field(value) or value for name, value in said.get(part, {}).items()}
    return found
