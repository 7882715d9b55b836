"""The environment: what the training interpreter has installed, when weights or files of the environment changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableFile
from mvcs.ingredients.handlers.base import API_VERSION, Found
from mvcs.ingredients.handlers.files import missing_of
from mvcs.objects.values import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from mvcs.ingredients.environment import Captured
    from mvcs.ingredients.handlers.base import Scope

PACKAGES = "packages"
NOT_CAPTURED = "what is installed is not recorded (mvcs.toml: [environment] python)"


class Environment:
    """Asks the interpreter that trains.

    Args:
        folder: The project's folder.
        python: `[environment] python` of mvcs.toml, None if it has none.
        virtual_env: The active virtual environment, None if there is none.
        is_versioned: Whether a path is a file of the model: what came from elsewhere is never run.
    """

    api_version = API_VERSION
    ingredient = "environment"
    entries = (PACKAGES,)

    def __init__(
        self, folder: str, python: str | None, virtual_env: str | None, is_versioned: Callable[[str], bool]
    ) -> None:
        self._where = (folder, python, virtual_env)
        self._is_versioned = is_versioned

    def capture(self, scope: Scope) -> Found:
        """Captures the packages, or carries them on with what was said of them."""
        captured: Captured | None = None
        warnings: tuple[str, ...] = ()
        if scope.changed & {"weights", self.ingredient}:
            captured, warnings = self._captured()
        if captured is not None:
            return Found(
                {PACKAGES: parse_json(captured.entry)}, incomplete=captured.incomplete, warnings=captured.warnings,
                provenance={self.ingredient: dict(captured.provenance)},
            )
        if not scope.has(self.ingredient):
            said = missing_of(self.ingredient)
        elif scope.entry(self.ingredient, PACKAGES) is None:
            said = (NOT_CAPTURED,)
        else:
            said = tuple(reason for reason in scope.said(self.ingredient) if reason != NOT_CAPTURED)
        return Found(incomplete=said, warnings=warnings)

    def _captured(self) -> tuple[Captured | None, tuple[str, ...]]:
        from mvcs.ingredients.environment import capture_environment
        from mvcs.ingredients.interpreter import find_interpreter

        try:
            interpreter = find_interpreter(*self._where)
            if interpreter is not None and self._is_versioned(interpreter):
                return None, (f"the environment was not captured: {interpreter} came with the model and is not run",)
            return capture_environment(*self._where), ()
        except UnreadableFile as error:
            return None, (f"the environment was not captured: {error.message}",)
