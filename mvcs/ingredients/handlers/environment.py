"""The environment: what the training interpreter has installed, when weights or files of the environment changed.

What mvcs.toml declares of the system goes in with it, into an entry that is carried on too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableFile
from mvcs.ingredients.handlers.base import API_VERSION, Found
from mvcs.ingredients.handlers.files import missing_of
from mvcs.objects.values import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mvcs.ingredients.environment import Captured
    from mvcs.ingredients.handlers.base import Scope
    from mvcs.objects.values import Json

PACKAGES = "packages"
OS_PACKAGES, IMAGE, PYTHON = "os_packages", "image", "python"
NOT_CAPTURED = "what is installed is not recorded (mvcs.toml: [environment] python)"

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")


class Environment:
    """Asks the interpreter that trains, and mvcs.toml.

    Args:
        folder: The project's folder.
        python: `[environment] python` of mvcs.toml, None if it has none.
        virtual_env: The active virtual environment, None if there is none.
        is_versioned: Whether a path is a file of the model: what came from elsewhere is never run.
        os_packages: `[environment] os_packages` of mvcs.toml, name to version.
        image: `[environment] image` of mvcs.toml.
    """

    api_version = API_VERSION
    ingredient = "environment"
    entries = (PACKAGES,)

    def __init__(
        self, folder: str, python: str | None, virtual_env: str | None, is_versioned: Callable[[str], bool], *,
        os_packages: Mapping[str, str], image: str,
    ) -> None:
        self._where = (folder, python, virtual_env)
        self._is_versioned = is_versioned
        declared: dict[str, Json] = {OS_PACKAGES: {**os_packages}, IMAGE: image}
        self._declared = {field: value for field, value in declared.items() if value}
        movable = f"base image {image} has no digest: its name may come to mean another"
        self._movable = (movable,) if image and not _DIGEST.search(image) else ()

    def capture(self, scope: Scope) -> Found:
        """Captures the packages, or carries them on with what was said of them."""
        captured: Captured | None = None
        warnings: tuple[str, ...] = ()
        if scope.changed & {"weights", self.ingredient}:
            captured, warnings = self._captured()
        if captured is not None:
            return Found(
                {PACKAGES: parse_json(captured.entry)}, incomplete=captured.incomplete + self._movable,
                warnings=captured.warnings, provenance={self.ingredient: dict(captured.provenance)},
            )
        before = scope.entry(self.ingredient, PACKAGES)
        entry = self._with_declared(before if isinstance(before, dict) else {})
        if not scope.has(self.ingredient) and entry is None:
            said = missing_of(self.ingredient)
        elif entry is None or PYTHON not in entry:
            said = (NOT_CAPTURED,)
        else:
            said = tuple(
                reason for reason in scope.said(self.ingredient)
                if reason != NOT_CAPTURED and not reason.startswith("base image ")
            )
        changed = {} if entry == before else {PACKAGES: entry}
        return Found(changed, incomplete=said + self._movable, warnings=warnings)

    def _with_declared(self, before: Mapping[str, Json]) -> dict[str, Json] | None:
        """Returns the entry that is carried on with what is declared now, None if there is nothing to say."""
        asked = {field: value for field, value in before.items() if field not in {OS_PACKAGES, IMAGE}}
        if not self._declared and not asked.get(PACKAGES) and PYTHON not in asked:
            return None
        return {PACKAGES: {}, **asked, **self._declared}

    def _captured(self) -> tuple[Captured | None, tuple[str, ...]]:
        from mvcs.ingredients.environment import capture_environment
        from mvcs.ingredients.interpreter import find_interpreter

        try:
            interpreter = find_interpreter(*self._where)
            if interpreter is not None and self._is_versioned(interpreter):
                return None, (f"the environment was not captured: {interpreter} came with the model and is not run",)
            return capture_environment(*self._where, self._declared), ()
        except UnreadableFile as error:
            return None, (f"the environment was not captured: {error.message}",)
