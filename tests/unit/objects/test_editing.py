"""Files of a root tree: many looked up in a row."""

from __future__ import annotations

from mvcs.objects.editing import Finder, edit_tree, find_file
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, IS_TREE, Entry

NAMES = [b"%04d.jpg" % number for number in range(1000)]


def root_tree():
    """Returns (oid, payloads) of a root tree with many files in one folder of data, and one file of code."""
    changes = {
        b"data/data/images/" + name: Entry(name, FILE, IS_BLOB, blob_oid(name), len(name)) for name in NAMES
    }
    changes[b"code/src/a.py"] = Entry(b"a.py", FILE, IS_BLOB, blob_oid(b"a"), 1)
    made = edit_tree({}.__getitem__, None, changes)
    return made.oid, dict(made.nodes)


def test_a_finder_finds_what_single_lookups_find():
    oid, payloads = root_tree()
    find = Finder(payloads.__getitem__, oid)
    wanted = [b"data/images/" + name for name in NAMES]
    absent = [b"data/images/x", b"data/images/0001.jpg/x", b"src", b"src/b.py", b"nowhere"]
    for path in [*wanted, *absent, b"src/a.py", b"data/images"]:
        assert find(path) == find_file(payloads.__getitem__, oid, path)
    assert find(b"src/a.py").ingredient == "code"
    assert find(b"data/images").entry.kind == IS_TREE
    assert find(b"data/images/x") is None


def test_a_finder_reads_each_node_once():
    oid, payloads = root_tree()
    read = []

    def load(node):
        read.append(node)
        return payloads[node]

    find = Finder(load, oid)
    assert read == []  # nothing is read before a path is asked for
    for name in NAMES:
        assert find(b"data/images/" + name).entry.name == name
    assert len(read) <= len(payloads) + 1  # the root is read for its ingredients too
