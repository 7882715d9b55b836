"""mvcs switch."""

from __future__ import annotations

import click

from mvcs_cli.answers import switched
from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb


@verb("switch")
@click.argument("name", shell_complete=complete_revision)
@click.argument("start", required=False, shell_complete=complete_revision)
@click.option("-c", "--create", is_flag=True, help="Make the branch, at START or HEAD.")
@click.option("-d", "--detach", is_flag=True, help="Stand on a commit itself.")
@click.option("-f", "--force", is_flag=True, help="Overwrite unsaved work, after saving it (mvcs undo).")
def command(ui: Ui, name: str, start: str | None, *, create: bool, detach: bool, force: bool) -> None:
    """Go to a branch: HEAD and the files. Unsaved work is never overwritten without --force."""
    done = ui.repo().switch(
        name, create=create, start=start, detach=detach, force=force, command=ui.command("switch")
    )
    switched(ui, "switch", done)
