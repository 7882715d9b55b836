"""Merges notebooks by cells: inserted, deleted, moved; what a cell says by lines, metadata by key.

Cells that both sides put into the same place are a conflict, since their order matters as that of lines does.
Knows: order, presence, the notebook around the cells. Refuses to know: what is inside a cell (`cells`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.diff.cells import match_cells
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.notebook import Notebook, read_notebook, source_like
from mvcs.formats.notebook_json import Style, write
from mvcs.formats.values import ABSENT, same
from mvcs.merge.cells import RUN_KEYS, Settling, merge_cell
from mvcs.merge.sides import one_sided, read_sides
from mvcs.merge.text import LABELS, marked
from mvcs.merge.values import BASE, OURS, SET, THEIRS, UNION, Conflict, Merged
from mvcs.objects.hashing import blob_oid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.formats.content import Content
    from mvcs.formats.notebook import Cell
    from mvcs.formats.notebook_json import Map
    from mvcs.merge.values import Choose


def merge_notebook(base: Content | None, ours: Content, theirs: Content, choose: Choose) -> Merged:
    """Merges notebooks of nbformat 4.

    Keys of conflicts: `cell ID/hunk-N`, `cell ID` (deleted on one side and changed on the other), `cell ID/type`,
    `cell ID/metadata.KEY`, `cells after ID` or `cells at the start` (both sides put cells there; their sources are the
    values), `cell order` (ids as values), `metadata.KEY` of the notebook. A cell without id is `#N`, its place in the
    base. Conflicts about sources are left as markers in sources, others as what ours has.

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Settles a conflict, or returns None.

    Raises:
        UnreadableContent: If a side is no notebook of nbformat 4, or the result would not read back.

    Laws:
        merge(b, x, x) = x; merge(b, b, x) = merge(b, x, b) = x; conflicts are the same with the sides swapped.
    """
    settled = one_sided(base, ours, theirs)
    if settled is not None:
        return settled
    before, mine, other = read_sides(read_notebook, base, ours, theirs)
    sides = (before or Notebook({"cells": []}, Style()), mine, other)
    settling = Settling(choose)
    cells = _Cells(sides, settling).merged()
    tops = [{key: value for key, value in side.document.items() if key != "cells"} for side in sides]
    minors = [top.pop("nbformat_minor", 0) for top in tops]
    document = settling.map("", tops[0], tops[1], tops[2])
    # Of two later minors the higher one describes both (as nbdime takes it).
    document["nbformat_minor"] = minors[2] if minors[0] == minors[1] else minors[1]
    if minors[0] not in minors[1:]:
        document["nbformat_minor"] = max(minors[1:])
    _give_ids(cells, int(document["nbformat_minor"]), sides)
    document["cells"] = cells
    like = sides[1].document
    order = sorted(document) if list(like) == sorted(like) else dict.fromkeys((*like, *document))
    written = write({key: document[key] for key in order if key in document}, sides[1].style)
    return Merged(Bytes(written), tuple(settling.conflicts), tuple(settling.decisions))


def _give_ids(cells: list[Map], minor: int, sides: Iterable[Notebook]) -> None:
    """Names the cells that came from a notebook without ids into one with ids; the name follows from the source."""
    names = {cell["id"] for cell in cells if isinstance(cell.get("id"), str)}
    unique = all(cell.name is not None for side in sides for cell in side.cells)
    if unique and len(names) < len(cells):
        raise UnreadableContent(format="notebook", line=0, reason="two cells of one id in the merge")
    if minor < 5 or not names:
        return
    for place, cell in enumerate(cells):
        if "id" not in cell:
            salt, name = 0, ""
            while not name or name in names:
                name = blob_oid(repr((cell["cell_type"], cell["source"], salt)).encode()).hex()[:8]
                salt += 1
            names.add(name)
            cells[place] = {**cell, "id": name}


class _Trio:
    """One cell in three states: positions in base, ours, theirs; None where it is not."""

    __slots__ = ("base", "name", "ours", "result", "theirs")

    def __init__(self, base: int | None, ours: int | None, theirs: int | None) -> None:
        self.base = base
        self.ours = ours
        self.theirs = theirs
        self.name = ""
        self.result: Map | None = None


class _Cells:
    def __init__(self, sides: tuple[Notebook, Notebook, Notebook], settling: Settling) -> None:
        self.base, self.ours, self.theirs = (side.cells for side in sides)
        self.settling = settling
        self.trios = self._trios()
        seen: dict[str, int] = {}
        for trio in self.trios:
            name = self._name(trio)
            seen[name] = seen.get(name, 0) + 1
            trio.name = name if seen[name] == 1 else f"{name}-{seen[name]}"
        self.by_ours = {trio.ours: trio for trio in self.trios if trio.ours is not None}
        self.by_theirs = {trio.theirs: trio for trio in self.trios if trio.theirs is not None}

    def _trios(self) -> list[_Trio]:
        ours, theirs = match_cells(self.base, self.ours), match_cells(self.base, self.theirs)
        for mine, yours, cells in ((ours, theirs, self.theirs), (theirs, ours, self.ours)):
            for place in set(yours) - set(mine):  # with another id it is a new cell, which nobody has deleted
                if cells[yours[place]].name != self.base[place].name:
                    del yours[place]
        trios = [_Trio(place, ours.get(place), theirs.get(place)) for place in range(len(self.base))]
        our_new = sorted(set(range(len(self.ours))) - set(ours.values()))
        their_new = sorted(set(range(len(self.theirs))) - set(theirs.values()))
        both = _same_new([self.ours[o] for o in our_new], [self.theirs[t] for t in their_new])
        trios += [_Trio(None, our_new[i], their_new[j]) for i, j in sorted(both.items())]
        trios += [_Trio(None, o, None) for i, o in enumerate(our_new) if i not in both]
        trios += [_Trio(None, None, t) for j, t in enumerate(their_new) if j not in set(both.values())]
        return trios

    def _name(self, trio: _Trio) -> str:
        states = ((trio.base, self.base), (trio.ours, self.ours), (trio.theirs, self.theirs))
        names = [cells[at].name for at, cells in states if at is not None]
        known = {name for name in names if name is not None}
        if trio.base is not None and names[0] is not None:
            return names[0]
        if len(known) == 1:
            return known.pop()
        if trio.base is not None:
            return f"#{trio.base + 1}"
        cell = self._cell(trio)  # equal on both sides, or there is only one
        return "#new-" + blob_oid(repr((cell.kind, cell.source)).encode()).hex()[:8]

    def merged(self) -> list[Map]:
        """Returns the cells of the result."""
        order = self._order([trio for trio in self.trios if trio.ours is not None and trio.theirs is not None])
        made: list[_Trio] = []
        ours, theirs = self._runs(self.by_ours), self._runs(self.by_theirs)
        for anchor in (None, *order):
            if anchor is not None:
                self._inside(anchor)
                made.append(anchor)
            made += self._between(anchor, ours.get(anchor, []), theirs.get(anchor, []))
        return [trio.result for trio in made if trio.result is not None]

    def _runs(self, places: dict[int, _Trio]) -> dict[_Trio | None, list[_Trio]]:
        """Returns the cells of a side that the other lacks, by the cell of both that they follow."""
        runs: dict[_Trio | None, list[_Trio]] = {}
        anchor: _Trio | None = None
        for place in sorted(places):
            trio = places[place]
            if trio.ours is not None and trio.theirs is not None:
                anchor = trio
            else:
                runs.setdefault(anchor, []).append(trio)
        return runs

    def _order(self, shared: list[_Trio]) -> list[_Trio]:
        """Returns the cells that both sides have in the order of the side that moved some."""
        ours = sorted(shared, key=lambda trio: trio.ours or 0)
        theirs = sorted(shared, key=lambda trio: trio.theirs or 0)
        if ours == theirs:
            return ours
        old, left, right = ([trio for trio in side if trio.base is not None] for side in (shared, ours, theirs))
        old.sort(key=lambda trio: trio.base or 0)
        if left == old and right != old:
            return theirs
        if right == old and left != old:
            return ours
        names = [[trio.name for trio in side] for side in (old, ours, theirs)]
        conflict = Conflict("cell order", list(names[0]), list(names[1]), list(names[2]))
        choice = self.settling.ask(conflict, (OURS, THEIRS, BASE) if old else (OURS, THEIRS))
        if choice is not None and choice.strategy == THEIRS:
            return theirs
        if choice is not None and choice.strategy == BASE:
            again = iter(old)
            return [trio if trio.base is None else next(again) for trio in ours]
        return ours

    def _inside(self, trio: _Trio) -> None:
        assert trio.ours is not None
        assert trio.theirs is not None
        base = None if trio.base is None else self.base[trio.base]
        trio.result = merge_cell(
            self.settling, f"cell {trio.name}", base, self.ours[trio.ours], self.theirs[trio.theirs]
        )

    def _between(self, anchor: _Trio | None, ours: list[_Trio], theirs: list[_Trio]) -> list[_Trio]:
        """Returns the cells that follow an anchor and that one side has, in order."""
        after: dict[_Trio, tuple[int, int, int, int]] = {}
        for side, run in enumerate((ours, theirs)):
            last = -1
            for place, trio in enumerate(run):
                last = last if trio.base is None else trio.base
                after[trio] = (last, int(trio.base is None), side, place)
        for trio in sorted((trio for trio in after if trio.base is not None), key=lambda trio: trio.base or 0):
            self._deleted(trio)
        our_new, their_new = ([trio for trio in run if trio.base is None] for run in (ours, theirs))
        for trio in (*our_new, *their_new):
            trio.result = self._cell(trio).raw
        if our_new and their_new:
            self._both_inserted(anchor, our_new, their_new)
            last = min(after[our_new[0]][0], after[their_new[0]][0])
            for place, trio in enumerate((*our_new, *their_new)):
                after[trio] = (last, 1, 0, place)
        return sorted(after, key=after.__getitem__)

    def _cell(self, trio: _Trio) -> Cell:
        if trio.ours is not None:
            return self.ours[trio.ours]
        assert trio.theirs is not None
        return self.theirs[trio.theirs]

    def _deleted(self, trio: _Trio) -> None:
        """Settles a cell that one side has no more: it goes if the other did not change it."""
        assert trio.base is not None
        base, cell = self.base[trio.base], self._cell(trio)
        if same(base.content(), cell.content()):
            return
        ours, theirs = (None, cell.source) if trio.ours is None else (cell.source, None)
        conflict = Conflict(
            f"cell {trio.name}", base.source, ABSENT if ours is None else ours, ABSENT if theirs is None else theirs,
            "deleted in ours, changed in theirs" if ours is None else "changed in ours, deleted in theirs",
        )
        choice = self.settling.ask(conflict, (OURS, THEIRS, BASE, SET))
        if choice is None:
            old, left, right = (_ended(text or "") for text in (base.source, ours, theirs))
            trio.result = _saying(cell, "".join(marked(old, left, right)).removesuffix("\n"))
        elif choice.strategy == BASE:
            trio.result = base.raw
        elif choice.strategy == SET:
            trio.result = _saying(cell, str(choice.value))
        elif (ours if choice.strategy == OURS else theirs) is not None:
            trio.result = cell.raw

    def _both_inserted(self, anchor: _Trio | None, ours: list[_Trio], theirs: list[_Trio]) -> None:
        left, right = ([self._cell(trio).source for trio in side] for side in (ours, theirs))
        key = "cells at the start" if anchor is None else f"cells after {anchor.name}"
        choice = self.settling.ask(Conflict(key, ABSENT, list(left), list(right)), (OURS, THEIRS, BASE, UNION))
        if choice is None:
            opening, middle, closing = _markers()
            for trio, before, behind in (
                (ours[0], opening, ""), (ours[-1], "", middle), (theirs[-1], "", closing),
            ):
                self._wrap(trio, before, behind)
            return
        for trio in (*ours, *theirs):
            if (choice.strategy == OURS and trio.ours is None) or (choice.strategy == THEIRS and trio.theirs is None):
                trio.result = None
            if choice.strategy == BASE:
                trio.result = None

    def _wrap(self, trio: _Trio, before: str, behind: str) -> None:
        """Puts markers around what a cell says; its outputs stay, since it is there as its side has it."""
        raw = trio.result
        assert raw is not None
        source = raw["source"] if isinstance(raw["source"], str) else "".join(raw["source"])
        text = before + source
        if behind:
            text += ("" if not text or text.endswith("\n") else "\n") + behind
        trio.result = {**raw, "source": source_like(text, raw["source"])}


def _same_new(ours: list[Cell], theirs: list[Cell]) -> dict[int, int]:
    """Returns which new cells both sides put in; the same answer whichever side is which."""
    left, right = ([(cell.name or "", cell.kind, cell.source) for cell in side] for side in (ours, theirs))
    if left <= right:
        return match_cells(ours, theirs, alike=False)
    return {i: j for j, i in match_cells(theirs, ours, alike=False).items()}


def _ended(text: str) -> list[str]:
    return (text if text.endswith("\n") else text + "\n").splitlines(keepends=True) if text else []


def _markers() -> tuple[str, str, str]:
    lines = marked((), (), (), labels=LABELS)
    return lines[0], lines[1] + lines[2].removesuffix("\n"), lines[3].removesuffix("\n")


def _saying(cell: Cell, source: str) -> Map:
    made = {**cell.raw, "source": source_like(source, cell.raw["source"])}
    if cell.source != source:
        made.update({key: [] if key == "outputs" else None for key in RUN_KEYS if key in made})
    return made
