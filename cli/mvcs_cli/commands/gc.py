"""mvcs gc."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui, quoted, size
from mvcs_cli.verb import verb


@verb("gc")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--thorough", is_flag=True, help="Rewrite every chunk segment that has any garbage.")
def command(ui: Ui, *, dry_run: bool, thorough: bool) -> None:
    """Remove what no ref, no operation inside the undo window and no running command reaches.

    Commits that only branches of the pattern runs/* reach lose their weights after 30 days and keep recipe and
    metrics; mvcs show tells. In mvcs.toml, lines of [retention] such as "runs/*" = 90 (days) and "exp/*" = "forever"
    say otherwise; the first pattern that matches a branch holds.
    """
    done = ui.repo().gc(dry_run=dry_run, thorough=thorough)

    def people() -> None:
        verb_ = "Would remove" if dry_run else "Removed"
        ui.line(f"{verb_} {done.objects} objects and {done.chunks} chunks, {size(done.bytes)}.")
        for pattern, days, count, gone in done.by_rule():
            verb_ = "Would collect" if dry_run else "Collected"
            commits = "1 commit" if count == 1 else f"{count} commits"
            ui.line(f"{verb_} the weights of {commits} ({pattern}, older than {days} days): {size(gone)}.")
        for loss in done.losses if dry_run else []:
            ui.line(f"  {loss.commit.hex()[:12]}  {size(loss.size):>9}  {quoted(loss.rule.pattern)}")

    ui.answer("gc", {**done.to_dict(), "dry_run": dry_run}, people=people)
