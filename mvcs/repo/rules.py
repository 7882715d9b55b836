"""Tables of mvcs.toml that say how contents are compared and merged, and which interpreter trains.

Knows: keys and types. Refuses to know: what a strategy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from mvcs.errors import InvalidConfig
from mvcs.objects.record import Record
from mvcs.repo.toml import line_of, unknown_key

if TYPE_CHECKING:
    from collections.abc import Mapping

DIRECTIONS = ("higher", "lower")
STRATEGIES = ("ours", "theirs", "base", "union", "newest", "append", "min", "max", "mean")
"""As `mvcs.merge.values` has them; a test holds both together."""


class Rules(Record):
    """How contents are compared and merged.

    Args:
        keys: Path pattern to the columns that identify a row of a table.
        strategies: (pattern, strategy) for merge conflicts, in order.
        directions: Metric to "higher" or "lower": which is better.
        python: Interpreter that trains, relative to the project; None if not said.
    """

    __slots__ = ("directions", "keys", "python", "strategies")

    def __init__(
        self, *, keys: Mapping[str, tuple[str, ...]], strategies: tuple[tuple[str, str], ...],
        directions: Mapping[str, str], python: str | None,
    ) -> None:
        self.keys = dict(keys)
        self.strategies = strategies
        self.directions = dict(directions)
        self.python = python


def read_rules(file: str, text: str, values: Mapping[str, Any]) -> Rules:
    """Reads [merge], [metrics] and [environment].

    Raises:
        InvalidConfig: With file, line and what is allowed.
    """
    reading = _Reading(file, text)
    merge = reading.table(values, "merge", ("keys", "strategies"))
    metrics = reading.table(values, "metrics", ("directions",))
    environment = reading.table(values, "environment", ("python",))
    keys: dict[str, tuple[str, ...]] = {}
    for pattern, columns in reading.map(merge, "merge", "keys").items():
        names = [columns] if isinstance(columns, str) else columns
        if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
            reading.refuse("keys", "merge", f"{pattern!r} has no columns", "a list of column names")
        keys[pattern] = tuple(names)
    strategies = []
    for pattern, strategy in reading.map(merge, "merge", "strategies").items():
        if strategy not in STRATEGIES:
            reading.refuse("strategies", "merge", f"{pattern!r} is {strategy!r}", ", ".join(STRATEGIES))
        strategies.append((pattern, strategy))
    directions = {}
    for name, direction in reading.map(metrics, "metrics", "directions").items():
        if direction not in DIRECTIONS:
            reading.refuse("directions", "metrics", f"{name!r} is {direction!r}", ", ".join(DIRECTIONS))
        directions[name] = direction
    python = environment.get("python")
    if python is not None and (not isinstance(python, str) or not python):
        reading.refuse("python", "environment", "python is no path", "the path of an interpreter")
    return Rules(keys=keys, strategies=tuple(strategies), directions=directions, python=python)


class _Reading:
    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text

    def refuse(self, key: str, section: str, reason: str, allowed: str) -> NoReturn:
        raise InvalidConfig(file=self._file, line=line_of(self._text, key, section), reason=reason, allowed=allowed)

    def table(self, values: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> dict[str, Any]:
        found = values.get(name, {})
        if not isinstance(found, dict):
            self.refuse(name, "", f"{name} is no table", f"a table with {', '.join(allowed)}")
        for key in found:
            if key not in allowed:
                raise unknown_key(self._file, self._text, key, name, allowed)
        return found

    def map(self, table: Mapping[str, Any], section: str, key: str) -> dict[str, Any]:
        found = table.get(key, {})
        if not isinstance(found, dict):
            self.refuse(key, section, f"{key} is no table", "a table of patterns")
        return found
