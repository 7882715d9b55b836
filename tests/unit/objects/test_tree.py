"""Folders: which entries are legal, how one is found, what a node names."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidObject
from mvcs.objects.codec import encode
from mvcs.objects.hashing import TREE, Oid, blob_oid, object_oid
from mvcs.objects.tree import (
    EXECUTABLE,
    FILE,
    FOLDER,
    IS_BLOB,
    IS_LINK,
    IS_REFERENCE,
    IS_TREE,
    MAX_NAME,
    SYMLINK,
    Entry,
    build_tree,
    find_entry,
    find_path,
    name_problem,
    read_tree,
    references,
)

A = Oid(bytes(range(32)))


def entry(name: bytes = b"a", mode: int = FILE, kind: int = IS_BLOB, oid: Oid = A, size: int = 1) -> Entry:
    return Entry(name, mode, kind, oid, size)


def saved(*trees):
    """Returns the load function over the nodes of some trees."""
    payloads = {oid: payload for nodes in trees for oid, payload in nodes}
    return payloads.__getitem__


def leaf(*rows) -> tuple[Oid, bytes]:
    payload = encode((TREE, 1, 0, list(rows)))
    return object_oid(TREE, payload), payload


ILLEGAL_NAMES = {
    "empty": b"", "here": b".", "above": b"..", "slash": b"a/b", "NUL": b"a\0b", "only a slash": b"/",
    "256 bytes": b"x" * (MAX_NAME + 1),
}
LEGAL_NAMES = [b"a", b" ", b"...", b"\xff\xfe", b"-rf", "Übung".encode(), b"\n", b"x" * MAX_NAME, b"CON"]


@pytest.mark.parametrize("name", ILLEGAL_NAMES.values(), ids=ILLEGAL_NAMES.keys())
def test_an_illegal_name_is_neither_built_nor_read(name):
    assert name_problem(name)
    with pytest.raises(InvalidObject):
        build_tree([entry(name)])
    oid, payload = leaf([name, FILE, IS_BLOB, A, 1])
    with pytest.raises(InvalidObject):
        read_tree(saved([(oid, payload)]), oid)
    with pytest.raises(InvalidObject):
        references(payload)


@pytest.mark.parametrize("name", LEGAL_NAMES)
def test_any_other_bytes_are_a_name(name):
    nodes = build_tree([entry(name)])
    assert read_tree(saved(nodes), nodes[-1][0]) == [entry(name)]


@pytest.mark.parametrize("kind", [0, IS_BLOB, IS_TREE, IS_REFERENCE, IS_LINK, 5])
@pytest.mark.parametrize("mode", [0, FILE, EXECUTABLE, SYMLINK, FOLDER, 0o100600])
def test_each_kind_has_its_modes(kind, mode):
    legal = mode in {
        IS_BLOB: {FILE, EXECUTABLE, SYMLINK}, IS_TREE: {FOLDER}, IS_REFERENCE: {FILE, EXECUTABLE}, IS_LINK: {FOLDER},
    }.get(kind, set())
    oid, payload = leaf([b"a", mode, kind, A, 1])
    if legal:
        assert build_tree([entry(mode=mode, kind=kind)]) == [(oid, payload)]
        assert read_tree(saved([(oid, payload)]), oid) == [entry(mode=mode, kind=kind)]
    else:
        with pytest.raises(InvalidObject):
            build_tree([entry(mode=mode, kind=kind)])
        with pytest.raises(InvalidObject):
            read_tree(saved([(oid, payload)]), oid)


@pytest.mark.parametrize(
    "rows",
    [
        [[b"b", FILE, IS_BLOB, A, 1], [b"a", FILE, IS_BLOB, A, 1]],
        [[b"a", FILE, IS_BLOB, A, 1], [b"a", FILE, IS_BLOB, A, 1]],
        [[b"a", FILE, IS_BLOB, A]],
        [[b"a", FILE, IS_BLOB, A, 1, 1]],
        [["a", FILE, IS_BLOB, A, 1]],
        [[b"a", FILE, IS_BLOB, A[:31], 1]],
        [[b"a", FILE, IS_BLOB, A, -1]],
        [[b"a", FILE, IS_BLOB, A, 2**63]],
        [[b"a", None, IS_BLOB, A, 1]],
        [b"a"],
    ],
    ids=[
        "not sorted", "twice", "too short", "too long", "a name as text", "a short oid", "a negative size", "a giant size",
        "no mode", "no row",
    ],
)
def test_a_row_of_the_wrong_form_is_refused(rows):
    oid, payload = leaf(*rows)
    with pytest.raises(InvalidObject):
        read_tree(saved([(oid, payload)]), oid)


def test_double_names_and_impossible_sizes_are_not_built():
    with pytest.raises(InvalidObject, match="twice"):
        build_tree([entry(), entry(size=2)])
    for size in (-1, 2**63):
        with pytest.raises(InvalidObject, match="size"):
            build_tree([entry(size=size)])
    with pytest.raises(InvalidObject):
        build_tree([entry(b"%d" % i, kind=IS_REFERENCE, size=2**62) for i in range(2)])


def test_an_entry_is_found_by_its_path():
    inner = build_tree([entry(b"leaf")])
    outer = build_tree([entry(b"folder", FOLDER, IS_TREE, inner[-1][0], 1), entry(b"file")])
    load, root = saved(inner, outer), outer[-1][0]
    assert find_path(load, root, b"folder/leaf") == entry(b"leaf")
    assert find_path(load, root, b"file") == entry(b"file")
    assert find_path(load, root, b"").oid == root
    for path in (b"leaf", b"file/leaf", b"folder/none", b"folder//leaf", b"/file", b"folder/leaf/"):
        assert find_path(load, root, path) is None
    assert find_entry(load, root, b"fil") is None


def test_a_node_names_its_blobs_folders_and_children():
    inner = build_tree([entry(b"leaf")])
    assert references(build_tree([
        entry(b"a"), entry(b"b", FOLDER, IS_TREE, inner[-1][0]), entry(b"c", FILE, IS_REFERENCE, blob_oid(b"c")),
        entry(b"d", FOLDER, IS_LINK, blob_oid(b"d")),
    ])[-1][1]) == [("blob", A), ("tree", inner[-1][0]), ("blob", blob_oid(b"c")), ("blob", blob_oid(b"d"))]
    large = build_tree([entry(b"%04d" % i) for i in range(1000)])
    assert references(large[-1][1]) == [("tree", oid) for oid, _ in large[:-1]]


def test_content_is_compared_without_the_name():
    assert entry(b"a").same_content(entry(b"b", size=9))
    assert not entry().same_content(entry(mode=EXECUTABLE))
    assert not entry().same_content(entry(kind=IS_REFERENCE))
    assert not entry().same_content(entry(oid=blob_oid(b"")))
    assert not entry().same_content(None)
