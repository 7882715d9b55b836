"""How a strategy makes a tensor of three states: in passes over blocks, so that memory does not grow with it.

Knows: what a strategy needs to know of a whole tensor before its first block, which tensors it is for. Refuses to
know: formulas (`tensor_math`), files, who decides.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mvcs.formats.strategies import AVG, OF_BASE, SLERP, TASK, WAVG
from mvcs.formats.tensors import FLOATS, INTEGERS, read_blocks
from mvcs.merge.tensor_assembly import Part
from mvcs.merge.tensor_math import arc_shares, elected, joined, kept, tasks, trim, weighted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import numpy as np

    from mvcs.diff.tensor_values import Apart
    from mvcs.formats.strategies import TensorStrategy
    from mvcs.merge.tensor_math import Trim
    from mvcs.merge.tensor_units import TensorSide, Unit

    Array = np.ndarray[Any, np.dtype[Any]]
    State = tuple[TensorSide, Unit]

ELEMENTS: Final = 1 << 16
"""Of a block; part of what a sum over a tensor gives, in its last bits."""
_SCALES: Final = frozenset({"F8_E8M0"})
"""Powers of two that scale blocks of other numbers: no numbers of their own."""


def fits(strategy: TensorStrategy, base: State | None, ours: State | None, theirs: State | None) -> bool:
    """Whether a strategy means something: for floating point tensors of one shape and type, with a base if needed."""
    states = [ours, theirs, *([base] if strategy.name in OF_BASE else [])]
    if any(state is None for state in states):
        return False
    units = [state[1] for state in states if state is not None]
    return all(unit.described == units[0].described for unit in units) and is_float(units[0])


def is_float(unit: Unit) -> bool:
    """Whether a unit is of floating point numbers."""
    return unit.whole.dtype in FLOATS - _SCALES and unit.is_plain


def measure(base: State, ours: State, theirs: State) -> Apart | None:
    """Returns how the changes of both sides stand to each other; None where they are no numbers of one shape."""
    from mvcs.diff.tensor_values import apart

    units = [state[1] for state in (base, ours, theirs)]
    numbers = units[0].whole.dtype in (FLOATS | INTEGERS) - _SCALES and units[0].is_plain
    if not numbers or any(unit.described != units[0].described for unit in units):
        return None
    with _quiet():
        return apart(*(_blocks(state) for state in (base, ours, theirs)))


class Settling:
    """One tensor, made by a strategy.

    Args:
        strategy: Which one; it fits.
        base: The state that both came from, None if the strategy does not need one.
        ours: The state of the branch that is merged into.
        theirs: That of the merged one.
    """

    def __init__(self, strategy: TensorStrategy, base: State | None, ours: State, theirs: State) -> None:
        self._length = ours[1].whole.length
        self._blocks = _maker(strategy, base, ours, theirs)

    def part(self) -> Part:
        """Returns the tensor's bytes."""
        return Part(self._length, lambda: (block.tobytes() for block in self._blocks()))

    def not_finite(self) -> int:
        """Returns how many entries of the result are NaN or infinite."""
        import numpy as np

        with _quiet():
            return sum(int(np.count_nonzero(~np.isfinite(block.astype(np.float64)))) for block in self._blocks())


def _maker(
    strategy: TensorStrategy, base: State | None, ours: State, theirs: State
) -> Callable[[], Iterator[Array]]:
    """Returns what yields the blocks of the result, as often as it is called."""
    numbers = tuple(float(number) for number in strategy.numbers)
    if strategy.name in {AVG, WAVG}:
        share = numbers[0] if numbers else 0.5
        return lambda: map(partial(weighted, share=share), _blocks(ours), _blocks(theirs))
    if strategy.name == SLERP:
        shares = arc_shares(zip(_blocks(ours), _blocks(theirs), strict=True), numbers[0])
        return lambda: map(partial(joined, shares=shares), _blocks(ours), _blocks(theirs))
    assert base is not None
    if strategy.name == TASK:
        scales = (numbers[0], numbers[1])
        return lambda: map(partial(tasks, scales=scales), _blocks(base), _blocks(ours), _blocks(theirs))
    keep = max(1, int(strategy.numbers[0] * ours[1].whole.elements))  # exactly: 0.29 of 100 are 29
    trims = [trim(partial(_changes, base, side), keep) for side in (ours, theirs)]
    return lambda: _elected((base, ours, theirs), trims)


def _elected(states: tuple[State, State, State], trims: list[Trim]) -> Iterator[Array]:
    left = [one.ties for one in trims]
    for base, *sides in zip(*map(_blocks, states), strict=True):
        masks = []
        for index, side in enumerate(sides):
            mask, left[index] = kept(_change(base, side), trims[index], left[index])
            masks.append(mask)
        yield elected(base, sides[0], sides[1], (masks[0], masks[1]))


def _changes(base: State, side: State) -> Iterator[Array]:
    return map(_change, _blocks(base), _blocks(side))


def _blocks(state: State) -> Iterator[Array]:
    side, unit = state
    return read_blocks(side.content, unit.whole, ELEMENTS)


def _change(base: Array, other: Array) -> Array:
    import numpy as np

    with _quiet():
        found: Array = other.astype(np.float64) - base.astype(np.float64)
    return found


def _quiet() -> AbstractContextManager[None]:
    """Keeps numpy from warning on the terminal of NaN and infinities, which are told otherwise."""
    import numpy as np

    return np.errstate(over="ignore", invalid="ignore")
