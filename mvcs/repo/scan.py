"""Walks the workspace against the stat cache and says which files may have changed.

A folder whose mtime is the recorded one has the same names, so only the known files are asked for their stat.
Knows: the walk and the racy rule. Refuses to know: contents (nothing is opened but ignore files), trees, refs.
"""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING, Protocol

from mvcs.errors import UnreadableFile
from mvcs.objects.hashing import BlobHasher
from mvcs.repo.layout import FOLDER
from mvcs.repo.neighbours import NEIGHBOUR, Neighbours
from mvcs.repo.statcache import COARSE, NO_STATS, STATS, Folder, Row, StatCache, Stats, is_racy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

IGNORE_FILES = (b".mvcsignore", b".gitignore")
_GONE = STATS.pack(*NO_STATS)
_ALWAYS = {FOLDER.encode(), b".git"}
TEMPORARY = b".mvcs-new-"
"""Beginning of temporary names; another workspace with the same root may be writing one."""


class Placing(Protocol):
    """What the walk asks about paths; see `mvcs.ingredients.patterns.Rules`."""

    def place(self, path: str, within: str | None = None) -> str | None:
        """Returns the ingredient of a file, "ignored", or None if nothing matches it; `within` another workspace."""
        ...

    def reaches(self, folder: str) -> bool:
        """Whether a pattern names the folder of another workspace, or what is in it."""
        ...

    def ignores(self, path: str) -> bool:
        """Whether a path is left out; folders end with a slash."""
        ...

    def older_checkpoints(self, names: Iterable[tuple[str, bool]]) -> set[str]:
        """Returns the names in one folder that newer checkpoints replace."""
        ...


class MakeRules(Protocol):
    """Makes the rules from the ignore files that were found."""

    def __call__(
        self, ignores: Iterable[tuple[str, list[str]]], git_ignores: Iterable[tuple[str, list[str]]]
    ) -> Placing:
        """Returns the rules; each pair is (folder with a slash, lines)."""
        ...


class Seen:
    """A file on disk whose content must be read to know it.

    Attributes:
        stats: What stat says now.
        ingredient: Where it belongs.
        row: What the cache knew of it, if anything.
    """

    __slots__ = ("ingredient", "row", "stats")

    def __init__(self, stats: Stats, ingredient: str, row: Row | None) -> None:
        self.stats = stats
        self.ingredient = ingredient
        self.row = row


class Scan:
    """What a walk found.

    Attributes:
        unknown: Path to file whose stat is not the recorded one, or that is new.
        gone: Path to row of recorded files that are not there, or belong nowhere any more.
        flagged: Path to row of unchanged files that are known to differ from the base.
        others: Paths that no pattern matches, or that are neither file, folder nor link.
        left_out: Paths of older checkpoints that were not taken.
        workspaces: Folders that are workspaces of their own.
        cache: The cache, its folders as they now are but for the unknown files.
        now: The file system's clock before the walk, in ns.
    """

    def __init__(self, cache: StatCache, now: int) -> None:
        self.cache = cache
        self.now = now
        self.unknown: dict[bytes, Seen] = {}
        self.gone: dict[bytes, Row] = {}
        self.flagged: dict[bytes, Row] = {}
        self.others: list[bytes] = []
        self.left_out: list[bytes] = []
        self.workspaces: list[bytes] = []


def stats_of(status: os.stat_result) -> Stats:
    """Returns what the cache compares."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode


def scan(
    root: str, cache: StatCache, rules_key: bytes, make_rules: MakeRules, now: int, own: str = ""
) -> Scan:
    """Walks a workspace.

    Args:
        root: Folder that paths start from.
        cache: What is known; its folders are brought up to date.
        rules_key: Fingerprint of the patterns; another one than the cache's classifies every name again.
        make_rules: Makes the rules; called only when a name must be classified.
        now: The file system's clock.
        own: The workspace's own folder below the root, where its mvcs.toml names a root above.
    """
    walk = _Walk(root, cache, make_rules, now, own)
    fresh = walk.ignore_files_changed() or cache.rules != rules_key
    found = walk.run(fresh=fresh)
    if walk.new_ignore_file and not fresh:
        walk = _Walk(root, cache, make_rules, now, own)
        found = walk.run(fresh=True)
    cache.rules = rules_key
    cache.ignore_files = tuple(sorted(walk.ignore_files.items()))
    return found


class _Walk:
    def __init__(self, root: str, cache: StatCache, make_rules: MakeRules, now: int, own: str) -> None:
        self.root = os.fsencode(root)
        self.neighbours = Neighbours(self.root, os.fsencode(own))
        self.cache = cache
        self.make_rules = make_rules
        self.scan = Scan(cache, now)
        self.rules: Placing | None = None
        self.ignore_files: dict[bytes, bytes] = dict(cache.ignore_files)
        self.new_ignore_file = False
        self.kept: dict[bytes, Folder] = {}
        self.fresh = False

    def ignore_files_changed(self) -> bool:
        for path, before in self.cache.ignore_files:
            try:
                now = STATS.pack(*stats_of(os.lstat(os.path.join(self.root, path))))
            except OSError:
                now = b""
            if now != before:
                return True
        return False

    def run(self, *, fresh: bool) -> Scan:
        self.fresh = fresh
        if fresh:
            self.ignore_files = {}
            self._find_ignore_files(b"")
        self._folder(b"")
        # Recorded folders that were not reached are gone, or left out now.
        for path, folder in self.cache.folders.items():
            if path not in self.kept:
                prefix = path + b"/"
                ghosts = {}
                for name, row in folder.rows():
                    self.scan.gone[prefix + name] = row
                    ghosts[name] = Row(NO_STATS, row.mode, row.ingredient, row.oid, differs=row.differs)
                ghost = Folder()
                ghost.set_rows(ghosts)
                if ghosts:
                    self.kept[path] = ghost
        self.cache.folders = self.kept
        return self.scan

    # Rules

    def _find_ignore_files(self, folder: bytes) -> None:
        """Finds every ignore file, in folders that are not themselves left out."""
        stack = [folder]
        found: dict[bytes, bytes] = {}
        while stack:
            here = stack.pop()
            try:
                with os.scandir(os.path.join(self.root, here)) as entries:
                    listed = list(entries)
            except OSError:
                continue
            for entry in listed:
                if entry.name in IGNORE_FILES and entry.is_file(follow_symlinks=False):
                    found[_join(here, entry.name)] = STATS.pack(*stats_of(entry.stat(follow_symlinks=False)))
                    self.rules = None
            self.ignore_files = found
            rules = self._rules()
            for entry in listed:
                if entry.is_dir(follow_symlinks=False) and entry.name not in _ALWAYS:
                    path = _join(here, entry.name)
                    if not rules.ignores(os.fsdecode(path) + "/"):
                        stack.append(path)
        self.ignore_files = found

    def _rules(self) -> Placing:
        if self.rules is None:
            by_name: dict[bytes, list[tuple[str, list[str]]]] = {name: [] for name in IGNORE_FILES}
            for path in sorted(self.ignore_files):
                folder, _, name = path.rpartition(b"/")
                try:
                    with open(os.path.join(self.root, path), encoding="utf-8", errors="surrogateescape") as file:
                        lines = file.read().splitlines()
                except OSError:
                    lines = []
                by_name[name].append((os.fsdecode(folder) + "/" if folder else "", lines))
            self.rules = self.make_rules(by_name[IGNORE_FILES[0]], by_name[IGNORE_FILES[1]])
        return self.rules

    # Folders

    def _folder(self, path: bytes) -> None:
        try:
            descriptor = os.open(
                os.path.join(self.root, path) if path else self.root,
                os.O_RDONLY | os.O_DIRECTORY | (os.O_NOFOLLOW if path else 0) | os.O_CLOEXEC,
            )
        except (FileNotFoundError, NotADirectoryError):
            return  # gone meanwhile
        except OSError as error:
            if error.errno == 40:  # ELOOP: a link has taken its place
                return
            # Its files are not gone: a commit without them would say so.
            raise UnreadableFile(path=os.fsdecode(path) or ".", reason=error.strerror or str(error)) from error
        try:
            folder = self.cache.folders.get(path)
            # The ctime: it cannot be set back, as tar and rsync do with a folder's mtime.
            mtime = os.fstat(descriptor).st_ctime_ns
            names_known = (
                folder is not None and not self.fresh and folder.mtime == mtime and not is_racy(mtime, folder.looked)
                # What is gone may still be there and be left out: only a listing tells.
                and _GONE not in folder.stats
            )
            if names_known:
                assert folder is not None
                self._known_names(path, descriptor, folder)
            else:
                folder = self._list_names(path, descriptor, folder, mtime)
        except OSError as error:
            raise UnreadableFile(path=os.fsdecode(path) or ".", reason=error.strerror or str(error)) from error
        finally:
            os.close(descriptor)
        assert folder is not None
        self.kept[path] = folder
        for name in folder.folders:
            self._folder(_join(path, name))

    def _known_names(self, path: bytes, descriptor: int, folder: Folder) -> None:
        look, unpack = os.stat, STATS.iter_unpack
        looked = folder.looked
        safe = looked - COARSE
        for index, (name, before) in enumerate(zip(folder.names, unpack(folder.stats), strict=True)):
            try:
                s = look(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                self._gone(path, folder, index)
                continue
            mtime = s.st_mtime_ns
            if (mtime, s.st_ctime_ns, s.st_size, s.st_ino, s.st_mode) != before or (
                mtime > safe and is_racy(mtime, looked)
            ):
                row = folder.row(index)
                self.scan.unknown[_join(path, name)] = Seen(stats_of(s), row.ingredient, row)
        index = folder.flags.find(1)
        while index >= 0:
            full = _join(path, folder.names[index])
            if full not in self.scan.unknown and full not in self.scan.gone:
                self.scan.flagged[full] = folder.row(index)
            index = folder.flags.find(1, index + 1)
        self.scan.others += [_join(path, name) for name in folder.others if name != NEIGHBOUR]
        if NEIGHBOUR in folder.others:
            self.scan.workspaces.append(path)
        self.scan.left_out += [_join(path, name) for name in folder.left_out]

    def _gone(self, path: bytes, folder: Folder, index: int) -> None:
        self.scan.gone[_join(path, folder.names[index])] = folder.row(index)

    def _list_names(self, path: bytes, descriptor: int, before: Folder | None, mtime: int) -> Folder:
        known = dict(before.rows()) if before is not None else {}
        names = sorted(os.fsencode(name) for name in os.listdir(descriptor))
        seen: list[tuple[bytes, os.stat_result]] = []
        for name in names:
            if name not in _ALWAYS and not name.startswith(TEMPORARY):
                try:
                    seen.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)))
                except FileNotFoundError:
                    continue
        folder = Folder()
        folder.mtime, folder.looked = mtime, self.scan.now
        within = self._within(path, before, folder)
        if within is not None and not self._rules().reaches(os.fsdecode(within)):
            seen = []
        older = self._older(seen)
        rows: dict[bytes, Row] = {}
        trusted = self.scan.now if before is None else before.looked
        for name, status in seen:
            full = _join(path, name)
            if name in older and (st.S_ISDIR(status.st_mode) or self._place(full, within) == "weights"):
                folder.left_out.append(name)
                self.scan.left_out.append(full)
                continue
            if name in IGNORE_FILES and full not in self.ignore_files:
                self.new_ignore_file = True
            if st.S_ISDIR(status.st_mode):
                if not self._rules().ignores(os.fsdecode(full) + "/"):
                    folder.folders.append(name)
                continue
            self._file(full, name, status, known, folder, rows, trusted, within)
        for name, row in known.items():
            if name not in rows:
                self.scan.gone[_join(path, name)] = row
                rows[name] = Row(NO_STATS, row.mode, row.ingredient, row.oid, differs=row.differs)
        folder.set_rows(rows)
        return folder

    def _file(
        self, full: bytes, name: bytes, status: os.stat_result, known: Mapping[bytes, Row], folder: Folder,
        rows: dict[bytes, Row], trusted: int, within: bytes | None,
    ) -> None:
        row = known.get(name)
        stats = stats_of(status)
        place = self._place(full, within) if row is None or self.fresh or row.stats == NO_STATS else row.ingredient
        if place == "ignored":
            return
        if place is None or not (st.S_ISREG(status.st_mode) or st.S_ISLNK(status.st_mode)):
            folder.others.append(name)
            self.scan.others.append(full)
            return
        if row is not None and row.stats == stats and not is_racy(stats[0], trusted) and row.ingredient == place:
            rows[name] = row
            if row.differs:
                self.scan.flagged[full] = row
            return
        self.scan.unknown[full] = Seen(stats, place, row)
        if row is not None:
            rows[name] = row

    def _older(self, seen: list[tuple[bytes, os.stat_result]]) -> set[bytes]:
        numbered = [(os.fsdecode(name), st.S_ISDIR(s.st_mode)) for name, s in seen if name[-1:].isalnum()]
        candidates = [(name, is_folder) for name, is_folder in numbered if any(c.isdigit() for c in name)]
        if len(candidates) < 2:
            return set()
        return {os.fsencode(name) for name in self._rules().older_checkpoints(candidates)}

    def _place(self, path: bytes, within: bytes | None) -> str | None:
        return self._rules().place(os.fsdecode(path), None if within is None else os.fsdecode(within))

    def _within(self, path: bytes, before: Folder | None, folder: Folder) -> bytes | None:
        """Returns the other workspace that a folder is in, and notes in its record if it is one itself."""
        within = self.neighbours.of(path)
        if within == path:
            folder.others.append(NEIGHBOUR)
            self.scan.workspaces.append(path)
        if before is not None and (NEIGHBOUR in before.others) != (within == path):
            self.new_ignore_file = True  # what is below was classified when this was none, or the other way round
        return within


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def fingerprint(*parts: bytes) -> bytes:
    """Returns 32 bytes that change when any part does."""
    hasher = BlobHasher()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little") + part)
    return hasher.oid()
