"""mvcs clone."""

from __future__ import annotations

import os

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("clone")
@click.argument("source")
@click.argument("directory", required=False)
@click.option("-b", "--branch", metavar="NAME", help="Branch to stand on; the source's by default.")
def command(ui: Ui, source: str, directory: str | None, *, branch: str | None) -> None:
    """Copy a local repository with its history, and write out its files."""
    from mvcs.api import clone

    source = os.path.join(ui.cwd, source)
    name = directory or os.path.basename(os.path.normpath(source)).removesuffix(".mvcs")
    target = os.path.join(ui.cwd, name)
    done = clone(source, target, branch=branch, command=ui.command("clone"), **ui.options())

    def people() -> None:
        at = f" at {done.commit.hex()[:12]}" if done.commit is not None else ""
        ui.line(f"Cloned {done.objects} objects into {done.path}, on {done.branch}{at}.")

    ui.answer("clone", done.to_dict(), people=people, quiet=[done.path])
