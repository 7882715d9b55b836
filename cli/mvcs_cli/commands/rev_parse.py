"""mvcs rev-parse."""

from __future__ import annotations

import click

from mvcs_cli.ui import Ui
from mvcs_cli.verb import complete_revision, verb


@verb("rev-parse")
@click.argument("revisions", nargs=-1, required=True, shell_complete=complete_revision)
@click.option("--short", is_flag=True, help="The first twelve digits.")
def command(ui: Ui, revisions: tuple[str, ...], *, short: bool) -> None:
    """The full oid of each revision or REV:PATH, one a line."""
    repo = ui.repo()
    found = [repo.resolve(revision) for revision in revisions]
    lines = [oid[:12] if short else oid for oid, _ in found]
    pairs = zip(revisions, found, strict=True)
    document = {"oids": [{"revision": text, "oid": oid, "kind": kind} for text, (oid, kind) in pairs]}

    def people() -> None:
        for line in lines:
            ui.line(line)

    ui.answer("rev-parse", document, people=people, quiet=lines)
