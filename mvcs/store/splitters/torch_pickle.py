"""What the pickle of a PyTorch checkpoint says of its storages, read as data: nothing is imported, nothing is called.

Knows: the opcodes that pickles of protocol 2 to 5 have, and torch's own constructors by their names. A value that it
does not know is opaque; an opcode that it does not know ends it. Source: Lib/pickletools.py, torch/serialization.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.splitters.layout import MAX_NAME
from mvcs.store.splitters.torch_values import DTYPES, HERE, OPAQUE, Bag, Global, Storage, View, name_tensors, view

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_OPCODES = 500_000
"""Steps; a tensor takes about thirty. It bounds memory too: no step makes more than about 100 bytes."""


def read_storages(content: bytes) -> dict[str, Storage]:
    """Returns the storages of a pickle by their keys.

    Raises:
        InvalidObject: If the pickle is too long or has what torch does not write.
    """
    return read_tensors(content)[0]


def read_tensors(content: bytes) -> tuple[dict[str, Storage], dict[str, View]]:
    """Returns the storages of a pickle by their keys, and its tensors by their names.

    Raises:
        InvalidObject: If the pickle is too long or has what torch does not write.
    """
    machine = _Machine(content)
    named = name_tensors(machine.run())
    return machine.storages, named


class _Machine:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: list[object] = []
        self.storages: dict[str, Storage] = {}

    def run(self) -> object:
        content = self._content
        for _ in range(MAX_OPCODES):
            if self._at >= len(content):
                break
            code = content[self._at]
            self._at += 1
            if code == _STOP:
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                raise InvalidObject(kind="pickle", reason=f"opcode {code} at {self._at - 1}")
            step(self)
        raise InvalidObject(kind="pickle", reason="it does not end")

    # Bytes, stack, memo

    def _take(self, length: int) -> bytes:
        at = self._at
        if length > len(self._content) - at:
            raise InvalidObject(kind="pickle", reason=f"it ends in {length} bytes at {at}")
        self._at = at + length
        return self._content[at : at + length]

    def _number(self, length: int) -> int:
        return int.from_bytes(self._take(length), "little")

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        if not self._stack or (self._marks and self._marks[-1] >= len(self._stack)):
            raise InvalidObject(kind="pickle", reason=f"nothing on the stack at {self._at}")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[object]:
        if not self._marks:
            raise InvalidObject(kind="pickle", reason=f"no mark at {self._at}")
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    # Steps

    def skip(self, length: int) -> None:
        self._take(length)

    def skip_opaque(self, sized: int) -> None:
        self._take(self._number(sized))
        self._push(OPAQUE)

    def text(self, sized: int) -> None:
        self._push(self._take(self._number(sized)))  # left as bytes: most of it is never looked at

    def unsigned(self, length: int) -> None:
        self._push(self._number(length))

    def signed(self, length: int) -> None:
        self._push(int.from_bytes(self._take(length), "little", signed=True))

    def long(self, sized: int) -> None:
        raw = self._take(self._number(sized))
        self._push(int.from_bytes(raw, "little", signed=True) if len(raw) <= 8 else OPAQUE)

    def double(self) -> None:
        self._take(8)
        self._push(OPAQUE)

    def opaque(self) -> None:
        self._push(OPAQUE)

    def mark(self) -> None:
        self._marks.append(len(self._stack))

    def pop(self) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop()

    def pop_mark(self) -> None:
        self._pop_to_mark()

    def dup(self) -> None:
        value = self._pop()
        self._stack += [value, value]

    def named(self) -> None:
        words = []
        for _ in range(2):
            end = self._content.find(b"\n", self._at, self._at + MAX_NAME)
            if end < 0:
                raise InvalidObject(kind="pickle", reason=f"a name at {self._at}")
            words.append(self._take(end + 1 - self._at)[:-1].decode())
        self._push(Global(" ".join(words)))

    def stack_named(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, bytes) or not isinstance(module, bytes):
            raise InvalidObject(kind="pickle", reason=f"a name at {self._at}")
        self._push(Global(f"{module.decode()} {name.decode()}"))

    def tuple(self, count: int) -> None:
        self._push(tuple([self._pop() for _ in range(count)][::-1]))

    def tuple_to_mark(self) -> None:
        self._push(tuple(self._pop_to_mark()))

    def bag(self) -> None:
        self._push(Bag())

    def bag_to_mark(self, *, keyed: bool) -> None:
        values = self._pop_to_mark()
        self._push(Bag())
        self._extend(values, keyed=keyed)

    def add(self, *, keyed: bool) -> None:
        value = self._pop()
        self._extend([self._pop(), value] if keyed else [value], keyed=keyed)

    def add_to_mark(self, *, keyed: bool) -> None:
        self._extend(self._pop_to_mark(), keyed=keyed)

    def _extend(self, values: list[object], *, keyed: bool) -> None:
        bag = self._pop()
        self._push(bag)
        if not isinstance(bag, Bag):
            return
        if keyed:
            if len(values) % 2:
                raise InvalidObject(kind="pickle", reason=f"a key without its value at {self._at}")
            bag.extend(values)
        else:
            start = len(bag.items or ()) // 2
            bag.extend([part for index, value in enumerate(values, start) for part in (index, value)])

    def put(self, length: int) -> None:
        at = self._number(length)
        if at != len(self._memo):  # torch's pickler counts, and a table of any numbers could be large
            raise InvalidObject(kind="pickle", reason=f"memo {at} at {self._at}")
        self.memoize()

    def memoize(self) -> None:
        value = self._pop()
        self._stack.append(value)
        self._memo.append(value)

    def get(self, length: int) -> None:
        at = self._number(length)
        if at >= len(self._memo):
            raise InvalidObject(kind="pickle", reason=f"memo {at} at {self._at}")
        self._push(self._memo[at])

    def persistent(self) -> None:
        found = self._pop()
        if not isinstance(found, tuple) or len(found) < 5 or found[0] != b"storage":
            self._push(OPAQUE)
            return
        kind, key, count = found[1], found[2], found[4]
        if not isinstance(kind, Global) or not isinstance(key, bytes) or not isinstance(count, int):
            raise InvalidObject(kind="pickle", reason=f"a storage at {self._at}")
        storage = Storage(DTYPES.get(kind.rpartition(" ")[2], ""), count)
        known = self.storages.setdefault(key.decode(), storage)
        if (known.dtype, known.count) != (storage.dtype, count) and not (known.count == count and storage.dtype == ""):
            known.dtype, known.count = "", 0
        self._push(known)

    def build(self) -> None:
        state = self._pop()
        target = self._pop()
        if isinstance(target, Bag):
            target.extend([HERE, state])
        self._push(target)

    def new(self, count: int) -> None:
        for _ in range(count):
            self._pop()
        self._push(Bag())

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(arguments, tuple):
            raise InvalidObject(kind="pickle", reason=f"arguments at {self._at}")
        if function == "torch._tensor _rebuild_from_type_v2" and len(arguments) >= 3:
            function, arguments = arguments[0], arguments[2]
        name = function.removeprefix("torch._utils ") if isinstance(function, Global) else ""
        if name in {"_rebuild_parameter", "_rebuild_parameter_with_state"} and arguments:
            self._push(arguments[0])
        elif name in {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"}:
            self._push(view(arguments))
        else:
            self._push(Bag())


_STOP = 0x2E
_STEPS: dict[int, Callable[[_Machine], None]] = {
    0x80: lambda m: m.skip(1),  # PROTO
    0x95: lambda m: m.skip(8),  # FRAME
    0x28: _Machine.mark,
    0x30: _Machine.pop,
    0x31: _Machine.pop_mark,
    0x32: _Machine.dup,
    0x4E: _Machine.opaque,  # None, True, False: no part of what is looked for
    0x88: _Machine.opaque,
    0x89: _Machine.opaque,
    0x47: _Machine.double,
    0x4A: lambda m: m.signed(4),
    0x4B: lambda m: m.unsigned(1),
    0x4D: lambda m: m.unsigned(2),
    0x8A: lambda m: m.long(1),
    0x8B: lambda m: m.long(4),
    0x58: lambda m: m.text(4),
    0x8C: lambda m: m.text(1),
    0x8D: lambda m: m.text(8),
    0x54: lambda m: m.skip_opaque(4),  # bytes and strings of Python 2
    0x55: lambda m: m.skip_opaque(1),
    0x42: lambda m: m.skip_opaque(4),
    0x43: lambda m: m.skip_opaque(1),
    0x8E: lambda m: m.skip_opaque(8),
    0x96: lambda m: m.skip_opaque(8),
    0x29: lambda m: m.tuple(0),
    0x85: lambda m: m.tuple(1),
    0x86: lambda m: m.tuple(2),
    0x87: lambda m: m.tuple(3),
    0x74: _Machine.tuple_to_mark,
    0x5D: _Machine.bag,  # list, dict, set
    0x7D: _Machine.bag,
    0x8F: _Machine.bag,
    0x6C: lambda m: m.bag_to_mark(keyed=False),
    0x64: lambda m: m.bag_to_mark(keyed=True),
    0x91: lambda m: m.bag_to_mark(keyed=False),
    0x61: lambda m: m.add(keyed=False),
    0x73: lambda m: m.add(keyed=True),
    0x65: lambda m: m.add_to_mark(keyed=False),
    0x75: lambda m: m.add_to_mark(keyed=True),
    0x90: lambda m: m.add_to_mark(keyed=False),
    0x63: _Machine.named,
    0x93: _Machine.stack_named,
    0x71: lambda m: m.put(1),
    0x72: lambda m: m.put(4),
    0x94: _Machine.memoize,
    0x68: lambda m: m.get(1),
    0x6A: lambda m: m.get(4),
    0x51: _Machine.persistent,
    0x52: _Machine.reduce,
    0x81: lambda m: m.new(2),
    0x92: lambda m: m.new(3),
    0x62: _Machine.build,
}
