"""Why a strategy that somebody named has not settled a conflict.

Knows: what each strategy is for. Refuses to know: files, and how a driver carries a strategy out: that a conflict is
left although one was named for it says that it could not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.strategies import OF_BASE, STRATEGIES, tensor_strategy
from mvcs.merge.paths import PathConflict
from mvcs.merge.values import APPEND, BASE, MAX, MEAN, MIN, NEWEST, SET, UNION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.merge.paths import ChooseAt

_NUMBERS = "it is for two numbers"
_MEANT = {
    UNION: "it is for lists, lines of text, and rows that both sides appended", MIN: _NUMBERS, MAX: _NUMBERS,
    MEAN: _NUMBERS, APPEND: "it is for rows that both sides appended to a table without a key",
    NEWEST: "it is for two versions of one package", BASE: "there is no one state that both came from",
    SET: "the file cannot hold this value there",
}
"""Strategy to why it fails where a driver left the conflict."""
_TENSORS = "it is for two tensors of floating point numbers, of one shape and type"


def why_left(item: PathConflict, strategy: str) -> str:
    """Returns why a strategy did not settle a conflict.

    Args:
        item: The conflict, which is left.
        strategy: What was named for it.
    """
    key, fitting = item.conflict.key, item.strategies or ()
    why = _MEANT.get(strategy, "")
    numbers = tensor_strategy(strategy)
    if numbers is not None:
        why = _TENSORS + (", and a base of the same" if numbers.name in OF_BASE else "")
    if fitting and strategy not in fitting:
        why = f"{', '.join(fitting)} do"
    return f"{strategy} does not settle {'the file as a whole' if key is None else key}" + (f": {why}" if why else "")


def with_refusals(conflicts: Iterable[PathConflict], named: ChooseAt) -> list[PathConflict]:
    """Returns conflicts with the reason why the strategy that was named for each did not settle it.

    Args:
        conflicts: What a merge has left.
        named: Returns what was said about a conflict on a path.
    """
    return [_with_refusal(item, named) for item in conflicts]


def _with_refusal(item: PathConflict, named: ChooseAt) -> PathConflict:
    choice, old = named(item.path, item.conflict), item.conflict
    if choice is None or not (choice.strategy in STRATEGIES or tensor_strategy(choice.strategy)):
        return item
    reason = "; ".join(filter(None, (old.reason, why_left(item, choice.strategy))))
    return PathConflict(item.path, old.but(reason=reason), item.strategies, item.ingredients)
