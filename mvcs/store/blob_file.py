"""A stored blob as Python's own kind of file, for libraries that read files: numpy, zipfile, safetensors readers.

Knows: `io`. Refuses to know: chunks.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from mvcs.store.blob_reader import StoredBlob

CLOSED = "the file is closed"


class BlobFile(io.RawIOBase):
    """The raw side of an open blob; `blob_file` puts a buffer around it.

    Args:
        blob: The blob.
    """

    def __init__(self, blob: StoredBlob) -> None:
        super().__init__()
        self._blob = blob

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills a buffer from the position, at most to the end of a chunk, so that no other chunk is touched."""
        self._check_open()
        return self._blob.readinto(memoryview(buffer).cast("B"))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the position; returns it."""
        self._check_open()
        return self._blob.seek(offset, whence)

    def tell(self) -> int:
        """Returns the position."""
        self._check_open()
        return self._blob.tell()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def close(self) -> None:
        """Releases the blob."""
        if not self.closed:
            self._blob.close()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(CLOSED)


def blob_file(blob: StoredBlob) -> io.BufferedReader:
    """Returns a blob as a buffered file; several threads may read it, one position for all of them."""
    return io.BufferedReader(BlobFile(blob))
