"""Configuration: parameters that were given to the training by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument
from mvcs.ingredients.handlers.base import API_VERSION, MAX_ENTRY, Found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.values import Found as FoundValue
    from mvcs.ingredients.handlers.base import Scope
    from mvcs.objects.values import Json

PARAMS = "params"
MAX_NAME = 1000
MAX_DEPTH = 32


class Config:
    """Sets given parameters; those that are not named are carried on from the parent.

    Args:
        given: Name to value: what YAML has as a scalar, or lists and maps of such; ABSENT takes the name out.
    """

    api_version = API_VERSION
    ingredient = "config"
    entries = (PARAMS,)

    def __init__(self, given: Mapping[str, FoundValue]) -> None:
        self._given = given

    def capture(self, scope: Scope) -> Found:
        """Takes what was given.

        Raises:
            InvalidArgument: If a parameter has no name or is no such value, or one is taken out that is not there.
        """
        if not self._given:
            return Found()
        from mvcs.formats.values import Absent

        before = scope.entry(self.ingredient, PARAMS)
        params: dict[str, Json] = dict(before) if isinstance(before, dict) else {}
        for name, value in self._given.items():
            if not name:
                raise InvalidArgument(argument="--param", value=name, reason="a parameter has a name")
            if not isinstance(value, Absent):
                params[name] = _checked(name, value)
            elif params.pop(name, value) is value:
                raise InvalidArgument(argument="--param", value=name, reason="there is none of this name to take out")
        return Found({PARAMS: params or None})


def _checked(name: str, value: FoundValue) -> Json:
    """Returns a value as JSON has it; dates become text."""
    from mvcs.formats.values import to_json

    problem = "a name is at most 1000 characters long" if len(name) > MAX_NAME else _problem([name, value])
    if problem:
        raise InvalidArgument(argument="--param", value=name[:100], reason=problem)
    return to_json(value)


def _problem(value: object) -> str:
    """Returns why a value is none that a parameter can have, empty if it is one."""
    from datetime import date, time

    scalars = (str, bool, int, float, date, time, type(None))
    stack = [(value, 0)]
    size = 0
    while stack:
        item, depth = stack.pop()
        size += 1 + (len(item) if isinstance(item, str) else 0)
        if depth > MAX_DEPTH or size > MAX_ENTRY:
            return "the value is too deep or too long"
        if isinstance(item, dict):
            if not all(isinstance(key, str) for key in item):
                return "a key of a map is text"
            stack += [(below, depth + 1) for pair in item.items() for below in pair]
        elif isinstance(item, list):
            stack += [(below, depth + 1) for below in item]
        elif not isinstance(item, scalars):
            return f"{type(item).__name__} is no type of a parameter"
        elif isinstance(item, str) and any("\ud800" <= char <= "\udfff" for char in item):
            return "it is not UTF-8"
    return ""
