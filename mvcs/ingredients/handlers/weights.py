"""Weights: their signature, read from what their files say and declared in mvcs.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.ingredients.handlers.base import API_VERSION, Found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.ingredients.handlers.base import Scope
    from mvcs.objects.values import Json

SIGNATURE = "signature"


class Weights:
    """Reads the signature anew when the weights or mvcs.toml changed; without weights there is none.

    Args:
        declared: `[signature]` of mvcs.toml, in the form of the entry.
        declaration_changed: Whether mvcs.toml changed.
    """

    api_version = API_VERSION
    ingredient = "weights"
    entries = (SIGNATURE,)

    def __init__(self, declared: Mapping[str, Json], *, declaration_changed: bool) -> None:
        self._declared = declared
        self._declaration_changed = declaration_changed

    def capture(self, scope: Scope) -> Found:
        """Reads the signature; nothing of the files is executed, and what cannot be read says nothing."""
        if self.ingredient not in scope.changed and not self._declaration_changed:
            return Found()
        if next(scope.files(self.ingredient), None) is None:
            return Found({SIGNATURE: None})
        from mvcs.ingredients.signatures.reading import read_signature

        found, warnings = read_signature(scope.files(self.ingredient), scope.open, self._declared)
        return Found({SIGNATURE: found or None}, warnings=warnings)
