"""A value at its place in another text, whose spelling may be taken over.

Knows: when a spelling means the same elsewhere. Refuses to know: where it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.values import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.nodes import Member, Node
    from mvcs.formats.values import Value


class Source:
    """A value in another text.

    Args:
        text: The text.
        node: The value.
        member: Its key and it; None for the root.
        flow: Whether it stands in a map in brackets, or is the root.
        first: Whether its key is the first of its map.
    """

    __slots__ = ("first", "flow", "member", "node", "text")

    def __init__(self, text: str, node: Node, member: Member | None, *, flow: bool, first: bool = True) -> None:
        self.text = text
        self.node = node
        self.member = member
        self.flow = flow
        self.first = first

    def below(self, key: str) -> list[Source]:
        """Returns the value of a key, if it is written there; no values if it is not."""
        member = self.node.members.get(key)
        if member is None or member.alias is not None or member.colon < 0:
            return []
        first = next(iter(self.node.members)) == key
        return [Source(self.text, member.node, member, flow=self.node.flow, first=first)]

    @property
    def inline(self) -> bool:
        """Whether the value needs no lines of its own."""
        start = self.node.start if self.member is None else self.member.colon
        return self.node.flow and "\n" not in self.text[start : self.node.end]

    @property
    def written(self) -> str:
        """The text of the value."""
        return self.text[self.node.start : self.node.end]


def choose_source(sources: Sequence[Source], target: Value) -> Source | None:
    """Returns the first source that has a value, spelled so that it means the same elsewhere."""
    for source in sources:
        if source.node.free and source.node.end > source.node.start and same(source.node.value, target):
            return source
    return None
