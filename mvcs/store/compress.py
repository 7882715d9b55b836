"""Codecs of chunks: raw, or zstd where a probe says it pays.

The only module that imports zstandard. Implements: spec 6.3.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.store.records import RAW, ZSTD, Header, make_record

if TYPE_CHECKING:
    import zstandard

LEVEL = 1
"""Level 3 gains 0.1 % of a repository for 7 % of the time of a first commit (docs/design/0003)."""
WORTH = 0.95
"""A payload is stored compressed if it is smaller than this share of its raw size."""
PROBE = 4 << 10
"""Bytes; larger payloads are probed by their first, middle and last kilobytes before all is compressed."""

FRAME_HEAD = 18
"""Bytes that the header of a zstd frame has at most."""

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


def compressed(content: bytes | memoryview) -> bytes:
    """Returns one zstd frame, worth it or not."""
    return _compressor().compress(content)


def huffman(content: bytes | memoryview) -> bytes:
    """Returns one zstd frame whose coder is told to find next to no repeats: Huffman codes alone.

    For planes of weights, where the short repeats that a match finder believes in cost time and bytes.
    """
    try:
        made: zstandard.ZstdCompressor = _local.huffman
    except AttributeError:
        import zstandard

        # A target length above zero, or a negative level, would turn Huffman codes off.
        parameters = zstandard.ZstdCompressionParameters(
            strategy=zstandard.STRATEGY_FAST, window_log=17, chain_log=6, hash_log=6, search_log=1, min_match=7,
            target_length=0, write_checksum=False, write_content_size=True,
        )
        made = _local.huffman = zstandard.ZstdCompressor(compression_params=parameters)
    return made.compress(content)


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
    try:
        decompressor = _local.decompressor
    except AttributeError:
        import zstandard

        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return _decompress(decompressor, payload, raw_length)


def _decompress(decompressor: zstandard.ZstdDecompressor, payload: bytes | memoryview, raw_length: int) -> bytes:
    import zstandard

    try:
        declared = zstandard.get_frame_parameters(bytes(payload[:FRAME_HEAD])).content_size
        if declared != raw_length:
            raise InvalidObject(kind="zstd payload", reason=f"declares {declared} bytes, not {raw_length}")
        raw = decompressor.decompress(payload, max_output_size=raw_length, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise InvalidObject(kind="zstd payload", reason=str(error)) from error
    if len(raw) != raw_length:
        raise InvalidObject(kind="zstd payload", reason=f"gave {len(raw)} bytes, not {raw_length}")
    return raw


class Dictionary:
    """Bytes beside which others are compressed and decompressed, loaded once; one thread's at a time.

    Args:
        content: Any bytes; they are copied.
        coding: Whether it is to compress, for which it is indexed (about 450 MB/s).
    """

    def __init__(self, content: bytes | memoryview, *, coding: bool = False) -> None:
        import zstandard

        self._dictionary = zstandard.ZstdCompressionDict(bytes(content), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self._compressor: zstandard.ZstdCompressor | None = None
        if coding:
            # Level 1 has too small a table to find anything, level 3 takes twice as long to fill its two. With a place
            # for six bytes it is as good as a larger one, which takes longer to fill and to copy for each chunk.
            table = min(17, max(10, (len(content) // 6).bit_length()))
            parameters = zstandard.ZstdCompressionParameters(
                strategy=zstandard.STRATEGY_FAST, hash_log=table, min_match=5, window_log=21, chain_log=10,
                target_length=0, write_checksum=False, write_content_size=True,
            )
            self._dictionary.precompute_compress(compression_params=parameters)
            self._compressor = zstandard.ZstdCompressor(dict_data=self._dictionary, compression_params=parameters)

    def compress(self, content: bytes | memoryview) -> bytes:
        """Returns one zstd frame, worth it or not."""
        assert self._compressor is not None, "made to compress"
        return self._compressor.compress(content)

    def decompress(self, payload: bytes | memoryview, raw_length: int) -> bytes:
        """Returns the raw bytes of a frame, as `unsqueeze`.

        Raises:
            InvalidObject: If it does not give `raw_length` bytes; nothing larger is ever allocated.
        """
        import zstandard

        return _decompress(zstandard.ZstdDecompressor(dict_data=self._dictionary), payload, raw_length)


def chunk_record(content: bytes | memoryview) -> bytes:
    """Returns the record of a chunk in the cheapest form."""
    packed = squeeze(content)
    if packed is None:
        return make_record(Header(RAW, len(content)), content)
    return make_record(Header(ZSTD, len(content)), packed)
