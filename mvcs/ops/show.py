"""show, ls and cat: what a revision is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, diff_roots
from mvcs.errors import InvalidRevision, PathNotFound
from mvcs.objects.editing import files_below, ingredient_trees, inner_path, is_generated
from mvcs.objects.hashing import BLOB
from mvcs.objects.record import Record
from mvcs.objects.tree import ENTRY_KINDS, IS_BLOB, IS_TREE, read_tree
from mvcs.objects.values import parse_json
from mvcs.ops.collected import collected_now, refuse_file
from mvcs.ops.completeness import completeness
from mvcs.ops.log import read_generated, read_metrics, rfc3339
from mvcs.ops.revisions import resolve_object, resolve_path, split_ingredient, split_path
from mvcs.ops.trees import commit_staleness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry
    from mvcs.ops.collected import Collection
    from mvcs.repo.repository import Repository
    from mvcs.store.blob_reader import StoredBlob


class Shown(Record):
    """A commit in full.

    Args:
        oid: Its oid.
        commit: The commit.
        sizes: Bytes by ingredient.
        metrics: Metrics that were given to it.
        params: Parameters that were given to it.
        signature: What its weights take and give, as far as known.
        stale: What of it is stale.
        changes: How it differs from its first parent.
        provenance: What was recorded about machine and Git.
        collected: How its weights were collected; None if they are here.
        complete: What there is to make the model again; None without weights.
    """

    __slots__ = (
        "changes", "collected", "commit", "complete", "metrics", "oid", "params", "provenance", "signature", "sizes",
        "stale",
    )

    def __init__(
        self, oid: Oid, commit: Commit, sizes: dict[str, int], stale: list[str], changes: list[FileChange], *,
        metrics: dict[str, object], params: dict[str, object], signature: dict[str, object], provenance: object,
        collected: Collection | None,
    ) -> None:
        self.oid = oid
        self.commit = commit
        self.sizes = sizes
        self.metrics = metrics
        self.params = params
        self.signature = signature
        self.stale = stale
        self.changes = changes
        self.provenance = provenance
        self.collected = collected
        self.complete = completeness(commit, sizes, stale)

    def to_dict(self) -> dict[str, object]:
        """Returns the commit as JSON carries it."""
        commit, origin = self.commit, self.commit.origin
        return {
            "commit": self.oid.hex(), "model": commit.model, "tree": commit.tree.hex(),
            "parents": [parent.hex() for parent in commit.parents], "generation": commit.generation,
            "author": str(commit.author), "time": rfc3339(commit.author.time), "committer": str(commit.committer),
            "committed": rfc3339(commit.committer.time), "message": commit.message, "ingredients": self.sizes,
            "origin": None if origin is None else {
                "recipe": origin.recipe.hex(), "how": origin.how,
                "start": None if origin.start is None else origin.start.hex(),
            },
            "measured": None if commit.measured is None else commit.measured.hex(), "metrics": self.metrics,
            "params": self.params, "signature": self.signature,
            "stale": self.stale, "incomplete": [list(item) for item in commit.incomplete],
            "complete": None if self.complete is None else self.complete.to_dict(),
            "provenance": self.provenance, "collected": self.collected is not None,
            "changes": [change.to_dict() for change in self.changes],
        }


def show(repository: Repository, revision: str) -> Shown:
    """Returns a commit in full."""
    found = resolve_path(repository, revision)
    commit = found.commit
    sizes = {entry.name.decode(): entry.size for entry in read_tree(repository.load_tree, commit.tree)}
    parent = repository.commit(commit.parents[0]).tree if commit.parents else None
    provenance = None
    if commit.provenance is not None:
        provenance = parse_json(repository.store.read_blob(commit.provenance))
    return Shown(
        found.oid, commit, sizes, commit_staleness(repository, commit),
        diff_roots(repository.load_tree, parent, commit.tree), metrics=read_metrics(repository, commit),
        params=read_generated(repository, commit, b"config/.mvcs/params"),
        signature=read_generated(repository, commit, b"weights/.mvcs/signature"), provenance=provenance,
        collected=collected_now(repository, found.oid),
    )


class Listed(Record):
    """A file in a revision.

    Args:
        path: Workspace path.
        ingredient: Where it belongs.
        entry: Its entry.
    """

    __slots__ = ("entry", "ingredient", "path")

    def __init__(self, path: bytes, ingredient: str, entry: Entry) -> None:
        self.path = path
        self.ingredient = ingredient
        self.entry = entry

    def to_dict(self) -> dict[str, object]:
        """Returns the file as JSON carries it."""
        return {
            "path": self.path.decode("utf-8", "surrogateescape"), "oid": self.entry.oid.hex(),
            "size": self.entry.size, "ingredient": self.ingredient, "kind": ENTRY_KINDS[self.entry.kind],
            "mode": f"{self.entry.mode:06o}",
        }


def listing(repository: Repository, revision: str, *, generated: bool = False) -> list[Listed]:
    """Returns the files of REV or REV:PATH, sorted by path.

    Args:
        repository: Where.
        revision: A revision, REV:PATH or REV:@INGREDIENT[/PATH].
        generated: Whether entries that capture makes are listed, as INGREDIENT/.mvcs/NAME; who names one sees it.
    """
    found = resolve_path(repository, revision)
    ingredient, inside = split_ingredient(found.path)
    wanted = (inside.strip("/") or ".").encode("utf-8", "surrogateescape")
    named = is_generated(wanted + b"/")
    return sorted(
        (item for item in _all(repository, found.commit, generated=generated or named)
         if ingredient in {None, item.ingredient} and is_at(inner_path(item.path), wanted)),
        key=lambda item: item.path,
    )


def is_at(path: bytes, wanted: bytes) -> bool:
    """Whether a path is one that is asked for, or below it; all are below a dot."""
    return wanted == b"." or path == wanted or path.startswith(wanted + b"/")


def _all(repository: Repository, commit: Commit, *, generated: bool) -> Iterator[Listed]:
    for ingredient, tree in ingredient_trees(repository.load_tree, commit.tree).items():
        for path, entry in files_below(repository.load_tree, tree):
            if not is_generated(path):
                yield Listed(path, ingredient, entry)
            elif generated:
                yield Listed(ingredient.encode() + b"/" + path, ingredient, entry)


def open_file(repository: Repository, revision: str) -> StoredBlob:
    """Opens REV:PATH, or a blob by its oid, for reading at any place.

    Raises:
        InvalidRevision: If it is another kind of object.
        PathNotFound: If it names no file.
        WeightsCollected: If it is of weights that were collected.
    """
    if not split_path(revision)[1]:
        oid, kind = resolve_object(repository, revision)
        if kind != BLOB:
            raise InvalidRevision(revision=revision, reason=f"it is a {kind}; a file is REV:PATH")
        return repository.store.open(oid)
    found = resolve_path(repository, revision)
    if found.placed is None or found.placed.entry.kind == IS_TREE:
        raise PathNotFound(path=found.path or revision, where="the files of the commit", hint=f"mvcs ls {revision}")
    if found.placed.ingredient == "weights":
        refuse_file(repository, found.oid, found.path.encode("utf-8", "surrogateescape"), found.placed.entry)
    return repository.store.open(found.placed.entry.oid)


def content(repository: Repository, revision: str) -> Iterator[bytes]:
    """Yields the content of REV:PATH in pieces, each verified.

    Raises:
        PathNotFound: If it names no file.
        WeightsCollected: If it is of weights that were collected.
    """
    found = resolve_path(repository, revision)
    if found.placed is None or found.placed.entry.kind == IS_TREE:
        raise PathNotFound(path=found.path or revision, where="the files of the commit", hint=f"mvcs ls {revision}")
    if found.placed.entry.kind != IS_BLOB:
        yield repository.store.read_blob(found.placed.entry.oid)
        return
    if found.placed.ingredient == "weights":
        refuse_file(repository, found.oid, found.path.encode("utf-8", "surrogateescape"), found.placed.entry)
    with repository.store.open(found.placed.entry.oid) as reader:
        while piece := reader.read(1 << 20):
            yield piece
