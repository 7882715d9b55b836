"""mvcs repack."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, size
from mvcs_cli.verb import verb


@verb("repack")
@click.option("--deep", is_flag=True, help="Also cut old files as new ones are cut, and look for better bases.")
def command(ui: Ui, *, deep: bool) -> None:
    """Store what is stored in less space: versions beside each other, in the form that a commit would choose today.

    No oid changes, and other commands go on meanwhile. What was killed goes on where it stopped. The old chunks of
    files that --deep cuts anew are removed by the next mvcs gc.
    """
    done = ui.repo().repack(deep=deep)

    def people() -> None:
        if not done.chunks and not done.blobs and not done.freed:
            ui.line("Nothing to do: what is stored is as small as a commit would make it.")
            return
        if done.blobs:
            ui.line(f"Cut {done.blobs} files anew; mvcs gc removes their old chunks.")
        ui.line(f"Stored {done.chunks} chunks in {size(done.saved)} less; {size(done.freed)} given back to the disk.")

    ui.answer("repack", done.to_dict(), people=people)
