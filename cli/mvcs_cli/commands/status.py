"""mvcs status."""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

import click

from mvcs_cli.ui import Ui, quoted
from mvcs_cli.verb import verb

if TYPE_CHECKING:
    from mvcs.api.results import Status

COLOURS = {"added": "green", "deleted": "red", "modified": "yellow", "moved": "cyan", "mode": "yellow"}
SHOWN = 20


@verb("status")
@click.option("--untracked", is_flag=True, help="List every file that no pattern matches.")
def command(ui: Ui, *, untracked: bool) -> None:
    """What changed since HEAD, what is stale, what is untracked."""
    repo = ui.repo()
    found = repo.status()
    paths = [quoted(os.fsdecode(change.path)) for change in found.changes]
    ui.answer("status", found.to_dict(), people=lambda: _people(ui, found, every=untracked), quiet=paths)


def _people(ui: Ui, found: Status, *, every: bool) -> None:
    head = found.head
    where = f"branch {head.shown}" if head.branch is not None else "no branch"
    at = f" at {head.commit.hex()[:12]}" if head.commit is not None else ", no commit yet"
    if head.commit is None and head.start is not None:
        at = f", starting from {head.start.hex()[:12]}"
    ui.line(f"Model {found.model}, {where}{at}{' (follows Git)' if found.follows_git else ''}")
    if found.merging is not None:
        kind, name, count = found.merging
        todo = f"{count} conflict(s) left: mvcs conflicts" if count else "all conflicts settled: mvcs commit"
        ui.line(f"  {kind} of {name} in progress, {todo} (or mvcs merge --abort)", fg="yellow")
    if found.unmerged:
        paths = ", ".join(map(quoted, found.unmerged[:SHOWN])) + (", ..." if len(found.unmerged) > SHOWN else "")
        ui.line(f"  Git's own merge has conflicts in {paths}. Next: git mergetool, git commit", fg="yellow")
    elif head.other is not None:
        name = head.shown
        at = head.other.hex()[:12]
        ui.line(f"  Git made the branch {quoted(name)} anew; mvcs has one of that name at {at}.", fg="yellow")
        keep = f"mvcs branch -m {quote(name)} {quote(name + '-old')}"
        ui.line(f"  Next: {keep}, or mvcs merge {quote(name)} to go on with it", fg="yellow")
    elif found.left_over is not None:
        ui.line(f"  These files are still those of {quoted(found.left_over[0])}. Next: mvcs checkout", fg="yellow")
    elif found.due:
        ui.line(f"  Git has merged {', '.join(found.due)}. Next: mvcs merge {found.due[0]}", fg="yellow")
    by_ingredient: dict[str, list[str]] = {}
    for change in found.changes:
        mark = ui.style(f"{change.change:<9}", fg=COLOURS[change.change])
        by_ingredient.setdefault(change.ingredient, []).append(f"    {mark} {quoted(os.fsdecode(change.path))}")
    for ingredient, lines in by_ingredient.items():
        ui.line(f"  {ingredient}:", bold=True)
        for line in lines if every else lines[:SHOWN]:
            ui.line(line)
        if len(lines) > SHOWN and not every:
            ui.line(f"    ... and {len(lines) - SHOWN} more")
    if "weights" in found.stale:
        ui.line("  The weights are stale: the recipe changed and they did not. Retrain, then: mvcs commit", fg="red")
        ui.line("  (or, if they do come from this recipe: mvcs commit --trained)")
    if "metrics" in found.stale:
        ui.line("  The metrics are stale: they were measured on other weights.", fg="red")
    if found.complete is not None and found.complete.lacking:
        ui.line(f"  To make HEAD's model again there are {found.complete} (mvcs show)")
    _others(ui, found, every=every)
    for problem in found.problems:
        ui.warn(f"{problem.message} (hint: {problem.hint})")
    if found.merging is not None:
        return  # what is next stands above
    if found.clean:
        ui.line("Clean: the files are what HEAD has." if head.base is not None else "Nothing belongs to the model yet.")
    elif not (found.due or found.unmerged or found.left_over or head.other):  # else what is next stands above
        ui.line('Next: mvcs commit -m "..."')


def _others(ui: Ui, found: Status, *, every: bool) -> None:
    if found.left_out:
        ui.line(f"  left out as older checkpoints: {len(found.left_out)} (mvcs.toml: [capture] checkpoints)")
    if found.others:
        ui.line("  untracked (mvcs add PATH --as INGREDIENT, or .mvcsignore):")
        for path in found.others if every else found.others[:SHOWN]:
            ui.line(f"    {quoted(path)}")
        if len(found.others) > SHOWN and not every:
            ui.line(f"    ... and {len(found.others) - SHOWN} more: mvcs status --untracked")
