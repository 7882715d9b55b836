"""The bytes of one file, wherever they lie: read whole when they are few, in pieces or at any place when they are many.

Knows: how to be read, at any place too. Refuses to know: stores, paths.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mvcs.store.splitters.source import BytesSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from mvcs.store.splitters.source import Source


class Content(Protocol):
    """Bytes of a file."""

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


@runtime_checkable
class Chunked(Protocol):
    """Content of which it is known by name which of its bytes are the same as others'."""

    def names(self, offset: int, length: int) -> tuple[object, ...] | None:
        """Returns what stands for these bytes: where two of it are equal the bytes are. None if nothing does."""
        ...


@runtime_checkable
class Addressable(Protocol):
    """Content that can be read at any place; every content that may be large and hold tensors is."""

    def source(self) -> AbstractContextManager[Source]:
        """Opens it."""
        ...


def open_source(content: Content) -> AbstractContextManager[Source]:
    """Opens a content for reading at any place; one that cannot do this is read whole."""
    return content.source() if isinstance(content, Addressable) else nullcontext(BytesSource(content.read()))


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
