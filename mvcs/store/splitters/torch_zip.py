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
    from mvcs.store.splitters.torch_values import Storage, View
    from mvcs.store.splitters.zip_entries import Entry

SPLITTER = "torch@1"
MAX_PICKLE = 16 << 20
"""Bytes of data.pkl; a larger one holds more than tensors, and the storages keep the names of their entries."""
NOWHERE = -1
"""The offset of storages without bytes, which have no entry that counts."""


def split_torch(source: Source, entries: list[Entry]) -> Layout:
    """Returns the storages of a checkpoint.

    A storage that tensors of one shape view in full has the name of the first of them, its path of keys joined by
    dots, as in a state dict. All others have the name of their entry, such as data/0.

    Raises:
        InvalidObject: If the archive is not a checkpoint.
    """
    root, storages, _ = _read(source, entries)
    found = [
        (entry, entry.name[len(root) :])
        for entry in entries
        if entry.stored and entry.name.startswith((root + "data/", root + "constants/"))
    ]
    return Layout(SPLITTER, _regions(found, storages), source.size)


def read_views(source: Source) -> dict[int, list[tuple[str, View]]]:
    """Returns the tensors of a checkpoint: offset of a storage in the file, or `NOWHERE`, to the names and views of it.

    Raises:
        InvalidObject: If the archive is not a checkpoint.
    """
    from mvcs.store.splitters.zip_entries import read_entries

    entries = read_entries(source)
    root, storages, views = _read(source, entries)
    offsets = {entry.name: entry.offset for entry in entries if entry.stored}
    keys = {id(storage): key for key, storage in storages.items()}
    found: dict[int, list[tuple[str, View]]] = {}
    for name, view in views.items():
        offset = offsets.get(f"{root}data/{keys.get(id(view.storage))}")
        if offset is None and not view.storage.count:
            offset = NOWHERE
        if offset is not None:
            found.setdefault(offset, []).append((name, view))
    return found


def _read(source: Source, entries: list[Entry]) -> tuple[str, dict[str, Storage], dict[str, View]]:
    """Returns the folder of the archive, its storages by key, its tensors by name."""
    by_name = {entry.name: entry for entry in entries}
    roots = [name[: -len("data.pkl")] for name in by_name if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(roots) != 1 or roots[0] + "version" not in by_name:
        raise InvalidObject(kind="checkpoint", reason="no data.pkl with a version")
    root = roots[0]
    order = by_name.get(root + "byteorder")
    little = order is None or read_all(source, order.offset, min(order.length, 16), "checkpoint") == b"little"
    pickle = by_name[root + "data.pkl"]
    if not little or not pickle.stored or pickle.length > MAX_PICKLE:
        return root, {}, {}
    from mvcs.store.splitters.torch_pickle import read_tensors

    try:
        return root, *read_tensors(read_all(source, pickle.offset, pickle.length, "checkpoint"))
    except (InvalidObject, ValueError, LookupError):  # then the entries keep their own names
        return root, {}, {}


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
