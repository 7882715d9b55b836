"""Sends records in packs, several at once, and says where they lie then.

What was sent is noted, pack by pack, so that one that was interrupted goes on with the pack that it was at: packs are
named by their content, and the same records make the same packs. Knows: packs, threads. Refuses to know: which records,
roots.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.remote.index import PackName, Place
from mvcs.remote.pack import META_PACK, PACK, PackBody, plan_packs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mvcs.objects.hashing import Oid
    from mvcs.ports import Progress
    from mvcs.remote.home import Home
    from mvcs.remote.pack import Item

AT_ONCE = 6
"""Packs that are sent at once; each holds one record in memory."""


class Sent:
    """The packs that have been sent and that no root lists yet, in a file.

    Args:
        path: The file; None remembers nothing.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path

    def read(self) -> set[str]:
        """Returns the keys of the packs."""
        if self._path is None:
            return set()
        try:
            with open(self._path, encoding="ascii", errors="replace") as file:
                return {line.rstrip("\n") for line in file if line.endswith("\n")}
        except FileNotFoundError:
            return set()

    def add(self, key: str) -> None:
        """Notes a pack; after a crash it may be missing here, and is sent again."""
        if self._path is not None:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(self._path, "a", encoding="ascii") as file:
                file.write(f"{key}\n")

    def clear(self) -> None:
        """Forgets all: a root lists them."""
        if self._path is not None and os.path.exists(self._path):
            os.unlink(self._path)


class Upload:
    """Packs on their way to a home.

    Args:
        home: Where to.
        epoch: Of the remote's garbage collection.
        sequence: Of the first pack.
        sent: What an earlier try has sent.
        progress: Hears the bytes.

    Attributes:
        places: Where the records lie that were sent.
        size: Bytes of the packs, those that were there already among them.
    """

    def __init__(self, home: Home, *, epoch: int, sequence: int, sent: Sent, progress: Progress) -> None:
        self.places: dict[tuple[Oid, int], Place] = {}
        self.size = 0
        self._home = home
        self._epoch = epoch
        self._next = sequence
        self._sent = sent
        self._before = sent.read()
        self._progress = progress

    def send(self, items: Sequence[Item], load: Callable[[Item], bytes], *, meta: bool) -> None:
        """Sends records; returns when all are durable there.

        Raises:
            RemoteError: If the place does not take them.
        """
        from concurrent.futures import ThreadPoolExecutor

        bodies = [PackBody(taken, load) for taken in plan_packs(items, META_PACK if meta else PACK)]
        with ThreadPoolExecutor(AT_ONCE, "mvcs-send") as threads:
            under_way = [threads.submit(self._send, body, self._next + at, meta) for at, body in enumerate(bodies)]
            try:
                for body, future in zip(bodies, under_way, strict=True):
                    pack = future.result()
                    self.size += body.size
                    for item, start in zip(body.items, body.starts, strict=True):
                        self.places[item.oid, item.sort] = Place(pack, start, item.length)
            except BaseException:
                threads.shutdown(wait=True, cancel_futures=True)
                raise
        self._next += len(bodies)

    def _send(self, body: PackBody, sequence: int, meta: bool) -> PackName:
        pack = PackName(body.name(), self._epoch, meta=meta, sequence=sequence)
        if pack.key not in self._before or self._home.size(pack.key) != body.size:
            self._home.put(pack.key, body)
            self._sent.add(pack.key)
        self._progress.advance(body.size)
        return pack
