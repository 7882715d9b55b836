"""One list of rows has one tree: every other shape over the same rows is refused."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidObject
from mvcs.objects import prolly
from mvcs.objects.codec import encode
from mvcs.objects.hashing import Oid, object_oid
from mvcs.objects.prolly import BOUNDARY, LEAST, MOST, ONE_NODE

KIND = "tree"
ARITY = 3
"""Rows here are (key, number, size)."""


def rows(count: int, start: int = 0) -> list[list]:
    return [[b"%08d" % i, i, 1] for i in range(start, start + count)]


def as_built(leaf_rows: list[list]) -> list[tuple[Oid, bytes]]:
    return prolly.build(KIND, [(row[0], tuple(row[1:]), 1, row[-1]) for row in leaf_rows])


class Forge:
    """Writes nodes of any shape."""

    def __init__(self):
        self.payloads: dict[bytes, bytes] = {}

    def node(self, level: int, node_rows: list) -> bytes:
        payload = encode((KIND, 1, level, node_rows))
        oid = object_oid(KIND, payload)
        self.payloads[oid] = payload
        return oid

    def child(self, level: int, node_rows: list, count: int | None = None, size: int | None = None, key: bytes | None = None):
        """Returns the row of a parent for a new node."""
        oid = self.node(level, node_rows)
        below = len(node_rows) if level == 0 else sum(row[2] for row in node_rows)
        return [
            node_rows[-1][0] if key is None else key, oid, below if count is None else count,
            sum(row[-1] for row in node_rows) if size is None else size,
        ]

    def read(self, root: bytes) -> list:
        return list(prolly.walk(KIND, self.payloads.__getitem__, root, ARITY))


@pytest.fixture
def forge():
    return Forge()


def spans(leaf_rows: list[list], level: int = 0) -> list[list[list]]:
    return [leaf_rows[a:b] for a, b in prolly.cut(level, [row[0] for row in leaf_rows])]


def keys_that(ends: bool, count: int, level: int = 0) -> list[bytes]:
    """The first keys whose hash does, or does not, end a node."""
    found, number = [], 0
    while len(found) < count:
        key = b"%08d" % number
        if (prolly.short_hash(level, key) < BOUNDARY) is ends:
            found.append(key)
        number += 1
    return found


def test_the_forged_tree_of_the_right_shape_is_accepted(forge):
    """Otherwise the refusals below would prove nothing."""
    data = rows(1000)
    root = forge.node(1, [forge.child(0, part) for part in spans(data)])
    assert root == as_built(data)[-1][0]
    assert forge.read(root) == data


@pytest.mark.parametrize("count", [0, 1, ONE_NODE, ONE_NODE + 1, 600, 5000])
def test_what_is_built_is_read(forge, count):
    data = rows(count)
    nodes = as_built(data)
    forge.payloads.update(nodes)
    assert forge.read(nodes[-1][0]) == data
    assert len(nodes) == 1 or count > ONE_NODE


def test_up_to_256_rows_are_one_node():
    assert len(as_built(rows(ONE_NODE))) == 1
    assert len(as_built(rows(ONE_NODE + 1))) > 1


def test_rows_that_nothing_cuts_are_nodes_of_512(forge):
    data = [[key, 0, 1] for key in keys_that(False, 3 * MOST + 1)]
    nodes = as_built(data)
    forge.payloads.update(nodes)
    assert forge.read(nodes[-1][0]) == data
    assert [len(part) for part in spans(data)] == [MOST, MOST, MOST, 1]


def test_rows_that_all_cut_are_nodes_of_32():
    data = [[key, 0, 1] for key in keys_that(True, 300)]
    assert {len(part) for part in spans(data)[:-1]} == {LEAST}


def test_between_257_and_512_rows_that_nothing_cuts_are_one_root(forge):
    data = [[key, 0, 1] for key in keys_that(False, 300)]
    (root, payload), = as_built(data)
    forge.payloads[root] = payload
    assert forge.read(root) == data


def test_a_root_with_one_child_is_refused(forge):
    """It would be a second name for the child's rows."""
    data = [[key, 0, 1] for key in keys_that(False, 300)]
    root = forge.node(1, [forge.child(0, data)])
    with pytest.raises(InvalidObject, match="one child"):
        forge.read(root)


def test_a_node_that_should_have_been_cut_is_refused(forge):
    data = rows(400)
    assert len(spans(data)) > 1
    with pytest.raises(InvalidObject, match="should have been cut"):
        forge.read(forge.node(0, data))


def test_a_node_of_more_than_512_rows_is_refused(forge):
    data = [[key, 0, 1] for key in keys_that(False, MOST + 1)]
    with pytest.raises(InvalidObject):
        forge.read(forge.node(0, data))


def test_a_child_that_should_have_been_cut_is_refused(forge):
    """Also where it is so short that as the only node it would be whole."""
    parts = spans(rows(5000))
    short = next(i for i in range(len(parts) - 2) if len(parts[i] + parts[i + 1]) <= ONE_NODE)
    long = next(i for i in range(len(parts) - 2) if ONE_NODE < len(parts[i] + parts[i + 1]) <= MOST)
    for at in (short, long):
        joined = [*parts[:at], parts[at] + parts[at + 1], *parts[at + 2 :]]
        with pytest.raises(InvalidObject, match="cut"):
            forge.read(forge.node(1, [forge.child(0, part) for part in joined]))


def test_a_child_cut_too_early_is_refused(forge):
    first, *others = spans(rows(1000))
    parts = [first[: LEAST + 1], first[LEAST + 1 :], *others]
    with pytest.raises(InvalidObject, match="wrong place"):
        forge.read(forge.node(1, [forge.child(0, part) for part in parts]))


def test_a_child_cut_below_the_least_length_is_refused(forge):
    data = [[key, 0, 1] for key in keys_that(True, 300)]
    parts = [data[:31], *spans(data[31:])]
    with pytest.raises(InvalidObject, match="wrong place"):
        forge.read(forge.node(1, [forge.child(0, part) for part in parts]))


@pytest.mark.parametrize("change", [{"count": 1}, {"size": 0}, {"key": b"99999999"}])
def test_a_parent_that_lies_about_a_child_is_refused(forge, change):
    *others, last = spans(rows(1000))
    children = [*(forge.child(0, part) for part in others), forge.child(0, last, **change)]
    with pytest.raises(InvalidObject):
        forge.read(forge.node(1, children))


def test_a_parent_with_a_negative_or_giant_count_is_refused(forge):
    parts = spans(rows(1000))
    for number in (-1, 2**63):
        for change in ({"count": number}, {"size": number}):
            children = [forge.child(0, parts[0], **change), *(forge.child(0, part) for part in parts[1:])]
            with pytest.raises(InvalidObject, match="counts"):
                forge.read(forge.node(1, children))


def test_a_level_too_many_is_refused(forge):
    """Few children fit one node: a second level over them is another name for the same rows."""
    inner = forge.child(1, [forge.child(0, part) for part in spans(rows(1000))])
    with pytest.raises(InvalidObject):
        forge.read(forge.node(2, [inner]))


def test_a_child_of_the_wrong_level_is_refused(forge):
    parts = spans(rows(1000))
    with pytest.raises(InvalidObject, match="does not fit"):
        forge.read(forge.node(2, [forge.child(0, part) for part in parts]))


def test_rows_that_fit_one_node_are_not_split(forge):
    data = [[key, 0, 1] for key in sorted(keys_that(True, 64))]
    root = forge.node(1, [forge.child(0, data[:32]), forge.child(0, data[32:])])
    with pytest.raises(InvalidObject, match="fits one node"):
        forge.read(root)


def test_an_empty_inner_node_and_an_empty_child_are_refused(forge):
    with pytest.raises(InvalidObject, match="empty"):
        forge.read(forge.node(1, []))
    parts = spans(rows(1000))
    with pytest.raises(InvalidObject):
        forge.read(forge.node(1, [*(forge.child(0, part) for part in parts), [b"zzz", forge.node(0, []), 0, 0]]))


def overlapping(forge, *, twice: bool):
    """Leaves that are each sorted, but begin before the one before them ends."""
    ends = keys_that(True, 12)
    middles = keys_that(False, 3000)
    low, high = [k for k in middles if k < ends[-1]], [k for k in middles if k > ends[-1]]
    first = [[k, 0, 1] for k in sorted([*low[:40], ends[-1]])]
    again = low[0] if twice else low[41]
    second = [[again, 7, 1], *([k, 0, 1] for k in high[:400])]
    return forge.node(1, [forge.child(0, first), forge.child(0, second)]), again


@pytest.mark.parametrize("twice", [True, False])
def test_names_that_overlap_between_nodes_are_refused(forge, twice):
    """Otherwise a name could stand twice, and reading and finding would give different entries."""
    root, _ = overlapping(forge, twice=twice)
    with pytest.raises(InvalidObject, match="across nodes"):
        forge.read(root)


def test_names_that_overlap_between_inner_nodes_are_refused(forge):
    """The first leaf below the second inner node begins before the last leaf below the first one ends."""
    data = rows(60_000)
    leaves = spans(data)
    level1 = [forge.child(0, part) for part in leaves]
    (a, b), *others = list(prolly.cut(1, [row[0] for row in level1]))
    assert others, "the data must give two inner nodes"
    head, tail = leaves[b][:1], leaves[b][1:]
    intruder = [[data[0][0] + b"!", 0, 1], *head[1:], *tail]
    level1[b] = forge.child(0, intruder)
    tops = [forge.child(1, level1[start:end]) for start, end in [(a, b), *others]]
    with pytest.raises(InvalidObject, match="across nodes"):
        forge.read(forge.node(2, tops))


def test_finding_reads_one_node_per_level(forge):
    data = rows(60_000)
    nodes = as_built(data)
    forge.payloads.update(nodes)
    read = []

    def node_of(oid):
        read.append(oid)
        return prolly.decode_node(KIND, forge.payloads[oid], ARITY)

    for wanted in (data[0], data[31_337], data[-1]):
        read.clear()
        assert prolly.find(KIND, node_of, nodes[-1][0], wanted[0]) == wanted
        assert len(read) == 3
    for absent in (b"", b"00031337x", b"zzz"):
        assert prolly.find(KIND, node_of, nodes[-1][0], absent) is None


def test_a_root_higher_than_any_legal_tree_is_refused(forge):
    with pytest.raises(InvalidObject):
        forge.read(forge.node(prolly.MAX_LEVEL + 1, [[b"a", bytes(32), 1, 1]]))


def test_children_are_named_by_inner_nodes_only():
    nodes = as_built(rows(1000))
    assert prolly.children(KIND, nodes[-1][1], ARITY) == [oid for oid, _ in nodes[:-1]]
    assert prolly.children(KIND, nodes[0][1], ARITY) == []
