"""What the workspace's files were when they were last read: folder by folder, disposable.

One record a folder: names, stat, oid, ingredient, and whether the content differs from a base tree. While all
unflagged rows equal the base tree, a clean workspace is compared with HEAD without reading any tree. Folders of
more than 512 files are kept in buckets by the hash of the name, so that one change rewrites one bucket.
Knows: the records. Refuses to know: how files are walked (`scan`), what patterns say. Implements: spec 11.3.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.hashing import OID_BYTES, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import EXECUTABLE, FILE, SYMLINK
from mvcs.store.base import STAT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.store.base import Readable, Writable

VERSION = 2
COARSE = 2 * 10**9
FINE = 50 * 10**6
"""Nanoseconds: a file written less than this before the look may have been written again unseen. FINE holds where
times have digits below a millisecond (kernels tick every 10 ms at the most), COARSE elsewhere."""

HEAD = struct.Struct("<BxHqqIIII")
"""Version, buckets, the folder's mtime, time of the look, files here, subfolders, other files, older checkpoints; then
the rows."""
STATS = struct.Struct("<qqQQI")
"""mtime ns, ctime ns, size, inode, mode as stat gives it."""
INFO = struct.Struct("<BB32s")
"""Mode code, ingredient number, oid."""
ROW_BYTES = STATS.size + INFO.size + 1

NO_STATS = (0, 0, 0, 0, 0)
IN_ONE = 512
PER_BUCKET = 256

_MODES = (FILE, EXECUTABLE, SYMLINK)
_MODE_CODES = {mode: code for code, mode in enumerate(_MODES)}
_NUMBERS = {name: number for number, name in enumerate(INGREDIENTS)}

_NOTHING = bytes(OID_BYTES)
MAX_KEY = 511
"""Bytes; LMDB's limit."""

Stats = tuple[int, int, int, int, int]


def is_racy(mtime: int, looked: int) -> bool:
    """Whether a file with this mtime may have changed after a look at that time without its mtime telling."""
    return mtime > looked - (FINE if mtime % 10**6 else COARSE)


class Row(Record):
    """One file as it was last read.

    Args:
        stats: What stat said; NO_STATS for a file of the base that is gone or was not read.
        mode: FILE, EXECUTABLE or SYMLINK.
        ingredient: Which one it belongs to.
        oid: Oid of its content.
        differs: Whether the base tree has something else here.
    """

    __slots__ = ("differs", "ingredient", "mode", "oid", "stats")

    def __init__(self, stats: Stats, mode: int, ingredient: str, oid: Oid, *, differs: bool) -> None:
        self.stats = stats
        self.mode = mode
        self.ingredient = ingredient
        self.oid = oid
        self.differs = differs

    def doubt(self) -> None:
        """Makes the next look read the file again, whatever its stat says."""
        if self.stats != NO_STATS:
            self.stats = (0, 0, *self.stats[2:])


class Folder:
    """The record of one folder.

    Attributes:
        mtime: The folder's ctime in ns when its names were listed; 0 to list them again.
        looked: When that was, by the file system's clock.
        names: Names of known files.
        stats: STATS of each.
        info: INFO of each.
        flags: A byte of each: 1 if it differs from the base.
        folders: Names of subfolders that are walked.
        others: Names of files that no pattern matches.
        left_out: Names of older checkpoints.
    """

    __slots__ = ("flags", "folders", "info", "left_out", "looked", "mtime", "names", "others", "stats")

    def __init__(self) -> None:
        self.mtime = 0
        self.looked = 0
        self.names: list[bytes] = []
        self.stats = b""
        self.info = b""
        self.flags = b""
        self.folders: list[bytes] = []
        self.others: list[bytes] = []
        self.left_out: list[bytes] = []

    def row(self, index: int) -> Row:
        """Returns one file's row."""
        mode, ingredient, oid = INFO.unpack_from(self.info, index * INFO.size)
        stats = STATS.unpack_from(self.stats, index * STATS.size)
        return Row(
            stats, _MODES[mode], INGREDIENTS[ingredient], Oid(oid), differs=bool(self.flags[index])
        )

    def rows(self) -> Iterator[tuple[bytes, Row]]:
        """Yields (name, row)."""
        for index, name in enumerate(self.names):
            yield name, self.row(index)

    def set_rows(self, rows: dict[bytes, Row]) -> None:
        """Replaces all rows."""
        self.names = sorted(rows)
        ordered = [rows[name] for name in self.names]
        self.stats = b"".join(STATS.pack(*row.stats) for row in ordered)
        self.info = b"".join(INFO.pack(_MODE_CODES[row.mode], _NUMBERS[row.ingredient], row.oid) for row in ordered)
        self.flags = bytes(row.differs for row in ordered)

    def encode(self) -> dict[int, bytes]:
        """Returns the values of the folder by bucket number; 0 is the head."""
        count = len(self.names)
        buckets = 0
        if count > IN_ONE:
            buckets = 1 << max(1, (count // PER_BUCKET - 1).bit_length())
        head = HEAD.pack(
            VERSION, buckets, self.mtime, self.looked, count, len(self.folders), len(self.others), len(self.left_out)
        )
        other_names = b"\0".join([*self.folders, *self.others, *self.left_out])
        if not buckets:
            rows = self.stats + self.info + self.flags
            return {0: head + rows + b"\0".join([*self.names, *([other_names] if other_names else [])])}
        values = {0: head + other_names}
        members: list[list[int]] = [[] for _ in range(buckets)]
        for index, name in enumerate(self.names):
            members[zlib.crc32(name) & (buckets - 1)].append(index)
        for number, indexes in enumerate(members):
            stats = b"".join(self.stats[i * STATS.size : (i + 1) * STATS.size] for i in indexes)
            info = b"".join(self.info[i * INFO.size : (i + 1) * INFO.size] for i in indexes)
            flags = bytes(self.flags[i] for i in indexes)
            names = b"\0".join(self.names[i] for i in indexes)
            values[number + 1] = len(indexes).to_bytes(4, "little") + stats + info + flags + names
        return values

    @classmethod
    def decode(cls, values: dict[int, bytes]) -> Folder | None:
        """Reads the values of a folder; None if they are not whole: the cache is disposable."""
        head = values.get(0, b"")
        if len(head) < HEAD.size or head[0] != VERSION:
            return None
        folder = cls()
        _, buckets, folder.mtime, folder.looked, count, folders, others, left_out = HEAD.unpack_from(head)
        if not buckets:
            names = folder._take(head, HEAD.size, count)
        else:
            names = head[HEAD.size :].split(b"\0") if len(head) > HEAD.size else []
            known: list[bytes] = []
            for number in range(buckets):
                value = values.get(number + 1)
                if value is None:
                    return None
                here = int.from_bytes(value[:4], "little")
                known += folder._take(value, 4, here)
            names = known + names
        if len(names) != count + folders + others + left_out or len(folder.flags) != count:
            return None
        folder.names, rest = names[:count], names[count:]
        folder.folders, rest = rest[:folders], rest[folders:]
        folder.others, folder.left_out = rest[:others], rest[others:]
        if buckets:
            folder._sort()
        return folder

    def _sort(self) -> None:
        order = sorted(range(len(self.names)), key=self.names.__getitem__)
        self.names = [self.names[i] for i in order]
        self.stats = b"".join([self.stats[i * STATS.size : (i + 1) * STATS.size] for i in order])
        self.info = b"".join([self.info[i * INFO.size : (i + 1) * INFO.size] for i in order])
        self.flags = bytes([self.flags[i] for i in order])

    def _take(self, value: bytes, start: int, count: int) -> list[bytes]:
        a = start + count * STATS.size
        b = a + count * INFO.size
        self.stats += value[start:a]
        self.info += value[a:b]
        self.flags += value[b : b + count]
        names = value[b + count :]
        return names.split(b"\0") if names else []


class StatCache:
    """The records of one workspace, read at once, written back where they changed.

    Args:
        transaction: Where they are read.
        workspace: The workspace's name in refs.
    """

    def __init__(self, transaction: Readable, workspace: str) -> None:
        self._prefix = workspace.encode("utf-8", "surrogateescape") + b"\0"
        self.base: Oid | None = None
        """Root tree that all unflagged rows equal; None if that is not known."""
        self._recipe: tuple[Oid | None, bytes] = (None, b"")
        self.rules = b""
        """Fingerprint of the patterns and ignore files behind the records."""
        self.ignore_files: tuple[tuple[bytes, bytes], ...] = ()
        """(path, STATS) of the ignore files that were read."""
        self.folders: dict[bytes, Folder] = {}
        self._stored: dict[bytes, dict[int, bytes]] = {}
        self._loaded: dict[bytes, bytes] = {}
        skip = len(self._prefix)
        for key, value in transaction.items(STAT, self._prefix):
            path, bucket = key[skip:-3], int.from_bytes(key[-2:], "big")
            self._stored.setdefault(path, {})[bucket] = value
            self._loaded[key] = value
        head = self._stored.pop(b"\0", None)
        if head is not None:
            self._read_head(head.get(0, b""))
        for path, values in self._stored.items():
            folder = Folder.decode(values)
            if folder is not None:
                self.folders[path] = folder
        self._head = self._encode_head() if head is not None else b""

    def _read_head(self, value: bytes) -> None:
        if len(value) < 1 + 3 * OID_BYTES or value[0] != VERSION:
            return
        base, recipe, rules = (value[1 + n * OID_BYTES : 1 + (n + 1) * OID_BYTES] for n in range(3))
        self.base = None if base == _NOTHING else Oid(base)
        self.recipe = b"" if recipe == _NOTHING else recipe
        self.rules = rules
        rest = value[1 + 3 * OID_BYTES :]
        files = []
        while rest:
            length = int.from_bytes(rest[:2], "little")
            files.append((rest[2 : 2 + length], rest[2 + length : 2 + length + STATS.size]))
            rest = rest[2 + length + STATS.size :]
        self.ignore_files = tuple(files)

    def _encode_head(self) -> bytes:
        files = b"".join(len(path).to_bytes(2, "little") + path + stats for path, stats in self.ignore_files)
        whole = all(self._fits(path) for path in self.folders)
        oids = [(self.base if whole else None) or _NOTHING, self.recipe or _NOTHING, self.rules or _NOTHING]
        return bytes((VERSION,)) + b"".join(oids) + files

    @property
    def recipe(self) -> bytes:
        """Recipe oid of the base, empty if it was not needed yet."""
        return self._recipe[1] if self._recipe[0] == self.base else b""

    @recipe.setter
    def recipe(self, oid: bytes) -> None:
        self._recipe = (self.base, oid)

    def _fits(self, path: bytes) -> bool:
        """Whether a folder's key is one that LMDB takes. Without its record nothing tells what is gone from it."""
        return len(self._key(path, 0)) <= MAX_KEY

    def _key(self, path: bytes, bucket: int) -> bytes:
        return self._prefix + path + b"\0" + bucket.to_bytes(2, "big")

    def changes(self) -> list[tuple[bytes, bytes | None]]:
        """Returns (key, value) to write, None to delete; empty if the cache is as stored."""
        found: list[tuple[bytes, bytes | None]] = []
        for path, folder in self.folders.items():
            if not self._fits(path):
                continue
            before = self._stored.get(path, {})
            now = folder.encode()
            found += [(self._key(path, n), value) for n, value in now.items() if before.get(n) != value]
            found += [(self._key(path, n), None) for n in before if n not in now]
        for path, values in self._stored.items():
            if path not in self.folders:
                found += [(self._key(path, n), None) for n in values]
        head = self._encode_head()
        if head != self._head:
            found.append((self._key(b"\0", 0), head))
        return found

    def is_stored(self, transaction: Readable) -> bool:
        """Whether the cache is still stored as it was loaded: flags are worth nothing beside another's base."""
        return dict(transaction.items(STAT, self._prefix)) == self._loaded

    def save(self, transaction: Writable) -> int:
        """Writes what changed; returns the bytes written."""
        written = 0
        for key, value in self.changes():
            if value is None:
                transaction.delete(STAT, key)
            else:
                transaction.put(STAT, key, value)
                written += len(key) + len(value)
        return written

    def rows(self) -> Iterator[tuple[bytes, Row]]:
        """Yields (path, row) of all files."""
        for path, folder in self.folders.items():
            prefix = path + b"/" if path else b""
            for name, row in folder.rows():
                yield prefix + name, row


def forget(transaction: Writable, workspace: str) -> None:
    """Deletes the cache of a workspace."""
    prefix = workspace.encode("utf-8", "surrogateescape") + b"\0"
    for key, _ in list(transaction.items(STAT, prefix)):
        transaction.delete(STAT, key)
