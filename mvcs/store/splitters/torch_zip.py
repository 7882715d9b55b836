"""PyTorch checkpoints, TorchScript too: a stored zip entry for each storage and a pickle that says what they are.

Knows: the entries' names. Refuses to know: code; the pickle is read as data (`torch_pickle`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.layout import UNKNOWN_SHAPE, Layout, Region, stored_bytes
from mvcs.store.splitters.source import read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.splitters.source import Source
    from mvcs.store.splitters.torch_values import Storage
    from mvcs.store.splitters.zip_entries import Entry

SPLITTER = "torch@1"
MAX_PICKLE = 16 << 20
"""Bytes of data.pkl; a larger one holds more than tensors, and the storages keep the names of their entries."""


def split_torch(source: Source, entries: list[Entry]) -> Layout:
    """Returns the storages of a checkpoint.

    A storage that tensors of one shape view in full has the name of the first of them, its path of keys joined by
    dots, as in a state dict. All others have the name of their entry, such as data/0.

    Raises:
        InvalidObject: If the archive is not a checkpoint.
    """
    by_name = {entry.name: entry for entry in entries}
    roots = [name[: -len("data.pkl")] for name in by_name if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(roots) != 1 or roots[0] + "version" not in by_name:
        raise InvalidObject(kind="checkpoint", reason="no data.pkl with a version")
    root = roots[0]
    order = by_name.get(root + "byteorder")
    little = order is None or read_all(source, order.offset, min(order.length, 16), "checkpoint") == b"little"
    storages = _storages(source, by_name[root + "data.pkl"]) if little else {}
    found = [
        (entry, entry.name[len(root) :])
        for entry in entries
        if entry.stored and entry.name.startswith((root + "data/", root + "constants/"))
    ]
    return Layout(SPLITTER, _regions(found, storages), source.size)


def _storages(source: Source, entry: Entry) -> dict[str, Storage]:
    from mvcs.store.splitters.torch_pickle import read_storages

    if not entry.stored or entry.length > MAX_PICKLE:
        return {}
    try:
        return read_storages(read_all(source, entry.offset, entry.length, "checkpoint"))
    except (InvalidObject, ValueError, LookupError):  # then the entries keep their own names
        return {}


def _regions(entries: list[tuple[Entry, str]], storages: dict[str, Storage]) -> Iterator[Region]:
    taken = {label for _, label in entries}
    for entry, label in entries:
        storage = storages.get(label.removeprefix("data/")) if label.startswith("data/") else None
        name, dtype = label, ""
        shape: tuple[int, ...] = UNKNOWN_SHAPE
        if storage is not None and stored_bytes(storage.dtype, storage.count) == entry.length:
            dtype, shape, common = storage.dtype, (storage.count,), storage.shape()
            if common is not None:
                shape = common
                if storage.name and storage.name not in taken:
                    name = storage.name
                    taken.add(name)
        yield Region(name, dtype, shape, entry.offset, entry.length)
