"""A file with its tensors, and which tensors have the same values: told by chunks where they are known.

The identity of values is the BLAKE3 of the oids of their pieces, cut where a stored tensor is cut: of a stored tensor
it costs nothing, and it is the same in every format. Knows: pieces. Refuses to know: what differing means.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.tensors import FORM, numpy_dtype, read_blocks
from mvcs.objects.hashing import blob_oid
from mvcs.objects.record import Record
from mvcs.store.splitters.detect import PICKLE, begins_as
from mvcs.store.splitters.plan import PIECE
from mvcs.store.splitters.source import Known, same_stretch
from mvcs.store.splitters.tensors import read_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mvcs.formats.content import Content
    from mvcs.objects.hashing import Oid
    from mvcs.store.splitters.layout import Layout
    from mvcs.store.splitters.source import Source, Span
    from mvcs.store.splitters.tensors import Tensor, Tensors


class TensorFile(Record):
    """A file with its tensors.

    Args:
        source: The file.
        tensors: What is in it.
    """

    __slots__ = ("source", "tensors")

    def __init__(self, source: Source, tensors: Tensors) -> None:
        self.source = source
        self.tensors = tensors


def open_tensors(content: Content, described: Callable[[], Layout | None] = lambda: None) -> TensorFile:
    """Returns a file with its tensors.

    Args:
        content: The file.
        described: Asked where they are if the file itself does not say.

    Raises:
        UnreadableContent: If it is of no known format, damaged or cut off.
    """
    tensors = read_tensors(content)
    if tensors is None and (layout := described()) is not None:
        tensors = read_tensors(content, layout)
    if tensors is None:
        raise UnreadableContent(format=FORM, line=0, reason=_reason(begins_as(content)))
    return TensorFile(content, tensors)


def _reason(promised: str) -> str:
    if promised == PICKLE:
        return "a pickle, which is never loaded"
    return f"it begins as {promised}, and is damaged or has none" if promised else "no known format"


def same_tensor(first: TensorFile, second: TensorFile, name: str) -> bool:
    """Whether two files have the same tensor of a name: type, shape and values.

    Raises:
        UnreadableContent: If a file ends before the tensor does.
    """
    a, b = first.tensors.find(name), second.tensors.find(name)
    if a is None or b is None or (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    return same_values(first.source, a, second.source, b)


def same_values(first: Source, a: Tensor, second: Source, b: Tensor) -> bool:
    """Whether two tensors of one type and shape have the same bytes, in C order.

    Of tensors whose elements overlap the bytes that they lie in count, and their order there.

    Raises:
        UnreadableContent: If a file ends before a tensor does.
    """
    if (a.overlaps or b.overlaps) and a.strides != b.strides:
        return False
    if a.strides == b.strides and (a.strides is None or a.overlaps):
        if a.length != b.length:
            return False
        if same_stretch(first, a.offset, second, b.offset, a.length):
            return True
    return all(one == other for one, other in zip_longest(_piece_oids(first, a), _piece_oids(second, b)))


def identity(source: Source, tensor: Tensor) -> Oid:
    """Returns what tensors of the same bytes in C order have in common, whatever file they are in.

    Raises:
        UnreadableContent: If the file ends before the tensor does.
    """
    return blob_oid(b"".join(_piece_oids(source, tensor)))


def read_bytes(source: Source, tensor: Tensor) -> Iterator[bytes]:
    """Yields the bytes of a tensor in C order, in pieces as they are cut when they are stored.

    Of a tensor whose elements overlap these are the bytes that it lies in.

    Raises:
        UnreadableContent: If the file ends before the tensor does.
    """
    if not _lies_flat(tensor):
        for block in read_blocks(source, tensor, PIECE // numpy_dtype(tensor.dtype).itemsize):
            yield block.tobytes()
        return
    for at in range(0, tensor.length, PIECE):
        length = min(PIECE, tensor.length - at)
        piece = source.read_at(tensor.offset + at, length)
        if len(piece) != length:
            raise UnreadableContent(format=FORM, line=0, reason=f"the file ends inside {tensor.name}")
        yield piece


def _lies_flat(tensor: Tensor) -> bool:
    return tensor.strides is None or tensor.overlaps


def _piece_oids(source: Source, tensor: Tensor) -> Iterator[Oid]:
    spans = source.spans(tensor.offset, tensor.length) if isinstance(source, Known) and _lies_flat(tensor) else None
    if spans is not None and _is_cut_as_stored(spans):
        yield from (span.oid for span in spans)
    else:
        yield from map(blob_oid, read_bytes(source, tensor))


def _is_cut_as_stored(spans: list[Span]) -> bool:
    return all(span.length == span.whole for span in spans) and all(span.length == PIECE for span in spans[:-1]) and (
        not spans or spans[-1].length <= PIECE
    )
