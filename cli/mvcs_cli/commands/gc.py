"""mvcs gc."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, size
from mvcs_cli.verb import verb


@verb("gc")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--thorough", is_flag=True, help="Rewrite every chunk segment that has any garbage.")
def command(ui: Ui, *, dry_run: bool, thorough: bool) -> None:
    """Remove what no ref, no operation inside the undo window and no running command reaches."""
    done = ui.repo().gc(dry_run=dry_run, thorough=thorough)
    document = {
        "objects": done.objects, "chunks": done.chunks, "bytes": done.bytes, "segments": done.segments,
        "dry_run": dry_run,
    }

    def people() -> None:
        verb_ = "Would remove" if dry_run else "Removed"
        ui.line(f"{verb_} {done.objects} objects and {done.chunks} chunks, {size(done.bytes)}.")

    ui.answer("gc", document, people=people)
