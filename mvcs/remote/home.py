"""What a remote is made of: files that are written once and never change, and a few that are swapped.

Whoever holds a home holds a place and nothing else: what the files mean is told by the modules beside this one. Keys
are relative, with slashes. Knows: what may be asked of a place. Refuses to know: LMDB, refs, objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DONE, LOST, UNKNOWN = "done", "lost", "unknown"
"""What came of a swap; unknown where the answer got lost: only reading tells."""


class Listed(Record):
    """A file of a home.

    Args:
        key: Its name.
        size: In bytes.
        time: Nanoseconds since 1970 in UTC when it was written, by the home's clock.
    """

    __slots__ = ("key", "size", "time")

    def __init__(self, key: str, size: int, time: int) -> None:
        self.key = key
        self.size = size
        self.time = time


class Tagged(Record):
    """The content of a file that is swapped.

    Args:
        content: The bytes.
        tag: Names this very state; opaque.
    """

    __slots__ = ("content", "tag")

    def __init__(self, content: bytes, tag: str) -> None:
        self.content = content
        self.tag = tag


@runtime_checkable
class Body(Protocol):
    """Bytes that are too many to be held at once."""

    @property
    def size(self) -> int:
        """How many."""
        ...

    def open(self) -> BinaryIO:
        """Returns a new stream over them that can seek."""
        ...

    def crc32(self) -> int:
        """Returns their CRC-32 (ISO-HDLC, as in zlib)."""
        ...


class Home(Protocol):
    """A folder or a bucket.

    Every method raises RemoteError if the place does not answer or answers nonsense, RemoteDenied if it refuses.
    """

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        ...

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Returns bytes of a file from an offset on, fewer at the end; None if there is no such file."""
        ...

    def size(self, key: str) -> int | None:
        """Returns the bytes of a file, None if there is none."""
        ...

    def put(self, key: str, body: bytes | Body) -> None:
        """Writes a file whose key says what is in it: writing it again changes nothing."""
        ...

    def create(self, key: str, content: bytes) -> bool:
        """Writes a file if there is none; returns whether there was none."""
        ...

    def read(self, key: str) -> Tagged | None:
        """Returns a file that is swapped, None before the first swap."""
        ...

    def swap(self, key: str, content: bytes, tag: str | None) -> str:
        """Puts new content in place of the one that has a tag; None stands for no file.

        The content must never have been there before (a root has its generation and write ids in it).

        Returns:
            DONE, LOST if the file is in another state, or UNKNOWN.
        """
        ...

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yields the files whose keys begin with a prefix, by key; what is swapped is not among them."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Removes files; those that are not there are no error."""
        ...

    def now(self) -> int:
        """Returns nanoseconds since 1970 in UTC by the home's clock, at the resolution that it has."""
        ...
