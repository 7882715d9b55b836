"""What changed in a configuration file, key by key.

Types count (1, 1.0 and "1" differ); the order of a map's keys, comments and spelling do not. Knows: values by key.
Refuses to know: syntaxes, merges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.formats.config import read_config
from mvcs.formats.key_paths import in_order, key_path, leaves
from mvcs.formats.values import ABSENT, Absent, same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found, Value

    Path = tuple[str, ...]

MAX_CHANGES: Final = 10_000
"""Changed keys that are held; further ones are counted."""
ONLY_FORMATTING: Final = "only comments or formatting"


def diff_config(syntax: str, before: Content | None, after: Content | None) -> FileDiff:
    """Tells which keys of a configuration file changed.

    Maps are gone into, lists are one value. A map that came or went is told by its keys; one that took the place of
    another value, or gave way to it, is told as one change. Keys come in the order of the file as it is, deleted ones
    behind the key that they followed. Where bytes differ and no key does, `reason` says so.

    Args:
        syntax: "yaml", "toml" or "json".
        before: The file as it was, None if absent.
        after: The file as it is, None if absent.

    Raises:
        UnreadableContent: If a file cannot be read as its syntax; fields `format`, `line`, `reason`.

    Laws:
        diff_config(s, a, a) is empty; every key of `keys` differs.
    """
    made, more = compare(syntax, before, after)
    reason = "" if made or before is None or after is None or before.read() == after.read() else ONLY_FORMATTING
    return FileDiff("config", tuple(made), reason=reason, more=more)


def compare(syntax: str, before: Content | None, after: Content | None) -> tuple[list[KeyChange], int]:
    """Returns the keys that differ, as many as are held, and the number of the others.

    Raises:
        UnreadableContent: As `diff_config` does.
    """
    old = ABSENT if before is None else read_config(syntax, before)
    new = ABSENT if after is None else read_config(syntax, after)
    made: list[KeyChange] = []
    more = 0
    for path, first, second in changes((), old, new):
        if len(made) < MAX_CHANGES:
            made.append(KeyChange(key_path(path), first, second))
        else:
            more += 1
    return made, more


def changes(path: Path, before: Found, after: Found) -> Iterator[tuple[Path, Found, Found]]:
    """Yields (path, before, after) of each key that differs."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in in_order(after, before):
            yield from changes((*path, key), before.get(key, ABSENT), after.get(key, ABSENT))
    elif same(before, after):
        return
    elif isinstance(before, Absent):
        yield from ((below, ABSENT, value) for below, value in leaves(cast("Value", after), path))
    elif isinstance(after, Absent):
        yield from ((below, value, ABSENT) for below, value in leaves(before, path))
    else:
        yield path, before, after
