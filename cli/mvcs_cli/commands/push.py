"""mvcs push."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, size
from mvcs_cli.verb import complete_revision, verb


@verb("push")
@click.argument("remote", required=False)
@click.argument("names", nargs=-1, shell_complete=complete_revision)
@click.option("--all", "every", is_flag=True, help="All branches and tags of all models.")
@click.option("--tags", is_flag=True, help="All tags of the model too.")
@click.option("-d", "--delete", is_flag=True, help="Remove NAMES there.")
@click.option(
    "--force-with-lease", is_flag=True, help="Let commits go that only the remote has, if nobody moved it since."
)
def command(
    ui: Ui, remote: str | None, names: tuple[str, ...], *, every: bool, tags: bool, delete: bool, force_with_lease: bool
) -> None:
    """Send branches and tags, with all bytes that they need, to REMOTE (origin by default).

    Without NAMES the current branch, with the tags on its history. Bytes go first: nobody sees a commit there whose
    bytes are missing, and what was interrupted goes on where it stopped.
    """
    if delete and not names:
        usage = "mvcs push REMOTE --delete NAME"
        raise click.UsageError(usage)
    done = ui.repo().push(
        remote, names, every=every, tags=tags, delete=delete, force_with_lease=force_with_lease,
        command=ui.command("push"),
    )

    def people() -> None:
        if not done.moves:
            ui.line(f"{done.remote} has it all.")
            return
        for ref, before, after in done.moves:
            ui.line(f"  {_name(ref):<24} {_short(before)} -> {_short(after)}")
        ui.line(f"Sent {size(done.size)} to {done.url}")

    ui.answer("push", done.to_dict(), people=people, quiet=[ref for ref, _, _ in done.moves])


def _name(ref: str) -> str:
    space, _, name = ref.split("/", 2)
    return f"tag {name}" if space == "tags" else name


def _short(target: object) -> str:
    return target.hex()[:12] if isinstance(target, bytes) else str(target or "nothing")
