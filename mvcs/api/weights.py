"""The tensors of a commit as Python sees them: a mapping from name to read-only array, read when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mvcs.api.files import Files
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mvcs.objects.hashing import Oid
    from mvcs.ops.load import Loader, TensorIndex
    from mvcs.repo.repository import Repository

    Array = np.ndarray[Any, np.dtype[Any]]
else:
    Array = Any


class TensorInfo(Record):
    """What is known of a tensor without reading it.

    Args:
        name: Its name.
        dtype: Name of the element type, as safetensors and GGUF have them: F32, BF16, F8_E4M3, Q4_K ...
        shape: Lengths; None if it is not known.
        bytes: Bytes from its first element to its last.
        file: Path of its file.
    """

    __slots__ = ("bytes", "dtype", "file", "name", "shape")

    def __init__(self, name: str, dtype: str, shape: tuple[int, ...] | None, bytes: int, file: str) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.bytes = bytes
        self.file = file

    def to_dict(self) -> dict[str, object]:
        """Returns the tensor as JSON carries it."""
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "dtype": self.dtype, "shape": shape, "bytes": self.bytes, "file": self.file}


class Weights(Mapping[str, Array]):
    """Tensors of a commit's weights by name; get them from a commit: `commit.weights`.

    A name means one tensor in all files; where several files have one, FILE//NAME does, which always may be written.
    Arrays are read-only views of mapped files that all processes share, and stay valid when `mvcs gc` or the cap of
    the cache removes a file. A small part of a file that nobody has mapped is read by itself.

    Args:
        repository: Where.
        oid: The commit.
        index: The tensors, if they are known already.
        loader: What gives their bytes, to share what it has read.
    """

    def __init__(
        self, repository: Repository, oid: Oid, index: TensorIndex | None = None, loader: Loader | None = None
    ) -> None:
        self._repository = repository
        self._oid = oid
        self._known = index
        self._loading = loader

    @property
    def _index(self) -> TensorIndex:
        if self._known is None:
            from mvcs.ops.load import tensors_of

            self._known = tensors_of(self._repository, self._oid.hex())
        return self._known

    @property
    def _loader(self) -> Loader:
        if self._loading is None:
            from mvcs.ops.load import Loader

            self._loading = Loader(self._repository)
        return self._loading

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.places)

    def __len__(self) -> int:
        return len(self._index.places)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self._index.find(name) is not None
        except KeyError:
            return False

    def __getitem__(self, name: str) -> Array:
        place = self._index.find(name)
        return self._loader.arrays([place])[place.name]

    def match(self, *patterns: str) -> Weights:
        """Returns the tensors that match any of the patterns; nothing is read yet.

        Args:
            *patterns: Of names, or of FILE//NAME; `*` stands for any characters, dots and slashes among them.

        Raises:
            TensorNotFound: If a pattern matches none.
        """
        return Weights(self._repository, self._oid, self._index.only(self._index.match(patterns)), self._loader)

    def load(self) -> dict[str, Array]:
        """Returns all these tensors; told at once what is wanted, it chooses better between mapping and reading.

        Raises:
            TensorNotFound: If there are none.
        """
        return self._loader.arrays(self._index.match(None))

    def info(self, name: str) -> TensorInfo:
        """Returns what is known of a tensor without reading it."""
        place = self._index.find(name)
        tensor = place.tensor
        shape = tensor.shape if tensor.elements >= 0 else None
        return TensorInfo(place.name, tensor.dtype, shape, tensor.length, place.path)

    def raw(self, name: str) -> Array:
        """Returns a tensor's bytes as they lie in its file, also of one that numpy has no type for."""
        return self._loader.raw(self._index.find(name))

    @property
    def files(self) -> Files:
        """The files of the weights, those that have no tensors among them."""
        return Files(self._repository, self._oid, "weights")

    def path(self, file: str) -> str:
        """Returns the path of a read-only file with the content of a file, shared by all who map it."""
        return self.files.mapped(file)

    def __repr__(self) -> str:
        return f"<{len(self)} tensors of {self._oid.hex()[:12]}>"
