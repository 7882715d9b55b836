"""Plain patterns of .gitignore: names and folders, with stars inside of names; matched without pathspec.

A commit that lists a folder would spend 15 ms on loading pathspec and on compiling the patterns of `init`. Knows: the
patterns whose meaning is plain. Refuses to know: all others, which are pathspec's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_PART = r"(?!\*+(?:/|$))[\w.~*-]+"
_PLAIN = re.compile(f"/?{_PART}(?:/{_PART})*/?")

Match = Callable[[str, str], object]
"""Says of what `spread` returns whether it matches."""


def spread(path: str) -> tuple[str, str]:
    """Returns a path, which ends with a slash if it is a folder's, and its folders: slashes stand around each name."""
    return f"/{path}" if path.endswith("/") else f"/{path}/", "/" + path[: path.rfind("/") + 1]


def plain(pattern: str) -> Match | None:
    """Returns what matches a pattern, None if it is not plain."""
    if not _PLAIN.fullmatch(pattern):
        return None
    body = pattern.strip("/")
    if {".", ".."} & set(body.split("/")):  # no name of a file; Git's rules for them are its own
        return None
    anchored = pattern.startswith("/") or "/" in body
    only_folders = pattern.endswith("/")
    if "*" in body:
        wild = re.compile("/" + re.escape(body).replace(r"\*", "[^/]*") + "/")
        found: Callable[[str], object] = wild.match if anchored else wild.search
    else:
        name = f"/{body}/"
        found = (lambda text: text.startswith(name)) if anchored else (lambda text: name in text)
    return (lambda _, folders: found(folders)) if only_folders else (lambda whole, _: found(whole))
