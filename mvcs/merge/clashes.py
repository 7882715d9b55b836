"""A file where the other side has a folder: found after the paths are merged, and settled as one conflict.

Knows: what a path's ancestors are, what does not come into the result. Refuses to know: stores; what a side has is
looked up by who calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mvcs.formats.values import ABSENT
from mvcs.merge.paths import PathConflict
from mvcs.merge.values import OURS, THEIRS, Conflict, Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.formats.values import Found
    from mvcs.merge.paths import ChooseAt, PathMerge
    from mvcs.objects.editing import Placed

FOLDER = "a folder"
NAMED = 5
"""Files that a note names."""


class Side(Protocol):
    """What one side has at paths."""

    def file_at(self, path: bytes) -> Placed | None:
        """Returns the file at a path, None if there is none, or a folder."""
        ...

    def below(self, path: bytes) -> list[bytes]:
        """Returns the paths of the files below a folder; none if it is no folder."""
        ...


def settle_clashes(merged: PathMerge, ours: Side, theirs: Side, choose: ChooseAt) -> None:
    """Takes from a merge what cannot stand beside what ours has, unless a strategy says otherwise.

    Args:
        merged: The merge; changed in place.
        ours: What the merge is made into.
        theirs: What is merged.
        choose: Says how a conflict is settled.
    """
    placed = {path for path, file in merged.edits.items() if file is not None} | merged.files.keys()
    bases = {item.path: item.conflict.base for item in merged.conflicts if item.conflict.key is None}
    said = {path for path, decision in merged.decisions if decision.key is None}
    clashes: dict[bytes, tuple[set[bytes], set[bytes]]] = {}  # what theirs adds, what of ours must go
    for path in sorted({*placed, *bases, *said}):
        coming = path in placed or (path in bases and theirs.file_at(path) is not None)
        for parent in _parents(path) if coming else ():
            if (parent in said or merged.edits.get(parent, True) is not None) and ours.file_at(parent) is not None:
                clashes.setdefault(parent, (set(), {parent}))[0].add(path)
        inside = {below for below in ours.below(path) if merged.edits.get(below, True) is not None}
        if inside and (path in placed or theirs.file_at(path) is not None):
            clashes[path] = ({path}, inside)
    merged.conflicts = [item for item in merged.conflicts if item.path not in clashes or item.conflict.key is not None]
    merged.decisions = [item for item in merged.decisions if item[0] not in clashes or item[1].key is not None]
    out: set[bytes] = set()
    left: list[PathConflict] = []
    for path, (added, gone) in clashes.items():
        conflict = _conflict(path, bases.get(path, ABSENT), ours, theirs, len(added))
        choice = choose(path, conflict)
        strategy = None if choice is None else choice.strategy
        names, whose = (gone, OURS) if strategy == THEIRS else (added, THEIRS)
        settled = strategy in {OURS, THEIRS}
        out |= names if settled else names - (bases.keys() - {path})  # what was done below it is asked for as well
        for name in names:
            _take_out(merged, name, there=whose == OURS)
        if settled:
            merged.dropped.update(dict.fromkeys(names, whose))
            merged.decisions.append((path, Decision(None, str(strategy))))
        else:
            left.append(PathConflict(path, conflict, (OURS, THEIRS)))
    merged.conflicts = sorted([*(i for i in merged.conflicts if i.path not in out), *left], key=lambda item: item.path)


def told(dropped: Mapping[bytes, str], commits: Mapping[str, str]) -> list[str]:
    """Returns what to tell of files that are not in the result.

    Args:
        dropped: Path to the side that has it.
        commits: Side to the commit that it is, empty if it has no name.
    """
    notes = []
    for side in (OURS, THEIRS):
        paths = sorted(path.decode("utf-8", "surrogateescape") for path, whose in dropped.items() if whose == side)
        if not paths:
            continue
        more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
        what = f"not in the result, of {side}: {', '.join(paths[:NAMED])}{more}"
        notes.append(f"{what} (kept in {commits[side]})" if commits.get(side) else what)
    return notes


def _conflict(path: bytes, base: Found, ours: Side, theirs: Side, added: int) -> Conflict:
    name = path.decode("utf-8", "replace")
    mine, yours = ours.file_at(path), theirs.file_at(path)
    if mine is not None:
        reason = f"ours: file `{name}`; theirs: {_folder(name, len(theirs.below(path)) or added)}"
        return Conflict(None, base, mine.entry.oid.hex(), FOLDER, reason)
    reason = f"ours: {_folder(name, len(ours.below(path)))}; theirs: file `{name}`"
    return Conflict(None, base, FOLDER, "a file" if yours is None else yours.entry.oid.hex(), reason)


def _folder(name: str, count: int) -> str:
    return f"folder `{name}/` with {count} file{'' if count == 1 else 's'}"


def _take_out(merged: PathMerge, name: bytes, *, there: bool) -> None:
    """Takes a file out of the result; what the other side changed in one that was renamed stays under its old name."""
    merged.files.pop(name, None)
    merged.edits.pop(name, None)
    if there:
        merged.edits[name] = None
    if name in merged.followed:
        old, placed = merged.followed[name]
        merged.edits[old] = placed


def _parents(path: bytes) -> Iterable[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]
