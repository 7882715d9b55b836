"""Merges two lists of changed paths: one-sided changes are taken, equal ones agree, the rest is merged inside or left.

Knows: paths, ingredients, modes, what becomes of a path when a conflict is settled. Refuses to know: what files mean
(`drivers`), which files were renamed (`mvcs.diff.renames`), folders and stores. Sources: the rule of three per path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.renames import SAME, renames
from mvcs.errors import UnreadableContent
from mvcs.formats.values import ABSENT
from mvcs.merge.values import BASE, OURS, THEIRS, UNION, Conflict, Decision, Resolved, leave, merge_value
from mvcs.objects.editing import Placed
from mvcs.objects.record import Record
from mvcs.objects.tree import EXECUTABLE, FILE, IS_BLOB, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mvcs.diff.renames import Renames
    from mvcs.diff.trees import FileChange
    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.values import Choice, Merged
    from mvcs.objects.hashing import Oid

    ChooseAt = Callable[[bytes, Conflict], Choice | None]
    Outcome = Mapping[bytes, "Placed | NewFile | None"]


NAMED = 5
"""Renames that a note names."""


class NewFile(Record):
    """A file that neither side has.

    Args:
        ingredient: Where it belongs.
        mode: FILE or EXECUTABLE.
        content: Its bytes.
    """

    __slots__ = ("content", "ingredient", "mode")

    def __init__(self, ingredient: str, mode: int, content: Content) -> None:
        self.ingredient = ingredient
        self.mode = mode
        self.content = content


class PathConflict(Record):
    """A conflict with the path that it is on.

    Args:
        path: Workspace path.
        conflict: The conflict.
        strategies: What may settle it, beyond ours and theirs; None if its driver decides.
        ingredients: Where the path stands in base, ours and theirs, None for nowhere; given where they differ.
    """

    __slots__ = ("conflict", "ingredients", "path", "strategies")

    def __init__(
        self, path: bytes, conflict: Conflict, strategies: tuple[str, ...] | None = None,
        ingredients: Mapping[str, str | None] | None = None,
    ) -> None:
        self.path = path
        self.conflict = conflict
        self.strategies = strategies
        self.ingredients = ingredients


class PathMerge:
    """What two lists of changes give together.

    Attributes:
        edits: Path to what the result has there, where that is not what ours has; None for nothing.
        files: Path to a file that neither side has.
        conflicts: What is left to settle, sorted by path.
        decisions: (path, decision) of what strategies settled.
        followed: New path of a file that one side renamed and the other changed, to its old path and what is there.
        apart: Old path of a file that both renamed, to the names that it has in ours and in theirs.
        dropped: Path of a file that is not in the result because a clash was settled, to the side that has it.
        notes: What to tell of it.
    """

    def __init__(self) -> None:
        self.edits: dict[bytes, Placed | None] = {}
        self.files: dict[bytes, NewFile] = {}
        self.conflicts: list[PathConflict] = []
        self.decisions: list[tuple[bytes, Decision]] = []
        self.followed: dict[bytes, tuple[bytes, Placed]] = {}
        self.apart: dict[bytes, tuple[bytes, bytes]] = {}
        self.dropped: dict[bytes, str] = {}
        self.notes: list[str] = []

    def put(self, outcome: Outcome) -> None:
        """Puts files where an outcome has them."""
        for path, file in outcome.items():
            if isinstance(file, NewFile):
                self.edits.pop(path, None)
                self.files[path] = file
            else:
                self.files.pop(path, None)
                self.edits[path] = file


class Drivers:
    """How contents are read and merged; made by who knows the store.

    Args:
        read: Returns a blob's content.
        merge: Merges a file inside: (path, ingredient, base, ours, theirs, choose); raises UnreadableContent if it
            cannot.
    """

    def __init__(
        self, read: Callable[[Oid], Content],
        merge: Callable[
            [bytes, str, Content | None, Content, Content, Callable[[Conflict], Choice | None]], Merged
        ],
    ) -> None:
        self.read = read
        self.merge = merge


def merge_paths(
    ours: Iterable[FileChange], theirs: Iterable[FileChange], drivers: Drivers, choose: ChooseAt
) -> PathMerge:
    """Merges what two sides changed since their base.

    Args:
        ours: Changes from the base to ours.
        theirs: Changes from the base to theirs.
        drivers: Reads and merges contents.
        choose: Says how a conflict on a path is settled; None leaves it.

    Laws:
        Without changes of one side the result is the other; conflicts are the same with the sides swapped.
    """
    merging = _Merging({c.path: c for c in ours}, {c.path: c for c in theirs}, drivers, choose)
    merging.run()
    merging.result.conflicts.sort(key=lambda item: item.path)
    return merging.result


class _Merging:
    def __init__(
        self, ours: dict[bytes, FileChange], theirs: dict[bytes, FileChange], drivers: Drivers, choose: ChooseAt
    ) -> None:
        self.ours = ours
        self.theirs = theirs
        self.drivers = drivers
        self.choose = choose
        self.result = PathMerge()
        self.done: set[bytes] = set()

    def run(self) -> None:
        our, their = (
            renames(side.values(), self.drivers.read, other)
            for side, other in ((self.ours, self.theirs), (self.theirs, self.ours))
        )
        for old in sorted({*our.found, *their.found}):
            self._renamed(old, *(side.found[old].path if old in side.found else None for side in (our, their)))
        for path in sorted({*self.ours, *self.theirs} - self.done):
            ours, theirs = self.ours.get(path), self.theirs.get(path)
            if theirs is None:
                continue
            if ours is None:
                self.result.edits[path] = theirs.after
            else:
                self._both(path, ours.before, ours.after, theirs.after)
        self._note(our, their)

    # Renames

    def _renamed(self, old: bytes, ours: bytes | None, theirs: bytes | None) -> None:
        new = ours or theirs
        assert new is not None
        mine, other = (self.ours, self.theirs) if ours is not None else (self.theirs, self.ours)
        base, moved = mine[old].before, mine[new].after
        assert base is not None
        assert moved is not None
        if ours is not None and theirs is not None:
            yours = self.theirs[theirs].after
            assert yours is not None
            if ours == theirs:
                self._both(new, base, moved, yours)
                self.done |= {old, new}
            elif ours not in self.theirs and theirs not in self.ours:
                self._renamed_apart(old, base, (ours, moved), (theirs, yours))
            return
        touched = other.get(old)
        if touched is None or new in other:
            return
        left = touched.after
        if left is None or _plain(left) != _plain(base):  # a link would mean something else under the new name
            outcomes: dict[str, Outcome] = {OURS: {}, THEIRS: {new: None, old: left}, BASE: {old: base, new: None}}
            if theirs is not None:
                outcomes = {OURS: {}, THEIRS: {new: moved, old: None}, BASE: {old: base}}
            values: tuple[Found, Found] = (_text(new), _value(left))
            our_value, their_value = values if ours is not None else values[::-1]
            reason = f"renamed on one side, {'deleted' if left is None else 'another kind of file'} on the other"
            self._settle(new, Conflict(None, _value(base), our_value, their_value, reason), outcomes)
        else:  # what the other side changed goes with the file
            sides = (moved, left) if ours is not None else (left, moved)
            if theirs is not None:
                self.result.put({old: None, new: left})
            self.result.followed[new] = (old, left)
            self._both(new, base, *sides)
        self.done |= {old, new}

    def _renamed_apart(
        self, old: bytes, base: Placed, ours: tuple[bytes, Placed], theirs: tuple[bytes, Placed]
    ) -> None:
        """Leaves the name to be settled; what both changed inside is merged under any name, if that needs no word."""
        (our_path, mine), (their_path, yours) = ours, theirs
        names = [_text(path) for path in (old, our_path, their_path)]
        reason = f"renamed to {names[1]} in ours, to {names[2]} in theirs"
        merged = self._merged(old, base, mine, yours)
        if merged is None:
            reason += ", and changed differently"
        outcomes: dict[str, Outcome] = {
            OURS: {our_path: merged or mine}, THEIRS: {our_path: None, their_path: merged or yours},
            BASE: {our_path: None, old: base}, UNION: {our_path: merged or mine, their_path: merged or yours},
        }
        self.result.put(outcomes[OURS])
        self.result.apart[old] = (our_path, their_path)
        self._settle(old, Conflict(None, names[0], names[1], names[2], reason), outcomes)
        self.done |= {old, our_path, their_path}

    def _merged(self, path: bytes, base: Placed, ours: Placed, theirs: Placed) -> Placed | NewFile | None:
        """Returns a file as both sides changed it, None if that is not to be said without a word."""
        alone = _Merging({}, {}, self.drivers, lambda _path, conflict: leave(conflict))
        alone._both(path, base, ours, theirs)
        if alone.result.conflicts:
            return None
        return alone.result.files.get(path) or alone.result.edits.get(path, ours)

    def _note(self, *sides: Renames) -> None:
        told = [
            f"{_text(old)} -> {_text(rename.path)} ({rename.likeness * 100 // SAME} % the same)"
            for side in sides for old, rename in sorted(side.found.items())
            if old in self.done and rename.likeness < SAME
        ]
        if told:
            more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
            self.result.notes.append(f"taken for one file, renamed and edited: {', '.join(told[:NAMED])}{more}")
        if not all(side.complete for side in sides):
            self.result.notes.append("too many files came and went: what was renamed and edited too was not looked for")

    # One path that both sides changed

    def _both(self, path: bytes, base: Placed | None, ours: Placed | None, theirs: Placed | None) -> None:
        if ours is None and theirs is None:
            return
        if ours is None or theirs is None:
            reason = "deleted in ours, changed in theirs" if ours is None else "changed in ours, deleted in theirs"
            self._whole(path, base, ours, theirs, reason)
            return
        ingredient = merge_value(None, base.ingredient if base else ABSENT, ours.ingredient, theirs.ingredient)
        if isinstance(ingredient, Conflict):
            reason = f"{ours.ingredient} in ours, {theirs.ingredient} in theirs"
            self._whole(path, base, ours, theirs, reason, apart=True)
            return
        placed = _attributes(base, ours, theirs)
        if placed is not None:
            merged = Placed(str(ingredient.value), placed.entry)
            if not merged.same(ours):
                self.result.edits[path] = merged
            return
        self._inside(path, str(ingredient.value), base, ours, theirs)

    def _inside(self, path: bytes, ingredient: str, base: Placed | None, ours: Placed, theirs: Placed) -> None:
        mode = merge_value(None, base.entry.mode if base else ABSENT, ours.entry.mode, theirs.entry.mode)
        if ours.ingredient != ingredient:  # where the file belongs is settled, whatever becomes of its bytes
            self.result.edits[path] = Placed(ingredient, ours.entry)
        base = None if base is None else Placed(ingredient, base.entry)
        ours, theirs = Placed(ingredient, ours.entry), Placed(ingredient, theirs.entry)
        if not all(_plain(side) for side in (base, ours, theirs) if side is not None):
            self._whole(path, base, ours, theirs, "not both plain files")
            return
        if isinstance(mode, Conflict):
            can, cannot = (OURS, THEIRS) if ours.entry.mode == EXECUTABLE else (THEIRS, OURS)
            self._whole(path, base, ours, theirs, f"executable in {can}, not in {cannot}")
            return
        read = self.drivers.read
        try:
            merged = self.drivers.merge(
                path, ingredient, None if base is None else read(base.entry.oid), read(ours.entry.oid),
                read(theirs.entry.oid), lambda conflict: self.choose(path, conflict),
            )
        except UnreadableContent as error:
            self._whole(path, base, ours, theirs, error.message.replace(": line 0:", ":"))
            return
        assert isinstance(mode.value, int)
        self.result.put({path: NewFile(ingredient, mode.value, merged.content)})
        self.result.decisions += [(path, decision) for decision in merged.decisions]
        self.result.conflicts += [PathConflict(path, conflict) for conflict in merged.conflicts]
        self.result.notes += [f"{_text(path)}: {note}" for note in merged.notes]

    def _whole(
        self, path: bytes, base: Placed | None, ours: Placed | None, theirs: Placed | None, reason: str, *,
        apart: bool = False,
    ) -> None:
        conflict = Conflict(None, _value(base), _value(ours), _value(theirs), reason)
        sides = {BASE: base, OURS: ours, THEIRS: theirs}
        places = {name: None if side is None else side.ingredient for name, side in sides.items()} if apart else None
        self._settle(path, conflict, {OURS: {}, THEIRS: {path: theirs}, BASE: {path: base}}, places)

    def _settle(
        self, path: bytes, conflict: Conflict, outcomes: Mapping[str, Outcome],
        ingredients: Mapping[str, str | None] | None = None,
    ) -> None:
        choice = self.choose(path, conflict)
        outcome = None if choice is None else outcomes.get(choice.strategy)
        if choice is None or outcome is None:
            self.result.conflicts.append(PathConflict(path, conflict, tuple(outcomes), ingredients))
            return
        self.result.put(outcome)
        self.result.decisions.append((path, Decision(None, choice.strategy)))


def _attributes(base: Placed | None, ours: Placed, theirs: Placed) -> Placed | None:
    """Returns the side that has the result's bytes, mode and kind, if one has; else None."""
    kind = merge_value(None, *(_shape(side) for side in (base, ours, theirs)))
    oid = merge_value(None, *(_value(side) for side in (base, ours, theirs)))
    if not isinstance(kind, Resolved) or not isinstance(oid, Resolved):
        return None
    for side in (ours, theirs):
        if _shape(side) == kind.value and _value(side) == oid.value:
            return side
    entry = ours.entry if _value(ours) == oid.value else theirs.entry  # bytes of one, mode of the other
    mode = ours.entry.mode if _shape(ours) == kind.value else theirs.entry.mode
    if entry.kind != IS_BLOB:
        return None
    return Placed(ours.ingredient, Entry(entry.name, mode, entry.kind, entry.oid, entry.size))


def _plain(side: Placed) -> bool:
    return side.entry.kind == IS_BLOB and side.entry.mode in {FILE, EXECUTABLE}


def _shape(side: Placed | None) -> Found:
    return ABSENT if side is None else f"{side.entry.kind} {side.entry.mode:o}"


def _value(side: Placed | None) -> Found:
    return ABSENT if side is None else side.entry.oid.hex()


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
