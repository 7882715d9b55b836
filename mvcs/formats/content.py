"""The bytes of one file, wherever they lie: read whole when they are few, in pieces or at any place when they are many.

Knows: how to be read. Refuses to know: stores, paths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Content(Protocol):
    """Bytes of a file; a source too, as splitters read one (`mvcs.store.splitters.source`)."""

    @property
    def size(self) -> int:
        """How many."""
        ...

    def read(self) -> bytes:
        """Returns all of them."""
        ...

    def pieces(self) -> Iterator[bytes]:
        """Yields them in pieces of a few MiB at the most; may be asked for again."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        ...


class Bytes:
    """Content in memory.

    Args:
        content: The bytes.
    """

    __slots__ = ("_content",)

    def __init__(self, content: bytes) -> None:
        self._content = content

    @property
    def size(self) -> int:
        """How many."""
        return len(self._content)

    def read(self) -> bytes:
        """Returns all of them."""
        return self._content

    def pieces(self) -> Iterator[bytes]:
        """Yields them."""
        if self._content:
            yield self._content

    def read_at(self, offset: int, length: int) -> bytes:
        """Returns the bytes from an offset on, fewer at the end."""
        return self._content[offset : offset + max(length, 0)]
