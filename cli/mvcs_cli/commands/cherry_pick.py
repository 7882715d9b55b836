"""mvcs cherry-pick."""

from __future__ import annotations

import click

from mvcs_cli.merging import ingredients_of, merged, strategies_of
from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_ingredient, complete_revision, verb


@verb("cherry-pick")
@click.argument("revision", shell_complete=complete_revision)
@click.option("--only", metavar="INGREDIENTS", shell_complete=complete_ingredient, help="Only these, with commas.")
@click.option("--parent", type=int, metavar="N", help="Of a merge commit: the parent that changes are counted from.")
@click.option("-s", "--strategy", "strategies", multiple=True, metavar="PATTERN=S", help="As in merge.")
@click.option("--dry-run", is_flag=True, help="Only say what it would give; 1 if conflicts would be left.")
def command(
    ui: Ui, revision: str, *, only: str | None, parent: int | None, strategies: tuple[str, ...], dry_run: bool
) -> int:
    """Bring what one commit changed into this branch, as a new commit by the same author."""
    done = ui.repo().cherry_pick(
        revision, only=ingredients_of(only), parent=parent, strategies=strategies_of(strategies), dry_run=dry_run,
        command=ui.command("cherry-pick"),
    )
    return merged(ui, "cherry-pick", revision, done)
