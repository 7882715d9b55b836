"""The parts of a PyTorch checkpoint's pickle that say what its storages are: tensors, and the keys they lie under.

Knows: torch's names of types, views of a storage, paths of keys. Refuses to know: opcodes (`torch_pickle`).
"""

from __future__ import annotations

from mvcs.store.splitters.layout import MAX_DIMENSIONS, count_elements, element_width

MAX_PATH = 1024
"""Characters of a path of keys; what lies deeper has no name."""

DTYPES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64", "QInt8Storage": "I8", "QUInt8Storage": "U8",
    "QInt32Storage": "I32", "UntypedStorage": "",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip
"""Names of storage classes and, for untyped storages, of the dtypes that a tensor gives."""

_MODULE_LEVELS = (b"_modules", b"_parameters", b"_buffers")
"""Attributes of a pickled module that a state dict does not have as keys."""


class Global(str):
    """The name of a class or function, module and name joined by a space."""

    __slots__ = ()


class Storage:
    """A storage: where a tensor's elements lie.

    Args:
        dtype: As in a layout, "" if it is not known.
        count: Elements; bytes where the type is not known.
    """

    __slots__ = ("count", "dtype", "name", "views")

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype = dtype
        self.count = count
        self.views: list[tuple[int, ...] | None] = []
        """Shapes of its tensors that are all of it, None for others."""
        self.name = ""
        """Of the first tensor that views it, the path of its keys."""

    def shape(self) -> tuple[int, ...] | None:
        """Returns the shape of its tensors, None if there are none or one is another part or view of it."""
        first = self.views[0] if self.views else None
        return first if self.views.count(first) == len(self.views) else None


class View:
    """A tensor: a part of a storage, or all of it, in some order.

    Args:
        storage: Where its elements lie.
        start: Its first element there.
        shape: Lengths.
        strides: Steps in elements.
    """

    __slots__ = ("shape", "start", "storage", "strides")

    def __init__(self, storage: Storage, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.storage = storage
        self.start = start
        self.shape = shape
        self.strides = strides


class Bag:
    """A container, or an object with its state; its keys and values alternate."""

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[object] | None = None

    def extend(self, values: list[object]) -> None:
        """Adds keys and values."""
        if self.items is None:
            self.items = values
        else:
            self.items += values


OPAQUE = Global("")
HERE = Global("here")
"""Key of a value that is at the same level as its container: an object's state."""


def view(arguments: object) -> object:
    """Notes that a tensor views a storage; returns the tensor, or the storage if the view cannot be one."""
    if not isinstance(arguments, tuple) or len(arguments) < 4 or not isinstance(arguments[0], Storage):
        return OPAQUE
    storage, start, shape, strides = arguments[:4]
    if len(arguments) > 6 and isinstance(arguments[6], Global):  # the third version: bytes with a type
        dtype = DTYPES.get(arguments[6].removeprefix("torch "), "")
        width = element_width(dtype)
        if storage.dtype == "" and not storage.views and width and storage.count % width == 0:
            storage.dtype, storage.count = dtype, storage.count // width
        elif storage.dtype != dtype:
            storage.dtype, storage.count = "", 0
    made = _view(storage, start, shape, strides)
    storage.views.append(None if made is None else _full_shape(made))
    return storage if made is None else made


def _view(storage: Storage, start: object, shape: object, strides: object) -> View | None:
    if type(start) is not int or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        return None
    if not len(shape) == len(strides) <= MAX_DIMENSIONS or not all(type(item) is int for item in shape + strides):
        return None
    return None if min((start, *shape, *strides)) < 0 else View(storage, start, shape, strides)


def _full_shape(made: View) -> tuple[int, ...] | None:
    """Returns the shape of a view that is all of its storage, one dimension if it is not in C order; else None."""
    shape, count = made.shape, made.storage.count
    if made.start != 0 or count_elements(shape) != count:
        return None
    real = [(step, length) for step, length in zip(made.strides, shape, strict=True) if length != 1]
    ordered = sorted(real, reverse=True)
    step = 1
    for found, length in reversed(ordered):
        if found != step:
            return None
        step *= length
    return shape if real == ordered else (count,)


def name_tensors(root: object) -> dict[str, View]:
    """Returns the tensors by their paths of keys, in the pickle's order; a container is met once.

    Each storage gets the name of its first tensor.
    """
    found: dict[str, View] = {}
    seen: set[int] = set()
    waiting: list[tuple[str | None, object, object]] = [("", HERE, root)]
    while waiting:
        above, key, value = waiting.pop()
        if isinstance(value, View | Storage):
            name = _below(above, key) or ""
            storage = value.storage if isinstance(value, View) else value
            if storage.views and not storage.name:
                storage.name = name
            if isinstance(value, View) and name:
                found.setdefault(name, value)
        elif isinstance(value, Bag) and value.items and id(value) not in seen:
            seen.add(id(value))
            path = _below(above, key)
            items = value.items
            pairs = zip(items[-2::-2], items[::-2], strict=True)
            waiting.extend((path, below, inner) for below, inner in pairs if isinstance(inner, View | Storage | Bag))
    return found


def _below(path: str | None, key: object) -> str | None:
    """Returns the path of a key, None if it is too long or a key is no text or number."""
    if path is None or key is HERE or key in _MODULE_LEVELS:
        return path
    if isinstance(key, bytes):
        word = key.decode("utf-8", "replace")
    elif type(key) is int:
        word = str(key)
    else:
        return None
    longer = f"{path}.{word}" if path else word
    return longer if len(longer) <= MAX_PATH else None
