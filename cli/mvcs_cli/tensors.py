"""Weights as people read them: a line a tensor, a picture a file."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING

from mvcs_cli.ui import Ui, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from mvcs.api.results import KeyChange, TensorChange, TensorShown

SHOWN = 40
"""Tensors that people are told of; --json tells all."""
BARS = " ▁▂▃▄▅▆▇█"
LAYERS_SHOWN = 128
_LAYER = re.compile(r"(?:^|(?<=[._/]))\d+(?=[._/]|$)")


def tell_tensors(ui: Ui, keys: Iterable[KeyChange], told: str) -> None:
    """Tells changes of a file: what came, went, is called or made otherwise; then values, what went farthest first.

    Args:
        ui: The command's surroundings.
        keys: The changes.
        told: All of it in a few words.
    """
    if told:
        ui.line(f"    {told}")
    ordered = sorted(_of_tensors(keys), key=_order)
    shown = ordered[:SHOWN]
    measured = [item for item in shown if _order(item)[0]]
    for item in shown[: len(shown) - len(measured)]:
        _tell_one(ui, item)
    if measured:
        rows = [HEADS, *map(_row, measured)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            ui.line("      " + "  ".join(_aligned(row, widths)).rstrip(), bold=row is HEADS)
    if len(ordered) > SHOWN:
        ui.line(f"    ... and {len(ordered) - SHOWN} more (--json)")


HEADS = ("tensor", "dtype", "shape", "changed", "l2", "max", "relative", "cosine", "")


def _of_tensors(keys: Iterable[KeyChange]) -> list[TensorChange]:
    from mvcs.diff.tensors import TensorChange

    return [key for key in keys if isinstance(key, TensorChange)]


def _order(item: TensorChange) -> tuple[int, float]:
    """Changes of names, types and shapes first, then by how far values went; equal ones as in the file."""
    moved = item.moved
    if moved is None or item.before != item.after:
        return 0, 0.0
    return 1, -math.inf if math.isnan(moved.relative) else -moved.relative


def _tell_one(ui: Ui, item: TensorChange) -> None:
    values = item.to_dict()
    before, after = values["before"], values["after"]
    note = f"  ({item.note})" if item.note else ""
    name = quoted(item.key)
    if item.change == "added":
        ui.line(f"    + {name}  {made(after)}{note}", fg="green")
    elif item.change == "deleted":
        ui.line(f"    - {name}  {made(before)}{note}", fg="red")
    elif item.change == "renamed":
        ui.line(f"    > {quoted(item.was)} -> {name}  {made(after)}{note}", fg="cyan")
    elif item.other_bytes is not None:
        ui.line(f"      {name}  {made(after)}: {item.other_bytes} of {item.size} bytes differ{note}")
    else:
        far = "" if item.moved is None else f", {item.moved.changed} of {item.moved.elements} values with it"
        ui.line(f"      {name}  {made(before)} -> {made(after)}{far}{note}")


def made(what: Any) -> str:  # noqa: ANN401 -- as in JSON
    """Returns type and shape of a tensor as people read them: F32 [768, 3072]; [] is a single number."""
    shape = "?" if what["shape"] is None else "[" + ", ".join(map(str, what["shape"])) + "]"
    return f"{what['dtype'] or '?'} {shape}"


def _row(item: TensorChange) -> tuple[str, ...]:
    moved = item.moved
    assert moved is not None
    cosine = "-" if math.isnan(moved.cosine) else f"{moved.cosine:.6f}"
    odd = f"{moved.not_finite} not finite" if moved.not_finite else ""
    return (
        quoted(item.key), *made(item.after).split(" ", 1), percent(moved.share), f"{moved.l2:.3g}",
        f"{moved.largest:.3g}", f"{moved.relative:.2e}", cosine, odd,
    )


def percent(share: float) -> str:
    """Returns a share as people read it; what is not all is never shown as all, nor something as nothing."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{min(share, 0.999 if share < 1 else 1) * 100:.1f} %"


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    sized = enumerate(zip(row, widths, strict=True))
    return [cell.ljust(width) if at < 3 else cell.rjust(width) for at, (cell, width) in sized]


def can_draw() -> bool:
    """Whether stdout is a terminal that shows block characters."""
    try:
        BARS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return sys.stdout.isatty()


def draw_layers(ui: Ui, keys: Iterable[KeyChange]) -> None:
    """Draws a bar for each layer: norm of the change of its changed tensors over their norm before."""
    groups: dict[str, dict[int, tuple[float, float]]] = {}
    for item in _of_tensors(keys):
        moved = item.moved
        if moved is None or not math.isfinite(moved.l2 + moved.norm):
            continue
        place = _LAYER.search(item.key)
        name, layer = ("", 0) if place is None else (item.key[: place.start()].rstrip("._/"), int(place[0]))
        squares, norm = groups.setdefault(name, {}).get(layer, (0.0, 0.0))
        groups[name][layer] = squares + moved.l2**2, norm + moved.norm**2
    for name, layers in groups.items():
        went = {layer: math.sqrt(a / b) if b else math.inf for layer, (a, b) in layers.items()}
        finite = [value for value in went.values() if math.isfinite(value)]
        most, last = max(finite, default=0.0), max(went)
        farthest = max(went, key=lambda layer: went[layer])
        if not name:
            ui.line(f"    {'other tensors':<32} relative {went[0]:.2e}")
        elif last < LAYERS_SHOWN:
            bars = "".join(_bar(went.get(layer), most) for layer in range(last + 1))
            ui.line(f"    {quoted(name) + f' 0-{last}':<32} {bars}  farthest {farthest}: relative {went[farthest]:.2e}")
        else:
            ui.line(f"    {quoted(name):<32} {len(went)} changed, farthest {farthest}: relative {went[farthest]:.2e}")


def _bar(value: float | None, most: float) -> str:
    """Returns a block for a layer; a dot for one that did not change."""
    if value is None:
        return "·"
    if not math.isfinite(value):
        return BARS[-1]
    return BARS[max(1, math.ceil(value / most * (len(BARS) - 1)))] if most else BARS[1]


def tell_statistics(ui: Ui, shown: TensorShown) -> None:
    """Tells what the values of a tensor are like."""
    what = shown.tensor.describe()
    ui.line(f"{quoted(shown.tensor.name)}  {made(what)}  {what['bytes']} bytes")
    found = shown.statistics
    if found is None:
        ui.line(f"  no statistics: {shown.reason}")
        return
    rows = {
        "count": found.count, "mean": found.mean, "std": found.std, "min": found.least, "max": found.largest,
        "zeros": found.zeros, "NaN": found.nans, "infinite": found.infinities,
    }
    for name, value in rows.items():
        ui.line(f"  {name:<9} {value if isinstance(value, int) else f'{value:.6g}'}")
    if found.histogram and can_draw():
        most = max(found.histogram)
        bars = "".join(_bar(count, most) if count else " " for count in found.histogram)
        ui.line(f"  {'values':<9} {found.least:.3g} |{bars}| {found.largest:.3g}")
