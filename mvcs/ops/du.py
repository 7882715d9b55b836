"""du: what takes space, and why: by kind, codec, ingredient and branch, and the files of a revision."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import InvalidConfig
from mvcs.objects.hashing import BLOB, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.context import head_of
from mvcs.ops.reach import BranchUse, branch_use
from mvcs.ops.show import listing
from mvcs.repo.workspace import Workspace
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.records import KIND_NAMES
from mvcs.store.segments import PLACE
from mvcs.store.usage import CodecUse, Stock, ratio

if TYPE_CHECKING:
    from mvcs.ops.show import Listed
    from mvcs.repo.repository import Repository

LEAST = 64 << 10
"""Bytes; how a smaller file is stored is not worth a line."""
SHOWN = 10
"""Files that are told of, of the best and of the worst."""


class FileUse(Record):
    """What a file of the revision takes.

    Args:
        path: Workspace path.
        ingredient: Where it belongs.
        size: Bytes of the file.
        stored: Bytes of the records of its chunks, those that other files share with it too.
        own: The same without those.
        why: In a word, how most of it is stored.
    """

    __slots__ = ("ingredient", "own", "path", "size", "stored", "why")

    def __init__(self, path: bytes, ingredient: str, size: int, *, stored: int, own: int, why: str) -> None:
        self.path = path
        self.ingredient = ingredient
        self.size = size
        self.stored = stored
        self.own = own
        self.why = why

    def to_dict(self) -> dict[str, object]:
        """Returns the file as JSON carries it."""
        return {
            "path": os.fsdecode(self.path), "ingredient": self.ingredient, "size": self.size, "stored": self.stored,
            "own": self.own, "ratio": ratio(self.stored, self.size), "why": self.why,
        }


class Usage(Record):
    """What takes space.

    Args:
        stored: Bytes of stored records by kind; chunks are one kind.
        counts: Number of each.
        disk: Bytes on disk by folder of the repository.
        codecs: What is stored with each codec.
        contents: Bytes of all stored files, each content once.
        branches: What each branch takes.
        revision: The revision whose files are told of; None if there is no commit.
        ingredients: Bytes of its files by ingredient.
        ingredients_stored: Stored bytes of them; what two files share counts once.
        best: Its files of 64 KiB and more that are stored smallest, as a share of their size.
        worst: Those that are stored largest; a file is in one of the two.
    """

    __slots__ = (
        "best", "branches", "codecs", "contents", "counts", "disk", "ingredients", "ingredients_stored", "revision",
        "stored", "worst",
    )

    def __init__(
        self, stored: dict[str, int], counts: dict[str, int], disk: dict[str, int], *, codecs: dict[str, CodecUse],
        contents: int, branches: list[BranchUse], revision: str | None,
    ) -> None:
        self.stored = stored
        self.counts = counts
        self.disk = disk
        self.codecs = codecs
        self.contents = contents
        self.branches = branches
        self.revision = revision
        self.ingredients: dict[str, int] = {}
        self.ingredients_stored: dict[str, int] = {}
        self.best: list[FileUse] = []
        self.worst: list[FileUse] = []

    @property
    def total_stored(self) -> int:
        """Bytes of all stored records."""
        return sum(self.stored.values())

    def to_dict(self) -> dict[str, object]:
        """Returns the usage as JSON carries it."""
        return {
            "stored": self.stored, "counts": self.counts, "disk": self.disk, "ingredients": self.ingredients,
            "total_stored": self.total_stored, "total_disk": sum(self.disk.values()),
            "logical": {"contents": self.contents, "revision": sum(self.ingredients.values())},
            "codecs": {name: use.to_dict() for name, use in self.codecs.items()},
            "branches": [branch.to_dict() for branch in self.branches], "revision": self.revision,
            "ingredients_stored": self.ingredients_stored,
            "files": {
                "best": [file.to_dict() for file in self.best], "worst": [file.to_dict() for file in self.worst],
            },
        }


def du(repository: Repository, revision: str | None = None) -> Usage:
    """Returns what takes space.

    Args:
        repository: Where.
        revision: Whose files are told of; HEAD if there is one.
    """
    if revision is None and _has_head(repository):
        revision = "HEAD"
    listed = [] if revision is None else listing(repository, revision)
    stored, counts = _by_kind(repository)
    stock = Stock(repository.store)
    disk = {name: _bytes_below(os.path.join(repository.path, name)) for name in ("meta", "chunks", "mapped")}
    usage = Usage(
        stored, counts, disk, codecs=stock.codecs(), contents=stock.contents,
        branches=branch_use(repository, stock), revision=revision,
    )
    _explain(repository, stock, listed, usage)
    return usage


def _has_head(repository: Repository) -> bool:
    if repository.place.workspace is None:
        return False
    try:
        return head_of(Workspace(repository))[1].base is not None
    except InvalidConfig:  # what is stored can be told all the same
        return False


def _by_kind(repository: Repository) -> tuple[dict[str, int], dict[str, int]]:
    stored: dict[str, int] = {}
    counts: dict[str, int] = {}

    def count(kind: str, size: int) -> None:
        stored[kind] = stored.get(kind, 0) + size
        counts[kind] = counts.get(kind, 0) + 1

    with repository.store.read() as transaction:
        for _, value in transaction.items(OBJECTS):
            kind = KIND_NAMES.get(value[0], "unknown") if value else "unknown"
            count("small blob" if kind == BLOB else kind, len(value))
        for _, place in transaction.items(CHUNKS):
            count("chunk", PLACE.unpack(place)[1])
        for _, value in transaction.items(RECIPES):
            count("recipe list", len(value))
    return dict(sorted(stored.items())), dict(sorted(counts.items()))


def _explain(repository: Repository, stock: Stock, listed: list[Listed], usage: Usage) -> None:
    """Fills in what the files of the revision take."""
    chunks: dict[str, set[int]] = {}
    small: dict[str, set[Oid]] = {}
    files: list[FileUse] = []
    for item in listed:
        name, entry = item.ingredient, item.entry
        usage.ingredients[name] = usage.ingredients.get(name, 0) + entry.size
        if entry.kind != IS_BLOB:
            continue
        numbers = stock.chunks_of(entry.oid)
        if numbers:
            chunks.setdefault(name, set()).update(numbers)
        else:
            small.setdefault(name, set()).add(entry.oid)
        if entry.size >= LEAST:
            use = stock.blob(entry.oid)
            files.append(FileUse(item.path, name, entry.size, stored=use.stored, own=use.own, why=use.why))
    with repository.store.read() as transaction:
        for name in usage.ingredients:
            values = [transaction.view(OBJECTS, oid) or b"" for oid in small.get(name, ())]
            usage.ingredients_stored[name] = stock.sum(chunks.get(name, ())) + sum(map(len, values))
    files.sort(key=lambda file: (file.stored / file.size, -file.size, file.path))
    half = min(SHOWN, (len(files) + 1) // 2)
    usage.best, usage.worst = files[:half], files[max(half, len(files) - SHOWN) :][::-1]


def _bytes_below(path: str) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total
