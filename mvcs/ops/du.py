"""du: what the repository stores, and what the files of a revision weigh."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.objects.hashing import BLOB
from mvcs.objects.record import Record
from mvcs.ops.show import listing
from mvcs.store.base import CHUNKS, OBJECTS, RECIPES
from mvcs.store.records import KIND_NAMES
from mvcs.store.segments import PLACE

if TYPE_CHECKING:
    from mvcs.repo.repository import Repository


class Usage(Record):
    """What takes space.

    Args:
        stored: Bytes of stored records by kind; chunks are one kind.
        counts: Number of each.
        disk: Bytes on disk by folder of the repository.
        ingredients: Bytes of files by ingredient, in the revision that was asked about.
    """

    __slots__ = ("counts", "disk", "ingredients", "stored")

    def __init__(
        self, stored: dict[str, int], counts: dict[str, int], disk: dict[str, int], ingredients: dict[str, int]
    ) -> None:
        self.stored = stored
        self.counts = counts
        self.disk = disk
        self.ingredients = ingredients

    def to_dict(self) -> dict[str, object]:
        """Returns the usage as JSON carries it."""
        return {
            "stored": self.stored, "counts": self.counts, "disk": self.disk, "ingredients": self.ingredients,
            "total_stored": sum(self.stored.values()), "total_disk": sum(self.disk.values()),
        }


def du(repository: Repository, revision: str | None = None) -> Usage:
    """Returns what takes space."""
    stored: dict[str, int] = {}
    counts: dict[str, int] = {}

    def count(kind: str, size: int) -> None:
        stored[kind] = stored.get(kind, 0) + size
        counts[kind] = counts.get(kind, 0) + 1

    with repository.store.read() as transaction:
        for _, value in transaction.items(OBJECTS):
            count("small blob" if KIND_NAMES.get(value[0]) == BLOB else KIND_NAMES.get(value[0], "unknown"), len(value))
        for _, place in transaction.items(CHUNKS):
            count("chunk", PLACE.unpack(place)[1])
        for _, value in transaction.items(RECIPES):
            count("recipe list", len(value))
    disk = {name: _bytes_below(os.path.join(repository.path, name)) for name in ("meta", "chunks", "mapped")}
    ingredients: dict[str, int] = {}
    if revision is not None:
        for item in listing(repository, revision):
            ingredients[item.ingredient] = ingredients.get(item.ingredient, 0) + item.entry.size
    return Usage(dict(sorted(stored.items())), dict(sorted(counts.items())), disk, ingredients)


def _bytes_below(path: str) -> int:
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.stat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total
