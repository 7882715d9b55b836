"""Changes a root tree at some paths, touching only the folders on the way; and flattens one.

Knows: folders and the rules of a root tree. Refuses to know: files on disk. Implements: spec 5.2.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, PathInTwoIngredients
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.hashing import TREE, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import FOLDER, IS_TREE, Entry, build_tree, nodes_of, path_in, read_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mvcs.objects.tree import Load

GENERATED = b".mvcs"
"""Folder of an ingredient that capture fills; never written out."""
_FORBIDDEN_PARTS = {b".git", b".mvcs"}

MAX_FOLDERS = 400
"""Folders on the way to a file; each takes a frame of the stack, and hostile trees have thousands."""
MAX_PATH = 4096
"""Bytes of a folder's path; what Linux lets a path have."""
MAX_REPEATED = 64 << 20
"""Bytes of paths and entries in folders that the same walk has read before: half a million files in equal folders."""
ENTRY_BYTES = 64

Change = dict[bytes, Entry | None]
"""Full path in the root tree (ingredient first) to the new entry, None to remove it."""


class Edited(Record):
    """A changed tree.

    Args:
        oid: Root of the new tree; None if nothing is left.
        size: Bytes below it.
        nodes: (oid, payload) of nodes that may be new, children first.
    """

    __slots__ = ("nodes", "oid", "size")

    def __init__(self, oid: Oid | None, size: int, nodes: list[tuple[Oid, bytes]]) -> None:
        self.oid = oid
        self.size = size
        self.nodes = nodes


def edit_tree(load: Load, root: Oid | None, changes: Mapping[bytes, Entry | None]) -> Edited:
    """Returns a tree with some paths changed; folders that become empty go.

    Args:
        load: Returns the payload of a tree node.
        root: The tree to change; None for an empty one.
        changes: Path to entry, whose name is set to the path's last part; None removes the path.
    """
    nodes: list[tuple[Oid, bytes]] = []
    oid, size = _edit(load, root, changes, nodes)
    return Edited(oid, size, nodes)


def _edit(
    load: Load, root: Oid | None, changes: Mapping[bytes, Entry | None], nodes: list[tuple[Oid, bytes]]
) -> tuple[Oid | None, int]:
    entries = {entry.name: entry for entry in read_tree(load, root)} if root is not None else {}
    below: dict[bytes, dict[bytes, Entry | None]] = {}
    for path, entry in changes.items():
        name, slash, rest = path.partition(b"/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        elif entry is None:
            entries.pop(name, None)
        else:
            entries[name] = Entry(name, entry.mode, entry.kind, entry.oid, entry.size)
    for name, inner in below.items():
        there = entries.get(name)
        if there is not None and there.kind != IS_TREE:
            if all(entry is None for entry in inner.values()):
                continue
            there = None  # a folder takes a file's place
        oid, size = _edit(load, None if there is None else there.oid, inner, nodes)
        if oid is None:
            entries.pop(name, None)
        else:
            entries[name] = Entry(name, FOLDER, IS_TREE, oid, size)
    if not entries:
        return None, 0
    made = build_tree(entries.values())
    nodes.extend(made)
    return made[-1][0], sum(entry.size for entry in entries.values())


class Placed(Record):
    """A file of a root tree.

    Args:
        ingredient: Which one it belongs to.
        entry: Its entry.
    """

    __slots__ = ("entry", "ingredient")

    def __init__(self, ingredient: str, entry: Entry) -> None:
        self.ingredient = ingredient
        self.entry = entry

    def same(self, other: Placed | None) -> bool:
        """Whether both are the same content in the same ingredient."""
        return other is not None and self.ingredient == other.ingredient and self.entry.same_content(other.entry)


def ingredient_trees(load: Load, root: Oid | None) -> dict[str, Oid]:
    """Returns the tree of each ingredient that a root tree has.

    Raises:
        InvalidObject: If the root has anything else.
    """
    found: dict[str, Oid] = {}
    for entry in read_tree(load, root) if root is not None else []:
        name = entry.name.decode("utf-8", "surrogateescape")
        if name not in INGREDIENTS or entry.kind != IS_TREE:
            raise InvalidObject(kind=TREE, reason=f"a root tree with {name!r}")
        found[name] = entry.oid
    return found


def too_deep(path: bytes) -> str | None:
    """Returns why a path, below its ingredient, is deeper than a tree may be, or None."""
    if path.count(b"/") > MAX_FOLDERS:
        return f"more than {MAX_FOLDERS} folders deep"
    if path.rfind(b"/") >= MAX_PATH:
        return f"folders of more than {MAX_PATH} bytes on the way"
    return None


class Bound:
    """Keeps a walk over a tree from growing without limit: the same folder named twice, level after level, is small to
    store and endless to walk. What is read for the first time costs its writer as much as its reader.
    """

    __slots__ = ("_left", "_seen")

    def __init__(self) -> None:
        self._left = MAX_REPEATED
        self._seen: set[Oid] = set()

    def read(self, load: Load, tree: Oid, path: bytes) -> list[Entry]:
        """Returns the entries of the folder at a path, which ends with a slash or is empty.

        Raises:
            InvalidObject: If it is too deep, or too much has been read again and again.
        """
        problem = too_deep(path)
        if problem is not None:
            raise InvalidObject(kind=TREE, reason=problem)
        entries = read_tree(load, tree)
        if tree in self._seen:
            self._left -= (len(entries) + 1) * (len(path) + ENTRY_BYTES)
            if self._left < 0:
                raise InvalidObject(kind=TREE, reason="it names the same folders again and again, without end")
        self._seen.add(tree)
        return entries


def files_below(
    load: Load, tree: Oid, prefix: bytes = b"", bound: Bound | None = None
) -> Iterator[tuple[bytes, Entry]]:
    """Yields (path, entry) of all that is no folder below a tree, in order.

    Args:
        load: Returns the payload of a tree node.
        tree: The folder.
        prefix: Its path with a slash, empty for the top.
        bound: Shared by the walks of one tree.

    Raises:
        InvalidObject: If the tree is too deep, or repeats itself without end.
    """
    bound = bound or Bound()
    for entry in bound.read(load, tree, prefix):
        path = prefix + entry.name
        if entry.kind == IS_TREE:
            yield from files_below(load, entry.oid, path + b"/", bound)
        else:
            yield path, entry


def is_generated(path: bytes) -> bool:
    """Whether a path inside an ingredient is one that capture makes."""
    return path.startswith(GENERATED + b"/")


def inner_path(path: bytes) -> bytes:
    """Returns the path of a generated entry inside its ingredient, of any other file the path itself."""
    inside = path.partition(b"/")[2]
    return inside if is_generated(inside) else path


def flatten(load: Load, root: Oid | None) -> dict[bytes, Placed]:
    """Returns the workspace's files of a root tree by path: the union of its ingredients, without generated ones.

    Raises:
        InvalidObject: If a path must not be written out.
        PathInTwoIngredients: If one path, or a file and a folder, belong to two.
    """
    union: dict[bytes, Placed] = {}
    folders: dict[bytes, str] = {}
    bound = Bound()
    for ingredient, tree in ingredient_trees(load, root).items():
        for path, entry in files_below(load, tree, bound=bound):
            if is_generated(path):
                continue
            problem = unsafe_path(path)
            if problem:
                raise InvalidObject(kind=TREE, reason=f"{path!r}: {problem}")
            if path in union:
                raise PathInTwoIngredients(path=_text(path), first=union[path].ingredient, second=ingredient)
            union[path] = Placed(ingredient, entry)
            end = path.rfind(b"/")
            while end > 0 and path[:end] not in folders:
                folders[path[:end]] = ingredient
                end = path.rfind(b"/", 0, end)
    for path, ingredient in folders.items():
        if path in union:
            raise PathInTwoIngredients(path=_text(path), first=union[path].ingredient, second=ingredient)
    return union


def unsafe_path(path: bytes) -> str | None:
    """Returns why a path may not be written into a workspace, or None."""
    for part in path.split(b"/"):
        if part in {b"", b".", b".."}:
            return "an empty part, . or .."
        # Names that file systems without case, or HFS and NTFS tricks, would fold into .git.
        folded = part.lower().rstrip(b" .")
        if folded in _FORBIDDEN_PARTS or folded == b"git~1":
            return f"{part!r} is reserved"
    return None


class Finder:
    """Finds files and folders of one root tree by workspace path, many in a row.

    Args:
        load: Returns the payload of a tree node.
        root: The root tree.
    """

    def __init__(self, load: Load, root: Oid) -> None:
        self._load = load
        self._root = root
        self._tops: dict[str, Oid] | None = None
        self._node_of = nodes_of(load)

    def __call__(self, path: bytes) -> Placed | None:
        """Returns the file or folder at a path."""
        if self._tops is None:
            self._tops = ingredient_trees(self._load, self._root)
        for ingredient, tree in self._tops.items():
            entry = path_in(self._node_of, tree, path)
            if entry is not None:
                return Placed(ingredient, entry)
        return None


def find_file(load: Load, root: Oid, path: bytes) -> Placed | None:
    """Returns the file or folder at a workspace path of a root tree; for several paths keep a `Finder`."""
    return Finder(load, root)(path)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
