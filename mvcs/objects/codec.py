"""Canonical MessagePack: one byte string per value.

Objects are arrays of fixed arity; the only types are nil, unsigned and negative integers, str, bin and array. A
payload is accepted only if encoding what was decoded gives the same bytes, so a value has one oid. The only module
that imports msgpack. Implements: spec 4.
"""

from __future__ import annotations

from itertools import chain

import msgpack

from mvcs.errors import InvalidObject, UnknownFeature

Value = None | int | str | bytes | list["Value"] | tuple["Value", ...]

MAX_PAYLOAD = 4 << 20
"""Bytes; a larger payload is refused before it is parsed (spec 4.3)."""

MAX_NUMBER = 2**63 - 1
"""Integers are signed and have 64 bits, in every language that reads them."""

MAX_DEPTH = 6
"""Nesting of arrays; the deepest legal object, an operation, has 3."""

ALLOWED = {type(None), int, str, bytes, list}
"""Types of what an array holds."""


def encode(value: Value) -> bytes:
    """Returns the canonical bytes of a value made of the allowed types.

    Raises:
        InvalidObject: If nobody could decode them: text with lone surrogates, integers of more than 64 bits, or a
            payload over the limit.
    """
    try:
        payload: bytes = msgpack.packb(value, use_bin_type=True, autoreset=True)
    except (OverflowError, UnicodeEncodeError) as error:
        raise InvalidObject(kind=_kind_of(value), reason=str(error)) from error
    if len(payload) > MAX_PAYLOAD:
        raise InvalidObject(kind=_kind_of(value), reason=f"{len(payload)} bytes, more than {MAX_PAYLOAD}")
    return payload


def _kind_of(value: Value) -> str:
    return str(value[0]) if isinstance(value, (list, tuple)) and value else "value"


def _refuse(*_: object) -> object:
    raise ValueError("maps and extension types are not allowed")  # noqa: EM101 -- caught below


def decode(kind: str, payload: bytes, arity: int, version: int = 1) -> list[Value]:
    """Decodes a payload and checks that it is canonical, of this kind, version and arity.

    Args:
        kind: The kind tag that must come first.
        payload: Encoded object.
        arity: Number of fields after kind and version.
        version: Object version that must come second.

    Returns:
        The fields after kind and version.

    Raises:
        InvalidObject: If the bytes are not the canonical form of such an object.
        UnknownFeature: If a newer mvcs wrote the object.
    """
    if len(payload) > MAX_PAYLOAD:
        raise InvalidObject(kind=kind, reason=f"{len(payload)} bytes, more than {MAX_PAYLOAD}")
    try:
        value = msgpack.unpackb(
            payload, raw=False, strict_map_key=True, object_pairs_hook=_refuse, ext_hook=_refuse,
            max_map_len=0, max_ext_len=0, max_array_len=1 << 17,
        )
    except (ValueError, TypeError, RecursionError, msgpack.exceptions.UnpackException) as error:
        raise InvalidObject(kind=kind, reason=f"not canonical MessagePack: {error}") from error
    if type(value) is not list or len(value) < 2 or value[0] != kind:
        raise InvalidObject(kind=kind, reason=f"not an array that begins with {kind!r} and a version")
    if type(value[1]) is int and value[1] > version:
        raise UnknownFeature(features=(f"{kind}-{value[1]}",))
    if value[1] != version or type(value[1]) is not int:
        raise InvalidObject(kind=kind, reason=f"unknown version {value[1]!r}")
    if len(value) != arity + 2:
        raise InvalidObject(kind=kind, reason=f"{len(value)} fields, not {arity + 2}")
    _check_types(kind, value)
    if encode(value) != payload:
        raise InvalidObject(kind=kind, reason="not in canonical form")
    return value[2:]


def _check_types(kind: str, value: list[Value]) -> None:
    arrays = [value]
    for _ in range(MAX_DEPTH + 1):
        items = list(chain.from_iterable(arrays))
        wrong = set(map(type, items)) - ALLOWED
        if wrong:
            raise InvalidObject(kind=kind, reason=f"a {min(one.__name__ for one in wrong)} is not allowed")
        arrays = [item for item in items if type(item) is list]
        if not arrays:
            return
    raise InvalidObject(kind=kind, reason=f"nested deeper than {MAX_DEPTH}")


class Fields:
    """Reads the fields of a decoded object one by one, each with its type.

    Args:
        kind: Kind of the object, for messages.
        values: The fields.
    """

    __slots__ = ("_kind", "_next", "_values")

    def __init__(self, kind: str, values: Value) -> None:
        if type(values) is not list:
            raise InvalidObject(kind=kind, reason="an array was expected")
        self._kind = kind
        self._values = values
        self._next = 0

    def _take(self, allowed: type, what: str) -> Value:
        if self._next >= len(self._values):
            raise InvalidObject(kind=self._kind, reason=f"{what} is missing")
        value = self._values[self._next]
        self._next += 1
        if type(value) is not allowed:
            raise InvalidObject(kind=self._kind, reason=f"{what} is {type(value).__name__}")
        return value

    def text(self, what: str) -> str:
        """Takes a str."""
        value = self._take(str, what)
        assert isinstance(value, str)
        return value

    def raw(self, what: str) -> bytes:
        """Takes a bin."""
        value = self._take(bytes, what)
        assert isinstance(value, bytes)
        return value

    def number(self, what: str, *, least: int | None = 0) -> int:
        """Takes an integer of at least `least`, and of 64 bits with its sign."""
        value = self._take(int, what)
        assert isinstance(value, int)
        if (least is not None and value < least) or value > MAX_NUMBER:
            raise InvalidObject(kind=self._kind, reason=f"{what} is {value}")
        return value

    def array(self, what: str) -> list[Value]:
        """Takes an array."""
        value = self._take(list, what)
        assert isinstance(value, list)
        return value

    def oid(self, what: str) -> bytes:
        """Takes a bin of 32 bytes."""
        value = self.raw(what)
        if len(value) != 32:
            raise InvalidObject(kind=self._kind, reason=f"{what} has {len(value)} bytes")
        return value

    def oid_or_none(self, what: str) -> bytes | None:
        """Takes nil or a bin of 32 bytes."""
        if self._next < len(self._values) and self._values[self._next] is None:
            self._next += 1
            return None
        return self.oid(what)

    def peek(self) -> Value:
        """Returns the next field without taking it."""
        return self._values[self._next] if self._next < len(self._values) else None

    def skip(self) -> None:
        """Leaves the next field out."""
        self._next += 1

    def done(self) -> None:
        """Checks that every field was taken."""
        if self._next != len(self._values):
            raise InvalidObject(kind=self._kind, reason="too many fields")
