"""mvcs du."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, size
from mvcs_cli.verb import complete_revision, verb


@verb("du")
@click.argument("revision", required=False, shell_complete=complete_revision)
def command(ui: Ui, revision: str | None) -> None:
    """What takes space: in the store, and with REV the files of a commit by ingredient."""
    found = ui.repo().du(revision)

    def people() -> None:
        for kind, count in sorted(found.stored.items(), key=lambda item: -item[1]):
            ui.line(f"{size(count):>10}  {found.counts[kind]:>8} x {kind}")
        for name, count in found.disk.items():
            ui.line(f"{size(count):>10}  on disk in .mvcs/{name}")
        for name, count in found.ingredients.items():
            ui.line(f"{size(count):>10}  {name} of {revision}")

    ui.answer("du", found.to_dict(), people=people)
