"""Merges what one cell says, its type, its metadata and its outputs; and the maps of notebooks by key.

Knows: one cell in three states. Refuses to know: where it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mvcs.diff.notebook import ATOMS
from mvcs.formats.lines import LF, split_lines
from mvcs.formats.notebook import RUN_METADATA, source_like
from mvcs.formats.notebook_json import Number, plain
from mvcs.formats.values import ABSENT, same
from mvcs.merge.text import merge_lines
from mvcs.merge.values import BASE, OURS, SET, THEIRS, Conflict, Decision

if TYPE_CHECKING:
    from mvcs.formats.notebook import Cell
    from mvcs.formats.notebook_json import Map
    from mvcs.formats.values import Found
    from mvcs.merge.values import Choice, Choose

RUN_KEYS = ("outputs", "execution_count")


class Settling:
    """Asks for choices and notes what became of each conflict.

    Args:
        choose: Settles a conflict, or returns None.
    """

    __slots__ = ("choose", "conflicts", "decisions")

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.conflicts: list[Conflict] = []
        self.decisions: list[Decision] = []

    def ask(self, conflict: Conflict, allowed: tuple[str, ...]) -> Choice | None:
        """Returns the choice for a conflict if it means something to it, and notes which."""
        choice = self.choose(conflict)
        if choice is None or choice.strategy not in allowed:
            self.conflicts.append(conflict)
            return None
        self.decisions.append(Decision(conflict.key, choice.strategy))
        return choice

    def value(self, key: str, base: Any, ours: Any, theirs: Any) -> Any:  # noqa: ANN401 -- anything that JSON holds
        """Returns the merge of three values; what ours has where a conflict is left."""
        if same(ours, theirs) or same(theirs, base):
            return ours
        if same(ours, base):
            return theirs
        conflict = Conflict(key, found(base), found(ours), found(theirs))
        choice = self.ask(conflict, (OURS, THEIRS, BASE, SET))
        if choice is None:
            return ours
        if choice.strategy == SET:
            return _typed(choice.value)
        return {OURS: ours, THEIRS: theirs, BASE: base}[choice.strategy]

    def map(self, prefix: str, base: Any, ours: Map, theirs: Map) -> Map:  # noqa: ANN401 -- a map, or ABSENT
        """Returns the merge of two maps by key, at every depth; in the order of ours, new keys where they sort."""
        old: Map = base if isinstance(base, dict) else {}
        made: Map = {}
        for key in dict.fromkeys((*ours, *theirs)):
            states = [side.get(key, ABSENT) for side in (old, ours, theirs)]
            if isinstance(states[1], dict) and isinstance(states[2], dict) and key not in ATOMS:
                value: Any = self.map(f"{prefix}{key}.", states[0], states[1], states[2])
            else:
                value = self.value(prefix + key, states[0], states[1], states[2])
            if value is not ABSENT:
                made[key] = value
        return dict(sorted(made.items())) if list(ours) == sorted(ours) else made


def found(value: Any) -> Found:  # noqa: ANN401 -- anything that JSON holds
    """Returns a value of a notebook as conflicts have it."""
    return ABSENT if value is ABSENT else plain(value)


def _typed(value: Any) -> Any:  # noqa: ANN401 -- anything that JSON holds
    """Returns a value that was typed in: JSON if it is, else text."""
    import json

    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=Number)
    except (ValueError, RecursionError):
        return value


def merge_cell(settling: Settling, name: str, base: Cell | None, ours: Cell, theirs: Cell) -> Map:
    """Returns the merge of a cell that both sides have.

    Outputs and counts are those of the side whose source the result has; of both, those of the side that ran it since
    the base, else ours; of neither, there are none. Of an id that both changed, ours is taken: it names and says
    nothing.

    Args:
        settling: Settles conflicts.
        name: What the keys of conflicts begin with.
        base: The cell that both came from, None if both added it.
        ours: Ours.
        theirs: Theirs.
    """
    was = ABSENT if base is None else base.raw
    if same(ours.raw, theirs.raw) or same(theirs.raw, was):
        return ours.raw
    if same(ours.raw, was):
        return theirs.raw
    kind = settling.value(f"{name}/type", ABSENT if base is None else base.kind, ours.kind, theirs.kind)
    source = _merge_source(settling, name, base, ours, theirs)
    old = {} if base is None else _words(base)
    made = settling.map(f"{name}/", old, _words(ours), _words(theirs))
    if not isinstance(made.get("metadata", {}), dict):
        made["metadata"] = {}
    ran = _ran(base, ours, theirs, kind, source)
    made["cell_type"] = kind
    like = ran if ran is not None else ours
    made["source"] = like.raw["source"] if like.source == source else source_like(source, ours.raw["source"])
    ids = [cell.raw.get("id", ABSENT) for cell in (ours if base is None else base, ours, theirs)]
    name_now = ids[2] if same(ids[0], ids[1]) and ids[2] is not ABSENT else ids[1]
    if name_now is not ABSENT:
        made["id"] = name_now
    if kind == "code":
        made.update({"outputs": [], "execution_count": None})
    if ran is not None:
        made.update({key: ran.raw[key] for key in RUN_KEYS if key in ran.raw})
        times = {k: v for k, v in ran.raw.get("metadata", {}).items() if k in RUN_METADATA}
        if times:
            made["metadata"] = {**made.get("metadata", {}), **times}
    return _ordered(made, ours.raw)


def _ordered(made: Map, like: Map) -> Map:
    if list(like) == sorted(like):
        return dict(sorted(made.items()))
    return {key: made[key] for key in dict.fromkeys((*like, *made)) if key in made}


def _words(cell: Cell) -> Map:
    return {key: value for key, value in cell.content().items() if key not in {"source", "cell_type"}}


def _ran(base: Cell | None, ours: Cell, theirs: Cell, kind: str, source: str) -> Cell | None:
    fits = [cell for cell in (ours, theirs) if cell.kind == kind and cell.source == source]
    if len(fits) == 2 and base is not None and same(_run(base), _run(ours)):
        return theirs
    return fits[0] if fits else None


def _run(cell: Cell) -> list[Any]:
    return [cell.raw.get(key, ABSENT) for key in RUN_KEYS]


def _merge_source(settling: Settling, name: str, base: Cell | None, ours: Cell, theirs: Cell) -> str:
    old = None if base is None else base.source
    if theirs.source in {ours.source, old}:
        return ours.source
    if ours.source == old:
        return theirs.source
    merged = merge_lines(
        None if old is None else _lines(old), _lines(ours.source), _lines(theirs.source), settling.choose,
        prefix=f"{name}/",
    )
    settling.conflicts += merged.conflicts
    settling.decisions += merged.decisions
    text = "".join(merged.lines)
    ends = [side.endswith(LF) for side in (ours.source if old is None else old, ours.source, theirs.source)]
    return text if ends[2 if ends[0] == ends[1] else 1] else text.removesuffix(LF)


def _lines(source: str) -> list[str]:
    """Returns a source's lines, the last one ended too: cells have no line end there, and that says nothing."""
    return split_lines(source if source.endswith(LF) or not source else source + LF)
