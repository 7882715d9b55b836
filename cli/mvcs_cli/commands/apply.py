"""mvcs apply."""

from __future__ import annotations

import os

import click

from mvcs_cli.merging import ingredients_of
from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_ingredient, verb


@verb("apply")
@click.argument("patch", metavar="PATCH", type=click.Path(allow_dash=True))
@click.option("--only", metavar="INGREDIENTS", shell_complete=complete_ingredient, help="Only these, with commas.")
def command(ui: Ui, patch: str, *, only: str | None) -> None:
    """Apply a patch that mvcs diff --patch made to the files; a dash reads it from stdin. Nothing is committed."""
    from mvcs_cli.patches import read_patch_file

    name = patch if patch == "-" else os.path.join(ui.cwd, patch)
    done = ui.repo().apply(read_patch_file(name), only=ingredients_of(only), command=ui.command("apply"))

    def people() -> None:
        for path in done.paths:
            ui.line(f"  {quoted(path)}")
        ui.line(f"{len(done.paths)} file(s) changed. Next: mvcs diff, mvcs commit (or mvcs undo)")

    ui.answer("apply", done.to_dict(), people=people, quiet=done.paths)
