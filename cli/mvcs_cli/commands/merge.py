"""mvcs merge."""

from __future__ import annotations

import click

from mvcs_cli.merging import merged, strategies_of
from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb


@verb("merge")
@click.argument("revision", required=False, shell_complete=complete_revision)
@click.option("--dry-run", is_flag=True, help="Only say what it would give; 1 if conflicts would be left.")
@click.option("--abort", is_flag=True, help="Give up the merge in progress; edits are saved (mvcs undo).")
@click.option(
    "-s", "--strategy", "strategies", multiple=True, metavar="PATTERN=S",
    help="Settle conflicts of PATH or PATH:KEY by ours, theirs, base, union, newest, append, min, max or mean;"
    " of tensors by what --weights knows.",
)
@click.option(
    "--weights", metavar="S",
    help="Take the weights of ours or theirs, whatever they came from; or merge them by tensor, and what both changed"
    " by base, avg, wavg:A, slerp:T, task:L1,L2 or ties:DENSITY; PATTERN=S,... says it of tensors by name.",
)
@click.option("-m", "--message", multiple=True, help="The message; several are paragraphs.")
@click.option("--no-ff", is_flag=True, help="Make a merge commit also where the branch could just move forward.")
@click.option("--resolve", type=click.Choice(["pip", "uv"]), help="Ask whether the packages can be installed together.")
@click.option("--allow-unrelated", is_flag=True, help="Merge histories without a common ancestor.")
def command(
    ui: Ui, revision: str | None, *, dry_run: bool, abort: bool, strategies: tuple[str, ...], weights: str | None,
    message: tuple[str, ...], no_ff: bool, resolve: str | None, allow_unrelated: bool,
) -> int:
    """Bring another branch's changes since the common ancestor into this one; what both changed is a conflict."""
    if abort == (revision is not None):
        raise click.UsageError("name a REVISION, or --abort the merge in progress")  # noqa: EM101 -- click's way
    if abort:
        return merged(ui, "merge", "", ui.repo().merge_abort(command=ui.command("merge")))
    assert revision is not None
    done = ui.repo().merge(
        revision, dry_run=dry_run, strategies=strategies_of(strategies), weights=weights,
        message="\n\n".join(message) if message else None, fast_forward=not no_ff, allow_unrelated=allow_unrelated,
        resolve=resolve, command=ui.command("merge"),
    )
    return merged(ui, "merge", revision, done, dry_run=dry_run)
