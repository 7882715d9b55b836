"""mvcs ls."""

from __future__ import annotations

import os

import click

from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_revision, verb


@verb("ls")
@click.argument("revision", default="HEAD", shell_complete=complete_revision)
@click.option("--generated", is_flag=True, help="Also what capture made, as INGREDIENT/.mvcs/NAME.")
@click.option("--full", is_flag=True, help="Whole oids.")
def command(ui: Ui, revision: str, *, generated: bool, full: bool) -> None:
    """Files of REV, of REV:PATH or of REV:@INGREDIENT, with oid (as b3sum prints it), size and ingredient."""
    found = ui.repo().ls(revision, generated=generated)

    def people() -> None:
        for item in found:
            oid = item.entry.oid.hex() if full else item.entry.oid.hex()[:12]
            path = quoted(os.fsdecode(item.path))
            ui.line(f"{item.entry.mode:06o} {oid} {item.entry.size:>12} {item.ingredient:<12} {path}")

    ui.listing(
        "ls", "entries", (item.to_dict() for item in found), people=people,
        quiet=[quoted(os.fsdecode(item.path)) for item in found],
    )
