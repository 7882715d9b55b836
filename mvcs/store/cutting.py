"""Cuts large files by content, so that an insertion changes the chunks around it only.

FastCDC with 16, 64 and 256 KiB: constants for ever, held by golden vectors. The only module that imports pyfastcdc.
Implements: spec 6.1. Sources: Xia et al., "The Design of Fast Content-Defined Chunking", IEEE TPDS 2020.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SPLITTER = "fastcdc@1"
LEAST, AVERAGE, MOST = 16 << 10, 64 << 10, 256 << 10
READ = 4 << 20
"""Bytes read at once."""


def is_fast() -> bool:
    """Whether the compiled chunker is there; the pure Python one gives the same cuts at 1/200 of the speed."""
    import pyfastcdc

    return pyfastcdc.FastCDC.__module__.startswith("pyfastcdc.cy")


def read_pieces(descriptor: int) -> Iterator[bytes]:
    """Yields what is left of an open file in large pieces."""
    while piece := os.read(descriptor, READ):
        yield piece


def cut(pieces: Iterator[bytes]) -> Iterator[list[memoryview]]:
    """Cuts a stream of pieces into chunks.

    Yields:
        Lists of chunks, in order; the cuts do not depend on how the stream comes in pieces.
    """
    from pyfastcdc import FastCDC

    chunker = FastCDC(AVERAGE, min_size=LEAST, max_size=MOST, normalized_chunking=1, seed=0)
    rest = b""
    for piece in filter(None, pieces):
        buffer = rest + piece if rest else piece
        chunks = [memoryview(chunk.data) for chunk in chunker.cut_buf(buffer)]
        last = chunks.pop()  # ended by the end of the buffer, perhaps, not by content
        rest = bytes(last)
        if chunks:
            yield chunks
    if rest:
        yield [memoryview(rest)]
