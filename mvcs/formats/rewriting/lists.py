"""Lists that only grow: new items are appended, and what is there keeps its bytes and comments.

Knows: lists in brackets and YAML's block lists. Refuses to know: other changes of lists, which replace them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.formats.rewriting.edits import indent_at, line_end
from mvcs.formats.values import same

if TYPE_CHECKING:
    from mvcs.formats.nodes import Node
    from mvcs.formats.rewriting.edits import Edits
    from mvcs.formats.rewriting.speller import Speller
    from mvcs.formats.values import Value

_SPACE_END = re.compile(r"\s*\Z")


def extend(edits: Edits, node: Node, target: Value, speller: Speller) -> bool:
    """Appends what a list lacks; False if it is not the beginning of the target."""
    value, text = node.value, edits.text
    if not isinstance(value, list) or not isinstance(target, list) or not 0 < len(value) < len(target):
        return False
    if not all(map(same, value, target)):
        return False
    end = node.last.end if node.last is not None else len(text[: node.end - 1].rstrip())  # JSON has no comments
    new = target[len(value) :]
    if node.flow:
        first = re.match(r"\[\s*", text[node.start : node.end])
        gap = first[0][1:] if first and "\n" in first[0] else " "
        indent = gap.rpartition("\n")[2] if "\n" in gap else ""
        edits.put(end, end, "".join(f",{gap}{speller.value(item, indent)}" for item in new))
        return True
    dash = indent_at(text, node.start)
    if dash is None:
        return False
    lines = "".join(f"{dash}- {speller.value(item, '')}{edits.newline}" for item in new)
    edits.insert_lines(line_end(text, end), lines)
    return True
