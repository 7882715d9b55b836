"""mvcs ls."""

from __future__ import annotations

import os

import click

from mvcs_cli.tensors import made
from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_revision, verb


@verb("ls")
@click.argument("revision", default="HEAD", shell_complete=complete_revision)
@click.option("--generated", is_flag=True, help="Also what capture made, as INGREDIENT/.mvcs/NAME.")
@click.option("--full", is_flag=True, help="Whole oids.")
def command(ui: Ui, revision: str, *, generated: bool, full: bool) -> None:
    """Files of REV, of REV:PATH or of REV:@INGREDIENT, with oid (as b3sum prints it), size and ingredient.

    REV:FILE// lists the tensors of a weights file: type, shape, bytes, name.
    """
    if "//" in revision:
        _tensors(ui, revision)
        return
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


def _tensors(ui: Ui, revision: str) -> None:
    found = ui.repo().tensors(revision)

    def people() -> None:
        rows = [(made(item.tensor.describe()), item) for item in found]
        width = max((len(shape) for shape, _ in rows), default=0)
        for shape, item in rows:
            tied = f"  (tied to {quoted(item.tied)})" if item.tied else ""
            ui.line(f"{shape:<{width}} {item.tensor.length:>12} {quoted(item.tensor.name)}{tied}")

    ui.listing(
        "ls", "tensors", (item.to_dict() for item in found), people=people,
        quiet=[quoted(item.tensor.name) for item in found],
    )
