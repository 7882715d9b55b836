"""A stored blob as a seekable, read-only file that reads only the chunks it is asked for.

Knows: positions. Refuses to know: where chunks lie.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from mvcs.errors import InvalidArgument, ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import BLOB, Oid
from mvcs.store.splitters.source import Span

if TYPE_CHECKING:
    from mvcs.store.records import RecipeList


class Chunks(Protocol):
    """Where chunks come from."""

    def remembered_chunk(self, oid: Oid) -> bytes:
        """Returns one verified chunk, perhaps one that was read a moment ago."""
        ...

    def recipe(self, oid: Oid) -> RecipeList | None:
        """Returns how a blob is cut now; None if it is not cut."""
        ...


class StoredBlob:
    """A blob as a seekable, read-only file; see `mvcs.store.base.BlobReader`.

    Args:
        store: Where it lies.
        oid: Its oid.
        content: All its bytes, if it is not cut.
        recipe: How it is cut, if it is.
    """

    def __init__(self, store: Chunks, oid: Oid, content: bytes | None, recipe: RecipeList | None) -> None:
        self._store = store
        self.oid = oid
        self._recipe = recipe
        self._content = content
        self._ends = list(accumulate(recipe.lengths)) if recipe is not None else [len(content or b"")]
        self._position = 0
        self._cached: tuple[int, bytes] = (-1, b"")
        self.size = self._ends[-1]

    def _at_position(self) -> tuple[bytes, int]:
        """Returns the chunk that the position is in, and where it begins."""
        for last in (False, True):
            index = bisect_right(self._ends, self._position)
            try:
                return self._chunk(index), self._ends[index - 1] if index else 0
            except ObjectMissing:
                if last or not self._is_cut_anew():
                    raise
        raise AssertionError

    def _is_cut_anew(self) -> bool:
        """Looks whether repack has cut the blob anew since it was opened, and gc has taken the old chunks."""
        recipe = None if self._recipe is None else self._store.recipe(self.oid)
        if recipe is None or recipe == self._recipe or recipe.size != self.size:
            return False
        self._recipe = recipe
        self._ends = list(accumulate(recipe.lengths))
        self._cached = (-1, b"")
        return True

    def _chunk(self, index: int) -> bytes:
        if self._recipe is None:
            return self._content or b""
        if self._cached[0] != index:
            content = self._store.remembered_chunk(self._recipe.chunk(index))
            if len(content) != self._recipe.lengths[index]:
                raise ObjectCorrupt(oid=self.oid.hex(), kind=BLOB, where="its recipe list")
            self._cached = (index, content)
        return self._cached[1]

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes from the position, all that is left if negative."""
        end = self.size if size < 0 else min(self.size, self._position + size)
        parts = []
        while self._position < end:
            chunk, begin = self._at_position()
            part = chunk[self._position - begin : end - begin]
            parts.append(part)
            self._position += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: memoryview) -> int:
        """Fills a buffer from the position, at most to the end of a chunk; returns the bytes read, 0 at the end."""
        if self._position >= self.size:
            return 0
        chunk, begin = self._at_position()
        part = memoryview(chunk)[self._position - begin :][: len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads from an offset on, fewer bytes at the end: a blob is a source too (`mvcs.store.splitters.source`)."""
        self._position = offset
        return self.read(max(length, 0))

    def spans(self, offset: int, length: int) -> list[Span]:
        """Returns the stretches of chunks that make up a range, as the recipe list tells; nothing is read."""
        if self._recipe is None:
            return [Span(self.oid, offset, length, self.size)]
        found = []
        index, end = bisect_right(self._ends, offset), min(offset + length, self.size)
        while offset < end:
            start, stop = self._ends[index] - self._recipe.lengths[index], min(self._ends[index], end)
            found.append(Span(self._recipe.chunk(index), offset - start, stop - offset, self._recipe.lengths[index]))
            offset, index = stop, index + 1
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        """Moves the position, as `io.IOBase.seek`."""
        base = {0: 0, 1: self._position, 2: self.size}[whence]
        if base + offset < 0:
            raise InvalidArgument(argument="offset", value=offset, reason="before the start")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Returns the position."""
        return self._position

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """Forgets the cached chunk."""
        self._cached = (-1, b"")

    def __enter__(self) -> StoredBlob:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

