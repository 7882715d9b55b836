"""mvcs diff."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from mvcs.errors import MvcsError
from mvcs_cli.merging import ingredients_of
from mvcs_cli.tensors import can_draw, draw_layers, tell_tensors
from mvcs_cli.ui import Ui, quoted, size
from mvcs_cli.verb import complete_ingredient, complete_revision, verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.api.results import Detailed, FileChange

COLOURS = {"added": "green", "deleted": "red", "modified": "yellow", "moved": "cyan", "mode": "yellow"}
KEYS_SHOWN = 200


@verb("diff")
@click.argument("first", required=False, shell_complete=complete_revision)
@click.argument("second", required=False, shell_complete=complete_revision)
@click.option("--only", metavar="INGREDIENTS", shell_complete=complete_ingredient, help="Only these, with commas.")
@click.option("--stat", is_flag=True, help="Only count, by ingredient.")
@click.option("--names", is_flag=True, help="Only the paths, not what changed inside.")
@click.option("-U", "--unified", "context", type=click.IntRange(0), default=3, metavar="N", help="Lines of context.")
@click.option("--patch", is_flag=True, help="Print a patch that mvcs apply and git apply take.")
@click.option(
    "--binary", is_flag=True,
    help="With --patch: put contents of any size in. Else binary files over 1 MiB are only named; git apply passes over"
    " those.",
)
@click.option("--exit-code", is_flag=True, help="End with 1 if there are differences.")
def command(
    ui: Ui, first: str | None, second: str | None, *, only: str | None, stat: bool, names: bool, context: int,
    patch: bool, binary: bool, exit_code: bool,
) -> int:
    """What changed: HEAD to the files, A to the files, A to B, A..B, or A...B from the merge base to B.

    Config by key, environment by package, tables by row, notebooks by cell, metrics by value, signatures by field,
    weights by tensor, code by line.
    """
    repo = ui.repo()
    wanted = ingredients_of(only)
    if patch:
        from mvcs_cli.patches import print_patch

        pieces = repo.patch(first, second, only=wanted, binary=binary, context=context)
        return int(print_patch(ui, pieces) and exit_code)
    changes = repo.diff(first, second, only=wanted, generated=True)
    inside = stat or names or (ui.quiet and not ui.as_json)
    detailed: Iterable[Detailed] = [] if inside else repo.details(changes, context=context)

    def people() -> None:
        if stat:
            _stat(ui, changes)
            if can_draw() and not ui.quiet:
                _layers(ui, repo.details([change for change in changes if change.ingredient == "weights"]))
        elif names:
            for change in changes:
                _head(ui, change)
        else:
            for item in detailed:
                _tell(ui, item)

    whole = (change.to_dict() for change in changes)
    ui.listing(
        "diff", "changes", whole if inside else (row for item in detailed for row in item.to_dicts()), people=people,
        quiet=[quoted(os.fsdecode(change.path)) for change in changes],
    )
    sys.stdout.flush()
    return 1 if exit_code and changes else 0


def _stat(ui: Ui, changes: list[FileChange]) -> None:
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.ingredient] = counts.get(change.ingredient, 0) + 1
    for ingredient, count in counts.items():
        ui.line(f"{ingredient:<12} {count:>6}")


def _layers(ui: Ui, detailed: Iterable[Detailed]) -> None:
    try:
        for item in detailed:
            if item.inside is not None and item.inside.driver == "tensors":
                ui.line(f"{quoted(os.fsdecode(item.change.path))}: {item.inside.summary or item.inside.reason}")
                draw_layers(ui, item.inside.keys)
    except MvcsError as error:  # weights that were collected: the counts are right all the same
        ui.warn(error.message)


def _head(ui: Ui, change: FileChange) -> None:
    before = size(change.before.entry.size) if change.before is not None else "-"
    after = size(change.after.entry.size) if change.after is not None else "-"
    mark = ui.style(f"{change.change:<9}", fg=COLOURS[change.change])
    ui.line(f"{mark} {change.ingredient:<12} {quoted(os.fsdecode(change.path))}  ({before} -> {after})")


def _tell(ui: Ui, item: Detailed) -> None:
    _head(ui, item.change)
    inside = item.inside
    if inside is None:
        return
    if item.was is not None:
        ui.line(f"    compared with {quoted(os.fsdecode(item.was))}, which went")
    if inside.reason:
        ui.line(f"    {inside.reason}")
    if inside.driver == "tensors":
        tell_tensors(ui, inside.keys, inside.summary)
        return
    for key in inside.keys[:KEYS_SHOWN]:
        values = key.to_dict()
        note = f"  ({key.note})" if key.note else ""
        name = quoted(key.key)
        if key.change == "added":
            ui.line(f"    + {name}: {_value(values['after'])}{note}", fg="green")
        elif key.change == "deleted":
            ui.line(f"    - {name}: {_value(values['before'])}{note}", fg="red")
        else:
            ui.line(f"      {name}: {_value(values['before'])} -> {_value(values['after'])}{note}")
    rest = max(len(inside.keys) - KEYS_SHOWN, 0) + inside.more
    if rest:
        ui.line(f"    ... and {rest} more (--json)")
    _lines(ui, inside.lines)


def _lines(ui: Ui, lines: tuple[str, ...]) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    words = _words(lines) if ui.colour else {}
    for number, line in enumerate(lines):
        colour = colours.get(line[:1])
        if colour is None:
            ui.line(f"    {line}")
        elif number in words:
            ui.line("    " + _marked(ui, line, words[number], colour))
        else:
            ui.line(f"    {line}", fg=colour)


def _words(lines: tuple[str, ...]) -> dict[int, list[tuple[int, int]]]:
    """Returns which characters of a line are new or gone, where as many lines came as went."""
    from mvcs.diff.text import word_changes

    found: dict[int, list[tuple[int, int]]] = {}
    start = 0
    while start < len(lines):
        middle = start
        while middle < len(lines) and lines[middle].startswith("-"):
            middle += 1
        end = middle
        while end < len(lines) and lines[end].startswith("+"):
            end += 1
        if middle - start == end - middle:
            for old, new in zip(range(start, middle), range(middle, end), strict=True):
                gone, come = word_changes(lines[old][1:], lines[new][1:])
                found[old] = [(a + 1, b + 1) for a, b in gone]
                found[new] = [(a + 1, b + 1) for a, b in come]
        start = max(end, start + 1)
    return found


def _marked(ui: Ui, line: str, spans: list[tuple[int, int]], colour: str) -> str:
    made, at = "", 0
    for start, end in spans:
        made += ui.style(line[at:start], fg=colour) + ui.style(line[start:end], fg=colour, bold=True, underline=True)
        at = end
    return made + ui.style(line[at:], fg=colour)


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    text = text if text.isprintable() else json.dumps(text, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "..."
