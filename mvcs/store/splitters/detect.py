"""Which format a file has, by its content alone.

Knows: first bytes. Refuses to know: file names, and what to do with an error, which is always to say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.store.splitters.layout import DOUBTS

if TYPE_CHECKING:
    from mvcs.store.splitters.layout import Layout
    from mvcs.store.splitters.source import Source

HEAD = 16
"""Bytes by which formats are told apart."""
PICKLE = "a pickle"
_STARTS = {
    b"PK\x03\x04": "a zip archive", b"GGUF": "GGUF", b"\x93NUMPY": "a NumPy array",
    **{bytes((0x80, protocol)): PICKLE for protocol in range(2, 6)},
}


def split(source: Source) -> Layout | None:
    """Returns where the tensors lie, None if the file has none of the formats or is in any way odd.

    Raises:
        OSError: If the source cannot be read.
    """
    head = source.read_at(0, HEAD)
    try:
        layout = _split(head, source)
    except DOUBTS:
        return None
    return layout if layout is not None and layout.regions else None


def begins_as(source: Source) -> str:
    """Returns the format that a file's first bytes promise, whatever follows; empty if none.

    Raises:
        OSError: If the source cannot be read.
    """
    head = source.read_at(0, HEAD)
    if head[8:9] == b"{" and head[3:8] == bytes(5):
        return "safetensors"
    return next((name for start, name in _STARTS.items() if head.startswith(start)), "")


def _split(head: bytes, source: Source) -> Layout | None:
    if head[8:9] == b"{" and head[3:8] == bytes(5):
        from mvcs.store.splitters.safetensors import split_safetensors

        return split_safetensors(source)
    if head[:4] == b"PK\x03\x04":
        from mvcs.store.splitters.zip_entries import read_entries

        entries = read_entries(source)
        if all(entry.name.endswith(".npy") for entry in entries):
            from mvcs.store.splitters.npy import split_npz

            return split_npz(source, entries)
        from mvcs.store.splitters.torch_zip import split_torch

        return split_torch(source, entries)
    if head[:4] == b"GGUF":
        from mvcs.store.splitters.gguf import split_gguf

        return split_gguf(source)
    if head[:6] == b"\x93NUMPY":
        from mvcs.store.splitters.npy import split_npy

        return split_npy(source)
    if head[:1] == b"\x08" and b"\x00" < head[1:2] < b"\x80":
        from mvcs.store.splitters.onnx import split_onnx

        return split_onnx(source)
    return None
