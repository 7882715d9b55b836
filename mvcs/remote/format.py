"""What a remote is: written once when it is made, read before anything is trusted.

Knows: version and features. Refuses to know: roots. Implements: spec 9.1.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, RemoteCorrupt, UnknownFeature, UnsupportedVersion
from mvcs.objects.record import Record
from mvcs.objects.values import canonical_json, parse_json

if TYPE_CHECKING:
    from mvcs.remote.home import Home

KEY = "format"
NAME = "mvcs remote"
VERSION = 1
FEATURES: frozenset[str] = frozenset()
"""Required features that this version knows."""


class Format(Record):
    """What a remote says of itself.

    Args:
        id: Random hex digits that no other remote has.
        version: Of the layout.
        features: What a reader must know.
    """

    __slots__ = ("features", "id", "version")

    def __init__(self, id: str, version: int = VERSION, features: tuple[str, ...] = ()) -> None:
        self.id = id
        self.version = version
        self.features = features


def make_format(home: Home) -> tuple[Format, bool]:
    """Returns what a remote says of itself, and whether it is new: made by this call.

    Raises:
        UnsupportedVersion: If a newer mvcs made it.
        UnknownFeature: If it needs features that this one has not.
        RemoteCorrupt: If what is there is no such file.
    """
    made = Format(os.urandom(16).hex())
    found = read_format(home)
    if found is not None:
        return found, False
    content = canonical_json({"features": [], "format": NAME, "id": made.id, "version": VERSION})
    if home.create(KEY, content):
        return made, True
    found = read_format(home)  # somebody else was quicker, or an answer got lost
    if found is None:
        raise RemoteCorrupt(url=home.url, key=KEY, reason="it is there and it is not")
    return found, found == made


def read_format(home: Home) -> Format | None:
    """Returns what a remote says of itself, None if nothing is there.

    Raises:
        UnsupportedVersion: If a newer mvcs made it.
        UnknownFeature: If it needs features that this one has not.
        RemoteCorrupt: If what is there is no such file.
    """
    content = home.get(KEY)
    if content is None:
        return None
    try:
        found = parse_json(content)
    except InvalidObject as error:
        raise RemoteCorrupt(url=home.url, key=KEY, reason=str(error.fields["reason"])) from error
    if not isinstance(found, dict) or found.get("format") != NAME or type(found.get("version")) is not int:
        raise RemoteCorrupt(url=home.url, key=KEY, reason="it is not that of a remote")
    version, features, name = found["version"], found.get("features"), found.get("id")
    assert isinstance(version, int)
    if version > VERSION:
        raise UnsupportedVersion(found=version, known=VERSION)
    if not isinstance(features, list) or not isinstance(name, str):
        raise RemoteCorrupt(url=home.url, key=KEY, reason="it is not that of a remote")
    told = tuple(str(item) for item in features)
    if set(told) - FEATURES:
        raise UnknownFeature(features=tuple(sorted(set(told) - FEATURES)))
    return Format(name, version, told)
