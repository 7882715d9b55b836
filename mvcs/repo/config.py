"""Configuration: flag, environment, repository, user, system, in this order; each value knows its origin.

Knows: the keys, their types and defaults. Refuses to know: the environment (handed in by `mvcs.ambient`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mvcs.errors import ConfigNotFound, InvalidArgument, InvalidConfig
from mvcs.repo.toml import line_of, read_toml, set_value

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: dict[str, tuple[type, Any, str, str]] = {
    "user.name": (str, "", "MVCS_AUTHOR_NAME", "name written into commits"),
    "user.email": (str, "", "MVCS_AUTHOR_EMAIL", "address written into commits"),
    "lock.timeout": (int, 60, "MVCS_LOCK_TIMEOUT", "seconds to wait for another command"),
    "gc.undo_days": (int, 30, "", "days that undo reaches back; what only older operations name may be collected"),
    "mapped.max_bytes": (int, 64 << 30, "MVCS_CACHE_SIZE", "bytes of disposable files for mapping"),
    "capture.without": (str, "", "", "names of plug-ins that commits do not ask, with commas"),
    "init.ask_above": (int, 1 << 30, "", "bytes above which init asks before it takes them"),
}
"""Dotted key: type, default, environment variable, meaning."""


class Config:
    """Values of one repository.

    Args:
        files: (origin, path), nearest first.
        variable: Returns an environment variable or None.
    """

    def __init__(self, files: list[tuple[str, str]], variable: Callable[[str], str | None]) -> None:
        self._files = files
        self._variable = variable
        self._read: dict[str, tuple[dict[str, Any], str]] = {}

    def get(self, key: str) -> Any:  # noqa: ANN401 -- the type is the key's
        """Returns the value of a known key."""
        return self.origin(key)[0]

    def integer(self, key: str) -> int:
        """Returns the value of an integer key."""
        return int(self.get(key))

    def origin(self, key: str) -> tuple[Any, str]:
        """Returns (value, where it comes from).

        Raises:
            ConfigNotFound: If there is no such key.
            InvalidConfig: If a file gives it another type.
        """
        if key not in KEYS:
            raise ConfigNotFound(key=key)
        kind, default, variable, _ = KEYS[key]
        given = self._variable(variable) if variable else None
        if given is not None:
            return parse_value(key, given), f"environment {variable}"
        for origin, path in self._files:
            if origin not in self._read:
                self._read[origin] = read_toml(path)
            values, text = self._read[origin]
            found: Any = values
            for part in key.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found is not None:
                if type(found) is not kind:
                    section, _, name = key.rpartition(".")
                    raise InvalidConfig(
                        file=path, line=line_of(text, name, section), reason=f"{key} is a {type(found).__name__}",
                        allowed=kind.__name__,
                    )
                return found, f"{origin} {path}"
        return default, "default"

    def set(self, key: str, value: str | None, origin: str) -> None:
        """Writes a key into the file of an origin; None removes it."""
        if key not in KEYS:
            raise ConfigNotFound(key=key)
        if value is not None and any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise InvalidArgument(argument=key, value=value, reason="it is not UTF-8")
        path = dict(self._files)[origin]
        set_value(path, key, None if value is None else parse_value(key, value))
        self._read.clear()


def parse_value(key: str, text: str) -> Any:  # noqa: ANN401 -- the type is the key's
    """Reads a value of a key from text.

    Raises:
        InvalidArgument: If it is not of the key's type.
    """
    kind = KEYS[key][0]
    try:
        return kind(text)
    except ValueError:
        raise InvalidArgument(argument=key, value=text, reason=f"it is a {kind.__name__}") from None


def config_path(repository: str) -> str:
    """Returns the configuration file of a repository."""
    return os.path.join(repository, "config.toml")
