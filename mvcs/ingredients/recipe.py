"""The recipe oid of a root tree: what its weights should be a function of.

Running a notebook changes its bytes and not its sources; so in `code` a notebook stands for its sources.
Implements: spec 5.3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.notebook import LIMIT, cell_sources
from mvcs.objects.commit import recipe_oid
from mvcs.objects.editing import edit_tree, files_below, ingredient_trees
from mvcs.objects.hashing import Oid, blob_oid
from mvcs.objects.tree import IS_BLOB, Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.objects.tree import Load


def recipe_of(load: Load, root: Oid, read_blob: Callable[[Oid], bytes]) -> Oid:
    """Returns the recipe oid of a root tree.

    Args:
        load: Returns the payload of a tree node.
        root: The root tree.
        read_blob: Returns a blob; asked for notebooks only.
    """
    trees: dict[str, Oid | None] = dict(ingredient_trees(load, root))
    code = trees.get("code")
    if code is not None:
        trees["code"] = _by_sources(load, code, read_blob)
    return recipe_oid(trees)


def _by_sources(load: Load, code: Oid, read_blob: Callable[[Oid], bytes]) -> Oid:
    changes: dict[bytes, Entry | None] = {}
    for path, entry in files_below(load, code):
        if path.endswith(b".ipynb") and entry.kind == IS_BLOB and entry.size <= LIMIT:
            sources = cell_sources(read_blob(entry.oid))
            if sources is not None:
                changes[path] = Entry(entry.name, entry.mode, IS_BLOB, blob_oid(sources), len(sources))
    edited = edit_tree(load, code, changes) if changes else None
    return code if edited is None or edited.oid is None else edited.oid
