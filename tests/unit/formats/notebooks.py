"""Small notebooks, written as Jupyter writes them."""

from __future__ import annotations

import json

from mvcs.formats.content import Bytes


def cell(name: str | None, source: str, kind: str = "code", *, count: int | None = None, output: str = "", **metadata) -> dict:
    """Returns a cell; without an id if the name is None."""
    made: dict = {"cell_type": kind, "metadata": metadata, "source": source.splitlines(keepends=True)}
    if name is not None:
        made["id"] = name
    if kind == "code":
        made["execution_count"] = count
        made["outputs"] = [{"name": "stdout", "output_type": "stream", "text": [output]}] if output else []
    return made


def notebook(*cells: dict, minor: int = 5, **metadata) -> Bytes:
    """Returns a notebook's bytes."""
    document = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": minor}
    return Bytes((json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode())
