"""A file as a row of blocks: each says one thing under a key, or is a line that says nothing (a comment, a blank one).

Knows: blocks, and how those of one key go together in several files. Refuses to know: what keys mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.values import ABSENT
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.values import Found, Value

Grouped = dict[str, "Group"]

SECTION = "section"
"""Value of a block that only opens a list; it is there when the list has something."""


class Block(Record):
    """One or more whole lines.

    Args:
        key: What it is about; empty for a comment or a blank line.
        value: What it says, without the marker.
        body: Its lines, with their ends, without the comment.
        comment: The comment that ends its last line, from the white space before it, without the line's end.
        marker: Where it holds; blocks of one key differ in it.
        section: The list that it is an item of, with a slash before a list inside another; empty for none.
        line: Its first line, from 1.
    """

    __slots__ = ("body", "comment", "key", "line", "marker", "section", "value")

    def __init__(
        self, key: str, value: Value, body: str, *, comment: str = "", marker: str = "", section: str = "",
        line: int = 0,
    ) -> None:
        self.key = key
        self.value = value
        self.body = body
        self.comment = comment
        self.marker = marker
        self.section = section
        self.line = line

    @property
    def text(self) -> str:
        """Its lines as they are in the file."""
        if not self.comment:
            return self.body
        bare = self.body.rstrip("\r\n")
        return bare + self.comment + self.body[len(bare) :]

    @property
    def opens(self) -> str:
        """The list that its items are in, empty if it is no block that opens one."""
        if self.value is not SECTION:
            return ""
        return "/".join(part for part in (self.section, self.key.rstrip(":")) if part)

    @property
    def said(self) -> Value:
        """Its value with its marker."""
        return f"{self.value!s}; {self.marker}" if self.marker else self.value


class Group(Record):
    """What one file has under one key.

    Args:
        blocks: In the order of the file.
    """

    __slots__ = ("blocks",)

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks

    @property
    def value(self) -> Value:
        """What it says; a sorted list if there is more than one block."""
        if len(self.blocks) == 1:
            return self.blocks[0].said
        return sorted((block.said for block in self.blocks), key=str)

    @property
    def comments(self) -> str:
        """The comments of its lines, without the white space around them."""
        return "\n".join(block.comment.strip() for block in self.blocks if block.comment)

    @property
    def lines(self) -> tuple[str, ...]:
        """Its lines without their ends."""
        return tuple(line.removesuffix("\r") for block in self.blocks for line in block.text.split("\n") if line)


def group(files: Sequence[Sequence[Block]]) -> list[Grouped]:
    """Gathers the blocks of several states of one file by key, in the order of each file.

    Where all states have one key several times, with the same markers, each marker is a key of its own. Otherwise
    all blocks of one key are one value: which of them a change was made to cannot be said without guessing.
    """
    gathered: list[dict[str, list[Block]]] = []
    for blocks in files:
        found: dict[str, list[Block]] = {}
        for block in blocks:
            if block.key:
                found.setdefault(block.key, []).append(block)
        gathered.append(found)
    made: list[Grouped] = [{} for _ in files]
    for found, grouped in zip(gathered, made, strict=True):
        for key, blocks in found.items():
            if len(blocks) > 1 and _same_markers([other.get(key, []) for other in gathered]):
                for block in blocks:
                    grouped[f"{key}; {block.marker}" if block.marker else key] = Group((block,))
            else:
                grouped[key] = Group(tuple(blocks))
    return made


def _same_markers(states: list[list[Block]]) -> bool:
    markers = [block.marker for block in states[0]]
    distinct = set(markers)
    return len(distinct) == len(markers) and all(
        len(state) == len(markers) and {block.marker for block in state} == distinct for state in states
    )


def value_in(grouped: Grouped, key: str) -> Found:
    """Returns what a file says under a key, ABSENT for nothing."""
    found = grouped.get(key)
    return ABSENT if found is None else found.value


def grouped_key(grouped: Grouped, block: Block) -> str:
    """Returns the key under which `group` put a block."""
    marked = f"{block.key}; {block.marker}" if block.marker else block.key
    return marked if marked in grouped else block.key
