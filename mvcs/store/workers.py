"""Threads that do pieces of work, whose results one taker gets in order.

Much as `concurrent.futures`, whose import takes longer (by that of logging) than a small commit spends on its bytes.
Knows: order, how much is under way, failures. Refuses to know: what the work is.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

AHEAD = 4
"""Pieces that are under way, or done and not taken, unless more are asked for."""
MOST = 8
"""Threads at most; each keeps buffers of its own."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Piece(Generic[Item, Result]):
    """One piece of work; the lock is held until it is done."""

    __slots__ = ("_done", "_error", "_result", "_waiting")

    def __init__(self, work: Callable[[Item], Result], item: Item) -> None:
        self._waiting = [(work, item)]
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        """Does it, unless somebody else has begun it, or it was dropped."""
        try:
            work, item = self._waiting.pop()  # one thread alone gets it
        except IndexError:
            return
        try:
            self._result = work(item)
        except BaseException as error:  # noqa: BLE001 -- handed to the one who takes
            self._error = error
        self._done.release()

    def drop(self) -> None:
        """Makes nothing of it if nobody has begun."""
        self._waiting.clear()

    def take(self) -> Result:
        """Returns what came of it; does it first if nobody has begun."""
        self.run()
        self._done.acquire()
        if self._error is not None:
            raise self._error
        result, self._result = self._result, None  # the queue may hold the piece for a while
        return result  # type: ignore[return-value]


class Workers:
    """Threads that work beside the one that takes: with it one for each core. End them by `close`, or use `with`."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Piece[Any, Any] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._count = min(os.cpu_count() or 1, MOST) - 1

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def in_order(
        self, work: Callable[[Item], Result], items: Iterable[Item], ahead: int = AHEAD
    ) -> Iterator[Result]:
        """Yields what `work` returns for each item, in order.

        Args:
            work: Done by any thread, that of the caller too.
            items: Taken one by one, while fewer pieces than `ahead` are under way.
            ahead: How many may be.

        Raises:
            BaseException: What `work` raised for the first item that it raised for.
        """
        waiting: deque[_Piece[Item, Result]] = deque()
        try:
            for item in items:
                piece = _Piece(work, item)
                self._give(piece)
                waiting.append(piece)
                del item, piece  # what an item holds is large
                while len(waiting) >= ahead:
                    yield waiting.popleft().take()
            while waiting:
                yield waiting.popleft().take()
        finally:
            for piece in waiting:
                piece.drop()

    def _give(self, piece: _Piece[Any, Any]) -> None:
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._run, name="mvcs-worker", daemon=True)
            try:
                thread.start()
                self._threads.append(thread)
            except RuntimeError:  # no address space for a stack: who takes does the work
                self._count = len(self._threads)
        if self._threads:
            self._queue.put(piece)

    def _run(self) -> None:
        while (piece := self._queue.get()) is not None:
            piece.run()
            del piece

    def close(self) -> None:
        """Ends the threads once they have done what they were given and nobody dropped."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []
