"""What changed inside a file: keys with their values, and lines.

A key is a configuration path, a package, a row, a cell, a metric, a tensor. Knows: how a change is told. Refuses to
know: how it was found (the drivers beside this file).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.values import ABSENT, to_json
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.formats.values import Found


class KeyChange(Record):
    """One key that differs.

    Args:
        key: Its name inside the file.
        before: Its value, ABSENT if there was none.
        after: Its value now.
        note: What to say of it beyond the two values, such as "upgraded" or "better".
    """

    __slots__ = ("after", "before", "key", "note")

    def __init__(self, key: str, before: Found, after: Found, note: str = "") -> None:
        self.key = key
        self.before = before
        self.after = after
        self.note = note

    @property
    def change(self) -> str:
        """added, deleted or modified."""
        if self.before is ABSENT:
            return "added"
        return "deleted" if self.after is ABSENT else "modified"

    def to_dict(self) -> dict[str, object]:
        """Returns the change as JSON carries it, without the file's own keys."""
        made: dict[str, object] = {
            "key": self.key, "before": to_json(self.before), "after": to_json(self.after), "change": self.change,
        }
        if self.note:
            made["note"] = self.note
        return made


class FileDiff(Record):
    """What changed inside one file.

    Args:
        driver: Who looked: text, config, packages, notebook, table, metrics, tensors, bytes.
        keys: Keys that differ, in the order of the file; empty when `lines` tell it.
        lines: Lines of a unified diff without the file's header, each with its sign and without its line end.
        reason: Why a closer look was not possible, such as "not YAML: line 3: ..."; empty if it was.
        more: Keys that differ beyond those in `keys`; a driver bounds what it holds.
        summary: All of it in a few words, where keys may be many; empty if there is nothing to say.
    """

    __slots__ = ("driver", "keys", "lines", "more", "reason", "summary")

    def __init__(
        self, driver: str, keys: tuple[KeyChange, ...] = (), lines: tuple[str, ...] = (), reason: str = "",
        more: int = 0, summary: str = "",
    ) -> None:
        self.driver = driver
        self.keys = keys
        self.lines = lines
        self.reason = reason
        self.more = more
        self.summary = summary
