"""mvcs undo."""

from __future__ import annotations

import click

from mvcs_cli.answers import undone
from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("undo")
@click.option("-f", "--force", is_flag=True, help="Overwrite unsaved work, after saving it.")
def command(ui: Ui, *, force: bool) -> None:
    """Take the last operation back: refs, and files where it wrote some."""
    undone(ui, "undo", "Undid", ui.repo().undo(force=force, command=ui.command("undo")))
