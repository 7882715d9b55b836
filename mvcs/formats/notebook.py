"""Jupyter notebooks of nbformat 4: what their cells are, and what of them a person wrote.

Knows: cells, sources, ids. Refuses to know: kernels, what a cell does, how JSON is laid out (`notebook_json`).
Sources: nbformat 4 and its JSON schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mvcs.errors import InvalidObject
from mvcs.formats.notebook_json import parse, refused, style_of
from mvcs.objects.values import Json, canonical_json

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.notebook_json import Map, Style

LIMIT = 64 << 20
"""Bytes; a larger notebook counts by its bytes."""
MAX_CELLS = 50_000
RUN_METADATA = ("ExecuteTime", "execution", "papermill")
"""Metadata of a cell that says when and how long it ran: part of its outputs."""
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


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


class Cell:
    """One cell.

    Args:
        raw: As it stands in the notebook.
        name: Its id; None if it has none, one that is no id, or one that another cell has.
    """

    __slots__ = ("kind", "name", "raw", "source")

    def __init__(self, raw: Map, name: str | None) -> None:
        self.raw = raw
        self.name = name
        self.kind: str = raw["cell_type"]
        source = raw["source"]
        self.source: str = source if isinstance(source, str) else "".join(source)

    def content(self) -> Map:
        """Returns what a person wrote of it: all but the id and what a run leaves."""
        made = {key: value for key, value in self.raw.items() if key not in {"id", "outputs", "execution_count"}}
        made["source"] = self.source
        made["metadata"] = {k: v for k, v in self.raw.get("metadata", {}).items() if k not in RUN_METADATA}
        return made


class Notebook:
    """A notebook.

    Args:
        document: The whole.
        style: How it is written.
    """

    __slots__ = ("cells", "document", "style")

    def __init__(self, document: Map, style: Style) -> None:
        self.document = document
        self.style = style
        names = [cell.get("id") for cell in document["cells"]]
        whole = len(set(map(str, names))) == len(names) and all(
            isinstance(name, str) and _ID.fullmatch(name) for name in names
        )
        self.cells = [
            Cell(raw, name if whole else None) for raw, name in zip(document["cells"], names, strict=True)
        ]


def read_notebook(content: Content) -> Notebook:
    """Reads a notebook.

    Raises:
        UnreadableContent: If it is no notebook of nbformat 4, has a key twice, or is larger or deeper than any.
    """
    if content.size > LIMIT:
        raise refused(reason=f"larger than {LIMIT >> 20} MiB")
    try:
        text = content.read().decode()
    except UnicodeDecodeError as error:
        raise refused(reason=f"no UTF-8: {error.reason}") from error
    document = parse(text.lstrip("\ufeff"))
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        major = document.get("nbformat") if isinstance(document, dict) else None
        raise refused(reason=f"nbformat {major}" if isinstance(major, int) else "no cells")
    if document.get("nbformat") != 4 or type(document.get("nbformat_minor", 0)) is not int:
        raise refused(reason=f"nbformat {document.get('nbformat')!r}")
    if len(document["cells"]) > MAX_CELLS:
        raise refused(reason=f"more than {MAX_CELLS} cells")
    for number, cell in enumerate(document["cells"], 1):
        _check_cell(cell, number)
    if not isinstance(document.get("metadata", {}), dict):
        raise refused(reason="metadata is no map")
    return Notebook(document, style_of(text, document))


def _check_cell(cell: Any, number: int) -> None:  # noqa: ANN401 -- anything that JSON holds
    if not isinstance(cell, dict):
        raise refused(reason=f"cell {number} is no map")
    source = cell.get("source")
    if not isinstance(cell.get("cell_type"), str):
        raise refused(reason=f"cell {number} has no type")
    if not isinstance(source, str) and not (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    ):
        raise refused(reason=f"cell {number} has no source")
    if not isinstance(cell.get("metadata", {}), dict):
        raise refused(reason=f"the metadata of cell {number} is no map")


def source_like(text: str, like: Any) -> str | list[str]:  # noqa: ANN401 -- a source as it stands in a cell
    """Returns a source as a list of lines or as a string, whichever another one is; lines as nbformat cuts them."""
    return text if isinstance(like, str) else text.splitlines(keepends=True)
