"""mvcs redo."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("redo")
@click.option("-f", "--force", is_flag=True, help="Overwrite unsaved work, after saving it.")
def command(ui: Ui, *, force: bool) -> None:
    """Bring back what was undone last: refs, and files where it wrote some."""
    done = ui.repo().redo(force=force, command=ui.command("redo"))

    def people() -> None:
        ui.line(f"Redid: mvcs {done.command}")
        for move in done.moves:
            ui.line(f"  {move.ref}: {_short(move.old)} -> {_short(move.new)}")
        if done.files:
            ui.line(f"  {len(done.files)} file(s) written")
        if done.saved is not None:
            ui.line(f"Overwritten work is in {done.saved.hex()[:12]}.")

    ui.answer("redo", done.to_dict(), people=people, quiet=[done.operation.hex()])


def _short(target: bytes | str | None) -> str:
    return target.hex()[:12] if isinstance(target, bytes) else target or "nothing"
