"""Writes whole blobs out: decoded by all cores, hashed and written in order.

The whole is verified, and chunk by chunk only to tell which one is to blame; memory is bounded by the groups on their
way. Implements: spec 12.2.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, ObjectCorrupt
from mvcs.objects.hashing import BLOB, BlobHasher

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from mvcs.objects.hashing import Oid
    from mvcs.store.chunk_reader import ChunkReader, Content
    from mvcs.store.records import RecipeList

THREADS_FROM = 8 << 20
"""Bytes; smaller blobs are not worth a thread."""
GROUP = 4 << 20
"""Bytes that are decoded at once, about."""
SYNC_STEP = 8 << 20
"""Bytes after which the system is told to begin with writing."""
SYNC_FILE_RANGE_WRITE = 2
"""Source: linux/fs.h."""


def export_chunks(
    chunks: ChunkReader, recipe: RecipeList, oid: Oid, descriptor: int, *, synced: bool = False
) -> int:
    """Writes a cut blob to an open file; returns the bytes written.

    Args:
        chunks: Gives the chunks.
        recipe: How it is cut.
        oid: The blob's.
        descriptor: Written from where it stands.
        synced: Whether the caller is going to sync the file: then what is written begins to go to disk meanwhile.

    Raises:
        ObjectCorrupt: If a chunk is damaged, or they are not the blob together; the file's content is then worthless.
    """
    hasher = BlobHasher()
    written = begun = 0
    try:
        for piece in _in_order(chunks, recipe, verify=False):
            hasher.update(piece)
            write_all(descriptor, piece)
            written += len(piece)
            if synced and written - begun >= SYNC_STEP:
                _begin_sync(descriptor, begun, written - begun)
                begun = written
        sound = hasher.oid() == oid
    except InvalidObject:
        sound = False
    if not sound:
        gives(chunks, recipe, oid)  # raises if a chunk is to blame
        raise ObjectCorrupt(oid=oid.hex(), kind=BLOB, where="its recipe list")
    return recipe.size


def gives(chunks: ChunkReader, recipe: RecipeList, oid: Oid) -> bool:
    """Whether the chunks of a recipe list are sound and together the blob.

    Raises:
        ObjectMissing: If one is not here.
        ObjectCorrupt: If one is damaged.
    """
    hasher = BlobHasher()
    try:
        for piece in _in_order(chunks, recipe):
            hasher.update(piece)
    except InvalidObject:
        return False
    return hasher.oid() == oid


def _in_order(chunks: ChunkReader, recipe: RecipeList, *, verify: bool = True) -> Iterator[Content]:
    def read(group: tuple[list[Oid], array[int]]) -> list[Content]:
        return chunks.contents(*group, verify=verify)

    if recipe.size < THREADS_FROM or (os.cpu_count() or 1) == 1:
        for group in _groups(recipe):
            yield from read(group)
        return
    from mvcs.store.allocator import tune_allocator
    from mvcs.store.workers import Workers

    tune_allocator()
    with Workers() as workers:
        for contents in workers.in_order(read, _groups(recipe)):
            yield from contents


def _groups(recipe: RecipeList) -> Iterator[tuple[list[Oid], array[int]]]:
    """Yields the oids and lengths of chunks in a row, about 4 MiB of them."""
    start = size = 0
    for index, length in enumerate(recipe.lengths, 1):
        size += length
        if size >= GROUP or index == len(recipe.lengths):
            yield [recipe.chunk(number) for number in range(start, index)], recipe.lengths[start:index]
            start, size = index, 0


def _begin_sync(descriptor: int, offset: int, length: int) -> None:
    """Has the system begin to write a part of a file to disk, without waiting; where it cannot, the sync does all."""
    import ctypes

    try:
        call = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):  # another system
        return
    call(descriptor, ctypes.c_int64(offset), ctypes.c_int64(length), SYNC_FILE_RANGE_WRITE)


def write_all(descriptor: int, content: Content) -> None:
    """Writes all of a buffer."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
