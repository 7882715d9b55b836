"""mvcs tag."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb


@verb("tag")
@click.argument("name", required=False)
@click.argument("revision", required=False, shell_complete=complete_revision)
@click.option("-m", "--message", default="", help="Why.")
@click.option("-d", "--delete", is_flag=True, help="Remove the tag (mvcs undo brings it back).")
def command(ui: Ui, name: str | None, revision: str | None, *, message: str, delete: bool) -> None:
    """List tags, or give a revision (HEAD by default) a name that never moves."""
    repo = ui.repo()
    if name is None:
        found = repo.tag_list()

        def listed() -> None:
            for item in found:
                ui.line(f"{item.name:<24} {item.oid.hex()[:12]} {item.message or item.subject}")

        ui.listing(
            "tag", "tags", (item.to_dict() for item in found), people=listed,
            quiet=[item.name for item in found],
        )
        return
    if delete:
        oid = repo.delete_tag(name, command=ui.command("tag"))
        text = f"Removed tag {name} (it was {oid[:12]}; mvcs undo brings it back)."
    else:
        oid = repo.tag(name, revision, message=message, command=ui.command("tag"))
        text = f"Tag {name} is {oid[:12]}."
    ui.answer("tag", {"tag": name, "commit": oid}, people=lambda: ui.line(text), quiet=[oid])
