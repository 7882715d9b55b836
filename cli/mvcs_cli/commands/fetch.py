"""mvcs fetch."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, size
from mvcs_cli.verb import verb


@verb("fetch")
@click.argument("remote", required=False)
def command(ui: Ui, remote: str | None) -> None:
    """Bring what the branches and tags of REMOTE (origin by default) need; they are named REMOTE/BRANCH here.

    Everything is verified. No branch of yours moves: mvcs merge REMOTE/BRANCH does that.
    """
    done = ui.repo().fetch(remote, command=ui.command("fetch"))

    def people() -> None:
        if not done.moves:
            ui.line(f"Nothing new at {done.remote}.")
            return
        for move in done.moves:
            after = move.new.hex()[:12] if isinstance(move.new, bytes) else "gone"
            ui.line(f"  {_name(move.ref):<24} {after}")
        ui.line(f"Fetched {size(done.size)} in {done.objects} objects")

    ui.answer("fetch", done.to_dict(), people=people, quiet=[_name(move.ref) for move in done.moves])


def _name(ref: str) -> str:
    _, remote, space, _, name = ref.split("/", 4)
    return f"{remote}/{name}" if space == "heads" else f"tag {remote}/{name}"
