"""Tries whether a place keeps what a remote relies on, before anything is trusted to it.

Refs are moved by conditional writes, and there are servers that answer 200 to a condition that they do not look at: one
such lost 141 of 160 acknowledged writes. So `remote add` asks. Knows: what must hold. Refuses to know: refs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import RemoteDenied, RemoteError
from mvcs.objects.record import Record
from mvcs.remote.home import DONE, LOST, Home

if TYPE_CHECKING:
    from collections.abc import Callable

CONDITIONS = ("create only", "swap", "stale swap", "swap of nothing")
"""Checks without which two writers take each other's refs."""


class Check(Record):
    """One thing that was tried.

    Args:
        name: What.
        holds: Whether it does; None where nobody was allowed to try.
        reason: Why not.
    """

    __slots__ = ("holds", "name", "reason")

    def __init__(self, name: str, *, holds: bool | None, reason: str = "") -> None:
        self.name = name
        self.holds = holds
        self.reason = reason


def probe(home: Home) -> list[Check]:
    """Tries a place; the files that it writes are gone afterwards where removing is allowed.

    Raises:
        RemoteError: If the place does not answer.
    """
    key = f"probe/{os.urandom(8).hex()}"
    made: list[Check] = []

    def check(name: str, work: Callable[[], bool], reason: str) -> bool:
        try:
            holds: bool | None = work()
        except RemoteDenied as error:
            holds, reason = None, str(error.fields["reason"])
        made.append(Check(name, holds=holds, reason="" if holds else reason))
        return bool(holds)

    if not check("write", lambda: _writes(home, key), "what was written did not come back"):
        return made
    check("range", lambda: home.get(key, 3, 4) == b"3456", "a range came back with other bytes")
    check("create only", lambda: not home.create(key, b"other"), "a file was overwritten that was only to be created")
    swapped = f"{key}-swapped"
    first, second, third = (b"%d" % number + os.urandom(16).hex().encode() for number in (1, 2, 3))
    check("swap of nothing", lambda: _swaps_nothing(home, swapped, first, second), "a file was overwritten unseen")
    check("swap", lambda: _swaps(home, swapped, second), "the right condition was refused")
    check("stale swap", lambda: _refuses_stale(home, swapped, second, third), "a condition that did not hold was taken")
    check("list", lambda: any(item.key == key for item in home.listing("probe/")), "a file that is there is not listed")
    check("remove", lambda: _removes(home, [key, swapped]), "a file is there that was removed")
    return made


def unsafe(checks: list[Check]) -> list[Check]:
    """Returns what failed of the checks without which two writers take each other's refs."""
    return [check for check in checks if check.name in CONDITIONS and check.holds is False]


def _writes(home: Home, key: str) -> bool:
    return home.create(key, b"0123456789") and home.get(key) == b"0123456789" and home.size(key) == 10


def _swaps_nothing(home: Home, key: str, first: bytes, second: bytes) -> bool:
    return home.swap(key, first, None) == DONE and home.swap(key, second, None) == LOST


def _swaps(home: Home, key: str, content: bytes) -> bool:
    found = home.read(key)
    if found is None:
        raise RemoteError(url=home.url, reason="a file that was written is not there")
    return home.swap(key, content, found.tag) == DONE


def _refuses_stale(home: Home, key: str, second: bytes, third: bytes) -> bool:
    old = home.read(key)
    if old is None or home.swap(key, third, old.tag) != DONE:
        return False
    lost = home.swap(key, second + b"again", old.tag) == LOST
    now = home.read(key)
    return lost and now is not None and now.content == third


def _removes(home: Home, keys: list[str]) -> bool:
    home.delete(keys)
    return home.get(keys[0]) is None
