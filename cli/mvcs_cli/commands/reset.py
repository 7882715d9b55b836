"""mvcs reset."""

from __future__ import annotations

import click

from mvcs_cli.merging import ingredients_of
from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_ingredient, complete_revision, verb


@verb("reset")
@click.argument("revision", default="HEAD", shell_complete=complete_revision)
@click.option("--hard", is_flag=True, help="The files too; unsaved work is saved first (mvcs undo).")
@click.option("--soft", is_flag=True, help="Only the branch: the default.")
@click.option(
    "--only", metavar="INGREDIENTS", shell_complete=complete_ingredient,
    help="Give these ingredients, with commas, the content of the commit; the branch stays.",
)
def command(ui: Ui, revision: str, *, hard: bool, soft: bool, only: str | None) -> None:
    """Move the branch to a commit; the files stay as they are unless --hard is given."""
    if sum((hard, soft, only is not None)) > 1:
        message = "--hard, --soft and --only exclude each other"
        raise click.UsageError(message)
    repo = ui.repo()
    done = repo.reset(revision, hard=hard, only=ingredients_of(only), command=ui.command("reset"))
    head = repo.head
    at = head.id if head is not None else ""

    def people() -> None:
        ui.line(f"The branch is at {at[:12]}; {len(done.paths)} file(s) written.")
        if done.saved is not None:
            ui.line(f"Overwritten work is in {done.saved.hex()[:12]}; mvcs undo brings it back.")

    ui.answer("reset", {"commit": at, **done.to_dict()}, people=people, quiet=[at])
