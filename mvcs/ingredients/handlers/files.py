"""Ingredients that are their files and nothing else: code, data, about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.ingredients.handlers.base import API_VERSION, Found

if TYPE_CHECKING:
    from mvcs.ingredients.handlers.base import Scope


class Files:
    """Says when an ingredient that a model needs is not there.

    Args:
        ingredient: Which one.
        needed: Whether a model cannot be made again without it.
        incomplete: What else would be missing.
    """

    api_version = API_VERSION
    entries: tuple[str, ...] = ()

    def __init__(self, ingredient: str, *, needed: bool = False, incomplete: tuple[str, ...] = ()) -> None:
        self.ingredient = ingredient
        self._needed = needed
        self._incomplete = incomplete

    def capture(self, scope: Scope) -> Found:
        """Looks whether there are files."""
        missing = missing_of(self.ingredient) if self._needed and not scope.has(self.ingredient) else ()
        return Found(incomplete=missing + self._incomplete)


def missing_of(ingredient: str) -> tuple[str, ...]:
    """Returns what to say of an ingredient that is not there."""
    return (f"no {ingredient} in the commit",)
