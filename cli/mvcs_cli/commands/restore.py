"""mvcs restore."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_revision, verb


@verb("restore")
@click.argument("paths", nargs=-1, required=True)
@click.option("-s", "--source", metavar="REV", shell_complete=complete_revision, help="HEAD by default.")
def command(ui: Ui, paths: tuple[str, ...], *, source: str | None) -> None:
    """Give files the content that a commit has. What that overwrites is saved first: mvcs undo brings it back."""
    repo = ui.repo()
    done = repo.restore(
        [repo.inside(path, ui.cwd) for path in paths], source=source, command=ui.command("restore")
    )

    def people() -> None:
        for path in done.paths:
            ui.line(f"restored {quoted(path)}")
        if not done.paths:
            ui.line("Nothing to restore: the files have that content.")
        if done.saved is not None:
            ui.line(f"Overwritten work is in {done.saved.hex()[:12]}; mvcs undo brings it back.")

    ui.answer("restore", done.to_dict(), people=people, quiet=[quoted(path) for path in done.paths])
