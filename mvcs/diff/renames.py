"""Which file that went is which file that came: of equal content, or of at least half of it where no third competes.

Knows: Git's measure of likeness (bytes of equal lines over the larger size) and its bounds. Refuses to know: merges,
what files mean. A pair that this tells is one that Git tells too; of what Git decides by order or by folder, nothing
is said. Sources: git/diffcore-rename.c, git/diffcore-delta.c.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from mvcs.objects.record import Record
from mvcs.objects.tree import EXECUTABLE, FILE, IS_BLOB, SYMLINK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping

    from mvcs.diff.trees import FileChange
    from mvcs.formats.content import Content
    from mvcs.objects.editing import Placed
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Entry

    Read = Callable[[Oid], Content]

SAME: Final = 60_000
"""Likeness of files whose bytes are all the same; integers as in Git, so that ties are the same."""
HALF: Final = SAME // 2
LARGEST: Final = 1 << 20
"""Bytes of a file that is looked into; larger ones are told by their oid alone."""
TOGETHER: Final = 16 << 20
"""Bytes of all files that are looked into for one side of a merge."""
PAIRS: Final = 1000 * 1000
"""Files that went times files that came: Git's bound."""
SHARED: Final = 5_000_000
"""Lines that may be met in two files: seconds, where files are many and alike."""
_TEXT = 8000
_SPAN = re.compile(rb"[^\n]{64}|[^\n]{0,63}\n|[^\n]+")


class Rename(Record):
    """Where a file went.

    Args:
        path: Its new path.
        likeness: From HALF to SAME.
    """

    __slots__ = ("likeness", "path")

    def __init__(self, path: bytes, likeness: int) -> None:
        self.path = path
        self.likeness = likeness


class Renames(Record):
    """The files of one side that got another name.

    Args:
        found: Old path to where it went.
        complete: False if edited files were too many, or too large together, to be looked into.
    """

    __slots__ = ("complete", "found")

    def __init__(self, found: Mapping[bytes, Rename], *, complete: bool = True) -> None:
        self.found = found
        self.complete = complete


def renames(changes: Collection[FileChange], read: Read, wanted: Container[bytes]) -> Renames:
    """Tells renamed files.

    Of equal content: one gone, one new, and no third. Of edited content: each is the other's nearest, at least half of
    the larger one is in both, no third is as near, and none that is less near has kept the name.

    Args:
        changes: All changes of one side; nothing is read while no wanted file is gone.
        read: Returns a content.
        wanted: Old paths that are asked for, if the file was edited too.
    """
    gone, new = _gone_and_new(changes)
    found = _of_equal_content(gone, new)
    left = {path: file.entry for path, file in gone.items() if path not in found and _is_looked_into(file)}
    asked = {path: entry for path, entry in left.items() if path in wanted}
    taken = {rename.path for rename in found.values()}
    came = {path: file.entry for path, file in new.items() if path not in taken and _is_looked_into(file)}
    if not asked or not came:
        return Renames(found)
    if len(left) * len(came) > PAIRS or sum(entry.size for entry in (*left.values(), *came.values())) > TOGETHER:
        return Renames(found, complete=False)
    try:
        return Renames({**found, **_of_edited_content(asked, left, came, _Comparing(read))})
    except _TooMuch:
        return Renames(found, complete=False)


def renames_of_equal_content(changes: Iterable[FileChange]) -> dict[bytes, Rename]:
    """Returns old path to where a file went whose content is the same: one gone, one new, and no third."""
    return _of_equal_content(*_gone_and_new(changes))


def _gone_and_new(changes: Iterable[FileChange]) -> tuple[dict[bytes, Placed], dict[bytes, Placed]]:
    gone: dict[bytes, Placed] = {}
    new: dict[bytes, Placed] = {}
    for change in changes:
        if b"/.mvcs/" in change.path:
            continue  # made by capture: it has its name from what it is
        if change.after is None and change.before is not None and change.before.entry.size:
            gone[change.path] = change.before
        elif change.before is None and change.after is not None:
            new[change.path] = change.after
    return gone, new


def _of_equal_content(gone: Mapping[bytes, Placed], new: Mapping[bytes, Placed]) -> dict[bytes, Rename]:
    olds: dict[object, list[bytes]] = {}
    news: dict[object, list[bytes]] = {}
    for files, by_content in ((gone, olds), (new, news)):
        for path, file in files.items():
            entry = file.entry
            by_content.setdefault((entry.oid, entry.kind, entry.mode == SYMLINK), []).append(path)
    return {
        paths[0]: Rename(news[content][0], SAME)
        for content, paths in olds.items() if len(paths) == len(news.get(content, ())) == 1
    }


def _is_looked_into(file: Placed) -> bool:
    """Whether a content is read; that of weights is no text, and may have been collected."""
    entry, plain = file.entry, file.entry.kind == IS_BLOB and file.entry.mode in {FILE, EXECUTABLE}
    return plain and 0 < entry.size <= LARGEST and file.ingredient != "weights"


def _of_edited_content(
    asked: Mapping[bytes, Entry], gone: Mapping[bytes, Entry], new: Mapping[bytes, Entry], comparing: _Comparing
) -> dict[bytes, Rename]:
    forth = {path: _nearest(path, row) for path, row in comparing.rows(asked, new)}
    chosen = {path: new[path] for path in forth.values() if path is not None}
    found = {}
    for path, row in comparing.rows(chosen, gone):
        old = _nearest(path, row)
        if old is not None and forth.get(old) == path:
            found[old] = Rename(path, row[old])
    return found


class _TooMuch(Exception):
    """More has been compared than is worth it."""


class _Comparing:
    def __init__(self, read: Read) -> None:
        self._read = read
        self._left = SHARED

    def rows(
        self, some: Mapping[bytes, Entry], others: Mapping[bytes, Entry]
    ) -> Iterator[tuple[bytes, dict[bytes, int]]]:
        """Yields each of some files with the others that are at least half the same. Each content is read once."""
        where: dict[bytes, list[tuple[bytes, int]]] = {}
        for path, entry in some.items():
            for span, length in self._spans(entry).items():
                where.setdefault(span, []).append((path, length))
        found: dict[bytes, dict[bytes, int]] = {path: {} for path in some}
        for other, entry in others.items():
            both: dict[bytes, int] = {}
            for span, length in self._spans(entry).items():
                there = where.get(span, ())
                self._left -= len(there)
                for path, here in there:
                    both[path] = both.get(path, 0) + min(here, length)
            if self._left < 0:
                raise _TooMuch
            for path, shared in both.items():
                likeness = shared * SAME // max(some[path].size, entry.size)
                if likeness >= HALF:
                    found[path][other] = likeness
        yield from found.items()

    def _spans(self, entry: Entry) -> dict[bytes, int]:
        return spans_of(self._read(entry.oid).read())


def spans_of(content: bytes) -> dict[bytes, int]:
    """Returns the lines of a content, long ones in pieces of 64 bytes, with the bytes that they make up together."""
    if b"\0" not in content[:_TEXT]:
        content = content.replace(b"\r\n", b"\n")
    return {span: len(span) * count for span, count in Counter(_SPAN.findall(content)).items()}


def _nearest(path: bytes, row: Mapping[bytes, int]) -> bytes | None:
    """Returns the one that is nearest; None if there is none, or if it could as well be another."""
    best = max(row.values(), default=0)
    nearest = [other for other, likeness in row.items() if likeness == best]
    if len(nearest) != 1:
        return None
    name = path.rpartition(b"/")[2]
    if nearest[0].rpartition(b"/")[2] != name and any(other.rpartition(b"/")[2] == name for other in row):
        return None
    return nearest[0]
