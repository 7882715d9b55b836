"""Keys of maps that are no strings, for values whose maps have string keys.

Knows: how such a key is kept apart from the string of the same look. Refuses to know: syntaxes.
"""

from __future__ import annotations


class OtherKey(str):
    """A key of a map that is no string: it looks like its text, and equals no string.

    Args:
        text: The key as YAML writes it.
        kind: What it is: null, bool, int, float, date or datetime.
    """

    __slots__ = ("kind",)

    kind: str

    def __new__(cls, text: str, kind: str) -> OtherKey:  # noqa: D102 -- as the class says
        made = super().__new__(cls, text)
        made.kind = kind
        return made

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # copies are made from these
        return str(self), self.kind

    def __eq__(self, other: object) -> bool:
        return type(other) is OtherKey and self.kind == other.kind and str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.kind, str(self)))
