"""A configuration text as a tree that knows where each value stands in it.

YAML and JSON are read into it; TOML, whose tables are spread over a file, has statements instead. Knows: positions.
Refuses to know: syntaxes, how a text is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mvcs.formats.values import Value


class Node:
    """A value at its place.

    Attributes:
        value: What it means, aliases followed and merge keys applied.
        outer: Where it starts, its anchor and tag included.
        start: Where its own text starts.
        end: Where that ends; a block ends with its last value, not with the comments after it.
        flow: Whether it stands in brackets or is a scalar without lines of its own.
        free: Whether its text means the same elsewhere: no anchors, aliases or tags inside.
        members: The keys as written, if it is a map, by key; a merge key (`<<`) has the key None.
        last: The last item, if it is a list with items; its value may be left out.
        size: Values inside, aliases expanded.
        keys: Keys of maps inside, aliases expanded.
        height: Levels of maps and lists, itself included.
    """

    __slots__ = ("end", "flow", "free", "height", "keys", "last", "members", "outer", "size", "start", "value")

    def __init__(self, value: Value, start: int, end: int, *, flow: bool = True, free: bool = True) -> None:
        self.value = value
        self.outer = start
        self.start = start
        self.end = end
        self.flow = flow
        self.free = free
        self.members: dict[str | None, Member] = {}
        self.last: Node | None = None
        self.size = 1
        self.keys = 0
        self.height = 0


class Member:
    """A key of a map with its value.

    Attributes:
        key: The key; None if it is a merge key (`<<`).
        start: Where the key starts.
        colon: Just behind the colon.
        node: The value; that of the anchor if an alias stands here.
        alias: (start, end) of the alias that stands for the value.
    """

    __slots__ = ("alias", "colon", "key", "node", "start")

    def __init__(self, key: str | None, start: int, colon: int, node: Node, alias: tuple[int, int] | None) -> None:
        self.key = key
        self.start = start
        self.colon = colon
        self.node = node
        self.alias = alias

    @property
    def value_start(self) -> int:
        """Where the value starts here."""
        return self.node.outer if self.alias is None else self.alias[0]

    @property
    def value_end(self) -> int:
        """Where it ends."""
        return self.node.end if self.alias is None else self.alias[1]


class Document:
    """A text and what it means.

    Attributes:
        text: The text.
        root: Its value.
        written: Whether there is a value at all; the root of a text without one is an empty map.
    """

    __slots__ = ("root", "text", "written")

    def __init__(self, text: str, root: Node, *, written: bool = True) -> None:
        self.text = text
        self.root = root
        self.written = written

    @property
    def value(self) -> Value:
        """What it means."""
        return self.root.value
