"""ls, cat and blame below a file: REV:FILE//TENSOR.

Knows: what the words of people name. Refuses to know: formats of files, blocks.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from mvcs.errors import PathNotFound, UnreadableContent
from mvcs.formats.tensor_file import open_tensors
from mvcs.formats.tensor_statistics import statistics
from mvcs.formats.tensors import numpy_dtype, only_bytes, read_blocks
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.beside import Beside
from mvcs.ops.collected import refuse_file
from mvcs.ops.desk import StoredContent
from mvcs.ops.revisions import resolve_path, split_ingredient, split_path
from mvcs.ops.show import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mvcs.formats.tensor_file import TensorFile
    from mvcs.formats.tensor_statistics import Statistics
    from mvcs.formats.tensors import Array
    from mvcs.repo.repository import Repository
    from mvcs.store.splitters.layout import Layout
    from mvcs.store.splitters.tensors import Tensor

INSIDE = "//"
"""Between a file and a tensor in it; no path has it."""


class ListedTensor(Record):
    """A tensor of a file.

    Args:
        tensor: The tensor.
        tied: Name of an earlier tensor of the file that has the same bytes of it; empty if none.
    """

    __slots__ = ("tensor", "tied")

    def __init__(self, tensor: Tensor, tied: str = "") -> None:
        self.tensor = tensor
        self.tied = tied

    def to_dict(self) -> dict[str, object]:
        """Returns it as JSON carries it; type and shape are null where they are not known."""
        made: dict[str, object] = {"name": self.tensor.name, **self.tensor.describe()}
        return {**made, "tied": self.tied} if self.tied else made


class TensorShown(Record):
    """A tensor, and what its values are like.

    Args:
        tensor: The tensor.
        statistics: Of its values; None if they cannot be read as numbers.
        reason: Why not.
    """

    __slots__ = ("reason", "statistics", "tensor")

    def __init__(self, tensor: Tensor, statistics: Statistics | None, reason: str = "") -> None:
        self.tensor = tensor
        self.statistics = statistics
        self.reason = reason

    def to_dict(self) -> dict[str, object]:
        """Returns it as JSON carries it."""
        made = {"name": self.tensor.name, **self.tensor.describe()}
        if self.statistics is None:
            return {**made, "reason": self.reason}
        return {**made, **self.statistics.to_dict()}


def split_tensor(text: str) -> tuple[str, str | None]:
    """Splits REV:FILE//TENSOR; returns (REV:FILE, the tensor), None for the tensor if it names no inside."""
    file, inside, name = text.partition(INSIDE)
    return (file, name) if inside and file else (text, None)


def list_tensors(repository: Repository, revision: str) -> list[ListedTensor]:
    """Returns the tensors of REV:FILE//, in the order of the file, or the one of REV:FILE//TENSOR.

    Raises:
        PathNotFound: If there is no such file or tensor.
        UnreadableContent: If the file has no tensors.
        WeightsCollected: If its bytes were collected.
    """
    file, name = split_tensor(revision)
    opened = _open(repository, file)
    if name:
        return [ListedTensor(_find(opened, file, name))]
    first: dict[tuple[int, int], str] = {}
    found = []
    for tensor in opened.tensors.tensors:
        there = first.setdefault((tensor.offset, tensor.length), tensor.name) if tensor.length else tensor.name
        found.append(ListedTensor(tensor, "" if there == tensor.name else there))
    return found


def show_tensor(repository: Repository, revision: str) -> TensorShown:
    """Returns what the values of REV:FILE//TENSOR are like.

    Raises:
        PathNotFound: If there is no such file or tensor.
        UnreadableContent: If the file has no tensors.
        WeightsCollected: If its bytes were collected.
    """
    file, name = split_tensor(revision)
    opened = _open(repository, file)
    tensor = _find(opened, file, name or "")
    reason = only_bytes(tensor)
    if reason:
        return TensorShown(tensor, None, reason)
    return TensorShown(tensor, statistics(lambda: read_blocks(opened.source, tensor)))


class NpyFile:
    """A tensor as a file of numpy. Types that numpy itself does not have become float32, which has all their values.

    Args:
        tensor: The tensor.
        read: Gives its blocks.
    """

    def __init__(self, tensor: Tensor, read: Callable[[], Iterator[Array]]) -> None:
        import numpy as np

        own = numpy_dtype(tensor.dtype)
        self.tensor = tensor
        self.widened = own.isbuiltin != 1
        """Whether its own type is not numpy's, such as BF16."""
        self._dtype = np.dtype("<f4") if self.widened else own
        self._read = read

    def pieces(self) -> Iterator[bytes]:
        """Yields the file in pieces."""
        from io import BytesIO

        from numpy.lib.format import write_array_header_1_0

        head = BytesIO()
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": self.tensor.shape}
        write_array_header_1_0(head, described)
        yield head.getvalue()
        for block in self._read():
            yield block.astype(self._dtype, copy=False).tobytes()


def npy_tensor(repository: Repository, revision: str) -> NpyFile:
    """Returns a tensor as a file of numpy.

    Raises:
        PathNotFound: If there is no such file or tensor.
        UnreadableContent: If the file has no tensors, or elements of this one cannot be read one by one.
        WeightsCollected: If its bytes were collected.
    """
    file, name = split_tensor(revision)
    opened = _open(repository, file)
    tensor = _find(opened, file, name or "")
    if tensor.dtype != "C64" and (reason := only_bytes(tensor)):
        raise UnreadableContent(format="an array of numpy", line=0, reason=reason)
    return NpyFile(tensor, lambda: read_blocks(opened.source, tensor))


def _open(repository: Repository, file: str) -> TensorFile:
    revision, colon, name = split_path(file)
    if not colon:
        revision, name = "HEAD", file
    found = resolve_path(repository, f"{revision}:{name}")
    if found.placed is None or found.placed.entry.kind != IS_BLOB:
        raise PathNotFound(path=name, where="the files of the commit", hint=f"mvcs ls {quote(f'{revision}:{name}')}")
    if found.placed.ingredient == "weights":
        refuse_file(repository, found.oid, found.path.encode("utf-8", "surrogateescape"), found.placed.entry)
    entry, path = found.placed.entry, split_ingredient(found.path)[1].strip("/").encode("utf-8", "surrogateescape")

    def described() -> Layout | None:
        return Beside(repository, listing(repository, found.oid.hex())).described(path, entry.size)

    return open_tensors(StoredContent(repository, entry.oid), described)


def _find(opened: TensorFile, file: str, name: str) -> Tensor:
    tensor = opened.tensors.find(name)
    if tensor is None:
        raise PathNotFound(path=name, where=f"the tensors of {file}", hint=f"mvcs ls {quote(file + INSIDE)}")
    return tensor
