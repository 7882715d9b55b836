"""The recipe of a tree: code, data, config and environment, a notebook by its sources."""

from __future__ import annotations

import json

import pytest

from mvcs.formats.notebook import cell_sources
from mvcs.ingredients.recipe import recipe_of
from mvcs.objects.editing import edit_tree
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry


def notebook(source: str = "print(1)", *, output: str = "1", count: int = 1, as_list: bool = False, **metadata) -> bytes:
    text = source.splitlines(keepends=True) if as_list else source
    return json.dumps({
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": "# title"},
            {"cell_type": "code", "execution_count": count, "metadata": metadata, "source": text,
             "outputs": [{"output_type": "stream", "name": "stdout", "text": output}]},
        ],
        "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5,
    }).encode()


def recipe(files: dict[str, bytes]) -> bytes:
    blobs = {blob_oid(content): content for content in files.values()}
    edits = {path.encode(): Entry(b"x", FILE, IS_BLOB, blob_oid(content), len(content)) for path, content in files.items()}
    nodes: dict[bytes, bytes] = {}
    edited = edit_tree(nodes.__getitem__, None, edits)
    nodes.update(edited.nodes)
    return recipe_of(nodes.__getitem__, edited.oid, blobs.__getitem__)


BASE = {
    "code/train.py": b"x", "code/explore.ipynb": notebook(), "data/a.csv": b"1", "config/p.yaml": b"lr: 1", "environment/r.txt": b"n",
    "weights/m.pt": b"w", "metrics/m.json": b"{}", "about/README.md": b"r",
}


@pytest.mark.parametrize(("path", "content", "same"), [
    ("weights/m.pt", b"other", True), ("metrics/m.json", b"other", True), ("about/README.md", b"other", True), ("about/new", b"n", True),
    ("code/train.py", b"other", False), ("data/a.csv", b"other", False), ("config/p.yaml", b"lr: 2", False), ("environment/r.txt", b"m", False),
    ("code/new.py", b"n", False), ("config/.mvcs/params", b"{}", False),
    ("code/explore.ipynb", notebook(output="2", count=7, tags=["ran"]), True), ("code/explore.ipynb", notebook(as_list=True), True),
    ("code/explore.ipynb", notebook("print(2)"), False), ("code/explore.ipynb", b"no notebook", False), ("data/explore.ipynb", notebook(output="9"), False),
])
def test_what_changes_the_recipe(path, content, same):
    assert (recipe({**BASE, path: content}) == recipe(BASE)) is same


def test_a_notebook_of_data_counts_by_its_bytes():
    assert recipe({"data/n.ipynb": notebook(output="1")}) != recipe({"data/n.ipynb": notebook(output="2")})


def test_the_same_bytes_as_another_ingredient_are_another_recipe():
    assert recipe({"code/a.py": b"x"}) != recipe({"data/a.py": b"x"})


@pytest.mark.parametrize("content", [
    b"", b"{}", b"[]", b"null", b"{", b'{"cells": 5}', b'{"cells": [{}]}', b'{"cells": [{"cell_type": 1, "source": ""}]}',
    b'{"cells": [{"cell_type": "code", "source": 5}]}', b'{"cells": [{"cell_type": "code", "source": [1]}]}', b"\xff\xfe", b"[" * 100_000,
    b'{"cells": [{"cell_type": "code", "source": "\\ud800"}]}', b'{"cells": ["x"]}', b'{"cells": {"a": 1}}',
])
def test_what_is_no_notebook_counts_by_its_bytes(content):
    assert cell_sources(content) is None


def test_empty_notebooks_are_notebooks():
    assert cell_sources(b'{"cells": []}') == b"[]"
