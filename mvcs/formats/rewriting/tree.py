"""A tree of places walked beside the value that it is to mean: keys that go, change, and come.

Where a key stands through an alias or a merge key, the first pass leaves it alone (a change of the anchor changes
it too); a second pass puts a value of its own there, if it is not right by then. Knows: maps. Refuses to know: how
one key is written (flow.py, block.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.rewriting import block, flow
from mvcs.formats.rewriting.edits import CannotRewrite
from mvcs.formats.rewriting.lists import extend
from mvcs.formats.rewriting.source import Source, choose_source
from mvcs.formats.values import same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.nodes import Document, Member, Node
    from mvcs.formats.rewriting.edits import Edits
    from mvcs.formats.rewriting.speller import Speller
    from mvcs.formats.values import Value


def edit_tree(
    edits: Edits, document: Document, target: Value, sources: Sequence[Document], speller: Speller, *, again: bool
) -> None:
    """Collects the edits that make a text mean a value.

    Args:
        edits: Where they go.
        document: The text as it is.
        target: What it is to mean.
        sources: Texts whose spelling is taken for values that they have.
        speller: Spells all others.
        again: Whether this is a later pass.

    Raises:
        CannotRewrite: If it cannot be done.
    """
    places = [Source(each.text, each.root, None, flow=True) for each in sources if each.written]
    root = document.root
    if same(root.value, target):
        return
    walk = _Walk(edits, speller, again=again)
    if walk.fits(root, target):
        walk.map(root, target, places)
    elif not document.written:
        block.write_root(edits, len(document.text), target, places)
    elif not speller.blocks or (root.flow and not block.is_lines(target, places)):
        edits.put(root.start, root.end, flow.value_text(edits, root.start, target, places, speller))
    else:
        block.replace_root(edits, root, target, places)


def edit_inline(edits: Edits, node: Node, target: Value, sources: Sequence[Source], speller: Speller) -> None:
    """Collects the edits inside a map in brackets that is part of another text."""
    walk = _Walk(edits, speller, again=False)
    if walk.fits(node, target):
        walk.map(node, target, sources)
    else:
        edits.put(node.start, node.end, flow.value_text(edits, node.start, target, sources, speller))


class _Walk:
    def __init__(self, edits: Edits, speller: Speller, *, again: bool) -> None:
        self.edits = edits
        self.speller = speller
        self.again = again

    def fits(self, node: Node, target: Value) -> bool:
        """Whether a map can be edited key by key."""
        if not (isinstance(target, dict) and target and node.members):
            return False
        return not node.flow or any(key is None or key in target for key in node.members)

    def map(self, node: Node, target: Value, sources: Sequence[Source]) -> None:
        value = node.value
        assert isinstance(value, dict)
        assert isinstance(target, dict)
        gone = {key for key in node.members if key is not None and key not in target}
        for key, member in node.members.items():
            if key is not None and key not in gone and not same(member.node.value, target[key]):
                self.member(node, member, target[key], [each for s in sources for each in s.below(key)])
        if self.again:
            lost = [key for key in value if key not in target and key not in node.members]
            if lost:
                raise CannotRewrite(f"{lost[0]} comes from a merge key")  # noqa: EM102
        remove, insert = (flow.remove, flow.insert) if node.flow else (block.remove, block.insert)
        if gone:
            remove(self.edits, node, gone)
        after = node.members.get(None)  # a key of its own goes behind a merge key
        for key, wanted in target.items():
            if key in node.members:
                after = node.members[key]
            elif key not in value or (self.again and not same(value[key], wanted)):
                found = [each for s in sources for each in s.below(key)]
                insert(self.edits, node, key, wanted, after, found, self.speller)

    def member(self, parent: Node, member: Member, target: Value, sources: Sequence[Source]) -> None:
        node = member.node
        if member.alias is not None:
            if self.again:
                start, end = member.alias
                self.edits.put(start, end, self.speller.value(target, ""))
        elif self.fits(node, target):
            self.map(node, target, sources)
        elif choose_source(sources, target) is None and extend(self.edits, node, target, self.speller):
            return
        elif parent.flow:
            text = flow.value_text(self.edits, node.start, target, sources, self.speller)
            flow.replace(self.edits, member, text)
        else:
            block.replace(self.edits, member, target, sources, self.speller)
