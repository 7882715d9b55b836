"""mvcs fsck."""

from __future__ import annotations

import os
import sys

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import verb


@verb("fsck")
@click.option("--repair-from", metavar="CLONE", help="Take good copies of what is damaged from another clone.")
@click.option("--rebuild", is_flag=True, help="First make what is derived anew: chunk directory, graph of commits.")
def command(ui: Ui, *, repair_from: str | None, rebuild: bool) -> int:
    """Check every byte against its name and every name against what it stands for. Ends with 1 if damage is left."""
    source = os.path.join(ui.cwd, repair_from) if repair_from is not None else None
    report = ui.repo().fsck(repair_from=source, rebuild=rebuild)

    def people() -> None:
        for problem in report.repaired:
            ui.line(f"repaired {problem.kind} {problem.name}: {problem.reason}", fg="green")
        for problem in report.problems:
            ui.line(f"{problem.kind} {problem.name}: {problem.reason}", fg="red")
        if report.problems:
            ui.line(f"{len(report.problems)} problem(s). To mend them: mvcs fsck --rebuild --repair-from ANOTHER_CLONE")
        else:
            ui.line(f"Checked {report.objects} objects: all is well.")

    ui.answer("fsck", report.to_dict(), people=people, quiet=[problem.name for problem in report.problems])
    sys.stdout.flush()
    return 1 if report.problems else 0
