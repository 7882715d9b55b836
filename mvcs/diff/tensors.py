"""What changed in a file of weights: tensors that came, went, have another name, type or shape; how far values went.

Tensors that did not change are told by their chunks and cost nothing. Knows: how changes of tensors are told. Refuses
to know: formats (`mvcs.store.splitters`), norms (`mvcs.diff.tensor_values`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mvcs.diff.keys import FileDiff, KeyChange
from mvcs.diff.tensor_values import Moved, changed_bytes, moved
from mvcs.formats.tensor_file import TensorFile, identity, open_tensors, read_bytes, same_values
from mvcs.formats.tensors import only_bytes, read_blocks
from mvcs.formats.values import ABSENT, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.formats.content import Content
    from mvcs.formats.values import Found
    from mvcs.objects.hashing import Oid
    from mvcs.store.splitters.tensors import Tensor

    Named = Mapping[str, Tensor]

DRIVER: Final = "tensors"
BLOCK: Final = 1 << 17
"""Elements that are compared at once: few, so that the store still has in its hands what the newer ones are based on.
Arithmetic beside decoding in a second thread was twice as slow: both are of many short calls."""


class TensorChange(KeyChange):
    """One tensor that differs.

    Args:
        key: Its name.
        before: What it was: dtype, shape, bytes; ABSENT if it was not.
        after: What it is.
        note: What to say of it beyond these.
        moved: How far its values went, if they can be compared as numbers.
        other_bytes: How many of its bytes differ, if they cannot.
        was: Its name before, if only that is another.
    """

    __slots__ = ("moved", "other_bytes", "was")

    def __init__(
        self, key: str, before: Tensor | None, after: Tensor | None, *, note: str = "", moved: Moved | None = None,
        other_bytes: int | None = None, was: str = "",
    ) -> None:
        super().__init__(key, _described(before), _described(after), note)
        self.moved = moved
        self.other_bytes = other_bytes
        self.was = was

    def _key(self) -> tuple[object, ...]:
        return self.key, repr(self.before), repr(self.after), self.note, self.moved, self.other_bytes, self.was

    def named(self, key: str) -> TensorChange:
        """Returns the same change of a tensor of another name."""
        made = TensorChange(key, None, None, note=self.note, moved=self.moved, other_bytes=self.other_bytes)
        made.before, made.after = self.before, self.after
        return made

    @property
    def size(self) -> int:
        """Bytes that it has now, or had."""
        made = self.after if isinstance(self.after, dict) else self.before
        assert isinstance(made, dict)
        assert isinstance(made["bytes"], int)
        return made["bytes"]

    @property
    def change(self) -> str:
        """added, deleted, renamed or modified."""
        return "renamed" if self.was else super().change

    def to_dict(self) -> dict[str, object]:
        """Returns the change as JSON carries it, with all numbers."""
        made = super().to_dict()
        if self.was:
            made["from"] = self.was
        if self.moved is not None:
            made["moved"] = {name: to_json(value) for name, value in self.moved.numbers().items()}
        if self.other_bytes is not None:
            made["other_bytes"] = self.other_bytes
        return made


def diff_tensors(before: Content | None, after: Content | None) -> FileDiff:
    """Tells what changed in a file of weights, whatever the formats of the two sides.

    Tensors in the order of the file as it is, then those that went. A tensor that went and one that came are one with
    another name if type, shape and bytes are the same, and no third is.

    Args:
        before: The file as it was, None if absent.
        after: The file as it is, None if absent.

    Raises:
        UnreadableContent: If a side holds no tensors that can be read, or ends inside one.

    Laws:
        diff_tensors(a, a) has no keys.
    """
    old, new = (None if side is None else open_tensors(side) for side in (before, after))
    olds, news = _by_name(old), _by_name(new)
    both = [name for name in news if name in olds]
    changes: dict[str, TensorChange] = {}
    if old is not None and new is not None:
        changes = _compared(old, new, [(olds[name], news[name]) for name in both])
    gone = {name: tensor for name, tensor in olds.items() if name not in news}
    came = {name: tensor for name, tensor in news.items() if name not in olds}
    renamed = _renamed(old, gone, new, came) if old is not None and new is not None else {}
    was = {now: before for before, now in renamed.items()}
    for name, tensor in came.items():
        previous = was.get(name)
        changes[name] = TensorChange(name, gone[previous] if previous else None, tensor, was=previous or "")
    kept = {(item.offset, item.length, item.shape): name for name, item in olds.items() if name in news and item.length}
    told = [changes[name] for name in news if name in changes]
    for name, tensor in gone.items():
        if name not in renamed:
            tied = kept.get((tensor.offset, tensor.length, tensor.shape))
            told.append(TensorChange(name, tensor, None, note=f"its values are those of {tied}" if tied else ""))
    return FileDiff(
        DRIVER, tuple(told), reason="" if told else _only_written(old, new),
        summary=_summary(told, len(both), len(both) - sum(name in changes for name in both)),
    )


def _described(tensor: Tensor | None) -> Found:
    return ABSENT if tensor is None else tensor.describe()


def _by_name(file: TensorFile | None) -> dict[str, Tensor]:
    return {} if file is None else {tensor.name: tensor for tensor in file.tensors.tensors}


def _compared(old: TensorFile, new: TensorFile, pairs: list[tuple[Tensor, Tensor]]) -> dict[str, TensorChange]:
    """Returns those of two files' tensors that differ; values that several names share are read once."""
    found: dict[str, TensorChange] = {}
    seen: dict[tuple[object, ...], TensorChange | None] = {}
    for a, b in pairs:
        place = tuple(item for side in (a, b) for item in (side.offset, side.length, side.shape, side.strides))
        if place not in seen or not a.length:
            seen[place] = _change(old, a, new, b)
        change = seen[place]
        if change is not None:
            found[b.name] = change if change.key == b.name else change.named(b.name)
    return found


def _change(old: TensorFile, a: Tensor, new: TensorFile, b: Tensor) -> TensorChange | None:
    if a.shape != b.shape:
        return TensorChange(b.name, a, b)
    if a.dtype == b.dtype and same_values(old.source, a, new.source, b):
        return None
    why = next(filter(None, map(only_bytes, (a, b))), "")
    if not why:
        far = moved(read_blocks(old.source, a, BLOCK), read_blocks(new.source, b, BLOCK))
        return TensorChange(b.name, a, b, moved=far)
    why = f"compared by bytes: {why}"
    if a.dtype != b.dtype or a.strides != b.strides or a.length != b.length:
        return TensorChange(b.name, a, b, note=why)
    other = changed_bytes(read_bytes(old.source, a), read_bytes(new.source, b))
    return TensorChange(b.name, a, b, note=why, other_bytes=other)


def _renamed(old: TensorFile, gone: Named, new: TensorFile, came: Named) -> dict[str, str]:
    """Returns old name to new name: one that went, one that came, and no third."""
    alike: dict[tuple[object, ...], tuple[list[Tensor], list[Tensor]]] = {}
    for side, tensors in enumerate((gone, came)):
        for tensor in tensors.values():
            if tensor.name and tensor.length and not tensor.overlaps:
                alike.setdefault((tensor.dtype, tensor.shape), ([], []))[side].append(tensor)
    found = {}
    for olds, news in alike.values():
        if not (olds and news):
            continue
        ours, theirs = _by_identity(old, olds), _by_identity(new, news)
        for oid, names in ours.items():
            if len(names) == len(theirs.get(oid, ())) == 1:
                found[names[0]] = theirs[oid][0]
    return found


def _by_identity(file: TensorFile, tensors: Iterable[Tensor]) -> dict[Oid, list[str]]:
    found: dict[Oid, list[str]] = {}
    for tensor in tensors:
        found.setdefault(identity(file.source, tensor), []).append(tensor.name)
    return found


def _only_written(old: TensorFile | None, new: TensorFile | None) -> str:
    """Returns in what two files differ that have the same tensors."""
    if old is None or new is None:
        return ""
    before, after = (file.tensors.splitter.partition("@")[0] for file in (old, new))
    if before != after:
        return f"the same tensors, written as {after} instead of {before}"
    return "the same tensors; what is beside them differs, or their order"


def _summary(told: list[TensorChange], both: int, equal: int) -> str:
    if not told:
        return ""
    counts = {"added": 0, "deleted": 0, "renamed": 0}
    for item in told:
        if item.change in counts:
            counts[item.change] += 1
    parts = [f"{count} {change}" for change, count in counts.items() if count]
    return ", ".join([f"{both - equal} of {both} tensors changed", *parts])
