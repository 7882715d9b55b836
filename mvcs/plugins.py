"""Plug-ins: what installed distributions offer under an entry-point group, checked before it is used.

Only distributions that are installed count: one that lies among the files of a model is data, and data is never
imported. Nothing is looked for before `load_plugins` is called. Knows: entry points, API versions, names. Refuses to
know: what a plug-in does.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from mvcs.errors import BrokenPlugin

if TYPE_CHECKING:
    from collections.abc import Collection
    from importlib.metadata import Distribution, EntryPoint

INFO = (".dist-info", ".egg-info")
"""Endings of the folders that say what a distribution offers."""
INSTALLED = ("site-packages", "dist-packages")
"""Folders that installers write into: also inside a project they hold no data."""


class Plugin:
    """One loaded plug-in.

    Args:
        name: Name of its entry point.
        distribution: Name and version of what brought it.
        made: What calling its entry point gave.
    """

    __slots__ = ("distribution", "made", "name")

    def __init__(self, name: str, distribution: str, made: Any) -> None:  # noqa: ANN401 -- each group has its own type
        self.name = name
        self.distribution = distribution
        self.made = made

    def broken(self, reason: str) -> BrokenPlugin:
        """Returns the error that says why it cannot be used."""
        return BrokenPlugin(plugin=self.name, distribution=self.distribution, reason=reason)


def load_plugins(group: str, api_version: int, *, without: Collection[str] = (), data: str) -> list[Plugin]:
    """Loads the plug-ins of a group, sorted by name.

    An entry point names a class, or anything that is called without arguments; what it gives has an `api_version`.

    Args:
        group: The entry-point group.
        api_version: The version of the group's protocol that this mvcs has.
        without: Names of plug-ins that are neither imported nor checked.
        data: Folder of a model: a distribution that lies in it, outside of a folder of installed packages, is no
            plug-in.

    Raises:
        BrokenPlugin: If one cannot be imported, is of another API version, or two have one name; fields `plugin`,
            `distribution`, `reason`.
    """
    if not _is_offered(group.encode()):
        return []
    from importlib.metadata import distributions

    found: dict[str, tuple[str, EntryPoint]] = {}
    seen: set[str] = set()
    for distribution in distributions():
        points = [point for point in distribution.entry_points if point.group == group and point.name not in without]
        if not points or _is_data(distribution, data) or distribution.name in seen:
            continue  # the first of a name on the path hides the others, as it does for imports
        seen.add(distribution.name)
        label = f"{distribution.name} {distribution.version}"
        for point in points:
            other = found.get(point.name)
            if other is not None:
                raise BrokenPlugin(plugin=point.name, distribution=label, reason=f"{other[0]} has one of this name too")
            found[point.name] = (label, point)
    return [_load(name, *found[name], api_version) for name in sorted(found)]


def _is_offered(group: bytes) -> bool:
    """Whether any installed distribution names the group; asking all of them in full takes a commit's time over again.

    Only folders are looked into: where the path has an archive, that may be.
    """
    for place in dict.fromkeys(sys.path):
        try:
            names = os.listdir(place or ".")
        except NotADirectoryError:
            return True
        except OSError:
            continue
        for name in names:
            if name.endswith(INFO):
                try:
                    with open(os.path.join(place, name, "entry_points.txt"), "rb") as file:
                        if group in file.read():
                            return True
                except OSError:
                    continue
    return False


def _is_data(distribution: Distribution, data: str) -> bool:
    place = os.path.realpath(str(distribution.locate_file("")))
    inside = os.path.relpath(place, os.path.realpath(data))
    return inside != ".." and not inside.startswith("../") and os.path.basename(place) not in INSTALLED


def _load(name: str, label: str, point: EntryPoint, api_version: int) -> Plugin:
    plugin = Plugin(name, label, None)
    try:
        plugin.made = point.load()()
        version = plugin.made.api_version
    except (Exception, SystemExit) as error:  # whatever a stranger's code raises, the answer names it
        raise plugin.broken(reason=told(error)) from error
    if type(version) is not int or version != api_version:
        made_for = f"version {str(version)[:20]} of {point.group}"
        raise plugin.broken(reason=f"it is made for {made_for}; this mvcs has version {api_version}")
    return plugin


def told(error: BaseException) -> str:
    """Returns an exception of a plug-in as part of a sentence, bounded."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
