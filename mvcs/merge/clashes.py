"""A file where the other side has a folder: found after the paths are merged, and settled as one conflict.

Knows: what a path's ancestors are. Refuses to know: stores; what ours has is looked up by who calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.formats.values import ABSENT
from mvcs.merge.paths import PathConflict
from mvcs.merge.values import OURS, THEIRS, Conflict, Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mvcs.merge.paths import ChooseAt, PathMerge
    from mvcs.objects.editing import Placed

FOLDER = "a folder"


def settle_clashes(
    merged: PathMerge, file_at: Callable[[bytes], Placed | None], below: Callable[[bytes], Iterable[bytes]],
    choose: ChooseAt,
) -> None:
    """Takes from a merge what cannot stand beside what ours has, unless a strategy says otherwise.

    Args:
        merged: The merge; changed in place.
        file_at: Returns the file that ours has at a path, None if it has none or a folder.
        below: Returns the paths of the files that ours has below a folder; none if it is no folder.
        choose: Says how a conflict is settled.
    """
    clashes: dict[bytes, tuple[set[bytes], set[bytes], Conflict]] = {}  # what theirs adds, what of ours must go
    for path in sorted({*merged.edits, *merged.files}):
        if merged.edits.get(path) is None and path not in merged.files:
            continue
        for parent in _parents(path):
            ours = file_at(parent) if merged.edits.get(parent, True) is not None else None
            if ours is not None:
                conflict = Conflict(None, ABSENT, ours.entry.oid.hex(), FOLDER, "a file in ours, a folder in theirs")
                clashes.setdefault(parent, (set(), {parent}, conflict))[0].add(path)
        inside = {below_path for below_path in below(path) if merged.edits.get(below_path, True) is not None}
        if inside:
            theirs = merged.edits.get(path)
            value = theirs.entry.oid.hex() if theirs is not None else "a file"
            conflict = Conflict(None, ABSENT, FOLDER, value, "a folder in ours, a file in theirs")
            clashes[path] = ({path}, inside, conflict)
    for path, (added, gone, conflict) in clashes.items():
        choice = choose(path, conflict)
        if choice is not None and choice.strategy == THEIRS:
            merged.edits.update(dict.fromkeys(gone))
            for old, theirs in (merged.followed[name] for name in gone if name in merged.followed):
                merged.edits[old] = theirs  # where they have it
        else:
            for name in added:
                merged.edits.pop(name, None)
                merged.files.pop(name, None)
            if choice is None or choice.strategy != OURS:
                merged.conflicts.append(PathConflict(path, conflict, (OURS, THEIRS)))
                continue
        merged.decisions.append((path, Decision(None, choice.strategy)))
    merged.conflicts.sort(key=lambda item: item.path)


def _parents(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[:end]) for end in range(1, len(parts))]
