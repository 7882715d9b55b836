"""blame: the commit that last set a key, a package, a metric, a tensor, a cell, a line, or a file without these.

The way: the value at the revision, then from commit to parent as long as a parent has it too. Knows: history and
contents. Refuses to know: how values are read (`formats`).
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from mvcs.errors import PathNotFound, RevisionNotFound, UnreadableContent
from mvcs.formats.key_paths import key_path
from mvcs.formats.names import key_of, kind_of
from mvcs.formats.tensor_file import open_tensors, same_tensor
from mvcs.formats.values import Absent, same, to_json
from mvcs.objects.editing import Placed, find_file, ingredient_trees
from mvcs.objects.record import Record
from mvcs.objects.tree import IS_BLOB, IS_TREE, find_path
from mvcs.ops.desk import StoredContent
from mvcs.ops.log import rfc3339
from mvcs.ops.revisions import resolve_path, split_ingredient, split_path
from mvcs.ops.tensors import INSIDE, split_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Value
    from mvcs.objects.commit import Commit, Origin
    from mvcs.objects.hashing import Oid
    from mvcs.repo.repository import Repository


TABLE = 16 << 20
"""Bytes up to which a table is told by its cells; a larger one by its lines."""


class Blamed(Record):
    """A key with the commit that last set it.

    Args:
        key: The key; a line's number for text; None for a whole file.
        value: Its value; of a whole file its oid in hex.
        oid: The commit.
        commit: That commit.
        origin: Of weights as a whole, where they come from.
    """

    __slots__ = ("commit", "key", "oid", "origin", "value")

    def __init__(self, key: str | None, value: Value, oid: Oid, commit: Commit, origin: Origin | None = None) -> None:
        self.key = key
        self.value = value
        self.oid = oid
        self.commit = commit
        self.origin = origin

    def to_dict(self) -> dict[str, object]:
        """Returns the row as JSON carries it."""
        made: dict[str, object] = {
            "key": self.key, "value": to_json(self.value), "commit": self.oid.hex(),
            "author": str(self.commit.author), "time": rfc3339(self.commit.author.time), "subject": self.commit.subject,
        }
        if self.origin is not None:
            made["origin"] = {"recipe": self.origin.recipe.hex(), "how": self.origin.how}
        return made


def blame(
    repository: Repository, revision: str, key: str | None = None, *, keys: Mapping[str, tuple[str, ...]] | None = None
) -> list[Blamed]:
    """Returns who last set what in a file; of one without keys and lines who last changed it, with key None.

    Args:
        repository: Where.
        revision: REV:PATH as `resolve_path` reads it, or a path for that of HEAD; //TENSOR behind it is a key.
        key: Only this key, line, tensor, or the cells of this row; all if None.
        keys: Path pattern to the columns that identify a row: such tables are told by their cells.

    Raises:
        PathNotFound: If the file or the key is not there.
        UnreadableContent: If the file is not what its name says.
    """
    file, tensor = split_tensor(revision)
    rev, colon, name = split_path(file)
    rev, name, key = (rev if colon else "") or "HEAD", name if colon else file, key or tensor or None
    if not name.strip("/"):
        raise RevisionNotFound(revision=revision, reason="name a file: REV:PATH")
    found = resolve_path(repository, f"{rev}:{name}")
    if found.placed is None or found.placed.entry.kind == IS_TREE:
        raise PathNotFound(path=name, where="the files of the commit", hint=f"mvcs ls {quote(f'{rev}:{name}')}")
    walk = _Walk(repository, *split_ingredient(name.strip("/")), keys or {})
    values = walk.values(found.oid)
    if values is not None:
        row = walk.row(key, values)
        if row:
            return walk.keys(found.oid, row)
        wanted = key
        if key is not None and key not in values and key_path((key,)) in values:
            wanted = key_path((key,))  # a name with a dot, as it was given
        if key is not None and key not in values and walk.holds_tensors(found.placed.entry.oid):
            hint = f"mvcs ls {quote(f'{rev}:{name}{INSIDE}')}"
            raise PathNotFound(path=key, where=f"the tensors of {name}", hint=hint)
        if wanted is not None and wanted not in values:
            hint = f"mvcs blame {quote(f'{rev}:{name}')}"
            raise PathNotFound(path=wanted, where=f"the keys of {name}", hint=hint)
        return walk.keys(found.oid, list(values) if wanted is None else [wanted])
    try:
        return walk.lines(found.oid, key)
    except UnreadableContent as error:
        if key is not None:
            hint = f"mvcs blame {quote(f'{rev}:{name}')}"
            raise PathNotFound(path=key, where=f"{name}, which has neither keys nor lines", hint=hint) from error
        return [walk.whole(found.oid)]


class _Walk:
    def __init__(
        self, repository: Repository, ingredient: str | None, path: str, keys: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._repository = repository
        self._ingredient = ingredient
        self._path = path.encode("utf-8", "surrogateescape")
        self._columns = key_of(self._path, keys)
        self._values: dict[Oid, dict[str, Value] | None] = {}
        self._tensors: set[Oid] = set()

    def file(self, oid: Oid) -> Placed | None:
        """Returns the file in a commit, None if there is none, or a folder."""
        load, root = self._repository.load_tree, self._repository.commit(oid).tree
        if self._ingredient is None:
            placed = find_file(load, root, self._path)
        else:
            tree = ingredient_trees(load, root).get(self._ingredient)
            entry = None if tree is None else find_path(load, tree, self._path)
            placed = None if entry is None else Placed(self._ingredient, entry)
        return None if placed is None or placed.entry.kind == IS_TREE else placed

    def is_same(self, oid: Oid, other: Oid) -> bool:
        """Whether two commits have one content there, in one ingredient."""
        here, there = self.file(oid), self.file(other)
        return here is not None and there is not None and (
            here.ingredient == there.ingredient and here.entry.kind == there.entry.kind
            and here.entry.oid == there.entry.oid
        )

    def values(self, oid: Oid) -> dict[str, Value] | None:
        """Returns the file's keys with their values; none if it is not there, None if it has no keys."""
        found = self.file(oid)
        if found is None:
            return {}
        if found.entry.kind != IS_BLOB:
            return None
        blob = found.entry.oid
        if blob not in self._values:
            if self._is_collected(found):
                return None
            content = StoredContent(self._repository, blob)
            kind, syntax = kind_of(self._path, found.ingredient)
            if kind == "tensors":
                self._values[blob] = _described(content)
                self._tensors.add(blob)
            elif kind == "table":
                self._values[blob] = _cells(syntax, content, self._columns)
            elif kind == "notebook":
                self._values[blob] = _sources(content)
            else:
                self._values[blob] = read_keys(self._path, found.ingredient, content)
        return self._values[blob]

    def row(self, key: str | None, values: Mapping[str, Value]) -> list[str]:
        """Returns the cells of the row that a key names, none if it names no row."""
        return [name for name in values if name.startswith(f"{key}/")] if self._columns and key not in values else []

    def holds_tensors(self, blob: Oid) -> bool:
        """Whether the keys of a content that was looked at are tensors; what is told of them are type and shape."""
        return blob in self._tensors and self._values[blob] is not None

    def whole(self, oid: Oid) -> Blamed:
        """Follows the file as a whole."""
        found, at = self.file(oid), oid
        assert found is not None
        while True:
            commit = self._repository.commit(at)
            parent = next((parent for parent in commit.parents if self.is_same(at, parent)), None)
            if parent is None:
                origin = commit.origin if found.ingredient == "weights" else None
                return Blamed(None, found.entry.oid.hex(), at, commit, origin)
            at = parent

    def keys(self, oid: Oid, wanted: list[str]) -> list[Blamed]:
        """Follows each key from commit to parent while a parent has the same value."""
        found: dict[str, Blamed] = {}
        first = self.values(oid) or {}
        stack = [(oid, wanted)]
        while stack:
            at, keys = stack.pop()
            commit = self._repository.commit(at)
            for parent in commit.parents:
                passed = keys if self.is_same(at, parent) else self._passed(keys, at, parent)
                if passed:
                    stack.append((parent, passed))
                    keys = [key for key in keys if key not in set(passed)]
            for key in keys:
                found[key] = Blamed(key, first[key], at, commit)
        return [found[key] for key in wanted]

    def _passed(self, keys: list[str], oid: Oid, parent: Oid) -> list[str]:
        """Returns the keys that have the same value in both commits."""
        here, there = self.values(oid) or {}, self._values_or_none(parent)
        passed = [key for key in keys if key in there and same(there[key], here[key])]
        if not passed:
            return []
        new, old = self.file(oid), self.file(parent)
        assert new is not None
        assert old is not None
        if not (self.holds_tensors(new.entry.oid) and self.holds_tensors(old.entry.oid)):
            return passed
        first, second = (StoredContent(self._repository, file.entry.oid) for file in (new, old))
        one, other = open_tensors(first), open_tensors(second)
        return [name for name in passed if same_tensor(one, other, name)]

    def _values_or_none(self, oid: Oid) -> dict[str, Value]:
        try:
            return self.values(oid) or {}
        except UnreadableContent:
            return {}  # it was broken there: what stands here was set since

    def lines(self, oid: Oid, key: str | None) -> list[Blamed]:
        """Follows each line from commit to parent while a parent has it too.

        Raises:
            UnreadableContent: If the file has no lines.
        """
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
                if not places:
                    break
                if self.is_same(at, parent):
                    pairs = {here: here for here in places}
                else:
                    pairs = {new: old for old, new in match(self._text_or_none(parent), self._text(at))}
                passed = {pairs[here]: place for here, place in places.items() if here in pairs}
                if passed:
                    stack.append((parent, passed))
                    places = {here: place for here, place in places.items() if here not in pairs}
            for place in places.values():
                found[place] = Blamed(str(place + 1), first[place].rstrip("\r\n"), at, commit)
        return [found[place] for place in sorted(found)]

    def _is_collected(self, found: Placed) -> bool:
        return found.ingredient == "weights" and self._repository.store.kind(found.entry.oid) is None

    def _text(self, oid: Oid) -> list[str]:
        from mvcs.formats.lines import read_text

        found = self.file(oid)
        if found is None:
            return []
        entry = found.entry
        if entry.kind != IS_BLOB or self._is_collected(found):
            raise UnreadableContent(format="text", line=0, reason="its bytes are not here")
        return list(read_text(StoredContent(self._repository, entry.oid)).lines)

    def _text_or_none(self, oid: Oid) -> list[str]:
        try:
            return self._text(oid)
        except UnreadableContent:
            return []  # it had no lines there: all of these are newer


def _described(content: Content) -> dict[str, Value] | None:
    """Returns type and shape of each tensor; None if it holds none that can be read."""
    try:
        return {tensor.name: tensor.describe() for tensor in open_tensors(content).tensors.tensors}
    except UnreadableContent:
        return None


def _cells(syntax: str, content: Content, columns: tuple[str, ...]) -> dict[str, Value] | None:
    """Returns the cells of a table by row and column; None if no columns tell its rows apart, or it is large."""
    from mvcs.formats.table import open_table
    from mvcs.formats.tables.names import cell_name, row_name
    from mvcs.formats.tables.rows import KEY_MARK

    if not columns or content.size > TABLE:
        return None
    made: dict[str, Value] = {}
    rows: set[bytes] = set()
    try:
        table = open_table(syntax, content, columns)
        for batch in table.batches(columns):
            for key, row in zip(batch.keys, batch.rows, strict=True):
                if key in rows:
                    return None
                rows.add(key)
                name = row_name(columns, [table.key_value(part) for part in key.split(KEY_MARK)], typed=table.typed)
                made.update((cell_name(name, column), table.value(cell)) for column, cell in table.cells(row).items())
    except UnreadableContent:
        return None
    return made


def _sources(content: Content) -> dict[str, Value] | None:
    """Returns the sources of a notebook's cells by their ids; None if it has none, or cannot be read."""
    from mvcs.formats.notebook import read_notebook

    try:
        cells = read_notebook(content).cells
    except UnreadableContent:
        return None
    named: dict[str, Value] = {cell.name: cell.source for cell in cells if cell.name is not None}
    return named or None


def read_keys(path: bytes, ingredient: str, content: Content) -> dict[str, Value] | None:
    """Returns the keys of a file that has keys, as diff names them; None for one that has lines, or neither.

    Raises:
        UnreadableContent: If it is not what its name says.
    """
    kind, syntax = kind_of(path, ingredient)
    if kind in {"config", "metrics"}:
        from mvcs.formats.config import read_config
        from mvcs.formats.key_paths import flatten

        return flatten(read_config(syntax, content))
    if kind == "captured":
        from mvcs.formats import captured

        return captured.flatten(captured.read_captured(content))
    if kind == "signature":
        from mvcs.formats import signature

        return signature.flatten(signature.read_signature(content))
    if kind == "packages":
        from mvcs.diff.packages import diff_packages

        found = diff_packages(None, content).keys
        return {item.key: item.after for item in found if not isinstance(item.after, Absent)}
    return None
