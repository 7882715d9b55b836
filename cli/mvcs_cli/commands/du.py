"""mvcs du."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mvcs_cli.ui import Ui, quoted, size
from mvcs_cli.verb import complete_revision, verb

if TYPE_CHECKING:
    from mvcs.api.results import Usage

SHOWN = 5
"""Branches, best files and worst files that people are shown."""


@verb("du")
@click.argument("revision", required=False, shell_complete=complete_revision)
def command(ui: Ui, revision: str | None) -> None:
    """What takes space, and why: by codec, by branch, and the files of REV (HEAD if not said).

    What several files share counts once, but in the line of each file. "only it" is what gc can free when the branch is
    gone and undo does not reach back to it any more.
    """
    found = ui.repo().du(revision)

    def people() -> None:
        stored, contents = found.total_stored, found.contents
        ui.line(f"{size(stored)} stored for {size(contents)} of files, each content once{_share(stored, contents)}.")
        kinds = sorted(found.stored.items(), key=lambda item: -item[1])
        _table(ui, ["", "stored", "number"], [[kind, size(value), str(found.counts[kind])] for kind, value in kinds])
        _codecs(ui, found)
        _branches(ui, found)
        _files(ui, found)
        _table(ui, ["on disk", "bytes"], [[f".mvcs/{name}", size(value)] for name, value in found.disk.items()])

    ui.answer("du", found.to_dict(), people=people)


def _codecs(ui: Ui, found: Usage) -> None:
    rows = [
        [name, str(use.chunks), size(use.raw), size(use.stored), _share(use.stored, use.raw)[2:]]
        for name, use in found.codecs.items()
    ]
    _table(ui, ["codec", "chunks", "raw", "stored", "share"], rows)


def _branches(ui: Ui, found: Usage) -> None:
    ranked = sorted(found.branches, key=lambda branch: (-branch.only, branch.model, branch.name))
    several = len({branch.model for branch in ranked}) > 1
    rows = [
        [f"{branch.model}/{branch.name}" if several else branch.name, size(branch.reaches), size(branch.only)]
        for branch in ranked[:SHOWN]
    ]
    if len(ranked) > SHOWN:
        rows.append([f"and {len(ranked) - SHOWN} more", "", ""])
    _table(ui, ["branch", "reaches", "only it"], rows)


def _files(ui: Ui, found: Usage) -> None:
    stored = found.ingredients_stored
    rows = [[f"{name} of {found.revision}", size(of), size(stored[name])] for name, of in found.ingredients.items()]
    _table(ui, ["ingredient", "files", "stored"], rows)
    shown = [*found.best[:SHOWN], *reversed(found.worst[:SHOWN])]
    rows = []
    for file in shown:
        path, share = quoted(os.fsdecode(file.path)), _share(file.stored, file.size)[2:]
        rows.append([path, size(file.size), size(file.stored), share, file.why])
    _table(ui, ["file", "bytes", "stored", "share", "why"], rows, last_left=True)


def _share(stored: int, of: int) -> str:
    return f", {stored / of:.1%}".replace("%", " %") if of else ""


def _table(ui: Ui, head: list[str], rows: list[list[str]], *, last_left: bool = False) -> None:
    """Prints rows in columns after an empty line: names to the left, numbers to the right; nothing of no rows."""
    if not rows:
        return
    widths = [max(len(line[column]) for line in (head, *rows)) for column in range(len(head))]
    ui.line()
    for line in (head, *rows):
        cells = [
            cell.ljust(width) if not column or (last_left and column == len(head) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        ui.line("  ".join(cells).rstrip())
