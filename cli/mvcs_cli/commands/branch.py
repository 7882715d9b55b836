"""mvcs branch."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb


@verb("branch")
@click.argument("name", required=False)
@click.argument("start", required=False, shell_complete=complete_revision)
@click.option("-d", "--delete", is_flag=True, help="Remove the branch (mvcs undo brings it back).")
@click.option("-m", "--move", is_flag=True, help="Rename: the current branch, or NAME to START.")
@click.option("-f", "--force", is_flag=True, help="Move an existing branch.")
@click.option("--show-current", is_flag=True, help="Print the current branch.")
def command(
    ui: Ui, name: str | None, start: str | None, *, delete: bool, move: bool, force: bool, show_current: bool
) -> None:
    """List branches, or make one at START (HEAD by default) without going there."""
    repo = ui.repo()
    typed = ui.command("branch")
    if name is None:
        found = repo.branch_list()
        current = [item for item in found if item.current]
        if show_current:
            found = current

        def listed() -> None:
            for item in found:
                mark = "*" if item.current else " "
                ui.line(item.name if show_current else f"{mark} {item.name:<24} {item.oid.hex()[:12]} {item.subject}")

        ui.listing(
            "branch", "branches", (item.to_dict() for item in found), people=listed,
            quiet=[item.name for item in found],
        )
        return
    if delete:
        oid = repo.delete_branch(name, command=typed)
        text = f"Removed branch {name} (it was at {oid[:12]}; mvcs undo brings it back)."
    elif move:
        old = repo.rename_branch(name if start else None, start or name, command=typed)
        oid, text = "", f"Renamed branch {old} to {start or name}."
    else:
        oid = repo.branch(name, start, force=force, command=typed)
        text = f"Branch {name} is at {oid[:12]}."
    ui.answer("branch", {"branch": name, "commit": oid or None}, people=lambda: ui.line(text), quiet=[oid])
