"""The rule of three on flat fields: what generated entries are merged by.

Knows: keys and values. Refuses to know: what they mean, and what a choice gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT, Absent
from mvcs.merge.sides import one_sided, read_sides
from mvcs.merge.values import Conflict, Decision, Merged, merge_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found, Value
    from mvcs.merge.values import Choice, Choose


class Fields:
    """Merged fields.

    Attributes:
        result: Key to value; what ours has where a conflict is left.
        conflicts: What is left to settle, by key.
        decisions: What choices settled.
    """

    def __init__(self) -> None:
        self.result: dict[str, Value] = {}
        self.conflicts: list[Conflict] = []
        self.decisions: list[Decision] = []


def merge_entry(
    base: Content | None, ours: Content, theirs: Content, choose: Choose, *,
    read: Callable[[Content], Mapping[str, Value]], write: Callable[[Mapping[str, Value]], bytes],
    chosen: Callable[[Choice, Conflict], tuple[Found] | None],
) -> Merged:
    """Merges three states of a generated entry; the content has what ours has where conflicts are left.

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.
        read: Returns the flat fields of an entry.
        write: Returns the entry that has these fields.
        chosen: Returns the value that a choice gives, None if it means nothing here.

    Raises:
        UnreadableContent: If a side is no such entry.
    """
    settled = one_sided(base, ours, theirs)
    if settled is not None:
        return settled
    before, *others = read_sides(read, base, ours, theirs)
    fields = merge_fields([before or {}, *others], choose, chosen)
    return Merged(Bytes(write(fields.result)), tuple(fields.conflicts), tuple(fields.decisions))


def merge_fields(
    states: Sequence[Mapping[str, Value]], choose: Choose, chosen: Callable[[Choice, Conflict], tuple[Found] | None]
) -> Fields:
    """Merges three states of flat fields.

    Args:
        states: Base, ours, theirs.
        choose: Settles a conflict, or returns None.
        chosen: Returns the value that a choice gives, None if it means nothing here.
    """
    made = Fields()
    for key in sorted({key for state in states for key in state}):
        base, ours, theirs = (state.get(key, ABSENT) for state in states)
        found = merge_value(key, base, ours, theirs)
        value = ours if isinstance(found, Conflict) else found.value
        if isinstance(found, Conflict):
            choice = choose(found)
            given = None if choice is None else chosen(choice, found)
            if choice is None or given is None:
                made.conflicts.append(found)
            else:
                made.decisions.append(Decision(key, choice.strategy))
                value = given[0]
        if not isinstance(value, Absent):
            made.result[key] = value
    return made
