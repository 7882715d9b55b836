"""mvcs conflicts."""

from __future__ import annotations

import os

import click

from mvcs_cli.merging import told
from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import verb


@verb("conflicts")
@click.argument("path", required=False)
@click.option("-n", "--limit", type=click.IntRange(0), default=50, show_default=True, help="How many are printed.")
def command(ui: Ui, path: str | None, *, limit: int) -> int:
    """What the merge in progress has left to settle: for each key its base, ours and theirs."""
    repo = ui.repo()
    found = repo.conflicts(None if path is None else repo.inside(path, ui.cwd))

    if ui.as_json:
        ui.stream("conflicts", "conflicts", (left.to_dict() for left in found))
        return 1 if any(not left.edited for left in found) else 0

    def people() -> None:
        for left in found[:limit]:
            told(ui, left)
        if len(found) > limit:
            ui.line(f"... and {len(found) - limit} more: mvcs conflicts -n {len(found)}, or --json")
        if not found:
            ui.line("All conflicts are settled. Next: mvcs commit")

    def name(text: str, key: str | None) -> str:
        return quoted(text) if key is None else f"{quoted(text)}:{key}"

    ui.answer(
        "conflicts", {}, people=people,
        quiet=[name(os.fsdecode(left.item.path), left.item.conflict.key) for left in found],
    )
    return 1 if any(not left.edited for left in found) else 0
