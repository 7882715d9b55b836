"""What changes of files mean for the weights: a new name, or less of them, is no training."""

from __future__ import annotations

import pytest

from mvcs.diff.trees import FileChange
from mvcs.diff.weights import nothing_new, renamed_weights, same_weights
from mvcs.objects.editing import Placed, edit_tree
from mvcs.objects.hashing import Oid, blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry


def at(state: str | None) -> Placed | None:
    """Ingredient and content."""
    if state is None:
        return None
    ingredient, content = state.split()
    return Placed(ingredient, Entry(b"x", FILE, IS_BLOB, blob_oid(content.encode()), len(content)))


def root_of(files: dict[bytes, Placed | None], nodes: dict[Oid, bytes]) -> Oid | None:
    """The root tree that has files, None without any; its nodes are added to those."""
    edits = {
        path if b"/.mvcs/" in path else placed.ingredient.encode() + b"/" + path: placed.entry
        for path, placed in files.items() if placed is not None
    }
    edited = edit_tree(nodes.__getitem__, None, edits)
    nodes.update(edited.nodes)
    return edited.oid


# what was done, path to (before, after), whether nothing is new, whether the weights are the same
TABLE = [
    ("nothing", {}, True, True),
    ("other ingredients", {"a": ("data 1", "data 2"), "b": (None, "code 3")}, True, True),
    ("trained", {"a": ("weights 1", "weights 2")}, False, False),
    ("added", {"a": (None, "weights 1")}, False, False),
    ("renamed", {"a": ("weights 1", None), "b": (None, "weights 1")}, True, True),
    ("renamed and trained", {"a": ("weights 1", None), "b": (None, "weights 2")}, False, False),
    ("one of two renamed", {"a": ("weights 1", None), "b": (None, "weights 1"), "c": ("weights 2", None)}, True, False),
    ("copied", {"a": ("weights 1", "weights 1"), "b": (None, "weights 1")}, True, False),
    ("taken out", {"a": ("weights 1", None)}, True, False),
    ("names changed places", {"a": ("weights 1", "weights 2"), "b": ("weights 2", "weights 1")}, True, False),
    ("moved to the data", {"a": ("weights 1", "data 1")}, True, False),
    ("moved to the data under another name", {"a": ("weights 1", None), "b": (None, "data 1")}, True, False),
    ("moved from the data", {"a": ("data 1", "weights 1")}, False, False),
    ("moved from the data under another name", {"a": ("data 1", None), "b": (None, "weights 1")}, False, False),
    ("declared anew", {"weights/.mvcs/signature": ("weights 1", "weights 2")}, True, True),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_each_thing_that_can_be_done_to_weights(row):
    _, states, new, same = row
    paths = {path.encode(): (at(before), at(after)) for path, (before, after) in states.items()}
    changes = [FileChange(path, *sides) for path, sides in paths.items() if sides[0] is None or not sides[0].same(sides[1])]
    nodes: dict[Oid, bytes] = {}
    roots = [root_of({path: sides[index] for path, sides in paths.items()}, nodes) for index in (0, 1)]
    assert (nothing_new(nodes.__getitem__, *roots), same_weights(changes)) == (new, same)


def test_the_names_are_told():
    changes = [FileChange(b"a", at("weights 1"), None), FileChange(b"b", None, at("weights 1"))]
    assert renamed_weights(changes) == {b"a": b"b"}
