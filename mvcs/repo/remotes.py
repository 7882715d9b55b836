"""Named remotes in the repository's configuration: `[remote.origin] url = "s3://bucket/prefix"`.

Knows: their keys. Refuses to know: what is there (`mvcs.remote`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.errors import InvalidConfig, RefExists, RefNotFound
from mvcs.objects.record import Record
from mvcs.refs.names import check_name
from mvcs.remote.s3_client import S3Settings
from mvcs.repo.toml import line_of, read_toml, set_value, unknown_key

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = "remote"
KEYS: dict[str, type] = {
    "url": str, "endpoint": str, "region": str, "path_style": bool, "sse": str, "kms_key": str, "single_writer": bool,
}


class Remote(Record):
    """A named remote.

    Args:
        name: What people call it.
        url: Its address.
        settings: What the address of a bucket does not say.
        single_writer: Whether somebody has promised that nobody else writes there.
    """

    __slots__ = ("name", "settings", "single_writer", "url")

    def __init__(self, name: str, url: str, settings: S3Settings, *, single_writer: bool = False) -> None:
        self.name = name
        self.url = url
        self.settings = settings
        self.single_writer = single_writer

    def to_dict(self) -> dict[str, object]:
        """Returns the remote as JSON carries it."""
        return {"name": self.name, "url": self.url, **_values(self)}


def read_remotes(path: str) -> dict[str, Remote]:
    """Returns the remotes of a configuration file, by name.

    Raises:
        InvalidConfig: If one has no address, or a key that means nothing.
    """
    values, text = read_toml(path)
    table = values.get(SECTION, {})
    if not isinstance(table, dict):
        line = line_of(text, SECTION)
        raise InvalidConfig(file=path, line=line, reason=f"{SECTION} is no table", allowed="[remote.NAME]")
    return {name: _remote(path, text, name, entry) for name, entry in table.items()}


def find_remote(path: str, name: str) -> Remote:
    """Returns a remote by its name.

    Raises:
        RefNotFound: If there is none.
    """
    found = read_remotes(path)
    if name not in found:
        hint = "mvcs remote list" if found else f"mvcs remote add {name} s3://BUCKET/PREFIX"
        raise RefNotFound(ref=f"remote {name}", known=tuple(sorted(found)), hint=hint)
    return found[name]


def add_remote(path: str, remote: Remote) -> None:
    """Writes a new remote.

    Raises:
        InvalidName: If its name is none.
        RefExists: If there is one of this name.
    """
    check_name(remote.name, slashes=False)
    if remote.name in read_remotes(path):
        raise RefExists(ref=f"remote {remote.name}", hint="mvcs remote list")
    for key, value in {"url": remote.url, **_values(remote)}.items():
        set_value(path, f"{SECTION}.{remote.name}.{key}", value)


def remove_remote(path: str, name: str) -> None:
    """Takes a remote out.

    Raises:
        RefNotFound: If there is none.
    """
    find_remote(path, name)
    set_value(path, f"{SECTION}.{name}", None)


def _values(remote: Remote) -> dict[str, object]:
    """Returns what is set of a remote beside its address."""
    said = {key: getattr(remote.settings, key) for key in S3Settings.__slots__}
    said["single_writer"] = remote.single_writer or None
    return {key: value for key, value in sorted(said.items()) if value is not None}


def _remote(path: str, text: str, name: str, entry: object) -> Remote:
    section = f"{SECTION}.{name}"
    found: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    for key, value in found.items():
        if key not in KEYS:
            raise unknown_key(path, text, key, section, list(KEYS))
        if type(value) is not KEYS[key]:
            reason, allowed = f"{key} is a {type(value).__name__}", KEYS[key].__name__
            raise InvalidConfig(file=path, line=line_of(text, key, section), reason=reason, allowed=allowed)
    if "url" not in found:
        line = line_of(text, name, SECTION)
        raise InvalidConfig(file=path, line=line, reason=f"[{section}] has no url", allowed="url")
    settings = S3Settings(**{key: found.get(key) for key in S3Settings.__slots__})
    return Remote(name, found["url"], settings, single_writer=bool(found.get("single_writer")))
