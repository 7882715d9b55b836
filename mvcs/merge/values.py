"""What a merge gives: a resolved value, or a conflict that is itself a value.

Knows: the rule of three, conflicts, decisions. Refuses to know: files, drivers, who decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from mvcs.formats.strategies import STRATEGIES
from mvcs.formats.values import same, to_json
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found

T = TypeVar("T")

# Strategies. A driver refuses those that mean nothing to it by leaving the conflict as it is.
OURS, THEIRS, BASE, UNION, NEWEST, APPEND, MIN, MAX, MEAN = STRATEGIES
SET, RELOCK = "set", "relock"
"""Given by `resolve` only; RELOCK with the version that a resolver chose."""


class Resolved(Record, Generic[T]):
    """A value that three states agree on.

    Args:
        value: The value.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class Conflict(Record):
    """What both sides changed differently.

    Args:
        key: Name inside the file; None for the file as a whole.
        base: What both came from, ABSENT if nothing.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        reason: Why it could not be settled closer, such as "not YAML: line 3: ...".
        facts: What else to know of it, such as how far each side went.
    """

    __slots__ = ("base", "facts", "key", "ours", "reason", "theirs")

    def __init__(
        self, key: str | None, base: Found, ours: Found, theirs: Found, reason: str = "",
        facts: Mapping[str, Found] | None = None,
    ) -> None:
        self.key = key
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self.reason = reason
        self.facts = dict(facts or {})

    def to_dict(self) -> dict[str, object]:
        """Returns the conflict as JSON carries it, without the file's path."""
        made: dict[str, object] = {
            "key": self.key, "base": to_json(self.base), "ours": to_json(self.ours), "theirs": to_json(self.theirs),
        }
        if self.reason:
            made["reason"] = self.reason
        if self.facts:
            made["changes"] = {name: to_json(value) for name, value in self.facts.items()}
        return made


class Choice(Record):
    """How a conflict is to be settled.

    Args:
        strategy: One of STRATEGIES, SET or RELOCK; of tensors also a `TensorStrategy`.
        value: The value of SET or RELOCK.
        said: Whether somebody said it of this very conflict.
    """

    __slots__ = ("said", "strategy", "value")

    def __init__(self, strategy: str, value: Found = None, *, said: bool = False) -> None:
        self.strategy = strategy
        self.value = value
        self.said = said


if TYPE_CHECKING:
    Choose = Callable[[Conflict], Choice | None]


class Decision(Record):
    """A conflict that a strategy settled.

    Args:
        key: Name inside the file; None for the file as a whole.
        strategy: Which one.
    """

    __slots__ = ("key", "strategy")

    def __init__(self, key: str | None, strategy: str) -> None:
        self.key = key
        self.strategy = strategy


class Merged(Record):
    """One merged file.

    Args:
        content: The file. Where conflicts are left it has conflict markers if it is text, else what ours has.
        conflicts: What is left to settle, in the order of the file.
        decisions: What strategies settled.
        notes: What to tell of it.
    """

    __slots__ = ("conflicts", "content", "decisions", "notes")

    def __init__(
        self, content: Content, conflicts: tuple[Conflict, ...] = (), decisions: tuple[Decision, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        self.content = content
        self.conflicts = conflicts
        self.decisions = decisions
        self.notes = notes


def leave(conflict: Conflict) -> Choice | None:
    """Settles nothing."""
    del conflict
    return None


def merge_value(key: str | None, base: Found, ours: Found, theirs: Found) -> Resolved[Found] | Conflict:
    """Merges three states of one value: equal sides agree, a side that did not change gives way.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; a conflict's sides swap with the arguments.
    """
    if same(ours, theirs) or same(theirs, base):
        return Resolved(ours)
    if same(ours, base):
        return Resolved(theirs)
    return Conflict(key, base, ours, theirs)
