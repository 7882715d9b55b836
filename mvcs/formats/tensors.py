"""The values of tensors, a block at a time: as numpy has them, or as float64.

Knows: element types, the order of elements. Refuses to know: file formats (`mvcs.store.splitters`), what is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.errors import UnreadableContent
from mvcs.store.splitters.layout import BITS, BLOCKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    import numpy as np

    from mvcs.store.splitters.source import Source
    from mvcs.store.splitters.tensors import Tensor

    Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 1 << 20
"""Elements that are read at once."""
FORM = "tensors"

_NUMPY = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "F16": "<f2", "I32": "<i4", "U32": "<u4",
    "F32": "<f4", "I64": "<i8", "U64": "<u8", "F64": "<f8", "C64": "<c8",
}
_ML = {
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}
"""Types that numpy gets from the package ml_dtypes."""
FLOATS = frozenset({"F16", "F32", "F64", *_ML})
INTEGERS = frozenset({"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64"})


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """Returns the numpy type of a tensor's elements.

    Args:
        dtype: As in `mvcs.store.splitters.layout.BITS`.

    Raises:
        UnreadableContent: If elements are packed, quantised in blocks or of no known type.
    """
    import numpy as np

    if dtype in _NUMPY:
        return np.dtype(_NUMPY[dtype])
    if dtype in _ML:
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, _ML[dtype]))
        return found
    reason = f"elements of type {dtype} share bytes" if dtype in BITS else f"no known type of elements: {dtype!r}"
    raise UnreadableContent(format=FORM, line=0, reason=reason)


def only_bytes(tensor: Tensor) -> str:
    """Returns why a tensor is not read as real numbers, one by one; empty if it can be."""
    if tensor.dtype in BLOCKS:
        return f"{tensor.dtype} is quantised"
    if tensor.dtype in BITS and BITS[tensor.dtype] < 8:
        return f"elements of {tensor.dtype} share bytes"
    if not tensor.dtype or tensor.elements < 0:
        return "its type is not known"
    if tensor.overlaps:
        return "its elements overlap"
    return "" if tensor.dtype in FLOATS | INTEGERS else f"{tensor.dtype} is not real"


def read_raw(source: Source, tensor: Tensor) -> Iterator[bytes]:
    """Yields the bytes of a tensor as they lie in the file, a block at a time.

    Raises:
        UnreadableContent: If the file ends before the tensor does.
    """
    step = BLOCK * 4
    for at in range(0, tensor.length, step):
        yield _read(source, tensor, at, min(step, tensor.length - at))


def read_blocks(source: Source, tensor: Tensor, elements: int = BLOCK) -> Iterator[Array]:
    """Yields the elements of a tensor in C order as flat arrays, whatever order they lie in.

    Elements in another order than C's are laid out in a temporary file once there are more than a block of them, so
    memory stays bounded.

    Args:
        source: The file.
        tensor: One of its tensors.
        elements: Of a block, at most.

    Raises:
        UnreadableContent: If its elements cannot be read one by one, or the file ends before the tensor does.
    """
    import numpy as np

    dtype = numpy_dtype(tensor.dtype)
    if tensor.elements < 0:
        raise UnreadableContent(format=FORM, line=0, reason=f"the shape of {tensor.name} is not known")
    if tensor.strides is not None:
        yield from _strided(source, tensor, dtype, elements)
        return
    step = elements * dtype.itemsize
    for at in range(0, tensor.length, step):
        yield np.frombuffer(_read(source, tensor, at, min(step, tensor.length - at)), dtype)


def read_array(source: Source, tensor: Tensor) -> Array:
    """Returns a whole tensor in its shape.

    Raises:
        UnreadableContent: If its elements cannot be read one by one, or the file ends before the tensor does.
    """
    import numpy as np

    blocks = list(read_blocks(source, tensor, max(tensor.elements, 1)))
    flat = blocks[0] if blocks else np.empty(0, numpy_dtype(tensor.dtype))
    return flat.reshape(tensor.shape)


def view_array(buffer: bytes | mmap, tensor: Tensor, at: int) -> Array:
    """Returns a tensor as a view of the bytes it lies in; nothing is copied, also where they are not aligned.

    Args:
        buffer: The bytes; the array can be written if they can.
        tensor: The tensor.
        at: Where it begins in them.

    Raises:
        UnreadableContent: If its elements cannot be read one by one, its shape is not known or too large for numpy.
    """
    import numpy as np

    dtype = numpy_dtype(tensor.dtype)
    if tensor.elements < 0:
        raise UnreadableContent(format=FORM, line=0, reason=f"the shape of {tensor.name} is not known")
    strides = None if tensor.strides is None else [step * dtype.itemsize for step in tensor.strides]
    try:
        return np.ndarray(tensor.shape, dtype, buffer, at, strides)
    except (ValueError, OverflowError) as error:  # steps of zero make any size of a few bytes
        raise UnreadableContent(format=FORM, line=0, reason=str(error)) from error


def _strided(source: Source, tensor: Tensor, dtype: np.dtype[Any], elements: int) -> Iterator[Array]:
    import tempfile

    import numpy as np

    assert tensor.strides is not None
    strides = [step * dtype.itemsize for step in tensor.strides]
    if tensor.elements <= elements:
        flat = np.frombuffer(b"".join(read_raw(source, tensor)), dtype)
        yield np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False).reshape(-1)
        return
    with tempfile.TemporaryFile(prefix="mvcs-") as file:
        for piece in read_raw(source, tensor):
            file.write(piece)
        file.flush()
        flat = np.memmap(file, dtype, "r")
        lain = np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)
        for at in range(0, tensor.elements, elements):
            places = np.unravel_index(np.arange(at, min(at + elements, tensor.elements)), tensor.shape)
            yield np.asarray(lain[places])
        del lain, flat


def _read(source: Source, tensor: Tensor, at: int, length: int) -> bytes:
    found = source.read_at(tensor.offset + at, length)
    if len(found) != length:
        raise UnreadableContent(format=FORM, line=0, reason=f"the file ends inside {tensor.name}")
    return found
