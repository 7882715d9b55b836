"""Notebooks as the recipe sees them: their cells' sources, without outputs, counts and metadata."""

from __future__ import annotations

from mvcs.errors import InvalidObject
from mvcs.objects.values import Json, canonical_json

LIMIT = 64 << 20
"""Bytes; a larger notebook counts by its bytes."""


def cell_sources(content: bytes) -> bytes | None:
    """Returns canonical JSON of [cell type, source] per cell; None if the bytes are no notebook.

    Sources: nbformat 4, where a source is a string or a list of strings to be joined.
    """
    import json

    try:
        notebook = json.loads(content)
        cells: list[Json] = []
        for cell in notebook["cells"]:
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            kind = cell["cell_type"]
            if not isinstance(kind, str):
                return None
            cells.append([kind, text])
        return canonical_json(cells)
    except (ValueError, KeyError, TypeError, RecursionError, InvalidObject):
        return None
