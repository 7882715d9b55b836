"""Metrics: those that were given by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidArgument
from mvcs.ingredients.handlers.base import API_VERSION, Found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.ingredients.handlers.base import Scope
    from mvcs.objects.values import Json

VALUES = "values"


class Metrics:
    """Adds given metrics to those of the same weights; values of other weights are not carried on with new ones.

    Args:
        given: Name to number.
    """

    api_version = API_VERSION
    ingredient = "metrics"
    entries = (VALUES,)

    def __init__(self, given: Mapping[str, float | int]) -> None:
        self._given = given

    def capture(self, scope: Scope) -> Found:
        """Takes what was given.

        Raises:
            InvalidArgument: If a metric has no name.
        """
        if not self._given:
            return Found()
        if "" in self._given:
            raise InvalidArgument(argument="--metric", value="", reason="a metric has a name")
        before = None if "weights" in scope.changed else scope.entry(self.ingredient, VALUES)
        values: dict[str, Json] = dict(before) if isinstance(before, dict) else {}
        return Found({VALUES: {**values, **self._given}})
