"""Codecs of chunks: raw, or zstd where a probe says it pays.

The only module that imports zstandard. Implements: spec 6.3.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.records import RAW, ZSTD, make_record

if TYPE_CHECKING:
    import zstandard

LEVEL = 1
"""Level 3 gains 0.1 % of a repository for 7 % of the time of a first commit (docs/design/0003)."""
WORTH = 0.95
"""A payload is stored compressed if it is smaller than this share of its raw size."""
PROBE = 4 << 10
"""Bytes; larger payloads are probed by their first, middle and last kilobytes before all is compressed."""

_local = threading.local()


def _compressor() -> zstandard.ZstdCompressor:
    try:
        made: zstandard.ZstdCompressor = _local.compressor
    except AttributeError:
        import zstandard

        made = _local.compressor = zstandard.ZstdCompressor(
            level=LEVEL, write_checksum=False, write_content_size=True
        )
    return made


def squeeze(content: bytes | memoryview) -> bytes | None:
    """Returns the zstd form of `content` where it is worth it, else None."""
    length = len(content)
    compressor = _compressor()
    if length > 4 * PROBE:
        third, middle = PROBE // 2, length // 2
        sample = bytes(content[:third]) + bytes(content[middle : middle + third]) + bytes(content[-third:])
        if len(compressor.compress(sample)) > WORTH * len(sample):
            return None
    packed = compressor.compress(content)
    return packed if len(packed) < WORTH * length else None


def unsqueeze(payload: bytes | memoryview, raw_length: int) -> bytes:
    """Returns the raw bytes of a zstd payload.

    Args:
        payload: One zstd frame.
        raw_length: Bytes it must give; nothing larger is ever allocated.

    Raises:
        InvalidObject: If it does not.
    """
    import zstandard

    try:
        declared = zstandard.get_frame_parameters(bytes(payload[:18])).content_size
        if declared != raw_length:
            raise InvalidObject(kind="zstd payload", reason=f"declares {declared} bytes, not {raw_length}")
        try:
            decompressor = _local.decompressor
        except AttributeError:
            decompressor = _local.decompressor = zstandard.ZstdDecompressor()
        raw: bytes = decompressor.decompress(payload, max_output_size=raw_length)
    except zstandard.ZstdError as error:
        raise InvalidObject(kind="zstd payload", reason=str(error)) from error
    if len(raw) != raw_length:
        raise InvalidObject(kind="zstd payload", reason=f"gave {len(raw)} bytes, not {raw_length}")
    return raw


def chunk_record(content: bytes | memoryview) -> bytes:
    """Returns the record of a chunk in the cheapest form."""
    packed = squeeze(content)
    if packed is None:
        return make_record(RAW, len(content), content)
    return make_record(ZSTD, len(content), packed)
