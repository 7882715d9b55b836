"""A value with named fields: equal by content, hashable, printable. Cheaper to define than a dataclass.

Knows: how values of the house compare. Refuses to know: what they mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class Record:
    """Base of the house's values; subclasses list their fields in `__slots__`."""

    __slots__: tuple[str, ...] = ()

    def _key(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def but(self, **fields: object) -> Self:
        """Returns the same value with other content in the named fields."""
        made = object.__new__(type(self))
        for name in self.__slots__:
            setattr(made, name, fields.pop(name) if name in fields else getattr(self, name))
        assert not fields, fields
        return made

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"
