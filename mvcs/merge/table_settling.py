"""Asks how conflicts of a table are settled, and holds what is left, up to a bound.

Knows: conflicts, choices, decisions. Refuses to know: rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.merge.values import Choice, Conflict, Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mvcs.merge.values import Choose

MAX_CONFLICTS: Final = 100_000
MAX_BYTES: Final = 96 << 20
"""Memory that the rows and cells in conflicts take, about."""
MAX_DECISIONS: Final = 400_000


class Settling:
    """The conflicts of one merge.

    Args:
        choose: Says how a conflict is settled.

    Attributes:
        conflicts: What is left, in the order in which it was asked.
        decisions: What was settled.
    """

    __slots__ = ("_choose", "_size", "conflicts", "decisions")

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._size = 0
        self.conflicts: list[Conflict] = []
        self.decisions: list[Decision] = []

    def ask(
        self, conflict: Conflict, allowed: Collection[str], size: int = 0,
        usable: Callable[[Choice], bool] = lambda choice: True,
    ) -> Choice | None:
        """Returns how a conflict is settled; None, and it is left, if it is not or its strategy means nothing here.

        Args:
            conflict: The conflict.
            allowed: Strategies that mean something here.
            size: Bytes of what it holds.
            usable: Whether a choice among them can be carried out.

        Raises:
            UnreadableContent: If there are too many.
        """
        choice = self._choose(conflict)
        if choice is not None and choice.strategy in allowed and usable(choice):
            self.decisions.append(Decision(conflict.key, choice.strategy))
            if len(self.decisions) > MAX_DECISIONS:
                raise UnreadableContent(format="a table to merge", line=0, reason="too many conflicts")
            return choice
        self.conflicts.append(conflict)
        self._size += size
        if len(self.conflicts) > MAX_CONFLICTS or self._size > MAX_BYTES:
            raise UnreadableContent(format="a table to merge", line=0, reason="too many conflicts")
        return None
