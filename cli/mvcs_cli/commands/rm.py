"""mvcs rm."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import verb


@verb("rm")
@click.argument("paths", nargs=-1, required=True)
@click.option("--cached", is_flag=True, help="Keep the files; leave them out by .mvcsignore.")
@click.option("-f", "--force", is_flag=True, help="Also files with unsaved changes, after saving them (mvcs undo).")
def command(ui: Ui, paths: tuple[str, ...], *, cached: bool, force: bool) -> None:
    """Take paths out of the model; the next commit is without them. mvcs undo brings removed files back."""
    repo = ui.repo()
    found = repo.rm([repo.inside(path, ui.cwd) for path in paths], cached=cached, force=force, command=ui.command("rm"))

    def people() -> None:
        for path in found:
            ui.line(f"{'left out' if cached else 'removed'} {quoted(path)}")

    ui.answer("rm", {"paths": found}, people=people, quiet=[quoted(path) for path in found])
