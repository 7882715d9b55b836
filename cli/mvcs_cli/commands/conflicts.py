"""mvcs conflicts."""

from __future__ import annotations

import os

import click

from mvcs_cli.merging import told
from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import verb

SHOWN = 50


@verb("conflicts")
@click.argument("path", required=False)
@click.option("-n", "--limit", type=click.IntRange(0), help=f"How many are told; to people {SHOWN}, else all.")
@click.option("--skip", type=click.IntRange(0), default=0, metavar="N", help="Leave out the first N.")
def command(ui: Ui, path: str | None, *, limit: int | None, skip: int) -> int:
    """What the merge in progress has left to settle: for each key its base, ours and theirs."""
    repo = ui.repo()
    found = repo.conflicts(None if path is None else repo.inside(path, ui.cwd))
    if limit is None and not ui.as_json and not ui.quiet:
        limit = SHOWN
    shown = found[skip:] if limit is None else found[skip : skip + limit]

    def people() -> None:
        for left in shown:
            told(ui, left)
        done = skip + len(shown)
        if done < len(found):
            before = "... and " if shown else ""
            ui.line(f"{before}{len(found) - done} more: mvcs conflicts{f' --skip {done}' if done else ''}, or --json")
        elif not found:
            elsewhere = 0 if path is None else sum(not left.edited for left in repo.conflicts())
            if elsewhere:
                ui.line(f"The conflicts of {quoted(path or '')} are settled; {elsewhere} elsewhere: mvcs conflicts")
            else:
                ui.line("All conflicts are settled. Next: mvcs commit")

    def name(text: str, key: str | None) -> str:
        return quoted(text) if key is None else f"{quoted(text)}:{key}"

    ui.listing(
        "conflicts", "conflicts", (left.to_dict() for left in shown), head={"count": len(found)}, people=people,
        quiet=[name(os.fsdecode(left.item.path), left.item.conflict.key) for left in shown],
    )
    return 1 if any(not left.edited for left in found) else 0
