"""What changes of files mean for the weights: a new name, or less of them, is no training."""

from __future__ import annotations

import pytest

from mvcs.diff.trees import FileChange
from mvcs.diff.weights import nothing_new, renamed_weights, same_weights
from mvcs.objects.editing import Placed
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry


def at(state: str | None) -> Placed | None:
    """Ingredient and content."""
    if state is None:
        return None
    ingredient, content = state.split()
    return Placed(ingredient, Entry(b"x", FILE, IS_BLOB, blob_oid(content.encode()), len(content)))


# what was done, path to (before, after), whether nothing is new, whether the weights are the same
TABLE = [
    ("nothing", {}, True, True),
    ("other ingredients", {"a": ("data 1", "data 2"), "b": (None, "code 3")}, True, True),
    ("trained", {"a": ("weights 1", "weights 2")}, False, False),
    ("added", {"a": (None, "weights 1")}, False, False),
    ("renamed", {"a": ("weights 1", None), "b": (None, "weights 1")}, True, True),
    ("renamed and trained", {"a": ("weights 1", None), "b": (None, "weights 2")}, False, False),
    ("one of two renamed", {"a": ("weights 1", None), "b": (None, "weights 1"), "c": ("weights 2", None)}, True, False),
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
    changes = [FileChange(path.encode(), at(before), at(after)) for path, (before, after) in states.items()]
    assert (nothing_new(changes), same_weights(changes)) == (new, same)


def test_the_names_are_told():
    changes = [FileChange(b"a", at("weights 1"), None), FileChange(b"b", None, at("weights 1"))]
    assert renamed_weights(changes) == {b"a": b"b"}
