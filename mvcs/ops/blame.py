"""blame: the commit that last set a key, a package, a metric or a line.

The way: the value at the revision, then from commit to parent as long as a parent has it too. Knows: history and
contents. Refuses to know: how values are read (`formats`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import PathNotFound, RevisionNotFound
from mvcs.formats.names import kind_of
from mvcs.formats.values import Absent, same, to_json
from mvcs.objects.editing import find_file
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB
from mvcs.ops.desk import StoredContent
from mvcs.ops.revisions import resolve_commit

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.values import Value
    from mvcs.objects.commit import Commit
    from mvcs.objects.hashing import Oid
    from mvcs.repo.repository import Repository


class Blamed(Record):
    """A key with the commit that last set it.

    Args:
        key: The key; a line's number for text.
        value: Its value.
        oid: The commit.
        commit: That commit.
    """

    __slots__ = ("commit", "key", "oid", "value")

    def __init__(self, key: str, value: Value, oid: Oid, commit: Commit) -> None:
        self.key = key
        self.value = value
        self.oid = oid
        self.commit = commit

    def to_dict(self) -> dict[str, object]:
        """Returns the row as JSON carries it."""
        return {
            "key": self.key, "value": to_json(self.value), "commit": self.oid.hex(),
            "author": str(self.commit.author), "time": self.commit.author.time, "subject": self.commit.subject,
        }


def blame(repository: Repository, revision: str, key: str | None = None) -> list[Blamed]:
    """Returns who last set what in a file.

    Args:
        repository: Where.
        revision: REV:PATH, or a path for that of HEAD.
        key: Only this key or line; all if None.

    Raises:
        PathNotFound: If the file or the key is not there.
        UnreadableContent: If the file cannot be read.
    """
    rev, colon, name = revision.partition(":")
    if not colon:
        rev, name = "HEAD", revision
    if not name:
        raise RevisionNotFound(revision=revision, reason="name a file: REV:PATH")
    oid, _ = resolve_commit(repository, rev or "HEAD")
    walk = _Walk(repository, name.encode("utf-8", "surrogateescape"))
    if walk.blob(oid) is None:
        raise PathNotFound(path=name, where=rev or "HEAD")
    values = walk.values(oid)
    if values is None:
        return walk.lines(oid, key)
    if key is not None and key not in values:
        raise PathNotFound(path=key, where=f"the keys of {name}", hint=f"mvcs blame {revision}")
    wanted = [key] if key is not None else list(values)
    return walk.keys(oid, wanted)


class _Walk:
    def __init__(self, repository: Repository, path: bytes) -> None:
        self._repository = repository
        self._path = path
        self._values: dict[Oid, dict[str, Value] | None] = {}

    def blob(self, oid: Oid) -> tuple[Oid, str] | None:
        """Returns (blob, ingredient) of the file in a commit."""
        placed = find_file(self._repository.load_tree, self._repository.commit(oid).tree, self._path)
        if placed is None or placed.entry.kind != IS_BLOB:
            return None
        return placed.entry.oid, placed.ingredient

    def values(self, oid: Oid) -> dict[str, Value] | None:
        """Returns the file's keys with their values; none if it is not there, None if it is told by lines."""
        found = self.blob(oid)
        if found is None:
            return {}
        blob, ingredient = found
        if blob not in self._values:
            self._values[blob] = read_keys(self._path, ingredient, StoredContent(self._repository, blob))
        return self._values[blob]

    def keys(self, oid: Oid, wanted: list[str]) -> list[Blamed]:
        """Follows each key from commit to parent while a parent has the same value."""
        found: dict[str, Blamed] = {}
        first = self.values(oid) or {}
        stack = [(oid, wanted)]
        while stack:
            at, keys = stack.pop()
            commit, here = self._repository.commit(at), self.values(at) or {}
            for parent in commit.parents:
                there = here if self.blob(parent) == self.blob(at) else self._values_or_none(parent)
                passed = [key for key in keys if key in there and same(there[key], here[key])]
                if passed:
                    stack.append((parent, passed))
                    keys = [key for key in keys if key not in set(passed)]
            for key in keys:
                found[key] = Blamed(key, first[key], at, commit)
        return [found[key] for key in wanted]

    def _values_or_none(self, oid: Oid) -> dict[str, Value]:
        from mvcs.errors import UnreadableContent

        try:
            return self.values(oid) or {}
        except UnreadableContent:
            return {}  # it was broken there: what stands here was set since

    def lines(self, oid: Oid, key: str | None) -> list[Blamed]:
        """Follows each line from commit to parent while a parent has it too."""
        from mvcs.diff.matching import match

        first = self._text(oid)
        if key is not None and not (key.isdecimal() and 1 <= int(key) <= len(first)):
            raise PathNotFound(path=key, where=f"the {len(first)} lines")
        wanted = {int(key) - 1} if key is not None else set(range(len(first)))
        found: dict[int, Blamed] = {}
        stack = [(oid, {place: place for place in wanted})]  # line here to line at the revision
        while stack:
            at, places = stack.pop()
            commit = self._repository.commit(at)
            for parent in commit.parents:
                if not places or self.blob(parent) is None:
                    continue
                if self.blob(parent) == self.blob(at):
                    passed = places
                else:
                    pairs = {new: old for old, new in match(self._text(parent), self._text(at))}
                    passed = {here: place for here, place in places.items() if here in pairs}
                    if passed:
                        stack.append((parent, {pairs[here]: place for here, place in passed.items()}))
                    places = {here: place for here, place in places.items() if here not in passed}
                    continue
                stack.append((parent, passed))
                places = {}
            for place in places.values():
                found[place] = Blamed(str(place + 1), first[place].rstrip("\r\n"), at, commit)
        return [found[place] for place in sorted(found)]

    def _text(self, oid: Oid) -> list[str]:
        from mvcs.formats.lines import read_text

        found = self.blob(oid)
        return [] if found is None else list(read_text(StoredContent(self._repository, found[0])).lines)


def read_keys(path: bytes, ingredient: str, content: Content) -> dict[str, Value] | None:
    """Returns the keys of a file that has keys, None for one that has lines.

    Raises:
        UnreadableContent: If it is not what its name says.
    """
    kind, syntax = kind_of(path, ingredient)
    if kind in {"config", "metrics", "captured"}:
        from mvcs.formats.config import read_config
        from mvcs.formats.key_paths import flatten

        return flatten(read_config(syntax, content))
    if kind == "packages":
        from mvcs.diff.packages import diff_packages

        found = diff_packages(None, content).keys
        return {item.key: item.after for item in found if not isinstance(item.after, Absent)}
    return None
