"""load: the tensors of a revision by name, over mapped files that all processes share.

Knows: which files have tensors, what a name means among several files, when to map a file and when to read a range of
it. Refuses to know: how tensors lie in files (`store.splitters`), what an array is (`formats.tensors`).
Decisions: docs/design/0032.
"""

from __future__ import annotations

import os
from collections import Counter
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mvcs.errors import NotFound, PreconditionFailed, UnreadableContent
from mvcs.formats.tensors import view_array
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, SYMLINK
from mvcs.ops.beside import Beside
from mvcs.ops.collected import refuse_file
from mvcs.ops.materialise import donor_of
from mvcs.ops.revisions import resolve_path
from mvcs.ops.show import listing
from mvcs.store.bases import StoredSource
from mvcs.store.mapped import find_mapped, map_file, open_mapped
from mvcs.store.splitters.source import FileSource
from mvcs.store.splitters.tensors import Tensor, read_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from mmap import mmap

    import numpy as np

    from mvcs.objects.hashing import Oid
    from mvcs.ops.show import Listed
    from mvcs.repo.repository import Repository
    from mvcs.store.splitters.source import Source
    from mvcs.store.splitters.tensors import Tensors

    Array = np.ndarray[Any, np.dtype[Any]]

RANGE_SHARE = 2
"""A file is read by ranges while less than one part in so many of it was asked for. Then what was decoded for ranges
and for the map is together at most 1.5 times the file, in whatever order its tensors are asked for."""
RANGE_BYTES = 64 << 20
"""Bytes that are read by ranges and kept; what is more is shared with other processes."""


class TensorNotFound(NotFound, KeyError):
    """A revision has no such tensor; fields `name`, `where`, `reason`."""

    template = "{where} has no tensor {name!r}: {reason}"
    hint_template = "mvcs ls {where:sh}"
    __str__ = NotFound.__str__  # KeyError would quote the sentence


class UnreadableTensor(PreconditionFailed):
    """A tensor cannot be an array; fields `name`, `reason`."""

    template = "{name} cannot be an array: {reason}"
    hint_template = "commit.weights.raw({name!r})"


class Place(Record):
    """A tensor in a file.

    Args:
        name: The name that means it among all of the revision.
        file: Its file.
        tensor: What and where it is there.
    """

    __slots__ = ("file", "name", "tensor")

    def __init__(self, name: str, file: Listed, tensor: Tensor) -> None:
        self.name = name
        self.file = file
        self.tensor = tensor

    @property
    def path(self) -> str:
        """Path of its file."""
        return os.fsdecode(self.file.path)

    @property
    def full(self) -> str:
        """FILE//NAME, which always means it."""
        return f"{self.path}//{self.tensor.name}"


class TensorIndex(Record):
    """The tensors of a revision.

    Args:
        where: The revision, as people name it.
        places: The tensors, in the order of files and of each file, each under the one name that means it.
        others: Files that cannot be read by tensor, as people are told of them.
    """

    __slots__ = ("_full", "others", "places", "where")

    def __init__(self, where: str, places: Iterable[Place], others: tuple[str, ...]) -> None:
        self.where = where
        self.places = {place.name: place for place in places}
        self.others = others
        self._full = {place.full: place for place in self.places.values()}

    def _key(self) -> tuple[object, ...]:
        return self.where, tuple(self.places.values()), self.others

    def only(self, places: Iterable[Place]) -> TensorIndex:
        """Returns the index of some of its tensors, under the names that they have in it."""
        return TensorIndex(self.where, places, self.others)

    def find(self, name: str) -> Place:
        """Returns the tensor that a name means: its own, or FILE//NAME.

        Raises:
            TensorNotFound: If there is none, or several files have one of this name.
        """
        found = self.places.get(name) or self._full.get(name)
        if found is None:
            raise self.missing(name)
        return found

    def match(self, patterns: Iterable[str] | None) -> list[Place]:
        """Returns the tensors that match any of the patterns, by their own names or by FILE//NAME, in their order.

        Args:
            patterns: In which `*` stands for any characters, dots and slashes among them; None for all tensors.

        Raises:
            TensorNotFound: If a pattern matches none, or there are none at all.
        """
        if patterns is None:
            patterns = ["*"]
        chosen: set[str] = set()
        for pattern in patterns:
            found = [
                place for full, place in self._full.items()
                if fnmatchcase(place.tensor.name, pattern) or fnmatchcase(full, pattern)
            ]
            if not found:
                raise self.missing(pattern)
            chosen.update(place.name for place in found)
        return [place for name, place in self.places.items() if name in chosen]

    def missing(self, name: str) -> TensorNotFound:
        """Returns the error that says why a name or pattern means nothing."""
        from difflib import get_close_matches

        alike = [place.full for place in self._full.values() if place.tensor.name == name]
        near = get_close_matches(name, self.places, 3) if len(name) < 1000 and len(self.places) < 10_000 else []
        if alike:
            reason = "several files have one, " + ", ".join(alike[:5])
        elif near:
            reason = "it has " + ", ".join(near)
        elif self.others:
            shown = ", ".join(self.others[:5])
            reason = f"{shown} cannot be read by tensor: nothing is unpickled or unpacked here"
        else:
            reason = f"it has {len(self.places)} others" if self.places else "it has no weights"
        return TensorNotFound(name=name, where=self.where, reason=reason)


def tensors_of(repository: Repository, revision: str) -> TensorIndex:
    """Finds the tensors of a revision's weights, or of the files at REV:PATH; reads headers only.

    Raises:
        PathNotFound: If there is nothing at the path.
        WeightsCollected: If gc took them.
    """
    at = resolve_path(repository, revision)
    files: dict[str, tuple[Listed, Tensors]] = {}
    others = []
    listed = listing(repository, at.oid.hex())
    beside = Beside(repository, listed)
    for item in listing(repository, f"{at.oid.hex()}:{at.path}") if at.path else listed:
        if (not at.path and item.ingredient != "weights") or item.entry.mode == SYMLINK:
            continue
        if item.ingredient == "weights":
            refuse_file(repository, at.oid, item.path, item.entry)
        path = os.fsdecode(item.path)
        tensors = _tensors_in(repository, item, beside) if item.entry.kind == IS_BLOB else None
        if tensors is None:
            others.append(path if item.entry.kind == IS_BLOB else f"{path} (kept elsewhere)")
        else:
            files[path] = item, tensors
    where = at.oid.hex()[:12] + (f":{at.path}" if at.path else "")
    return TensorIndex(where, _named(files), tuple(others))


def _named(files: Mapping[str, tuple[Listed, Tensors]]) -> Iterator[Place]:
    """Gives each tensor its own name if no other has it, else FILE//NAME."""
    count = Counter(tensor.name for _, tensors in files.values() for tensor in tensors.tensors)
    count.update(f"{path}//{tensor.name}" for path, (_, tensors) in files.items() for tensor in tensors.tensors)
    for path, (item, tensors) in files.items():
        for tensor in tensors.tensors:
            yield Place(tensor.name if count[tensor.name] == 1 else f"{path}//{tensor.name}", item, tensor)


def _tensors_in(repository: Repository, item: Listed, beside: Beside) -> Tensors | None:
    store, oid = repository.store, item.entry.oid
    descriptor = find_mapped(store, oid, repository.clock)
    if descriptor is None:
        with store.open(oid) as reader:
            return _read_tensors(StoredSource(reader), item, beside)
    try:
        return _read_tensors(FileSource(descriptor, os.fstat(descriptor).st_size), item, beside)
    finally:
        os.close(descriptor)


def _read_tensors(source: Source, item: Listed, beside: Beside) -> Tensors | None:
    found = read_tensors(source)
    if found is None and (layout := beside.described(item.path, source.size)) is not None:
        return read_tensors(source, layout)
    return found


class Loader:
    """Gives the bytes of tensors: from mapped files, or for a small part of a file from its chunks.

    Args:
        repository: Where.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._ranges: dict[tuple[Oid, int, int], bytes] = {}

    def arrays(self, places: Sequence[Place]) -> dict[str, Array]:
        """Returns tensors by name as read-only arrays, in their order.

        Raises:
            UnreadableTensor: If one is packed, quantised in blocks, or of no known type or shape.
        """
        views = {place.name: _array(place, buffer, at) for place, buffer, at in self.load(places)}
        return {place.name: views[place.name] for place in places}

    def raw(self, place: Place) -> Array:
        """Returns the bytes of a tensor as they lie in its file, as a read-only array."""
        ((_, buffer, at),) = self.load([place])
        tensor = place.tensor
        return view_array(buffer, Tensor(tensor.name, "U8", (tensor.length,), tensor.offset, tensor.length), at)

    def load(self, places: Iterable[Place], *, private: bool = False) -> Iterator[tuple[Place, Any, int]]:
        """Yields each tensor with the bytes it lies in, and where it begins in them; a file's together.

        Bytes are a map or an object of their own; both are read-only unless private.

        Args:
            places: The tensors.
            private: Whether the bytes may be written in memory: then they are this call's alone.

        Raises:
            ObjectCorrupt: If a file is damaged.
            StoreFull: If the disk has no room for a file to map.
        """
        for _, group in groupby(sorted(places, key=_order), key=lambda place: place.file.path):
            wanted = list(group)
            mapped = self._mapped(wanted, private=private)
            if mapped is not None:
                for place in wanted:
                    yield place, mapped, place.tensor.offset
                continue
            ranges: dict[tuple[Oid, int, int], Any] = {} if private else self._ranges
            with self._repository.store.open(wanted[0].file.entry.oid) as reader:
                for place in wanted:
                    key = _range(place)
                    if key not in ranges:
                        reader.seek(place.tensor.offset)
                        content = reader.read(place.tensor.length)
                        ranges[key] = bytearray(content) if private else content
                    yield place, ranges[key], 0

    def _mapped(self, places: Sequence[Place], *, private: bool) -> mmap | None:
        """Returns the map of a file that is mapped already or better is; None if its ranges are to be read."""
        repository, item = self._repository, places[0].file
        descriptor = find_mapped(repository.store, item.entry.oid, repository.clock)
        if descriptor is None:
            if self._is_little(places):
                return None
            descriptor = open_mapped(
                repository.store, item.entry.oid, repository.clock, repository.config.integer("mapped.max_bytes"),
                donor=donor_of(repository, item),
            )
        kept = list(self._ranges.items())  # at once: other threads may be adding to it
        self._ranges = {key: content for key, content in kept if key[0] != item.entry.oid}
        return map_file(descriptor, private=private)

    def _is_little(self, places: Sequence[Place]) -> bool:
        oid, size = places[0].file.entry.oid, places[0].file.entry.size
        wanted = {_range(place) for place in places} | set(self._ranges)
        here = sum(length for blob, _, length in wanted if blob == oid)
        return here * RANGE_SHARE < size and sum(length for _, _, length in wanted) <= RANGE_BYTES


def _array(place: Place, buffer: bytes | mmap, at: int) -> Array:
    try:
        return view_array(buffer, place.tensor, at)
    except UnreadableContent as error:
        raise UnreadableTensor(name=place.name, reason=str(error.fields["reason"])) from error


def _order(place: Place) -> tuple[bytes, int]:
    return place.file.path, place.tensor.offset


def _range(place: Place) -> tuple[Oid, int, int]:
    return place.file.entry.oid, place.tensor.offset, place.tensor.length
