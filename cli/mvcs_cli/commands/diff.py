"""mvcs diff."""

from __future__ import annotations

import os
import sys

import click

from mvcs_cli.ui import Ui, quoted, size
from mvcs_cli.verb import complete_ingredient, complete_revision, verb

COLOURS = {"added": "green", "deleted": "red", "modified": "yellow", "moved": "cyan", "mode": "yellow"}


@verb("diff")
@click.argument("first", required=False, shell_complete=complete_revision)
@click.argument("second", required=False, shell_complete=complete_revision)
@click.option("--only", metavar="INGREDIENTS", shell_complete=complete_ingredient, help="Only these, with commas.")
@click.option("--stat", is_flag=True, help="Only count, by ingredient.")
@click.option("--exit-code", is_flag=True, help="End with 1 if there are differences.")
def command(
    ui: Ui, first: str | None, second: str | None, *, only: str | None, stat: bool, exit_code: bool
) -> int:
    """What changed: HEAD to the files, A to the files, A to B, A..B, or A...B from the merge base to B."""
    wanted = tuple(name.strip() for name in only.split(",")) if only else ()
    changes = ui.repo().diff(first, second, only=wanted)

    def people() -> None:
        if stat:
            counts: dict[str, int] = {}
            for change in changes:
                counts[change.ingredient] = counts.get(change.ingredient, 0) + 1
            for ingredient, count in counts.items():
                ui.line(f"{ingredient:<12} {count:>6}")
            return
        for change in changes:
            before = size(change.before.entry.size) if change.before is not None else "-"
            after = size(change.after.entry.size) if change.after is not None else "-"
            mark = ui.style(f"{change.change:<9}", fg=COLOURS[change.change])
            ui.line(f"{mark} {change.ingredient:<12} {quoted(os.fsdecode(change.path))}  ({before} -> {after})")

    ui.answer(
        "diff", {"changes": [change.to_dict() for change in changes]}, people=people,
        quiet=[quoted(os.fsdecode(change.path)) for change in changes],
    )
    sys.stdout.flush()
    return 1 if exit_code and changes else 0
