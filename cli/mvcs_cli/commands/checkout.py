"""mvcs checkout."""

from __future__ import annotations

import os

import click

from mvcs_cli.answers import switched
from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import complete_revision, verb


@verb("checkout")
@click.argument("revision", required=False, shell_complete=complete_revision)
@click.argument("paths", nargs=-1)
@click.option("-b", "create", metavar="BRANCH", help="Make this branch and go there.")
@click.option("-f", "--force", is_flag=True, help="Overwrite unsaved work, after saving it (mvcs undo).")
def command(ui: Ui, revision: str | None, paths: tuple[str, ...], *, create: str | None, force: bool) -> None:
    """Go to a branch or commit; with PATHS, give them the content of that commit.

    Alone, it brings the files to what HEAD has; beside Git, those that Git does not track.
    """
    repo = ui.repo()
    typed = ui.command("checkout")
    if paths:
        restored = repo.restore([repo.inside(path, ui.cwd) for path in paths], source=revision, command=typed)

        def said() -> None:
            for path in restored.paths:
                ui.line(f"restored {quoted(os.fsdecode(path))}")
            if restored.saved is not None:
                ui.line(f"Overwritten work is in {restored.saved.hex()[:12]}; mvcs undo brings it back.")

        ui.answer("checkout", restored.to_dict(), people=said, quiet=restored.paths)
        return
    if create is not None:
        done = repo.switch(create, create=True, start=revision, force=force, command=typed)
    else:
        done = repo.checkout(revision, force=force, command=typed)
    switched(ui, "checkout", done)
