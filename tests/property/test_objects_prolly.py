"""Prolly trees: one shape for one set of keys, small changes for small edits, and finding is reading."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs.objects import prolly
from mvcs.objects.hashing import blob_oid
from mvcs.objects.tree import FILE, IS_BLOB, Entry, build_tree, find_entry, read_tree

KIND = "tree"


def entries_of(count: int, seed: int = 0) -> list[Entry]:
    """Entries with names that look like chance, the same for the same seed."""
    stream = blake3(b"%d" % seed).digest(length=6 * count)
    names = sorted({stream[i * 6 : i * 6 + 6].hex().encode() for i in range(count)})
    return [Entry(name, FILE, IS_BLOB, blob_oid(name), len(name)) for name in names]


@settings(max_examples=12)
@given(st.integers(0, 3000), st.integers(0, 5), st.randoms(use_true_random=False))
def test_what_is_built_is_read_whatever_the_order(count, seed, chance):
    entries = entries_of(count, seed)
    nodes = build_tree(entries)
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert build_tree(shuffled) == nodes
    assert read_tree(dict(nodes).__getitem__, nodes[-1][0]) == entries


@settings(max_examples=12)
@given(st.integers(1, 3000), st.integers(0, 5), st.data())
def test_finding_gives_what_reading_gives(count, seed, data):
    entries = entries_of(count, seed)
    nodes = build_tree(entries)
    load, root = dict(nodes).__getitem__, nodes[-1][0]
    names = {entry.name: entry for entry in read_tree(load, root)}
    for _ in range(20):
        name = data.draw(st.sampled_from(sorted(names)) | st.binary(min_size=1, max_size=13))
        assert find_entry(load, root, name) == names.get(name)


@settings(max_examples=20)
@given(st.integers(0, 12_000), st.integers(0, 2))
def test_nodes_keep_their_limits_and_tell_what_is_below(count, level):
    rows = [(b"%08d" % i, (i,), 1, i) for i in range(count)]
    spans = list(prolly.cut(level, [row[0] for row in rows]))
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert sum(end - start for start, end in spans) == count
    assert all(prolly.LEAST <= end - start <= prolly.MOST for start, end in spans[:-1])
    nodes = dict(prolly.build(KIND, rows))
    top = prolly.decode_node(KIND, list(nodes.values())[-1], 2)
    if top.level:
        assert sum(row[2] for row in top.rows) == count
        assert sum(row[3] for row in top.rows) == sum(range(count))


LARGE = entries_of(20_000)
LARGE_NODES = dict(build_tree(LARGE))


@pytest.mark.parametrize("change", ["content", "insert", "delete", "insert first", "delete last"])
@settings(max_examples=6)
@given(at=st.integers(0, len(LARGE) - 1))
def test_one_change_among_20_000_entries_rewrites_few_nodes(change, at):
    entries = list(LARGE)
    if change == "content":
        entries[at] = Entry(entries[at].name, FILE, IS_BLOB, blob_oid(b"changed"), 7)
    elif change == "insert":
        entries.append(Entry(b"%x" % at + b"-new", FILE, IS_BLOB, blob_oid(b"new"), 3))
    elif change == "insert first":
        entries.append(Entry(b"!", FILE, IS_BLOB, blob_oid(b"new"), 3))
    else:
        del entries[at if change == "delete" else -1]
    new = [payload for oid, payload in build_tree(entries) if oid not in LARGE_NODES]
    assert 2 <= len(new) <= (2 if change == "content" else 8)
    assert sum(map(len, new)) < 150_000


def test_nodes_have_128_rows_on_average():
    assert 110 <= len(LARGE) / (len(LARGE_NODES) - 1) <= 146
