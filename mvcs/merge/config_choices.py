"""Strategies for one value of a configuration: which value they give, if they mean anything for it.

Knows: numbers and lists. Refuses to know: files, keys.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mvcs.formats.values import ABSENT
from mvcs.merge.values import BASE, MAX, MEAN, MIN, OURS, SET, THEIRS, UNION

if TYPE_CHECKING:
    from mvcs.formats.values import Found, Value
    from mvcs.merge.values import Choice, Conflict


class NoMeaning:
    """The type of `NO_MEANING`."""

    __slots__ = ()


NO_MEANING: Final = NoMeaning()
"""What a strategy gives that means nothing for the values at hand."""


def chosen(conflict: Conflict, choice: Choice) -> Found | NoMeaning:
    """Returns the value that a strategy gives.

    min, max, mean: of two numbers (a bool is none, NaN is none; the base does not count). Of equal numbers of
    different types min and max give ours. The mean of integers is a float unless it is exact; no mean that a float
    cannot hold. union: of two lists, ours' items and then those of theirs that ours lacks.
    """
    ours, theirs = conflict.ours, conflict.theirs
    plain = {OURS: ours, THEIRS: theirs, BASE: conflict.base, SET: choice.value}
    if choice.strategy in plain:
        return plain[choice.strategy]
    if choice.strategy == UNION and isinstance(ours, list) and isinstance(theirs, list):
        return union(ours, theirs)
    if _is_number(ours) and _is_number(theirs):
        assert isinstance(ours, int | float)
        assert isinstance(theirs, int | float)
        if choice.strategy == MIN:
            return theirs if theirs < ours else ours
        if choice.strategy == MAX:
            return theirs if theirs > ours else ours
        if choice.strategy == MEAN:
            return mean(ours, theirs)
    return NO_MEANING


def _is_number(value: Found) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and not math.isnan(value)
    )


def mean(first: int | float, second: int | float) -> Value | NoMeaning:
    """Returns the mean of two numbers: an integer if both are and it is exact, else the nearest float."""
    if isinstance(first, int) and isinstance(second, int):
        total = first + second
        if total % 2 == 0:
            return total // 2
        try:
            return total / 2
        except OverflowError:
            return NO_MEANING
    try:
        value = (first + second) / 2
        if math.isinf(value) and not (math.isinf(float(first)) or math.isinf(float(second))):
            value = first / 2 + second / 2  # the sum is beyond the largest float, the mean is not
    except OverflowError:
        return NO_MEANING
    return NO_MEANING if math.isnan(value) else value


def union(ours: list[Value], theirs: list[Value]) -> list[Value]:
    """Returns ours' items and then those of theirs that are not among them, each once."""
    seen = set(map(frozen, ours))
    made = list(ours)
    for item in theirs:
        identity = frozen(item)
        if identity not in seen:
            seen.add(identity)
            made.append(item)
    return made


def frozen(value: Found) -> object:
    """Returns what is equal for values that are `same`, and can be kept in a set."""
    if isinstance(value, dict):
        return dict, frozenset((key, frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return list, tuple(map(frozen, value))
    if isinstance(value, float):
        return float, "nan" if math.isnan(value) else value, math.copysign(1, value) if value == 0 else 0
    return (type(value), value) if value is not ABSENT else ABSENT
