"""How people say how a conflict is settled: by words, of tensors also with numbers, by patterns of names.

Knows: their spelling. Refuses to know: conflicts, tensors, and what the strategies do (`mvcs.merge`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

AVG, WAVG, SLERP, TASK, TIES = "avg", "wavg", "slerp", "task", "ties"
SIDES = ("ours", "theirs", "base")
STRATEGIES = (*SIDES, "union", "newest", "append", "min", "max", "mean")
"""What `--strategy` may name of any content."""
SPELLINGS = ("avg", "wavg:A", "slerp:T", "task:L1,L2", "ties:DENSITY")
"""What makes new numbers."""
WEIGHT_STRATEGIES = (*SIDES, *SPELLINGS)
"""What `--weights` may name."""
OF_BASE = (TASK, TIES)
"""Those that count from the base."""
MAX_DIGITS = 32
"""Characters of a number."""

_NUMBERS: dict[str, tuple[int, Callable[[Fraction], bool]]] = {
    AVG: (0, lambda _: True), WAVG: (1, lambda share: 0 <= share <= 1), SLERP: (1, lambda way: 0 <= way <= 1),
    TASK: (2, lambda scale: abs(scale) <= 1000), TIES: (1, lambda density: 0 < density <= 1),
}
"""Name to how many numbers it takes, and which."""


class TensorStrategy(Record):
    """A strategy that makes new numbers.

    Args:
        name: AVG, WAVG, SLERP, TASK or TIES.
        numbers: As typed, exactly.
    """

    __slots__ = ("name", "numbers")

    def __init__(self, name: str, numbers: tuple[Fraction, ...] = ()) -> None:
        self.name = name
        self.numbers = numbers


def tensor_strategy(text: str) -> TensorStrategy | None:
    """Reads a strategy that makes new numbers, such as ties:0.2; returns None if it is none."""
    name, colon, rest = text.partition(":")
    if name not in _NUMBERS:
        return None
    count, fits = _NUMBERS[name]
    words = rest.split(",") if colon else []
    numbers = tuple(number for word in words if (number := _number(word)) is not None)
    if len(words) != count or len(numbers) != count or not all(map(fits, numbers)):
        return None
    return TensorStrategy(name, numbers)


def whole_side(weights: str | None) -> bool:
    """Whether what `--weights` says means a side's weights as a whole."""
    return weights in SIDES[:2]


def weight_rules(weights: str | None) -> tuple[tuple[str, str], ...]:
    """Reads `--weights`: one strategy for every tensor, or PATTERN=STRATEGY with commas between.

    Args:
        weights: As typed.

    Returns:
        (pattern, strategy) in order; none where a whole side is meant, or nothing.

    Raises:
        InvalidArgument: If a strategy does not exist, or a pattern is missing.
    """
    if weights is None or whole_side(weights):
        return ()
    items: list[str] = []
    for part in weights.split(","):
        if items and "=" not in part and "=" in items[-1]:
            items[-1] += "," + part  # numbers have commas between them, too
        else:
            items.append(part)
    if len(items) > 1 and "=" not in weights:
        items = [weights]
    rules = []
    for item in items:
        pattern, equals, strategy = item.rpartition("=")
        if not equals:
            pattern = "*"
        if not pattern or not (strategy in SIDES or tensor_strategy(strategy)):
            known = f"write STRATEGY or PATTERN=STRATEGY,...; one of {', '.join(WEIGHT_STRATEGIES)}"
            raise InvalidArgument(argument="--weights", value=item, reason=known)
        rules.append((pattern, strategy))
    return tuple(rules)


def _number(word: str) -> Fraction | None:
    """Returns a decimal number, None if it is none: no fractions, no underscores, no exponents without end."""
    from fractions import Fraction

    plain = word.removeprefix("-")
    if len(word) > MAX_DIGITS or not plain.isascii() or not plain.replace(".", "", 1).isdigit():
        return None
    return Fraction(word)
