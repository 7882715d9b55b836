"""Merges files of tensors by the names of the tensors; what no numbers have to be made for is compared, not read.

Knows: the rule of three for a tensor, ties, what a format lets be written. Refuses to know: formulas, paths, stores.
The result is ours' file with other tensors in it: its format, the order of its header, its metadata. Implements:
spec 14.2.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mvcs.errors import UnreadableContent
from mvcs.formats.strategies import SIDES, tensor_strategy
from mvcs.formats.values import ABSENT
from mvcs.merge.tensor_assembly import FORM, copied, in_place, safetensors
from mvcs.merge.tensor_settling import Settling, fits, measure
from mvcs.merge.tensor_units import read_side, same_unit
from mvcs.merge.values import BASE, OURS, THEIRS, Choice, Conflict, Decision, Merged
from mvcs.objects.record import Record
from mvcs.store.splitters.safetensors import header_order

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.merge.tensor_assembly import Assembled, Part
    from mvcs.merge.tensor_settling import State
    from mvcs.merge.tensor_units import TensorSide, Unit
    from mvcs.merge.values import Choose

NAMED: Final = 3
"""Tensors that a reason or a note names."""


class _Taken(Record):
    """What the result has of a unit.

    Args:
        unit: The unit as it is described.
        source: Whose bytes; None where a strategy makes them.
        made: How, then.
    """

    __slots__ = ("made", "source", "unit")

    def __init__(self, unit: Unit, source: TensorSide | None, made: Settling | None = None) -> None:
        self.unit = unit
        self.source = source
        self.made = made

    def part(self) -> Part:
        """Returns the bytes."""
        if self.made is not None:
            return self.made.part()
        assert self.source is not None
        return copied(self.source.content, self.unit.whole.offset, self.unit.whole.length)


def merge_tensors(
    base: Content | None, ours: Content, theirs: Content, choose: Choose, *, disagree: bool = False
) -> Merged:
    """Merges a file of tensors.

    Args:
        base: What both came from, None if both added it.
        ours: What the branch that is merged into has.
        theirs: What the merged one has.
        choose: Says how a conflict is settled.
        disagree: Whether there are several bases with other weights: then what the sides have apart is a conflict.

    Raises:
        UnreadableContent: If the tensors of one of them are not known, or the result is none that could be written.
    """
    came_from = None if base is None else read_side(base, "the base")
    sides = read_side(ours, "ours"), read_side(theirs, "theirs")
    return _Merge(came_from, *sides, choose, disagree=disagree).run()


class _Merge:
    def __init__(
        self, base: TensorSide | None, ours: TensorSide, theirs: TensorSide, choose: Choose, *, disagree: bool
    ) -> None:
        self._base = base
        self._ours = ours
        self._theirs = theirs
        self._choose = choose
        self._disagree = disagree
        self._conflicts: list[Conflict] = []
        self._decisions: list[Decision] = []
        self._notes: list[str] = []
        self._apart: list[str] = []
        """Tensors of conflicts that the sides have in two shapes, or one of them not at all."""
        self._taken: list[tuple[Unit | None, _Taken | None]] = []
        """Ours' unit, None for what it has not, and what the result has; in ours' order, then theirs'."""

    def run(self) -> Merged:
        sides = [side for side in (self._ours, self._theirs, self._base) if side is not None]
        formats = sorted({side.format for side in sides})
        if len(formats) > 1:
            raise UnreadableContent(format=FORM, line=0, reason=f"it is {' and '.join(formats)}")
        for unit in self._ours.units:
            self._merge(unit)
        for unit in self._theirs.units:
            if all(self._ours.find(name) is None for name in unit.names):
                self._merge(unit)
        self._check_beside()
        return Merged(self._written(), tuple(self._conflicts), tuple(self._decisions), tuple(self._notes))

    # One unit

    def _merge(self, unit: Unit) -> None:
        states = self._states(unit)
        if states is None:
            self._taken.append((unit, _Taken(unit, self._ours)))
            return
        base, ours, theirs = states
        unmoved = not self._disagree
        if self._same(OURS, ours, THEIRS, theirs) or (unmoved and self._same(THEIRS, theirs, BASE, base)):
            result = ours
        elif unmoved and self._same(OURS, ours, BASE, base):
            result = theirs
        else:
            self._conflict(unit, base, ours, theirs)
            return
        source = self._ours if result is ours else self._theirs
        self._taken.append((ours, None if result is None else _Taken(result, source)))

    def _same(self, one: str, unit: Unit | None, two: str, other: Unit | None) -> bool:
        sides = {BASE: self._base, OURS: self._ours, THEIRS: self._theirs}
        first, second = sides[one], sides[two]
        if first is None or second is None:
            return unit is None and other is None
        return same_unit(first, unit, second, other)

    def _states(self, unit: Unit) -> tuple[Unit | None, Unit | None, Unit | None] | None:
        """Returns the unit in base, ours and theirs; None if its tensors are tied otherwise there, and ours stay.

        Raises:
            UnreadableContent: If they are, and theirs has changed one.
        """
        found: list[Unit | None] = []
        for side in (self._base, self._ours, self._theirs):
            units = {id(one): one for name in unit.names if side and (one := side.find(name)) is not None}
            there = next(iter(units.values()), None)
            if len(units) > 1 or (there is not None and set(there.names) != set(unit.names)):
                break
            found.append(there)
        else:
            return found[0], found[1], found[2]
        for name in unit.names:
            base = None if self._base is None else self._base.find(name)
            ours, theirs = self._ours.find(name), self._theirs.find(name)
            if self._same(OURS, ours, THEIRS, theirs):
                continue
            if self._disagree or not self._same(THEIRS, theirs, BASE, base):
                reason = f"{_some(unit.names)} share their bytes with others than on the other side"
                raise UnreadableContent(format=FORM, line=0, reason=reason)
        return None

    def _conflict(self, unit: Unit, base: Unit | None, ours: Unit | None, theirs: Unit | None) -> None:
        reasons = []
        if ours is None or theirs is None:
            here, there = ("deleted", "changed") if ours is None else ("changed", "deleted")
            only = OURS if theirs is None else THEIRS
            reasons.append(f"{here} in ours, {there} in theirs" if base is not None else f"only {only} has it")
        elif ours.described != theirs.described:
            reasons.append("of another shape or type")
        if len(unit.names) > 1:
            reasons.append(f"one with {_some(unit.names[1:])}")
        if ours is None or theirs is None or ours.described != theirs.described:
            self._apart += unit.names
        conflict = Conflict(unit.names[0], _value(base), _value(ours), _value(theirs), "; ".join(reasons))
        choices = [
            choice for name in unit.names if (choice := self._choose(conflict.but(key=name))) is not None
        ]
        said = [choice for choice in choices if choice.said] or choices
        if len({choice.strategy for choice in said}) > 1:
            named = " and ".join(sorted({choice.strategy for choice in said}))
            reasons.append(f"{named} cannot both be for tensors that share their bytes")
        elif said and self._settle(said[0], unit, base, ours, theirs):
            return
        self._taken.append((ours, None if ours is None else _Taken(ours, self._ours)))
        self._conflicts.append(conflict.but(reason="; ".join(reasons), facts=self._facts(base, ours, theirs)))

    def _settle(
        self, choice: Choice, unit: Unit, base: Unit | None, ours: Unit | None, theirs: Unit | None
    ) -> bool:
        """Carries a choice out; returns whether it could be."""
        name = choice.strategy
        taken: _Taken | None
        strategy = tensor_strategy(name)
        if name in SIDES:
            side, result = {OURS: (self._ours, ours), THEIRS: (self._theirs, theirs), BASE: (self._base, base)}[name]
            if name == BASE and self._disagree:
                return False
            taken = None if result is None else _Taken(result, side)
        elif strategy is not None:
            first, second, third = self._found(base, ours, theirs)
            if not fits(strategy, first, second, third) or ours is None or second is None or third is None:
                return False
            made = Settling(strategy, first, second, third)
            taken = _Taken(ours, None, made)
            count = made.not_finite()
            if count:
                self._notes.append(f"{name} gives {unit.names[0]} {count} entries that are NaN or infinite")
        else:
            return False
        if not self._ours.can_grow and not _keeps_place(ours, taken):
            return False
        self._taken.append((ours, taken))
        self._decisions.append(Decision(unit.names[0], name))
        return True

    def _facts(self, base: Unit | None, ours: Unit | None, theirs: Unit | None) -> dict[str, Found]:
        """Returns what to know of two changes of one tensor, where numbers say it."""
        first, second, third = self._found(base, ours, theirs)
        found = None if first is None or second is None or third is None else measure(first, second, third)
        if found is None:
            return {}
        return {
            "ours": found.ours, "theirs": found.theirs, "cosine": None if math.isnan(found.cosine) else found.cosine,
            "not_finite": found.not_finite,
        }

    def _found(self, *units: Unit | None) -> list[State | None]:
        """Returns the units of base, ours and theirs, each with its file."""
        sides = (self._base, self._ours, self._theirs)
        return [
            None if side is None or unit is None else (side, unit) for side, unit in zip(sides, units, strict=True)
        ]

    # The file

    def _check_beside(self) -> None:
        """Checks that nothing but tensors is lost by taking ours' file.

        Raises:
            UnreadableContent: If theirs has something beside tensors that neither ours nor the base has, or tensors
                whose meaning stands there come from there.
        """
        if self._ours.can_grow:
            self._check_header()
            return
        moved = [taken for _, taken in self._taken if taken is not None and taken.source is not self._ours]
        apart = [(ours, taken) for ours, taken in self._taken if not _keeps_place(ours, taken)]
        units = [ours if taken is None else taken.unit for ours, taken in apart]
        names = [*self._apart, *(name for unit in units if unit is not None for name in unit.names)]
        if names:
            reason = f"{_some(names)} came, went or changed in shape, which {self._ours.format} cannot take in place"
            raise UnreadableContent(format=FORM, line=0, reason=reason)
        if self._theirs.beside() == self._ours.beside():
            return
        known = self._base is not None and not self._disagree and self._theirs.beside() == self._base.beside()
        if not known:
            raise UnreadableContent(format=FORM, line=0, reason="theirs has changed what stands beside the tensors")
        unsure = [taken.unit.names[0] for taken in moved if not self._ours.is_sure(taken.unit)]
        if unsure:
            raise UnreadableContent(format=FORM, line=0, reason=f"nothing says what {_some(unsure)} is")

    def _check_header(self) -> None:
        for side in (self._ours, self._theirs):
            odd = [unit.names[0] for unit in side.units if not unit.whole.dtype]
            if odd:
                raise UnreadableContent(format=FORM, line=0, reason=f"nothing says what {_some(odd)} is")
        ours, theirs = (header_order(side.content)[0] for side in (self._ours, self._theirs))
        base = None if self._base is None else header_order(self._base.content)[0]
        if theirs not in {ours, base}:
            self._notes.append("the metadata are those of ours; theirs has others")

    def _written(self) -> Assembled:
        content, layout = self._ours.content, self._ours.layout
        if all(_keeps_place(ours, taken) for ours, taken in self._taken):
            changed = [
                (ours.whole.offset, taken.part()) for ours, taken in self._taken
                if ours is not None and taken is not None and taken.source is not self._ours
            ]
            if self._ours.is_archive:
                from mvcs.merge.tensor_archives import with_checksums

                return with_checksums(content, layout, changed)
            return in_place(content, layout, changed)
        metadata, order = header_order(content)
        tensors = [(taken.unit.tensors[0], taken.part()) for _, taken in self._taken if taken is not None]
        return safetensors(metadata, tensors, [*order, *header_order(self._theirs.content)[1]])




def _keeps_place(ours: Unit | None, taken: _Taken | None) -> bool:
    """Whether what the result has of a unit fits where ours has it."""
    if ours is None or taken is None:
        return ours is None and taken is None
    return ours.described == taken.unit.described


def _value(unit: Unit | None) -> Found:
    if unit is None:
        return ABSENT
    first = unit.tensors[0]
    return {"dtype": first.dtype, "shape": list(first.shape)}


def _some(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
