"""Tensors as torch has them. The only module that imports torch.

Memory is mapped copy-on-write: torch knows no read-only tensors, and what is written must reach neither the file nor
other processes. Knows: torch's types, that it reads aligned memory only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.errors import PreconditionFailed
from mvcs.ops.load import UnreadableTensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mvcs.ops.load import Loader, Place

DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16", "I32": "int32",
    "U32": "uint32", "F32": "float32", "I64": "int64", "U64": "uint64", "F64": "float64", "C64": "complex64",
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip
"""Names of `mvcs.store.splitters.layout.BITS` to those of torch."""


class MissingPackage(PreconditionFailed):
    """A package that mvcs does not install by itself; field `package`."""

    template = "the package {package} is not installed"
    hint_template = "pip install {package}"


def state_dict(loader: Loader, places: Callable[[], Sequence[Place]]) -> dict[str, Any]:
    """Returns tensors by name, in their order; those that are one in the file share their memory here too.

    Args:
        loader: Gives their bytes.
        places: Says which tensors.

    Raises:
        MissingPackage: If torch is not installed; nothing is read then.
        UnreadableTensor: If torch has no type for one.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingPackage(package="torch") from error
    chosen = places()
    found = {place.name: _tensor(torch, place, buffer, at) for place, buffer, at in loader.load(chosen, private=True)}
    return {place.name: found[place.name] for place in chosen}


def _tensor(torch: Any, place: Place, buffer: Any, at: int) -> Any:  # noqa: ANN401 -- torch is not always there
    tensor = place.tensor
    dtype = getattr(torch, DTYPES.get(tensor.dtype, ""), None)
    if dtype is None or tensor.elements < 0:
        raise UnreadableTensor(name=place.name, reason=f"torch has no type for {tensor.dtype or 'its elements'}")
    if tensor.elements == 0:
        return torch.empty(tensor.shape, dtype=dtype)
    if at % dtype.itemsize:
        buffer, at = bytearray(memoryview(buffer)[at : at + tensor.length]), 0
    flat = torch.frombuffer(buffer, dtype=dtype, count=tensor.length // dtype.itemsize, offset=at)
    return flat.reshape(tensor.shape) if tensor.strides is None else flat.as_strided(tensor.shape, tensor.strides)
