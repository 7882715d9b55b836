"""From changes of files to a new root tree, and what it says of weights and recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.ingredients.recipe import recipe_of
from mvcs.objects.editing import GENERATED, Placed, edit_tree, files_below, find_file, ingredient_trees
from mvcs.objects.hashing import TREE, Oid
from mvcs.objects.tree import IS_TREE, find_entry, find_path
from mvcs.repo.changes import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.diff.trees import FileChange
    from mvcs.objects.commit import Commit
    from mvcs.objects.tree import Entry, Load
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch


class NewTree:
    """A root tree that may not be stored yet.

    Attributes:
        oid: Its oid; EMPTY if it has nothing.
        nodes: (oid, payload) of nodes that may be new.
    """

    def __init__(self, repository: Repository, oid: Oid, nodes: list[tuple[Oid, bytes]]) -> None:
        self.oid = oid
        self.nodes = nodes
        self.repository = repository
        self._payloads = dict(nodes)

    def load(self, oid: Oid) -> bytes:
        """Returns a node of this tree, or of any stored one."""
        payload = self._payloads.get(oid)
        return self.repository.load_tree(oid) if payload is None else payload

    def put(self, batch: Batch) -> None:
        """Adds the new nodes to a batch."""
        for _, payload in self.nodes:
            batch.put_object(TREE, payload)

    @property
    def root(self) -> Oid | None:
        """The oid, None if the tree is empty."""
        return None if self.oid == EMPTY else self.oid

    def ingredients(self) -> dict[str, Oid]:
        """Returns the tree of each ingredient."""
        return ingredient_trees(self.load, self.root)

    def files_of(self, ingredient: str) -> Oid | None:
        """Returns the tree of an ingredient without what capture generated, None if it has no files."""
        tree = self.ingredients().get(ingredient)
        return None if tree is None else edit_tree(self.load, tree, {GENERATED: None}).oid

    def recipe(self, read_blob: Callable[[Oid], bytes]) -> Oid:
        """Returns the recipe oid."""
        from mvcs.objects.commit import recipe_oid

        return recipe_oid({}) if self.root is None else recipe_of(self.load, self.root, read_blob)


class Files:
    """What a root tree has at workspace paths, whichever ingredient it is in.

    Args:
        load: Returns the payload of a tree node.
        root: The root tree; None for an empty one.
    """

    def __init__(self, load: Load, root: Oid | None) -> None:
        self._load = load
        self._root = root

    def file_at(self, path: bytes) -> Placed | None:
        """Returns the file at a path, None if there is none, or a folder."""
        placed = None if self._root is None else find_file(self._load, self._root, path)
        return placed if placed is not None and placed.entry.kind != IS_TREE else None

    def below(self, path: bytes) -> list[bytes]:
        """Returns the paths of the files below a folder; none if it is no folder."""
        found: list[bytes] = []
        for ingredient in ingredient_trees(self._load, self._root).values():
            entry = find_path(self._load, ingredient, path)
            if entry is not None and entry.kind == IS_TREE:
                found += [name for name, _ in files_below(self._load, entry.oid, path + b"/")]
        return found


def edits_of(changes: Iterable[FileChange]) -> dict[bytes, Entry | None]:
    """Returns changes of files as changes of a root tree, ingredient first."""
    edits: dict[bytes, Entry | None] = {}
    for change in changes:
        if change.before is not None and (
            change.after is None or change.after.ingredient != change.before.ingredient
        ):
            edits[change.before.ingredient.encode() + b"/" + change.path] = None
        if change.after is not None:
            edits[change.after.ingredient.encode() + b"/" + change.path] = change.after.entry
    return edits


def changed_tree(repository: Repository, tree: Oid, edits: dict[bytes, Entry | None]) -> NewTree:
    """Returns a root tree with changes."""
    if not edits:
        return NewTree(repository, tree, [])
    edited = edit_tree(repository.load_tree, None if tree == EMPTY else tree, edits)
    return NewTree(repository, edited.oid or EMPTY, edited.nodes)


def edit_unstored(repository: Repository, tree: NewTree, edits: dict[bytes, Entry | None]) -> NewTree:
    """Returns a tree that may not be stored yet with changes."""
    if not edits:
        return tree
    edited = edit_tree(tree.load, tree.root, edits)
    return NewTree(repository, edited.oid or EMPTY, [*tree.nodes, *edited.nodes])


def placed_in(tree: NewTree, path: bytes) -> Placed | None:
    """Returns where a path stands in a tree, None if it does not."""
    for ingredient, oid in tree.ingredients().items():
        entry = find_path(tree.load, oid, path)
        if entry is not None and entry.kind != IS_TREE:
            return Placed(ingredient, entry)
    return None


def stands_in_the_way(load: Load, tree: Oid, path: bytes) -> bool:
    """Whether a tree has a file at a path, or where one of its folders would be."""
    for part in path.split(b"/"):
        entry = find_entry(load, tree, part)
        if entry is None:
            return False
        if entry.kind != IS_TREE:
            return True
        tree = entry.oid
    return True


def staleness(commit: Commit, recipe: Oid, weights: Oid | None, *, has_metrics: bool) -> list[str]:
    """Returns what is stale in a commit: "weights", "metrics".

    Args:
        commit: The commit.
        recipe: Recipe oid of its tree.
        weights: Weights tree of its tree, None without weights.
        has_metrics: Whether it has metrics.
    """
    stale = []
    if weights is not None and commit.origin is not None and commit.origin.recipe != recipe:
        stale.append("weights")
    if has_metrics and weights is not None and commit.measured != weights:
        stale.append("metrics")
    return stale


def commit_staleness(repository: Repository, commit: Commit) -> list[str]:
    """Returns what is stale in a stored commit."""
    trees = ingredient_trees(repository.load_tree, commit.tree)
    if "weights" not in trees:
        return []
    recipe = recipe_of(repository.load_tree, commit.tree, repository.store.read_blob)
    return staleness(commit, recipe, trees["weights"], has_metrics="metrics" in trees)
