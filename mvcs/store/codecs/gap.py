"""Gap deltas: a chunk coded beside the chunks that stood in its place before.

Knows: when such a delta pays. Refuses to know: which chunks stood there. Implements: spec 6.3.
"""

from __future__ import annotations

from mvcs.store.compress import Dictionary, squeeze

WORTH = 0.75
"""A delta, which needs other chunks to be read, is kept if it is smaller than this share of the chunk's own form."""
SURE = 0.02
"""Share of the raw size below which a delta is kept without looking for that form."""


class GapCoder:
    """Codes chunks against one basis; loading the basis costs more than coding a chunk, so keep it for all of a run.

    Args:
        basis: Raw bytes of the basis chunks, joined.
    """

    def __init__(self, basis: bytes | memoryview) -> None:
        self._dictionary = Dictionary(basis, coding=True)

    def encode(self, content: bytes | memoryview, plain: int | None = None) -> bytes | None:
        """Returns the delta of a chunk where it is worth it, else None.

        Args:
            content: Raw bytes of the chunk.
            plain: Bytes of its best form without a basis, if that is known already.
        """
        packed = self._dictionary.compress(content)
        if len(packed) < SURE * len(content):
            return packed
        if plain is None:
            plain = len(squeeze(content) or content)
        return packed if len(packed) < WORTH * plain else None


def gap_encode(content: bytes | memoryview, basis: bytes | memoryview, plain: int | None = None) -> bytes | None:
    """Returns the delta of one chunk where it is worth it, else None; `GapCoder` is the same for several."""
    return GapCoder(basis).encode(content, plain)


def gap_decode(payload: bytes | memoryview, basis: bytes | memoryview, raw_length: int) -> bytes:
    """Returns the raw bytes of a chunk; the caller checks their hash.

    Args:
        payload: What `gap_encode` gave.
        basis: Raw bytes of the basis chunks, joined.
        raw_length: Bytes it must give; nothing larger is allocated.

    Raises:
        InvalidObject: If it does not.
    """
    return Dictionary(basis).decompress(payload, raw_length)
