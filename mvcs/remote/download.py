"""Fetches records: neighbours in one request, several requests at once, bounded in memory.

Knows: ranges of packs. Refuses to know: what records mean; whoever takes them verifies them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mvcs.errors import RemoteCorrupt
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from mvcs.objects.hashing import Oid
    from mvcs.ports import Progress
    from mvcs.remote.home import Home
    from mvcs.remote.index import PackName, Place

GAP = 512 << 10
"""Bytes between two records that are fetched rather than asked for twice."""
MOST = 8 << 20
"""Bytes of a request, but for a single longer record."""
AT_ONCE = 8
"""Requests at once: with MOST, what they hold in memory."""


class Stretch(Record):
    """What one request asks for.

    Args:
        pack: The pack.
        start: Offset in it.
        end: Behind the last byte.
        rows: (oid, sort, offset in the pack, length) of the records that are wanted, in order.
    """

    __slots__ = ("end", "pack", "rows", "start")

    def __init__(self, pack: PackName, start: int, end: int, rows: tuple[tuple[Oid, int, int, int], ...]) -> None:
        self.pack = pack
        self.start = start
        self.end = end
        self.rows = rows


def plan_stretches(wanted: Iterable[tuple[Oid, int, Place]], gap: int = GAP, most: int = MOST) -> list[Stretch]:
    """Returns the requests that fetch records, in the order in which packs came to be.

    Args:
        wanted: (oid, sort, place) of each record.
        gap: Bytes between two records that are fetched too.
        most: Bytes of a request.
    """
    found: list[Stretch] = []
    rows: list[tuple[Oid, int, int, int]] = []
    order = sorted(wanted, key=lambda item: (item[2].pack.sequence, item[2].pack.key, item[2].offset, item[1]))
    pack: PackName | None = None
    start = end = 0
    for oid, sort, place in order:
        behind = place.offset + place.length
        if rows and (place.pack != pack or place.offset > end + gap or behind > start + most):
            assert pack is not None
            found.append(Stretch(pack, start, end, tuple(rows)))
            rows = []
        if not rows:
            pack, start, end = place.pack, place.offset, place.offset
        rows.append((oid, sort, place.offset, place.length))
        end = max(end, behind)
    if rows:
        assert pack is not None
        found.append(Stretch(pack, start, end, tuple(rows)))
    return found


def fetch(home: Home, stretches: Iterable[Stretch], progress: Progress) -> Iterator[tuple[Oid, int, bytes]]:
    """Yields (oid, sort, record) in the order of the stretches.

    Raises:
        RemoteCorrupt: If a pack is gone, or shorter than it was.
        RemoteError: If the place does not answer.
    """
    from concurrent.futures import ThreadPoolExecutor

    def get(stretch: Stretch) -> bytes:
        found = home.get(stretch.pack.key, stretch.start, stretch.end - stretch.start)
        if found is None or len(found) != stretch.end - stretch.start:
            reason = "it is gone" if found is None else "it is too short"
            raise RemoteCorrupt(url=home.url, key=stretch.pack.key, reason=reason)
        return found

    waiting: deque[tuple[Stretch, Future[bytes]]] = deque()
    with ThreadPoolExecutor(AT_ONCE, "mvcs-fetch") as threads:
        try:
            for stretch in stretches:
                waiting.append((stretch, threads.submit(get, stretch)))
                if len(waiting) >= AT_ONCE:
                    yield from _taken(*waiting.popleft(), progress)
            while waiting:
                yield from _taken(*waiting.popleft(), progress)
        finally:
            threads.shutdown(wait=True, cancel_futures=True)


def _taken(stretch: Stretch, future: Future[bytes], progress: Progress) -> Iterator[tuple[Oid, int, bytes]]:
    content = future.result()
    for oid, sort, offset, length in stretch.rows:
        at = offset - stretch.start
        yield oid, sort, content[at : at + length]
        progress.advance(length)
