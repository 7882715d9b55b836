"""What a pickle would make, as symbols: a stack machine that calls nothing and imports nothing.

A class is its two names, an object its class, arguments and state. Arrays that joblib puts between two opcodes are
stepped over; those of objects are pickles of their own. Knows: opcodes. Refuses to know: what classes mean.
Sources: pickletools of Python 3.11; joblib/numpy_pickle.py of joblib 0.11 to 1.5 (NumpyArrayWrapper).
"""

from __future__ import annotations

import pickletools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

MAX_OPCODES = 400_000
MAX_ARGUMENT = 16 << 20
MAX_LINE = 1 << 16
MAX_NESTED = 1_000
KEPT = 4096
"""Longer texts and bytes are no names: read past and not kept."""
MAX_KEPT = 32 << 20
"""Characters and bytes that are kept in all."""


class Unknown:
    """A value that is not followed."""

    __slots__ = ()


class Class:
    """A class or function by name.

    Args:
        module: Its module.
        name: Its name there.
    """

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name


class Made:
    """What calling something would make.

    Args:
        maker: What would be called.
        arguments: With what.

    Attributes:
        state: What it would be given afterwards, None if nothing.
    """

    __slots__ = ("arguments", "maker", "state")

    def __init__(self, maker: Any, arguments: Any) -> None:  # noqa: ANN401 -- symbols and plain values
        self.maker = maker
        self.arguments = arguments
        self.state: Any = None


UNKNOWN = Unknown()


def read_symbols(file: BinaryIO) -> Any:  # noqa: ANN401 -- symbols and plain values
    """Returns what the pickle at the file's position would make: plain values, `Class`, `Made`, `UNKNOWN`.

    Raises:
        ValueError: If it is no pickle, or is beyond the bounds.
        IndexError, KeyError, TypeError: If its opcodes do not fit each other.
    """
    return _Machine(_Bounded(file), [MAX_OPCODES, MAX_NESTED, MAX_KEPT]).run()


class _Bounded:
    """A file of which no read is longer than an argument may be."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_ARGUMENT:
            raise ValueError("too long an argument")  # noqa: EM101 -- the caller asks only whether it can be read
        return self.file.read(size)

    def readline(self) -> bytes:
        return self.file.readline(MAX_LINE)


class _Machine:
    def __init__(self, file: _Bounded, left: list[int]) -> None:
        self.file = file
        self.left = left
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:  # noqa: ANN401 -- symbols and plain values
        for opcode, argument, _ in pickletools.genops(self.file):  # type: ignore[arg-type]
            self.left[0] -= 1
            if self.left[0] < 0:
                raise ValueError("too many opcodes")  # noqa: EM101 -- as above
            if opcode.name == "STOP":
                return self.stack.pop()
            step = _STEPS.get(opcode.name)
            if step is not None:
                step(self, argument)
            elif opcode.name in _VALUES:
                self.stack.append(self._kept(argument))
            else:
                raise ValueError("an opcode that is not followed")  # noqa: EM101 -- as above
        raise ValueError("no end")  # noqa: EM101 -- as above

    def _kept(self, value: Any) -> Any:  # noqa: ANN401 -- a plain value
        size = len(value) if isinstance(value, str | bytes | bytearray) else 8
        if size > KEPT or (isinstance(value, int) and value.bit_length() > 64):
            return UNKNOWN
        self.left[2] -= size
        if self.left[2] < 0:
            raise ValueError("too much")  # noqa: EM101 -- as above
        return value

    def to_mark(self) -> list[Any]:
        """Returns what lies above the mark, and takes it away."""
        items, self.stack = self.stack, self.below.pop()
        return items

    def build(self, _: object) -> None:
        """Gives an object its state; where it stands for an array of joblib, goes past its bytes."""
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, Made):
            return
        made.state = state
        if isinstance(made.maker, Class) and made.maker.name == "NumpyArrayWrapper":
            self.stack[-1] = self._array(state)

    def _array(self, state: dict[str, Any]) -> Any:  # noqa: ANN401 -- symbols and plain values
        dtype = state["dtype"]
        code = dtype.arguments[0]
        if dtype.maker.name != "dtype" or not isinstance(code, str):
            raise ValueError("an unknown type")  # noqa: EM101 -- as above
        if code[0] == "O":
            self.left[1] -= 1
            if self.left[1] < 0:
                raise ValueError("too many arrays")  # noqa: EM101 -- as above
            return _Machine(self.file, self.left).run()
        size = int(code[1:]) * (4 if code[0] == "U" else 1)
        for length in state["shape"]:
            size *= length
        if state.get("numpy_array_alignment_bytes") is not None:
            size += self.file.read(1)[0]
        if not 0 <= size < 1 << 62:
            raise ValueError("too long an array")  # noqa: EM101 -- as above
        self.file.file.seek(size, 1)
        return UNKNOWN


def _push(value: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(value())


def _mark(machine: _Machine, _: object) -> None:
    machine.below.append(machine.stack)
    machine.stack = []


def _pop(machine: _Machine, _: object) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.to_mark()


def _put(machine: _Machine, index: object) -> None:
    machine.memo[len(machine.memo) if index is None else int(str(index))] = machine.stack[-1]


def _get(machine: _Machine, index: object) -> None:
    machine.stack.append(machine.memo[int(str(index))])


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: object) -> None:
        items = machine.stack[-count:]
        if len(items) < count:
            raise IndexError
        machine.stack[-count:] = [tuple(items)]

    return step


def _append(machine: _Machine, items: list[Any]) -> None:
    if isinstance(machine.stack[-1], list):
        machine.stack[-1].extend(items)


def _set(machine: _Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if isinstance(target, dict):
        target.update((key, value) for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str))


def _dict(machine: _Machine, _: object) -> None:
    items = machine.to_mark()
    machine.stack.append({})
    _set(machine, items)


def _pair(machine: _Machine, _: object) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _set(machine, [key, value])


def _one(machine: _Machine, _: object) -> None:
    item = machine.stack.pop()
    _append(machine, [item])


def _global(machine: _Machine, names: object) -> None:
    module, _, name = str(names).partition(" ")
    machine.stack.append(Class(module, name))


def _stack_global(machine: _Machine, _: object) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Class(str(module), str(name)))


def _make(machine: _Machine, _: object) -> None:
    arguments, maker = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Made(maker, arguments))


def _make_with_names(machine: _Machine, _: object) -> None:
    _, arguments, maker = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Made(maker, arguments))


def _above(take: Callable[[_Machine, list[Any]], None]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: take(machine, machine.to_mark())


def _nothing(_machine: _Machine, _argument: object) -> None:
    return


_VALUES = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE",
    "BINUNICODE", "BINUNICODE8",
})
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _nothing, "FRAME": _nothing, "NONE": _push(lambda: None), "NEWTRUE": _push(lambda: True),
    "NEWFALSE": _push(lambda: False), "EMPTY_LIST": _push(list), "EMPTY_DICT": _push(dict), "EMPTY_TUPLE": _push(tuple),
    "EMPTY_SET": _push(lambda: UNKNOWN), "MARK": _mark, "POP": _pop, "POP_MARK": _above(lambda m, _: None),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]), "PUT": _put, "BINPUT": _put, "LONG_BINPUT": _put, "MEMOIZE": _put,
    "GET": _get, "BINGET": _get, "LONG_BINGET": _get, "TUPLE": _above(lambda m, items: m.stack.append(tuple(items))),
    "TUPLE1": _tuple(1), "TUPLE2": _tuple(2), "TUPLE3": _tuple(3), "DICT": _dict,
    "LIST": _above(lambda m, items: m.stack.append(items)), "APPEND": _one,
    "APPENDS": _above(_append), "SETITEM": _pair, "SETITEMS": _above(_set),
    "ADDITEMS": _above(lambda m, _: None), "FROZENSET": _above(lambda m, _: m.stack.append(UNKNOWN)),
    "GLOBAL": _global, "STACK_GLOBAL": _stack_global, "REDUCE": _make, "NEWOBJ": _make, "NEWOBJ_EX": _make_with_names,
    "BUILD": _Machine.build,
}
