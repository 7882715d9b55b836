"""Words of tensors: split into planes of bytes and joined again; differences of words and back.

Knows: integer arithmetic on whole pieces, in buffers that each thread keeps. Refuses to know: coding, sizes, choices.
Floats are never read as floats, so payloads of NaN and the sign of zero survive. Implements: spec 6.3.
"""

from __future__ import annotations

import threading
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Words: TypeAlias = npt.NDArray[Any]
"""Unsigned words of 1, 2, 4 or 8 bytes, little-endian."""

WIDTHS = (1, 2, 4, 8)
KEPT = (1 << 20) + (64 << 10)
"""Bytes of a buffer that a thread keeps; larger pieces get buffers of their own."""

_UNSIGNED = {width: np.dtype(f"<u{width}") for width in WIDTHS}
_SIGNED = {width: np.dtype(f"<i{width}") for width in WIDTHS}


class _Kept(threading.local):
    def __init__(self) -> None:
        self.buffers: dict[str, Bytes] = {}


_kept = _Kept()


def buffer(name: str, width: int, count: int) -> Words:
    """Returns uninitialised words; the next call of this thread with the same name gives the same memory."""
    size = width * count
    if size > KEPT:
        return np.empty(count, _UNSIGNED[width])
    held = _kept.buffers.get(name)
    if held is None or held.size < size:
        # All at once: buffers that grow would leave their smaller selves behind.
        held = _kept.buffers[name] = np.empty(KEPT, np.uint8)
    return held[:size].view(_UNSIGNED[width])


def words_of(content: bytes | memoryview, width: int, name: str) -> Words:
    """Returns the whole words of a buffer, copied (to the buffer `name`) only where they are not aligned."""
    count = len(content) // width
    found = np.frombuffer(content, _UNSIGNED[width], count)
    if not found.flags.aligned:
        copied = buffer(name, width, count)
        copied.view(np.uint8)[:] = np.frombuffer(content, np.uint8, count * width)
        return copied
    return found


def rotated(words: Words, name: str) -> Words:
    """Returns the words rotated left by one bit, so that a float's exponent fills one byte.

    Words of one byte stay as they are.
    """
    width = words.itemsize
    if width == 1:
        return words
    out, spare = buffer(name, width, words.size), buffer("spare", width, words.size)
    np.left_shift(words, 1, out=out)
    np.right_shift(words, 8 * width - 1, out=spare)
    return np.bitwise_or(out, spare, out=out)


def unrotate(words: Words) -> None:
    """Rotates words right by one bit in place; words of one byte stay as they are."""
    width = words.itemsize
    if width == 1:
        return
    spare = buffer("spare", width, words.size)
    np.left_shift(words, 8 * width - 1, out=spare)
    np.right_shift(words, 1, out=words)
    np.bitwise_or(words, spare, out=words)


def difference(words: Words, basis: Words, name: str) -> Words:
    """Returns the zigzag of `words - basis`, modulo two to the word's bits: 0, -1, 1, -2 give 0, 1, 2, 3."""
    width = words.itemsize
    out, spare = buffer(name, width, words.size), buffer("spare", width, words.size)
    np.subtract(words, basis, out=out)
    signed = _SIGNED[width]
    np.right_shift(out.view(signed), 8 * width - 1, out=spare.view(signed))
    np.left_shift(out, 1, out=out)
    return np.bitwise_xor(out, spare, out=out)


def undo_difference(coded: Words, basis: Words) -> None:
    """Turns a zigzag difference into the words, in place."""
    spare = buffer("spare", coded.itemsize, coded.size)
    np.bitwise_and(coded, 1, out=spare)
    np.negative(spare, out=spare)
    np.right_shift(coded, 1, out=coded)
    np.bitwise_xor(coded, spare, out=coded)
    np.add(coded, basis, out=coded)


def with_zero(coded: Words, words: Words) -> bool:
    """Turns a zigzag difference, in place, into the code in which 0 says that the word itself is zero.

    Returns:
        False, and `coded` is useless, if a difference has no place: the code space is full.
    """
    width = coded.itemsize
    if not coded.size or int(coded.max()) == (1 << 8 * width) - 1:
        return False
    np.add(coded, 1, out=coded)
    np.multiply(coded, np.not_equal(words, 0), out=coded)
    return True


def undo_with_zero(coded: Words, basis: Words) -> None:
    """Turns differences with a zero code into the words, in place."""
    kept = np.not_equal(coded, 0)
    np.subtract(coded, 1, out=coded)
    undo_difference(coded, basis)
    np.multiply(coded, kept, out=coded)


def split(words: Words, name: str) -> list[Bytes]:
    """Returns one plane per byte of a word, the lowest first."""
    width, count = words.itemsize, words.size
    if width == 1:
        return [words]
    spare = buffer("spare", width, count)
    planes = buffer(name, 1, width * count).reshape(width, count)
    for index in range(width):
        shifted = np.right_shift(words, 8 * index, out=spare) if index else words
        np.copyto(planes[index], shifted, casting="unsafe")
    return list(planes)


def join(planes: list[Bytes], out: Words) -> None:
    """Writes to `out` the words of which `split` gives the planes."""
    np.copyto(out, planes[-1])
    for plane in planes[-2::-1]:
        np.left_shift(out, 8, out=out)
        np.bitwise_or(out, plane, out=out)
