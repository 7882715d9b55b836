"""Memory of a command with all its children, and warm pages for the next one."""

import mmap
import os
import threading
import time


def tree(pid: int) -> list[int]:
    """Returns a process and all its descendants, as far as they live."""
    found = [pid]
    for one in found:
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children") as file:
                    found += [int(word) for word in file.read().split()]
        except OSError:
            continue
    return found


def anonymous_kb(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            text = file.read()
    except OSError:
        return 0
    at = text.find(b"RssAnon:")
    return int(text[at + 8 : text.find(b"kB", at)]) if at >= 0 else 0


class TreePeak:
    """Samples the anonymous resident memory of a process and its descendants together every five milliseconds."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak = pid, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.is_set():
            self._peak = max(self._peak, sum(anonymous_kb(pid) for pid in tree(self._pid)))
            time.sleep(0.005)

    def end(self) -> float:
        """Returns the peak in MB."""
        self._over.set()
        self._thread.join()
        return self._peak / 1000


def warm_pages(size: int) -> None:
    """Touches and frees memory: on a virtual machine the first touch of a page costs more than a copy of it, and the
    command that comes second would get the pages that the first one paid for.
    """
    populated = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    mmap.mmap(-1, max(mmap.PAGESIZE, min(size, 2 << 30)), flags=populated).close()
