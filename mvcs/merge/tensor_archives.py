"""Tensors that change inside a zip archive, and the checksums of their entries that change with them.

Knows: where checksums stand. Refuses to know: what is decided. Entries keep their places and sizes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING
from zlib import crc32

from mvcs.errors import UnreadableContent
from mvcs.merge.tensor_assembly import FORM, Assembled, given, in_place, patched
from mvcs.store.splitters.layout import DOUBTS

if TYPE_CHECKING:
    from mvcs.merge.tensor_assembly import Part
    from mvcs.store.splitters.layout import Layout
    from mvcs.store.splitters.source import Source


def with_checksums(source: Source, layout: Layout, changed: list[tuple[int, Part]]) -> Assembled:
    """Returns an archive with other bytes at some places, whose entries have their own checksums.

    Args:
        source: The archive.
        layout: Its tensors, which are the result's.
        changed: Offset and what is there instead, as in `in_place`.

    Raises:
        UnreadableContent: If the archive is odd.
    """
    from mvcs.store.splitters.zip_entries import checksum_places, read_entries

    try:
        entries, places = read_entries(source), checksum_places(source)
    except DOUBTS as error:
        raise UnreadableContent(format=FORM, line=0, reason="its archive cannot be read") from error
    waiting = sorted(changed, key=lambda item: item[0], reverse=True)
    checksums: list[tuple[int, Part]] = []
    for entry in entries:  # in the order of the file
        end = entry.offset + entry.length
        inside = []
        while waiting and waiting[-1][0] < end:
            inside.append(waiting.pop())
        if inside:
            checksum = 0
            for part in patched(source, entry.offset, end, inside):
                for piece in part.pieces():
                    checksum = crc32(piece, checksum)
            checksums += [(place, given(struct.pack("<I", checksum))) for place in places[entry.name]]
    return in_place(source, layout, [*changed, *checksums])
