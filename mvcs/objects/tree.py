"""Trees: sorted entries (name, mode, kind, oid, size), one folder each.

Knows: the entry kinds, which names are legal, how a folder becomes nodes. Refuses to know: ingredients, files on
disk. Implements: spec 5.2.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects import prolly
from mvcs.objects.codec import Fields
from mvcs.objects.hashing import TREE, Oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.objects.codec import Value

    Load = Callable[[Oid], bytes]
    NodeOf = Callable[[Oid], prolly.Node]

# Kinds of entries.
IS_BLOB = 1
IS_TREE = 2
IS_REFERENCE = 3
IS_LINK = 4
ENTRY_KINDS = {IS_BLOB: "blob", IS_TREE: "tree", IS_REFERENCE: "reference", IS_LINK: "link"}

# Modes, with Git's numbers.
FILE = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
FOLDER = 0o040000
MODES_OF = {
    IS_BLOB: (FILE, EXECUTABLE, SYMLINK), IS_TREE: (FOLDER,), IS_REFERENCE: (FILE, EXECUTABLE), IS_LINK: (FOLDER,),
}

MAX_NAME = 255
"""Bytes; the limit of every file system in use."""

KEPT = 256
"""Decoded nodes that are kept for lookups in a row: 33,000 entries, or about 15 MB."""
_ARITY = 5


class Entry(Record):
    """One name in a folder.

    Args:
        name: One path component, any bytes but NUL and slash.
        mode: FILE, EXECUTABLE, SYMLINK or FOLDER.
        kind: IS_BLOB, IS_TREE, IS_REFERENCE or IS_LINK.
        oid: What the name stands for; for a reference or a link a blob that describes it.
        size: Bytes: of a file its content, of a folder all that is below, of a reference what it names.
    """

    __slots__ = ("kind", "mode", "name", "oid", "size")

    def __init__(self, name: bytes, mode: int, kind: int, oid: Oid, size: int) -> None:
        self.name = name
        self.mode = mode
        self.kind = kind
        self.oid = oid
        self.size = size

    def same_content(self, other: Entry | None) -> bool:
        """Whether both stand for the same thing, whatever their names."""
        return (
            other is not None and self.oid == other.oid and self.mode == other.mode and self.kind == other.kind
        )


def name_problem(name: bytes) -> str | None:
    """Returns why a path component may not be in a tree, or None."""
    if not name or name in {b".", b".."}:
        return "an empty name, . or .."
    if b"/" in name or b"\0" in name:
        return "a name with a slash or a NUL"
    if len(name) > MAX_NAME:
        return f"a name of more than {MAX_NAME} bytes"
    return None


def build_tree(entries: Iterable[Entry]) -> list[tuple[Oid, bytes]]:
    """Builds the nodes of a folder.

    Returns:
        (oid, payload) of every node, the root last.

    Raises:
        InvalidObject: If names are illegal or double.
    """
    ordered = sorted(entries, key=lambda entry: entry.name)
    for index, entry in enumerate(ordered):
        problem = _entry_problem(entry)
        if problem is None and index and ordered[index - 1].name == entry.name:
            problem = f"{entry.name!r} twice"
        if problem is not None:
            raise InvalidObject(kind=TREE, reason=problem)
    rows: list[prolly.Row] = [
        (entry.name, (entry.mode, entry.kind, entry.oid, entry.size), 1, entry.size) for entry in ordered
    ]
    return prolly.build(TREE, rows)


def _entry_problem(entry: Entry) -> str | None:
    problem = name_problem(entry.name)
    if problem is not None:
        return f"{entry.name!r}: {problem}"
    if entry.mode not in MODES_OF.get(entry.kind, ()):
        return f"{entry.name!r}: mode {entry.mode:o} with kind {entry.kind}"
    if entry.size < 0 or entry.size >= 1 << 63:
        return f"{entry.name!r}: size {entry.size}"
    return None


def _entry(row: list[Value]) -> Entry:
    fields = Fields(TREE, row)
    entry = Entry(
        fields.raw("name"), fields.number("mode"), fields.number("kind"), Oid(fields.oid("oid")), fields.number("size")
    )
    problem = _entry_problem(entry)
    if problem is not None:
        raise InvalidObject(kind=TREE, reason=problem)
    return entry


def read_tree(load: Load, root: Oid) -> list[Entry]:
    """Reads a folder, checking its canonical shape.

    Args:
        load: Returns the payload of a tree node.
        root: Oid of the folder.

    Raises:
        InvalidObject: If a node is not legal.
    """
    return [_entry(row) for row in prolly.walk(TREE, load, root, _ARITY)]


def nodes_of(load: Load) -> NodeOf:
    """Returns what gives decoded nodes; it keeps the last ones, for who looks up one path after the other."""

    @lru_cache(KEPT)
    def node_of(oid: Oid) -> prolly.Node:
        return prolly.decode_node(TREE, load(oid), _ARITY)

    return node_of


def find_entry(load: Load, root: Oid, name: bytes) -> Entry | None:
    """Returns one entry of a folder, reading one node per level."""
    return _entry_in(nodes_of(load), root, name)


def find_path(load: Load, root: Oid, path: bytes) -> Entry | None:
    """Returns the entry at a path of folders; the root itself for an empty path."""
    return path_in(nodes_of(load), root, path)


def path_in(node_of: NodeOf, root: Oid, path: bytes) -> Entry | None:
    """Returns what `find_path` does, by nodes that the caller keeps."""
    entry: Entry | None = Entry(b"", FOLDER, IS_TREE, root, 0)
    for part in path.split(b"/") if path else []:
        if entry is None or entry.kind != IS_TREE:
            return None
        entry = _entry_in(node_of, entry.oid, part)
    return entry


def _entry_in(node_of: NodeOf, root: Oid, name: bytes) -> Entry | None:
    row = prolly.find(TREE, node_of, root, name)
    return None if row is None else _entry(row)


def read_node(payload: bytes) -> tuple[list[Oid], list[Entry]]:
    """Returns what one tree node has: its child nodes if it is an inner one, else its entries."""
    node = prolly.decode_node(TREE, payload, _ARITY)
    if node.level:
        return [Oid(row[1]) for row in node.rows], []  # type: ignore[arg-type]
    return [], [_entry(row) for row in node.rows]


def references(payload: bytes) -> list[tuple[str, Oid]]:
    """Returns (kind, oid) of all that one tree node names: its child nodes, folders and blobs."""
    nodes, entries = read_node(payload)
    found = [(TREE, oid) for oid in nodes]
    return found + [(TREE if entry.kind == IS_TREE else "blob", entry.oid) for entry in entries]
