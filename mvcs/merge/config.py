"""Merge of configuration files key by key: YAML, TOML, JSON.

A key is what changes: nested maps are gone into, a list is one value. What is returned has been read back and means
what the merge says; it has the comments of both sides, or tells of those that it has not.
Knows: maps and keys. Refuses to know: how the texts come together (`config_text`), who decides.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from mvcs.formats.config import read_document
from mvcs.formats.content import Bytes
from mvcs.formats.key_paths import in_order, key_path
from mvcs.formats.rewriting.whole import can_spell
from mvcs.formats.values import ABSENT
from mvcs.merge.config_choices import NO_MEANING, NoMeaning, chosen
from mvcs.merge.config_text import lost_comments, merged_text
from mvcs.merge.sides import one_sided, read_sides
from mvcs.merge.values import Conflict, Decision, Merged, Resolved, merge_value

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.values import Found, Value
    from mvcs.merge.values import Choose

    Path = tuple[str, ...]


def merge_config(syntax: str, base: Content | None, ours: Content, theirs: Content, choose: Choose) -> Merged:
    """Merges a configuration file.

    A map against another value, a map deleted against a change inside it, and a key given different values are
    conflicts at that key; the file then has what ours has there, and stays readable. Conflicts come in the order of
    the merged keys. Strategies: ours, theirs, base, set, min, max, mean, union (see `config_choices.chosen`); a
    value that the syntax cannot write (null in TOML, a date in JSON) means nothing.

    Args:
        syntax: "yaml", "toml" or "json".
        base: What both came from; None if both added the file, which is as if it had no keys.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Says how a conflict is settled; None to leave it.

    Raises:
        UnreadableContent: If a side cannot be read as its syntax, or the result cannot be written into the text
            without changing what was not touched (an anchor, say); fields `format`, `line`, `reason`.

    Laws:
        merge(b, x, x) = x and merge(b, b, x) = merge(b, x, b) = x, byte for byte, readable or not.
        Keys changed on one side only never conflict; conflicts are the same with the sides swapped.
    """
    simple = one_sided(base, ours, theirs)
    if simple is not None:
        return simple
    before, mine, other = read_sides(partial(read_document, syntax), base, ours, theirs)
    merge = _Merge(syntax, choose)
    target = merge.root(ABSENT if before is None else before[0].value, mine[0].value, other[0].value)
    documents = None if before is None else before[0], mine[0], other[0]
    text = merged_text(syntax, target, *documents)
    notes = lost_comments(syntax, *documents, text)
    encoding = other[1] if before is not None and mine[1] == before[1] else mine[1]
    for content, (document, as_it_was) in ((ours, mine), (theirs, other)):
        if text == document.text and encoding == as_it_was:
            return Merged(content, tuple(merge.conflicts), tuple(merge.decisions), notes)
    return Merged(Bytes(encoding.encode(text)), tuple(merge.conflicts), tuple(merge.decisions), notes)


class _Merge:
    def __init__(self, syntax: str, choose: Choose) -> None:
        self._syntax = syntax
        self._choose = choose
        self.conflicts: list[Conflict] = []
        self.decisions: list[Decision] = []

    def root(self, base: Found, ours: Value, theirs: Value) -> Value:
        merged = self._value((), base, ours, theirs)
        return ours if merged is ABSENT else cast("Value", merged)

    def _value(self, path: Path, base: Found, ours: Found, theirs: Found) -> Found:
        found = merge_value(None, base, ours, theirs)
        if isinstance(found, Resolved):
            return found.value
        if isinstance(ours, dict) and isinstance(theirs, dict) and (base is ABSENT or isinstance(base, dict)):
            return self._map(path, cast("dict[str, Value]", base or {}), ours, theirs)
        conflict = Conflict(key_path(path), base, ours, theirs)
        choice = self._choose(conflict)
        value = NO_MEANING if choice is None else chosen(conflict, choice)
        if isinstance(value, NoMeaning) or (not path and value is ABSENT) or not can_spell(self._syntax, value):
            self.conflicts.append(conflict)
            return ours
        assert choice is not None
        self.decisions.append(Decision(conflict.key, choice.strategy))
        return value

    def _map(
        self, path: Path, base: dict[str, Value], ours: dict[str, Value], theirs: dict[str, Value]
    ) -> dict[str, Value]:
        made: dict[str, Value] = {}
        for key in in_order(ours, theirs):
            sides = base.get(key, ABSENT), ours.get(key, ABSENT), theirs.get(key, ABSENT)
            value = self._value((*path, key), *sides)
            if value is not ABSENT:
                made[key] = cast("Value", value)
        return made
