"""The tensors of a file by name: regions as they are cut, and where one region holds several tensors or views, these.

Knows: how a splitter's regions, torch's views and arrays in Fortran order become tensors. Refuses to know: values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.objects.record import Record
from mvcs.store.splitters.detect import split
from mvcs.store.splitters.layout import (
    BITS,
    BLOCKS,
    DOUBTS,
    UNKNOWN_SHAPE,
    count_elements,
    element_width,
)
from mvcs.store.splitters.npy import NPY, NPZ, read_columns
from mvcs.store.splitters.torch_zip import NOWHERE, read_views
from mvcs.store.splitters.torch_zip import SPLITTER as TORCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.splitters.layout import Layout, Region
    from mvcs.store.splitters.source import Source
    from mvcs.store.splitters.torch_values import View


class Tensor(Record):
    """A tensor of a file.

    Args:
        name: Its name there.
        dtype: Name of the element type as in `layout.BITS` or `layout.BLOCKS`, "" if it is not known.
        shape: Lengths; `layout.UNKNOWN_SHAPE` if it is not known.
        offset: Of its first byte, in bytes of the file.
        length: Bytes from there to behind its last element.
        strides: Steps in elements where they are not those of C order, else None.
    """

    __slots__ = ("dtype", "length", "name", "offset", "shape", "strides")

    def __init__(
        self, name: str, dtype: str, shape: tuple[int, ...], offset: int, length: int,
        strides: tuple[int, ...] | None = None,
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.offset = offset
        self.length = length
        self.strides = strides

    @property
    def elements(self) -> int:
        """How many elements; -1 if that is not known."""
        return count_elements(self.shape) if min(self.shape, default=0) >= 0 else -1

    @property
    def overlaps(self) -> bool:
        """Whether elements are at one place, as in an expanded view: a few bytes may stand for any number of them."""
        return self.strides is not None and self.elements * element_width(self.dtype) > self.length

    def describe(self) -> dict[str, Any]:
        """Returns type, shape and bytes as they are told; None where they are not known."""
        shape = None if self.shape == UNKNOWN_SHAPE else list(self.shape)
        return {"dtype": self.dtype or None, "shape": shape, "bytes": self.length}

    @property
    def is_packed(self) -> bool:
        """Whether elements share bytes, or are of a type that nobody here can read: then only bytes are compared."""
        return self.dtype in BLOCKS or BITS.get(self.dtype, 0) < 8


class Tensors(Record):
    """The tensors of a file.

    Args:
        splitter: Name and version of what found them, such as safetensors@1.
        tensors: In the order of the file; names are unique.
        size: Bytes of the file.
    """

    __slots__ = ("_index", "size", "splitter", "tensors")

    def __init__(self, splitter: str, tensors: tuple[Tensor, ...], size: int) -> None:
        self.splitter = splitter
        self.tensors = tensors
        self.size = size
        self._index: dict[str, Tensor] | None = None

    def _key(self) -> tuple[object, ...]:
        return self.splitter, self.tensors, self.size

    def find(self, name: str) -> Tensor | None:
        """Returns a tensor by its name, None if there is none."""
        if self._index is None:
            self._index = {tensor.name: tensor for tensor in self.tensors}
        return self._index.get(name)


def read_tensors(source: Source, layout: Layout | None = None) -> Tensors | None:
    """Returns the tensors of a file, None if it is of no known format or in any way odd.

    Args:
        source: The file.
        layout: Its regions, if they are known already.

    Raises:
        OSError: If the source cannot be read.
    """
    layout = split(source) if layout is None else layout
    if layout is None:
        return None
    views = _views(source, layout)
    found = {tensor.name: tensor for _, tensors in by_region(source, layout, views) for tensor in tensors}
    for name, view in views.get(NOWHERE, []):
        if not count_elements(view.shape):
            found.setdefault(name, Tensor(name, view.storage.dtype, view.shape, 0, 0))
    return Tensors(layout.splitter, tuple(found.values()), layout.size)


def _views(source: Source, layout: Layout) -> dict[int, list[tuple[str, View]]]:
    """Returns the tensors that are parts of regions, or lie in another order: offset of a region to names and views."""
    views: dict[int, list[tuple[str, View]]] = {}
    try:
        if layout.splitter == TORCH:
            views = read_views(source)
        elif layout.splitter in {NPY, NPZ}:
            views = read_columns(source, layout.splitter)
    except DOUBTS:
        views = {}
    return views


def by_region(
    source: Source, layout: Layout, views: dict[int, list[tuple[str, View]]] | None = None
) -> Iterator[tuple[Region, list[Tensor]]]:
    """Yields the regions of a file, each with its tensors; of two tensors of one name the first counts.

    Raises:
        OSError: If the source cannot be read.
    """
    views = _views(source, layout) if views is None else views
    seen: set[str] = set()
    for region in layout.regions:
        tensors = [one for one in _tensors_of(region, views.get(region.offset, [])) if one.name not in seen]
        seen.update(tensor.name for tensor in tensors)
        yield region, tensors


def _tensors_of(region: Region, views: list[tuple[str, View]]) -> Iterator[Tensor]:
    width = element_width(region.dtype)
    made = [tensor for name, view in views if width and (tensor := _viewed(region, name, view, width)) is not None]
    if made and len(made) == len(views):
        yield from made
    else:
        yield Tensor(region.name, region.dtype, region.shape, region.offset, region.length)


def _viewed(region: Region, name: str, view: View, width: int) -> Tensor | None:
    """Returns a view of a region as a tensor, None if it leaves the region."""
    elements = count_elements(view.shape)
    last = sum(step * (length - 1) for step, length in zip(view.strides, view.shape, strict=True)) if elements else -1
    if (view.start + last + 1) * width > region.length or view.start * width > region.length:
        return None
    strides = None if elements < 2 or view.strides == _c_order(view) else view.strides
    return Tensor(
        name, region.dtype, view.shape, region.offset + view.start * width, (last + 1) * width, strides
    )


def _c_order(view: View) -> tuple[int, ...]:
    """Returns the strides of C order; of lengths of one, whatever the view says."""
    step = 1
    steps = []
    for length, given in zip(reversed(view.shape), reversed(view.strides), strict=True):
        steps.append(given if length == 1 else step)
        step *= length
    return tuple(reversed(steps))
