"""mvcs redo."""

from __future__ import annotations

import click

from mvcs_cli.answers import undone
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("redo")
@click.option("-f", "--force", is_flag=True, help="Overwrite unsaved work, after saving it.")
def command(ui: Ui, *, force: bool) -> None:
    """Bring back what was undone last: refs, and files where it wrote some."""
    undone(ui, "redo", "Redid", ui.repo().redo(force=force, command=ui.command("redo")))
