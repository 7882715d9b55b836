"""The rule of three on whole files, and whose file it is that cannot be read.

Where at most one side changed, its bytes are the result. Knows: bytes. Refuses to know: formats; so it holds for files
that no driver can read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from mvcs.errors import UnreadableContent
from mvcs.merge.values import Merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mvcs.formats.content import Content

T = TypeVar("T")
SIDES = ("the base", "ours", "theirs")
"""What the sides are called to people, in their order."""


@contextmanager
def reading(side: str) -> Iterator[None]:
    """Names the side in what is wrong with it.

    Args:
        side: One of SIDES.
    """
    try:
        yield
    except UnreadableContent as error:
        reason = f"{side}: {error.fields['reason']}"
        raise UnreadableContent(format=error.fields["format"], line=error.fields["line"], reason=reason) from error


def read_sides(
    read: Callable[[Content], T], base: Content | None, ours: Content, theirs: Content
) -> tuple[T | None, T, T]:
    """Reads the three sides; no base is read as None.

    Raises:
        UnreadableContent: If one cannot be read; it names the side.
    """
    def read_as(side: str, content: Content) -> T:
        with reading(side):
            return read(content)

    before = None if base is None else read_as(SIDES[0], base)
    return before, read_as(SIDES[1], ours), read_as(SIDES[2], theirs)


def one_sided(base: Content | None, ours: Content, theirs: Content) -> Merged | None:
    """Returns the merge of sides that are equal or of which one did not change; None if both changed.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x, byte for byte.
    """
    if equal(ours, theirs):
        return Merged(ours)
    if base is not None and equal(base, theirs):
        return Merged(ours)
    if base is not None and equal(base, ours):
        return Merged(theirs)
    return None


def equal(first: Content, second: Content) -> bool:
    """Whether two contents have the same bytes, reading them in pieces."""
    if first.size != second.size:
        return False
    left, right = first.pieces(), second.pieces()
    a, b = memoryview(b""), memoryview(b"")
    while True:
        a, b = a or _next(left), b or _next(right)
        length = min(len(a), len(b))
        if not length:
            return len(a) == len(b)
        if a[:length] != b[:length]:
            return False
        a, b = a[length:], b[length:]


def _next(pieces: Iterator[bytes]) -> memoryview:
    return memoryview(next((piece for piece in pieces if piece), b""))
