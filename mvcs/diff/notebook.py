"""What changed in a notebook: cells by what they say, and metadata by key. Outputs and counts are not differences.

Knows: cells. Refuses to know: how they are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.diff.cells import match_cells, moved_cells
from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.formats.notebook import Notebook, read_notebook
from mvcs.formats.notebook_json import Style, plain
from mvcs.formats.values import ABSENT, same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mvcs.formats.content import Content
    from mvcs.formats.notebook import Cell
    from mvcs.formats.notebook_json import Map
    from mvcs.formats.values import Found

ATOMS = ("kernelspec",)
"""Maps of the metadata that are one value: parts of two kernels are no kernel."""
MAX_KEYS = 10_000


def diff_notebook(before: Content | None, after: Content | None) -> FileDiff:
    """Tells what changed in a notebook.

    Keys are `cell N [ID]`, N counted from 1 in the notebook as it is (as it was if the cell is gone), with its source
    before and after; `cell N [ID]/metadata.KEY`; and `metadata.KEY` of the notebook. A cell that only stands elsewhere
    has equal sources and a note. Where there are no keys, the reason says what else differs.

    Args:
        before: The notebook as it was, None if it was not there.
        after: The notebook as it is.

    Raises:
        UnreadableContent: If a side is no notebook of nbformat 4.

    Laws:
        diff(a, a) is empty; running a notebook gives no keys.
    """
    old = Notebook({"cells": []}, Style()) if before is None else read_notebook(before)
    new = Notebook({"cells": []}, Style()) if after is None else read_notebook(after)
    found = list(_cells(old, new))
    if before is not None and after is not None:
        found += _top(old.document, new.document)
    reason = ""
    if not found and before is not None and after is not None and before.read() != after.read():
        reason = "only formatting" if same(old.document, new.document) else "only outputs"
    return FileDiff("notebook", tuple(found[:MAX_KEYS]), reason=reason, more=max(0, len(found) - MAX_KEYS))


def _top(old: Map, new: Map) -> Iterator[KeyChange]:
    first, second = ({key: value for key, value in side.items() if key != "cells"} for side in (old, new))
    for path, was, now in differences(first, second):
        yield KeyChange(path, _found(was), _found(now))


def _found(value: Any) -> Found:  # noqa: ANN401 -- anything that JSON holds
    return ABSENT if value is ABSENT else plain(value)


def differences(old: Map, new: Map, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields (dotted key, value before, value after) of what differs in two maps; ABSENT for none."""
    for key in dict.fromkeys((*old, *new)):
        was, now = old.get(key, ABSENT), new.get(key, ABSENT)
        if isinstance(was, dict) and isinstance(now, dict) and key not in ATOMS:
            yield from differences(was, now, f"{prefix}{key}.")
        elif not same(was, now):
            yield prefix + key, was, now


def _cells(old: Notebook, new: Notebook) -> Iterator[KeyChange]:
    pairs = match_cells(old.cells, new.cells)
    back = {after: before for before, after in pairs.items()}
    moved = moved_cells(pairs)
    told = 0  # cells of the old notebook before this one are told if they are gone
    for place, cell in enumerate(new.cells):
        source = back.get(place)
        if source is None:
            yield KeyChange(_name(place, cell), ABSENT, cell.source, "" if cell.kind == "code" else cell.kind)
            continue
        if source not in moved:
            yield from _gone(old, pairs, told, source)
            told = max(told, source)
        yield from _changed(_name(place, cell), old.cells[source], cell, source if source in moved else None)
    yield from _gone(old, pairs, told, len(old.cells))


def _gone(old: Notebook, pairs: dict[int, int], start: int, end: int) -> Iterator[KeyChange]:
    for place in range(start, end):
        if place not in pairs:
            cell = old.cells[place]
            yield KeyChange(_name(place, cell), cell.source, ABSENT, "" if cell.kind == "code" else cell.kind)


def _name(place: int, cell: Cell) -> str:
    return f"cell {place + 1}" + ("" if cell.name is None else f" [{cell.name}]")


def _changed(name: str, old: Cell, new: Cell, moved_from: int | None) -> Iterator[KeyChange]:
    notes = []
    if old.kind != new.kind:
        notes.append(f"{old.kind} to {new.kind}")
    if moved_from is not None:
        notes.append(f"moved from {moved_from + 1}")
    if old.source != new.source or notes:
        yield KeyChange(name, old.source, new.source, ", ".join(notes))
    first, second = ({**cell.content(), "id": cell.raw.get("id", ABSENT)} for cell in (old, new))
    for path, was, now in differences(first, second):
        if path in {"source", "cell_type"}:
            continue
        yield KeyChange(f"{name}/{path}", _found(was), _found(now))
