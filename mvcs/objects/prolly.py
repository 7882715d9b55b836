"""Prolly trees: a sorted list of rows as nodes whose cuts depend on the keys alone.

Up to 256 rows are one node. Above that a level is cut after each row whose key's hash is small, at the earliest
after 32 rows and at the latest after 512, and the nodes become the rows of the next level. The shape is a function
of the set of keys, so equal content has one oid and one changed row rewrites one node per level.
Implements: spec 5.2. Idea: Dolt's and Noms' prolly trees.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import itemgetter
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.hashing import Oid, object_oid, short_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mvcs.objects.codec import Value

    Load = Callable[[Oid], bytes]

ONE_NODE = 256
"""Rows up to which a level is a single node."""
LEAST = 32
MOST = 512
BOUNDARY = 2**32 // 96
"""A key ends a node when its hash is below: 32 + 96 = 128 rows on average."""
MAX_NUMBER = 2**63 - 1
MAX_LEVEL = 12
"""32**12 rows: no legal tree is higher."""

Row = tuple[bytes, tuple["Value", ...], int, int]
"""(key, the row's other fields, rows below, bytes below)"""


class Node:
    """A decoded node.

    Attributes:
        level: 0 for leaves.
        rows: Rows as encoded: leaves (key, fields...), inner nodes (last key below, oid, rows, bytes below).
    """

    __slots__ = ("level", "rows")

    def __init__(self, level: int, rows: list[list[Value]]) -> None:
        self.level = level
        self.rows = rows


def cut(level: int, keys: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yields the (start, end) of each node of a level with more than 256 rows."""
    start = 0
    for index, key in enumerate(keys):
        length = index + 1 - start
        if length >= MOST or (length >= LEAST and short_hash(level, key) < BOUNDARY):
            yield start, index + 1
            start = index + 1
    if start < len(keys):
        yield start, len(keys)


def build(kind: str, rows: Sequence[Row]) -> list[tuple[Oid, bytes]]:
    """Builds the nodes over sorted rows with unique keys.

    Returns:
        (oid, payload) of every node, children before parents, the root last.
    """
    made: list[tuple[Oid, bytes]] = []
    level = 0
    while True:
        spans = [(0, len(rows))] if len(rows) <= ONE_NODE else list(cut(level, [row[0] for row in rows]))
        parents: list[Row] = []
        for start, end in spans:
            part = rows[start:end]
            payload = encode((kind, 1, level, [(row[0], *row[1]) for row in part]))
            oid = object_oid(kind, payload)
            made.append((oid, payload))
            count, size = sum(row[2] for row in part), sum(row[3] for row in part)
            if size > MAX_NUMBER:
                raise InvalidObject(kind=kind, reason=f"{size} bytes below one node")
            if part:
                parents.append((part[-1][0], (oid, count, size), count, size))
        if len(spans) == 1:
            return made
        rows, level = parents, level + 1


def decode_node(kind: str, payload: bytes, arity: int) -> Node:
    """Decodes one node and checks everything that it alone can show.

    Args:
        kind: Kind of the tree.
        payload: Encoded node.
        arity: Fields of a leaf row, its key included.

    Raises:
        InvalidObject: If it is not canonical, not sorted, too long, or has a cut inside.
    """
    fields = Fields(kind, decode(kind, payload, 2))
    level, rows = fields.number("level"), fields.array("rows")
    if level > MAX_LEVEL or len(rows) > MOST:
        raise InvalidObject(kind=kind, reason="a node that no set of names gives")
    previous: bytes | None = None
    for row in rows:
        if type(row) is not list or len(row) != (4 if level else arity) or type(row[0]) is not bytes:
            raise InvalidObject(kind=kind, reason="a row of the wrong form")
        if previous is not None and row[0] <= previous:
            raise InvalidObject(kind=kind, reason=f"names not sorted or not unique at {row[0]!r}")
        previous = row[0]
        if level:
            Fields(kind, row[1:2]).oid("child")
            if any(type(number) is not int or not 0 <= number <= MAX_NUMBER for number in row[2:]):
                raise InvalidObject(kind=kind, reason="a child without counts")
    if level and not rows:
        raise InvalidObject(kind=kind, reason="an empty inner node")
    if len(rows) > ONE_NODE and any(
        end != len(rows) for _, end in cut(level, [row[0] for row in rows])  # type: ignore[misc,index]
    ):
        raise InvalidObject(kind=kind, reason="a node that should have been cut")
    return Node(level, rows)  # type: ignore[arg-type]


def _check_ending(kind: str, node: Node, *, last: bool) -> None:
    keys = [row[0] for row in node.rows]
    spans = list(cut(node.level, keys))  # type: ignore[arg-type]
    ends_well = len(spans) == 1 and (
        len(keys) == MOST
        or (len(keys) >= LEAST and short_hash(node.level, keys[-1]) < BOUNDARY)  # type: ignore[arg-type]
    )
    if len(spans) > 1 or not (ends_well or last):
        raise InvalidObject(kind=kind, reason="a node cut in the wrong place")


def walk(kind: str, load: Load, root: Oid, arity: int) -> Iterator[list[Value]]:
    """Yields the leaf rows in order, checking the canonical shape on the way.

    Raises:
        InvalidObject: If the nodes are not those that `build` makes of their rows.
    """
    top = decode_node(kind, load(root), arity)
    if top.level == 0:
        yield from top.rows
        return
    if len(top.rows) == 1:
        raise InvalidObject(kind=kind, reason="a root with one child")
    counts = [0] * (top.level + 1)
    yield from _walk_below(kind, load, top, arity, counts, last=True)
    if any(count <= ONE_NODE for count in counts[: top.level]):
        raise InvalidObject(kind=kind, reason="split although it fits one node")


def _walk_below(
    kind: str, load: Load, node: Node, arity: int, counts: list[int], *, last: bool, after: Value = None
) -> Iterator[list[Value]]:
    counts[node.level] += len(node.rows)
    if node.level == 0:
        yield from node.rows
        return
    for index, row in enumerate(node.rows):
        key, oid, count, size = row
        assert isinstance(oid, bytes)
        child = decode_node(kind, load(Oid(oid)), arity)
        rightmost = last and index == len(node.rows) - 1
        if child.level != node.level - 1 or not child.rows or child.rows[-1][0] != key:
            raise InvalidObject(kind=kind, reason="a child that does not fit its parent")
        if after is not None and child.rows[0][0] <= after:  # type: ignore[operator]
            raise InvalidObject(kind=kind, reason="names not sorted or not unique across nodes")
        _check_ending(kind, child, last=rightmost)
        if child.level:
            below: int = sum(r[2] for r in child.rows)  # type: ignore[misc]
        else:
            below = len(child.rows)
        sizes: int = sum(r[-1] for r in child.rows if type(r[-1]) is int)
        if below != count or sizes != size:
            raise InvalidObject(kind=kind, reason="a child whose counts are not its parent's")
        yield from _walk_below(kind, load, child, arity, counts, last=rightmost, after=after)
        after = key


def find(kind: str, node_of: Callable[[Oid], Node], root: Oid, key: bytes) -> list[Value] | None:
    """Returns the leaf row of a key, reading one node per level; None if it is not there."""
    oid = root
    for _ in range(MAX_LEVEL + 1):
        node = node_of(oid)
        low = bisect_left(node.rows, key, key=itemgetter(0))
        if low == len(node.rows):
            return None
        row = node.rows[low]
        if node.level == 0:
            return row if row[0] == key else None
        assert isinstance(row[1], bytes)
        oid = Oid(row[1])
    raise InvalidObject(kind=kind, reason="higher than any legal tree")


def children(kind: str, payload: bytes, arity: int) -> list[Oid]:
    """Returns the child nodes of an inner node; empty for a leaf."""
    node = decode_node(kind, payload, arity)
    return [Oid(row[1]) for row in node.rows] if node.level else []  # type: ignore[arg-type]
